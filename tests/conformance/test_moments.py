"""One moment is the same in every protocol, and one request has one id: in its header, its body and its events.

boto3 speaks AWS JSON with CloudWatch, and CBOR where it is left nothing else; the query protocol is spoken by hand.
"""

import datetime
import xml.etree.ElementTree as ElementTree

import botocore.session

import stack
from account import Case, client, query, signed, until

VERSION = "2010-08-01"
ALARM = "moments"
DIMENSION = "AutoScalingGroupName"


def milliseconds(moment):
    if isinstance(moment, str):
        moment = datetime.datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return round(moment.timestamp() * 1000)


def by_hand(action, member, **parameters):
    """The texts of all elements of that name in the answer to a query request."""
    status, _, body = query("monitoring", action, VERSION, **parameters)
    assert status == 200, body
    return [element.text for element in ElementTree.fromstring(body).iter() if element.tag.endswith("}" + member)]


def cloudwatch_in_cbor():
    """A client with the protocol that SDKs in other languages prefer."""
    session = botocore.session.get_session()
    # The loader gives the same model again to the client that is made of it.
    model = session.get_component("data_loader").load_service_model("cloudwatch", "service-2")
    model["metadata"]["protocols"] = ["smithy-rpc-v2-cbor"]
    made = session.create_client("cloudwatch")
    assert made.meta.service_model.resolved_protocol == "smithy-rpc-v2-cbor"
    return made


class Moments(Case):
    def test_clocks_agree_in_every_protocol(self):
        cloudwatch = client("cloudwatch")
        stack.prepare("moments")
        made = stack.create("moments", "moments-env", stack.SINGLE)
        self.assertEqual("Ready", stack.settled(made["EnvironmentId"])["Status"])
        resources = client("elasticbeanstalk").describe_environment_resources(EnvironmentName="moments-env")
        group = resources["EnvironmentResources"]["AutoScalingGroups"][0]["Name"]
        cloudwatch.put_metric_alarm(
            AlarmName=ALARM, Namespace="AWS/EC2", MetricName="CPUUtilization", Statistic="Average", Period=300,
            EvaluationPeriods=1, Threshold=50, ComparisonOperator="GreaterThanThreshold",
            Dimensions=[{"Name": DIMENSION, "Value": group}])
        cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="to see when")
        # It has no action, and nobody evaluates it between these readings but once.
        cloudwatch.disable_alarm_actions(AlarmNames=[ALARM])
        for one in (cloudwatch, cloudwatch_in_cbor()):
            self.alarm(one)
            self.history(one)
            self.statistics(one, group)

    def alarm(self, cloudwatch):
        alarm = cloudwatch.describe_alarms(AlarmNames=[ALARM])["MetricAlarms"][0]
        configured = milliseconds(alarm["AlarmConfigurationUpdatedTimestamp"])
        texts = by_hand("DescribeAlarms", "AlarmConfigurationUpdatedTimestamp", **{"AlarmNames.member.1": ALARM})
        self.assertEqual([configured], [milliseconds(text) for text in texts])

    def history(self, cloudwatch):
        items = cloudwatch.describe_alarm_history(AlarmName=ALARM, HistoryItemType="ConfigurationUpdate",
                                                  ScanBy="TimestampAscending")["AlarmHistoryItems"]
        first = milliseconds(items[0]["Timestamp"])
        texts = by_hand("DescribeAlarmHistory", "Timestamp", AlarmName=ALARM, HistoryItemType="ConfigurationUpdate",
                        ScanBy="TimestampAscending")
        self.assertEqual(first, milliseconds(texts[0]))

    def statistics(self, cloudwatch, group):
        launched = cloudwatch.describe_alarms(AlarmNames=[ALARM])["MetricAlarms"][0]["StateUpdatedTimestamp"]
        begin = launched.replace(minute=0, second=0, microsecond=0) - datetime.timedelta(hours=1)
        asked = {"Namespace": "AWS/EC2", "MetricName": "CPUUtilization", "Period": 300,
                 "StartTime": begin, "EndTime": begin + datetime.timedelta(hours=3)}

        def points():
            answer = cloudwatch.get_metric_statistics(**asked, Statistics=["Average"],
                                                      Dimensions=[{"Name": DIMENSION, "Value": group}])
            return sorted(milliseconds(point["Timestamp"]) for point in answer["Datapoints"])

        seen = until("two points", lambda: points() if len(points()) >= 2 else None)
        texts = by_hand("GetMetricStatistics", "Timestamp", Namespace="AWS/EC2", MetricName="CPUUtilization",
                        Period="300", StartTime=begin.isoformat(), EndTime=asked["EndTime"].isoformat(),
                        **{"Statistics.member.1": "Average", "Dimensions.member.1.Name": DIMENSION,
                           "Dimensions.member.1.Value": group})
        self.assertLessEqual(set(seen), {milliseconds(text) for text in texts})


class RequestIds(Case):
    def test_a_request_has_one_id(self):
        beanstalk = client("elasticbeanstalk")
        created = stack.create("moments", "ids-env", stack.SINGLE)
        mine = {"EnvironmentId": created["EnvironmentId"], "RequestId": created["ResponseMetadata"]["RequestId"]}

        def started():
            return [event["Message"] for event in beanstalk.describe_events(**mine)["Events"]]

        self.assertIn("createEnvironment is starting.", until("an event", started))
        stack.settled(created["EnvironmentId"])
        status, headers, body = query("elasticbeanstalk", "DescribeApplications", "2010-12-01")
        self.assertEqual((200, True), (status, headers["x-amzn-requestid"].encode() in body))
        status, headers, body = query("ec2", "DescribeVpcs", "2016-11-15")
        self.assertIn(b"<requestId>" + headers["x-amzn-requestid"].encode(), body)
        status, headers, body = query("ec2", "DeleteVpc", "2016-11-15", VpcId="vpc-0")
        self.assertIn(b"<RequestID>" + headers["x-amzn-requestid"].encode(), body)
        json_headers = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}
        status, headers, body = signed("dynamodb", "{}", json_headers)
        self.assertEqual((200, True), (status, bool(headers["x-amzn-requestid"])))
