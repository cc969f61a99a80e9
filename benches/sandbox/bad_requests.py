#!/usr/bin/env python3
"""Whether 100,000 requests that are none leave anything in the sandbox: its memory and its open files after each tenth of them.

    cargo build --release
    python3 benches/sandbox/bad_requests.py

Ends with 1 where an answer is missing that there should be, where the sandbox takes no honest request afterwards, or where it grew
over the last nine tenths: by an open file, or by more than a tenth of its memory.
"""

import argparse
import collections
import json
import os
import random
import signal
import socket
import sys
import tempfile
import time

from puts import Signer, call, resident, serve

SEED = 14


def main():
    arguments = parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="sandbox-bench-") as directory:
        sandbox, info, _ = serve(arguments.program, directory, core="0")
        try:
            sizes, answers = send(sandbox.pid, info, arguments.requests)
            honest = call(info, "ListTables", {})
        finally:
            sandbox.send_signal(signal.SIGTERM)
            sandbox.wait()
    print("| answer | times |\n|---|---:|")
    for answer, times in sorted(answers.items()):
        print(f"| {answer} | {times:,} |")
    (files, memory), (last_files, last_memory) = sizes[0], sizes[-1]
    flat = last_files <= files and last_memory <= memory * 1.1 + 1
    taken = [answer for answer in answers if answer.startswith("2") or "without" in answer]
    if not flat or taken or "TableNames" not in honest:
        sys.exit(f"flat: {flat}; taken or not answered: {taken}; afterwards: {honest}")


def parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/confctl", help="confctl, or the example 'serve'")
    parser.add_argument("--requests", type=int, default=100_000, help="how many to send")
    return parser


def send(pid, info, number):
    """Open files and MB after each tenth, and how often each answer came."""
    chance, answers, sizes = random.Random(SEED), collections.Counter(), []
    kinds = [nonsense, unsigned, forged, unknown, nested, cut_off, badly_framed, long_headed]
    print("| requests | open files | MB resident |\n|---:|---:|---:|")
    for count in range(1, number + 1):
        kind = kinds[count % len(kinds)]
        request, answered = kind(info, chance)
        answers[exchange(info["port"], request, answered)] += 1
        if count % (number // 10) == 0:
            sizes.append((open_files(pid), resident(pid)))
            print(f"| {count:,} | {sizes[-1][0]} | {sizes[-1][1]} |", flush=True)
    return sizes, answers


def open_files(pid):
    """When the last connection has been seen to be gone."""
    seen = None
    while seen != (seen := len(os.listdir(f"/proc/{pid}/fd"))):
        time.sleep(0.2)
    return seen


def exchange(port, request, answered):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        try:
            connection.sendall(request)
            if not answered:
                return "none, hung up on"
            status = connection.recv(4096).split(b" ", 2)[1:2]
        except (BrokenPipeError, ConnectionResetError):
            return "refused in the middle"
    return status[0].decode() if status else "ended without one"


def post(headers, body):
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST / HTTP/1.1\r\n{head}connection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


def nonsense(_info, chance):
    # No 22 in front, with which TLS begins.
    return b"X" + chance.randbytes(200).replace(b"\n", b" ") + b"\r\n\r\n", True


def unsigned(info, _chance):
    return post({"host": f"127.0.0.1:{info['port']}", "x-amz-target": "DynamoDB_20120810.ListTables"}, b"{}"), True


def forged(info, chance):
    headers = Signer(info).headers("ListTables", b"{}")
    headers["authorization"] = headers["authorization"][:-64] + chance.randbytes(32).hex()
    return post(headers, b"{}"), True


def unknown(info, chance):
    body = json.dumps({"TableName": chance.randbytes(20).hex()}).encode()
    return post(Signer(info).headers("Invent", body), body), True


def nested(info, chance):
    body = b"[" * chance.randrange(100, 100_000)
    return post(Signer(info).headers("PutItem", body), body), True


def cut_off(info, chance):
    body = b'{"TableName": "users"}'
    whole = post(Signer(info).headers("GetItem", body), body)
    return whole[: chance.randrange(20, len(whole) - 1)], False


def badly_framed(info, chance):
    headers = {"host": f"127.0.0.1:{info['port']}", "transfer-encoding": "chunked"}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"PUT /bucket/key HTTP/1.1\r\n{head}\r\n{chance.choice(['zz', '-1', 'fffffffffffffffff'])}\r\n".encode(), True


def long_headed(info, chance):
    many = {f"x-{number}": "a" * chance.randrange(50, 900) for number in range(200)}
    return post({"host": f"127.0.0.1:{info['port']}", **many}, b""), True


if __name__ == "__main__":
    main()
