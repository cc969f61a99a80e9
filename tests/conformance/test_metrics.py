"""Metrics of one's own: published, read, and watched by an alarm."""

import datetime

from account import Case, client, until

NAMESPACE = "Conformance"
SITE = [{"Name": "Site", "Value": "one"}]


class Metrics(Case):
    def setUp(self):
        self.cloudwatch = client("cloudwatch")

    def put(self, **datum):
        self.cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=[{"MetricName": "People", **datum}])

    def statistics(self, name, dimensions=()):
        # The account's clock may be ahead of this machine's.
        day = datetime.timedelta(days=1)
        now = datetime.datetime.now(datetime.timezone.utc)
        found = self.cloudwatch.get_metric_statistics(
            Namespace=NAMESPACE, MetricName=name, Dimensions=dimensions, Period=86_400, StartTime=now - day,
            EndTime=now + 90 * day, Statistics=["Sum", "SampleCount", "Minimum", "Maximum"])["Datapoints"]
        return [sum(point[name] for point in found) for name in ("Sum", "SampleCount")]

    def test_values_are_read_as_they_were_published(self):
        self.put(Value=3, Dimensions=SITE, Unit="Count")
        self.put(Values=[4, 5], Dimensions=SITE, Unit="Count")
        self.assertEqual([12, 3], self.statistics("People", SITE))
        self.assertEqual([0, 0], self.statistics("People"))
        listed = self.cloudwatch.list_metrics(Namespace=NAMESPACE, MetricName="People")["Metrics"]
        self.assertEqual([SITE], [metric["Dimensions"] for metric in listed])

    def test_a_large_request_comes_compressed(self):
        many = [{"MetricName": "Many", "Value": 1.0} for _ in range(900)]
        self.cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=many)
        self.assertEqual([900, 900], self.statistics("Many"))

    def test_what_is_no_metric_of_ones_own_is_refused(self):
        datum = {"MetricName": "People", "Value": 1}
        put = self.cloudwatch.put_metric_data
        self.refuses("InvalidParameterValue", put, Namespace="AWS/EC2", MetricData=[datum])
        self.refuses("InvalidParameterCombination", put, Namespace=NAMESPACE, MetricData=[{"MetricName": "People"}])
        old = datetime.datetime(2020, 1, 1)
        self.refuses("InvalidParameterValue", put, Namespace=NAMESPACE, MetricData=[{**datum, "Timestamp": old}])
        self.refuses("NotImplemented", put, Namespace=NAMESPACE, text="MetricData.Counts",
                     MetricData=[{"MetricName": "People", "Values": [1], "Counts": [2]}])

    def test_an_alarm_watches_it(self):
        self.cloudwatch.put_metric_alarm(
            AlarmName="crowd", Namespace=NAMESPACE, MetricName="Crowd", Statistic="Maximum", Period=60, Threshold=10,
            EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold")

        def alarms():
            self.cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=[{"MetricName": "Crowd", "Value": 11}])
            return self.cloudwatch.describe_alarms(AlarmNames=["crowd"], StateValue="ALARM")["MetricAlarms"]

        until("the alarm", alarms)
