//! What a command proved, as JUnit XML: the form in which pipelines collect tests. There is no standard; the elements and
//! attributes are those that Jenkins, GitLab and others read (github.com/testmoapp/junitxml).
//! Must know nothing of what is proven.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Instant;

use serde_json::Value;

use super::terminal::one_line;
use crate::engine::{Error, Kind};

/// What a command set out to prove, and what came of it so far.
pub(crate) struct Proofs {
    command: &'static str,
    began: Instant,
    last: Instant,
    cases: Vec<Case>,
}

struct Case {
    name: &'static str,
    seconds: f64,
    came: Came,
}

enum Came {
    /// Something before it went wrong.
    Untried,
    Passed,
    Failed(Error),
}

impl Proofs {
    pub(crate) fn of(command: &'static str, names: &[&'static str]) -> Self {
        let now = Instant::now();
        let untried = |name: &&'static str| Case {
            name,
            seconds: 0.0,
            came: Came::Untried,
        };
        Self {
            command,
            began: now,
            last: now,
            cases: names.iter().map(untried).collect(),
        }
    }

    pub(crate) fn passed(&mut self, name: &str) {
        self.came(name, Came::Passed);
    }

    pub(crate) fn failed(&mut self, name: &str, error: &Error) {
        self.came(name, Came::Failed(error.clone()));
    }

    /// What nobody set out to prove after all.
    pub(crate) fn without(&mut self, name: &str) {
        self.cases.retain(|case| case.name != name);
    }

    fn came(&mut self, name: &str, came: Came) {
        let now = Instant::now();
        if let Some(case) = self.cases.iter_mut().find(|case| case.name == name) {
            case.seconds = now.duration_since(self.last).as_secs_f64();
            case.came = came;
        }
        self.last = now;
    }

    /// An error that ended the command before all was proven is that of the first that was not; the command's own, where all
    /// were.
    pub(crate) fn ended_by(&mut self, error: &Error) {
        if self.cases.iter().any(|case| matches!(case.came, Came::Failed(_))) {
            return;
        }
        let untried = self.cases.iter().find(|case| matches!(case.came, Came::Untried));
        let name = untried.map_or(self.command, |case| case.name);
        if untried.is_none() {
            self.cases.push(Case {
                name,
                seconds: 0.0,
                came: Came::Untried,
            });
        }
        self.failed(name, error);
    }

    /// The report. `shown` writes an error's hint; `outputs` are the command's, of which numbers and words become properties.
    pub(crate) fn xml(&self, outputs: &BTreeMap<String, Value>, shown: impl Fn(&Error) -> String) -> String {
        let count = |wanted: fn(&Came) -> bool| self.cases.iter().filter(|case| wanted(&case.came)).count();
        let failures = count(|came| matches!(came, Came::Failed(error) if is_failure(error)));
        let errors = count(|came| matches!(came, Came::Failed(error) if !is_failure(error)));
        let skipped = count(|came| matches!(came, Came::Untried));
        let tests = self.cases.len();
        let (command, seconds) = (self.command, self.began.elapsed().as_secs_f64());
        let sums = format!(
            "tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{seconds:.3}\""
        );
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"confctl\" {sums}>\n  <testsuite name=\"confctl {command}\" {sums}>\n"
        );
        xml.push_str(&properties(outputs));
        for case in &self.cases {
            let _ = write!(
                xml,
                "    <testcase classname=\"confctl.{command}\" name=\"{}\" time=\"{:.3}\"",
                escaped(case.name),
                case.seconds
            );
            let _ = match &case.came {
                Came::Passed => writeln!(xml, "/>"),
                Came::Untried => writeln!(xml, "><skipped/></testcase>"),
                Came::Failed(error) => writeln!(xml, ">\n{}    </testcase>", failed(error, &shown(error))),
            };
        }
        xml + "  </testsuite>\n</testsuites>\n"
    }
}

/// What was looked at and was not so, as against what kept from looking.
fn is_failure(error: &Error) -> bool {
    matches!(error.kind, Kind::Failed | Kind::Unverified | Kind::DidNotScale)
}

fn failed(error: &Error, shown: &str) -> String {
    let element = if is_failure(error) { "failure" } else { "error" };
    let kind = serde_json::to_value(error.kind).unwrap_or_default();
    let kind = kind.as_str().unwrap_or_default();
    let lines: Vec<_> = shown.lines().map(escaped).collect();
    format!(
        "      <{element} type=\"{kind}\" message=\"{}\">{}</{element}>\n",
        escaped(&error.message),
        lines.join("\n")
    )
}

fn properties(outputs: &BTreeMap<String, Value>) -> String {
    let property = |(name, value): (&String, &Value)| {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        Some(format!(
            "      <property name=\"{}\" value=\"{}\"/>\n",
            escaped(name),
            escaped(&value)
        ))
    };
    let properties: String = outputs.iter().filter_map(property).collect();
    match properties.is_empty() {
        true => properties,
        false => format!("    <properties>\n{properties}    </properties>\n"),
    }
}

/// In one line. What XML 1.0 has no place for (2.2, Char) is a blank.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        match c {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => shown.push(' '),
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The report without its times, which no two runs share.
    fn shown(proofs: &Proofs) -> String {
        let outputs = BTreeMap::from([
            ("people".to_owned(), Value::from(300)),
            ("checks".to_owned(), Value::Null),
        ]);
        let xml = proofs.xml(&outputs, |error| error.causes.join("\n"));
        let parts = xml.split(" time=\"").map(|part| match part.split_once('"') {
            Some((time, rest)) if time.parse::<f64>().is_ok() => rest,
            _ => part,
        });
        parts.collect()
    }

    #[test]
    fn what_failed_is_told_and_what_it_kept_from_being_tried_is_skipped() {
        let mut proofs = Proofs::of("verify", &["page", "caching", "registration"]);
        proofs.passed("page");
        let error = Error::new(Kind::Unverified, "the page is \"old\" & <b>\u{1b}[31mred</b>").because("a\u{ffff}b");
        proofs.ended_by(&error);
        insta::assert_snapshot!(shown(&proofs));
    }

    #[test]
    fn what_ends_the_command_after_all_was_proven_is_the_commands_own() {
        let mut proofs = Proofs::of("load", &["stored"]);
        proofs.passed("stored");
        proofs.ended_by(&Error::stopped());
        let shown = shown(&proofs);
        assert!(shown.contains("tests=\"2\" failures=\"0\" errors=\"1\""), "{shown}");
        assert!(
            shown.contains("name=\"load\"") && shown.contains("<error type=\"stopped\""),
            "{shown}"
        );
    }
}
