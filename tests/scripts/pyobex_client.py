#!/usr/bin/env python3
"""Device management over OBEX by PyOBEX."""
import sys
import types

import obex_dialogue
from obex_dialogue import Refused

# PyOBEX wants a Bluetooth library even for other sockets.
STAND_IN = types.ModuleType("bluetooth")
STAND_IN.BluetoothSocket, STAND_IN.RFCOMM = object, 3
sys.modules.setdefault("bluetooth", STAND_IN)

from PyOBEX import client, headers, responses  # noqa: E402


class Client:
    def __init__(self, line, mtu):
        # Its own name for the peer means nothing on a line that stands.
        self.inner = client.Client("", 0)
        self.inner.max_packet_length = mtu
        self.inner.set_socket(line)

    @staticmethod
    def checked(name, response):
        if not isinstance(response, (responses.Success, responses.ConnectSuccess)):
            raise Refused(name, response.code)

    def connect(self):
        target = headers.Target(b"SYNCML-DM")
        self.checked("CONNECT", self.inner.connect(header_list=[target]))

    def put(self, kind, body, http):
        more = [headers.Type(kind.encode() + b"\0")]
        if http:
            more.append(headers.HTTP(http))
        self.checked("PUT", self.inner.put("message", body, header_list=more))

    def get(self, kind):
        answer = self.inner.get(None, header_list=[headers.Type(kind.encode() + b"\0")])
        if not isinstance(answer, tuple):
            raise Refused("GET", answer.code)
        found, body = answer
        http = [one.data for one in found if isinstance(one, headers.HTTP)]
        return body, http[0] if http else None

    def disconnect(self):
        self.checked("DISCONNECT", self.inner.disconnect())


if __name__ == "__main__":
    obex_dialogue.run(Client, obex_dialogue.__doc__)
