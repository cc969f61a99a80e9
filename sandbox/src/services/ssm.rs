//! Systems Manager's API: managed instances, Run Command and Session Manager.

mod sessions;

use std::collections::BTreeMap;
use std::sync::Arc;

use winterbaume_ssm::{model as m, wire};

use super::page::page;
use super::{Entry, Service, operation};
use crate::protocols::call::{Answer, Call};
use crate::world::compute::agents::{self, Agent, Invocation, NewCommand, RunCommand};
use crate::world::{Refusal, World};

const OPERATIONS: &[Entry] = &[
    operation("CancelCommand", &["CommandId", "InstanceIds"], cancel),
    operation(
        "DescribeInstanceInformation",
        &[
            "Filters{Key,Values}",
            "InstanceInformationFilterList{key,valueSet}",
            "MaxResults",
            "NextToken",
        ],
        describe_instances,
    ),
    operation(
        "GetCommandInvocation",
        &["CommandId", "InstanceId", "PluginName"],
        get_invocation,
    ),
    operation(
        "ListCommandInvocations",
        &["CommandId", "InstanceId", "Details", "MaxResults", "NextToken"],
        list_invocations,
    ),
    operation(
        "ListCommands",
        &["CommandId", "InstanceId", "MaxResults", "NextToken"],
        list_commands,
    ),
    operation(
        "SendCommand",
        &[
            "InstanceIds",
            "Targets{Key,Values}",
            "DocumentName",
            "DocumentVersion=$DEFAULT|$LATEST|1",
            "TimeoutSeconds",
            "Comment",
            "Parameters{*}",
        ],
        send,
    ),
    operation(
        "StartSession",
        &["Target", "DocumentName=SSM-SessionManagerRunShell", "Reason~"],
        sessions::start,
    ),
    operation("TerminateSession", &["SessionId"], sessions::terminate),
];

pub(crate) const SERVICE: Service = Service {
    scope: "ssm",
    title: "Systems Manager",
    operations: OPERATIONS,
    refuses: None,
};

/// The only document that is here.
const DOCUMENT: &str = "AWS-RunShellScript";

/// Its only step.
const PLUGIN: &str = "aws:runShellScript";

/// Seconds, where a command says nothing else.
const EXECUTION_TIMEOUT: u64 = 3600;
const DELIVERY_TIMEOUT: i32 = 3600;

/// Characters of output in a list; one invocation shows 24,000 and, of errors, 8,000.
const LISTED_OUTPUT: usize = 2500;
const SHOWN_ERRORS: usize = 8000;

fn seconds(time: jiff::Timestamp) -> f64 {
    time.as_millisecond() as f64 / 1000.0
}

fn send(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::SendCommandRequest = call.json()?;
    if request.document_name != DOCUMENT {
        return Err(Refusal::new(
            "InvalidDocument",
            format!("Document with name {} does not exist.", request.document_name),
        ));
    }
    let parameters: BTreeMap<_, _> = request.parameters.unwrap_or_default().into_iter().collect();
    let instance_ids = request.instance_ids.unwrap_or_default();
    let targets: Vec<_> = request
        .targets
        .unwrap_or_default()
        .into_iter()
        .map(|target| (target.key.unwrap_or_default(), target.values.unwrap_or_default()))
        .collect();
    if instance_ids.is_empty() && targets.is_empty() {
        return Err(Refusal::new(
            "InvalidParameters",
            "Either InstanceIds or Targets must be specified.",
        ));
    }
    let new = NewCommand {
        instance_ids,
        targets,
        comment: request.comment.unwrap_or_default(),
        document_version: request.document_version.unwrap_or_default(),
        timeout: request.timeout_seconds.unwrap_or(DELIVERY_TIMEOUT),
        ..script(parameters)?
    };
    let command = agents::send(world, &call.region, new)?;
    let result = m::SendCommandResult {
        command: Some(command_view(&command)),
    };
    Ok(wire::serialize_send_command_response(&result).into())
}

