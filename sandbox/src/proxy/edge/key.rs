//! What of a request is in the cache key, and what of it reaches the origin.
//! Must know nothing of answers. Source: CloudFront guide, RequestAndResponseBehaviorCustomOrigin, the table of headers.

use axum::extract::Request;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};

use super::compress::Encoding;
use super::exchange::{Exchange, add_via};
use crate::proxy::forward::append_forwarded_for;
use crate::world::edge_policies::Selection;

/// Headers that reach the origin only if a policy names them.
const REMOVED: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-language",
    "cookie",
    "referer",
    "x-http-method-override",
];

/// Headers that never reach it.
const ALWAYS_REMOVED: &[&str] = &[
    "accept-encoding",
    "expect",
    "proxy-authenticate",
    "proxy-authorization",
    "x-amz-cf-id",
    "x-forwarded-proto",
    "x-real-ip",
];

/// Headers by which one viewer asks for less than the whole answer.
const VIEWER_CONDITIONS: &[&str] = &[
    "if-none-match",
    "if-modified-since",
    "if-match",
    "if-unmodified-since",
    "if-range",
    "range",
];

/// By what responses are told apart: two requests with one key get one answer.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub text: String,
    /// Path and query as they are in the key.
    pub path: String,
    /// What CloudFront would compress a response with.
    pub encoding: Option<Encoding>,
}

pub(super) fn cache_key(exchange: &Exchange, request: &Request) -> Key {
    let rules = &exchange.cache;
    let mut path = exchange.path.clone();
    if let Some(query) = select_query(request, |name| rules.query.takes(name)) {
        path.push('?');
        path.push_str(&query);
    }
    let mut text = format!("{}\n{path}", exchange.distribution_id);
    // HEAD is answered from what GET brought.
    if *request.method() == Method::OPTIONS {
        text.push_str("\nOPTIONS");
    }
    if rules.headers != Selection::Nothing {
        let mut headers: Vec<String> = request
            .headers()
            .iter()
            .filter(|(name, _)| rules.headers.takes_header(name.as_str()))
            .map(|(name, value)| format!("\n{name}:{}", String::from_utf8_lossy(value.as_bytes())))
            .collect();
        headers.sort();
        text.extend(headers);
    }
    if let Some(cookies) = select_cookies(request.headers(), |name| rules.cookies.takes(name)) {
        text.push_str("\ncookie:");
        text.push_str(&cookies);
    }
    let encodings = encodings(exchange, request);
    if let Some(encodings) = encodings {
        text.push_str("\naccept-encoding:");
        text.push_str(encodings);
    }
    Key {
        text,
        path,
        // Brotli where both are taken (CloudFront guide, ServingCompressedFiles).
        encoding: encodings.map(|encodings| match encodings {
            "gzip" => Encoding::Gzip,
            _ => Encoding::Brotli,
        }),
    }
}

/// What CloudFront makes of `Accept-Encoding` where the policy looks at it: one of four values. None of a viewer of HTTP/1.0.
fn encodings(exchange: &Exchange, request: &Request) -> Option<&'static str> {
    if request.version() < Version::HTTP_11 {
        return None;
    }
    let accepted = request.headers().get(header::ACCEPT_ENCODING)?.to_str().ok()?;
    let accepts = |wanted: &str| {
        accepted.split(',').any(|part| {
            let (name, weight) = part.split_once(';').unwrap_or((part, ""));
            let weight = weight
                .trim()
                .strip_prefix("q=")
                .and_then(|weight| weight.parse::<f32>().ok());
            name.trim().eq_ignore_ascii_case(wanted) && weight != Some(0.0)
        })
    };
    let rules = &exchange.cache;
    match (rules.brotli && accepts("br"), rules.gzip && accepts("gzip")) {
        (true, true) => Some("br,gzip"),
        (true, false) => Some("br"),
        (false, true) => Some("gzip"),
        (false, false) => None,
    }
}

