//! CloudFormation's API, as far as it reads: the stacks are those that Beanstalk makes.

use std::sync::Arc;

use winterbaume_cloudformation::{model as m, wire};

use super::page::page;
use super::{Entry, Service, operation};
use crate::protocols::call::{Answer, Call};
use crate::world::clock::text;
use crate::world::stacks::{Stack, StackEvent, StackResource};
use crate::world::{Refusal, World};

/// Most of a list in one answer.
const PER_PAGE: i32 = 100;

const OPERATIONS: &[Entry] = &[
    operation("DescribeStackEvents", &["StackName", "NextToken"], describe_events),
    operation(
        "DescribeStackResource",
        &["StackName", "LogicalResourceId"],
        describe_resource,
    ),
    operation(
        "DescribeStackResources",
        &["StackName", "LogicalResourceId", "PhysicalResourceId"],
        describe_resources,
    ),
    operation("DescribeStacks", &["StackName", "NextToken"], describe),
    operation("ListStackResources", &["StackName", "NextToken"], list_resources),
    operation("ListStacks", &["NextToken", "StackStatusFilter"], list),
];

pub(crate) const SERVICE: Service = Service {
    scope: "cloudformation",
    title: "CloudFormation",
    operations: OPERATIONS,
    refuses: None,
};

fn stack_view(stack: &Stack) -> m::Stack {
    let tag = |(key, value): (&String, &String)| m::Tag {
        key: key.clone(),
        value: value.clone(),
    };
    m::Stack {
        creation_time: Some(text(stack.created)),
        deletion_time: stack.deleted.map(text),
        description: Some("AWS Elastic Beanstalk environment".to_owned()),
        disable_rollback: Some(true),
        drift_information: Some(m::StackDriftInformation {
            stack_drift_status: Some("NOT_CHECKED".to_owned()),
            ..m::StackDriftInformation::default()
        }),
        enable_termination_protection: Some(false),
        last_updated_time: stack.updated.map(text),
        notification_a_r_ns: Some(Vec::new().into()),
        rollback_configuration: Some(m::RollbackConfiguration::default()),
        stack_id: Some(stack.id.clone()),
        stack_name: Some(stack.name.clone()),
        stack_status: Some(stack.status.clone()),
        stack_status_reason: stack.reason.clone(),
        tags: Some(stack.tags.iter().map(tag).collect()),
        ..m::Stack::default()
    }
}

fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeStacksInput = call.query()?;
    let mut state = world.lock();
    let stacks = &state.region(&call.region).stacks;
    let chosen = match &request.stack_name {
        Some(name) => vec![stacks.find(name)?],
        None => stacks.stacks.iter().filter(|stack| stack.deleted.is_none()).collect(),
    };
    let views = chosen.into_iter().map(stack_view).collect();
    let (views, next_token) = page(views, Some(PER_PAGE), request.next_token.as_deref())?;
    let result = m::DescribeStacksOutput {
        next_token,
        stacks: Some(Vec::into(views)),
    };
    Ok(wire::serialize_describe_stacks_response(&result).into())
}

/// By stack, or the stack of a physical resource.
fn describe_resources(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeStackResourcesInput = call.query()?;
    let mut state = world.lock();
    let stacks = &state.region(&call.region).stacks;
    let stack = match (&request.stack_name, &request.physical_resource_id) {
        (Some(name), _) => stacks.find(name)?,
        (None, Some(id)) => {
            let has = |stack: &&Stack| stack.resources.iter().any(|it| it.physical_id == *id);
            let unknown = || Refusal::new("ValidationError", format!("Stack for {id} does not exist"));
            stacks.stacks.iter().find(has).ok_or_else(unknown)?
        }
        (None, None) => {
            let message = "Either stackName or physicalResourceId must be specified";
            return Err(Refusal::new("ValidationError", message));
        }
    };
    let wanted = stack.resources.iter().filter(|it| {
        request
            .logical_resource_id
            .as_ref()
            .is_none_or(|id| *id == it.logical_id)
            && request
                .physical_resource_id
                .as_ref()
                .is_none_or(|id| request.stack_name.is_none() || *id == it.physical_id)
    });
    let view = |resource: &StackResource| m::StackResource {
        drift_information: Some(m::StackResourceDriftInformation {
            stack_resource_drift_status: Some("NOT_CHECKED".to_owned()),
            ..m::StackResourceDriftInformation::default()
        }),
        logical_resource_id: Some(resource.logical_id.clone()),
        physical_resource_id: physical(&resource.physical_id),
        resource_status: Some(resource.status.clone()),
        resource_status_reason: resource.reason.clone(),
        resource_type: Some(resource.kind.clone()),
        stack_id: Some(stack.id.clone()),
        stack_name: Some(stack.name.clone()),
        timestamp: Some(text(resource.changed)),
        ..m::StackResource::default()
    };
    let result = m::DescribeStackResourcesOutput {
        stack_resources: Some(wanted.map(view).collect()),
    };
    Ok(wire::serialize_describe_stack_resources_response(&result).into())
}

