"""The account under test, as its clients see it: the AWS CLI, boto3, and requests made by hand.

Endpoint, keys and region come from the environment, as `confctl sandbox env` sets them. Must not know the sandbox: all
that it does could be done to AWS, but for the host names of sites, which resolve to this machine.
"""

import atexit
import functools
import http.client
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

import boto3
import botocore.config
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

import witness

try:
    # Version 1, where it is a package of this Python, with the handlers that it loads at its start. Version 2 is a program only.
    from awscli import clidriver, handlers  # noqa: F401
    import read_once
except ImportError:
    clidriver = None

HERE = os.path.dirname(os.path.abspath(__file__))
ENDPOINT = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"])
REGION = os.environ["AWS_REGION"]
# Real seconds that anything may take. Generous: the machine may be busy, and the CLI's waiters sleep for 20 to 60 s.
PATIENCE = 240


class Refused(Exception):
    """An error of AWS's, by code and message."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@functools.cache
def _scratch():
    directory = tempfile.TemporaryDirectory(prefix="conformance-")
    atexit.register(directory.cleanup)
    return directory.name


@functools.cache
def _cli_environment():
    """Makes the CLI load its plugins. Version 2 wants to be told where they are, version 1 takes that for one."""
    path = os.path.join(_scratch(), "config")
    legacy = [] if clidriver else [f"cli_legacy_plugin_path = {HERE}"]
    with open(path, "w", encoding="utf-8") as config:
        config.write("\n".join(["[plugins]", *legacy, "waiters = waiters", "witness = witness", ""]))
    return {
        **os.environ,
        "AWS_CONFIG_FILE": path,
        "AWS_PAGER": "",
        "AWS_MAX_ATTEMPTS": "1",
        "PYTHONPATH": HERE,
    }


class _Copy:
    """A command of the CLI in a copy of this process, which has loaded it: by itself each would do so for longer than the
    whole rest takes. As far as is needed here like a `Popen`."""

    def __init__(self, arguments):
        self.args = ["aws", *arguments]
        read_once.model(arguments[0])
        self.streams = [tempfile.TemporaryFile("w+", encoding="utf-8") for _ in range(2)]
        self.process = multiprocessing.get_context("fork").Process(target=self._run)
        self.process.start()

    def _run(self):
        for number, stream in enumerate(self.streams, start=1):
            os.dup2(stream.fileno(), number)
        os.environ.update(_cli_environment())
        sys.argv = self.args
        sys.exit(clidriver.main())

    @property
    def returncode(self):
        return self.process.exitcode

    def communicate(self, timeout):
        self.process.join(timeout)
        if self.returncode is None:
            self.process.kill()
            raise subprocess.TimeoutExpired(self.args, timeout)
        texts = []
        for stream in self.streams:
            with stream:
                stream.seek(0)
                texts.append(stream.read())
        return texts


def start(*arguments):
    """The AWS CLI, running."""
    line = [*arguments, "--output", "json"]
    if clidriver:
        return _Copy(line)
    return subprocess.Popen(
        ["aws", *line],
        env=_cli_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(running):
    """What a command of the CLI printed, read as JSON."""
    out, err = running.communicate(timeout=PATIENCE)
    if running.returncode != 0:
        said = re.search(r"An error occurred \((\S+)\) when calling the \S+ operation[^:]*: (.*)", err, re.DOTALL)
        if said:
            raise Refused(said[1], said[2].strip())
        raise AssertionError(f"{' '.join(running.args[:4])} ended with {running.returncode}: {err or out}")
    try:
        return json.loads(out) if out.strip() else {}
    except ValueError:
        return {"text": out}


def aws(*arguments):
    """Runs the AWS CLI. Whatever is not text is passed on as JSON."""
    texts = [argument if isinstance(argument, str) else json.dumps(argument) for argument in arguments]
    return finish(start(*texts))


@functools.cache
def client(service, region=REGION):
    """A client of boto3 whose first answer counts."""
    session = boto3.Session(region_name=region)
    witness.attend(session.events)
    config = botocore.config.Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    return session.client(service, config=config)


class Case(unittest.TestCase):
    """A story."""

    longMessage = True
    maxDiff = None

    def refuses(self, code, call, *arguments, text=None, **parameters):
        """Runs `call`, which AWS would refuse with that code and, where it is given, with that text somewhere."""
        # A story goes on after a wrong refusal, so that one run tells of all of them.
        with self.subTest(arguments=arguments, **parameters):
            seen, message = refusal(call, *arguments, **parameters)
            self.assertEqual(code, seen, message)
            if text:
                self.assertIn(text, message)
            return message


def refusal(call, *arguments, **parameters):
    """Code and message of the error that a call ends in; no code where it ends in none."""
    try:
        return None, f"answered {call(*arguments, **parameters)}"
    except Refused as refused:
        return refused.code, refused.message
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]


def until(what, probe, patience=PATIENCE):
    """What `probe` gives once it gives anything."""
    end = time.monotonic() + patience
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {patience} s")
        time.sleep(0.25)


def signed(service, body, headers=None, path="/", region=REGION):
    """A POST made and signed by hand: status, headers, body."""
    request = AWSRequest("POST", f"{ENDPOINT.geturl()}{path}", data=body, headers=headers or {})
    credentials = boto3.Session().get_credentials()
    SigV4Auth(credentials, service, region).add_auth(request)
    return post(body, dict(request.headers.items()), path)


def post(body, headers, path="/"):
    """A POST made by hand as it is, without a signature where the headers have none: status, headers, body."""
    connection = http.client.HTTPConnection(ENDPOINT.hostname, ENDPOINT.port, timeout=30)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def query(service, action, version, region=REGION, **parameters):
    """A request of the query protocol, made by hand."""
    body = urllib.parse.urlencode({"Action": action, "Version": version, **parameters})
    return signed(service, body, {"Content-Type": "application/x-www-form-urlencoded"}, region=region)


def site(host, path="/", method="GET", body=None, headers=None):
    """A visitor of a public name. AWS's names are looked up; here they are all this machine: status, headers, text."""
    local = host.replace(".amazonaws.com", ".localhost").replace(".cloudfront.net", ".cloudfront.localhost")
    connection = http.client.HTTPConnection(ENDPOINT.hostname, ENDPOINT.port, timeout=30)
    try:
        sent = {"Host": f"{local}:{ENDPOINT.port}" if ":" not in local else local, "User-Agent": "conformance"}
        connection.request(method, path, body, {**sent, **(headers or {})})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def say(text):
    """Progress, for whoever waits."""
    print(f"  {text}", file=sys.stderr, flush=True)
