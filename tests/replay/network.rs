//! The default VPC, by what EC2 answers.

mod answers;

use std::sync::Arc;

use confctl::engine::{Change, Kind, Owner, Removal, Stays};
use confctl::profile::Profile;
use confctl::resources::Stack;

use self::answers::{both, no_gateways, no_vpcs, routes, routes_in, subnet_with, surroundings, vpc, zones};
pub use self::answers::{both_with, gateways, subnet, subnets, tags_of, there, vpcs};
use crate::account::{Given, of_root, stack, stack_of};
use crate::bodies::{ec2, ec2_done, our_tags};
use crate::script::{Script, refused};

const ID: &str = "default-vpc";
const CUSTODIAN: &str = "cloud-custodian/cloud-custodian tests/data/placebo";
pub const MANAGE_IQ: &str = "ManageIQ/manageiq-providers-amazon spec/vcr_cassettes/manageiq/providers/amazon/cloud_manager/refresher_inventory_object.yml";
const MODEL: &str = "boto/botocore botocore/data/ec2/2016-11-15/service-2.json";
const SAMPLES: &str = "boto/botocore tests/unit/response_parsing/xml/responses";
pub const SCENARIO: &str = "cloud-custodian/cloud-custodian tests/data/placebo/test_vpc_scenario_2";
const TAGS: &str = "aws/aws-cli awscli/examples/ec2/describe-tags.rst";
const ERRORS: &str = "awsdocs/amazon-ec2-api-reference errors-overview";
const CLI: &str = "aws/aws-cli awscli/examples/ec2";
const PARTS: [&str; 3] = ["subnet-us-east-1a", "subnet-us-east-1b", "igw-1"];
pub const VPC: &str = "vpc-0123456789abcdef0";

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
        .recorded("ec2:DescribeInternetGateways", SCENARIO, gateways(Some(VPC), &[]))
        .and(surroundings());
    let account = of_root(script).await;
    assert_eq!(account.plan(&stack(|_| {}), ID).await, Change::Use);
    account.check();
}

/// What EC2 answers to CreateDefaultVpc, and shows after it.
fn made() -> Script {
    Script::default()
        .recorded("ec2:DescribeVpcs", CUSTODIAN, no_vpcs())
        .recorded("ec2:DescribeInternetGateways", CUSTODIAN, no_gateways())
        .modelled(
            "ec2:CreateDefaultVpc",
            MODEL,
            ec2("CreateDefaultVpc", &format!("<vpc>{}</vpc>", vpc(&[]))),
        )
        .recorded("ec2:DescribeInternetGateways", SCENARIO, gateways(Some(VPC), &[]))
        .after("ec2:CreateDefaultVpc")
        .and(surroundings())
        .and(zones())
}

