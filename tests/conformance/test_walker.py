"""The walker itself: it has nothing against what AWS would send, and something against each way of spoiling it.

Real answers in every protocol, each spoiled in one place at a time.
"""

import copy
import datetime
import json
import re
import struct
import types

import botocore.session
import walker
import witness
from account import Case, client, signed
from botocore.awsrequest import HeadersDict

NEVER = "x-never-heard-of"
ALARM, ROLE, VPC, TABLE, BUCKET = "walked", "walked", "10.77.0.0/16", "walked", "conformance-walked"


class Walker(Case):
    def heard(self, called, method, **parameters):
        """The model of an operation with the raw answer to it: status, headers, body."""
        kept = []

        def keep(http_response, model, **_):
            kept.append((model, http_response.status_code, http_response.headers, http_response.content))

        called.meta.events.register("after-call", keep, unique_id="walked")
        try:
            getattr(called, method)(**parameters)
        except called.exceptions.ClientError:
            pass
        finally:
            called.meta.events.unregister("after-call", unique_id="walked")
        return kept[0]

    def passes(self, answer):
        self.assertEqual([], walker.problems(*answer))

    def fails(self, answer, says, body=None, headers=None):
        model, status, sent, whole = answer
        with self.subTest(operation=model.name, says=says):
            spoiled = whole if body is None else body
            self.assertTrue(headers is not None or spoiled != whole, "nothing is spoiled")
            problems = walker.problems(model, status, sent if headers is None else headers, spoiled)
            self.assertTrue(any(says in problem for problem in problems), problems)

    def fails_of_text(self, answer, *spoiled):
        """Each a pattern, what is put in its place the first time, and what the walker says."""
        self.passes(answer)
        for pattern, instead, says in spoiled:
            self.fails(answer, says, body=re.sub(pattern.encode(), instead.encode(), answer[3], count=1, flags=re.DOTALL))

    def fails_without_its_id(self, answer):
        model, status, headers, body = answer
        without = HeadersDict({name: value for name, value in headers.items() if "request" not in name.lower()})
        self.fails(answer, "no request id", headers=without)
        if walker.protocol_of(model.service_model) in ("query", "ec2"):
            self.fails(answer, "is not in the body", headers=with_header(headers, "x-amzn-requestid", "another"))

    def test_query(self):
        iam = client("iam")
        trust = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
        iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))
        self.addCleanup(iam.delete_role, RoleName=ROLE)
        roles = self.heard(iam, "list_roles")
        self.fails_of_text(
            roles,
            ("</RoleName>", f"</RoleName><{NEVER}/>", "unknown member"),
            ("<RoleName>[^<]*</RoleName>", "", "lacks the required member RoleName"),
            ("<CreateDate>[^<]*<", "<CreateDate>yesterday<", "is no timestamp"),
            ("<IsTruncated>[^<]*<", "<IsTruncated>no<", "is no boolean"),
            ("<Path>[^<]*<", "<Path><a/><", "has elements where it should have text"),
            ("(<RoleId>[^<]*</RoleId>)", r"\1\1", "is there 2 times"),
            ("<member>", "<item/><member>", "has an element item"),
            ("ListRolesResult>.*</ListRolesResult", "Other></Other", "there is no ListRolesResult"),
            ("</ListRolesResponse>", "", "is no XML"),
        )
        self.fails_without_its_id(roles)
        refused = self.heard(iam, "get_role", RoleName="nobody-has-it")
        self.fails_of_text(refused, ("<Code>[^<]*</Code>", "", "has no Code"),
                           ("<Message>[^<]*</Message>", "", "has no Message"))

    def test_enums_of_query(self):
        platforms = self.heard(client("elasticbeanstalk"), "list_platform_versions")
        self.fails_of_text(platforms, ("<PlatformStatus>[^<]*<", "<PlatformStatus>SMOKE<", "is none of"))

    def vpc(self):
        ec2 = client("ec2")
        vpc = ec2.create_vpc(CidrBlock=VPC)["Vpc"]["VpcId"]
        self.addCleanup(ec2.delete_vpc, VpcId=vpc)
        return vpc

    def test_ec2(self):
        self.vpc()
        ec2 = client("ec2")
        vpcs = self.heard(ec2, "describe_vpcs")
        self.fails_of_text(
            vpcs,
            ("</vpcId>", f"</vpcId><{NEVER}/>", "unknown member"),
            ("<state>[^<]*<", "<state>sleepy<", "is none of"),
            ("<isDefault>[^<]*<", "<isDefault>0<", "is no boolean"),
            ("(<vpcId>[^<]*</vpcId>)", r"\1\1", "is there 2 times"),
            ("<item>", "<member/><item>", "has an element member"),
            ("DescribeVpcsResponse", "Other", "is no XML"),
        )
        self.fails_without_its_id(vpcs)
        ec2.create_key_pair(KeyName="walked")
        self.addCleanup(ec2.delete_key_pair, KeyName="walked")
        pairs = self.heard(ec2, "describe_key_pairs")
        self.fails_of_text(pairs, ("<createTime>[^<]*<", "<createTime>1790000000<", "is no timestamp"))

    def test_json(self):
        dynamodb = client("dynamodb")
        key = {"AttributeName": "email", "KeyType": "HASH"}
        dynamodb.create_table(TableName=TABLE, KeySchema=[key], BillingMode="PAY_PER_REQUEST",
                              AttributeDefinitions=[{"AttributeName": "email", "AttributeType": "S"}])
        self.addCleanup(dynamodb.delete_table, TableName=TABLE)
        dynamodb.get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1})
        self.spoil_members(self.heard(dynamodb, "describe_table", TableName=TABLE), json.loads, written_as_json, (
            (("Table", NEVER), 1, "unknown member"),
            (("Table", "KeySchema", 0, "KeyType"), None, "is null"),
            (("Table", "KeySchema", 0, "KeyType"), ..., "lacks the required member KeyType"),
            (("Table", "TableStatus"), "SLEEPY", "is none of"),
            (("Table", "CreationDateTime"), "2026-11-24T10:00:00Z", "is no timestamp"),
            (("Table", "DeletionProtectionEnabled"), "false", "is no boolean"),
            (("Table", "ItemCount"), 1.5, "is no long"),
            (("Table", "KeySchema"), {}, "is no list"),
            (("Table", "KeySchema", 0), "email", "is no structure"),
        ))
        described = self.heard(dynamodb, "describe_table", TableName=TABLE)
        self.fails_of_text(described, ('"TableName":', '"TableName":"twice","TableName":', "is there more than once"))
        self.fails_without_its_id(described)
        refused = self.heard(dynamodb, "describe_table", TableName="nobody-has-it")
        self.fails_of_text(refused, ("__type", "kind", "has no __type"), ("message", "text", "has no message"))

    def spoil_members(self, answer, read, write, changes):
        """Each the path of a member, the value it gets (`...`: it goes), and what the walker says."""
        self.passes(answer)
        for path, value, says in changes:
            whole = copy.deepcopy(read(answer[3]))
            place = whole
            for step in path[:-1]:
                place = place[step]
            if value is ...:
                del place[path[-1]]
            else:
                place[path[-1]] = value
            self.fails(answer, says, body=write(whole))

    def test_cbor(self):
        cloudwatch = client("cloudwatch")
        cloudwatch.put_metric_alarm(
            AlarmName=ALARM, Namespace="Walked", MetricName="Steps", Statistic="Sum", Period=60, EvaluationPeriods=1,
            Threshold=1, ComparisonOperator="GreaterThanThreshold")
        self.addCleanup(cloudwatch.delete_alarms, AlarmNames=[ALARM])
        model = botocore.session.get_session().get_service_model("cloudwatch")
        # Of the protocols in the model, botocore prefers another.
        model.resolved_protocol = "smithy-rpc-v2-cbor"
        path = "/service/GraniteServiceVersion20100801/operation/DescribeAlarms"
        sent = {"Content-Type": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor", "Accept": "application/cbor"}
        status, headers, body = signed("monitoring", b"\xa0", sent, path=path)
        self.assertEqual(200, status, body)
        answer = (model.operation_model("DescribeAlarms"), status, headers, body)
        self.spoil_members(answer, walker._cbor, cbor, (
            (("MetricAlarms", 0, NEVER), 1, "unknown member"),
            (("MetricAlarms", 0, "StateValue"), "SLEEPY", "is none of"),
            (("MetricAlarms", 0, "StateUpdatedTimestamp"), "yesterday", "is no timestamp"),
            (("MetricAlarms", 0, "ActionsEnabled"), 1, "is no boolean"),
            (("MetricAlarms", 0, "Period"), "60", "is no integer"),
            (("MetricAlarms", 0), "walked", "is no structure"),
            (("MetricAlarms",), {}, "is no list"),
        ))
        self.fails_without_its_id(answer)

    def test_rest_xml(self):
        policies = self.heard(client("cloudfront"), "list_cache_policies", Type="managed")
        self.fails_of_text(
            policies,
            ("</Quantity>", f"</Quantity><{NEVER}/>", "unknown member"),
            ("<MaxItems>[^<]*</MaxItems>", "", "lacks the required member MaxItems"),
            ("<Type>[^<]*<", "<Type>sleepy<", "is none of"),
            ("<LastModifiedTime>[^<]*<", "<LastModifiedTime>yesterday<", "is no timestamp"),
            ("(<EnableAcceptEncodingGzip>)[^<]*<", r"\1yes<", "is no boolean"),
            ("(<MaxItems>[^<]*</MaxItems>)", r"\1\1", "is there 2 times"),
            ("<CachePolicySummary>", "<member/><CachePolicySummary>", "has an element member"),
            ("<CachePolicyList[^>]*>(.*)</CachePolicyList>", r"<Other>\1</Other>", "the root element is Other"),
        )
        self.fails_without_its_id(policies)

    def test_headers_of_what_streams(self):
        s3 = client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"<not/><xml")
        self.addCleanup(lambda: (s3.delete_object(Bucket=BUCKET, Key="k"), s3.delete_bucket(Bucket=BUCKET)))
        kept = []
        s3.meta.events.register("after-call.s3.GetObject", lambda **heard: kept.append(heard), unique_id="walked")
        self.addCleanup(s3.meta.events.unregister, "after-call.s3.GetObject", unique_id="walked")
        self.assertEqual(b"<not/><xml", s3.get_object(Bucket=BUCKET, Key="k")["Body"].read())
        model, raw = kept[0]["model"], kept[0]["http_response"]
        self.assertEqual([], witness.found_in(raw, model))
        for name, value, says in (
            ("last-modified", "2026-11-24T10:00:00Z", "is no timestamp"),
            ("content-length", "ten", "is no long"),
            ("x-amz-server-side-encryption", "sleepy", "is none of"),
        ):
            spoiled = types.SimpleNamespace(status_code=200, headers=with_header(raw.headers, name, value))
            with self.subTest(header=name):
                self.assertTrue(any(says in problem for problem in witness.found_in(spoiled, model)))


def with_header(headers, name, value):
    changed = HeadersDict(headers)
    changed[name] = value
    return changed


def written_as_json(value):
    return json.dumps(value).encode()


def cbor(value):
    """As much of RFC 8949 as answers need."""
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, datetime.datetime):
        return b"\xc1" + cbor(value.timestamp())
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(map(cbor, value))
    return _head(5, len(value)) + b"".join(cbor(key) + cbor(inner) for key, inner in value.items())


def _head(kind, number):
    return struct.pack(">BQ", kind << 5 | 27, number)
