//! Rate-based rules: requests counted by address within a window, looked at about every ten seconds.
//! Must know nothing of what becomes of a request. Source: WAF guide, waf-rule-statement-type-rate-based: WAF looks back over
//! the window each time, so a burst passes until the next look, and who slowed down waits for one as well.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Mutex;

use http::HeaderMap;

use crate::world::web_acls::{Rate, RateKey};

/// Seconds of sandbox time between two looks.
const LOOK: f64 = 10.0;

/// Addresses that one rule counts (WAF quotas: as many are blocked at once).
const MOST_ADDRESSES: usize = 10_000;

/// By what a request is counted.
pub(super) enum Key {
    Counted(String),
    /// No address to count by, and the rule says that such a request matches.
    Matches,
}

/// What a request is counted by; `None` if the rule has nothing to do with it.
pub(super) fn key(key: &RateKey, viewer: IpAddr, headers: &HeaderMap) -> Option<Key> {
    match key {
        RateKey::Ip => Some(Key::Counted(viewer.to_string())),
        RateKey::Constant => Some(Key::Counted(String::new())),
        RateKey::ForwardedIp { header, matches } => {
            // Without the header there is nothing to look at; the fallback is for one that holds no address.
            let list = headers.get(header)?.to_str().unwrap_or_default();
            let first = list.split(',').next().unwrap_or_default().trim();
            match first.parse::<IpAddr>() {
                Ok(address) => Some(Key::Counted(address.to_string())),
                Err(_) => matches.then_some(Key::Matches),
            }
        }
    }
}

/// Counts of requests by web ACL, rule and settings: other settings start anew, as WAF does.
#[derive(Default)]
pub(in crate::proxy::edge) struct Rates(Mutex<HashMap<String, Counter>>);

impl Key {
    /// Counts the request and says whether it is one too many.
    pub(super) fn exceeds(self, rates: &Rates, acl: &str, rule: &str, rate: &Rate, now: f64) -> bool {
        let Self::Counted(address) = self else { return true };
        let name = format!("{acl} {rule} {rate:?}");
        let mut counters = rates.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        counters.entry(name).or_default().count(address, rate, now)
    }
}

#[derive(Default)]
struct Counter {
    /// Requests by bucket of [`LOOK`], oldest first.
    counts: HashMap<String, VecDeque<(i64, u64)>>,
    limited: HashSet<String>,
    looked: i64,
}

impl Counter {
    fn count(&mut self, address: String, rate: &Rate, now: f64) -> bool {
        let bucket = (now / LOOK) as i64;
        if bucket > self.looked {
            self.look(bucket, rate);
        }
        let exceeds = self.limited.contains(&address);
        if self.counts.len() < MOST_ADDRESSES || self.counts.contains_key(&address) {
            let buckets = self.counts.entry(address).or_default();
            match buckets.back_mut() {
                Some((when, count)) if *when == bucket => *count += 1,
                _ => buckets.push_back((bucket, 1)),
            }
        }
        exceeds
    }

    fn look(&mut self, bucket: i64, rate: &Rate) {
        self.looked = bucket;
        self.limited.clear();
        let oldest = bucket - i64::from(rate.window) / LOOK as i64;
        let limited = &mut self.limited;
        self.counts.retain(|address, buckets| {
            buckets.retain(|(when, _)| *when >= oldest);
            let sum: u64 = buckets.iter().map(|(_, count)| count).sum();
            if sum > rate.limit {
                limited.insert(address.clone());
            }
            sum > 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(limit: u64) -> Rate {
        Rate {
            limit,
            window: 60,
            key: RateKey::Ip,
            scope: None,
        }
    }

    fn over(rates: &Rates, address: &str, limit: u64, now: f64) -> bool {
        Key::Counted(address.to_owned()).exceeds(rates, "acl", "rule", &rate(limit), now)
    }

    #[test]
    fn a_burst_passes_until_the_next_look_and_is_limited_while_the_window_remembers_it() {
        let rates = Rates::default();
        for _ in 0..20 {
            assert!(!over(&rates, "192.0.2.1", 10, 1_001.0));
        }
        assert!(over(&rates, "192.0.2.1", 10, 1_011.0));
        assert!(!over(&rates, "192.0.2.2", 10, 1_011.0), "another address");
        assert!(over(&rates, "192.0.2.1", 10, 1_059.0));
        assert!(!over(&rates, "192.0.2.1", 10, 1_075.0));
    }

    #[test]
    fn other_settings_start_counting_anew() {
        let rates = Rates::default();
        for _ in 0..20 {
            over(&rates, "192.0.2.1", 10, 1_001.0);
        }
        assert!(!over(&rates, "192.0.2.1", 12, 1_011.0));
        assert!(over(&rates, "192.0.2.1", 10, 1_011.0));
    }

    #[test]
    fn a_forwarded_address_is_the_first_of_its_header() {
        let by = RateKey::ForwardedIp {
            header: "X-Forwarded-For".to_owned(),
            matches: true,
        };
        let viewer: IpAddr = [127, 0, 0, 1].into();
        let sent = |value: &'static str| {
            HeaderMap::from_iter([(http::HeaderName::from_static("x-forwarded-for"), value.parse().unwrap())])
        };
        assert!(
            matches!(key(&by, viewer, &sent("192.0.2.7, 10.0.0.1")), Some(Key::Counted(address)) if address == "192.0.2.7")
        );
        assert!(matches!(key(&by, viewer, &sent("unknown")), Some(Key::Matches)));
        assert!(key(&by, viewer, &HeaderMap::new()).is_none());
    }
}
