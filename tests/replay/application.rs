//! The Beanstalk application and its version, by what Beanstalk and its bucket answer.

use confctl::engine::{Change, Kind, Owner, Seen};
use confctl::resources::outputs::APPLICATION;

use crate::account::{Given, of_root, stack, stack_of};
use crate::beanstalk::{EB_CLI, MODEL, SAMPLES, tagged, tagged_by_others, takes_tags};
use crate::bodies::{done, query};
use crate::script::{Answer, Script, refused};

const ARN: &str = "arn:aws:elasticbeanstalk:us-east-1:123456789012:application/tcb-conference";
const VERSION_ARN: &str = "arn:aws:elasticbeanstalk:us-east-1:123456789012:applicationversion/tcb-conference/v1";
const ISSUE: &str = "aws/aws-elastic-beanstalk-cli issue 90";

fn applications(applications: &str) -> String {
    query(
        "DescribeApplications",
        &format!("<Applications>{applications}</Applications>"),
    )
}

fn application() -> String {
    format!(
        "<ApplicationArn>{ARN}</ApplicationArn><ApplicationName>tcb-conference</ApplicationName>\
         <DateCreated>2026-11-24T12:00:00.376Z</DateCreated><DateUpdated>2026-11-24T12:00:00.376Z</DateUpdated>\
         <ConfigurationTemplates/><Versions/>"
    )
}

fn found() -> String {
    applications(&format!("<member>{}</member>", application()))
}

#[tokio::test]
async fn an_application_without_our_tags_is_not_touched() {
    let script = Script::default()
        .recorded("elasticbeanstalk:DescribeApplications", EB_CLI, found())
        .recorded("elasticbeanstalk:ListTagsForResource", EB_CLI, tagged_by_others(ARN));
    let account = of_root(script).await;
    let change = account.plan(&stack(|_| {}), "application").await;
    assert!(matches!(change, Change::Blocked { .. }), "{change:?}");
    account.check();
}

#[tokio::test]
async fn an_application_is_made_with_its_tags_and_taken_over_where_that_was_asked_for() {
    let script = Script::default()
        .documented("elasticbeanstalk:DescribeApplications", SAMPLES, applications(""))
        .documented(
            "elasticbeanstalk:CreateApplication",
            &format!("{SAMPLES}/elasticbeanstalk-create-application.xml"),
            query(
                "CreateApplication",
                &format!("<Application>{}</Application>", application()),
            ),
        );
    let account = of_root(script).await;
    account.up(&stack(|_| {}), "application", Given::default()).await.done();
    assert!(account.replay.sent("elasticbeanstalk:CreateApplication")[0].contains("confctl:stack"));
    account.check();

    let mut stack = stack_of(Default::default());
    stack.take_over.insert("application".to_owned());
    let script = Script::default()
        .recorded("elasticbeanstalk:DescribeApplications", EB_CLI, found())
        .recorded("elasticbeanstalk:ListTagsForResource", EB_CLI, tagged_by_others(ARN))
        .and(takes_tags());
    let account = of_root(script).await;
    account.up(&stack.into(), "application", Given::default()).await.done();
    account.check();
}

#[tokio::test]
async fn an_application_goes_when_its_last_version_has_gone() {
    let script = Script::default()
        .recorded("elasticbeanstalk:DescribeApplications", EB_CLI, found())
        .recorded(
            "elasticbeanstalk:ListTagsForResource",
            EB_CLI,
            tagged("application", ARN),
        )
        .modelled(
            "elasticbeanstalk:DeleteApplication",
            MODEL,
            refused(
                400,
                "OperationInProgressFailure",
                "Application deletion failed: a version is being deleted.",
            ),
        )
        .documented(
            "elasticbeanstalk:DeleteApplication",
            &format!("{SAMPLES}/elasticbeanstalk-delete-application.xml"),
            done("DeleteApplication"),
        );
    let account = of_root(script).await;
    account.down(&stack(|_| {}), "application").await.done();
    assert_eq!(account.replay.times("elasticbeanstalk:DeleteApplication"), 2);
    account.check();
}

#[tokio::test]
async fn what_goes_between_two_reads_is_gone_and_no_error() {
    let script = Script::default()
        .recorded("elasticbeanstalk:DescribeApplications", EB_CLI, found())
        .recorded(
            "elasticbeanstalk:ListTagsForResource",
            "cloud-custodian/cloud-custodian tests/data/placebo/test_elasticbeanstalk_describe_envs_exception",
            refused(404, "ResourceNotFoundException", "Environment does not exist"),
        )
        .documented("elasticbeanstalk:DescribeApplications", SAMPLES, applications(""))
        .after("elasticbeanstalk:ListTagsForResource");
    let account = of_root(script).await;
    let seen = account.observe(&stack(|_| {}), "application").await;
    assert!(matches!(seen, Ok(Seen::Absent(_))), "{seen:?}");
    account.check();
}