/// The parameters of AWS-RunShellScript.
fn script(parameters: BTreeMap<String, Vec<String>>) -> Result<NewCommand, Refusal> {
    let invalid = |message: String| Refusal::new("InvalidParameters", message);
    let known = ["commands", "workingDirectory", "executionTimeout"];
    if let Some(name) = parameters.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(invalid(format!("Invalid parameter {name} for document {DOCUMENT}.")));
    }
    let commands = parameters.get("commands").filter(|lines| !lines.is_empty());
    let commands = commands.ok_or_else(|| invalid(format!("Document {DOCUMENT} requires the parameter commands.")))?;
    let first = |name: &str| parameters.get(name).and_then(|values| values.first()).cloned();
    let execution_timeout = match first("executionTimeout").filter(|text| !text.is_empty()) {
        None => EXECUTION_TIMEOUT,
        Some(text) => {
            let seconds = text.parse().ok().filter(|seconds| (1..=172_800).contains(seconds));
            seconds.ok_or_else(|| {
                invalid("Parameter \"executionTimeout\" has an invalid value: 1 to 172800.".to_owned())
            })?
        }
    };
    Ok(NewCommand {
        script: commands.join("\n") + "\n",
        directory: first("workingDirectory").filter(|text| !text.is_empty()),
        execution_timeout,
        parameters,
        ..NewCommand::default()
    })
}

fn command_view(command: &RunCommand) -> m::Command {
    let status = command.status();
    let count = |wanted: fn(&Invocation) -> bool| {
        i32::try_from(command.invocations.values().filter(|it| wanted(it)).count()).ok()
    };
    let target = |(key, values): &(String, Vec<String>)| m::Target {
        key: Some(key.clone()),
        values: Some(values.clone()),
    };
    let request = &command.request;
    let timeout = f64::from(request.timeout) + request.execution_timeout as f64;
    m::Command {
        cloud_watch_output_config: Some(no_log_group()),
        command_id: Some(command.id.clone()),
        comment: Some(command.comment.clone()),
        completed_count: count(|it| it.status.is_over()),
        delivery_timed_out_count: Some(0),
        document_name: Some(DOCUMENT.to_owned()),
        document_version: Some(command.request.document_version.clone()),
        error_count: count(|it| it.status.is_over() && it.code > 0),
        expires_after: Some(seconds(command.requested) + timeout),
        instance_ids: Some(request.instance_ids.clone()),
        max_concurrency: Some("50".to_owned()),
        max_errors: Some("0".to_owned()),
        notification_config: Some(m::NotificationConfig {
            notification_arn: Some(String::new()),
            notification_events: Some(Vec::new()),
            notification_type: Some(String::new()),
        }),
        output_s3_bucket_name: Some(String::new()),
        output_s3_key_prefix: Some(String::new()),
        parameters: Some(request.parameters.clone().into_iter().collect()),
        requested_date_time: Some(seconds(command.requested)),
        service_role: Some(String::new()),
        status: Some(status.as_str().to_owned()),
        status_details: Some(status.details().to_owned()),
        target_count: count(|_| true),
        targets: Some(request.targets.iter().map(target).collect()),
        timeout_seconds: Some(request.timeout),
        ..m::Command::default()
    }
}

/// What was not asked for is there and empty.
fn no_log_group() -> m::CloudWatchOutputConfig {
    m::CloudWatchOutputConfig {
        cloud_watch_log_group_name: Some(String::new()),
        cloud_watch_output_enabled: Some(false),
    }
}

