//! Deployments by what Beanstalk tells of each instance: which have failed, which were left out, and what is gone back to.

use std::sync::Arc;

use confctl::engine::{Change, Kind};
use confctl::profile::Profile;
use confctl::resources::{Deploying, Stack, Way};

use crate::account::{Account, as_caller, of_root, stack, stack_of};
use crate::beanstalk::{
    CUSTODIAN, EB_CLI, ENVIRONMENT, GUIDE, MODEL, environment, environments, events, instances, instances_page,
    runs_everywhere, serving,
};
use crate::bodies::{done, ec2, query};
use crate::environment_answers::{configuration, given, launched, ours, parts, resting, settings};
use crate::iam::simulated;
use crate::script::{Script, refused};
use crate::way_out;

const ID: &str = "environment";
const UPDATE: &str = "elasticbeanstalk:UpdateEnvironment";
const ABORT: &str = "elasticbeanstalk:AbortEnvironmentUpdate";
const HEALTH: &str = "elasticbeanstalk:DescribeInstancesHealth";

/// As public event logs have it (newest first).
const HALF_WAY: &[(&str, &str)] = &[
    (
        "ERROR",
        "During an aborted deployment, some instances may have deployed the new application version. To ensure all instances \
         are running the same version, re-deploy the appropriate application version.",
    ),
    ("ERROR", "Failed to deploy application."),
    ("INFO", "Environment update is starting."),
];
const LARAVEL: &str = "rennokki/laravel-aws-eb issue 71";
const LEFT_OUT: &str = "aws/elastic-beanstalk-roadmap issue 162";

/// The stack of a run that only deploys.
fn deploying(way: Way) -> Arc<Stack> {
    let mut stack = stack_of(Profile::default());
    stack.deploying = Some(Deploying::of(way));
    Arc::new(stack)
}

/// An environment at rest with its deployed settings.
async fn at_rest(serving: String) -> Script {
    let asked = launched(&stack(|_| {})).await;
    resting(serving, configuration(&settings(&asked, "deployed")), ours()).and(parts(2, 4))
}

fn updates() -> Script {
    Script::default().documented(
        UPDATE,
        "aws/aws-cli awscli/examples/elasticbeanstalk/update-environment.rst",
        query(
            "UpdateEnvironment",
            &environment("Updating", "<VersionLabel>v1</VersionLabel>"),
        ),
    )
}

fn at(version: &str) -> String {
    serving().replace("<VersionLabel>v1<", &format!("<VersionLabel>{version}<"))
}

fn degraded(environment: &str) -> String {
    environment
        .replace("<HealthStatus>Ok<", "<HealthStatus>Degraded<")
        .replace(">Green<", ">Red<")
}

/// Versions of the application, newest first, a day apart.
fn versions(labels: &[&str]) -> Script {
    let members: String = labels
        .iter()
        .enumerate()
        .map(|(place, label)| {
            format!(
                "<member><ApplicationName>tcb-conference</ApplicationName>\
                 <ApplicationVersionArn>arn:aws:elasticbeanstalk:us-east-1:123456789012:applicationversion/tcb-conference/{label}</ApplicationVersionArn>\
                 <VersionLabel>{label}</VersionLabel><DateCreated>2026-11-{:02}T12:00:55.996Z</DateCreated>\
                 <DateUpdated>2026-11-24T12:00:55.996Z</DateUpdated><Status>PROCESSED</Status></member>",
                28 - place
            )
        })
        .collect();
    Script::default().recorded(
        "elasticbeanstalk:DescribeApplicationVersions",
        EB_CLI,
        query(
            "DescribeApplicationVersions",
            &format!("<ApplicationVersions>{members}</ApplicationVersions>"),
        ),
    )
}

/// That a type has two vCPUs.
fn types() -> Script {
    let kind = "<item><instanceType>t3.micro</instanceType><vCpuInfo><defaultVCpus>2</defaultVCpus></vCpuInfo></item>";
    Script::default().documented(
        "ec2:DescribeInstanceTypes",
        "aws/aws-cli awscli/examples/ec2/describe-instance-types.rst",
        ec2(
            "DescribeInstanceTypes",
            &format!("<instanceTypeSet>{kind}</instanceTypeSet>"),
        ),
    )
}

