"""An account that was opened lately: what it may not do yet, as whoever tries is told (`sandbox start --gates new`)."""

import os
import unittest

import stack
from account import Case, client
from test_traps import ORIGIN, allow, as_role

BALANCED = [one for one in stack.SINGLE if one["OptionName"] != "EnvironmentType"]
BALANCED.append(stack.option("elasticbeanstalk:environment", "LoadBalancerType", "application"))
LINKED = "iam:CreateServiceLinkedRole"


@unittest.skipUnless("CONFORMANCE_NEW_ACCOUNT" in os.environ, "the sandbox was not started with --gates new")
class NewAccount(Case):

    @classmethod
    def setUpClass(cls):
        cls.beanstalk = client("elasticbeanstalk")
        stack.prepare("new")

    def launch(self, name, settings, beanstalk=None):
        """What became of an environment, and the errors that it was told of."""
        made = stack.create("new", name, settings, beanstalk=beanstalk)["EnvironmentId"]
        seen = stack.settled(made)
        errors = self.beanstalk.describe_events(EnvironmentId=made, Severity="ERROR")["Events"]
        self.beanstalk.terminate_environment(EnvironmentId=made)
        return (seen["Status"], seen["Health"]), " ".join(one["Message"] for one in errors)

    def fails(self, name, settings, *texts, **more):
        # The call was a success, and so is the status: only health and events tell.
        ended, errors = self.launch(name, settings, **more)
        self.assertEqual(("Ready", "Red"), ended, errors)
        for text in texts:
            self.assertIn(text, errors)

    def test_launch_configurations_are_refused_and_templates_are_not(self):
        old = [one for one in stack.SINGLE if one["OptionName"] not in ("RootVolumeType", "DisableIMDSv1")]
        self.fails("old-env", old, "The Launch Configuration creation operation is not available in your account",
                   "[AWSEBAutoScalingLaunchConfiguration]")
        self.assertEqual("Ready", self.launch("small-env", stack.SINGLE)[0][0])

    def test_a_service_linked_role_is_made_by_who_may_and_by_nobody_else(self):
        iam = client("iam")
        role = "AWSServiceRoleForElasticLoadBalancing"
        self.refuses("NoSuchEntity", iam.get_role, RoleName=role)
        # S3 too: Beanstalk copies a version with the rights of whoever launches it.
        may = ["elasticbeanstalk:*", "s3:*", "ec2:*", "autoscaling:*", "elasticloadbalancing:*", "cloudwatch:*", "sns:*", "logs:*"]
        document = allow(*may)
        # Auto Scaling's own role is there already, where another launch came first; here its making is allowed.
        document["Statement"].append({
            "Effect": "Allow", "Action": LINKED,
            "Resource": "arn:aws:iam::*:role/aws-service-role/autoscaling.amazonaws.com/*"})
        session = as_role("builder", document)
        self.fails("linked-env", BALANCED, f"is not authorized to perform: {LINKED} on resource: arn:aws:iam::",
                   f"role/aws-service-role/elasticloadbalancing.amazonaws.com/{role}", "[AWSEBV2LoadBalancer]",
                   beanstalk=session.client("elasticbeanstalk"))
        self.refuses("NoSuchEntity", iam.get_role, RoleName=role)
        made = iam.create_service_linked_role(AWSServiceName="elasticloadbalancing.amazonaws.com")["Role"]
        self.assertEqual("/aws-service-role/elasticloadbalancing.amazonaws.com/", made["Path"])
        self.refuses("InvalidInput", iam.create_service_linked_role, AWSServiceName="elasticloadbalancing.amazonaws.com",
                     text="has been taken in this account")
        self.refuses("UnmodifiableEntity", iam.delete_role, RoleName=role)

    def test_load_balancers_are_refused(self):
        self.fails("balanced-env", BALANCED, "This AWS account currently does not support creating load balancers")

    def test_five_processors_are_not_enough_for_three_small_instances(self):
        quota = client("service-quotas").get_service_quota(ServiceCode="ec2", QuotaCode="L-1216C47A")["Quota"]
        self.assertEqual(5, quota["Value"])
        small = stack.create("new", "beside-env", stack.SINGLE)["EnvironmentId"]
        self.assertEqual("Green", stack.settled(small)["Health"])
        beside = stack.create("new", "second-env", stack.SINGLE)["EnvironmentId"]
        self.assertEqual("Green", stack.settled(beside)["Health"])
        self.fails("third-env", stack.SINGLE, "You have requested more vCPU capacity than your current vCPU limit")
        self.beanstalk.terminate_environment(EnvironmentId=beside)
        self.beanstalk.terminate_environment(EnvironmentId=small)

    def test_an_instance_that_is_not_free_is_refused(self):
        types = client("ec2").describe_instance_types(InstanceTypes=["t3.micro", "m5.large"])["InstanceTypes"]
        self.assertEqual({"t3.micro": True, "m5.large": False}, {one["InstanceType"]: one["FreeTierEligible"] for one in types})
        costly = [*stack.SINGLE[:-1], stack.option("ec2:instances", "InstanceTypes", "m5.large")]
        self.fails("costly-env", costly, "The specified instance type is not eligible for Free Tier")

    def test_distributions_are_refused_until_the_account_is_verified(self):
        behavior = {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all",
                    "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6"}
        config = {"CallerReference": "new", "Comment": "", "Enabled": False, "DefaultCacheBehavior": behavior,
                  "Origins": {"Quantity": 1, "Items": [ORIGIN]}}
        self.refuses("AccessDenied", client("cloudfront").create_distribution, DistributionConfig=config,
                     text="Your account must be verified")
