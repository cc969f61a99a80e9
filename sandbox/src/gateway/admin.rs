//! `/_sandbox/…`: what the sandbox says of itself to whoever holds its token.
//! Must offer nothing that AWS's own APIs offer.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use serde_json::json;

use super::Gateway;
use super::signature::{header, same};

/// The paths begin with this.
pub(crate) const PREFIX: &str = "/_sandbox/";

pub(crate) async fn serve(gateway: &Arc<Gateway>, parts: &Parts) -> Response {
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
        _ => (StatusCode::NOT_FOUND, "the sandbox knows 'inventory' and 'status'\n").into_response(),
    }
}

async fn status(gateway: &Arc<Gateway>) -> Response {
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
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
