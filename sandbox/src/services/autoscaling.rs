//! EC2 Auto Scaling's API.

mod scheduled;
mod tags;

use std::sync::Arc;

use winterbaume_autoscaling::{model as m, wire};

use super::page::page;
use super::{Entry, Service, operation};
use crate::protocols::call::{Answer, Call};
use crate::world::balancing::is_classic;
use crate::world::beanstalk::classic::name_of;
use crate::world::clock::{seconds_text, text};
use crate::world::iam::linked_roles::{AUTO_SCALING, LinkedRole};
use crate::world::monitoring::Monitoring;
use crate::world::scaling::policies::{self, Adjustment, Trigger};
use crate::world::scaling::{
    Activity, Group, LaunchConfiguration, LaunchSource, Lifecycle, Member, Policy, Sizes, Who, keeper,
};
use crate::world::{Refusal, World};

const OPERATIONS: &[Entry] = &[
    operation(
        "DescribeAutoScalingGroups",
        &[
            "AutoScalingGroupNames",
            "Filters{Name,Values}",
            "MaxRecords",
            "NextToken",
        ],
        describe_groups,
    ),
    operation(
        "DescribeAutoScalingInstances",
        &["InstanceIds", "MaxRecords", "NextToken"],
        describe_instances,
    ),
    operation(
        "DescribeLaunchConfigurations",
        &["LaunchConfigurationNames", "MaxRecords", "NextToken"],
        describe_configurations,
    ),
    operation(
        "DescribePolicies",
        &[
            "AutoScalingGroupName",
            "PolicyNames",
            "PolicyTypes",
            "MaxRecords",
            "NextToken",
        ],
        describe_policies,
    ),
    operation(
        "DescribeScalingActivities",
        &["ActivityIds", "AutoScalingGroupName", "MaxRecords", "NextToken"],
        describe_activities,
    ),
    operation(
        "DescribeTags",
        &["Filters{Name,Values}", "MaxRecords", "NextToken"],
        tags::describe,
    ),
    operation(
        "CreateOrUpdateTags",
        &["Tags{Key,Value,ResourceId,ResourceType=auto-scaling-group,PropagateAtLaunch}"],
        tags::put,
    ),
    operation(
        "DeleteTags",
        &["Tags{Key,Value~,ResourceId,ResourceType=auto-scaling-group,PropagateAtLaunch~}"],
        tags::delete,
    ),
    operation(
        "DescribeScheduledActions",
        &[
            "AutoScalingGroupName",
            "ScheduledActionNames",
            "StartTime",
            "EndTime",
            "MaxRecords",
            "NextToken",
        ],
        scheduled::describe,
    ),
    operation(
        "PutScheduledUpdateGroupAction",
        &[
            "AutoScalingGroupName",
            "ScheduledActionName",
            "StartTime",
            "MinSize",
            "MaxSize",
            "DesiredCapacity",
        ],
        scheduled::put,
    ),
    operation(
        "DeleteScheduledAction",
        &["AutoScalingGroupName", "ScheduledActionName"],
        scheduled::delete,
    ),
    operation(
        "ExecutePolicy",
        &["AutoScalingGroupName", "PolicyName", "HonorCooldown"],
        execute_policy,
    ),
    operation("DeletePolicy", &["AutoScalingGroupName", "PolicyName"], delete_policy),
    operation(
        "PutScalingPolicy",
        &[
            "AutoScalingGroupName",
            "PolicyName",
            "PolicyType=SimpleScaling",
            "AdjustmentType",
            "ScalingAdjustment",
            "MinAdjustmentMagnitude",
            "Enabled=true",
        ],
        put_policy,
    ),
    operation(
        "ResumeProcesses",
        &["AutoScalingGroupName", "ScalingProcesses"],
        |world, call| processes(world, call, false),
    ),
    operation(
        "SetDesiredCapacity",
        &["AutoScalingGroupName", "DesiredCapacity", "HonorCooldown"],
        set_desired_capacity,
    ),
    operation(
        "SuspendProcesses",
        &["AutoScalingGroupName", "ScalingProcesses"],
        |world, call| processes(world, call, true),
    ),
    operation(
        "TerminateInstanceInAutoScalingGroup",
        &["InstanceId", "ShouldDecrementDesiredCapacity"],
        terminate_instance,
    ),
    operation(
        "UpdateAutoScalingGroup",
        &[
            "AutoScalingGroupName",
            "MinSize",
            "MaxSize",
            "DesiredCapacity",
            "DefaultCooldown",
        ],
        update_group,
    ),
];

