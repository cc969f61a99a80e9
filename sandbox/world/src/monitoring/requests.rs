//! What an application load balancer counts of the requests that it forwards, minute by minute. Source: ELB guide,
//! load-balancer-cloudwatch-metrics. Must know nothing of how they are carried.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::metrics::{Metric, Metrics, Sample, after, minute};
use super::minute::PUBLICATION;
use crate::World;

/// A request for which a target was chosen, by the ARNs of its load balancer and its target group; and what the target answered, if it
/// did. What the load balancer then answers in its place is another metric's.
pub fn count(world: &World, region: &str, by: (&str, &str), answered: Option<u16>) {
    let now = world.clock.now();
    let mut state = world.lock();
    let metrics = &mut state.region(region).monitoring.metrics;
    add(metrics, "RequestCount", by, now);
    // "There is a nonzero value": where no target answered so there is no sample.
    if answered.is_some_and(|status| status / 100 == 5) {
        add(metrics, "HTTPCode_Target_5XX_Count", by, now);
    }
}

/// The load balancer's and the target group's dimensions are the ends of their ARNs. A classic one has none.
fn add(metrics: &mut Metrics, name: &str, (load_balancer, target_group): (&str, &str), now: Timestamp) {
    let balancer = load_balancer.split_once(":loadbalancer/").map(|(_, end)| end);
    let group = target_group
        .rsplit_once(':')
        .filter(|(_, end)| end.starts_with("targetgroup/"));
    let (Some(balancer), Some((_, group))) = (balancer, group) else {
        return;
    };
    let metric = Metric {
        namespace: "AWS/ApplicationELB".to_owned(),
        name: name.to_owned(),
        dimensions: BTreeMap::from([
            ("LoadBalancer".to_owned(), balancer.to_owned()),
            ("TargetGroup".to_owned(), group.to_owned()),
        ]),
    };
    let time = minute(now);
    let sample = Sample {
        time,
        published: after(time, 60 + PUBLICATION),
        value: 1.0,
        unit: "Count",
    };
    metrics.count(metric, sample);
}

#[cfg(test)]
mod tests {
    use super::*;

    const BALANCER: &str =
        "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/eb-site/50dc6c495c0c9188";
    const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/awseb-site/73e2d6bc24d8a067";

    fn time(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + seconds).unwrap()
    }

    #[test]
    fn requests_of_a_minute_are_one_sample_that_is_seen_a_minute_after_it() {
        let mut metrics = Metrics::default();
        for seconds in [0, 10, 59, 60] {
            add(&mut metrics, "RequestCount", (BALANCER, GROUP), time(seconds));
        }
        let (metric, _) = metrics.list().next().unwrap();
        let dimensions: Vec<_> = metric.dimensions.values().map(String::as_str).collect();
        assert_eq!(
            dimensions,
            [
                "app/eb-site/50dc6c495c0c9188",
                "targetgroup/awseb-site/73e2d6bc24d8a067"
            ]
        );
        let metric = metric.clone();
        let seen = |now| {
            let points = metrics.points(&metric, (time(0), time(300)), 60, Some("Count"), time(now));
            points.iter().map(|point| (point.count, point.sum)).collect::<Vec<_>>()
        };
        assert_eq!(seen(119), []);
        assert_eq!(seen(120), [(1.0, 3.0)]);
        assert_eq!(seen(180), [(1.0, 3.0), (1.0, 1.0)]);
        add(
            &mut metrics,
            "RequestCount",
            ("arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/awseb-e", "x"),
            time(0),
        );
        assert_eq!(
            metrics.list().count(),
            1,
            "a classic one is no application load balancer"
        );
    }
}
