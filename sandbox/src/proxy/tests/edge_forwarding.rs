//! What of a viewer's request reaches the origin. CloudFront guide, RequestAndResponseBehaviorCustomOrigin, the table of headers.

use std::net::Ipv4Addr;

use ::http::{Request, StatusCode};

use super::{
    BALANCER, Changed, OPTIMIZED, Site, behavior, cache_policy, configuration, origin, origin_request_policy, under,
    with,
};
use crate::world::distributions::{Caching, Configuration};
use crate::world::edge_policies::{CacheRules, OriginRequestRules, Selection};

/// A site that forwards by a managed origin request policy.
fn forwarding(policy: &str) -> Configuration {
    let world = super::world(1.0, super::Fixed::default());
    let state = world.lock();
    let mut all = state.edge_policies.origin_request.all();
    let id = all.find(|known| known.name == policy).unwrap().id.clone();
    with(behavior(OPTIMIZED).changed(|behavior| {
        if let Caching::Policies {
            origin_request_policy_id,
            ..
        } = &mut behavior.caching
        {
            *origin_request_policy_id = Some(id);
        }
    }))
}

#[tokio::test]
async fn without_a_policy_the_origin_sees_cloudfront_and_not_the_viewers_own() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    let request = Request::post("/register?from=mail")
        .header("cookie", "session=1")
        .header("referer", "https://example.org/")
        .header("accept-language", "de")
        .header("x-edge-secret", "1")
        .header("x-real-ip", "1.2.3.4")
        .header("x-custom", "kept")
        .header("content-type", "application/x-www-form-urlencoded");
    let answer = site.ask(request, "email=a%40example.org").await;
    assert_eq!(answer.status, StatusCode::OK);
    let seen = site.app.seen();
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/register"));
    assert_eq!(&seen.body[..], b"email=a%40example.org");
    assert_eq!(seen.header("user-agent"), Some("Amazon CloudFront"));
    assert_eq!(seen.header("host"), Some(BALANCER));
    assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(seen.header("x-custom"), Some("kept"));
    assert!(seen.header("via").unwrap().contains("cloudfront.net"));
    assert_eq!(seen.header("x-amz-cf-id"), Some(answer.header("x-amz-cf-id")));
    for gone in ["cookie", "referer", "accept-language", "x-edge-secret", "x-real-ip"] {
        assert_eq!(seen.header(gone), None, "{gone} reached the origin");
    }
}

#[tokio::test]
async fn the_last_address_but_one_is_the_viewers() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    let request = Request::get("/").header("x-forwarded-for", "192.0.2.9");
    site.ask_from(Ipv4Addr::new(127, 0, 0, 7), request, "").await;
    let seen = site.app.seen();
    assert_eq!(seen.header("x-forwarded-for"), Some("192.0.2.9, 127.0.0.7, 127.0.0.1"));
    assert_eq!(
        seen.header("x-forwarded-proto"),
        Some("http"),
        "the load balancer's, of an origin by HTTP"
    );
    assert_eq!(seen.header("x-forwarded-port"), Some("80"));
}

#[tokio::test]
async fn all_viewer_forwards_host_cookies_query_and_user_agent() {
    let site = Site::new(forwarding("Managed-AllViewer")).await;
    let request = Request::get("/?a=1&b=2")
        .header("cookie", "session=1")
        .header("referer", "https://example.org/");
    site.ask(request, "").await;
    let seen = site.app.seen();
    assert_eq!(seen.path, "/?a=1&b=2");
    assert_eq!(seen.header("host"), Some(format!("{}:4566", site.domain).as_str()));
    assert_eq!(seen.header("cookie"), Some("session=1"));
    assert_eq!(seen.header("user-agent"), Some("curl/8"));
    assert_eq!(seen.header("referer"), Some("https://example.org/"));
}

#[tokio::test]
async fn all_viewer_except_host_header_keeps_the_origins_own_name() {
    let site = Site::new(forwarding("Managed-AllViewerExceptHostHeader")).await;
    site.ask(Request::get("/").header("cookie", "session=1"), "").await;
    let seen = site.app.seen();
    assert_eq!(
        (seen.header("host"), seen.header("cookie")),
        (Some(BALANCER), Some("session=1"))
    );
}

