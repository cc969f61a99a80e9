//! Whether an empty list is believed: the simulator's answers, as people got them, and what Beanstalk itself says.

use confctl::engine::{Error, Kind, Seen};

use crate::account::{ACCOUNT, as_caller, of_root, stack};
use crate::application;
use crate::beanstalk::{EB_CLI, MODEL, SAMPLES};
use crate::bodies::query;
use crate::iam::{CUSTODIAN, role, simulated};
use crate::script::{Answer, Script, refused};

const USER: &str = "arn:aws:iam::123456789012:user/ann";
const INSTALLER: &str = "openshift/installer issue 1322";
const ORGANIZATION: &str =
    "<OrganizationsDecisionDetail><AllowedByOrganizations>false</AllowedByOrganizations></OrganizationsDecisionDetail>";
const READS: [&str; 6] = [
    "elasticbeanstalk:DescribeApplications",
    "elasticbeanstalk:DescribeApplicationVersions",
    "elasticbeanstalk:DescribeConfigurationSettings",
    "elasticbeanstalk:DescribeEnvironments",
    "elasticbeanstalk:DescribeEvents",
    "elasticbeanstalk:ListTagsForResource",
];

/// The same decision on every read.
fn all(decision: &str, more: &str) -> String {
    let results: Vec<(&str, &str, &str)> = READS.iter().map(|read| (*read, decision, more)).collect();
    let answer = simulated(&results);
    match more.contains("MissingContextValues") {
        true => answer.replace("<MissingContextValues/>", ""),
        false => answer,
    }
}

/// Nothing there, as who may read and who may not are both told.
fn empty() -> Script {
    Script::default().documented(
        "elasticbeanstalk:DescribeApplications",
        &format!("{SAMPLES}/elasticbeanstalk-describe-applications.xml"),
        query("DescribeApplications", "<Applications/>"),
    )
}

/// Beanstalk answers this one to nobody who may not ask.
fn name_is_free() -> Script {
    Script::default().documented(
        "elasticbeanstalk:CheckDNSAvailability",
        &format!("{SAMPLES}/elasticbeanstalk-check-dns-availability.xml"),
        query(
            "CheckDNSAvailability",
            "<FullyQualifiedCNAME>x.elasticbeanstalk.com</FullyQualifiedCNAME><Available>true</Available>",
        ),
    )
}

/// What is found of an application that is not listed.
async fn found(script: Script, caller: &str) -> Result<Seen, Error> {
    let account = as_caller(script, caller).await;
    let seen = account.observe(&stack(|_| {}), "application").await;
    account.check();
    seen
}

#[tokio::test]
async fn nothing_is_absent_where_iam_says_that_the_caller_may_read() {
    let script = empty().recorded(
        "iam:SimulatePrincipalPolicy",
        &format!("{CUSTODIAN}/test_iam_user_check_permissions"),
        all("allowed", ""),
    );
    let account = as_caller(script, USER).await;
    let seen = account.observe(&stack(|_| {}), "application").await;
    assert!(matches!(seen, Ok(Seen::Absent(_))), "{seen:?}");
    let asked = &account.replay.sent("iam:SimulatePrincipalPolicy")[0];
    assert_eq!(asked.parameter("PolicySourceArn").as_deref(), Some(USER));
    // Without it a policy by region denies everything: what the issue shows.
    assert!(
        asked.contains("aws:RequestedRegion") && asked.contains("us-east-1"),
        "{}",
        asked.text
    );
    account.check();
}

#[tokio::test]
async fn a_denial_for_want_of_a_key_is_no_denial() {
    let missing = "<MissingContextValues><member>aws:RequestedRegion</member></MissingContextValues>";
    let script =
        empty()
            .and(name_is_free())
            .recorded("iam:SimulatePrincipalPolicy", INSTALLER, all("implicitDeny", missing));
    let seen = found(script, USER).await;
    assert!(matches!(seen, Ok(Seen::Absent(_))), "{seen:?}");
}

#[tokio::test]
async fn an_organizations_denial_is_not_believed_of_a_caller_who_is_answered() {
    let script = empty().and(name_is_free()).documented(
        "iam:SimulatePrincipalPolicy",
        "awsdocs/iam-user-guide access_policies_testing-policies",
        all("explicitDeny", ORGANIZATION),
    );
    let seen = found(script, USER).await;
    assert!(matches!(seen, Ok(Seen::Absent(_))), "{seen:?}");
}

