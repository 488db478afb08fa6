"""An agent that agrees to every pairing and every service: foreign programs have none."""

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

AGENT = "org.bluez.Agent1"
PATH = "/lab/agent"


class Agreeing(dbus.service.Object):
    @dbus.service.method(AGENT, in_signature="ou")
    def RequestConfirmation(self, device, passkey):
        pass

    @dbus.service.method(AGENT, in_signature="o")
    def RequestAuthorization(self, device):
        pass

    @dbus.service.method(AGENT, in_signature="os")
    def AuthorizeService(self, device, uuid):
        pass

    @dbus.service.method(AGENT)
    def Cancel(self):
        pass

    @dbus.service.method(AGENT)
    def Release(self):
        pass


dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.SystemBus()
agent = Agreeing(bus, PATH)
known = dbus.Interface(bus.get_object("org.bluez", "/org/bluez"), "org.bluez.AgentManager1")
known.RegisterAgent(PATH, "NoInputNoOutput")
known.RequestDefaultAgent(PATH)
GLib.MainLoop().run()
