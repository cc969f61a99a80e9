//! The web ACL in front of the distribution, as the console's "Enable security protections" makes it.
//! Must know nothing of the distribution: CloudFront associates the two.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::outputs::WEB_ACL;
use super::ownership::{TagStep, block_unless_ours, change_tags, tag_steps, tags_among};
use super::stack::Stack;
use super::web_acl_rules::{default_action, describe, rules, visibility};
use crate::aws::clients::GLOBAL_REGION;
use crate::aws::errors::{Explain, polled};
use crate::aws::eventual_consistency::settled;
use crate::aws::paging;
use crate::aws::services::waf::{CreateWebAcl, GetWebAclAnswer, Rule, Tag, WebAclSummary};
use crate::aws::tags::indexed_tags;
use crate::aws::{Aws, own_work};
use crate::engine::{
    Error, Failure, FieldChange, Hint, Kind, Limits, Notice, Observed, Owner, Plan, Poll, ReadCx, Resource, ResourceId,
    Step, Values, Wait, WriteCx,
};
use crate::profile::RateRule;

const ID: ResourceId = "web-acl";
/// WAF says of a new web ACL that it may take "a few seconds to a number of minutes" to show everywhere.
const LIMITS: Limits = Limits::minutes(2, 5);
/// The association outlives the distribution by minutes, more than five at times (hashicorp/terraform-provider-aws#46839).
const RELEASE: Limits = Limits::minutes(5, 15);

pub(super) struct WebAcl {
    stack: Arc<Stack>,
}

#[derive(Clone)]
pub(super) struct LiveWebAcl {
    id: String,
    arn: String,
    allows_by_default: bool,
    rules: Vec<Rule>,
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum WebAclStep {
    Tag(TagStep),
    /// Back to Allow.
    DefaultAction,
    Rules {
        from: Vec<Rule>,
        to: Vec<Rule>,
    },
}

impl Step for WebAclStep {
    fn shown(&self) -> FieldChange {
        let told = |rules: &[Rule]| rules.iter().map(describe).collect::<Vec<_>>().join(", ");
        match self {
            Self::Tag(tag) => tag.shown(),
            Self::DefaultAction => FieldChange::new("DefaultAction", "Block".to_owned(), "Allow".to_owned()),
            Self::Rules { from, to } => FieldChange::new("Rules", told(from), told(to)),
        }
    }
}

impl WebAcl {
    pub(super) fn new(stack: Arc<Stack>) -> Self {
        Self { stack }
    }

    fn name(&self) -> &str {
        &self.stack.names.web_acl
    }

    /// The ids that the run's search found under this name.
    fn indexed(&self, aws: &Aws) -> Option<String> {
        let arn = format!(
            "arn:aws:wafv2:{GLOBAL_REGION}:{}:global/webacl/{}/",
            aws.account,
            self.name()
        );
        let found = aws.index.beginning(&arn).into_iter().next()?;
        Some(found[arn.len()..].to_owned())
    }

    async fn find(&self, aws: &Aws) -> Result<Option<WebAclSummary>, Error> {
        paging::first(
            async |marker: Option<String>| aws.waf.list_web_acls(marker).await.explain("list the web ACLs"),
            |acl: &WebAclSummary| acl.name.as_deref() == Some(self.name()),
        )
        .await
    }

    async fn get(&self, aws: &Aws, id: &str) -> Result<Option<GetWebAclAnswer>, Error> {
        let answer = aws.waf.get_web_acl(self.name(), id).await;
        answer.or_absent(
            &["WAFNonexistentItemException"],
            &format!("read the web ACL {}", self.name()),
        )
    }

    async fn look(&self, aws: &Aws) -> Result<Option<LiveWebAcl>, Error> {
        if let Some(id) = self.indexed(aws)
            && let Some(live) = self.read(aws, id).await?
        {
            return Ok(Some(live));
        }
        match self.find(aws).await?.and_then(|found| found.id) {
            Some(id) => self.read(aws, id).await,
            None => Ok(None),
        }
    }

