"""A Python that has loaded what its programs use, and copies itself for each of them: that takes them longer than what they are for.

`start` gives the words of a command line that stands for that Python's own: `[*words, program, arguments...]`, or without a program
what comes by standard input. Must know nothing of the programs.
"""

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import types

COPY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "loaded_copy.py")
# Of arguments and environment; the kernel's own limit for both is 2 MB.
LARGEST = 1 << 22


def start(python, *modules):
    """That Python with these modules, for as long as this program runs."""
    directory = tempfile.TemporaryDirectory(prefix="conformance-loaded-")
    atexit.register(directory.cleanup)
    door = os.path.join(directory.name, "door")
    server = subprocess.Popen([python, __file__, door, *modules], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    atexit.register(server.wait)
    atexit.register(server.terminate)
    if not server.stdout.readline():
        raise AssertionError(f"{python} cannot load {', '.join(modules)}")
    return [sys.executable, "-IS", COPY, door]


def serve(door, modules):
    for module in modules:
        __import__(module)
    # This program's own folder is none of its copies'.
    sys.path.remove(os.path.dirname(COPY))
    # A copy that looks for garbage among what it shares would have to copy all of it.
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(door)
    listener.listen()
    # Nobody waits for the copies that only wait for theirs.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            return answer(connection)
        connection.close()


def answer(connection):
    """Comes back in the copy that is the program, only."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    received, streams, _, _ = socket.recv_fds(connection, LARGEST, 3)
    while not received.endswith(b"\n"):
        received += connection.recv(LARGEST)
    wanted = json.loads(received)
    program = os.fork()
    if program:
        for stream in streams:
            os.close(stream)
        code = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
        connection.sendall(b"%d\n" % code)
        os._exit(0)
    connection.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(wanted["directory"])
    os.environ.clear()
    os.environ.update(wanted["environment"])
    run(wanted["arguments"])


def run(arguments):
    """As `python3 arguments...` does, in this process."""
    sys.argv = arguments or ["-"]
    if arguments:
        runpy.run_path(arguments[0], run_name="__main__")
        return
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    exec(compile(sys.stdin.buffer.read(), "<stdin>", "exec"), main.__dict__)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2:])
