"""Stands for a Python that has loaded everything (`loaded.py`): hands its arguments, environment and streams over, and ends as the copy does.

It is started for each program, so that it loads as little as can be.
"""

import json
import os
import socket
import sys

with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(sys.argv[1])
    wanted = {"arguments": sys.argv[2:], "environment": dict(os.environ), "directory": os.getcwd()}
    message = json.dumps(wanted).encode() + b"\n"
    sent = socket.send_fds(connection, [message], [0, 1, 2])
    connection.sendall(message[sent:])
    code = int(connection.recv(16) or b"255")
# A signal ends it as it ended the program.
if code < 0:
    os.kill(os.getpid(), -code)
os._exit(code)
