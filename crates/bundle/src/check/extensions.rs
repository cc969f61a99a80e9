//! Configuration files: `.ebextensions/*.config` and `env.yaml`, which Beanstalk reads before it deploys.
//! Knows nothing of what an option does (Beanstalk guide: ebextensions, ebextensions-optionsettings).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::contents::{Contents, File};
use super::super::error::BundleError;
use super::Findings;

/// Sections that make or change files on the instance before the app starts (Beanstalk guide: customize-containers-ec2).
const MAKERS: &[&str] = &["commands", "container_commands", "files", "packages", "sources"];
/// All sections. A file with another is skipped with a warning: "Contains invalid key" (github.com/blueimp/aws-lambda/pull/8).
const SECTIONS: &[&str] = &[
    "Conditions",
    "Mappings",
    "Outputs",
    "Parameters",
    "Resources",
    "commands",
    "container_commands",
    "files",
    "groups",
    "option_settings",
    "packages",
    "services",
    "sources",
    "users",
];

/// What the files have in them.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    sections: BTreeSet<String>,
    options: BTreeSet<String>,
    properties: BTreeSet<String>,
}

/// Where a setting of a list is that names none, too (Beanstalk guide: ebextensions-optionsettings).
const PROPERTIES: &str = "aws:elasticbeanstalk:application:environment";

impl Extensions {
    /// Whether a section can make what the bundle lacks.
    pub(super) fn make_something(&self) -> bool {
        MAKERS.iter().any(|section| self.sections.contains(*section))
    }

    pub(super) fn set(&self, option: &str) -> bool {
        self.options.contains(option)
    }

    /// The environment's properties that are set by them.
    pub(super) fn properties(&self) -> &BTreeSet<String> {
        &self.properties
    }
}

pub(super) fn check(contents: &Contents, findings: &mut Findings) -> Result<Extensions, BundleError> {
    let mut extensions = Extensions::default();
    for file in contents.files.iter().filter(|file| is_configuration(&file.name)) {
        if let Some(document) = read(contents, file, findings)? {
            extensions.add(&file.name, &document, findings);
        }
    }
    // Beanstalk's manifest of an environment (Beanstalk guide: environment-cfg-manifest).
    if let Some(file) = contents.find("env.yaml") {
        read(contents, file, findings)?;
    }
    Ok(extensions)
}

/// Beanstalk takes every folder of this name, not only the one at the root (Beanstalk guide: ebextensions, Requirements).
fn is_configuration(name: &str) -> bool {
    let mut parts = name.rsplit('/');
    let file = parts.next().unwrap_or_default();
    file.ends_with(".config") && parts.next() == Some(".ebextensions")
}

/// The document; `None` where it is none, which is told.
fn read(contents: &Contents, file: &File, findings: &mut Findings) -> Result<Option<Map<String, Value>>, BundleError> {
    const WAY_OUT: &str = "mend it, or take it out: Beanstalk stops at it";
    let Some(opened) = contents.open(&file.name) else {
        return Ok(None);
    };
    let bytes = opened.read()?;
    let Ok(text) = std::str::from_utf8(&bytes) else {
        findings.flaw(&file.name, "is neither YAML nor JSON: it is not UTF-8", WAY_OUT);
        return Ok(None);
    };
    match parse(&file.name, text, findings) {
        Ok(Value::Object(document)) => Ok(Some(document)),
        Ok(Value::Null) => Ok(None),
        Ok(_) => {
            findings.flaw(&file.name, "is no mapping of sections", WAY_OUT);
            Ok(None)
        }
        Err(why) => {
            findings.flaw(&file.name, format!("is neither YAML nor JSON: {why}"), WAY_OUT);
            Ok(None)
        }
    }
}

/// As YAML, then as JSON, in which tabs are allowed. Of a key that is there twice one is dropped (Beanstalk guide:
/// ebextensions, "Uniqueness").
fn parse(name: &str, text: &str, findings: &mut Findings) -> Result<Value, String> {
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    let strict = match serde_saphyr::from_str::<Value>(text) {
        Ok(document) => return Ok(document),
        Err(error) => error,
    };
    if let Ok(document) = serde_json::from_str(text) {
        return Ok(document);
    }
    let lenient = serde_saphyr::options! { duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins };
    match serde_saphyr::from_str_with_options::<Value>(text, lenient) {
        Ok(document) => {
            let problem = "has a key twice, and Beanstalk drops one of the two";
            findings.note(name, problem, "put both under one key");
            Ok(document)
        }
        Err(_) => Err(first_line(&strict.to_string())),
    }
}

fn first_line(text: &str) -> String {
    text.lines()
        .next()
        .unwrap_or_default()
        .trim_start_matches("error: ")
        .to_owned()
}

impl Extensions {
    fn add(&mut self, file: &str, document: &Map<String, Value>, findings: &mut Findings) {
        for (section, content) in document {
            self.sections.insert(section.clone());
            if section == "option_settings" {
                self.add_options(file, content, findings);
            } else if !SECTIONS.contains(&section.as_str()) {
                let problem = format!("has the section `{section}`, so Beanstalk skips the whole file");
                findings.note(file, problem, format!("sections are {}", SECTIONS.join(", ")));
            }
        }
    }

    /// A list of namespace, option_name and value; or namespaces with their options.
    fn add_options(&mut self, file: &str, settings: &Value, findings: &mut Findings) {
        match settings {
            Value::Null => {}
            Value::Array(items) => {
                for item in items {
                    match item.get("option_name").and_then(Value::as_str) {
                        Some(name) => {
                            let namespace = item.get("namespace").and_then(Value::as_str);
                            let namespace = namespace.unwrap_or(PROPERTIES);
                            self.add_option(file, (namespace, name), item.get("value"), findings);
                        }
                        None => wrong_form(file, "has a setting without `option_name`", findings),
                    }
                }
            }
            Value::Object(namespaces) => {
                for (namespace, options) in namespaces {
                    match options {
                        Value::Null => {}
                        Value::Object(options) => {
                            for (name, value) in options {
                                self.add_option(file, (namespace, name), Some(value), findings);
                            }
                        }
                        _ => wrong_form(
                            file,
                            &format!("`{namespace}` is not a namespace with options below it"),
                            findings,
                        ),
                    }
                }
            }
            _ => wrong_form(
                file,
                "has option_settings that are neither a list nor a mapping",
                findings,
            ),
        }
    }

    fn add_option(
        &mut self,
        file: &str,
        (namespace, name): (&str, &str),
        value: Option<&Value>,
        findings: &mut Findings,
    ) {
        self.options.insert(name.to_owned());
        if namespace == PROPERTIES {
            self.properties.insert(name.to_owned());
        }
        if let Some(Value::Array(_) | Value::Object(_)) = value {
            wrong_form(file, &format!("`{name}` has no plain value"), findings);
        }
    }
}

/// "Each option setting in configuration file … must be a map" is Beanstalk's answer
/// (github.com/awsdocs/aws-elastic-beanstalk-developer-guide/issues/93).
fn wrong_form(file: &str, problem: &str, findings: &mut Findings) {
    let way_out = "write `option_settings:`, below it the namespace with a colon, below that `OPTION: value`";
    findings.flaw(file, problem, way_out);
}
