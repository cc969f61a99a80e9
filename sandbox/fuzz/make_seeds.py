"""Writes the seeds of the gateway's parsers: what boto3 really sends, heard on its way.

    eval "$(confctl sandbox env)" && python3 sandbox/fuzz/make_seeds.py

A seed of `query`, `json` and `xml` is a line that says what is called, and the body; of `signature` a head. Keys and signatures
are of a sandbox that is no more. Those of `chunked`, a line with kind and length, and the body, are written by hand: botocore frames
bodies over TLS only.
"""

import io
import json
import os
import re
import urllib.parse

import boto3
from botocore.config import Config

SEEDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "seeds")
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"},
                                                            "Action": "sts:AssumeRole"}]})
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}]})


def write(target, name, content):
    folder = os.path.join(SEEDS, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(content)


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def hear(request, **_):
    headers = {name.lower(): text(value) for name, value in request.headers.items()}
    body = request.body or b""
    if hasattr(body, "read"):
        file, body = body, body.read()
        file.seek(0)
    body = body.encode() if isinstance(body, str) else bytes(body)
    url = urllib.parse.urlsplit(request.url)
    path = url.path + ("?" + url.query if url.query else "")
    scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", headers.get("authorization", ""))
    service = scope.group(1) if scope else "s3"
    named = re.search(rb"Action=(\w+)", body)
    kind = headers.get("x-amz-content-sha256", "")
    if "x-amz-target" in headers:
        name = headers["x-amz-target"].split(".")[-1]
        write("json", f"{service}-{name}", f"{service} {name}\n".encode() + body)
    elif named and not kind:
        name = named.group(1).decode()
        write("query", f"{service}-{name}", f"{service} {name}\n".encode() + body)
    elif body.startswith(b"<"):
        name = re.search(rb"<(\w+)", body).group(1).decode()
        write("xml", f"{service}-{name}", f"{service} {request.method} {path}\n".encode() + body)
    else:
        name = request.method
    head = f"{request.method} {path} HTTP/1.1\r\nhost: {url.netloc}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in sorted(headers.items()) if name not in ("host", "user-agent"))
    if name in ("PutItem", "GetCallerIdentity", "GET", "PUT", "PutMetricData"):
        write("signature", f"{service}-{name}".lower(), (head + "\r\n").encode())


def client(service, **settings):
    made = boto3.client(service, config=Config(retries={"max_attempts": 0}, **settings))
    made.meta.events.register("before-send", hear)
    return made


def try_to(call, **parameters):
    """What the sandbox makes of it does not matter."""
    try:
        call(**parameters)
    except Exception as error:  # noqa: BLE001
        print(f"{call.__name__}: {error}")


def queries():
    sts, iam, ec2 = client("sts"), client("iam"), client("ec2")
    try_to(sts.get_caller_identity)
    try_to(iam.create_role, RoleName="seed", AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "a", "Value": "b"}])
    try_to(iam.put_role_policy, RoleName="seed", PolicyName="p", PolicyDocument=POLICY)
    try_to(iam.simulate_principal_policy, PolicySourceArn="arn:aws:iam::123456789012:role/seed",
           ActionNames=["dynamodb:PutItem", "s3:GetObject"], ResourceArns=["*"])
    try_to(ec2.describe_vpcs, Filters=[{"Name": "isDefault", "Values": ["true"]}, {"Name": "tag:a", "Values": ["b", "c"]}])
    try_to(ec2.authorize_security_group_ingress, GroupId="sg-1", IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "d"}]}])
    beanstalk = client("elasticbeanstalk")
    try_to(beanstalk.create_environment, ApplicationName="a", EnvironmentName="seed-env", SolutionStackName="none", OptionSettings=[
        {"Namespace": "aws:autoscaling:asg", "OptionName": "MinSize", "Value": "2"},
        {"Namespace": "aws:elasticbeanstalk:application:environment", "OptionName": "A", "Value": "ü=&%"}], Tags=[{"Key": "k", "Value": "v"}])
    try_to(beanstalk.describe_environments, EnvironmentNames=["seed-env", "other"], IncludeDeleted=False)
    try_to(client("autoscaling").describe_auto_scaling_groups, AutoScalingGroupNames=["a"], MaxRecords=5)
    try_to(client("elbv2").create_rule, ListenerArn="arn", Priority=1, Actions=[{"Type": "fixed-response", "FixedResponseConfig": {
        "StatusCode": "200"}}], Conditions=[{"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "x", "Values": ["1", "2"]}}])
    try_to(client("sns").list_topics)
    try_to(client("cloudformation").describe_stack_resources, StackName="s")


def documents():
    dynamodb, waf = client("dynamodb"), client("wafv2")
    try_to(dynamodb.create_table, TableName="seed", BillingMode="PAY_PER_REQUEST",
           AttributeDefinitions=[{"AttributeName": "email", "AttributeType": "S"}], KeySchema=[{"AttributeName": "email", "KeyType": "HASH"}])
    try_to(dynamodb.put_item, TableName="seed", Item={"email": {"S": "a@example.com"}, "n": {"N": "1.5"}, "l": {"L": [{"BOOL": True}]}},
           ConditionExpression="attribute_not_exists(#e) OR (#n < :n AND NOT contains(#e, :e))", ExpressionAttributeNames={"#e": "email", "#n": "n"},
           ExpressionAttributeValues={":n": {"N": "3"}, ":e": {"S": "x"}})
    try_to(dynamodb.update_item, TableName="seed", Key={"email": {"S": "a"}},
           UpdateExpression="SET a.b[0] = if_not_exists(c, :v), d = d + :v REMOVE e ADD f :v", ExpressionAttributeValues={":v": {"N": "1"}})
    try_to(dynamodb.query, TableName="seed", KeyConditionExpression="email = :e", FilterExpression="size(l) BETWEEN :a AND :b",
           ProjectionExpression="email, l[0]", ExpressionAttributeValues={":e": {"S": "a"}, ":a": {"N": "0"}, ":b": {"N": "9"}})
    visibility = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "m"}
    try_to(waf.create_web_acl, Name="seed", Scope="CLOUDFRONT", DefaultAction={"Allow": {}}, VisibilityConfig=visibility, Rules=[
        {"Name": "common", "Priority": 0, "OverrideAction": {"None": {}}, "VisibilityConfig": visibility, "Statement": {
            "ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": "AWSManagedRulesCommonRuleSet"}}}])
    try_to(client("cloudwatch").put_metric_data, Namespace="Seed", MetricData=[
        {"MetricName": "m", "Value": 1.5, "Unit": "Count", "Dimensions": [{"Name": "d", "Value": "v"}]}])
    try_to(client("ssm").send_command, DocumentName="AWS-RunShellScript", InstanceIds=["i-1"], Parameters={"commands": ["true"]})
    try_to(client("resourcegroupstaggingapi").get_resources, TagFilters=[{"Key": "a", "Values": ["b"]}])


def trees():
    cloudfront, s3 = client("cloudfront"), client("s3")
    everything = {"Quantity": 0}
    try_to(cloudfront.create_distribution_with_tags, DistributionConfigWithTags={
        "Tags": {"Items": [{"Key": "a", "Value": "b"}]},
        "DistributionConfig": {"CallerReference": "r", "Comment": "<&>", "Enabled": True, "Origins": {"Quantity": 1, "Items": [
            {"Id": "o", "DomainName": "example.com", "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"}}]},
            "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all", "TrustedSigners": {"Enabled": False, **everything},
                                     "ForwardedValues": {"QueryString": True, "Cookies": {"Forward": "all"}}, "MinTTL": 0}}})
    try_to(cloudfront.create_invalidation, DistributionId="E1", InvalidationBatch={"CallerReference": "r", "Paths": {"Quantity": 1, "Items": ["/*"]}})
    try_to(s3.create_bucket, Bucket="seeds")
    try_to(s3.put_bucket_tagging, Bucket="seeds", Tagging={"TagSet": [{"Key": "ü", "Value": "<&>"}]})
    try_to(s3.delete_objects, Bucket="seeds", Delete={"Objects": [{"Key": "a"}, {"Key": "b/c"}], "Quiet": True})
    try_to(s3.complete_multipart_upload, Bucket="seeds", Key="k", UploadId="u", MultipartUpload={"Parts": [{"ETag": "e", "PartNumber": 1}]})


def uploads():
    s3 = client("s3")
    try_to(s3.put_object, Bucket="seeds", Key="k", Body=io.BytesIO(b"hello world"), ChecksumAlgorithm="CRC32")
    try_to(s3.list_objects_v2, Bucket="seeds", Prefix="a/b")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "seeds", "Key": "k"})
    parts = urllib.parse.urlsplit(url)
    write("signature", "presigned", f"GET {parts.path}?{parts.query} HTTP/1.1\r\nhost: {parts.netloc}\r\n\r\n".encode())


if __name__ == "__main__":
    queries()
    documents()
    trees()
    uploads()