fn version(status: &str, arn: &str) -> String {
    format!(
        "<ApplicationName>tcb-conference</ApplicationName>{arn}<Description>as it is</Description>\
         <VersionLabel>v1</VersionLabel><SourceBundle><S3Bucket>elasticbeanstalk-us-east-1-123456789012</S3Bucket>\
         <S3Key>confctl/tcb-conference/bundles/v1.zip</S3Key></SourceBundle>\
         <DateCreated>2026-11-24T12:00:55.996Z</DateCreated><DateUpdated>2026-11-24T12:00:55.996Z</DateUpdated>\
         <Status>{status}</Status>"
    )
}

fn versions(status: &str) -> String {
    let arn = format!("<ApplicationVersionArn>{VERSION_ARN}</ApplicationVersionArn>");
    let member = version(status, &arn);
    query(
        "DescribeApplicationVersions",
        &format!("<ApplicationVersions><member>{member}</member></ApplicationVersions>"),
    )
}

/// What the bucket has under the bundle's key.
fn objects(keys: &str) -> Script {
    Script::default().documented(
        "s3:ListObjectsV2",
        "aws/aws-cli awscli/examples/s3api/list-objects-v2.rst",
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Name>elasticbeanstalk-us-east-1-123456789012</Name><Prefix>confctl/</Prefix><KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys>\
             <IsTruncated>false</IsTruncated>{keys}</ListBucketResult>"
        ),
    )
}

fn bundle_is_there() -> Script {
    objects(
        "<Contents><Key>confctl/tcb-conference/bundles/v1.zip</Key><LastModified>2026-11-24T12:00:00.000Z</LastModified>\
         <ETag>&quot;70ee1738b6b21e2c8a43f3a5ab0eee71&quot;</ETag><Size>8</Size><StorageClass>STANDARD</StorageClass></Contents>",
    )
}

fn no_versions() -> String {
    query("DescribeApplicationVersions", "<ApplicationVersions/>")
}

fn given() -> Given {
    Given::default().with(&APPLICATION, "tcb-conference".to_owned())
}

/// CreateApplicationVersion says neither the ARN nor more than UNPROCESSED, in capitals.
fn made() -> String {
    let member = version("UNPROCESSED", "");
    query(
        "CreateApplicationVersion",
        &format!("<ApplicationVersion>{member}</ApplicationVersion>"),
    )
}

#[tokio::test]
async fn a_version_is_ready_only_when_beanstalk_has_processed_it() {
    let script = Script::default()
        .recorded("elasticbeanstalk:DescribeApplicationVersions", EB_CLI, no_versions())
        .documented(
            "s3:PutObject",
            "aws/aws-cli awscli/examples/s3api/put-object.rst",
            etag(),
        )
        .recorded("elasticbeanstalk:CreateApplicationVersion", ISSUE, made())
        .recorded(
            "elasticbeanstalk:DescribeApplicationVersions",
            ISSUE,
            versions("UNPROCESSED"),
        )
        .after("elasticbeanstalk:CreateApplicationVersion")
        .recorded(
            "elasticbeanstalk:DescribeApplicationVersions",
            ISSUE,
            versions("PROCESSING"),
        )
        .after("elasticbeanstalk:CreateApplicationVersion")
        .recorded(
            "elasticbeanstalk:DescribeApplicationVersions",
            ISSUE,
            versions("PROCESSED"),
        )
        .after("elasticbeanstalk:CreateApplicationVersion");
    let account = of_root(script).await;
    account.up(&stack(|_| {}), "app-version", given()).await.done();
    let sent = &account.replay.sent("elasticbeanstalk:CreateApplicationVersion")[0];
    assert_eq!(sent.parameter("Process").as_deref(), Some("true"));
    assert_eq!(
        sent.parameter("SourceBundle.S3Bucket").as_deref(),
        Some("elasticbeanstalk-us-east-1-123456789012")
    );
    // All three states were asked for: the first is not yet the end.
    account.check();
}

fn etag() -> Answer {
    Answer::With(
        vec![("etag", "\"70ee1738b6b21e2c8a43f3a5ab0eee71\"".to_owned())],
        String::new(),
    )
}

