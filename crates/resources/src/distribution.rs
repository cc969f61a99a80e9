//! The CloudFront distribution. Must know nothing of where its origin comes from.
//! Found again by its tags: its comment is an attribute, which may change. Its caller reference is random and journalled first, as
//! none can be used twice (botocore: cloudfront, CallerReference).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use aws_sdk_cloudfront::types::{
    Distribution as LiveCloudFront, DistributionConfig, DistributionConfigWithTags, Tag, TagKeys, Tags,
};

use super::distribution_calls::{self as calls, Found};
use super::distribution_config::{self as config, Domain, Wanted, origin_name};
use super::distribution_origin::OriginWay;
use super::front_door::Entrance;
use super::outputs::{
    ALIASES, CERTIFICATE, DISTRIBUTION, EDGE_PROTOCOL, EDGE_SECRET, FORWARDED, LiveDistribution, ORIGIN, SECRETS,
    WEB_ACL,
};
use super::ownership::{TagStep, block_unless_ours, change_tags, tag_steps};
use super::stack::Stack;
use crate::aws::errors::{Explain, polled};
use crate::aws::eventual_consistency::{settled, shown};
use crate::aws::origin_secret::OriginSecret;
use crate::aws::own_work::{self, Made};
use crate::aws::tags::{Tagged, indexed_tags};
use crate::aws::{Aws, texts};
use crate::engine::{
    Error, Failure, FieldChange, Hint, Kind, Limits, Notice, Observed, Owner, Plan, Poll, ReadCx, Resource, ResourceId,
    Step, Values, Wait, WriteCx,
};

const ID: ResourceId = "distribution";

/// The journal's word for the caller reference that a creation is about to use.
const REFERENCE: &str = "caller-reference";

/// Usually 3 to 15 minutes; Terraform gives up after 90.
const LIMITS: Limits = Limits::minutes(20, 60);
/// A web ACL made a moment ago may be unknown to CloudFront.
const SPREADING: Limits = Limits::minutes(1, 2);
/// Seconds. The quickest that were told of took 216 s (github.com/go-to-k/cdkd/issues/1311: 3 to 15 minutes).
const DEPLOYING: u64 = 200;

pub(super) struct Distribution {
    stack: Arc<Stack>,
}

#[derive(Clone)]
pub(super) struct LiveState {
    id: String,
    arn: String,
    domain: String,
    deployed: bool,
    config: DistributionConfig,
    tags: BTreeMap<String, String>,
    /// Ids of further ones of this stack, which are not used.
    others: Vec<String>,
}

/// What can be changed of a distribution: all of it, at the address that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DistributionStep {
    Tag(TagStep),
    Set(FieldChange),
    /// On its way to the edge locations.
    Follow,
}

impl Step for DistributionStep {
    fn shown(&self) -> FieldChange {
        match self {
            Self::Tag(tag) => tag.shown(),
            Self::Set(field) => field.clone(),
            Self::Follow => {
                let field = FieldChange::new("Status", "InProgress".to_owned(), "Deployed".to_owned());
                field.passing_by_itself()
            }
        }
    }
}

/// Whether this is a name of Beanstalk's, which anyone can take once it is free; a load balancer's is never given out again.
fn is_cname(name: &str) -> bool {
    name.contains(".elasticbeanstalk.")
}

/// What others give.
struct Inputs {
    origin: String,
    secret: Option<OriginSecret>,
    web_acl: Option<String>,
    certificate: Option<String>,
}