    async fn read(&self, aws: &Aws, id: String) -> Result<Option<LiveWebAcl>, Error> {
        let acl = self.get(aws, &id).await?.and_then(|answer| answer.web_acl);
        Ok(acl.map(|acl| LiveWebAcl {
            id,
            allows_by_default: acl.default_action.allow.is_some(),
            rules: acl.rules,
            arn: acl.arn,
            tags: BTreeMap::new(),
        }))
    }

    async fn tags(&self, aws: &Aws, arn: &str) -> Result<BTreeMap<String, String>, Error> {
        tags(aws, arn).await
    }

    fn wanted_rules(&self) -> Vec<Rule> {
        rules(&self.stack.profile)
    }

    async fn ask_for_creation(&self, cx: &WriteCx<Aws>) -> Result<(), Error> {
        let doing = format!("create the web ACL {}", self.name());
        let wanted = CreateWebAcl {
            name: self.name(),
            default_action: default_action(),
            rules: self.wanted_rules(),
            visibility_config: visibility(self.name()),
            tags: tags_of(self.stack.ownership.tags(ID)),
        };
        let wait = Wait::new(format!("WAF to {doing}"), 5, LIMITS);
        let call = cx.wait(&wait, || async {
            match cx.aws().waf.create_web_acl(&wanted).await.explain(&doing) {
                Ok(_) => Poll::Ready(()),
                Err(error) => retried(error),
            }
        });
        let made = own_work::create(cx, self.name(), call, |_| self.whose(cx)).await?;
        made.ours(&self.title()).map(drop)
    }

    async fn whose(&self, cx: &WriteCx<Aws>) -> Result<Owner, Error> {
        let aws = cx.read().aws();
        let tags = || async {
            match self.find(aws).await?.and_then(|found| found.arn) {
                Some(arn) => self.tags(aws, &arn).await,
                None => Ok(BTreeMap::new()),
            }
        };
        own_work::by_tags(cx, &self.stack.ownership, ID, self.name(), tags).await
    }

    /// The new web ACL, once it shows.
    async fn wait_visible(&self, cx: &WriteCx<Aws>) -> Result<LiveWebAcl, Error> {
        let aws = cx.read().aws();
        let wait = Wait::new(format!("the web ACL {} to show", self.name()), 2, LIMITS);
        let live = cx.wait(&wait, || async {
            polled(self.look(aws).await.map(|live| match live {
                Some(live) => Poll::Ready(live),
                None => Poll::NotYet("not visible yet".to_owned()),
            }))
        });
        let live = live.await?;
        let wait = Wait::new(
            format!("the tags of the web ACL {}", self.name()),
            5,
            Limits::minutes(1, 1),
        );
        cx.wait(&wait, || async {
            polled(
                self.tags(aws, &live.arn)
                    .await
                    .map(|tags| match self.stack.ownership.owner_by(&tags) {
                        Owner::Ours => Poll::Ready(()),
                        Owner::Nobody => Poll::NotYet("its tags do not show yet".to_owned()),
                        Owner::OtherStack(stack) => {
                            Poll::Failed(Error::refused(format!("it belongs to stack {stack}")))
                        }
                    }),
            )
        })
        .await?;
        Ok(live)
    }

    /// Brings what the steps are about back, and keeps all else as it is: an update replaces the whole web ACL.
    async fn change(&self, cx: &WriteCx<Aws>, live: &LiveWebAcl, steps: &[WebAclStep]) -> Result<(), Error> {
        let doing = format!("update the web ACL {}", self.name());
        let wait = Wait::new(format!("WAF to {doing}"), 5, LIMITS);
        cx.check()?;
        cx.wait(&wait, || async {
            let current = match self.get(cx.read().aws(), &live.id).await {
                Ok(current) => current,
                Err(error) => return retried(error),
            };
            let Some((mut acl, token)) = current.and_then(|answer| Some((answer.web_acl?, answer.lock_token?))) else {
                return Poll::Failed(Error::failed(format!("could not {doing}")).because("it is gone"));
            };
            for step in steps {
                match step {
                    WebAclStep::Tag(_) => {}
                    WebAclStep::DefaultAction => acl.default_action = default_action(),
                    WebAclStep::Rules { to, .. } => {
                        acl.rules.retain(is_shields);
                        acl.rules.splice(0..0, to.iter().cloned());
                    }
                }
            }
            match cx.aws().waf.update_web_acl(&acl, &token).await.explain(&doing) {
                Ok(_) => Poll::Ready(()),
                Err(error) => retried(error),
            }
        })
        .await
    }

