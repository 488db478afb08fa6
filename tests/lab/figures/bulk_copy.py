"""What 1 MiB takes over a bulk endpoint and no protocol: FunctionFS on one end, libusb on the other.

The gadget has one vendor's interface with a bulk pair. The reader says when it has all of it, as the
other contestants do.
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
WRITTEN = 64 * 1024
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


def device(incoming, outgoing):
    left = SIZE
    while left:
        left -= len(os.read(incoming, READ))
    os.write(outgoing, b"!")


def main(path, udc, bound):
    _control, outgoing, incoming = function(path)
    with open(bound, "w") as file:
        file.write(udc)
    reader = threading.Thread(target=device, args=(incoming, outgoing), daemon=True)
    reader.start()
    found = None
    while found is None:
        time.sleep(0.1)
        found = usb.core.find(idVendor=VENDOR, idProduct=PRODUCT)
    found.set_configuration()
    usb.util.claim_interface(found, 0)
    octets = bytes(WRITTEN)
    began = time.monotonic()
    for _ in range(SIZE // WRITTEN):
        found.write(0x02, octets)
    assert bytes(found.read(0x81, 512)) == b"!"
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
