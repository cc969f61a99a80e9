//! The load balancer and the edge: how traffic is carried.

use std::sync::Arc;

use axum::response::IntoResponse;

use crate::world::World;

/// Carries a request of a site's visitor.
pub(crate) async fn serve(_world: Arc<World>, _request: axum::extract::Request) -> axum::response::Response {
    http::StatusCode::BAD_GATEWAY.into_response()
}
