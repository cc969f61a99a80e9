#!/usr/bin/env python3
"""How many conditional puts a second the sandbox takes, with every signature checked; how soon it is ready, and how large.

    cargo build --release
    python3 benches/sandbox/puts.py                 # needs wrk and taskset

The sandbox gets one core and wrk another. Every request is signed before the run, each for a key of its own.
"""

import argparse
import datetime
import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = "users"


def main():
    arguments = parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="sandbox-bench-") as directory:
        core, _ = arguments.cores.split(",")
        sandbox, info, ready = serve(arguments.program, directory, core)
        try:
            print(f"ready after {ready * 1000:.0f} ms, {resident(sandbox.pid)} MB resident")
            create_table(info)
            puts(info, directory, arguments)
            print(f"{resident(sandbox.pid)} MB resident at the end")
        finally:
            sandbox.send_signal(signal.SIGTERM)
            sandbox.wait()


def parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/confctl", help="confctl, or the example 'serve'")
    parser.add_argument("--keys", type=int, default=60_000, help="how many requests to sign")
    parser.add_argument("--seconds", type=int, default=10, help="how long to send them")
    parser.add_argument("--connections", type=int, default=32, help="how many at a time")
    parser.add_argument("--cores", default="0,1", help="of the sandbox, and of wrk")
    return parser


def serve(program, directory, core):
    """A sandbox on that core: its process, what it says of itself, and seconds until it could be used."""
    example = os.path.basename(program).startswith("serve")
    command = [program, directory] if example else [program, "sandbox", "serve", "--dir", directory]
    begun = time.monotonic()
    sandbox = subprocess.Popen(["taskset", "-c", core, *command], stderr=subprocess.DEVNULL)
    path = os.path.join(directory, "sandbox.json")
    while not os.path.exists(path):
        if sandbox.poll() is not None:
            sys.exit(f"{program} ended with {sandbox.returncode}")
        time.sleep(0.001)
    ready = time.monotonic() - begun
    with open(path, encoding="utf-8") as info:
        return sandbox, json.load(info), ready


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) // 1024


def create_table(info):
    call(info, "CreateTable", {
        "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "email", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "email", "KeyType": "HASH"}],
    })
    while call(info, "DescribeTable", {"TableName": TABLE})["Table"]["TableStatus"] != "ACTIVE":
        time.sleep(0.05)


def call(info, operation, body):
    text = json.dumps(body).encode()
    headers = Signer(info).headers(operation, text)
    request = urllib.request.Request(f"http://{headers['host']}/", text, headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def puts(info, directory, arguments):
    signed = os.path.join(directory, "signed")
    write_requests(info, signed, arguments.keys)
    endpoint = f"http://127.0.0.1:{info['port']}"
    wrk = ["wrk", "-t1", f"-c{arguments.connections}", f"-d{arguments.seconds}s", "--latency", "-s", f"{HERE}/puts.lua"]
    core = arguments.cores.split(",")[1]
    subprocess.run(["taskset", "-c", core, *wrk, endpoint], env={**os.environ, "SIGNED": signed}, check=True)


def write_requests(info, path, keys):
    """Each as its length on a line, and then itself."""
    signer = Signer(info)
    with open(path, "wb") as file:
        for number in range(keys):
            item = {"email": {"S": f"person-{number}@example.com"}, "at": {"S": "2026-11-24T10:00:00Z"}}
            body = json.dumps({
                "TableName": TABLE, "Item": item, "ConditionExpression": "attribute_not_exists(#key)",
                "ExpressionAttributeNames": {"#key": "email"}, "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }).encode()
            headers = signer.headers("PutItem", body)
            head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            request = f"POST / HTTP/1.1\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body
            file.write(b"%d\n" % len(request) + request)


class Signer:
    """Signature Version 4 with the key of one day, region and service worked out once."""

    def __init__(self, info):
        self.info = info
        now = datetime.datetime.now(datetime.timezone.utc)
        self.time = now.strftime("%Y%m%dT%H%M%SZ")
        self.scope = f"{self.time[:8]}/{info['region']}/dynamodb/aws4_request"
        key = f"AWS4{info['secret_access_key']}".encode()
        for part in self.scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        self.key = key

    def headers(self, operation, body):
        covered = {
            "content-type": "application/x-amz-json-1.0",
            "host": f"127.0.0.1:{self.info['port']}",
            "x-amz-date": self.time,
            "x-amz-target": f"DynamoDB_20120810.{operation}",
        }
        names = ";".join(covered)
        lines = "".join(f"{name}:{value}\n" for name, value in covered.items())
        canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = f"AWS4-HMAC-SHA256\n{self.time}\n{self.scope}\n{digest}"
        signature = hmac.new(self.key, to_sign.encode(), hashlib.sha256).hexdigest()
        credential = f"{self.info['access_key_id']}/{self.scope}"
        authorization = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
        return {**covered, "authorization": authorization}


if __name__ == "__main__":
    main()
