//! Liveness (this process answers) apart from readiness (the table can be reached).
//! A load balancer asks for the first only: were it to ask for the second, DynamoDB trouble would take every instance
//! out at once, and with them the page that says so.

use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::sync::Mutex;

use crate::security::came_through_a_proxy;
use crate::{App, page};

/// How long an answer about the table holds. DescribeTable is a control-plane call with a low rate limit.
const FRESH: Duration = Duration::from_secs(5);

/// The last answer about the table. The lock is held while asking: many askers make one call.
#[derive(Default)]
pub struct Readiness(Mutex<Option<(Instant, Result<(), String>)>>);

/// `GET /health`: 200 as long as the process serves.
pub async fn live() -> &'static str {
    "ok\n"
}

/// `GET /ready`: 200 if the table is active with the expected key, else 503 with the reason. As if it did not exist where a
/// proxy passed the request on: the reason is for operators.
pub async fn ready(State(app): State<App>, headers: HeaderMap) -> Response {
    if came_through_a_proxy(&headers) {
        return page::not_found(State(app)).await;
    }
    let mut last = app.readiness.0.lock().await;
    let answer = match &*last {
        Some((asked, answer)) if asked.elapsed() < FRESH => answer.clone(),
        _ => {
            let answer = app.table.check().await.map_err(|error| error.to_string());
            *last = Some((Instant::now(), answer.clone()));
            answer
        }
    };
    match answer {
        Ok(()) => "ready\n".into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")).into_response(),
    }
}
