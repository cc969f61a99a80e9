//! The rule that lets CloudFront's visitors through to the environment: the one way in. It is made closed, with the load balancer;
//! here it is opened when the environment is ready, and closed before anything behind it goes.

use std::sync::Arc;

use super::front_door::{FrontDoor, ORIGIN_RULE, look};
use super::load_balancer::not_ready;
use super::outputs::{ENVIRONMENT, FORWARDED, LOAD_BALANCER};
use super::stack::Stack;
use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::services::load_balancing::Action;
use crate::engine::{
    Error, Failure, FieldChange, Hint, Limits, Observed, Owner, Plan, ReadCx, Resource, ResourceId, Values, WriteCx,
};

const ID: ResourceId = ORIGIN_RULE.0;
const LIMITS: Limits = Limits::minutes(1, 2);

/// What ELB says of a rule that is not there.
const GONE: &[&str] = &["RuleNotFound", "RuleNotFoundException"];

const TARGET_GROUP: &str = "TargetGroupArn";

pub(super) struct ListenerRule {
    stack: Arc<Stack>,
}

#[derive(Clone)]
pub(super) struct LiveRule {
    arn: String,
    target_group: String,
}

impl LiveRule {
    /// `None` where it lets nobody through.
    fn of(door: &FrontDoor) -> Option<Self> {
        Some(Self {
            arn: door.origin_rule.as_ref()?.arn.clone(),
            target_group: door.target_group()?.to_owned(),
        })
    }
}

impl ListenerRule {
    pub(super) fn new(stack: Arc<Stack>) -> Self {
        Self { stack }
    }

    async fn look(&self, aws: &Aws) -> Result<Option<FrontDoor>, Error> {
        look(aws, &self.stack.ownership, &self.stack.names.load_balancer).await
    }

    async fn act(&self, cx: &WriteCx<Aws>, rule: &str, action: &Action) -> Result<(), Error> {
        cx.check()?;
        let done = cx.aws().elb.modify_rule(rule, None, Some(action)).await;
        done.explain(&format!("change the {}", self.title()))
    }

    /// Sends visitors to the environment, which is ready by now.
    async fn open(&self, cx: &WriteCx<Aws>, rule: &str) -> Result<LiveRule, Error> {
        let target_group = cx.need(&ENVIRONMENT)?.target_group.ok_or_else(|| {
            Error::failed("the environment has no target group to forward to").hint(Hint::run("status"))
        })?;
        self.act(cx, rule, &Action::forward(&target_group)).await?;
        Ok(LiveRule {
            arn: rule.to_owned(),
            target_group,
        })
    }
}

impl Resource for ListenerRule {
    type Live = LiveRule;
    type Place = ();
    type Step = FieldChange;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        ID
    }

    fn name(&self) -> String {
        self.stack.names.load_balancer.clone()
    }

    fn title(&self) -> String {
        format!("listener rule of {}", self.stack.names.load_balancer)
    }

    fn needs(&self) -> Vec<&'static str> {
        vec![LOAD_BALANCER.name, ENVIRONMENT.name]
    }

    fn gives(&self) -> Vec<&'static str> {
        vec![FORWARDED.name]
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    /// One that lets nobody through is not there.
    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<LiveRule>, Error> {
        let door = self.look(cx.aws()).await?;
        Ok(match door.as_ref().and_then(LiveRule::of) {
            Some(live) => Observed::Present {
                live,
                owner: Owner::Ours,
            },
            None => Observed::Absent(()),
        })
    }

    fn plan(&self, seen: &Observed<LiveRule>, known: &Values) -> Plan<FieldChange> {
        let Some((live, _)) = seen.live() else {
            return Plan::Create;
        };
        let from = Some(live.target_group.clone());
        match known.get(&ENVIRONMENT) {
            None => Plan::of(vec![FieldChange::awaiting(TARGET_GROUP, from, ENVIRONMENT.name)]),
            Some(environment) if environment.target_group == from => Plan::Keep,
            Some(environment) => Plan::of(vec![FieldChange::new(TARGET_GROUP, from, environment.target_group)]),
        }
    }

    fn publish(&self, live: &LiveRule, values: &mut Values) {
        values.set(&FORWARDED, live.target_group.clone());
    }

    async fn create(&self, cx: &WriteCx<Aws>, (): ()) -> Result<LiveRule, Failure> {
        let door = self.look(cx.read().aws()).await?;
        let rule = door.and_then(|door| door.origin_rule).ok_or_else(|| {
            Error::failed("the load balancer lost its rule for CloudFront a moment ago").hint(Hint::run("up"))
        })?;
        Ok(self.open(cx, &rule.arn).await?)
    }

    async fn update(&self, cx: &WriteCx<Aws>, live: LiveRule, _: Vec<FieldChange>) -> Result<LiveRule, Failure> {
        Ok(self.open(cx, &live.arn).await?)
    }

    /// It goes with its listener. A target group that it still forwards to could not be deleted (ELB API, DeleteTargetGroup), and
    /// with it the environment.
    async fn delete(&self, cx: &WriteCx<Aws>, live: LiveRule) -> Result<(), Failure> {
        cx.check()?;
        let closed = cx.aws().elb.modify_rule(&live.arn, None, Some(&not_ready())).await;
        let doing = format!("close the {}", self.title());
        Ok(closed.or_absent(GONE, &doing).map(drop)?)
    }
}