    async fn change_tags(&self, cx: &WriteCx<Aws>, live: &LiveWebAcl, steps: &[TagStep]) -> Result<(), Error> {
        let (waf, arn, doing) = (&cx.aws().waf, &live.arn, &format!("tag the web ACL {}", self.name()));
        let untag = |tags: BTreeMap<String, String>| async move {
            let keys: Vec<String> = tags.into_keys().collect();
            waf.untag_resource(arn, &keys).await.explain(doing).map(drop)
        };
        let tag = |tags| async move { waf.tag_resource(arn, &tags_of(tags)).await.explain(doing).map(drop) };
        let read = || self.tags(cx.read().aws(), arn);
        change_tags(cx, (&self.title(), self.name()), steps, untag, tag, read).await
    }

    async fn users(&self, aws: &Aws, arn: &str) -> Result<Vec<String>, Error> {
        let list = aws.cloudfront.list_distributions_by_web_acl_id().web_acl_id(arn);
        let list = list.send().await.explain("list the distributions behind the web ACL")?;
        let users = list.distribution_list.and_then(|list| list.items).unwrap_or_default();
        Ok(users.into_iter().map(|distribution| distribution.id).collect())
    }
}

/// # Errors
/// Where they cannot be read.
pub(super) async fn tags(aws: &Aws, arn: &str) -> Result<BTreeMap<String, String>, Error> {
    let tags = paging::all(async |marker: Option<String>| {
        let page = aws.waf.list_tags_for_resource(arn, marker).await;
        page.explain("read the tags of a web ACL")
    });
    Ok(tags.await?.into_iter().map(|tag| (tag.key, tag.value)).collect())
}

fn tags_of(tags: BTreeMap<String, String>) -> Vec<Tag> {
    tags.into_iter().map(|(key, value)| Tag { key, value }).collect()
}

/// Shield Advanced puts its own rule into web ACLs: not ours to drop, nor drift.
/// Source: hashicorp/terraform-provider-aws, internal/service/wafv2/web_acl.go.
fn is_shields(rule: &Rule) -> bool {
    rule.name.starts_with("ShieldMitigationRuleGroup_")
}

fn admitted(rate: RateRule) -> String {
    let RateRule { blocks, limit, window } = rate;
    let beyond = match blocks {
        true => "what is more is answered with 403",
        false => "what is more is counted, and passes",
    };
    format!(
        "of one address {limit} registrations pass within {window} s: {} people behind it, where each tries as often as the page does; {beyond}",
        rate.admits()
    )
}

fn retried<T>(error: Error) -> Poll<T> {
    match error.code.as_deref() {
        Some("WAFUnavailableEntityException") => Poll::NotYet("WAF does not show it everywhere yet".to_owned()),
        Some("WAFOptimisticLockException") => Poll::NotYet("it was changed meanwhile".to_owned()),
        Some("WAFAssociatedItemException") => Poll::NotYet("CloudFront still has it".to_owned()),
        _ if error.kind == Kind::Unreachable => Poll::Unknown(error),
        _ => Poll::Failed(error),
    }
}

impl Resource for WebAcl {
    type Live = LiveWebAcl;
    type Place = ();
    type Step = WebAclStep;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        ID
    }

    fn name(&self) -> String {
        self.stack.names.web_acl.clone()
    }

