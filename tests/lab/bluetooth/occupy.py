# occupy.py ADDRESS CHANNEL: listens on an RFCOMM channel of an adapter until it is ended.
import signal
import socket
import sys

listener = socket.socket(socket.AF_BLUETOOTH, socket.SOCK_STREAM, socket.BTPROTO_RFCOMM)
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.listen(1)
print("listens", flush=True)
signal.pause()
