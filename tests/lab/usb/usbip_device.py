#!/usr/bin/env python3
"""A USB device in user space with a complete OBEX function, for `usbip attach`.

usbip_device.py SOCKET CUT

Serves one device by the USB/IP protocol on 127.0.0.1:3240 (Documentation/usb/usbip_protocol.rst): its function has
the functional descriptors and alternate settings of USB WMC 1.1, which a gadget of the kernel cannot have. Each time
the host selects the alternate setting with the bulk pair, SOCKET is connected to, and octets go both ways until the
host selects the other. What happens is told in lines on standard output. While the file CUT exists, the device is
pulled out when the host has read something for the third time, which removes the file.
"""

import pathlib
import select
import socket
import struct
import sys
import uuid

PACKET = 512
BULK_IN, BULK_OUT = 0x81, 0x02
ESHUTDOWN, EPIPE, ECONNRESET = 108, 32, 104
BUS_ID = b"1-1"
STRINGS = ["", "omadm lab", "OBEX over USB/IP", "lab-0001", "SYNCML-DM"]
# The default service of OBEX servers.
SERVICE = uuid.UUID("02aeb320-f649-11da-974d-0800200c9a66")


def descriptor(*fields):
    body = b"".join(field if isinstance(field, bytes) else bytes([field]) for field in fields)
    return bytes([len(body) + 1]) + body


def u16(number):
    return struct.pack("<H", number)


def interface(number, alternate, endpoints, of_class, subclass, name=0):
    return descriptor(4, number, alternate, endpoints, of_class, subclass, 0, name)


INTERFACES = b"".join(
    [
        interface(0, 0, 0, 0x02, 0x0B, 4),
        descriptor(0x24, 0x00, u16(0x0120)),
        descriptor(0x24, 0x15, u16(0x0100)),
        descriptor(0x24, 0x06, 0, 1),
        descriptor(0x24, 0x19, 0x01, SERVICE.bytes, u16(0x0100)),
        interface(1, 0, 0, 0x0A, 0),
        interface(1, 1, 2, 0x0A, 0),
        descriptor(5, BULK_OUT, 2, u16(PACKET), 0),
        descriptor(5, BULK_IN, 2, u16(PACKET), 0),
    ]
)
CONFIGURATION = descriptor(2, u16(9 + len(INTERFACES)), 2, 1, 0, 0xC0, 1) + INTERFACES
DEVICE = descriptor(1, u16(0x0200), 2, 0, 0, 64, u16(0x1D6B), u16(0x0107), u16(0x0100), 1, 2, 3, 1)


def string(index):
    if index == 0:
        return descriptor(3, u16(0x0409))
    if index < len(STRINGS):
        return descriptor(3, STRINGS[index].encode("utf-16le"))
    return None


def get_descriptor(value):
    kind, index = value >> 8, value & 0xFF
    return {1: DEVICE, 2: CONFIGURATION, 3: string(index)}.get(kind)


def device_record():
    path = b"/sys/devices/lab/usb1/1-1".ljust(256, b"\0")
    numbers = struct.pack(">IIIHHHBBBBBB", 1, 2, 3, 0x1D6B, 0x0107, 0x0100, 2, 0, 0, 1, 1, 2)
    return path + BUS_ID.ljust(32, b"\0") + numbers


def say(text):
    print(text, flush=True)


class Gone(Exception):
    """The host's connection has ended."""


