//! A distribution's configuration: what of it the sandbox acts on, and what CloudFront refuses in it.
//! Must know nothing of XML or of how the edge carries requests.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::edge_policies::{CacheRules, Kind, OriginRequestRules, ResponseHeadersRules};
use crate::{Refusal, State};

/// The three sets of methods that a behaviour may allow (CloudFront API, AllowedMethods).
const METHOD_SETS: [&[&str]; 3] = [
    &["GET", "HEAD"],
    &["GET", "HEAD", "OPTIONS"],
    &["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"],
];

/// Behaviours beside the default one, and origins (CloudFront quotas).
const MOST_BEHAVIORS: usize = 75;
const MOST_ORIGINS: usize = 100;

/// Statuses that can have a custom error response (CloudFront API, CustomErrorResponse).
const CUSTOM_ERRORS: &[u16] = &[400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504];

/// What of a DistributionConfig the sandbox acts on, and the whole of it as the codec wants it back.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    pub caller_reference: String,
    pub comment: String,
    pub enabled: bool,
    /// Alternate domain names. Unique among all distributions.
    pub aliases: Vec<String>,
    /// Of the certificate for the aliases; empty where it is CloudFront's own.
    pub certificate_arn: String,
    /// `TLSv1.2_2021`, …: the security policy of those who come by an alias.
    pub minimum_protocol: String,
    pub default_root_object: String,
    /// An ARN, or empty.
    pub web_acl_id: String,
    pub origins: Vec<Arc<Origin>>,
    pub default_behavior: Arc<Behavior>,
    /// In order of precedence.
    pub behaviors: Vec<Arc<Behavior>>,
    /// By the HTTP status of the error.
    pub error_responses: BTreeMap<u16, ErrorResponse>,
    /// Every member, for reading back; opaque to the world.
    pub document: serde_json::Value,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    pub id: String,
    pub domain_name: String,
    /// Put before the request's path; may be empty.
    pub path: String,
    pub custom_headers: Vec<(String, String)>,
    /// `http-only`, `match-viewer`, `https-only`.
    pub protocol_policy: String,
    pub http_port: u16,
    pub https_port: u16,
    /// Those that CloudFront speaks to it: `TLSv1.2`, …
    pub ssl_protocols: Vec<String>,
    /// Seconds.
    pub read_timeout: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Behavior {
    /// `*` for the default behavior.
    pub path_pattern: String,
    pub target_origin_id: String,
    /// `allow-all`, `https-only`, `redirect-to-https`.
    pub viewer_protocol_policy: String,
    pub allowed_methods: Vec<String>,
    pub cached_methods: Vec<String>,
    /// Whether CloudFront compresses what the origin sent uncompressed.
    pub compress: bool,
    pub caching: Caching,
    pub response_headers_policy_id: Option<String>,
}

/// What is in the cache key and what reaches the origin.
#[derive(Debug, Clone, PartialEq)]
pub enum Caching {
    Policies {
        cache_policy_id: String,
        origin_request_policy_id: Option<String>,
    },
    /// The deprecated `ForwardedValues` with times of its own: what is in the key is what is forwarded, but for query strings.
    ForwardedValues {
        cache: Arc<CacheRules>,
        origin_request: Arc<OriginRequestRules>,
    },
}

/// What becomes of an error of one status.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ErrorResponse {
    /// Seconds that it is kept at least; 10 where nothing is said.
    pub caching_min_ttl: Option<i64>,
    /// The page that is shown instead, and the status that it is shown with.
    pub page: Option<ErrorPage>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ErrorPage {
    pub path: String,
    pub status: u16,
}

impl Configuration {
    pub fn origin(&self, id: &str) -> Option<&Arc<Origin>> {
        self.origins.iter().find(|origin| origin.id == id)
    }

    /// Every behavior, the default one last.
    pub(crate) fn all_behaviors(&self) -> impl Iterator<Item = &Arc<Behavior>> {
        self.behaviors.iter().chain(std::iter::once(&self.default_behavior))
    }

    /// Whether a behavior names the policy of that id, of whatever kind.
    pub(super) fn uses_policy(&self, id: &str) -> bool {
        self.all_behaviors().any(|behavior| {
            let of_caching = match &behavior.caching {
                Caching::Policies {
                    cache_policy_id,
                    origin_request_policy_id,
                } => cache_policy_id == id || origin_request_policy_id.as_deref() == Some(id),
                Caching::ForwardedValues { .. } => false,
            };
            of_caching || behavior.response_headers_policy_id.as_deref() == Some(id)
        })
    }
}

