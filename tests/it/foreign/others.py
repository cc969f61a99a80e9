"""Other people's things in one account: of every kind that confctl touches, some with its names, some with its tags' keys.

`others.py make` makes them; `others.py look` prints all that AWS tells of them.
"""

import io
import json
import sys
import zipfile

import boto3

HOME, AWAY = "us-east-1", "eu-central-1"
# Another stack; the stack of the same name in another region; and what is no stack's.
OTHER = {"confctl:stack": "theirs", "confctl:region": HOME, "confctl:resource": "users-table"}
ELSEWHERE = {"confctl:stack": "tcb-conference", "confctl:region": AWAY, "confctl:resource": "default-vpc"}
PLAIN = {"Name": "ours", "team": "billing"}
CACHED = "658327ea-f89d-4fab-a63d-7e88639e58f6"


def pairs(tags):
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def at_birth(kind, tags):
    return [{"ResourceType": kind, "Tags": pairs(tags)}]


def client(service, region=HOME):
    return boto3.client(service, region_name=region)


def trust(service, **condition):
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole", **condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def tables(region, named):
    dynamodb = client("dynamodb", region)
    for name, tags in named.items():
        dynamodb.create_table(
            TableName=name, BillingMode="PAY_PER_REQUEST", Tags=pairs(tags),
            AttributeDefinitions=[{"AttributeName": "email", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "email", "KeyType": "HASH"}])
    for name in named:
        dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
        dynamodb.put_item(TableName=name, Item={"email": {"S": "vip@example.com"}})
    return list(named)


def networks(region, tags, names):
    """A default VPC and one beside it, with all that lies in them, and a gateway that leads nowhere."""
    ec2 = client("ec2", region)
    ec2.create_default_vpc()
    own = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=at_birth("vpc", tags))["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=own, CidrBlock="10.0.1.0/24", TagSpecifications=at_birth("subnet", tags))
    gateways = [ec2.create_internet_gateway(TagSpecifications=at_birth("internet-gateway", of))
                for of in (tags, tags, PLAIN)]
    attached = gateways[0]["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=attached, VpcId=own)
    table = ec2.create_route_table(VpcId=own, TagSpecifications=at_birth("route-table", tags))["RouteTable"]
    ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=attached)
    ec2.associate_route_table(RouteTableId=table["RouteTableId"], SubnetId=subnet["Subnet"]["SubnetId"])
    group = ec2.create_security_group(GroupName="web", Description="theirs", VpcId=own,
                                      TagSpecifications=at_birth("security-group", tags))["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=443, ToPort=443, CidrIp="0.0.0.0/0")
    ec2.create_vpc_endpoint(VpcId=own, ServiceName=f"com.amazonaws.{region}.dynamodb",
                            RouteTableIds=[table["RouteTableId"]])
    for name, of in names.items():
        ec2.create_key_pair(KeyName=name, TagSpecifications=at_birth("key-pair", of))


def roles():
    iam = client("iam")
    external = {"Condition": {"StringEquals": {"sts:ExternalId": "elasticbeanstalk"}}}
    described = "Made by confctl for stack tcb-conference in us-east-1"
    # One that can do the job, one of the article's name that cannot, one that looks like ours, two of others' stacks.
    for name, document, tags, description in [
            ("aws-elasticbeanstalk-service-role", trust("elasticbeanstalk.amazonaws.com", **external), PLAIN, ""),
            ("aws-elasticbeanstalk-ec2-role", trust("ec2.amazonaws.com"), PLAIN, ""),
            ("looks-like-ours", trust("ec2.amazonaws.com"), PLAIN, described),
            ("of-theirs", trust("ec2.amazonaws.com"), OTHER, described),
            ("of-elsewhere", trust("ec2.amazonaws.com"), ELSEWHERE, described)]:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, Tags=pairs(tags), Description=description)
        if "service" in name:
            for policy in ["service-role/AWSElasticBeanstalkEnhancedHealth",
                           "AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy"]:
                iam.attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
            continue
        inline = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}
        iam.put_role_policy(RoleName=name, PolicyName="confctl-record", PolicyDocument=json.dumps(inline))
        iam.create_instance_profile(InstanceProfileName=name, Tags=pairs(tags))
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)


