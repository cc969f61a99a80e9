//! Health of environments and instances, and events.

use std::sync::Arc;

use jiff::Timestamp;
use winterbaume_elasticbeanstalk::{model as m, wire};

use super::super::page::page;
use super::copy_of;
use crate::protocols::call::{Answer, Call};
use crate::world::beanstalk::events::{Event, EventFilter, Severity};
use crate::world::beanstalk::health::{self, Health, HealthStatus, InstanceHealth, Requests};
use crate::world::beanstalk::{Environment, Reference};
use crate::world::clock::text;
use crate::world::traffic::{self, Answered};
use crate::world::{Refusal, World};

/// Most events in one answer.
const MOST_EVENTS: i32 = 1000;
/// Most instances in one answer; how many AWS gives is not documented.
const MOST_INSTANCES: i32 = 100;

/// What a caller asked to be shown.
struct Attributes(Vec<String>);

impl Attributes {
    fn show<T>(&self, name: &str, value: T) -> Option<T> {
        self.0
            .iter()
            .any(|wanted| wanted == name || wanted == "All")
            .then_some(value)
    }
}

/// Only with enhanced health (botocore: elasticbeanstalk, DescribeEnvironmentHealth).
fn enhanced(environment: Environment) -> Result<Environment, Refusal> {
    if environment.settings.has_enhanced_health() {
        return Ok(environment);
    }
    Err(Refusal::new(
        "InvalidRequestException",
        "DescribeEnvironmentHealth is not supported.",
    ))
}

fn instances(world: &World, call: &Call, environment: &Environment) -> Vec<InstanceHealth> {
    let now = world.clock.now();
    let mut state = world.lock();
    let here = state.region(&call.region);
    health::instances(here, environment, (now, &world.traffic()), |id| {
        world.plane.address(id).is_some()
    })
}

fn causes(health: &Health) -> m::Causes {
    health.causes.clone().into()
}

pub(super) fn describe_environment(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeEnvironmentHealthRequest = call.query()?;
    let wanted = Attributes(request.attribute_names.map(|list| list.items).unwrap_or_default());
    let meant = Reference::new(request.environment_id, request.environment_name);
    let environment = enhanced(copy_of(world, call, &meant)?)?;
    let seen = instances(world, call, &environment);
    let requests = Requests::of(&environment, &seen, &world.traffic(), world.clock.now());
    let health = &environment.health;
    let result = m::DescribeEnvironmentHealthResult {
        application_metrics: wanted.show("ApplicationMetrics", metrics(&requests.to_instances)),
        causes: wanted.show("Causes", causes(health)),
        color: wanted.show("Color", health.status.color().to_owned()),
        environment_name: Some(environment.name.clone()),
        health_status: wanted.show("HealthStatus", health.status.as_str().to_owned()),
        instances_health: wanted.show("InstancesHealth", summary(&environment, &seen)),
        refreshed_at: wanted.show("RefreshedAt", text(world.clock.now())),
        status: wanted.show("Status", environment.status.as_str().to_owned()),
    };
    Ok(wire::serialize_describe_environment_health_response(&result).into())
}

fn summary(environment: &Environment, seen: &[InstanceHealth]) -> m::InstanceHealthSummary {
    let shown: Vec<_> = seen.iter().map(|it| it.shown(environment).status).collect();
    let count = |status| i32::try_from(shown.iter().filter(|it| **it == status).count()).ok();
    m::InstanceHealthSummary {
        degraded: count(HealthStatus::Degraded),
        info: count(HealthStatus::Info),
        no_data: count(HealthStatus::NoData),
        ok: count(HealthStatus::Ok),
        pending: count(HealthStatus::Pending),
        severe: count(HealthStatus::Severe),
        unknown: count(HealthStatus::Unknown),
        warning: count(HealthStatus::Warning),
    }
}

pub(super) fn describe_instances(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeInstancesHealthRequest = call.query()?;
    let wanted = Attributes(request.attribute_names.map(|list| list.items).unwrap_or_default());
    let meant = Reference::new(request.environment_id, request.environment_name);
    let environment = enhanced(copy_of(world, call, &meant)?)?;
    let seen = instances(world, call, &environment);
    let views = seen.iter().map(|it| instance_view(it, &environment, &wanted)).collect();
    let (views, next_token) = page(views, Some(MOST_INSTANCES), request.next_token.as_deref())?;
    let result = m::DescribeInstancesHealthResult {
        instance_health_list: Some(Vec::into(views)),
        next_token,
        refreshed_at: wanted.show("RefreshedAt", text(world.clock.now())),
    };
    Ok(wire::serialize_describe_instances_health_response(&result).into())
}

