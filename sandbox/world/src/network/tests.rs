//! What depends on what when a network is taken apart.

use super::security_groups::{Permission, Source};
use crate::fakes::Fake;
use crate::{Tags, compute};

const REGION: &str = "us-east-1";

#[tokio::test(flavor = "multi_thread")]
async fn a_default_vpc_comes_apart_only_in_the_right_order_and_when_nothing_runs_in_it() {
    let fake = Fake::new();
    let spec = compute::InstanceSpec {
        image_id: compute::images::for_architectures(&[]).to_owned(),
        instance_type: "t3.micro".to_owned(),
        ..compute::InstanceSpec::default()
    };
    let (vpc, subnets, gateway, instance) = {
        let mut state = fake.world.lock();
        let here = state.region(REGION);
        let vpc = here.network.create_default_vpc(REGION).unwrap();
        let again = here.network.create_default_vpc(REGION).unwrap_err();
        assert_eq!(again.code, "DefaultVpcAlreadyExists");
        let subnets: Vec<_> = here.network.subnets.keys().cloned().collect();
        assert_eq!(subnets.len(), 6);
        let zone_e = here
            .network
            .subnets
            .values()
            .find(|it| it.zone == "us-east-1e")
            .unwrap()
            .id
            .clone();
        let first = here
            .network
            .subnets
            .values()
            .find(|it| it.zone == "us-east-1a")
            .unwrap()
            .id
            .clone();
        let gateway = here.network.internet_gateways.keys().next().cloned().unwrap();
        let refused = compute::launch(&fake.world, &mut state, REGION, &spec, &zone_e, Tags::new()).unwrap_err();
        assert_eq!(refused.code, "Unsupported", "us-east-1e has no t3");
        let instance = compute::launch(&fake.world, &mut state, REGION, &spec, &first, Tags::new()).unwrap();
        let here = state.region(REGION);
        assert_eq!(here.delete_subnet(&first).unwrap_err().code, "DependencyViolation");
        let mapped = here.detach_internet_gateway(&gateway, &vpc).unwrap_err();
        assert!(
            mapped.message.contains("mapped public address(es)"),
            "{}",
            mapped.message
        );
        assert_eq!(here.delete_vpc(&vpc).unwrap_err().code, "DependencyViolation");
        (vpc, subnets, gateway, instance)
    };
    compute::terminate(&fake.world, REGION, &instance).await;
    let mut state = fake.world.lock();
    let here = state.region(REGION);
    for subnet in &subnets {
        here.delete_subnet(subnet).unwrap();
    }
    assert_eq!(
        here.delete_internet_gateway(&gateway).unwrap_err().code,
        "DependencyViolation"
    );
    here.detach_internet_gateway(&gateway, &vpc).unwrap();
    here.delete_internet_gateway(&gateway).unwrap();
    here.delete_vpc(&vpc).unwrap();
    assert_eq!(here.network.inventory(REGION), []);
}

#[test]
fn a_security_group_that_another_names_cannot_be_deleted() {
    let fake = Fake::new();
    let mut state = fake.world.lock();
    let here = state.region(REGION);
    let vpc = here.network.create_default_vpc(REGION).unwrap();
    let make =
        |here: &mut crate::Region, name: &str| here.network.create_security_group(&vpc, name, "", Tags::new()).unwrap();
    let (one, two) = (make(here, "one"), make(here, "two"));
    let rule = Permission::tcp(80, Source::Group(one.clone()));
    here.network.authorize_ingress(&two, vec![rule.clone()]).unwrap();
    let refused = here.delete_security_group(&one).unwrap_err();
    assert_eq!(refused.message, format!("resource {one} has a dependent object"));
    here.network.revoke_ingress(&two, &[rule]).unwrap();
    here.delete_security_group(&one).unwrap();
}

#[test]
fn cloudfronts_prefix_list_leaves_little_room_in_a_group() {
    let fake = Fake::new();
    let mut state = fake.world.lock();
    let network = &mut state.region(REGION).network;
    let vpc = network.create_default_vpc(REGION).unwrap();
    let group = network.create_security_group(&vpc, "origin", "", Tags::new()).unwrap();
    let from = |port: i32, source: &str| {
        let source = match source.starts_with("pl-") {
            true => Source::PrefixList(source.to_owned()),
            false => Source::Cidr(source.to_owned()),
        };
        vec![Permission::tcp(port, source)]
    };
    network.authorize_ingress(&group, from(80, "pl-3b927c52")).unwrap();
    let refused = network.authorize_ingress(&group, from(443, "pl-3b927c52")).unwrap_err();
    assert_eq!(refused.code, "RulesPerSecurityGroupLimitExceeded");
    for port in 1..=5 {
        network.authorize_ingress(&group, from(port, "10.0.0.0/8")).unwrap();
    }
    let refused = network.authorize_ingress(&group, from(6, "10.0.0.0/8")).unwrap_err();
    assert_eq!(refused.code, "RulesPerSecurityGroupLimitExceeded");
    // What is for IPv6 is counted by itself.
    network.authorize_ingress(&group, from(6, "fd00::/8")).unwrap();
}
