//! The calls of a pre-scale: the group's tag, its scheduled actions, its bounds, and what of them makes way for an update.
//! Must know nothing of why a step is taken.

use aws_sdk_autoscaling::types::{ScheduledUpdateGroupAction, Tag};
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use super::Environment;
use super::credits;
use super::live::{self, Group, Live};
use super::reservation::{provisioned, reserve};
use super::scale::{Action, BACK, OUT, ScaleStep, rolls};
use super::steps::EnvironmentStep;
use crate::aws::errors::{Explain, polled};
use crate::aws::{Aws, texts};
use crate::engine::{Command, Error, Failure, Hint, Limits, Poll, Wait, WriteCx};
use crate::prescale::{Bounds, TAG};

/// The kind of what carries a tag (Auto Scaling's API reference, Tag).
const KIND: &str = "auto-scaling-group";

/// An instance is in service within minutes; what EC2 does not launch in twenty it mostly cannot.
const LIMITS: Limits = Limits::minutes(6, 20);

pub(super) async fn actions(aws: &Aws, group: &str) -> Result<Vec<ScheduledUpdateGroupAction>, Error> {
    let describe = aws.autoscaling.describe_scheduled_actions();
    let mut pages = describe.auto_scaling_group_name(group).into_paginator().items().send();
    let mut actions = Vec::new();
    while let Some(action) = pages.next().await {
        actions.push(action.explain(&format!("read the scheduled actions of the group {group}"))?);
    }
    Ok(actions)
}

impl Environment {
    /// Deletes the scheduled actions of ours where a step would be refused for them; gives whether there were any. Those of others
    /// are theirs to delete.
    pub(super) async fn make_way(
        &self,
        cx: &WriteCx<Aws>,
        live: &Live,
        steps: &[EnvironmentStep],
    ) -> Result<bool, Failure> {
        let Some(group) = live.group.as_ref().filter(|_| steps.iter().any(rolls)) else {
            return Ok(false);
        };
        let actions = actions(cx.read().aws(), &group.name).await?;
        let names = actions.iter().filter_map(|action| action.scheduled_action_name());
        let (ours, theirs): (Vec<_>, Vec<_>) = names.partition(|name| [OUT, BACK].contains(name));
        if let Some(first) = theirs.first() {
            let error = Error::refused(format!(
                "the Auto Scaling group has scheduled actions that confctl did not make: {}",
                theirs.join(", ")
            ));
            let delete = Command::aws("autoscaling delete-scheduled-action --auto-scaling-group-name");
            let delete = delete.arg(&group.name).arg("--scheduled-action-name").arg(*first);
            let why = "CloudFormation replaces no instances while there are any";
            return Err(error.because(why).hint(Hint::run(delete)).into());
        }
        for name in &ours {
            cx.step(format!(
                "taking the scheduled action {name} away until instances are replaced"
            ));
            delete_action(cx, group, name).await?;
        }
        Ok(!ours.is_empty())
    }

    /// Puts back what [`Self::make_way`] took, or what of it is to be by now.
    pub(super) async fn schedule_again(&self, cx: &WriteCx<Aws>, id: &str) -> Result<(), Failure> {
        let live = self.as_it_is(cx, id).await?;
        let (Some(group), Some(scale), Some(base)) = (&live.group, &live.scale, live.base()) else {
            return Ok(());
        };
        let steps = scale.steps(group, scale.asked.as_ref(), base);
        take(cx, &live, group, &steps).await
    }

    /// Brings a group back to its pre-scale that an update has set to what Beanstalk has.
    pub(super) async fn hold(&self, cx: &WriteCx<Aws>, id: &str) -> Result<(), Failure> {
        let live = self.as_it_is(cx, id).await?;
        match (&live.group, live.stands()) {
            (Some(group), Some(asked)) if group.bounds() != asked.bounds => {
                cx.step(format!("holding {} instances", asked.bounds));
                resize(cx, group, asked.bounds).await
            }
            _ => Ok(()),
        }
    }

    async fn as_it_is(&self, cx: &WriteCx<Aws>, id: &str) -> Result<Live, Failure> {
        let aws = cx.read().aws();
        let environment = live::by_id(aws, id).await?;
        let gone = || Error::failed(format!("the environment {id} is gone"));
        Ok(Live::read(aws, &environment.ok_or_else(gone)?).await?)
    }

    /// Takes the steps; a group that is to be larger is followed until it is.
    pub(super) async fn scale(&self, cx: &WriteCx<Aws>, live: &Live, steps: &[EnvironmentStep]) -> Result<(), Failure> {
        let steps = steps.iter().filter_map(|step| match step {
            EnvironmentStep::Scale(step) => Some(step.clone()),
            _ => None,
        });
        let steps: Vec<_> = steps.collect();
        let (false, Some(group)) = (steps.is_empty(), &live.group) else {
            return Ok(());
        };
        take(cx, live, group, &steps).await?;
        let grown = steps.iter().find_map(|step| match step {
            ScaleStep::Bounds { from, to } if to.min > from.min => Some(to.min),
            _ => None,
        });
        if let Some(least) = grown {
            wait_for(cx, group, least).await?;
        }
        let reserved = steps
            .iter()
            .any(|step| matches!(step, ScaleStep::Reserve { to: Some(_), .. }));
        match live.balancer_arn().filter(|_| reserved) {
            Some(arn) => Ok(provisioned(cx, &arn).await?),
            None => Ok(()),
        }
    }
}

