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
use super::{Carriage, NGINX, Unreachable, Way, listener, pages};
use crate::world::balancing::{Balancing, Listener, TargetGroup, TargetState};
use crate::world::balancing_access::Peer;
use crate::world::balancing_rules::RuleAction;
use crate::world::distributions::Origin;
use crate::world::monitoring::requests;
use crate::world::{World, ids};

/// nginx's `proxy_read_timeout`.
const NGINX_LIMIT: Duration = Duration::from_secs(60);

/// Bytes of a request line or a header, and of all of a request's head.
const LONGEST_LINE: usize = 16 * 1024;
const LONGEST_HEAD: usize = 64 * 1024;

/// Addresses that `X-Forwarded-For` may bring.
const MOST_FORWARDERS: usize = 30;

/// Whose turn it is, by listener or rule, and by target group.
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

/// Passes a request to a target of the load balancer's listener.
pub(super) async fn balance(
    carriage: &Carriage,
    world: &Arc<World>,
    (region, arn): (&str, &str),
    listener: Option<Listener>,
    viewer: IpAddr,
    mut request: Request,
) -> Response {
    if let Some(status) = refused(&request) {
        note(world, arn, status, Instant::now());
        return pages::balancer(status);
    }
    let choice = listener.and_then(|listener| choose(&carriage.turns, world, region, &listener, &request));
    let Some(choice) = choice else {
        // On AWS the name does not resolve yet.
        let text = "The load balancer is not active.";
        return pages::plain(StatusCode::SERVICE_UNAVAILABLE, text);
    };
    let by_tls = choice.1;
    let (target_group, candidates, port, idle) = match choice.0 {
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
    let counted = |status: Option<StatusCode>| {
        let status = status.map(|status| status.as_u16());
        requests::count(world, region, (arn, &target_group), status);
    };
    let Some(address) = super::listening(world, instance_id, *instance_port) else {
        counted(None);
        return pages::balancer(StatusCode::BAD_GATEWAY);
    };
    tell(request.headers_mut(), viewer, port, by_tls);
    let began = Instant::now();
    let answered = carriage.client.send(address, request, idle).await;
    counted(answered.as_ref().ok().map(Response::status));
    match answered {
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

/// The listener that somebody from there comes to; `None` of a load balancer that is not there yet, or no longer.
///
/// # Errors
/// Where its security groups do not let him in, or nobody listens.
pub(super) fn way_in(
    world: &World,
    region: &str,
    arn: &str,
    peer: Peer,
    way: Way,
) -> Result<Option<Listener>, Unreachable> {
    let mut state = world.lock();
    let here = state.region(region);
    let Some(balancer) = here.balancing.load_balancers.get(arn) else {
        return Ok(None);
    };
    let listener = listener_of(&here.balancing, arn, way);
    let usual = if way.by_tls { 443 } else { 80 };
    let port = listener.map_or(way.port.unwrap_or(usual), |listener| listener.port);
    if !here.lets_in(balancer, port, peer) {
        return Err(Unreachable::Dropped);
    }
    match (balancer.state.as_str(), listener) {
        ("active", None) => Err(Unreachable::Refused),
        ("active", listener) => Ok(listener.cloned()),
        _ => Ok(None),
    }
}

/// Of those at any port the usual one's before others.
fn listener_of<'a>(balancing: &'a Balancing, arn: &str, way: Way) -> Option<&'a Listener> {
    let (protocol, usual) = if way.by_tls { ("HTTPS", 443) } else { ("HTTP", 80) };
    let own = balancing.listeners.values().filter(|listener| {
        let is_there = way.port.is_none_or(|port| listener.port == port);
        listener.load_balancer_arn == arn && listener.protocol == protocol && is_there
    });
    own.min_by_key(|listener| (listener.port != usual, listener.port))
}

/// Why CloudFront does not come to terms with a listener: its certificate is to be for the origin's name or for the host that is asked
/// for, and a version of TLS has to be spoken by both (CloudFront guide, http-502-bad-gateway). Between the two nothing is encrypted here:
/// whether it could be is looked at.
pub(super) fn misfit(world: &World, region: &str, listener: &Listener, origin: &Origin, host: &str) -> Option<String> {
    let state = world.lock();
    let tls = listener.tls.as_ref()?;
    let Some(certificate) = state.listener_certificate(region, tls) else {
        return Some("its certificate is gone".to_owned());
    };
    if ![host, &origin.domain_name].iter().any(|name| certificate.covers(name)) {
        return Some(format!(
            "its certificate is for {}, and not for {host}",
            certificate.names.join(", ")
        ));
    }
    // Of what is older than TLS 1.2 the sandbox has nothing; that 1.3 is spoken, too, is not documented.
    let both = tls.versions().0 && origin.ssl_protocols.iter().any(|version| version == "TLSv1.2");
    (!both).then(|| {
        format!(
            "it speaks by {}, CloudFront {}",
            tls.policy,
            origin.ssl_protocols.join(", ")
        )
    })
}

fn choose(
    turns: &Turns,
    world: &World,
    region: &str,
    listener: &Listener,
    request: &Request,
) -> Option<(Choice, bool)> {
    let mut state = world.lock();
    let balancing = &state.region(region).balancing;
    let balancer = balancing.load_balancers.get(&listener.load_balancer_arn)?;
    let by_tls = listener.tls.is_some();
    let rule = listener::rule(&balancing.rules_of(&listener.arn), request);
    let target_group = match rule.map_or(&listener.default_action, |rule| &rule.action) {
        RuleAction::FixedResponse {
            status,
            content_type,
            body,
        } => {
            let answer = pages::fixed(*status, content_type.as_deref(), body);
            return Some((Choice::Answer(answer), by_tls));
        }
        action @ RuleAction::Forward(_) => {
            let of = rule.map_or(&listener.arn, |rule| &rule.arn);
            action.chosen(turns.next(of, action.weight())).unwrap_or_default()
        }
    };
    let group = balancing.target_groups.get(target_group);
    let forward = Choice::Forward {
        target_group: target_group.to_owned(),
        candidates: group.map(candidates).unwrap_or_default(),
        port: listener.port,
        idle: Duration::from_secs(u64::from(balancer.idle_timeout.max(1))),
    };
    Some((forward, by_tls))
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
fn tell(headers: &mut HeaderMap, viewer: IpAddr, port: u16, by_tls: bool) {
    append_forwarded_for(headers, viewer);
    headers.insert(
        HeaderName::from_static("x-forwarded-proto"),
        HeaderValue::from_static(if by_tls { "https" } else { "http" }),
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
