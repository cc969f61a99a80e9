//! How an answer is given to one viewer: whole, in part, as a confirmation, with the marks of where it came from.
//! Must know nothing of how it was got.

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::exchange::{Exchange, mark};
use super::ranges::{self, Parts};
use super::response_headers::{self, Asking};
use super::rules;
use super::store::Entry;

pub(super) const MISS: &str = "Miss from cloudfront";
pub(super) const HIT: &str = "Hit from cloudfront";
pub(super) const REFRESHED: &str = "RefreshHit from cloudfront";
const ERROR: &str = "Error from cloudfront";

/// What of a viewer's request decides how a response is given.
#[derive(Clone, Default)]
pub(super) struct Wants {
    head: bool,
    conditions: HeaderMap,
    asking: Asking,
}

impl Wants {
    pub(super) fn of(request: &Request) -> Self {
        let conditions = [
            header::IF_NONE_MATCH,
            header::IF_MODIFIED_SINCE,
            header::RANGE,
            header::IF_RANGE,
        ];
        let sent = conditions
            .into_iter()
            .filter_map(|name| Some((name.clone(), request.headers().get(&name)?.clone())));
        Self {
            head: request.method() == Method::HEAD,
            conditions: sent.collect(),
            asking: Asking::of(request.method(), request.headers()),
        }
    }

    /// Somebody who takes all there is.
    pub(super) fn whole(conditions: HeaderMap) -> Self {
        Self {
            conditions,
            ..Self::default()
        }
    }

    fn text(&self, name: header::HeaderName) -> Option<&str> {
        self.conditions.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether the viewer has it already (RFC 9110, 13.1: an entity tag goes before a date, and weak ones are compared).
    fn has(&self, headers: &HeaderMap) -> bool {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        if let Some(wanted) = self.text(header::IF_NONE_MATCH) {
            return text(header::ETAG).is_some_and(|etag| {
                wanted
                    .split(',')
                    .any(|one| one.trim() == "*" || opaque(one) == opaque(etag))
            });
        }
        let since = self.text(header::IF_MODIFIED_SINCE).and_then(rules::date);
        let modified = text(header::LAST_MODIFIED).and_then(rules::date);
        since.zip(modified).is_some_and(|(since, modified)| modified <= since)
    }

    /// The parts that the viewer wants of a response of known length.
    fn parts(&self, headers: &HeaderMap, length: usize) -> Parts {
        let Some(range) = self.text(header::RANGE) else {
            return Parts::Whole;
        };
        let same = |condition: &str| {
            let is = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()) == Some(condition);
            !condition.starts_with("W/") && is(header::ETAG) || is(header::LAST_MODIFIED)
        };
        // The whole of what was sent in chunks (CloudFront guide, RangeGETs), and of what is not what the viewer has parts of.
        if !headers.contains_key(header::CONTENT_LENGTH) || !self.text(header::IF_RANGE).is_none_or(same) {
            return Parts::Whole;
        }
        ranges::parts(range, length)
    }
}

/// Gives a response that was kept, or was just got in order to be kept.
pub(super) fn give(exchange: &Exchange, wants: &Wants, entry: &Entry, now: f64, x_cache: &'static str) -> Response {
    let mut headers = entry.headers.clone();
    let (status, body) = if entry.status == StatusCode::OK && !entry.is_error {
        portion(wants, &mut headers, &entry.body)
    } else {
        (entry.status, entry.body.clone())
    };
    if x_cache != MISS {
        let age = (now - entry.stored).max(0.0) as u64;
        headers.insert(header::AGE, HeaderValue::from(age));
    }
    let mut response = Response::new(if wants.head { Body::empty() } else { Body::from(body) });
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    finish(exchange, wants, response, if entry.is_error { ERROR } else { x_cache })
}

fn portion(wants: &Wants, headers: &mut HeaderMap, body: &Bytes) -> (StatusCode, Bytes) {
    if wants.has(headers) {
        headers.remove(header::CONTENT_LENGTH);
        return (StatusCode::NOT_MODIFIED, Bytes::new());
    }
    if headers.contains_key(header::CONTENT_LENGTH) {
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }
    match wants.parts(headers, body.len()) {
        Parts::Whole => (StatusCode::OK, body.clone()),
        Parts::Some(parts) => ranges::cut(headers, body, &parts),
        Parts::None => (ranges::unsatisfiable(headers, body.len()), Bytes::new()),
    }
}

/// Gives a response that passes and is not kept.
pub(super) fn pass(exchange: &Exchange, wants: &Wants, mut response: Response) -> Response {
    if response.status() == StatusCode::OK && wants.has(response.headers()) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    finish(exchange, wants, response, MISS)
}

/// Changes and marks an answer, whichever way it came. Errors are marked as such, hit or not.
pub(super) fn finish(exchange: &Exchange, wants: &Wants, mut response: Response, x_cache: &'static str) -> Response {
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    let x_cache = if failed { ERROR } else { x_cache };
    response_headers::change(exchange, &wants.asking, x_cache, response.headers_mut());
    mark(response, x_cache, &exchange.request_id)
}
