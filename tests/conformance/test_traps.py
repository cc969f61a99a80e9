"""What AWS does and a hasty client does not expect. Each trap is shown as such a client would meet it."""

import io
import json
import shutil
import time
import urllib.request
import zipfile

import boto3

import stack
import witness
from account import Case, client, signed, until

ORIGIN = {"Id": "o", "DomainName": "example.com",
          "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"}}
VISIBLE = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "m"}


def as_role(name, document):
    """A session of a role that may do what the document says, and nothing else."""
    iam, sts = client("iam"), client("sts")
    account = sts.get_caller_identity()["Account"]
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="only", PolicyDocument=json.dumps(document))
    keys = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="me")["Credentials"]
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    witness.attend(session.events)
    return session


def allow(*actions):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}


class WithoutPermission(Case):
    def test_a_deny_on_a_condition_meets_only_the_calls_that_it_is_about(self):
        def denying(name, condition):
            document = allow("dynamodb:ListTables")
            document["Statement"].append({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition})
            return as_role(name, document).client("dynamodb").list_tables
        self.refuses("AccessDeniedException", denying("by-address", {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}))
        denying("by-region", {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}})()

    def test_nothing_is_seen_where_everything_is(self):
        client("elasticbeanstalk").create_application(ApplicationName="unseen")
        session = as_role("blind", allow("dynamodb:ListTables", "iam:GetRole"))
        beanstalk = session.client("elasticbeanstalk")
        # Whoever takes this for "there is none" tears nothing down and calls it success.
        self.assertEqual([], beanstalk.describe_applications()["Applications"])
        self.assertEqual([], beanstalk.describe_environments()["Environments"])
        self.assertEqual([], beanstalk.describe_application_versions()["ApplicationVersions"])
        self.assertEqual([], beanstalk.describe_events()["Events"])
        self.assertEqual([], beanstalk.list_platform_versions()["PlatformSummaryList"])
        self.assertEqual([], beanstalk.list_available_solution_stacks()["SolutionStacks"])
        unseen = {"ApplicationName": "unseen", "EnvironmentName": "unseen-env"}
        self.assertEqual([], beanstalk.describe_configuration_settings(**unseen)["ConfigurationSettings"])
        self.assertEqual([], beanstalk.describe_configuration_options(**unseen)["Options"])
        self.assertEqual([], beanstalk.describe_instances_health(EnvironmentName="unseen-env")["InstanceHealthList"])
        tags = beanstalk.list_tags_for_resource(ResourceArn="arn:aws:elasticbeanstalk:us-east-1:123456789012:application/unseen")
        self.assertEqual([], tags["ResourceTags"])
        self.assertEqual(1, len(client("elasticbeanstalk").describe_applications(ApplicationNames=["unseen"])["Applications"]))
        # Writes, and the reads of other services, say what is missing.
        self.refuses("AccessDenied", beanstalk.create_application, ApplicationName="x", text="elasticbeanstalk:CreateApplication")
        self.refuses("UnauthorizedOperation", session.client("ec2").describe_vpcs)
        self.refuses("AccessDeniedException", session.client("dynamodb").describe_table, TableName="x")
        self.refuses("AccessDenied", session.client("iam").list_roles)
        session.client("dynamodb").list_tables()
        identity = session.client("sts").get_caller_identity()
        self.assertTrue(identity["Arn"].endswith(":assumed-role/blind/me"), identity["Arn"])

    def test_whoever_may_not_list_a_bucket_is_not_told_what_is_missing_from_it(self):
        client("s3").create_bucket(Bucket="conformance-unlisted")
        client("s3").put_object(Bucket="conformance-unlisted", Key="there", Body=b"x")
        reader = as_role("reader", allow("s3:GetObject")).client("s3")
        lister = as_role("lister", allow("s3:GetObject", "s3:ListBucket")).client("s3")
        self.assertEqual(b"x", reader.get_object(Bucket="conformance-unlisted", Key="there")["Body"].read())
        for key, s3, code in (("gone", lister, "NoSuchKey"), ("gone", reader, "AccessDenied")):
            self.refuses(code, s3.get_object, Bucket="conformance-unlisted", Key=key)
        self.refuses("404", lister.head_object, Bucket="conformance-unlisted", Key="gone")
        self.refuses("403", reader.head_object, Bucket="conformance-unlisted", Key="gone")

    def test_the_simulator_tells_absent_from_unseen(self):
        session = as_role("asker", allow("iam:SimulatePrincipalPolicy", "elasticbeanstalk:DescribeEvents"))
        role = client("iam").get_role(RoleName="asker")["Role"]["Arn"]
        said = session.client("iam").simulate_principal_policy(
            PolicySourceArn=role,
            ActionNames=["elasticbeanstalk:DescribeEvents", "elasticbeanstalk:DescribeEnvironments"])
        decisions = [one["EvalDecision"] for one in said["EvaluationResults"]]
        self.assertEqual(["allowed", "implicitDeny"], decisions)

    def test_a_role_that_does_not_trust_us_is_not_ours_to_take(self):
        trust = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
        role = client("iam").create_role(RoleName="machines", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
        assume = client("sts").assume_role
        self.refuses("AccessDenied", assume, RoleArn=role["Arn"], RoleSessionName="me")
        self.refuses("AccessDenied", assume, RoleArn=role["Arn"] + "-not", RoleSessionName="me")


class GlobalServices(Case):
    def test_a_web_acl_of_cloudfront_is_made_in_one_region_only(self):
        create = {"Name": "far", "Scope": "CLOUDFRONT", "DefaultAction": {"Allow": {}}, "VisibilityConfig": VISIBLE}
        self.refuses("WAFInvalidParameterException", client("wafv2", "eu-west-1").create_web_acl, **create)
        self.refuses("WAFInvalidParameterException", client("wafv2", "eu-west-1").list_web_acls, Scope="CLOUDFRONT")
        client("wafv2", "us-east-1").create_web_acl(**create)

    def test_cloudfront_is_signed_for_one_region_only(self):
        path = "/2020-05-31/distribution"
        status, _, body = signed("cloudfront", "<DistributionConfig/>", path=path, region="eu-west-1")
        self.assertEqual(403, status)
        self.assertIn(b"SignatureDoesNotMatch", body)
        status, _, body = signed("cloudfront", "<DistributionConfig/>", path=path, region="us-east-1")
        self.assertEqual(400, status, body)

    def test_tables_are_of_their_region(self):
        client("dynamodb").create_table(
            TableName="here", BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}])
        self.refuses("ResourceNotFoundException", client("dynamodb", "eu-west-1").describe_table, TableName="here")
        # While roles are the account's.
        client("iam").create_role(RoleName="everywhere", AssumeRolePolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}))
        self.assertEqual("everywhere", client("iam", "eu-west-1").get_role(RoleName="everywhere")["Role"]["RoleName"])


