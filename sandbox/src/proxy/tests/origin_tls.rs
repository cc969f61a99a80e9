//! An origin that is come to by HTTPS: whose certificate will do, and what is said where none does.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ::http::Request;
use ::http::StatusCode;

use super::{
    BALANCER, Caching, Changed, DISABLED, ErrorResponse, Site, behavior, certificate, configuration, http,
    listen_by_https, origin,
};
use crate::world::distributions::Configuration;

const NAME: &str = "events.example.org";
const POLICY: &str = "ELBSecurityPolicy-TLS13-1-2-2021-06";

/// By HTTPS only, and under the host that visitors ask for; an error about it is not kept.
fn by_https(arn: &str) -> Configuration {
    let under_its_host = behavior(super::OPTIMIZED).changed(|behavior| {
        if let Caching::Policies {
            origin_request_policy_id,
            ..
        } = &mut behavior.caching
        {
            // Managed-HostHeaderOnly.
            *origin_request_policy_id = Some("bf0718e1-ba1e-49d1-88b1-f726733018ae".to_owned());
        }
    });
    configuration(DISABLED).changed(|it| {
        it.default_behavior = Arc::new(under_its_host);
        it.aliases = vec![NAME.to_owned()];
        it.certificate_arn = arn.to_owned();
        it.minimum_protocol = "TLSv1.2_2021".to_owned();
        let unkept = ErrorResponse {
            caching_min_ttl: Some(0),
            page: None,
        };
        it.error_responses.insert(502, unkept);
        origin(it).protocol_policy = "https-only".to_owned();
    })
}

async fn site() -> (Site, String) {
    let mut arn = String::new();
    let site = Site::with(|world| {
        arn = certificate(world, "us-east-1", NAME);
        listen_by_https(world, &arn, POLICY);
        by_https(&arn)
    })
    .await;
    (site, arn)
}

async fn ask(site: &Site, host: &str, path: &str) -> super::Answer {
    let request = Request::get(path)
        .header("host", format!("{host}:4566"))
        .header("user-agent", "curl/8");
    http::ask(site.front, Ipv4Addr::LOCALHOST, request, "").await
}

#[tokio::test]
async fn a_load_balancer_with_a_certificate_for_the_host_that_is_forwarded_is_come_to_by_https() {
    let (site, _) = site().await;
    assert_eq!(ask(&site, NAME, "/").await.status, StatusCode::OK);
    let seen = site.app.seen();
    assert_eq!(seen.header("host"), Some("events.example.org:4566"));
    assert_eq!(seen.header("x-forwarded-proto"), Some("https"));
    assert_eq!(seen.header("x-forwarded-port"), Some("443"));
}

#[tokio::test]
async fn by_a_host_that_the_certificate_is_not_for_there_is_a_502_and_nobody_else_gets_it() {
    let (site, _) = site().await;
    let refused = ask(&site, &site.domain, "/a").await;
    assert_eq!((refused.status, refused.x_cache()), (StatusCode::BAD_GATEWAY, "Error"));
    assert!(
        refused.text().contains("its certificate is for events.example.org"),
        "{}",
        refused.text()
    );
    // The host is not in the key, and the error is not kept.
    assert_eq!(ask(&site, NAME, "/a").await.status, StatusCode::OK);
    site.update(|it| it.error_responses.clear());
    site.later(600);
    assert_eq!(ask(&site, &site.domain, "/b").await.status, StatusCode::BAD_GATEWAY);
    assert_eq!(
        ask(&site, NAME, "/b").await.status,
        StatusCode::BAD_GATEWAY,
        "what it is for"
    );
}

#[tokio::test]
async fn where_nobody_listens_by_https_or_no_version_is_spoken_by_both_there_is_a_502() {
    let (site, arn) = site().await;
    listen_by_https(&site.world, &arn, "ELBSecurityPolicy-TLS13-1-3-2021-06");
    let answer = ask(&site, NAME, "/a").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(answer.text().contains("TLS13-1-3"), "{}", answer.text());
    site.world.lock().region("us-east-1").balancing.listeners.clear();
    assert_eq!(ask(&site, NAME, "/b").await.status, StatusCode::BAD_GATEWAY);
    assert_eq!(site.app.count(), 0);
}

#[tokio::test]
async fn a_load_balancer_that_listens_by_https_alone_answers_nobody_in_clear() {
    let (site, _) = site().await;
    let answer = site.ask_balancer(Request::get("/"), "").await;
    assert_eq!(
        answer.status.as_u16(),
        http::DROPPED,
        "nobody listens at {BALANCER} in clear"
    );
}
