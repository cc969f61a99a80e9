//! A pre-scale: the group's own bounds for a while, by two of Auto Scaling's scheduled actions and a tag that tells of them.
//! Beanstalk's settings stay what they are, so that its end is an end, whoever is there; what must not happen meanwhile is blocked.
//! Must know nothing of calls that change something, nor of settings and versions beyond what they do to the group.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types::ScheduledUpdateGroupAction;
use jiff::{SignedDuration, Timestamp};

use super::credits::{CreditMode, modes};
use super::live::{Group, Live};
use super::reservation::reservation;
use super::schedule::actions;
use super::steps::EnvironmentStep;
use super::{Environment, options};
use crate::aws::lifetime::timestamp;
use crate::aws::services::load_balancing::Reservation;
use crate::aws::{Aws, aws_time};
use crate::engine::{Command, Error, FieldChange, Hint, Notice, Plan, Step};
use crate::outputs::Scaled;
use crate::prescale::{Bounds, Prescale, Scaling, Stage, reserved_hour};
use crate::strategy::Strategy;

/// The action that makes the group larger, and the one that takes that back.
pub(super) const OUT: &str = "confctl-scale-out";
pub(super) const BACK: &str = "confctl-scale-back";

/// So late a scheduled action may run: two minutes, says the user guide (Scheduled scaling, considerations).
const LATE: SignedDuration = SignedDuration::from_mins(5);

/// What is known of a group's pre-scale; read where its tag tells of one, or where one is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    pub asked: Option<Prescale>,
    actions: Vec<Action>,
    /// What is reserved for the load balancer, where there is one.
    reserved: Option<Reservation>,
    /// How the group's burstable instances spend CPU credits, by their ids.
    credits: BTreeMap<String, String>,
    /// AWS's clock.
    now: Timestamp,
}

/// A scheduled action of the group, whosever it is. One that has run is not there any more (API reference, DescribeScheduledActions).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Action {
    pub name: String,
    start: Option<Timestamp>,
    min: Option<i32>,
    max: Option<i32>,
}

impl Action {
    pub(super) fn of(action: &ScheduledUpdateGroupAction) -> Self {
        Self {
            name: action.scheduled_action_name().unwrap_or_default().to_owned(),
            start: action.start_time().copied().and_then(timestamp),
            min: action.min_size(),
            max: action.max_size(),
        }
    }

    pub(super) fn is(&self, (start, bounds): (Timestamp, Bounds)) -> bool {
        self.start == Some(start) && (self.min, self.max) == (Some(bounds.min), Some(bounds.max))
    }

    fn told(&self) -> String {
        let size = |size: Option<i32>| size.map_or_else(|| "as it is".to_owned(), |size| size.to_string());
        let start = self
            .start
            .map_or_else(|| "by a rule of its own".to_owned(), |start| format!("at {start}"));
        format!("{} to {} {start}", size(self.min), size(self.max))
    }
}

/// A change of the group's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ScaleStep {
    /// The tag: first of all, so that whatever comes of the rest is known for what it is.
    Mark {
        from: Option<String>,
        to: Option<String>,
    },
    Action {
        name: &'static str,
        from: Option<String>,
        to: Option<(Timestamp, Bounds)>,
    },
    Bounds {
        from: Bounds,
        to: Bounds,
    },
    /// Capacity units of the load balancer.
    Reserve {
        from: Option<u32>,
        to: Option<u32>,
    },
    /// How the instances that run spend CPU credits.
    Credits {
        from: String,
        to: CreditMode,
        instances: Vec<String>,
    },
}

impl Step for ScaleStep {
    fn shown(&self) -> FieldChange {
        match self {
            Self::Mark { from, to } => FieldChange::new("pre-scale", from.clone(), to.clone()),
            Self::Action { name, from, to } => {
                let to = to.map(|(start, bounds)| format!("{bounds} at {start}"));
                FieldChange::new(format!("scheduled action {name}"), from.clone(), to)
            }
            Self::Bounds { from, to } => {
                FieldChange::new("instances of the Auto Scaling group", from.to_string(), to.to_string())
            }
            Self::Reserve { from, to } => {
                let told = |units: &Option<u32>| units.map(|units| units.to_string());
                FieldChange::new("capacity units of the load balancer", told(from), told(to))
            }
            Self::Credits { from, to, .. } => {
                FieldChange::new("CPU credits of the running instances", from.clone(), to.to_string())
            }
        }
    }
}

impl Group {
    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            min: self.min,
            max: self.max,
        }
    }
}

