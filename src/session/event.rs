//! The event of a profile, in the terms of those that reckon with it: who comes, and what they meet.
//! Must know nothing of what comes out.

use confctl_capacity::{
    AddressLimit, Crowd, Figure, Known, Limit, NEW_ACCOUNT_VCPUS, Stack, WARM_WRITES, limits, machine,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cost;
use crate::profile::{self, BillingMode, Profile};

/// Registrations a second of one instance where nobody has measured: a small part of what a processor of a developer's machine does
/// (docs/performance.md), whose instances share one with others.
const ASSUMED_RATE: f64 = 2_000.0;
/// How much denser than the average a crowd is at its densest, where nobody has measured.
pub(crate) const BURST: f64 = 3.0;
/// Bytes of the page with its assets.
pub(crate) const PAGE_BYTES: f64 = 40_000.0;
/// Seconds from the decision to an instance that serves: launch, start of the app, and health checks (Beanstalk's launches in public
/// logs: two minutes, and the checks).
const LAUNCH: f64 = 120.0;
/// Seconds until a measurement is seen by an alarm.
pub(crate) const DELAY: f64 = 60.0;

/// Where `load` keeps what one instance did, in the record of the stack that it did it on.
pub(crate) const MEASURED: &str = "measured.json";

/// What one instance did at most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Registrations a second.
    pub rate: f64,
    /// Somebody was turned away: it could do no more.
    pub saturated: bool,
    pub at: String,
}

impl Measured {
    /// What is known by it. Where nobody was turned away one could do more, so that less than is assumed anyway says nothing.
    pub(crate) fn figure(&self) -> Option<Figure> {
        let day = self.at.get(..10).unwrap_or_default();
        let source = match self.saturated {
            true => format!("`load` on {day}"),
            false => format!("`load` on {day}, which turned nobody away: at least so many"),
        };
        let says = self.saturated || self.rate >= ASSUMED_RATE;
        (says && self.rate.is_finite() && self.rate > 0.0).then(|| Figure::new(self.rate, Known::Measured, source))
    }
}

/// Writes under way in an instance at one time: the app's `MAX_IN_FLIGHT`, and its default.
pub(crate) fn in_flight(profile: &Profile) -> u32 {
    let set = profile.app.properties.get("MAX_IN_FLIGHT");
    set.and_then(|most| most.parse().ok()).unwrap_or(1_024)
}

/// The crowd that the profile expects; `None` where it says no number.
pub(crate) fn crowd(profile: &Profile) -> Option<Crowd> {
    Some(Crowd {
        people: f64::from(profile.event.people?),
        within: f64::from(profile.event.within),
        burst: BURST,
        behind_one_address: f64::from(profile.event.one_address) / 100.0,
        repeats: 1.0,
        page_bytes: PAGE_BYTES,
    })
}

/// What the profile makes. `rate` is that of one instance, `quota` the account's vCPUs, where they are known.
pub(crate) fn stack(profile: &Profile, rate: Option<Figure>, quota: Option<f64>) -> Stack {
    let (least, most) = profile.instance_range();
    let instance_type = profile.instance.types.first().cloned().unwrap_or_default();
    let provisioned = profile.table.billing == BillingMode::Provisioned;
    let writes = match provisioned {
        true => Figure::new(
            f64::from(profile.table.write_capacity.unwrap_or(5)),
            Known::Documented,
            "`table.write_capacity`",
        ),
        false => match profile.table.warm_writes {
            Some(writes) => Figure::new(f64::from(writes), Known::Documented, "`table.warm_writes`"),
            None => Figure::new(WARM_WRITES, Known::Documented, "a new table on demand"),
        },
    };
    let quota = match quota {
        Some(vcpus) => Figure::new(vcpus, Known::Measured, "the account's quota, less what others run"),
        None => Figure::new(
            NEW_ACCOUNT_VCPUS,
            Known::Assumed,
            "as a new account; `doctor` knows yours",
        ),
    };
    Stack {
        least,
        most,
        rate: rate.unwrap_or_else(|| Figure::new(ASSUMED_RATE, Known::Assumed, "nobody has measured it: `load` does")),
        vcpus: machine(&instance_type).map_or(2, |machine| machine.vcpus),
        vcpu_quota: quota,
        has_balancer: profile.is_load_balanced(),
        has_edge: profile.cdn.enabled,
        address_limit: address_limit(profile),
        writes,
        provisioned,
        scale_out: f64::from(profile.scaling.period * profile.scaling.evaluation_periods) + DELAY + launch(profile),
        instance_hour: cost::of_instance(profile),
        instance_type,
    }
}

/// What the profile's own rate rule lets through, where it blocks.
fn address_limit(profile: &Profile) -> Option<AddressLimit> {
    let rule = profile.rate_rule().filter(|rule| rule.blocks)?;
    Some(AddressLimit {
        requests: f64::from(rule.limit),
        window: f64::from(rule.window),
        registrations_only: true,
    })
}

/// The platform update that the event would meet, in words, where the profile lets Beanstalk make one then.
pub(crate) fn update_in_it(profile: &Profile) -> Option<String> {
    let start = profile.update_in_the_event()?;
    let window = profile.environment.managed_updates.as_deref().unwrap_or_default();
    Some(format!(
        "Beanstalk may replace the instances during the event: the window `environment.managed_updates` ({window}, UTC, two hours) \
         begins at {start}"
    ))
}