/// The processes that can be suspended.
const PROCESSES: &[&str] = &[
    "Launch",
    "Terminate",
    "HealthCheck",
    "ReplaceUnhealthy",
    "AZRebalance",
    "AlarmNotification",
    "ScheduledActions",
    "AddToLoadBalancer",
    "InstanceRefresh",
];

pub(crate) const SERVICE: Service = Service {
    scope: "autoscaling",
    title: "EC2 Auto Scaling",
    operations: OPERATIONS,
    refuses: None,
};

fn template(source: &LaunchSource) -> Option<m::LaunchTemplateSpecification> {
    match source {
        LaunchSource::Template(id, name, version) => Some(m::LaunchTemplateSpecification {
            launch_template_id: Some(id.clone()),
            launch_template_name: Some(name.clone()),
            version: Some(version.to_string()),
        }),
        LaunchSource::Configuration(_) => None,
    }
}

fn configuration(source: &LaunchSource) -> Option<String> {
    match source {
        LaunchSource::Configuration(name) => Some(name.clone()),
        LaunchSource::Template(..) => None,
    }
}

fn group_view(group: &Group) -> m::AutoScalingGroup {
    let instance = |member: &Member| m::Instance {
        availability_zone: Some(member.zone.clone()),
        health_status: Some("Healthy".to_owned()),
        instance_id: Some(member.instance_id.clone()),
        instance_type: Some(member.instance_type.clone()),
        launch_configuration_name: configuration(&member.source),
        launch_template: template(&member.source),
        lifecycle_state: Some(member.lifecycle.as_str().to_owned()),
        protected_from_scale_in: Some(false),
        ..m::Instance::default()
    };
    let suspended = |process: &String| m::SuspendedProcess {
        process_name: Some(process.clone()),
        suspension_reason: Some("User suspended".to_owned()),
    };
    let all = group.target_groups.iter().cloned();
    let (classic, targets): (Vec<_>, Vec<_>) = all.partition(|arn| is_classic(arn));
    m::AutoScalingGroup {
        auto_scaling_group_a_r_n: Some(group.arn.clone()),
        auto_scaling_group_name: Some(group.name.clone()),
        availability_zone_distribution: Some(m::AvailabilityZoneDistribution {
            capacity_distribution_strategy: Some("balanced-best-effort".to_owned()),
        }),
        availability_zones: Some(group.zones.clone().into()),
        capacity_rebalance: Some(false),
        capacity_reservation_specification: Some(m::CapacityReservationSpecification {
            capacity_reservation_preference: Some("default".to_owned()),
            ..m::CapacityReservationSpecification::default()
        }),
        created_time: Some(text(group.created)),
        default_cooldown: Some(group.cooldown),
        desired_capacity: Some(group.desired),
        enabled_metrics: Some(Vec::new().into()),
        health_check_grace_period: Some(0),
        // Beanstalk's groups check what EC2 says of an instance, not the load balancer (Beanstalk guide:
        // environmentconfig-autoscaling-healthchecktype).
        health_check_type: Some("EC2".to_owned()),
        instance_lifecycle_policy: Some(m::InstanceLifecyclePolicy {
            retention_triggers: Some(m::RetentionTriggers {
                terminate_hook_abandon: Some("terminate".to_owned()),
            }),
        }),
        instances: Some(group.members.values().map(instance).collect()),
        launch_configuration_name: configuration(&group.launch),
        launch_template: template(&group.launch),
        load_balancer_names: Some(classic.into_iter().map(|arn| name_of(&arn).to_owned()).collect()),
        max_size: Some(group.max),
        min_size: Some(group.min),
        new_instances_protected_from_scale_in: Some(false),
        service_linked_role_a_r_n: Some(linked_role_arn(&group.arn)),
        suspended_processes: Some(group.suspended.iter().map(suspended).collect()),
        tags: Some(tags::views(group).into()),
        target_group_a_r_ns: Some(targets.into()),
        termination_policies: Some(vec!["Default".to_owned()].into()),
        traffic_sources: Some(Vec::new().into()),
        v_p_c_zone_identifier: Some(group.subnets.join(",")),
        ..m::AutoScalingGroup::default()
    }
}

