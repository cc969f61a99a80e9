"""The article's stack by hand-written calls of the AWS CLI, in the article's order: made, read back, changed, removed.

On the way down everything is tried in the wrong order first: each refusal that AWS has for it is met once.
"""

import json
import os
import re
import urllib.parse

import bundles
from account import Case, aws, client, finish, refusal, say, site, start, until

APPLICATION, ENVIRONMENT, TABLE, KEY = "tcb-conference", "Tcb-conference-env", "users", "mod4-ssh-key"
SERVICE_ROLE, INSTANCE_ROLE = "aws-elasticbeanstalk-service-role", "aws-elasticbeanstalk-ec2-role"
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
MANAGED = "arn:aws:iam::aws:policy/"
METHODS = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
RULE_GROUPS = ["AmazonIpReputationList", "CommonRuleSet", "KnownBadInputsRuleSet"]
NAMED = ("--environment-name", ENVIRONMENT)
ROLE_IN_PROFILE = ("--instance-profile-name", INSTANCE_ROLE, "--role-name", INSTANCE_ROLE)


def trust(service):
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def option(namespace, name, value):
    return {"Namespace": namespace, "OptionName": name, "Value": value}


def environment():
    found = aws("elasticbeanstalk", "describe-environments", "--environment-names", ENVIRONMENT)["Environments"]
    return next(one for one in found if one["Status"] != "Terminated")


def settings():
    sets = aws("elasticbeanstalk", "describe-configuration-settings", "--application-name", APPLICATION, *NAMED)
    found = sets["ConfigurationSettings"][0]["OptionSettings"]
    return {(one["Namespace"], one["OptionName"]): one.get("Value") for one in found}