class References(Case):
    def config(self, reference, **more):
        behavior = {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all",
                    "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6"}
        return {"CallerReference": reference, "Comment": "", "Enabled": False, "DefaultCacheBehavior": behavior,
                "Origins": {"Quantity": 1, "Items": [ORIGIN]}, **more}

    def test_a_caller_reference_stays_used_when_its_distribution_is_gone(self):
        cloudfront = client("cloudfront")
        made = cloudfront.create_distribution(DistributionConfig=self.config("daily"))
        self.refuses("DistributionAlreadyExists", cloudfront.create_distribution, DistributionConfig=self.config("daily"))
        distribution = made["Distribution"]["Id"]

        def deployed():
            return cloudfront.get_distribution(Id=distribution)["Distribution"]["Status"] == "Deployed"

        # An update says everything, also what a creation may leave out.
        self.refuses("IllegalUpdate", cloudfront.update_distribution, Id=distribution, IfMatch=made["ETag"],
                     DistributionConfig=self.config("daily"))
        until("deployed", deployed)
        cloudfront.delete_distribution(Id=distribution, IfMatch=made["ETag"])
        self.refuses("DistributionAlreadyExists", cloudfront.create_distribution, DistributionConfig=self.config("daily"))
        cloudfront.create_distribution(DistributionConfig=self.config("next day"))


