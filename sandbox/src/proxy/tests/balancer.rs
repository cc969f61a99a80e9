//! The load balancer as an Application Load Balancer. ELB guide, target-group-health-checks and load-balancer-troubleshooting.

use std::time::Duration;

use ::http::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{BALANCER, DISABLED, GROUP, Site, balance, configuration};
use crate::world::World;
use crate::world::balancing::TargetState;
use crate::world::balancing_rules::{Condition, RuleAction};
use crate::world::network::security_groups::{Permission, Source, cloudfront_prefix_list};

fn set(world: &World, state: TargetState) {
    let mut locked = world.lock();
    let groups = locked.region("us-east-1").balancing.target_groups.values_mut();
    for target in groups.flat_map(|group| group.targets.values_mut()) {
        target.state = state;
    }
}

fn idle_timeout(world: &World, seconds: u32) {
    let mut locked = world.lock();
    let balancers = locked.region("us-east-1").balancing.load_balancers.values_mut();
    balancers.for_each(|balancer| balancer.idle_timeout = seconds);
}

#[tokio::test]
async fn it_says_who_asked_and_how() {
    let site = Site::new(configuration(DISABLED)).await;
    let answer = site
        .ask_balancer(Request::get("/").header("x-forwarded-for", "192.0.2.1"), "")
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    let seen = site.app.seen();
    assert_eq!(seen.header("x-forwarded-for"), Some("192.0.2.1, 127.0.0.1"));
    assert_eq!(
        (seen.header("x-forwarded-proto"), seen.header("x-forwarded-port")),
        (Some("http"), Some("80"))
    );
    assert!(seen.header("x-amzn-trace-id").unwrap().starts_with("Root=1-"));
    assert_eq!(answer.header("set-cookie"), "", "stickiness is off");
}