fn get_invocation(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::GetCommandInvocationRequest = call.json()?;
    if request.plugin_name.as_ref().is_some_and(|name| name != PLUGIN) {
        return Err(Refusal::new("InvalidPluginName", "The plugin name isn't valid."));
    }
    let now = world.clock.now();
    let mut state = world.lock();
    let mut commands = state.region(&call.region).compute.agents.commands.iter();
    let command = commands.find(|it| it.id == request.command_id);
    let found = command.and_then(|it| Some((it, it.invocation(&request.instance_id, now)?)));
    let missing = || Refusal::new("InvocationDoesNotExist", "");
    let (command, invocation) = found.ok_or_else(missing)?;
    let time = |time: Option<jiff::Timestamp>| time.map(crate::world::clock::text).unwrap_or_default();
    let elapsed = invocation.started.map(|started| {
        let end = invocation.ended.unwrap_or(now);
        format!("PT{:.3}S", end.duration_since(started).as_secs_f64())
    });
    let result = m::GetCommandInvocationResult {
        cloud_watch_output_config: Some(no_log_group()),
        command_id: Some(command.id.clone()),
        comment: Some(command.comment.clone()),
        document_name: Some(DOCUMENT.to_owned()),
        document_version: Some(command.request.document_version.clone()),
        execution_elapsed_time: Some(elapsed.unwrap_or_default()),
        execution_end_date_time: Some(time(invocation.ended)),
        execution_start_date_time: Some(time(invocation.started)),
        instance_id: Some(request.instance_id.clone()),
        plugin_name: Some(PLUGIN.to_owned()),
        response_code: Some(invocation.code),
        standard_error_content: Some(invocation.stderr.chars().take(SHOWN_ERRORS).collect()),
        standard_error_url: Some(String::new()),
        standard_output_content: Some(invocation.stdout.clone()),
        standard_output_url: Some(String::new()),
        status: Some(invocation.status.as_str().to_owned()),
        status_details: Some(invocation.status.details().to_owned()),
    };
    Ok(wire::serialize_get_command_invocation_response(&result).into())
}

fn list_invocations(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::ListCommandInvocationsRequest = call.json()?;
    let now = world.clock.now();
    let mut state = world.lock();
    let commands = state.region(&call.region).compute.agents.commands.iter().rev();
    let wanted = commands.filter(|it| request.command_id.as_ref().is_none_or(|id| *id == it.id));
    let details = request.details.unwrap_or(false);
    let mut views = Vec::new();
    for command in wanted {
        for id in command.invocations.keys() {
            let asked = request.instance_id.as_ref().is_none_or(|wanted| wanted == id);
            if let Some(invocation) = command.invocation(id, now).filter(|_| asked) {
                views.push(invocation_view(command, id, invocation, details));
            }
        }
    }
    let (views, next_token) = page(views, request.max_results, request.next_token.as_deref())?;
    let result = m::ListCommandInvocationsResult {
        command_invocations: Some(views),
        next_token,
    };
    Ok(wire::serialize_list_command_invocations_response(&result).into())
}

fn invocation_view(command: &RunCommand, id: &str, invocation: &Invocation, details: bool) -> m::CommandInvocation {
    let status = invocation.status;
    let plugin = || m::CommandPlugin {
        name: Some(PLUGIN.to_owned()),
        output: Some(invocation.stdout.chars().take(LISTED_OUTPUT).collect()),
        response_code: Some(invocation.code),
        response_finish_date_time: invocation.ended.map(seconds),
        response_start_date_time: invocation.started.map(seconds),
        status: Some(status.as_str().to_owned()),
        status_details: Some(status.details().to_owned()),
        ..m::CommandPlugin::default()
    };
    m::CommandInvocation {
        command_id: Some(command.id.clone()),
        command_plugins: Some(details.then(plugin).into_iter().collect()),
        comment: Some(command.comment.clone()),
        document_name: Some(DOCUMENT.to_owned()),
        document_version: Some(command.request.document_version.clone()),
        instance_id: Some(id.to_owned()),
        instance_name: Some(String::new()),
        requested_date_time: Some(seconds(command.requested)),
        status: Some(status.as_str().to_owned()),
        status_details: Some(status.details().to_owned()),
        ..m::CommandInvocation::default()
    }
}

