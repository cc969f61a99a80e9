//! An application load balancer, and nginx of a single instance: which target gets a request, and what is said to it.
//! Must know nothing of caching.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::forward::{Failed, append_forwarded_for, names_two_hosts};
use super::{Carriage, NGINX, listener, pages};
use crate::world::balancing::{Balancing, Listener, TargetGroup, TargetState};
use crate::world::balancing_access::Peer;
use crate::world::balancing_rules::RuleAction;
use crate::world::{World, ids};

/// nginx's `proxy_read_timeout`.
const NGINX_LIMIT: Duration = Duration::from_secs(60);

/// Bytes of a request line or a header, and of all of a request's head.
const LONGEST_LINE: usize = 16 * 1024;
const LONGEST_HEAD: usize = 64 * 1024;

/// Addresses that `X-Forwarded-For` may bring.
const MOST_FORWARDERS: usize = 30;

/// Whose turn it is, by listener and by target group.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<String, usize>>);

impl Turns {
    fn next(&self, target_group: &str, among: usize) -> usize {
        let mut turns = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let turn = turns.entry(target_group.to_owned()).or_default();
        *turn = turn.wrapping_add(1);
        *turn % among.max(1)
    }
}

/// What the load balancer decided before it connects.
enum Choice {
    Forward {
        target_group: String,
        /// Instances and ports.
        candidates: Vec<(String, u16)>,
        port: u16,
        idle: Duration,
    },
    Answer(Response),
}

/// Passes a request to a target of the load balancer's HTTP listener.
pub(super) async fn balance(
    carriage: &Carriage,
    world: &Arc<World>,
    region: &str,
    arn: &str,
    viewer: IpAddr,
    mut request: Request,
) -> Response {
    if let Some(status) = refused(&request) {
        note(world, arn, status, Instant::now());
        return pages::balancer(status);
    }
    let Some(choice) = choose(&carriage.turns, world, region, arn, &request) else {
        // On AWS the name does not resolve yet, or nothing accepts the connection.
        let text = "The load balancer is not active, or has no HTTP listener.";
        return pages::plain(StatusCode::SERVICE_UNAVAILABLE, text);
    };
    let (target_group, candidates, port, idle) = match choice {
        Choice::Answer(answer) => {
            note(world, arn, answer.status(), Instant::now());
            return answer;
        }
        Choice::Forward {
            target_group,
            candidates,
            port,
            idle,
        } => (target_group, candidates, port, idle),
    };
    if candidates.is_empty() {
        return pages::balancer(StatusCode::SERVICE_UNAVAILABLE);
    }
    let turn = carriage.turns.next(&target_group, candidates.len());
    let (instance_id, instance_port) = &candidates[turn];
    let Some(address) = super::listening(world, instance_id, *instance_port) else {
        return pages::balancer(StatusCode::BAD_GATEWAY);
    };
    tell(request.headers_mut(), viewer, port);
    let began = Instant::now();
    match carriage.client.send(address, request, idle).await {
        Ok(answer) => {
            note(world, instance_id, answer.status(), began);
            answer
        }
        Err(Failed::TimedOut(_)) => pages::balancer(StatusCode::GATEWAY_TIMEOUT),
        Err(Failed::Stalled(_)) => pages::balancer(StatusCode::REQUEST_TIMEOUT),
        Err(Failed::Malformed) => pages::balancer(StatusCode::BAD_REQUEST),
        Err(Failed::Connection(_)) => pages::balancer(StatusCode::BAD_GATEWAY),
    }
}

fn note(world: &World, who: &str, status: StatusCode, began: Instant) {
    let now = world.clock.now();
    world.traffic().note(who, now, status.as_u16(), began.elapsed());
}

/// What an application load balancer answers itself, whatever its targets (ELB guide, load-balancer-troubleshooting).
fn refused(request: &Request) -> Option<StatusCode> {
    let headers = request.headers();
    let url = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    let sizes: Vec<usize> = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .collect();
    let forwarded = headers.get_all("x-forwarded-for").iter();
    let addresses = forwarded.map(|list| list.as_bytes().split(|byte| *byte == b',').count());
    if request.method() == Method::TRACE {
        Some(StatusCode::METHOD_NOT_ALLOWED)
    } else if url > LONGEST_LINE {
        Some(StatusCode::URI_TOO_LONG)
    } else if names_two_hosts(headers)
        || sizes.iter().any(|size| *size > LONGEST_LINE)
        || sizes.iter().sum::<usize>() > LONGEST_HEAD
    {
        Some(StatusCode::BAD_REQUEST)
    } else if addresses.sum::<usize>() > MOST_FORWARDERS {
        StatusCode::from_u16(463).ok()
    } else {
        None
    }
}

/// Whether the load balancer's security groups let somebody from there in.
pub(super) fn lets_in(world: &World, region: &str, arn: &str, peer: Peer) -> bool {
    let mut state = world.lock();
    let here = state.region(region);
    let balancer = here.balancing.load_balancers.get(arn);
    // Of one that listens at nothing nobody hears anything anyway; that is said in words.
    let port = listener_of(&here.balancing, arn).map_or(80, |listener| listener.port);
    balancer.is_none_or(|balancer| here.lets_in(balancer, port, peer))
}

/// The sandbox has one port for all; a second HTTP listener cannot be reached.
fn listener_of<'a>(balancing: &'a Balancing, arn: &str) -> Option<&'a Listener> {
    let listeners = balancing.listeners.values();
    let own = listeners.filter(|listener| listener.load_balancer_arn == arn && listener.protocol == "HTTP");
    own.min_by_key(|listener| (listener.port != 80, listener.port))
}

