"""mux.py PORT initiator|responder: multiplexes a serial line (3GPP TS 27.010, basic mode).

Prints the path of the first channel and holds the line until it is ended.
"""

import fcntl
import os
import signal
import struct
import sys
import termios
import tty

N_GSM0710 = 21
TIOCSETD = 0x5423
# struct gsm_config of linux/gsmmux.h: adaption, encapsulation, initiator, t1, t2, t3, n2, mru, mtu,
# k, i and eight that are reserved. T1 and T2 are in units of ten milliseconds.
CONFIG = struct.Struct("19I")
GSMIOC_GETCONF = 2 << 30 | CONFIG.size << 16 | ord("G") << 8 | 0
GSMIOC_SETCONF = 1 << 30 | CONFIG.size << 16 | ord("G") << 8 | 1
GSMIOC_GETFIRST = 2 << 30 | 4 << 16 | ord("G") << 8 | 4

# Data without a header, frames with a length.
UNSTRUCTURED = 1
BASIC_MODE = 0


def main():
    path, role = sys.argv[1:]
    port = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(port)
    fcntl.ioctl(port, TIOCSETD, struct.pack("i", N_GSM0710))
    config = list(CONFIG.unpack(fcntl.ioctl(port, GSMIOC_GETCONF, bytes(CONFIG.size))))
    config[:3] = UNSTRUCTURED, BASIC_MODE, int(role == "initiator")
    # The kernel offers a window of two frames, and refuses every window but none.
    config[9] = 0
    fcntl.ioctl(port, GSMIOC_SETCONF, CONFIG.pack(*config))
    (first,) = struct.unpack("I", fcntl.ioctl(port, GSMIOC_GETFIRST, bytes(4)))
    print(f"/dev/gsmtty{first}", flush=True)
    signal.pause()


main()
