//! CloudFront distributions: their configurations, how a change reaches the edge, what they hold on to.
//! Must know nothing of XML or of how the edge carries requests.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::edge_policies;
use super::settling_tags::SettlingTags;
use super::{Item, Refusal, State, Tags, ids};

/// From a change to `Deployed`, in sandbox time. Public reports of 2026 say 3 to 15 minutes.
const DEPLOYMENT: SignedDuration = SignedDuration::from_secs(240);

/// From creation until the domain answers: usually before `Deployed` (CloudFront API, Distribution.Status).
const FIRST_ANSWER: SignedDuration = SignedDuration::from_secs(120);

/// WAF goes on seeing an association for a while after it was taken away (terraform-provider-aws#46839).
const ASSOCIATION_LINGERS: SignedDuration = SignedDuration::from_secs(10);

/// The three sets of methods that a behaviour may allow (CloudFront API, AllowedMethods).
const METHOD_SETS: [&[&str]; 3] = [
    &["GET", "HEAD"],
    &["GET", "HEAD", "OPTIONS"],
    &["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"],
];

#[derive(Debug, Default)]
pub(crate) struct Distributions {
    /// By id.
    pub all: BTreeMap<String, Distribution>,
    /// Caller references and the ids that they made. They stay used after deletion.
    used_references: BTreeMap<String, String>,
    /// ARNs of web ACLs that lost a distribution, and until when WAF still sees them in use.
    lingering: Vec<(String, Timestamp)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Distribution {
    pub id: String,
    pub arn: String,
    /// `dxxxxxxxxxxxxx.cloudfront.localhost`; without a port.
    pub domain_name: String,
    /// Of the configuration; changes with every update.
    pub etag: String,
    pub modified: Timestamp,
    pub configuration: Configuration,
    /// What the edge serves until `deployed_at`; nothing before the first deployment.
    previous: Option<Configuration>,
    deployed_at: Timestamp,
    pub tags: SettlingTags,
    pub invalidations: Vec<Invalidation>,
}

/// What of a DistributionConfig the sandbox acts on, and the whole of it as the codec wants it back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Configuration {
    pub caller_reference: String,
    pub comment: String,
    pub enabled: bool,
    pub default_root_object: String,
    /// An ARN, or empty.
    pub web_acl_id: String,
    pub origins: Vec<Origin>,
    pub default_behavior: Behavior,
    /// In order of precedence.
    pub behaviors: Vec<Behavior>,
    /// HTTP status to the seconds that such an error is kept.
    pub error_ttls: BTreeMap<u16, i64>,
    /// Every member, for reading back; opaque to the world.
    pub document: serde_json::Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Origin {
    pub id: String,
    pub domain_name: String,
    /// Put before the request's path; may be empty.
    pub path: String,
    pub custom_headers: Vec<(String, String)>,
    /// `http-only`, `match-viewer`, `https-only`.
    pub protocol_policy: String,
    pub http_port: u16,
    /// Seconds.
    pub read_timeout: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Behavior {
    /// `*` for the default behavior.
    pub path_pattern: String,
    pub target_origin_id: String,
    /// `allow-all`, `https-only`, `redirect-to-https`.
    pub viewer_protocol_policy: String,
    pub allowed_methods: Vec<String>,
    pub cached_methods: Vec<String>,
    pub cache_policy_id: String,
    pub origin_request_policy_id: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Invalidation {
    pub id: String,
    pub caller_reference: String,
    pub paths: Vec<String>,
    pub created: Timestamp,
}

impl Invalidation {
    pub(crate) fn status(&self, now: Timestamp) -> &'static str {
        if now >= self.created + SignedDuration::from_secs(20) {
            "Completed"
        } else {
            "InProgress"
        }
    }
}

impl Configuration {
    pub(crate) fn origin(&self, id: &str) -> Option<&Origin> {
        self.origins.iter().find(|origin| origin.id == id)
    }

    /// Every behavior, the default one last.
    pub(crate) fn all_behaviors(&self) -> impl Iterator<Item = &Behavior> {
        self.behaviors.iter().chain(std::iter::once(&self.default_behavior))
    }
}

impl Distribution {
    /// `InProgress` or `Deployed`.
    pub(crate) fn status(&self, now: Timestamp) -> &'static str {
        if self.is_deployed(now) {
            "Deployed"
        } else {
            "InProgress"
        }
    }

    pub(crate) fn is_deployed(&self, now: Timestamp) -> bool {
        now >= self.deployed_at
    }

    /// The configuration that the edge obeys now; `None` while the domain does not answer yet.
    pub(crate) fn served(&self, now: Timestamp) -> Option<&Configuration> {
        let answers =
            self.is_deployed(now) || self.previous.is_none() && now >= self.deployed_at - (DEPLOYMENT - FIRST_ANSWER);
        if answers {
            Some(&self.configuration)
        } else {
            self.previous.as_ref()
        }
    }

    fn change(&mut self, configuration: Configuration, now: Timestamp) {
        if self.is_deployed(now) {
            self.previous = Some(std::mem::replace(&mut self.configuration, configuration));
        } else {
            self.configuration = configuration;
        }
        self.etag = format!("E{}", ids::capitals(13));
        self.modified = now;
        self.deployed_at = now + DEPLOYMENT;
    }
}

impl Distributions {
    /// The distribution with that id.
    ///
    /// # Errors
    /// `NoSuchDistribution`, 404.
    pub(crate) fn get(&self, id: &str) -> Result<&Distribution, Refusal> {
        self.all.get(id).ok_or_else(no_such_distribution)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Result<&mut Distribution, Refusal> {
        self.all.get_mut(id).ok_or_else(no_such_distribution)
    }

    pub(crate) fn by_arn(&mut self, arn: &str) -> Result<&mut Distribution, Refusal> {
        self.all
            .values_mut()
            .find(|distribution| distribution.arn == arn)
            .ok_or_else(|| Refusal::with_status(404, "NoSuchResource", "The specified resource does not exist."))
    }

    pub(crate) fn by_domain(&self, host: &str) -> Option<&Distribution> {
        self.all.values().find(|distribution| distribution.domain_name == host)
    }

    /// Whether a distribution uses the web ACL, or WAF does not know yet that none does.
    pub(crate) fn holds_web_acl(&self, arn: &str, now: Timestamp) -> bool {
        self.all
            .values()
            .any(|distribution| distribution.configuration.web_acl_id == arn)
            || self.lingering.iter().any(|(held, until)| held == arn && now < *until)
    }

    fn let_go(&mut self, web_acl: String, now: Timestamp) {
        self.lingering.retain(|(_, until)| now < *until);
        if !web_acl.is_empty() {
            self.lingering.push((web_acl, now + ASSOCIATION_LINGERS));
        }
    }

    pub(crate) fn inventory(&self, region: &str) -> Vec<Item> {
        self.all
            .values()
            .map(|distribution| Item {
                service: "cloudfront",
                kind: "distribution",
                region: region.to_owned(),
                id: distribution.id.clone(),
                name: distribution.configuration.comment.clone(),
                tags: distribution.tags.all().clone(),
            })
            .collect()
    }
}

impl State {
    /// Creates a distribution.
    ///
    /// # Errors
    /// `DistributionAlreadyExists` for *any* reuse of a caller reference, also one of a deleted distribution; what
    /// [`State::check_distribution`] refuses.
    pub(crate) fn create_distribution(
        &mut self,
        configuration: Configuration,
        tags: Tags,
        now: Timestamp,
    ) -> Result<Distribution, Refusal> {
        if self.gates.distributions {
            // As CloudFront words it for accounts that are too new (hazards H11).
            return Err(Refusal::with_status(
                403,
                "AccessDenied",
                "Your account must be verified before you can add new CloudFront resources. To verify your account, please \
                 contact AWS Support (https://console.aws.amazon.com/support/home#/) and include this error message.",
            ));
        }
        if let Some(id) = self.distributions.used_references.get(&configuration.caller_reference) {
            let text = format!(
                "The caller reference that you are using to create a distribution is associated with another distribution. \
                 Already exists: {id}"
            );
            return Err(Refusal::with_status(409, "DistributionAlreadyExists", text));
        }
        self.check_distribution(&configuration)?;
        let id = format!("E{}", ids::capitals(13));
        let distribution = Distribution {
            arn: format!("arn:aws:cloudfront::{}:distribution/{id}", self.account),
            domain_name: format!("d{}.cloudfront.localhost", ids::smalls(13)),
            etag: format!("E{}", ids::capitals(13)),
            modified: now,
            configuration,
            previous: None,
            deployed_at: now + DEPLOYMENT,
            tags: SettlingTags::new(tags, now),
            invalidations: Vec::new(),
            id: id.clone(),
        };
        let reference = distribution.configuration.caller_reference.clone();
        self.distributions.used_references.insert(reference, id.clone());
        self.distributions.all.insert(id, distribution.clone());
        Ok(distribution)
    }

