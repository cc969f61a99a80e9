//! A load balancer of the stack's own, closed from its first moment: its listener and its rules refuse everybody, but who brings the
//! secret. Where those are sent is not its matter (`listener_rule`).
//!
//! Found by its name, which is a region's, and told by its tags whose it is. Beanstalk puts its own rule behind ours, so that whoever
//! asks by the environment's name meets the refusal first (Beanstalk guide: environments-cfg-alb-shared).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::distribution_config::NOT_SHOWN;
use super::front_door::{
    self, CATCH_ALL, Entrance, FrontDoor, GONE, HEADER, IDLE_TIMEOUT, MAINTENANCE, ORIGIN_RULE, look,
};
use super::maintenance_page;
use super::outputs::{
    LOAD_BALANCER, LiveLoadBalancer, NETWORK, ORIGIN, ORIGIN_CERTIFICATE, SECRETS, SECURITY_GROUP, SHOWN_INSTEAD,
};
use super::ownership::{TagStep, block_unless_ours_with, change_tags, tag_steps};
use super::stack::Stack;
use crate::aws::Aws;
use crate::aws::errors::{Explain, polled};
use crate::aws::eventual_consistency::settled;
use crate::aws::origin_secret::OriginSecret;
use crate::aws::own_work::{self, Made};
use crate::aws::services::load_balancing::{Action, Condition, CreateLoadBalancer, Listener, Rule, Tls};
use crate::aws::tags::indexed_tags;
use crate::engine::{
    Error, Failure, FieldChange, Hint, Limits, Notice, Observed, Owner, Plan, Poll, ReadCx, Resource, ResourceId, Step,
    Values, Wait, WriteCx,
};

const ID: ResourceId = CATCH_ALL.0;
/// Seen: 2m15 to 3m07 in public logs of Terraform and CDK of 2025 and 2026.
const LIMITS: Limits = Limits::minutes(5, 15);
/// Seconds.
const PROVISIONING: u64 = 160;
/// A security group made a moment ago may be unknown to ELB, and so may a certificate (hashicorp/terraform-provider-aws#41789).
const SPREADING: Limits = Limits::minutes(1, 2);

/// What a listener needs for HTTPS.
const CERTIFICATE: &str = "listener's certificate";
/// TLS 1.2 and 1.3: AWS's recommendation (ELB guide, describe-ssl-policies). What leaves more of 1.2 out stays; one of 1.3 alone would
/// keep CloudFront out, whose list of protocols for origins ends with 1.2 (botocore: cloudfront, OriginSslProtocols).
const POLICY: &str = "ELBSecurityPolicy-TLS13-1-2-2021-06";
const STRICTER: &str = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06";

/// The step that lets a second secret in beside the present one.
pub(super) const FURTHER: &str = "further secret";
/// The step by which the maintenance page asks for the secrets that CloudFront's rule asks for.
pub(super) const ALIKE: &str = "secret of the maintenance page";

pub(super) struct OwnLoadBalancer {
    stack: Arc<Stack>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum LoadBalancerStep {
    Tag(TagStep),
    SecurityGroups {
        from: Vec<String>,
        to: Vec<String>,
    },
    IdleTimeout {
        from: String,
        to: String,
    },
    /// There is none.
    Listener(Entrance),
    /// Another certificate, or what else belongs to TLS; `None` while the certificate is not known.
    Certificate {
        from: Option<String>,
        to: Option<String>,
    },
    /// What comes through all rules is refused again.
    DefaultAction,
    /// There is none.
    CatchAll,
    /// It refuses everybody again.
    Refuse(CatchAllIs),
    /// There is none: a new one, with a new secret.
    OriginRule,
    /// It asks for these secrets again, or for a new one where it asks for none.
    Ask(Vec<OriginSecret>),
    Priorities,
    /// A further secret, so that both are let in while the edge locations learn it.
    NextSecret,
    /// The maintenance page asks for other secrets: visitors would get past it.
    Alike,
    Follow,
}

/// What of the rule that refuses everybody is not so any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CatchAllIs {
    Partial,
    Open,
}

