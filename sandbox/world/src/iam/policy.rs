//! Policy documents and what they decide: an explicit deny wins, then an allow, else no.
//! Must know nothing of roles. Conditions are evaluated with the keys that are given; a condition on a key that is not
//! given does not hold, as in IAM, unless its operator is negated or says what is to be then.

use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

/// Condition keys (lower case) and their values.
pub type Context = BTreeMap<String, Vec<String>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Allowed,
    ExplicitlyDenied,
    ImplicitlyDenied,
}

impl Decision {
    /// As SimulatePrincipalPolicy says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::ExplicitlyDenied => "explicitDeny",
            Self::ImplicitlyDenied => "implicitDeny",
        }
    }
}

/// A policy's statements.
#[derive(Debug, Clone)]
pub struct Document {
    pub(super) statements: Vec<Value>,
}

impl Document {
    /// # Errors
    /// IAM's texts for documents that are none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|_| "This policy contains invalid Json".to_owned())?;
        let statements = match value.get("Statement") {
            Some(Value::Array(statements)) => statements.clone(),
            Some(statement @ Value::Object(_)) => vec![statement.clone()],
            _ => return Err("Syntax errors in policy.".to_owned()),
        };
        let effect = |statement: &Value| matches!(statement["Effect"].as_str(), Some("Allow" | "Deny"));
        if statements.iter().all(effect) {
            Ok(Self { statements })
        } else {
            Err("Syntax errors in policy.".to_owned())
        }
    }
}

/// Documents by their text: health looks and agents ask about the same few many times a second, and reading one takes longer than
/// deciding by it.
static KNOWN: Mutex<BTreeMap<String, Arc<Document>>> = Mutex::new(BTreeMap::new());

/// More than an account with some roles has. Beyond it all are read anew.
const MOST_KNOWN: usize = 100;

impl Document {
    /// As [`Document::parse`], of a text that is asked about again and again; `None` where it is no document.
    pub(super) fn known(text: &str) -> Option<Arc<Self>> {
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(document) = known.get(text) {
            return Some(Arc::clone(document));
        }
        let document = Arc::new(Self::parse(text).ok()?);
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(text.to_owned(), Arc::clone(&document));
        Some(document)
    }
}

impl Document {
    /// Whether this trust policy lets `caller` (an ARN) of `account` assume its role.
    pub fn trusts(&self, caller: &str, account: &str, context: &Context) -> bool {
        let root = format!("arn:aws:iam::{account}:root");
        self.lets_in(context, |principal| {
            let who = texts(&principal["AWS"]).into_iter().chain(texts(principal));
            who.into_iter()
                .any(|who| who == "*" || who == account || who == root || who == caller)
        })
    }

    /// Whether this trust policy lets the service (`ec2.amazonaws.com`) assume its role.
    pub(crate) fn trusts_service(&self, service: &str, context: &Context) -> bool {
        self.lets_in(context, |principal| {
            texts(&principal["Service"]).iter().any(|who| who == service)
        })
    }

    fn lets_in(&self, context: &Context, is_meant: impl Fn(&Value) -> bool) -> bool {
        let trusted = |statement: &Value| {
            let action = |pattern: &str| matches_action(pattern, "sts:AssumeRole");
            one_of(statement, "Action", &action)
                && conditions_hold(&statement["Condition"], context)
                && is_meant(&statement["Principal"])
        };
        let of = |effect: &'static str| self.statements.iter().filter(move |it| it["Effect"] == effect);
        of("Allow").any(trusted) && !of("Deny").any(trusted)
    }
}

/// What the documents together say of an action on a resource.
pub fn decide(documents: &[impl Borrow<Document>], action: &str, resource: &str, context: &Context) -> Decision {
    let mut decision = Decision::ImplicitlyDenied;
    for statement in documents.iter().flat_map(|document| &document.borrow().statements) {
        if !applies(statement, action, resource, context) {
            continue;
        }
        if statement["Effect"] == "Deny" {
            return Decision::ExplicitlyDenied;
        }
        decision = Decision::Allowed;
    }
    decision
}

/// Whether a statement meets a request.
pub(super) fn applies(statement: &Value, action: &str, resource: &str, context: &Context) -> bool {
    is_about(statement, action, resource) && conditions_hold(&statement["Condition"], context)
}

/// Whether a statement is on that action and resource, whatever its conditions.
pub(super) fn is_about(statement: &Value, action: &str, resource: &str) -> bool {
    let action_matches = |pattern: &str| matches_action(pattern, action);
    let resource_matches = |pattern: &str| matches(pattern, resource);
    let acts = one_of(statement, "Action", &action_matches) || none_of(statement, "NotAction", &action_matches);
    let on = one_of(statement, "Resource", &resource_matches) || none_of(statement, "NotResource", &resource_matches);
    acts && on
}

pub(super) fn texts(value: &Value) -> Vec<String> {
    each_text(value).map(Cow::into_owned).collect()
}

