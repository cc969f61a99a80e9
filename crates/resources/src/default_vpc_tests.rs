//! The default VPC's choice of subnets and its plan, without calls.

use super::*;
use crate::profile::{EnvironmentType, Profile};

fn vpc(change: impl FnOnce(&mut Profile)) -> DefaultVpc {
    DefaultVpc::new(Stack::for_test(change))
}

fn offered(zones: &[&str]) -> BTreeSet<String> {
    zones.iter().map(|zone| (*zone).to_owned()).collect()
}

#[test]
fn the_first_two_zones_that_offer_the_type_are_used_in_whatever_order_aws_lists_them() {
    let places = [
        Place::in_zone("us-east-1e"),
        Place::in_zone("us-east-1c"),
        Place::in_zone("us-east-1a"),
        Place::in_zone("us-east-1b"),
    ];
    let zones = offered(&["us-east-1a", "us-east-1b", "us-east-1c"]);
    let mut without_a = zones.clone();
    without_a.remove("us-east-1a");
    let chosen = vpc(|_| {}).choose("vpc-1", &places, &zones).unwrap();
    assert_eq!(chosen.subnets, ["subnet-us-east-1a", "subnet-us-east-1b"]);
    assert_eq!(chosen.lb_subnets, chosen.subnets);
    let chosen = vpc(|_| {}).choose("vpc-1", &places, &without_a).unwrap();
    assert_eq!(chosen.subnets, ["subnet-us-east-1b", "subnet-us-east-1c"]);
}

#[test]
fn a_vpc_without_a_way_to_the_internet_is_not_left_for_beanstalk_to_find_out() {
    let mut places = [Place::in_zone("us-east-1a"), Place::in_zone("us-east-1b")];
    places[1].internet = false;
    let zones = offered(&["us-east-1a", "us-east-1b"]);
    let why = vpc(|_| {}).choose("vpc-1", &places, &zones).unwrap_err();
    assert!(
        why.starts_with("1 of its 2 default subnets can be used, 2 needed"),
        "{why}"
    );
    let single = vpc(|profile| profile.environment.kind = EnvironmentType::SingleInstance);
    assert_eq!(
        single.choose("vpc-1", &places, &zones).unwrap().subnets,
        ["subnet-us-east-1a"]
    );
}

#[test]
fn subnets_of_ones_own_must_be_in_the_vpc_and_in_two_zones_for_a_load_balancer() {
    let zones = offered(&["us-east-1a", "us-east-1b"]);
    let places = [Place::in_zone("us-east-1a"), Place::in_zone("us-east-1b")];
    let with = |subnets: &[&str]| {
        let subnets: Vec<String> = subnets.iter().map(|id| (*id).to_owned()).collect();
        vpc(|profile| profile.network.subnets = subnets).check_given("vpc-1", &places, &zones)
    };
    assert!(with(&["subnet-us-east-1a", "subnet-us-east-1b"]).is_ok());
    assert_eq!(
        with(&["subnet-us-east-1a"]).unwrap_err(),
        "a load balancer needs subnets in two availability zones"
    );
    assert!(
        with(&["subnet-us-east-1a", "subnet-of-others"])
            .unwrap_err()
            .contains("subnet-of-others")
    );
}

#[test]
fn no_default_vpc_is_made_where_the_profile_says_so() {
    let network = vpc(|profile| profile.network.create_default_vpc = false);
    let change = network.plan(&Observed::Absent(()), &Values::default());
    assert!(matches!(change, Plan::Blocked { .. }), "{change:?}");
    assert_eq!(
        vpc(|_| {}).plan(&Observed::Absent(()), &Values::default()),
        Plan::Create
    );
}