class TheArticle(Case):
    def test_is_made_read_changed_and_removed_by_hand(self):
        for step in (
            self.table,
            self.default_vpc,
            self.service_role,
            self.key_pair,
            self.instance_role,
            self.application,
            self.environment,
            self.what_beanstalk_made,
            self.open_the_link,
            self.web_acl,
            self.distribution,
            self.live_test,
            self.log_streams,
            self.desired_capacity,
            self.property,
            self.second_version,
            self.nothing_in_use_can_be_deleted,
            self.removal,
        ):
            say(step.__name__.replace("_", " "))
            step()

    # Step 1.
    def table(self):
        made = aws(
            "dynamodb", "create-table", "--table-name", TABLE, "--billing-mode", "PAY_PER_REQUEST",
            "--attribute-definitions", "AttributeName=email,AttributeType=S",
            "--key-schema", "AttributeName=email,KeyType=HASH",
            "--deletion-protection-enabled", "--tags", "Key=event,Value=conference",
        )["TableDescription"]
        self.assertEqual("CREATING", made["TableStatus"])
        self.waiting_for_table = start("dynamodb", "wait", "table-exists", "--table-name", TABLE)

    # Step 2.
    def default_vpc(self):
        self.vpc = aws("ec2", "create-default-vpc")["Vpc"]["VpcId"]
        self.refuses("DefaultVpcAlreadyExists", aws, "ec2", "create-default-vpc")
        aws("ec2", "wait", "vpc-available", "--vpc-ids", self.vpc)
        found = aws("ec2", "describe-subnets", "--filters", f"Name=vpc-id,Values={self.vpc}")["Subnets"]
        zones = aws("ec2", "describe-availability-zones")["AvailabilityZones"]
        self.assertEqual({zone["ZoneName"] for zone in zones}, {subnet["AvailabilityZone"] for subnet in found})
        self.assertTrue(all(subnet["MapPublicIpOnLaunch"] for subnet in found))
        # Not every zone has every instance type.
        offers = aws("ec2", "describe-instance-type-offerings", "--location-type", "availability-zone",
                     "--filters", "Name=instance-type,Values=t3.micro")["InstanceTypeOfferings"]
        offering = {offer["Location"] for offer in offers}
        found.sort(key=lambda subnet: (subnet["AvailabilityZone"] not in offering, subnet["AvailabilityZone"]))
        self.subnets = [subnet["SubnetId"] for subnet in found]

    # Step 3.
    def service_role(self):
        document = trust("elasticbeanstalk.amazonaws.com")
        create = ("iam", "create-role", "--role-name", SERVICE_ROLE, "--assume-role-policy-document", document)
        role = aws(*create)["Role"]
        self.assertEqual(document, role["AssumeRolePolicyDocument"])
        self.refuses("EntityAlreadyExists", aws, *create)
        aws("iam", "wait", "role-exists", "--role-name", SERVICE_ROLE)
        attach = ("iam", "attach-role-policy", "--role-name", SERVICE_ROLE, "--policy-arn")
        aws(*attach, f"{MANAGED}service-role/AWSElasticBeanstalkEnhancedHealth")
        aws(*attach, f"{MANAGED}AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy")
        # The policy of this name has a path.
        self.refuses("NoSuchEntity", aws, *attach, f"{MANAGED}AWSElasticBeanstalkEnhancedHealth")

    # Step 4.
    def key_pair(self):
        pair = aws("ec2", "create-key-pair", "--key-name", KEY)
        self.assertTrue(pair["KeyMaterial"].startswith("-----BEGIN RSA PRIVATE KEY-----"), pair["KeyMaterial"][:40])
        self.refuses("InvalidKeyPair.Duplicate", aws, "ec2", "create-key-pair", "--key-name", KEY)
        aws("ec2", "wait", "key-pair-exists", "--key-names", KEY)

    # Step 5.
    def instance_role(self):
        document = trust("ec2.amazonaws.com")
        aws("iam", "create-role", "--role-name", INSTANCE_ROLE, "--assume-role-policy-document", document)
        for name in ("AWSElasticBeanstalkWebTier", "AWSElasticBeanstalkWorkerTier",
                     "AWSElasticBeanstalkMulticontainerDocker", "AmazonDynamoDBFullAccess"):
            aws("iam", "attach-role-policy", "--role-name", INSTANCE_ROLE, "--policy-arn", MANAGED + name)
        attached = aws("iam", "list-attached-role-policies", "--role-name", INSTANCE_ROLE)["AttachedPolicies"]
        self.assertEqual(4, len(attached))
        aws("iam", "create-instance-profile", "--instance-profile-name", INSTANCE_ROLE)
        aws("iam", "add-role-to-instance-profile", *ROLE_IN_PROFILE)
        second = ("--instance-profile-name", INSTANCE_ROLE, "--role-name", SERVICE_ROLE)
        self.refuses("LimitExceeded", aws, "iam", "add-role-to-instance-profile", *second)
        aws("iam", "wait", "instance-profile-exists", "--instance-profile-name", INSTANCE_ROLE)
        profile = aws("iam", "get-instance-profile", "--instance-profile-name", INSTANCE_ROLE)["InstanceProfile"]
        self.assertEqual([INSTANCE_ROLE], [role["RoleName"] for role in profile["Roles"]])

    # Step 6.
    def application(self):
        create = ("elasticbeanstalk", "create-application", "--application-name", APPLICATION)
        aws(*create, "--tags", "Key=event,Value=conference")
        self.refuses("InvalidParameterValue", aws, *create, text="already exists")
        self.bucket = aws("elasticbeanstalk", "create-storage-location")["S3Bucket"]
        self.upload("first", bundles.first())
        again = self.version("first")
        self.refuses("InvalidParameterValue", aws, *again, text="already exists")
        missing = self.version("missing")
        self.refuses("InvalidParameterCombination", aws, *missing, text="Unable to download from S3 location")

    def version(self, label):
        bundle = f"S3Bucket={self.bucket},S3Key={APPLICATION}/{label}.zip"
        named = ("--application-name", APPLICATION, "--version-label", label)
        return ("elasticbeanstalk", "create-application-version", *named, "--source-bundle", bundle, "--process")

    def upload(self, label, path):
        aws("s3", "cp", "--only-show-errors", path, f"s3://{self.bucket}/{APPLICATION}/{label}.zip")
        aws(*self.version(label))
        describe = ("elasticbeanstalk", "describe-application-versions", "--application-name", APPLICATION)

        def processed():
            status = aws(*describe, "--version-labels", label)["ApplicationVersions"][0]["Status"]
            self.assertIn(status, ("PROCESSING", "PROCESSED"))
            return status == "PROCESSED"

        until(f"the version {label}", processed)

    def option_settings(self):
        two = ",".join(self.subnets[:2])
        return [
            option("aws:elasticbeanstalk:environment", "EnvironmentType", "LoadBalanced"),
            option("aws:elasticbeanstalk:environment", "LoadBalancerType", "application"),
            option("aws:elasticbeanstalk:environment", "ServiceRole", SERVICE_ROLE),
            option("aws:autoscaling:launchconfiguration", "IamInstanceProfile", INSTANCE_ROLE),
            option("aws:autoscaling:launchconfiguration", "EC2KeyName", KEY),
            option("aws:autoscaling:launchconfiguration", "DisableIMDSv1", "true"),
            option("aws:autoscaling:launchconfiguration", "RootVolumeType", "gp3"),
            option("aws:ec2:instances", "InstanceTypes", "t3.micro"),
            option("aws:ec2:vpc", "VPCId", self.vpc),
            option("aws:ec2:vpc", "Subnets", two),
            option("aws:ec2:vpc", "ELBSubnets", two),
            option("aws:ec2:vpc", "AssociatePublicIpAddress", "true"),
            option("aws:autoscaling:asg", "MinSize", "2"),
            option("aws:autoscaling:asg", "MaxSize", "4"),
            option("aws:autoscaling:trigger", "MeasureName", "CPUUtilization"),
            option("aws:autoscaling:trigger", "Statistic", "Average"),
            option("aws:autoscaling:trigger", "Unit", "Percent"),
            option("aws:autoscaling:trigger", "UpperThreshold", "50"),
            option("aws:autoscaling:trigger", "LowerThreshold", "0"),
            option("aws:elasticbeanstalk:environment:process:default", "HealthCheckPath", "/health"),
            option("aws:elasticbeanstalk:healthreporting:system", "SystemType", "enhanced"),
            option("aws:elasticbeanstalk:application:environment", "AWS_REGION", "us-east-1"),
            option("aws:elasticbeanstalk:sns:topics", "Notification Endpoint", "staff@example.com"),
            option("aws:elasticbeanstalk:cloudwatch:logs", "StreamLogs", "true"),
            option("aws:elasticbeanstalk:cloudwatch:logs", "DeleteOnTerminate", "true"),
        ]

    # Step 7.
    def environment(self):
        stacks = aws("elasticbeanstalk", "list-available-solution-stacks")["SolutionStacks"]
        go = next(stack for stack in stacks if stack.endswith("running Go 1"))
        free = aws("elasticbeanstalk", "check-dns-availability", "--cname-prefix", "tcb-conference-2026")
        self.assertTrue(free["Available"])
        wanted = self.option_settings()
        create = ("elasticbeanstalk", "create-environment", "--application-name", APPLICATION, *NAMED,
                  "--version-label", "first", "--cname-prefix", "tcb-conference-2026", "--solution-stack-name", go)
        unknown = [option("aws:autoscaling:asg", "MinimumSize", "2")]
        self.refuses("ConfigurationValidationException", aws, *create, "--option-settings", unknown,
                     text="Unknown configuration setting")
        made = aws(*create, "--option-settings", wanted, "--tags", "Key=event,Value=conference")
        self.environment_id = made["EnvironmentId"]
        self.assertEqual(("Launching", "Grey"), (made["Status"], made["Health"]))
        # By boto3, which is fast enough to ask while it is being launched.
        beanstalk = client("elasticbeanstalk")
        self.refuses("InvalidParameterValue", beanstalk.terminate_environment, EnvironmentName=ENVIRONMENT,
                     text="currently pending creation")
        self.refuses("InvalidParameterValue", beanstalk.update_environment, EnvironmentName=ENVIRONMENT,
                     Description="x", text="Must be Ready")
        self.refuses("InvalidParameterValue", aws, *create, "--option-settings", wanted, text="already exists")
        taken = aws("elasticbeanstalk", "check-dns-availability", "--cname-prefix", "tcb-conference-2026")
        self.assertFalse(taken["Available"])
        # Step 8 is a look at what is being made.
        seen = settings()
        for one in wanted:
            self.assertEqual(one["Value"], seen[one["Namespace"], one["OptionName"]], one)
        finish(start("elasticbeanstalk", "wait", "environment-exists", "--environment-ids", self.environment_id))
        finish(self.waiting_for_table)
        events = aws("elasticbeanstalk", "describe-events", *NAMED)["Events"]
        self.assertIn(f"Successfully launched environment: {ENVIRONMENT}", [event["Message"] for event in events])
        until("a green environment", lambda: environment()["Health"] == "Green")

    def what_beanstalk_made(self):
        made = aws("elasticbeanstalk", "describe-environment-resources", *NAMED)["EnvironmentResources"]
        self.group = made["AutoScalingGroups"][0]["Name"]
        self.balancer = made["LoadBalancers"][0]["Name"]
        name = ("--auto-scaling-group-names", self.group)
        group = aws("autoscaling", "describe-auto-scaling-groups", *name)["AutoScalingGroups"][0]
        self.assertEqual((2, 4, 2), (group["MinSize"], group["MaxSize"], group["DesiredCapacity"]))
        self.instances = [instance["InstanceId"] for instance in group["Instances"]]
        self.assertEqual(sorted(self.instances), sorted(one["Id"] for one in made["Instances"]))
        aws("ec2", "wait", "instance-running", "--instance-ids", *self.instances)
        aws("autoscaling", "describe-policies", "--auto-scaling-group-name", self.group)
        aws("autoscaling", "describe-scaling-activities", "--auto-scaling-group-name", self.group)
        alarms = aws("cloudwatch", "describe-alarms")["MetricAlarms"]
        self.assertEqual([0.0, 50.0], sorted(alarm["Threshold"] for alarm in alarms))
        template = made["LaunchTemplates"][0]["Id"]
        aws("ec2", "describe-launch-templates", "--launch-template-ids", template)
        aws("ec2", "describe-launch-template-versions", "--launch-template-id", template)
        self.security_groups = self.groups_of_environment()
        stack = f"awseb-{self.environment_id}-stack"
        stacks = aws("cloudformation", "describe-stacks", "--stack-name", stack)["Stacks"]
        self.assertEqual("CREATE_COMPLETE", stacks[0]["StackStatus"])
        resources = aws("cloudformation", "describe-stack-resources", "--stack-name", stack)["StackResources"]
        self.assertIn("AWSEBAutoScalingGroup", [resource["LogicalResourceId"] for resource in resources])
        aws("cloudformation", "describe-stack-events", "--stack-name", stack)
        topics = aws("sns", "list-topics")["Topics"]
        self.assertEqual(1, len(topics))
        aws("elasticbeanstalk", "describe-environment-health", *NAMED, "--attribute-names", "All")
        health = aws("elasticbeanstalk", "describe-instances-health", *NAMED, "--attribute-names", "All")
        self.assertEqual(2, len(health["InstanceHealthList"]))
        self.balancer_of_the_environment()
        self.tags_by_service(group, template, alarms, stacks[0], topics[0]["TopicArn"])

    def tags_by_service(self, group, template, alarms, stack, topic):
        """Everything carries the environment's tags, each as its own service tells them."""
        of_ec2 = [*self.instances, *self.security_groups, template]
        told = {"group": group["Tags"], "stack": stack["Tags"]}
        for one in of_ec2:
            told[one] = aws("ec2", "describe-tags", "--filters", f"Name=resource-id,Values={one}")["Tags"]
        for alarm in alarms:
            arn = alarm["AlarmArn"]
            told[arn] = aws("cloudwatch", "list-tags-for-resource", "--resource-arn", arn)["Tags"]
        told[topic] = aws("sns", "list-tags-for-resource", "--resource-arn", topic)["Tags"]
        for one in aws("elbv2", "describe-tags", "--resource-arns", self.balancer, self.target_group)["TagDescriptions"]:
            told[one["ResourceArn"]] = one["Tags"]
        environment = aws("elasticbeanstalk", "describe-environments", *NAMED)["Environments"][0]["EnvironmentArn"]
        of_environment = aws("elasticbeanstalk", "list-tags-for-resource", "--resource-arn", environment)
        told[environment] = of_environment["ResourceTags"]
        self.assertEqual(len(of_ec2) + len(alarms) + 6, len(told))
        for what, tags in told.items():
            tags = {tag["Key"]: tag["Value"] for tag in tags}
            self.assertEqual(("conference", ENVIRONMENT), (tags.get("event"), tags.get("elasticbeanstalk:environment-name")), what)

    def groups_of_environment(self):
        filters = f"Name=tag:elasticbeanstalk:environment-name,Values={ENVIRONMENT}"
        groups = aws("ec2", "describe-security-groups", "--filters", filters)["SecurityGroups"]
        return [group["GroupId"] for group in groups]

    def balancer_of_the_environment(self):
        balancer = aws("elbv2", "describe-load-balancers", "--load-balancer-arns", self.balancer)["LoadBalancers"][0]
        self.assertEqual("application", balancer["Type"])
        self.balancer_dns = balancer["DNSName"]
        listeners = aws("elbv2", "describe-listeners", "--load-balancer-arn", self.balancer)["Listeners"]
        aws("elbv2", "describe-rules", "--listener-arn", listeners[0]["ListenerArn"])
        aws("elbv2", "describe-load-balancer-attributes", "--load-balancer-arn", self.balancer)
        targets = aws("elbv2", "describe-target-groups", "--load-balancer-arn", self.balancer)["TargetGroups"][0]
        self.assertEqual("/health", targets["HealthCheckPath"])
        self.target_group = targets["TargetGroupArn"]
        target_group = ("--target-group-arn", self.target_group)
        aws("elbv2", "describe-target-group-attributes", *target_group)
        aws("elbv2", "wait", "target-in-service", *target_group)
        health = aws("elbv2", "describe-target-health", *target_group)["TargetHealthDescriptions"]
        self.assertEqual(sorted(self.instances), sorted(one["Target"]["Id"] for one in health))

    # Step 9.
    def open_the_link(self):
        status, _, page = site(self.balancer_dns)
        self.assertEqual(200, status)
        self.assertIn("The Cloud Bootcamp Conference", page)

    # Step 10.
    def web_acl(self):
        def visible(name):
            return {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": name}

        rules = [
            {
                "Name": f"AWS-AWSManagedRules{group}",
                "Priority": priority,
                "Statement": {"ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": f"AWSManagedRules{group}"}},
                "OverrideAction": {"None": {}},
                "VisibilityConfig": visible(f"AWS-AWSManagedRules{group}"),
            }
            for priority, group in enumerate(RULE_GROUPS)
        ]
        create = ("wafv2", "create-web-acl", "--name", APPLICATION, "--scope", "CLOUDFRONT",
                  "--default-action", {"Allow": {}}, "--rules", rules, "--visibility-config", visible(APPLICATION))
        self.acl = aws(*create)["Summary"]
        self.refuses("WAFDuplicateItemException", aws, *create)
        found = aws("wafv2", "get-web-acl", *self.acl_named())["WebACL"]
        self.assertEqual((925, 3), (found["Capacity"], len(found["Rules"])))

    def acl_named(self):
        return ("--name", APPLICATION, "--scope", "CLOUDFRONT", "--id", self.acl["Id"])

    # Step 11.
    def distribution(self):
        origin = {"Id": "load-balancer", "DomainName": self.balancer_dns,
                  "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"}}
        behavior = {"TargetOriginId": "load-balancer", "ViewerProtocolPolicy": "allow-all",
                    "CachePolicyId": CACHING_OPTIMIZED, "Compress": True,
                    "AllowedMethods": {"Quantity": 7, "Items": METHODS,
                                       "CachedMethods": {"Quantity": 2, "Items": ["GET", "HEAD"]}}}
        config = {"CallerReference": "the-article", "Comment": APPLICATION, "Enabled": True,
                  "Origins": {"Quantity": 1, "Items": [origin]}, "DefaultCacheBehavior": behavior,
                  "PriceClass": "PriceClass_All", "WebACLId": self.acl["ARN"]}
        tagged = {"DistributionConfig": config, "Tags": {"Items": [{"Key": "event", "Value": "conference"}]}}
        create = ("cloudfront", "create-distribution-with-tags", "--distribution-config-with-tags", tagged)
        made = aws(*create)["Distribution"]
        self.assertEqual("InProgress", made["Status"])
        self.refuses("DistributionAlreadyExists", aws, *create)
        self.distribution_id, self.domain = made["Id"], made["DomainName"]
        tags = aws("cloudfront", "list-tags-for-resource", "--resource", made["ARN"])["Tags"]["Items"]
        self.assertEqual([{"Key": "event", "Value": "conference"}], tags)
        aws("cloudfront", "list-distributions")
        aws("cloudfront", "list-streaming-distributions")
        aws("cloudfront", "list-cloud-front-origin-access-identities")
        aws("cloudfront", "list-distributions-by-web-acl-id", "--web-acl-id", self.acl["ARN"])
        aws("cloudfront", "get-cache-policy", "--id", CACHING_OPTIMIZED)
        aws("cloudfront", "list-cache-policies", "--type", "managed")
        self.waiting_for_edge = start("cloudfront", "wait", "distribution-deployed", "--id", self.distribution_id)

    # Step 12.
    def live_test(self):
        form = urllib.parse.urlencode({"email": "ada@example.com"})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}

        def registered():
            return site(self.domain, "/register", "POST", form, headers)[0] < 400

        until("a registration through the edge", registered)
        items = aws("dynamodb", "scan", "--table-name", TABLE, "--consistent-read")["Items"]
        self.assertEqual(["ada@example.com"], [item["email"]["S"] for item in items])

    def log_streams(self):
        """What the instances' apps print is in CloudWatch Logs, a stream for each instance."""
        logs = client("logs")
        name = f"/aws/elasticbeanstalk/{ENVIRONMENT}/var/log/web.stdout.log"
        group = ("--log-group-name", name)

        def heard():
            # The CLI reads all pages, of which the first is empty.
            events = aws("logs", "filter-log-events", *group)["events"]
            streams = {one["logStreamName"] for one in events if '"message":"listening"' in one["message"]}
            return events if streams == set(self.instances) else None

        events = until("what both instances print", heard)
        ids = [event["eventId"] for event in events]
        self.assertEqual(sorted(set(ids)), sorted(ids))
        times = [event["timestamp"] for event in events]
        self.assertEqual(sorted(times), times)
        later = logs.filter_log_events(logGroupName=name, startTime=times[-1] + 1, logStreamNames=self.instances[:1])
        self.assertEqual(([], []), (later["events"], later["searchedLogStreams"]))
        streams = aws("logs", "describe-log-streams", *group)["logStreams"]
        self.assertEqual(sorted(self.instances), [stream["logStreamName"] for stream in streams])
        arn = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]["logGroupArn"]
        first = logs.get_log_events(logGroupIdentifier=arn, logStreamName=self.instances[0], startFromHead=True, limit=1)
        self.assertEqual(1, len(first["events"]))
        rest = logs.get_log_events(logGroupName=name, logStreamName=self.instances[0], startFromHead=True,
                                   nextToken=first["nextForwardToken"])
        self.assertNotIn(first["events"][0], rest["events"])
        end = logs.get_log_events(logGroupName=name, logStreamName=self.instances[0], startFromHead=True,
                                  startTime=times[-1] + 10**9, nextToken=rest["nextForwardToken"])
        self.assertEqual(([], rest["nextForwardToken"]), (end["events"], end["nextForwardToken"]))
        newest = aws("logs", "get-log-events", *group, "--log-stream-name", self.instances[0])["events"]
        self.assertLessEqual(newest[0]["timestamp"], newest[-1]["timestamp"])
        self.refuses("ResourceNotFoundException", aws, "logs", "filter-log-events", "--log-group-name", f"{name}.1",
                     text="The specified log group does not exist.")
        self.refuses("ResourceNotFoundException", aws, "logs", "get-log-events", *group, "--log-stream-name", "i-0",
                     text="The specified log stream does not exist.")
        self.refuses("InvalidParameterException", logs.filter_log_events, logGroupName=name, logStreamNamePrefix="i",
                     logStreamNames=self.instances)

    # Step 13, by hand.
    def desired_capacity(self):
        named = ("--auto-scaling-group-name", self.group)
        self.refuses("ValidationError", aws, "autoscaling", "set-desired-capacity", *named, "--desired-capacity", "5")
        aws("autoscaling", "set-desired-capacity", *named, "--desired-capacity", "3")

        def three():
            group = client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[self.group])
            instances = group["AutoScalingGroups"][0]["Instances"]
            return len([one for one in instances if one["LifecycleState"] == "InService"]) == 3

        until("three instances", three)
        activities = aws("autoscaling", "describe-scaling-activities", *named)["Activities"]
        self.assertIn("from 2 to 3", activities[0]["Cause"])

    def update(self, *changes):
        beanstalk = client("elasticbeanstalk")
        updated = aws("elasticbeanstalk", "update-environment", *NAMED, *changes)
        self.assertEqual("Updating", updated["Status"])
        # By boto3, which is fast enough to ask while it is.
        self.refuses("InvalidParameterValue", beanstalk.terminate_environment,
                     EnvironmentName=ENVIRONMENT, text="currently pending")
        finish(start("elasticbeanstalk", "wait", "environment-updated", "--environment-ids", self.environment_id))
        # What goes wrong is told by its events; the waiter ends all the same.
        events = beanstalk.describe_events(EnvironmentId=self.environment_id, Severity="ERROR")["Events"]
        self.assertFalse(events, "\n".join(event["Message"] for event in events))

    def property(self):
        title = option("aws:elasticbeanstalk:application:environment", "EVENT_TITLE", "Changed by hand")
        self.update("--option-settings", [title])
        self.assertEqual("Changed by hand", settings()[title["Namespace"], title["OptionName"]])
        until("the new title", lambda: "Changed by hand" in site(self.balancer_dns)[2])

    def second_version(self):
        self.upload("second", bundles.second())
        self.update("--version-label", "second")
        self.assertEqual("second", environment()["VersionLabel"])
        health = aws("elasticbeanstalk", "describe-instances-health", *NAMED, "--attribute-names", "All")
        versions = {one["Deployment"]["VersionLabel"] for one in health["InstanceHealthList"]}
        self.assertEqual({"second"}, versions)
        finish(self.waiting_for_edge)

    # The way down, in the wrong order.
    def nothing_in_use_can_be_deleted(self):
        self.refuses("ValidationException", aws, "dynamodb", "delete-table", "--table-name", TABLE,
                     text="protected against deletion")
        for group in self.security_groups:
            self.refuses("DependencyViolation", aws, "ec2", "delete-security-group", "--group-id", group)
        self.refuses("DependencyViolation", aws, "ec2", "delete-vpc", "--vpc-id", self.vpc)
        self.refuses("DependencyViolation", aws, "ec2", "delete-subnet", "--subnet-id", self.subnets[0])
        gateways = aws("ec2", "describe-internet-gateways", "--filters", f"Name=attachment.vpc-id,Values={self.vpc}")
        self.gateway = gateways["InternetGateways"][0]["InternetGatewayId"]
        detach = ("--internet-gateway-id", self.gateway, "--vpc-id", self.vpc)
        self.refuses("DependencyViolation", aws, "ec2", "detach-internet-gateway", *detach)
        self.refuses("DependencyViolation", aws, "ec2", "delete-internet-gateway", *detach[:2])
        self.refuses("DeleteConflict", aws, "iam", "delete-role", "--role-name", INSTANCE_ROLE)
        self.refuses("DeleteConflict", aws, "iam", "delete-instance-profile", "--instance-profile-name", INSTANCE_ROLE)
        token = aws("wafv2", "get-web-acl", *self.acl_named())["LockToken"]
        self.refuses("WAFAssociatedItemException", aws, "wafv2", "delete-web-acl", *self.acl_named(),
                     "--lock-token", token)
        etag = aws("cloudfront", "get-distribution", "--id", self.distribution_id)["ETag"]
        delete = ("cloudfront", "delete-distribution", "--id", self.distribution_id)
        self.refuses("DistributionNotDisabled", aws, *delete, "--if-match", etag)
        self.refuses("InvalidIfMatchVersion", aws, *delete)
        self.refuses("PreconditionFailed", aws, *delete, "--if-match", "E000000000000")
        self.refuses("OperationInProgressFailure", aws, "elasticbeanstalk", "delete-application",
                     "--application-name", APPLICATION)
        version = ("--application-name", APPLICATION, "--version-label", "second")
        self.refuses("SourceBundleDeletionFailure", aws, "elasticbeanstalk", "delete-application-version", *version,
                     text="currently deployed")
        # A group that another one refers to is not deleted either.
        own = aws("ec2", "create-security-group", "--group-name", "own", "--description", "own",
                  "--vpc-id", self.vpc)["GroupId"]
        rule = [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [{"GroupId": own}]}]
        other = aws("ec2", "create-security-group", "--group-name", "other", "--description", "other",
                    "--vpc-id", self.vpc)["GroupId"]
        aws("ec2", "authorize-security-group-ingress", "--group-id", other, "--ip-permissions", rule)
        self.refuses("DependencyViolation", aws, "ec2", "delete-security-group", "--group-id", own)
        aws("ec2", "delete-security-group", "--group-id", other)
        aws("ec2", "delete-security-group", "--group-id", own)

    # And in the right one.
    def removal(self):
        edge = self.disable_distribution()
        aws("elasticbeanstalk", "terminate-environment", *NAMED)
        terminated = start("elasticbeanstalk", "wait", "environment-terminated",
                           "--environment-ids", self.environment_id)
        aws("dynamodb", "update-table", "--table-name", TABLE, "--no-deletion-protection-enabled")
        aws("dynamodb", "delete-table", "--table-name", TABLE)
        table = start("dynamodb", "wait", "table-not-exists", "--table-name", TABLE)
        finish(terminated)
        self.environment_leaves_nothing()
        self.remove_application()
        self.remove_roles()
        self.remove_network()
        finish(edge)
        etag = aws("cloudfront", "get-distribution", "--id", self.distribution_id)["ETag"]
        aws("cloudfront", "delete-distribution", "--id", self.distribution_id, "--if-match", etag)
        self.refuses("NoSuchDistribution", aws, "cloudfront", "get-distribution", "--id", self.distribution_id)
        self.remove_web_acl()
        finish(table)
        self.assertEqual([], aws("dynamodb", "list-tables")["TableNames"])

    def disable_distribution(self):
        found = aws("cloudfront", "get-distribution-config", "--id", self.distribution_id)
        config = found["DistributionConfig"] | {"Enabled": False}
        updated = aws("cloudfront", "update-distribution", "--id", self.distribution_id,
                      "--if-match", found["ETag"], "--distribution-config", config)
        self.assertEqual("InProgress", updated["Distribution"]["Status"])
        # Disabled, but not everywhere yet.
        self.refuses("DistributionNotDisabled", client("cloudfront").delete_distribution,
                     Id=self.distribution_id, IfMatch=updated["ETag"])
        return start("cloudfront", "wait", "distribution-deployed", "--id", self.distribution_id)

    def environment_leaves_nothing(self):
        # First: EC2 forgets them within the hour.
        aws("ec2", "wait", "instance-terminated", "--instance-ids", *self.instances)
        found = aws("elasticbeanstalk", "describe-environments", "--environment-names", ENVIRONMENT)["Environments"]
        self.assertEqual(["Terminated"], [one["Status"] for one in found])
        self.refuses("InvalidParameterValue", aws, "elasticbeanstalk", "describe-environment-resources",
                     "--environment-id", self.environment_id, text="No Environment found")
        self.assertEqual([], aws("autoscaling", "describe-auto-scaling-groups")["AutoScalingGroups"])
        self.assertEqual([], aws("elbv2", "describe-load-balancers")["LoadBalancers"])
        self.assertEqual([], aws("elbv2", "describe-target-groups")["TargetGroups"])
        self.assertEqual([], aws("cloudwatch", "describe-alarms")["MetricAlarms"])
        self.assertEqual([], aws("sns", "list-topics")["Topics"])
        self.assertEqual([], aws("ec2", "describe-launch-templates")["LaunchTemplates"])
        self.assertEqual([], self.groups_of_environment())
        stack = f"awseb-{self.environment_id}-stack"
        self.refuses("ValidationError", aws, "cloudformation", "describe-stacks", "--stack-name", stack,
                     text="does not exist")

    def remove_application(self):
        for label in ("first", "second"):
            aws("elasticbeanstalk", "delete-application-version", "--application-name", APPLICATION,
                "--version-label", label, "--delete-source-bundle")
        aws("elasticbeanstalk", "delete-application", "--application-name", APPLICATION)
        left = aws("s3api", "list-objects-v2", "--bucket", self.bucket).get("Contents", [])
        self.assertFalse([one["Key"] for one in left if one["Key"].startswith(APPLICATION)])
        # Beanstalk's bucket stays, and its policy says so.
        policy = json.loads(aws("s3api", "get-bucket-policy", "--bucket", self.bucket)["Policy"])
        self.assertIn("Deny", [statement["Effect"] for statement in policy["Statement"]])
        aws("s3", "rm", "--only-show-errors", "--recursive", f"s3://{self.bucket}")
        self.refuses("AccessDenied", aws, "s3api", "delete-bucket", "--bucket", self.bucket)

    def remove_roles(self):
        def let_go(*command):
            # IAM may still see what was just taken away.
            until(f"{command[-1]} is let go", lambda: refusal(aws, "iam", *command)[0] is None)

        aws("iam", "remove-role-from-instance-profile", *ROLE_IN_PROFILE)
        let_go("delete-instance-profile", "--instance-profile-name", INSTANCE_ROLE)
        for role in (SERVICE_ROLE, INSTANCE_ROLE):
            self.refuses("DeleteConflict", aws, "iam", "delete-role", "--role-name", role, text="detach all policies")
            for policy in aws("iam", "list-attached-role-policies", "--role-name", role)["AttachedPolicies"]:
                aws("iam", "detach-role-policy", "--role-name", role, "--policy-arn", policy["PolicyArn"])
            let_go("delete-role", "--role-name", role)
            self.refuses("NoSuchEntity", aws, "iam", "get-role", "--role-name", role)

    def remove_network(self):
        aws("ec2", "delete-key-pair", "--key-name", KEY)
        # Deleting what is not there is no error, here only.
        aws("ec2", "delete-key-pair", "--key-name", KEY)
        for subnet in self.subnets:
            aws("ec2", "delete-subnet", "--subnet-id", subnet)
        self.refuses("DependencyViolation", aws, "ec2", "delete-vpc", "--vpc-id", self.vpc)
        aws("ec2", "detach-internet-gateway", "--internet-gateway-id", self.gateway, "--vpc-id", self.vpc)
        aws("ec2", "delete-internet-gateway", "--internet-gateway-id", self.gateway)
        aws("ec2", "delete-vpc", "--vpc-id", self.vpc)
        self.refuses("InvalidVpcID.NotFound", aws, "ec2", "describe-vpcs", "--vpc-ids", self.vpc)

    def remove_web_acl(self):
        self.refuses("WAFOptimisticLockException", aws, "wafv2", "delete-web-acl", *self.acl_named(),
                     "--lock-token", "00000000-0000-0000-0000-000000000000")
        token = aws("wafv2", "get-web-acl", *self.acl_named())["LockToken"]
        aws("wafv2", "delete-web-acl", *self.acl_named(), "--lock-token", token)
        self.refuses("WAFNonexistentItemException", aws, "wafv2", "get-web-acl", *self.acl_named())