class Device:
    def __init__(self, host, path, cut):
        self.host = host
        self.path = path
        self.cut = cut
        self.reads = 0
        self.line = None
        self.pending = []  # (sequence number, octets wanted) of reads, oldest first
        self.held = b""  # what came from the line and is not yet read
        self.ended = False  # the line has hung up: nothing follows what is held
        self.sent_whole = False  # the last transfer was a multiple of the packet

    def exact(self, count):
        octets = b""
        while len(octets) < count:
            more = self.host.recv(count - len(octets))
            if not more:
                raise Gone
            octets += more
        return octets

    def run(self):
        while True:
            watched = [self.host]
            # As a real device, it takes no more from the line than the host asks for.
            if self.line and not self.ended and len(self.held) < 65536:
                watched.append(self.line)
            ready, _, _ = select.select(watched, [], [])
            if self.host in ready:
                self.request()
            if self.line and self.line in ready:
                self.from_line()
            self.give()

    def request(self):
        command, sequence, _, direction, endpoint = struct.unpack(">IIIII", self.exact(20))
        rest = self.exact(28)
        if command == 2:
            self.unlink(sequence, struct.unpack(">I", rest[:4])[0])
            return
        length = struct.unpack(">Ii", rest[:8])[1]
        setup = rest[20:]
        out = self.exact(length) if direction == 0 else b""
        if endpoint == 0:
            self.control(sequence, setup)
        elif not self.line:
            self.answer(sequence, b"", -EPIPE)
        elif direction == 0:
            self.to_line(sequence, out)
        else:
            self.pending.append((sequence, length))

    def unlink(self, sequence, wanted):
        known = [entry for entry in self.pending if entry[0] == wanted]
        self.pending = [entry for entry in self.pending if entry[0] != wanted]
        status = -ECONNRESET if known else 0
        self.host.sendall(struct.pack(">IIIIIi", 4, sequence, 0, 0, 0, status) + bytes(24))

    def answer(self, sequence, data, status=0, count=None):
        count = len(data) if count is None else count
        header = struct.pack(">IIIIIiiiii", 3, sequence, 0, 0, 0, status, count, 0, 0, 0)
        self.host.sendall(header + bytes(8) + data)

    def control(self, sequence, setup):
        kind, request, value, index, length = struct.unpack("<BBHHH", setup)
        if (kind, request) == (0x80, 6):
            found = get_descriptor(value)
            self.answer(sequence, found[:length] if found else b"", 0 if found else -EPIPE)
            return
        if (kind, request, index) == (0x01, 11, 1):
            self.select(value)
        self.answer(sequence, b"")

    def select(self, alternate):
        say(f"alternate {alternate}")
        self.close()
        self.reads = 0
        if alternate == 1:
            self.line = socket.socket(socket.AF_UNIX)
            self.line.connect(self.path)

    def close(self):
        if self.line:
            self.line.close()
        self.line, self.held, self.ended = None, b"", False
        for sequence, _ in self.pending:
            self.answer(sequence, b"", -ESHUTDOWN)
        self.pending = []

    def to_line(self, sequence, out):
        say(f"transfer {len(out)}")
        try:
            self.line.sendall(out)
        except OSError:
            self.ended = True
        self.answer(sequence, b"", count=len(out))

    def from_line(self):
        try:
            octets = self.line.recv(65536)
        except OSError:
            octets = b""
        self.held += octets
        self.ended = not octets

    def give(self):
        while self.pending and (self.held or self.sent_whole):
            sequence, wanted = self.pending.pop(0)
            data, self.held = self.held[:wanted], self.held[wanted:]
            # A transfer of whole packets ends with an empty one. The host sees it by itself when the rest is just as
            # long as what it has asked for.
            self.sent_whole = len(data) == wanted and wanted % PACKET == 0 and not self.held
            self.answer(sequence, data)
            self.reads += 1
            if self.reads >= 3 and self.cut.exists():
                self.cut.unlink()
                raise Gone


def attached(host, path, cut):
    device = Device(host, path, cut)
    _, operation, _ = struct.unpack(">HHI", device.exact(8))
    if operation == 0x8005:
        kinds = bytes([0x02, 0x0B, 0, 0, 0x0A, 0, 0, 0])
        host.sendall(struct.pack(">HHII", 0x0111, 5, 0, 1) + device_record() + kinds)
        return
    device.exact(32)
    host.sendall(struct.pack(">HHI", 0x0111, 3, 0) + device_record())
    say("attached")
    try:
        device.run()
    finally:
        if device.line:
            device.line.close()
        say("detached")


def main():
    listener = socket.create_server(("127.0.0.1", 3240))
    say("listening")
    while True:
        host, _ = listener.accept()
        host.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            attached(host, sys.argv[1], pathlib.Path(sys.argv[2]))
        except (Gone, OSError) as ended:
            say(f"ended: {ended!r}")
        host.close()


main()
