//! Configuration templates, and how long application versions live.

use std::sync::Arc;

use winterbaume_elasticbeanstalk::{model as m, wire};

use super::super::page::wait_for;
use super::applications::bucket;
use super::configuration::effective;
use super::specification::{self, Source, with_tier};
use super::{option_names, options, origin, tags};
use crate::gateway::call::{Answer, Call};
use crate::world::beanstalk::Reference;
use crate::world::beanstalk::lifecycle::{Lifecycle, Rule};
use crate::world::beanstalk::saved;
use crate::world::beanstalk::templates::{NewTemplate, Template, TemplateUpdate};
use crate::world::clock::text;
use crate::world::{Refusal, World};

/// A template as a set of settings; no environment has deployed it, so that it has no status of that.
pub(super) fn view(application: &str, template: &Template) -> m::ConfigurationSettingsDescription {
    m::ConfigurationSettingsDescription {
        application_name: Some(application.to_owned()),
        date_created: Some(text(template.created)),
        date_updated: Some(text(template.updated)),
        description: template.description.clone(),
        option_settings: Some(effective(&template.settings)),
        platform_arn: Some(template.platform.arn.clone()),
        solution_stack_name: Some(template.platform.solution_stack.clone()),
        template_name: Some(template.name.clone()),
        ..m::ConfigurationSettingsDescription::default()
    }
}

pub(super) fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::CreateConfigurationTemplateMessage = call.query_without(specification::MEMBER)?;
    let source = request.source_configuration;
    let mut environment_id = request.environment_id;
    if let Some(Source::Environment(name)) = specification::source(call, &["EnvironmentName"])? {
        let mut state = world.lock();
        let beanstalk = &state.region(&call.region).beanstalk;
        environment_id = Some(beanstalk.find(&Reference::new(environment_id, Some(name)))?);
    }
    let new = NewTemplate {
        application: request.application_name.clone(),
        name: request.template_name,
        description: request.description,
        environment_id,
        source: source.and_then(|source| Some((source.application_name?, source.template_name?))),
        platform_arn: request.platform_arn,
        solution_stack: request.solution_stack_name,
        set: options(request.option_settings)?,
        tags: tags(request.tags),
    };
    let origin = origin(world, call);
    let template = {
        let mut state = world.lock();
        state.region(&call.region).beanstalk.create_template(&origin, new)?
    };
    write_file(world, call, &request.application_name, &template);
    let result = view(&request.application_name, &template);
    Ok(with_tier(
        wire::serialize_create_configuration_template_response(&result).into(),
    ))
}

pub(super) fn update(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::UpdateConfigurationTemplateMessage = call.query()?;
    let wish = TemplateUpdate {
        description: request.description,
        set: options(request.option_settings)?,
        remove: option_names(request.options_to_remove),
    };
    let (application, name) = (&request.application_name, &request.template_name);
    let now = world.clock.now();
    let template = {
        let mut state = world.lock();
        let beanstalk = &mut state.region(&call.region).beanstalk;
        beanstalk.update_template(application, name, now, wish)?
    };
    write_file(world, call, application, &template);
    let result = view(application, &template);
    Ok(with_tier(
        wire::serialize_update_configuration_template_response(&result).into(),
    ))
}

pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteConfigurationTemplateMessage = call.query()?;
    let (application, name) = (&request.application_name, &request.template_name);
    world
        .lock()
        .region(&call.region)
        .beanstalk
        .delete_template(application, name)?;
    delete_file(world, call, application, name);
    Ok(wire::serialize_delete_configuration_template_response().into())
}

fn write_file(world: &World, call: &Call, application: &str, template: &Template) {
    let (bucket, key) = (bucket(world, call), saved::key(application, &template.name));
    wait_for(world.objects.ensure_bucket(&bucket, &call.region));
    wait_for(world.objects.put(&bucket, &key, saved::file(template).into()));
}

pub(super) fn delete_file(world: &World, call: &Call, application: &str, name: &str) {
    wait_for(
        world
            .objects
            .delete(&bucket(world, call), &saved::key(application, name)),
    );
}

/// What a write to S3 means for templates: their files can be put by anyone, and are what counts.
pub(crate) fn follow_file(world: &World, call: &Call, bucket_written: &str, key: &str) {
    let Some((application, name)) = saved::of_key(key) else {
        return;
    };
    if bucket_written != bucket(world, call) {
        return;
    }
    let file = wait_for(world.objects.get(bucket_written, key));
    let file = file.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let origin = origin(world, call);
    let mut state = world.lock();
    let beanstalk = &mut state.region(&call.region).beanstalk;
    beanstalk.follow_file(&origin, application, name, file.as_deref());
}

/// The rules that a request names.
pub(super) fn lifecycle(config: Option<m::ApplicationResourceLifecycleConfig>) -> Lifecycle {
    let Some(config) = config else {
        return Lifecycle::default();
    };
    let rules = config.version_lifecycle_config.unwrap_or_default();
    Lifecycle {
        service_role: config.service_role,
        max_count: rules.max_count_rule.map(|rule| Rule {
            enabled: rule.enabled,
            limit: rule.max_count.unwrap_or(200),
            delete_source: rule.delete_source_from_s3 == Some(true),
        }),
        max_age: rules.max_age_rule.map(|rule| Rule {
            enabled: rule.enabled,
            limit: rule.max_age_in_days.unwrap_or(180),
            delete_source: rule.delete_source_from_s3 == Some(true),
        }),
    }
}

/// The rules as an application shows them: both are there, if only as off.
pub(super) fn lifecycle_view(lifecycle: &Lifecycle) -> m::ApplicationResourceLifecycleConfig {
    let off = |limit| Rule {
        enabled: false,
        limit,
        delete_source: false,
    };
    let (count, age) = (
        lifecycle.max_count.unwrap_or(off(200)),
        lifecycle.max_age.unwrap_or(off(180)),
    );
    m::ApplicationResourceLifecycleConfig {
        service_role: lifecycle.service_role.clone(),
        version_lifecycle_config: Some(m::ApplicationVersionLifecycleConfig {
            max_age_rule: Some(m::MaxAgeRule {
                delete_source_from_s3: Some(age.delete_source),
                enabled: age.enabled,
                max_age_in_days: Some(age.limit),
            }),
            max_count_rule: Some(m::MaxCountRule {
                delete_source_from_s3: Some(count.delete_source),
                enabled: count.enabled,
                max_count: Some(count.limit),
            }),
        }),
    }
}

pub(super) fn update_lifecycle(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::UpdateApplicationResourceLifecycleMessage = call.query()?;
    let wanted = lifecycle(Some(request.resource_lifecycle_config));
    let mut state = world.lock();
    let beanstalk = &mut state.region(&call.region).beanstalk;
    let kept = beanstalk.set_lifecycle(&request.application_name, wanted)?;
    let result = m::ApplicationResourceLifecycleDescriptionMessage {
        application_name: Some(request.application_name),
        resource_lifecycle_config: Some(lifecycle_view(&kept)),
    };
    Ok(wire::serialize_update_application_resource_lifecycle_response(&result).into())
}
