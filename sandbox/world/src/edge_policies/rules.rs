//! What each kind of policy rules.
//! Must know nothing of who owns it. Source: CloudFront API, CachePolicyConfig, OriginRequestPolicyConfig,
//! ResponseHeadersPolicyConfig.

use super::{EdgePolicies, Kind, Policies};
use crate::Refusal;

/// Which headers, cookies or query strings a policy takes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Selection {
    #[default]
    Nothing,
    All,
    AllExcept(Vec<String>),
    Only(Vec<String>),
}

impl Selection {
    /// Whether the policy takes the cookie or query string of that name; case counts.
    pub fn takes(&self, name: &str) -> bool {
        self.decide(|listed| listed == name)
    }

    /// Whether the policy takes the header of that name, in whatever case.
    pub fn takes_header(&self, name: &str) -> bool {
        self.decide(|listed| listed.eq_ignore_ascii_case(name))
    }

    fn decide(&self, is: impl Fn(&str) -> bool) -> bool {
        let listed = |names: &[String]| names.iter().any(|listed| is(listed));
        match self {
            Self::Nothing => false,
            Self::All => true,
            Self::AllExcept(names) => !listed(names),
            Self::Only(names) => listed(names),
        }
    }

    /// The names that are listed, whatever that means.
    pub fn names(&self) -> &[String] {
        match self {
            Self::Nothing | Self::All => &[],
            Self::AllExcept(names) | Self::Only(names) => names,
        }
    }
}

/// What is in the cache key, and how long a response is kept. Times in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheRules {
    pub min_ttl: i64,
    pub default_ttl: i64,
    pub max_ttl: i64,
    pub gzip: bool,
    pub brotli: bool,
    pub headers: Selection,
    pub cookies: Selection,
    pub query: Selection,
}

impl CacheRules {
    /// Rules with nothing but the path in the key.
    pub fn new(min_ttl: i64, default_ttl: i64, max_ttl: i64) -> Self {
        Self {
            min_ttl,
            default_ttl,
            max_ttl,
            gzip: false,
            brotli: false,
            headers: Selection::Nothing,
            cookies: Selection::Nothing,
            query: Selection::Nothing,
        }
    }

    /// Whether anything but errors is ever kept.
    pub fn caches(&self) -> bool {
        self.max_ttl > 0
    }
}

impl Kind for CacheRules {
    const NAME: &'static str = "CachePolicy";
    const WORDS: &'static str = "cache policy";

    fn of(policies: &EdgePolicies) -> &Policies<Self> {
        &policies.cache
    }

    fn of_mut(policies: &mut EdgePolicies) -> &mut Policies<Self> {
        &mut policies.cache
    }

    fn check(&self) -> Result<(), Refusal> {
        let invalid = |text: &str| Err(Refusal::new("InvalidArgument", text));
        if !(0 <= self.min_ttl && self.min_ttl <= self.default_ttl && self.default_ttl <= self.max_ttl) {
            return invalid("The parameter MinTTL, DefaultTTL or MaxTTL is not valid: MinTTL <= DefaultTTL <= MaxTTL.");
        }
        if self.headers.takes_header("accept-encoding") {
            return invalid("The parameter Headers contains Accept-Encoding that is not allowed.");
        }
        if self.caches() {
            return Ok(());
        }
        // Wording as clients report it (terraform-provider-aws#18478).
        for (parameter, set) in [
            ("HeaderBehavior", self.headers != Selection::Nothing),
            ("CookieBehavior", self.cookies != Selection::Nothing),
            ("QueryStringBehavior", self.query != Selection::Nothing),
            ("EnableAcceptEncodingGzip", self.gzip),
            ("EnableAcceptEncodingBrotli", self.brotli),
        ] {
            if set {
                return invalid(&format!(
                    "The parameter {parameter} is invalid for policy with caching disabled."
                ));
            }
        }
        Ok(())
    }
}

/// What reaches the origin beside the cache key.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OriginRequestRules {
    pub headers: Selection,
    /// Headers that CloudFront itself adds to all of the viewer's.
    pub cloudfront_headers: Vec<String>,
    pub cookies: Selection,
    pub query: Selection,
}

impl Kind for OriginRequestRules {
    const NAME: &'static str = "OriginRequestPolicy";
    const WORDS: &'static str = "origin request policy";

    fn of(policies: &EdgePolicies) -> &Policies<Self> {
        &policies.origin_request
    }

