//! One request at the edge: what of the world it depends on, taken once, and how its answer is marked.
//! Must know nothing of caching.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use jiff::Timestamp;

use super::rules;
use crate::proxy::pages;
use crate::world::distributions::{Behavior, Caching, Configuration, ErrorResponse, Invalidation, Origin};
use crate::world::edge_policies::{CacheRules, OriginRequestRules, ResponseHeadersRules, Selection};
use crate::world::{State, World, ids, web_acls};

/// The edge location that the sandbox is.
pub(super) const LOCATION: &str = "SBX50-C1";

/// What a request depends on.
#[derive(Clone)]
pub(super) struct Exchange {
    pub distribution_id: String,
    /// The distribution's domain, or the alias that the viewer came by.
    pub host: String,
    pub viewer: SocketAddr,
    /// Whether the viewer came by HTTPS.
    pub secure: bool,
    /// `X-Amz-Cf-Id`.
    pub request_id: String,
    /// The viewer's path, or the default root object.
    pub path: String,
    pub behavior: Arc<Behavior>,
    pub origin: Arc<Origin>,
    pub cache: Arc<CacheRules>,
    pub firewall: Option<Firewall>,
    /// Oldest first.
    pub invalidations: Arc<Vec<Invalidation>>,
    /// Sandbox time of the request.
    pub opened: Timestamp,
    /// Whether it gets the page for another one's error.
    pub is_error_page: bool,
    pub response_headers: Option<Arc<ResponseHeadersRules>>,
    pub origin_request: Option<Arc<OriginRequestRules>>,
    configuration: Arc<Configuration>,
}

/// The web ACL in front of a distribution.
#[derive(Clone)]
pub(super) struct Firewall {
    pub arn: String,
    pub definition: Arc<web_acls::Definition>,
}

/// What the edge knows of a viewer before it knows a distribution.
#[derive(Clone, Copy)]
pub(super) struct Viewer<'a> {
    pub address: SocketAddr,
    pub secure: bool,
    pub host: &'a str,
    pub path: &'a str,
}

pub(super) enum Refused {
    Unknown,
    Disabled { request_id: String },
}

impl Exchange {
    /// Finds the distribution, the behavior for the viewer's path and all that they name.
    pub(super) fn open(world: &World, viewer: Viewer<'_>) -> Result<Self, Refused> {
        let request_id = format!("{}==", ids::smalls(54));
        let now = world.clock.now();
        let state = world.lock();
        let distribution = state.distributions.by_host(viewer.host, now).ok_or(Refused::Unknown)?;
        let configuration = distribution.served(now).ok_or(Refused::Unknown)?;
        if !configuration.enabled {
            return Err(Refused::Disabled { request_id });
        }
        let path = match configuration.default_root_object.as_str() {
            "" => viewer.path.to_owned(),
            object if viewer.path == "/" => format!("/{}", object.trim_start_matches('/')),
            _ => viewer.path.to_owned(),
        };
        let rules = Rules::find(&state, configuration, &path).ok_or(Refused::Unknown)?;
        Ok(Self {
            distribution_id: distribution.id.clone(),
            host: viewer.host.to_owned(),
            viewer: viewer.address,
            secure: viewer.secure,
            request_id,
            path,
            behavior: rules.behavior,
            origin: rules.origin,
            cache: rules.cache,
            origin_request: rules.origin_request,
            response_headers: rules.response_headers,
            firewall: firewall(&state.web_acls, configuration),
            invalidations: distribution.invalidations.clone(),
            opened: now,
            is_error_page: false,
            configuration: configuration.clone(),
        })
    }

    /// The request for the page that is shown for an error: another path, so another behavior.
    pub(super) fn for_error_page(&self, world: &World, path: &str) -> Option<Self> {
        let rules = Rules::find(&world.lock(), &self.configuration, path)?;
        Some(Self {
            path: path.to_owned(),
            behavior: rules.behavior,
            origin: rules.origin,
            cache: rules.cache,
            origin_request: rules.origin_request,
            response_headers: rules.response_headers,
            is_error_page: true,
            ..self.clone()
        })
    }

    /// What the distribution says of errors of that status.
    pub(super) fn error_response(&self, status: StatusCode) -> Option<&ErrorResponse> {
        self.configuration.error_responses.get(&status.as_u16())
    }