/// Seconds from the decision to an instance that gets visitors.
pub(crate) fn launch(profile: &Profile) -> f64 {
    let balancer = &profile.load_balancer;
    LAUNCH + f64::from(balancer.health_check_interval * balancer.healthy_threshold)
}

/// What of its own event the profile does not hold. Of what nobody has looked up, as the account's quota, nothing is said.
pub(crate) fn broken(profile: &Profile, quota: Option<f64>) -> Vec<Limit> {
    let Some(crowd) = crowd(profile) else {
        return Vec::new();
    };
    let known = |limit: &Limit| limit.unit != "vCPUs" || quota.is_some();
    let all = limits(&crowd, &stack(profile, None, quota));
    all.into_iter().filter(|limit| limit.breaks() && known(limit)).collect()
}

/// Why the site takes no made-up address now, where it does not.
pub(crate) fn no_trial(profile: &Profile, now: Timestamp) -> Option<String> {
    let past = |time: &Option<String>| time.as_deref().and_then(profile::time).filter(|time| now >= *time);
    let event = &profile.event;
    match (past(&event.closes_at), past(&event.at)) {
        (Some(closed), _) => Some(format!("registration closed at {closed}")),
        (None, Some(began)) => Some(format!(
            "the event is on since {began}: no made-up address is taken any more"
        )),
        (None, None) => None,
    }
}

/// How much denser than the average a crowd is at its densest, as it is typed.
pub(crate) fn denser(text: &str) -> Result<f64, String> {
    let factor = text.parse::<f64>().ok();
    factor
        .filter(|factor| factor.is_finite() && *factor >= 1.0)
        .ok_or_else(|| format!("'{text}' is no factor from 1"))
}

/// A number as people read it.
pub(crate) fn number(value: f64) -> String {
    match value {
        value if value >= 1e9 => format!("{:.1}e9", value / 1e9),
        value => {
            let digits = format!("{value:.0}");
            let places = digits.len();
            let mut text = String::new();
            for (place, digit) in digits.chars().enumerate() {
                if place > 0 && (places - place).is_multiple_of(3) {
                    text.push(',');
                }
                text.push(digit);
            }
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::RateMode;

    fn with(people: u32) -> Profile {
        let mut profile = Profile::default();
        profile.event.people = Some(people);
        profile
    }

    #[test]
    fn the_article_holds_its_ten_thousand_and_says_what_it_does_not_hold() {
        assert!(broken(&Profile::default(), None).is_empty(), "nobody is expected");
        assert!(broken(&with(10_000), Some(64.0)).is_empty());
        let many = broken(&with(200_000), None);
        let names: Vec<_> = many.iter().map(|limit| limit.name).collect();
        assert!(
            names.contains(&"writes of the table") && !names.contains(&"vCPUs of the account"),
            "{names:?}"
        );
        // A new account's third instance fails, whoever comes.
        assert_eq!(broken(&with(10_000), Some(5.0))[0].unit, "vCPUs");
    }

    #[test]
    fn what_was_measured_counts_where_it_says_something() {
        let of = |rate, saturated| Measured {
            rate,
            saturated,
            at: "2026-12-01T10:00:00Z".to_owned(),
        };
        assert_eq!(of(300.0, true).figure().unwrap().value, 300.0);
        assert_eq!(of(300.0, false).figure(), None);
        assert!(of(9_000.0, false).figure().unwrap().source.contains("2026-12-01"));
        assert_eq!(of(f64::NAN, true).figure(), None);
    }

    #[test]
    fn from_the_hour_of_the_event_nobody_tries_the_site() {
        let mut profile = with(10_000);
        profile.event.at = Some("2026-12-10T19:00[Europe/Berlin]".to_owned());
        profile.event.closes_at = Some("2026-12-10T19:30[Europe/Berlin]".to_owned());
        let told = |now: &str| no_trial(&profile, now.parse().unwrap());
        assert_eq!(told("2026-12-10T17:59:59Z"), None);
        assert!(told("2026-12-10T18:00:00Z").unwrap().contains("the event is on"));
        assert!(told("2026-12-10T18:30:00Z").unwrap().contains("closed"));
    }

    #[test]
    fn a_rate_rule_that_blocks_is_a_limit_and_one_that_counts_is_none() {
        let mut profile = with(10_000);
        profile.waf.rate = RateMode::Count;
        profile.waf.rate_limit = Some(2_000);
        let broken_by = |profile: &Profile| broken(profile, None).first().map(|limit| limit.name);
        assert_eq!(broken_by(&profile), None);
        profile.waf.rate = RateMode::Block;
        assert_eq!(broken_by(&profile), Some("web ACL, requests of one address"));
        // Sized by the event itself it holds it, wherever the people are.
        profile.waf.rate_limit = None;
        assert_eq!(broken_by(&profile), None);
    }

    #[test]
    fn numbers_are_written_as_people_read_them() {
        assert_eq!(
            ["1,120", "999", "10,000,000", "150.0e9"].map(str::to_owned),
            [1_120.0, 999.0, 1e7, 150e9].map(number)
        );
    }
}
