"""A Device Management Server that meets its device over OBEX, whatever OBEX stack carries it.

  CLIENT LINE session --type T --package0 FILE --server URL [--log FOLDER]
  CLIENT LINE session --type T --package0 FILE --answers FILE... [--log FOLDER]
  CLIENT LINE put TYPE FILE
  CLIENT LINE get TYPE FILE

LINE is unix:PATH, tcp:HOST:PORT or tty:PATH; --mtu N bounds the packets. A session stores Package 0 and then
fetches the device's messages and stores the answers: those of the server behind URL, or the files in turn.
With --log, every message is kept as a file. It prints how often each was done, or the seconds that one
object took.
"""
import argparse
import os
import pathlib
import socket
import subprocess
import sys
import termios
import time
import tty
import urllib.request
import xml.etree.ElementTree

NOTIFICATION = "application/vnd.syncml.notification"
HMAC = "x-syncml-hmac"


class Refused(Exception):
    """The device answers with this code."""

    def __init__(self, request, code):
        super().__init__(f"{request} is answered with 0x{code:02X}")
        self.code = code


def open_line(where):
    """A connected socket, or the descriptor of a terminal in raw mode."""
    kind, _, place = where.partition(":")
    if kind == "unix":
        line = socket.socket(socket.AF_UNIX)
        line.connect(place)
        return line
    if kind == "tcp":
        host, _, port = place.rpartition(":")
        line = socket.create_connection((host.strip("[]"), int(port)))
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return line
    descriptor = os.open(place, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(descriptor)
    termios.tcflush(descriptor, termios.TCIOFLUSH)
    return Terminal(descriptor)


class Terminal:
    """A terminal with the methods of a socket."""

    def __init__(self, descriptor):
        self.descriptor = descriptor

    def fileno(self):
        return self.descriptor

    def recv(self, count, flags=0):
        octets = b""
        while piece := os.read(self.descriptor, count - len(octets)):
            octets += piece
            if len(octets) == count or not flags & socket.MSG_WAITALL:
                break
        return octets

    def sendall(self, octets):
        while octets:
            octets = octets[os.write(self.descriptor, octets):]


def as_xml(kind, message):
    """The element tree of a message; WBXML is read by another program."""
    if "wbxml" in kind:
        read = subprocess.run(["wbxml2xml", "-o", "-", "-"], input=message, capture_output=True, check=True)
        message = read.stdout
    return xml.etree.ElementTree.fromstring(message)


def local(element):
    return element.tag.rpartition("}")[2]


class Canned:
    """Answers with files, in turn; the last one ends the session."""

    def __init__(self, files):
        self.files = list(files)

    def answer(self, kind, message, http):
        return pathlib.Path(self.files.pop(0)).read_bytes(), None, bool(self.files)


class Server:
    """Answers with what a Device Management Server says over HTTP."""

    def __init__(self, url):
        self.url = url

    def answer(self, kind, message, http):
        headers = {"Content-Type": kind}
        for line in (http or b"").decode("latin1").splitlines():
            name, _, value = line.partition(":")
            if name.strip().lower() == HMAC:
                headers[HMAC] = value.strip(" \0")
        request = urllib.request.Request(self.url, data=message, headers=headers)
        with urllib.request.urlopen(request, timeout=20) as response:
            body, proof = response.read(), response.headers.get(HMAC)
        tree = as_xml(kind, body)
        uri = [one.text for one in tree.iter() if local(one) == "RespURI"]
        self.url = uri[0] if uri else self.url
        children = [one for part in tree if local(part) == "SyncBody" for one in part]
        goes_on = any(local(one) not in ("Status", "Final") for one in children)
        # Whoever is challenged says it again.
        codes = [one.text for child in children if local(child) == "Status" for one in child if local(one) == "Data"]
        goes_on |= any(code in ("401", "407") for code in codes)
        return body, f"{HMAC}: {proof}\r\n".encode() if proof else None, goes_on


def session(client, options):
    """Stores Package 0, then fetches and stores until the server has nothing more to say."""
    brain = Server(options.server) if options.server else Canned(options.answers)
    kept = 0

    def keep(what, octets):
        nonlocal kept
        if options.log:
            kept += 1
            pathlib.Path(options.log, f"{kept:02}-{what}").write_bytes(octets)

    client.put(NOTIFICATION, pathlib.Path(options.package0).read_bytes(), None)
    rounds, goes_on = 0, True
    while goes_on:
        message, http = client.get(options.type)
        keep("device", message)
        answer, proof, goes_on = brain.answer(options.type, message, http)
        keep("server", answer)
        client.put(options.type, answer, proof)
        rounds += 1
    print(f"rounds: {rounds}")


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("line")
    parser.add_argument("--mtu", type=int, default=1024)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("session")
    verb.add_argument("--type", required=True)
    verb.add_argument("--package0", required=True)
    verb.add_argument("--server")
    verb.add_argument("--answers", nargs="+")
    verb.add_argument("--log")
    for name in ("put", "get"):
        verb = verbs.add_parser(name)
        verb.add_argument("type")
        verb.add_argument("file", type=pathlib.Path)
    return parser.parse_args()


def run(make_client, description):
    """Does what the command line says with the client of a stack."""
    options = arguments(description)
    client = make_client(open_line(options.line), options.mtu)
    try:
        client.connect()
        began = time.monotonic()
        if options.verb == "session":
            session(client, options)
        elif options.verb == "put":
            client.put(options.type, options.file.read_bytes(), None)
            print(f"seconds: {time.monotonic() - began}")
        else:
            message, _ = client.get(options.type)
            print(f"seconds: {time.monotonic() - began}")
            options.file.write_bytes(message)
        client.disconnect()
    except Refused as refused:
        sys.exit(str(refused))