#[tokio::test]
async fn with_all_targets_unhealthy_it_fails_open() {
    let site = Site::new(configuration(DISABLED)).await;
    set(&site.world, TargetState::Unhealthy);
    assert_eq!(site.ask_balancer(Request::get("/"), "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_draining_target_gets_nothing_new() {
    let site = Site::new(configuration(DISABLED)).await;
    set(&site.world, TargetState::Draining);
    let answer = site.ask_balancer(Request::get("/"), "").await;
    assert_eq!(
        (answer.status, answer.header("server")),
        (StatusCode::SERVICE_UNAVAILABLE, "awselb/2.0")
    );
}

#[tokio::test]
async fn a_draining_target_finishes_what_it_has() {
    let site = Site::new(configuration(DISABLED)).await;
    site.app.waits(Duration::from_millis(300));
    let asking = site.ask_balancer(Request::get("/"), "");
    let draining = async {
        while site.app.count() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        set(&site.world, TargetState::Draining);
    };
    let (answer, ()) = tokio::join!(asking, draining);
    assert_eq!(answer.text(), "answer 1");
}

#[tokio::test]
async fn without_targets_it_is_a_503() {
    let site = Site::new(configuration(DISABLED)).await;
    balance(&site.world, GROUP, &[], "/");
    let answer = site.ask_balancer(Request::get("/"), "").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.text().contains("<h1>503 Service Unavailable</h1>"));
}

#[tokio::test]
async fn a_target_that_does_not_listen_is_a_502() {
    let site = Site::new(configuration(DISABLED)).await;
    balance(&site.world, GROUP, &["i-gone"], "/");
    assert_eq!(
        site.ask_balancer(Request::get("/"), "").await.status,
        StatusCode::BAD_GATEWAY
    );
}

#[tokio::test]
async fn a_target_that_is_silent_for_the_idle_timeout_is_a_504() {
    let site = Site::new(configuration(DISABLED)).await;
    idle_timeout(&site.world, 1);
    site.app.waits(Duration::from_millis(1_600));
    let answer = site.ask_balancer(Request::post("/"), "a").await;
    assert_eq!(
        (answer.status, answer.header("server")),
        (StatusCode::GATEWAY_TIMEOUT, "awselb/2.0")
    );
}

#[tokio::test]
async fn trace_is_a_405_and_more_than_thirty_forwarders_a_463() {
    let site = Site::new(configuration(DISABLED)).await;
    let trace = Request::builder().method("TRACE").uri("/");
    assert_eq!(
        site.ask_balancer(trace, "").await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    let many = Request::get("/").header("x-forwarded-for", ["192.0.2.1"; 31].join(", "));
    assert_eq!(site.ask_balancer(many, "").await.status.as_u16(), 463);
    assert_eq!(site.app.count(), 0);
}

#[tokio::test]
async fn a_line_or_head_that_is_too_long_is_a_414_or_a_400() {
    let site = Site::new(configuration(DISABLED)).await;
    let long = Request::get(format!("/{}", "a".repeat(16 * 1024)));
    assert_eq!(site.ask_balancer(long, "").await.status, StatusCode::URI_TOO_LONG);
    let heavy = Request::get("/").header("x-a", "a".repeat(16 * 1024));
    assert_eq!(site.ask_balancer(heavy, "").await.status, StatusCode::BAD_REQUEST);
}

/// Adds a rule to the listener.
fn rule(site: &Site, priority: u32, conditions: Vec<Condition>, action: RuleAction) {
    let mut state = site.world.lock();
    let balancing = &mut state.region("us-east-1").balancing;
    balancing
        .create_rule("listener", priority, conditions, action, crate::world::Tags::new())
        .unwrap();
}

/// How an origin is locked: who knows the secret gets through, everybody else a 403.
#[tokio::test]
async fn listener_rules_let_through_who_has_the_header_and_answer_the_rest_themselves() {
    let site = Site::new(configuration(DISABLED)).await;
    let secret = Condition::HttpHeader {
        name: "X-Origin-Secret".to_owned(),
        values: vec!["true one".to_owned()],
    };
    let refusal = RuleAction::FixedResponse {
        status: 403,
        content_type: Some("text/plain".to_owned()),
        body: "not here".to_owned(),
    };
    rule(
        &site,
        50_000,
        vec![Condition::PathPattern(vec!["*".to_owned()])],
        refusal,
    );
    rule(&site, 1, vec![secret], RuleAction::forward(GROUP));
    let refused = site.ask_balancer(Request::get("/"), "").await;
    assert_eq!((refused.status, refused.text()), (StatusCode::FORBIDDEN, "not here"));
    let knowing = Request::get("/").header("x-origin-secret", "true one");
    assert_eq!(site.ask_balancer(knowing, "").await.status, StatusCode::OK);
    assert_eq!(site.app.count(), 1);
}

/// `*` in a rule is a wildcard, in a request it is a star; and what is compared without case is so both ways.
#[tokio::test]
async fn a_listener_that_answers_itself_forwards_by_its_rules_alone() {
    let site = Site::new(configuration(DISABLED)).await;
    let refusal = RuleAction::FixedResponse {
        status: 403,
        content_type: Some("text/plain".to_owned()),
        body: "not here".to_owned(),
    };
    let secret = Condition::HttpHeader {
        name: "X-Origin-Secret".to_owned(),
        values: vec!["0001AB".to_owned(), "0002cd".to_owned()],
    };
    {
        let mut state = site.world.lock();
        let balancing = &mut state.region("us-east-1").balancing;
        balancing.set_default_action("listener", refusal).unwrap();
    }
    rule(&site, 10, vec![secret], RuleAction::forward(GROUP));
    for (value, status) in [
        ("", 403),
        ("*", 403),
        ("0001a?", 403),
        ("0001AB ", 200),
        ("0001ab", 200),
        ("0002CD", 200),
        ("0001AB, 0002cd", 403),
    ] {
        let request = Request::get("/").header("x-origin-secret", value);
        assert_eq!(site.ask_balancer(request, "").await.status.as_u16(), status, "{value}");
    }
    assert_eq!(site.ask_balancer(Request::get("/"), "").await.status.as_u16(), 403);
    assert_eq!(site.app.count(), 3);
}

/// The outer wall: VPC guide, security groups; CloudFront guide, restrict-access-to-load-balancer.
#[tokio::test]
async fn a_group_of_cloudfronts_list_lets_the_edge_in_and_nobody_who_comes_by_himself() {
    let site = Site::new(configuration(DISABLED)).await;
    {
        let mut state = site.world.lock();
        let here = state.region("us-east-1");
        here.network.create_default_vpc("us-east-1").unwrap();
        let vpc = here.network.default_vpc().unwrap().id.clone();
        let tags = crate::world::Tags::new();
        let group = here.network.create_security_group(&vpc, "edge-only", "", tags).unwrap();
        let list = Source::PrefixList(cloudfront_prefix_list("us-east-1"));
        let rule = Permission {
            protocol: "tcp".to_owned(),
            from_port: Some(80),
            to_port: Some(80),
            source: list,
            description: None,
        };
        here.network.authorize_ingress(&group, vec![rule]).unwrap();
        let balancer = here.balancing.load_balancers.get_mut("lb").unwrap();
        balancer.security_groups = vec![group];
    }
    let direct = site.ask_balancer(Request::get("/"), "").await;
    assert_eq!((direct.status.as_u16(), site.app.count()), (super::http::DROPPED, 0));
    assert_eq!(site.get("/metrics").await.status, StatusCode::OK);
    assert_eq!(site.app.count(), 1);
    // A group that lets nobody in: CloudFront waits in vain.
    {
        let mut state = site.world.lock();
        for group in state.region("us-east-1").network.security_groups.values_mut() {
            group.ingress.clear();
        }
    }
    assert_eq!(site.get("/other").await.status, StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test]
async fn all_conditions_of_a_rule_must_hold_and_any_of_their_values() {
    let site = Site::new(configuration(DISABLED)).await;
    let refusal = RuleAction::FixedResponse {
        status: 404,
        content_type: None,
        body: String::new(),
    };
    let conditions = vec![
        Condition::RequestMethod(vec!["GET".to_owned(), "HEAD".to_owned()]),
        Condition::PathPattern(vec!["/admin*".to_owned()]),
        Condition::QueryString(vec![(Some("Debug".to_owned()), "*".to_owned())]),
        Condition::HostHeader(vec!["*.ELB.localhost".to_owned()]),
    ];
    rule(&site, 1, conditions, refusal);
    for (request, status) in [
        (Request::get("/admin/a?debug=1"), 404),
        (Request::head("/admin?debug=1"), 404),
        (Request::post("/admin?debug=1"), 200),
        (Request::get("/admin"), 200),
        (Request::get("/ADMIN?debug=1"), 200),
    ] {
        assert_eq!(site.ask_balancer(request, "").await.status.as_u16(), status);
    }
}

#[tokio::test]
async fn a_viewer_who_stops_sending_for_the_idle_timeout_gets_a_408() {
    let site = Site::new(configuration(DISABLED)).await;
    idle_timeout(&site.world, 1);
    let mut connection = tokio::net::TcpStream::connect(site.front).await.unwrap();
    let head = format!("POST / HTTP/1.1\r\nhost: {BALANCER}:4566\r\ncontent-length: 10\r\n\r\nhalf");
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 64];
    let length = connection.read(&mut answer).await.unwrap();
    assert!(
        answer[..length].starts_with(b"HTTP/1.1 408"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[tokio::test]
async fn a_slow_upload_that_goes_on_is_waited_for() {
    let site = Site::new(configuration(DISABLED)).await;
    idle_timeout(&site.world, 2);
    let mut connection = tokio::net::TcpStream::connect(site.front).await.unwrap();
    let head = format!("POST / HTTP/1.1\r\nhost: {BALANCER}:4566\r\ncontent-length: 4\r\n\r\n");
    connection.write_all(head.as_bytes()).await.unwrap();
    for byte in [b"s", b"l", b"o", b"w"] {
        tokio::time::sleep(Duration::from_millis(700)).await;
        connection.write_all(byte).await.unwrap();
    }
    let mut answer = [0; 64];
    let length = connection.read(&mut answer).await.unwrap();
    assert!(
        answer[..length].starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    assert_eq!(&site.app.seen().body[..], b"slow");
}

/// Names everything that proxies add, and more.
const TAKES_ALL: &str = "close, x-forwarded-for, x-forwarded-proto, x-forwarded-port, x-amzn-trace-id, via, x-amz-cf-id, \
                         x-real-ip, host, user-agent, content-length";

#[tokio::test]
async fn a_viewers_connection_header_takes_away_nothing_that_proxies_add() {
    let site = Site::new(configuration(DISABLED)).await;
    let request = || {
        Request::post("/metrics")
            .header("connection", TAKES_ALL)
            .header("content-length", "3")
    };
    site.ask_balancer(request(), "abc").await;
    let seen = site.app.seen();
    for (name, value) in [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("host", "awseb-1.us-east-1.elb.localhost:4566"),
    ] {
        assert_eq!(seen.header(name), Some(value), "{name}");
    }
    assert!(seen.header("x-amzn-trace-id").is_some());
    assert_eq!(&seen.body[..], b"abc");

    site.ask(request(), "abc").await;
    let seen = site.app.seen();
    for name in ["x-forwarded-for", "via", "x-amz-cf-id", "host"] {
        assert!(seen.header(name).is_some(), "{name}");
    }
    assert_eq!(&seen.body[..], b"abc");
}

/// Sends bytes as they are; the status of the answer.
async fn say(site: &Site, bytes: &str) -> String {
    let mut connection = tokio::net::TcpStream::connect(site.front).await.unwrap();
    connection.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = [0; 64];
    let length = connection.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[9..length.min(12)]).into_owned()
}

#[tokio::test]
async fn two_hosts_and_malformed_chunks_are_the_viewers_fault() {
    let site = Site::new(configuration(DISABLED)).await;
    for host in [BALANCER, &*site.domain] {
        let two = format!("GET / HTTP/1.1\r\nhost: {host}\r\nhost: elsewhere.example\r\n\r\n");
        assert_eq!(say(&site, &two).await, "400", "{host}");
        assert_eq!(site.app.count(), 0);
    }
    for host in [BALANCER, &*site.domain] {
        let head = format!("POST / HTTP/1.1\r\nhost: {host}\r\nuser-agent: a\r\ntransfer-encoding: chunked\r\n\r\n");
        assert_eq!(
            say(&site, &format!("{head}3\r\nabc\r\nno length\r\n")).await,
            "400",
            "{host}"
        );
    }
}