impl Step for LoadBalancerStep {
    fn shown(&self) -> FieldChange {
        let new = |field: &str, to: &str| FieldChange::new(field, None, to.to_owned());
        let again = |field: &str, from: &str, to: &str| FieldChange::new(field, from.to_owned(), to.to_owned());
        match self {
            Self::Tag(tag) => tag.shown(),
            Self::SecurityGroups { from, to } => FieldChange::new("SecurityGroups", from.join(", "), to.join(", ")),
            Self::IdleTimeout { from, to } => FieldChange::new(IDLE_TIMEOUT, from.clone(), to.clone()),
            Self::Listener(entrance) => new("listener", &format!("{}, refusing everybody", entrance.port())),
            Self::Certificate { from, to: None } => {
                FieldChange::awaiting(CERTIFICATE, from.clone(), ORIGIN_CERTIFICATE.name)
            }
            Self::Certificate { from, to } => FieldChange::new(CERTIFICATE, from.clone(), to.clone()),
            Self::DefaultAction => again("listener's own action", "changed", "403"),
            Self::CatchAll => new("rule for everybody", "403"),
            Self::Refuse(CatchAllIs::Partial) => again("rule for everybody", "not for everybody", "*"),
            Self::Refuse(CatchAllIs::Open) => again("rule for everybody", "changed", "403"),
            Self::OriginRule => new("rule for CloudFront", "asks for a new secret"),
            Self::Ask(_) => again("rule for CloudFront", "asks for something else", "asks for the secret"),
            Self::Priorities => again("priorities of the rules", "changed", "10, 20"),
            Self::NextSecret => new(FURTHER, NOT_SHOWN),
            Self::Alike => again(ALIKE, "another", "as CloudFront sends it"),
            Self::Follow => again("State", "provisioning", "active").passing_by_itself(),
        }
    }
}

/// Everybody, whatever he asks for: `/*` would let `OPTIONS *` through.
fn everybody() -> Condition {
    Condition::path("*")
}

fn refusal() -> Action {
    Action::answer(403, "This address is not for visitors.\n")
}

/// What visitors of the edge get while there is nothing to forward them to.
pub(super) fn not_ready() -> Action {
    Action::answer(503, "The site is not ready.\n")
}

pub(super) fn knows(secrets: &[OriginSecret]) -> Condition {
    Condition::header(HEADER, secrets.iter().map(|secret| secret.as_str().to_owned()))
}

/// Whether it refuses, in whatever words.
fn refuses(actions: &[Action]) -> bool {
    matches!(actions, [only] if only.kind == "fixed-response" && only.status() == Some("403"))
}

impl OwnLoadBalancer {
    pub(super) fn new(stack: Arc<Stack>) -> Self {
        Self { stack }
    }

    fn name(&self) -> &str {
        &self.stack.names.load_balancer
    }

    fn entrance(&self) -> Entrance {
        Entrance::of(&self.stack.profile)
    }

    async fn look(&self, aws: &Aws) -> Result<Option<FrontDoor>, Error> {
        look(aws, &self.stack).await
    }

    async fn tags(&self, aws: &Aws, arn: &str) -> Result<BTreeMap<String, String>, Error> {
        let doing = format!("read the tags of the load balancer {}", self.name());
        let tags = aws.elb.tags(&[arn]).await.or_absent(GONE, &doing)?;
        Ok(tags.unwrap_or_default().remove(arn).unwrap_or_default())
    }

    /// What it lacks, in an order that opens nothing on the way.
    fn steps(&self, door: &FrontDoor, known: &Values) -> Vec<LoadBalancerStep> {
        let tags = tag_steps(&self.stack, ID, &door.tags).into_iter();
        let mut steps: Vec<_> = tags.map(LoadBalancerStep::Tag).collect();
        if let Some(group) = known.get(&SECURITY_GROUP) {
            let to = vec![group];
            if door.security_groups != to {
                let from = door.security_groups.clone();
                steps.push(LoadBalancerStep::SecurityGroups { from, to });
            }
        }
        let to = self.stack.profile.load_balancer.idle_timeout.to_string();
        if door.idle_timeout != to {
            let from = door.idle_timeout.clone();
            steps.push(LoadBalancerStep::IdleTimeout { from, to });
        }
        match &door.listener {
            None => steps.push(LoadBalancerStep::Listener(self.entrance())),
            Some(listener) if !refuses(listener.default_actions()) => steps.push(LoadBalancerStep::DefaultAction),
            Some(_) => {}
        }
        let listener = door.listener.as_ref().filter(|_| self.entrance() == Entrance::Https);
        let certificate = known.get(&ORIGIN_CERTIFICATE);
        steps.extend(listener.and_then(|listener| certificate_step(listener, certificate)));
        steps.extend(self.rule_steps(door));
        if door.state == "provisioning" {
            steps.push(LoadBalancerStep::Follow);
        }
        steps
    }

