//! Configuration templates, and how long application versions live.

use std::sync::Arc;

use winterbaume_elasticbeanstalk::{model as m, wire};

use super::configuration::effective;
use super::{option_names, options, origin, tags};
use crate::gateway::call::{Answer, Call};
use crate::world::beanstalk::lifecycle::{Lifecycle, Rule};
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
    let request: m::CreateConfigurationTemplateMessage = call.query()?;
    let source = request.source_configuration;
    let new = NewTemplate {
        application: request.application_name.clone(),
        name: request.template_name,
        description: request.description,
        environment_id: request.environment_id,
        source: source.and_then(|source| Some((source.application_name?, source.template_name?))),
        platform_arn: request.platform_arn,
        solution_stack: request.solution_stack_name,
        set: options(request.option_settings)?,
        tags: tags(request.tags),
    };
    let origin = origin(world, call);
    let mut state = world.lock();
    let template = state.region(&call.region).beanstalk.create_template(&origin, new)?;
    let result = view(&request.application_name, &template);
    Ok(wire::serialize_create_configuration_template_response(&result).into())
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
    let mut state = world.lock();
    let beanstalk = &mut state.region(&call.region).beanstalk;
    let template = beanstalk.update_template(application, name, now, wish)?;
    Ok(wire::serialize_update_configuration_template_response(&view(application, &template)).into())
}

pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteConfigurationTemplateMessage = call.query()?;
    let mut state = world.lock();
    let beanstalk = &mut state.region(&call.region).beanstalk;
    beanstalk.delete_template(&request.application_name, &request.template_name)?;
    Ok(wire::serialize_delete_configuration_template_response().into())
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
