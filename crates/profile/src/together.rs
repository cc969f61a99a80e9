//! What the values of several keys say together.
//! Which of them do not go together is `validate`'s.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::choices::{EnvironmentType, LoadBalancerMode, RateMode};
use super::keys::Profile;
use super::patterns;

/// How often one person's page sends the form where the site is too busy to take it: as often as the app's own page tries.
const TRIES: u32 = 8;
/// How much denser than the average people may come who come within more than the rule's window.
const DENSER: f64 = 3.0;
/// How long Beanstalk's maintenance window is (Beanstalk guide, environment-platform-update-managed).
const WINDOW: SignedDuration = SignedDuration::from_hours(2);

/// The web ACL's rule that counts registrations by address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateRule {
    pub blocks: bool,
    /// Registrations of one address that pass within the window.
    pub limit: u32,
    /// Seconds.
    pub window: u32,
}

impl RateRule {
    /// People behind one address that it lets pass though each of them has to try again as often as the page does.
    pub fn admits(self) -> u32 {
        self.limit / TRIES
    }
}

impl Profile {
    /// Whether the environment has a load balancer in front of its instances.
    pub fn is_load_balanced(&self) -> bool {
        self.environment.kind == EnvironmentType::LoadBalanced
    }

    /// Whether the stack has a load balancer of its own, which answers CloudFront alone.
    pub fn has_own_load_balancer(&self) -> bool {
        self.is_load_balanced() && self.load_balancer.mode == LoadBalancerMode::Own
    }

    /// Whether CloudFront comes to the stack's own load balancer by HTTPS: that takes a certificate, and so a name of one's own.
    pub fn has_origin_tls(&self) -> bool {
        self.has_own_load_balancer() && !self.site_names().is_empty()
    }

    /// The load balancer of somebody else that the environment is behind.
    pub fn shared_load_balancer(&self) -> Option<&str> {
        let shared = self.is_load_balanced() && self.load_balancer.mode == LoadBalancerMode::Shared;
        self.load_balancer.arn.as_deref().filter(|_| shared)
    }

    /// Whether a web ACL is wanted. It protects the distribution only, so without one there is none.
    pub fn has_web_acl(&self) -> bool {
        self.cdn.enabled && self.waf.enabled
    }

    /// The names of one's own that the site is to have, the first one first. They are the distribution's, so without one there is
    /// none.
    pub fn site_names(&self) -> Vec<&str> {
        let domain = &self.domain;
        let names = domain.name.iter().chain(&domain.also).map(String::as_str);
        match self.cdn.enabled && domain.name.is_some() {
            true => names.collect(),
            false => Vec::new(),
        }
    }

    /// The rate-based rule of the web ACL, where one is wanted. By its own limit, else by the event: all who may be behind one address, who
    /// try as often as the page does.
    pub fn rate_rule(&self) -> Option<RateRule> {
        if !self.has_web_acl() || self.waf.rate == RateMode::Off {
            return None;
        }
        let window = self.waf.rate_window;
        let limit = match (self.waf.rate_limit, self.event.people) {
            (Some(limit), _) => limit,
            (None, Some(people)) => limit_for(people, self.event.one_address, self.event.within, window),
            (None, None) => return None,
        };
        Some(RateRule {
            blocks: self.waf.rate == RateMode::Block,
            limit,
            window,
        })
    }

    /// The maintenance window in which the event falls, where it does: its beginning.
    pub fn update_in_the_event(&self) -> Option<Timestamp> {
        let at = self.event.at.as_deref().and_then(patterns::time)?;
        let closes = self.event.closes_at.as_deref().and_then(patterns::time);
        let within = SignedDuration::from_secs(self.event.within.into());
        let end = closes.or_else(|| at.checked_add(within).ok())?;
        let start = last_weekly(self.environment.managed_updates.as_deref()?, end)?;
        (start.checked_add(WINDOW).ok()? > at).then_some(start)
    }

    /// The smallest and the largest number of instances; a single-instance environment has exactly one.
    pub fn instance_range(&self) -> (u32, u32) {
        if self.is_load_balanced() {
            (self.scaling.min, self.scaling.max)
        } else {
            (1, 1)
        }
    }
}

/// What so many people behind one address may send within a window, between the least and the most that WAF takes (WAF's API
/// reference, RateBasedStatement: Limit).
fn limit_for(people: u32, percent: u32, within: u32, window: u32) -> u32 {
    let share = f64::from(percent) / 100.0 * (DENSER * f64::from(window) / f64::from(within)).min(1.0);
    let at_once = (f64::from(people) * share).ceil();
    (at_once * f64::from(TRIES)).clamp(10.0, 2e9) as u32
}