fn invalid<T>(text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new("InvalidArgument", text))
}

impl State {
    /// Refuses a configuration that CloudFront would refuse. `id`: of the distribution that it is for, if there is one.
    pub(super) fn check_distribution(
        &self,
        configuration: &Configuration,
        id: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if configuration.comment.chars().count() > 128 {
            return invalid("The parameter Comment is too long: at most 128 characters.");
        }
        self.check_aliases(configuration, id, now)?;
        check_origins(configuration)?;
        if configuration.behaviors.len() > MOST_BEHAVIORS {
            let text = "Your request contains more cache behaviors than are allowed per distribution.";
            return Err(Refusal::new("TooManyCacheBehaviors", text));
        }
        for (number, behavior) in configuration.all_behaviors().enumerate() {
            let before = &configuration.behaviors[..number.min(configuration.behaviors.len())];
            if before.iter().any(|other| other.path_pattern == behavior.path_pattern) {
                return invalid("The parameter PathPattern contains duplicate cache behavior path patterns.");
            }
            if configuration.origin(&behavior.target_origin_id).is_none() {
                let text = "One or more of your origins or origin groups do not exist.";
                return Err(Refusal::with_status(404, "NoSuchOrigin", text));
            }
            check_behavior(behavior)?;
            self.check_policies(behavior)?;
        }
        check_error_responses(configuration)?;
        let web_acl = &configuration.web_acl_id;
        // CloudFront is told late of a web ACL, too.
        let web_acls = self.web_acls.seen(self.as_of(now));
        if !web_acl.is_empty() && web_acls.by_arn(web_acl).is_none() {
            let text = format!("Invalid request provided: InvalidWebACLId: the web ACL {web_acl} does not exist.");
            return Err(Refusal::new("InvalidWebACLId", text));
        }
        Ok(())
    }

    /// Texts as public reports have them (hashicorp/terraform-provider-aws#13828, cloudposse/terraform-aws-cloudfront-s3-cdn#72).
    fn check_aliases(&self, configuration: &Configuration, id: Option<&str>, now: Timestamp) -> Result<(), Refusal> {
        let aliases = &configuration.aliases;
        let unfit = |text: &str| {
            let more = "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/CNAMEs.html#alternate-domain-names-requirements";
            let text = format!("{text} For more details, see: {more}");
            Err(Refusal::new("InvalidViewerCertificate", text))
        };
        let arn = &configuration.certificate_arn;
        let certificate = self.viewer_certificate(arn, now);
        if !arn.is_empty() && certificate.is_none() {
            let text = "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or doesn't \
                        include a valid certificate chain.";
            return Err(Refusal::new("InvalidViewerCertificate", text));
        }
        if aliases.is_empty() {
            return Ok(());
        }
        let Some(certificate) = certificate else {
            return unfit(
                "To add an alternate domain name (CNAME) to a CloudFront distribution, you must attach a trusted certificate \
                 that validates your authorization to use the domain name.",
            );
        };
        if !aliases
            .iter()
            .all(|alias| certificate.covers(&alias.to_ascii_lowercase()))
        {
            return unfit(
                "The certificate that is attached to your distribution doesn't cover the alternate domain name (CNAME) that \
                 you're trying to add.",
            );
        }
        let others = self
            .distributions
            .all
            .values()
            .filter(|other| Some(other.id.as_str()) != id);
        let taken = |name: &String| aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name));
        let conflict = |text: &str| Err(Refusal::with_status(409, "CNAMEAlreadyExists", text));
        if others.clone().flat_map(|other| &other.configuration.aliases).any(taken) {
            return conflict(
                "One or more of the CNAMEs you provided are already associated with a different resource.",
            );
        }
        // Also where nobody has the alias (hashicorp/terraform-provider-aws#8734).
        let leads_to_another = |alias: &String| {
            let end = self.zones.leads_to(alias, now);
            end.is_some_and(|end| others.clone().any(|other| other.domain_name == end))
        };
        if aliases.iter().any(leads_to_another) {
            return conflict(
                "One or more aliases specified for the distribution includes an incorrectly configured DNS record that points to \
                 another CloudFront distribution. You must update the DNS record to correct the problem.",
            );
        }
        Ok(())
    }

    fn check_policies(&self, behavior: &Behavior) -> Result<(), Refusal> {
        if let Caching::Policies {
            cache_policy_id,
            origin_request_policy_id,
        } = &behavior.caching
        {
            CacheRules::of(&self.edge_policies).get(cache_policy_id)?;
            if let Some(id) = origin_request_policy_id {
                OriginRequestRules::of(&self.edge_policies).get(id)?;
            }
        }
        if let Some(id) = &behavior.response_headers_policy_id {
            ResponseHeadersRules::of(&self.edge_policies).get(id)?;
        }
        Ok(())
    }
}

