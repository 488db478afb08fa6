"""What 1 MiB takes over a bulk endpoint and no protocol: FunctionFS on one end, libusb on the other.

The gadget has one vendor's interface with a bulk pair. `out` goes to the device, which says when it has
all of it; `in` comes from it.
"""

import json
import os
import resource
import struct
import sys
import threading
import time

import usb.core
import usb.util

SIZE = 1 << 20
BLOCK = 64 * 1024
READ = 16 * 1024
VENDOR, PRODUCT = 0x1D6B, 0x0109


def interface():
    return struct.pack("<BBBBBBBBB", 9, 4, 0, 0, 2, 0xFF, 0, 0, 1)


def endpoint(address, packet):
    return struct.pack("<BBBBHB", 7, 5, address, 2, packet, 0)


def described(packet):
    return interface() + endpoint(0x81, packet) + endpoint(0x02, packet)


def function(path):
    """Describes the function; returns its files."""
    control = os.open(path + "/ep0", os.O_RDWR)
    full, high = described(64), described(512)
    body = struct.pack("<II", 3, 3) + full + high
    os.write(control, struct.pack("<III", 3, 12 + len(body), 1 | 2) + body)
    name = struct.pack("<H", 0x409) + b"copy\0"
    os.write(control, struct.pack("<IIII", 2, 16 + len(name), 1, 1) + name)
    return control, os.open(path + "/ep1", os.O_RDWR), os.open(path + "/ep2", os.O_RDWR)


def taking(outgoing, incoming):
    object = memoryview(bytearray(SIZE))
    have = 0
    while have < SIZE:
        have += os.readv(incoming, [object[have : have + READ]])
    os.write(outgoing, b"!")


def giving(outgoing, incoming):
    os.read(incoming, 512)
    octets = bytes(BLOCK)
    for _ in range(SIZE // BLOCK):
        os.write(outgoing, octets)


def send(to, back):
    octets = bytes(BLOCK)
    for _ in range(SIZE // BLOCK):
        to.write(octets)
    assert bytes(back.read(512)) == b"!"


def fetch(to, back):
    to.write(b"?")
    object = bytearray()
    while len(object) < SIZE:
        object += back.read(BLOCK)


def main(path, bound, udc, way):
    _control, *files = function(path)
    with open(bound, "w") as file:
        file.write(udc)
    device = giving if way == "in" else taking
    threading.Thread(target=device, args=files, daemon=True).start()
    found = None
    while found is None:
        time.sleep(0.1)
        found = usb.core.find(idVendor=VENDOR, idProduct=PRODUCT)
    # The kernel has chosen the configuration: to choose it again would end the transfer that waits.
    ends = list(found.get_active_configuration()[(0, 0)])
    usb.util.claim_interface(found, 0)
    back, to = sorted(ends, key=lambda end: end.bEndpointAddress & 0x80, reverse=True)
    began = time.monotonic()
    (fetch if way == "in" else send)(to, back)
    seconds = time.monotonic() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    figures = {
        "seconds": seconds,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_kib": used.ru_maxrss,
    }
    print(json.dumps(figures))
    with open(bound, "w") as file:
        file.write("\n")


main(*sys.argv[1:])
