#!/usr/bin/env python3
"""Device management over USB by libopenobex: as libopenobex_client.py, with `usb` as LINE.

Takes the first OBEX function of any device that libopenobex finds.
"""
import ctypes
import sys

import libopenobex_client
import obex_dialogue

# openobex/obex_const.h
TRANSPORT_USB = 6


# Empty packets in a row that end nothing.
EMPTY = 8


class Patient:
    """The library, for which an empty packet, with which transfers may end, is no silence."""

    def __init__(self, library):
        self.openobex = library

    def __getattr__(self, name):
        return getattr(self.openobex, name)

    def OBEX_HandleInput(self, handle, seconds):
        for _ in range(EMPTY):
            handled = self.openobex.OBEX_HandleInput(handle, seconds)
            if handled != 0:
                break
        return handled


class UsbClient(libopenobex_client.Client):
    def __init__(self, _line, mtu):
        self.obex, self.connection, self.result = Patient(libopenobex_client.load()), None, None
        self.obex.OBEX_EnumerateInterfaces.argtypes = [ctypes.c_void_p]
        self.obex.OBEX_GetInterfaceByIndex.restype = ctypes.c_void_p
        self.obex.OBEX_GetInterfaceByIndex.argtypes = [ctypes.c_void_p, ctypes.c_int]
        self.obex.OBEX_InterfaceConnect.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        self.event, self.buffers = libopenobex_client.EVENT(self.happened), []
        self.handle = self.obex.OBEX_Init(TRANSPORT_USB, self.event, 0)
        if not self.handle:
            sys.exit("libopenobex cannot do USB")
        self.obex.OBEX_SetTransportMTU(self.handle, mtu, mtu)
        found = self.obex.OBEX_EnumerateInterfaces(self.handle)
        print(f"functions: {found}", flush=True)
        if found < 1:
            sys.exit("libopenobex finds no OBEX function")
        interface = self.obex.OBEX_GetInterfaceByIndex(self.handle, 0)
        if self.obex.OBEX_InterfaceConnect(self.handle, interface) < 0:
            sys.exit("libopenobex cannot connect to the function")


if __name__ == "__main__":
    obex_dialogue.open_line = lambda where: None
    obex_dialogue.run(UsbClient, __doc__)
