"""Eventual consistency, where it was switched on: what was just made does not show its tags yet."""

import os
import unittest

from account import Case, client, until

TAGS = [{"Key": "confctl:stack", "Value": "mine"}]


@unittest.skipUnless("CONFORMANCE_SLOW_TAGS" in os.environ, "the sandbox was not started with --tag-delay")
class Tags(Case):

    def test_fresh_tags_read_as_none(self):
        dynamodb = client("dynamodb")
        table = dynamodb.create_table(
            TableName="fresh", BillingMode="PAY_PER_REQUEST", Tags=TAGS,
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}])["TableDescription"]["TableArn"]
        self.shows_late(lambda: dynamodb.list_tags_of_resource(ResourceArn=table)["Tags"])

    def test_fresh_tags_of_a_web_acl_too(self):
        wafv2 = client("wafv2")
        visible = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "m"}
        acl = wafv2.create_web_acl(Name="fresh", Scope="CLOUDFRONT", DefaultAction={"Allow": {}}, Tags=TAGS,
                                   VisibilityConfig=visible)["Summary"]["ARN"]
        self.shows_late(lambda: wafv2.list_tags_for_resource(ResourceARN=acl)["TagInfoForResource"]["TagList"])

    def shows_late(self, read):
        self.assertEqual([], read())
        until("the tags", lambda: read() == TAGS)
