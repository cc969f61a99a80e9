//! `/_sandbox/…`: what the sandbox says of itself to whoever holds its token.
//! Beside it, what only others could do. Must offer nothing that AWS's own APIs offer.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use serde_json::json;

use super::Gateway;
use super::faults::Fault;
use super::signature::same;
use crate::protocols::call::header;

/// The paths begin with this.
pub(crate) const PREFIX: &str = "/_sandbox/";

/// Bytes of a policy or a fault.
const LARGEST: usize = 1 << 20;

pub(crate) async fn serve(gateway: &Arc<Gateway>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let token = header(&parts.headers, "x-sandbox-token").unwrap_or_default();
    if !same(token.as_bytes(), gateway.info.token.as_bytes()) {
        return (
            StatusCode::FORBIDDEN,
            "x-sandbox-token is not the one in sandbox.json\n",
        )
            .into_response();
    }
    let body = match gateway.bodies.read(body, LARGEST).await {
        Ok(body) => body,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    let (parts, body) = (&parts, &body.bytes[..]);
    match parts.uri.path().strip_prefix(PREFIX) {
        Some("inventory") => axum::Json(gateway.world.inventory().await).into_response(),
        Some("status") => status(gateway).await,
        Some("life-cycles") => {
            let state = gateway.world.lock();
            axum::Json(json!(state.life_cycles.iter().collect::<Vec<_>>())).into_response()
        }
        Some("taken-cnames") => taken_cnames(gateway, parts),
        Some("names") => names(gateway, parts),
        Some("resolve") => resolve(gateway, parts),
        Some("service-control-policies") => service_control_policies(gateway, parts, body),
        Some("faults") => faults(gateway, parts, body),
        Some("held") => held(gateway, parts),
        _ => (
            StatusCode::NOT_FOUND,
            "the sandbox knows 'inventory', 'status', 'life-cycles', 'taken-cnames', 'names', 'resolve', \
             'service-control-policies', 'faults' and 'held'\n",
        )
            .into_response(),
    }
}

/// What other customers of AWS do with CNAMEs, whose prefixes are one namespace for all of a region: POST takes one, DELETE
/// gives it up. Between a client's CheckDNSAvailability and its CreateEnvironment, for example.
fn taken_cnames(gateway: &Arc<Gateway>, parts: &Parts) -> Response {
    let query = query(parts);
    let region = query.get("region").map_or(gateway.info.region.as_str(), String::as_str);
    let mut state = gateway.world.lock();
    let beanstalk = &mut state.region(region).beanstalk;
    match (parts.method.as_str(), query.get("prefix")) {
        ("POST", Some(prefix)) if !prefix.is_empty() => beanstalk.take_prefix(prefix),
        ("DELETE", Some(prefix)) => beanstalk.give_up_prefix(prefix),
        ("GET", _) => {}
        _ => {
            let text = "POST and DELETE want ?prefix=PREFIX, and &region=REGION where it is another\n";
            return (StatusCode::BAD_REQUEST, text).into_response();
        }
    }
    axum::Json(json!(beanstalk.taken_prefixes().collect::<Vec<_>>())).into_response()
}

/// What the owner of a domain does at a DNS provider that is not AWS: POST sets a CNAME, DELETE takes it away.
fn names(gateway: &Arc<Gateway>, parts: &Parts) -> Response {
    let query = query(parts);
    let mut state = gateway.world.lock();
    match (parts.method.as_str(), query.get("name"), query.get("value")) {
        ("POST", Some(name), Some(value)) if !name.is_empty() && !value.is_empty() => {
            state.zones.set_elsewhere(name, value);
        }
        ("DELETE", Some(name), _) => state.zones.remove_elsewhere(name),
        ("GET", ..) => {}
        _ => {
            let text = "POST wants ?name=NAME&value=VALUE, DELETE ?name=NAME\n";
            return (StatusCode::BAD_REQUEST, text).into_response();
        }
    }
    let all: BTreeMap<&str, &str> = state.zones.elsewhere().collect();
    axum::Json(json!(all)).into_response()
}

/// Where a name leads, as the name servers of Route 53 and of other providers would say: the edge is on this machine.
fn resolve(gateway: &Arc<Gateway>, parts: &Parts) -> Response {
    let query = query(parts);
    let Some(name) = query.get("name") else {
        return (StatusCode::BAD_REQUEST, "GET wants ?name=NAME\n").into_response();
    };
    let now = gateway.world.clock.now();
    let leads = gateway.world.lock().leads_to_the_edge(name, now);
    let addresses: &[&str] = if leads { &["127.0.0.1"] } else { &[] };
    axum::Json(json!(addresses)).into_response()
}

fn query(parts: &Parts) -> BTreeMap<String, String> {
    let query = parts.uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// What goes wrong on AWS: GET lists it, POST adds the fault in the body, DELETE takes it away (`?id=ID`: one).
fn faults(gateway: &Arc<Gateway>, parts: &Parts, body: &[u8]) -> Response {
    let response = change_faults(gateway, parts, body);
    // The simulator has to say what really happens.
    gateway.world.lock().iam.withheld = gateway.faults.withheld();
    response
}

fn change_faults(gateway: &Arc<Gateway>, parts: &Parts, body: &[u8]) -> Response {
    let bad = |text: String| (StatusCode::BAD_REQUEST, format!("{text}\n")).into_response();
    match parts.method.as_str() {
        "GET" => axum::Json(gateway.faults.list()).into_response(),
        "POST" => match serde_json::from_slice::<Fault>(body) {
            Err(error) => bad(format!("the body is no fault: {error}")),
            Ok(fault) => match gateway.faults.add(fault) {
                Ok(added) => axum::Json(added).into_response(),
                Err(error) => bad(error.to_string()),
            },
        },
        "DELETE" => match query(parts).get("id").map(|id| id.parse::<u64>()) {
            Some(Err(_)) => bad("?id= is a number".to_owned()),
            id => {
                let id = id.and_then(Result::ok);
                let cleared = gateway.faults.clear(id);
                match id.filter(|_| cleared.is_empty()) {
                    Some(id) => no_fault(id),
                    None => axum::Json(cleared).into_response(),
                }
            }
        },
        _ => {
            let text = "GET lists faults, POST adds one, DELETE takes them away\n";
            (StatusCode::METHOD_NOT_ALLOWED, text).into_response()
        }
    }
}

/// DELETE `?id=ID`: what this fault holds goes on.
fn held(gateway: &Arc<Gateway>, parts: &Parts) -> Response {
    match (
        parts.method.as_str(),
        query(parts).get("id").map(|id| id.parse::<u64>()),
    ) {
        ("DELETE", Some(Ok(id))) => match gateway.faults.release(id) {
            Some(released) => axum::Json(json!({ "released": released })).into_response(),
            None => no_fault(id),
        },
        _ => (StatusCode::BAD_REQUEST, "DELETE wants ?id=ID of a fault\n").into_response(),
    }
}

fn no_fault(id: u64) -> Response {
    let text = format!("there is no fault {id}; 'confctl sandbox fault list' says which there are\n");
    (StatusCode::NOT_FOUND, text).into_response()
}

/// What the account's organization does: POST attaches the service control policy in the body, DELETE takes all away.
fn service_control_policies(gateway: &Arc<Gateway>, parts: &Parts, body: &[u8]) -> Response {
    let iam = &mut gateway.world.lock().iam;
    let done = match parts.method.as_str() {
        "POST" => iam.add_service_control_policy(&String::from_utf8_lossy(body)),
        "DELETE" => {
            iam.leave_organization();
            Ok(())
        }
        _ => {
            return (
                StatusCode::METHOD_NOT_ALLOWED,
                "POST attaches one, DELETE takes all away\n",
            )
                .into_response();
        }
    };
    match done {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => (StatusCode::BAD_REQUEST, format!("{refusal}\n")).into_response(),
    }
}

async fn status(gateway: &Arc<Gateway>) -> Response {
    let mut counts = BTreeMap::<String, usize>::new();
    for item in gateway.world.inventory().await {
        *counts.entry(format!("{}:{}", item.service, item.kind)).or_default() += 1;
    }
    axum::Json(json!({
        "pid": gateway.info.pid,
        "port": gateway.info.port,
        "version": gateway.info.version,
        "account": gateway.info.account,
        "time_scale": gateway.world.clock.scale(),
        "real_time": jiff::Timestamp::now().to_string(),
        "sandbox_time": gateway.world.clock.now().to_string(),
        "counts": counts,
    }))
    .into_response()
}