class Environments(Case):
    @classmethod
    def setUpClass(cls):
        cls.beanstalk = client("elasticbeanstalk")
        stack.prepare("traps")

    def test_what_is_not_asked_for_is_what_the_raw_api_gives(self):
        # There is no profile: the call is a success, and the environment is gone within a minute.
        bare = stack.create("traps", "bare-env")
        profile = stack.option("autoscaling:launchconfiguration", "IamInstanceProfile", stack.INSTANCE_ROLE)
        stack.create("traps", "raw-env", [profile])
        seen = self.beanstalk.describe_configuration_settings(ApplicationName="traps", EnvironmentName="raw-env")
        options = {(one["Namespace"], one["OptionName"]): one.get("Value")
                   for one in seen["ConfigurationSettings"][0]["OptionSettings"]}
        for namespace, name, value in (
            ("aws:elasticbeanstalk:environment", "LoadBalancerType", "classic"),
            ("aws:elasticbeanstalk:healthreporting:system", "SystemType", "basic"),
            ("aws:autoscaling:trigger", "MeasureName", "NetworkOut"),
            ("aws:autoscaling:trigger", "Unit", "Bytes"),
            ("aws:autoscaling:trigger", "LowerThreshold", "2000000"),
            ("aws:autoscaling:updatepolicy:rollingupdate", "RollingUpdateEnabled", "false"),
        ):
            self.assertEqual(value, options[namespace, name], name)
        gone = stack.settled(bare["EnvironmentId"])
        self.assertEqual("Terminated", gone["Status"])
        # It is listed all the same, for an hour, whoever asks for the living.
        listed = self.beanstalk.describe_environments(EnvironmentNames=["bare-env"], IncludeDeleted=False)
        self.assertEqual(["Terminated"], [one["Status"] for one in listed["Environments"]])
        errors = self.beanstalk.describe_events(EnvironmentId=bare["EnvironmentId"], Severity="ERROR")["Events"]
        self.assertIn("Environment must have instance profile associated with it.", [one["Message"] for one in errors])

    def test_ready_is_not_success(self):
        bad = [*stack.SINGLE, stack.option("autoscaling:launchconfiguration", "EC2KeyName", "no-such-key")]
        made = stack.create("traps", "broken-env", bad)
        seen = stack.settled(made["EnvironmentId"])
        self.assertEqual("Ready", seen["Status"])
        self.assertNotEqual("Green", seen["Health"])
        self.beanstalk.terminate_environment(EnvironmentId=made["EnvironmentId"])
        stack.settled(made["EnvironmentId"])

    def test_the_tail_says_why_a_version_did_not_run(self):
        s3, bucket = client("s3"), self.beanstalk.create_storage_location()["S3Bucket"]
        cases = [
            ("gone", {"README": "nothing to run"}, "Procfile"),
            ("crash", {"Procfile": "web: sh -c 'echo out of luck >&2; exit 3'"}, "out of luck"),
        ]
        if shutil.which("nginx"):
            broken = {"Procfile": "web: sh -c 'exec python3 -m http.server $PORT'",
                      ".platform/nginx/conf.d/own.conf": "no_such_word on;"}
            cases.append(("proxy", broken, 'unknown directive "no_such_word"'))
        for label, files, cause in cases:
            with self.subTest(label):
                archive = io.BytesIO()
                with zipfile.ZipFile(archive, "w") as bundle:
                    for name, text in files.items():
                        bundle.writestr(name, text)
                s3.put_object(Bucket=bucket, Key=f"traps/{label}.zip", Body=archive.getvalue())
                self.beanstalk.create_application_version(
                    ApplicationName="traps", VersionLabel=label,
                    SourceBundle={"S3Bucket": bucket, "S3Key": f"traps/{label}.zip"})
                made = stack.create("traps", f"{label}-env", stack.SINGLE, VersionLabel=label)
                self.assertEqual("Ready", stack.settled(made["EnvironmentId"])["Status"])
                asked = {"EnvironmentId": made["EnvironmentId"], "InfoType": "tail"}
                self.beanstalk.request_environment_info(**asked)
                found = until("the tail", lambda: self.beanstalk.retrieve_environment_info(**asked)["EnvironmentInfo"])
                with urllib.request.urlopen(found[0]["Message"]) as answer:
                    text = answer.read().decode()
                self.assertIn("An error occurred during execution of command [app-deploy]", text)
                self.assertIn(cause, text)
                self.beanstalk.terminate_environment(EnvironmentId=made["EnvironmentId"])
                stack.settled(made["EnvironmentId"])

    def test_settings_come_in_two_sets_while_they_change(self):
        made = stack.create("traps", "two-env", stack.SINGLE)
        self.assertEqual("Ready", stack.settled(made["EnvironmentId"])["Status"])
        title = stack.option("elasticbeanstalk:application:environment", "EVENT_TITLE", "wished for")
        self.beanstalk.update_environment(EnvironmentId=made["EnvironmentId"], OptionSettings=[title])
        sets = self.beanstalk.describe_configuration_settings(ApplicationName="traps", EnvironmentName="two-env")
        titles = {one["DeploymentStatus"]: [it["Value"] for it in one["OptionSettings"] if it["OptionName"] == "EVENT_TITLE"]
                  for one in sets["ConfigurationSettings"]}
        # Whoever takes either for the other reads wishes as facts.
        self.assertEqual({"deployed": [], "pending": ["wished for"]}, titles)
        stack.settled(made["EnvironmentId"])
        sets = self.beanstalk.describe_configuration_settings(ApplicationName="traps", EnvironmentName="two-env")
        self.assertEqual(["deployed"], [one["DeploymentStatus"] for one in sets["ConfigurationSettings"]])

    def test_settings_that_could_not_be_deployed_stay_as_a_draft_until_it_is_deleted(self):
        made = stack.create("traps", "draft-env", stack.SINGLE)
        self.assertEqual("Green", stack.settled(made["EnvironmentId"])["Health"])
        mine = {"ApplicationName": "traps", "EnvironmentName": "draft-env"}

        def levels():
            sets = self.beanstalk.describe_configuration_settings(**mine)["ConfigurationSettings"]
            return {one["DeploymentStatus"]: [it["Value"] for it in one["OptionSettings"] if it["OptionName"] == "LOG_LEVEL"]
                    for one in sets}

        # The site's app ends at once where it is told to log so.
        loud = stack.option("elasticbeanstalk:application:environment", "LOG_LEVEL", "loud")
        self.beanstalk.update_environment(EnvironmentId=made["EnvironmentId"], OptionSettings=[loud])
        self.assertEqual({"deployed": [], "pending": ["loud"]}, levels())
        stack.settled(made["EnvironmentId"])
        # It rests, and the wish is there to be taken for a fact for as long as nobody deletes it.
        self.assertEqual({"deployed": [], "failed": ["loud"]}, levels())
        self.beanstalk.delete_environment_configuration(**mine)
        self.assertEqual({"deployed": []}, levels())

    def test_beanstalk_makes_nothing_that_its_caller_may_not(self):
        may = ["elasticbeanstalk:*", "autoscaling:*", "elasticloadbalancing:*", "cloudwatch:*", "s3:*"]
        beanstalk = as_role("half-a-builder", allow(*may)).client("elasticbeanstalk")
        made = stack.create("traps", "denied-env", stack.SINGLE, beanstalk=beanstalk)
        # CreateEnvironment was allowed. What is missing shows late, and the environment is there, and costs.
        seen = stack.settled(made["EnvironmentId"])
        self.assertEqual(("Ready", "Red"), (seen["Status"], seen["Health"]))
        errors = self.beanstalk.describe_events(EnvironmentId=made["EnvironmentId"], Severity="ERROR")["Events"]
        told = " ".join(one["Message"] for one in errors)
        self.assertIn("API: ec2:CreateSecurityGroup User: ", told)
        self.assertIn("[AWSEBSecurityGroup]", told)
        self.beanstalk.terminate_environment(EnvironmentId=made["EnvironmentId"])
        stack.settled(made["EnvironmentId"])

    def test_beanstalk_changes_and_removes_nothing_that_its_caller_may_not(self):
        made = stack.create("traps", "owned-env", stack.SINGLE)["EnvironmentId"]
        self.assertEqual("Green", stack.settled(made)["Health"])
        beanstalk = as_role("watcher", allow("elasticbeanstalk:*")).client("elasticbeanstalk")
        group = self.beanstalk.describe_environment_resources(EnvironmentId=made)["EnvironmentResources"]["AutoScalingGroups"]

        def told(text):
            errors = self.beanstalk.describe_events(EnvironmentId=made, Severity="ERROR")["Events"]
            return any(text in one["Message"] for one in errors)

        wish = stack.option("ec2:instances", "InstanceTypes", "t3.small")
        beanstalk.update_environment(EnvironmentId=made, OptionSettings=[wish])
        stack.settled(made)
        self.assertTrue(told("is not authorized to perform: ec2:CreateLaunchTemplateVersion"))
        # The call was a success; then the stack's deletion fails, the environment is Ready again, and goes on costing.
        beanstalk.terminate_environment(EnvironmentId=made)
        self.assertEqual("Ready", stack.settled(made)["Status"])
        self.assertTrue(told("is not authorized to perform: autoscaling:DeleteAutoScalingGroup"))
        self.assertEqual(1, len(client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[group[0]["Name"]])["AutoScalingGroups"]))
        self.beanstalk.terminate_environment(EnvironmentId=made)
        self.assertEqual("Terminated", stack.settled(made)["Status"])

    def test_a_command_reaches_an_instance_only_where_its_role_has_the_policy_for_it(self):
        ssm, iam = client("ssm"), client("iam")
        made = stack.create("traps", "unreached-env", stack.SINGLE)
        self.assertEqual("Green", stack.settled(made["EnvironmentId"])["Health"])
        resources = self.beanstalk.describe_environment_resources(EnvironmentName="unreached-env")
        instance = resources["EnvironmentResources"]["Instances"][0]["Id"]
        # The three policies of Beanstalk's own say nothing of Systems Manager.
        script = {"InstanceIds": [instance], "DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}}
        self.refuses("InvalidInstanceId", ssm.send_command, **script)
        self.refuses("TargetNotConnected", ssm.start_session, Target=instance, text="is not connected")

        def online():
            told = ssm.describe_instance_information()["InstanceInformationList"]
            return [one for one in told if one["InstanceId"] == instance and one["PingStatus"] == "Online"]

        self.assertEqual([], online())
        policy = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
        iam.attach_role_policy(RoleName=stack.INSTANCE_ROLE, PolicyArn=policy)
        # Attached is not registered: that takes the agent some minutes.
        self.refuses("InvalidInstanceId", ssm.send_command, **script)
        until("the agent", online)
        ssm.send_command(**script)
        # What is behind its address is no API: the plugin that speaks with it has the token from here.
        session = ssm.start_session(Target=instance)
        self.assertRegex(session["StreamUrl"], f"^wss://ssmmessages.*/data-channel/{session['SessionId']}")
        self.assertTrue(session["TokenValue"])
        self.assertEqual(session["SessionId"], ssm.terminate_session(SessionId=session["SessionId"])["SessionId"])

    def test_an_instance_that_only_fails_the_load_balancer_s_checks_is_not_replaced(self):
        autoscaling, elbv2 = client("autoscaling"), client("elbv2")
        balanced = [one for one in stack.SINGLE if one["OptionName"] != "EnvironmentType"]
        balanced.append(stack.option("elasticbeanstalk:environment", "LoadBalancerType", "application"))
        made = stack.create("traps", "sick-env", balanced)
        self.assertEqual("Green", stack.settled(made["EnvironmentId"])["Health"])
        name = self.beanstalk.describe_environment_resources(EnvironmentName="sick-env")
        name = name["EnvironmentResources"]["AutoScalingGroups"][0]["Name"]

        def group():
            return autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]

        before = group()
        self.assertEqual("EC2", before["HealthCheckType"])
        targets = before["TargetGroupARNs"][0]
        elbv2.modify_target_group(TargetGroupArn=targets, HealthCheckPath="/no-such-page")

        def sick():
            states = elbv2.describe_target_health(TargetGroupArn=targets)["TargetHealthDescriptions"]
            return all(one["TargetHealth"]["State"] == "unhealthy" for one in states)

        until("the target to fail", sick)
        # Minutes of the group's time, at the pace at which this runs.
        time.sleep(3)
        after = group()
        instances = [[one["InstanceId"], one["HealthStatus"]] for one in before["Instances"]]
        self.assertEqual(instances, [[one["InstanceId"], one["HealthStatus"]] for one in after["Instances"]])
        activities = autoscaling.describe_scaling_activities(AutoScalingGroupName=name)["Activities"]
        self.assertEqual([], [one for one in activities if one["Description"].startswith("Terminating")])
