//! CloudFront's edge: obeys a distribution's deployed configuration, from the firewall to the cache to the origin.
//! Must know nothing of load balancers: an origin is a name.

mod body;
mod exchange;
mod fetch;
mod firewall;
mod key;
mod rules;
mod store;

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::HttpBody;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, Version, header};

use super::{Carriage, pages};
use crate::world::World;
use exchange::{Exchange, Refused};

/// The longest URL, and the longest request line with headers (CloudFront guide, quotas).
const LONGEST_URL: usize = 8_192;
const LONGEST_HEAD: usize = 20_480;

/// What the edge keeps between requests.
#[derive(Default)]
pub(super) struct Edge {
    store: store::Store,
    rates: firewall::Rates,
}

/// Answers a request for a distribution's domain.
pub(super) async fn serve(
    carriage: &Carriage,
    world: &Arc<World>,
    host: &str,
    viewer: IpAddr,
    request: Request,
) -> Response {
    let exchange = match Exchange::open(world, host, viewer, request.uri().path()) {
        Ok(exchange) => exchange,
        Err(Refused::Unknown) => {
            let text = "No distribution of the sandbox has this name, or it is not deployed yet.";
            return pages::plain(StatusCode::NOT_FOUND, text);
        }
        Err(Refused::Disabled { request_id }) => {
            let page = pages::cloudfront(StatusCode::FORBIDDEN, "The distribution is disabled.", &request_id);
            return exchange::mark(page, "Error from cloudfront", &request_id);
        }
    };
    match admit(carriage, world, &exchange, request).await {
        Ok(request) if exchange.caches(request.method()) => {
            fetch::through_cache(carriage, world, &exchange, request).await
        }
        Ok(request) => fetch::past_cache(carriage, world, &exchange, request).await,
        Err(page) => page,
    }
}

/// Everything that is decided before cache and origin: limits, firewall, viewer protocol, methods.
async fn admit(carriage: &Carriage, world: &World, exchange: &Exchange, request: Request) -> Result<Request, Response> {
    let head: usize = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    let url = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    if url > LONGEST_URL {
        return Err(exchange.refuse(StatusCode::URI_TOO_LONG, "The URL is too long."));
    }
    if url + head > LONGEST_HEAD {
        return Err(exchange.refuse(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "The request's headers are too large.",
        ));
    }
    let request = firewall::inspect(&carriage.edge.rates, exchange, world.clock.seconds(), request)
        .await
        .map_err(|_| exchange.refuse(StatusCode::FORBIDDEN, "Request blocked."))?;
    check_protocol(exchange, &request)?;
    check_method(exchange, &request)?;
    Ok(request)
}

/// The sandbox's port speaks plain HTTP, so every viewer is one without TLS. `redirect-to-https` answers 301 to GET and HEAD,
/// 307 to the rest, and 403 to the rest before HTTP/1.1 (CloudFront guide, using-https-viewers-to-cloudfront).
fn check_protocol(exchange: &Exchange, request: &Request) -> Result<(), Response> {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let old = request.version() < Version::HTTP_11;
    match exchange.behavior.viewer_protocol_policy.as_str() {
        "allow-all" => Ok(()),
        "redirect-to-https" if safe || !old => {
            let status = if safe {
                StatusCode::MOVED_PERMANENTLY
            } else {
                StatusCode::TEMPORARY_REDIRECT
            };
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
            let mut page = exchange.refuse(status, "");
            if let Ok(location) = HeaderValue::from_str(&format!("https://{}{path}", exchange.host)) {
                page.headers_mut().insert(header::LOCATION, location);
            }
            page.headers_mut()
                .insert("x-cache", HeaderValue::from_static("Redirect from cloudfront"));
            Err(page)
        }
        _ => Err(exchange.refuse(
            StatusCode::FORBIDDEN,
            "Bad request. This distribution only accepts requests over HTTPS.",
        )),
    }
}

fn check_method(exchange: &Exchange, request: &Request) -> Result<(), Response> {
    let method = request.method();
    if !exchange
        .behavior
        .allowed_methods
        .iter()
        .any(|allowed| allowed == method.as_str())
    {
        let text = "This distribution is not configured to allow the HTTP request method that was used for this request. \
                    The distribution supports only cachable requests.";
        return Err(exchange.refuse(StatusCode::FORBIDDEN, text));
    }
    // CloudFront answers 403 to a GET with a body (guide, RequestAndResponseBehaviorCustomOrigin).
    if method == Method::GET && !request.body().is_end_stream() {
        return Err(exchange.refuse(
            StatusCode::FORBIDDEN,
            "Bad request. A GET request must not have a body.",
        ));
    }
    Ok(())
}
