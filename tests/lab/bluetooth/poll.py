# poll.py OWN PEER CHANNEL [stall]: a server that says nothing of who it is. It asks a device for its first message over
# OBEX, answers it with a Get and no credential, and prints the Statuses in what the device says next. With stall
# it says nothing after the first message, and waits for the end of the line.
import re
import socket
import struct
import sys

OK, CONTINUE = 0xA0, 0x90
TYPE = b"application/vnd.syncml.dm+xml\0"
own, peer, channel = sys.argv[1], sys.argv[2], int(sys.argv[3])
line = socket.socket(socket.AF_BLUETOOTH, socket.SOCK_STREAM, socket.BTPROTO_RFCOMM)
SOL_BLUETOOTH, BT_SECURITY, BT_SECURITY_MEDIUM = 274, 4, 2
line.setsockopt(SOL_BLUETOOTH, BT_SECURITY, struct.pack("BB", BT_SECURITY_MEDIUM, 0))
line.settimeout(30)
line.bind((own, 0))
line.connect((peer, channel))


def header(name, value):
    return struct.pack(">BH", name, len(value) + 3) + value


def exactly(count):
    octets = b""
    while len(octets) < count:
        octets += line.recv(count - len(octets)) or sys.exit("the device has hung up")
    return octets


def ask(code, content):
    line.sendall(struct.pack(">BH", code, len(content) + 3) + content)
    answer, length = struct.unpack(">BH", exactly(3))
    return answer, exactly(length - 3)


def body(headers):
    found, at = b"", 0
    while at < len(headers):
        name = headers[at]
        if name >> 6 >= 2:
            at += 5 if name >> 6 == 3 else 2
            continue
        (length,) = struct.unpack(">H", headers[at + 1 : at + 3])
        if name in (0x48, 0x49):
            found += headers[at + 3 : at + length]
        at += length
    return found


def get():
    code, headers = ask(0x83, connection + header(0x42, TYPE))
    message = body(headers)
    while code == CONTINUE:
        code, headers = ask(0x83, connection)
        message += body(headers)
    assert code == OK, hex(code)
    return message.decode()


def put(message):
    code, _ = ask(0x82, connection + header(0x42, TYPE) + header(0x49, message.encode()))
    assert code == OK, hex(code)


code, headers = ask(0x80, b"\x10\x00\xff\xff" + header(0x46, b"SYNCML-DM"))
assert code == OK, hex(code)
connection = headers[headers.index(0xCB, 4) :][:5]
first = get()
session = re.search("<SessionID>(.*?)</SessionID>", first).group(1)
if sys.argv[4:]:
    print("first message", flush=True)
    try:
        over = line.recv(1) == b""
    except OSError as error:
        over = not isinstance(error, TimeoutError)
    print("the line is over" if over else "the line goes on")
    sys.exit(0 if over else 1)
device = re.search("<Source><LocURI>(.*?)</LocURI>", first).group(1)
put(
    "<?xml version='1.0' encoding='UTF-8'?><SyncML xmlns='SYNCML:SYNCML1.2'><SyncHdr><VerDTD>1.2</VerDTD>"
    f"<VerProto>DM/1.2</VerProto><SessionID>{session}</SessionID><MsgID>1</MsgID>"
    f"<Target><LocURI>{device}</LocURI></Target><Source><LocURI>lab.example</LocURI></Source></SyncHdr><SyncBody>"
    "<Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>212</Data></Status>"
    "<Status><CmdID>2</CmdID><MsgRef>1</MsgRef><CmdRef>1</CmdRef><Cmd>Alert</Cmd><Data>200</Data></Status>"
    "<Status><CmdID>3</CmdID><MsgRef>1</MsgRef><CmdRef>2</CmdRef><Cmd>Replace</Cmd><Data>200</Data></Status>"
    "<Get><CmdID>4</CmdID><Item><Target><LocURI>./DevInfo/DevId</LocURI></Target></Item></Get>"
    "<Final/></SyncBody></SyncML>"
)
second = get()
for status in re.findall("<Status>(.*?)</Status>", second):
    print(re.search("<Cmd>(.*?)</Cmd>", status).group(1), re.search("<Data>(.*?)</Data>", status).group(1))
put(
    "<?xml version='1.0' encoding='UTF-8'?><SyncML xmlns='SYNCML:SYNCML1.2'><SyncHdr><VerDTD>1.2</VerDTD>"
    f"<VerProto>DM/1.2</VerProto><SessionID>{session}</SessionID><MsgID>2</MsgID>"
    f"<Target><LocURI>{device}</LocURI></Target><Source><LocURI>lab.example</LocURI></Source></SyncHdr><SyncBody>"
    "<Status><CmdID>1</CmdID><MsgRef>2</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>212</Data></Status>"
    "<Final/></SyncBody></SyncML>"
)
ask(0x81, connection)
