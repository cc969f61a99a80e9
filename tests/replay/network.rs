//! The default VPC, by what EC2 answers.

use confctl::engine::{Change, Kind, Owner};

use crate::account::{Given, of_root, stack};
use crate::bodies::{ec2, ec2_done, our_tags};
use crate::script::{Script, refused};

const ID: &str = "default-vpc";
const CUSTODIAN: &str = "cloud-custodian/cloud-custodian tests/data/placebo";
const MANAGE_IQ: &str = "ManageIQ/manageiq-providers-amazon spec/vcr_cassettes/manageiq/providers/amazon/cloud_manager/refresher_inventory_object.yml";
const MODEL: &str = "boto/botocore botocore/data/ec2/2016-11-15/service-2.json";
const SAMPLES: &str = "boto/botocore tests/unit/response_parsing/xml/responses";
const VPC: &str = "vpc-0123456789abcdef0";

fn tag_set(tags: &[(&str, String)]) -> String {
    let items: String = tags
        .iter()
        .map(|(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>"))
        .collect();
    match items.as_str() {
        // What has no tags has no set of tags either.
        "" => String::new(),
        items => format!("<tagSet>{items}</tagSet>"),
    }
}

fn vpc(tags: &[(&str, String)]) -> String {
    format!(
        "<vpcId>{VPC}</vpcId><ownerId>123456789012</ownerId><state>available</state><cidrBlock>172.31.0.0/16</cidrBlock>\
         <dhcpOptionsId>dopt-0123456789abcdef0</dhcpOptionsId><instanceTenancy>default</instanceTenancy><isDefault>true</isDefault>{}",
        tag_set(tags)
    )
}

fn vpcs(tags: &[(&str, String)]) -> String {
    ec2("DescribeVpcs", &format!("<vpcSet><item>{}</item></vpcSet>", vpc(tags)))
}

fn no_vpcs() -> String {
    ec2("DescribeVpcs", "<vpcSet/>")
}

fn subnet(zone: &str, default: bool) -> String {
    format!(
        "<item><subnetId>subnet-{zone}</subnetId><state>available</state><vpcId>{VPC}</vpcId><cidrBlock>172.31.0.0/20</cidrBlock>\
         <availableIpAddressCount>4091</availableIpAddressCount><availabilityZone>{zone}</availabilityZone>\
         <defaultForAz>{default}</defaultForAz><mapPublicIpOnLaunch>{default}</mapPublicIpOnLaunch>\
         <assignIpv6AddressOnCreation>false</assignIpv6AddressOnCreation></item>"
    )
}

fn subnets(items: &[String], more: &str) -> String {
    ec2(
        "DescribeSubnets",
        &format!("<subnetSet>{}</subnetSet>{more}", items.concat()),
    )
}

fn both() -> Vec<String> {
    vec![subnet("us-east-1a", true), subnet("us-east-1b", true)]
}

/// The main table's association names no subnet.
fn routes() -> String {
    let table = format!(
        "<item><routeTableId>rtb-1</routeTableId><vpcId>{VPC}</vpcId><routeSet><item><destinationCidrBlock>172.31.0.0/16</destinationCidrBlock>\
         <gatewayId>local</gatewayId><state>active</state><origin>CreateRouteTable</origin></item><item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock>\
         <gatewayId>igw-1</gatewayId><state>active</state><origin>CreateRoute</origin></item></routeSet>\
         <associationSet><item><routeTableAssociationId>rtbassoc-1</routeTableAssociationId><routeTableId>rtb-1</routeTableId><main>true</main>\
         <associationState><state>associated</state></associationState></item></associationSet><propagatingVgwSet/><tagSet/></item>"
    );
    ec2(
        "DescribeRouteTables",
        &format!("<routeTableSet>{table}</routeTableSet>"),
    )
}

fn offerings() -> String {
    let items: String = ["us-east-1a", "us-east-1b"]
        .iter()
        .map(|zone| format!("<item><instanceType>t3.micro</instanceType><locationType>availability-zone</locationType><location>{zone}</location></item>"))
        .collect();
    ec2(
        "DescribeInstanceTypeOfferings",
        &format!("<instanceTypeOfferingSet>{items}</instanceTypeOfferingSet>"),
    )
}

/// Routes and offerings, which are asked for wherever there is a VPC.
fn surroundings() -> Script {
    Script::default()
        .recorded("ec2:DescribeRouteTables", MANAGE_IQ, routes())
        .modelled("ec2:DescribeInstanceTypeOfferings", MODEL, offerings())
}

fn there(tags: &[(&str, String)]) -> Script {
    Script::default()
        .recorded(
            "ec2:DescribeVpcs",
            &format!("{CUSTODIAN}/test_appelb_default_vpc"),
            vpcs(tags),
        )
        .recorded("ec2:DescribeSubnets", MANAGE_IQ, subnets(&both(), ""))
        .and(surroundings())
}

fn gateways() -> String {
    let gateway = format!(
        "<item><internetGatewayId>igw-1</internetGatewayId><ownerId>123456789012</ownerId><attachmentSet><item><vpcId>{VPC}</vpcId>\
         <state>available</state></item></attachmentSet><tagSet/></item>"
    );
    ec2(
        "DescribeInternetGateways",
        &format!("<internetGatewaySet>{gateway}</internetGatewaySet>"),
    )
}

#[tokio::test]
async fn one_that_aws_made_has_no_set_of_tags_and_is_used() {
    let account = of_root(there(&[])).await;
    let seen = account.observe(&stack(|_| {}), ID).await.unwrap();
    assert_eq!(seen.live().map(|(_, owner)| owner.clone()), Some(Owner::Nobody));
    assert_eq!(account.plan(&stack(|_| {}), ID).await, Change::Use);
    account.check();
}

#[tokio::test]
async fn subnets_on_a_second_page_count() {
    let script = Script::default()
        .recorded("ec2:DescribeVpcs", CUSTODIAN, vpcs(&[]))
        .modelled(
            "ec2:DescribeSubnets",
            MODEL,
            subnets(&both()[..1], "<nextToken>more</nextToken>"),
        )
        .recorded("ec2:DescribeSubnets", MANAGE_IQ, subnets(&both()[1..], ""))
        .to("NextToken=more")
        .and(surroundings());
    let account = of_root(script).await;
    assert_eq!(account.plan(&stack(|_| {}), ID).await, Change::Use);
    account.check();
}

#[tokio::test]
async fn a_new_one_is_tagged_with_all_that_came_with_it() {
    let script = Script::default()
        .recorded("ec2:DescribeVpcs", CUSTODIAN, no_vpcs())
        .modelled(
            "ec2:CreateDefaultVpc",
            MODEL,
            ec2("CreateDefaultVpc", &format!("<vpc>{}</vpc>", vpc(&[]))),
        )
        .documented(
            "ec2:CreateTags",
            "awsdocs/amazon-ec2-api-reference errors-overview",
            refused(
                400,
                "InvalidVpcID.NotFound",
                "The vpc ID 'vpc-0123456789abcdef0' does not exist",
            ),
        )
        .recorded(
            "ec2:CreateTags",
            &format!("{CUSTODIAN}/test_asg_tag"),
            ec2_done("CreateTags"),
        )
        .recorded("ec2:DescribeVpcs", CUSTODIAN, vpcs(&our_tags(ID)))
        .after("ec2:CreateDefaultVpc")
        .recorded("ec2:DescribeSubnets", MANAGE_IQ, subnets(&both()[..1], ""))
        .recorded("ec2:DescribeSubnets", MANAGE_IQ, subnets(&both(), ""))
        .and(surroundings())
        .recorded(
            "ec2:DescribeInternetGateways",
            &format!("{CUSTODIAN}/test_vpc_scenario_2"),
            gateways(),
        );
    let account = of_root(script).await;
    account.up(&stack(|_| {}), ID, Given::default()).await.done();
    let tagged = account.replay.sent("ec2:CreateTags");
    let all: String = tagged.iter().map(|sent| sent.text.as_str()).collect();
    for part in [VPC, "subnet-us-east-1a", "subnet-us-east-1b", "igw-1"] {
        assert!(all.contains(part), "{part} was not tagged");
    }
    account.check();
}

#[tokio::test]
async fn one_that_somebody_made_in_the_same_moment_is_used() {
    let script = Script::default()
        .recorded("ec2:DescribeVpcs", CUSTODIAN, no_vpcs())
        .documented(
            "ec2:CreateDefaultVpc",
            "awsdocs/amazon-ec2-api-reference errors-overview",
            refused(
                400,
                "DefaultVpcAlreadyExists",
                "A Default VPC already exists for this account in this region.",
            ),
        )
        .recorded("ec2:DescribeVpcs", CUSTODIAN, vpcs(&[]))
        .after("ec2:CreateDefaultVpc")
        .recorded("ec2:DescribeSubnets", MANAGE_IQ, subnets(&both(), ""))
        .and(surroundings());
    let account = of_root(script).await;
    account.up(&stack(|_| {}), ID, Given::default()).await.done();
    assert_eq!(account.replay.times("ec2:CreateTags"), 0);
    account.check();
}

/// What is looked for before a VPC is removed.
fn inhabited(interfaces: &str) -> Script {
    Script::default()
        .recorded(
            "ec2:DescribeNetworkInterfaces",
            MANAGE_IQ,
            ec2("DescribeNetworkInterfaces", &format!("<networkInterfaceSet>{interfaces}</networkInterfaceSet>")),
        )
        .recorded(
            "ec2:DescribeSecurityGroups",
            &format!("{CUSTODIAN}/test_security_group_stale"),
            ec2(
                "DescribeSecurityGroups",
                &format!(
                    "<securityGroupInfo><item><ownerId>123456789012</ownerId><groupId>sg-1</groupId><groupName>default</groupName>\
                     <groupDescription>default VPC security group</groupDescription><vpcId>{VPC}</vpcId><ipPermissions/><ipPermissionsEgress/></item></securityGroupInfo>"
                ),
            ),
        )
        .recorded(
            "ec2:DescribeVpcEndpoints",
            &format!("{CUSTODIAN}/test_vpce_sg_filter"),
            ec2("DescribeVpcEndpoints", "<vpcEndpointSet/>"),
        )
}

fn interface(requester_managed: bool) -> String {
    format!(
        "<item><networkInterfaceId>eni-1</networkInterfaceId><subnetId>subnet-us-east-1a</subnetId><vpcId>{VPC}</vpcId>\
         <description>ELB app/awseb-AWSEB-1/0123456789abcdef</description><ownerId>123456789012</ownerId>\
         <requesterManaged>{requester_managed}</requesterManaged><status>in-use</status></item>"
    )
}

#[tokio::test]
async fn ours_is_removed_once_the_load_balancers_interfaces_have_left() {
    let script = there(&our_tags(ID))
        .recorded(
            "ec2:DescribeNetworkInterfaces",
            MANAGE_IQ,
            ec2(
                "DescribeNetworkInterfaces",
                &format!("<networkInterfaceSet>{}</networkInterfaceSet>", interface(true)),
            ),
        )
        .and(inhabited(""))
        .recorded(
            "ec2:DeleteSubnet",
            &format!("{CUSTODIAN}/test_network_interface_filter"),
            ec2_done("DeleteSubnet"),
        )
        .recorded(
            "ec2:DeleteSubnet",
            CUSTODIAN,
            refused(
                400,
                "InvalidSubnetID.NotFound",
                "The subnet ID 'subnet-us-east-1b' does not exist",
            ),
        )
        .to("us-east-1b")
        .recorded("ec2:DescribeInternetGateways", CUSTODIAN, gateways())
        .documented(
            "ec2:DetachInternetGateway",
            "awsdocs/amazon-ec2-api-reference errors-overview",
            refused(
                400,
                "Gateway.NotAttached",
                "resource igw-1 is not attached to network vpc-0123456789abcdef0",
            ),
        )
        .recorded(
            "ec2:DeleteInternetGateway",
            &format!("{CUSTODIAN}/test_internet_gateway_delete_with_dependencies"),
            refused(
                400,
                "DependencyViolation",
                "The internetGateway 'igw-1' has dependencies and cannot be deleted.",
            ),
        )
        .recorded(
            "ec2:DeleteInternetGateway",
            &format!("{SAMPLES}/ec2-delete-internet-gateway.xml"),
            ec2_done("DeleteInternetGateway"),
        )
        .recorded(
            "ec2:DeleteVpc",
            &format!("{CUSTODIAN}/test_network_interface_filter"),
            ec2_done("DeleteVpc"),
        );
    let account = of_root(script).await;
    account.down(&stack(|_| {}), ID).await.done();
    account.check();
}

#[tokio::test]
async fn one_that_somebody_lives_in_stays_whole() {
    let account = of_root(there(&our_tags(ID)).and(inhabited(&interface(false)))).await;
    let ran = account.down(&stack(|_| {}), ID).await;
    assert_eq!(ran.failure().error.kind, Kind::Kept);
    assert!(ran.failure().error.message.contains("eni-1"));
    account.check();
}

#[tokio::test]
async fn an_organization_that_forbids_default_vpcs_leaves_a_way_out() {
    let denied = "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/ann is not authorized to perform: ec2:CreateDefaultVpc with an explicit deny in a service control policy";
    let script = Script::default()
        .recorded("ec2:DescribeVpcs", CUSTODIAN, no_vpcs())
        .documented(
            "ec2:CreateDefaultVpc",
            "awsdocs/iam-user-guide troubleshoot_access-denied",
            refused(403, "UnauthorizedOperation", denied),
        );
    let account = of_root(script).await;
    let ran = account.up(&stack(|_| {}), ID, Given::default()).await;
    let error = &ran.failure().error;
    assert_eq!(error.kind, Kind::Denied);
    assert!(
        error.hint.as_deref().is_some_and(|hint| hint.contains("network.vpc")),
        "{:?}",
        error.hint
    );
    account.check();
}