#[tokio::test]
async fn a_plain_denial_makes_it_unknown_and_never_absent() {
    let script = empty().documented(
        "iam:SimulatePrincipalPolicy",
        "aws/aws-cli awscli/examples/iam/simulate-principal-policy.rst",
        all("explicitDeny", ""),
    );
    let seen = found(script, USER).await;
    assert!(
        matches!(&seen, Ok(Seen::Unknown(error)) if error.kind == Kind::Denied),
        "{seen:?}"
    );
}

#[tokio::test]
async fn who_may_look_but_not_at_tags_is_told_so_and_what_is_ours_is_not_taken_for_somebody_elses() {
    let decided: Vec<(&str, &str, &str)> = READS
        .iter()
        .map(|read| match read.ends_with("ListTagsForResource") {
            true => (*read, "implicitDeny", ""),
            false => (*read, "allowed", ""),
        })
        .collect();
    let untagged = "<ResourceTags/>";
    let script = Script::default()
        .recorded("elasticbeanstalk:DescribeApplications", EB_CLI, application::found())
        .documented(
            "elasticbeanstalk:ListTagsForResource",
            MODEL,
            query("ListTagsForResource", untagged),
        )
        .documented(
            "iam:SimulatePrincipalPolicy",
            "aws/aws-cli awscli/examples/iam/simulate-principal-policy.rst",
            simulated(&decided),
        );
    let account = as_caller(script, USER).await;
    let seen = account.observe(&stack(|_| {}), "application").await;
    let error = seen.err().unwrap();
    assert!(
        error.in_a_line().contains("elasticbeanstalk:ListTagsForResource"),
        "{}",
        error.in_a_line()
    );
    account.check();
}

#[tokio::test]
async fn who_may_not_ask_the_simulator_is_believed_by_what_beanstalk_answers() {
    let denied = refused(
        403,
        "AccessDenied",
        "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:SimulatePrincipalPolicy on resource: user ann because no identity-based policy allows the iam:SimulatePrincipalPolicy action",
    );
    let script = empty().and(name_is_free()).documented(
        "iam:SimulatePrincipalPolicy",
        "awsdocs/iam-user-guide troubleshoot_access-denied",
        denied,
    );
    let seen = found(script, USER).await;
    assert!(matches!(seen, Ok(Seen::Absent(_))), "{seen:?}");
}

#[tokio::test]
async fn a_sessions_role_is_asked_about_with_its_path() {
    let session = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_admin_0123456789abcdef/ann@example.com";
    let name = "AWSReservedSSO_admin_0123456789abcdef";
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/{name}");
    let known = role(name, "sso.amazonaws.com").replace(&format!("arn:aws:iam::{ACCOUNT}:role/{name}"), &arn);
    let script = empty()
        .recorded(
            "iam:GetRole",
            &format!("{CUSTODIAN}/test_iam_role_tags"),
            query("GetRole", &format!("<Role>{known}</Role>")),
        )
        .recorded("iam:SimulatePrincipalPolicy", CUSTODIAN, all("allowed", ""));
    let account = as_caller(script, session).await;
    let seen = account.observe(&stack(|_| {}), "application").await;
    assert!(matches!(seen, Ok(Seen::Absent(_))), "{seen:?}");
    let asked = &account.replay.sent("iam:SimulatePrincipalPolicy")[0];
    assert_eq!(asked.parameter("PolicySourceArn"), Some(arn));
    account.check();
}

#[tokio::test]
async fn a_federated_user_is_nothing_that_the_simulator_takes() {
    let script = empty().and(name_is_free());
    let seen = found(script, "arn:aws:sts::123456789012:federated-user/ann").await;
    assert!(matches!(seen, Ok(Seen::Absent(_))), "{seen:?}");
}

#[tokio::test]
async fn root_is_never_asked_about() {
    let account = of_root(empty()).await;
    let seen = account.observe(&stack(|_| {}), "application").await;
    assert!(matches!(seen, Ok(Seen::Absent(_))), "{seen:?}");
    assert_eq!(account.replay.times("iam:SimulatePrincipalPolicy"), 0);
    account.check();
}

#[tokio::test]
async fn an_answer_that_got_lost_is_asked_for_again_and_throttling_proves_nothing() {
    let script = empty()
        .modelled("iam:SimulatePrincipalPolicy", INSTALLER, Answer::Cut)
        .documented(
            "iam:SimulatePrincipalPolicy",
            INSTALLER,
            refused(400, "Throttling", "Rate exceeded"),
        )
        .recorded("iam:SimulatePrincipalPolicy", CUSTODIAN, all("allowed", ""));
    let seen = found(script, USER).await;
    assert!(matches!(seen, Ok(Seen::Absent(_))), "{seen:?}");
}
