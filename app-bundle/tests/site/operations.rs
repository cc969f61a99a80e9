//! What operators and load balancers ask for.

use axum::http::{Method, StatusCode};

use crate::site::{FORM, Site};
use crate::table::Mood;

#[tokio::test]
async fn readiness_follows_the_table_and_asks_it_seldom() {
    let site = Site::start().await;
    for _ in 0..5 {
        assert_eq!(site.get("/ready").await.status, StatusCode::OK);
    }
    assert_eq!(site.table.describes(), 1);

    let broken = Site::start().await;
    broken.table.set(Mood::Broken);
    let answer = broken.get("/ready").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.body.contains("InternalServerError"), "{}", answer.body);
    assert_eq!(broken.get("/health").await.body, "ok\n");
}

#[tokio::test]
async fn a_site_set_to_another_key_than_the_table_has_is_not_ready() {
    let site = Site::start_with(&[("TABLE_KEY", "mail")]).await;
    let answer = site.get("/ready").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.body.contains("users is not mail"), "{}", answer.body);
}

#[tokio::test]
async fn metrics_count_what_happened_and_why_it_failed() {
    let site = Site::start().await;
    site.post(FORM, "email=ada%40example.com").await;
    site.post(FORM, "email=ada%40example.com").await;
    site.post(FORM, "email=nobody").await;
    site.table.set(Mood::Throttling);
    site.post(FORM, "email=eve%40example.com").await;
    site.table.set(Mood::Broken);
    site.post(FORM, "email=eve%40example.com").await;
    let metrics = site.get("/metrics").await;
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    for line in [
        "confapp_registrations_total{outcome=\"accepted\"} 2",
        "confapp_registrations_total{outcome=\"invalid\"} 1",
        "confapp_registrations_total{outcome=\"refused\"} 2",
        "confapp_store_failures_total{reason=\"throttled\"} 1",
        "confapp_store_failures_total{reason=\"failed\"} 1",
        "confapp_store_failures_total{reason=\"unanswered\"} 0",
        "confapp_store_seconds_count 2",
        "confapp_store_in_flight 0",
        "confapp_http_responses_total{class=\"4xx\"} 1",
    ] {
        assert!(
            metrics.body.lines().any(|seen| seen == line),
            "no {line} in\n{}",
            metrics.body
        );
    }
}

#[tokio::test]
async fn metrics_and_readiness_do_not_exist_for_the_world() {
    let site = Site::start().await;
    for path in ["/metrics", "/ready"] {
        assert_eq!(site.get(path).await.status, StatusCode::OK);
        for header in [
            ("via", "2.0 0123abcd.cloudfront.net (CloudFront)"),
            ("x-amz-cf-id", "abc=="),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-amzn-trace-id", "Root=1-67891233-abcdef012345678912345678"),
        ] {
            let refused = site.send(Method::GET, path, &[header], "").await;
            assert_eq!(refused.status, StatusCode::NOT_FOUND, "{path} {header:?}");
            assert!(!refused.body.contains("confapp_") && !refused.body.contains("ready"));
        }
    }
    let checked = site
        .send(Method::GET, "/health", &[("x-forwarded-for", "192.0.2.1")], "")
        .await;
    assert_eq!(checked.status, StatusCode::OK, "the load balancer asks through nginx");
}

#[tokio::test]
async fn the_number_of_registrations_is_told_roughly_and_counted_seldom() {
    let site = Site::start().await;
    site.table.fill(1_234);
    for _ in 0..20 {
        let answer = site.get("/api/stats").await;
        assert_eq!(answer.header("cache-control"), "public, max-age=1, s-maxage=1");
        assert_eq!(answer.body, r#"{"registrations_at_least":1200}"#);
    }
    assert!(site.table.scans() <= 3, "{} counts", site.table.scans());
    // One more does not show, so that nobody can try whether somebody is in.
    site.post(FORM, "email=ada%40example.com").await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(site.get("/api/stats").await.body, r#"{"registrations_at_least":1200}"#);

    let broken = Site::start().await;
    broken.table.set(Mood::Expired);
    let answer = broken.get("/api/stats").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("cache-control"), "no-store");
}
