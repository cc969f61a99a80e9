//! Response headers that protect the visitor, the rule that nothing is cached unless its handler says so, and the mark
//! of requests that came from outside. It knows no route.

use axum::http::HeaderMap;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::response::Response;

/// No inline script or style, nothing from elsewhere, no frame, forms only to ourselves. No `upgrade-insecure-requests`
/// and no HSTS: the site also answers over plain HTTP (load balancer, sandbox); the edge may add them.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CONTENT_SECURITY_POLICY),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
    ),
];

/// What proxies add: CloudFront `Via` and `X-Amz-Cf-Id`, a load balancer `X-Forwarded-*` and `X-Amzn-Trace-Id`,
/// Beanstalk's nginx `X-Forwarded-For`, others `Forwarded`. A visitor can send more of them but take none away.
const MARKS: [&str; 7] = [
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-amzn-trace-id",
    "x-amz-cf-id",
    "x-real-ip",
    "forwarded",
    "via",
];

/// Sets the headers on a response. `no-store` where the handler chose nothing: CloudFront keeps a response without
/// Cache-Control for 24 hours (max(MinTTL, DefaultTTL) of CachingOptimized).
pub fn protect(response: &mut Response) {
    let headers = response.headers_mut();
    headers.reserve(HEADERS.len() + 1);
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

/// Whether a proxy passed the request on. Metrics and readiness are for those who ask the process itself, on its own port.
pub fn came_through_a_proxy(headers: &HeaderMap) -> bool {
    MARKS.iter().any(|mark| headers.contains_key(*mark))
}