fn describe_resource(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeStackResourceInput = call.query()?;
    let mut state = world.lock();
    let stack = state.region(&call.region).stacks.find(&request.stack_name)?;
    let logical_id = &request.logical_resource_id;
    let found = stack.resources.iter().find(|it| it.logical_id == *logical_id);
    let resource = found.ok_or_else(|| {
        let message = format!("Resource {logical_id} does not exist for stack {}", stack.name);
        Refusal::new("ValidationError", message)
    })?;
    let detail = m::StackResourceDetail {
        last_updated_timestamp: Some(text(resource.changed)),
        logical_resource_id: Some(resource.logical_id.clone()),
        physical_resource_id: physical(&resource.physical_id),
        resource_status: Some(resource.status.clone()),
        resource_status_reason: resource.reason.clone(),
        resource_type: Some(resource.kind.clone()),
        stack_id: Some(stack.id.clone()),
        stack_name: Some(stack.name.clone()),
        ..m::StackResourceDetail::default()
    };
    let result = m::DescribeStackResourceOutput {
        stack_resource_detail: Some(detail),
    };
    Ok(wire::serialize_describe_stack_resource_response(&result).into())
}

/// Newest first, deleted ones too.
fn list(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::ListStacksInput = call.query()?;
    let statuses = request.stack_status_filter.map(|list| list.items);
    let mut state = world.lock();
    let all = state.region(&call.region).stacks.stacks.iter().rev();
    let wanted = all.filter(|it| statuses.as_ref().is_none_or(|statuses| statuses.contains(&it.status)));
    let view = |stack: &Stack| m::StackSummary {
        creation_time: Some(text(stack.created)),
        deletion_time: stack.deleted.map(text),
        last_updated_time: stack.updated.map(text),
        stack_id: Some(stack.id.clone()),
        stack_name: Some(stack.name.clone()),
        stack_status: Some(stack.status.clone()),
        stack_status_reason: stack.reason.clone(),
        ..m::StackSummary::default()
    };
    let views = wanted.map(view).collect();
    let (views, next_token) = page(views, Some(PER_PAGE), request.next_token.as_deref())?;
    let result = m::ListStacksOutput {
        next_token,
        stack_summaries: Some(Vec::into(views)),
    };
    Ok(wire::serialize_list_stacks_response(&result).into())
}

fn physical(id: &str) -> Option<String> {
    (!id.is_empty()).then(|| id.to_owned())
}

fn list_resources(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::ListStackResourcesInput = call.query()?;
    let mut state = world.lock();
    let stack = state.region(&call.region).stacks.find(&request.stack_name)?;
    let view = |resource: &StackResource| m::StackResourceSummary {
        last_updated_timestamp: Some(text(resource.changed)),
        logical_resource_id: Some(resource.logical_id.clone()),
        physical_resource_id: physical(&resource.physical_id),
        resource_status: Some(resource.status.clone()),
        resource_status_reason: resource.reason.clone(),
        resource_type: Some(resource.kind.clone()),
        ..m::StackResourceSummary::default()
    };
    let views = stack.resources.iter().map(view).collect();
    let (views, next_token) = page(views, Some(PER_PAGE), request.next_token.as_deref())?;
    let result = m::ListStackResourcesOutput {
        next_token,
        stack_resource_summaries: Some(Vec::into(views)),
    };
    Ok(wire::serialize_list_stack_resources_response(&result).into())
}

/// Newest first.
fn describe_events(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeStackEventsInput = call.query()?;
    let mut state = world.lock();
    let name = &request.stack_name;
    // This one operation has words of its own for it (recorded by LocalStack: DescribeStackEvents).
    let missing = |_| Refusal::new("ValidationError", format!("Stack [{name}] does not exist"));
    let stack = state.region(&call.region).stacks.find(name).map_err(missing)?;
    let view = |event: &StackEvent| m::StackEvent {
        event_id: Some(event.id.clone()),
        logical_resource_id: Some(event.logical_id.clone()),
        // Empty until the resource has one.
        physical_resource_id: Some(event.physical_id.clone()),
        resource_status: Some(event.status.clone()),
        resource_status_reason: event.reason.clone(),
        resource_type: Some(event.kind.clone()),
        stack_id: Some(stack.id.clone()),
        stack_name: Some(stack.name.clone()),
        timestamp: Some(text(event.time)),
        ..m::StackEvent::default()
    };
    let all = stack.events.iter().rev().map(view).collect();
    let (events, next_token) = page(all, Some(PER_PAGE), request.next_token.as_deref())?;
    let result = m::DescribeStackEventsOutput {
        next_token,
        stack_events: Some(Vec::into(events)),
    };
    Ok(wire::serialize_describe_stack_events_response(&result).into())
}