fn each_text(value: &Value) -> impl Iterator<Item = Cow<'_, str>> {
    let values = match value {
        Value::Array(values) => values,
        single => std::slice::from_ref(single),
    };
    values.iter().filter_map(|value| match value {
        Value::String(text) => Some(Cow::Borrowed(text.as_str())),
        Value::Bool(_) | Value::Number(_) => Some(Cow::Owned(value.to_string())),
        _ => None,
    })
}

fn one_of(statement: &Value, member: &str, test: &dyn Fn(&str) -> bool) -> bool {
    each_text(&statement[member]).any(|pattern| test(&pattern))
}

fn none_of(statement: &Value, member: &str, test: &dyn Fn(&str) -> bool) -> bool {
    statement.get(member).is_some() && !one_of(statement, member, test)
}

/// Keys that come with every request here; what AWS knows beside them is [`documents`](super::documents)' to refuse.
pub fn request_context(principal: &str, account: &str, region: &str) -> Context {
    let keys = [
        ("aws:principalarn", principal),
        ("aws:principalaccount", account),
        ("aws:requestedregion", region),
        // Whoever calls the sandbox calls it over loopback, and without TLS.
        ("aws:sourceip", "127.0.0.1"),
        ("aws:securetransport", "false"),
    ];
    keys.map(|(key, value)| (key.to_owned(), vec![value.to_owned()])).into()
}

fn conditions_hold(conditions: &Value, context: &Context) -> bool {
    let Some(operators) = conditions.as_object() else {
        return true;
    };
    operators.iter().all(|(operator, keys)| {
        let mut keys = keys.as_object().into_iter().flatten();
        keys.all(|(key, expected)| holds(operator, context.get(&key.to_lowercase()), &texts(expected)))
    })
}

fn holds(operator: &str, actual: Option<&Vec<String>>, expected: &[String]) -> bool {
    if operator == "Null" {
        return expected.iter().any(|wanted| (wanted == "true") == actual.is_none());
    }
    let (name, if_exists) = match operator.strip_suffix("IfExists") {
        Some(name) => (name, true),
        None => (operator, false),
    };
    let (quantifier, name) = name.split_once(':').unwrap_or(("", name));
    let (name, negated) = match name.split_once("Not") {
        Some((kind, rest)) => (format!("{kind}{rest}"), true),
        None => (name.to_owned(), false),
    };
    let Some(actual) = actual else {
        // A negated operator holds where the key is missing, and so does what is said of all its values.
        return if_exists || quantifier == "ForAllValues" || (negated && quantifier.is_empty());
    };
    let one = |value: &String| expected.iter().any(|pattern| meets(&name, pattern, value)) != negated;
    match quantifier {
        "ForAllValues" => actual.iter().all(one),
        "" if negated => actual.iter().all(one),
        _ => actual.iter().any(one),
    }
}

/// Whether a value of the request meets one of the policy's, by an operator without its `Not`.
fn meets(operator: &str, pattern: &str, value: &str) -> bool {
    match operator {
        "StringEquals" => pattern == value,
        "StringEqualsIgnoreCase" | "Bool" => pattern.eq_ignore_ascii_case(value),
        "StringLike" | "ArnLike" | "ArnEquals" => matches(pattern, value),
        "IpAddress" => is_within(pattern, value),
        _ => false,
    }
}

/// Whether an address is in a range such as `203.0.113.0/24`, or is the one address that is given.
fn is_within(range: &str, address: &str) -> bool {
    let (base, length) = range.split_once('/').unwrap_or((range, "128"));
    let (Ok(base), Ok(address), Ok(length)) =
        (base.parse::<IpAddr>(), address.parse::<IpAddr>(), length.parse::<u32>())
    else {
        return false;
    };
    let (base, address, bits) = match (base, address) {
        (IpAddr::V4(base), IpAddr::V4(address)) => (base.to_bits().into(), address.to_bits().into(), 32),
        (IpAddr::V6(base), IpAddr::V6(address)) => (base.to_bits(), address.to_bits(), 128),
        _ => return false,
    };
    let differing: u128 = base ^ address;
    differing.checked_shr(bits - length.min(bits)).unwrap_or(0) == 0
}

/// `*` is any text, `?` any character.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    matches_by(|expected, found| expected == found, pattern, text)
}

/// As [`matches()`], without regard to case.
fn matches_action(pattern: &str, action: &str) -> bool {
    matches_by(|expected, found| expected.eq_ignore_ascii_case(&found), pattern, action)
}