/// Of the account that the group is in.
fn linked_role_arn(group_arn: &str) -> String {
    let account = group_arn.split(':').nth(4).unwrap_or_default();
    let LinkedRole { service, name, .. } = AUTO_SCALING;
    format!("arn:aws:iam::{account}:role/aws-service-role/{service}/{name}")
}

/// Filters on tags: `tag:KEY`, `tag-key`, `tag-value`.
fn passes(group: &Group, filters: &[m::Filter]) -> Result<bool, Refusal> {
    for filter in filters {
        let name = filter.name.as_deref().unwrap_or_default();
        let wanted = filter
            .values
            .as_ref()
            .map(|list| list.items.as_slice())
            .unwrap_or_default();
        let found = match name.strip_prefix("tag:") {
            Some(key) => group.tags.get(key).is_some_and(|value| wanted.contains(value)),
            None if name == "tag-key" => group.tags.keys().any(|key| wanted.contains(key)),
            None if name == "tag-value" => group.tags.values().any(|value| wanted.contains(value)),
            None => {
                return Err(Refusal::new(
                    "ValidationError",
                    format!("Filter type {name} is not correct."),
                ));
            }
        };
        if !found {
            return Ok(false);
        }
    }
    Ok(true)
}

fn configuration_view(configuration: &LaunchConfiguration) -> m::LaunchConfiguration {
    let spec = &configuration.spec;
    m::LaunchConfiguration {
        associate_public_ip_address: spec.public_ip,
        block_device_mappings: Some(Vec::new().into()),
        created_time: Some(text(configuration.created)),
        ebs_optimized: Some(false),
        iam_instance_profile: spec.profile_arn.clone(),
        image_id: Some(spec.image_id.clone()),
        instance_monitoring: Some(m::InstanceMonitoring {
            enabled: Some(spec.detailed_monitoring),
        }),
        instance_type: Some(spec.instance_type.clone()),
        key_name: spec.key_name.clone(),
        launch_configuration_a_r_n: Some(configuration.arn.clone()),
        launch_configuration_name: Some(configuration.name.clone()),
        security_groups: Some(spec.security_groups.clone().into()),
        ..m::LaunchConfiguration::default()
    }
}

/// Environments have them that were not told to have a launch template (Beanstalk guide:
/// environments-cfg-autoscaling-launch-templates).
fn describe_configurations(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::LaunchConfigurationNamesType = call.query()?;
    let names = request.launch_configuration_names.map(|list| list.items);
    let mut state = world.lock();
    let all = state.region(&call.region).scaling.configurations.values();
    let wanted = all.filter(|it| names.as_ref().is_none_or(|names| names.contains(&it.name)));
    let views = wanted.map(configuration_view).collect();
    let (views, next_token) = page(views, request.max_records, request.next_token.as_deref())?;
    let result = m::LaunchConfigurationsType {
        launch_configurations: Some(Vec::into(views)),
        next_token,
    };
    Ok(wire::serialize_describe_launch_configurations_response(&result).into())
}

fn describe_groups(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::AutoScalingGroupNamesType = call.query()?;
    let names = request.auto_scaling_group_names.map(|list| list.items);
    let filters = request.filters.map(|list| list.items).unwrap_or_default();
    let mut state = world.lock();
    let mut views = Vec::new();
    for group in state.region(&call.region).scaling.groups.values() {
        if names.as_ref().is_none_or(|names| names.contains(&group.name)) && passes(group, &filters)? {
            views.push(group_view(group));
        }
    }
    let (views, next_token) = page(views, request.max_records, request.next_token.as_deref())?;
    let result = wire::AutoScalingGroupsType {
        auto_scaling_groups: Some(views.into()),
        next_token,
    };
    Ok(wire::serialize_describe_auto_scaling_groups_response(&result).into())
}

