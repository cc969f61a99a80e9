//! Option settings: what is set, what could be, and what would be wrong.

use std::sync::Arc;

use winterbaume_elasticbeanstalk::{model as m, wire};

use super::copy_of;
use super::settings::{of_environment, of_template, options};
use super::specification::{self, Source, with_tier};
use crate::protocols::call::{Answer, Call};
use crate::world::beanstalk::Reference;
use crate::world::beanstalk::catalogue::{self, ConfigurationOption, Values};
use crate::world::beanstalk::platforms;
use crate::world::{Refusal, World};

/// The deployed set, and beside it the draft that an update wants or could not deploy (botocore: elasticbeanstalk,
/// DescribeConfigurationSettings).
pub(super) fn describe_settings(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeConfigurationSettingsMessage = call.query()?;
    let application = &request.application_name;
    world.lock().region(&call.region).beanstalk.application(application)?;
    if let Some(name) = &request.template_name {
        if request.environment_name.is_some() {
            return Err(Refusal::new(
                "InvalidParameterCombination",
                "You cannot specify both an EnvironmentName and a TemplateName.",
            ));
        }
        let mut state = world.lock();
        let template = state.region(&call.region).beanstalk.template(application, name)?;
        let result = m::ConfigurationSettingsDescriptions {
            configuration_settings: Some(vec![of_template(application, template)].into()),
        };
        return Ok(with_tier(
            wire::serialize_describe_configuration_settings_response(&result).into(),
        ));
    }
    let environment = copy_of(
        world,
        call,
        &Reference::new(None, request.environment_name).of(application.clone()),
    )?;
    let mut sets = vec![of_environment(&environment, "deployed", &environment.settings)];
    if let Some((status, settings)) = &environment.draft {
        sets.push(of_environment(&environment, status, settings));
    }
    let result = m::ConfigurationSettingsDescriptions {
        configuration_settings: Some(sets.into()),
    };
    Ok(with_tier(
        wire::serialize_describe_configuration_settings_response(&result).into(),
    ))
}

pub(super) fn delete_draft(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteEnvironmentConfigurationMessage = call.query()?;
    let mut state = world.lock();
    let beanstalk = &mut state.region(&call.region).beanstalk;
    let meant = Reference::by_name(request.environment_name).of(request.application_name);
    beanstalk.delete_draft(&meant)?;
    Ok(wire::serialize_delete_environment_configuration_response().into())
}

pub(super) fn describe_options(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeConfigurationOptionsMessage = call.query()?;
    let platform = match (request.environment_name, request.template_name) {
        (Some(name), _) => {
            let meant = Reference::by_name(name).of(request.application_name);
            copy_of(world, call, &meant)?.platform
        }
        (None, Some(name)) => {
            let application = request.application_name.unwrap_or_default();
            let mut state = world.lock();
            let template = state.region(&call.region).beanstalk.template(&application, &name)?;
            template.platform.clone()
        }
        (None, None) => platforms::choose(
            &call.region,
            request.platform_arn.as_deref(),
            request.solution_stack_name.as_deref(),
        )?,
    };
    let wanted = request.options.map(|list| list.items);
    let asked = |option: &&ConfigurationOption| {
        wanted.as_ref().is_none_or(|wanted| {
            wanted.iter().any(|it| {
                it.namespace.as_deref() == Some(option.namespace) && it.option_name.as_deref() == Some(option.name)
            })
        })
    };
    let result = m::ConfigurationOptionsDescription {
        options: Some(catalogue::OPTIONS.iter().filter(asked).map(option_view).collect()),
        platform_arn: Some(platform.arn),
        solution_stack_name: Some(platform.solution_stack),
    };
    Ok(wire::serialize_describe_configuration_options_response(&result).into())
}

fn option_view(option: &ConfigurationOption) -> m::ConfigurationOptionDescription {
    let whole = |number: i64| i32::try_from(number).ok();
    let (min_value, max_value) = match option.values {
        Values::Whole(low, high) => (whole(low), whole(high)),
        Values::Number(low, high) => (Some(low as i32), Some(high as i32)),
        _ => (None, None),
    };
    let possible = match option.values {
        Values::OneOf(values) => values.iter().map(|value| (*value).to_owned()).collect(),
        Values::Boolean => vec!["false".to_owned(), "true".to_owned()],
        _ => Vec::new(),
    };
    let kind = match option.values {
        Values::Boolean => "Boolean",
        Values::List => "List",
        _ => "Scalar",
    };
    let regex = matches!(option.values, Values::Codes).then(|| m::OptionRestrictionRegex {
        label: Some(option.name.to_owned()),
        pattern: Some(catalogue::CODES.to_owned()),
    });
    m::ConfigurationOptionDescription {
        change_severity: Some(option.effect.change_severity().to_owned()),
        default_value: option.default.map(str::to_owned),
        max_value,
        min_value,
        name: Some(option.name.to_owned()),
        namespace: Some(option.namespace.to_owned()),
        regex,
        user_defined: Some(false),
        value_options: (!possible.is_empty()).then(|| possible.into()),
        value_type: Some(kind.to_owned()),
        ..m::ConfigurationOptionDescription::default()
    }
}

/// Needs an environment or a template: AWS cannot check a first create either (botocore: elasticbeanstalk,
/// ValidateConfigurationSettings).
pub(super) fn validate(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::ValidateConfigurationSettingsMessage = call.query_without(specification::MEMBER)?;
    let application = &request.application_name;
    world.lock().region(&call.region).beanstalk.application(application)?;
    match specification::source(call, &["PlatformArn", "SolutionStackName"])? {
        Some(Source::Platform(arn)) => platforms::choose(&call.region, Some(&arn), None).map(drop)?,
        Some(Source::SolutionStack(name)) => platforms::choose(&call.region, None, Some(&name)).map(drop)?,
        _ => {}
    }
    let mut settings = match (&request.environment_name, &request.template_name) {
        (None, Some(name)) => {
            let mut state = world.lock();
            let template = state.region(&call.region).beanstalk.template(application, name)?;
            template.settings.clone()
        }
        (Some(name), None) => copy_of(world, call, &Reference::by_name(name).of(application.clone()))?.settings,
        _ => {
            return Err(Refusal::new(
                "InvalidParameterCombination",
                "Either an EnvironmentName or a TemplateName must be specified.",
            ));
        }
    };
    for (namespace, name, value) in options(Some(request.option_settings))? {
        settings.set(&namespace, &name, &value);
    }
    let messages = settings.problems().into_iter().map(|problem| m::ValidationMessage {
        message: Some(problem.message),
        namespace: Some(problem.namespace),
        option_name: Some(problem.name),
        severity: Some("error".to_owned()),
    });
    let result = m::ConfigurationSettingsValidationMessages {
        messages: Some(messages.collect()),
    };
    Ok(wire::serialize_validate_configuration_settings_response(&result).into())
}
