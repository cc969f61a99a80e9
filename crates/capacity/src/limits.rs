//! The limits of a stack, the tightest first.
//! Each is a function of who comes and what they meet; none knows another.

use crate::figures::{
    ANSWER_BYTES, BALANCER_REQUESTS, BURST_BITS, BURST_SECONDS, CLOUDFRONT_BITS, CLOUDFRONT_REQUESTS, FULL, REQUESTS,
    RESERVED_HOUR, machine,
};
use crate::{Crowd, Figure, Known, Limit, Stack, Way};

/// Every limit that a crowd meets, by headroom: what breaks first stands first.
pub fn limits(crowd: &Crowd, stack: &Stack) -> Vec<Limit> {
    let all = [
        one_address(crowd, stack),
        Some(app(crowd, stack)),
        Some(vcpus(crowd, stack)),
        Some(table(crowd, stack)),
        balancer(crowd, stack),
        Some(network(crowd, stack)),
        edge(crowd, stack),
        edge_bits(crowd, stack),
    ];
    let mut limits: Vec<_> = all.into_iter().flatten().collect();
    limits.sort_by(|one, other| one.headroom().total_cmp(&other.headroom()));
    limits
}

/// Registrations a second at the peak.
fn registrations(crowd: &Crowd) -> f64 {
    crowd.peak() * crowd.repeats
}

/// Requests a second that reach the instances at the peak: behind an edge the forms only, as it keeps pages and assets.
fn at_the_origin(crowd: &Crowd, stack: &Stack) -> f64 {
    match stack.has_edge {
        true => registrations(crowd),
        false => registrations(crowd) + crowd.peak() * (REQUESTS - 1.0),
    }
}

/// Instances that serve the peak and are not full.
fn instances(crowd: &Crowd, stack: &Stack) -> f64 {
    (at_the_origin(crowd, stack) / (stack.rate.value * FULL).max(1e-9))
        .ceil()
        .max(1.0)
}

/// A rate-based rule counts by address (WAF guide, rate-based rules): a hall behind one is one client.
fn one_address(crowd: &Crowd, stack: &Stack) -> Option<Limit> {
    let limit = stack.address_limit?;
    let (most, of_the_page) = (
        limit.requests,
        if limit.registrations_only { 0.0 } else { REQUESTS - 1.0 },
    );
    let in_the_window = (limit.window / crowd.within.max(1.0)).min(1.0);
    let asked = crowd.people * crowd.behind_one_address * (of_the_page + crowd.repeats) * in_the_window;
    Some(Limit {
        name: "web ACL, requests of one address",
        asked,
        holds: Figure::new(most, Known::Measured, "the web ACL's rate-based rule"),
        unit: "requests in its window",
        way: (asked > most).then(|| Way {
            sets: Vec::new(),
            aws: Vec::new(),
            units: None,
            text: "raise the rule's limit above what the hall asks, or let it count",
            lead: "a minute",
            hour: None,
        }),
    })
}

fn app(crowd: &Crowd, stack: &Stack) -> Limit {
    let wanted = instances(crowd, stack);
    let asked = at_the_origin(crowd, stack);
    let now = f64::from(stack.least);
    let more = wanted - now;
    let sets = || {
        let mut sets = vec![("scaling.min", format!("{wanted:.0}"))];
        if wanted > f64::from(stack.most) {
            sets.insert(0, ("scaling.max", format!("{wanted:.0}")));
        }
        sets
    };
    Limit {
        name: "app on the instances that are there",
        asked,
        holds: Figure {
            value: now * stack.rate.value * FULL,
            ..stack.rate.clone()
        },
        unit: "requests a second",
        way: (more > 0.0).then(|| Way {
            sets: if stack.has_balancer {
                sets()
            } else {
                vec![("environment.type", "LoadBalanced".to_owned())]
            },
            aws: Vec::new(),
            units: None,
            text: if stack.scale_out > crowd.within {
                "the alarm adds none in time"
            } else {
                "the alarm adds some while people wait"
            },
            lead: "5 minutes",
            hour: stack.instance_hour.map(|hour| hour * more),
        }),
    }
}

/// As many as it takes to serve the crowd, or as the group may have.
fn vcpus(crowd: &Crowd, stack: &Stack) -> Limit {
    let wanted = instances(crowd, stack).max(f64::from(stack.most));
    let asked = wanted * f64::from(stack.vcpus);
    Limit {
        name: "vCPUs of the account",
        asked,
        holds: stack.vcpu_quota.clone(),
        unit: "vCPUs",
        way: (asked > stack.vcpu_quota.value).then(|| Way {
            sets: Vec::new(),
            aws: quota_increase(asked),
            units: None,
            text: "AWS's support may ask what it is for",
            lead: "hours to days",
            hour: None,
        }),
    }
}

