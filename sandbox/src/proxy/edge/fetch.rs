//! Getting an answer: from the cache, from the origin, or an old one where the origin fails.
//! Must know nothing of admission; the request was let in.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode, header};

use super::body::{Read, read_up_to};
use super::exchange::Exchange;
use super::give::{HIT, MISS, REFRESHED, Wants, give, pass};
use super::store::{Entry, Flight, Landing, landed};
use super::{compress, errors, key, rules};
use crate::proxy::{Carriage, Unreachable, Way, balancer, carry, host_of};
use crate::world::World;
use crate::world::balancing_access::Peer;
use crate::world::distributions::Origin;
use crate::world::routes::{self, Route};

/// Larger responses stream through and are not kept.
const LARGEST_KEPT: usize = 10 * 1024 * 1024;

/// A request whose answer is never kept; its body streams to the origin.
pub(super) async fn past_cache(
    carriage: &'static Carriage,
    world: &Arc<World>,
    exchange: &Exchange,
    wants: &Wants,
    request: Request,
) -> Response {
    let response = from_origin(carriage, world, exchange, prepare(exchange, request, false)).await;
    let response = errors::replace(carriage, world, exchange, response).await;
    pass(exchange, wants, response)
}

/// A GET, HEAD or OPTIONS whose answer may be kept.
pub(super) async fn through_cache(
    carriage: &'static Carriage,
    world: &Arc<World>,
    exchange: &Arc<Exchange>,
    wants: &Wants,
    request: Request,
) -> Response {
    let store = &carriage.edge.store;
    let key = key::cache_key(exchange, &request);
    let kept = store.find(&key.text, &exchange.invalidations, exchange.opened);
    let now = world.clock.seconds();
    if let Some(entry) = &kept {
        if now < entry.fresh_until {
            return give(exchange, wants, entry, now, HIT);
        }
        if now < entry.revalidates_until {
            revalidate_behind(carriage, world, exchange, &key, &request, entry);
            return give(exchange, wants, entry, now, HIT);
        }
    }
    if *request.method() == Method::HEAD {
        return past_cache(carriage, world, exchange, wants, request).await;
    }
    let landing = if collapses(exchange) && !store.passes(&key.text) {
        match store.join(&key.text) {
            Flight::Leader(landing) => Some(landing),
            Flight::Follower(flight) => match landed(flight).await {
                Some(entry) => return give(exchange, wants, &entry, world.clock.seconds(), HIT),
                None => None,
            },
        }
    } else {
        None
    };
    match refresh(carriage, world, exchange, &key, request, kept).await {
        Fetched::Kept(entry, x_cache) => {
            settle(carriage, &key, landing, &entry);
            give(exchange, wants, &entry, world.clock.seconds(), x_cache)
        }
        Fetched::Passing(response) => {
            store.let_pass(&key.text);
            drop(landing);
            pass(exchange, wants, response)
        }
    }
}

/// Whether requests at the same moment share one. Not without caching, and not where cookies reach the origin: one viewer's answer
/// must not be another's (CloudFront guide, request-custom-traffic-spikes).
fn collapses(exchange: &Exchange) -> bool {
    exchange.cache.caches() && !exchange.has_cookies()
}

/// Keeps what was fetched and gives it to those who wait for it.
fn settle(carriage: &Carriage, key: &key::Key, landing: Option<Landing<'_>>, entry: &Arc<Entry>) {
    carriage.edge.store.keep(&key.text, entry.clone());
    if let Some(landing) = landing {
        landing.share(entry.clone());
    }
}

/// `stale-while-revalidate`: the viewer has the old response already.
fn revalidate_behind(
    carriage: &'static Carriage,
    world: &Arc<World>,
    exchange: &Arc<Exchange>,
    key: &key::Key,
    request: &Request,
    entry: &Arc<Entry>,
) {
    let Flight::Leader(landing) = carriage.edge.store.join(&key.text) else {
        return;
    };
    let mut again = Request::new(Body::empty());
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = request.uri().clone();
    *again.headers_mut() = request.headers().clone();
    if *request.method() == Method::HEAD {
        *again.method_mut() = Method::GET;
    }
    let (owner, exchange, key, entry) = (world.clone(), exchange.clone(), key.clone(), entry.clone());
    world.spawn(async move {
        if let Fetched::Kept(entry, _) = refresh(carriage, &owner, &exchange, &key, again, Some(entry)).await {
            settle(carriage, &key, Some(landing), &entry);
        }
    });
}