    /// Replaces a distribution's whole configuration.
    ///
    /// # Errors
    /// `NoSuchDistribution`, `InvalidIfMatchVersion`, `PreconditionFailed`, and what a creation refuses.
    pub(crate) fn update_distribution(
        &mut self,
        id: &str,
        if_match: Option<&str>,
        configuration: Configuration,
        now: Timestamp,
    ) -> Result<Distribution, Refusal> {
        let present = self.distributions.get(id)?;
        check_version(present, if_match)?;
        if present.configuration.caller_reference != configuration.caller_reference {
            return Err(Refusal::new(
                "IllegalUpdate",
                "You cannot change the CallerReference of a distribution.",
            ));
        }
        self.check_distribution(&configuration)?;
        let distribution = self.distributions.get_mut(id)?;
        let left = distribution.configuration.web_acl_id.clone();
        let changed = left != configuration.web_acl_id;
        distribution.change(configuration, now);
        let answer = distribution.clone();
        if changed {
            self.distributions.let_go(left, now);
        }
        Ok(answer)
    }

    /// Deletes a distribution that is disabled, everywhere.
    ///
    /// # Errors
    /// `DistributionNotDisabled` while it is enabled *or* the disabling has not reached every edge.
    pub(crate) fn delete_distribution(
        &mut self,
        id: &str,
        if_match: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let present = self.distributions.get(id)?;
        check_version(present, if_match)?;
        if present.configuration.enabled || !present.is_deployed(now) {
            return Err(Refusal::with_status(
                409,
                "DistributionNotDisabled",
                "The distribution you are trying to delete has not been disabled.",
            ));
        }
        let web_acl = present.configuration.web_acl_id.clone();
        self.distributions.all.remove(id);
        self.distributions.let_go(web_acl, now);
        Ok(())
    }

