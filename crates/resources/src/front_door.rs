//! A load balancer of the stack's own as AWS shows it: with the listener that CloudFront comes to, and those rules of it that are ours;
//! and with the one that it came to before, where there is one. Reads only. Must know nothing of how it should be.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::canary::percent;
use super::stack::Stack;
use crate::aws::errors::Explain;
use crate::aws::origin_secret::OriginSecret;
use crate::aws::paging;
use crate::aws::services::load_balancing::{Action, Listener, LoadBalancer, MOST_AT_ONCE, Rule};
use crate::aws::tags::RESOURCE;
use crate::aws::{Aws, Ownership};
use crate::engine::{Error, Owner, ResourceId};
use crate::profile::Profile;

/// The header that CloudFront sends along. A listener rule takes names of up to 40 characters (botocore: elbv2).
pub const HEADER: &str = "x-confctl-origin";

/// By which protocol CloudFront comes to it, and therefore at which port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entrance {
    Http,
    Https,
}

impl Entrance {
    pub(super) fn of(profile: &Profile) -> Self {
        match profile.has_origin_tls() {
            true => Self::Https,
            false => Self::Http,
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            Self::Http => Self::Https,
            Self::Https => Self::Http,
        }
    }

    pub(super) fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// As CloudFront names it (botocore: cloudfront, OriginProtocolPolicy).
    pub(super) fn policy(self) -> &'static str {
        match self {
            Self::Http => "http-only",
            Self::Https => "https-only",
        }
    }
}

/// What is left where something of somebody else's has the name.
pub(super) const WAY_AROUND: &str = "take another stack name with --name, or --set load_balancer.mode=dedicated";

/// What ELB says of a load balancer that is not there.
pub(super) const GONE: &[&str] = &["LoadBalancerNotFound", "LoadBalancerNotFoundException"];

/// The resource that refuses everybody, and the one that lets CloudFront in; each tags its rule with its own name.
pub(super) const CATCH_ALL: (ResourceId, u32) = ("load-balancer", 20);
pub(super) const ORIGIN_RULE: (ResourceId, u32) = ("listener-rule", 10);
/// And the one that shows CloudFront's visitors a page in the site's place, before it lets them in.
pub(super) const MAINTENANCE: (ResourceId, u32) = ("maintenance-page", 5);

/// The tag that says since when such a page is shown; ELB keeps no time of a rule's (botocore: elbv2, Rule).
pub(super) const SINCE: &str = "confctl:since";

/// The rule of a maintenance page.
#[derive(Debug, Clone)]
pub(super) struct MaintenanceRule {
    pub rule: Rule,
    /// Since when it is shown to everybody; `None` while edge locations may keep pages of the site.
    pub since: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct FrontDoor {
    pub arn: String,
    pub dns_name: String,
    /// `provisioning`, `active`, …
    pub state: String,
    pub security_groups: Vec<String>,
    pub tags: BTreeMap<String, String>,
    pub idle_timeout: String,
    pub listener: Option<Listener>,
    /// Refuses whoever comes without the secret.
    pub catch_all: Option<Rule>,
    /// What becomes of who comes with it.
    pub origin_rule: Option<Rule>,
    /// What CloudFront's visitors see in the site's place.
    pub maintenance: Option<MaintenanceRule>,
    /// Priorities of rules of others' that are looked at before the one that refuses everybody.
    pub before: Vec<u32>,
    /// The listener of the other protocol.
    pub former: Option<Former>,
}

/// A listener by which CloudFront is to come no longer.
#[derive(Debug, Clone)]
pub(super) struct Former {
    pub listener: Listener,
    /// What still lets CloudFront in there.
    pub origin_rule: Option<Rule>,
    /// CloudFront's visitors see the maintenance page there.
    pub shows_page: bool,
    /// Somebody else has a rule there, as Beanstalk for an environment that was made when there was no other listener.
    pub has_others: bool,
}

impl Former {
    /// The secrets that are let in there still.
    fn secrets(&self) -> Vec<OriginSecret> {
        secrets_of(self.origin_rule.as_ref())
    }
}

/// The secrets that a rule lets in, the oldest first; what else it may let in is none.
fn secrets_of(rule: Option<&Rule>) -> Vec<OriginSecret> {
    let condition = rule
        .and_then(|rule| rule.conditions().first())
        .and_then(|one| one.as_header());
    let values = condition.map(|(_, values)| values).unwrap_or_default();
    let mut secrets: Vec<_> = values.iter().filter_map(|value| OriginSecret::parse(value)).collect();
    secrets.sort();
    secrets
}

impl FrontDoor {
    /// The secrets that its rule lets in, the oldest first.
    pub fn secrets(&self) -> Vec<OriginSecret> {
        secrets_of(self.origin_rule.as_ref())
    }

    /// The secrets that CloudFront is to send: those of the other listener, where this one asks for none yet.
    pub fn good_secrets(&self) -> Vec<OriginSecret> {
        let own = self.secrets();
        let former = self.former.as_ref().map(Former::secrets);
        if own.is_empty() {
            former.unwrap_or_default()
        } else {
            own
        }
    }

    /// Its rules that ask for the secret; the maintenance page's first, so that nobody gets past it while they change.
    pub fn asking(&self) -> impl Iterator<Item = &Rule> {
        let page = self.maintenance.iter().map(|page| &page.rule);
        page.chain(&self.origin_rule)
    }

