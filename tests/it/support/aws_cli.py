"""The AWS CLI, loaded once and copied for each command: half of what a command takes is what it loads.

A line of JSON a command comes in; its exit code goes out.
"""
import gc
import json
import os
import sys

sys.path.append(os.path.join(os.path.dirname(__file__), "../../conformance"))
import awscli.clidriver
import read_once

# Loading it has set where its own data are.
DATA = os.environ["AWS_DATA_PATH"]

# What is made for nobody loads what every command loads.
awscli.clidriver.create_clidriver()
# A copy that looks for garbage among what it shares would have to copy all of it.
gc.freeze()


def run(command):
    """As the program `aws` does; never comes back."""
    os.environ.clear()
    os.environ.update(command["environment"], AWS_DATA_PATH=DATA)
    sys.argv = ["aws", *command["arguments"]]
    for number, path in enumerate([os.devnull, command["stdout"], command["stderr"]]):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, number)
    code = 255
    try:
        code = awscli.clidriver.main()
    except SystemExit as ended:
        code = ended.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)


for line in sys.stdin:
    command = json.loads(line)
    read_once.model(command["arguments"][0])
    child = os.fork()
    if child == 0:
        run(command)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
