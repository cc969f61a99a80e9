#!/usr/bin/env python3
"""How many requests a second the edge gives out of its cache, the load balancer passes on, and both together; and whether
10,000 connections can be open at one time through each, what they cost, and who answers.

    cargo build --release
    BUNDLE=$(target/release/confctl bundle -o json | jq -r .outputs.bundle)
    python3 benches/sandbox/edge.py --bundle "$BUNDLE"          # needs wrk, taskset and boto3

The sandbox and its instances get one core, who asks another. One environment of two instances, one distribution.
"""

import argparse
import asyncio
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CONFORMANCE = os.path.join(HERE, "..", "..", "tests", "conformance")
APPLICATION = "bench"
# Managed-CachingOptimized and Managed-CachingDisabled.
CACHED, UNCACHED = "658327ea-f89d-4fab-a63d-7e88639e58f6", "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"


def main():
    arguments = parser().parse_args()
    sys.path[:0] = [HERE, CONFORMANCE]
    import puts

    with tempfile.TemporaryDirectory(prefix="sandbox-bench-") as directory:
        sandbox, info, _ = puts.serve(arguments.program, directory, arguments.cores.split(",")[0])
        try:
            edge, balancer = site(info, arguments.bundle, directory)
            port = info["port"]
            print(f"{puts.resident(sandbox.pid)} MB resident with the site up, {files(sandbox.pid)} files open")
            for what, host, path in (
                ("edge, from its cache", edge, arguments.cached),
                ("load balancer -> instance", balancer, arguments.uncached),
                ("edge -> load balancer -> instance", edge, arguments.uncached),
            ):
                throughput(what, port, host, path, 64, arguments)
            for what, host, path in (
                ("edge, from its cache", edge, arguments.cached),
                ("load balancer -> instance", balancer, arguments.uncached),
                ("edge -> load balancer -> instance", edge, arguments.uncached),
            ):
                crowd(what, port, host, path, sandbox.pid, arguments, puts)
            print(f"{puts.resident(sandbox.pid)} MB resident at the end, {files(sandbox.pid)} files open")
        finally:
            sandbox.send_signal(signal.SIGTERM)
            sandbox.wait()


def parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/confctl", help="confctl, or the example 'serve'")
    parser.add_argument("--bundle", required=True, help="what the instances run")
    parser.add_argument("--cached", default="/", help="a page that the edge keeps")
    parser.add_argument("--uncached", default="/health", help="one that it never does")
    parser.add_argument("--seconds", type=int, default=8, help="of each measurement of throughput")
    parser.add_argument("--crowd", type=int, default=10_000, help="connections open at one time")
    parser.add_argument("--cores", default="0,1", help="of the sandbox, and of who asks")
    return parser


def site(info, bundle, directory):
    """An environment and a distribution before it: the host names of the distribution and of the load balancer."""
    os.environ.update(
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{info['port']}", AWS_REGION=info["region"],
        AWS_ACCESS_KEY_ID=info["access_key_id"], AWS_SECRET_ACCESS_KEY=info["secret_access_key"],
        CONFORMANCE_BUNDLE=bundle, CONFORMANCE_LOG=os.path.join(directory, "answers"))
    import stack
    from account import client, until

    stack.prepare(APPLICATION)
    settings = [
        *[one for one in stack.SINGLE if one["OptionName"] != "EnvironmentType"],
        stack.option("elasticbeanstalk:environment", "LoadBalancerType", "application"),
        stack.option("autoscaling:asg", "MinSize", "2"),
        stack.option("elasticbeanstalk:environment:process:default", "HealthCheckPath", "/health"),
    ]
    environment = stack.settled(stack.create(APPLICATION, "bench-env", settings)["EnvironmentId"])
    balancer = environment["EndpointURL"]
    cloudfront = client("cloudfront")
    methods = {"Quantity": 2, "Items": ["GET", "HEAD"]}
    behaviour = {"TargetOriginId": "site", "ViewerProtocolPolicy": "allow-all", "AllowedMethods": methods}
    made = cloudfront.create_distribution(DistributionConfig={
        "CallerReference": "bench", "Comment": "", "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [{"Id": "site", "DomainName": balancer, "CustomOriginConfig": {
            "HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"}}]},
        "DefaultCacheBehavior": {**behaviour, "CachePolicyId": CACHED},
        "CacheBehaviors": {"Quantity": 1, "Items": [
            {**behaviour, "PathPattern": "/health", "CachePolicyId": UNCACHED}]},
    })["Distribution"]
    until("deployed", lambda: cloudfront.get_distribution(Id=made["Id"])["Distribution"]["Status"] == "Deployed")
    local = lambda name, domain: re.sub(rf"\.{domain}$", ".localhost", name)
    return local(made["DomainName"], "net"), local(balancer, r"amazonaws\.com")


def wrk(port, host, path, connections, seconds, core):
    command = ["taskset", "-c", core, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "60s",
               "-H", f"Host: {host}:{port}", f"http://127.0.0.1:{port}{path}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def throughput(what, port, host, path, connections, arguments):
    said = wrk(port, host, path, connections, arguments.seconds, arguments.cores.split(",")[1])
    rate, median = re.search(r"Requests/sec:\s+(\S+)", said)[1], re.search(r"^\s+50%\s+(\S+)", said, re.MULTILINE)[1]
    wrong = [line.strip() for line in said.splitlines() if "Non-2xx" in line or "Socket errors" in line]
    print(f"{what}: {float(rate):.0f} requests a second at {connections} connections, median {median} {wrong or ''}")


def crowd(what, port, host, path, pid, arguments, puts):
    """All connect, then all ask at once, then all wait with their connections open."""
    files_needed = arguments.crowd + 100
    resource.setrlimit(resource.RLIMIT_NOFILE, (files_needed, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    answers, seconds, held, open_files = asyncio.run(ask_all(port, host, path, pid, arguments.crowd, puts))
    tally = {answer: answers.count(answer) for answer in sorted(set(answers))}
    print(f"{what}: {arguments.crowd} at once, all answered after {seconds:.1f} s: {tally}; "
          f"{held} MB resident and {open_files} files open while they stay")


async def ask_all(port, host, path, pid, number, puts):
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: bench\r\n\r\n".encode()
    together = asyncio.Semaphore(500)

    async def connect():
        async with together:
            return await asyncio.open_connection("127.0.0.1", port)

    async def ask(reader, writer):
        try:
            writer.write(request)
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            if length:
                await reader.readexactly(int(length[1]))
            return head.split(b" ", 2)[1].decode()
        except (OSError, asyncio.IncompleteReadError) as error:
            return type(error).__name__

    pairs = await asyncio.gather(*[connect() for _ in range(number)])
    begun = time.monotonic()
    answers = await asyncio.gather(*[ask(*pair) for pair in pairs])
    seconds = time.monotonic() - begun
    held, open_files = puts.resident(pid), files(pid)
    for _, writer in pairs:
        writer.close()
    return answers, seconds, held, open_files


def files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


if __name__ == "__main__":
    main()
