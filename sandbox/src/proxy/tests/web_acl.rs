//! The web ACL in front of a distribution. WAF guide, aws-managed-rule-groups-baseline and waf-rule-statement-type-rate-based.

use std::net::Ipv4Addr;

use ::http::{Request, StatusCode};
use serde_json::Map;

use super::{Changed, OPTIMIZED, Site, configuration};
use crate::world::Tags;
use crate::world::distributions::{ErrorPage, ErrorResponse};
use crate::world::web_acls::{
    Action, Definition, Field, Position, Rate, RateKey, Rule, RuleKind, Statement, Transformation,
};

async fn guarded(allows: bool, kinds: Vec<RuleKind>) -> Site {
    let rules = kinds.into_iter().enumerate();
    let rules = rules.map(|(number, kind)| Rule {
        name: format!("rule-{number}"),
        metric: format!("metric-{number}"),
        kind,
    });
    let definition = Definition {
        description: None,
        allows,
        rules: rules.collect(),
        capacity: 0,
        document: Map::new(),
    };
    Site::made(1.0, |world| {
        let acl = world.lock().create_web_acl("site", definition, Tags::new()).unwrap();
        configuration(OPTIMIZED).changed(|configuration| configuration.web_acl_id = acl.arn)
    })
    .await
}

fn common_rules(counts: bool, overrides: &[(&str, Action)]) -> RuleKind {
    RuleKind::Managed {
        group: "AWSManagedRulesCommonRuleSet".to_owned(),
        counts,
        overrides: overrides
            .iter()
            .map(|(name, action)| ((*name).to_owned(), *action))
            .collect(),
        scope: None,
    }
}

fn limit(action: Action, limit: u64, scope: Option<Statement>) -> RuleKind {
    RuleKind::Rate {
        action,
        rate: Rate {
            limit,
            window: 60,
            key: RateKey::Ip,
            scope,
        },
    }
}

fn looks(field: Field, position: Position, search: &str) -> Statement {
    Statement::Bytes {
        field,
        transformations: vec![Transformation::None],
        position,
        search: search.as_bytes().to_vec(),
    }
}

/// reqwest and hyper send no user agent of their own: a probe that relies on them is blocked.
#[tokio::test]
async fn a_request_without_user_agent_is_blocked() {
    let site = guarded(true, vec![common_rules(false, &[])]).await;
    let answer = site.ask(Request::get("/").header("user-agent", ""), "").await;
    assert_eq!((answer.status, answer.x_cache()), (StatusCode::FORBIDDEN, "Error"));
    assert!(answer.text().contains("Request blocked"));
    assert_eq!((site.get("/").await.status, site.app.count()), (StatusCode::OK, 1));
}

