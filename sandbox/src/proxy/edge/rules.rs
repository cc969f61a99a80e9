//! The edge's decisions without side effects: which behavior, for how long, what may stand in for an error.
//! Must know nothing of where responses are kept. Source: CloudFront guide, Expiration and HTTPStatusCodes.

use std::sync::Arc;

use http::{HeaderMap, StatusCode, header};
use jiff::fmt::rfc2822;

use crate::proxy::glob;
use crate::world::distributions::{Behavior, Configuration};
use crate::world::edge_policies::CacheRules;

/// Seconds that an error is kept where the distribution says nothing else.
const ERROR_TTL: i64 = 10;

/// The first behavior whose pattern matches, else the default one.
pub(super) fn behavior<'a>(configuration: &'a Configuration, path: &str) -> &'a Arc<Behavior> {
    let mut behaviors = configuration.behaviors.iter();
    behaviors
        .find(|behavior| matches_path(&behavior.path_pattern, path))
        .unwrap_or(&configuration.default_behavior)
}

/// As [`glob::matches`]; the leading slash may be left out.
fn matches_path(pattern: &str, path: &str) -> bool {
    let bare = |text| str::strip_prefix(text, '/').unwrap_or(text);
    glob::matches(bare(pattern), bare(path))
}

/// Seconds that a good response is kept. A minimum above 0 keeps even what says `no-store` (the trap of CachingOptimized).
pub(super) fn lifetime(rules: &CacheRules, headers: &HeaderMap) -> i64 {
    let says = |name: &str| directive(headers, name).is_some();
    if says("no-cache") || says("no-store") || says("private") {
        return rules.min_ttl;
    }
    match asked_lifetime(headers) {
        Some(asked) => asked.max(rules.min_ttl).min(rules.max_ttl.max(rules.min_ttl)),
        None => rules.default_ttl.max(rules.min_ttl),
    }
}

/// Seconds that an error is kept; `None` if not at all.
pub(super) fn error_lifetime(status: StatusCode, configured: Option<i64>, headers: &HeaderMap) -> Option<i64> {
    let least = configured.unwrap_or(ERROR_TTL);
    match status.as_u16() {
        404 | 405 | 414 | 416 | 500 | 501 | 502 | 503 | 504 => Some(asked_lifetime(headers).unwrap_or(0).max(least)),
        // Only if the origin says so.
        400 | 403 | 412 | 415 => asked_lifetime(headers)
            .filter(|asked| *asked > 0)
            .map(|asked| asked.max(least)),
        _ => None,
    }
}

/// Statuses that are kept like a 200.
pub(super) fn is_kept(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 300 | 301 | 302 | 307 | 308)
}

/// Seconds beyond its life for which a response is of use.
#[derive(Debug, PartialEq)]
pub(super) struct Staleness {
    pub while_revalidate: i64,
    /// `None`: as long as the origin fails, which is CloudFront's way where nothing is said (guide, HTTPStatusCodes).
    pub if_error: Option<i64>,
}

/// What the origin says of the time after. Never longer than the maximum TTL.
pub(super) fn staleness(rules: &CacheRules, headers: &HeaderMap) -> Staleness {
    let seconds = |name: &str| directive(headers, name).flatten()?.parse::<i64>().ok();
    let bounded = |seconds: i64| seconds.clamp(0, rules.max_ttl);
    Staleness {
        while_revalidate: seconds("stale-while-revalidate").map_or(0, bounded),
        if_error: seconds("stale-if-error").map(bounded),
    }
}

/// What the origin asks for: `s-maxage`, else `max-age`, else `Expires`.
fn asked_lifetime(headers: &HeaderMap) -> Option<i64> {
    let seconds = |name: &str| directive(headers, name).flatten()?.parse::<i64>().ok();
    seconds("s-maxage").or_else(|| seconds("max-age")).or_else(|| {
        // A value that is no date, such as `0`, means the past (RFC 9111, 5.3).
        let expires = headers.get(header::EXPIRES)?;
        let Some(expires) = date(expires.to_str().ok()?) else {
            return Some(0);
        };
        let sent = headers.get(header::DATE).and_then(|sent| date(sent.to_str().ok()?));
        let sent = sent.unwrap_or_else(|| jiff::Timestamp::now().as_second());
        Some((expires - sent).max(0))
    })
}

/// Seconds since the epoch of an HTTP date.
pub(super) fn date(text: &str) -> Option<i64> {
    rfc2822::parse(text).ok().map(|date| date.timestamp().as_second())
}

