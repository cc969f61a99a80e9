//! How long the edge keeps what, and who shares it.

use std::time::Duration;

use ::http::{Request, StatusCode};

use super::{Changed, DISABLED, OPTIMIZED, Site, behavior, cache_policy, configuration, under, with};
use crate::world::distributions::{Caching, Configuration};
use crate::world::edge_policies::{CacheRules, Selection};

/// An answer is fresh a second before its time, and asked for again a second after it.
async fn lives(rules: (i64, i64, i64), says: &[(&'static str, &str)], seconds: u64) {
    let (min_ttl, default_ttl, max_ttl) = rules;
    let site = Site::made(1.0, |world| {
        with(under(
            cache_policy(world, CacheRules::new(min_ttl, default_ttl, max_ttl)),
            None,
        ))
    })
    .await;
    for (name, value) in says {
        site.app.says(name, value);
    }
    site.get("/").await;
    if seconds > 5 {
        site.later(seconds - 5);
        assert_eq!(site.get("/").await.x_cache(), "Hit", "{says:?}");
        site.later(6);
    } else if seconds > 0 {
        site.later(seconds + 1);
    }
    let late = site.get("/").await;
    assert_eq!((late.x_cache(), late.text()), ("Miss", "answer 2"), "{says:?}");
}

/// Minimum, default and maximum TTL; what the origin says; for how many seconds the edge keeps it.
/// CloudFront guide, Expiration, the table.
macro_rules! lifetimes {
    ($($row:ident: $rules:expr, $says:expr, $seconds:expr;)*) => {
        $(#[tokio::test]
        async fn $row() {
            lives($rules, &$says, $seconds).await;
        })*
    };
}

const CACHING_OPTIMIZED: (i64, i64, i64) = (1, 86_400, 31_536_000);
const ORIGIN_DECIDES: (i64, i64, i64) = (0, 0, 31_536_000);
const NARROW: (i64, i64, i64) = (60, 300, 600);

lifetimes! {
    nothing_said_lives_for_the_default_ttl: CACHING_OPTIMIZED, [], 86_400;
    nothing_said_and_no_default_is_not_kept: ORIGIN_DECIDES, [], 0;
    nothing_said_lives_at_least_for_the_minimum_ttl: (300, 300, 600), [], 300;
    max_age_counts: CACHING_OPTIMIZED, [("cache-control", "max-age=600")], 600;
    max_age_below_the_minimum_ttl_is_raised_to_it: NARROW, [("cache-control", "max-age=10")], 60;
    max_age_above_the_maximum_ttl_is_cut_to_it: NARROW, [("cache-control", "max-age=9999")], 600;
    s_maxage_goes_before_max_age: CACHING_OPTIMIZED, [("cache-control", "max-age=600, s-maxage=60")], 60;
    no_store_without_a_minimum_ttl_is_not_kept: ORIGIN_DECIDES, [("cache-control", "no-store")], 0;
    no_cache_without_a_minimum_ttl_is_not_kept: ORIGIN_DECIDES, [("cache-control", "no-cache")], 0;
    private_without_a_minimum_ttl_is_not_kept: ORIGIN_DECIDES, [("cache-control", "private, max-age=600")], 0;
    no_store_under_caching_optimized_is_kept_for_a_second: CACHING_OPTIMIZED, [("cache-control", "no-store")], 1;
    private_is_kept_for_the_minimum_ttl: NARROW, [("cache-control", "private")], 60;
    max_age_zero_is_kept_for_the_minimum_ttl: NARROW, [("cache-control", "max-age=0")], 60;
    expires_counts_from_the_date_of_the_answer: CACHING_OPTIMIZED,
        [("date", "Wed, 21 Oct 2015 07:28:00 GMT"), ("expires", "Wed, 21 Oct 2015 07:29:30 GMT")], 90;
    expires_that_is_no_date_is_the_past: CACHING_OPTIMIZED, [("expires", "0")], 1;
    max_age_goes_before_expires: CACHING_OPTIMIZED,
        [("cache-control", "max-age=30"), ("expires", "Wed, 21 Oct 2099 07:28:00 GMT")], 30;
}

#[tokio::test]
async fn a_hit_says_its_age_and_a_miss_does_not() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    let miss = site.get("/").await;
    assert_eq!((miss.x_cache(), miss.header("age")), ("Miss", ""));
    site.later(30);
    let hit = site.get("/").await;
    assert_eq!(hit.x_cache(), "Hit");
    assert!((30..40).contains(&hit.header("age").parse::<u64>().unwrap()));
}

#[tokio::test]
async fn a_viewer_cannot_force_a_fetch() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.get("/").await;
    let forcing = Request::get("/")
        .header("cache-control", "no-cache")
        .header("pragma", "no-cache");
    assert_eq!(site.ask(forcing, "").await.x_cache(), "Hit");
}

#[tokio::test]
async fn caching_disabled_keeps_nothing() {
    let site = Site::new(configuration(DISABLED)).await;
    site.app.says("cache-control", "max-age=600");
    site.get("/").await;
    assert_eq!(site.get("/").await.text(), "answer 2");
}

