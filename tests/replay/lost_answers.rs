//! Answers that never arrive: what was asked for is asked for again and meets its own work, and what broke off is read again.

use confctl::aws::record::Record;
use confctl::engine::{Kind, Outcome};
use serde_json::json;

use crate::account::{Account, Given, Ran, of_root, stack, stack_of};
use crate::beanstalk::{
    CUSTODIAN, EB_CLI, ENVIRONMENT_ARN, environment, environments, events, serving, tagged, tagged_by_others,
};
use crate::bodies::{our_tags, query, tags_json};
use crate::environment_answers::{
    LAUNCHED, absent, configuration, given, launch, launched, options_of, ours, parts, platform, resting, settings,
};
use crate::iam;
use crate::script::{Answer, Script, refused};
use crate::{application, table};

const CUTS: &str = "boto/botocore botocore/data/_retry.json";
const TERRAFORM: &str = "hashicorp/terraform issue 22433";
const NOT_READY: &str = "hashicorp/terraform-provider-aws issue 32284";

/// An operation whose first answer does not arrive, one way or the other, and which says that it was done before.
fn lost(operation: &'static str, way: &Answer, source: &str, then: Answer) -> Script {
    Script::default()
        .modelled(operation, CUTS, way.clone())
        .documented(operation, source, then)
}

fn ways() -> [Answer; 2] {
    [Answer::Cut, Answer::Torn("<CreateApplicationResponse ".to_owned())]
}

fn exists(text: &str) -> Answer {
    refused(400, "InvalidParameterValue", text)
}

/// Somebody else has it: refused, with AWS's words and a way out.
fn is_refused(ran: &Ran, words: &str) {
    let error = &ran.failure().error;
    assert_eq!(error.kind, Kind::Refused, "{}", error.in_a_line());
    assert!(error.in_a_line().contains(words), "{}", error.in_a_line());
    assert!(!crate::way_out(error).is_empty());
}

#[tokio::test]
async fn an_application_meets_itself_and_one_of_others_stays_theirs() {
    let text = "Application tcb-conference already exists.";
    for (way, well) in ways().into_iter().flat_map(|way| [(way.clone(), true), (way, false)]) {
        let tags = match well {
            true => tagged("application", application::ARN),
            false => tagged_by_others(application::ARN),
        };
        let none = || query("DescribeApplications", "<Applications/>");
        let script = Script::default()
            .documented("elasticbeanstalk:DescribeApplications", EB_CLI, none())
            .and(lost(
                "elasticbeanstalk:CreateApplication",
                &way,
                "aws/aws-elastic-beanstalk-cli ebcli/resources/strings.py",
                exists(text),
            ))
            .documented("elasticbeanstalk:DescribeApplications", EB_CLI, none())
            .after("elasticbeanstalk:CreateApplication")
            .recorded("elasticbeanstalk:DescribeApplications", EB_CLI, application::found())
            .after("elasticbeanstalk:CreateApplication")
            .recorded("elasticbeanstalk:ListTagsForResource", EB_CLI, tags);
        let account = of_root(script).await;
        let ran = account.up(&stack(|_| {}), "application", Given::default()).await;
        match well {
            true => ran.done(),
            false => is_refused(&ran, text),
        }
        account.check();
    }
}

#[tokio::test]
async fn a_version_meets_itself() {
    let created = "elasticbeanstalk:CreateApplicationVersion";
    for way in ways() {
        let script = Script::default()
            .recorded(
                "elasticbeanstalk:DescribeApplicationVersions",
                EB_CLI,
                query("DescribeApplicationVersions", "<ApplicationVersions/>"),
            )
            .documented("s3:PutObject", "aws/aws-cli awscli/examples/s3api/put-object.rst", "")
            .and(lost(
                created,
                &way,
                "travis-ci/dpl issue 1184",
                exists("Application Version v1 already exists."),
            ))
            .recorded(
                "elasticbeanstalk:DescribeApplicationVersions",
                EB_CLI,
                application::versions("PROCESSED"),
            )
            .after(created)
            .recorded(
                "elasticbeanstalk:ListTagsForResource",
                EB_CLI,
                tagged("app-version", application::VERSION_ARN),
            );
        let account = of_root(script).await;
        account
            .up(&stack(|_| {}), "app-version", application::given())
            .await
            .done();
        account.check();
    }
}