impl Scale {
    /// # Errors
    /// Where AWS does not say.
    pub(super) async fn read(aws: &Aws, live: &Live, group: &Group) -> Result<Self, Error> {
        let (actions, now, reserved, credits) = tokio::try_join!(
            actions(aws, &group.name),
            aws_time::now(aws, &live.id),
            reservation(aws, live.balancer_arn()),
            modes(aws, &group.burstable)
        )?;
        let now = Timestamp::from_duration(SignedDuration::from_secs_f64(now)).unwrap_or_default();
        Ok(Self {
            asked: group.mark.as_deref().and_then(|mark| mark.parse().ok()),
            actions: actions.iter().map(Action::of).collect(),
            reserved,
            credits,
            now,
        })
    }

    /// Where the group's pre-scale is. One whose end is due and has not run yet still stands.
    fn stage(&self) -> Option<(&Prescale, Stage)> {
        let asked = self.asked.as_ref()?;
        let due = asked.until.is_some_and(|until| self.now < until + LATE) && self.action(BACK).is_some();
        Some(match asked.stage(self.now) {
            Stage::Over if due => (asked, Stage::Stands),
            stage => (asked, stage),
        })
    }

    fn action(&self, name: &str) -> Option<&Action> {
        self.actions.iter().find(|action| action.name == name)
    }

    /// What brings the group to `wish`, or back to `base` where there is none.
    pub(super) fn steps(&self, group: &Group, wish: Option<&Prescale>, base: Bounds) -> Vec<ScaleStep> {
        let wish = wish.map(|wish| (wish, wish.stage(self.now)));
        let wish = wish.filter(|(_, stage)| *stage != Stage::Over);
        let planned = wish.filter(|(_, stage)| *stage == Stage::Planned);
        let bounds = match wish {
            Some((wish, Stage::Stands)) => wish.bounds,
            _ => base,
        };
        // Where only the load balancer is asked for more the group's size needs no schedule.
        let is_larger = |wish: &Prescale| wish.bounds != base;
        let back = wish.filter(|(wish, _)| is_larger(wish));
        let back = back.and_then(|(wish, _)| Some((wish.until?, base)));
        let out = planned.filter(|(wish, _)| is_larger(wish));
        let out = out.and_then(|(wish, _)| Some((wish.from?, wish.bounds)));
        let mark = wish.map(|(wish, _)| wish.to_string());
        let marked = ScaleStep::Mark {
            from: group.mark.clone(),
            to: mark.clone(),
        };
        let (mut steps, differs) = (Vec::new(), mark != group.mark);
        if differs && mark.is_some() {
            steps.push(marked.clone());
        }
        steps.extend(self.reserving(wish.and_then(|(wish, _)| wish.units)));
        for (name, to) in [(BACK, back), (OUT, out)] {
            let is = self.action(name);
            let as_wanted = match (is, to) {
                (Some(is), Some(to)) => is.is(to),
                (is, to) => is.is_none() && to.is_none(),
            };
            if !as_wanted {
                let from = is.map(Action::told);
                steps.push(ScaleStep::Action { name, from, to });
            }
        }
        let from = group.bounds();
        if from != bounds {
            steps.push(ScaleStep::Bounds { from, to: bounds });
        }
        if differs && mark.is_none() {
            steps.push(marked);
        }
        steps
    }

    /// What brings the load balancer's reservation to so many units. One that no pre-scale asked for is its owner's.
    fn reserving(&self, to: Option<u32>) -> Option<ScaleStep> {
        let reserved = self.reserved.as_ref()?;
        let from = reserved.units();
        let differs = match to {
            Some(_) => from != to || reserved.state() == "failed",
            None => self.has_reserved(),
        };
        differs.then_some(ScaleStep::Reserve { from, to })
    }

    /// In how many ways the instances spend CPU credits: one, mostly.
    fn credit_modes(&self) -> Vec<String> {
        let mut modes: Vec<_> = self.credits.values().cloned().collect();
        modes.sort();
        modes.dedup();
        modes
    }

    /// What makes all of them spend credits so.
    fn crediting(&self, to: CreditMode) -> Option<ScaleStep> {
        let others = self.credits.iter().filter(|(_, mode)| *mode != to.as_str());
        let instances: Vec<String> = others.map(|(id, _)| id.clone()).collect();
        let from = self.credit_modes().join(", ");
        (!instances.is_empty()).then_some(ScaleStep::Credits { from, to, instances })
    }

    fn has_reserved(&self) -> bool {
        let is_ours = self.asked.as_ref().is_some_and(|asked| asked.units.is_some());
        is_ours
            && self
                .reserved
                .as_ref()
                .is_some_and(|reserved| reserved.units().is_some())
    }

    /// What is reserved now, for people, with what it costs.
    fn reserved_told(&self) -> Option<String> {
        let reserved = self.reserved.as_ref()?;
        let units = reserved.units()?;
        let hour = reserved_hour(units);
        let state = match reserved.state() {
            "" => "asked for",
            state => state,
        };
        Some(format!(
            "{units} capacity units of its load balancer are reserved ({state}), about ${hour:.2} an hour"
        ))
    }
}

