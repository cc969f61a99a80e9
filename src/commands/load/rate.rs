//! Whether the web ACL lets one machine stand for so many people: a rate-based rule counts by address, and would answer 403 to
//! what real people, each from their own, never see.

use std::time::Duration;

use super::super::session::{Look, Session};
use super::super::up::values;
use crate::aws::errors::Explain;
use crate::aws::services::waf::Rule;
use crate::cli::LoadArgs;
use crate::engine::{Command, Error, Hint};
use crate::resources::outputs::WEB_ACL;

/// A page, three assets and a POST.
pub(super) const REQUESTS_A_PERSON: f64 = 5.0;

/// A rule that blocks an address for its rate.
#[derive(Debug, Clone, PartialEq)]
struct RateRule {
    name: String,
    /// Requests within the window.
    limit: f64,
    window: Duration,
    /// Counts some requests only: taken to be the registrations.
    scoped: bool,
}

/// # Errors
/// Where the effective web ACL would block this run, with the time that would be long enough.
pub(super) async fn admits(session: &Session, look: &Look, args: &LoadArgs) -> Result<(), Error> {
    let Some(arn) = values(session, look).get(&WEB_ACL) else {
        return Ok(());
    };
    let answer = session.read.waf.get_web_acl_by_arn(&arn).await;
    let answer = answer.explain("read the web ACL's rate limits")?;
    let rules = answer.web_acl.map(|acl| acl.rules).unwrap_or_default();
    let mut blocking = rules.iter().filter_map(rate_rule);
    match blocking.find(|rule| rule.most(args) > rule.limit) {
        None => Ok(()),
        Some(rule) => Err(refusal(&rule, args)),
    }
}

fn refusal(rule: &RateRule, args: &LoadArgs) -> Error {
    let RateRule {
        name, limit, window, ..
    } = rule;
    let error = Error::refused(format!(
        "the web ACL's rule {name} would block this machine: {limit:.0} requests of one address in {} s are allowed, this run makes {:.0}",
        window.as_secs(),
        rule.most(args)
    ));
    error
        .because(
            "people at an event come from many addresses; this run comes from one, and its failures would be nobody's",
        )
        .hint(Hint::run(
            Command::confctl("load --people")
                .arg(args.people)
                .arg("--within")
                .arg(format!("{}s", rule.long_enough(args))),
        ))
}

impl RateRule {
    fn requests(&self, args: &LoadArgs) -> f64 {
        f64::from(args.people) * if self.scoped { 1.0 } else { REQUESTS_A_PERSON }
    }

    /// The most requests in one window.
    fn most(&self, args: &LoadArgs) -> f64 {
        let share = self.window.as_secs_f64() / args.within.as_secs_f64().max(f64::MIN_POSITIVE);
        self.requests(args) * share.min(1.0)
    }

    /// Seconds within which so many people stay below the limit, with a fifth to spare for bunches and retries.
    fn long_enough(&self, args: &LoadArgs) -> u64 {
        (1.2 * self.requests(args) * self.window.as_secs_f64() / self.limit.max(1.0)).ceil() as u64
    }
}

fn rate_rule(rule: &Rule) -> Option<RateRule> {
    let statement = rule.statement.rate_based_statement.as_ref()?;
    // Count lets through.
    let stops = rule
        .action
        .as_ref()
        .is_some_and(|action| action.count.is_none() && action.allow.is_none());
    stops.then(|| RateRule {
        name: rule.name.clone(),
        limit: statement.limit as f64,
        // 300 is what holds where none is given (RateBasedStatement).
        window: Duration::from_secs(
            statement
                .evaluation_window_sec
                .filter(|seconds| *seconds > 0)
                .unwrap_or(300),
        ),
        scoped: statement.scope_down_statement.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A rate-based rule as GetWebACL gives it.
    fn rule(action: Value) -> Rule {
        let rule = json!({
            "Name": "rate",
            "Priority": 0,
            "Statement": {"RateBasedStatement": {"Limit": 2000, "AggregateKeyType": "IP"}},
            "Action": action,
            "VisibilityConfig": {"SampledRequestsEnabled": true, "CloudWatchMetricsEnabled": true, "MetricName": "rate"},
        });
        serde_json::from_value(rule).unwrap()
    }

    fn args(people: u32, seconds: u64) -> LoadArgs {
        LoadArgs {
            people,
            within: Duration::from_secs(seconds),
            think: Duration::ZERO,
            keep: false,
            clean: false,
            into_live_table: false,
            max_failed: 1.0,
            from_region: None,
            report: None,
        }
    }

    #[test]
    fn ten_thousand_people_from_one_address_are_refused_with_the_time_that_would_do() {
        let rule = rate_rule(&rule(json!({"Block": {}}))).unwrap();
        let run = args(10_000, 60);
        assert!(rule.most(&run) > rule.limit);
        let slower = args(10_000, rule.long_enough(&run));
        assert!(rule.most(&slower) < rule.limit);
        let hint = refusal(&rule, &run).hint.unwrap();
        assert!(
            hint.shown(|commands| commands[0].words.join(" "))
                .contains("--within 9000s")
        );
    }

    #[test]
    fn a_rule_that_only_counts_stops_nobody() {
        assert_eq!(rate_rule(&rule(json!({"Count": {}}))), None);
    }
}