fn told(newest_first: &[(&str, &str)]) -> Script {
    Script::default().recorded("elasticbeanstalk:DescribeEvents", LARAVEL, events(newest_first))
}

#[tokio::test]
async fn one_that_failed_half_way_names_what_each_instance_runs_and_the_way_back() {
    let mixed = [
        ("i-1", "v1", 2, "Deployed"),
        ("i-2", "v1", 2, "Failed"),
        ("i-3", "v0", 1, "Deployed"),
    ];
    let script = at_rest(at("v0"))
        .await
        .and(updates())
        .and(told(HALF_WAY))
        .documented(HEALTH, MODEL, instances(&mixed))
        .documented(
            "elasticbeanstalk:DescribeEnvironmentHealth",
            &format!("{GUIDE} environments-health-enhanced-notifications"),
            query(
                "DescribeEnvironmentHealth",
                "<EnvironmentName>Tcb-conference-env</EnvironmentName><HealthStatus>Degraded</HealthStatus><Status>Ready</Status>\
                 <Color>Red</Color><Causes><member>Incorrect application version found on 2 out of 3 instances. Expected version \
                 \"v0\" (deployment 1).</member></Causes><RefreshedAt>2026-11-24T12:10:00Z</RefreshedAt>",
            ),
        )
        .documented(
            "s3:GetObject",
            &format!("{GUIDE} environments-deployment-logs"),
            refused(404, "NoSuchKey", "The specified key does not exist."),
        );
    let account = of_root(script).await;
    let ran = account.up(&stack(|_| {}), ID, given()).await;
    let error = &ran.failure().error;
    let all = error.in_a_line();
    for part in [
        "i-1 took v1 (deployment 2)",
        "i-2: v1 failed there (deployment 2)",
        "i-3 stayed at v0 (deployment 1)",
        "Failed to deploy application.",
    ] {
        assert!(all.contains(part), "{part} is missing in: {all}");
    }
    assert_eq!(way_out(error), "`deploy --rollback` puts v0 on all instances again");
    account.check();
}

/// As public event logs have it (newest first): the second batch of a deployment that goes one by one.
const SECOND_BATCH: &[(&str, &str)] = &[
    ("ERROR", "Failed to deploy application."),
    (
        "ERROR",
        "Unsuccessful command execution on instance id(s) 'i-0bf0eb2e2e8e98adb'. Aborting the operation.",
    ),
    (
        "ERROR",
        "[Instance: i-0bf0eb2e2e8e98adb] Command failed on instance. Return code: 1 Output: Engine execution has encountered an error..",
    ),
    ("ERROR", "Instance deployment failed. For details, see 'eb-engine.log'."),
    (
        "INFO",
        "Batch 2: Starting application deployment on instance(s) [i-0bf0eb2e2e8e98adb].",
    ),
    ("INFO", "Batch 1: Completed application deployment."),
    ("INFO", "Environment update is starting."),
];

/// What its instances say of it: the engine's error is there more than once.
const ENGINE: &str = "\
2026-11-24T12:04:00.399Z [ERROR] An error occurred during execution of command: Command .platform/hooks/predeploy/1.sh failed with error exit status 3. Stderr:no room
2026-11-24T12:04:00.400Z [ERROR] An error occurred during execution of command [app-deploy] - [RunAppDeployPreDeployHooks]. Stop running the command. Error: Command .platform/hooks/predeploy/1.sh failed with error exit status 3. Stderr:no room
";

/// One that fails on its second batch.
async fn breaking(environment_after: String) -> Script {
    at_rest(at("v0"))
        .await
        .and(updates())
        .and(told(SECOND_BATCH))
        .and(versions(&["v1", "v0"]))
        .and(types())
        .documented(
            HEALTH,
            MODEL,
            instances(&[("i-1", "v1", 2, "Deployed"), ("i-3", "v0", 1, "Deployed")]),
        )
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            CUSTODIAN,
            environments(&[environment_after]),
        )
        .after(UPDATE)
        .documented(
            "elasticbeanstalk:DescribeEnvironmentHealth",
            &format!("{GUIDE} environments-health-enhanced-notifications"),
            query(
                "DescribeEnvironmentHealth",
                "<EnvironmentName>Tcb-conference-env</EnvironmentName><HealthStatus>Degraded</HealthStatus><Causes/>",
            ),
        )
        .documented("s3:GetObject", &format!("{GUIDE} environments-deployment-logs"), ENGINE)
        .modelled(
            "elasticbeanstalk:RetrieveEnvironmentInfo",
            EB_CLI,
            query("RetrieveEnvironmentInfo", "<EnvironmentInfo/>"),
        )
        .modelled(
            "elasticbeanstalk:RequestEnvironmentInfo",
            EB_CLI,
            refused(
                403,
                "AccessDenied",
                "User: ann is not authorized to perform: elasticbeanstalk:RequestEnvironmentInfo",
            ),
        )
}

