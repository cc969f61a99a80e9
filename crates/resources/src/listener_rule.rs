//! The rule that lets CloudFront's visitors through to the environment: the one way in. It is made closed, with the load balancer;
//! here it is opened when the environment is ready, and closed before anything behind it goes.

use std::sync::Arc;
use std::time::Duration;

use super::canary::{Canary, SentBack, Verdict, divided};
use super::environment::instance_versions;
use super::front_door::{FrontDoor, ORIGIN_RULE, look};
use super::load_balancer::not_ready;
use super::outputs::{ENVIRONMENT, FORWARDED, LOAD_BALANCER, LiveEnvironment};
use super::stack::Stack;
use super::standing::{Turning, is_served, target_states};
use super::target_figures::figures;
use crate::aws::errors::{Explain, polled};
use crate::aws::services::load_balancing::Action;
use crate::aws::{Aws, aws_time};
use crate::engine::{
    Command, Error, Failure, FieldChange, Hint, Limits, Observed, Owner, Plan, Poll, ReadCx, Resource, ResourceId,
    Values, Wait, WriteCx,
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
    /// Of the environment that is served.
    target_group: String,
    /// One that a part of the visitors is sent to, and how many of a hundred.
    tried: Option<(String, u32)>,
}

impl LiveRule {
    /// `None` where it lets nobody through.
    fn of(door: &FrontDoor) -> Option<Self> {
        let mut groups = door.target_groups().into_iter();
        Some(Self {
            arn: door.origin_rule.as_ref()?.arn.clone(),
            target_group: groups.next()?.0.to_owned(),
            tried: groups.next().map(|(arn, percent)| (arn.to_owned(), percent)),
        })
    }

    /// What part of the visitors is sent there already, in percent.
    fn part_of(&self, target_group: &str) -> u32 {
        let tried = self.tried.as_ref().filter(|(arn, _)| arn == target_group);
        tried.map_or(0, |(_, percent)| *percent)
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
        let done = cx.aws().elb.modify_rule(rule, None, Some(action)).await;
        done.explain(&format!("change the {}", self.title()))
    }

