//! A load balancer of the stack's own as AWS shows it: with its listener and those rules of it that are ours. Reads only.
//! Must know nothing of how it should be.

use std::collections::BTreeMap;

use crate::aws::errors::Explain;
use crate::aws::origin_secret::OriginSecret;
use crate::aws::paging;
use crate::aws::services::load_balancing::{Listener, LoadBalancer, MOST_AT_ONCE, Rule};
use crate::aws::tags::RESOURCE;
use crate::aws::{Aws, Ownership};
use crate::engine::{Error, Owner, ResourceId};

/// The header that CloudFront sends along. A listener rule takes names of up to 40 characters (botocore: elbv2).
pub const HEADER: &str = "x-confctl-origin";

/// The listener's port.
pub(super) const PORT: u16 = 80;

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
}

impl FrontDoor {
    /// The secrets that its rule lets in, the oldest first; what else its rule may let in is none.
    pub fn secrets(&self) -> Vec<OriginSecret> {
        let rule = self.origin_rule.as_ref();
        let condition = rule
            .and_then(|rule| rule.conditions().first())
            .and_then(|one| one.as_header());
        let values = condition.map(|(_, values)| values).unwrap_or_default();
        let mut secrets: Vec<_> = values.iter().filter_map(|value| OriginSecret::parse(value)).collect();
        secrets.sort();
        secrets
    }

    /// Its rules that ask for the secret; the maintenance page's first, so that nobody gets past it while they change.
    pub fn asking(&self) -> impl Iterator<Item = &Rule> {
        let page = self.maintenance.iter().map(|page| &page.rule);
        page.chain(&self.origin_rule)
    }

    /// The target group that it forwards CloudFront to.
    pub fn target_group(&self) -> Option<&str> {
        let action = self.origin_rule.as_ref()?.actions().first()?;
        action.target_group_arn.as_deref()
    }
}

/// The load balancer of that name with all that matters of it.
///
/// # Errors
/// Where it cannot be read.
pub(super) async fn look(aws: &Aws, ownership: &Ownership, name: &str) -> Result<Option<FrontDoor>, Error> {
    let found = aws.elb.load_balancer_named(name).await;
    let found = found.or_absent(GONE, &format!("look for the load balancer {name}"))?;
    match found.flatten() {
        Some(found) => read(aws, ownership, found).await,
        None => Ok(None),
    }
}

async fn read(aws: &Aws, ownership: &Ownership, found: LoadBalancer) -> Result<Option<FrontDoor>, Error> {
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
    let listener = listeners.into_iter().find(|listener| listener.port == Some(PORT));
    let mut door = FrontDoor {
        dns_name: found.dns_name.clone().unwrap_or_default(),
        state: found.state().to_owned(),
        security_groups: found.security_groups().to_vec(),
        tags: tags.remove(&arn).unwrap_or_default(),
        idle_timeout: attributes.get(IDLE_TIMEOUT).cloned().unwrap_or_default(),
        arn,
        listener,
        catch_all: None,
        origin_rule: None,
        maintenance: None,
        before: Vec::new(),
    };
    if let Some(listener) = door.listener.clone() {
        add_rules(aws, ownership, &listener.arn, &mut door).await?;
    }
    Ok(Some(door))
}

/// The attribute of that name (botocore: elbv2, LoadBalancerAttribute).
pub(super) const IDLE_TIMEOUT: &str = "idle_timeout.timeout_seconds";

async fn add_rules(aws: &Aws, ownership: &Ownership, listener: &str, door: &mut FrontDoor) -> Result<(), Error> {
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
    let mut of_others = Vec::new();
    for rule in rules {
        let tags = tags.remove(&rule.arn).unwrap_or_default();
        // One whose tags somebody took off is known by its priority.
        let owner = ownership.owner_by(&tags);
        let is = |(resource, priority): (ResourceId, u32)| match owner {
            Owner::Ours => tags.get(RESOURCE).is_some_and(|tagged| tagged == resource),
            Owner::Nobody => tags.is_empty() && rule.priority() == Some(priority),
            Owner::OtherStack(_) => false,
        };
        if is(ORIGIN_RULE) && door.origin_rule.is_none() {
            door.origin_rule = Some(rule);
        } else if is(CATCH_ALL) && door.catch_all.is_none() {
            door.catch_all = Some(rule);
        } else if is(MAINTENANCE) && door.maintenance.is_none() {
            let since = tags.get(SINCE).cloned();
            door.maintenance = Some(MaintenanceRule { rule, since });
        } else {
            of_others.extend(rule.priority());
        }
    }
    let limit = door.catch_all.as_ref().and_then(Rule::priority).unwrap_or(CATCH_ALL.1);
    door.before = of_others.into_iter().filter(|priority| *priority < limit).collect();
    Ok(())
}
