#!/usr/bin/env python3
"""Device management over OBEX by libopenobex."""
import ctypes
import sys

import obex_dialogue
from obex_dialogue import Refused

# openobex/obex.h and openobex/obex_const.h
TRANSPORT_FD = 5
CONNECT, DISCONNECT, PUT, GET = range(4)
EVENT_DONE = 3
EVENTS_BROKEN = (4, 5)  # link error, parse error
HEADER_TYPE, HEADER_TARGET, HEADER_HTTP, HEADER_BODY = 0x42, 0x46, 0x47, 0x48
HEADER_LENGTH, HEADER_CONNECTION = 0xC3, 0xCB
SUCCESS = range(0x20, 0x27)
TIMEOUT = 150

POINTER, INT = ctypes.c_void_p, ctypes.c_int
EVENT = ctypes.CFUNCTYPE(None, POINTER, POINTER, INT, INT, INT, INT)


def load():
    library = ctypes.CDLL("libopenobex.so.2")
    library.OBEX_Init.restype = POINTER
    library.OBEX_Init.argtypes = [INT, EVENT, ctypes.c_uint]
    library.OBEX_SetTransportMTU.argtypes = [POINTER, ctypes.c_uint16, ctypes.c_uint16]
    library.FdOBEX_TransportSetup.argtypes = [POINTER, INT, INT, INT]
    library.OBEX_ObjectNew.restype = POINTER
    library.OBEX_ObjectNew.argtypes = [POINTER, ctypes.c_uint8]
    # The value is a union of a pointer and integers, which goes in one register.
    value, size = ctypes.c_uint64, ctypes.c_uint32
    library.OBEX_ObjectAddHeader.argtypes = [POINTER, POINTER, ctypes.c_uint8, value, size, ctypes.c_uint]
    header, value, size = map(ctypes.POINTER, (ctypes.c_uint8, value, size))
    library.OBEX_ObjectGetNextHeader.argtypes = [POINTER, POINTER, header, value, size]
    library.OBEX_Request.argtypes = [POINTER, POINTER]
    library.OBEX_HandleInput.argtypes = [POINTER, INT]
    return library


class Client:
    def __init__(self, line, mtu):
        self.obex, self.line, self.connection = load(), line, None
        self.result = None
        # The library keeps pointers to all of these.
        self.event, self.buffers = EVENT(self.happened), []
        self.handle = self.obex.OBEX_Init(TRANSPORT_FD, self.event, 0)
        if self.obex.OBEX_SetTransportMTU(self.handle, mtu, mtu) < 0:
            sys.exit("libopenobex takes no packets of this size")
        if self.obex.FdOBEX_TransportSetup(self.handle, line.fileno(), line.fileno(), 0) < 0:
            sys.exit("libopenobex does not take the line")

    def happened(self, _handle, answer, _mode, event, _command, code):
        if event == EVENT_DONE:
            self.result = (code, self.headers(answer))
        elif event in EVENTS_BROKEN:
            self.result = (None, {})

    def headers(self, answer):
        kind, value, size = ctypes.c_uint8(), ctypes.c_uint64(), ctypes.c_uint32()
        places = [ctypes.byref(place) for place in (kind, value, size)]
        found = {}
        while answer and self.obex.OBEX_ObjectGetNextHeader(self.handle, answer, *places) == 1:
            if kind.value & 0xC0 == 0xC0:
                found[kind.value] = value.value & 0xFFFFFFFF
            else:
                found[kind.value] = ctypes.string_at(value.value, size.value) if size.value else b""
        return found

    def add(self, request, kind, value):
        if isinstance(value, int):
            added = self.obex.OBEX_ObjectAddHeader(self.handle, request, kind, value, 4, 0)
        else:
            buffer = ctypes.create_string_buffer(value, max(len(value), 1))
            self.buffers.append(buffer)
            place = ctypes.addressof(buffer)
            added = self.obex.OBEX_ObjectAddHeader(self.handle, request, kind, place, len(value), 0)
        if added < 0:
            sys.exit(f"libopenobex takes no header 0x{kind:02X}")

    def request(self, name, opcode, headers):
        request = self.obex.OBEX_ObjectNew(self.handle, opcode)
        if self.connection is not None:
            self.add(request, HEADER_CONNECTION, self.connection)
        for kind, value in headers:
            self.add(request, kind, value)
        self.result = None
        if self.obex.OBEX_Request(self.handle, request) < 0:
            sys.exit(f"{name} cannot be sent")
        while self.result is None:
            # What it returns is about the packet; an answer that it does not like is told beside.
            handled = self.obex.OBEX_HandleInput(self.handle, TIMEOUT)
            if self.result is None and handled <= 0:
                sys.exit(f"{name} is not answered ({handled})")
        self.buffers.clear()
        code, found = self.result
        if code is None:
            sys.exit(f"the line has failed under {name}")
        if code not in SUCCESS:
            raise Refused(name, code | 0x80)
        return found

    def connect(self):
        found = self.request("CONNECT", CONNECT, [(HEADER_TARGET, b"SYNCML-DM")])
        self.connection = found[HEADER_CONNECTION]

    def put(self, kind, body, http):
        headers = [(HEADER_TYPE, kind.encode() + b"\0"), (HEADER_LENGTH, len(body))]
        if http:
            headers.append((HEADER_HTTP, http))
        self.request("PUT", PUT, headers + [(HEADER_BODY, body)])

    def get(self, kind):
        found = self.request("GET", GET, [(HEADER_TYPE, kind.encode() + b"\0")])
        return found.get(HEADER_BODY, b""), found.get(HEADER_HTTP)

    def disconnect(self):
        self.request("DISCONNECT", DISCONNECT, [])


if __name__ == "__main__":
    obex_dialogue.run(Client, obex_dialogue.__doc__)
