//! The policy simulator: what a principal's policies say of an action, which statements say it, and which condition keys they
//! would have to be told. Must know nothing of real requests: the simulator knows no key that it is not given.

use std::collections::BTreeSet;

use super::policy::{self, Context, Decision, Document};
use super::{Iam, managed};

/// What the account's own user has, laid out as AWS has it.
const ADMINISTRATOR: &str = r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "*",
            "Resource": "*"
        }
    ]
}"#;

/// A place in a policy's text: line from one, column from nought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub line: i32,
    pub column: i32,
}

/// A statement that decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Matched {
    pub policy: String,
    pub start: Place,
    pub end: Place,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    pub decision: Decision,
    pub matched: Vec<Matched>,
    /// Condition keys that statements on this action name and the caller did not give. Those of the organization's policies
    /// are not told (aws/aws-cli#10525).
    pub missing: Vec<String>,
    /// `None` where the account is in no organization that has policies.
    pub by_organization: Option<bool>,
    /// `None` where the principal has no permissions boundary.
    pub by_boundary: Option<bool>,
}

/// A policy of a principal, by the name that the simulator calls it.
struct Source {
    name: String,
    text: String,
}

impl Iam {
    /// What the policies of a principal (ARN) say of an action on a resource; `None` where there is no such principal.
    pub fn simulate(&self, principal: &str, action: &str, resource: &str, context: &Context) -> Option<Evaluation> {
        let sources = self.sources(principal)?;
        let sources = match self.withheld.iter().any(|pattern| policy::matches(pattern, action)) {
            true => Vec::new(),
            false => sources,
        };
        let by_organization = self.in_organization().then(|| {
            let documents = self.service_control_policies();
            policy::decide(documents, action, resource, context) != Decision::ExplicitlyDenied
        });
        if by_organization == Some(false) {
            // The simulation ends there (IAM API, EvaluationResult), with an implicit denial (aws/aws-sdk#102).
            return Some(Evaluation {
                decision: Decision::ImplicitlyDenied,
                matched: Vec::new(),
                missing: Vec::new(),
                by_organization,
                by_boundary: None,
            });
        }
        let mut evaluation = Evaluation {
            decision: Decision::ImplicitlyDenied,
            matched: Vec::new(),
            missing: missing(&sources, action, resource, context),
            by_organization,
            by_boundary: None,
        };
        for (effect, decision) in [("Deny", Decision::ExplicitlyDenied), ("Allow", Decision::Allowed)] {
            evaluation.matched = matched(&sources, effect, action, resource, context);
            if !evaluation.matched.is_empty() {
                evaluation.decision = decision;
                break;
            }
        }
        let boundary = self.role(principal).and_then(|role| role.boundary.as_deref());
        if let Some(limit) = boundary.map(|boundary| super::within(boundary, action, resource, context)) {
            evaluation.by_boundary = Some(limit == Decision::Allowed);
            // Statements of the boundary that deny are told by AWS too (recorded by cloud-custodian); no policy here has any.
            if limit == Decision::ExplicitlyDenied
                || (limit, evaluation.decision) == (Decision::ImplicitlyDenied, Decision::Allowed)
            {
                evaluation.decision = limit;
            }
        }
        Some(evaluation)
    }

    fn sources(&self, principal: &str) -> Option<Vec<Source>> {
        let source = |name: &str, text: &str| Source {
            name: name.to_owned(),
            text: text.to_owned(),
        };
        if principal.contains(":user/") || principal.ends_with(":root") {
            return Some(vec![source("AdministratorAccess", ADMINISTRATOR)]);
        }
        let role = Some(principal).filter(|arn| arn.contains(":role/"))?;
        let role = self.role(role)?;
        let managed = role.attached.iter().filter_map(|arn| managed::find(arn));
        let managed = managed.map(|policy| source(policy.name, policy.document));
        let inline = role.inline.iter().map(|(name, text)| source(name, text));
        Some(managed.chain(inline).collect())
    }
}

/// The statements of an effect that meet the request.
fn matched(sources: &[Source], effect: &str, action: &str, resource: &str, context: &Context) -> Vec<Matched> {
    let mut found = Vec::new();
    for source in sources {
        let Ok(document) = Document::parse(&source.text) else {
            continue;
        };
        let places = places(&source.text);
        for (index, statement) in document.statements.iter().enumerate() {
            if statement["Effect"] == effect && policy::applies(statement, action, resource, context) {
                let nowhere = Place { line: 1, column: 0 };
                let (start, end) = places.get(index).copied().unwrap_or((nowhere, nowhere));
                found.push(Matched {
                    policy: source.name.clone(),
                    start,
                    end,
                });
            }
        }
    }
    found
}

fn missing(sources: &[Source], action: &str, resource: &str, context: &Context) -> Vec<String> {
    let mut keys = BTreeSet::new();
    for document in sources.iter().filter_map(|source| Document::parse(&source.text).ok()) {
        let about = |statement: &&serde_json::Value| policy::is_about(statement, action, resource);
        for statement in document.statements.iter().filter(about) {
            let operators = statement["Condition"].as_object().into_iter().flatten();
            let named = operators.flat_map(|(_, keys)| keys.as_object().into_iter().flatten());
            let unknown = named.filter(|(key, _)| !context.contains_key(&key.to_lowercase()));
            keys.extend(unknown.map(|(key, _)| key.clone()));
        }
    }
    keys.into_iter().collect()
}

