//! What IAM refuses of a policy document when it is given, and what the sandbox would not evaluate as AWS does.
//! Must know nothing of decisions: a document that passes here is one that `policy` can decide by.

use serde_json::Value;

use super::policy::{Document, texts};
use crate::Refusal;

/// Members of a document and of a statement (IAM user guide, "Grammar of the IAM JSON policy language").
const MEMBERS: &[&str] = &["Version", "Id", "Statement"];
const STATEMENT: &[&str] = &[
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];
/// Operators without `IfExists` and without a quantifier (IAM user guide, "Condition operators").
const EVALUATED: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "Bool",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnNotEquals",
    "ArnLike",
    "ArnNotLike",
    "Null",
];
const NOT_EVALUATED: &[&str] = &[
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "BinaryEquals",
];
/// Keys that requests of some services have (DynamoDB developer guide, specifying-conditions).
const OF_SERVICES: &[&str] = &["dynamodb:select"];
/// Keys of every request here, in lower case, and whether a second factor was asked for, which nobody has here: long-term keys
/// come without that key, sessions of roles with `false` (IAM user guide, "Global condition context keys").
const KEYS: &[&str] = &[
    "aws:multifactorauthpresent",
    "aws:principalarn",
    "aws:principalaccount",
    "aws:requestedregion",
    "aws:sourceip",
    "aws:securetransport",
];
/// Keys that only services' requests for a role have, or that AssumeRole has where it is given one (which is refused here).
const TRUST_KEYS: &[&str] = &["sts:externalid", "aws:sourceaccount", "aws:sourcearn"];

/// A document that says what its role may do.
///
/// # Errors
/// `MalformedPolicyDocument` as IAM; `NotImplemented` for what AWS would evaluate and the sandbox would not.
pub(crate) fn check_permissions(text: &str) -> Result<(), Refusal> {
    for statement in &parse(text)?.statements {
        let has = |member: &str| statement.get(member).is_some();
        if has("Principal") || has("NotPrincipal") {
            return Err(malformed("Policy document should not specify a principal."));
        }
        check_actions(statement)?;
        if !has("Resource") && !has("NotResource") {
            return Err(malformed("Policy statement must contain resources."));
        }
        check_conditions(statement, OF_SERVICES)?;
    }
    Ok(())
}

/// A document that says who may become its role.
///
/// # Errors
/// As [`check_permissions`].
pub(crate) fn check_trust(text: &str) -> Result<(), Refusal> {
    for statement in &parse(text)?.statements {
        if let Some(member) = ["Resource", "NotResource"]
            .iter()
            .find(|it| statement.get(**it).is_some())
        {
            return Err(malformed(&format!("Has prohibited field {member}")));
        }
        check_actions(statement)?;
        if let Some(member) = ["NotPrincipal", "NotAction"]
            .iter()
            .find(|it| statement.get(**it).is_some())
        {
            return Err(not_evaluated(&format!("{member} in a trust policy")));
        }
        if statement.get("Principal").is_none() {
            return Err(malformed("Missing required field Principal"));
        }
        check_conditions(statement, TRUST_KEYS)?;
    }
    Ok(())
}

fn parse(text: &str) -> Result<Document, Refusal> {
    let document = Document::parse(text).map_err(|why| malformed(&why))?;
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    let only = |value: &Value, known: &[&str]| {
        let mut members = value.as_object().into_iter().flatten();
        members.all(|(member, _)| known.contains(&member.as_str()))
    };
    if !only(&value, MEMBERS) || !document.statements.iter().all(|it| only(it, STATEMENT)) {
        return Err(malformed("Syntax errors in policy."));
    }
    Ok(document)
}

fn check_actions(statement: &Value) -> Result<(), Refusal> {
    if statement.get("Action").is_none() && statement.get("NotAction").is_none() {
        return Err(malformed("Policy statement must contain actions."));
    }
    let mut resources = texts(&statement["Resource"])
        .into_iter()
        .chain(texts(&statement["NotResource"]));
    match resources.find(|resource| resource.contains("${")) {
        Some(resource) => Err(not_evaluated(&format!("the variable in {resource}"))),
        None => Ok(()),
    }
}

