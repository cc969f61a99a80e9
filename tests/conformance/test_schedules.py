"""Scheduled actions of an environment's group, and its own tags, as boto3 finds them."""

import datetime

import stack
from account import Case, client, until

APPLICATION = "hourly"


class Schedules(Case):
    def test_a_group_is_larger_at_an_hour_and_smaller_at_another(self):
        stack.prepare(APPLICATION)
        made = stack.create(APPLICATION, "hourly-env", stack.SINGLE)
        there = stack.settled(made["EnvironmentId"])
        parts = client("elasticbeanstalk").describe_environment_resources(EnvironmentId=made["EnvironmentId"])
        self.named = {"AutoScalingGroupName": parts["EnvironmentResources"]["AutoScalingGroups"][0]["Name"]}
        self.scaling = client("autoscaling")
        self.what_is_not_taken(there["DateCreated"])
        self.tags_of_its_own()
        self.there_and_back(there["DateUpdated"])

    def group(self):
        names = [self.named["AutoScalingGroupName"]]
        return self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=names)["AutoScalingGroups"][0]

    def put(self, name, start, **sizes):
        self.scaling.put_scheduled_update_group_action(
            **self.named, ScheduledActionName=name, StartTime=start, **sizes)

    def actions(self, **more):
        found = self.scaling.describe_scheduled_actions(**self.named, **more)["ScheduledUpdateGroupActions"]
        return {one["ScheduledActionName"]: one for one in found}

    def what_is_not_taken(self, past):
        later = past + datetime.timedelta(days=3000)
        self.refuses("ValidationError", self.put, "out", past, MinSize=1, text="Given start time is in the past")
        self.refuses("ValidationError", self.put, "out", later)
        self.put("out", later, MinSize=1)
        self.refuses("AlreadyExists", self.put, "back", later, MinSize=1,
                     text="Scheduled action with this scheduled start time already exists")
        self.refuses("NotImplemented", self.put, "daily", later, MinSize=1, Recurrence="0 9 * * *", text="Recurrence")
        self.put("out", later, MinSize=1, MaxSize=2)
        self.put("back", later + datetime.timedelta(hours=1), MinSize=1)
        seen = self.actions()
        self.assertEqual(["back", "out"], sorted(seen))
        out = seen["out"]
        self.assertEqual((1, 2, later.replace(microsecond=0)), (out["MinSize"], out["MaxSize"], out["StartTime"]))
        self.assertNotIn("DesiredCapacity", out)
        self.assertEqual(["back"], list(self.actions(ScheduledActionNames=["back", "unknown"])))
        self.assertEqual(["out"], list(self.actions(EndTime=later + datetime.timedelta(minutes=1))))
        for name in ("out", "back"):
            self.scaling.delete_scheduled_action(**self.named, ScheduledActionName=name)
        self.refuses("ValidationError", self.scaling.delete_scheduled_action, **self.named, ScheduledActionName="out")
        self.assertEqual({}, self.actions())

    def tags_of_its_own(self):
        tag = {"ResourceId": self.named["AutoScalingGroupName"], "ResourceType": "auto-scaling-group", "Key": "mine"}
        self.scaling.create_or_update_tags(Tags=[{**tag, "Value": "one", "PropagateAtLaunch": False}])
        self.scaling.create_or_update_tags(Tags=[{**tag, "Value": "two", "PropagateAtLaunch": False}])
        mine = [one for one in self.group()["Tags"] if one["Key"] == "mine"]
        self.assertEqual([("two", False)], [(one["Value"], one["PropagateAtLaunch"]) for one in mine])

    def there_and_back(self, now):
        self.put("out", now + datetime.timedelta(hours=1), MinSize=2, MaxSize=2)
        self.put("back", now + datetime.timedelta(hours=6), MinSize=1, MaxSize=1)
        until("two instances", lambda: len(self.serving()) == 2)
        # What is the group's alone no instance has; and what has run is not there any more.
        tags = client("ec2").describe_tags(Filters=[{"Name": "resource-id", "Values": self.serving()}])["Tags"]
        self.assertNotIn("mine", [tag["Key"] for tag in tags])
        self.assertNotIn("out", self.actions())
        until("one instance", lambda: len(self.serving()) == 1 and not self.actions())
        group = self.group()
        self.assertEqual((1, 1, 1), (group["MinSize"], group["MaxSize"], group["DesiredCapacity"]))
        causes = [one["Cause"] for one in self.scaling.describe_scaling_activities(**self.named)["Activities"]]
        self.assertTrue(any("a scheduled action update of AutoScalingGroup constraints to min: 2, max: 2" in cause
                            for cause in causes), causes)
        tag = {"ResourceId": group["AutoScalingGroupName"], "ResourceType": "auto-scaling-group", "Key": "mine"}
        self.scaling.delete_tags(Tags=[tag])
        self.assertNotIn("mine", [one["Key"] for one in self.group()["Tags"]])

    def serving(self):
        return [one["InstanceId"] for one in self.group()["Instances"] if one["LifecycleState"] == "InService"]