impl Live {
    /// The pre-scale that is to come or stands.
    fn prescale(&self) -> Option<(&Prescale, Stage)> {
        let scale = self.scale.as_ref()?;
        scale.stage().filter(|(_, stage)| *stage != Stage::Over)
    }

    pub(super) fn stands(&self) -> Option<&Prescale> {
        self.prescale()
            .filter(|(_, stage)| *stage == Stage::Stands)
            .map(|(asked, _)| asked)
    }

    /// Whether something is reserved for its load balancer that a pre-scale asked for.
    pub(super) fn has_reserved(&self) -> bool {
        self.scale.as_ref().is_some_and(Scale::has_reserved)
    }

    /// The bounds that Beanstalk has, which a pre-scale comes back to.
    pub(super) fn base(&self) -> Option<Bounds> {
        let size = |name: &str| self.option(options::GROUP, name)?.trim().parse().ok();
        Some(Bounds {
            min: size("MinSize")?,
            max: size("MaxSize")?,
        })
    }

    /// For `status`: what is to come, what stands, and what should be over and is not.
    pub(super) fn scaled(&self) -> Option<Scaled> {
        let (scale, group) = (self.scale.as_ref()?, self.group.as_ref()?);
        let (asked, stage) = scale.stage()?;
        let reserved = scale.reserved_told().filter(|_| scale.has_reserved());
        let is_back = Some(group.bounds()) == self.base();
        let told = match (stage, is_back, reserved) {
            (Stage::Over, true, None) => return None,
            (Stage::Over, true, Some(reserved)) => format!("{}, and {reserved}", asked.told(stage)),
            (Stage::Over, false, reserved) => {
                let reserved = reserved.map(|told| format!("; {told}")).unwrap_or_default();
                let told = asked.told(stage);
                format!("{told}, and the group is still at {}{reserved}", group.bounds())
            }
            (_, _, Some(reserved)) => format!("{}; {reserved}", asked.told(stage)),
            (_, _, None) => asked.told(stage),
        };
        let credits = scale.credit_modes();
        let told = match credits.is_empty() {
            true => told,
            false => format!("{told}; CPU credits: {}", credits.join(", ")),
        };
        Some(Scaled {
            asked: asked.clone(),
            stage,
            told,
            credits,
            reserved: scale
                .reserved
                .clone()
                .and_then(|it| Some((it.units()?, it.state().to_owned()))),
        })
    }
}

/// Namespaces for which CloudFormation updates the group. Doing so it "always sets the group size property values … to the values
/// that are defined in the … template, even if a scheduled action is in effect" (CloudFormation guide, UpdatePolicy), and Beanstalk's
/// template does not say otherwise (aws/elastic-beanstalk-roadmap#368).
const OF_THE_GROUP: [&str; 5] = [
    options::GROUP,
    options::LAUNCH,
    options::VPC,
    "aws:autoscaling:updatepolicy:rollingupdate",
    "aws:ec2:instances",
];

fn touches_the_group(step: &EnvironmentStep) -> bool {
    match step {
        EnvironmentStep::Tag(_) | EnvironmentStep::Platform { .. } => true,
        EnvironmentStep::Option(option) => OF_THE_GROUP.contains(&option.key.0.as_str()),
        _ => false,
    }
}

/// Namespaces whose change replaces instances.
const OF_INSTANCES: [&str; 3] = [options::LAUNCH, options::VPC, "aws:ec2:instances"];

/// Whether CloudFormation refuses it while actions are scheduled: "either delete these actions or suspend the ScheduledActions process"
/// (aws-solutions/instance-scheduler-on-aws#705).
pub(super) fn rolls(step: &EnvironmentStep) -> bool {
    match step {
        EnvironmentStep::Platform { .. } => true,
        EnvironmentStep::Option(option) => OF_INSTANCES.contains(&option.key.0.as_str()),
        _ => false,
    }
}

/// Deployments that make the group larger, or another beside it: to which bounds it comes then nobody tells.
fn makes_instances(strategy: Strategy) -> bool {
    matches!(
        strategy,
        Strategy::Immutable | Strategy::TrafficSplit | Strategy::RollingWithBatch
    )
}

/// The ways on in the middle of a pre-scale.
fn later(asked: &Prescale) -> Hint {
    let back = match asked.until {
        Some(until) => Hint::from(format!("wait until {until}, or: ")).and_run("scale --back"),
        None => Hint::run("scale --back"),
    };
    back.and(" ends it at once; then run the same command again")
}

