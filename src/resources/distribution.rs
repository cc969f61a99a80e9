//! The CloudFront distribution. Must know nothing of where its origin comes from.
//! Found again by its comment, confirmed by its tags; its caller reference is random and journalled first, as
//! none can be used twice (botocore: cloudfront, CallerReference).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_cloudfront::types::{
    Distribution as LiveCloudFront, DistributionConfig, DistributionConfigWithTags, Tag, Tags,
};

use super::distribution_calls::{self as calls, Found};
use super::distribution_config::{Wanted, origin_name};
use super::outputs::{DISTRIBUTION, LiveDistribution, ORIGIN, WEB_ACL};
use super::ownership::block_unless_ours;
use super::stack::Stack;
use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::presence::settled;
use crate::aws::tags::{self, settled_owner};
use crate::aws::texts;
use crate::engine::{
    Change, Error, Failure, FieldChange, Hint, Kind, Limits, Observed, Owner, Poll, ReadCx, Resource, ResourceId,
    Values, Wait, WriteCx,
};

const ID: ResourceId = "distribution";

/// The journal's word for the caller reference that a creation is about to use.
const REFERENCE: &str = "caller-reference";

/// Usually 3 to 15 minutes; Terraform gives up after 90.
const LIMITS: Limits = Limits::minutes(20, 60);
/// A web ACL made a moment ago may be unknown to CloudFront.
const SPREADING: Limits = Limits::minutes(1, 2);

pub(super) struct Distribution {
    stack: Arc<Stack>,
    /// Whether a second distribution of ours was spoken of: every plan observes anew.
    told: AtomicBool,
}

#[derive(Clone)]
pub(super) struct LiveState {
    id: String,
    arn: String,
    domain: String,
    deployed: bool,
    config: DistributionConfig,
}

/// Whether this is a name of Beanstalk's, which anyone can take once it is free; a load balancer's is never given out again.
fn is_cname(name: &str) -> bool {
    name.contains(".elasticbeanstalk.")
}

impl LiveState {
    fn of(distribution: LiveCloudFront) -> Option<Self> {
        Some(Self {
            deployed: distribution.status == "Deployed",
            config: distribution.distribution_config?,
            id: distribution.id,
            arn: distribution.arn,
            domain: distribution.domain_name,
        })
    }

    /// The environment's name that it fetches from, in cname mode while viewers are served.
    fn dangling_cname(&self) -> Option<&str> {
        let name = origin_name(&self.config);
        (self.config.enabled && is_cname(name)).then_some(name)
    }

    fn output(&self) -> LiveDistribution {
        LiveDistribution {
            id: self.id.clone(),
            domain: self.domain.clone(),
        }
    }

    fn leftover(&self) -> String {
        format!("distribution {} ({})", self.id, self.domain)
    }
}

impl Distribution {
    pub(super) fn new(stack: Arc<Stack>) -> Self {
        Self {
            stack,
            told: AtomicBool::new(false),
        }
    }

    fn comment(&self) -> &str {
        &self.stack.names.distribution_comment
    }

