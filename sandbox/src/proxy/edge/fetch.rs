//! Getting an answer: from the cache, from the origin, or an old one where the origin fails.
//! Must know nothing of admission; the request was let in.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::body::{Read, read_up_to};
use super::exchange::{Exchange, mark};
use super::store::{Entry, Flight, landed};
use super::{key, rules};
use crate::proxy::{Carriage, carry, pages};
use crate::world::{World, routes};

/// Larger responses stream through and are not kept.
const LARGEST_KEPT: usize = 10 * 1024 * 1024;

const MISS: &str = "Miss from cloudfront";
const HIT: &str = "Hit from cloudfront";
const REFRESHED: &str = "RefreshHit from cloudfront";
const ERROR: &str = "Error from cloudfront";

/// A request whose answer is never kept; its body streams to the origin.
pub(super) async fn past_cache(
    carriage: &Carriage,
    world: &Arc<World>,
    exchange: &Exchange,
    request: Request,
) -> Response {
    let response = from_origin(carriage, world, exchange, prepare(exchange, request, false)).await;
    finish(exchange, response, MISS)
}

/// A GET, HEAD or OPTIONS whose answer may be kept.
pub(super) async fn through_cache(
    carriage: &Carriage,
    world: &Arc<World>,
    exchange: &Exchange,
    request: Request,
) -> Response {
    let store = &carriage.edge.store;
    let key = match *request.method() {
        // HEAD is answered from what GET brought.
        Method::OPTIONS => format!("OPTIONS {}", key::cache_key(exchange, &request)),
        _ => key::cache_key(exchange, &request),
    };
    let viewer = Viewer::of(&request);
    let kept = store.find(&key, &exchange.invalidations);
    let now = world.clock.seconds();
    if let Some(entry) = kept.as_ref().filter(|entry| now < entry.fresh_until) {
        return from_entry(exchange, &viewer, entry, now, HIT);
    }
    if *request.method() == Method::HEAD {
        return past_cache(carriage, world, exchange, request).await;
    }
    // Collapsing is off where nothing must be kept (CachingDisabled, a minimum of 0 for what says no-store) and where cookies
    // reach the origin: then one viewer's answer must not be another's.
    let collapses = exchange.cache_policy.min_ttl > 0 && !exchange.has_cookies();
    let landing = match collapses.then(|| store.join(&key)) {
        Some(Flight::Follower(flight)) => match landed(flight).await {
            Some(entry) => return from_entry(exchange, &viewer, &entry, world.clock.seconds(), HIT),
            None => None,
        },
        Some(Flight::Leader(landing)) => Some(landing),
        None => None,
    };
    let fetched = refresh(carriage, world, exchange, request, kept).await;
    match fetched {
        Fetched::Kept(entry, x_cache) => {
            store.keep(&key, entry.clone());
            let response = from_entry(exchange, &viewer, &entry, world.clock.seconds(), x_cache);
            if let Some(landing) = landing {
                landing.share(entry);
            }
            response
        }
        Fetched::Passing(response) => finish(exchange, response, MISS),
    }
}