fn check_conditions(statement: &Value, more_keys: &[&str]) -> Result<(), Refusal> {
    let Some(conditions) = statement.get("Condition") else {
        return Ok(());
    };
    let conditions = conditions
        .as_object()
        .ok_or_else(|| malformed("Syntax errors in policy."))?;
    for (operator, keys) in conditions {
        check_operator(operator)?;
        for (key, values) in keys.as_object().ok_or_else(|| malformed("Syntax errors in policy."))? {
            let name = key.to_lowercase();
            if !KEYS.contains(&name.as_str()) && !more_keys.contains(&name.as_str()) {
                return Err(not_evaluated(&format!("the condition key {key}")));
            }
            if let Some(value) = texts(values).iter().find(|value| value.contains("${")) {
                return Err(not_evaluated(&format!("the variable in {value}")));
            }
        }
    }
    Ok(())
}

fn check_operator(operator: &str) -> Result<(), Refusal> {
    let name = operator.strip_suffix("IfExists").unwrap_or(operator);
    let quantified = ["ForAnyValue:", "ForAllValues:"]
        .iter()
        .find_map(|it| name.strip_prefix(it));
    let name = quantified.unwrap_or(name);
    // `Null` has neither form.
    if EVALUATED.contains(&name) && (name != "Null" || operator == "Null") {
        return Ok(());
    }
    if NOT_EVALUATED.contains(&name) {
        return Err(not_evaluated(&format!("the condition operator {operator}")));
    }
    Err(malformed(&format!("Invalid Condition type : {operator}.")))
}

fn malformed(why: &str) -> Refusal {
    Refusal::new("MalformedPolicyDocument", why)
}

fn not_evaluated(what: &str) -> Refusal {
    let text = format!("The sandbox does not evaluate {what}; this is a limit of the sandbox, not of AWS");
    Refusal::new("NotImplemented", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(members: &str) -> String {
        let text = format!(r#"{{"Statement":{{"Effect":"Allow",{members}}}}}"#);
        match check_permissions(&text) {
            Ok(()) => "taken".to_owned(),
            Err(refusal) => format!("{}: {}", refusal.code, refusal.message),
        }
    }

    fn on_condition(condition: &str) -> String {
        refused(&format!(r#""Action":"*","Resource":"*","Condition":{condition}"#))
    }

    #[test]
    fn a_misspelt_or_missing_member_is_no_policy() {
        let malformed = |members: &str| refused(members).starts_with("MalformedPolicyDocument");
        assert_eq!(refused(r#""NotAction":"iam:*","NotResource":"a""#), "taken");
        assert!(malformed(r#""Acton":"*","Resource":"*""#));
        assert!(malformed(
            r#""Action":"*","NotAction":"s3:*","Sidd":"x","Resource":"*""#
        ));
        assert!(malformed(r#""Resource":"*""#));
        assert!(malformed(r#""Action":"*""#));
        assert!(malformed(r#""Action":"*","Resource":"*","Principal":"*""#));
    }

    #[test]
    fn an_operator_or_key_that_would_not_be_evaluated_is_never_taken_silently() {
        assert_eq!(
            on_condition(r#"{"StringLikeIfExists":{"aws:RequestedRegion":"us-*"}}"#),
            "taken"
        );
        assert!(on_condition(r#"{"Nonsense":{"aws:SourceIp":"x"}}"#).starts_with("MalformedPolicyDocument"));
        assert!(on_condition(r#"{"NullIfExists":{"aws:SourceIp":"x"}}"#).starts_with("MalformedPolicyDocument"));
        let dated = on_condition(r#"{"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}}"#);
        assert!(
            dated.starts_with("NotImplemented") && dated.contains("DateLessThan"),
            "{dated}"
        );
        let tagged = on_condition(r#"{"StringEquals":{"aws:ResourceTag/team":"x"}}"#);
        assert!(
            tagged.starts_with("NotImplemented") && tagged.contains("aws:ResourceTag/team"),
            "{tagged}"
        );
        assert!(
            on_condition(r#"{"StringEquals":{"aws:PrincipalArn":"${aws:username}"}}"#).starts_with("NotImplemented")
        );
    }

    #[test]
    fn a_trust_policy_has_a_principal_and_no_resource() {
        let trust = |members: &str| {
            let text = format!(r#"{{"Statement":{{"Effect":"Allow","Action":"sts:AssumeRole"{members}}}}}"#);
            check_trust(&text).map_err(|refusal| refusal.code)
        };
        let beanstalk = r#","Principal":{"Service":"elasticbeanstalk.amazonaws.com"},
            "Condition":{"StringEquals":{"sts:ExternalId":"elasticbeanstalk"}}"#;
        assert_eq!(trust(beanstalk), Ok(()));
        assert_eq!(trust(""), Err("MalformedPolicyDocument".to_owned()));
        assert_eq!(
            trust(r#","Principal":"*","Resource":"*""#),
            Err("MalformedPolicyDocument".to_owned())
        );
    }
}