    /// Whether answers to the method may come from the cache.
    pub(super) fn caches(&self, method: &Method) -> bool {
        self.behavior
            .cached_methods
            .iter()
            .any(|cached| cached == method.as_str())
    }

    /// Whether the header is named by the cache policy or by the origin request policy.
    pub(super) fn takes_header(&self, name: &str) -> bool {
        let of_origin = |rules: &Arc<OriginRequestRules>| rules.headers.takes_header(name);
        self.cache.headers.takes_header(name) || self.origin_request.as_ref().is_some_and(of_origin)
    }

    pub(super) fn takes_cookie(&self, name: &str) -> bool {
        let of_origin = |rules: &Arc<OriginRequestRules>| rules.cookies.takes(name);
        self.cache.cookies.takes(name) || self.origin_request.as_ref().is_some_and(of_origin)
    }

    pub(super) fn takes_query(&self, name: &str) -> bool {
        let of_origin = |rules: &Arc<OriginRequestRules>| rules.query.takes(name);
        self.cache.query.takes(name) || self.origin_request.as_ref().is_some_and(of_origin)
    }

    /// Whether any cookie reaches the origin; if not, none comes back either (CloudFront guide, Cookies).
    pub(super) fn has_cookies(&self) -> bool {
        let of_origin = |rules: &Arc<OriginRequestRules>| rules.cookies != Selection::Nothing;
        self.cache.cookies != Selection::Nothing || self.origin_request.as_ref().is_some_and(of_origin)
    }

    /// `http` or `https`.
    pub(super) fn protocol(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// An answer of CloudFront's own, in place of the one that was asked for.
    pub(super) fn deny(&self, status: StatusCode, reason: &str) -> Response {
        pages::cloudfront(status, reason, &self.request_id)
    }
}

/// What a path leads to in a configuration.
struct Rules {
    behavior: Arc<Behavior>,
    origin: Arc<Origin>,
    cache: Arc<CacheRules>,
    origin_request: Option<Arc<OriginRequestRules>>,
    response_headers: Option<Arc<ResponseHeadersRules>>,
}

impl Rules {
    /// `None` where the configuration names what does not exist, which is checked when it is stored.
    fn find(state: &State, configuration: &Configuration, path: &str) -> Option<Self> {
        let behavior = rules::behavior(configuration, path);
        let policies = &state.edge_policies;
        let (cache, origin_request) = match &behavior.caching {
            Caching::Policies {
                cache_policy_id,
                origin_request_policy_id,
            } => {
                let id = origin_request_policy_id.as_deref();
                let origin_request = id.and_then(|id| policies.origin_request.rules(id));
                (policies.cache.rules(cache_policy_id)?, origin_request)
            }
            Caching::ForwardedValues { cache, origin_request } => (cache.clone(), Some(origin_request.clone())),
        };
        let id = behavior.response_headers_policy_id.as_deref();
        Some(Self {
            origin: configuration.origin(&behavior.target_origin_id)?.clone(),
            behavior: behavior.clone(),
            cache,
            origin_request,
            response_headers: id.and_then(|id| policies.response_headers.rules(id)),
        })
    }
}

fn firewall(web_acls: &web_acls::WebAcls, configuration: &Configuration) -> Option<Firewall> {
    let acl = web_acls.by_arn(&configuration.web_acl_id)?;
    Some(Firewall {
        arn: acl.arn.clone(),
        definition: acl.definition.clone(),
    })
}

/// Adds what CloudFront adds to every answer.
pub(super) fn mark(mut response: Response, x_cache: &'static str, request_id: &str) -> Response {
    let headers = response.headers_mut();
    headers.insert("x-cache", HeaderValue::from_static(x_cache));
    headers.insert("x-amz-cf-pop", HeaderValue::from_static(LOCATION));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amz-cf-id", id);
    }
    headers.remove(http::header::VIA);
    add_via(headers);
    response
}

/// Appends CloudFront to `Via`.
pub(super) fn add_via(headers: &mut HeaderMap) {
    headers.append(
        HeaderName::from_static("via"),
        HeaderValue::from_static("1.1 sandbox.cloudfront.net (CloudFront)"),
    );
}
