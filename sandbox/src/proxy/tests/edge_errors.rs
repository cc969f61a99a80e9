//! What becomes of errors: how long they are kept, what stands in for them, whose page is shown.

use std::sync::Arc;
use std::time::Duration;

use ::http::{Request, StatusCode};

use super::{Changed, DISABLED, OPTIMIZED, Site, behavior, configuration, origin};
use crate::world::distributions::{Configuration, ErrorPage, ErrorResponse};

/// An error is kept for so many seconds, then the origin is asked again.
async fn is_kept(status: u16, says: &str, configured: Option<i64>, seconds: u64) {
    let mut configuration = configuration(OPTIMIZED);
    if let Some(seconds) = configured {
        let response = ErrorResponse {
            caching_min_ttl: Some(seconds),
            page: None,
        };
        configuration.error_responses.insert(status, response);
    }
    let site = Site::new(configuration).await;
    if !says.is_empty() {
        site.app.says("cache-control", says);
    }
    site.app.fails_with(status);
    let failed = site.get("/").await;
    assert_eq!((failed.status.as_u16(), failed.x_cache()), (status, "Error"));
    site.app.fails_with(0);
    if seconds > 4 {
        site.later(seconds - 4);
        let kept = site.get("/").await;
        assert_eq!((kept.status.as_u16(), kept.x_cache()), (status, "Error"));
        site.later(5);
    }
    assert_eq!(site.get("/").await.status, StatusCode::OK);
}

/// Status; what the origin says; what the distribution says; for how many seconds the edge keeps the error.
/// CloudFront guide, HTTPStatusCodes.
macro_rules! errors {
    ($($row:ident: $status:expr, $says:expr, $configured:expr, $seconds:expr;)*) => {
        $(#[tokio::test]
        async fn $row() {
            is_kept($status, $says, $configured, $seconds).await;
        })*
    };
}

errors! {
    a_503_is_kept_for_ten_seconds: 503, "", None, 10;
    a_404_is_kept_for_ten_seconds: 404, "", None, 10;
    a_404_is_kept_longer_if_it_says_so: 404, "max-age=60", None, 60;
    a_503_is_kept_as_long_as_the_distribution_says: 503, "", Some(90), 90;
    a_503_is_not_kept_if_the_distribution_says_zero: 503, "", Some(0), 0;
    a_403_is_not_kept: 403, "", None, 0;
    a_403_is_kept_if_it_says_so: 403, "max-age=60", None, 60;
    a_429_is_not_kept: 429, "max-age=60", None, 0;
}

