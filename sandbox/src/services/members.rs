//! Which members of a request an operation honours, nested ones too, and the check that a request holds no others.
//! Must know nothing of protocols or services: a request comes as one value.
//!
//! A member is written as it is on the wire:
//!
//! | written | means |
//! |---|---|
//! | `Name` | it is honoured |
//! | `Name{A,B{C}}` | a structure, or a list of structures, of which these members are honoured |
//! | `Name{*}` | everything in it is: data of the caller's own, or what its codec checks itself |
//! | `Name{@Other}` | the same members as of the `Other` around it |
//! | `Name=on\|off` | only these values are taken; any other is refused |
//! | `Name~` | taken without effect: kept and shown at most |

use std::collections::BTreeMap;

use serde_json::Value;

/// What is honoured of a structure.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Members {
    by_name: BTreeMap<&'static str, Member>,
}

static NONE: Members = Members {
    by_name: BTreeMap::new(),
};

#[derive(Debug, Default, Clone, PartialEq)]
struct Member {
    /// Empty: any value.
    only: Vec<&'static str>,
    inside: Inside,
}

#[derive(Debug, Default, Clone, PartialEq)]
enum Inside {
    #[default]
    Nothing,
    Anything,
    /// What the member of that name has, in which this one is.
    Same(&'static str),
    These(Members),
}

/// What a request holds and the operation does not honour.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(super) enum Unhonoured {
    #[error("the parameter '{0}'")]
    Parameter(String),
    #[error("the value '{value}' of the parameter '{path}'")]
    Value { path: String, value: String },
}

impl Members {
    /// Reads the members of an operation's table.
    pub(super) fn parse(table: &[&'static str]) -> Self {
        let by_name = table.iter().flat_map(|text| split(text)).map(member).collect();
        Self { by_name }
    }

    /// # Errors
    /// The first member that is not honoured, by its path: names with dots between them, list positions left out.
    pub(super) fn check(&self, request: &Value) -> Result<(), Unhonoured> {
        self.check_at(request, "", None)
    }

    fn check_at(&self, value: &Value, path: &str, around: Option<&Around<'_>>) -> Result<(), Unhonoured> {
        match value {
            Value::Array(elements) => elements
                .iter()
                .try_for_each(|element| self.check_at(element, path, around)),
            Value::Object(members) => members.iter().try_for_each(|(name, value)| {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                match self.by_name.get(name.as_str()) {
                    _ if is_nothing(value) => Ok(()),
                    Some(member) => member.check(name, value, &path, around),
                    None => Err(Unhonoured::Parameter(path)),
                }
            }),
            _ => Ok(()),
        }
    }
}

/// The structures that a member is in, innermost first.
struct Around<'a> {
    name: &'a str,
    members: &'a Members,
    outer: Option<&'a Around<'a>>,
}

/// Clients write what is not set as null or as an empty list.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(elements) => elements.iter().all(is_nothing),
        _ => false,
    }
}

impl Member {
    fn check(&self, name: &str, value: &Value, path: &str, around: Option<&Around<'_>>) -> Result<(), Unhonoured> {
        match (&self.inside, value) {
            (Inside::Anything, _) => Ok(()),
            (Inside::These(members), value) => {
                let outer = around;
                members.check_at(value, path, Some(&Around { name, members, outer }))
            }
            (Inside::Same(other), value) => {
                let mut around = around;
                while let Some(one) = around.filter(|one| one.name != *other) {
                    around = one.outer;
                }
                let members = around.map_or(&NONE, |one| one.members);
                members.check_at(value, path, around)
            }
            (Inside::Nothing, Value::Array(elements)) => elements
                .iter()
                .try_for_each(|element| self.check(name, element, path, around)),
            (Inside::Nothing, Value::Object(_)) => NONE.check_at(value, path, None),
            (Inside::Nothing, value) => self.check_value(value, path),
        }
    }

    fn check_value(&self, value: &Value, path: &str) -> Result<(), Unhonoured> {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if self.only.is_empty() || self.only.iter().any(|one| one.eq_ignore_ascii_case(&text)) {
            return Ok(());
        }
        let path = path.to_owned();
        Err(Unhonoured::Value { path, value: text })
    }
}

/// One member as it is written.
fn member(text: &'static str) -> (&'static str, Member) {
    let text = text.trim_end_matches('~');
    if let Some((name, rest)) = text.split_once('{') {
        let inside = match rest.trim_end_matches('}') {
            "*" => Inside::Anything,
            inside if inside.starts_with('@') => Inside::Same(&inside[1..]),
            _ => Inside::These(Members::parse(&[&rest[..rest.len() - 1]])),
        };
        return (
            name,
            Member {
                only: Vec::new(),
                inside,
            },
        );
    }
    let (name, only) = match text.split_once('=') {
        Some((name, values)) => (name, values.split('|').collect()),
        None => (text, Vec::new()),
    };
    (
        name,
        Member {
            only,
            inside: Inside::Nothing,
        },
    )
}

/// At the commas that are not within braces.
pub(super) fn split(text: &'static str) -> Vec<&'static str> {
    let (mut parts, mut depth, mut begin) = (Vec::new(), 0_usize, 0);
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TABLE: &[&str] = &[
        "Name",
        "Tags{Key,Value}",
        "Item{*}",
        "Logging{Enabled=false,Bucket=}",
        "Comment~",
        "Statement{Is,Not{Statement{@Statement}}}",
    ];

    fn refused(request: Value) -> String {
        Members::parse(TABLE).check(&request).unwrap_err().to_string()
    }

    #[test]
    fn what_is_honoured_passes_however_deep_it_lies() {
        let request = json!({
            "Name": "n", "Tags": [{ "Key": "k", "Value": "v" }], "Item": { "any": { "M": { "thing": 1 } } },
            "Logging": { "Enabled": false, "Bucket": "" }, "Comment": "c", "Unset": null,
            "Statement": { "Not": { "Statement": { "Not": { "Statement": { "Is": 1 } } } } },
        });
        assert_eq!(Members::parse(TABLE).check(&request), Ok(()));
    }

    #[test]
    fn what_is_not_honoured_is_named_by_its_path() {
        assert_eq!(refused(json!({ "Colour": "blue" })), "the parameter 'Colour'");
        assert_eq!(
            refused(json!({ "Tags": [{ "Key": "k" }, { "Hue": 1 }] })),
            "the parameter 'Tags.Hue'"
        );
        assert_eq!(
            refused(json!({ "Name": { "First": "n" } })),
            "the parameter 'Name.First'"
        );
        assert_eq!(
            refused(json!({ "Statement": { "Not": { "Statement": { "Or": 1 } } } })),
            "the parameter 'Statement.Not.Statement.Or'"
        );
    }

    #[test]
    fn of_some_members_only_the_value_that_asks_for_nothing_is_taken() {
        assert_eq!(
            refused(json!({ "Logging": { "Enabled": true } })),
            "the value 'true' of the parameter 'Logging.Enabled'"
        );
        assert!(refused(json!({ "Logging": { "Bucket": "b" } })).contains("'Logging.Bucket'"));
    }
}