#[tokio::test]
async fn a_post_is_never_kept() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.app.says("cache-control", "max-age=600");
    for number in 1..=2 {
        let answer = site.ask(Request::post("/"), "a").await;
        assert_eq!(
            (answer.x_cache(), answer.text()),
            ("Miss", format!("answer {number}").as_str())
        );
    }
}

#[tokio::test]
async fn head_is_answered_from_what_get_brought() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.get("/").await;
    let head = site.ask(Request::head("/"), "").await;
    assert_eq!(
        (head.x_cache(), head.text(), head.header("content-length")),
        ("Hit", "", "8")
    );
    assert_eq!(site.app.count(), 1);
}

#[tokio::test]
async fn options_is_kept_only_where_it_is_a_cached_method() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.ask(Request::options("/"), "").await;
    assert_eq!(site.ask(Request::options("/"), "").await.x_cache(), "Miss");
    let cached = behavior(OPTIMIZED).changed(|behavior| behavior.cached_methods.push("OPTIONS".to_owned()));
    let site = Site::new(with(cached)).await;
    site.ask(Request::options("/"), "").await;
    assert_eq!(site.ask(Request::options("/"), "").await.x_cache(), "Hit");
    assert_eq!(site.get("/").await.x_cache(), "Miss", "GET has a key of its own");
}

#[tokio::test]
async fn under_caching_optimized_the_query_is_not_in_the_key() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.get("/style.css?v=1").await;
    let other = site.get("/style.css?v=2").await;
    assert_eq!((other.x_cache(), other.text()), ("Hit", "answer 1"));
}

#[tokio::test]
async fn a_policy_of_ones_own_keeps_answers_apart_by_what_it_lists() {
    let rules = CacheRules {
        headers: Selection::Only(vec!["Accept-Language".to_owned()]),
        cookies: Selection::Only(vec!["theme".to_owned()]),
        query: Selection::AllExcept(vec!["utm".to_owned()]),
        ..CacheRules::new(1, 600, 600)
    };
    let site = Site::made(1.0, |world| with(under(cache_policy(world, rules), None))).await;
    let ask = |path: &str, language: &str, cookie: &str| {
        let request = Request::get(path)
            .header("accept-language", language)
            .header("cookie", cookie);
        site.ask(request, "")
    };
    assert_eq!(ask("/?page=1&utm=a", "de", "theme=dark; id=1").await.x_cache(), "Miss");
    assert_eq!(ask("/?page=1&utm=b", "de", "id=2; theme=dark").await.x_cache(), "Hit");
    assert_eq!(ask("/?page=2&utm=a", "de", "theme=dark").await.x_cache(), "Miss");
    assert_eq!(ask("/?page=1", "en", "theme=dark").await.x_cache(), "Miss");
    assert_eq!(ask("/?page=1", "de", "theme=light").await.x_cache(), "Miss");
    assert_eq!(site.app.seen().header("cookie"), Some("theme=light"));
}

#[tokio::test]
async fn forwarded_values_keep_apart_by_their_cache_keys_and_forward_the_rest() {
    let site = Site::new(with(behavior(OPTIMIZED).changed(|behavior| {
        behavior.caching = Caching::ForwardedValues {
            cache: CacheRules {
                query: Selection::Only(vec!["page".to_owned()]),
                ..CacheRules::new(0, 600, 600)
            }
            .into(),
            origin_request: crate::world::edge_policies::OriginRequestRules {
                query: Selection::All,
                ..Default::default()
            }
            .into(),
        };
    })))
    .await;
    site.get("/?page=1&tracker=a").await;
    assert_eq!(site.app.seen().path, "/?page=1&tracker=a");
    assert_eq!(site.get("/?page=1&tracker=b").await.x_cache(), "Hit");
    assert_eq!(site.get("/?page=2&tracker=b").await.x_cache(), "Miss");
}

#[tokio::test]
async fn an_expired_answer_is_confirmed_by_its_etag() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.app.says("cache-control", "max-age=60");
    site.app.says("etag", "\"v1\"");
    site.get("/").await;
    site.later(61);
    let confirmed = site.get("/").await;
    assert_eq!((confirmed.x_cache(), confirmed.text()), ("RefreshHit", "answer 1"));
    assert_eq!(site.app.seen().header("if-none-match"), Some("\"v1\""));
    assert_eq!(site.get("/").await.x_cache(), "Hit", "it lives on");
    site.later(61);
    site.app.says("etag", "\"v2\"");
    let replaced = site.get("/").await;
    assert_eq!((replaced.x_cache(), replaced.text()), ("Miss", "answer 3"));
}

#[tokio::test]
async fn an_expired_answer_without_an_etag_is_confirmed_by_its_date() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    let (first, second) = ("Tue, 24 Nov 2026 10:00:00 GMT", "Tue, 24 Nov 2026 11:00:00 GMT");
    site.app.says("cache-control", "max-age=60");
    site.app.says("last-modified", first);
    site.get("/").await;
    site.later(61);
    let confirmed = site.get("/").await;
    assert_eq!((confirmed.x_cache(), confirmed.text()), ("RefreshHit", "answer 1"));
    assert_eq!(site.app.seen().header("if-modified-since"), Some(first));
    assert_eq!(site.app.seen().header("if-none-match"), None);
    site.later(61);
    site.app.says("last-modified", second);
    let replaced = site.get("/").await;
    assert_eq!((replaced.x_cache(), replaced.text()), ("Miss", "answer 3"));
}

