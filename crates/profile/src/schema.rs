//! Checks a parsed TOML table against the list of keys: unknown keys, wrong types, values that AWS would refuse.
//! Looks at one value at a time; what goes together is `validate`'s.

use toml::{Table, Value};

use super::key::{self, Key, Takes};
use super::patterns;
use super::validate::Finding;

/// Environment properties that confctl sets itself, so that the app and the stack cannot disagree.
pub(super) const OWN_PROPERTIES: &[&str] = &["AWS_REGION", "TABLE_NAME", "TABLE_KEY", "REGISTRATION_CLOSES_AT"];

/// Every key of `table` that is unknown or has a value that it cannot have.
pub(super) fn check(table: &Table) -> Vec<Finding> {
    let mut findings = Vec::new();
    check_section(table, &mut Vec::new(), &mut findings);
    findings
}

fn check_section(table: &Table, path: &mut Vec<String>, findings: &mut Vec<Finding>) {
    for (name, value) in table {
        path.push(name.clone());
        findings.extend(check_name(path));
        match (key::find(path), value) {
            (Some(key), value) => findings.extend(check_value(key, path, value)),
            (None, Value::Table(inner)) if key::is_section(path) => check_section(inner, path, findings),
            (None, value) if key::is_section(path) => findings.push(not_a_section(path, value)),
            (None, _) => findings.push(unknown(path)),
        }
        path.pop();
    }
}

/// The finding for a key that does not exist.
pub(super) fn unknown(path: &[String]) -> Finding {
    let help = match key::nearest(path) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "no key is like it".into(),
    };
    Finding::about_key(path, format!("there is no key `{}`", path.join(".")), help)
}

fn not_a_section(path: &[String], value: &Value) -> Finding {
    let message = format!("`{}` is a section, not {}", path.join("."), described(value));
    Finding::about_value(path, message, "give its keys one by one")
}

/// Names of properties and tags are the user's own, within what AWS takes.
fn check_name(path: &[String]) -> Option<Finding> {
    let [section @ .., name] = path else { return None };
    match section.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["tags"] if !patterns::tag_key(name) => Some(Finding::about_key(
            path,
            format!("`{name}` cannot be the key of a tag"),
            "allowed: up to 127 letters, digits, spaces and `_.:/=+-@`; not `Name`, nor beginning with `aws:`, \
             `elasticbeanstalk:` or `confctl:`",
        )),
        ["app", "properties"] if OWN_PROPERTIES.contains(&name.as_str()) || name.starts_with("CONFCTL_") => {
            Some(Finding::about_key(
                path,
                format!("`{name}` is set by confctl itself"),
                "leave it out; `region`, `table.name`, `table.key`, `event.at` and `event.closes_at` are where it comes from",
            ))
        }
        ["app", "properties"] if !patterns::property(name) => Some(Finding::about_key(
            path,
            format!("`{name}` cannot be the name of an environment property"),
            "allowed: up to 128 letters, digits and `_.:/+\\-@`",
        )),
        _ => None,
    }
}

fn check_value(key: &Key, path: &[String], value: &Value) -> Option<Finding> {
    let good = match (key.takes, value) {
        (Takes::Text(good, _), Value::String(text)) => good(text),
        (Takes::Texts(good, _), Value::Array(items)) => items.iter().all(|item| item.as_str().is_some_and(good)),
        (Takes::Word(words), Value::String(word)) => words.contains(&word.as_str()),
        (Takes::Whole(least, most), Value::Integer(number)) => (i64::from(least)..=i64::from(most)).contains(number),
        (Takes::WholeOf(numbers), Value::Integer(number)) => numbers.iter().any(|one| i64::from(*one) == *number),
        (Takes::Number, Value::Integer(number)) => *number >= 0,
        (Takes::Number, Value::Float(number)) => number.is_finite() && *number >= 0.0,
        (Takes::Bool, Value::Boolean(_)) => true,
        _ => false,
    };
    if good {
        return None;
    }
    let guess = match (key.takes, value) {
        (Takes::Word(words), Value::String(word)) => key::nearest_word(word, words.iter().copied()),
        _ => None,
    };
    let help = match guess {
        Some(word) => format!("did you mean `{word}`? allowed: {}", key.allowed()),
        None => format!("allowed: {}", key.allowed()),
    };
    Some(Finding::about_value(
        path,
        format!("`{}` cannot be {}", path.join("."), described(value)),
        help,
    ))
}

fn described(value: &Value) -> String {
    match value {
        Value::String(text) if text.chars().count() > 60 => "such a long string".into(),
        Value::String(_) => format!("the string {value}"),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(_) => format!("`{value}`"),
        Value::Datetime(_) => format!("the date {value}"),
        Value::Array(items) if items.len() <= 8 => format!("the list {value}"),
        Value::Array(_) => "such a long list".into(),
        Value::Table(_) => "a section".into(),
    }
}