/// Where each statement of a policy's text begins (at the bracket or comma before it) and ends, as far as recordings of the
/// simulator show how it counts.
fn places(text: &str) -> Vec<(Place, Place)> {
    let (mut depth, mut quoted, mut escaped) = (0_i32, false, false);
    let (mut at, mut before) = (Place { line: 1, column: 0 }, Place { line: 1, column: 0 });
    let (mut open, mut found) = (None, Vec::new());
    for character in text.chars() {
        if quoted {
            quoted = character != '"' || escaped;
            escaped = character == '\\' && !escaped;
        } else {
            match character {
                '"' => quoted = true,
                '[' | ',' if open.is_none() => before = at,
                // The document's own brace is the first; statements are the next.
                '{' => {
                    depth += 1;
                    if depth == 2 {
                        open = Some(before);
                    }
                }
                '}' => {
                    depth -= 1;
                    if let (1, Some(start)) = (depth, open) {
                        let end = Place {
                            column: at.column + 1,
                            ..at
                        };
                        found.push((start, end));
                        open = None;
                    }
                }
                _ => {}
            }
        }
        if character == '\n' {
            at = Place {
                line: at.line + 1,
                column: 0,
            };
        } else {
            at.column += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::NewRole;

    const ROLE: &str = "arn:aws:iam::123456789012:role/app";

    fn account(inline: &str) -> Iam {
        let mut iam = Iam::default();
        let new = NewRole {
            name: "app".to_owned(),
            trust: r#"{"Statement":[]}"#.to_owned(),
            ..NewRole::default()
        };
        iam.create_role("123456789012", jiff::Timestamp::UNIX_EPOCH, new)
            .unwrap();
        iam.put_inline("app", "only", inline).unwrap();
        iam
    }

    fn region(name: &str) -> Context {
        Context::from([("aws:requestedregion".to_owned(), vec![name.to_owned()])])
    }

    #[test]
    fn the_user_is_the_administrator_by_a_statement_that_is_shown() {
        let seen = Iam::default()
            .simulate(
                "arn:aws:iam::123456789012:user/me",
                "s3:GetObject",
                "*",
                &Context::new(),
            )
            .unwrap();
        assert_eq!((seen.decision, seen.by_organization), (Decision::Allowed, None));
        assert_eq!(seen.matched[0].policy, "AdministratorAccess");
        assert_eq!(seen.matched[0].start, Place { line: 3, column: 17 });
    }

    #[test]
    fn a_key_that_the_caller_does_not_give_is_missing_and_its_condition_does_not_hold() {
        let iam = account(
            r#"{"Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"*",
                "Condition":{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}}}"#,
        );
        let asked = |context: &Context| iam.simulate(ROLE, "ec2:DescribeVpcs", "*", context).unwrap();
        let untold = asked(&Context::new());
        assert_eq!(untold.decision, Decision::ImplicitlyDenied);
        assert_eq!(untold.missing, ["aws:RequestedRegion"]);
        let told = asked(&region("us-east-1"));
        assert_eq!((told.decision, told.missing.len()), (Decision::Allowed, 0));
        let other = iam.simulate(ROLE, "s3:GetObject", "*", &Context::new()).unwrap();
        assert_eq!(other.missing.len(), 0, "of statements on other actions");
        assert_eq!(
            iam.simulate("arn:aws:iam::123456789012:role/b", "s3:GetObject", "*", &region("x")),
            None
        );
    }

    #[test]
    fn an_organization_denies_where_its_condition_is_not_told_its_key_and_does_not_say_which() {
        let mut iam = account(r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#);
        iam.add_service_control_policy(
            r#"{"Statement":{"Effect":"Deny","NotAction":"iam:*","Resource":"*",
                "Condition":{"StringNotEquals":{"aws:RequestedRegion":["us-east-1"]}}}}"#,
        )
        .unwrap();
        let untold = iam.simulate(ROLE, "ec2:DescribeVpcs", "*", &Context::new()).unwrap();
        assert_eq!(
            (untold.decision, untold.by_organization, untold.missing.len()),
            (Decision::ImplicitlyDenied, Some(false), 0)
        );
        let told = iam
            .simulate(ROLE, "ec2:DescribeVpcs", "*", &region("us-east-1"))
            .unwrap();
        assert_eq!((told.decision, told.by_organization), (Decision::Allowed, Some(true)));
        // Nobody in the account may, not even its administrator.
        let user = "arn:aws:iam::123456789012:user/sandbox";
        assert!(iam.caller_can(user, "us-east-1", "ec2:DescribeVpcs", "*"));
        assert!(!iam.caller_can(user, "eu-west-1", "ec2:DescribeVpcs", "*"));
        assert!(iam.caller_can(user, "eu-west-1", "iam:GetRole", "*"));
    }
}
