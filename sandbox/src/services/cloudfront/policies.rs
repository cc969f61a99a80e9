//! The operations on policies, the same for each kind: its routes, its ETags, its lists.
//! Must know nothing of what a kind rules; its own file turns that into XML and back.

mod cache;
mod origin_request;
mod response_headers;

use std::sync::Arc;

use http::Method;
use winterbaume_cloudfront::wire as w;

use super::{Target, id_in, if_match, with};
use crate::protocols::call::{Answer, Call};
use crate::world::clock::text;
use crate::world::edge_policies::{Draft, Kind, Policy, Selection};
use crate::world::{Refusal, World};

/// The operation that a method and the path behind the API's version name, if it is one on policies.
pub(super) fn route(method: &Method, segments: &[&str]) -> Option<&'static str> {
    let (family, rest) = segments.split_first()?;
    let by_kind = |names: [&'static str; 3]| match *family {
        "cache-policy" | "distributionsByCachePolicyId" => Some(names[0]),
        "origin-request-policy" | "distributionsByOriginRequestPolicyId" => Some(names[1]),
        "response-headers-policy" | "distributionsByResponseHeadersPolicyId" => Some(names[2]),
        _ => None,
    };
    match (method.as_str(), rest) {
        ("GET", [_]) if family.starts_with("distributionsBy") => by_kind([
            "ListDistributionsByCachePolicyId",
            "ListDistributionsByOriginRequestPolicyId",
            "ListDistributionsByResponseHeadersPolicyId",
        ]),
        _ if family.starts_with("distributionsBy") => None,
        ("POST", []) => by_kind([
            "CreateCachePolicy",
            "CreateOriginRequestPolicy",
            "CreateResponseHeadersPolicy",
        ]),
        ("GET", []) => by_kind([
            "ListCachePolicies",
            "ListOriginRequestPolicies",
            "ListResponseHeadersPolicies",
        ]),
        ("GET", [_]) => by_kind(["GetCachePolicy", "GetOriginRequestPolicy", "GetResponseHeadersPolicy"]),
        ("GET", [_, "config"]) => by_kind([
            "GetCachePolicyConfig",
            "GetOriginRequestPolicyConfig",
            "GetResponseHeadersPolicyConfig",
        ]),
        ("PUT", [_]) => by_kind([
            "UpdateCachePolicy",
            "UpdateOriginRequestPolicy",
            "UpdateResponseHeadersPolicy",
        ]),
        ("DELETE", [_]) => by_kind([
            "DeleteCachePolicy",
            "DeleteOriginRequestPolicy",
            "DeleteResponseHeadersPolicy",
        ]),
        _ => None,
    }
}

/// How a kind of policy is written.
pub(super) trait Form: Kind {
    /// Reads a body of a creation or an update.
    fn read(call: &Call) -> Result<Draft<Self>, Refusal>;
    /// A policy, as it is shown after its creation (201) and otherwise (200).
    fn policy(policy: &Policy<Self>, created: bool) -> Answer;
    fn config(policy: &Policy<Self>) -> Answer;
    fn list(page: Vec<&Policy<Self>>, next: Option<String>, most: i32) -> Answer;
}

pub(super) fn create<F: Form>(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let now = world.clock.now();
    let mut state = world.lock();
    let made = F::of_mut(&mut state.edge_policies).create(F::read(call)?, now)?;
    let location = format!("https://cloudfront.amazonaws.com{}/{}", call.uri.path(), made.id);
    let answer = F::policy(&made, true);
    Ok(with(answer, &[("etag", &made.etag), ("location", &location)]))
}

pub(super) fn get<F: Form>(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let state = world.lock();
    let found = F::of(&state.edge_policies).get(id_in(call))?;
    Ok(with(F::policy(found, false), &[("etag", &found.etag)]))
}

pub(super) fn get_config<F: Form>(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let state = world.lock();
    let found = F::of(&state.edge_policies).get(id_in(call))?;
    Ok(with(F::config(found), &[("etag", &found.etag)]))
}

pub(super) fn update<F: Form>(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let now = world.clock.now();
    let mut state = world.lock();
    let policies = F::of_mut(&mut state.edge_policies);
    let changed = policies.update(id_in(call), if_match(call), F::read(call)?, now)?;
    Ok(with(F::policy(&changed, false), &[("etag", &changed.etag)]))
}