#[tokio::test]
async fn caching_disabled_keeps_errors_all_the_same() {
    let site = Site::new(configuration(DISABLED)).await;
    site.app.fails_with(503);
    site.get("/").await;
    site.app.fails_with(0);
    assert_eq!(site.get("/").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(site.app.count(), 1);
    site.later(11);
    assert_eq!(site.get("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_error_of_a_post_is_not_kept() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.app.fails_with(503);
    site.ask(Request::post("/"), "a").await;
    site.app.fails_with(0);
    assert_eq!(site.ask(Request::post("/"), "a").await.status, StatusCode::OK);
}

/// A site whose page has expired while its origin fails.
async fn expired(says: &str, status: u16) -> Site {
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.app.says("cache-control", says);
    site.get("/").await;
    site.later(100);
    site.app.no_longer_says("cache-control");
    site.app.fails_with(status);
    site
}

#[tokio::test]
async fn an_expired_page_stands_in_for_a_5xx_and_the_origin_is_spared_for_ten_seconds() {
    let site = expired("max-age=60", 503).await;
    for _ in 0..3 {
        let old = site.get("/").await;
        assert_eq!((old.status, old.text()), (StatusCode::OK, "answer 1"));
    }
    assert_eq!(site.app.count(), 2);
    site.later(11);
    site.app.fails_with(0);
    assert_eq!(site.get("/").await.text(), "answer 3");
}

#[tokio::test]
async fn a_4xx_goes_before_an_expired_page() {
    let site = expired("max-age=60", 404).await;
    assert_eq!(site.get("/").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn stale_if_error_bounds_how_long_an_expired_page_stands_in() {
    let site = expired("max-age=60, stale-if-error=300", 503).await;
    assert_eq!(site.get("/").await.status, StatusCode::OK);
    site.later(300);
    assert_eq!(site.get("/").await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn even_a_no_store_page_stands_in_unless_stale_if_error_forbids_it() {
    let site = expired("no-store", 500).await;
    assert_eq!(site.get("/").await.status, StatusCode::OK);
    let site = expired("no-store, stale-if-error=0", 500).await;
    assert_eq!(site.get("/").await.status, StatusCode::INTERNAL_SERVER_ERROR);
}

/// A site with a page of its own for 503.
fn with_page(status: u16) -> Configuration {
    configuration(OPTIMIZED).changed(|configuration| {
        let response = ErrorResponse {
            caching_min_ttl: Some(30),
            page: Some(ErrorPage {
                path: "/sorry.html".to_owned(),
                status,
            }),
        };
        configuration.error_responses.insert(503, response);
    })
}

#[tokio::test]
async fn the_distributions_own_page_stands_for_an_error_with_the_status_that_it_says() {
    let site = Site::new(with_page(200)).await;
    site.app.has_page("/sorry.html", 200, "come back later");
    site.app.fails_with(503);
    for _ in 0..2 {
        let page = site.get("/").await;
        assert_eq!(
            (page.status, page.text(), page.x_cache()),
            (StatusCode::OK, "come back later", "Error")
        );
    }
    assert_eq!(site.app.count(), 2, "the error and the page, once each");
    site.app.fails_with(0);
    site.later(31);
    assert_eq!(site.get("/").await.text(), "answer 3");
}

#[tokio::test]
async fn the_distributions_own_page_stands_for_an_error_of_a_post_too() {
    let site = Site::new(with_page(503)).await;
    site.app.has_page("/sorry.html", 200, "come back later");
    site.app.fails_with(503);
    let page = site.ask(Request::post("/"), "a").await;
    assert_eq!(
        (page.status, page.text()),
        (StatusCode::SERVICE_UNAVAILABLE, "come back later")
    );
}

#[tokio::test]
async fn a_page_that_is_not_there_brings_its_own_error() {
    let site = Site::new(with_page(200)).await;
    site.app.has_page("/sorry.html", 404, "no such page");
    site.app.fails_with(503);
    let page = site.get("/").await;
    assert_eq!((page.status, page.text()), (StatusCode::NOT_FOUND, "no such page"));
}

#[tokio::test]
async fn an_origin_that_is_not_of_the_sandbox_is_a_502_with_a_reason() {
    let foreign = configuration(OPTIMIZED).changed(|it| origin(it).domain_name = "example.org".to_owned());
    let answer = Site::new(foreign).await.get("/").await;
    assert_eq!((answer.status, answer.x_cache()), (StatusCode::BAD_GATEWAY, "Error"));
    assert!(
        answer.text().contains("example.org is no load balancer"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn an_https_origin_is_a_502() {
    let secure = configuration(OPTIMIZED).changed(|it| origin(it).protocol_policy = "https-only".to_owned());
    assert_eq!(Site::new(secure).await.get("/").await.status, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn an_origin_slower_than_its_read_timeout_is_a_504_of_cloudfronts_own() {
    let site = Site::new(configuration(DISABLED).changed(|it| origin(it).read_timeout = 1)).await;
    site.app.waits(Duration::from_millis(1_500));
    let answer = site.ask(Request::post("/"), "a").await;
    assert_eq!(
        (answer.status, answer.header("server")),
        (StatusCode::GATEWAY_TIMEOUT, "CloudFront")
    );
    assert!(answer.text().contains("could not be satisfied"));
}

#[tokio::test]
async fn a_disabled_distribution_refuses_when_it_is_deployed_and_not_before() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    let changed = site.update(|configuration| configuration.enabled = false);
    assert_eq!(changed.status(site.world.clock.now()), "InProgress");
    assert_eq!(site.get("/").await.status, StatusCode::OK);
    let delete = || {
        let now = site.world.clock.now();
        site.world
            .lock()
            .delete_distribution(&site.id, Some(&changed.etag), now)
    };
    let early = delete().unwrap_err();
    assert_eq!((early.code.as_str(), early.status), ("DistributionNotDisabled", 409));
    site.later(245);
    assert_eq!(site.get("/").await.status, StatusCode::FORBIDDEN);
    delete().unwrap();
    assert_eq!(site.get("/").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_change_is_served_when_it_is_deployed_also_one_upon_another() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    let status = |answer: super::Answer| answer.status.as_u16();
    site.update(|it| it.default_behavior = Arc::new(behavior(OPTIMIZED).changed(|it| it.allowed_methods.truncate(2))));
    assert_eq!(status(site.ask(Request::post("/"), "a").await), 200);
    site.later(100);
    site.update(|it| it.comment = "again".to_owned());
    assert_eq!(
        status(site.ask(Request::post("/"), "a").await),
        200,
        "the one before both is served"
    );
    site.later(245);
    assert_eq!(status(site.ask(Request::post("/"), "a").await), 403);
}

#[tokio::test]
async fn a_new_domain_does_not_answer_at_once() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    let now = site.world.clock.now();
    let made = site
        .world
        .lock()
        .create_distribution(configuration(OPTIMIZED), crate::world::Tags::new(), now)
        .unwrap();
    let site = Site {
        id: made.id,
        domain: made.domain_name,
        ..site
    };
    assert_eq!(site.get("/").await.status, StatusCode::NOT_FOUND);
    site.later(150);
    assert_eq!(site.get("/").await.status, StatusCode::OK, "before it is Deployed");
}
