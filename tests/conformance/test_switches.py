"""Eventual consistency, where it was switched on: what was just made is not there yet, what was changed reads as before.

Each story begins as a hasty client would go on, and shows how that ends.
"""

import io
import json
import os
import time
import unittest
import zipfile

import stack
from account import Case, client, refusal, until

TAGS = [{"Key": "confctl:stack", "Value": "mine"}]
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
WEB_TIER = "arn:aws:iam::aws:policy/AWSElasticBeanstalkWebTier"
ORIGIN = {"Id": "o", "DomainName": "example.com",
          "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"}}
BEHAVIOR = {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all",
            "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6"}
DISTRIBUTION = {"CallerReference": "one", "Comment": "before", "Enabled": False, "DefaultCacheBehavior": BEHAVIOR,
                "Origins": {"Quantity": 1, "Items": [ORIGIN]}}
VISIBLE = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "m"}


@unittest.skipUnless("CONFORMANCE_SLOW_READS" in os.environ, "the sandbox was not started with --tag-delay")
class Late(Case):

    def shows(self, what, call, *arguments, **parameters):
        """Waits until a call that was refused a moment ago is answered."""
        until(what, lambda: refusal(call, *arguments, **parameters)[0] is None)

    def test_a_table_and_its_tags(self):
        dynamodb = client("dynamodb")
        table = dynamodb.create_table(
            TableName="fresh", BillingMode="PAY_PER_REQUEST", Tags=TAGS,
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}])["TableDescription"]["TableArn"]
        self.refuses("ResourceNotFoundException", dynamodb.describe_table, TableName="fresh")
        self.assertEqual([], dynamodb.list_tables()["TableNames"])
        self.assertEqual([], dynamodb.list_tags_of_resource(ResourceArn=table)["Tags"])
        # It is there all the same: who makes it again is told so.
        self.refuses("ResourceInUseException", dynamodb.create_table, TableName="fresh", BillingMode="PAY_PER_REQUEST",
                     AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
                     KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}])
        self.shows("the table", dynamodb.describe_table, TableName="fresh")
        until("its tags", lambda: dynamodb.list_tags_of_resource(ResourceArn=table)["Tags"] == TAGS)

    def test_the_index_of_tags_is_told_later_still(self):
        dynamodb, tagging = client("dynamodb"), client("resourcegroupstaggingapi")
        table = dynamodb.create_table(
            TableName="indexed", BillingMode="PAY_PER_REQUEST", Tags=[{"Key": "indexed", "Value": "yes"}],
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}])["TableDescription"]["TableArn"]

        def found():
            answer = tagging.get_resources(TagFilters=[{"Key": "indexed"}])
            return [one["ResourceARN"] for one in answer["ResourceTagMappingList"]]

        until("its tags", lambda: refusal(dynamodb.list_tags_of_resource, ResourceArn=table)[0] is None and
              dynamodb.list_tags_of_resource(ResourceArn=table)["Tags"])
        self.assertEqual([], found())
        until("the index", lambda: found() == [table])

    def test_a_role_and_what_becomes_of_it(self):
        iam, sts = client("iam"), client("sts")
        account = sts.get_caller_identity()["Account"]
        trust = TRUST.replace('"Service": "ec2.amazonaws.com"', f'"AWS": "arn:aws:iam::{account}:root"')
        role = iam.create_role(RoleName="fresh", AssumeRolePolicyDocument=trust, Tags=TAGS)["Role"]["Arn"]
        self.refuses("NoSuchEntity", iam.get_role, RoleName="fresh")
        self.refuses("NoSuchEntity", iam.attach_role_policy, RoleName="fresh", PolicyArn=WEB_TIER)
        self.refuses("AccessDenied", sts.assume_role, RoleArn=role, RoleSessionName="me")
        self.shows("the role", iam.get_role, RoleName="fresh")
        self.assertEqual(TAGS, iam.list_role_tags(RoleName="fresh")["Tags"])
        iam.attach_role_policy(RoleName="fresh", PolicyArn=WEB_TIER)

        def attached():
            return iam.list_attached_role_policies(RoleName="fresh")["AttachedPolicies"]

        self.assertEqual([], attached())
        until("the policy", attached)
        iam.detach_role_policy(RoleName="fresh", PolicyArn=WEB_TIER)
        # IAM may still see what was just taken away.
        until("the role is let go", lambda: refusal(iam.delete_role, RoleName="fresh")[0] is None)
        # Deleted, and still to be read: whoever counts what is left would count it.
        self.assertEqual("fresh", iam.get_role(RoleName="fresh")["Role"]["RoleName"])
        self.assertEqual(1, len(attached()))
        self.refuses("NoSuchEntity", iam.delete_role, RoleName="fresh")
        until("the role to be gone", lambda: refusal(iam.get_role, RoleName="fresh")[0] == "NoSuchEntity")

    def test_a_network(self):
        ec2 = client("ec2")
        vpc = ec2.create_default_vpc()["Vpc"]["VpcId"]
        default = [{"Name": "is-default", "Values": ["true"]}]
        self.refuses("InvalidVpcID.NotFound", ec2.describe_vpcs, VpcIds=[vpc])
        self.refuses("InvalidVpcID.NotFound", ec2.create_tags, Resources=[vpc], Tags=TAGS)
        self.assertEqual([], ec2.describe_vpcs(Filters=default)["Vpcs"])
        self.refuses("DefaultVpcAlreadyExists", ec2.create_default_vpc)
        self.shows("the VPC", ec2.create_tags, Resources=[vpc], Tags=TAGS)
        seen = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]
        self.assertNotIn(TAGS[0], seen.get("Tags", []))
        until("its tags", lambda: ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0].get("Tags") == TAGS)

    def test_a_key_pair(self):
        ec2 = client("ec2")
        ec2.create_key_pair(KeyName="fresh")
        self.refuses("InvalidKeyPair.NotFound", ec2.describe_key_pairs, KeyNames=["fresh"])
        self.refuses("InvalidKeyPair.Duplicate", ec2.create_key_pair, KeyName="fresh")
        self.shows("the key pair", ec2.describe_key_pairs, KeyNames=["fresh"])

    def test_a_web_acl(self):
        wafv2, cloudfront = client("wafv2"), client("cloudfront")
        acl = wafv2.create_web_acl(Name="fresh", Scope="CLOUDFRONT", DefaultAction={"Allow": {}}, Tags=TAGS,
                                   VisibilityConfig=VISIBLE)["Summary"]
        tags = {"ResourceARN": acl["ARN"]}
        self.refuses("WAFNonexistentItemException", wafv2.list_tags_for_resource, **tags)
        self.assertEqual([], wafv2.list_web_acls(Scope="CLOUDFRONT")["WebACLs"])
        with_it = {**DISTRIBUTION, "CallerReference": "behind it", "WebACLId": acl["ARN"]}
        self.refuses("InvalidWebACLId", cloudfront.create_distribution, DistributionConfig=with_it)
        self.shows("the web ACL", cloudfront.create_distribution, DistributionConfig=with_it)
        self.assertEqual(TAGS, wafv2.list_tags_for_resource(**tags)["TagInfoForResource"]["TagList"])

    def test_a_distribution(self):
        cloudfront = client("cloudfront")
        made = cloudfront.create_distribution(DistributionConfig=DISTRIBUTION)
        distribution = made["Distribution"]["Id"]
        self.refuses("NoSuchDistribution", cloudfront.get_distribution, Id=distribution)
        self.shows("the distribution", cloudfront.get_distribution, Id=distribution)
        changed = {**made["Distribution"]["DistributionConfig"], "Comment": "after"}
        cloudfront.update_distribution(Id=distribution, DistributionConfig=changed, IfMatch=made["ETag"])
        # Who reads it to change it again reads what was, with the ETag of what was.
        stale = cloudfront.get_distribution_config(Id=distribution)
        self.assertEqual("before", stale["DistributionConfig"]["Comment"])
        self.refuses("PreconditionFailed", cloudfront.update_distribution, Id=distribution, DistributionConfig=changed,
                     IfMatch=stale["ETag"])
        until("the change", lambda: cloudfront.get_distribution_config(
            Id=distribution)["DistributionConfig"]["Comment"] == "after")