/// A directive of Cache-Control, with its value if it has one.
fn directive(headers: &HeaderMap, wanted: &str) -> Option<Option<String>> {
    let values = headers
        .get_all(header::CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).find_map(|part| {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name, Some(value.trim().trim_matches('"').to_owned())),
            None => (part, None),
        };
        name.trim().eq_ignore_ascii_case(wanted).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::edge_policies::EdgePolicies;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    fn policy(name: &str) -> Arc<CacheRules> {
        let policies = EdgePolicies::default();
        let named = policies.cache.all().find(|policy| policy.name == name);
        named.unwrap().rules.clone()
    }

    #[test]
    fn caching_optimized_keeps_even_what_must_not_be_stored() {
        let policy = policy("Managed-CachingOptimized");
        for never in ["no-store", "no-cache", "private", "max-age=0", "private, max-age=600"] {
            assert_eq!(lifetime(&policy, &headers(&[("cache-control", never)])), 1, "{never}");
        }
        assert_eq!(lifetime(&policy, &headers(&[])), 86_400);
        assert_eq!(
            lifetime(&policy, &headers(&[("cache-control", "public, max-age=600")])),
            600
        );
        assert_eq!(
            lifetime(&policy, &headers(&[("cache-control", "max-age=600, s-maxage=60")])),
            60
        );
        assert_eq!(
            lifetime(&policy, &headers(&[("cache-control", "max-age=99999999")])),
            31_536_000
        );
    }

    #[test]
    fn a_policy_without_minimum_follows_the_origin() {
        let origin = policy("UseOriginCacheControlHeaders");
        assert_eq!(lifetime(&origin, &headers(&[("cache-control", "no-store")])), 0);
        assert_eq!(lifetime(&origin, &headers(&[])), 0);
        assert_eq!(lifetime(&origin, &headers(&[("cache-control", "max-age=30")])), 30);
        let disabled = policy("Managed-CachingDisabled");
        assert_eq!(lifetime(&disabled, &headers(&[("cache-control", "max-age=30")])), 0);
    }

    #[test]
    fn expires_counts_from_the_answers_own_date() {
        let answer = headers(&[
            ("date", "Wed, 21 Oct 2015 07:28:00 GMT"),
            ("expires", "Wed, 21 Oct 2015 07:29:30 GMT"),
        ]);
        assert_eq!(lifetime(&policy("Managed-CachingOptimized"), &answer), 90);
        assert_eq!(
            lifetime(&policy("Managed-CachingOptimized"), &headers(&[("expires", "0")])),
            1
        );
    }

    #[test]
    fn errors_are_kept_for_ten_seconds_unless_the_distribution_says_otherwise() {
        let none = headers(&[]);
        assert_eq!(error_lifetime(StatusCode::SERVICE_UNAVAILABLE, None, &none), Some(10));
        assert_eq!(error_lifetime(StatusCode::SERVICE_UNAVAILABLE, Some(0), &none), Some(0));
        assert_eq!(error_lifetime(StatusCode::FORBIDDEN, None, &none), None);
        assert_eq!(error_lifetime(StatusCode::TOO_MANY_REQUESTS, None, &none), None);
        let asks = headers(&[("cache-control", "max-age=60")]);
        assert_eq!(error_lifetime(StatusCode::FORBIDDEN, None, &asks), Some(60));
    }

    #[test]
    fn patterns_match_whole_paths() {
        assert!(matches_path("*", "/any/thing"));
        assert!(matches_path("/api/*", "/api/register"));
        assert!(matches_path("api/*", "/api/"));
        assert!(!matches_path("/api/*", "/api"));
        assert!(matches_path("/images/*.jp?", "/images/a/b.jpg.jpe"));
        assert!(!matches_path("/images/*.jp?", "/images/a.jpeg"));
        assert!(!matches_path("/API/*", "/api/x"));
        assert!(matches_path("/register*", "/register"));
    }

    #[test]
    fn the_origin_says_how_long_an_old_answer_is_of_use() {
        let rules = policy("Managed-CachingOptimized");
        let said = |value: &str| staleness(&rules, &headers(&[("cache-control", value)]));
        assert_eq!(
            (said("no-store").while_revalidate, said("no-store").if_error),
            (0, None)
        );
        assert_eq!(said("no-store, stale-if-error=0").if_error, Some(0));
        let both = said("max-age=1, stale-while-revalidate=60, stale-if-error=99999999999");
        assert_eq!((both.while_revalidate, both.if_error), (60, Some(31_536_000)));
    }
}
