//! What EC2 was recorded to answer: what is there though it is empty, what is left out, and how ids and times are written.

use std::sync::Arc;

use crate::fakes::Fake;
use crate::protocols::call::Protocol;
use crate::services::asked;
use crate::world::compute::{self, InstanceSpec, images};
use crate::world::{Refusal, Tags, World};

const REGION: &str = "us-east-1";

fn ask(world: &Arc<World>, operation: &str, parameters: &[(&str, &str)]) -> Result<String, Refusal> {
    let by = (Protocol::Ec2Query, "arn:aws:iam::123456789012:user/sandbox");
    let answer = asked::form(world, ("ec2", REGION), by, operation, parameters)?;
    assert_eq!(answer.headers["content-type"], "text/xml;charset=UTF-8");
    Ok(String::from_utf8(answer.body.to_vec()).unwrap())
}

/// The text of the first element of that name.
fn text<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = answer.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

/// An instance in a default VPC, and its subnet.
fn instance_of(fake: &Fake) -> (String, String) {
    ask(&fake.world, "CreateDefaultVpc", &[]).unwrap();
    let spec = InstanceSpec {
        image_id: images::for_architectures(&[]).to_owned(),
        instance_type: "t3.micro".to_owned(),
        ..InstanceSpec::default()
    };
    let mut state = fake.world.lock();
    let subnets = &state.region(REGION).network.subnets;
    let first = subnets.values().find(|subnet| subnet.zone == "us-east-1a").unwrap();
    let subnet = first.id.clone();
    let id = compute::launch(&fake.world, &mut state, REGION, &spec, &subnet, Tags::new()).unwrap();
    (id, subnet)
}

