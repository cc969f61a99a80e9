"""EC2's networks: a VPC of one's own beside the default one, what may be deleted when, dry runs, tags, filters."""

from account import Case, client

TAGS = [{"Key": "a", "Value": "1"}]


def tagged(kind):
    return [{"ResourceType": kind, "Tags": TAGS}]


def by(name, *values):
    return {"Filters": [{"Name": name, "Values": list(values)}]}


class Networks(Case):
    def setUp(self):
        self.ec2 = client("ec2")

    def test_a_network_of_ones_own(self):
        ec2 = self.ec2
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", InstanceTenancy="default", TagSpecifications=tagged("vpc"))["Vpc"]
        self.assertFalse(vpc["IsDefault"])
        self.assertRegex(vpc["DhcpOptionsId"], "^dopt-")
        block = vpc["CidrBlockAssociationSet"][0]
        self.assertEqual(("10.0.0.0/16", "associated"), (block["CidrBlock"], block["CidrBlockState"]["State"]))
        self.refuses("NotImplemented", ec2.create_vpc, CidrBlock="10.3.0.0/16", InstanceTenancy="dedicated")
        self.assertEqual(TAGS, vpc["Tags"])
        own = vpc["VpcId"]
        subnet = ec2.create_subnet(VpcId=own, CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1a",
                                   TagSpecifications=tagged("subnet"))["Subnet"]
        self.assertEqual((251, False), (subnet["AvailableIpAddressCount"], subnet["MapPublicIpOnLaunch"]))
        self.refuses("InvalidSubnet.Conflict", ec2.create_subnet, VpcId=own, CidrBlock="10.0.1.128/25")
        self.refuses("InvalidSubnet.Range", ec2.create_subnet, VpcId=own, CidrBlock="10.1.0.0/24")
        ec2.modify_subnet_attribute(SubnetId=subnet["SubnetId"], MapPublicIpOnLaunch={"Value": True})
        seen = ec2.describe_subnets(SubnetIds=[subnet["SubnetId"]])["Subnets"][0]
        self.assertTrue(seen["MapPublicIpOnLaunch"])
        gateway = ec2.create_internet_gateway(TagSpecifications=tagged("internet-gateway"))["InternetGateway"]
        attach = {"InternetGatewayId": gateway["InternetGatewayId"], "VpcId": own}
        ec2.attach_internet_gateway(**attach)
        self.refuses("Resource.AlreadyAssociated", ec2.attach_internet_gateway, **attach)
        table = ec2.create_route_table(VpcId=own)["RouteTable"]["RouteTableId"]
        route = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}
        self.assertTrue(ec2.create_route(**route, GatewayId=gateway["InternetGatewayId"])["Return"])
        self.refuses("RouteAlreadyExists", ec2.create_route, **route, GatewayId=gateway["InternetGatewayId"])
        association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet["SubnetId"])
        self.assertEqual("associated", association["AssociationState"]["State"])
        tables = ec2.describe_route_tables(**by("vpc-id", own))["RouteTables"]
        self.assertEqual({True, False}, {one["Main"] for it in tables for one in it["Associations"]})
        self.remove(own, subnet["SubnetId"], attach, table, association["AssociationId"])

    def remove(self, own, subnet, attach, table, association):
        ec2 = self.ec2
        self.refuses("DependencyViolation", ec2.delete_vpc, VpcId=own)
        self.refuses("DependencyViolation", ec2.delete_route_table, RouteTableId=table)
        ec2.disassociate_route_table(AssociationId=association)
        ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
        main = ec2.describe_route_tables(**by("association.main", "true"))["RouteTables"]
        main = next(one["RouteTableId"] for one in main if one["VpcId"] == own)
        self.refuses("DependencyViolation", ec2.delete_route_table, RouteTableId=main)
        ec2.delete_route_table(RouteTableId=table)
        self.refuses("DependencyViolation", ec2.delete_internet_gateway, InternetGatewayId=attach["InternetGatewayId"])
        ec2.detach_internet_gateway(**attach)
        ec2.delete_internet_gateway(InternetGatewayId=attach["InternetGatewayId"])
        ec2.delete_subnet(SubnetId=subnet)
        self.refuses("InvalidSubnetID.NotFound", ec2.delete_subnet, SubnetId=subnet)
        ec2.delete_vpc(VpcId=own)
        self.refuses("InvalidVpcID.NotFound", ec2.delete_vpc, VpcId=own)

    def test_an_endpoint_keeps_its_vpc(self):
        own = self.ec2.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
        made = self.ec2.create_vpc_endpoint(VpcId=own, ServiceName="com.amazonaws.us-east-1.dynamodb")["VpcEndpoint"]
        self.assertEqual("Gateway", made["VpcEndpointType"])
        self.refuses("DependencyViolation", self.ec2.delete_vpc, VpcId=own)
        seen = self.ec2.describe_vpc_endpoints(**by("vpc-id", own))["VpcEndpoints"]
        self.assertEqual([made["VpcEndpointId"]], [one["VpcEndpointId"] for one in seen])
        self.assertEqual([], self.ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])["Unsuccessful"])
        self.ec2.delete_vpc(VpcId=own)

    def test_a_peering_is_a_limit_of_the_sandbox(self):
        self.refuses("NotImplemented", self.ec2.create_vpc_peering_connection, VpcId="vpc-0", PeerVpcId="vpc-1",
                     text="CreateVpcPeeringConnection")

    def test_a_dry_run_does_nothing(self):
        self.refuses("DryRunOperation", self.ec2.create_vpc, CidrBlock="10.3.0.0/16", DryRun=True)
        self.refuses("DryRunOperation", self.ec2.create_key_pair, KeyName="dry", DryRun=True)
        self.refuses("DryRunOperation", self.ec2.describe_vpcs, DryRun=True)
        self.assertEqual([], self.ec2.describe_vpcs(**by("cidr", "10.3.0.0/16"))["Vpcs"])
        self.assertEqual([], self.ec2.describe_key_pairs(**by("key-name", "dry"))["KeyPairs"])

    def test_what_is_no_id_is_refused_by_its_form(self):
        ec2 = self.ec2
        told = self.refuses("InvalidGroupId.Malformed", ec2.describe_security_groups, GroupIds=["web"])
        self.assertEqual('Invalid id: "web" (expecting "sg-...")', told)
        self.refuses("InvalidInstanceID.Malformed", ec2.describe_instances, InstanceIds=["foobar"])
        self.refuses("InvalidVpcID.Malformed", ec2.delete_vpc, VpcId="vpc-xyz")
        self.refuses("InvalidVpcID.NotFound", ec2.delete_vpc, VpcId="vpc-0123456789abcdef0")
        self.refuses("InvalidParameterValue", ec2.describe_security_groups, **by("vpc-id", "web"), text="vpc-id")
        self.refuses("MissingParameter", ec2.create_tags, Resources=[], Tags=TAGS,
                     text="The request must contain the parameter resourceIdSet")

    def test_security_groups(self):
        ec2 = self.ec2
        own = ec2.create_vpc(CidrBlock="10.4.0.0/16")["Vpc"]["VpcId"]
        group = ec2.create_security_group(GroupName="web", Description="web", VpcId=own,
                                          TagSpecifications=tagged("security-group"))["GroupId"]
        self.refuses("InvalidGroup.Duplicate", ec2.create_security_group, GroupName="web", Description="x", VpcId=own)
        rule = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rule)["SecurityGroupRules"]
        self.assertEqual([80], [one["FromPort"] for one in made])
        self.refuses("InvalidPermission.Duplicate", ec2.authorize_security_group_ingress, GroupId=group,
                     IpPermissions=rule)
        rules = ec2.describe_security_group_rules(**by("group-id", group))["SecurityGroupRules"]
        self.assertEqual({True, False}, {one["IsEgress"] for one in rules})
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=rule)
        self.refuses("InvalidPermission.NotFound", ec2.revoke_security_group_ingress, GroupId=group,
                     IpPermissions=rule)
        # Only groups of a default VPC go by their names.
        self.refuses("InvalidGroup.NotFound", ec2.delete_security_group, GroupName="web")
        ec2.delete_security_group(GroupId=group)
        default = ec2.describe_security_groups(**by("vpc-id", own))["SecurityGroups"][0]["GroupId"]
        self.refuses("CannotDelete", ec2.delete_security_group, GroupId=default)
        ec2.delete_vpc(VpcId=own)

    def test_the_default_vpc_is_whole(self):
        ec2 = self.ec2
        vpc = ec2.create_default_vpc()["Vpc"]["VpcId"]
        named = ec2.create_security_group(GroupName="named", Description="in the default VPC")["GroupId"]
        ec2.authorize_security_group_ingress(GroupName="named", CidrIp="10.0.0.0/8", IpProtocol="tcp", FromPort=22, ToPort=22)
        ec2.delete_security_group(GroupName="named")
        self.refuses("InvalidGroup.NotFound", ec2.describe_security_groups, GroupIds=[named])
        subnets = ec2.describe_subnets(**by("vpc-id", vpc))["Subnets"]
        self.assertEqual(6, len(subnets))
        # What has no tags says nothing of them; of a route table it is an empty list.
        self.assertNotIn("Tags", subnets[0])
        self.assertEqual([], ec2.describe_route_tables(**by("vpc-id", vpc))["RouteTables"][0]["Tags"])
        ec2.delete_subnet(SubnetId=subnets[0]["SubnetId"])
        again = ec2.create_default_subnet(AvailabilityZone=subnets[0]["AvailabilityZone"])["Subnet"]
        self.assertTrue(again["DefaultForAz"])
        ec2.create_tags(Resources=[vpc], Tags=TAGS)
        self.assertEqual([vpc], [one["VpcId"] for one in ec2.describe_vpcs(**by("tag:a", "1"))["Vpcs"] if one["IsDefault"]])
        self.assertEqual(["vpc"], [one["ResourceType"] for one in ec2.describe_tags(**by("resource-id", vpc))["Tags"]])
        ec2.delete_tags(Resources=[vpc], Tags=[{"Key": "a"}])
        self.assertEqual([], ec2.describe_tags(**by("resource-id", vpc))["Tags"])
        attribute = ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")
        self.assertTrue(attribute["EnableDnsHostnames"]["Value"])

    def test_catalogues(self):
        ec2 = self.ec2
        ec2.describe_regions()
        zone = ec2.describe_availability_zones(ZoneNames=["us-east-1a"])["AvailabilityZones"][0]
        self.assertEqual("us-east-1-zg-1", zone["GroupName"])
        self.assertNotEqual("use1-az1", zone["ZoneId"])
        types = ec2.describe_instance_types(InstanceTypes=["t3.micro"])["InstanceTypes"][0]
        self.assertEqual((2, True), (types["VCpuInfo"]["DefaultVCpus"], types["BurstablePerformanceSupported"]))
        ec2.describe_managed_prefix_lists(**by("prefix-list-name", "com.amazonaws.global.cloudfront.origin-facing"))
        ec2.describe_network_interfaces()
        ec2.describe_addresses()
        ec2.describe_instances()
        free = ec2.describe_instance_types(**by("free-tier-eligible", "true"))["InstanceTypes"]
        self.assertTrue(free and all(one["FreeTierEligible"] for one in free))
        images = ec2.describe_images(Owners=["amazon"], MaxResults=5)["Images"]
        self.assertEqual(["arm64", "x86_64"], sorted(image["Architecture"] for image in images))
        # No answer gave these.
        self.refuses("InvalidParameterValue", ec2.describe_images, Owners=["amazon"], NextToken="none")
        self.refuses("InvalidParameterValue", ec2.describe_managed_prefix_lists, NextToken="none")
        ec2.describe_account_attributes(AttributeNames=["default-vpc"])

    def test_keys(self):
        ec2 = self.ec2
        made = ec2.create_key_pair(KeyName="made", KeyType="ed25519", TagSpecifications=tagged("key-pair"))
        self.assertIn("PRIVATE KEY", made["KeyMaterial"])
        self.refuses("InvalidKeyPair.Duplicate", ec2.create_key_pair, KeyName="made")
        public = ec2.describe_key_pairs(KeyNames=["made"], IncludePublicKey=True)["KeyPairs"][0]["PublicKey"]
        ec2.import_key_pair(KeyName="imported", PublicKeyMaterial=public.encode())
        ec2.delete_key_pair(KeyName="made")
        self.refuses("InvalidKeyPair.NotFound", ec2.describe_key_pairs, KeyNames=["made"])