fn describe_instances(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeAutoScalingInstancesType = call.query()?;
    let ids = request.instance_ids.map(|list| list.items);
    let mut state = world.lock();
    let groups = state.region(&call.region).scaling.groups.values();
    let members = groups.flat_map(|group| group.members.values().map(move |member| (group, member)));
    let wanted = members.filter(|(_, member)| ids.as_ref().is_none_or(|ids| ids.contains(&member.instance_id)));
    let view = |(group, member): (&Group, &Member)| m::AutoScalingInstanceDetails {
        auto_scaling_group_name: Some(group.name.clone()),
        availability_zone: Some(member.zone.clone()),
        health_status: Some("HEALTHY".to_owned()),
        instance_id: Some(member.instance_id.clone()),
        instance_type: Some(member.instance_type.clone()),
        launch_configuration_name: configuration(&member.source),
        launch_template: template(&member.source),
        lifecycle_state: Some(member.lifecycle.as_str().to_owned()),
        protected_from_scale_in: Some(false),
        ..m::AutoScalingInstanceDetails::default()
    };
    let (views, next_token) = page(
        wanted.map(view).collect(),
        request.max_records,
        request.next_token.as_deref(),
    )?;
    let result = wire::AutoScalingInstancesType {
        auto_scaling_instances: Some(Vec::into(views)),
        next_token,
    };
    Ok(wire::serialize_describe_auto_scaling_instances_response(&result).into())
}

fn describe_policies(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribePoliciesType = call.query()?;
    let names = request.policy_names.map(|list| list.items);
    let types = request.policy_types.map(|list| list.items);
    let mut state = world.lock();
    let here = state.region(&call.region);
    let simple = types.is_none_or(|types| types.iter().any(|kind| kind == "SimpleScaling"));
    let wanted = here.scaling.policies.values().filter(|it| {
        simple
            && request
                .auto_scaling_group_name
                .as_ref()
                .is_none_or(|name| *name == it.group)
            && names
                .as_ref()
                .is_none_or(|names| names.contains(&it.name) || names.contains(&it.arn))
    });
    let views = wanted.map(|policy| policy_view(policy, &here.monitoring)).collect();
    let (views, next_token) = page(views, request.max_records, request.next_token.as_deref())?;
    let result = m::PoliciesType {
        next_token,
        scaling_policies: Some(views.into()),
    };
    Ok(wire::serialize_describe_policies_response(&result).into())
}

fn policy_view(policy: &Policy, monitoring: &Monitoring) -> m::ScalingPolicy {
    let alarms = monitoring
        .alarms
        .values()
        .filter(|alarm| alarm.alarm_actions.contains(&policy.arn));
    let alarms = alarms.map(|alarm| m::Alarm {
        alarm_a_r_n: Some(alarm.arn.clone()),
        alarm_name: Some(alarm.name.clone()),
    });
    let (kind, by, least) = match policy.adjustment {
        Adjustment::Change(by) => ("ChangeInCapacity", by, None),
        Adjustment::Exact(by) => ("ExactCapacity", by, None),
        Adjustment::Percent(by, least) => ("PercentChangeInCapacity", by, Some(least)),
    };
    m::ScalingPolicy {
        adjustment_type: Some(kind.to_owned()),
        alarms: Some(alarms.collect()),
        auto_scaling_group_name: Some(policy.group.clone()),
        enabled: Some(true),
        policy_a_r_n: Some(policy.arn.clone()),
        policy_name: Some(policy.name.clone()),
        policy_type: Some("SimpleScaling".to_owned()),
        min_adjustment_magnitude: least,
        scaling_adjustment: Some(by),
        step_adjustments: Some(Vec::new().into()),
        ..m::ScalingPolicy::default()
    }
}

/// A policy by its ARN, or by its name and its group's.
fn execute_policy(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::ExecutePolicyType = call.query()?;
    let now = world.clock.now();
    let mut state = world.lock();
    let scaling = &mut state.region(&call.region).scaling;
    let arn = scaling.policy_arn(request.auto_scaling_group_name.as_deref(), &request.policy_name)?;
    let trigger = Trigger::User {
        honor_cooldown: request.honor_cooldown.unwrap_or(false),
    };
    policies::execute(scaling, &arn, &trigger, now)?;
    Ok(wire::serialize_execute_policy_response().into())
}