enum Fetched {
    Kept(Arc<Entry>, &'static str),
    Passing(Response),
}

/// Asks the origin, by condition where an expired response can be confirmed.
async fn refresh(
    carriage: &Carriage,
    world: &Arc<World>,
    exchange: &Exchange,
    request: Request,
    kept: Option<Arc<Entry>>,
) -> Fetched {
    let mut request = prepare(exchange, request, true);
    if let Some(entry) = &kept {
        let mut condition = |validator, name| {
            if let Some(value) = entry.headers.get(validator) {
                request.headers_mut().insert(name, value.clone());
            }
        };
        condition(header::ETAG, header::IF_NONE_MATCH);
        condition(header::LAST_MODIFIED, header::IF_MODIFIED_SINCE);
    }
    let response = from_origin(carriage, world, exchange, request).await;
    let now = world.clock.seconds();
    let status = response.status();
    match kept {
        Some(entry) if status == StatusCode::NOT_MODIFIED => {
            Fetched::Kept(confirmed(exchange, &entry, response.headers(), now), REFRESHED)
        }
        // An expired response is better than an error (CloudFront guide, HTTPStatusCodes), and the origin is spared for a while.
        Some(entry)
            if status.is_server_error() && !entry.status.is_server_error() && rules::may_stand_in(&entry.headers) =>
        {
            let pause = rules::error_lifetime(
                status,
                exchange.error_ttls.get(&status.as_u16()).copied(),
                response.headers(),
            );
            let mut entry = Entry::clone(&entry);
            entry.fresh_until = now + pause.unwrap_or(0) as f64;
            Fetched::Kept(Arc::new(entry), HIT)
        }
        _ => take(exchange, response, now).await,
    }
}

/// An expired response that the origin confirmed: its newer headers replace the older ones (RFC 9111, 3.2).
fn confirmed(exchange: &Exchange, entry: &Entry, newer: &HeaderMap, now: f64) -> Arc<Entry> {
    let mut entry = Entry::clone(entry);
    for (name, value) in newer {
        if name != header::CONTENT_LENGTH && name != header::SET_COOKIE {
            entry.headers.insert(name, value.clone());
        }
    }
    entry.stored = now;
    entry.fresh_until = now + rules::lifetime(exchange.cache_policy, &entry.headers) as f64;
    Arc::new(entry)
}

/// Keeps a response if it may be kept, else lets it pass.
async fn take(exchange: &Exchange, response: Response, now: f64) -> Fetched {
    let status = response.status();
    let configured = exchange.error_ttls.get(&status.as_u16()).copied();
    let lifetime = if rules::is_kept(status) {
        rules::lifetime(exchange.cache_policy, response.headers())
    } else {
        rules::error_lifetime(status, configured, response.headers()).unwrap_or(0)
    };
    if lifetime <= 0 {
        return Fetched::Passing(response);
    }
    let (mut parts, body) = response.into_parts();
    if !exchange.has_cookies() {
        parts.headers.remove(header::SET_COOKIE);
    }
    match read_up_to(body, LARGEST_KEPT).await {
        Ok(Read::All(body)) => Fetched::Kept(
            Arc::new(Entry {
                status,
                headers: parts.headers,
                body,
                stored: now,
                fresh_until: now + lifetime as f64,
                path: exchange.path.clone(),
            }),
            MISS,
        ),
        Ok(Read::Longer(body)) => Fetched::Passing(Response::from_parts(parts, body)),
        Err(_) => Fetched::Passing(origin_failed(exchange, StatusCode::BAD_GATEWAY)),
    }
}

/// The request as the origin gets it.
fn prepare(exchange: &Exchange, request: Request, for_cache: bool) -> Request {
    let headers = key::origin_headers(exchange, &request, for_cache);
    let path = key::origin_path(exchange, &request);
    let (mut parts, body) = request.into_parts();
    parts.headers = headers;
    if let Ok(uri) = path.parse() {
        parts.uri = uri;
    }
    Request::from_parts(parts, body)
}

/// Takes a request to the origin; where there is no answer, CloudFront's page about that is it.
async fn from_origin(carriage: &Carriage, world: &Arc<World>, exchange: &Exchange, request: Request) -> Response {
    let origin = &exchange.origin;
    let route = routes::route(&world.lock(), &origin.domain_name);
    let Some(route) = route else {
        let text = format!(
            "The origin {} does not resolve: the sandbox knows its own load balancers and environments only.",
            origin.domain_name
        );
        return pages::cloudfront(StatusCode::BAD_GATEWAY, &text, &exchange.request_id);
    };
    if origin.protocol_policy == "https-only" || origin.http_port != 80 {
        let text =
            "CloudFront wasn't able to connect to the origin: in the sandbox, origins speak HTTP on port 80 only.";
        return pages::cloudfront(StatusCode::BAD_GATEWAY, text, &exchange.request_id);
    }
    // A GET or HEAD is tried again, anything else may have been done already (guide, RequestAndResponseBehaviorCustomOrigin);
    // the sandbox never tries again: on loopback a second attempt fails like the first.
    let limit = Duration::from_secs(u64::from(origin.read_timeout.max(1)));
    let answer = tokio::time::timeout(limit, carry(carriage, world, &route, exchange.viewer, request)).await;
    answer.unwrap_or_else(|_| origin_failed(exchange, StatusCode::GATEWAY_TIMEOUT))
}

fn origin_failed(exchange: &Exchange, status: StatusCode) -> Response {
    let text = "CloudFront attempted to establish a connection with the origin, but either the attempt failed or the origin \
                closed the connection.";
    pages::cloudfront(status, text, &exchange.request_id)
}

/// What of a viewer's request decides how a kept response is given.
struct Viewer {
    head: bool,
    if_none_match: Option<HeaderValue>,
    if_modified_since: Option<HeaderValue>,
}

impl Viewer {
    fn of(request: &Request) -> Self {
        let header = |name| request.headers().get(name).cloned();
        Self {
            head: request.method() == Method::HEAD,
            if_none_match: header(header::IF_NONE_MATCH),
            if_modified_since: header(header::IF_MODIFIED_SINCE),
        }
    }

    /// Whether the viewer has it already.
    fn has(&self, entry: &Entry) -> bool {
        let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
        if let Some(wanted) = &self.if_none_match {
            let etag = entry.headers.get(header::ETAG).map(text);
            return etag.is_some_and(|etag| {
                text(wanted)
                    .split(',')
                    .any(|one| matches!(one.trim(), "*") || one.trim() == etag)
            });
        }
        self.if_modified_since.is_some() && self.if_modified_since.as_ref() == entry.headers.get(header::LAST_MODIFIED)
    }
}

fn from_entry(exchange: &Exchange, viewer: &Viewer, entry: &Entry, now: f64, x_cache: &'static str) -> Response {
    let known = entry.status == StatusCode::OK && viewer.has(entry);
    let body = if known || viewer.head {
        Body::empty()
    } else {
        Body::from(entry.body.clone())
    };
    let mut response = Response::new(body);
    *response.status_mut() = if known { StatusCode::NOT_MODIFIED } else { entry.status };
    *response.headers_mut() = entry.headers.clone();
    if known {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    if x_cache != MISS {
        let age = (now - entry.stored).max(0.0) as u64;
        response.headers_mut().insert(header::AGE, HeaderValue::from(age));
    }
    finish(exchange, response, x_cache)
}

/// Marks an answer, whichever way it came. Errors are marked as such, hit or not.
fn finish(exchange: &Exchange, mut response: Response, x_cache: &'static str) -> Response {
    if !exchange.has_cookies() {
        response.headers_mut().remove(header::SET_COOKIE);
    }
    let status = response.status();
    let x_cache = if status.is_client_error() || status.is_server_error() {
        ERROR
    } else {
        x_cache
    };
    mark(response, x_cache, &exchange.request_id)
}