#[tokio::test]
async fn a_version_that_failed_is_deleted_and_made_again() {
    let script = Script::default()
        .documented(
            "elasticbeanstalk:DescribeApplicationVersions",
            MODEL,
            versions("FAILED"),
        )
        .and(bundle_is_there())
        .recorded(
            "elasticbeanstalk:ListTagsForResource",
            EB_CLI,
            tagged("app-version", VERSION_ARN),
        )
        .modelled(
            "elasticbeanstalk:DeleteApplicationVersion",
            MODEL,
            done("DeleteApplicationVersion"),
        )
        .documented(
            "s3:PutObject",
            "aws/aws-cli awscli/examples/s3api/put-object.rst",
            etag(),
        )
        .recorded("elasticbeanstalk:CreateApplicationVersion", ISSUE, made())
        .recorded(
            "elasticbeanstalk:DescribeApplicationVersions",
            ISSUE,
            versions("PROCESSED"),
        )
        .after("elasticbeanstalk:CreateApplicationVersion");
    let account = of_root(script).await;
    account.up(&stack(|_| {}), "app-version", given()).await.done();
    account.check();
}

#[tokio::test]
async fn a_version_whose_bundle_cannot_be_deleted_is_gone_all_the_same() {
    for (code, text) in [
        ("SourceBundleDeletionFailure", "Unable to delete source bundle."),
        ("InvalidParameterValue", "No Application Version named 'v1' found."),
    ] {
        let script = Script::default()
            .recorded(
                "elasticbeanstalk:DescribeApplicationVersions",
                EB_CLI,
                versions("PROCESSED"),
            )
            .and(bundle_is_there())
            .recorded(
                "elasticbeanstalk:ListTagsForResource",
                EB_CLI,
                tagged("app-version", VERSION_ARN),
            )
            .modelled(
                "elasticbeanstalk:DeleteApplicationVersion",
                MODEL,
                refused(400, "OperationInProgressFailure", "An operation is in progress."),
            )
            .documented(
                "elasticbeanstalk:DeleteApplicationVersion",
                MODEL,
                refused(400, code, text),
            );
        let account = of_root(script).await;
        account.down(&stack(|_| {}), "app-version").await.done();
        account.check();
    }
}

#[tokio::test]
async fn a_version_whose_object_somebody_deleted_cannot_be_deployed_and_is_made_good() {
    for (objects, keeps) in [(bundle_is_there(), true), (objects(""), false)] {
        let script = Script::default()
            .recorded(
                "elasticbeanstalk:DescribeApplicationVersions",
                EB_CLI,
                versions("PROCESSED"),
            )
            .recorded(
                "elasticbeanstalk:ListTagsForResource",
                EB_CLI,
                tagged("app-version", VERSION_ARN),
            )
            .and(objects);
        let account = of_root(script).await;
        let change = account.plan(&stack(|_| {}), "app-version").await;
        assert_eq!(change == Change::Keep, keeps, "{change:?}");
        account.check();
    }
}

#[tokio::test]
async fn too_many_versions_say_so_and_not_that_the_network_is_down() {
    let script = Script::default()
        .recorded("elasticbeanstalk:DescribeApplicationVersions", EB_CLI, no_versions())
        .documented("s3:PutObject", "aws/aws-cli awscli/examples/s3api/put-object.rst", etag())
        .documented(
            "elasticbeanstalk:CreateApplicationVersion",
            MODEL,
            refused(400, "TooManyApplicationVersionsException", "You cannot have more than 1000 Application Versions. Either remove some Application Versions or request a limit increase."),
        );
    let account = of_root(script).await;
    let ran = account.up(&stack(|_| {}), "app-version", given()).await;
    let error = &ran.failure().error;
    assert_eq!(error.code.as_deref(), Some("TooManyApplicationVersionsException"));
    assert_ne!(error.kind, Kind::Unreachable);
    assert!(error.in_a_line().contains("more than 1000"), "{}", error.in_a_line());
    account.check();
}

#[tokio::test]
async fn ours_is_told_from_another_stacks_by_region_too() {
    let tags = crate::bodies::tags_xml(
        "member",
        [
            ("confctl:stack", "tcb-conference".to_owned()),
            ("confctl:region", "eu-west-1".to_owned()),
        ],
    );
    let script = Script::default()
        .recorded("elasticbeanstalk:DescribeApplications", EB_CLI, found())
        .recorded(
            "elasticbeanstalk:ListTagsForResource",
            EB_CLI,
            crate::beanstalk::tags_of(ARN, &tags),
        );
    let account = of_root(script).await;
    let seen = account.observe(&stack(|_| {}), "application").await.unwrap();
    let owner = seen.live().map(|(_, owner)| owner.clone());
    assert_eq!(owner, Some(Owner::OtherStack("tcb-conference in eu-west-1".to_owned())));
    account.check();
}