/// Makes a simple policy, or changes the one of that name.
fn put_policy(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::PutScalingPolicyType = call.query()?;
    let adjustment = adjustment(&request)?;
    let (group, name) = (&request.auto_scaling_group_name, &request.policy_name);
    let mut state = world.lock();
    let account = state.account.clone();
    let here = state.region(&call.region);
    here.scaling.group_mut(group)?;
    let arn = match here.scaling.policy_arn(Some(group), name) {
        Ok(arn) => arn,
        Err(_) => here
            .scaling
            .create_policy(&call.region, &account, group, name, adjustment),
    };
    if let Some(policy) = here.scaling.policies.get_mut(&arn) {
        policy.adjustment = adjustment;
    }
    let policy = here.scaling.policies.get(&arn);
    let result = m::PolicyARNType {
        alarms: policy.and_then(|policy| policy_view(policy, &here.monitoring).alarms),
        policy_a_r_n: Some(arn),
    };
    Ok(wire::serialize_put_scaling_policy_response(&result).into())
}

fn adjustment(request: &m::PutScalingPolicyType) -> Result<Adjustment, Refusal> {
    let invalid = |text: &str| Refusal::new("ValidationError", text);
    let by = request
        .scaling_adjustment
        .ok_or_else(|| invalid("ScalingAdjustment is required for policies of type SimpleScaling"))?;
    let least = request.min_adjustment_magnitude;
    match (request.adjustment_type.as_deref(), least) {
        (Some("PercentChangeInCapacity"), least) => Ok(Adjustment::Percent(by, least.unwrap_or(1))),
        (_, Some(_)) => Err(invalid(
            "MinAdjustmentMagnitude is only supported with the adjustment type PercentChangeInCapacity",
        )),
        (Some("ChangeInCapacity"), None) => Ok(Adjustment::Change(by)),
        (Some("ExactCapacity"), None) => Ok(Adjustment::Exact(by)),
        _ => Err(invalid("AdjustmentType is required for policies of type SimpleScaling")),
    }
}

/// Alarms that run it stay, and have nothing to run.
fn delete_policy(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeletePolicyType = call.query()?;
    let mut state = world.lock();
    let scaling = &mut state.region(&call.region).scaling;
    let arn = scaling.policy_arn(request.auto_scaling_group_name.as_deref(), &request.policy_name)?;
    scaling.policies.remove(&arn);
    Ok(wire::serialize_delete_policy_response().into())
}

fn activity_view(activity: &Activity) -> m::Activity {
    m::Activity {
        activity_id: Some(activity.id.clone()),
        auto_scaling_group_a_r_n: Some(activity.group_arn.clone()),
        auto_scaling_group_name: Some(activity.group.clone()),
        cause: Some(activity.cause.clone()),
        description: Some(activity.description.clone()),
        details: Some(activity.details.clone()),
        end_time: activity.ended.map(seconds_text),
        progress: Some(if activity.ended.is_some() { 100 } else { 50 }),
        start_time: Some(text(activity.started)),
        status_code: Some(activity.status.to_owned()),
        status_message: activity.message.clone(),
        ..m::Activity::default()
    }
}

/// What goes on first, then newest first.
fn describe_activities(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeScalingActivitiesType = call.query()?;
    let ids = request.activity_ids.map(|list| list.items);
    let name = request.auto_scaling_group_name;
    let mut state = world.lock();
    let scaling = &state.region(&call.region).scaling;
    let mut wanted: Vec<_> = scaling
        .activities
        .iter()
        .filter(|it| {
            name.as_ref().is_none_or(|name| *name == it.group) && ids.as_ref().is_none_or(|ids| ids.contains(&it.id))
        })
        .collect();
    wanted.sort_by_key(|it| (it.ended.is_some(), std::cmp::Reverse(it.started)));
    let limit = request.max_records.unwrap_or(100).clamp(1, 100);
    let views = wanted.into_iter().map(activity_view).collect();
    let (views, next_token) = page(views, Some(limit), request.next_token.as_deref())?;
    let result = m::ActivitiesType {
        activities: Some(views.into()),
        next_token,
    };
    Ok(wire::serialize_describe_scaling_activities_response(&result).into())
}

