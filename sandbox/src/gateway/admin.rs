//! `/_sandbox/…`: what the sandbox says of itself to whoever holds its token.
//! Beside it, what only others could do. Must offer nothing that AWS's own APIs offer.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use serde_json::json;

use super::Gateway;
use super::signature::same;
use crate::protocols::call::header;

/// The paths begin with this.
pub(crate) const PREFIX: &str = "/_sandbox/";

pub(crate) async fn serve(gateway: &Arc<Gateway>, parts: &Parts, body: &[u8]) -> Response {
    let token = header(&parts.headers, "x-sandbox-token").unwrap_or_default();
    if !same(token.as_bytes(), gateway.info.token.as_bytes()) {
        return (
            StatusCode::FORBIDDEN,
            "x-sandbox-token is not the one in sandbox.json\n",
        )
            .into_response();
    }
    match parts.uri.path().strip_prefix(PREFIX) {
        Some("inventory") => axum::Json(gateway.world.inventory().await).into_response(),
        Some("status") => status(gateway).await,
        Some("life-cycles") => {
            let state = gateway.world.lock();
            axum::Json(json!(state.life_cycles.iter().collect::<Vec<_>>())).into_response()
        }
        Some("taken-cnames") => taken_cnames(gateway, parts),
        Some("service-control-policies") => service_control_policies(gateway, parts, body),
        _ => (
            StatusCode::NOT_FOUND,
            "the sandbox knows 'inventory', 'status', 'life-cycles', 'taken-cnames' and 'service-control-policies'\n",
        )
            .into_response(),
    }
}

/// What other customers of AWS do with CNAMEs, whose prefixes are one namespace for all of a region: POST takes one, DELETE
/// gives it up. Between a client's CheckDNSAvailability and its CreateEnvironment, for example.
fn taken_cnames(gateway: &Arc<Gateway>, parts: &Parts) -> Response {
    let query = parts.uri.query().unwrap_or_default();
    let query: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
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