#[tokio::test]
async fn a_failed_deployment_says_first_where_and_why_and_leaves_nothing_that_was_not_there() {
    let account = of_root(breaking(at("v0")).await).await;
    let ran = account.up(&deploying(Way::Forward), ID, given()).await;
    let failure = ran.failure();
    let error = &failure.error;
    assert_eq!(
        error.message,
        "the deployment of v1 failed on i-0bf0eb2e2e8e98adb (batch 2 of 2): Command .platform/hooks/predeploy/1.sh failed \
         with error exit status 3. Stderr:no room"
    );
    // The reason once, and what became of each instance, also of the one that Beanstalk lists no more.
    let again = error.causes.iter().filter(|cause| cause.contains("no room")).count();
    assert_eq!(again, 0, "{:#?}", error.causes);
    let told = [
        "i-1 took v1 (deployment 2)",
        "i-3 stayed at v0 (deployment 1)",
        "i-0bf0eb2e2e8e98adb: v1 failed there, and it is gone since",
    ];
    assert_eq!(error.causes[..3], told);
    assert_eq!(way_out(error), "`deploy --rollback` puts v0 on all instances again");
    // The environment was there before, and whoever deploys to it does not want to be rid of it.
    assert!(failure.left_behind.is_empty(), "{:?}", failure.left_behind);
    assert!(ran.report.steps.iter().all(|step| step.left_behind.is_empty()));
    account.check();
}

#[tokio::test]
async fn a_deployment_that_somebody_aborts_is_not_said_to_have_failed_by_itself() {
    let aborting = at("v0").replace("<Status>Ready<", "<Status>Aborting<");
    let script = breaking(aborting).await.recorded(
        "elasticbeanstalk:DescribeEnvironments",
        CUSTODIAN,
        environments(&[at("v0")]),
    );
    let account = of_root(script.after(UPDATE)).await;
    let ran = account.up(&deploying(Way::Forward), ID, given()).await;
    let error = &ran.failure().error;
    assert_eq!(error.kind, Kind::Aborted);
    assert_eq!(
        error.message,
        "the deployment of v1 was stopped by somebody before it was done"
    );
    assert_eq!(way_out(error), "`deploy --rollback` puts v0 on all instances again");
    account.check();
}

/// An interrupted `--strategy` left its policy: the profile's is set first, and stays.
#[tokio::test]
async fn a_policy_that_was_left_over_is_set_back_before_the_version() {
    let mut asked = launched(&stack(|_| {})).await;
    let policy = asked
        .iter_mut()
        .find(|(_, name, _)| name == "DeploymentPolicy")
        .unwrap();
    let usual = std::mem::replace(&mut policy.2, "AllAtOnce".to_owned());
    let script = resting(at("v0"), configuration(&settings(&asked, "deployed")), ours())
        .and(parts(2, 4))
        .and(runs_everywhere("v0"))
        .and(versions(&["v1", "v0"]))
        .and(types())
        .and(updates())
        .recorded(
            "elasticbeanstalk:DescribeEvents",
            EB_CLI,
            events(&[("INFO", "Environment update completed successfully.")]),
        )
        .and(runs_everywhere("v1"))
        .after(UPDATE);
    let account = of_root(script).await;
    account.up(&deploying(Way::Forward), ID, given()).await.done();
    let sent = account.replay.sent(UPDATE);
    assert_eq!(sent.len(), 2, "the profile's policy stays");
    assert_eq!(
        sent[0].parameter("OptionSettings.member.1.Value").as_deref(),
        Some(usual.as_str())
    );
    assert_eq!(sent[1].parameter("VersionLabel").as_deref(), Some("v1"));
    account.check();
}