fn update_group(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::UpdateAutoScalingGroupType = call.query()?;
    let now = world.clock.now();
    let mut state = world.lock();
    let group = state
        .region(&call.region)
        .scaling
        .group_mut(&request.auto_scaling_group_name)?;
    let sizes = Sizes {
        min: request.min_size,
        max: request.max_size,
        desired: request.desired_capacity,
    };
    group.resize(sizes, Who::User, now)?;
    group.cooldown = request.default_cooldown.unwrap_or(group.cooldown);
    Ok(wire::serialize_update_auto_scaling_group_response().into())
}

fn set_desired_capacity(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::SetDesiredCapacityType = call.query()?;
    let now = world.clock.now();
    let mut state = world.lock();
    let scaling = &mut state.region(&call.region).scaling;
    if request.honor_cooldown == Some(true)
        && let Some(group) = scaling.groups.get(&request.auto_scaling_group_name)
    {
        policies::check_cooldown(scaling, group, now)?;
    }
    let group = scaling.group_mut(&request.auto_scaling_group_name)?;
    group.set_desired(request.desired_capacity, now)?;
    Ok(wire::serialize_set_desired_capacity_response().into())
}

fn terminate_instance(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::TerminateInstanceInAutoScalingGroupType = call.query()?;
    let id = &request.instance_id;
    let now = world.clock.now();
    let unknown = || {
        Refusal::new(
            "ValidationError",
            format!("Instance Id not found - No managed instance found for instance ID: {id}"),
        )
    };
    let mut state = world.lock();
    let scaling = &mut state.region(&call.region).scaling;
    let name = scaling
        .group_of(id)
        .map(|group| group.name.clone())
        .ok_or_else(unknown)?;
    let group = scaling.group_mut(&name)?;
    let time = seconds_text(now);
    if request.should_decrement_desired_capacity {
        let desired = group.desired - 1;
        if desired < group.min {
            let message = format!(
                "Currently, desiredSize equals minSize ({}). Terminating instance without replacement will violate \
                 group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's \
                 min size.",
                group.min
            );
            return Err(Refusal::new("ValidationError", message));
        }
        group.want(
            desired,
            format!("At {time} a user request shrank the desired capacity by one."),
        );
    }
    if group
        .members
        .get(id)
        .is_none_or(|member| member.lifecycle == Lifecycle::Terminating)
    {
        return Err(unknown());
    }
    let cause = format!("At {time} instance {id} was taken out of service in response to a user request.");
    let activity = keeper::retire(world, &mut state, &call.region, &name, id, cause).ok_or_else(unknown)?;
    let scaling = &state.region(&call.region).scaling;
    let result = m::ActivityType {
        activity: scaling
            .activities
            .iter()
            .find(|it| it.id == activity)
            .map(activity_view),
    };
    Ok(wire::serialize_terminate_instance_in_auto_scaling_group_response(&result).into())
}

/// Suspends or resumes the processes that are named, or all.
fn processes(world: &Arc<World>, call: &Call, suspend: bool) -> Result<Answer, Refusal> {
    let request: m::ScalingProcessQuery = call.query()?;
    let named = request.scaling_processes.map(|list| list.items).unwrap_or_default();
    let named = if named.is_empty() {
        PROCESSES.iter().map(|name| (*name).to_owned()).collect()
    } else {
        named
    };
    if let Some(unknown) = named.iter().find(|name| !PROCESSES.contains(&name.as_str())) {
        return Err(Refusal::new(
            "ValidationError",
            format!("Unsupported scaling process type: {unknown}"),
        ));
    }
    let mut state = world.lock();
    let group = state
        .region(&call.region)
        .scaling
        .group_mut(&request.auto_scaling_group_name)?;
    if suspend {
        group.suspended.extend(named);
        return Ok(wire::serialize_suspend_processes_response().into());
    }
    group.suspended.retain(|process| !named.contains(process));
    Ok(wire::serialize_resume_processes_response().into())
}