fn select_query(request: &Request, takes: impl Fn(&str) -> bool) -> Option<String> {
    let parts = request.uri().query()?.split('&');
    let taken: Vec<&str> = parts
        .filter(|part| takes(part.split('=').next().unwrap_or(part)))
        .collect();
    (!taken.is_empty()).then(|| taken.join("&"))
}

fn select_cookies(headers: &HeaderMap, takes: impl Fn(&str) -> bool) -> Option<String> {
    let values = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let cookies = values.flat_map(|value| value.split(';')).map(str::trim);
    let taken: Vec<&str> = cookies
        .filter(|cookie| takes(cookie.split('=').next().unwrap_or(cookie)))
        .collect();
    (!taken.is_empty()).then(|| taken.join("; "))
}

/// Path and query as the origin gets them. Query strings that no policy takes are not sent at all.
pub(super) fn origin_path(exchange: &Exchange, request: &Request) -> String {
    let path = format!("{}{}", exchange.origin.path.trim_end_matches('/'), exchange.path);
    match select_query(request, |name| exchange.takes_query(name)) {
        Some(query) => format!("{path}?{query}"),
        None => path,
    }
}

/// Whether a header of the viewer's reaches the origin.
fn is_forwarded(exchange: &Exchange, method: &Method, name: &str) -> bool {
    if ALWAYS_REMOVED.contains(&name) || name.starts_with("x-edge-") {
        return false;
    }
    if name == "authorization" {
        // Of requests that may be answered for others, it goes (the table's row `Authorization`).
        let kept_for_others = matches!(*method, Method::GET | Method::HEAD) || exchange.caches(method);
        return !kept_for_others || exchange.takes_header(name);
    }
    !REMOVED.contains(&name) || exchange.takes_header(name)
}

/// The headers as the origin gets them. `for_cache`: the answer may be kept for others, so this viewer's conditions do not count.
pub(super) fn origin_headers(exchange: &Exchange, request: &Request, for_cache: bool) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(request.headers().len() + 4);
    for (name, value) in request.headers() {
        let conditional = for_cache && VIEWER_CONDITIONS.contains(&name.as_str());
        if !conditional && is_forwarded(exchange, request.method(), name.as_str()) {
            headers.append(name.clone(), value.clone());
        }
    }
    set_if(
        &mut headers,
        header::COOKIE,
        select_cookies(request.headers(), |name| exchange.takes_cookie(name)),
    );
    set_if(
        &mut headers,
        header::ACCEPT_ENCODING,
        accept_encoding(exchange, request),
    );
    if !exchange.takes_header("user-agent") {
        headers.insert(header::USER_AGENT, HeaderValue::from_static("Amazon CloudFront"));
    }
    if !exchange.takes_header("host") {
        set_if(&mut headers, header::HOST, Some(exchange.origin.domain_name.clone()));
    }
    append_forwarded_for(&mut headers, exchange.viewer.ip());
    add_via(&mut headers);
    set_if(
        &mut headers,
        HeaderName::from_static("x-amz-cf-id"),
        Some(exchange.request_id.clone()),
    );
    for (name, value) in &exchange.origin.custom_headers {
        // Overwrites a viewer's header of the same name: that is what makes it worth checking at the origin.
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
            headers.insert(name, value);
        }
    }
    headers
}

/// Normalized where the cache policy looks at it, else a header like any other that must be named.
fn accept_encoding(exchange: &Exchange, request: &Request) -> Option<String> {
    if exchange.cache.gzip || exchange.cache.brotli {
        return encodings(exchange, request).map(str::to_owned);
    }
    let sent = request.headers().get(header::ACCEPT_ENCODING)?.to_str().ok()?;
    exchange.takes_header("accept-encoding").then(|| sent.to_owned())
}

/// Sets the header to the value, or removes it where there is none.
fn set_if(headers: &mut HeaderMap, name: HeaderName, value: Option<String>) {
    headers.remove(&name);
    if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
        headers.insert(name, value);
    }
}