    fn rule_steps(&self, door: &FrontDoor) -> Vec<LoadBalancerStep> {
        let mut steps = Vec::new();
        match &door.catch_all {
            None => steps.push(LoadBalancerStep::CatchAll),
            Some(rule) if !is_for_everybody(rule) => steps.push(LoadBalancerStep::Refuse(CatchAllIs::Partial)),
            Some(rule) if !refuses(rule.actions()) => steps.push(LoadBalancerStep::Refuse(CatchAllIs::Open)),
            Some(_) => {}
        }
        let secrets = door.secrets();
        match &door.origin_rule {
            None => steps.push(LoadBalancerStep::OriginRule),
            Some(rule) if secrets.is_empty() || rule.conditions() != [knows(&secrets)] => {
                steps.push(LoadBalancerStep::Ask(secrets));
            }
            Some(_) if self.stack.rotating && secrets.len() == 1 => steps.push(LoadBalancerStep::NextSecret),
            Some(_) if door.asking().any(|rule| rule.conditions() != [knows(&secrets)]) => {
                steps.push(LoadBalancerStep::Alike);
            }
            Some(_) => {}
        }
        let priority = |rule: &Option<Rule>| rule.as_ref().and_then(Rule::priority);
        let both = priority(&door.origin_rule).zip(priority(&door.catch_all));
        let page = door.maintenance.as_ref().and_then(|page| page.rule.priority());
        let moved = page.is_some_and(|page| page != MAINTENANCE.1);
        if both.is_some_and(|both| moved || both != (ORIGIN_RULE.1, CATCH_ALL.1)) {
            steps.push(LoadBalancerStep::Priorities);
        }
        steps
    }

    async fn ask_for_creation(&self, cx: &WriteCx<Aws>) -> Result<FrontDoor, Error> {
        let doing = format!("create the load balancer {}", self.name());
        let (network, tags) = (cx.need(&NETWORK)?, self.stack.ownership.tags(ID));
        let groups = [cx.need(&SECURITY_GROUP)?];
        let wanted = CreateLoadBalancer {
            name: self.name(),
            subnets: &network.lb_subnets,
            security_groups: &groups,
            tags: &tags,
        };
        let wait = Wait::new("ELB to know the security group", 3, SPREADING);
        let call = cx.wait(&wait, || async {
            match cx.aws().elb.create_load_balancer(&wanted).await.explain(&doing) {
                Ok(_) => Poll::Ready(()),
                Err(error) if error.is_code("InvalidSecurityGroup") => {
                    Poll::NotYet("ELB does not know the security group yet".to_owned())
                }
                Err(error) => polled(Err(error)),
            }
        });
        let whose = async |_| {
            let aws = cx.read().aws();
            let tags = || async { Ok(self.look(aws).await?.map(|door| door.tags).unwrap_or_default()) };
            own_work::by_tags(cx, &self.stack.ownership, ID, self.name(), tags).await
        };
        let made = own_work::create(cx, self.name(), call, whose).await?;
        if !matches!(made, Made::Answered(())) {
            made.ours(&self.title())?;
        }
        let wait = Wait::new(format!("the load balancer {} to show", self.name()), 2, SPREADING);
        self.wait_for(cx, wait, |_| true).await
    }

