//! One request at the edge: what of the world it depends on, taken once, and how its answer is marked.
//! Must know nothing of caching.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::rules;
use crate::proxy::pages;
use crate::world::distributions::{Behavior, Configuration, Distribution, Origin};
use crate::world::edge_policies::{self, CachePolicy, OriginRequestPolicy};
use crate::world::{World, ids, web_acls};

/// The edge location that the sandbox is.
const LOCATION: HeaderValue = HeaderValue::from_static("SBX50-C1");

/// What a request depends on.
pub(super) struct Exchange {
    pub distribution_id: String,
    /// The distribution's domain.
    pub host: String,
    pub viewer: IpAddr,
    /// `X-Amz-Cf-Id`.
    pub request_id: String,
    /// The viewer's path, or the default root object.
    pub path: String,
    pub behavior: Behavior,
    pub origin: Origin,
    pub cache_policy: &'static CachePolicy,
    pub origin_request_policy: Option<&'static OriginRequestPolicy>,
    pub error_ttls: BTreeMap<u16, i64>,
    /// Sandbox seconds and paths of what was invalidated.
    pub invalidations: Vec<(f64, Vec<String>)>,
    pub firewall: Option<Firewall>,
}

/// The web ACL in front of a distribution.
pub(super) struct Firewall {
    pub arn: String,
    pub allows: bool,
    pub rules: Vec<web_acls::Rule>,
}

pub(super) enum Refused {
    Unknown,
    Disabled { request_id: String },
}

impl Exchange {
    /// Finds the distribution, the behavior for `path` and all that they name.
    pub(super) fn open(world: &World, host: &str, viewer: IpAddr, path: &str) -> Result<Self, Refused> {
        let request_id = format!("{}==", ids::smalls(54));
        let now = world.clock.now();
        let state = world.lock();
        let distribution = state.distributions.by_domain(host).ok_or(Refused::Unknown)?;
        let configuration = distribution.served(now).ok_or(Refused::Unknown)?;
        if !configuration.enabled {
            return Err(Refused::Disabled { request_id });
        }
        let path = match configuration.default_root_object.as_str() {
            "" => path.to_owned(),
            object if path == "/" => format!("/{}", object.trim_start_matches('/')),
            _ => path.to_owned(),
        };
        let behavior = rules::behavior(configuration, &path);
        // Checked when the configuration was stored.
        let origin = configuration
            .origin(&behavior.target_origin_id)
            .ok_or(Refused::Unknown)?;
        let cache_policy = edge_policies::cache_policy(&behavior.cache_policy_id).ok_or(Refused::Unknown)?;
        let policy_id = behavior.origin_request_policy_id.as_deref();
        Ok(Self {
            distribution_id: distribution.id.clone(),
            host: host.to_owned(),
            viewer,
            request_id,
            path,
            origin_request_policy: policy_id.and_then(edge_policies::origin_request_policy),
            error_ttls: configuration.error_ttls.clone(),
            invalidations: invalidations(distribution),
            firewall: firewall(&state.web_acls, configuration),
            behavior: behavior.clone(),
            origin: origin.clone(),
            cache_policy,
        })
    }

    /// Whether answers to the method may come from the cache.
    pub(super) fn caches(&self, method: &Method) -> bool {
        self.behavior
            .cached_methods
            .iter()
            .any(|cached| cached == method.as_str())
    }

    pub(super) fn takes_header(&self, name: &str) -> bool {
        self.cache_policy.headers.takes(name)
            || self
                .origin_request_policy
                .is_some_and(|policy| policy.headers.takes(name))
    }

    pub(super) fn takes_cookie(&self, name: &str) -> bool {
        self.cache_policy.cookies.takes(name)
            || self
                .origin_request_policy
                .is_some_and(|policy| policy.cookies.takes(name))
    }

    pub(super) fn takes_query(&self, name: &str) -> bool {
        self.cache_policy.query.takes(name)
            || self
                .origin_request_policy
                .is_some_and(|policy| policy.query.takes(name))
    }

    /// Whether any cookie reaches the origin; if not, none comes back either (CloudFront guide, Cookies).
    pub(super) fn has_cookies(&self) -> bool {
        use edge_policies::Selection::Nothing;
        self.cache_policy.cookies != Nothing
            || self
                .origin_request_policy
                .is_some_and(|policy| policy.cookies != Nothing)
    }

    /// An answer of CloudFront's own.
    pub(super) fn refuse(&self, status: StatusCode, reason: &str) -> Response {
        mark(
            pages::cloudfront(status, reason, &self.request_id),
            "Error from cloudfront",
            &self.request_id,
        )
    }
}

fn invalidations(distribution: &Distribution) -> Vec<(f64, Vec<String>)> {
    let all = distribution.invalidations.iter();
    all.map(|one| (one.created.as_nanosecond() as f64 / 1e9, one.paths.clone()))
        .collect()
}

fn firewall(web_acls: &web_acls::WebAcls, configuration: &Configuration) -> Option<Firewall> {
    let acl = web_acls.by_arn(&configuration.web_acl_id)?;
    Some(Firewall {
        arn: acl.arn.clone(),
        allows: acl.definition.allows,
        rules: acl.definition.rules.clone(),
    })
}

/// Adds what CloudFront adds to every answer.
pub(super) fn mark(mut response: Response, x_cache: &'static str, request_id: &str) -> Response {
    let headers = response.headers_mut();
    headers.insert("x-cache", HeaderValue::from_static(x_cache));
    headers.insert("x-amz-cf-pop", LOCATION);
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amz-cf-id", id);
    }
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
