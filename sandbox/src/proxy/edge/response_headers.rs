//! What the edge changes in the headers of an answer: the response headers policy, `Vary`, `Set-Cookie`.
//! Must know nothing of caching. Source: CloudFront guide, understanding-response-headers-policies.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::exchange::{Exchange, LOCATION};
use crate::world::edge_policies::{Cors, ResponseHeadersRules};

/// What of a viewer's request decides over headers of its answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Asking {
    pub origin: Option<HeaderValue>,
    /// The request is a browser's question whether it may make another one.
    pub preflight: bool,
    /// `Pragma: server-timing` asks for the header whatever the sampling rate.
    pub timing: bool,
}

impl Asking {
    pub(super) fn of(method: &Method, headers: &HeaderMap) -> Self {
        Self {
            origin: headers.get(header::ORIGIN).cloned(),
            preflight: method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD),
            timing: headers
                .get(header::PRAGMA)
                .is_some_and(|pragma| pragma == "server-timing"),
        }
    }
}

/// Changes the headers of an answer as the behavior asks.
pub(super) fn change(exchange: &Exchange, asking: &Asking, x_cache: &str, headers: &mut HeaderMap) {
    if !exchange.has_cookies() {
        headers.remove(header::SET_COOKIE);
    }
    thin_vary(exchange, headers);
    let Some(rules) = &exchange.response_headers else {
        return;
    };
    for name in &rules.removed {
        headers.remove(name.as_str());
    }
    if let (Some(cors), Some(origin)) = (&rules.cors, &asking.origin) {
        set_cors(cors, origin, asking.preflight, headers);
    }
    for one in rules.security.headers().iter().chain(&rules.custom) {
        set(headers, &one.name, &one.value, one.overrides);
    }
    set_timing(exchange, rules, asking, x_cache, headers);
}

/// Only what the cache tells apart may be in `Vary` (CloudFront guide, RequestAndResponseBehaviorCustomOrigin).
fn thin_vary(exchange: &Exchange, headers: &mut HeaderMap) {
    if !headers.contains_key(header::VARY) {
        return;
    }
    let values = headers
        .get_all(header::VARY)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut kept: Vec<String> = Vec::new();
    for name in values.flat_map(|value| value.split(',')).map(str::trim) {
        let stays = ["accept-encoding", "cookie"]
            .iter()
            .any(|one| name.eq_ignore_ascii_case(one))
            || exchange.takes_header(name);
        if stays && !kept.iter().any(|one| one.eq_ignore_ascii_case(name)) {
            kept.push(name.to_owned());
        }
    }
    headers.remove(header::VARY);
    if let Ok(value) = HeaderValue::from_str(&kept.join(", "))
        && !kept.is_empty()
    {
        headers.insert(header::VARY, value);
    }
}

fn set(headers: &mut HeaderMap, name: &str, value: &str, overrides: bool) {
    if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value))
        && (overrides || !headers.contains_key(&name))
    {
        headers.insert(name, value);
    }
}

/// Without override, an origin that sends any header of this kind has them all to itself.
fn set_cors(cors: &Cors, origin: &HeaderValue, preflight: bool, headers: &mut HeaderMap) {
    let sent = headers.keys().any(|name| name.as_str().starts_with("access-control-"));
    let Some(allowed) = allowed_origin(cors, origin).filter(|_| cors.overrides || !sent) else {
        return;
    };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    if cors.allow_credentials {
        set(headers, "access-control-allow-credentials", "true", true);
    }
    if !cors.expose_headers.is_empty() {
        set(
            headers,
            "access-control-expose-headers",
            &cors.expose_headers.join(","),
            true,
        );
    }
    if !preflight {
        return;
    }
    let methods = match cors.allow_methods.as_slice() {
        [all] if all == "ALL" => "DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT".to_owned(),
        listed => listed.join(","),
    };
    set(headers, "access-control-allow-methods", &methods, true);
    set(
        headers,
        "access-control-allow-headers",
        &cors.allow_headers.join(","),
        true,
    );
    if let Some(seconds) = cors.max_age {
        set(headers, "access-control-max-age", &seconds.to_string(), true);
    }
}

/// `*`, or the origin where the list names it; a `*` in a name stands for one or more labels.
fn allowed_origin(cors: &Cors, origin: &HeaderValue) -> Option<HeaderValue> {
    let asked = origin.to_str().ok()?;
    let host = asked.split_once("://").map_or(asked, |(_, host)| host);
    let listed = |one: &String| {
        let subject = if one.contains("://") { asked } else { host };
        match one.split_once('*') {
            Some((begin, end)) => {
                subject.len() > begin.len() + end.len() && subject.starts_with(begin) && subject.ends_with(end)
            }
            None => subject.eq_ignore_ascii_case(one),
        }
    };
    if cors.allow_origins.iter().any(|one| one == "*") {
        return Some(HeaderValue::from_static("*"));
    }
    cors.allow_origins.iter().any(listed).then(|| origin.clone())
}

fn set_timing(
    exchange: &Exchange,
    rules: &ResponseHeadersRules,
    asking: &Asking,
    x_cache: &str,
    headers: &mut HeaderMap,
) {
    let Some(rate) = rules.server_timing else { return };
    if asking.timing || rand::random::<f64>() * 100.0 < rate {
        let outcome = if x_cache.starts_with("Miss") { "miss" } else { "hit" };
        let id = &exchange.request_id;
        let value = format!("cdn-cache-{outcome},cdn-pop;desc=\"{LOCATION}\",cdn-rid;desc=\"{id}\"");
        set(headers, "server-timing", &value, true);
    }
}