fn instance_view(instance: &InstanceHealth, environment: &Environment, wanted: &Attributes) -> m::SingleInstanceHealth {
    let health = &instance.shown(environment);
    let deployment = instance.deployment.as_ref().map(|it| m::Deployment {
        deployment_id: Some(it.deployment_id),
        deployment_time: Some(text(it.time)),
        status: Some(it.status.as_str().to_owned()),
        version_label: Some(it.version_label.clone()),
    });
    m::SingleInstanceHealth {
        application_metrics: wanted.show("ApplicationMetrics", metrics(&instance.answered)),
        availability_zone: wanted.show("AvailabilityZone", instance.zone.clone()),
        causes: wanted.show("Causes", causes(health)),
        color: wanted.show("Color", health.status.color().to_owned()),
        deployment: deployment.and_then(|it| wanted.show("Deployment", it)),
        health_status: wanted.show("HealthStatus", health.status.as_str().to_owned()),
        instance_id: Some(instance.instance_id.clone()),
        instance_type: wanted.show("InstanceType", instance.instance_type.clone()),
        launched_at: wanted.show("LaunchedAt", text(instance.launched)),
        system: instance.cpu.and_then(|cpu| wanted.show("System", system(cpu))),
    }
}

/// What the health agent reads in the proxy's log.
fn metrics(answered: &Answered) -> m::ApplicationMetrics {
    let whole = |count: u64| i32::try_from(count).ok();
    let latency = |of_thousand| Some(answered.latency(of_thousand));
    m::ApplicationMetrics {
        duration: i32::try_from(traffic::SPAN).ok(),
        latency: (answered.requests() > 0).then(|| m::Latency {
            p10: latency(100),
            p50: latency(500),
            p75: latency(750),
            p85: latency(850),
            p90: latency(900),
            p95: latency(950),
            p99: latency(990),
            p999: latency(999),
        }),
        request_count: whole(answered.requests()),
        status_codes: Some(m::StatusCodes {
            status2xx: whole(answered.of_class(2)),
            status3xx: whole(answered.of_class(3)),
            status4xx: whole(answered.of_class(4)),
            status5xx: whole(answered.of_class(5)),
        }),
    }
}

/// What the health agent tells of the operating system, to a tenth; of it the sandbox knows the processors.
fn system(cpu: f64) -> m::SystemStatus {
    let cpu = (cpu * 10.0).round() / 10.0;
    m::SystemStatus {
        c_p_u_utilization: Some(m::CPUUtilization {
            i_o_wait: Some(0.0),
            i_r_q: Some(0.0),
            idle: Some(((100.0 - cpu) * 10.0).round() / 10.0),
            nice: Some(0.0),
            soft_i_r_q: Some(0.0),
            system: Some(0.0),
            user: Some(cpu),
            ..m::CPUUtilization::default()
        }),
        // Over one, five and fifteen minutes on AWS; here all of the one that is measured.
        load_average: Some(vec![cpu / 100.0; 3].into()),
    }
}

pub(super) fn describe_events(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeEventsMessage = call.query()?;
    let invalid = |name: &str| Refusal::new("InvalidParameterValue", format!("The value of {name} is invalid."));
    let time = |text: Option<String>, name| -> Result<Option<Timestamp>, Refusal> {
        text.map(|text| text.parse().map_err(|_| invalid(name))).transpose()
    };
    let severity = request
        .severity
        .map(|text| Severity::parse(&text).ok_or_else(|| invalid("Severity")))
        .transpose()?;
    let filter = EventFilter {
        application: request.application_name,
        environment_id: request.environment_id,
        environment_name: request.environment_name,
        version_label: request.version_label,
        request_id: request.request_id,
        severity,
        start: time(request.start_time, "StartTime")?,
        end: time(request.end_time, "EndTime")?,
    };
    let mut state = world.lock();
    let mut events = state.region(&call.region).beanstalk.events(&filter);
    if request.platform_arn.is_some() || request.template_name.is_some() {
        // Nothing here happens to a platform or a template.
        events.clear();
    }
    let limit = request.max_records.unwrap_or(MOST_EVENTS).clamp(1, MOST_EVENTS);
    let (events, next_token) = page(events, Some(limit), request.next_token.as_deref())?;
    let result = m::EventDescriptionsMessage {
        events: Some(events.into_iter().map(event_view).collect()),
        next_token,
    };
    Ok(wire::serialize_describe_events_response(&result).into())
}

fn event_view(event: &Event) -> m::EventDescription {
    m::EventDescription {
        application_name: Some(event.application.clone()),
        environment_name: event.environment.as_ref().map(|(_, name)| name.clone()),
        event_date: Some(text(event.time)),
        message: Some(event.message.clone()),
        request_id: event.request_id.clone(),
        severity: Some(event.severity.as_str().to_owned()),
        version_label: event.version_label.clone(),
        ..m::EventDescription::default()
    }
}