#[tokio::test]
async fn a_scanner_is_blocked() {
    let site = guarded(true, vec![common_rules(false, &[])]).await;
    let nmap = Request::get("/").header("user-agent", "Mozilla/5.0 (compatible; Nmap Scripting Engine)");
    assert_eq!(site.ask(nmap, "").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_body_over_eight_kilobytes_is_blocked() {
    let site = guarded(true, vec![common_rules(false, &[])]).await;
    assert_eq!(
        site.ask(Request::post("/"), &"a".repeat(8_192)).await.status,
        StatusCode::OK
    );
    assert_eq!(
        site.ask(Request::post("/"), &"a".repeat(8_193)).await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn a_long_query_path_or_cookie_is_blocked() {
    let site = guarded(true, vec![common_rules(false, &[])]).await;
    let long = |length: usize| "a".repeat(length);
    for (request, status) in [
        (Request::get(format!("/?{}", long(2_048))), 200),
        (Request::get(format!("/?{}", long(2_049))), 403),
        (Request::get(format!("/{}", long(1_023))), 200),
        (Request::get(format!("/{}", long(1_024))), 403),
        (Request::get("/").header("cookie", long(10_240)), 200),
        (Request::get("/").header("cookie", long(10_241)), 403),
    ] {
        assert_eq!(site.ask(request, "").await.status.as_u16(), status);
    }
}

#[tokio::test]
async fn a_rule_that_is_overridden_to_count_lets_pass_and_the_others_still_block() {
    let site = guarded(
        true,
        vec![common_rules(false, &[("SizeRestrictions_BODY", Action::Count)])],
    )
    .await;
    let large = "a".repeat(20_000);
    assert_eq!(site.ask(Request::post("/"), &large).await.status, StatusCode::OK);
    assert_eq!(site.app.seen().body.len(), 20_000);
    let bare = Request::post("/").header("user-agent", "");
    assert_eq!(site.ask(bare, &large).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_group_in_count_lets_everything_pass_and_leaves_samples() {
    let site = guarded(true, vec![common_rules(true, &[])]).await;
    assert_eq!(
        site.ask(Request::get("/page").header("user-agent", ""), "")
            .await
            .status,
        StatusCode::OK
    );
    let state = site.world.lock();
    let arn = state.web_acls.all.values().next().unwrap().arn.clone();
    let now = site.world.clock.now();
    let samples = state
        .web_acls
        .samples
        .between(&arn, "metric-0", now - jiff::SignedDuration::from_mins(1), now);
    assert_eq!(
        (samples.len(), samples[0].action, samples[0].uri.as_str()),
        (1, Action::Count, "/page")
    );
    assert_eq!(samples[0].rule_within_group.as_deref(), Some("NoUserAgent_HEADER"));
}

/// What WAF does with a venue whose visitors share one address.
#[tokio::test]
async fn an_address_over_the_limit_is_blocked_from_the_next_look_until_the_window_forgets_it() {
    let site = guarded(true, vec![limit(Action::Block, 10, None)]).await;
    let hall = Ipv4Addr::new(127, 0, 0, 8);
    // WAF has just looked.
    site.later(11 - site.world.clock.seconds() as u64 % 10);
    for _ in 0..15 {
        let early = site.ask_from(hall, Request::get("/"), "").await;
        assert_eq!(early.status, StatusCode::OK, "a burst passes until WAF looks");
    }
    site.later(11);
    assert_eq!(
        site.ask_from(hall, Request::get("/"), "").await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(site.get("/").await.status, StatusCode::OK, "another address");
    site.later(81);
    assert_eq!(site.ask_from(hall, Request::get("/"), "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_limit_with_a_scope_counts_and_blocks_only_what_is_in_it() {
    let scope = Statement::And(vec![
        looks(Field::Method, Position::Exactly, "POST"),
        looks(Field::UriPath, Position::StartsWith, "/register"),
    ]);
    let site = guarded(true, vec![limit(Action::Block, 10, Some(scope))]).await;
    for _ in 0..15 {
        site.get("/register").await;
        site.ask(Request::post("/other"), "a").await;
    }
    site.later(11);
    assert_eq!(
        site.ask(Request::post("/register"), "a").await.status,
        StatusCode::OK,
        "reading was not counted"
    );
    for _ in 0..15 {
        site.ask(Request::post("/register"), "a").await;
    }
    site.later(11);
    assert_eq!(
        site.ask(Request::post("/register"), "a").await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        site.get("/register").await.status,
        StatusCode::OK,
        "reading is not blocked"
    );
}

#[tokio::test]
async fn a_limit_in_count_blocks_nobody() {
    let site = guarded(true, vec![limit(Action::Count, 10, None)]).await;
    for _ in 0..15 {
        site.get("/").await;
    }
    site.later(11);
    assert_eq!(site.get("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_first_rule_that_decides_counts_and_else_the_default_action() {
    let office = looks(Field::Header("x-office".to_owned()), Position::Exactly, "1");
    let admin = looks(Field::UriPath, Position::StartsWith, "/admin");
    let plain = |action, statement| RuleKind::Plain { action, statement };
    let site = guarded(
        true,
        vec![plain(Action::Allow, office), plain(Action::Block, admin.clone())],
    )
    .await;
    assert_eq!(site.get("/admin").await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        site.ask(Request::get("/admin").header("x-office", "1"), "")
            .await
            .status,
        StatusCode::OK
    );
    let closed = guarded(false, vec![plain(Action::Allow, admin)]).await;
    assert_eq!(closed.get("/").await.status, StatusCode::FORBIDDEN);
    assert_eq!(closed.get("/admin").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_blocked_viewer_gets_the_distributions_own_page() {
    let site = guarded(true, vec![common_rules(false, &[])]).await;
    site.app.has_page("/blocked.html", 200, "sorry");
    site.update(|configuration| {
        let page = ErrorPage {
            path: "/blocked.html".to_owned(),
            status: 403,
        };
        let response = ErrorResponse {
            caching_min_ttl: None,
            page: Some(page),
        };
        configuration.error_responses.insert(403, response);
    });
    site.later(245);
    let answer = site.ask(Request::get("/").header("user-agent", ""), "").await;
    assert_eq!((answer.status, answer.text()), (StatusCode::FORBIDDEN, "sorry"));
}
