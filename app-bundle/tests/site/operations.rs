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
    assert!(answer.body.contains("key is not mail"), "{}", answer.body);
}

#[tokio::test]
async fn metrics_count_what_happened_and_do_not_exist_at_the_edge() {
    let site = Site::start().await;
    site.post(FORM, "email=ada%40example.com").await;
    site.post(FORM, "email=ada%40example.com").await;
    site.post(FORM, "email=nobody").await;
    let metrics = site.get("/metrics").await;
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    for line in [
        "confapp_registrations_total{outcome=\"accepted\"} 2",
        "confapp_registrations_total{outcome=\"invalid\"} 1",
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
    for header in [
        ("via", "2.0 0123abcd.cloudfront.net (CloudFront)"),
        ("x-amz-cf-id", "abc=="),
    ] {
        let refused = site.send(Method::GET, "/metrics", &[header], "").await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{header:?}");
        assert!(!refused.body.contains("confapp_"));
    }
}
