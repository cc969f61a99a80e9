//! CloudFront distributions: their configurations, how a change reaches the edge, what they hold on to.
//! Must know nothing of XML or of how the edge carries requests.

mod configuration;
mod invalidations;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::edge_policies::check_version;
use super::quotas::{DISTRIBUTIONS, GLOBAL_REGION};
use super::{Item, Refusal, State, Tags, ids};
pub use configuration::{Behavior, Caching, Configuration, ErrorPage, ErrorResponse, Origin};
pub use invalidations::Invalidation;

/// From a change to `Deployed`, in sandbox time. Public reports of 2026 say 3 to 15 minutes.
const DEPLOYMENT: SignedDuration = SignedDuration::from_secs(240);

/// From creation until the domain answers: usually before `Deployed` (CloudFront API, Distribution.Status).
const FIRST_ANSWER: SignedDuration = SignedDuration::from_secs(120);

/// WAF goes on seeing an association for a while after it was taken away (terraform-provider-aws#46839); ACM does too
/// (amplify-education/serverless-domain-manager#32 tells of 10 to 20 minutes, aws/aws-cdk#36265 of "eventual consistency").
const ASSOCIATION_LINGERS: SignedDuration = SignedDuration::from_secs(10);

#[derive(Debug, Default, Clone)]
pub struct Distributions {
    /// By id.
    pub all: BTreeMap<String, Distribution>,
    /// Caller references and the ids that they made. They stay used after deletion.
    used_references: BTreeMap<String, String>,
    /// ARNs of web ACLs and certificates that lost a distribution, and until when their services still see them in use.
    lingering: Vec<(String, Timestamp)>,
}

#[derive(Debug, Clone)]
pub struct Distribution {
    pub id: String,
    pub arn: String,
    /// `dxxxxxxxxxxxxx.cloudfront.localhost`; without a port.
    pub domain_name: String,
    /// Of the configuration; changes with every update.
    pub etag: String,
    pub modified: Timestamp,
    pub configuration: Arc<Configuration>,
    /// What the edge serves until `deployed_at`; nothing before the first deployment.
    previous: Option<Arc<Configuration>>,
    deployed_at: Timestamp,
    pub tags: Tags,
    /// Oldest first. Shared with the edge, which looks at them with every request.
    pub invalidations: Arc<Vec<Invalidation>>,
}

impl Distribution {
    /// `InProgress` or `Deployed`.
    pub fn status(&self, now: Timestamp) -> &'static str {
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
    pub fn served(&self, now: Timestamp) -> Option<&Arc<Configuration>> {
        let answers =
            self.is_deployed(now) || self.previous.is_none() && now >= self.deployed_at - (DEPLOYMENT - FIRST_ANSWER);
        if answers {
            Some(&self.configuration)
        } else {
            self.previous.as_ref()
        }
    }

