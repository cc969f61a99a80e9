//! The distribution's own pages in place of errors.
//! Must know nothing of how long an error is kept. Source: CloudFront guide, HTTPStatusCodes and custom-error-pages.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode};

use super::exchange::Exchange;
use super::{fetch, give};
use crate::proxy::Carriage;
use crate::world::World;

/// The page that the distribution has for the error, with its own status; the error itself where there is none. A page that is
/// not there brings its own error.
pub(super) async fn replace(
    carriage: &'static Carriage,
    world: &Arc<World>,
    exchange: &Exchange,
    error: Response,
) -> Response {
    let page = exchange
        .error_response(error.status())
        .and_then(|response| response.page.as_ref());
    let Some(page) = page.filter(|_| !exchange.is_error_page) else {
        return error;
    };
    let (Some(exchange), Ok(status)) = (
        exchange.for_error_page(world, &page.path).map(Arc::new),
        StatusCode::from_u16(page.status),
    ) else {
        return error;
    };
    let mut request = Request::new(Body::empty());
    *request.method_mut() = Method::GET;
    if let Ok(uri) = page.path.parse() {
        *request.uri_mut() = uri;
    }
    let wants = give::Wants::whole(HeaderMap::new());
    // The page goes the way of every other, and may be an error itself: boxed, for the way leads through here.
    let answer = Box::pin(fetch::through_cache(carriage, world, &exchange, &wants, request));
    let mut answer = answer.await;
    if answer.status().is_success() {
        *answer.status_mut() = status;
    }
    answer
}
