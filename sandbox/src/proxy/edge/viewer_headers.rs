//! `CloudFront-*` headers: what the edge says of a viewer where a policy asks for it.
//! Must know nothing of caching. Source: CloudFront guide, adding-cloudfront-headers. Where a viewer is on earth, its network and
//! its TLS are unknown here: those headers are left out.

use axum::extract::Request;
use http::{HeaderName, HeaderValue, Version, header};

use super::exchange::Exchange;

const PREFIX: &str = "cloudfront-";

/// Takes away those that the viewer sent and sets those that a policy names.
pub(super) fn replace(exchange: &Exchange, request: &mut Request) {
    let sent: Vec<HeaderName> = request
        .headers()
        .keys()
        .filter(|name| name.as_str().starts_with(PREFIX))
        .cloned()
        .collect();
    for name in sent {
        request.headers_mut().remove(name);
    }
    let of_origin = exchange.origin_request.iter();
    let of_origin = of_origin.flat_map(|rules| rules.headers.names().iter().chain(&rules.cloudfront_headers));
    let named = exchange.cache.headers.names().iter().chain(of_origin);
    let asked: Vec<HeaderName> = named
        .filter_map(|name| name.parse::<HeaderName>().ok())
        .filter(|name| name.as_str().starts_with(PREFIX))
        .collect();
    for name in asked {
        if let Some(value) =
            value(exchange, request, name.as_str()).and_then(|value| HeaderValue::from_str(&value).ok())
        {
            request.headers_mut().insert(name, value);
        }
    }
}

fn value(exchange: &Exchange, request: &Request, name: &str) -> Option<String> {
    Some(match name.strip_prefix(PREFIX)? {
        "forwarded-proto" => exchange.protocol().to_owned(),
        "viewer-address" => exchange.viewer.to_string(),
        "viewer-http-version" => match request.version() {
            Version::HTTP_10 => "1.0",
            _ => "1.1",
        }
        .to_owned(),
        device => Device::of(request).is(device)?.to_string(),
    })
}

/// What the user agent says that it runs on.
struct Device {
    android: bool,
    ios: bool,
    tablet: bool,
    tv: bool,
    mobile: bool,
}

impl Device {
    fn of(request: &Request) -> Self {
        let agent = request.headers().get(header::USER_AGENT);
        let agent = agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()).to_ascii_lowercase());
        let agent = agent.unwrap_or_default();
        let says = |word: &str| agent.contains(word);
        let tablet = says("ipad") || says("tablet") || says("android") && !says("mobile");
        let tv = says("smart-tv") || says("smarttv") || says("appletv");
        Self {
            android: says("android"),
            ios: says("iphone") || says("ipad"),
            tablet: tablet && !tv,
            tv,
            mobile: says("mobile") && !tablet,
        }
    }

    fn is(&self, name: &str) -> Option<bool> {
        Some(match name {
            "is-android-viewer" => self.android,
            "is-desktop-viewer" => !(self.mobile || self.tablet || self.tv),
            "is-ios-viewer" => self.ios,
            "is-mobile-viewer" => self.mobile,
            "is-smarttv-viewer" => self.tv,
            "is-tablet-viewer" => self.tablet,
            _ => return None,
        })
    }
}