fn matches_by(same: fn(u8, u8) -> bool, pattern: &str, text: &str) -> bool {
    // Bytes: it is done thousands of times a second, and most patterns differ in their first.
    let (pattern, bytes) = (pattern.as_bytes(), text.as_bytes());
    let after = |read: usize| {
        (read + 1..)
            .find(|next| text.is_char_boundary(*next))
            .unwrap_or(bytes.len())
    };
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < bytes.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(b'?') => {
                at += 1;
                read = after(read);
            }
            Some(expected) if same(*expected, bytes[read]) => {
                at += 1;
                read += 1;
            }
            _ => match star {
                Some((star_at, star_read)) => {
                    at = star_at + 1;
                    read = after(star_read);
                    star = Some((star_at, read));
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|rest| *rest == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(document: &str, action: &str, resource: &str) -> Decision {
        decide(
            &[Document::parse(document).unwrap()],
            action,
            resource,
            &Context::default(),
        )
    }

    #[test]
    fn a_trust_policy_says_who_may_become_the_role() {
        let trusts = |principal: &str| {
            let text =
                format!(r#"{{"Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"}}]}}"#);
            Document::parse(&text)
                .unwrap()
                .trusts("arn:aws:iam::1:user/me", "1", &Context::new())
        };
        assert!(trusts(r#"{"AWS":"arn:aws:iam::1:root"}"#));
        assert!(trusts(r#"{"AWS":["arn:aws:iam::2:root","arn:aws:iam::1:user/me"]}"#));
        assert!(trusts(r#""*""#));
        assert!(!trusts(r#"{"Service":"ec2.amazonaws.com"}"#));
        assert!(!trusts(r#"{"AWS":"arn:aws:iam::2:root"}"#));
    }

    #[test]
    fn a_deny_wins_over_any_allow() {
        let document = r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
            {"Effect":"Deny","Action":"dynamodb:Delete*","Resource":"*"}]}"#;
        assert_eq!(said(document, "dynamodb:PutItem", "x"), Decision::Allowed);
        assert_eq!(said(document, "dynamodb:DeleteTable", "x"), Decision::ExplicitlyDenied);
    }

    #[test]
    fn a_condition_on_a_key_that_is_not_given_does_not_hold() {
        let document = r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*",
            "Condition":{"StringEquals":{"aws:PrincipalTag/team":"x"}}}}"#;
        assert_eq!(said(document, "s3:GetObject", "x"), Decision::ImplicitlyDenied);
        let context = Context::from([("aws:principaltag/team".to_owned(), vec!["x".to_owned()])]);
        let documents = [Document::parse(document).unwrap()];
        assert_eq!(decide(&documents, "s3:GetObject", "x", &context), Decision::Allowed);
    }

    #[test]
    fn a_deny_by_address_or_region_meets_the_calls_that_come_from_there_and_no_others() {
        let denied = |condition: &str, region: &str| {
            let text = format!(
                r#"{{"Statement":[{{"Effect":"Allow","Action":"*","Resource":"*"}},
                    {{"Effect":"Deny","Action":"*","Resource":"*","Condition":{condition}}}]}}"#
            );
            let context = request_context("arn:aws:iam::1:role/app", "1", region);
            decide(&[Document::parse(&text).unwrap()], "s3:GetObject", "x", &context) == Decision::ExplicitlyDenied
        };
        assert!(denied(r#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#, "us-east-1"));
        assert!(denied(
            r#"{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","127.0.0.1"]}}"#,
            "us-east-1"
        ));
        assert!(!denied(
            r#"{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","::/0"]}}"#,
            "us-east-1"
        ));
        assert!(denied(r#"{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, "us-east-1"));
        let elsewhere = r#"{"StringNotEquals":{"aws:RequestedRegion":["us-east-1","us-west-2"]}}"#;
        assert!(!denied(elsewhere, "us-east-1"));
        assert!(denied(elsewhere, "eu-west-1"));
        assert!(denied(r#"{"Bool":{"aws:SecureTransport":"false"}}"#, "us-east-1"));
        assert!(denied(
            r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/a*"}}"#,
            "us-east-1"
        ));
        assert!(!denied(
            r#"{"StringNotEquals":{"aws:PrincipalAccount":"1"}}"#,
            "us-east-1"
        ));
    }

    #[test]
    fn a_question_mark_is_one_character_of_any_length() {
        for (pattern, text, fits) in [
            ("a?c", "aüc", true),
            ("a??c", "aüc", false),
            ("*?c", "üc", true),
            ("*??", "ü", false),
            ("ü*", "üc", true),
            ("?", "", false),
            ("**", "", true),
            ("s3:*Object", "s3:GetObjectObject", true),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} and {text}");
        }
    }

    #[test]
    fn actions_are_matched_without_regard_to_case_and_resources_with() {
        let document = r#"{"Statement":{"Effect":"Allow","Action":["S3:get*"],"Resource":"arn:aws:s3:::a/?x*"}}"#;
        assert_eq!(said(document, "s3:GetObject", "arn:aws:s3:::a/1xyz"), Decision::Allowed);
        assert_eq!(
            said(document, "s3:GetObject", "arn:aws:s3:::a/1Xyz"),
            Decision::ImplicitlyDenied
        );
        assert_eq!(
            said(document, "s3:PutObject", "arn:aws:s3:::a/1xyz"),
            Decision::ImplicitlyDenied
        );
    }
}