    /// The target groups that it forwards CloudFront to, each with its percentage; the one that is served first. That is the one with
    /// the largest weight, whoever set it; whether ELB keeps the order in which they were named is not documented. Of two alike it is
    /// always the same one.
    pub fn target_groups(&self) -> Vec<(&str, u32)> {
        let action = self.origin_rule.as_ref().and_then(|rule| rule.actions().first());
        let mut groups = action.map(Action::target_groups).unwrap_or_default();
        let all: u32 = groups.iter().map(|(_, weight)| weight).sum();
        groups.sort_by_key(|(arn, weight)| (Reverse(*weight), *arn));
        groups
            .into_iter()
            .map(|(arn, weight)| (arn, percent(weight, all)))
            .collect()
    }
}

/// The stack's own load balancer with all that matters of it.
///
/// # Errors
/// Where it cannot be read.
pub(super) async fn look(aws: &Aws, stack: &Stack) -> Result<Option<FrontDoor>, Error> {
    let name = &stack.names.load_balancer;
    let found = aws.elb.load_balancer_named(name).await;
    let found = found.or_absent(GONE, &format!("look for the load balancer {name}"))?;
    match found.flatten() {
        Some(found) => read(aws, stack, found).await,
        None => Ok(None),
    }
}

async fn read(aws: &Aws, stack: &Stack, found: LoadBalancer) -> Result<Option<FrontDoor>, Error> {
    let Some(arn) = found.arn.clone() else { return Ok(None) };
    let doing = &format!("read the load balancer {}", found.name.as_deref().unwrap_or(&arn));
    let arns = [arn.as_str()];
    let (tags, listeners, attributes) =
        tokio::join!(aws.elb.tags(&arns), aws.elb.listeners(&arn), aws.elb.attributes(&arn));
    let (Some(mut tags), Some(listeners), Some(attributes)) = (
        tags.or_absent(GONE, doing)?,
        listeners.or_absent(GONE, doing)?,
        attributes.or_absent(GONE, doing)?,
    ) else {
        // It went between two reads.
        return Ok(None);
    };
    let entrance = Entrance::of(&stack.profile);
    let at = |entrance: Entrance| {
        let mut listeners = listeners.iter();
        listeners
            .find(|listener| listener.port == Some(entrance.port()))
            .cloned()
    };
    let listener = at(entrance);
    let rules = match &listener {
        Some(listener) => rules_of(aws, &stack.ownership, &listener.arn).await?,
        None => Rules::default(),
    };
    let former = match at(entrance.other()) {
        Some(listener) => {
            let rules = rules_of(aws, &stack.ownership, &listener.arn).await?;
            Some(Former {
                listener,
                origin_rule: rules.origin,
                shows_page: rules.maintenance.is_some(),
                has_others: !rules.of_others.is_empty(),
            })
        }
        None => None,
    };
    let limit = rules.catch_all.as_ref().and_then(Rule::priority).unwrap_or(CATCH_ALL.1);
    Ok(Some(FrontDoor {
        dns_name: found.dns_name.clone().unwrap_or_default(),
        state: found.state().to_owned(),
        security_groups: found.security_groups().to_vec(),
        tags: tags.remove(&arn).unwrap_or_default(),
        idle_timeout: attributes.get(IDLE_TIMEOUT).cloned().unwrap_or_default(),
        arn,
        listener,
        catch_all: rules.catch_all,
        origin_rule: rules.origin,
        maintenance: rules.maintenance,
        before: rules
            .of_others
            .into_iter()
            .filter(|priority| *priority < limit)
            .collect(),
        former,
    }))
}

/// The attribute of that name (botocore: elbv2, LoadBalancerAttribute).
pub(super) const IDLE_TIMEOUT: &str = "idle_timeout.timeout_seconds";

/// The rules of a listener.
#[derive(Default)]
struct Rules {
    origin: Option<Rule>,
    catch_all: Option<Rule>,
    maintenance: Option<MaintenanceRule>,
    /// Priorities of the others.
    of_others: Vec<u32>,
}

async fn rules_of(aws: &Aws, ownership: &Ownership, listener: &str) -> Result<Rules, Error> {
    let doing = "read the rules of the load balancer's listener";
    let rules = paging::all(async |marker: Option<String>| aws.elb.rules(listener, marker).await.explain(doing));
    let rules: Vec<Rule> = rules
        .await?
        .into_iter()
        .filter(|rule| rule.priority().is_some())
        .collect();
    let mut tags = BTreeMap::new();
    for some in rules.chunks(MOST_AT_ONCE) {
        let arns: Vec<&str> = some.iter().map(|rule| rule.arn.as_str()).collect();
        tags.extend(aws.elb.tags(&arns).await.explain(doing)?);
    }
    let mut told = Rules::default();
    for rule in rules {
        let tags = tags.remove(&rule.arn).unwrap_or_default();
        // One whose tags somebody took off is known by its priority.
        let owner = ownership.owner_by(&tags);
        let is = |(resource, priority): (ResourceId, u32)| match owner {
            Owner::Ours => tags.get(RESOURCE).is_some_and(|tagged| tagged == resource),
            Owner::Nobody => tags.is_empty() && rule.priority() == Some(priority),
            Owner::OtherStack(_) => false,
        };
        if is(ORIGIN_RULE) && told.origin.is_none() {
            told.origin = Some(rule);
        } else if is(CATCH_ALL) && told.catch_all.is_none() {
            told.catch_all = Some(rule);
        } else if is(MAINTENANCE) && told.maintenance.is_none() {
            let since = tags.get(SINCE).cloned();
            told.maintenance = Some(MaintenanceRule { rule, since });
        } else {
            told.of_others.extend(rule.priority());
        }
    }
    Ok(told)
}