    fn of_mut(policies: &mut EdgePolicies) -> &mut Policies<Self> {
        &mut policies.origin_request
    }

    fn check(&self) -> Result<(), Refusal> {
        Ok(())
    }
}

/// What is added to and removed from responses.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResponseHeadersRules {
    pub cors: Option<Cors>,
    pub security: Security,
    pub custom: Vec<Header>,
    pub removed: Vec<String>,
    /// Percent of responses that carry `Server-Timing`; `None` where it is off.
    pub server_timing: Option<f64>,
}

/// A header that is set. `overrides`: also where the origin sent one.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    pub name: String,
    pub value: String,
    pub overrides: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Cors {
    pub allow_credentials: bool,
    pub allow_headers: Vec<String>,
    pub allow_methods: Vec<String>,
    pub allow_origins: Vec<String>,
    pub expose_headers: Vec<String>,
    /// Seconds.
    pub max_age: Option<i32>,
    pub overrides: bool,
}

/// The headers that have a member of their own in CloudFront's API.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Security {
    pub content_security_policy: Option<ContentSecurityPolicy>,
    /// `X-Content-Type-Options: nosniff`; whether it overrides.
    pub content_type_options: Option<bool>,
    /// `DENY` or `SAMEORIGIN`, and whether it overrides.
    pub frame_options: Option<(String, bool)>,
    /// The policy, and whether it overrides.
    pub referrer_policy: Option<(String, bool)>,
    pub strict_transport_security: Option<StrictTransportSecurity>,
    pub xss_protection: Option<XssProtection>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ContentSecurityPolicy {
    pub policy: String,
    pub overrides: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct StrictTransportSecurity {
    /// Seconds.
    pub max_age: i32,
    pub include_subdomains: Option<bool>,
    pub preload: Option<bool>,
    pub overrides: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct XssProtection {
    pub protection: bool,
    pub mode_block: Option<bool>,
    pub report_uri: Option<String>,
    pub overrides: bool,
}

impl Security {
    /// As headers.
    pub fn headers(&self) -> Vec<Header> {
        let header = |name: &str, value: String, overrides: bool| Header {
            name: name.to_owned(),
            value,
            overrides,
        };
        let mut headers = Vec::new();
        if let Some(one) = &self.content_security_policy {
            headers.push(header("content-security-policy", one.policy.clone(), one.overrides));
        }
        if let Some(overrides) = self.content_type_options {
            headers.push(header("x-content-type-options", "nosniff".to_owned(), overrides));
        }
        if let Some((value, overrides)) = &self.frame_options {
            headers.push(header("x-frame-options", value.clone(), *overrides));
        }
        if let Some((value, overrides)) = &self.referrer_policy {
            headers.push(header("referrer-policy", value.clone(), *overrides));
        }
        if let Some(one) = &self.strict_transport_security {
            let mut value = format!("max-age={}", one.max_age);
            if one.include_subdomains == Some(true) {
                value.push_str("; includeSubDomains");
            }
            if one.preload == Some(true) {
                value.push_str("; preload");
            }
            headers.push(header("strict-transport-security", value, one.overrides));
        }
        if let Some(one) = &self.xss_protection {
            let mut value = if one.protection { "1" } else { "0" }.to_owned();
            if one.mode_block == Some(true) {
                value.push_str("; mode=block");
            }
            if let Some(uri) = &one.report_uri {
                value.push_str(&format!("; report={uri}"));
            }
            headers.push(header("x-xss-protection", value, one.overrides));
        }
        headers
    }
}

impl Kind for ResponseHeadersRules {
    const NAME: &'static str = "ResponseHeadersPolicy";
    const WORDS: &'static str = "response headers policy";

    fn of(policies: &EdgePolicies) -> &Policies<Self> {
        &policies.response_headers
    }

    fn of_mut(policies: &mut EdgePolicies) -> &mut Policies<Self> {
        &mut policies.response_headers
    }

    fn check(&self) -> Result<(), Refusal> {
        if let Some(cors) = &self.cors
            && cors.allow_credentials
            && [
                &cors.allow_origins,
                &cors.allow_headers,
                &cors.allow_methods,
                &cors.expose_headers,
            ]
            .iter()
            .any(|list| list.iter().any(|one| one == "*" || one == "ALL"))
        {
            let text =
                "The parameter AccessControlAllowCredentials cannot be true with a wildcard in the CORS configuration.";
            return Err(Refusal::new("InvalidArgument", text));
        }
        Ok(())
    }
}