#[tokio::test]
async fn a_new_one_is_tagged_with_all_that_came_with_it() {
    let script = made()
        .documented(
            "ec2:CreateTags",
            ERRORS,
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
        // One of them shows its tags late.
        .documented("ec2:DescribeTags", TAGS, tags_of(&PARTS[..2], &our_tags(ID)))
        .documented("ec2:DescribeTags", TAGS, tags_of(&PARTS, &our_tags(ID)));
    let account = of_root(script).await;
    account.up(&stack(|_| {}), ID, Given::default()).await.done();
    let tagged = account.replay.sent("ec2:CreateTags");
    let all: String = tagged.iter().map(|sent| sent.text.as_str()).collect();
    for part in PARTS.iter().chain([&VPC]) {
        assert!(all.contains(part), "{part} was not tagged");
    }
    account.check();
}

#[tokio::test]
async fn one_that_cannot_be_tagged_is_deleted_again() {
    let denied = "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/ann is not authorized to perform: ec2:CreateTags";
    let script = made()
        .without(&["ec2:DescribeAvailabilityZones", "ec2:DescribeInstanceTypeOfferings"])
        .documented("ec2:CreateTags", ERRORS, refused(403, "UnauthorizedOperation", denied))
        .recorded("ec2:DescribeSubnets", MANAGE_IQ, subnets(&both(), ""))
        .and(inhabited(""))
        .and(removed());
    let account = of_root(script).await;
    let ran = account.up(&stack(|_| {}), ID, Given::default()).await;
    let failure = ran.failure();
    assert_eq!(failure.error.kind, Kind::Denied);
    assert!(failure.left_behind.is_empty(), "{failure:?}");
    account.check();
}

#[tokio::test]
async fn tags_that_a_killed_run_did_not_put_on_its_parts_are_set_by_the_next() {
    let script = there(&our_tags(ID))
        .without(&["ec2:DescribeSubnets", "ec2:DescribeInternetGateways"])
        .recorded("ec2:DescribeSubnets", MANAGE_IQ, subnets(&both(), ""))
        .recorded("ec2:DescribeInternetGateways", SCENARIO, gateways(Some(VPC), &[]))
        .recorded(
            "ec2:CreateTags",
            &format!("{CUSTODIAN}/test_asg_tag"),
            ec2_done("CreateTags"),
        )
        .documented("ec2:DescribeTags", TAGS, tags_of(&PARTS, &our_tags(ID)));
    let account = of_root(script).await;
    let fields = shown(&account.plan(&stack(|_| {}), ID).await);
    let of_parts = "of 2 subnets, igw-1: (none) -> ";
    assert_eq!(
        fields,
        [
            format!("tag confctl:region {of_parts}us-east-1"),
            format!("tag confctl:resource {of_parts}default-vpc"),
            format!("tag confctl:stack {of_parts}tcb-conference"),
        ]
    );
    account.up(&stack(|_| {}), ID, Given::default()).await.done();
    let tagged = account.replay.sent("ec2:CreateTags");
    assert_eq!(tagged.len(), 1);
    assert!(PARTS.iter().all(|part| tagged[0].contains(part)) && !tagged[0].contains(VPC));
    account.check();
}

/// What a plan shows of an update, a field a line.
fn shown(change: &Change) -> Vec<String> {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".to_owned());
    let fields = change.fields().iter();
    fields
        .map(|field| format!("{}: {} -> {}", field.field, value(&field.from), value(&field.to)))
        .collect()
}

#[tokio::test]
async fn what_a_killed_teardown_took_of_it_is_made_good_in_place() {
    // Its gateway is detached, and one of its two subnets is gone.
    let ours = our_tags(ID);
    let script = there(&ours)
        .without(&[
            "ec2:DescribeSubnets",
            "ec2:DescribeInternetGateways",
            "ec2:DescribeRouteTables",
        ])
        .recorded("ec2:DescribeSubnets", MANAGE_IQ, subnets(&both_with(&ours)[..1], ""))
        .recorded("ec2:DescribeInternetGateways", SCENARIO, gateways(None, &ours))
        .documented(
            "ec2:DescribeRouteTables",
            "awsdocs/amazon-vpc-user-guide doc_source/VPC_Route_Tables.md",
            routes_in("blackhole"),
        )
        .modelled(
            "ec2:AttachInternetGateway",
            &format!("{CLI}/attach-internet-gateway.rst"),
            ec2_done("AttachInternetGateway"),
        )
        .documented(
            "ec2:CreateDefaultSubnet",
            &format!("{CLI}/create-default-subnet.rst"),
            ec2(
                "CreateDefaultSubnet",
                &format!("<subnet>{}</subnet>", subnet("us-east-1b", true)),
            ),
        )
        .recorded("ec2:DescribeInternetGateways", SCENARIO, gateways(Some(VPC), &ours))
        .after("ec2:AttachInternetGateway")
        .recorded("ec2:DescribeRouteTables", MANAGE_IQ, routes())
        .after("ec2:AttachInternetGateway")
        .recorded(
            "ec2:DescribeSubnets",
            MANAGE_IQ,
            subnets(
                &[subnet_with("us-east-1a", true, &ours), subnet("us-east-1b", true)],
                "",
            ),
        )
        .after("ec2:CreateDefaultSubnet")
        .recorded(
            "ec2:CreateTags",
            &format!("{CUSTODIAN}/test_asg_tag"),
            ec2_done("CreateTags"),
        )
        .recorded("ec2:DescribeSubnets", MANAGE_IQ, subnets(&both_with(&ours), ""))
        .after("ec2:CreateTags")
        .documented("ec2:DescribeTags", TAGS, tags_of(&PARTS[1..2], &ours));
    let account = of_root(script).await;
    assert_eq!(
        shown(&account.plan(&stack(|_| {}), ID).await),
        [
            "internet gateway igw-1: detached -> attached",
            "default subnet in us-east-1b: (none) -> made"
        ]
    );
    account.up(&stack(|_| {}), ID, Given::default()).await.done();
    assert!(account.replay.sent("ec2:CreateDefaultSubnet")[0].contains("us-east-1b"));
    assert!(account.replay.sent("ec2:CreateTags")[0].contains("subnet-us-east-1b"));
    assert_eq!(account.plan(&stack(|_| {}), ID).await, Change::Keep);
    account.check();
}

#[tokio::test]
async fn one_whose_gateway_is_gone_gets_another_and_its_route_leads_there() {
    let ours = our_tags(ID);
    let made =
        "<internetGateway><attachmentSet/><internetGatewayId>igw-1</internetGatewayId><tagSet/></internetGateway>";
    let script = there(&ours)
        .without(&["ec2:DescribeInternetGateways", "ec2:DescribeRouteTables"])
        .recorded("ec2:DescribeInternetGateways", CUSTODIAN, no_gateways())
        .documented(
            "ec2:DescribeRouteTables",
            "awsdocs/amazon-vpc-user-guide doc_source/VPC_Route_Tables.md",
            routes_in("blackhole"),
        )
        .documented(
            "ec2:CreateInternetGateway",
            &format!("{CLI}/create-internet-gateway.rst"),
            ec2("CreateInternetGateway", made),
        )
        .modelled(
            "ec2:AttachInternetGateway",
            MODEL,
            refused(
                400,
                "InvalidInternetGatewayID.NotFound",
                "The internetGateway ID 'igw-1' does not exist",
            ),
        )
        // The answer to its first try was lost.
        .documented(
            "ec2:AttachInternetGateway",
            ERRORS,
            refused(
                400,
                "Resource.AlreadyAssociated",
                "resource igw-1 is already attached to network vpc-0123456789abcdef0",
            ),
        )
        .documented(
            "ec2:DeleteRoute",
            &format!("{CLI}/delete-route.rst"),
            ec2_done("DeleteRoute"),
        )
        .documented(
            "ec2:CreateRoute",
            &format!("{CLI}/create-route.rst"),
            ec2_done("CreateRoute"),
        )
        .recorded("ec2:DescribeInternetGateways", SCENARIO, gateways(Some(VPC), &ours))
        .after("ec2:AttachInternetGateway")
        .recorded("ec2:DescribeRouteTables", MANAGE_IQ, routes())
        .after("ec2:CreateRoute");
    let account = of_root(script).await;
    assert_eq!(
        shown(&account.plan(&stack(|_| {}), ID).await),
        [
            "internet gateway: (none) -> made and attached",
            "route 0.0.0.0/0 in rtb-1: igw-1, which is not attached -> the internet gateway",
        ]
    );
    account.up(&stack(|_| {}), ID, Given::default()).await.done();
    let sent = &account.replay.sent("ec2:CreateInternetGateway")[0];
    assert!(sent.contains("confctl:stack"), "it is tagged at birth");
    account.check();
}

/// All that is left of a VPC: its gateway, which was detached to be deleted.
fn left_over() -> Script {
    Script::default()
        .recorded("ec2:DescribeVpcs", CUSTODIAN, no_vpcs())
        .recorded("ec2:DescribeInternetGateways", SCENARIO, gateways(None, &our_tags(ID)))
        .recorded(
            "ec2:DeleteInternetGateway",
            &format!("{SAMPLES}/ec2-delete-internet-gateway.xml"),
            ec2_done("DeleteInternetGateway"),
        )
}

#[tokio::test]
async fn a_gateway_that_a_killed_teardown_detached_is_deleted_although_its_vpc_is_gone() {
    let account = of_root(left_over()).await;
    let removal = account.plan_removal(&stack(|_| {}), ID).await;
    assert_eq!(removal, Removal::Delete { loses: None });
    account.down(&stack(|_| {}), ID).await.done();
    account.check();
}

#[tokio::test]
async fn the_next_up_deletes_it_and_makes_a_new_vpc() {
    let script = left_over()
        .and(made().without(&["ec2:DescribeVpcs", "ec2:DescribeInternetGateways"]))
        .recorded("ec2:DescribeVpcs", CUSTODIAN, vpcs(&our_tags(ID)))
        .after("ec2:CreateDefaultVpc")
        .recorded("ec2:DescribeSubnets", MANAGE_IQ, subnets(&both_with(&our_tags(ID)), ""))
        .recorded(
            "ec2:DescribeInternetGateways",
            SCENARIO,
            gateways(Some(VPC), &our_tags(ID)),
        )
        .after("ec2:CreateDefaultVpc")
        .recorded(
            "ec2:CreateTags",
            &format!("{CUSTODIAN}/test_asg_tag"),
            ec2_done("CreateTags"),
        );
    let account = of_root(script).await;
    assert_eq!(
        shown(&account.plan(&stack(|_| {}), ID).await),
        [
            "internet gateway igw-1: left of a removal, attached to nothing -> deleted",
            "VPC: (none) -> made"
        ]
    );
    account.up(&stack(|_| {}), ID, Given::default()).await.done();
    account.check();
}

#[tokio::test]
async fn beside_the_default_vpc_of_somebody_else_our_loose_gateway_goes_and_the_vpc_stays() {
    let script = there(&[])
        .without(&["ec2:DescribeInternetGateways"])
        .and(left_over().without(&["ec2:DescribeVpcs"]));
    let account = of_root(script).await;
    let stack = stack(|_| {});
    let fields = shown(&account.plan(&stack, ID).await);
    assert_eq!(
        fields,
        ["internet gateway igw-1: left of a removal, attached to nothing -> deleted"]
    );
    account.down(&stack, ID).await.done();
    account.check();
}

/// The stack, whose user says that the default VPC is its own.
fn on_the_users_word() -> Arc<Stack> {
    let mut stack = stack_of(Profile::default());
    stack.take_over.insert(ID.to_owned());
    Arc::new(stack)
}

#[tokio::test]
async fn one_without_tags_that_a_killed_run_may_have_made_is_ours_on_the_users_word_only() {
    let script = || there(&[]).and(Script::default());
    let account = of_root(script()).await.remembering(ID, "create", "default-vpc");
    assert_eq!(account.plan(&stack(|_| {}), ID).await, Change::Use);
    let removal = account.plan_removal(&stack(|_| {}), ID).await;
    let unproven = |removal: &Removal| matches!(removal, Removal::Leave { stays: Stays::Unproven, reason } if reason.contains("--adopt default-vpc"));
    assert!(unproven(&removal), "{removal:?}");
    account.check();

    let account = of_root(script().and(zones()))
        .await
        .remembering(ID, "unproven", "default-vpc");
    assert!(unproven(&account.plan_removal(&stack(|_| {}), ID).await));
    let fields = shown(&account.plan(&on_the_users_word(), ID).await);
    assert_eq!(fields[2], "tag confctl:stack: (none) -> tcb-conference");
    let removal = account.plan_removal(&on_the_users_word(), ID).await;
    assert_eq!(removal, Removal::Delete { loses: None });
    account.check();

    // Nothing makes a VPC ours that no run of ours was about to make.
    let account = of_root(script()).await;
    assert_eq!(account.plan(&on_the_users_word(), ID).await, Change::Use);
    let removal = account.plan_removal(&on_the_users_word(), ID).await;
    assert!(
        matches!(
            removal,
            Removal::Leave {
                stays: Stays::NotOurs,
                ..
            }
        ),
        "{removal:?}"
    );
    account.check();
}

#[tokio::test]
async fn one_that_somebody_made_in_the_same_moment_is_used() {
    let script = Script::default()
        .recorded("ec2:DescribeVpcs", CUSTODIAN, no_vpcs())
        .recorded("ec2:DescribeInternetGateways", CUSTODIAN, no_gateways())
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
        .recorded("ec2:DescribeInternetGateways", SCENARIO, gateways(Some(VPC), &[]))
        .after("ec2:CreateDefaultVpc")
        .and(surroundings());
    let account = of_root(script).await;
    account.up(&stack(|_| {}), ID, Given::default()).await.done();
    assert_eq!(account.replay.times("ec2:CreateTags"), 0);
    // It may be that of a first try whose answer was lost: that is said, with the way out.
    assert!(
        account.told().iter().any(|text| text.contains(VPC)),
        "{:?}",
        account.told()
    );
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

/// All of it goes at once.
fn removed() -> Script {
    Script::default()
        .recorded(
            "ec2:DeleteSubnet",
            &format!("{CUSTODIAN}/test_network_interface_filter"),
            ec2_done("DeleteSubnet"),
        )
        .documented(
            "ec2:DetachInternetGateway",
            &format!("{CLI}/detach-internet-gateway.rst"),
            ec2_done("DetachInternetGateway"),
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
        )
}

#[tokio::test]
async fn its_gateway_carries_our_tags_before_it_is_detached() {
    // A run that was killed, or somebody, left it without.
    let script = there(&our_tags(ID))
        .without(&["ec2:DescribeInternetGateways"])
        .recorded("ec2:DescribeInternetGateways", SCENARIO, gateways(Some(VPC), &[]))
        .and(inhabited(""))
        .recorded(
            "ec2:CreateTags",
            &format!("{CUSTODIAN}/test_asg_tag"),
            ec2_done("CreateTags"),
        )
        .and(removed());
    let account = of_root(script).await;
    account.down(&stack(|_| {}), ID).await.done();
    let called = account.replay.called();
    let at = |operation: &str| called.iter().position(|called| called == operation);
    assert!(at("ec2:CreateTags") < at("ec2:DetachInternetGateway"), "{called:?}");
    account.check();
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
        .recorded("ec2:DescribeInternetGateways", CUSTODIAN, no_gateways())
        .documented(
            "ec2:CreateDefaultVpc",
            "awsdocs/iam-user-guide troubleshoot_access-denied",
            refused(403, "UnauthorizedOperation", denied),
        );
    let account = of_root(script).await;
    let ran = account.up(&stack(|_| {}), ID, Given::default()).await;
    let error = &ran.failure().error;
    assert_eq!(error.kind, Kind::Denied);
    assert!(crate::way_out(error).contains("network.vpc"), "{:?}", error.hint);
    account.check();
}
