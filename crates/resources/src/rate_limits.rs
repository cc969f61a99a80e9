//! Whether the web ACL lets one machine stand for so many people: a rate-based rule counts by address, and would answer 403 to
//! what real people, each from their own, never see.

use std::time::Duration;

use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::services::waf::Rule;
use crate::engine::{Command, Error, Hint};
use crate::load::REQUESTS_A_PERSON;

/// Who comes within which time, all from one address.
#[derive(Debug, Clone, Copy)]
pub struct Crowd {
    pub people: u32,
    pub within: Duration,
}

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
/// Where the web ACL of this ARN would block the crowd, with the time that would be long enough.
pub async fn admits(aws: &Aws, web_acl: &str, crowd: Crowd) -> Result<(), Error> {
    let answer = aws.waf.get_web_acl_by_arn(web_acl).await;
    let answer = answer.explain("read the web ACL's rate limits")?;
    let rules = answer.web_acl.map(|acl| acl.rules).unwrap_or_default();
    let mut blocking = rules.iter().filter_map(rate_rule);
    match blocking.find(|rule| rule.most(crowd) > rule.limit) {
        None => Ok(()),
        Some(rule) => Err(refusal(&rule, crowd)),
    }
}

fn refusal(rule: &RateRule, crowd: Crowd) -> Error {
    let RateRule {
        name, limit, window, ..
    } = rule;
    let error = Error::refused(format!(
        "the web ACL's rule {name} would block this machine: {limit:.0} requests of one address in {} s are allowed, this run makes {:.0}",
        window.as_secs(),
        rule.most(crowd)
    ));
    error
        .because(
            "people at an event come from many addresses; this run comes from one, and its failures would be nobody's",
        )
        .hint(Hint::run(
            Command::confctl("load --people")
                .arg(crowd.people)
                .arg("--within")
                .arg(format!("{}s", rule.long_enough(crowd))),
        ))
}

impl RateRule {
    fn requests(&self, crowd: Crowd) -> f64 {
        f64::from(crowd.people) * if self.scoped { 1.0 } else { REQUESTS_A_PERSON }
    }

    /// The most requests in one window.
    fn most(&self, crowd: Crowd) -> f64 {
        let share = self.window.as_secs_f64() / crowd.within.as_secs_f64().max(f64::MIN_POSITIVE);
        self.requests(crowd) * share.min(1.0)
    }

    /// Seconds within which so many people stay below the limit, with a fifth to spare for bunches and retries.
    fn long_enough(&self, crowd: Crowd) -> u64 {
        (1.2 * self.requests(crowd) * self.window.as_secs_f64() / self.limit.max(1.0)).ceil() as u64
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

    fn crowd(people: u32, seconds: u64) -> Crowd {
        Crowd {
            people,
            within: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn ten_thousand_people_from_one_address_are_refused_with_the_time_that_would_do() {
        let rule = rate_rule(&rule(json!({"Block": {}}))).unwrap();
        let run = crowd(10_000, 60);
        assert!(rule.most(run) > rule.limit);
        let slower = crowd(10_000, rule.long_enough(run));
        assert!(rule.most(slower) < rule.limit);
        let hint = refusal(&rule, run).hint.unwrap();
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
