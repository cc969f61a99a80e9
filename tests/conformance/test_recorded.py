"""What recorded answers of AWS have and a look at their members cannot tell: markers, frames of errors, headers."""

import json
import re
import time
import unittest

from account import Case, client, query, signed

JSON_1_1 = {"Content-Type": "application/x-amz-json-1.1"}


def waf(operation, **members):
    """A request as a hand-written client makes it, which sends what it was given."""
    status, headers, body = signed("wafv2", json.dumps(members), {**JSON_1_1, "X-Amz-Target": f"AWSWAF_20190729.{operation}"})
    return status, headers, json.loads(body)


class Recorded(Case):
    def test_a_list_of_wafv2_ends_with_a_marker_that_nobody_may_send_back(self):
        visibility = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "recorded"}
        made = client("wafv2").create_web_acl(Name="recorded", Scope="CLOUDFRONT", DefaultAction={"Allow": {}},
                                              VisibilityConfig=visibility)["Summary"]
        status, headers, tags = waf("ListTagsForResource", ResourceARN=made["ARN"])
        self.assertEqual((200, "application/x-amz-json-1.1"), (status, headers["content-type"]))
        self.assertEqual(("", []), (tags["NextMarker"], tags["TagInfoForResource"]["TagList"]))
        status, _, error = waf("ListTagsForResource", ResourceARN=made["ARN"], NextMarker=tags["NextMarker"])
        self.assertEqual((400, "ValidationException"), (status, error["__type"]))
        self.assertIn("Member must have length greater than or equal to 1", error["message"])
        # The last page has a marker too: what ends the list is a page with nothing on it.
        _, _, first = waf("ListWebACLs", Scope="CLOUDFRONT")
        self.assertEqual("recorded", first["NextMarker"])
        _, _, last = waf("ListWebACLs", Scope="CLOUDFRONT", NextMarker=first["NextMarker"])
        self.assertEqual({"WebACLs": []}, last)
        client("wafv2").delete_web_acl(Name="recorded", Scope="CLOUDFRONT", Id=made["Id"], LockToken=made["LockToken"])

    def test_every_service_answers_in_its_own_type(self):
        self.assertEqual("application/x-amz-json-1.1", self.type_of(client("ssm").describe_instance_information()))
        quota = client("service-quotas").get_service_quota(ServiceCode="ec2", QuotaCode="L-1216C47A")
        self.assertEqual("application/x-amz-json-1.1", self.type_of(quota))
        tables = client("dynamodb").list_tables()
        self.assertEqual("application/x-amz-json-1.0", self.type_of(tables))
        self.assertIn("x-amz-crc32", tables["ResponseMetadata"]["HTTPHeaders"])
        self.assertEqual("application/xml", self.type_of(client("s3").list_buckets()))
        self.assertEqual("text/xml", self.type_of(client("iam").list_roles()))
        self.assertEqual("text/xml", self.type_of(client("elasticbeanstalk").describe_applications()))

    def type_of(self, answer):
        return answer["ResponseMetadata"]["HTTPHeaders"]["content-type"]

    def test_an_error_of_s3_says_what_it_is_about(self):
        s3 = client("s3")
        s3.create_bucket(Bucket="conformance-recorded")
        s3.put_object(Bucket="conformance-recorded", Key="there", Body=b"x")
        for code, about, call, more in (
            ("NoSuchKey", {"Key": "not there"}, s3.get_object, {"Key": "not there"}),
            ("NoSuchBucket", {"BucketName": "conformance-nobody"}, s3.get_object, {"Bucket": "conformance-nobody", "Key": "k"}),
            ("PreconditionFailed", {"Condition": "If-None-Match"}, s3.put_object, {"Key": "there", "IfNoneMatch": "*"}),
            ("NotImplemented", {"Header": "If-Match"}, s3.put_object, {"Key": "there", "IfMatch": "*"}),
        ):
            with self.subTest(code=code), self.assertRaises(s3.exceptions.ClientError) as caught:
                call(**{"Bucket": "conformance-recorded", **more})
            error = caught.exception.response["Error"]
            self.assertEqual(code, error["Code"])
            self.assertEqual(about, {name: error.get(name) for name in about})
            self.assertNotIn("Resource", error)
            metadata = caught.exception.response["ResponseMetadata"]
            self.assertRegex(metadata["RequestId"], "^[A-Z0-9]{16}$")
            self.assertTrue(metadata["HostId"])

    def test_an_object_comes_with_its_encryption_and_its_sum(self):
        s3 = client("s3")
        s3.create_bucket(Bucket="conformance-sums")
        put = s3.put_object(Bucket="conformance-sums", Key="k/a b", Body=b"hello world", ChecksumAlgorithm="CRC32")
        self.assertEqual(("AES256", "DUoRhQ==", "FULL_OBJECT"),
                         (put["ServerSideEncryption"], put["ChecksumCRC32"], put["ChecksumType"]))
        head = s3.head_object(Bucket="conformance-sums", Key="k/a b", ChecksumMode="ENABLED")
        self.assertEqual(("AES256", "DUoRhQ=="), (head["ServerSideEncryption"], head["ChecksumCRC32"]))
        row = s3.list_objects_v2(Bucket="conformance-sums")["Contents"][0]
        self.assertEqual(("k/a b", ["CRC32"], "FULL_OBJECT"), (row["Key"], row["ChecksumAlgorithm"], row["ChecksumType"]))
        owner = s3.list_buckets()["Owner"]
        self.assertRegex(owner["ID"], "^[0-9a-f]{64}$")
        self.assertEqual("arn:aws:s3:::conformance-sums", s3.head_bucket(Bucket="conformance-sums")["BucketArn"])

    def test_datapoints_come_in_no_order(self):
        cloudwatch = client("cloudwatch")
        now = int(time.time()) // 60 * 60
        for minute in range(1, 9):
            cloudwatch.put_metric_data(Namespace="Recorded", MetricData=[
                {"MetricName": "m", "Timestamp": now - minute * 60, "Value": minute}])
        points = cloudwatch.get_metric_statistics(Namespace="Recorded", MetricName="m", Period=60, Statistics=["Sum"],
                                                  StartTime=now - 600, EndTime=now)["Datapoints"]
        times = [point["Timestamp"] for point in points]
        self.assertEqual(8, len(times))
        self.assertNotIn(times, (sorted(times), sorted(times, reverse=True)))

    def test_what_is_not_there_is_told_in_the_words_of_its_operation(self):
        self.refuses("ValidationError", client("cloudformation").describe_stack_events, StackName="nobody",
                     text="Stack [nobody] does not exist")
        self.refuses("ValidationError", client("cloudformation").describe_stacks, StackName="nobody",
                     text="Stack with id nobody does not exist")
        arn = "arn:aws:elasticbeanstalk:us-east-1:123456789012:environment/nothing/nobody"
        self.refuses("ResourceNotFoundException", client("elasticbeanstalk").list_tags_for_resource, ResourceArn=arn,
                     text="Environment does not exist")
        self.refuses("NoSuchEntity", client("iam").simulate_principal_policy, ActionNames=["s3:GetObject"],
                     PolicySourceArn="arn:aws:iam::123456789012:role/nobody", text="Unable to retrieve specified IAM entity.")
        self.refuses("NoSuchEntity", client("iam").remove_role_from_instance_profile, InstanceProfileName="nobody",
                     RoleName="no-role", text="The role with name no-role cannot be found.")
        _, _, body = query("sns", "GetTopicAttributes", "2010-03-31", TopicArn="arn:aws:sns:us-east-1:123456789012:nobody")
        self.assertTrue(re.search(b"<Code>NotFound</Code><Message>Topic does not exist</Message>", body), body)

    def test_policies_there_are_that_cannot_be_attached(self):
        iam = client("iam")
        trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
        made = iam.create_role(RoleName="attaching", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
        self.assertNotIn("MaxSessionDuration", made)
        self.assertEqual({}, iam.get_role(RoleName="attaching")["Role"]["RoleLastUsed"])
        aws = "arn:aws:iam::aws:policy"
        self.refuses("PolicyNotAttachable", iam.attach_role_policy, RoleName="attaching",
                     PolicyArn=f"{aws}/aws-service-role/AutoScalingServiceRolePolicy")
        self.refuses("NoSuchEntity", iam.attach_role_policy, RoleName="attaching", PolicyArn=f"{aws}/Nothing",
                     text="Policy arn:aws:iam::aws:policy/Nothing does not exist or is not attachable.")
        for name in ("AmazonDynamoDBFullAccess", "AmazonDynamoDBFullAccess_v2"):
            iam.attach_role_policy(RoleName="attaching", PolicyArn=f"{aws}/{name}")
            iam.detach_role_policy(RoleName="attaching", PolicyArn=f"{aws}/{name}")


if __name__ == "__main__":
    unittest.main()
