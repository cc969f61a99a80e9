//! Environments and what they consist of.

use std::sync::Arc;

use winterbaume_elasticbeanstalk::{model as m, wire};

use super::super::page::page;
use super::settings::{option_names, options};
use super::specification::{self, Source};
use super::{caller, copy_of, tags};
use crate::protocols::call::{Answer, Call};
use crate::world::balancing::is_classic;
use crate::world::beanstalk::classic::name_of;
use crate::world::beanstalk::environments::{self, EnvironmentUpdate, NewEnvironment};
use crate::world::beanstalk::saved::Saved;
use crate::world::beanstalk::settings::Settings;
use crate::world::beanstalk::{Abort, Environment, Reference, Status};
use crate::world::clock::text;
use crate::world::{Refusal, World, ids};

pub(super) fn view(environment: &Environment) -> m::EnvironmentDescription {
    let health = &environment.health;
    let enhanced = environment.settings.has_enhanced_health();
    let ended = environment.status == Status::Terminated;
    m::EnvironmentDescription {
        abortable_operation_in_progress: Some(environment.abort == Abort::Possible),
        application_name: Some(environment.application.clone()),
        c_n_a_m_e: environment.cname.clone(),
        date_created: Some(text(environment.created)),
        date_updated: Some(text(environment.updated)),
        description: environment.description.clone(),
        endpoint_u_r_l: environment.endpoint.clone(),
        environment_arn: Some(environment.arn.clone()),
        environment_id: Some(environment.id.clone()),
        environment_links: Some(Vec::new().into()),
        environment_name: Some(environment.name.clone()),
        health: Some(if ended { "Grey" } else { health.status.color() }.to_owned()),
        health_status: (enhanced && !ended).then(|| health.status.as_str().to_owned()),
        platform_arn: Some(environment.platform.arn.clone()),
        solution_stack_name: Some(environment.platform.solution_stack.clone()),
        status: Some(environment.status.as_str().to_owned()),
        tier: Some(m::EnvironmentTier {
            name: Some("WebServer".to_owned()),
            r#type: Some("Standard".to_owned()),
            version: Some("1.0".to_owned()),
        }),
        template_name: environment.template.clone(),
        operations_role: environment.operations_role.clone(),
        version_label: environment.version_label.clone(),
        ..m::EnvironmentDescription::default()
    }
}

/// Web servers on EC2 are the one tier that the sandbox has.
fn check_tier(tier: Option<&m::EnvironmentTier>) -> Result<(), Refusal> {
    let Some(tier) = tier else {
        return Ok(());
    };
    let is = |actual: &Option<String>, wanted: &str| actual.as_ref().is_none_or(|actual| actual == wanted);
    if is(&tier.name, "WebServer") && is(&tier.r#type, "Standard") {
        return Ok(());
    }
    let name = tier.name.clone().unwrap_or_default();
    Err(Refusal::new(
        "InvalidParameterValue",
        format!("This sandbox has the tier WebServer of type Standard only, not {name}."),
    ))
}

pub(super) fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::CreateEnvironmentMessage = call.query_without(specification::MEMBER)?;
    check_tier(request.tier.as_ref())?;
    let like = match specification::source(call, &["EnvironmentName"])? {
        Some(Source::Environment(name)) => Some(copy_of(world, call, &Reference::by_name(name))?),
        _ => None,
    };
    let mut platform_arn = request.platform_arn;
    let mut settings = Settings::default();
    if let Some(like) = like {
        settings = like.settings.with_extensions(Vec::new());
        let chosen = platform_arn.is_some() || request.solution_stack_name.is_some() || request.template_name.is_some();
        platform_arn = if chosen { platform_arn } else { Some(like.platform.arn) };
    }
    for (namespace, name, value) in options(request.option_settings)? {
        settings.set(&namespace, &name, &value);
    }
    let made_up = || format!("{}-env", ids::smalls(8));
    let new = NewEnvironment {
        application: request.application_name,
        name: request.environment_name.unwrap_or_else(made_up),
        prefix: request.c_n_a_m_e_prefix,
        description: request.description,
        version_label: request.version_label,
        platform_arn,
        solution_stack: request.solution_stack_name,
        template: request.template_name,
        settings,
        remove: option_names(request.options_to_remove),
        operations_role: request.operations_role,
        tags: tags(request.tags),
    };
    let environment = environments::create(world, &caller(call), new)?;
    Ok(wire::serialize_create_environment_response(&view(&environment)).into())
}