impl LiveState {
    fn of(distribution: LiveCloudFront) -> Option<Self> {
        Some(Self {
            deployed: distribution.status == "Deployed",
            config: distribution.distribution_config?,
            id: distribution.id,
            arn: distribution.arn,
            domain: distribution.domain_name,
            tags: BTreeMap::new(),
            others: Vec::new(),
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

    /// The secret that all edge locations send along by now.
    fn edge_secret(&self) -> Option<OriginSecret> {
        let secret = OriginSecret::parse(config::sent_along(&self.config));
        secret.filter(|_| self.deployed)
    }

    fn leftover(&self) -> String {
        format!("distribution {} ({})", self.id, self.domain)
    }
}

impl Distribution {
    pub(super) fn new(stack: Arc<Stack>) -> Self {
        Self { stack }
    }

    fn comment(&self) -> &str {
        &self.stack.names.distribution_comment
    }

    fn has_domain(&self) -> bool {
        !self.stack.profile.site_names().is_empty()
    }

    /// The names that it answers to, as far as they are ours to say: what else it has somebody set by hand.
    fn domain<'a>(&'a self, certificate: Option<&'a str>) -> Domain<'a> {
        let names = self.stack.profile.site_names();
        let former = self.stack.former.iter().flat_map(|profile| profile.site_names());
        Domain {
            former: former.filter(|name| !names.contains(name)).collect(),
            names,
            certificate,
        }
    }

    fn is_behind_its_own(&self) -> bool {
        self.stack.profile.has_own_load_balancer()
    }

    fn way(&self) -> OriginWay {
        OriginWay {
            entrance: Entrance::of(&self.stack.profile),
            was_https: self.stack.former.iter().any(|profile| profile.has_origin_tls()),
        }
    }

    /// What is wanted, as far as it is known.
    fn wanted<'a>(
        &'a self,
        origin: Option<&'a str>,
        secret: Option<&'a OriginSecret>,
        web_acl: Option<&'a str>,
        certificate: Option<&'a str>,
    ) -> Wanted<'a> {
        Wanted {
            domain: self.domain(certificate),
            cdn: &self.stack.profile.cdn,
            comment: self.comment(),
            origin,
            secret: match self.is_behind_its_own() {
                true => secret.map(OriginSecret::as_str),
                false => Some(""),
            },
            way: self.way(),
            web_acl: match self.stack.profile.has_web_acl() {
                true => web_acl,
                false => Some(""),
            },
            former_uncached: self.former_uncached(),
        }
    }

    /// In one run it cannot go to the stack's own load balancer, or leave it, where nobody remembers that it fetched from elsewhere: it
    /// would be there before anybody is let through.
    fn fetches_elsewhere(&self, live: &LiveState) -> Option<Plan<DistributionStep>> {
        let name = origin_name(&live.config);
        let at_its_own = name.starts_with(&format!("{}-", self.stack.names.load_balancer));
        let policy = self.way().entrance.policy();
        // Of what differs from a known former profile somebody has changed it by hand.
        let is_unknown = self.stack.former.iter().all(|profile| !profile.has_own_load_balancer());
        let so = at_its_own && (config::origin_policy(&live.config) == policy || !is_unknown);
        let unforeseen = self.is_behind_its_own() && !so && !self.stack.moves_behind_its_own();
        unforeseen.then(|| {
            let why = match at_its_own {
                true => format!("it comes to the load balancer of the stack's own otherwise than {policy}"),
                false => format!("it fetches from {name}, which is not the load balancer of the stack's own"),
            };
            Plan::blocked(why, Hint::run("teardown --keep users-table").then("up"))
        })
    }

    fn former_uncached(&self) -> BTreeSet<String> {
        let former = self.stack.former.iter().flat_map(|profile| &profile.cdn.uncached);
        former.cloned().collect()
    }

    /// The one that the run's search found; `None` where there are more of them, which takes the list to choose from.
    async fn indexed(&self, cx: &ReadCx<Aws>) -> Result<Option<(LiveState, Tagged)>, Error> {
        let aws = cx.aws();
        let arn = format!("arn:aws:cloudfront::{}:distribution/", aws.account);
        let [found] = &aws.index.beginning(&arn)[..] else {
            return Ok(None);
        };
        let Some(live) = self.look(aws, &found[arn.len()..]).await? else {
            return Ok(None);
        };
        let tagged = indexed_tags(cx, &self.stack.ownership, ID, self.comment(), found, || {
            calls::tags(aws, found)
        });
        let tagged = tagged.await?;
        Ok((tagged.owner == Owner::Ours).then_some((live, tagged)))
    }

    /// Ours among those that the search by tags found, and those with our comment, as tags do not show at once; with the ids of
    /// further ones. Else one that is in the way.
    async fn find(&self, cx: &ReadCx<Aws>) -> Result<Option<(Found, Tagged, Vec<String>)>, Error> {
        let aws = cx.aws();
        let mut ours = Vec::new();
        let mut in_the_way = None;
        let list = || async {
            let by_tag = &self.stack.found_distributions;
            let alike = calls::list(aws, |one| one.comment == self.comment() || by_tag.contains(&one.id)).await?;
            Ok((!alike.is_empty()).then_some(alike))
        };
        for found in settled(cx, ID, self.comment(), list).await?.unwrap_or_default() {
            let tagged = indexed_tags(cx, &self.stack.ownership, ID, self.comment(), &found.arn, || {
                calls::tags(aws, &found.arn)
            });
            let tagged = tagged.await?;
            match tagged.owner {
                Owner::Ours => ours.push((found, tagged)),
                // One of another stack with the same comment is in nobody's way.
                Owner::OtherStack(_) => {}
                Owner::Nobody => in_the_way = Some((found, tagged, Vec::new())),
            }
        }
        // Enabled before disabled, then the newest.
        ours.sort_by_key(|(found, _)| (found.enabled, found.modified));
        let chosen = ours.pop();
        let others = ours.into_iter().map(|(found, _)| found.id).collect();
        Ok(chosen.map(|(found, tagged)| (found, tagged, others)).or(in_the_way))
    }

    async fn look(&self, aws: &Aws, id: &str) -> Result<Option<LiveState>, Error> {
        Ok(calls::get(aws, id).await?.and_then(LiveState::of))
    }

    async fn make(&self, cx: &WriteCx<Aws>, wanted: &Wanted<'_>) -> Result<LiveState, Error> {
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
            .tags(tags_of(self.stack.ownership.tags(ID))?)
            .build();
        let create = cx
            .aws()
            .cloudfront
            .create_distribution_with_tags()
            .distribution_config_with_tags(with_tags);
        cx.intend(REFERENCE, reference).await?;
        let wait = Wait::new("CloudFront to know the web ACL", 5, SPREADING);
        let call = cx.wait(&wait, || async {
            match create.clone().send().await.explain(doing) {
                Ok(answer) => Poll::Ready(answer.distribution.and_then(LiveState::of)),
                Err(error) => calls::not_known_yet(&error).map_or_else(|| polled(Err(error)), Poll::NotYet),
            }
        });
        let existing = OnceLock::new();
        let there = &existing;
        let whose = async |refusal: Error| {
            let Some(live) = self.existing(cx.read(), &refusal).await? else {
                return Ok(Owner::Nobody);
            };
            // Its tags may not show yet: judged by one empty read, it would be made a second time.
            let tags = || calls::tags(cx.read().aws(), &live.arn);
            let owner = own_work::by_tags(cx, &self.stack.ownership, ID, self.comment(), tags).await;
            there.get_or_init(|| live);
            owner
        };
        Ok(match own_work::create(cx, self.comment(), call, whose).await? {
            Made::Answered(made) => made,
            Made::Before => existing.into_inner(),
            Made::ByOthers(_) => None,
        })
    }

    /// The distribution that a 409 names, if it is there: the id may be of another stack's, even of another account's. One that was made a
    /// moment ago does not show at once.
    async fn existing(&self, cx: &ReadCx<Aws>, exists: &Error) -> Result<Option<LiveState>, Error> {
        let Some(id) = exists.causes.iter().find_map(|text| texts::existing_distribution(text)) else {
            return Ok(None);
        };
        match shown(cx, || self.look(cx.aws(), id)).await {
            Err(error) if error.kind == Kind::Unreachable => Err(error),
            // Another account's.
            Err(_) => Ok(None),
            live => live,
        }
    }

    async fn change_tags(&self, cx: &WriteCx<Aws>, live: &LiveState, steps: &[TagStep]) -> Result<(), Error> {
        let (cloudfront, arn, doing) = (
            &cx.aws().cloudfront,
            &live.arn,
            &format!("tag the distribution {}", live.id),
        );
        let untag = |tags: BTreeMap<String, String>| async move {
            let keys = TagKeys::builder().set_items(Some(tags.into_keys().collect())).build();
            let untag = cloudfront.untag_resource().resource(arn).tag_keys(keys);
            untag.send().await.explain(doing).map(drop)
        };
        let tag = |tags| async move {
            let tag = cloudfront.tag_resource().resource(arn).tags(tags_of(tags)?);
            tag.send().await.explain(doing).map(drop)
        };
        let read = || calls::tags(cx.read().aws(), arn);
        change_tags(cx, (&self.title(), self.comment()), steps, untag, tag, read).await
    }

    /// Sets these fields and no others: what somebody changed since they were shown ends the run.
    async fn set(&self, cx: &WriteCx<Aws>, id: &str, wanted: &Wanted<'_>, fields: &[FieldChange]) -> Result<(), Error> {
        calls::update(cx, id, SPREADING, |config| {
            let now = wanted.differences(config)?;
            let unseen = now
                .iter()
                .find(|field| !fields.iter().any(|shown| field.was_shown_as(shown)));
            if let Some(unseen) = unseen {
                let text = format!("{} of the distribution {id} was changed a moment ago", unseen.field);
                return Err(Error::new(Kind::Unforeseen, text).hint(Hint::run("plan")));
            }
            wanted.amend(config)
        })
        .await
    }

    fn inputs(&self, cx: &WriteCx<Aws>) -> Result<Inputs, Error> {
        Ok(Inputs {
            origin: cx.need(&ORIGIN)?,
            secret: match self.is_behind_its_own() {
                true => cx.need(&SECRETS)?.pop(),
                false => None,
            },
            web_acl: match self.stack.profile.has_web_acl() {
                true => Some(cx.need(&WEB_ACL)?),
                false => None,
            },
            certificate: match self.has_domain() {
                true => Some(cx.need(&CERTIFICATE)?),
                false => None,
            },
        })
    }

    /// Makes it known, and waits until it is deployed as it should be.
    async fn follow(&self, cx: &WriteCx<Aws>, live: LiveState, wanted: &Wanted<'_>) -> Result<LiveState, Failure> {
        // It answers long before it is deployed everywhere.
        cx.publish(&DISTRIBUTION, live.output());
        cx.step(format!("{} is on its way to the edge locations", live.domain));
        let left = live.leftover();
        let is_right = |config: &DistributionConfig| wanted.differences(config).is_ok_and(|fields| fields.is_empty());
        let deployed = self.wait_deployed(cx, &live.id, is_right).await;
        deployed.map_err(|error| Failure::from(error).leaving(left, false))
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
        let wait = Wait::new(format!("CloudFront to deploy {id} to its edge locations"), 5, LIMITS).usually(DEPLOYING);
        cx.wait(&wait, || async move {
            match self.look(aws, id).await {
                Ok(Some(live)) if live.deployed && right(&live.config) => Poll::Ready(live),
                Ok(Some(_)) => Poll::NotYet("InProgress: on its way to the edge locations".to_owned()),
                // Reads right after its creation may not know it either.
                Ok(None) => Poll::NotYet("not visible yet".to_owned()),
                Err(error) => polled(Err(error)),
            }
        })
        .await
    }
}

/// The own names of this stack's distributions, of which there is one as a rule.
///
/// # Errors
/// Where they cannot be read.
pub(super) async fn names_of_ours(cx: &ReadCx<Aws>, stack: &Arc<Stack>) -> Result<Vec<String>, Error> {
    let seen = Distribution::new(stack.clone()).observe(cx).await?;
    let ours = seen.live().filter(|(_, owner)| **owner == Owner::Ours);
    Ok(ours.map(|(live, _)| live.domain.clone()).into_iter().collect())
}

fn tags_of(tags: BTreeMap<String, String>) -> Result<Tags, Error> {
    let tags = tags.into_iter();
    let tags: Result<Vec<_>, _> = tags.map(|(k, v)| Tag::builder().key(k).value(v).build()).collect();
    let tags = tags.map_err(|error| Error::failed("could not make the tags").because(error.to_string()))?;
    Ok(Tags::builder().set_items(Some(tags)).build())
}

fn new_reference() -> String {
    format!("confctl-{:032x}", rand::random::<u128>())
}

impl Resource for Distribution {
    type Live = LiveState;
    type Place = ();
    type Step = DistributionStep;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        ID
    }