/// A launch whose first answer is lost and whose second try is refused so; then what a look finds, and what it carries.
fn lost_launch(refusal: Answer, tags: String) -> Script {
    let created = "elasticbeanstalk:CreateEnvironment";
    absent()
        .and(platform())
        .and(lost(created, &Answer::Cut, TERRAFORM, refusal))
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            CUSTODIAN,
            environments(&[environment("Launching", "<Health>Grey</Health>")]),
        )
        .after(created)
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            CUSTODIAN,
            environments(&[serving()]),
        )
        .after(created)
        .recorded("elasticbeanstalk:ListTagsForResource", CUSTODIAN, tags)
}

#[tokio::test]
async fn an_environment_meets_itself_by_whichever_of_its_names_and_is_followed() {
    for text in [
        "Environment Tcb-conference-env already exists.",
        // Both of its names are taken by itself; no source says of which Beanstalk speaks first.
        "DNS name (tcb-conference-env.us-east-1.elasticbeanstalk.com) is not available.",
    ] {
        let script = lost_launch(exists(text), ours())
            .recorded("elasticbeanstalk:DescribeEvents", EB_CLI, events(LAUNCHED))
            .and(parts(2, 4))
            .recorded(
                "elasticbeanstalk:DescribeConfigurationSettings",
                EB_CLI,
                configuration(&settings(&[], "deployed")),
            );
        let account = of_root(script).await;
        account.up(&stack(|_| {}), "environment", given()).await.done();
        assert_eq!(account.replay.times("elasticbeanstalk:CreateEnvironment"), 2);
        // The request's id was lost with its answer.
        let told = account.replay.sent("elasticbeanstalk:DescribeEvents");
        assert!(told.iter().all(|sent| sent.parameter("RequestId").is_none()));
        account.check();
    }
}

#[tokio::test]
async fn an_environment_of_others_is_refused_and_nothing_is_said_to_be_left() {
    let text = "Environment Tcb-conference-env already exists.";
    let account = of_root(lost_launch(exists(text), tagged_by_others(ENVIRONMENT_ARN))).await;
    let ran = account.up(&stack(|_| {}), "environment", given()).await;
    is_refused(&ran, text);
    assert!(left_behind(&ran).is_empty());
    account.check();
}

fn left_behind(ran: &Ran) -> Vec<String> {
    let left = ran.report.steps.iter().flat_map(|step| &step.left_behind);
    left.map(|left| left.what.clone()).collect()
}

#[tokio::test]
async fn what_costs_is_told_although_no_answer_to_its_creation_ever_came() {
    let script = absent()
        .and(platform())
        .modelled("elasticbeanstalk:CreateEnvironment", CUTS, Answer::Cut)
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            CUSTODIAN,
            environments(&[environment("Launching", "<Health>Grey</Health>")]),
        )
        .after("elasticbeanstalk:CreateEnvironment")
        .recorded("elasticbeanstalk:ListTagsForResource", CUSTODIAN, ours());
    let account = of_root(script).await;
    let ran = account.up(&stack(|_| {}), "environment", given()).await;
    assert_eq!(ran.failure().error.kind, Kind::Unreachable);
    let left = left_behind(&ran);
    assert_eq!(
        left,
        ["environment Tcb-conference-env with its instances and load balancer"]
    );
    account.check();
}

#[tokio::test]
async fn what_costs_is_told_where_a_read_of_what_lies_behind_it_is_denied() {
    let denied =
        "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: autoscaling:DescribeAutoScalingGroups";
    let script = launch(LAUNCHED, serving())
        .and(parts(2, 4).without(&["autoscaling:DescribeAutoScalingGroups"]))
        .documented(
            "autoscaling:DescribeAutoScalingGroups",
            "awsdocs/amazon-ec2-api-reference errors-overview",
            refused(403, "AccessDenied", denied),
        )
        .recorded(
            "elasticbeanstalk:DescribeConfigurationSettings",
            EB_CLI,
            configuration(&settings(&[], "deployed")),
        );
    let account = of_root(script).await;
    let ran = account.up(&stack(|_| {}), "environment", given()).await;
    assert_eq!(ran.failure().error.kind, Kind::Denied);
    let left = left_behind(&ran);
    assert_eq!(
        left,
        ["environment Tcb-conference-env with its instances and load balancer"]
    );
    account.check();
}

fn busy() -> Answer {
    let text = "Environment named Tcb-conference-env is in an invalid state for this operation. Must be Ready.";
    refused(400, "InvalidParameterValue", text)
}

