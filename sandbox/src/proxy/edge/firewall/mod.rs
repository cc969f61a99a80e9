//! A web ACL at work: which rule decides over a request.
//! Must know nothing of caching. Of AWS's managed groups only the rules that forms and probes run into are looked for; the
//! others look for attacks and bad addresses.

mod managed;
mod matching;
mod rates;

use axum::extract::Request;
use http::request::Parts;

use super::exchange::{Exchange, Firewall};
use crate::world::World;
use crate::world::web_acls::{Action, Rule, RuleKind, Sample};
pub(super) use rates::Rates;

/// Headers of a sample are cut after so many.
const MOST_HEADERS: usize = 30;

/// A request that a rule blocks.
pub(super) struct Blocked;

/// What a rule makes of a request.
struct Verdict {
    action: Action,
    within_group: Option<&'static str>,
}

/// Lets the request through or blocks it: the first rule that allows or blocks decides, else the default action.
///
/// # Errors
/// [`Blocked`] if a rule or the default action blocks it.
pub(super) async fn inspect(
    rates: &Rates,
    world: &World,
    exchange: &Exchange,
    request: Request,
) -> Result<Request, Blocked> {
    let Some(firewall) = &exchange.firewall else {
        return Ok(request);
    };
    let (parts, mut body) = request.into_parts();
    let mut allows = firewall.definition.allows;
    for rule in &firewall.definition.rules {
        let verdicts = match &rule.kind {
            RuleKind::Managed {
                group,
                counts,
                overrides,
                scope,
            } => {
                if scope.as_ref().is_none_or(|scope| matching::matches(scope, &parts)) {
                    let hit = managed::hits(group, &parts, &mut body).await;
                    judge(hit, *counts, overrides)
                } else {
                    Vec::new()
                }
            }
            RuleKind::Rate { action, rate } => {
                let in_scope = rate.scope.as_ref().is_none_or(|scope| matching::matches(scope, &parts));
                let key = rates::key(&rate.key, exchange.viewer.ip(), &parts.headers).filter(|_| in_scope);
                let now = world.clock.seconds();
                let over = key.is_some_and(|key| key.exceeds(rates, &firewall.arn, &rule.name, rate, now));
                own(over, *action)
            }
            RuleKind::Plain { action, statement } => own(matching::matches(statement, &parts), *action),
        };
        for verdict in &verdicts {
            sample(world, firewall, rule, exchange, &parts, verdict);
        }
        let decides = verdicts.iter().find(|verdict| verdict.action != Action::Count);
        if let Some(verdict) = decides {
            allows = verdict.action == Action::Allow;
            break;
        }
    }
    if allows {
        Ok(Request::from_parts(parts, body))
    } else {
        Err(Blocked)
    }
}

fn own(matches: bool, action: Action) -> Vec<Verdict> {
    let verdict = Verdict {
        action,
        within_group: None,
    };
    matches.then_some(verdict).into_iter().collect()
}

/// A group's rules block where nothing is overridden.
fn judge(hit: Vec<&'static str>, counts: bool, overrides: &[(String, Action)]) -> Vec<Verdict> {
    let verdict = |name: &'static str| {
        let overridden = overrides.iter().find(|(one, _)| one == name);
        let action = overridden.map_or(Action::Block, |(_, action)| *action);
        Verdict {
            action: if counts { Action::Count } else { action },
            within_group: Some(name),
        }
    };
    hit.into_iter().map(verdict).collect()
}

fn sample(world: &World, firewall: &Firewall, rule: &Rule, exchange: &Exchange, parts: &Parts, verdict: &Verdict) {
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let sample = Sample {
        when: world.clock.now(),
        action: verdict.action,
        rule_within_group: verdict.within_group.map(str::to_owned),
        client: exchange.viewer.ip().to_string(),
        method: parts.method.to_string(),
        uri: parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        headers: parts.headers.iter().take(MOST_HEADERS).map(header).collect(),
    };
    world.lock().web_acls.samples.add(&firewall.arn, &rule.metric, sample);
}
