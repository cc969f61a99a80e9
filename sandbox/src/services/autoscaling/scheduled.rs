//! Scheduled actions of groups: once, at an hour.
//! Must know nothing of when they run.

use std::sync::Arc;

use jiff::Timestamp;
use winterbaume_autoscaling::{model as m, wire};

use super::super::page::page;
use crate::protocols::call::{Answer, Call};
use crate::world::clock::seconds_text;
use crate::world::scaling::scheduled::{NewAction, ScheduledAction};
use crate::world::scaling::{Group, Sizes};
use crate::world::{Refusal, World};

fn time(text: Option<&str>) -> Result<Option<Timestamp>, Refusal> {
    let parsed = |text: &str| {
        let invalid = || Refusal::new("ValidationError", format!("{text} is not a valid timestamp"));
        text.parse::<Timestamp>().map_err(|_| invalid())
    };
    text.map(parsed).transpose()
}

pub(super) fn put(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::PutScheduledUpdateGroupActionType = call.query()?;
    let now = world.clock.now();
    // Without an hour it would be at once, or by a rule of its own, which is not known here.
    let start = time(request.start_time.as_deref())?.ok_or_else(|| {
        Refusal::new(
            "ValidationError",
            "StartTime is required for an action without Recurrence",
        )
    })?;
    let new = NewAction {
        name: request.scheduled_action_name,
        start,
        sizes: Sizes {
            min: request.min_size,
            max: request.max_size,
            desired: request.desired_capacity,
        },
    };
    let mut state = world.lock();
    let account = state.account.clone();
    let scaling = &mut state.region(&call.region).scaling;
    scaling.schedule(&call.region, &account, &request.auto_scaling_group_name, new, now)?;
    Ok(wire::serialize_put_scheduled_update_group_action_response().into())
}

pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteScheduledActionType = call.query()?;
    let mut state = world.lock();
    let scaling = &mut state.region(&call.region).scaling;
    scaling.unschedule(&request.auto_scaling_group_name, &request.scheduled_action_name)?;
    Ok(wire::serialize_delete_scheduled_action_response().into())
}

/// Those that have not run. By name, the hours do not count.
pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeScheduledActionsType = call.query()?;
    let names = request.scheduled_action_names.map(|list| list.items);
    let (from, until) = (time(request.start_time.as_deref())?, time(request.end_time.as_deref())?);
    let mut state = world.lock();
    let scaling = &mut state.region(&call.region).scaling;
    if let Some(name) = &request.auto_scaling_group_name {
        scaling.group_mut(name)?;
    }
    let of = request.auto_scaling_group_name;
    let groups = scaling.groups.values();
    let groups = groups.filter(|group| of.as_ref().is_none_or(|name| *name == group.name));
    let all = groups.flat_map(|group| group.scheduled.values().map(move |action| (group, action)));
    let wanted = all.filter(|(_, action)| match &names {
        Some(names) => names.contains(&action.name),
        None => from.is_none_or(|from| action.start >= from) && until.is_none_or(|until| action.start <= until),
    });
    let views = wanted.map(|(group, action)| view(group, action)).collect();
    let (views, next_token) = page(views, request.max_records, request.next_token.as_deref())?;
    let result = m::ScheduledActionsType {
        next_token,
        scheduled_update_group_actions: Some(Vec::into(views)),
    };
    Ok(wire::serialize_describe_scheduled_actions_response(&result).into())
}

fn view(group: &Group, action: &ScheduledAction) -> m::ScheduledUpdateGroupAction {
    let start = seconds_text(action.start);
    m::ScheduledUpdateGroupAction {
        auto_scaling_group_name: Some(group.name.clone()),
        desired_capacity: action.sizes.desired,
        max_size: action.sizes.max,
        min_size: action.sizes.min,
        scheduled_action_a_r_n: Some(action.arn.clone()),
        scheduled_action_name: Some(action.name.clone()),
        start_time: Some(start.clone()),
        // "This property is no longer used", and has the same hour (AWS CLI's example of describe-scheduled-actions).
        time: Some(start),
        ..m::ScheduledUpdateGroupAction::default()
    }
}
