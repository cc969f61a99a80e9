"""The Resource Groups Tagging API: who carries which tags, late, region by region, and for a while after it is gone."""

from account import Case, client, until

OURS = [{"Key": "confctl:stack", "Value": "tagged"}]
FILTER = [{"Key": "confctl:stack", "Values": ["tagged"]}]
ORIGIN = {"Id": "o", "DomainName": "example.com",
          "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"}}
BEHAVIOR = {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all",
            "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6"}
DISTRIBUTION = {"CallerReference": "tagged", "Comment": "", "Enabled": False, "DefaultCacheBehavior": BEHAVIOR,
                "Origins": {"Quantity": 1, "Items": [ORIGIN]}}
VISIBLE = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "m"}
ELSEWHERE = "eu-west-1"


def specification(kind):
    return [{"ResourceType": kind, "Tags": OURS}]


def found(region="us-east-1", **parameters):
    """ARN to tags, from all pages."""
    pages = client("resourcegroupstaggingapi", region).get_paginator("get_resources").paginate(**parameters)
    return {one["ResourceARN"]: one["Tags"] for page in pages for one in page["ResourceTagMappingList"]}


def beginnings(arns):
    return sorted({arn.rsplit("/", 1)[0] for arn in arns})


class Tagging(Case):
    def setUp(self):
        self.tagging = client("resourcegroupstaggingapi")

    def test_everything_that_carries_a_tag_is_found_in_its_region(self):
        account = client("sts").get_caller_identity()["Account"]
        ec2, beanstalk = client("ec2"), client("elasticbeanstalk")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=specification("vpc"))["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24",
                                   TagSpecifications=specification("subnet"))["Subnet"]["SubnetId"]
        key = ec2.create_key_pair(KeyName="tagged", TagSpecifications=specification("key-pair"))["KeyPairId"]
        table = client("dynamodb").create_table(
            TableName="tagged", BillingMode="PAY_PER_REQUEST", Tags=OURS,
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}])["TableDescription"]["TableArn"]
        application = beanstalk.create_application(ApplicationName="tagged", Tags=OURS)["Application"]["ApplicationArn"]
        s3 = client("s3")
        s3.create_bucket(Bucket="conformance-tagged")
        s3.put_bucket_tagging(Bucket="conformance-tagged", Tagging={"TagSet": OURS})
        acl = client("wafv2").create_web_acl(Name="tagged", Scope="CLOUDFRONT", DefaultAction={"Allow": {}}, Tags=OURS,
                                             VisibilityConfig=VISIBLE)["Summary"]["ARN"]
        distribution = client("cloudfront").create_distribution_with_tags(DistributionConfigWithTags={
            "DistributionConfig": DISTRIBUTION, "Tags": {"Items": OURS}})["Distribution"]["ARN"]
        # Neither is in the index: their own services are to be asked.
        iam = client("iam")
        iam.create_role(RoleName="tagged", AssumeRolePolicyDocument='{"Statement": []}', Tags=OURS)
        iam.create_instance_profile(InstanceProfileName="tagged", Tags=OURS)
        elsewhere = client("ec2", ELSEWHERE).create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=specification("vpc"))
        mine = f"arn:aws:ec2:us-east-1:{account}:"
        wanted = {f"{mine}vpc/{vpc}", f"{mine}subnet/{subnet}", f"{mine}key-pair/{key}", table, application,
                  "arn:aws:s3:::conformance-tagged", acl, distribution}
        until("all of them", lambda: found(TagFilters=FILTER).keys() >= wanted)
        self.assertEqual(wanted, set(found(TagFilters=FILTER)))
        self.assertEqual(OURS, found(TagFilters=FILTER)[table])
        there = f"arn:aws:ec2:{ELSEWHERE}:{account}:vpc/{elsewhere['Vpc']['VpcId']}"
        until("the other region's", lambda: set(found(ELSEWHERE, TagFilters=FILTER)) == {there})
        self.found_by_pages_types_and_names(wanted, table)
        self.listed_when_it_is_gone(ec2, subnet, f"{mine}subnet/{subnet}")

    def found_by_pages_types_and_names(self, wanted, table):
        self.assertEqual(wanted, set(found(TagFilters=FILTER, ResourcesPerPage=3)))
        first = self.tagging.get_resources(TagFilters=FILTER, ResourcesPerPage=3)
        self.assertEqual(3, len(first["ResourceTagMappingList"]))
        last = self.tagging.get_resources(TagFilters=FILTER, ResourcesPerPage=100)
        self.assertEqual("", last["PaginationToken"])
        self.refuses("InvalidParameterException", self.tagging.get_resources, PaginationToken="made up")

        def of(*types):
            return beginnings(found(TagFilters=FILTER, ResourceTypeFilters=list(types)))

        self.assertEqual(beginnings([table]), of("dynamodb:table"))
        self.assertEqual(2, len(of("cloudfront:distribution", "s3:bucket")))
        self.assertEqual(3, len(of("ec2")))
        self.assertEqual([], of("autoscaling", "iam"))
        both = FILTER + [{"Key": "confctl:resource"}]
        self.assertEqual({}, found(TagFilters=both))
        named = self.tagging.get_resources(ResourceARNList=[table, f"{table}-not"])["ResourceTagMappingList"]
        self.assertEqual([{"ResourceARN": table, "Tags": OURS}], named)
        self.assertIn("confctl:stack", self.tagging.get_tag_keys()["TagKeys"])
        self.assertEqual(["tagged"], self.tagging.get_tag_values(Key="confctl:stack")["TagValues"])

    def listed_when_it_is_gone(self, ec2, subnet, arn):
        ec2.delete_subnet(SubnetId=subnet)
        self.refuses("InvalidSubnetID.NotFound", ec2.describe_subnets, SubnetIds=[subnet])
        self.assertIn(arn, found(TagFilters=FILTER))
        until("the index to forget it", lambda: arn not in found(TagFilters=FILTER))

    def test_what_cannot_be_asked_for(self):
        ask, code = self.tagging.get_resources, "InvalidParameterException"
        arn = "arn:aws:s3:::b"
        self.refuses(code, ask, ResourceARNList=[arn], TagFilters=FILTER)
        self.refuses(code, ask, ResourceARNList=[arn], ResourceTypeFilters=["s3"])
        self.refuses(code, ask, ResourceARNList=[arn], ResourcesPerPage=10)
        self.refuses(code, ask, ResourcesPerPage=101)
        self.refuses(code, ask, TagsPerPage=99)
        self.refuses(code, ask, TagFilters=[{"Key": "k", "Values": [str(n) for n in range(21)]}])
        # There are no tag policies here.
        self.refuses("NotImplemented", ask, IncludeComplianceDetails=True)
