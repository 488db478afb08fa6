"""talk.py PORT MONITOR CABLE: a terminal that enters OBEX and leaves it by a BREAK, as JSON.

The BREAK is one that QEMU's UART makes at the other end of the cable.
"""

import json
import sys
import time

import serial


def ask(port, text, seconds=2):
    port.write(text.encode())
    return heard(port, seconds)


def heard(port, seconds):
    """What comes until nothing has come for a while."""
    port.timeout = seconds
    told = port.read(1)
    port.timeout = 0.5
    while more := port.read(64):
        told += more
    return told.decode("latin-1")


def main():
    path, monitor, cable = sys.argv[1:]
    with serial.Serial(path, 115200) as port:
        told = {"before": ask(port, "AT\r"), "entered": ask(port, "AT+CPROT=0\r")}
        with open(monitor, "w") as line:
            line.write(f"\nchardev-send-break {cable}\n")
        told["break"] = heard(port, 5)
        time.sleep(0.5)
        told["after"] = ask(port, "AT\r")
    print(json.dumps(told))


main()