pub(super) fn delete<F: Form>(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    world.lock().delete_edge_policy::<F>(id_in(call), if_match(call))?;
    Ok(w::serialize_delete_cache_policy_response().into())
}

pub(super) fn list_distributions<F: Form>(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let target = Target::of_call(call);
    let id = target.label(1);
    let state = world.lock();
    F::of(&state.edge_policies).get(id)?;
    let ids = state.distributions.by_policy(id).map(|one| one.id.clone()).collect();
    Ok(distribution_ids(ids, &target))
}

pub(super) fn list<F: Form>(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let state = world.lock();
    let policies = F::of(&state.edge_policies);
    Ok(page(policies.all(), &Target::of_call(call)))
}

fn page<'a, F: Form + 'a>(all: impl Iterator<Item = &'a Policy<F>>, target: &Target<'_>) -> Answer {
    let most = target.query("MaxItems").parse::<usize>().unwrap_or(100).clamp(1, 100);
    let (kind, marker) = (target.query("Type"), target.query("Marker"));
    let mut wanted = all.filter(|policy| {
        policy.id.as_str() > marker
            && match kind {
                "managed" => policy.managed,
                "custom" => !policy.managed,
                _ => true,
            }
    });
    let page: Vec<&Policy<F>> = wanted.by_ref().take(most).collect();
    let next = page.last().map(|last| last.id.clone());
    let next = wanted.next().and(next);
    F::list(page, next, i32::try_from(most).unwrap_or(100))
}

fn distribution_ids(ids: Vec<String>, target: &Target<'_>) -> Answer {
    let most = target.query("MaxItems").parse::<usize>().unwrap_or(100).clamp(1, 100);
    let marker = target.query("Marker");
    let mut rest = ids.into_iter().filter(|id| id.as_str() > marker);
    let page: Vec<String> = rest.by_ref().take(most).collect();
    let more = rest.next().is_some();
    w::serialize_list_distributions_by_cache_policy_id_response(&w::DistributionIdList {
        is_truncated: Some(more),
        marker: Some(marker.to_owned()),
        max_items: i32::try_from(most).ok(),
        next_marker: page.last().filter(|_| more).cloned(),
        quantity: i32::try_from(page.len()).ok(),
        items: (!page.is_empty()).then(|| page.into()),
    })
    .into()
}

fn kind_of<R>(policy: &Policy<R>) -> Option<String> {
    Some(if policy.managed { "managed" } else { "custom" }.to_owned())
}

fn modified<R>(policy: &Policy<R>) -> Option<String> {
    Some(text(policy.modified))
}

fn quantity(items: usize) -> i32 {
    i32::try_from(items).unwrap_or(i32::MAX)
}

/// Reads a behavior and its list of names. `all`: the behavior that takes everything.
fn selection(parameter: &str, behavior: &str, all: &str, names: Option<Vec<String>>) -> Result<Selection, Refusal> {
    let names = names.unwrap_or_default();
    let needs = |names: Vec<String>| match names.is_empty() {
        true => Err(Refusal::new(
            "InvalidArgument",
            format!("The parameter {parameter} needs a list of names."),
        )),
        false => Ok(names),
    };
    match behavior {
        "none" => Ok(Selection::Nothing),
        "whitelist" => needs(names).map(Selection::Only),
        "allExcept" => needs(names).map(Selection::AllExcept),
        _ if !all.is_empty() && behavior == all => Ok(Selection::All),
        _ => Err(Refusal::new(
            "InvalidArgument",
            format!("The parameter {parameter} is not valid."),
        )),
    }
}

/// The name of a selection's behavior.
fn behavior(selection: &Selection, all: &str) -> String {
    match selection {
        Selection::Nothing => "none",
        Selection::All => all,
        Selection::AllExcept(_) => "allExcept",
        Selection::Only(_) => "whitelist",
    }
    .to_owned()
}

fn header_names(names: &[String]) -> Option<w::Headers> {
    (!names.is_empty()).then(|| w::Headers {
        quantity: quantity(names.len()),
        items: Some(names.to_vec().into()),
    })
}

fn cookie_names(names: &[String]) -> Option<w::CookieNames> {
    (!names.is_empty()).then(|| w::CookieNames {
        quantity: quantity(names.len()),
        items: Some(names.to_vec().into()),
    })
}

fn query_names(names: &[String]) -> Option<w::QueryStringNames> {
    (!names.is_empty()).then(|| w::QueryStringNames {
        quantity: quantity(names.len()),
        items: Some(names.to_vec().into()),
    })
}