    fn title(&self) -> String {
        format!("web ACL {}", self.name())
    }

    fn needs(&self) -> Vec<&'static str> {
        vec![]
    }

    fn gives(&self) -> Vec<&'static str> {
        vec![WEB_ACL.name]
    }

    /// A fixed price a month for the web ACL and for each of its rules.
    fn costs(&self) -> Option<String> {
        Some(self.title())
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<LiveWebAcl>, Error> {
        let aws = cx.aws();
        let Some(mut live) = settled(cx, ID, self.name(), || self.look(aws)).await? else {
            return Ok(Observed::Absent(()));
        };
        let tagged = indexed_tags(cx, &self.stack.ownership, ID, self.name(), &live.arn, || {
            self.tags(aws, &live.arn)
        })
        .await?;
        live.tags = tagged.tags;
        Ok(Observed::Present {
            live,
            owner: tagged.owner,
        })
    }

    fn plan(&self, seen: &Observed<LiveWebAcl>, _: &Values) -> Plan<WebAclStep> {
        let Some((live, owner)) = seen.live() else {
            return Plan::Create;
        };
        if let Some(blocked) = block_unless_ours(&self.stack, ID, owner, "waf.name") {
            return blocked;
        }
        let mut steps: Vec<_> = tag_steps(&self.stack, ID, &live.tags)
            .into_iter()
            .map(WebAclStep::Tag)
            .collect();
        if !live.allows_by_default {
            steps.push(WebAclStep::DefaultAction);
        }
        let from: Vec<Rule> = live.rules.iter().filter(|rule| !is_shields(rule)).cloned().collect();
        let to = self.wanted_rules();
        // By what we manage of a rule: WAF fills in the rest.
        if !from.iter().map(describe).eq(to.iter().map(describe)) {
            steps.push(WebAclStep::Rules { from, to });
        }
        Plan::of(steps)
    }

    /// Whom the rate rule lets pass, wherever what is there differs from what is wanted: that is what is to be decided about.
    fn notices(&self, seen: &Observed<LiveWebAcl>) -> Vec<Notice> {
        let rate = self.stack.profile.rate_rule();
        let is_there = |wanted: &Rule| {
            let live = seen.live().map(|(live, _)| live.rules.iter().map(describe));
            live.is_some_and(|mut live| live.any(|line| line == describe(wanted)))
        };
        let wanted = self.wanted_rules();
        let told = rate.filter(|_| wanted.last().is_some_and(|rule| !is_there(rule)));
        told.map(|rate| Notice::new(admitted(rate))).into_iter().collect()
    }

    fn publish(&self, live: &LiveWebAcl, values: &mut Values) {
        values.set(&WEB_ACL, live.arn.clone());
    }

    async fn create(&self, cx: &WriteCx<Aws>, (): ()) -> Result<LiveWebAcl, Failure> {
        self.ask_for_creation(cx).await?;
        Ok(self.wait_visible(cx).await?)
    }

    async fn update(&self, cx: &WriteCx<Aws>, live: LiveWebAcl, steps: Vec<WebAclStep>) -> Result<LiveWebAcl, Failure> {
        let tags = tags_among!(steps, WebAclStep);
        if !tags.is_empty() {
            self.change_tags(cx, &live, &tags).await?;
        }
        if tags.len() < steps.len() {
            self.change(cx, &live, &steps).await?;
        }
        Ok(live)
    }

    async fn delete(&self, cx: &WriteCx<Aws>, live: LiveWebAcl) -> Result<(), Failure> {
        let doing = format!("delete the web ACL {}", self.name());
        let wait = Wait::new(format!("WAF to {doing}"), 5, RELEASE);
        cx.check()?;
        let deleted = cx.wait(&wait, || async {
            let token = match self.get(cx.read().aws(), &live.id).await {
                Ok(Some(answer)) => answer.lock_token.unwrap_or_default(),
                Ok(None) => return Poll::Ready(()),
                Err(error) => return retried(error),
            };
            let deleted = cx.aws().waf.delete_web_acl(self.name(), &live.id, &token).await;
            match deleted.or_absent(&["WAFNonexistentItemException"], &doing) {
                Ok(_) => Poll::Ready(()),
                Err(error) => retried(error),
            }
        });
        let Err(error) = deleted.await else { return Ok(()) };
        let users = match error.kind {
            Kind::Deadline => self.users(cx.read().aws(), &live.arn).await.unwrap_or_default(),
            _ => Vec::new(),
        };
        let error = match users.is_empty() {
            true => error,
            false => Error::refused(format!(
                "the web ACL {} is used by the distributions {}",
                self.name(),
                users.join(", ")
            ))
            .hint(Hint::from("take it off those distributions, then ").and_run("teardown")),
        };
        Err(Failure::from(error).leaving(format!("web ACL {}", self.name()), true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{RateMode, WafMode};

    fn web_acl(mode: WafMode) -> WebAcl {
        WebAcl::new(Stack::for_test(|profile| profile.waf.mode = mode))
    }

    fn seen(rules: Vec<Rule>, owner: Owner) -> Observed<LiveWebAcl> {
        let live = LiveWebAcl {
            id: "1".to_owned(),
            arn: "arn:aws:wafv2:us-east-1:111122223333:global/webacl/confctl/1".to_owned(),
            allows_by_default: true,
            rules,
            tags: Stack::for_test(|_| {}).ownership.tags(ID),
        };
        Observed::Present { live, owner }
    }

    #[test]
    fn what_was_created_is_kept_with_the_rule_that_shield_adds() {
        let acl = web_acl(WafMode::Block);
        let mut live = acl.wanted_rules();
        let mut shield = live[0].clone();
        shield.name = "ShieldMitigationRuleGroup_111122223333_x".to_owned();
        live.push(shield);
        assert_eq!(acl.plan(&seen(live, Owner::Ours), &Values::default()), Plan::Keep);
    }

    #[test]
    fn a_rule_group_set_to_count_behind_our_back_is_drift() {
        let counted = web_acl(WafMode::Count).wanted_rules();
        let change = web_acl(WafMode::Block).plan(&seen(counted, Owner::Ours), &Values::default());
        assert!(matches!(change, Plan::Update(_)), "{change:?}");
    }

    #[test]
    fn a_new_rate_is_told_with_the_people_whom_it_lets_pass_and_one_that_is_there_is_not() {
        let acl = WebAcl::new(Stack::for_test(|profile| {
            profile.waf.rate = RateMode::Count;
            profile.event.people = Some(10_000);
        }));
        let told = |seen: &Observed<LiveWebAcl>| -> Vec<String> {
            acl.notices(seen).into_iter().map(|notice| notice.text).collect()
        };
        let new = told(&Observed::Absent(()));
        assert!(
            new.len() == 1 && new[0].contains("80000 registrations") && new[0].contains("10000 people behind it"),
            "{new:?}"
        );
        let live = seen(acl.wanted_rules(), Owner::Ours);
        assert!(told(&live).is_empty());
        assert_eq!(acl.plan(&live, &Values::default()), Plan::Keep);
        // Somebody turned it from count to block, or took it out.
        let mut blocking = acl.wanted_rules();
        blocking[3].action = serde_json::from_value(serde_json::json!({"Block": {}})).unwrap();
        let without = acl.wanted_rules()[..3].to_vec();
        for drifted in [blocking, without] {
            let change = acl.plan(&seen(drifted, Owner::Ours), &Values::default());
            assert!(matches!(change, Plan::Update(_)), "{change:?}");
        }
    }

    #[test]
    fn a_web_acl_of_somebody_else_is_not_touched() {
        for owner in [Owner::Nobody, Owner::OtherStack("two in us-east-1".to_owned())] {
            let change = web_acl(WafMode::Block).plan(&seen(Vec::new(), owner), &Values::default());
            assert!(matches!(change, Plan::Blocked { .. }), "{change:?}");
        }
    }
}
