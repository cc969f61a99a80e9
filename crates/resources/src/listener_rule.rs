//! The rule that lets CloudFront's visitors through to the environment: the one way in. It is made closed, with the load balancer;
//! here it is opened when the environment is ready, and closed before anything behind it goes.

use std::sync::Arc;

use super::environment::instance_versions;
use super::front_door::{FrontDoor, ORIGIN_RULE, look};
use super::load_balancer::not_ready;
use super::outputs::{ENVIRONMENT, FORWARDED, LOAD_BALANCER, LiveEnvironment};
use super::stack::Stack;
use super::standing::{Turning, is_served, target_states};
use crate::aws::Aws;
use crate::aws::errors::{Explain, polled};
use crate::aws::services::load_balancing::Action;
use crate::engine::{
    Error, Failure, FieldChange, Hint, Limits, Observed, Owner, Plan, Poll, ReadCx, Resource, ResourceId, Values, Wait,
    WriteCx,
};

const ID: ResourceId = ORIGIN_RULE.0;
const LIMITS: Limits = Limits::minutes(1, 2);
/// Instances report some seconds after they took a version, and are healthy after some checks of the load balancer's.
const WELL: Limits = Limits::minutes(5, 15);

/// What ELB says of a rule that is not there.
const GONE: &[&str] = &["RuleNotFound", "RuleNotFoundException"];

const TARGET_GROUP: &str = "TargetGroupArn";
const VISITORS: &str = "visitors";

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
        look(aws, &self.stack).await
    }

    async fn act(&self, cx: &WriteCx<Aws>, rule: &str, action: &Action) -> Result<(), Error> {
        cx.check()?;
        let done = cx.aws().elb.modify_rule(rule, None, Some(action)).await;
        done.explain(&format!("change the {}", self.title()))
    }

    /// Sends visitors to the environment, which is ready by now.
    async fn open(&self, cx: &WriteCx<Aws>, rule: &str) -> Result<LiveRule, Error> {
        let target_group = match &self.stack.turning {
            None => group_of(&cx.need(&ENVIRONMENT)?)?,
            Some(Turning::Over) => self.well(cx).await?,
            Some(Turning::To {
                environment,
                target_group,
            }) => match is_served(cx.read().aws(), target_group).await? {
                true => target_group.clone(),
                false => return Err(not_turned(format!("no instance of {environment} is healthy"))),
            },
        };
        self.act(cx, rule, &Action::forward(&target_group)).await?;
        Ok(LiveRule {
            arn: rule.to_owned(),
            target_group,
        })
    }
}

/// What it forwards to.
fn group_of(environment: &LiveEnvironment) -> Result<String, Error> {
    let group = environment.target_group.clone();
    group.ok_or_else(|| Error::failed("the environment has no target group to forward to").hint(Hint::run("status")))
}

fn not_turned(why: String) -> Error {
    Error::failed("visitors stay where they are")
        .because(why)
        .hint(Hint::run("status"))
}

impl ListenerRule {
    /// The target group of an environment that is ready to take over: each instance runs the version and answers the load balancer,
    /// which asks whether anybody is sent there or not, as Beanstalk's own rule leads there.
    async fn well(&self, cx: &WriteCx<Aws>) -> Result<String, Error> {
        let environment = cx.need(&ENVIRONMENT)?;
        let (group, version) = (&group_of(&environment)?, &self.stack.bundle.label);
        if let Some(trouble) = environment.trouble {
            return Err(not_turned(format!(
                "the health of {} is {trouble}",
                self.stack.names.environment
            )));
        }
        let (id, aws) = (&environment.id, cx.read().aws());
        let wait = Wait::new(
            format!("{} to answer with {version}", self.stack.names.environment),
            5,
            WELL,
        );
        let well = cx.wait(&wait, || async move {
            let told = tokio::try_join!(instance_versions(aws, id), target_states(aws, group));
            polled(told.map(|(instances, targets)| {
                let healthy = targets.iter().filter(|state| *state == "healthy").count();
                let astray = instances.iter().filter(|instance| !instance.runs(version)).count();
                match healthy > 0 && healthy == targets.len() && astray == 0 {
                    true => Poll::Ready(()),
                    false => Poll::NotYet(format!(
                        "{healthy} of {} instances answer the load balancer, {astray} are not at {version} yet",
                        targets.len()
                    )),
                }
            }))
        });
        well.await
            .map_err(|error| error.context("visitors stay where they are"))?;
        Ok(group.clone())
    }

    /// The step by which visitors are sent elsewhere than to `from`; `None` where they are there.
    fn turn(&self, turning: &Turning, from: &str, known: &Values) -> Option<FieldChange> {
        let (to, group) = match turning {
            Turning::Over => {
                let environment = known.get(&ENVIRONMENT);
                let group = environment.and_then(|environment| environment.target_group);
                (&self.stack.names.environment, group)
            }
            Turning::To {
                environment,
                target_group,
            } => (environment, Some(target_group.clone())),
        };
        let served = self.stack.served.as_ref().map(|side| side.name.clone());
        (group.as_deref() != Some(from)).then(|| FieldChange::new(VISITORS, served, to.clone()))
    }
}

/// Whether a step sends visitors elsewhere.
pub fn is_turn(field: &FieldChange) -> bool {
    field.field == VISITORS
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
        match &self.stack.turning {
            Some(Turning::To { .. }) => Vec::new(),
            _ => vec![LOAD_BALANCER.name, ENVIRONMENT.name],
        }
    }

    fn gives(&self) -> Vec<&'static str> {
        vec![FORWARDED.name]
    }

    fn limits(&self) -> Limits {
        match &self.stack.turning {
            Some(Turning::Over) => WELL,
            _ => LIMITS,
        }
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
        if let Some(turning) = &self.stack.turning {
            return Plan::of(self.turn(turning, &live.target_group, known).into_iter().collect());
        }
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