/// In their order; actions that change are all deleted before one is put, as no two may have the same hour.
async fn take(cx: &WriteCx<Aws>, live: &Live, group: &Group, steps: &[ScaleStep]) -> Result<(), Failure> {
    let mark = |step: &&ScaleStep| matches!(step, ScaleStep::Mark { to: Some(_), .. });
    for step in steps.iter().filter(mark) {
        change(cx, live, group, step).await?;
    }
    for step in steps {
        if let ScaleStep::Action {
            name, from: Some(_), ..
        } = step
        {
            delete_action(cx, group, name).await?;
        }
    }
    for step in steps.iter().filter(|step| !mark(step)) {
        change(cx, live, group, step).await?;
    }
    Ok(())
}

async fn change(cx: &WriteCx<Aws>, live: &Live, group: &Group, step: &ScaleStep) -> Result<(), Failure> {
    match step {
        ScaleStep::Mark { to: Some(to), .. } => mark(cx, group, to).await,
        ScaleStep::Mark { to: None, .. } => unmark(cx, group).await,
        ScaleStep::Action { name, to: Some(to), .. } => put_action(cx, group, name, *to).await,
        // Deleted already.
        ScaleStep::Action { to: None, .. } => Ok(()),
        ScaleStep::Bounds { to, .. } => resize(cx, group, *to).await,
        ScaleStep::Credits { to, instances, .. } => Ok(credits::set(cx, instances, *to).await?),
        ScaleStep::Reserve { to, .. } => match live.balancer_arn() {
            Some(arn) => Ok(reserve(cx, &arn, *to).await?),
            None => Ok(()),
        },
    }
}

/// Not passed on to instances: they would tell of it for as long as they live.
fn tag(group: &Group, value: Option<&str>) -> Tag {
    let tag = Tag::builder().key(TAG).resource_id(&group.name).resource_type(KIND);
    tag.set_value(value.map(str::to_owned))
        .propagate_at_launch(false)
        .build()
}

async fn mark(cx: &WriteCx<Aws>, group: &Group, value: &str) -> Result<(), Failure> {
    cx.check()?;
    let put = cx
        .aws()
        .autoscaling
        .create_or_update_tags()
        .tags(tag(group, Some(value)));
    put.send()
        .await
        .explain(&format!("tag the Auto Scaling group {}", group.name))?;
    Ok(())
}

async fn unmark(cx: &WriteCx<Aws>, group: &Group) -> Result<(), Failure> {
    cx.check()?;
    let delete = cx.aws().autoscaling.delete_tags().tags(tag(group, None));
    let doing = format!("take the tag off the Auto Scaling group {}", group.name);
    delete.send().await.explain(&doing)?;
    Ok(())
}

/// In AWS's seconds; where its hour has come meanwhile, at once.
async fn put_action(
    cx: &WriteCx<Aws>,
    group: &Group,
    name: &str,
    (start, bounds): (Timestamp, Bounds),
) -> Result<(), Failure> {
    cx.check()?;
    let put = cx.aws().autoscaling.put_scheduled_update_group_action();
    let put = put.auto_scaling_group_name(&group.name).scheduled_action_name(name);
    let put = put.start_time(DateTime::from_secs(start.as_second()));
    let answer = put.min_size(bounds.min).max_size(bounds.max).send().await;
    match answer.explain(&format!("schedule {name} for {start}")) {
        Err(error) if error.causes.iter().any(|cause| texts::is_past_start(cause)) => match name {
            OUT => resize(cx, group, bounds).await,
            _ => Err(error.hint("its end has come meanwhile: name a later one").into()),
        },
        // An earlier try of this call may have been heard; else the hour is another action's.
        Err(error) if error.is_code("AlreadyExists") => {
            let there = actions(cx.read().aws(), &group.name).await?;
            let wanted = |action: &Action| action.name == name && action.is((start, bounds));
            match there.iter().map(Action::of).any(|action| wanted(&action)) {
                true => Ok(()),
                false => Err(error
                    .hint("choose another minute: no two actions of a group have the same")
                    .into()),
            }
        }
        answer => Ok(answer.map(drop)?),
    }
}

async fn delete_action(cx: &WriteCx<Aws>, group: &Group, name: &str) -> Result<(), Failure> {
    cx.check()?;
    let delete = cx.aws().autoscaling.delete_scheduled_action();
    let delete = delete.auto_scaling_group_name(&group.name).scheduled_action_name(name);
    let answer = delete
        .send()
        .await
        .explain(&format!("delete the scheduled action {name}"));
    // It ran a moment ago, or an earlier try of this call was heard.
    let Err(error) = answer else { return Ok(()) };
    let there = actions(cx.read().aws(), &group.name).await?;
    match there.iter().any(|action| action.scheduled_action_name() == Some(name)) {
        true => Err(error.into()),
        false => Ok(()),
    }
}

/// Only bounds: instances that are above the new minimum stay until the alarm takes them, so that nobody who is served loses his.
async fn resize(cx: &WriteCx<Aws>, group: &Group, bounds: Bounds) -> Result<(), Failure> {
    cx.check()?;
    let update = cx.aws().autoscaling.update_auto_scaling_group();
    let update = update.auto_scaling_group_name(&group.name);
    let answer = update.min_size(bounds.min).max_size(bounds.max).send().await;
    answer.explain(&format!("set the Auto Scaling group to {bounds} instances"))?;
    Ok(())
}

async fn wait_for(cx: &WriteCx<Aws>, group: &Group, least: i32) -> Result<(), Error> {
    let wait = Wait::new(format!("{least} instances to be in service"), 10, LIMITS);
    let aws = cx.read().aws();
    cx.wait(&wait, || async {
        polled(
            live::in_service(aws, &group.name)
                .await
                .map(|serving| match serving >= least {
                    true => Poll::Ready(()),
                    false => Poll::NotYet(format!("{serving} of {least} instances are in service")),
                }),
        )
    })
    .await
    .map_err(|error| error.hint(Hint::run("events").and(" and the group's activities say why")))
}