enum Fetched {
    Kept(Arc<Entry>, &'static str),
    Passing(Response),
}

/// Asks the origin, by condition where an expired response can be confirmed.
async fn refresh(
    carriage: &'static Carriage,
    world: &Arc<World>,
    exchange: &Exchange,
    key: &key::Key,
    request: Request,
    kept: Option<Arc<Entry>>,
) -> Fetched {
    let kept = kept.filter(|entry| !entry.is_error);
    // Where nothing is kept but errors, the answer is this viewer's alone, and so are its conditions.
    let mut request = prepare(exchange, request, exchange.cache.caches());
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
        Some(entry) if status.is_server_error() && now < entry.stands_in_until => {
            let mut entry = Entry::clone(&entry);
            entry.fresh_until = now + error_lifetime(exchange, &response) as f64;
            Fetched::Kept(Arc::new(entry), HIT)
        }
        _ if status.is_client_error() || status.is_server_error() => {
            let lifetime = error_lifetime(exchange, &response);
            let page = errors::replace(carriage, world, exchange, response).await;
            keep(exchange, key, page, lifetime, true, now).await
        }
        _ => {
            let lifetime = if rules::is_kept(status) {
                rules::lifetime(&exchange.cache, response.headers())
            } else {
                0
            };
            keep(exchange, key, response, lifetime, false, now).await
        }
    }
}

/// Seconds for which the origin is not asked again after this error.
fn error_lifetime(exchange: &Exchange, response: &Response) -> i64 {
    let status = response.status();
    let configured = exchange.error_response(status).and_then(|error| error.caching_min_ttl);
    rules::error_lifetime(status, configured, response.headers()).unwrap_or(0)
}

/// An expired response that the origin confirmed: its newer headers replace the older ones (RFC 9111, 3.2).
fn confirmed(exchange: &Exchange, entry: &Entry, newer: &HeaderMap, now: f64) -> Arc<Entry> {
    let mut entry = Entry::clone(entry);
    // What was compressed has a length and a tag of its own.
    let own = [
        header::CONTENT_LENGTH,
        header::CONTENT_ENCODING,
        header::ETAG,
        header::SET_COOKIE,
        header::VARY,
    ];
    for (name, value) in newer {
        if !own.contains(name) {
            entry.headers.insert(name, value.clone());
        }
    }
    entry.stored = now;
    let lifetime = rules::lifetime(&exchange.cache, &entry.headers);
    age(exchange, &mut entry, lifetime);
    Arc::new(entry)
}

/// Sets until when an entry is of what use.
fn age(exchange: &Exchange, entry: &mut Entry, lifetime: i64) {
    let expires = entry.stored + lifetime as f64;
    let stale = rules::staleness(&exchange.cache, &entry.headers);
    entry.fresh_until = expires;
    entry.revalidates_until = expires + stale.while_revalidate as f64;
    entry.stands_in_until = stale.if_error.map_or(f64::INFINITY, |seconds| expires + seconds as f64);
}

