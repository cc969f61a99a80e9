//! CloudFront's edge: obeys a distribution's deployed configuration, from the firewall to the cache to the origin.
//! Must know nothing of load balancers: an origin is a name.
//!
//! The sandbox's port has no TLS. A viewer counts as one of HTTPS if it says `X-Forwarded-Proto: https`, as whatever ends TLS in
//! front of the sandbox does; AWS's edge ignores that header, and so does everything here but the protocol of the viewer.

mod body;
mod compress;
mod errors;
mod exchange;
mod fetch;
mod firewall;
mod give;
mod key;
mod ranges;
mod response_headers;
mod rules;
mod store;
mod viewer_headers;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::HttpBody;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode, Version};

use super::forward::names_two_hosts;
use super::{Carriage, Sni, pages};
use crate::protocols::call::header;
use crate::world::World;
use exchange::{Exchange, Refused, Viewer};

/// The longest URL, and the longest request line with headers (CloudFront guide, RequestAndResponseBehaviorCustomOrigin).
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
    carriage: &'static Carriage,
    world: &Arc<World>,
    host: &str,
    address: SocketAddr,
    mut request: Request,
) -> Response {
    let viewer = Viewer {
        address,
        secure: request.extensions().get::<Sni>().is_some() || says_https(request.headers()),
        host,
        path: request.uri().path(),
    };
    let exchange = match Exchange::open(world, viewer) {
        Ok(exchange) => Arc::new(exchange),
        Err(Refused::Unknown) => {
            let text = "No distribution of the sandbox has this name, or it is not deployed yet.";
            return pages::plain(StatusCode::NOT_FOUND, text);
        }
        Err(Refused::Disabled { request_id }) => {
            let page = pages::cloudfront(StatusCode::FORBIDDEN, "The distribution is disabled.", &request_id);
            return exchange::mark(page, "Error from cloudfront", &request_id);
        }
    };
    viewer_headers::replace(&exchange, &mut request);
    let wants = give::Wants::of(&request);
    match admit(carriage, world, &exchange, request).await {
        Ok(request) if exchange.caches(request.method()) => {
            fetch::through_cache(carriage, world, &exchange, &wants, request).await
        }
        Ok(request) => fetch::past_cache(carriage, world, &exchange, &wants, request).await,
        Err(Denied::Redirected(page)) => exchange::mark(*page, "Redirect from cloudfront", &exchange.request_id),
        // The distribution's own pages stand for CloudFront's errors too (WAF guide, cloudfront-features).
        Err(Denied::Refused(page)) => {
            let page = errors::replace(carriage, world, &exchange, *page).await;
            give::finish(&exchange, &wants, page, give::MISS)
        }
    }
}

fn says_https(headers: &HeaderMap) -> bool {
    let said = headers.get("x-forwarded-proto");
    said.is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"https"))
}

/// Why a request goes no further than the edge.
enum Denied {
    Redirected(Box<Response>),
    Refused(Box<Response>),
}

/// Everything that is decided before cache and origin: limits, firewall, viewer protocol, methods.
async fn admit(carriage: &Carriage, world: &World, exchange: &Exchange, request: Request) -> Result<Request, Denied> {
    let refuse = |status: StatusCode, reason: &str| Denied::Refused(Box::new(exchange.deny(status, reason)));
    let head: usize = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if names_two_hosts(request.headers()) {
        return Err(refuse(
            StatusCode::BAD_REQUEST,
            "Bad request. It names more than one host.",
        ));
    }
    let url = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    if url > LONGEST_URL || url + head > LONGEST_HEAD {
        return Err(refuse(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Bad request. The request is too large.",
        ));
    }
    let request = firewall::inspect(&carriage.edge.rates, world, exchange, request)
        .await
        .map_err(|_| refuse(StatusCode::FORBIDDEN, "Request blocked."))?;
    check_protocol(exchange, &request)?;
    check_method(exchange, &request)?;
    Ok(request)
}

/// `redirect-to-https` answers 301 to GET and HEAD, 307 to the rest, which keeps method and body, and 403 to the rest before
/// HTTP/1.1 (CloudFront guide, using-https-viewers-to-cloudfront; the API reference shortens it to 301).
fn check_protocol(exchange: &Exchange, request: &Request) -> Result<(), Denied> {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let old = request.version() < Version::HTTP_11;
    match exchange.behavior.viewer_protocol_policy.as_str() {
        _ if exchange.secure => Ok(()),
        "allow-all" => Ok(()),
        "redirect-to-https" if safe || !old => {
            let status = if safe {
                StatusCode::MOVED_PERMANENTLY
            } else {
                StatusCode::TEMPORARY_REDIRECT
            };
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
            // With the port that the viewer named: one serves both protocols here.
            let host = header(request.headers(), "host").unwrap_or(&exchange.host);
            let location = format!("https://{host}{path}");
            Err(Denied::Redirected(Box::new(pages::cloudfront_redirect(
                status, &location,
            ))))
        }
        _ => {
            let text = "Bad request. This distribution only accepts requests over HTTPS.";
            Err(Denied::Refused(Box::new(exchange.deny(StatusCode::FORBIDDEN, text))))
        }
    }
}

fn check_method(exchange: &Exchange, request: &Request) -> Result<(), Denied> {
    let method = request.method();
    let refuse = |reason: &str| Err(Denied::Refused(Box::new(exchange.deny(StatusCode::FORBIDDEN, reason))));
    let allowed = &exchange.behavior.allowed_methods;
    if !allowed.iter().any(|allowed| allowed == method.as_str()) {
        return refuse(
            "This distribution is not configured to allow the HTTP request method that was used for this request. \
             The distribution supports only cachable requests.",
        );
    }
    // CloudFront answers 403 to a GET with a body (guide, RequestAndResponseBehaviorCustomOrigin).
    if method == Method::GET && !request.body().is_end_stream() {
        return refuse("Bad request. A GET request must not have a body.");
    }
    Ok(())
}