#[test]
fn of_some_things_no_tags_are_an_empty_list_and_of_others_nothing_at_all() {
    let fake = Fake::new();
    let ask = |operation: &str, parameters: &[(&str, &str)]| ask(&fake.world, operation, parameters).unwrap();
    let vpc = text(&ask("CreateDefaultVpc", &[]), "vpcId").unwrap().to_owned();
    for without in ["DescribeVpcs", "DescribeSubnets", "DescribeSecurityGroups"] {
        assert_eq!(text(&ask(without, &[]), "tagSet"), None, "{without}");
    }
    for empty in ["DescribeRouteTables", "DescribeInternetGateways"] {
        assert_eq!(text(&ask(empty, &[]), "tagSet"), Some(""), "{empty}");
    }
    let tag = [("ResourceId.1", &*vpc), ("Tag.1.Key", "a"), ("Tag.1.Value", "1")];
    ask("CreateTags", &tag);
    let tagged = ask("DescribeVpcs", &[("Filter.1.Name", "tag:a"), ("Filter.1.Value.1", "1")]);
    assert_eq!(
        text(&tagged, "tagSet"),
        Some("<item><key>a</key><value>1</value></item>")
    );
    assert!(text(&tagged, "dhcpOptionsId").unwrap().starts_with("dopt-"));
    let subnets = ask("DescribeSubnets", &[]);
    assert_eq!(text(&subnets, "ipv6CidrBlockAssociationSet"), Some(""));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_tells_all_of_itself_and_little_when_it_has_ended() {
    let fake = Fake::new();
    let (id, subnet) = instance_of(&fake);
    let described = || ask(&fake.world, "DescribeInstances", &[("InstanceId.1", &id)]).unwrap();
    let alive = described();
    assert_eq!(text(&alive, "subnetId"), Some(&*subnet));
    for empty in ["productCodes", "reason", "groupName", "ipv6AddressesSet"] {
        assert_eq!(text(&alive, empty), Some(""), "{empty}");
    }
    assert!(text(&alive, "launchTime").unwrap().ends_with(".000Z"));
    assert_eq!(text(&alive, "tenancy"), Some("default"));
    assert!(text(&alive, "volumeId").unwrap().starts_with("vol-"));
    assert!(
        text(&alive, "dnsName").unwrap().starts_with("ec2-"),
        "a default VPC gives names"
    );
    let interfaces = ask(&fake.world, "DescribeNetworkInterfaces", &[]).unwrap();
    for both in ["networkInterfaceId", "attachmentId", "macAddress", "privateDnsName"] {
        assert_eq!(text(&interfaces, both), text(&alive, both), "{both}");
        assert!(text(&alive, both).is_some(), "{both}");
    }

    compute::terminate(&fake.world, REGION, &id).await;
    let ended = described();
    for gone in ["subnetId", "vpcId", "privateIpAddress", "ipAddress", "sourceDestCheck"] {
        assert_eq!(text(&ended, gone), None, "{gone}");
    }
    for empty in ["privateDnsName", "dnsName", "networkInterfaceSet", "blockDeviceMapping"] {
        assert_eq!(text(&ended, empty), Some(""), "{empty}");
    }
    assert!(text(&ended, "reason").unwrap().starts_with("User initiated ("));
    assert!(ended.contains("<code>Client.UserInitiatedShutdown</code>"), "{ended}");
}

#[test]
fn zones_are_in_a_group_and_their_ids_do_not_go_by_their_letters() {
    let fake = Fake::new();
    let first = [("ZoneName.1", "us-east-1a")];
    let zone = ask(&fake.world, "DescribeAvailabilityZones", &first).unwrap();
    assert_eq!(text(&zone, "groupName"), Some("us-east-1-zg-1"));
    assert_eq!(text(&zone, "groupLongName"), Some("US East (N. Virginia) 1"));
    assert_eq!(text(&zone, "zoneId"), Some("use1-az6"));
}

#[test]
fn a_request_that_lacks_something_or_names_what_is_no_id_is_refused_by_that() {
    let fake = Fake::new();
    let refused = |operation: &str, parameters: &[(&str, &str)]| {
        let refusal = ask(&fake.world, operation, parameters).unwrap_err();
        (refusal.code, refusal.message)
    };
    let tags = refused("CreateTags", &[("Tag.1.Key", "a"), ("Tag.1.Value", "1")]);
    let text = "The request must contain the parameter resourceIdSet".to_owned();
    assert_eq!(tags, ("MissingParameter".to_owned(), text));
    assert_eq!(refused("DeleteVpc", &[]).0, "MissingParameter");
    let malformed = refused("DescribeInstances", &[("InstanceId.1", "foobar")]);
    assert_eq!(malformed.0, "InvalidInstanceID.Malformed");
    let strange = [("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", "mine")];
    let told = ("InvalidParameterValue".to_owned(), "vpc-id".to_owned());
    assert_eq!(refused("DescribeSecurityGroups", &strange), told);
}

#[tokio::test]
async fn an_instance_spends_credits_as_its_family_does_until_somebody_sets_it() {
    let fake = Fake::new();
    let (id, _) = instance_of(&fake);
    let shown = |parameters: &[(&str, &str)]| {
        let answer = ask(&fake.world, "DescribeInstanceCreditSpecifications", parameters).unwrap();
        text(&answer, "cpuCredits").map(str::to_owned)
    };
    let named = [("InstanceId.1", id.as_str())];
    assert_eq!(shown(&named).as_deref(), Some("unlimited"));
    let set = |id: &str, mode: &str| {
        let parameters = [
            ("InstanceCreditSpecification.1.InstanceId", id),
            ("InstanceCreditSpecification.1.CpuCredits", mode),
        ];
        ask(&fake.world, "ModifyInstanceCreditSpecification", &parameters)
    };
    let done = set(&id, "standard").unwrap();
    assert!(done.contains("<unsuccessfulInstanceCreditSpecificationSet></unsuccessfulInstanceCreditSpecificationSet>"));
    assert_eq!(shown(&named).as_deref(), Some("standard"));
    // Without a name those are meant that spend without limit.
    assert_eq!(shown(&[]), None);
    assert_eq!(set(&id, "some").unwrap_err().code, "InvalidParameterValue");
    let unknown = set("i-0123456789abcdef0", "standard").unwrap();
    assert_eq!(text(&unknown, "code"), Some("InvalidInstanceID.NotFound"));
}