    /// What is wanted, as far as it is known.
    fn wanted<'a>(&'a self, origin: Option<&'a str>, web_acl: Option<&'a str>) -> Wanted<'a> {
        Wanted {
            cdn: &self.stack.profile.cdn,
            comment: self.comment(),
            origin,
            web_acl: match self.stack.profile.has_web_acl() {
                true => web_acl,
                false => Some(""),
            },
        }
    }

    /// Ours among those with our comment; else one that is in the way.
    async fn find(&self, cx: &ReadCx<Aws>) -> Result<Option<(Found, Owner)>, Error> {
        let aws = cx.aws();
        let mut ours = Vec::new();
        let mut in_the_way = None;
        let list = || async {
            let alike = calls::with_comment(aws, self.comment()).await?;
            Ok((!alike.is_empty()).then_some(alike))
        };
        for found in settled(cx, ID, self.comment(), list).await?.unwrap_or_default() {
            match settled_owner(cx, &self.stack.ownership, ID, self.comment(), || {
                calls::tags(aws, &found.arn)
            })
            .await?
            {
                Owner::Ours => ours.push(found),
                other => in_the_way = Some((found, other)),
            }
        }
        // Enabled before disabled, then the newest.
        ours.sort_by_key(|found| (found.enabled, found.modified));
        let chosen = ours.pop();
        if !ours.is_empty() && !self.told.swap(true, Ordering::Relaxed) {
            let others: Vec<_> = ours.iter().map(|found| found.id.as_str()).collect();
            let text = format!(
                "there are more distributions of this stack than one; not used: {}",
                others.join(", ")
            );
            cx.settings().events.notice(text, Some(Hint::run("teardown")));
        }
        Ok(chosen.map(|found| (found, Owner::Ours)).or(in_the_way))
    }

    async fn look(&self, aws: &Aws, id: &str) -> Result<Option<LiveState>, Error> {
        Ok(calls::get(aws, id).await?.and_then(LiveState::of))
    }

    async fn create(&self, cx: &WriteCx<Aws>, wanted: &Wanted<'_>) -> Result<LiveState, Error> {
        // A run that lost the answer left its reference: with the same one CloudFront makes no second distribution.
        let earlier = cx.read().intents(ID, REFERENCE).pop();
        let reference = earlier.unwrap_or_else(new_reference);
        if let Some(made) = self.create_with(cx, wanted, &reference).await? {
            return Ok(made);
        }
        let again = self.create_with(cx, wanted, &new_reference()).await?;
        again.ok_or_else(|| {
            Error::failed("could not create the distribution")
                .because("CloudFront says of a new random caller reference that it was used before")
        })
    }

    /// `None` where the reference belongs to a distribution that is not ours, or no longer there.
    async fn create_with(
        &self,
        cx: &WriteCx<Aws>,
        wanted: &Wanted<'_>,
        reference: &str,
    ) -> Result<Option<LiveState>, Error> {
        let doing = "create the distribution";
        let with_tags = DistributionConfigWithTags::builder()
            .distribution_config(wanted.config(reference)?)
            .tags(self.our_tags()?)
            .build();
        let create = cx
            .aws()
            .cloudfront
            .create_distribution_with_tags()
            .distribution_config_with_tags(with_tags);
        cx.intend(REFERENCE, reference).await?;
        cx.intend(tags::CREATED, self.comment()).await?;
        cx.check()?;
        let wait = Wait::new("CloudFront to know the web ACL", 5, SPREADING);
        let made = cx.wait(&wait, || async {
            match create.clone().send().await.explain(doing) {
                Ok(answer) => Poll::Ready(Ok(answer.distribution.and_then(LiveState::of))),
                Err(error) if error.is_code("DistributionAlreadyExists") => Poll::Ready(Err(error)),
                Err(error) if error.is_code("InvalidWebACLId") => {
                    Poll::NotYet("CloudFront does not know the web ACL yet".to_owned())
                }
                Err(error) if error.kind == Kind::Unreachable => Poll::Unknown(error),
                Err(error) => Poll::Failed(error),
            }
        });
        match made.await? {
            Ok(made) => Ok(made),
            Err(exists) => self.existing(cx.read(), &exists).await,
        }
    }

    /// The distribution that a 409 names, if it is there and ours: the id may be of another stack's, even of another account's.
    async fn existing(&self, cx: &ReadCx<Aws>, exists: &Error) -> Result<Option<LiveState>, Error> {
        let Some(id) = exists.causes.iter().find_map(|text| texts::existing_distribution(text)) else {
            return Ok(None);
        };
        let live = match self.look(cx.aws(), id).await {
            Ok(Some(live)) => live,
            Err(error) if error.kind == Kind::Unreachable => return Err(error),
            // Another account's, or gone.
            Ok(None) | Err(_) => return Ok(None),
        };
        // Its tags may not show yet: judged by one empty read, it would be made a second time.
        let owner = settled_owner(cx, &self.stack.ownership, ID, self.comment(), || {
            calls::tags(cx.aws(), &live.arn)
        })
        .await?;
        Ok((owner == Owner::Ours).then_some(live))
    }

    fn our_tags(&self) -> Result<Tags, Error> {
        let tags = self.stack.ownership.tags(ID).into_iter();
        let tags: Result<Vec<_>, _> = tags.map(|(k, v)| Tag::builder().key(k).value(v).build()).collect();
        let tags = tags.map_err(|error| Error::failed("could not make the tags").because(error.to_string()))?;
        Ok(Tags::builder().set_items(Some(tags)).build())
    }

    async fn take_over(&self, cx: &WriteCx<Aws>, live: &LiveState) -> Result<(), Error> {
        cx.intend(tags::CREATED, self.comment()).await?;
        cx.check()?;
        let tag = cx.aws().cloudfront.tag_resource().resource(&live.arn);
        let tagged = tag.tags(self.our_tags()?).send().await;
        tagged.explain(&format!("tag the distribution {}", live.id))?;
        Ok(())
    }

    /// Follows it until every edge location has it, and it reads as `right`: a read after a write may be stale.
    async fn wait_deployed(
        &self,
        cx: &WriteCx<Aws>,
        id: &str,
        right: impl Fn(&DistributionConfig) -> bool + Sync,
    ) -> Result<LiveState, Error> {
        let right = &right;
        let aws = cx.read().aws();
        let wait = Wait::new(format!("CloudFront to deploy {id} to its edge locations"), 10, LIMITS);
        cx.wait(&wait, || async move {
            match self.look(aws, id).await {
                Ok(Some(live)) if live.deployed && right(&live.config) => Poll::Ready(live),
                Ok(Some(_)) => Poll::NotYet("InProgress: on its way to the edge locations".to_owned()),
                // Reads right after its creation may not know it either.
                Ok(None) => Poll::NotYet("not visible yet".to_owned()),
                Err(error) if error.kind == Kind::Unreachable => Poll::Unknown(error),
                Err(error) => Poll::Failed(error),
            }
        })
        .await
    }
}