    /// Its comment can be changed, and it has no other name that we choose: there is one a stack.
    fn name(&self) -> String {
        String::new()
    }

    fn title(&self) -> String {
        format!("distribution ({})", self.comment())
    }

    fn needs(&self) -> Vec<&'static str> {
        let profile = &self.stack.profile;
        let needs = [
            (true, ORIGIN.name),
            (profile.has_web_acl(), WEB_ACL.name),
            (self.has_domain(), CERTIFICATE.name),
            (self.is_behind_its_own(), SECRETS.name),
            (self.stack.moves_behind_its_own(), FORWARDED.name),
        ];
        needs
            .into_iter()
            .filter_map(|(is_so, name)| is_so.then_some(name))
            .collect()
    }

    fn gives(&self) -> Vec<&'static str> {
        let gives = [
            (true, DISTRIBUTION.name),
            (self.has_domain(), ALIASES.name),
            (self.is_behind_its_own(), EDGE_SECRET.name),
            (self.is_behind_its_own(), EDGE_PROTOCOL.name),
        ];
        gives
            .into_iter()
            .filter_map(|(is_so, name)| is_so.then_some(name))
            .collect()
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    /// Never settling: an update and the way to its removal need not wait for an earlier change to be deployed. One that is not
    /// yet deployed is planned as an update of its status.
    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<LiveState>, Error> {
        if let Some((live, tagged)) = self.indexed(cx).await? {
            return Ok(Observed::Present {
                live: LiveState {
                    tags: tagged.tags,
                    ..live
                },
                owner: tagged.owner,
            });
        }
        let Some((found, tagged, others)) = self.find(cx).await? else {
            return Ok(Observed::Absent(()));
        };
        let Some(live) = self.look(cx.aws(), &found.id).await? else {
            return Ok(Observed::Absent(()));
        };
        Ok(Observed::Present {
            live: LiveState {
                tags: tagged.tags,
                others,
                ..live
            },
            owner: tagged.owner,
        })
    }

    fn plan(&self, seen: &Observed<LiveState>, known: &Values) -> Plan<DistributionStep> {
        let Some((live, owner)) = seen.live() else {
            return Plan::Create;
        };
        if let Some(blocked) = block_unless_ours(&self.stack, ID, owner, "cdn.comment") {
            return blocked;
        }
        let (origin, web_acl, certificate) = (known.get(&ORIGIN), known.get(&WEB_ACL), known.get(&CERTIFICATE));
        if let Some(stray) = self.domain(None).stray(&live.config) {
            return Plan::blocked(
                format!("somebody gave it the domain {stray}, which the profile's certificate would not cover"),
                Hint::from(format!(
                    "add it, with --set domain.also={stray}, or take it off the distribution; then "
                ))
                .and_run("up"),
            );
        }
        if let (None, Some(dangling)) = (&origin, live.dangling_cname()) {
            // The environment that held the name is gone: it is free for any customer, and viewers are sent there.
            return Plan::blocked(
                format!("it still fetches from {dangling}, a name that no environment of this stack holds any more"),
                Hint::run("teardown --keep users-table").then("up"),
            );
        }
        if let Some(blocked) = self.fetches_elsewhere(live) {
            return blocked;
        }
        let secret = known.get(&SECRETS).and_then(|mut secrets| secrets.pop());
        let differences = self
            .wanted(
                origin.as_deref(),
                secret.as_ref(),
                web_acl.as_deref(),
                certificate.as_deref(),
            )
            .differences(&live.config);
        let differences = match differences {
            Ok(differences) => differences,
            Err(error) => return Plan::blocked(error.to_string(), Hint::run("profile show")),
        };
        let tags = tag_steps(&self.stack, ID, &live.tags).into_iter();
        let mut steps: Vec<_> = tags.map(DistributionStep::Tag).collect();
        steps.extend(differences.into_iter().map(DistributionStep::Set));
        if origin.is_none() {
            let from = Some(origin_name(&live.config).to_owned());
            let field = FieldChange::awaiting(config::ORIGIN_NAME, from, ORIGIN.name);
            steps.push(DistributionStep::Set(field));
        }
        let sends = config::sent_along(&live.config);
        let changes = self.stack.rotating && secret.as_ref().is_some_and(|secret| secret.as_str() == sends);
        if self.is_behind_its_own() && (secret.is_none() || changes) {
            let from = (!sends.is_empty()).then(|| config::NOT_SHOWN.to_owned());
            let field = FieldChange::awaiting(config::ORIGIN_HEADER, from, SECRETS.name);
            steps.push(DistributionStep::Set(field));
        }
        if web_acl.is_none() && self.stack.profile.has_web_acl() {
            let from = live.config.web_acl_id.clone().filter(|id| !id.is_empty());
            let field = FieldChange::awaiting(config::WEB_ACL, from, WEB_ACL.name);
            steps.push(DistributionStep::Set(field));
        }
        if certificate.is_none() && self.has_domain() {
            let from = config::certificate(&live.config).map(str::to_owned);
            let field = FieldChange::awaiting(config::CERTIFICATE, from, CERTIFICATE.name);
            steps.push(DistributionStep::Set(field));
        }
        if !live.deployed {
            steps.push(DistributionStep::Follow);
        }
        Plan::of(steps)
    }

    fn notices(&self, seen: &Observed<LiveState>) -> Vec<Notice> {
        let others = seen.live().map(|(live, _)| live.others.join(", "));
        let others = others.filter(|others| !others.is_empty());
        let notice = others.map(|others| {
            let text = format!("there are more distributions of this stack than one; not used: {others}");
            Notice::new(text).hint(Hint::run("teardown"))
        });
        let live = seen.live().map(|(live, _)| live);
        let moves = live.filter(|live| self.way().moves(&live.config));
        let moves = moves.map(|live| {
            Notice::new(format!(
                "who comes by CloudFront's own name, {}, is answered 502 from then on: the load balancer's certificate is for the site's names",
                live.domain
            ))
        });
        notice.into_iter().chain(moves).collect()
    }

    fn publish(&self, live: &LiveState, values: &mut Values) {
        values.set(&DISTRIBUTION, live.output());
        let served = live.deployed && self.domain(None).is_served(&live.config);
        if self.has_domain() && served {
            values.set(&ALIASES, live.output());
        }
        if let Some(secret) = live.edge_secret().filter(|_| self.is_behind_its_own()) {
            values.set(&EDGE_SECRET, secret);
        }
        if live.deployed && self.is_behind_its_own() {
            values.set(&EDGE_PROTOCOL, config::origin_policy(&live.config).to_owned());
        }
    }

    async fn create(&self, cx: &WriteCx<Aws>, (): ()) -> Result<LiveState, Failure> {
        let inputs = self.inputs(cx)?;
        let wanted = self.wanted(
            Some(&inputs.origin),
            inputs.secret.as_ref(),
            inputs.web_acl.as_deref(),
            inputs.certificate.as_deref(),
        );
        let live = self.make(cx, &wanted).await?;
        self.follow(cx, live, &wanted).await
    }

    async fn update(
        &self,
        cx: &WriteCx<Aws>,
        live: LiveState,
        steps: Vec<DistributionStep>,
    ) -> Result<LiveState, Failure> {
        let inputs = self.inputs(cx)?;
        let wanted = self.wanted(
            Some(&inputs.origin),
            inputs.secret.as_ref(),
            inputs.web_acl.as_deref(),
            inputs.certificate.as_deref(),
        );
        let (mut tags, mut fields) = (Vec::new(), Vec::new());
        for step in steps {
            match step {
                DistributionStep::Tag(tag) => tags.push(tag),
                DistributionStep::Set(field) => fields.push(field),
                DistributionStep::Follow => {}
            }
        }
        if !tags.is_empty() {
            self.change_tags(cx, &live, &tags).await?;
        }
        if !fields.is_empty() {
            self.set(cx, &live.id, &wanted, &fields).await?;
        }
        self.follow(cx, live, &wanted).await
    }

    async fn delete(&self, cx: &WriteCx<Aws>, live: LiveState) -> Result<(), Failure> {
        let left = |error: Error| Failure::from(error).leaving(live.leftover(), false);
        // A name of the environment's own can be taken by anyone once it is freed, a load balancer's cannot: with it the
        // environment goes first, with the other only when no edge location fetches from it any more.
        let by_cname = is_cname(origin_name(&live.config));
        if !by_cname {
            cx.release(ORIGIN.name);
        }
        // The header does no harm where nobody asks for it any more.
        cx.release(SECRETS.name);
        cx.release(FORWARDED.name);
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