fn check_origins(configuration: &Configuration) -> Result<(), Refusal> {
    let origins = &configuration.origins;
    if origins.is_empty() {
        return invalid("A distribution needs at least one origin.");
    }
    if origins.len() > MOST_ORIGINS {
        let text = "Your request contains more origins than are allowed per distribution.";
        return Err(Refusal::new("TooManyOrigins", text));
    }
    for (number, origin) in origins.iter().enumerate() {
        if origins[..number].iter().any(|other| other.id == origin.id) {
            return invalid("The parameter Origins contains origins with the same Id.");
        }
        let protocol = origin.protocol_policy.as_str();
        if !matches!(protocol, "http-only" | "match-viewer" | "https-only") {
            return invalid("The parameter OriginProtocolPolicy is not valid.");
        }
        if !(1..=120).contains(&origin.read_timeout) {
            return invalid("The parameter OriginReadTimeout is not valid: 1 to 120 seconds.");
        }
        if !origin.path.is_empty() && (!origin.path.starts_with('/') || origin.path.ends_with('/')) {
            return invalid("The parameter OriginPath must begin with / and must not end with it.");
        }
        if let Some((name, _)) = origin.custom_headers.iter().find(|(name, _)| is_forbidden(name)) {
            return invalid(format!(
                "The parameter HeaderName {name} is not allowed as an origin custom header."
            ));
        }
    }
    Ok(())
}

/// Headers that CloudFront does not let an origin have (CloudFront guide, add-origin-custom-headers).
fn is_forbidden(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let whole = [
        "cache-control",
        "connection",
        "content-length",
        "cookie",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "max-forwards",
        "pragma",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "request-range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
        "x-real-ip",
    ];
    whole.contains(&name.as_str()) || name.starts_with("x-amz-") || name.starts_with("x-edge-")
}

fn check_behavior(behavior: &Behavior) -> Result<(), Refusal> {
    let mut allowed: Vec<&str> = behavior.allowed_methods.iter().map(String::as_str).collect();
    allowed.sort_unstable();
    if !METHOD_SETS.contains(&allowed.as_slice()) {
        return invalid("The parameter Allowed Methods includes an invalid combination of methods.");
    }
    let mut cached: Vec<&str> = behavior.cached_methods.iter().map(String::as_str).collect();
    cached.sort_unstable();
    if !METHOD_SETS[..2].contains(&cached.as_slice()) || cached.iter().any(|method| !allowed.contains(method)) {
        return invalid("The parameter Cached Methods includes an invalid combination of methods.");
    }
    let protocol = behavior.viewer_protocol_policy.as_str();
    if !matches!(protocol, "allow-all" | "https-only" | "redirect-to-https") {
        return invalid("The parameter ViewerProtocolPolicy is not valid.");
    }
    match &behavior.caching {
        Caching::ForwardedValues { cache, .. }
            if !(0 <= cache.min_ttl && cache.min_ttl <= cache.default_ttl && cache.default_ttl <= cache.max_ttl) =>
        {
            let text = "The value of MinTTL, DefaultTTL or MaxTTL is not valid: MinTTL <= DefaultTTL <= MaxTTL.";
            Err(Refusal::new("InvalidTTLOrder", text))
        }
        _ => Ok(()),
    }
}

fn check_error_responses(configuration: &Configuration) -> Result<(), Refusal> {
    for (status, response) in &configuration.error_responses {
        let page = response.page.as_ref();
        if !CUSTOM_ERRORS.contains(status) {
            let text = format!("Your request contains an invalid error code: {status}.");
            return Err(Refusal::new("InvalidErrorCode", text));
        }
        if page.is_some_and(|page| !page.path.starts_with('/')) {
            return invalid("The parameter ResponsePagePath must begin with /.");
        }
        if page.is_some_and(|page| page.status != 200 && !CUSTOM_ERRORS.contains(&page.status)) {
            let text = "A response code specified in the response body is not valid.";
            return Err(Refusal::new("InvalidResponseCode", text));
        }
    }
    Ok(())
}