fn quota_increase(vcpus: f64) -> Vec<String> {
    let fixed =
        "service-quotas request-service-quota-increase --service-code ec2 --quota-code L-1216C47A --desired-value";
    fixed
        .split(' ')
        .map(str::to_owned)
        .chain([format!("{vcpus:.0}")])
        .collect()
}

/// One conditional put for each that is sent; one that fails costs the same (DynamoDB guide, capacity units).
fn table(crowd: &Crowd, stack: &Stack) -> Limit {
    let asked = registrations(crowd);
    let wanted = (asked * 1.2).ceil();
    let way = || match stack.provisioned {
        true => Way {
            sets: vec![("table.write_capacity", format!("{wanted:.0}"))],
            aws: Vec::new(),
            units: None,
            text: "taken back afterwards; or `table.billing = \"PAY_PER_REQUEST\"`",
            lead: "minutes",
            hour: Some(0.00065 * (wanted - stack.writes.value)),
        },
        false => Way {
            sets: vec![("table.warm_writes", format!("{wanted:.0}"))],
            aws: Vec::new(),
            units: None,
            text: "paid once, and never lowered",
            lead: "an hour",
            hour: None,
        },
    };
    Limit {
        name: "writes of the table",
        asked,
        holds: stack.writes.clone(),
        unit: "writes a second",
        way: (asked > stack.writes.value).then(way),
    }
}

fn balancer(crowd: &Crowd, stack: &Stack) -> Option<Limit> {
    if !stack.has_balancer {
        return None;
    }
    let asked = at_the_origin(crowd, stack);
    let units = (asked / 25.0).clamp(100.0, 15_000.0).ceil();
    Some(Limit {
        name: "load balancer before it has grown",
        asked,
        holds: Figure::new(
            BALANCER_REQUESTS,
            Known::Assumed,
            "AWS publishes none; it grows by twice in five minutes",
        ),
        unit: "requests a second",
        way: (asked > BALANCER_REQUESTS).then(|| Way {
            sets: Vec::new(),
            aws: Vec::new(),
            units: Some(units as u32),
            text: "the quota L-8A66D0E6 is 0 at first: ask for it days before",
            lead: "days for the quota, then minutes to hours",
            hour: Some(units / 100.0 * RESERVED_HOUR),
        }),
    })
}

/// A crowd that is over before the credits are gone meets what an instance has in bursts.
fn network(crowd: &Crowd, stack: &Stack) -> Limit {
    let bytes = match stack.has_edge {
        true => registrations(crowd) * ANSWER_BYTES,
        false => registrations(crowd) * ANSWER_BYTES + crowd.peak() * crowd.page_bytes,
    };
    let known = machine(&stack.instance_type);
    let (bits, known, source) = match known {
        _ if crowd.within <= BURST_SECONDS => (BURST_BITS, Known::Documented, "in bursts of at least 5 minutes"),
        Some(machine) => (
            machine.baseline_bits,
            Known::Documented,
            "what the instance type always has",
        ),
        None => (64e6, Known::Assumed, "as t3.micro: nothing is known of this type"),
    };
    let holds = bits * f64::from(stack.least);
    let asked = bytes * 8.0;
    Limit {
        name: "network of the instances",
        asked,
        holds: Figure::new(holds, known, source),
        unit: "bits a second",
        way: (asked > holds).then(|| Way {
            sets: vec![("scaling.min", format!("{:.0}", (asked / bits).ceil()))],
            aws: Vec::new(),
            units: None,
            text: "or an instance type with more",
            lead: "5 minutes",
            hour: stack
                .instance_hour
                .map(|hour| hour * ((asked / bits).ceil() - f64::from(stack.least))),
        }),
    }
}

fn edge(crowd: &Crowd, stack: &Stack) -> Option<Limit> {
    let asked = crowd.peak() * (REQUESTS - 1.0) + registrations(crowd);
    stack
        .has_edge
        .then(|| of_the_edge("requests at the edge", asked, CLOUDFRONT_REQUESTS, "requests a second"))
}

fn edge_bits(crowd: &Crowd, stack: &Stack) -> Option<Limit> {
    let asked = 8.0 * (crowd.peak() * crowd.page_bytes + registrations(crowd) * ANSWER_BYTES);
    stack
        .has_edge
        .then(|| of_the_edge("data at the edge", asked, CLOUDFRONT_BITS, "bits a second"))
}

fn of_the_edge(name: &'static str, asked: f64, holds: f64, unit: &'static str) -> Limit {
    Limit {
        name,
        asked,
        holds: Figure::new(holds, Known::Documented, "CloudFront's quota of a distribution"),
        unit,
        way: (asked > holds).then(|| Way {
            sets: Vec::new(),
            aws: Vec::new(),
            units: None,
            text: "ask AWS's support for a higher quota of the distribution",
            lead: "a week",
            hour: None,
        }),
    }
}
