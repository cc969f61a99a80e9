//! A configuration template as the file that it is in S3: `resources/templates/APPLICATION/NAME` of Beanstalk's bucket, in
//! YAML, which clients download, edit and put back (Beanstalk guide: environment-configuration-savedconfig). Must know
//! nothing of S3.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::platforms::{self, Platform};
use super::settings::Settings;
use super::templates::{Template, arn};
use super::{Beanstalk, Origin};
use crate::Refusal;

const FOLDER: &str = "resources/templates/";

/// The key of a template's file.
pub fn key(application: &str, name: &str) -> String {
    format!("{FOLDER}{application}/{name}")
}

/// Application and name of the template whose file has that key.
pub fn of_key(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix(FOLDER)?
        .split_once('/')
        .filter(|(application, name)| !application.is_empty() && !name.is_empty() && !name.contains('/'))
}

/// What a file says.
#[derive(Debug, Default, PartialEq)]
pub struct Saved {
    pub description: Option<String>,
    pub platform_arn: Option<String>,
    pub solution_stack: Option<String>,
    /// Namespace, option name, value.
    pub options: Vec<(String, String, String)>,
}

impl Saved {
    /// # Errors
    /// `InvalidParameterValue` where the text is none of a saved configuration; the wording is ours.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        let unreadable = |why: &str| {
            let message = format!("The configuration template is not valid YAML or JSON: {why}");
            Refusal::new("InvalidParameterValue", message)
        };
        let document = match serde_saphyr::from_str(text) {
            Ok(Value::Object(document)) => document,
            Ok(Value::Null) => Map::new(),
            Ok(_) => return Err(unreadable("the document is no mapping")),
            Err(error) => return Err(unreadable(&error.to_string())),
        };
        let inner = |section: &str, name: &str| document.get(section)?.get(name).and_then(plain);
        let mut options = Vec::new();
        for (namespace, settings) in document
            .get("OptionSettings")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let settings = settings
                .as_object()
                .ok_or_else(|| unreadable(&format!("'{namespace}' is no mapping")))?;
            // Files of AWS's name the resource as well: `AWSEBAutoScalingGroup.aws:autoscaling:asg`.
            let namespace = namespace.rsplit('.').next().unwrap_or(namespace);
            let values = settings
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), plain(value)?)));
            options.extend(values.map(|(name, value)| (namespace.to_owned(), name, value)));
        }
        Ok(Self {
            description: inner("EnvironmentConfigurationMetadata", "Description"),
            platform_arn: inner("Platform", "PlatformArn"),
            solution_stack: document.get("SolutionStack").and_then(plain),
            options,
        })
    }

    /// The platform that it names.
    ///
    /// # Errors
    /// Where it names none, in the words that awsebcli 3.27 knows (`strings.py`, `create.noplatform`).
    pub(crate) fn platform(&self, region: &str) -> Result<Platform, Refusal> {
        if self.platform_arn.is_none() && self.solution_stack.is_none() {
            let message = "Unable to determine base for template pack (no solution stack)";
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        platforms::choose(region, self.platform_arn.as_deref(), self.solution_stack.as_deref())
    }
}

/// A scalar as the text that an option has.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The file of a template, with what was set and none of the defaults.
pub fn file(template: &Template) -> String {
    let mut text = String::from("EnvironmentConfigurationMetadata:\n");
    // Writing to a text does not fail.
    let mut line = |indent: usize, name: &str, value: &str| {
        let space = if value.is_empty() { "" } else { " " };
        let _ = writeln!(text, "{:indent$}{}:{space}{value}", "", quoted_if_needed(name));
    };
    if let Some(description) = &template.description {
        line(2, "Description", &quoted(description));
    }
    line(
        2,
        "DateCreated",
        &quoted(&template.created.as_millisecond().to_string()),
    );
    line(
        2,
        "DateModified",
        &quoted(&template.updated.as_millisecond().to_string()),
    );
    line(0, "Platform", "");
    line(2, "PlatformArn", &quoted(&template.platform.arn));
    let mut options = template.settings.of_api().peekable();
    line(0, "OptionSettings", if options.peek().is_some() { "" } else { "{}" });
    let mut open = "";
    for ((namespace, name), value) in options {
        if namespace != open {
            line(2, namespace, "");
            open = namespace;
        }
        line(4, name, &quoted(value));
    }
    line(0, "EnvironmentTier", "");
    line(2, "Type", "Standard");
    line(2, "Name", "WebServer");
    line(0, "AWSConfigurationTemplateVersion", "1.1.0.0");
    text
}