@unittest.skipUnless("CONFORMANCE_SLOW_READS" in os.environ, "the sandbox was not started with --tag-delay")
class LateForBeanstalk(Case):

    @classmethod
    def setUpClass(cls):
        cls.beanstalk, s3 = client("elasticbeanstalk"), client("s3")
        bucket = cls.beanstalk.create_storage_location()["S3Bucket"]
        cls.application = cls.beanstalk.create_application(ApplicationName="late", Tags=TAGS)["Application"]
        bundle = io.BytesIO()
        with zipfile.ZipFile(bundle, "w") as archive:
            archive.writestr("Procfile", "web: sleep 1000\n")
        s3.put_object(Bucket=bucket, Key="late.zip", Body=bundle.getvalue())
        cls.beanstalk.create_application_version(ApplicationName="late", VersionLabel="one",
                                                 SourceBundle={"S3Bucket": bucket, "S3Key": "late.zip"})
        ec2 = client("ec2")
        refusal(ec2.create_default_vpc)

    def test_an_environment_is_listed_late_and_so_are_tags(self):
        # Its profile has been spread, so that it lives until it is listed.
        iam, profile = client("iam"), "spread-profile"
        iam.create_role(RoleName=profile, AssumeRolePolicyDocument=TRUST)
        until("the role", lambda: refusal(iam.get_role, RoleName=profile)[0] is None)
        iam.create_instance_profile(InstanceProfileName=profile)
        iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=profile)
        began = time.monotonic()
        until("the profile", lambda: refusal(iam.get_instance_profile, InstanceProfileName=profile)[0] is None)
        until("its role", lambda: iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"])
        # To other services IAM tells it as late again, and no API tells when.
        time.sleep(time.monotonic() - began + 1)
        given = stack.option("autoscaling:launchconfiguration", "IamInstanceProfile", profile)
        settings = [one for one in stack.SINGLE if one["OptionName"] != given["OptionName"]] + [given]
        made = stack.create("late", "unlisted-env", settings, Tags=TAGS)
        mine = {"EnvironmentIds": [made["EnvironmentId"]]}
        self.assertEqual([], self.beanstalk.describe_environments(**mine)["Environments"])
        tags = self.beanstalk.list_tags_for_resource(ResourceArn=made["EnvironmentArn"])["ResourceTags"]
        self.assertNotIn(TAGS[0], tags)
        until("the environment", lambda: self.beanstalk.describe_environments(**mine)["Environments"])
        application = self.application["ApplicationArn"]
        until("the tags", lambda: self.beanstalk.list_tags_for_resource(ResourceArn=application)["ResourceTags"] == TAGS)

    def test_an_environment_of_a_profile_that_was_just_made_is_gone_at_once(self):
        iam = client("iam")
        iam.create_role(RoleName=stack.INSTANCE_ROLE, AssumeRolePolicyDocument=TRUST)
        until("the role", lambda: refusal(iam.get_role, RoleName=stack.INSTANCE_ROLE)[0] is None)
        iam.create_instance_profile(InstanceProfileName=stack.INSTANCE_ROLE)
        iam.add_role_to_instance_profile(InstanceProfileName=stack.INSTANCE_ROLE, RoleName=stack.INSTANCE_ROLE)
        made = stack.create("late", "hasty-env", stack.SINGLE)["EnvironmentId"]
        seen = until("the environment", lambda: self.beanstalk.describe_environments(EnvironmentIds=[made])["Environments"])
        self.assertEqual("Terminated", seen[0]["Status"])
        errors = self.beanstalk.describe_events(EnvironmentId=made, Severity="ERROR")["Events"]
        text = f"The instance profile {stack.INSTANCE_ROLE} associated with the environment does not exist."
        self.assertIn(text, [one["Message"] for one in errors])