def edge():
    waf = boto3.client("wafv2", region_name=HOME)
    seen = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "theirs"}
    acl = waf.create_web_acl(Name="theirs", Scope="CLOUDFRONT", DefaultAction={"Allow": {}}, Rules=[],
                             VisibilityConfig=seen, Tags=pairs(OTHER))["Summary"]["ARN"]
    for number, tags in enumerate([OTHER, ELSEWHERE, PLAIN]):
        config = {
            # With the comment that ours has, where the tags say whose it is: without any, `up` would be blocked.
            "CallerReference": f"theirs-{number}", "Enabled": True,
            "Comment": "confctl tcb-conference us-east-1" if tags is not PLAIN else "theirs",
            "WebACLId": acl,
            "Origins": {"Quantity": 1, "Items": [{
                "Id": "site", "DomainName": "origin.example.com",
                "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"}}]},
            "DefaultCacheBehavior": {"TargetOriginId": "site", "ViewerProtocolPolicy": "allow-all",
                                     "CachePolicyId": CACHED}}
        client("cloudfront").create_distribution_with_tags(
            DistributionConfigWithTags={"DistributionConfig": config, "Tags": {"Items": pairs(tags)}})


def site():
    """An application of others that is up, and one of our name in another region."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as bundle:
        bundle.writestr("Procfile", "web: python3 -m http.server $PORT\n")
        bundle.writestr("index.html", "<h1>Theirs</h1>\n")
    there = client("elasticbeanstalk", AWAY)
    there.create_application(ApplicationName="tcb-conference", Tags=pairs(ELSEWHERE))
    here = client("elasticbeanstalk")
    bucket = here.create_storage_location()["S3Bucket"]
    client("s3").put_object(Bucket=bucket, Key="theirs/one.zip", Body=content.getvalue())
    # The record of another stack, and something that begins as ours does.
    client("s3").put_object(Bucket=bucket, Key="confctl/theirs/profile.toml", Body=b"region = 'us-east-1'\n")
    client("s3").put_object(Bucket=bucket, Key="confctl/tcb-conference-2/lock.json", Body=b"{}")
    here.create_application(ApplicationName="theirs", Tags=pairs(OTHER))
    here.create_application_version(ApplicationName="theirs", VersionLabel="one", Tags=pairs(OTHER),
                                    SourceBundle={"S3Bucket": bucket, "S3Key": "theirs/one.zip"})
    option = {"Namespace": "aws:elasticbeanstalk:environment", "OptionName": "EnvironmentType",
              "Value": "SingleInstance"}
    profile = {"Namespace": "aws:autoscaling:launchconfiguration", "OptionName": "IamInstanceProfile",
               "Value": "aws-elasticbeanstalk-ec2-role"}
    made = here.create_environment(
        ApplicationName="theirs", EnvironmentName="Theirs-env", VersionLabel="one", Tags=pairs(OTHER),
        PlatformArn="arn:aws:elasticbeanstalk:::platform/Go 1 running on 64bit Amazon Linux 2023",
        OptionSettings=[option, profile])
    while here.describe_environments(EnvironmentIds=[made["EnvironmentId"]])["Environments"][0]["Status"] != "Ready":
        pass


def odds():
    s3 = client("s3")
    s3.create_bucket(Bucket="theirs-and-nobody-elses")
    s3.put_object(Bucket="theirs-and-nobody-elses", Key="confctl/tcb-conference/profile.toml", Body=b"theirs")
    s3.put_bucket_tagging(Bucket="theirs-and-nobody-elses", Tagging={"TagSet": pairs(OTHER)})
    client("cloudwatch").put_metric_alarm(
        AlarmName="awseb-theirs", Namespace="AWS/EC2", MetricName="CPUUtilization", Statistic="Average", Period=60,
        EvaluationPeriods=1, Threshold=50, ComparisonOperator="GreaterThanThreshold", ActionsEnabled=False)


def told(call, *drop, **arguments):
    """An answer without what it says of the request, and without what changes by itself."""
    def without(value):
        if isinstance(value, dict):
            return {key: without(part) for key, part in value.items() if key not in ("ResponseMetadata", *drop)}
        return [without(part) for part in value] if isinstance(value, list) else value
    return without(call(**arguments))


def networks_of(region):
    ec2 = client("ec2", region)
    vpcs = sorted(vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"])
    in_them = [{"Name": "vpc-id", "Values": vpcs}]
    # What Beanstalk adds to the default VPC for us comes and goes: theirs are known by what they had at first.
    return [
        told(ec2.describe_vpcs), told(ec2.describe_subnets, "AvailableIpAddressCount", Filters=in_them),
        told(ec2.describe_internet_gateways), told(ec2.describe_route_tables, Filters=in_them),
        told(ec2.describe_vpc_endpoints), told(ec2.describe_key_pairs),
    ]


def look():
    beanstalk, iam, waf = client("elasticbeanstalk"), client("iam"), client("wafv2")
    theirs = ["aws-elasticbeanstalk-service-role", "aws-elasticbeanstalk-ec2-role", "looks-like-ours", "of-theirs",
              "of-elsewhere"]
    seen = [networks_of(HOME), networks_of(AWAY)]
    for name in theirs:
        seen += [told(iam.get_role, "RoleLastUsed", RoleName=name),
                 told(iam.list_attached_role_policies, RoleName=name), told(iam.list_role_policies, RoleName=name)]
        if "service" not in name:
            seen += [told(iam.get_instance_profile, "RoleLastUsed", InstanceProfileName=name),
                     told(iam.get_role_policy, RoleName=name, PolicyName="confctl-record")]
    for region, name in [(HOME, "theirs"), (HOME, "nobodys"), (AWAY, "users")]:
        dynamodb = client("dynamodb", region)
        seen += [told(dynamodb.describe_table, "ItemCount", "TableSizeBytes", TableName=name), told(dynamodb.scan, TableName=name)]
    environment = {"ApplicationName": "theirs", "EnvironmentName": "Theirs-env"}
    seen += [
        told(beanstalk.describe_applications, ApplicationNames=["theirs"]),
        told(beanstalk.describe_application_versions, ApplicationName="theirs"),
        told(beanstalk.describe_configuration_settings, **environment),
        told(beanstalk.describe_environments, "Health", "HealthStatus", EnvironmentNames=["Theirs-env"]),
        told(beanstalk.describe_environment_resources, EnvironmentName="Theirs-env"),
        told(client("elasticbeanstalk", AWAY).describe_applications),
    ]
    for one in client("cloudfront").list_distributions()["DistributionList"].get("Items", []):
        if one["Origins"]["Items"][0]["DomainName"] == "origin.example.com":
            seen.append(told(client("cloudfront").get_distribution_config, Id=one["Id"]))
    for acl in waf.list_web_acls(Scope="CLOUDFRONT")["WebACLs"]:
        if acl["Name"] == "theirs":
            seen.append(told(waf.get_web_acl, Name="theirs", Scope="CLOUDFRONT", Id=acl["Id"]))
    seen.append(told(client("cloudwatch").describe_alarms, AlarmNames=["awseb-theirs"]))
    for bucket, key in [("theirs-and-nobody-elses", "confctl/tcb-conference/profile.toml"),
                        (beanstalk.create_storage_location()["S3Bucket"], "theirs/one.zip")]:
        seen.append(client("s3").get_object(Bucket=bucket, Key=key)["ETag"])
    print(json.dumps(seen, default=str, indent=1, sort_keys=True))


def make():
    tables(HOME, {"theirs": OTHER, "nobodys": PLAIN})
    tables(AWAY, {"users": ELSEWHERE})
    networks(HOME, OTHER, {"mod4-ssh-key": PLAIN, "theirs": OTHER})
    networks(AWAY, ELSEWHERE, {"mod4-ssh-key": ELSEWHERE})
    roles()
    edge()
    site()
    odds()


if __name__ == "__main__":
    make() if sys.argv[1] == "make" else look()