    /// Takes a new configuration; the edge serves what it serves now until that is deployed.
    fn change(&mut self, configuration: Configuration, now: Timestamp) {
        self.previous = self.served(now).cloned();
        self.configuration = Arc::new(configuration);
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
    pub fn get(&self, id: &str) -> Result<&Distribution, Refusal> {
        self.all.get(id).ok_or_else(no_such_distribution)
    }

    pub fn get_mut(&mut self, id: &str) -> Result<&mut Distribution, Refusal> {
        self.all.get_mut(id).ok_or_else(no_such_distribution)
    }

    pub fn by_arn(&self, arn: &str) -> Result<&Distribution, Refusal> {
        let mut all = self.all.values();
        all.find(|distribution| distribution.arn == arn)
            .ok_or_else(no_such_resource)
    }

    pub fn by_arn_mut(&mut self, arn: &str) -> Result<&mut Distribution, Refusal> {
        let mut all = self.all.values_mut();
        all.find(|distribution| distribution.arn == arn)
            .ok_or_else(no_such_resource)
    }

    pub fn by_domain(&self, host: &str) -> Option<&Distribution> {
        self.all.values().find(|distribution| distribution.domain_name == host)
    }

    /// The one that the edge answers for at a host: by its domain, or by an alias that has reached the edge.
    pub fn by_host(&self, host: &str, now: Timestamp) -> Option<&Distribution> {
        self.by_domain(host).or_else(|| {
            let has = |alias: &String| alias.eq_ignore_ascii_case(host);
            let mut all = self.all.values();
            all.find(|one| one.served(now).is_some_and(|served| served.aliases.iter().any(has)))
        })
    }

    /// Whether a service has not been told yet that a distribution let go of what has that ARN.
    pub(crate) fn is_held(&self, arn: &str, now: Timestamp) -> bool {
        self.lingering.iter().any(|(held, until)| held == arn && now < *until)
    }

    /// The distributions that refer to the policy with that id, of whatever kind.
    pub fn by_policy(&self, id: &str) -> impl Iterator<Item = &Distribution> {
        self.all
            .values()
            .filter(move |distribution| distribution.configuration.uses_policy(id))
    }

    /// Whether a distribution uses the web ACL, or WAF does not know yet that none does.
    pub(crate) fn holds_web_acl(&self, arn: &str, now: Timestamp) -> bool {
        self.all
            .values()
            .any(|distribution| distribution.configuration.web_acl_id == arn)
            || self.is_held(arn, now)
    }

    pub fn inventory(&self, region: &str) -> Vec<Item> {
        let item = Item::of("cloudfront", region);
        self.all
            .values()
            .map(|distribution| {
                item(
                    "distribution",
                    &distribution.id,
                    &distribution.configuration.comment,
                    &distribution.tags,
                )
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
    pub fn create_distribution(
        &mut self,
        configuration: Configuration,
        tags: Tags,
        now: Timestamp,
    ) -> Result<Distribution, Refusal> {
        if self.gates.distributions {
            // As CloudFront words it for accounts that are too new (github.com/aws-samples/aws-cdk-examples/issues/279).
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
        self.check_distribution(&configuration, None, now)?;
        let present = self.distributions.all.len();
        if !self.region(GLOBAL_REGION).quotas.has_room(&DISTRIBUTIONS, present) {
            // botocore's model of cloudfront.
            return Err(Refusal::new(
                "TooManyDistributions",
                "Processing your request would cause you to exceed the maximum number of distributions allowed.",
            ));
        }
        let id = format!("E{}", ids::capitals(13));
        let distribution = Distribution {
            arn: format!("arn:aws:cloudfront::{}:distribution/{id}", self.account),
            domain_name: format!("d{}.cloudfront.localhost", ids::smalls(13)),
            etag: format!("E{}", ids::capitals(13)),
            modified: now,
            configuration: Arc::new(configuration),
            previous: None,
            deployed_at: now + DEPLOYMENT,
            tags,
            invalidations: Arc::default(),
            id: id.clone(),
        };
        let reference = distribution.configuration.caller_reference.clone();
        self.distributions.used_references.insert(reference, id.clone());
        self.deploys(&distribution, now);
        self.distributions.all.insert(id, distribution.clone());
        Ok(distribution)
    }

    /// Replaces a distribution's whole configuration.
    ///
    /// # Errors
    /// `NoSuchDistribution`, `InvalidIfMatchVersion`, `PreconditionFailed`, and what a creation refuses.
    pub fn update_distribution(
        &mut self,
        id: &str,
        if_match: Option<&str>,
        configuration: Configuration,
        now: Timestamp,
    ) -> Result<Distribution, Refusal> {
        let present = self.distributions.get(id)?;
        check_version(&present.etag, if_match)?;
        if present.configuration.caller_reference != configuration.caller_reference {
            return Err(Refusal::new(
                "IllegalUpdate",
                "You cannot change the CallerReference of a distribution.",
            ));
        }
        self.check_distribution(&configuration, Some(id), now)?;
        let distribution = self.distributions.get_mut(id)?;
        let left = distribution.configuration.web_acl_id.clone();
        let changed = left != configuration.web_acl_id;
        distribution.change(configuration, now);
        let answer = distribution.clone();
        self.deploys(&answer, now);
        if changed {
            self.let_go(left, now);
        }
        Ok(answer)
    }

    /// The web ACL that a distribution had, if it had one, is held for a while.
    fn let_go(&mut self, web_acl: String, now: Timestamp) {
        let lingering = &mut self.distributions.lingering;
        lingering.retain(|(_, until)| now < *until);
        if !web_acl.is_empty() {
            let until = now + ASSOCIATION_LINGERS;
            self.life_cycles.passed("web ACL", &web_acl, "let go", now, until);
            lingering.push((web_acl, until));
        }
    }

    fn deploys(&mut self, distribution: &Distribution, now: Timestamp) {
        let ends = distribution.deployed_at;
        self.life_cycles
            .passed("distribution", &distribution.id, "deployed", now, ends);
    }

    /// Deletes a distribution that is disabled, everywhere.
    ///
    /// # Errors
    /// `DistributionNotDisabled` while it is enabled *or* the disabling has not reached every edge.
    pub fn delete_distribution(&mut self, id: &str, if_match: Option<&str>, now: Timestamp) -> Result<(), Refusal> {
        let present = self.distributions.get(id)?;
        check_version(&present.etag, if_match)?;
        if present.configuration.enabled || !present.is_deployed(now) {
            return Err(Refusal::with_status(
                409,
                "DistributionNotDisabled",
                "The distribution you are trying to delete has not been disabled.",
            ));
        }
        let web_acl = present.configuration.web_acl_id.clone();
        let certificate = present.configuration.certificate_arn.clone();
        self.distributions.all.remove(id);
        self.let_go(web_acl, now);
        if !certificate.is_empty() {
            self.distributions
                .lingering
                .push((certificate, now + ASSOCIATION_LINGERS));
        }
        Ok(())
    }
}

fn no_such_resource() -> Refusal {
    Refusal::with_status(404, "NoSuchResource", "The specified resource does not exist.")
}

fn no_such_distribution() -> Refusal {
    Refusal::with_status(404, "NoSuchDistribution", "The specified distribution does not exist.")
}