    /// Follows it until it is so.
    async fn wait_for(
        &self,
        cx: &WriteCx<Aws>,
        wait: Wait,
        is_so: impl Fn(&FrontDoor) -> bool + Sync,
    ) -> Result<FrontDoor, Error> {
        let (aws, is_so) = (cx.read().aws(), &is_so);
        cx.wait(&wait, || async move {
            polled(self.look(aws).await.map(|door| match door {
                Some(door) if door.state == "failed" => Poll::Failed(Error::failed(format!(
                    "ELB could not set the load balancer {} up",
                    self.name()
                ))),
                Some(door) if is_so(&door) => Poll::Ready(door),
                Some(door) => Poll::NotYet(door.state),
                None => Poll::NotYet("not visible yet".to_owned()),
            }))
        })
        .await
    }

    /// Makes what the steps are about so, and gives what there is then. The secret is known as soon as a rule asks for it.
    async fn take(
        &self,
        cx: &WriteCx<Aws>,
        mut door: FrontDoor,
        steps: Vec<LoadBalancerStep>,
    ) -> Result<FrontDoor, Error> {
        let mut tags = Vec::new();
        for step in steps {
            match step {
                LoadBalancerStep::Tag(tag) => tags.push(tag),
                LoadBalancerStep::Follow => {}
                step => {
                    cx.check()?;
                    self.take_one(cx, &door, step).await?;
                    if let Some(now) = self.look(cx.read().aws()).await? {
                        door = now;
                    }
                }
            }
        }
        self.change_tags(cx, &door.arn, &tags).await?;
        Ok(door)
    }

    async fn take_one(&self, cx: &WriteCx<Aws>, door: &FrontDoor, step: LoadBalancerStep) -> Result<(), Error> {
        let (elb, name) = (&cx.aws().elb, self.name());
        let doing = &format!("set up the load balancer {name}");
        let rule = |rule: &Option<Rule>| rule.as_ref().map(|rule| rule.arn.clone()).unwrap_or_default();
        match step {
            LoadBalancerStep::Tag(_) | LoadBalancerStep::Follow => Ok(()),
            LoadBalancerStep::SecurityGroups { to, .. } => elb.set_security_groups(&door.arn, &to).await.explain(doing),
            LoadBalancerStep::IdleTimeout { to, .. } => {
                elb.set_attribute(&door.arn, IDLE_TIMEOUT, &to).await.explain(doing)
            }
            LoadBalancerStep::Listener(_) => self.add_listener(cx, door).await,
            LoadBalancerStep::Certificate { .. } => self.set_certificate(cx, door).await,
            LoadBalancerStep::DefaultAction => {
                let listener = self.listener(door)?;
                elb.set_default_action(listener, &refusal()).await.explain(doing)
            }
            LoadBalancerStep::CatchAll => self.add_rule(cx, door, CATCH_ALL, &everybody(), &refusal()).await,
            LoadBalancerStep::Refuse(_) => {
                let (arn, everybody, refusal) = (rule(&door.catch_all), everybody(), refusal());
                elb.modify_rule(&arn, Some(&everybody), Some(&refusal))
                    .await
                    .explain(doing)
            }
            LoadBalancerStep::OriginRule => {
                // What the edge locations send to the other listener is good at this one, too.
                let mut secrets = door.good_secrets();
                if secrets.is_empty() {
                    secrets.push(OriginSecret::newer_than(None)?);
                }
                self.ask(cx, door.maintenance.iter().map(|page| &page.rule), &secrets)
                    .await?;
                self.add_rule(cx, door, ORIGIN_RULE, &knows(&secrets), &not_ready())
                    .await
            }
            LoadBalancerStep::Ask(mut secrets) => {
                if secrets.is_empty() {
                    secrets.push(OriginSecret::newer_than(None)?);
                }
                self.ask(cx, door.asking(), &secrets).await
            }
            LoadBalancerStep::NextSecret => {
                let mut secrets = door.secrets();
                secrets.push(OriginSecret::newer_than(secrets.last())?);
                self.ask(cx, door.asking(), &secrets).await
            }
            LoadBalancerStep::Alike => self.ask(cx, door.asking(), &door.secrets()).await,
            LoadBalancerStep::Priorities => {
                let (origin, catch_all) = (rule(&door.origin_rule), rule(&door.catch_all));
                let page = door
                    .maintenance
                    .as_ref()
                    .map(|page| (page.rule.arn.as_str(), MAINTENANCE.1));
                let both = [(origin.as_str(), ORIGIN_RULE.1), (catch_all.as_str(), CATCH_ALL.1)];
                let all: Vec<_> = page.into_iter().chain(both).collect();
                elb.set_rule_priorities(&all).await.explain(doing)
            }
        }
    }

