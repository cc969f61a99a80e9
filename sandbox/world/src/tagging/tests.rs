//! Who is listed, and when no longer.

use std::time::Duration;

use super::arns::is_of_type;
use super::*;
use crate::fakes::Fake;

const REGION: &str = "us-east-1";

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn filter(key: &str, values: &[&str]) -> TagFilter {
    TagFilter {
        key: key.to_owned(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    }
}

/// ARNs of what carries these tags now.
fn found(fake: &Fake, region: &str, filters: &[TagFilter]) -> Vec<String> {
    let state = fake.world.lock();
    let (index, as_of) = state.tagging_as_of(fake.world.clock.now());
    let found = index.find(region, filters, &[], as_of).into_iter();
    found.map(|(arn, _)| arn.to_owned()).collect()
}

fn make_vpc(fake: &Fake, own: &[(&str, &str)]) -> String {
    let mut state = fake.world.lock();
    let network = &mut state.region(REGION).network;
    network.create_vpc("10.0.0.0/16", tags(own)).unwrap().id.clone()
}

#[test]
fn what_is_deleted_stays_listed_with_its_tags_for_a_while() {
    let fake = Fake::new();
    let vpc = make_vpc(&fake, &[("stack", "one")]);
    let ours = [filter("stack", &["one"])];
    assert_eq!(found(&fake, REGION, &ours), [""; 0], "it has not looked yet");
    look(&fake.world);
    let arn = format!("arn:aws:ec2:us-east-1:000000000000:vpc/{vpc}");
    assert_eq!(found(&fake, REGION, &ours), [arn.as_str()]);
    fake.world.lock().region(REGION).network.vpcs.remove(&vpc);
    look(&fake.world);
    assert_eq!(found(&fake, REGION, &ours), [arn.as_str()], "deleted, and still listed");
    fake.world.clock.skip(Duration::from_secs(21 * 60));
    look(&fake.world);
    assert_eq!(found(&fake, REGION, &ours), [""; 0]);
}

#[test]
fn who_lost_its_tags_is_listed_without_and_who_never_had_any_is_not() {
    let fake = Fake::new();
    let (tagged, _bare) = (make_vpc(&fake, &[("stack", "one")]), make_vpc(&fake, &[]));
    look(&fake.world);
    let vpcs = |fake: &Fake| found(fake, REGION, &[]);
    assert_eq!(vpcs(&fake).len(), 1);
    fake.world
        .lock()
        .region(REGION)
        .network
        .tags_mut(&tagged)
        .unwrap()
        .clear();
    look(&fake.world);
    assert!(vpcs(&fake)[0].ends_with(&tagged));
    assert_eq!(found(&fake, REGION, &[filter("stack", &[])]), [""; 0]);
}

#[test]
fn all_filters_must_hold_and_one_of_a_filters_values() {
    let fake = Fake::new();
    let first = make_vpc(&fake, &[("stack", "one"), ("resource", "network")]);
    let second = make_vpc(&fake, &[("stack", "two"), ("resource", "network")]);
    look(&fake.world);
    let ends = |filters: &[TagFilter], wanted: &[&String]| {
        let all = found(&fake, REGION, filters);
        assert_eq!(all.len(), wanted.len(), "{all:?}");
        assert!(
            wanted.iter().all(|id| all.iter().any(|arn| arn.ends_with(*id))),
            "{all:?}"
        );
    };
    ends(&[filter("stack", &["one", "two"])], &[&first, &second]);
    ends(
        &[filter("stack", &[]), filter("resource", &["network"])],
        &[&first, &second],
    );
    ends(&[filter("stack", &["one"]), filter("resource", &["table"])], &[]);
    ends(&[filter("stack", &["two"]), filter("resource", &[])], &[&second]);
    assert_eq!(found(&fake, "eu-west-1", &[]), [""; 0], "each region has its own");
}

#[test]
fn changes_show_late_where_reads_are_slow() {
    let fake = Fake::new();
    fake.world.lock().settling = SignedDuration::from_hours(10);
    make_vpc(&fake, &[("stack", "one")]);
    look(&fake.world);
    assert_eq!(found(&fake, REGION, &[]), [""; 0]);
    // As other services are told of a change: twice as late as its own readers.
    fake.world.clock.skip(Duration::from_secs(15 * 3600));
    assert_eq!(found(&fake, REGION, &[]), [""; 0]);
    fake.world.clock.skip(Duration::from_secs(6 * 3600));
    assert_eq!(found(&fake, REGION, &[]).len(), 1);
}

#[test]
fn types_are_those_of_the_arns() {
    let balancer = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/a/1";
    let group = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/x";
    for (arn, wanted, is) in [
        (balancer, "elasticloadbalancing", true),
        (balancer, "elasticloadbalancing:loadbalancer", true),
        (balancer, "elasticloadbalancing:loadbalancer/app", true),
        (balancer, "elasticloadbalancing:loadbalancer/net", false),
        (balancer, "elasticloadbalancing:load", false),
        (balancer, "elasticload", false),
        (group, "logs:log-group", true),
        ("arn:aws:s3:::b", "s3:bucket", true),
        (
            "arn:aws:cloudfront::000000000000:distribution/E1",
            "cloudfront:distribution",
            true,
        ),
    ] {
        assert_eq!(is_of_type(arn, wanted), is, "{arn} {wanted}");
    }
}