/// An immutable deployment left no trace but its events.
#[tokio::test]
async fn from_a_deployment_that_came_to_no_instance_nothing_is_gone_back() {
    let script = at_rest(at("v1"))
        .await
        .and(runs_everywhere("v1"))
        .and(versions(&["v2", "v1", "v0"]))
        .and(types())
        .and(told(HALF_WAY));
    let account = of_root(script).await;
    assert_eq!(goes_back(&account, None).await, Change::Keep);
    account.check();
}

/// Beanstalk calls it a success, and the environment has its label.
#[tokio::test]
async fn an_instance_that_was_left_out_makes_a_success_none() {
    let script = at_rest(at("v0"))
        .await
        .and(updates())
        .recorded(
            "elasticbeanstalk:DescribeEvents",
            LEFT_OUT,
            events(&[
                ("INFO", "Environment update completed successfully."),
                ("INFO", "New application version was deployed to running EC2 instances."),
            ]),
        )
        .documented(
            HEALTH,
            MODEL,
            instances_page(&[("i-1", "v1", 2, "Deployed")], "<NextToken>more</NextToken>"),
        )
        .documented(HEALTH, MODEL, instances(&[("i-2", "v0", 1, "Deployed")]))
        .to("NextToken=more");
    let account = of_root(script).await;
    let ran = account.up(&stack(|_| {}), ID, given()).await;
    let all = ran.failure().error.in_a_line();
    assert!(
        all.contains("not every instance runs it") && all.contains("i-2 runs v0"),
        "{all}"
    );
    account.check();
}

#[tokio::test]
async fn the_label_that_others_ran_ahead_of_is_what_is_gone_back_to() {
    let mixed = [("i-1", "v2", 2, "Deployed"), ("i-2", "v2", 2, "Failed")];
    let script = at_rest(degraded(&serving()))
        .await
        .documented(HEALTH, MODEL, instances(&mixed))
        .and(versions(&["v2", "v1"]))
        .and(types())
        .and(told(HALF_WAY))
        .and(updates())
        .recorded(
            "elasticbeanstalk:DescribeEvents",
            EB_CLI,
            events(&[("INFO", "Environment update completed successfully.")]),
        )
        .after(UPDATE)
        .documented(
            HEALTH,
            MODEL,
            instances(&[("i-1", "v1", 3, "Deployed"), ("i-2", "v1", 3, "Deployed")]),
        )
        .after(UPDATE)
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            CUSTODIAN,
            environments(&[serving()]),
        )
        .after(UPDATE);
    let account = of_root(script).await;
    account.up(&deploying(Way::Back { to: None }), ID, given()).await.done();
    let update = &account.replay.sent(UPDATE)[0];
    assert_eq!(update.parameter("VersionLabel").as_deref(), Some("v1"));
    account.check();
}

async fn goes_back(account: &Account, to: Option<&str>) -> Change {
    let way = Way::Back {
        to: to.map(str::to_owned),
    };
    account.plan_with(&deploying(way), ID, given()).await
}

/// Beanstalk shows no versions to who may not look, and none of them is "not there any more" for that.
#[tokio::test]
async fn who_may_not_see_the_versions_is_told_so_and_not_that_the_one_to_go_back_to_is_gone() {
    const USER: &str = "arn:aws:iam::123456789012:user/ann";
    const READ: &str = "elasticbeanstalk:DescribeApplicationVersions";
    let script = at_rest(at("v2"))
        .await
        .and(runs_everywhere("v2"))
        .and(versions(&[]))
        .documented(
            "iam:SimulatePrincipalPolicy",
            "aws/aws-cli awscli/examples/iam/simulate-principal-policy.rst",
            simulated(&[
                ("elasticbeanstalk:DescribeApplications", "allowed", ""),
                (READ, "implicitDeny", ""),
            ]),
        );
    let account = as_caller(script, USER).await;
    let back = deploying(Way::Back {
        to: Some("v1".to_owned()),
    });
    let error = account.observe(&back, ID).await.unwrap_err();
    assert_eq!(error.kind, Kind::Denied);
    let said = error.in_a_line();
    assert!(said.contains(READ), "{said}");
    account.check();
}