/// A text of JSON is one of YAML.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn quoted_if_needed(name: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || ":-_. ".contains(c);
    match name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(harmless) {
        true => name.to_owned(),
        false => quoted(name),
    }
}

impl Beanstalk {
    /// A template's file in S3 is the template: who writes it changes it, or makes one. One that cannot be read is none.
    pub fn follow_file(&mut self, origin: &Origin, application: &str, name: &str, file: Option<&str>) {
        let before = self.template(application, name).ok().cloned();
        let Ok(application) = self.application_mut(application) else {
            return;
        };
        let read = file.map(Saved::read).and_then(Result::ok);
        let template = read.and_then(|saved| {
            let platform = saved.platform(&origin.region).ok();
            let platform = platform.or_else(|| before.as_ref().map(|it| it.platform.clone()))?;
            let mut settings = Settings::default();
            for (namespace, option, value) in &saved.options {
                settings.set(namespace, option, value);
            }
            Some(Template {
                arn: arn(origin, &application.name, name),
                name: name.to_owned(),
                description: saved.description,
                platform,
                settings,
                created: before.as_ref().map_or(origin.now, |it| it.created),
                updated: origin.now,
                tags: before.map(|it| it.tags).unwrap_or_default(),
            })
        });
        match template {
            Some(template) => application.templates.insert(name.to_owned(), template),
            None => application.templates.remove(name),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(namespace: &str, name: &str, value: &str) -> (String, String, String) {
        (namespace.to_owned(), name.to_owned(), value.to_owned())
    }

    #[test]
    fn a_template_survives_its_file() {
        let mut settings = Settings::default();
        settings.set("aws:autoscaling:asg", "MinSize", "2");
        settings.set(
            "aws:elasticbeanstalk:application",
            "Application Healthcheck URL",
            "/a: \"b\"",
        );
        settings.set("aws:elasticbeanstalk:application:environment", "A/B@C", "1\n2 # 3");
        let platform = platforms::all("us-east-1").remove(0);
        let template = Template {
            arn: String::new(),
            name: "good".to_owned(),
            description: Some("As it was: good".to_owned()),
            platform: platform.clone(),
            settings,
            created: jiff::Timestamp::UNIX_EPOCH,
            updated: jiff::Timestamp::UNIX_EPOCH,
            tags: Default::default(),
        };
        let saved = Saved::read(&file(&template)).unwrap();
        assert_eq!(saved.description, template.description);
        assert_eq!(saved.platform("us-east-1").unwrap(), platform);
        assert_eq!(
            saved.options,
            [
                option("aws:autoscaling:asg", "MinSize", "2"),
                option(
                    "aws:elasticbeanstalk:application",
                    "Application Healthcheck URL",
                    "/a: \"b\""
                ),
                option("aws:elasticbeanstalk:application:environment", "A/B@C", "1\n2 # 3"),
            ]
        );
    }

    #[test]
    fn a_file_in_the_words_of_the_guide_is_understood() {
        let text = "EnvironmentConfigurationMetadata:\n  DateCreated: '1531525519000'\nSolutionStack: 64bit Go\n\
                    OptionSettings:\n  aws:elb:policies:\n    ConnectionDrainingEnabled: true\n  \
                    AWSEBAutoScalingGroup.aws:autoscaling:asg:\n    MinSize: 2\n    MaxSize: null\n";
        let saved = Saved::read(text).unwrap();
        assert_eq!(saved.solution_stack.as_deref(), Some("64bit Go"));
        let mut options = saved.options;
        options.sort();
        assert_eq!(
            options,
            [
                option("aws:autoscaling:asg", "MinSize", "2"),
                option("aws:elb:policies", "ConnectionDrainingEnabled", "true"),
            ]
        );
    }

    #[test]
    fn keys_are_of_an_application_and_a_name() {
        assert_eq!(of_key(&key("site", "good")), Some(("site", "good")));
        for other in [
            "resources/templates/site",
            "resources/templates/site/a/b",
            "site/good.zip",
        ] {
            assert_eq!(of_key(other), None, "{other}");
        }
    }
}
