"""answer.py QUESTION ANSWER COMMAND…: runs it on a terminal; when it shows QUESTION, ANSWER is typed.

Prints what the terminal showed, and ends as the command did.
"""

import os
import pty
import sys


def main(question, answer, *command):
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(command[0], command)
    shown = b""
    asked = False
    while True:
        try:
            octets = os.read(terminal, 4096)
        except OSError:
            # The command has closed its side.
            break
        if not octets:
            break
        shown += octets
        if not asked and question.encode() in shown:
            asked = True
            os.write(terminal, answer.encode() + b"\r")
    sys.stdout.write(shown.decode(errors="replace").replace("\r\n", "\n"))
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status) % 256)


main(*sys.argv[1:])
