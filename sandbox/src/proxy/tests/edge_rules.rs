//! Which behavior a request meets, and what the edge refuses by itself.

use ::http::{Request, StatusCode, Version};

use super::{Changed, DISABLED, OPTIMIZED, Site, behavior, configuration, with};
use crate::world::distributions::{Configuration, ErrorPage, ErrorResponse};

/// A site that asks viewers for a protocol.
fn protocol(policy: &str) -> Configuration {
    with(behavior(OPTIMIZED).changed(|behavior| behavior.viewer_protocol_policy = policy.to_owned()))
}

#[tokio::test]
async fn the_first_behavior_whose_pattern_matches_counts() {
    let pattern = |pattern: &str, policy: &str| {
        behavior(policy)
            .changed(|it| it.path_pattern = pattern.to_owned())
            .into()
    };
    let site = Site::new(configuration(OPTIMIZED).changed(|configuration| {
        configuration.behaviors = vec![
            pattern("/api/static/*", OPTIMIZED),
            pattern("/api/*", DISABLED),
            pattern("*.jp?g", DISABLED),
        ];
    }))
    .await;
    for (path, second) in [
        ("/api/static/logo", "Hit"),
        ("/api/count", "Miss"),
        ("/API/count", "Hit"),
        ("/api", "Hit"),
        ("/deep/photo.jpeg", "Miss"),
        ("/photo.jpg", "Hit"),
        ("/page", "Hit"),
    ] {
        site.get(path).await;
        assert_eq!(site.get(path).await.x_cache(), second, "{path}");
    }
}

#[tokio::test]
async fn a_method_that_is_not_allowed_is_a_403_and_no_405() {
    let reading = behavior(OPTIMIZED).changed(|behavior| behavior.allowed_methods.truncate(2));
    let site = Site::new(with(reading)).await;
    let answer = site.ask(Request::post("/"), "a").await;
    assert_eq!((answer.status, answer.x_cache()), (StatusCode::FORBIDDEN, "Error"));
    assert!(answer.text().contains("supports only cachable requests"));
    assert_eq!(site.app.count(), 0);
}

#[tokio::test]
async fn a_get_with_a_body_is_a_403() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    assert_eq!(site.ask(Request::get("/"), "a").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn redirect_to_https_sends_a_get_on_with_301() {
    let site = Site::new(protocol("redirect-to-https")).await;
    for request in [Request::get("/a?b=c"), Request::head("/a?b=c")] {
        let answer = site.ask(request, "").await;
        assert_eq!(
            (answer.status, answer.x_cache()),
            (StatusCode::MOVED_PERMANENTLY, "Redirect")
        );
        // To the port that the viewer named, where the sandbox speaks both.
        assert_eq!(answer.header("location"), format!("https://{}:4566/a?b=c", site.domain));
    }
    assert_eq!(site.app.count(), 0);
}

/// A client that takes the redirect of a POST for a 301, and so asks again with GET, would lose the registration.
#[tokio::test]
async fn redirect_to_https_sends_a_post_on_with_307() {
    let site = Site::new(protocol("redirect-to-https")).await;
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let answer = site.ask(Request::builder().method(method).uri("/register"), "a").await;
        assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT, "{method}");
    }
}

#[tokio::test]
async fn redirect_to_https_refuses_a_post_of_http_1_0() {
    let site = Site::new(protocol("redirect-to-https")).await;
    let old = Request::post("/register").version(Version::HTTP_10);
    assert_eq!(site.ask(old, "a").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn https_only_refuses_plain_http() {
    let site = Site::new(protocol("https-only")).await;
    assert_eq!(site.get("/").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn who_comes_through_tls_in_front_of_the_sandbox_counts_as_one_of_https() {
    for policy in ["redirect-to-https", "https-only"] {
        let site = Site::new(protocol(policy)).await;
        let secure = Request::get("/").header("x-forwarded-proto", "https");
        assert_eq!(site.ask(secure, "").await.status, StatusCode::OK, "{policy}");
        assert_eq!(
            site.app.seen().header("x-forwarded-proto"),
            Some("http"),
            "the origin is asked by HTTP"
        );
    }
}

#[tokio::test]
async fn a_request_that_is_too_large_is_a_413() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    let long = format!("/{}", "a".repeat(8_200));
    assert_eq!(site.get(&long).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let heavy = Request::get("/")
        .header("x-a", "a".repeat(10_300))
        .header("x-b", "b".repeat(10_300));
    assert_eq!(site.ask(heavy, "").await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn the_distributions_own_page_stands_for_what_the_edge_refuses() {
    let site = Site::new(protocol("https-only").changed(|configuration| {
        let page = ErrorPage {
            path: "/refused.html".to_owned(),
            status: 403,
        };
        let response = ErrorResponse {
            caching_min_ttl: None,
            page: Some(page),
        };
        configuration.error_responses.insert(403, response);
    }))
    .await;
    site.app.has_page("/refused.html", 200, "use https");
    let answer = site.get("/").await;
    assert_eq!(
        (answer.status, answer.text(), answer.x_cache()),
        (StatusCode::FORBIDDEN, "use https", "Error")
    );
}

#[tokio::test]
async fn an_answer_says_where_it_came_through() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.app.says("server", "tests");
    let answer = site.get("/").await;
    assert_eq!(answer.header("via"), "1.1 sandbox.cloudfront.net (CloudFront)");
    assert_eq!(answer.header("x-amz-cf-pop"), "SBX50-C1");
    assert_eq!(answer.header("server"), "tests");
    assert!(answer.header("x-amz-cf-id").ends_with("=="));
}
