//! What of a request is in the cache key, and what of it reaches the origin.
//! Must know nothing of answers. Source: CloudFront guide, RequestAndResponseBehaviorCustomOrigin, the table of headers.

use axum::extract::Request;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::exchange::{Exchange, add_via};
use crate::proxy::forward::append_forwarded_for;

/// Headers that reach the origin only if a policy names them.
const REMOVED: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-language",
    "authorization",
    "cookie",
    "expect",
    "referer",
    "x-http-method-override",
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

/// Two requests with one key get one answer.
pub(super) fn cache_key(exchange: &Exchange, request: &Request) -> String {
    let policy = exchange.cache_policy;
    let mut key = format!("{}\n{}", exchange.distribution_id, exchange.path);
    if let Some(query) = select_query(request, |name| policy.query.takes(name)) {
        key.push('?');
        key.push_str(&query);
    }
    let mut headers: Vec<String> = request
        .headers()
        .iter()
        .filter(|(name, _)| policy.headers.takes(name.as_str()))
        .map(|(name, value)| format!("\n{name}:{}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    headers.sort();
    key.extend(headers);
    if let Some(cookies) = select_cookies(request.headers(), |name| policy.cookies.takes(name)) {
        key.push_str("\ncookie:");
        key.push_str(&cookies);
    }
    if let Some(encodings) = encodings(exchange, request.headers()) {
        key.push_str("\naccept-encoding:");
        key.push_str(encodings);
    }
    key
}

/// What CloudFront makes of `Accept-Encoding` where the policy looks at it: one of four values.
fn encodings(exchange: &Exchange, headers: &HeaderMap) -> Option<&'static str> {
    let accepted = headers.get(header::ACCEPT_ENCODING)?.to_str().ok()?;
    let accepts = |wanted: &str| {
        accepted.split(',').any(|part| {
            let (name, weight) = part.split_once(';').unwrap_or((part, ""));
            name.trim().eq_ignore_ascii_case(wanted) && !matches!(weight.trim(), "q=0" | "q=0.0")
        })
    };
    match (
        exchange.cache_policy.brotli && accepts("br"),
        exchange.cache_policy.gzip && accepts("gzip"),
    ) {
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

/// The headers as the origin gets them. `for_cache`: the answer may be kept for others, so this viewer's conditions do not count.
pub(super) fn origin_headers(exchange: &Exchange, request: &Request, for_cache: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers() {
        let conditional = for_cache && VIEWER_CONDITIONS.contains(&name.as_str());
        if !conditional && (!REMOVED.contains(&name.as_str()) || exchange.takes_header(name.as_str())) {
            headers.append(name.clone(), value.clone());
        }
    }
    set_if(
        &mut headers,
        header::COOKIE,
        select_cookies(request.headers(), |name| exchange.takes_cookie(name)),
    );
    let encodings = encodings(exchange, request.headers()).map(str::to_owned);
    set_if(&mut headers, header::ACCEPT_ENCODING, encodings);
    if !exchange.takes_header("user-agent") {
        headers.insert(header::USER_AGENT, HeaderValue::from_static("Amazon CloudFront"));
    }
    if !exchange.takes_header("host") {
        set_if(&mut headers, header::HOST, Some(exchange.origin.domain_name.clone()));
    }
    append_forwarded_for(&mut headers, exchange.viewer);
    add_via(&mut headers);
    set_if(
        &mut headers,
        HeaderName::from_static("x-amz-cf-id"),
        Some(exchange.request_id.clone()),
    );
    for name in exchange
        .origin_request_policy
        .map_or(&[][..], |policy| policy.cloudfront_headers)
    {
        let value = match *name {
            "cloudfront-forwarded-proto" => "http".to_owned(),
            _ => format!("{}:0", exchange.viewer),
        };
        set_if(&mut headers, HeaderName::from_static(name), Some(value));
    }
    for (name, value) in &exchange.origin.custom_headers {
        // Overwrites a viewer's header of the same name: that is what makes it worth checking at the origin.
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
            headers.insert(name, value);
        }
    }
    headers
}

/// Sets the header to the value, or removes it where there is none.
fn set_if(headers: &mut HeaderMap, name: HeaderName, value: Option<String>) {
    headers.remove(&name);
    if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
        headers.insert(name, value);
    }
}