pub(super) fn update(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::UpdateEnvironmentMessage = call.query_without(specification::MEMBER)?;
    check_tier(request.tier.as_ref())?;
    let mut saved = Saved::default();
    if let Some(Source::Contents(text)) = specification::source(call, &["SourceContents"])? {
        saved = Saved::read(&text)?;
    }
    let chosen = request.platform_arn.is_some() || request.solution_stack_name.is_some();
    let mut set = saved.options;
    set.extend(options(request.option_settings)?);
    let wish = EnvironmentUpdate {
        description: request.description,
        version_label: request.version_label,
        platform_arn: request.platform_arn.or(saved.platform_arn.filter(|_| !chosen)),
        solution_stack: request.solution_stack_name.or(saved.solution_stack.filter(|_| !chosen)),
        template: request.template_name,
        set,
        remove: option_names(request.options_to_remove),
    };
    let meant = Reference::new(request.environment_id, request.environment_name).of(request.application_name);
    let environment = environments::update(world, &caller(call), &meant, wish)?;
    Ok(wire::serialize_update_environment_response(&view(&environment)).into())
}

pub(super) fn terminate(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::TerminateEnvironmentMessage = call.query()?;
    let meant = Reference::new(request.environment_id, request.environment_name);
    let environment = environments::terminate(world, &caller(call), &meant)?;
    Ok(wire::serialize_terminate_environment_response(&view(&environment)).into())
}

/// Those terminated within the last hour are listed even without IncludeDeleted
/// (Beanstalk guide: environment-management-rebuild; github.com/aws/aws-dotnet-deploy/pull/599).
pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeEnvironmentsMessage = call.query()?;
    let now = world.clock.now();
    let ids = request.environment_ids.map(|list| list.items);
    let names = request.environment_names.map(|list| list.items);
    let back_to = request
        .included_deleted_back_to
        .as_deref()
        .and_then(|time| time.parse::<jiff::Timestamp>().ok());
    let deleted = request.include_deleted == Some(true);
    let mut state = world.lock();
    let as_of = state.as_of(now);
    let all = state.region(&call.region).beanstalk.environments.values();
    let mut wanted: Vec<_> = all
        .filter(|it| it.created <= as_of)
        .filter(|it| {
            let kept = deleted && back_to.is_none_or(|time| it.ended.is_none_or(|ended| ended >= time));
            (it.is_listed(now) || kept)
                && request
                    .application_name
                    .as_ref()
                    .is_none_or(|name| *name == it.application)
                && request
                    .version_label
                    .as_ref()
                    .is_none_or(|label| Some(label) == it.version_label.as_ref())
                && ids.as_ref().is_none_or(|ids| ids.contains(&it.id))
                && names.as_ref().is_none_or(|names| names.contains(&it.name))
        })
        .collect();
    wanted.sort_by_key(|it| std::cmp::Reverse(it.created));
    let views = wanted.into_iter().map(view).collect();
    let (views, next_token) = page(views, request.max_records, request.next_token.as_deref())?;
    let result = m::EnvironmentDescriptionsMessage {
        environments: Some(views.into()),
        next_token,
    };
    Ok(wire::serialize_describe_environments_response(&result).into())
}

pub(super) fn describe_resources(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeEnvironmentResourcesMessage = call.query()?;
    let environment = copy_of(
        world,
        call,
        &Reference::new(request.environment_id, request.environment_name),
    )?;
    let made = environment.made;
    let mut state = world.lock();
    let here = state.region(&call.region);
    let group = made.group.as_ref().and_then(|name| here.scaling.groups.get(name));
    let members = group.into_iter().flat_map(|group| group.members.keys());
    let resources = m::EnvironmentResourceDescription {
        auto_scaling_groups: Some(
            made.group
                .iter()
                .map(|name| m::AutoScalingGroup {
                    name: Some(name.clone()),
                })
                .collect(),
        ),
        environment_name: Some(environment.name),
        instances: Some(members.map(|id| m::Instance { id: Some(id.clone()) }).collect()),
        launch_configurations: Some(
            made.launch_configuration
                .into_iter()
                .map(|name| m::LaunchConfiguration { name: Some(name) })
                .collect(),
        ),
        launch_templates: Some(
            made.launch_template
                .into_iter()
                .map(|id| m::LaunchTemplate { id: Some(id) })
                .collect(),
        ),
        load_balancers: Some(
            made.load_balancer
                .into_iter()
                .map(|arn| m::LoadBalancer {
                    name: Some(if is_classic(&arn) {
                        name_of(&arn).to_owned()
                    } else {
                        arn
                    }),
                })
                .collect(),
        ),
        queues: Some(Vec::new().into()),
        triggers: Some(Vec::new().into()),
    };
    let result = m::EnvironmentResourceDescriptionsMessage {
        environment_resources: Some(resources),
    };
    Ok(wire::serialize_describe_environment_resources_response(&result).into())
}

pub(super) fn check_dns(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::CheckDNSAvailabilityMessage = call.query()?;
    let prefix = &request.c_n_a_m_e_prefix;
    environments::check_prefix(prefix)?;
    let free = world.lock().region(&call.region).beanstalk.prefix_is_free(prefix);
    let result = m::CheckDNSAvailabilityResultMessage {
        available: Some(free),
        fully_qualified_c_n_a_m_e: Some(environments::cname(prefix, &call.region)),
    };
    Ok(wire::serialize_check_d_n_s_availability_response(&result).into())
}
