//! Sets of option settings as requests and answers have them: of environments and of templates.

use winterbaume_elasticbeanstalk::model as m;

use crate::services::not_implemented;
use crate::world::Refusal;
use crate::world::beanstalk::settings::{Effective, Settings};
use crate::world::beanstalk::templates::Template;
use crate::world::beanstalk::{Environment, catalogue};
use crate::world::clock::text;

/// Namespace, option name and value of each.
///
/// # Errors
/// Where one names another resource than the option has anyway: scheduled actions would, which the sandbox has not.
pub(super) fn options(
    settings: Option<m::ConfigurationOptionSettingsList>,
) -> Result<Vec<(String, String, String)>, Refusal> {
    let list = settings.map(|settings| settings.items).unwrap_or_default();
    list.into_iter()
        .map(|it| {
            let (namespace, name) = (it.namespace.unwrap_or_default(), it.option_name.unwrap_or_default());
            let own = Settings::default().resource_of(&namespace, &name);
            let templates = catalogue::resource_of(&namespace, &name);
            let is_own = |resource: &String| [own, templates].contains(&Some(resource.as_str()));
            if let Some(resource) = it.resource_name.filter(|resource| !is_own(resource)) {
                let what = format!("the ResourceName '{resource}' of the option '{name}' of '{namespace}'");
                return Err(not_implemented(what));
            }
            Ok((namespace, name, it.value.unwrap_or_default()))
        })
        .collect()
}

/// Namespace and option name of each.
pub(super) fn option_names(list: Option<m::OptionsSpecifierList>) -> Vec<(String, String)> {
    let list = list.map(|list| list.items).unwrap_or_default();
    list.into_iter()
        .map(|it| (it.namespace.unwrap_or_default(), it.option_name.unwrap_or_default()))
        .collect()
}

pub(super) fn of_environment(
    environment: &Environment,
    status: &str,
    settings: &Settings,
) -> m::ConfigurationSettingsDescription {
    m::ConfigurationSettingsDescription {
        application_name: Some(environment.application.clone()),
        date_created: Some(text(environment.created)),
        date_updated: Some(text(environment.updated)),
        deployment_status: Some(status.to_owned()),
        description: environment.description.clone(),
        environment_name: Some(environment.name.clone()),
        option_settings: Some(effective(settings)),
        platform_arn: Some(environment.platform.arn.clone()),
        solution_stack_name: Some(environment.platform.solution_stack.clone()),
        template_name: None,
    }
}

/// Every option with its value, set or default.
fn effective(settings: &Settings) -> m::ConfigurationOptionSettingsList {
    let setting = |option: Effective| m::ConfigurationOptionSetting {
        namespace: Some(option.namespace),
        option_name: Some(option.name),
        resource_name: option.resource.map(str::to_owned),
        value: option.value,
    };
    settings.effective().into_iter().map(setting).collect()
}

/// A template as a set of settings; no environment has deployed it, so that it has no status of that.
pub(super) fn of_template(application: &str, template: &Template) -> m::ConfigurationSettingsDescription {
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
