"""A load balancer of one's own, locked, with an environment behind it, as boto3 finds it.

What is done follows an integration test that runs on AWS (tmshkr/blue-green-beanstalk) and the Beanstalk guide's page on shared
load balancers (environments-cfg-alb-shared).
"""

import http.client

import stack
from account import Case, client, site, until

NAME = "eb-balancers"
LIST = "com.amazonaws.global.cloudfront.origin-facing"
SECRET = "0001" + "ab" * 16


def refusing(status="403"):
    return [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": status, "ContentType": "text/plain",
                                                               "MessageBody": "not here"}}]


def by_secret(*values):
    return [{"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Origin-Secret", "Values": list(values)}}]


def direct(host, **headers):
    """The status of the direct address; nothing where nobody answers."""
    try:
        return site(host, headers=headers)[0]
    except (http.client.RemoteDisconnected, ConnectionResetError):
        return None


class Balancers(Case):
    def setUp(self):
        self.ec2, self.elbv2 = client("ec2"), client("elbv2")
        self.beanstalk = client("elasticbeanstalk")

    def test_a_locked_load_balancer_with_an_environment_behind_it(self):
        stack.prepare("balancers")
        self.make_group()
        self.make_balancer()
        self.make_listener()
        environment = self.launch()
        self.is_joined(environment)
        self.is_locked(environment)
        self.leaves(environment)

    def make_group(self):
        ec2 = self.ec2
        found = ec2.describe_managed_prefix_lists(Filters=[{"Name": "prefix-list-name", "Values": [LIST]}])["PrefixLists"]
        self.assertEqual(1, len(found))
        subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
        self.subnets = [one["SubnetId"] for one in sorted(subnets, key=lambda one: one["AvailabilityZone"])][:2]
        self.group = ec2.create_security_group(GroupName=NAME, Description="CloudFront only",
                                               VpcId=subnets[0]["VpcId"])["GroupId"]
        rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "PrefixListIds": [{"PrefixListId": found[0]["PrefixListId"]}]}
        ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=[rule])
        # The list counts as its entries do, and 60 are all that a group has.
        self.refuses("RulesPerSecurityGroupLimitExceeded", ec2.authorize_security_group_ingress, GroupId=self.group,
                     IpPermissions=[{**rule, "FromPort": 443, "ToPort": 443}])

    def make_balancer(self):
        elbv2 = self.elbv2
        wanted = {"Name": NAME, "Subnets": self.subnets, "SecurityGroups": [self.group], "Scheme": "internet-facing",
                  "Type": "application", "IpAddressType": "ipv4", "Tags": [{"Key": "team", "Value": "events"}]}
        made = elbv2.create_load_balancer(**wanted)["LoadBalancers"][0]
        self.arn, self.dns = made["LoadBalancerArn"], made["DNSName"]
        self.assertEqual(("provisioning", "application"), (made["State"]["Code"], made["Type"]))
        self.assertRegex(self.arn, f":loadbalancer/app/{NAME}/[0-9a-f]{{16}}$")
        self.assertEqual(self.arn, elbv2.create_load_balancer(**wanted)["LoadBalancers"][0]["LoadBalancerArn"])
        self.refuses("DuplicateLoadBalancerName", elbv2.create_load_balancer, **{**wanted, "Scheme": "internal"},
                     text=f"A load balancer with the same name '{NAME}' exists, but with different settings")
        self.refuses("ValidationError", elbv2.create_load_balancer, Name="eb-other", Subnets=self.subnets[:1],
                     text="At least two subnets in two different Availability Zones must be specified")
        tags = elbv2.describe_tags(ResourceArns=[self.arn])["TagDescriptions"][0]["Tags"]
        self.assertEqual([{"Key": "team", "Value": "events"}], tags)

    def make_listener(self):
        """Closed at birth, while the load balancer is provisioning."""
        elbv2 = self.elbv2
        wanted = {"LoadBalancerArn": self.arn, "Protocol": "HTTP", "Port": 80, "DefaultActions": refusing()}
        listener = elbv2.create_listener(**wanted)["Listeners"][0]
        self.listener = listener["ListenerArn"]
        self.assertEqual("403", listener["DefaultActions"][0]["FixedResponseConfig"]["StatusCode"])
        self.refuses("DuplicateListener", elbv2.create_listener, **wanted)
        everything = [{"Field": "path-pattern", "Values": ["/*"]}]
        elbv2.create_rule(ListenerArn=self.listener, Priority=20, Conditions=everything, Actions=refusing())
        made = elbv2.create_rule(ListenerArn=self.listener, Priority=10, Conditions=by_secret(SECRET),
                                 Actions=refusing("503"), Tags=[{"Key": "team", "Value": "events"}])["Rules"][0]
        self.rule = made["RuleArn"]
        self.assertEqual([{"Key": "team", "Value": "events"}],
                         elbv2.describe_tags(ResourceArns=[self.rule])["TagDescriptions"][0]["Tags"])

        def is_active():
            found = elbv2.describe_load_balancers(Names=[NAME])["LoadBalancers"][0]
            return found["State"]["Code"] == "active"

        until("the load balancer to be active", is_active)

    def launch(self):
        shared = [
            stack.option("elasticbeanstalk:environment", "LoadBalancerType", "application"),
            stack.option("elasticbeanstalk:environment", "LoadBalancerIsShared", "true"),
            stack.option("elbv2:loadbalancer", "SharedLoadBalancer", self.arn),
            stack.option("elbv2:loadbalancer", "SecurityGroups", self.group),
            *stack.SINGLE[1:],
        ]
        measure = stack.option("autoscaling:trigger", "MeasureName", "TargetResponseTime")
        self.refuses("ConfigurationValidationException", self.beanstalk.create_environment, ApplicationName="balancers",
                     EnvironmentName="balancers-env", VersionLabel="one", OptionSettings=[*shared, measure],
                     PlatformArn="arn:aws:elasticbeanstalk:::platform/Go 1 running on 64bit Amazon Linux 2023")
        made = stack.create("balancers", "balancers-env", shared)
        rested = stack.settled(made["EnvironmentId"])
        self.assertEqual(("Ready", "Green"), (rested["Status"], rested["Health"]))
        return rested

    def is_joined(self, environment):
        """A rule and a target group are Beanstalk's; load balancer and listener are not, and stay as they were."""
        identity = environment["EnvironmentId"]
        resources = self.beanstalk.describe_environment_resources(EnvironmentId=identity)["EnvironmentResources"]
        self.assertEqual([self.arn], [one["Name"] for one in resources["LoadBalancers"]])
        parts = client("cloudformation").describe_stack_resources(StackName=f"awseb-{identity}-stack")["StackResources"]
        parts = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in parts}
        self.assertNotIn("AWSEBV2LoadBalancer", parts)
        self.assertNotIn("AWSEBV2LoadBalancerListener", parts)
        self.target_group = parts["AWSEBV2LoadBalancerTargetGroup"]
        self.assertRegex(self.target_group, ":targetgroup/awseb-balancers-en-default-[a-z0-9]{5}/")
        rules = self.elbv2.describe_rules(ListenerArn=self.listener)["Rules"]
        self.assertEqual(["10", "20", "21", "default"], [one["Priority"] for one in rules])
        self.assertEqual(parts["AWSEBV2LoadBalancerListenerRule"], rules[2]["RuleArn"])
        self.assertEqual([environment["CNAME"]], [value.split(":")[0] for value in rules[2]["Conditions"][0]["Values"]])
        tags = self.elbv2.describe_tags(ResourceArns=[self.arn])["TagDescriptions"][0]["Tags"]
        self.assertIn({"Key": "elasticbeanstalk:shared-elb-environment-count", "Value": "1"}, tags)
        # The instances let the group in that was named.
        instances = self.ec2.describe_security_groups(GroupIds=[parts["AWSEBSecurityGroup"]])["SecurityGroups"][0]
        sources = [one["GroupId"] for rule in instances["IpPermissions"] for one in rule["UserIdGroupPairs"]]
        self.assertEqual([self.group], sources)

    def is_locked(self, environment):
        """The group drops who comes by himself; with an open one the rules decide."""
        self.assertIsNone(direct(self.dns))
        self.assertIsNone(direct(environment["CNAME"]))
        anybody = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        self.ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=[anybody])
        self.assertEqual(403, direct(self.dns))
        # Beanstalk's own rule for this name comes behind the one for everything.
        self.assertEqual(403, direct(environment["CNAME"]))
        self.assertEqual(503, direct(self.dns, **{"x-origin-secret": SECRET}))
        forward = [{"Type": "forward", "TargetGroupArn": self.target_group}]
        self.elbv2.modify_rule(RuleArn=self.rule, Actions=forward)
        self.assertEqual(200, direct(self.dns, **{"x-origin-secret": SECRET}))
        self.assertEqual(200, direct(self.dns, **{"X-Origin-Secret": SECRET.upper()}))
        self.assertEqual(403, direct(self.dns, **{"x-origin-secret": "*"}))
        self.elbv2.modify_rule(RuleArn=self.rule, Conditions=by_secret(SECRET, "0002" + "cd" * 16))
        self.assertEqual(200, direct(self.dns, **{"x-origin-secret": "0002" + "cd" * 16}))

    def leaves(self, environment):
        """A target group that a rule of ours uses cannot go, and so the termination fails once."""
        named = {"EnvironmentId": environment["EnvironmentId"]}
        self.beanstalk.terminate_environment(**named)
        self.assertEqual("Ready", stack.settled(environment["EnvironmentId"])["Status"])
        told = [event["Message"] for event in self.beanstalk.describe_events(**named)["Events"]]
        self.assertTrue(any("is currently in use by a listener or a rule" in one for one in told), told[:5])
        self.elbv2.modify_rule(RuleArn=self.rule, Actions=refusing("503"))
        self.beanstalk.terminate_environment(**named)
        self.assertEqual("Terminated", stack.settled(environment["EnvironmentId"])["Status"])
        rules = self.elbv2.describe_rules(ListenerArn=self.listener)["Rules"]
        self.assertEqual(["10", "20", "default"], [one["Priority"] for one in rules])
        tags = self.elbv2.describe_tags(ResourceArns=[self.arn])["TagDescriptions"][0]["Tags"]
        self.assertEqual([{"Key": "team", "Value": "events"}], tags)
        self.elbv2.delete_listener(ListenerArn=self.listener)
        self.refuses("ListenerNotFound", self.elbv2.delete_listener, ListenerArn=self.listener)
        self.elbv2.delete_load_balancer(LoadBalancerArn=self.arn)
        self.elbv2.delete_load_balancer(LoadBalancerArn=self.arn)
        self.refuses("LoadBalancerNotFound", self.elbv2.describe_load_balancers, Names=[NAME])

        def group_is_gone():
            try:
                self.ec2.delete_security_group(GroupId=self.group)
                return True
            except self.ec2.exceptions.ClientError as error:
                self.assertEqual("DependencyViolation", error.response["Error"]["Code"])

        until("the group to go", group_is_gone)
