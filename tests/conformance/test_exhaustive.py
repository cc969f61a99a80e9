"""Nothing is ignored: every operation of every service that the sandbox has, and every member of its requests, is there by
the table of docs/sandbox.md, or is refused with an error that names it.

Both are gone through by botocore's models. Requests are as small as can be: one member and what leads to it, and what a
path needs. So those that are honoured are mostly refused too, by the service; but never as something that is not there.
"""

import datetime

import boto3
import botocore.config
from botocore.exceptions import ClientError

import honoured
import witness
from account import REGION, Case, say

# By botocore's names of the services.
TITLES = {
    "acm": "AWS Certificate Manager",
    "autoscaling": "EC2 Auto Scaling",
    "cloudformation": "CloudFormation",
    "cloudfront": "Amazon CloudFront",
    "cloudwatch": "CloudWatch",
    "dynamodb": "DynamoDB",
    "ec2": "EC2",
    "elasticbeanstalk": "Elastic Beanstalk",
    "elb": "Elastic Load Balancing, first generation",
    "elbv2": "Elastic Load Balancing",
    "iam": "IAM",
    "logs": "CloudWatch Logs",
    "resourcegroupstaggingapi": "Resource Groups Tagging API",
    "route53": "Amazon Route 53",
    "s3": "S3",
    "service-quotas": "Service Quotas",
    "sns": "SNS",
    "ssm": "Systems Manager",
    "sts": "STS",
    "wafv2": "AWS WAF V2",
}
# Every operation of the service takes these, or the client makes them by itself.
ALWAYS = {
    "ec2": {"DryRun"},
    "s3": {"x-amz-expected-bucket-owner", "x-amz-sdk-checksum-algorithm", "content-length"},
}
UNKNOWN = "not-one-of-these"


def client(service):
    """One that sends whatever it is given."""
    session = boto3.Session(region_name=REGION)
    witness.attend(session.events)
    config = botocore.config.Config(
        retries={"total_max_attempts": 1}, parameter_validation=False, inject_host_prefix=False,
        s3={"addressing_style": "path"}, request_checksum_calculation="when_required",
        read_timeout=60)
    return session.client(service, config=config)


class Exhaustive(Case):
    def test_an_operation_that_is_not_there_is_refused_by_its_name(self):
        tables, refused = honoured.tables(), 0
        for service, title in TITLES.items():
            called = client(service)
            model = called.meta.service_model
            for name in model.operation_names:
                if name in tables[title]:
                    continue
                operation = model.operation_model(name)
                code, message = answer(called, operation, required(operation))
                with self.subTest(service=service, operation=name):
                    self.assertEqual("NotImplemented", code, message)
                    self.assertTrue(names(operation, name, message), message)
                refused += 1
        say(f"{refused} operations refused by their names")
        self.assertGreater(refused, 1500)

    def test_a_member_that_is_not_honoured_is_refused_by_its_path(self):
        tables, self.refused, self.taken = honoured.tables(), 0, 0
        for service, title in TITLES.items():
            called = client(service)
            model = called.meta.service_model
            for name, table in tables[title].items():
                if name in model.operation_names:
                    self.check(Walk(called, model.operation_model(name), table))
        say(f"{self.refused} members refused by their paths, {self.taken} taken")
        self.assertGreater(self.refused, 700)
        self.assertGreater(self.taken, 1200)

    def check(self, walk):
        for path, parameters, is_honoured in walk.requests():
            code, message = answer(walk.client, walk.operation, parameters)
            with self.subTest(operation=walk.operation.name, member=path, parameters=parameters):
                if is_honoured:
                    self.taken += 1
                    self.assertNotIn(f"the parameter '{path}'", message)
                    continue
                self.refused += 1
                # What HEAD refuses has no body to say why.
                if walk.operation.http["method"] != "HEAD":
                    self.assertEqual("NotImplemented", code, message)
                    self.assertIn(f"the parameter '{path}'", message)
                else:
                    self.assertEqual("400", code, message)


def answer(called, operation, parameters):
    """The code and the text of a refusal; neither where it is none."""
    try:
        called._make_api_call(operation.name, parameters)
        return "", ""
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"].get("Message", "")


def names(operation, name, message):
    """By its name, or one that has the same form on the wire. CloudFront's are named by method and path; operations of
    a service that is only a part of another by that."""
    method, path = operation.http["method"], operation.http["requestUri"]
    model = operation.service_model
    if model.protocol == "rest-xml":
        same = [one for one in model.operation_names if form(model.operation_model(one)) == form(operation)]
        return (f"{method} {path.split('{')[0].split('?')[0]}" in message or "the service 's3" in message
                or any(f" {one} of" in message for one in same))
    return f" {name} of" in message


