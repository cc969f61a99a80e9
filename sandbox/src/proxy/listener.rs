//! Which rule of a listener a request meets.
//! Must know nothing of targets. Source: ELB guide, listener-rules: host names and headers are compared without case, paths with.

use axum::extract::Request;

use super::glob;
use crate::world::balancing_rules::{Condition, ListenerRule};

/// The first rule all of whose conditions hold; `rules` are in order of priority.
pub(super) fn rule<'a>(rules: &[&'a ListenerRule], request: &Request) -> Option<&'a ListenerRule> {
    rules
        .iter()
        .find(|rule| rule.conditions.iter().all(|condition| holds(condition, request)))
        .copied()
}

fn holds(condition: &Condition, request: &Request) -> bool {
    match condition {
        Condition::HostHeader(patterns) => {
            let host = super::host_of(request);
            patterns.iter().any(|pattern| fits(pattern, &host))
        }
        Condition::PathPattern(patterns) => {
            let path = request.uri().path();
            patterns.iter().any(|pattern| glob::matches(pattern, path))
        }
        Condition::HttpHeader { name, values } => {
            let sent = request.headers().get_all(name.as_str()).iter();
            let mut sent = sent.filter_map(|value| value.to_str().ok());
            sent.any(|value| values.iter().any(|pattern| fits(pattern, value)))
        }
        Condition::RequestMethod(methods) => methods.iter().any(|method| method == request.method().as_str()),
        Condition::QueryString(wanted) => {
            let query = request.uri().query().unwrap_or_default();
            let mut sent = form_urlencoded::parse(query.as_bytes());
            sent.any(|(key, value)| {
                wanted.iter().any(|(wanted_key, wanted)| {
                    wanted_key.as_ref().is_none_or(|wanted| fits(wanted, &key)) && fits(wanted, &value)
                })
            })
        }
    }
}

fn fits(pattern: &str, text: &str) -> bool {
    glob::matches(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase())
}