/// Keeps a response if it may be kept, else lets it pass.
async fn keep(
    exchange: &Exchange,
    key: &key::Key,
    response: Response,
    lifetime: i64,
    is_error: bool,
    now: f64,
) -> Fetched {
    // `Vary: *` is kept and asked for every time (CloudFront guide, ResponseCustomContentNegotiation): here, it is not kept.
    let varies = exchange.cache.min_ttl == 0 && response.headers().get(header::VARY).is_some_and(|vary| vary == "*");
    if lifetime <= 0 || varies {
        return Fetched::Passing(response);
    }
    let (mut parts, body) = response.into_parts();
    if !exchange.has_cookies() {
        parts.headers.remove(header::SET_COOKIE);
    }
    let mut body = match read_up_to(body, LARGEST_KEPT).await {
        Ok(Read::All(body)) => body,
        Ok(Read::Longer(body)) => return Fetched::Passing(Response::from_parts(parts, body)),
        // What broke off is not kept (CloudFront guide, ResponseCustomDroppedTCPConnections).
        Err(_) => return Fetched::Passing(origin_failed(exchange, StatusCode::BAD_GATEWAY)),
    };
    if let Some(encoding) = key.encoding.filter(|_| exchange.behavior.compress)
        && compress::is_compressible(parts.status, &parts.headers)
    {
        body = compress::compress(&mut parts.headers, body, encoding).await;
    }
    let mut entry = Entry {
        status: parts.status,
        headers: parts.headers,
        body,
        is_error,
        stored: now,
        fresh_until: now,
        revalidates_until: now,
        stands_in_until: now,
        path: key.path.clone(),
    };
    if is_error {
        entry.fresh_until = now + lifetime as f64;
    } else {
        age(exchange, &mut entry, lifetime);
    }
    Fetched::Kept(Arc::new(entry), MISS)
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
async fn from_origin(
    carriage: &'static Carriage,
    world: &Arc<World>,
    exchange: &Exchange,
    request: Request,
) -> Response {
    let origin = &exchange.origin;
    let route = routes::route(&world.lock(), &origin.domain_name);
    let Some(route) = route else {
        let text = format!(
            "CloudFront wasn't able to resolve the origin domain name. {} is no load balancer or environment of the sandbox, \
             which knows no other origins.",
            origin.domain_name
        );
        return exchange.deny(StatusCode::BAD_GATEWAY, &text);
    };
    let by_https = match origin.protocol_policy.as_str() {
        "https-only" => true,
        "match-viewer" => exchange.secure,
        _ => false,
    };
    let way = Way {
        by_tls: by_https,
        port: Some(if by_https { origin.https_port } else { origin.http_port }),
    };
    if let Err(why) = agree(world, origin, &route, way, &request) {
        return exchange.deny(
            StatusCode::BAD_GATEWAY,
            &format!("CloudFront wasn't able to connect to the origin: {why}."),
        );
    }
    // A GET or HEAD is tried again, anything else may have been done already (guide, RequestAndResponseBehaviorCustomOrigin);
    // the sandbox never tries again: on loopback a second attempt fails like the first.
    let limit = Duration::from_secs(u64::from(origin.read_timeout.max(1)));
    match tokio::time::timeout(limit, carry(carriage, world, &route, (Peer::Edge, way), request)).await {
        Ok(Ok(answer)) => answer,
        // On AWS CloudFront finds that out by waiting.
        Ok(Err(Unreachable::Dropped)) | Err(_) => origin_failed(exchange, StatusCode::GATEWAY_TIMEOUT),
        Ok(Err(Unreachable::Refused)) => origin_failed(exchange, StatusCode::BAD_GATEWAY),
    }
}

/// Whether edge and origin can speak with each other at all. What keeps the edge out, or nobody who listens, comes to light when it tries.
fn agree(world: &World, origin: &Origin, route: &Route, way: Way, request: &Request) -> Result<(), String> {
    match route {
        Route::Instance { .. } if way.by_tls || way.port != Some(80) => {
            Err("in the sandbox, environments without a load balancer speak HTTP on port 80 only".to_owned())
        }
        Route::Instance { .. } => Ok(()),
        Route::LoadBalancer { region, arn } => {
            let listener = balancer::way_in(world, region, arn, Peer::Edge, way).ok().flatten();
            let host = host_of(request);
            let misfit = listener.and_then(|listener| balancer::misfit(world, region, &listener, origin, &host));
            misfit.map_or(Ok(()), Err)
        }
    }
}

fn origin_failed(exchange: &Exchange, status: StatusCode) -> Response {
    let text = "CloudFront attempted to establish a connection with the origin, but either the attempt failed or the origin \
                closed the connection.";
    exchange.deny(status, text)
}