    /// Refuses a configuration that CloudFront would refuse.
    fn check_distribution(&self, configuration: &Configuration) -> Result<(), Refusal> {
        if configuration.comment.chars().count() > 128 {
            return Err(Refusal::new(
                "InvalidArgument",
                "The parameter Comment is too long: at most 128 characters.",
            ));
        }
        if configuration.origins.is_empty() {
            return Err(Refusal::new(
                "InvalidArgument",
                "A distribution needs at least one origin.",
            ));
        }
        for behavior in configuration.all_behaviors() {
            if configuration.origin(&behavior.target_origin_id).is_none() {
                let text = "One or more of your origins or origin groups do not exist.";
                return Err(Refusal::with_status(404, "NoSuchOrigin", text));
            }
            check_behavior(behavior)?;
        }
        for origin in &configuration.origins {
            if !matches!(
                origin.protocol_policy.as_str(),
                "http-only" | "match-viewer" | "https-only"
            ) {
                return Err(Refusal::new(
                    "InvalidArgument",
                    "The parameter OriginProtocolPolicy is not valid.",
                ));
            }
        }
        let web_acl = &configuration.web_acl_id;
        if !web_acl.is_empty() && self.web_acls.by_arn(web_acl).is_none() {
            let text = format!("Invalid request provided: InvalidWebACLId: the web ACL {web_acl} does not exist.");
            return Err(Refusal::new("InvalidWebACLId", text));
        }
        Ok(())
    }
}

fn check_behavior(behavior: &Behavior) -> Result<(), Refusal> {
    let invalid = |text: &str| Err(Refusal::new("InvalidArgument", text));
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
    if !matches!(
        behavior.viewer_protocol_policy.as_str(),
        "allow-all" | "https-only" | "redirect-to-https"
    ) {
        return invalid("The parameter ViewerProtocolPolicy is not valid.");
    }
    if edge_policies::cache_policy(&behavior.cache_policy_id).is_none() {
        return Err(Refusal::with_status(
            404,
            "NoSuchCachePolicy",
            "The cache policy does not exist.",
        ));
    }
    if let Some(id) = &behavior.origin_request_policy_id
        && edge_policies::origin_request_policy(id).is_none()
    {
        let text = "The origin request policy does not exist.";
        return Err(Refusal::with_status(404, "NoSuchOriginRequestPolicy", text));
    }
    Ok(())
}

fn check_version(distribution: &Distribution, if_match: Option<&str>) -> Result<(), Refusal> {
    match if_match {
        None | Some("") => Err(Refusal::new(
            "InvalidIfMatchVersion",
            "The If-Match version is missing or not valid for the resource.",
        )),
        Some(etag) if etag != distribution.etag => Err(Refusal::with_status(
            412,
            "PreconditionFailed",
            "The request failed because it didn't meet the preconditions in one or more request-header fields.",
        )),
        Some(_) => Ok(()),
    }
}

fn no_such_distribution() -> Refusal {
    Refusal::with_status(404, "NoSuchDistribution", "The specified distribution does not exist.")
}