fn choose(turns: &Turns, world: &World, region: &str, arn: &str, request: &Request) -> Option<Choice> {
    let mut state = world.lock();
    let balancing = &state.region(region).balancing;
    let balancer = balancing
        .load_balancers
        .get(arn)
        .filter(|balancer| balancer.state == "active")?;
    let listener = listener_of(balancing, arn)?;
    let rule = listener::rule(&balancing.rules_of(&listener.arn), request);
    let target_group = match rule.map_or(&listener.default_action, |rule| &rule.action) {
        RuleAction::FixedResponse {
            status,
            content_type,
            body,
        } => return Some(Choice::Answer(pages::fixed(*status, content_type.as_deref(), body))),
        RuleAction::Forward(target_group) if rule.is_some() => target_group,
        RuleAction::Forward(own) => listener.elsewhere(turns.next(&listener.arn, 100)).unwrap_or(own),
    };
    let group = balancing.target_groups.get(target_group);
    Some(Choice::Forward {
        target_group: target_group.to_owned(),
        candidates: group.map(candidates).unwrap_or_default(),
        port: listener.port,
        idle: Duration::from_secs(u64::from(balancer.idle_timeout.max(1))),
    })
}

/// The healthy targets; with none of them, all that are not draining: a load balancer fails open (ELB guide, target group health).
fn candidates(group: &TargetGroup) -> Vec<(String, u16)> {
    let of = |wanted: &dyn Fn(TargetState) -> bool| -> Vec<(String, u16)> {
        let targets = group.targets.values().filter(|target| wanted(target.state));
        targets
            .map(|target| (target.instance_id.clone(), target.port))
            .collect()
    };
    let healthy = of(&|state| state == TargetState::Healthy);
    if healthy.is_empty() {
        of(&|state| state != TargetState::Draining)
    } else {
        healthy
    }
}

/// The headers that a load balancer adds.
fn tell(headers: &mut HeaderMap, viewer: IpAddr, port: u16) {
    append_forwarded_for(headers, viewer);
    headers.insert(
        HeaderName::from_static("x-forwarded-proto"),
        HeaderValue::from_static("http"),
    );
    headers.insert(HeaderName::from_static("x-forwarded-port"), HeaderValue::from(port));
    let trace = HeaderName::from_static("x-amzn-trace-id");
    if !headers.contains_key(&trace) {
        let random = ids::uuid().replace('-', "");
        let root = format!("Root=1-{}-{}", &random[..8], &random[8..]);
        if let Ok(value) = HeaderValue::from_str(&root) {
            headers.insert(trace, value);
        }
    }
}

/// Passes a request to a single instance, as its nginx does.
pub(super) async fn to_instance(
    carriage: &Carriage,
    world: &Arc<World>,
    instance_id: &str,
    viewer: IpAddr,
    mut request: Request,
) -> Response {
    if names_two_hosts(request.headers()) {
        return pages::nginx(StatusCode::BAD_REQUEST);
    }
    let Some(address) = super::listening(world, instance_id, NGINX) else {
        return pages::nginx(StatusCode::BAD_GATEWAY);
    };
    append_forwarded_for(request.headers_mut(), viewer);
    if let Ok(value) = HeaderValue::from_str(&viewer.to_string()) {
        request
            .headers_mut()
            .insert(HeaderName::from_static("x-real-ip"), value);
    }
    let began = Instant::now();
    match carriage.client.send(address, request, NGINX_LIMIT).await {
        Ok(answer) => {
            note(world, instance_id, answer.status(), began);
            answer
        }
        Err(Failed::TimedOut(_)) => pages::nginx(StatusCode::GATEWAY_TIMEOUT),
        Err(Failed::Stalled(_)) => pages::nginx(StatusCode::REQUEST_TIMEOUT),
        Err(Failed::Malformed) => pages::nginx(StatusCode::BAD_REQUEST),
        Err(Failed::Connection(_)) => pages::nginx(StatusCode::BAD_GATEWAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::balancing::{HealthCheck, Target};

    fn group(states: &[TargetState]) -> TargetGroup {
        let targets = states.iter().enumerate().map(|(number, state)| {
            let id = format!("i-{number}");
            let mut target = Target::new(&id, 80);
            target.state = *state;
            (id, target)
        });
        TargetGroup {
            arn: "arn".to_owned(),
            name: "group".to_owned(),
            port: 80,
            protocol: "HTTP".to_owned(),
            vpc_id: "vpc-1".to_owned(),
            check: HealthCheck {
                port: None,
                path: "/".to_owned(),
                interval: 15,
                timeout: 5,
                healthy_threshold: 3,
                unhealthy_threshold: 5,
                matcher: "200".to_owned(),
            },
            deregistration_delay: 20,
            targets: targets.collect(),
            tags: crate::world::Tags::new(),
        }
    }

    #[test]
    fn only_healthy_targets_get_requests_while_there_are_any() {
        use TargetState::{Draining, Healthy, Initial, Unhealthy};
        let chosen = |states: &[TargetState]| -> Vec<String> {
            let candidates = candidates(&group(states)).into_iter();
            candidates.map(|(instance_id, _)| instance_id).collect()
        };
        assert_eq!(
            chosen(&[Healthy, Unhealthy, Draining, Initial, Healthy]),
            ["i-0", "i-4"]
        );
        assert_eq!(chosen(&[Unhealthy, Draining, Initial]), ["i-0", "i-2"]);
        assert!(chosen(&[Draining]).is_empty());
    }
}