impl Environment {
    /// Why these steps cannot be taken in the middle of a pre-scale: the event would be scaled down.
    pub(super) fn in_the_middle(&self, live: &Live, steps: &[EnvironmentStep]) -> Option<Plan<EnvironmentStep>> {
        // One of the load balancer's capacity alone has nothing that a change of the group would take away.
        let asked = live.stands().filter(|asked| live.base() != Some(asked.bounds))?;
        let touched = steps.iter().find(|step| touches_the_group(step));
        if let Some(step) = touched {
            let why = format!(
                "it is {}, and a change of {} would set its group back to what Beanstalk has",
                asked.told(Stage::Stands),
                step.shown().field
            );
            return Some(Plan::blocked(why, later(asked)));
        }
        let strategy = steps.iter().find_map(|step| match step {
            EnvironmentStep::Strategy { to, .. } => Some(*to),
            _ => None,
        });
        let deploys = steps.iter().any(|step| matches!(step, EnvironmentStep::Version { .. }));
        let strategy = strategy.unwrap_or_else(|| live.policy());
        (deploys && makes_instances(strategy)).then(|| {
            let why = format!(
                "it is {}: to which size {} would bring its group nobody tells",
                asked.told(Stage::Stands),
                strategy.word()
            );
            Plan::blocked(
                why,
                Hint::run("deploy --strategy rolling").and(" leaves the group alone"),
            )
        })
    }

    /// What a run that only scales does.
    pub(super) fn plan_scale(&self, scaling: &Scaling, live: &Live) -> Plan<EnvironmentStep> {
        if !self.stack.profile.is_load_balanced() {
            return Plan::blocked(
                "a single instance has no group to scale",
                "with --set environment.type=LoadBalanced an environment has one; it is chosen when it is made",
            );
        }
        let (Some(group), Some(scale), Some(base)) = (&live.group, &live.scale, live.base()) else {
            return match scaling {
                Scaling::AsItIs => Plan::Keep,
                _ => Plan::blocked(
                    "it has no Auto Scaling group yet",
                    Hint::run("status").and(" tells what there is"),
                ),
            };
        };
        let units = match scaling {
            Scaling::To(wish) => wish.units,
            _ => None,
        };
        if let (Some(units), Some(arn)) = (units, &self.stack.profile.shared_load_balancer()) {
            let reserve = Command::aws("elbv2 modify-capacity-reservation --load-balancer-arn").arg(arn);
            let reserve = reserve.arg("--minimum-load-balancer-capacity");
            return Plan::blocked(
                "the load balancer is shared: what is reserved for it is for its owner to say",
                Hint::run(reserve.arg(format!("CapacityUnits={units}"))),
            );
        }
        let mut steps = match scaling {
            Scaling::AsItIs => Vec::new(),
            Scaling::To(wish) => scale.steps(group, Some(wish), base),
            Scaling::Back => scale.steps(group, None, base),
        };
        if let Some(credits) = self.stack.credits {
            if group.burstable.is_empty() {
                return Plan::blocked(
                    "none of its instances that serve is of a type that spends CPU credits",
                    "those of the families T2, T3, T3a and T4g do",
                );
            }
            steps.extend(scale.crediting(credits));
        }
        Plan::of(steps.into_iter().map(EnvironmentStep::Scale).collect())
    }

    /// What of a pre-scale that is to come or stands is not there, where a run was ended, and what of one that is over still costs. Of
    /// bounds tells the group's drift.
    pub(super) fn missing_of_scale(&self, live: &Live) -> Vec<EnvironmentStep> {
        let (Some(group), Some(scale)) = (&live.group, &live.scale) else {
            return Vec::new();
        };
        let Some(asked) = &scale.asked else { return Vec::new() };
        let steps = match asked.stage(scale.now) {
            // The group goes back by itself, the reservation does not.
            Stage::Over => scale.reserving(None).into_iter().collect(),
            _ => scale.steps(group, Some(asked), self.of_profile()),
        };
        let lacking = |step: &ScaleStep| matches!(step, ScaleStep::Action { .. } | ScaleStep::Reserve { .. });
        steps.into_iter().filter(lacking).map(EnvironmentStep::Scale).collect()
    }

    /// As the profile has them: what Beanstalk has once the profile is applied.
    fn of_profile(&self) -> Bounds {
        let (min, max) = self.stack.profile.instance_range();
        let size = |size: u32| i32::try_from(size).unwrap_or(i32::MAX);
        Bounds {
            min: size(min),
            max: size(max),
        }
    }

    /// The bounds that the group is to have now.
    pub(super) fn wanted_bounds(&self, live: &Live) -> Bounds {
        live.stands().map_or_else(|| self.of_profile(), |asked| asked.bounds)
    }

    pub(super) fn scale_notice(&self, live: &Live) -> Option<Notice> {
        let Scaled { told, stage, .. } = live.scaled()?;
        let back = Hint::run("scale --back");
        Some(Notice::new(told).hint(match stage {
            Stage::Over => back.and(" takes it back, and so does ").and_run("up"),
            _ => back.and(" ends it at once"),
        }))
    }
}