/// One whose threshold is not as the profile wants it, and how it is with it changed.
async fn with_another_threshold() -> (Script, String) {
    let asked = launched(&stack(|_| {})).await;
    let mut other = asked.clone();
    let threshold = other.iter_mut().find(|(_, name, _)| name == "UpperThreshold").unwrap();
    threshold.2 = "80".to_owned();
    let before = configuration(&settings(&other, "deployed"));
    let updated = events(&[
        ("INFO", "Environment update completed successfully."),
        ("INFO", "Environment update is starting."),
    ]);
    let script = resting(serving(), before, ours()).and(parts(2, 4)).recorded(
        "elasticbeanstalk:DescribeEvents",
        EB_CLI,
        updated,
    );
    (script, configuration(&settings(&asked, "deployed")))
}

#[tokio::test]
async fn an_update_meets_itself_is_followed_and_not_made_twice() {
    let update = "elasticbeanstalk:UpdateEnvironment";
    for way in ways() {
        let (script, after) = with_another_threshold().await;
        let script = script
            .and(lost(update, &way, NOT_READY, busy()))
            .recorded(
                "elasticbeanstalk:DescribeEnvironments",
                CUSTODIAN,
                environments(&[environment("Updating", "<VersionLabel>v1</VersionLabel>")]),
            )
            .after(update)
            .recorded(
                "elasticbeanstalk:DescribeEnvironments",
                CUSTODIAN,
                environments(&[serving()]),
            )
            .after(update)
            .recorded("elasticbeanstalk:DescribeConfigurationSettings", EB_CLI, after)
            .after(update);
        let account = of_root(script).await;
        account.up(&stack(|_| {}), "environment", given()).await.done();
        assert_eq!(account.replay.times(update), 2);
        // What is under way is followed by the request that its own events name.
        let told = account.replay.sent("elasticbeanstalk:DescribeEvents");
        assert!(told.iter().any(|sent| sent.parameter("RequestId").is_some()));
        account.check();
    }
}

#[tokio::test]
async fn an_update_that_meets_somebody_elses_is_asked_for_once_that_is_over() {
    let update = "elasticbeanstalk:UpdateEnvironment";
    let (script, _) = with_another_threshold().await;
    let script = script.documented(update, NOT_READY, busy()).documented(
        update,
        "aws/aws-cli awscli/examples/elasticbeanstalk/update-environment.rst",
        query(
            "UpdateEnvironment",
            &environment("Updating", "<VersionLabel>v1</VersionLabel>"),
        ),
    );
    let account = of_root(script).await;
    account.up(&stack(|_| {}), "environment", given()).await.done();
    let asked = account.replay.sent(update);
    assert_eq!(asked.len(), 2);
    assert_eq!(options_of(&asked[0]), options_of(&asked[1]));
    account.check();
}

#[tokio::test]
async fn the_tags_of_an_environment_meet_themselves() {
    let mut mine = stack_of(Default::default());
    mine.take_over.insert("environment".to_owned());
    let mine = std::sync::Arc::new(mine);
    let asked = launched(&mine).await;
    let tag = "elasticbeanstalk:UpdateTagsForResource";
    let deployed = configuration(&settings(&asked, "deployed"));
    let script = resting(serving(), deployed, tagged_by_others(ENVIRONMENT_ARN))
        .and(parts(2, 4))
        .and(lost(tag, &Answer::Cut, NOT_READY, busy()))
        .and(crate::beanstalk::tagged_in_the_end())
        .recorded("elasticbeanstalk:ListTagsForResource", CUSTODIAN, ours())
        .after(tag);
    let account = of_root(script).await;
    account.up(&mine, "environment", given()).await.done();
    assert_eq!(account.replay.times(tag), 2);
    account.check();
}

