//! `.ebextensions` of a source bundle: their option settings count, below those of the API; the rest is not done here.
//! Must know nothing of what a setting does (Beanstalk guide: ebextensions, ebextensions-optionsettings, command-options).

use std::io::Read;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::catalogue::PROPERTIES;
use super::events::Severity;
use super::runtime;
use super::settings::Settings;
use super::workflow::Run;

/// No configuration file is larger.
const LARGEST: u64 = 1024 * 1024;

/// What the configuration files of a bundle say.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Extensions {
    /// Namespace, option name, value; later ones count more.
    pub options: Vec<(String, String, String)>,
    /// What they say beside option settings, in words.
    pub undone: Vec<String>,
}

/// Reads `.ebextensions/*.config` in the order of their names. A bundle that is no zip has none: that it cannot be
/// deployed shows later.
///
/// # Errors
/// The file that is no YAML, in the words of Beanstalk's event.
pub(super) fn read(bundle: Bytes, label: &str) -> Result<Extensions, String> {
    let mut extensions = Extensions::default();
    let Ok(mut archive) = zip::ZipArchive::new(std::io::Cursor::new(bundle)) else {
        return Ok(extensions);
    };
    let is_meant = |name: &String| name.starts_with(".ebextensions/") && name.ends_with(".config");
    let names = archive
        .file_names()
        .filter_map(Result::ok)
        .map(|name| name.into_owned());
    let mut names: Vec<_> = names.filter(is_meant).collect();
    names.sort();
    for name in names {
        let mut text = String::new();
        let read = archive.by_name(&name).map_err(|error| error.to_string());
        let read = read.and_then(|file| {
            let read = file.take(LARGEST).read_to_string(&mut text);
            read.map_err(|error| error.to_string())
        });
        let document = read.and_then(|_| parse(&text));
        let document = document.map_err(|why| {
            format!(
                "The configuration file {name} in application version {label} contains invalid YAML or JSON. YAML \
                 exception: {why}. Update the configuration file."
            )
        })?;
        extensions.add(&name, document);
    }
    Ok(extensions)
}

fn parse(text: &str) -> Result<Map<String, Value>, String> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    let value: Value = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    match value {
        Value::Object(document) => Ok(document),
        Value::Null => Ok(Map::new()),
        _ => Err("the document is no mapping".to_owned()),
    }
}

impl Extensions {
    fn add(&mut self, file: &str, document: Map<String, Value>) {
        for (key, value) in document {
            if key == "option_settings" {
                self.add_options(file, value);
            } else {
                self.undone.push(format!("'{key}' of {file}"));
            }
        }
    }

    /// Both forms: a list of namespace, option name and value; or namespaces with their options.
    fn add_options(&mut self, file: &str, settings: Value) {
        match settings {
            Value::Array(items) => {
                for item in items {
                    let text = |name: &str| item.get(name).and_then(plain);
                    let namespace = text("namespace").unwrap_or_else(|| PROPERTIES.to_owned());
                    let (name, value) = (text("option_name").unwrap_or_default(), item.get("value"));
                    self.add_option(file, namespace, name, value.unwrap_or(&Value::Null));
                }
            }
            Value::Object(namespaces) => {
                for (namespace, options) in namespaces {
                    for (name, value) in options.as_object().into_iter().flatten() {
                        self.add_option(file, namespace.clone(), name.clone(), value);
                    }
                }
            }
            _ => {}
        }
    }

    /// A value in backquotes is a function of CloudFormation's, which nobody evaluates here.
    fn add_option(&mut self, file: &str, namespace: String, name: String, value: &Value) {
        match plain(value).filter(|value| !value.starts_with('`')) {
            Some(value) => self.options.push((namespace, name, value)),
            None => self.undone.push(format!("the value of '{name}' in {file}")),
        }
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null => Some(String::new()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// The settings with those that the version brings; what is not done of it is told as a warning.
///
/// # Errors
/// What Beanstalk's event says of a file that cannot be read or an option that is wrong.
pub(super) async fn apply(run: &Run, label: &str, settings: &Settings) -> Result<Settings, String> {
    let bundle = runtime::read(run, label).await;
    let extensions = read(bundle.unwrap_or_default(), label)?;
    if !extensions.undone.is_empty() {
        run.event(
            Severity::Warn,
            format!(
                "The sandbox does not do {}; this is a limit of the sandbox, not of AWS.",
                extensions.undone.join(", ")
            ),
        );
    }
    let settings = settings.with_extensions(extensions.options);
    settings.check().map_err(|refusal| refusal.message)?;
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn bundle(files: &[(&str, &str)]) -> Bytes {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, text) in files {
            archive
                .start_file(*name, zip::write::SimpleFileOptions::default())
                .unwrap();
            archive.write_all(text.as_bytes()).unwrap();
        }
        archive.finish().unwrap().into_inner().into()
    }

    #[test]
    fn both_forms_are_read_and_later_files_count_more() {
        let list = "option_settings:\n  - namespace: aws:autoscaling:asg\n    option_name: MinSize\n    value: 2\n  - \
                    option_name: COLOR\n    value: blue\n";
        let map = r#"{"option_settings": {"aws:elasticbeanstalk:application:environment": {"COLOR": "red"}}}"#;
        let rest = "packages:\n  yum:\n    git: []\noption_settings:\n  aws:autoscaling:asg:\n    MaxSize: '`{\"Ref\": \"X\"}`'\n";
        let files = [
            (".ebextensions/02.config", map),
            (".ebextensions/01.config", list),
            (".ebextensions/03.config", rest),
            (".ebextensions/notes.txt", "no: yaml: here"),
        ];
        let read = read(bundle(&files), "v1").unwrap();
        let option =
            |namespace: &str, name: &str, value: &str| (namespace.to_owned(), name.to_owned(), value.to_owned());
        let expected = [
            option("aws:autoscaling:asg", "MinSize", "2"),
            option(PROPERTIES, "COLOR", "blue"),
            option(PROPERTIES, "COLOR", "red"),
        ];
        assert_eq!(read.options, expected);
        assert_eq!(
            read.undone,
            [
                "the value of 'MaxSize' in .ebextensions/03.config",
                "'packages' of .ebextensions/03.config"
            ]
        );
    }

    #[test]
    fn a_file_that_is_no_yaml_is_named() {
        let why = read(bundle(&[(".ebextensions/x.config", "a: [1")]), "v1").unwrap_err();
        assert!(
            why.starts_with("The configuration file .ebextensions/x.config in application version v1 contains invalid")
        );
    }
}