fn new_reference() -> String {
    format!("confctl-{:032x}", rand::random::<u128>())
}

impl Resource for Distribution {
    type Live = LiveState;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        ID
    }

    fn title(&self) -> String {
        format!("distribution ({})", self.comment())
    }

    fn needs(&self) -> Vec<&'static str> {
        match self.stack.profile.has_web_acl() {
            true => vec![ORIGIN.name, WEB_ACL.name],
            false => vec![ORIGIN.name],
        }
    }

    fn gives(&self) -> Vec<&'static str> {
        vec![DISTRIBUTION.name]
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    /// Never settling: an update and the way to its removal need not wait for an earlier change to be deployed. One that is not
    /// yet deployed is planned as an update of its status.
    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<LiveState>, Error> {
        let Some((found, owner)) = self.find(cx).await? else {
            return Ok(Observed::Absent);
        };
        Ok(match self.look(cx.aws(), &found.id).await? {
            Some(live) => Observed::Present { live, owner },
            None => Observed::Absent,
        })
    }

    fn plan(&self, seen: &Observed<LiveState>, known: &Values) -> Change {
        let Some((live, owner)) = seen.live() else {
            return Change::Create;
        };
        if let Some(blocked) = block_unless_ours(&self.stack, ID, owner, "cdn.comment") {
            return blocked;
        }
        let mut fields = Vec::new();
        if *owner == Owner::Nobody {
            fields.push(FieldChange::new(tags::STACK, None, self.stack.name.to_string()));
        }
        let (origin, web_acl) = (known.get(&ORIGIN), known.get(&WEB_ACL));
        if let (None, Some(dangling)) = (&origin, live.dangling_cname()) {
            // The environment that held the name is gone: it is free for any customer, and viewers are sent there.
            return Change::Blocked {
                reason: format!(
                    "it still fetches from {dangling}, a name that no environment of this stack holds any more"
                ),
                hint: Hint::run("teardown --keep users-table").then("up"),
            };
        }
        match self
            .wanted(origin.as_deref(), web_acl.as_deref())
            .differences(&live.config)
        {
            Ok(differences) => fields.extend(differences),
            Err(error) => {
                return Change::Blocked {
                    reason: error.to_string(),
                    hint: Hint::run("profile show"),
                };
            }
        }
        if !live.deployed {
            fields.push(FieldChange::new(
                "Status",
                "InProgress".to_owned(),
                "Deployed".to_owned(),
            ));
        }
        if fields.is_empty() {
            Change::Keep
        } else {
            Change::Update { fields }
        }
    }

    fn publish(&self, live: &LiveState, values: &mut Values) {
        values.set(&DISTRIBUTION, live.output());
    }

    async fn apply(&self, cx: &WriteCx<Aws>, seen: Observed<LiveState>, _: &Change) -> Result<LiveState, Failure> {
        let origin = cx.need(&ORIGIN)?;
        let web_acl = match self.stack.profile.has_web_acl() {
            true => Some(cx.need(&WEB_ACL)?),
            false => None,
        };
        let wanted = self.wanted(Some(&origin), web_acl.as_deref());
        let is_right = |config: &DistributionConfig| wanted.differences(config).is_ok_and(|fields| fields.is_empty());
        let live = match seen {
            Observed::Present { live, owner } | Observed::Settling { live, owner, .. } => {
                if owner == Owner::Nobody {
                    self.take_over(cx, &live).await?;
                }
                if !is_right(&live.config) {
                    calls::update(cx, &live.id, SPREADING, |config| wanted.amend(config)).await?;
                }
                live
            }
            Observed::Absent | Observed::Unknown(_) => self.create(cx, &wanted).await?,
        };
        // It answers long before it is deployed everywhere.
        cx.publish(&DISTRIBUTION, live.output());
        cx.step(format!("{} is on its way to the edge locations", live.domain));
        let left = live.leftover();
        let deployed = self.wait_deployed(cx, &live.id, is_right).await;
        deployed.map_err(|error| Failure::from(error).leaving(left, false))
    }

    async fn delete(&self, cx: &WriteCx<Aws>, live: LiveState) -> Result<(), Failure> {
        let left = |error: Error| Failure::from(error).leaving(live.leftover(), false);
        // A name of the environment's own can be taken by anyone once it is freed, a load balancer's cannot: with it the
        // environment goes first, with the other only when no edge location fetches from it any more.
        let by_cname = is_cname(origin_name(&live.config));
        if !by_cname {
            cx.release(ORIGIN.name);
        }
        if live.config.enabled {
            cx.step("disabling it");
            let disabled = calls::update(cx, &live.id, SPREADING, |config| {
                config.enabled = false;
                Ok(())
            });
            disabled.await.map_err(left)?;
        }
        if live.config.enabled || !live.deployed {
            let disabled = self.wait_deployed(cx, &live.id, |config| !config.enabled).await;
            disabled.map_err(left)?;
        }
        if by_cname {
            cx.release(ORIGIN.name);
        }
        cx.check()?;
        calls::delete(cx, &live.id).await.map_err(left)
    }
}