    /// Sends visitors to the environment, which is ready by now.
    async fn open(&self, cx: &WriteCx<Aws>, rule: &str, live: Option<&LiveRule>) -> Result<LiveRule, Error> {
        let target_group = match &self.stack.turning {
            None => group_of(&cx.need(&ENVIRONMENT)?)?,
            Some(Turning::Over) => self.well(cx).await?,
            Some(Turning::PartByPart(canary)) => {
                let group = self.well(cx).await?;
                if let Some(live) = live {
                    self.part_by_part(cx, live, &group, canary).await?;
                }
                group
            }
            Some(Turning::To {
                environment,
                target_group,
            }) => match is_served(cx.read().aws(), target_group).await? {
                true => target_group.clone(),
                false => return Err(not_turned(format!("no instance of {environment} is healthy"))),
            },
        };
        cx.check()?;
        self.act(cx, rule, &Action::forward(&target_group)).await?;
        Ok(LiveRule {
            arn: rule.to_owned(),
            target_group,
            tried: None,
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

    /// Sends visitors to an environment that is well, part by part; of what they are answered there CloudWatch says after each whether
    /// more of them are. All are sent back where too many got errors.
    async fn part_by_part(
        &self,
        cx: &WriteCx<Aws>,
        live: &LiveRule,
        group: &str,
        canary: &Canary,
    ) -> Result<(), Error> {
        let (served, standing) = (&live.target_group, live.part_of(group));
        for part in canary.from(standing) {
            if part != standing {
                cx.check()?;
                self.act(cx, &live.arn, &divided(served, group, part)).await?;
            }
            let (verdict, why) = self.evaluated(cx, (served, group), canary, part).await?;
            match verdict {
                Verdict::Good => cx.step(why),
                Verdict::Untried => cx.settings().events.notice(
                    format!("{why}: nobody has tried it, and it goes on all the same"),
                    Some(Hint::from("a longer --evaluate, or a larger part, lets somebody come")),
                ),
                Verdict::Bad => {
                    // Whatever else is asked of the run meanwhile.
                    self.act(cx, &live.arn, &Action::forward(served)).await?;
                    return Err(self.sent_back(why));
                }
            }
        }
        Ok(())
    }

    /// What becomes of a part of the visitors for as long as the canary is to look at it, and what is said of it.
    async fn evaluated(
        &self,
        cx: &WriteCx<Aws>,
        (served, tried): (&str, &str),
        canary: &Canary,
        part: u32,
    ) -> Result<(Verdict, String), Error> {
        let (aws, to) = (cx.read().aws(), &self.stack.names.environment);
        let (environment, balancer) = (cx.need(&ENVIRONMENT)?.id, cx.need(&LOAD_BALANCER)?.arn);
        let since = aws_time::now(aws, &environment).await?;
        let whole = canary.seen_in();
        let mut left = whole;
        while !left.is_zero() {
            let minutes = left.as_secs().div_ceil(60);
            cx.step(format!(
                "{part} % of the visitors are sent to {to}; what they are answered is seen in {minutes}m"
            ));
            let some = left.min(Duration::from_secs(60));
            cx.pause(some).await?;
            left -= some;
        }
        let span = (since, since + whole.as_secs_f64());
        let read = async {
            tokio::try_join!(
                figures(aws, (&balancer, tried), span),
                figures(aws, (&balancer, served), span),
                is_served(aws, tried)
            )
        };
        let (new, old, is_up) = read.await.map_err(|mut error| {
            let ways = Hint::from("the same command goes on; ")
                .and_run("deploy --rollback")
                .and(" sends them back");
            let ways = match error.hint.take() {
                Some(own) => ways.and("; ").and_hint(own),
                None => ways,
            };
            error
                .context(format!("{part} % of the visitors are sent to {to} still"))
                .hint(ways)
        })?;
        let why =
            format!("{part} % of the visitors were sent to {to}: {new} there, {old} meanwhile where the others were");
        Ok(match is_up {
            true => (canary.verdict(&new, &old), why),
            false => (Verdict::Bad, format!("{why}; and none of its instances is healthy")),
        })
    }

    fn sent_back(&self, why: String) -> Error {
        let (to, most) = (
            &self.stack.names.environment,
            match &self.stack.turning {
                Some(Turning::PartByPart(canary)) => format!("; --max-5xx is {}", canary.most_errors),
                _ => String::new(),
            },
        );
        Error::failed(format!(
            "{to} does not answer visitors well enough: all of them are sent to {} again",
            self.served()
        ))
        .caused_by(SentBack(format!("{why}{most}")))
        .hint(
            Hint::run("deploy --finish")
                .and(format!(" takes {to} away; until then "))
                .and_run(
                    Command::aws("elasticbeanstalk request-environment-info --info-type tail --environment-name")
                        .arg(to),
                )
                .and(" has its logs read"),
        )
    }

    fn served(&self) -> &str {
        self.stack.served.as_ref().map_or("what is served", |side| &side.name)
    }

    /// The step by which visitors are sent elsewhere than they are; `None` where all of them are there.
    fn turn(&self, turning: &Turning, live: &LiveRule, known: &Values) -> Option<FieldChange> {
        let known_group = || known.get(&ENVIRONMENT).and_then(|environment| environment.target_group);
        let own = &self.stack.names.environment;
        let (to, group) = match turning {
            Turning::Over => (own.clone(), known_group()),
            Turning::PartByPart(canary) => (format!("{own}, {canary}"), known_group()),
            Turning::To {
                environment,
                target_group,
            } => (environment.clone(), Some(target_group.clone())),
        };
        let served = self.stack.served.as_ref().map(|side| match &self.stack.tried {
            None => side.name.clone(),
            Some(tried) => format!("{}, {} % {}", side.name, tried.percent, tried.side.name),
        });
        let is_there = group.as_deref() == Some(live.target_group.as_str()) && live.tried.is_none();
        (!is_there).then(|| FieldChange::new(VISITORS, served, to))
    }
}

/// The kind of step in which visitors are watched part by part, and for how long in AWS's time: it was asked for, and is no measure of
/// how long such a step takes otherwise.
pub fn watched_for(stack: &Stack) -> Option<(ResourceId, Duration)> {
    let Some(Turning::PartByPart(canary)) = &stack.turning else {
        return None;
    };
    let standing = stack.tried.as_ref().map_or(0, |tried| tried.percent);
    let parts = canary.from(standing).map(|_| canary.seen_in());
    Some((ID, parts.sum()))
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
            Some(Turning::Over | Turning::PartByPart(_)) => WELL,
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
            return Plan::of(self.turn(turning, live, known).into_iter().collect());
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
        Ok(self.open(cx, &rule.arn, None).await?)
    }

    async fn update(&self, cx: &WriteCx<Aws>, live: LiveRule, _: Vec<FieldChange>) -> Result<LiveRule, Failure> {
        Ok(self.open(cx, &live.arn, Some(&live)).await?)
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