/// The last time before a moment that was this time of the week.
fn last_weekly(weekly: &str, before: Timestamp) -> Option<Timestamp> {
    let minute = patterns::weekly_minute(weekly)?;
    let day = TimeZone::UTC.to_datetime(before).date();
    let of_week = i64::from(day.weekday().to_monday_zero_offset());
    let midnight = TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()?;
    let after_midnight = |minutes: i64| midnight.checked_add(SignedDuration::from_mins(minutes)).ok();
    let this_week = minute - of_week * 24 * 60;
    after_midnight(this_week)
        .filter(|start| *start <= before)
        .or_else(|| after_midnight(this_week - 7 * 24 * 60))
}

/// What a key counts with only: without it, its value is for later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum With {
    LoadBalancer,
    Distribution,
    WebAcl,
    RateRule,
    KeyPair,
    ManagedUpdates,
}

impl With {
    /// Whether the profile has it.
    pub fn is_in(self, profile: &Profile) -> bool {
        match self {
            Self::LoadBalancer => profile.is_load_balanced(),
            Self::Distribution => profile.cdn.enabled,
            Self::WebAcl => profile.has_web_acl(),
            Self::RateRule => profile.has_web_acl() && profile.waf.rate != RateMode::Off,
            Self::KeyPair => profile.ssh.enabled,
            Self::ManagedUpdates => profile.environment.managed_updates.is_some(),
        }
    }

    /// What has to be set for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LoadBalancer => "`environment.type = \"LoadBalanced\"`",
            Self::Distribution => "`cdn.enabled = true`",
            Self::WebAcl => "`cdn.enabled = true` and `waf.enabled = true`",
            Self::RateRule => "`waf.rate`",
            Self::KeyPair => "`ssh.enabled = true`",
            Self::ManagedUpdates => "`environment.managed_updates`",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut Profile)) -> Profile {
        let mut profile = Profile::default();
        change(&mut profile);
        profile
    }

    fn rule(change: impl FnOnce(&mut Profile)) -> Option<RateRule> {
        let wanted = |profile: &mut Profile| {
            profile.waf.rate = RateMode::Block;
            profile.event.people = Some(10_000);
            change(profile);
        };
        with(wanted).rate_rule()
    }

    #[test]
    fn a_hall_of_ten_thousand_behind_one_address_passes_though_each_of_them_tries_eight_times() {
        let all = rule(|_| {}).unwrap();
        assert_eq!((all.limit, all.admits(), all.window), (80_000, 10_000, 300));
        let fifth = rule(|profile| profile.event.one_address = 20).unwrap();
        assert_eq!((fifth.limit, fifth.admits()), (16_000, 2_000));
        // Who comes over a day does not come in five minutes.
        let slow = rule(|profile| profile.event.within = 86_400).unwrap();
        assert_eq!(slow.admits(), 105);
        let given = rule(|profile| profile.waf.rate_limit = Some(2_000)).unwrap();
        assert_eq!((given.limit, given.admits()), (2_000, 250));
        // The least and the most that WAF takes.
        assert_eq!(rule(|profile| profile.event.people = Some(1)).unwrap().limit, 10);
        assert!(rule(|profile| profile.event.people = Some(10_000_000)).unwrap().limit <= 2_000_000_000);
    }

    #[test]
    fn without_a_web_acl_or_a_wish_there_is_no_rule() {
        assert_eq!(rule(|profile| profile.waf.rate = RateMode::Off), None);
        assert_eq!(rule(|profile| profile.waf.enabled = false), None);
        assert_eq!(rule(|profile| profile.cdn.enabled = false), None);
    }

    #[test]
    fn a_window_that_covers_the_event_is_told_with_its_beginning() {
        let covering = |window: &str, at: &str, closes_at: Option<&str>| {
            let profile = with(|profile| {
                profile.environment.managed_updates = Some(window.to_owned());
                profile.event.at = Some(at.to_owned());
                profile.event.closes_at = closes_at.map(str::to_owned);
            });
            profile.update_in_the_event().map(|start| start.to_string())
        };
        // The tenth of December 2026 is a Thursday; 19:00 in Berlin is 18:00 UTC.
        let at = "2026-12-10T19:00[Europe/Berlin]";
        for clear in ["Sun:04:00", "Thu:16:00", "Thu:18:02", "Fri:18:00"] {
            assert_eq!(covering(clear, at, None), None, "{clear}");
        }
        let start = Some("2026-12-10T17:30:00Z".to_owned());
        assert_eq!(covering("Thu:17:30", at, None), start);
        // While registration is open, too.
        let closes_at = Some("2026-12-10T21:00[Europe/Berlin]");
        assert_eq!(covering("Thu:19:00", at, None), None);
        assert!(covering("Thu:19:00", at, closes_at).is_some());
        // Over the end of a week.
        assert!(covering("Sun:23:30", "2026-12-14T00:30:00Z", None).is_some());
    }
}