#[tokio::test]
async fn viewers_at_the_same_moment_share_one_request() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.app.says("cache-control", "no-store");
    site.app.waits(Duration::from_millis(150));
    let answers = futures_util::future::join_all((0..20).map(|_| site.get("/"))).await;
    assert!(answers.iter().all(|answer| answer.text() == "answer 1"));
    assert_eq!(site.app.count(), 1);
}

#[tokio::test]
async fn without_a_minimum_ttl_what_must_not_be_stored_is_not_shared() {
    let site = Site::made(1.0, |world| {
        with(under(cache_policy(world, CacheRules::new(0, 0, 600)), None))
    })
    .await;
    site.app.says("cache-control", "no-store");
    site.app.waits(Duration::from_millis(50));
    futures_util::future::join_all((0..5).map(|_| site.get("/"))).await;
    assert_eq!(site.app.count(), 5);
}

#[tokio::test]
async fn where_cookies_reach_the_origin_nothing_is_shared() {
    let rules = CacheRules {
        cookies: Selection::All,
        ..CacheRules::new(1, 600, 600)
    };
    let site = Site::made(1.0, |world| with(under(cache_policy(world, rules), None))).await;
    site.app.waits(Duration::from_millis(50));
    futures_util::future::join_all((0..5).map(|_| site.get("/"))).await;
    assert_eq!(site.app.count(), 5);
}

#[tokio::test]
async fn caching_disabled_shares_nothing() {
    let site = Site::new(configuration(DISABLED)).await;
    site.app.waits(Duration::from_millis(50));
    futures_util::future::join_all((0..5).map(|_| site.get("/"))).await;
    assert_eq!(site.app.count(), 5);
}

#[tokio::test]
async fn stale_while_revalidate_is_given_at_once_and_refreshed_behind() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.app.says("cache-control", "max-age=60, stale-while-revalidate=600");
    site.get("/").await;
    site.later(120);
    let old = site.get("/").await;
    assert_eq!((old.x_cache(), old.text()), ("Hit", "answer 1"));
    for _ in 0..100 {
        if site.get("/").await.text() == "answer 2" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it was never refreshed");
}

#[tokio::test]
async fn an_invalidation_counts_when_it_is_completed() {
    let rules = CacheRules {
        query: Selection::All,
        ..CacheRules::new(1, 600, 600)
    };
    let site = Site::made(1.0, |world| with(under(cache_policy(world, rules), None))).await;
    for path in ["/a/page", "/a/page?x=1", "/b"] {
        site.get(path).await;
    }
    let invalidate = |reference: &str, path: &str| {
        let now = site.world.clock.now();
        let mut state = site.world.lock();
        let distribution = state.distributions.get_mut(&site.id).unwrap();
        distribution.invalidate(reference.to_owned(), vec![path.to_owned()], now)
    };
    let made = invalidate("1", "/a/page").unwrap();
    assert_eq!(made.status(site.world.clock.now()), "InProgress");
    assert_eq!(
        site.get("/a/page").await.x_cache(),
        "Hit",
        "until then an edge may have the old one"
    );
    site.later(21);
    assert_eq!(made.status(site.world.clock.now()), "Completed");
    assert_eq!(site.get("/a/page").await.x_cache(), "Miss");
    assert_eq!(
        site.get("/a/page?x=1").await.x_cache(),
        "Hit",
        "the query is part of the path"
    );
    invalidate("2", "/a/*").unwrap();
    site.later(21);
    assert_eq!(site.get("/a/page?x=1").await.x_cache(), "Miss");
    assert_eq!(site.get("/b").await.x_cache(), "Hit");
    assert_eq!(invalidate("3", "no/slash").unwrap_err().code, "InvalidArgument");
    assert_eq!(invalidate("4", "/a/*/b").unwrap_err().code, "InvalidArgument");
    assert_eq!(invalidate("2", "/other").unwrap_err().code, "InvalidArgument");
    assert_eq!(invalidate("2", "/a/*").unwrap().paths, ["/a/*"], "the same batch again");
}

#[tokio::test]
async fn behaviors_of_one_site_keep_by_their_own_policies() {
    let site = Site::made(1.0, |world| {
        let dynamic = under(cache_policy(world, CacheRules::new(0, 0, 0)), None);
        let mut configuration: Configuration = configuration(OPTIMIZED);
        configuration.behaviors = vec![
            dynamic
                .changed(|behavior| behavior.path_pattern = "/api/*".to_owned())
                .into(),
        ];
        configuration
    })
    .await;
    for (path, second) in [("/page", "Hit"), ("/api/count", "Miss")] {
        site.get(path).await;
        assert_eq!(site.get(path).await.x_cache(), second, "{path}");
    }
    assert_eq!(site.get("/page").await.status, StatusCode::OK);
}
