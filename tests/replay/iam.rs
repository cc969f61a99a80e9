//! IAM's answers as several cases need them. Members follow recorded answers.
//! Must know nothing of what is tested with them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::account::ACCOUNT;
use crate::bodies::{done, query, tags_xml};
use crate::script::{Answer, Script, refused};

pub const CUSTODIAN: &str = "cloud-custodian/cloud-custodian tests/data/placebo";
pub const CLI: &str = "aws/aws-cli awscli/examples/iam";
pub const LOCALSTACK: &str = "localstack/localstack tests/aws/services/iam/test_iam.snapshot.json";
pub const MODEL: &str = "boto/botocore botocore/data/iam/2010-05-08/service-2.json";

/// IAM leaves letters, digits, hyphen and full stop as they are.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.');

/// A policy document as IAM hands it out.
pub fn encoded(document: &str) -> String {
    utf8_percent_encode(document, ESCAPED).to_string()
}

/// A document by which a service may assume a role.
pub fn trusting(service: &str) -> String {
    encoded(&format!(
        "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Principal\":{{\"Service\":\"{service}\"}},\"Action\":\"sts:AssumeRole\"}}]}}"
    ))
}

pub fn no_such_role(name: &str) -> Answer {
    refused(
        404,
        "NoSuchEntity",
        &format!("The role with name {name} cannot be found."),
    )
}

pub fn no_such_profile(name: &str) -> Answer {
    refused(
        404,
        "NoSuchEntity",
        &format!("Instance Profile {name} cannot be found."),
    )
}

/// The members of a role, as GetRole gives them today.
pub fn role(name: &str, service: &str) -> String {
    format!(
        "<Path>/</Path><RoleName>{name}</RoleName><RoleId>AROATO3JJQGPD2FVVR6M6</RoleId>\
         <Arn>arn:aws:iam::{ACCOUNT}:role/{name}</Arn><CreateDate>2026-11-24T12:00:00Z</CreateDate>\
         <AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument><MaxSessionDuration>3600</MaxSessionDuration><RoleLastUsed/>",
        trusting(service)
    )
}

pub fn got_role(name: &str, service: &str) -> String {
    query("GetRole", &format!("<Role>{}</Role>", role(name, service)))
}

pub fn role_tags<'a>(tags: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let tags = tags_xml("member", tags);
    query(
        "ListRoleTags",
        &format!("<Tags>{tags}</Tags><IsTruncated>false</IsTruncated>"),
    )
}

pub fn profile_tags<'a>(tags: impl IntoIterator<Item = (&'a str, String)>) -> String {
    query(
        "ListInstanceProfileTags",
        &format!("<Tags>{}</Tags>", tags_xml("member", tags)),
    )
}

pub fn attached(policies: &[&str]) -> String {
    let policies: String = policies
        .iter()
        .map(|policy| {
            let name = policy.rsplit('/').next().unwrap_or(policy);
            format!("<member><PolicyName>{name}</PolicyName><PolicyArn>arn:aws:iam::aws:policy/{policy}</PolicyArn></member>")
        })
        .collect();
    query(
        "ListAttachedRolePolicies",
        &format!("<AttachedPolicies>{policies}</AttachedPolicies><IsTruncated>false</IsTruncated>"),
    )
}

pub fn inline(names: &[&str]) -> String {
    let names: String = names.iter().map(|name| format!("<member>{name}</member>")).collect();
    query(
        "ListRolePolicies",
        &format!("<PolicyNames>{names}</PolicyNames><IsTruncated>false</IsTruncated>"),
    )
}

pub fn inline_policy(role: &str, name: &str, document: &str) -> String {
    query(
        "GetRolePolicy",
        &format!(
            "<RoleName>{role}</RoleName><PolicyName>{name}</PolicyName><PolicyDocument>{}</PolicyDocument>",
            encoded(document)
        ),
    )
}

/// The answer of a simulation: each action with its decision, and what more is said of it.
pub fn simulated(results: &[(&str, &str, &str)]) -> String {
    let results: String = results
        .iter()
        .map(|(action, decision, more)| {
            format!(
                "<member><EvalActionName>{action}</EvalActionName><EvalResourceName>*</EvalResourceName>\
                 <EvalDecision>{decision}</EvalDecision><MatchedStatements/><MissingContextValues/>{more}</member>"
            )
        })
        .collect();
    query(
        "SimulatePrincipalPolicy",
        &format!("<EvaluationResults>{results}</EvaluationResults><IsTruncated>false</IsTruncated>"),
    )
}

/// The regions of the account, as EC2 gives those that are enabled.
pub fn regions(names: &[&str]) -> Script {
    let items: String = names
        .iter()
        .map(|name| {
            format!(
                "<item><regionName>{name}</regionName><regionEndpoint>ec2.{name}.amazonaws.com</regionEndpoint>\
                 <optInStatus>opt-in-not-required</optInStatus></item>"
            )
        })
        .collect();
    Script::default().recorded(
        "ec2:DescribeRegions",
        "ManageIQ/manageiq-providers-amazon spec/vcr_cassettes/manageiq/providers/amazon/regions.yml",
        crate::bodies::ec2("DescribeRegions", &format!("<regionInfo>{items}</regionInfo>")),
    )
}

/// Nothing but that it was done, for an operation that IAM answers so.
pub fn quietly(operation: &'static str) -> String {
    done(operation)
}
