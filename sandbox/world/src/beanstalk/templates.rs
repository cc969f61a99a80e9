//! Configuration templates (saved configurations): settings and a platform under a name of the application.
//! Must know nothing of environments but that one may be copied.

use jiff::Timestamp;

use super::platforms::{self, Platform};
use super::quotas::check_tags;
use super::settings::Settings;
use super::{Beanstalk, Origin, Reference};
use crate::settling::Settling;
use crate::{Refusal, Tags};

#[derive(Debug, Clone)]
pub struct Template {
    pub arn: String,
    pub name: String,
    pub description: Option<String>,
    pub platform: Platform,
    pub settings: Settings,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub tags: Settling<Tags>,
}

/// What CreateConfigurationTemplate is told.
#[derive(Debug, Clone, Default)]
pub struct NewTemplate {
    pub application: String,
    pub name: String,
    pub description: Option<String>,
    pub environment_id: Option<String>,
    /// Application and name of a template to copy.
    pub source: Option<(String, String)>,
    pub platform_arn: Option<String>,
    pub solution_stack: Option<String>,
    /// Namespace, option name, value.
    pub set: Vec<(String, String, String)>,
    pub tags: Tags,
}

/// What UpdateConfigurationTemplate is told.
#[derive(Debug, Clone, Default)]
pub struct TemplateUpdate {
    pub description: Option<String>,
    pub set: Vec<(String, String, String)>,
    /// Namespace, option name.
    pub remove: Vec<(String, String)>,
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameterValue", message)
}

pub(super) fn arn(origin: &Origin, application: &str, name: &str) -> String {
    let Origin { region, account, .. } = origin;
    format!("arn:aws:elasticbeanstalk:{region}:{account}:configurationtemplate/{application}/{name}")
}

impl Beanstalk {
    pub fn template(&self, application: &str, name: &str) -> Result<&Template, Refusal> {
        let templates = &self.application(application)?.templates;
        templates
            .get(name)
            .ok_or_else(|| invalid(format!("No Configuration Template named '{application}/{name}' found.")))
    }

    pub fn create_template(&mut self, origin: &Origin, new: NewTemplate) -> Result<Template, Refusal> {
        check_tags(&new.tags)?;
        let application = self.application(&new.application)?;
        if new.name.is_empty() || new.name.len() > 100 || new.name.contains('/') {
            return Err(invalid(format!(
                "Configuration template name '{}' is invalid.",
                new.name
            )));
        }
        if application.templates.contains_key(&new.name) {
            return Err(invalid(format!("Configuration Template {} already exists.", new.name)));
        }
        self.check_room_for_template()?;
        let (platform, mut settings) = self.basis(origin, &new)?;
        for (namespace, name, value) in &new.set {
            settings.set(namespace, name, value);
        }
        settings.check()?;
        let template = Template {
            arn: arn(origin, &new.application, &new.name),
            name: new.name.clone(),
            description: new.description,
            platform,
            settings,
            created: origin.now,
            updated: origin.now,
            tags: Settling::made(new.tags, Tags::new(), origin.now),
        };
        let application = self.application_mut(&new.application)?;
        application.templates.insert(new.name, template.clone());
        Ok(template)
    }

    /// What a new template starts from: an environment, another template, or a platform with nothing set.
    fn basis(&self, origin: &Origin, new: &NewTemplate) -> Result<(Platform, Settings), Refusal> {
        let platform_given = new.platform_arn.is_some() || new.solution_stack.is_some();
        let sources = [platform_given, new.environment_id.is_some(), new.source.is_some()];
        if sources.into_iter().filter(|given| *given).count() > 1 {
            return Err(Refusal::new(
                "InvalidParameterCombination",
                "Only one of SolutionStackName or PlatformArn, EnvironmentId and SourceConfiguration can be specified.",
            ));
        }
        if let Some(id) = &new.environment_id {
            let reference = Reference::by_id(id);
            let id = self.find(&reference)?;
            if let Some(environment) = self.environments.get(&id) {
                return Ok((
                    environment.platform.clone(),
                    environment.settings.with_extensions(Vec::new()),
                ));
            }
        }
        if let Some((application, name)) = &new.source {
            let source = self.template(application, name)?;
            return Ok((source.platform.clone(), source.settings.clone()));
        }
        let platform = platforms::choose(
            &origin.region,
            new.platform_arn.as_deref(),
            new.solution_stack.as_deref(),
        )?;
        Ok((platform, Settings::default()))
    }

    pub fn update_template(
        &mut self,
        application: &str,
        name: &str,
        now: Timestamp,
        wish: TemplateUpdate,
    ) -> Result<Template, Refusal> {
        let mut template = self.template(application, name)?.clone();
        for (namespace, option, value) in &wish.set {
            template.settings.set(namespace, option, value);
        }
        for (namespace, option) in &wish.remove {
            template.settings.remove(namespace, option);
        }
        template.settings.check()?;
        template.description = wish.description.or(template.description);
        template.updated = now;
        let application = self.application_mut(application)?;
        application.templates.insert(name.to_owned(), template.clone());
        Ok(template)
    }

    /// Environments that were made from it keep what they have.
    pub fn delete_template(&mut self, application: &str, name: &str) -> Result<(), Refusal> {
        self.template(application, name)?;
        self.application_mut(application)?.templates.remove(name);
        Ok(())
    }
}