/// Where every instance runs the environment's version, something has to tell what ran before.
#[tokio::test]
async fn without_a_word_on_what_ran_before_a_version_has_to_be_named() {
    let script = at_rest(at("v2"))
        .await
        .and(runs_everywhere("v2"))
        .and(versions(&["v2", "v1"]))
        .and(types())
        .recorded(
            "elasticbeanstalk:DescribeEvents",
            EB_CLI,
            events(&[("INFO", "Environment update is starting.")]),
        );
    let account = of_root(script).await;
    let Change::Blocked { reason, .. } = goes_back(&account, None).await else {
        panic!("nothing tells what ran before v2");
    };
    assert!(reason.contains("what ran before v2"), "{reason}");
    let change = goes_back(&account, Some("v1")).await;
    assert_eq!(change.fields()[0].to.as_deref(), Some("v1"));
    let Change::Blocked { reason, .. } = goes_back(&account, Some("v0")).await else {
        panic!("v0 is not there");
    };
    assert!(reason.contains("v0 is not there any more"), "{reason}");
    account.check();
}

#[tokio::test]
async fn an_update_that_can_be_aborted_is_and_one_that_just_ended_is_none_to_abort() {
    let under_way = serving().replace("<Status>Ready<", "<Status>Updating<").replace(
        "<AbortableOperationInProgress>false<",
        "<AbortableOperationInProgress>true<",
    );
    let aborted = done("AbortEnvironmentUpdate");
    let over = refused(
        400,
        "InvalidParameterValue",
        "Environment named Tcb-conference-env is in an invalid state for this operation. Must be pending deployment.",
    );
    let setup = "aws/aws-elastic-beanstalk-cli-setup issue 144";
    for answer in [
        Script::default().modelled("elasticbeanstalk:AbortEnvironmentUpdate", MODEL, aborted),
        Script::default().documented("elasticbeanstalk:AbortEnvironmentUpdate", setup, over),
    ] {
        let script = at_rest(under_way.clone())
            .await
            .and(answer)
            .and(told(HALF_WAY))
            .recorded(
                "elasticbeanstalk:DescribeEnvironments",
                CUSTODIAN,
                environments(&[serving()]),
            );
        let account = of_root(script.after(ABORT)).await;
        account.up(&deploying(Way::Stop), ID, given()).await.done();
        assert_eq!(
            account.replay.sent(ABORT)[0].parameter("EnvironmentId").as_deref(),
            Some(ENVIRONMENT)
        );
        account.check();
    }
}

#[tokio::test]
async fn of_many_versions_the_oldest_of_ours_goes_and_nothing_that_runs() {
    // v0 is what every instance runs, and the oldest but one.
    let labels = ["w9", "w8", "w7", "w6", "w5", "w4", "w3", "w2", "w1", "v1", "v0", "u1"];
    let script = at_rest(at("v0"))
        .await
        .and(runs_everywhere("v0"))
        .and(versions(&labels))
        .and(types())
        .recorded(
            "elasticbeanstalk:ListTagsForResource",
            CUSTODIAN,
            crate::beanstalk::tagged("app-version", "u1"),
        )
        .to("u1")
        .and(updates())
        .recorded(
            "elasticbeanstalk:DescribeEvents",
            EB_CLI,
            events(&[("INFO", "Environment update completed successfully.")]),
        )
        .and(runs_everywhere("v1"))
        .after(UPDATE)
        .documented(
            "elasticbeanstalk:DeleteApplicationVersion",
            "aws/aws-cli awscli/examples/elasticbeanstalk/delete-application-version.rst",
            done("DeleteApplicationVersion"),
        );
    let account = of_root(script).await;
    account.up(&deploying(Way::Forward), ID, given()).await.done();
    let deleted = account.replay.sent("elasticbeanstalk:DeleteApplicationVersion");
    let labels: Vec<_> = deleted
        .iter()
        .filter_map(|sent| sent.parameter("VersionLabel"))
        .collect();
    assert_eq!(labels, ["u1"]);
    account.check();
}

#[tokio::test]
async fn there_is_no_environment_to_deploy_to() {
    let account = of_root(crate::environment_answers::absent()).await;
    let change = account.plan_with(&deploying(Way::Forward), ID, given()).await;
    assert!(matches!(change, Change::Blocked { .. }), "{change:?}");
}