fn list_commands(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::ListCommandsRequest = call.json()?;
    let mut state = world.lock();
    let commands = state.region(&call.region).compute.agents.commands.iter().rev();
    let wanted = commands.filter(|it| {
        let on = |id: &String| it.invocations.contains_key(id);
        request.command_id.as_ref().is_none_or(|id| *id == it.id) && request.instance_id.as_ref().is_none_or(on)
    });
    let views = wanted.map(command_view).collect();
    let (views, next_token) = page(views, request.max_results, request.next_token.as_deref())?;
    let result = m::ListCommandsResult {
        commands: Some(views),
        next_token,
    };
    Ok(wire::serialize_list_commands_response(&result).into())
}

fn cancel(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::CancelCommandRequest = call.json()?;
    let instances = request.instance_ids.unwrap_or_default();
    agents::cancel(world, &call.region, &request.command_id, &instances)?;
    Ok(wire::serialize_cancel_command_response(&m::CancelCommandResult::default()).into())
}

fn describe_instances(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeInstanceInformationRequest = call.json()?;
    let older = request.instance_information_filter_list.unwrap_or_default().into_iter();
    let newer = request.filters.unwrap_or_default().into_iter();
    let filters: Vec<(String, Vec<String>)> = older
        .map(|filter| (filter.key, filter.value_set))
        .chain(newer.map(|filter| (filter.key, filter.values)))
        .collect();
    let now = world.clock.now();
    let mut state = world.lock();
    let compute = &state.region(&call.region).compute;
    let mut views = Vec::new();
    for (id, agent) in compute.agents.registered(now) {
        let Some(instance) = compute.instances.get(id) else {
            continue;
        };
        let ping = if agent.lost { "ConnectionLost" } else { "Online" };
        let mut passes = true;
        for (key, values) in &filters {
            passes &= match key.as_str() {
                "InstanceIds" => values.contains(id),
                "PingStatus" => values.iter().any(|value| value == ping),
                "PlatformTypes" => values.iter().any(|value| value == "Linux"),
                "ResourceType" => values.iter().any(|value| value == "EC2Instance"),
                "tag-key" => values.iter().any(|name| instance.tags.contains_key(name)),
                other => match other.strip_prefix("tag:") {
                    Some(name) => instance.tags.get(name).is_some_and(|value| values.contains(value)),
                    None => {
                        return Err(Refusal::new(
                            "InvalidFilterKey",
                            format!("The filter key {other} isn't valid."),
                        ));
                    }
                },
            };
        }
        if passes {
            views.push(instance_view(id, agent, &instance.private_ip));
        }
    }
    let (views, next_token) = page(views, request.max_results, request.next_token.as_deref())?;
    let result = m::DescribeInstanceInformationResult {
        instance_information_list: Some(views),
        next_token,
    };
    Ok(wire::serialize_describe_instance_information_response(&result).into())
}

fn instance_view(id: &str, agent: &Agent, address: &str) -> m::InstanceInformation {
    let ping = if agent.lost { "ConnectionLost" } else { "Online" };
    m::InstanceInformation {
        agent_version: Some("3.3.2299.0".to_owned()),
        computer_name: Some(format!("ip-{}.ec2.internal", address.replace('.', "-"))),
        i_p_address: Some(address.to_owned()),
        instance_id: Some(id.to_owned()),
        is_latest_version: Some(true),
        last_ping_date_time: Some(seconds(agent.last_ping)),
        ping_status: Some(ping.to_owned()),
        platform_name: Some("Amazon Linux".to_owned()),
        platform_type: Some("Linux".to_owned()),
        platform_version: Some("2023".to_owned()),
        resource_type: Some("EC2Instance".to_owned()),
        source_id: Some(id.to_owned()),
        source_type: Some("AWS::EC2::Instance".to_owned()),
        ..m::InstanceInformation::default()
    }
}
