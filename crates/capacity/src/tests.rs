//! The article's stack and others, held against crowds of all sizes.

use proptest::prelude::*;

use super::*;

/// Two to four t3.micro behind CloudFront in an account that is not new.
fn article() -> Stack {
    Stack {
        instance_type: "t3.micro".to_owned(),
        least: 2,
        most: 4,
        rate: Figure::new(800.0, Known::Measured, "load"),
        vcpus: 2,
        vcpu_quota: Figure::new(64.0, Known::Measured, "Service Quotas"),
        has_balancer: true,
        has_edge: true,
        address_limit: None,
        writes: Figure::new(WARM_WRITES, Known::Documented, "a new table on demand"),
        provisioned: false,
        scale_out: 600.0,
        instance_hour: Some(0.0167),
    }
}

fn crowd(people: f64, within: f64) -> Crowd {
    Crowd {
        people,
        within,
        burst: 3.0,
        behind_one_address: 0.0,
        repeats: 1.0,
        page_bytes: 40_000.0,
    }
}

fn first(crowd: &Crowd, stack: &Stack) -> Limit {
    limits(crowd, stack).remove(0)
}

#[test]
fn ten_thousand_people_in_a_minute_are_held_by_what_the_article_has() {
    let all = limits(&crowd(10_000.0, 60.0), &article());
    assert!(all.iter().all(|limit| !limit.breaks()), "{all:#?}");
    assert_eq!(all[0].name, "app on the instances that are there");
}

#[test]
fn what_breaks_first_stands_first_and_says_what_it_takes() {
    let all = limits(&crowd(100_000.0, 60.0), &article());
    let broken: Vec<_> = all
        .iter()
        .filter(|limit| limit.breaks())
        .map(|limit| limit.name)
        .collect();
    assert_eq!(broken, ["app on the instances that are there", "writes of the table"]);
    // 5,000 a second at 560 each.
    let way = all[0].way.clone().unwrap();
    assert_eq!(
        way.sets,
        [("scaling.max", "9".to_owned()), ("scaling.min", "9".to_owned())]
    );
    assert!((way.hour.unwrap() - 7.0 * 0.0167).abs() < 1e-9);
    let way = all
        .iter()
        .find(|limit| limit.name == "writes of the table")
        .unwrap()
        .way
        .clone()
        .unwrap();
    assert_eq!(way.sets, [("table.warm_writes", "6000".to_owned())]);
}

/// One thing of a stack made too small.
type Lower = fn(&mut Stack);

#[test]
fn each_limit_that_is_lowered_breaks_first() {
    let people = crowd(10_000.0, 60.0);
    let lowered: [(&str, Lower); 4] = [
        ("app on the instances that are there", |stack| stack.rate.value = 10.0),
        ("vCPUs of the account", |stack| stack.vcpu_quota.value = 1.0),
        ("writes of the table", |stack| stack.writes.value = 5.0),
        ("web ACL, requests of one address", |stack| {
            stack.address_limit = Some(of_all(10.0))
        }),
    ];
    for (name, lower) in lowered {
        let mut stack = article();
        lower(&mut stack);
        let in_a_hall = Crowd {
            behind_one_address: 0.8,
            ..people.clone()
        };
        let found = first(&in_a_hall, &stack);
        assert!(
            found.name == name && found.breaks() && found.way.is_some(),
            "{name}: {found:#?}"
        );
    }
}

#[test]
fn a_hall_behind_one_address_is_one_client_to_the_web_acl() {
    let mut stack = article();
    stack.address_limit = Some(of_all(2_000.0));
    let hall = |share| Crowd {
        behind_one_address: share,
        ..crowd(10_000.0, 60.0)
    };
    assert!(!first(&hall(0.01), &stack).breaks());
    let found = first(&hall(0.5), &stack);
    assert_eq!(
        (found.name, found.asked),
        ("web ACL, requests of one address", 25_000.0)
    );
    // A rule that counts registrations only.
    stack.address_limit = Some(AddressLimit {
        registrations_only: true,
        ..of_all(2_000.0)
    });
    let found = first(&hall(0.5), &stack);
    assert_eq!((found.asked, found.breaks()), (5_000.0, true));
}

fn of_all(requests: f64) -> AddressLimit {
    AddressLimit {
        requests,
        window: 300.0,
        registrations_only: false,
    }
}

#[test]
fn a_new_account_cannot_have_the_third_instance() {
    let mut stack = article();
    stack.vcpu_quota = Figure::new(NEW_ACCOUNT_VCPUS, Known::Assumed, "a new account");
    let quota = limits(&crowd(1_000.0, 60.0), &stack);
    let quota = quota.iter().find(|limit| limit.unit == "vCPUs").unwrap();
    assert!(quota.breaks());
    assert_eq!(quota.way.clone().unwrap().aws.last().unwrap(), "8");
}

#[test]
fn without_an_edge_the_instances_give_the_pages_too() {
    let mut stack = article();
    stack.has_edge = false;
    let asked = first(&crowd(10_000.0, 60.0), &stack).asked;
    assert!((asked - 2_500.0).abs() < 1.0, "{asked}");
}

#[test]
fn ten_million_people_on_paper() {
    let all = limits(&crowd(10_000_000.0, 600.0), &article());
    assert!(
        all.iter()
            .filter(|limit| limit.breaks())
            .all(|limit| limit.way.is_some())
    );
    // 50,000 people a second ask five times of the edge.
    let edge = all.iter().find(|limit| limit.name == "requests at the edge").unwrap();
    assert!((edge.asked - CLOUDFRONT_REQUESTS).abs() < 1.0, "{edge:#?}");
}

proptest! {
    #[test]
    fn what_is_said_to_lift_a_limit_lifts_it(people in 1.0..1e7_f64, within in 1.0..86_400.0_f64) {
        let crowd = crowd(people, within);
        let mut stack = article();
        stack.vcpu_quota.value = 1e9;
        for _ in 0..3 {
            for limit in limits(&crowd, &stack).iter().filter(|limit| limit.breaks()) {
                let Some(way) = &limit.way else { continue };
                for (key, value) in &way.sets {
                    let value: f64 = value.parse().unwrap();
                    if *key == "scaling.min" {
                        stack.least = stack.least.max(value as u32);
                        stack.most = stack.most.max(stack.least);
                    }
                    if *key == "table.warm_writes" {
                        stack.writes.value = value;
                    }
                }
            }
        }
        for limit in limits(&crowd, &stack) {
            let ours = limit.name.starts_with("app") || limit.name.starts_with("writes") || limit.name.starts_with("network");
            prop_assert!(!(ours && limit.breaks()), "{:?}", limit);
        }
    }

    #[test]
    fn more_people_never_have_more_room(people in 1.0..1e6_f64, within in 1.0..3_600.0_f64) {
        let least = |people| limits(&crowd(people, within), &article())[0].headroom();
        prop_assert!(least(people * 2.0) <= least(people));
    }
}
