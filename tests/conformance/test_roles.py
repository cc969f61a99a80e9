"""IAM: roles, profiles, policies; what attaches, what is refused, what the documents allow."""

import json

from account import Case, client, refusal, until

EC2 = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
MANAGED = "arn:aws:iam::aws:policy/"


class Roles(Case):
    def setUp(self):
        self.iam = client("iam")

    def make(self, name, **more):
        return self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(EC2), **more)["Role"]

    def test_a_role_is_what_was_asked_for(self):
        made = self.make("asked", Path="/team/", Description="for a test", MaxSessionDuration=7200,
                         Tags=[{"Key": "a", "Value": "1"}])
        seen = self.iam.get_role(RoleName="asked")["Role"]
        for member in ("Arn", "RoleId", "Path", "CreateDate", "AssumeRolePolicyDocument"):
            self.assertEqual(made[member], seen[member])
        self.assertEqual((EC2, 7200, "/team/"), (seen["AssumeRolePolicyDocument"], seen["MaxSessionDuration"], seen["Path"]))
        self.refuses("EntityAlreadyExists", self.make, "ASKED")
        self.assertIn("asked", [role["RoleName"] for role in self.iam.list_roles(PathPrefix="/team/")["Roles"]])
        self.iam.tag_role(RoleName="asked", Tags=[{"Key": "b", "Value": "2"}])
        self.iam.untag_role(RoleName="asked", TagKeys=["a"])
        self.assertEqual([{"Key": "b", "Value": "2"}], self.iam.list_role_tags(RoleName="asked")["Tags"])

    def test_an_arn_or_a_path_is_no_name(self):
        made = self.make("named", Path="/team/")
        for name in (made["Arn"], "team/named"):
            self.refuses("ValidationError", self.iam.get_role, RoleName=name, text="The specified value for roleName is invalid")
            self.refuses("ValidationError", self.iam.attach_role_policy, RoleName=name,
                         PolicyArn=f"{MANAGED}AWSElasticBeanstalkWebTier")
        profile = self.iam.create_instance_profile(InstanceProfileName="named")["InstanceProfile"]
        self.refuses("ValidationError", self.iam.get_instance_profile, InstanceProfileName=profile["Arn"])
        self.assertEqual("named", self.iam.get_role(RoleName="NAMED")["Role"]["RoleName"])

    def test_a_boundary_limits_what_a_role_may(self):
        boundary = f"{MANAGED}AmazonDynamoDBFullAccess"
        attached = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary}
        self.assertEqual(attached, self.make("bounded", PermissionsBoundary=boundary)["PermissionsBoundary"])
        self.iam.attach_role_policy(RoleName="bounded", PolicyArn=f"{MANAGED}AWSElasticBeanstalkWebTier")

        def may(action):
            role = self.iam.get_role(RoleName="bounded")["Role"]["Arn"]
            bucket = "arn:aws:s3:::elasticbeanstalk-us-east-1-1/x"
            return self.iam.simulate_principal_policy(
                PolicySourceArn=role, ActionNames=[action], ResourceArns=[bucket])["EvaluationResults"][0]

        within = may("s3:PutObject")
        self.assertEqual("implicitDeny", within["EvalDecision"])
        self.assertFalse(within["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"])
        self.assertNotIn("PermissionsBoundary", next(
            role for role in self.iam.list_roles()["Roles"] if role["RoleName"] == "bounded"))
        boundaries = self.iam.list_policies(PolicyUsageFilter="PermissionsBoundary", OnlyAttached=True)["Policies"]
        self.assertEqual([boundary], [policy["Arn"] for policy in boundaries])
        self.iam.delete_role_permissions_boundary(RoleName="bounded")
        self.assertNotIn("PermissionsBoundary", self.iam.get_role(RoleName="bounded")["Role"])
        self.assertEqual("allowed", may("s3:PutObject")["EvalDecision"])
        self.iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=boundary)
        self.assertEqual(attached, self.iam.get_role(RoleName="bounded")["Role"]["PermissionsBoundary"])
        self.refuses("NoSuchEntity", self.iam.put_role_permissions_boundary, RoleName="bounded",
                     PermissionsBoundary=f"{MANAGED}NoSuchPolicy", text="does not exist or is not attachable")

    def test_policies_of_awss_are_there_with_their_documents(self):
        for path in ("AWSElasticBeanstalkWebTier", "AWSElasticBeanstalkWorkerTier",
                     "AWSElasticBeanstalkMulticontainerDocker", "AmazonDynamoDBFullAccess", "AmazonSSMManagedInstanceCore",
                     "service-role/AWSElasticBeanstalkEnhancedHealth",
                     "AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy"):
            with self.subTest(path=path):
                policy = self.iam.get_policy(PolicyArn=MANAGED + path)["Policy"]
                version = self.iam.get_policy_version(PolicyArn=MANAGED + path, VersionId=policy["DefaultVersionId"])
                self.assertTrue(version["PolicyVersion"]["Document"]["Statement"])
        self.refuses("NoSuchEntity", self.iam.get_policy, PolicyArn=f"{MANAGED}NoSuchPolicy")
        pages = self.iam.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 3})
        listed = [policy["Arn"] for page in pages for policy in page["Policies"]]
        self.assertIn(f"{MANAGED}service-role/AWSElasticBeanstalkEnhancedHealth", listed)
        self.assertEqual(len(listed), len(set(listed)))
        self.assertEqual([], self.iam.list_policies(Scope="Local")["Policies"])

    def test_a_role_goes_only_when_nothing_hangs_on_it(self):
        self.make("hung")
        self.iam.attach_role_policy(RoleName="hung", PolicyArn=f"{MANAGED}AWSElasticBeanstalkWebTier")
        document = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "arn:aws:dynamodb:*:*:table/users"}]}
        self.iam.put_role_policy(RoleName="hung", PolicyName="table", PolicyDocument=json.dumps(document))
        self.assertEqual(document, self.iam.get_role_policy(RoleName="hung", PolicyName="table")["PolicyDocument"])
        self.assertEqual(["table"], self.iam.list_role_policies(RoleName="hung")["PolicyNames"])
        self.iam.create_instance_profile(InstanceProfileName="hung", Tags=[{"Key": "a", "Value": "1"}])
        self.iam.add_role_to_instance_profile(InstanceProfileName="hung", RoleName="hung")
        found = self.iam.list_instance_profiles_for_role(RoleName="hung")["InstanceProfiles"]
        self.assertEqual(["hung"], [one["InstanceProfileName"] for one in found])
        self.assertEqual([{"Key": "a", "Value": "1"}],
                         self.iam.list_instance_profile_tags(InstanceProfileName="hung")["Tags"])
        gone = lambda: self.iam.delete_role(RoleName="hung")
        self.refuses("DeleteConflict", gone, text="instance profile")
        self.refuses("DeleteConflict", self.iam.delete_instance_profile, InstanceProfileName="hung")
        self.iam.remove_role_from_instance_profile(InstanceProfileName="hung", RoleName="hung")
        self.refuses("DeleteConflict", gone, text="detach all policies")
        self.iam.detach_role_policy(RoleName="hung", PolicyArn=f"{MANAGED}AWSElasticBeanstalkWebTier")
        self.refuses("DeleteConflict", gone, text="delete policies first")
        self.iam.delete_role_policy(RoleName="hung", PolicyName="table")
        # IAM may still see what was just taken away.
        until("the role is let go", lambda: refusal(gone)[0] is None)
        self.refuses("NoSuchEntity", gone)

    def test_documents_are_read(self):
        self.make("read")
        malformed = {"RoleName": "read", "PolicyName": "p", "PolicyDocument": "{"}
        self.refuses("MalformedPolicyDocument", self.iam.put_role_policy, **malformed)
        self.refuses("MalformedPolicyDocument", self.iam.create_role, RoleName="x", AssumeRolePolicyDocument="{}")
        other = json.loads(json.dumps(EC2).replace("ec2.", "elasticbeanstalk."))
        self.iam.update_assume_role_policy(RoleName="read", PolicyDocument=json.dumps(other))
        self.assertEqual(other, self.iam.get_role(RoleName="read")["Role"]["AssumeRolePolicyDocument"])

    def test_what_would_be_half_read_is_refused(self):
        self.make("half")
        whole = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
        def put(**changed):
            members = {name: value for name, value in {**whole, **changed}.items() if value}
            document = json.dumps({"Version": "2012-10-17", "Statement": [members]})
            return lambda: self.iam.put_role_policy(RoleName="half", PolicyName="p", PolicyDocument=document)
        self.refuses("MalformedPolicyDocument", put(Action=None, Acton="s3:*"))
        self.refuses("MalformedPolicyDocument", put(Action=None), text="must contain actions")
        self.refuses("MalformedPolicyDocument", put(Resource=None), text="must contain resources")
        self.refuses("MalformedPolicyDocument", put(Condition={"Nonsense": {"aws:SourceIp": "x"}}), text="Nonsense")
        self.refuses("NotImplemented", put(Condition={"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}),
                     text="DateLessThan")
        self.refuses("NotImplemented", put(Condition={"Bool": {"aws:ViaAWSService": "false"}}),
                     text="aws:ViaAWSService")
        self.assertEqual([], self.iam.list_role_policies(RoleName="half")["PolicyNames"])
        put(Condition={"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}})()

    def test_the_simulator_says_what_the_documents_allow(self):
        role = self.make("simulated")["Arn"]
        self.iam.attach_role_policy(RoleName="simulated", PolicyArn=f"{MANAGED}AWSElasticBeanstalkWebTier")
        said = self.iam.simulate_principal_policy(
            PolicySourceArn=role, ActionNames=["s3:PutObject", "dynamodb:PutItem"],
            ResourceArns=["arn:aws:s3:::elasticbeanstalk-us-east-1-123456789012/x"])["EvaluationResults"]
        decisions = {one["EvalActionName"]: one["EvalDecision"] for one in said}
        self.assertEqual({"s3:PutObject": "allowed", "dynamodb:PutItem": "implicitDeny"}, decisions)
        users = self.iam.list_entities_for_policy(PolicyArn=f"{MANAGED}AWSElasticBeanstalkWebTier")["PolicyRoles"]
        self.assertIn("simulated", [one["RoleName"] for one in users])

    def test_lists_come_in_pages(self):
        for number in range(3):
            self.make(f"page-{number}", Path="/pages/")
        pages = self.iam.get_paginator("list_roles").paginate(PathPrefix="/pages/", PaginationConfig={"PageSize": 2})
        self.assertEqual([2, 1], [len(page["Roles"]) for page in pages])
        self.iam.list_instance_profiles()

    def test_more_of_a_quota_is_had_by_asking(self):
        quotas = client("service-quotas")
        addresses = {"ServiceCode": "ec2", "QuotaCode": "L-0263D0A3"}
        default = quotas.get_aws_default_service_quota(**addresses)["Quota"]["Value"]
        asked = quotas.request_service_quota_increase(**addresses, DesiredValue=default + 1)["RequestedQuota"]
        self.assertEqual(("PENDING", default + 1), (asked["Status"], asked["DesiredValue"]))
        self.assertEqual(default + 1, quotas.get_service_quota(**addresses)["Quota"]["Value"])
        self.assertEqual(default, quotas.get_aws_default_service_quota(**addresses)["Quota"]["Value"])
        self.refuses("IllegalArgumentException", quotas.request_service_quota_increase, **addresses,
                     DesiredValue=default)

    def test_everybody_can_ask_who_he_is(self):
        said = client("sts").get_caller_identity()
        self.assertEqual("123456789012", said["Account"])
        quota = client("service-quotas").get_service_quota(ServiceCode="ec2", QuotaCode="L-1216C47A")["Quota"]
        self.assertGreater(quota["Value"], 0)
        self.refuses("NoSuchResourceException", client("service-quotas").get_service_quota,
                     ServiceCode="ec2", QuotaCode="L-00000000")