#[tokio::test]
async fn cloudfronts_own_headers_are_added_where_a_policy_names_them_and_never_the_viewers() {
    let site = Site::new(forwarding("Managed-AllViewerAndCloudFrontHeaders-2022-06")).await;
    let request = || {
        Request::get("/")
            .header("cloudfront-viewer-address", "1.2.3.4:5")
            .header("cloudfront-viewer-country", "XX")
            .header("user-agent", "Mozilla/5.0 (iPhone) Mobile")
    };
    site.ask(request(), "").await;
    let seen = site.app.seen();
    assert!(
        seen.header("cloudfront-viewer-address")
            .unwrap()
            .starts_with("127.0.0.1:")
    );
    assert_eq!(seen.header("cloudfront-forwarded-proto"), Some("http"));
    assert_eq!(seen.header("cloudfront-is-mobile-viewer"), Some("true"));
    assert_eq!(seen.header("cloudfront-is-desktop-viewer"), Some("false"));
    assert_eq!(
        seen.header("cloudfront-viewer-country"),
        None,
        "where a viewer is, is not known here"
    );
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.ask(request(), "").await;
    assert_eq!(site.app.seen().header("cloudfront-viewer-address"), None);
}

#[tokio::test]
async fn a_policy_of_ones_own_forwards_what_it_lists() {
    let site = Site::made(1.0, |world| {
        let rules = OriginRequestRules {
            headers: Selection::Only(vec!["Referer".to_owned()]),
            cloudfront_headers: Vec::new(),
            cookies: Selection::Only(vec!["session".to_owned()]),
            query: Selection::Only(vec!["page".to_owned()]),
        };
        let cache = cache_policy(world, CacheRules::new(0, 0, 0));
        with(under(cache, Some(origin_request_policy(world, rules))))
    })
    .await;
    let request = Request::get("/?page=1&other=2")
        .header("cookie", "session=1; other=2")
        .header("referer", "r");
    site.ask(request.header("accept-language", "de"), "").await;
    let seen = site.app.seen();
    assert_eq!(
        (seen.path.as_str(), seen.header("cookie")),
        ("/?page=1", Some("session=1"))
    );
    assert_eq!(
        (seen.header("referer"), seen.header("accept-language")),
        (Some("r"), None)
    );
}

#[tokio::test]
async fn authorization_goes_with_a_post_and_not_with_a_get_that_others_may_share() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.ask(Request::get("/").header("authorization", "Bearer 1"), "")
        .await;
    assert_eq!(site.app.seen().header("authorization"), None);
    site.ask(Request::post("/").header("authorization", "Bearer 1"), "a")
        .await;
    assert_eq!(site.app.seen().header("authorization"), Some("Bearer 1"));
}

#[tokio::test]
async fn accept_encoding_is_normalized() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    for (path, sent, seen) in [
        ("/1", "gzip, deflate, br, zstd", Some("br,gzip")),
        ("/2", "deflate, gzip;q=0.8", Some("gzip")),
        ("/3", "br;q=0, identity", None),
    ] {
        site.ask(Request::get(path).header("accept-encoding", sent), "").await;
        assert_eq!(site.app.seen().header("accept-encoding"), seen, "{sent}");
    }
}

#[tokio::test]
async fn an_origins_custom_headers_overwrite_the_viewers() {
    let secret = configuration(OPTIMIZED).changed(|configuration| {
        origin(configuration).custom_headers = vec![("X-Origin-Secret".to_owned(), "true one".to_owned())];
    });
    let site = Site::new(secret).await;
    site.ask(Request::post("/").header("x-origin-secret", "guessed"), "a")
        .await;
    assert_eq!(site.app.seen().header("x-origin-secret"), Some("true one"));
}

#[tokio::test]
async fn the_origins_path_goes_before_the_viewers() {
    let site = Site::new(configuration(OPTIMIZED).changed(|it| origin(it).path = "/live".to_owned())).await;
    site.get("/page").await;
    assert_eq!(site.app.seen().path, "/live/page");
}

#[tokio::test]
async fn the_default_root_object_stands_for_the_root_only() {
    let site = Site::new(configuration(OPTIMIZED).changed(|it| it.default_root_object = "index.html".to_owned())).await;
    site.get("/").await;
    assert_eq!(site.app.seen().path, "/index.html");
    site.get("/below/").await;
    assert_eq!(site.app.seen().path, "/below/");
}
