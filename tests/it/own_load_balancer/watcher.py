"""Somebody who wants the site past its edge, all the time, from before it is there until it is gone: at the load balancer's own
addresses, and through distributions of his own, which every customer of CloudFront can point at any load balancer.

Prints a line for each way with what was answered how often, and one that begins with OPEN for each time the site was had.
"""

import collections
import http.client
import os
import socket
import ssl
import sys
import time
import urllib.parse

import boto3
import botocore.config

ENDPOINT = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"])
MARK = sys.argv[1]
END = sys.argv[2]
HEADER = "x-confctl-origin"
GUISES = {
    "plain": {},
    "empty secret": {HEADER: ""},
    "wildcard": {HEADER: "*"},
    "wildcards": {HEADER: "?" * 36},
    "wrong secret": {HEADER: "0001" + "0" * 32},
    "in capitals": {HEADER.upper(): "0001" + "A" * 32},
    "forwarded": {"X-Forwarded-For": "130.176.0.1", "X-Forwarded-Host": "d1.cloudfront.net", "X-Forwarded-Proto": "https"},
    "as the edge": {"Via": "1.1 a.cloudfront.net (CloudFront)", "X-Amz-Cf-Id": "a", "User-Agent": "Amazon CloudFront"},
}


def client(service):
    config = botocore.config.Config(retries={"total_max_attempts": 5})
    return boto3.client(service, config=config)


# He does not mind whose certificate it is.
TRUSTING = ssl.create_default_context()
TRUSTING.check_hostname, TRUSTING.verify_mode = False, ssl.CERT_NONE


def ask(address, headers, host=None, path="/", method="GET", tls=False):
    """The status, and whether it was the site that answered."""
    connection = http.client.HTTPConnection(ENDPOINT.hostname, ENDPOINT.port, timeout=30)
    try:
        if tls:
            plain = socket.create_connection((ENDPOINT.hostname, ENDPOINT.port), timeout=30)
            connection.sock = TRUSTING.wrap_socket(plain, server_hostname=address)
        sent = {"User-Agent": "watcher", **headers, "Host": f"{host or address}:{ENDPOINT.port}"}
        connection.request(method, path, headers=sent)
        answer = connection.getresponse()
        return answer.status, MARK in answer.read().decode(errors="replace")
    except (http.client.HTTPException, OSError):
        return None, False
    finally:
        connection.close()


class Watcher:
    def __init__(self):
        self.elbv2, self.beanstalk, self.cloudfront = client("elbv2"), client("elasticbeanstalk"), client("cloudfront")
        self.own, self.seen, self.opened = {}, collections.Counter(), []

    def names(self):
        balancers = [one["DNSName"] for one in self.elbv2.describe_load_balancers()["LoadBalancers"]]
        environments = self.beanstalk.describe_environments(IncludeDeleted=False)["Environments"]
        return balancers, [one["CNAME"] for one in environments if one.get("CNAME")]

    def note(self, way, answer):
        status, is_the_site = answer
        self.seen[way, status] += 1
        if is_the_site or status == 200:
            self.opened.append((way, status))

    def distribution(self, origin):
        """One of his own, which fetches from there and keeps nothing."""
        if origin not in self.own:
            behavior = {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all",
                        "CachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"}
            custom = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"}
            headers = {"Quantity": 1, "Items": [{"HeaderName": HEADER, "HeaderValue": "0001" + "0" * 32}]}
            made = self.cloudfront.create_distribution(DistributionConfig={
                "CallerReference": origin, "Comment": "somebody else's", "Enabled": True, "DefaultCacheBehavior": behavior,
                "Origins": {"Quantity": 1, "Items": [{"Id": "o", "DomainName": origin, "CustomOriginConfig": custom,
                                                      "CustomHeaders": headers}]}})
            self.own[origin] = made["Distribution"]["DomainName"].replace(".cloudfront.net", ".cloudfront.localhost")
        return self.own[origin]

    def look(self):
        balancers, environments = self.names()
        for kind, names in (("load balancer", balancers), ("environment", environments)):
            for name in names:
                edge = self.distribution(name)
                for guise, headers in GUISES.items():
                    self.note(f"{kind}, {guise}", ask(name, headers))
                    self.note(f"{kind} by TLS, {guise}", ask(name, headers, tls=True))
                    self.note(f"distribution of his own before the {kind}, {guise}", ask(edge, headers))
                for path, method in (("*", "OPTIONS"), ("/", "HEAD"), ("/", "POST"), ("//", "GET"), ("/health", "GET")):
                    self.note(f"{kind}, {method} {path}", ask(name, {}, path=path, method=method))
                for host in environments:
                    self.note(f"{kind}, by the environment's name", ask(name, {}, host=host))

    def tell(self):
        for (way, status), times in sorted(self.seen.items(), key=str):
            print(f"{way}: {status} x {times}")
        for way, status in self.opened:
            print(f"OPEN {way}: {status}")


watcher = Watcher()
print("watching", flush=True)
while not os.path.exists(END):
    watcher.look()
    time.sleep(0.2)
watcher.tell()