    /// The certificate that is shown, where CloudFront comes by HTTPS.
    fn certificate(&self, cx: &WriteCx<Aws>) -> Result<Option<String>, Error> {
        match self.entrance() {
            Entrance::Http => Ok(None),
            Entrance::Https => cx.need(&ORIGIN_CERTIFICATE).map(Some),
        }
    }

    async fn add_listener(&self, cx: &WriteCx<Aws>, door: &FrontDoor) -> Result<(), Error> {
        let doing = format!("add a listener to the load balancer {}", self.name());
        let (certificate, port) = (self.certificate(cx)?, self.entrance().port());
        self.once_known(cx, || async {
            let tls = certificate.as_deref().map(tls);
            let made = cx.aws().elb.create_listener(&door.arn, port, tls, &refusal()).await;
            // An earlier try's, whose answer was lost.
            made.or_absent(&["DuplicateListener"], &doing).map(drop)
        })
        .await
    }

    async fn set_certificate(&self, cx: &WriteCx<Aws>, door: &FrontDoor) -> Result<(), Error> {
        let doing = format!("set the certificate of the load balancer {}", self.name());
        let (certificate, listener) = (self.certificate(cx)?, self.listener(door)?);
        self.once_known(cx, || async {
            let tls = certificate.as_deref().map(tls);
            cx.aws().elb.set_protocol(listener, tls).await.explain(&doing)
        })
        .await
    }

    /// Tries again while ELB does not know a certificate that was issued a moment ago.
    async fn once_known<F>(&self, cx: &WriteCx<Aws>, mut call: impl FnMut() -> F) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Error>> + Send,
    {
        let wait = Wait::new("ELB to know the certificate", 3, SPREADING);
        cx.wait(&wait, || {
            let called = call();
            async move {
                match called.await {
                    Err(error) if NOT_KNOWN_YET.iter().any(|code| error.is_code(code)) => {
                        Poll::NotYet("ELB does not know the certificate yet".to_owned())
                    }
                    called => polled(called.map(Poll::Ready)),
                }
            }
        })
        .await
    }

    /// Has these rules ask for these secrets.
    async fn ask(
        &self,
        cx: &WriteCx<Aws>,
        rules: impl Iterator<Item = &Rule>,
        secrets: &[OriginSecret],
    ) -> Result<(), Error> {
        let doing = format!("set up the load balancer {}", self.name());
        for rule in rules {
            cx.check()?;
            let asked = cx.aws().elb.modify_rule(&rule.arn, Some(&knows(secrets)), None).await;
            asked.explain(&doing)?;
        }
        Ok(())
    }

    fn listener<'a>(&self, door: &'a FrontDoor) -> Result<&'a str, Error> {
        let listener = door.listener.as_ref().map(|listener| listener.arn.as_str());
        listener.ok_or_else(|| Error::failed(format!("the load balancer {} has no listener any more", self.name())))
    }

    async fn add_rule(
        &self,
        cx: &WriteCx<Aws>,
        door: &FrontDoor,
        (resource, priority): (ResourceId, u32),
        condition: &Condition,
        action: &Action,
    ) -> Result<(), Error> {
        let (listener, tags) = (self.listener(door)?, self.stack.ownership.tags(resource));
        let made = cx
            .aws()
            .elb
            .create_rule(listener, priority, condition, action, &tags)
            .await;
        let doing = format!("add a rule to the listener of the load balancer {}", self.name());
        let Err(error) = made.explain(&doing) else {
            return Ok(());
        };
        // An earlier try's, whose answer was lost; or somebody else's, which would come first.
        let now = self.look(cx.read().aws()).await?;
        let is_there = now.is_some_and(|now| match resource == ORIGIN_RULE.0 {
            true => now.origin_rule.is_some(),
            false => now.catch_all.is_some(),
        });
        match error.is_code("PriorityInUse") && is_there {
            true => Ok(()),
            false => Err(error),
        }
    }

    async fn change_tags(&self, cx: &WriteCx<Aws>, arn: &str, steps: &[TagStep]) -> Result<(), Error> {
        let (elb, doing) = (&cx.aws().elb, &format!("tag the load balancer {}", self.name()));
        let untag = |tags: BTreeMap<String, String>| async move {
            let keys: Vec<String> = tags.into_keys().collect();
            elb.remove_tags(arn, &keys).await.explain(doing)
        };
        let tag = |tags: BTreeMap<String, String>| async move { elb.add_tags(arn, &tags).await.explain(doing) };
        let read = || self.tags(cx.read().aws(), arn);
        change_tags(cx, (&self.title(), self.name()), steps, untag, tag, read).await
    }

    /// Makes known what is known of it, and waits until it is active.
    async fn follow(&self, cx: &WriteCx<Aws>, door: FrontDoor) -> Result<FrontDoor, Failure> {
        // CloudFront may ask for it long before it answers.
        cx.publish(&ORIGIN, door.dns_name.clone());
        cx.publish(&SECRETS, door.secrets());
        if door.state != "provisioning" {
            return Ok(door);
        }
        cx.step(format!("{} is being provisioned", door.dns_name));
        let wait =
            Wait::new(format!("the load balancer {} to be active", self.name()), 5, LIMITS).usually(PROVISIONING);
        let active = self.wait_for(cx, wait, |door| door.state != "provisioning").await;
        active.map_err(|error| Failure::from(error).leaving(self.title(), true))
    }
}

