"""What the sandbox does not have it says, in the words of the service; nothing is ignored."""

from account import Case, client, post, query, signed


class Limits(Case):
    def test_an_operation_that_is_not_there_is_named(self):
        for service, operation, parameters in (
            ("elasticbeanstalk", "create_platform_version", {"PlatformName": "p", "PlatformVersion": "1.0.0",
                                                             "PlatformDefinitionBundle": {}}),
            ("ec2", "create_nat_gateway", {"SubnetId": "subnet-0"}),
            ("iam", "list_users", {}),
            ("dynamodb", "list_exports", {}),
            ("wafv2", "list_ip_sets", {"Scope": "CLOUDFRONT"}),
            ("cloudwatch", "list_dashboards", {}),
            ("autoscaling", "describe_warm_pool", {"AutoScalingGroupName": "g"}),
            ("elbv2", "describe_ssl_policies", {}),
            ("cloudformation", "list_exports", {}),
            ("sns", "list_platform_applications", {}),
            ("sts", "get_session_token", {}),
            ("service-quotas", "list_services", {}),
            ("s3", "get_bucket_cors", {"Bucket": "b"}),
        ):
            with self.subTest(service=service, operation=operation):
                called = client(service)
                name = called.meta.method_to_api_mapping[operation]
                self.refuses("NotImplemented", getattr(called, operation), **parameters, text=name)

    def test_a_path_that_is_not_there_is_named(self):
        self.refuses("NotImplemented", client("cloudfront").list_functions, text="GET /2020-05-31/function")

    def test_a_parameter_that_is_not_honoured_is_named(self):
        for service, operation, parameters, named in (
            ("dynamodb", "create_table", {
                "TableName": "limited", "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST",
                "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}}, "StreamSpecification"),
            ("iam", "list_entities_for_policy", {"PolicyArn": "arn:aws:iam::aws:policy/x", "PathPrefix": "/"}, "PathPrefix"),
            ("ec2", "create_vpc", {"AmazonProvidedIpv6CidrBlock": True, "CidrBlock": "10.9.0.0/16"},
             "AmazonProvidedIpv6CidrBlock"),
        ):
            with self.subTest(service=service, operation=operation):
                self.refuses("NotImplemented", getattr(client(service), operation), **parameters, text=named)

    def test_nobody_speaks_without_a_signature(self):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        target = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.ListTables"}
        for status, code, body, headers in (
            (403, "MissingAuthenticationToken", "Action=ListRoles&Version=2010-05-08", form),
            (400, "MissingAuthenticationTokenException", "{}", target),
        ):
            with self.subTest(body=body):
                seen, _, answer = post(body, headers)
                self.assertEqual(status, seen, answer)
                self.assertRegex(answer.decode(), f"[>#\"]{code}[<\"]")

    def test_what_is_signed_by_hand_is_answered_as_what_a_client_signs(self):
        status, _, body = query("sts", "GetCallerIdentity", "2011-06-15")
        self.assertEqual(200, status, body)
        status, _, body = signed("dynamodb", "{}", {"X-Amz-Target": "DynamoDB_20120810.Nonsense"})
        self.assertEqual(400, status)
        self.assertIn(b"Nonsense", body)