#[tokio::test]
async fn a_tables_capacity_meets_its_own_change() {
    let provisioned = json!({
        "BillingModeSummary": null,
        "ProvisionedThroughput": {"NumberOfDecreasesToday": 0, "ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
    });
    let source = "boto/botocore botocore/data/dynamodb/2012-08-10/service-2.json";
    let update = "dynamodb:UpdateTable";
    for refusal in [
        refused(
            400,
            "ResourceInUseException",
            "Attempt to change a resource which is still in use: Table is being updated: users",
        ),
        refused(
            400,
            "ValidationException",
            "One or more parameter values were invalid: Table is already on-demand",
        ),
    ] {
        let mine = tags_json(our_tags("users-table"));
        let script = table::there(provisioned.clone(), mine, "DISABLED", 0)
            .modelled(update, CUTS, Answer::Cut)
            .modelled(update, source, refusal)
            .modelled(
                "dynamodb:DescribeTable",
                source,
                table::described("UPDATING", json!({})),
            )
            .after(update)
            .modelled("dynamodb:DescribeTable", source, table::described("ACTIVE", json!({})))
            .after(update);
        let account = of_root(script).await;
        account.up(&stack(|_| {}), "users-table", Given::default()).await.done();
        assert_eq!(account.replay.times(update), 2);
        account.check();
    }
}

#[tokio::test]
async fn a_denied_read_ends_a_role_at_once_and_nobody_is_told_to_wait_longer() {
    let name = "aws-elasticbeanstalk-service-role";
    let text = "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:ListRolePolicies";
    let script = Script::default()
        .documented("iam:GetRole", iam::CLI, iam::no_such_role(name))
        .recorded(
            "iam:CreateRole",
            iam::CUSTODIAN,
            query(
                "CreateRole",
                &format!("<Role>{}</Role>", iam::role(name, "elasticbeanstalk.amazonaws.com")),
            ),
        )
        .recorded("iam:AttachRolePolicy", iam::CUSTODIAN, iam::quietly("AttachRolePolicy"))
        .recorded(
            "iam:GetRole",
            iam::CUSTODIAN,
            iam::got_role(name, "elasticbeanstalk.amazonaws.com"),
        )
        .after("iam:CreateRole")
        .documented("iam:ListRoleTags", iam::CLI, iam::role_tags(our_tags("service-role")))
        .recorded("iam:ListAttachedRolePolicies", iam::CUSTODIAN, iam::attached(&[]))
        .documented(
            "iam:ListRolePolicies",
            "awsdocs/iam-user-guide troubleshoot_access-denied",
            refused(403, "AccessDenied", text),
        );
    let account = of_root(script).await;
    let ran = account.up(&stack(|_| {}), "service-role", Given::default()).await;
    let error = &ran.failure().error;
    assert_eq!(error.kind, Kind::Denied, "{}", error.in_a_line());
    assert!(
        !crate::way_out(error).contains("--timeout"),
        "{}",
        crate::way_out(error)
    );
    assert_eq!(account.replay.times("iam:ListRolePolicies"), 1);
    account.check();
}

fn record(account: &Account) -> Record {
    Record::new(account.reading(), "tcb-conference")
}

#[tokio::test]
async fn an_object_of_the_record_that_breaks_off_is_read_again() {
    let source = "localstack/localstack tests/aws/services/s3/test_s3.snapshot.json";
    let whole = "region = \"us-east-1\"\n";
    let script = Script::default()
        .modelled("s3:GetObject", CUTS, Answer::Torn("region = ".to_owned()))
        .recorded("s3:GetObject", source, whole);
    let account = of_root(script).await;
    let read = record(&account).read(account.reading(), "profile.toml").await;
    assert_eq!(read.unwrap().as_deref(), Some(whole.as_bytes()));
    assert_eq!(account.replay.times("s3:GetObject"), 2);
    account.check();
}

#[tokio::test]
async fn an_object_that_always_breaks_off_is_no_answer_and_the_way_out_is_named() {
    let torn = Script::default().modelled("s3:GetObject", CUTS, Answer::Torn("region = ".to_owned()));
    let account = of_root(torn).await;
    let error = record(&account)
        .read(account.reading(), "profile.toml")
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable, "{}", error.in_a_line());
    assert!(crate::way_out(&error).contains("again"), "{}", crate::way_out(&error));
    assert_eq!(account.replay.times("s3:GetObject"), 3);
    account.check();
}

#[tokio::test]
async fn a_read_of_any_service_that_breaks_off_is_read_again() {
    let mine = tags_json(our_tags("users-table"));
    let script = Script::default()
        .modelled("dynamodb:DescribeTable", CUTS, Answer::Torn("{\"Table\": ".to_owned()))
        .and(table::there(json!({}), mine, "DISABLED", 0));
    let account = of_root(script).await;
    let ran = account.up(&stack(|_| {}), "users-table", Given::default()).await;
    assert!(
        ran.report
            .steps
            .iter()
            .all(|step| matches!(step.outcome, Outcome::Unchanged)),
        "{:?}",
        ran.report
    );
    account.check();
}