/// What ELB says of a certificate that it does not know, or not as an issued one.
const NOT_KNOWN_YET: &[&str] = &["CertificateNotFound", "UnsupportedCertificate"];

fn tls(certificate: &str) -> Tls<'_> {
    Tls {
        certificate,
        policy: POLICY,
    }
}

/// What a listener lacks for HTTPS with this certificate.
fn certificate_step(listener: &Listener, wanted: Option<String>) -> Option<LoadBalancerStep> {
    let is_strict = [POLICY, STRICTER]
        .iter()
        .any(|policy| listener.ssl_policy() == Some(policy));
    let is_https = listener.is_https() && is_strict;
    let shows = listener.certificate().filter(|_| is_https).map(str::to_owned);
    let is_right = wanted.is_some() && shows == wanted;
    (!is_right).then_some(LoadBalancerStep::Certificate {
        from: shows,
        to: wanted,
    })
}

fn is_for_everybody(rule: &Rule) -> bool {
    match rule.conditions() {
        [only] => only.as_path().is_some_and(|patterns| patterns == ["*"]),
        _ => false,
    }
}

impl Resource for OwnLoadBalancer {
    type Live = FrontDoor;
    type Place = ();
    type Step = LoadBalancerStep;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        ID
    }

    fn name(&self) -> String {
        self.stack.names.load_balancer.clone()
    }

    fn title(&self) -> String {
        format!("load balancer {}", self.name())
    }

    fn needs(&self) -> Vec<&'static str> {
        let mut needs = vec![NETWORK.name, SECURITY_GROUP.name];
        if self.entrance() == Entrance::Https {
            needs.push(ORIGIN_CERTIFICATE.name);
        }
        needs
    }

    fn gives(&self) -> Vec<&'static str> {
        vec![ORIGIN.name, LOAD_BALANCER.name, SECRETS.name]
    }

    fn costs(&self) -> Option<String> {
        Some(self.title())
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    /// Never settling: what it lacks need not wait until it is active (as an integration test on AWS has it:
    /// tmshkr/blue-green-beanstalk, createLoadBalancer.ts).
    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<FrontDoor>, Error> {
        let aws = cx.aws();
        let Some(mut door) = settled(cx, ID, self.name(), || self.look(aws)).await? else {
            return Ok(Observed::Absent(()));
        };
        let arn = door.arn.clone();
        let tagged = indexed_tags(cx, &self.stack.ownership, ID, self.name(), &arn, || {
            self.tags(aws, &arn)
        })
        .await?;
        door.tags = tagged.tags;
        Ok(Observed::Present {
            live: door,
            owner: tagged.owner,
        })
    }

    fn plan(&self, seen: &Observed<FrontDoor>, known: &Values) -> Plan<LoadBalancerStep> {
        let Some((door, owner)) = seen.live() else {
            return Plan::Create;
        };
        if let Some(blocked) = block_unless_ours_with(&self.stack, ID, owner, front_door::WAY_AROUND) {
            return blocked;
        }
        let has_page = door.former.as_ref().is_some_and(|former| former.shows_page);
        if has_page && door.maintenance.is_none() {
            // By the other listener its visitors would get past it.
            return Plan::blocked(
                "the site shows its maintenance page, which does not move to another listener",
                Hint::run("maintenance off").then("up"),
            );
        }
        if door.state == "failed" {
            return Plan::blocked(
                "ELB could not set it up",
                Hint::run("teardown --keep users-table").then("up"),
            );
        }
        Plan::of(self.steps(door, known))
    }

    fn notices(&self, seen: &Observed<FrontDoor>) -> Vec<Notice> {
        let ours = seen.live().filter(|(_, owner)| **owner == Owner::Ours);
        let before = ours.map(|(door, _)| door.before.as_slice()).unwrap_or_default();
        let notice = |priority: &u32| {
            let text = format!(
                "a rule that is not confctl's (priority {priority}) comes before the one that refuses everybody: what it lets \
                 through comes past CloudFront"
            );
            Notice::new(text).hint(Hint::run("verify").and(" tells whether the site can be had so"))
        };
        let page = ours.and_then(|(door, _)| door.maintenance.as_ref());
        let page = page.map(|page| maintenance_page::notice(page.since.as_deref()));
        before.iter().map(notice).chain(page).collect()
    }

    fn publish(&self, door: &FrontDoor, values: &mut Values) {
        if let Some(page) = &door.maintenance {
            values.set(&SHOWN_INSTEAD, page.since.clone());
        }
        let secrets = door.good_secrets();
        if secrets.is_empty() {
            return;
        }
        values.set(&ORIGIN, door.dns_name.clone());
        values.set(&SECRETS, secrets);
        if door.state != "provisioning" {
            let live = LiveLoadBalancer {
                arn: door.arn.clone(),
                dns_name: door.dns_name.clone(),
                security_groups: door.security_groups.clone(),
            };
            values.set(&LOAD_BALANCER, live);
        }
    }

    async fn create(&self, cx: &WriteCx<Aws>, (): ()) -> Result<FrontDoor, Failure> {
        let door = self.ask_for_creation(cx).await?;
        let left = |error: Error| Failure::from(error).leaving(self.title(), true);
        let steps = self.steps(&door, &cx.values());
        let door = self.take(cx, door, steps).await.map_err(left)?;
        self.follow(cx, door).await
    }

    async fn update(
        &self,
        cx: &WriteCx<Aws>,
        door: FrontDoor,
        steps: Vec<LoadBalancerStep>,
    ) -> Result<FrontDoor, Failure> {
        let door = self.take(cx, door, steps).await?;
        self.follow(cx, door).await
    }

    /// Its listeners go first, and their rules with them: nothing is behind them any more.
    async fn delete(&self, cx: &WriteCx<Aws>, door: FrontDoor) -> Result<(), Failure> {
        let doing = format!("delete the load balancer {}", self.name());
        let left = |error: Error| Failure::from(error).leaving(self.title(), true);
        cx.check()?;
        let former = door.former.iter().map(|former| &former.listener);
        for listener in door.listener.iter().chain(former) {
            let deleted = cx.aws().elb.delete_listener(&listener.arn).await;
            deleted.or_absent(&["ListenerNotFound"], &doing).map_err(left)?;
        }
        cx.check()?;
        let deleted = cx.aws().elb.delete_load_balancer(&door.arn).await;
        deleted.or_absent(GONE, &doing).map_err(left)?;
        let wait = Wait::new(format!("the load balancer {} to be gone", self.name()), 3, SPREADING);
        let gone = cx.wait(&wait, || async {
            let found = cx.read().aws().elb.load_balancer_named(self.name()).await;
            polled(found.or_absent(GONE, &doing).map(|found| match found.flatten() {
                None => Poll::Ready(()),
                Some(_) => Poll::NotYet("deleted, and still visible".to_owned()),
            }))
        });
        gone.await.map_err(left)?;
        Ok(())
    }
}