def form(operation):
    """Method and path; clients of S3 take the bucket out of what they have called."""
    return operation.http["method"], operation.http["requestUri"].replace("/{Bucket}", "")


def needed(operation):
    """What botocore cannot write a request without, and what says which operation of S3 it is."""
    shape = operation.input_shape
    members = shape.members.items() if shape else ()
    by_place = operation.service_model.protocol.startswith("rest")
    return {
        name: smallest(member) for name, member in members
        if member.serialization.get("location") == "uri"
        or name in shape.required_members and (by_place or member.type_name == "map")
    }


def required(operation):
    """What a client of AWS's would not leave out."""
    shape = operation.input_shape
    return {name: smallest(shape.members[name]) for name in shape.required_members} if shape else {}


def smallest(shape, wrong=()):
    """A value of a shape, with as little in it as makes one; not one of those that are wrong."""
    kind = shape.type_name
    if kind == "structure":
        return {}
    if kind == "list":
        return [smallest(shape.member, wrong)]
    if kind == "map":
        return {}
    if kind == "string":
        values = [value for value in getattr(shape, "enum", None) or [UNKNOWN] if value not in wrong]
        return (values or [UNKNOWN])[0]
    if kind == "boolean":
        return "true" in wrong and False or "true" not in wrong
    if kind in ("integer", "long"):
        return next(number for number in (1, 2) if str(number) not in wrong)
    return {"float": 1.0, "double": 1.0, "blob": b"x", "timestamp": datetime.datetime(2026, 11, 24)}[kind]


class Walk:
    """Goes through the members of an operation's request."""

    def __init__(self, called, operation, table):
        self.client = called
        self.operation = operation
        self.table = table
        service = operation.service_model
        self.protocol = getattr(service, "resolved_protocol", None) or service.protocol
        self.always = ALWAYS.get(service.service_name, set())

    def requests(self):
        """The path of a member, parameters with it, and whether it is honoured."""
        shape = self.operation.input_shape
        if shape is None:
            return
        least = needed(self.operation)
        for path, value, is_honoured in self.structure(shape, self.table, "", (), ()):
            yield path, {**least, **value}, is_honoured

    def structure(self, shape, table, path, around, seen):
        for name, member in shape.members.items():
            location = member.serialization.get("location")
            wire = self.wire_name(name, member)
            streams = member.type_name == "blob" and shape.serialization.get("payload") == name
            if location == "uri" or not path and wire in self.always or streams:
                continue
            # A policy is a text of its own.
            if shape.serialization.get("payload") == name and member.type_name != "structure":
                continue
            known = table.get(wire) or (table.get(name) if not path else None)
            inner = f"{path}.{wire}" if path else wire
            for found, value, is_honoured in self.member(member, known, inner, around, seen):
                yield found, {name: value}, is_honoured

    def member(self, shape, known, path, around, seen):
        if known is None:
            yield path, below(shape, seen), False
            return
        if known.anything or known.same_as:
            return
        if shape.type_name == "list":
            for found, value, is_honoured in self.member(shape.member, known, path, around, seen):
                yield found, [value], is_honoured
        elif shape.type_name == "structure":
            if shape.name not in seen:
                yield from self.structure(shape, known.members, path, around, (*seen, shape.name))
        else:
            if known.only and known.only != [""]:
                yield path, of_kind(shape, known.only[0]), True
            if known.only:
                yield path, smallest(shape, wrong=known.only), False
            else:
                yield path, smallest(shape), True

    def wire_name(self, name, member):
        serialization = member.serialization
        if self.protocol == "ec2":
            written = serialization.get("queryName") or serialization.get("name", name)
            return written[0].upper() + written[1:]
        if member.type_name == "list" and serialization.get("flattened"):
            return member.member.serialization.get("name", serialization.get("name", name))
        written = serialization.get("name", name)
        if serialization.get("location") in ("header", "headers") and self.operation.service_model.service_name == "s3":
            return written.lower()
        return written


def of_kind(shape, text):
    if shape.type_name == "boolean":
        return text == "true"
    return int(text) if shape.type_name in ("integer", "long") else text


def below(shape, seen):
    """A value with something in it: the first member of each structure on the way."""
    if shape.type_name == "list":
        return [below(shape.member, seen)]
    if shape.type_name == "map":
        return {"key": below(shape.value, seen)}
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            innermost = member
            while innermost.type_name == "list":
                innermost = innermost.member
            if innermost.name not in seen:
                return {name: below(member, (*seen, shape.name))}
        return {}
    return smallest(shape)
