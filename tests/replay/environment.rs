//! The environment, by what Elastic Beanstalk and the services behind it answer.

use std::sync::Arc;

use confctl::engine::{Change, Kind, Removal, Seen};

use crate::account::{Account, of_root, stack, stack_of};
use crate::beanstalk::{
    CNAME, CUSTODIAN, EB_CLI, ENVIRONMENT, ENVIRONMENT_ARN, MODEL, PLATFORM, environment, environments, events,
    runs_everywhere, serving, tagged_by_others, tagged_in_the_end, takes_tags,
};
use crate::bodies::{done, query};
use crate::environment_answers::{
    BALANCER, GROUP, LAUNCHED, absent, configuration, create_answer, failed_launch, given, launch, launched,
    of_a_launch, options_of, ours, parts, platforms, resting, settings, stack_resources, summary,
};
use crate::script::{Script, refused};

const ID: &str = "environment";
const LISTS: &str = "aws/aws-cli awscli/examples/s3api/list-objects-v2.rst";

#[tokio::test]
async fn what_was_launched_is_kept_however_beanstalk_writes_its_settings() {
    let stack = stack(|_| {});
    let asked = launched(&stack).await;
    assert!(
        asked
            .iter()
            .any(|(_, name, value)| name == "LoadBalancerType" && value == "application")
    );
    let script = resting(serving(), configuration(&settings(&asked, "deployed")), ours()).and(parts(2, 4));
    let account = of_root(script).await;
    assert_eq!(account.plan_with(&stack, ID, given()).await, Change::Keep);
    account.check();
}

#[tokio::test]
async fn the_newest_recommended_platform_is_launched_by_its_arn() {
    let script = launch(LAUNCHED, serving()).and(parts(2, 4)).recorded(
        "elasticbeanstalk:DescribeConfigurationSettings",
        EB_CLI,
        configuration(&settings(&[], "deployed")),
    );
    let account = of_root(script).await;
    account.up(&stack(|_| {}), ID, given()).await.done();
    let listed = &account.replay.sent("elasticbeanstalk:ListPlatformVersions")[0];
    assert!(listed.contains("PlatformBranchName"));
    assert!(
        !listed.contains("ecommended"),
        "a lifecycle state is guessed: {}",
        listed.text
    );
    let created = &account.replay.sent("elasticbeanstalk:CreateEnvironment")[0];
    assert_eq!(created.parameter("PlatformArn").as_deref(), Some(PLATFORM));
    account.check();
}

#[tokio::test]
async fn a_platform_on_the_second_page_is_found() {
    let script = absent()
        .recorded(
            "elasticbeanstalk:ListPlatformVersions",
            &format!("{EB_CLI} LIST_CUSTOM_PLATFOM_VERSIONS_RESPONSE__WITH_NEXT_TOKEN"),
            platforms(&summary("4.4.9", ""), "<NextToken>more</NextToken>"),
        )
        .recorded(
            "elasticbeanstalk:ListPlatformVersions",
            EB_CLI,
            platforms(&summary("4.5.0", "Recommended"), ""),
        )
        .to("NextToken=more")
        .modelled(
            "elasticbeanstalk:CreateEnvironment",
            MODEL,
            refused(
                400,
                "TooManyEnvironmentsException",
                "The maximum number of environments is reached.",
            ),
        );
    let account = of_root(script).await;
    let ran = account.up(&stack(|_| {}), ID, given()).await;
    assert_eq!(
        ran.failure().error.code.as_deref(),
        Some("TooManyEnvironmentsException")
    );
    let created = &account.replay.sent("elasticbeanstalk:CreateEnvironment")[0];
    assert_eq!(created.parameter("PlatformArn").as_deref(), Some(PLATFORM));
    account.check();
}

#[tokio::test]
async fn one_that_launches_has_no_endpoint_yet_and_is_followed() {
    let environment = environment("Launching", "<Health>Grey</Health>");
    let script = Script::default()
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            CUSTODIAN,
            environments(&[environment]),
        )
        .recorded("elasticbeanstalk:ListTagsForResource", CUSTODIAN, ours());
    let account = of_root(script).await;
    let seen = account.observe(&stack(|_| {}), ID).await;
    assert!(
        matches!(&seen, Ok(Seen::Settling { what, .. }) if what.contains("Launching")),
        "{seen:?}"
    );
    account.check();
}

#[tokio::test]
async fn one_on_its_way_out_is_grey_and_gives_nothing() {
    let environment = environment(
        "Terminating",
        "<VersionLabel>v1</VersionLabel><Health>Grey</Health><EndpointURL>203.0.113.7</EndpointURL>",
    );
    let script = Script::default()
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            "cloud-custodian/cloud-custodian tests/data/placebo/test_eb_env_terminate",
            environments(&[environment]),
        )
        .recorded("elasticbeanstalk:ListTagsForResource", CUSTODIAN, ours());
    let account = of_root(script).await;
    let seen = account.observe(&stack(|_| {}), ID).await;
    assert!(
        matches!(&seen, Ok(Seen::Settling { what, .. }) if what.contains("Terminating")),
        "{seen:?}"
    );
    account.check();
}

#[tokio::test]
async fn basic_health_has_colours_only_and_green_is_well() {
    let green = environment("Ready", "<VersionLabel>v1</VersionLabel><Health>Green</Health>");
    let script = launch(LAUNCHED, green).and(parts(2, 4)).recorded(
        "elasticbeanstalk:DescribeConfigurationSettings",
        EB_CLI,
        configuration(&settings(&[], "deployed")),
    );
    let account = of_root(script).await;
    account.up(&stack(|_| {}), ID, given()).await.done();
    account.check();
}

#[tokio::test]
async fn an_environment_with_foreign_tags_is_not_touched() {
    let tags = tagged_by_others(ENVIRONMENT_ARN);
    let script = resting(serving(), configuration(&settings(&[], "deployed")), tags).and(parts(2, 4));
    let account = of_root(script).await;
    let change = account.plan(&stack(|_| {}), ID).await;
    assert!(matches!(change, Change::Blocked { .. }), "{change:?}");
    assert!(matches!(
        account.plan_removal(&stack(|_| {}), ID).await,
        Removal::Leave { .. }
    ));
    account.check();
}

#[tokio::test]
async fn one_whose_stack_somebody_deleted_can_still_be_planned() {
    let script = resting(serving(), configuration(&settings(&[], "deployed")), ours())
        .documented(
            "cloudformation:DescribeStacks",
            "aws/aws-cli awscli/customizations/cloudformation/deployer.py",
            refused(
                400,
                "ValidationError",
                "Stack with id awseb-e-pmpgbxpgsc-stack does not exist",
            ),
        )
        .documented(
            "cloudformation:DescribeStackResources",
            "aws/aws-cli awscli/customizations/cloudformation/deployer.py",
            refused(
                400,
                "ValidationError",
                "Stack with id awseb-e-pmpgbxpgsc-stack does not exist",
            ),
        );
    let account = of_root(script).await;
    let seen = account.observe(&stack(|_| {}), ID).await;
    assert!(matches!(seen, Ok(Seen::Present { .. })), "{:?}", seen.err());
    account.check();
}

#[tokio::test]
async fn a_name_that_somebody_else_has_is_not_the_end() {
    let script = Script::default()
        .documented(
            "elasticbeanstalk:CreateEnvironment",
            "aws/aws-elastic-beanstalk-cli ebcli/resources/strings.py",
            refused(
                400,
                "InvalidParameterValue",
                "DNS name (tcb-conference-env.us-east-1.elasticbeanstalk.com) is not available.",
            ),
        )
        // Nothing of ours has it either.
        .recorded("elasticbeanstalk:DescribeEnvironments", EB_CLI, environments(&[]))
        .to("EnvironmentNames.member.1=")
        .and(launch(LAUNCHED, serving()).without(&["elasticbeanstalk:DescribeEnvironments"]))
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            CUSTODIAN,
            environments(&[environment("Launching", "<Health>Grey</Health>")]),
        )
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            CUSTODIAN,
            environments(&[serving()]),
        )
        .and(parts(2, 4))
        .recorded(
            "elasticbeanstalk:DescribeConfigurationSettings",
            EB_CLI,
            configuration(&settings(&[], "deployed")),
        );
    let account = of_root(script).await;
    account.up(&stack(|_| {}), ID, given()).await.done();
    let asked = account.replay.sent("elasticbeanstalk:CreateEnvironment");
    assert_eq!(asked.len(), 2);
    assert_ne!(asked[0].parameter("CNAMEPrefix"), asked[1].parameter("CNAMEPrefix"));
    account.check();
}

#[tokio::test]
async fn an_account_without_load_balancers_is_told_so_and_how_to_go_on() {
    let told = [
        ("ERROR", "Create environment operation is complete, but with errors."),
        (
            "ERROR",
            "Creating load balancer failed Reason: Resource handler returned message: \"This AWS account currently does not support creating load balancers. For more information, please contact AWS Support.\"",
        ),
    ];
    let script = failed_launch(&told).recorded(
        "s3:GetObject",
        "localstack/localstack tests/aws/services/s3/test_s3.snapshot.json",
        refused(404, "NoSuchKey", "The specified key does not exist."),
    );
    let account = of_root(script).await;
    let ran = account.up(&stack(|_| {}), ID, given()).await;
    let hint = crate::way_out(&ran.failure().error);
    assert!(hint.contains("AWS support"), "{hint}");
    account.check();
}

#[tokio::test]
async fn a_profile_that_has_not_spread_is_launched_with_again() {
    let terminated = environment("Terminated", "<VersionLabel>v1</VersionLabel><Health>Grey</Health>");
    let told = [
        ("ERROR", "Failed to launch environment."),
        (
            "ERROR",
            "Creating Auto Scaling launch configuration failed Reason: Invalid IamInstanceProfile: The instance profile aws-elasticbeanstalk-ec2-role does not exist",
        ),
    ];
    let script = launch(&told, terminated)
        .and(of_a_launch())
        .recorded("elasticbeanstalk:DescribeEvents", EB_CLI, events(LAUNCHED))
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            CUSTODIAN,
            environments(&[serving()]),
        )
        .after("elasticbeanstalk:CreateEnvironment")
        .and(parts(2, 4).without(&[
            "cloudformation:DescribeStackResources",
            "elasticloadbalancing:DescribeLoadBalancers",
        ]))
        .recorded(
            "cloudformation:DescribeStackResources",
            "localstack/localstack tests/aws/services/cloudformation/engine/test_conditions.snapshot.json",
            stack_resources(&[("AWSEBAutoScalingGroup", GROUP), ("AWSEBV2LoadBalancer", BALANCER)]),
        )
        .recorded(
            "elasticbeanstalk:DescribeConfigurationSettings",
            EB_CLI,
            configuration(&settings(&[], "deployed")),
        )
        // What the first launch left in Beanstalk's bucket is looked for.
        .documented(
            "s3:ListObjectsV2",
            LISTS,
            "<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>",
        );
    let account = of_root(script).await;
    account.up(&stack(|_| {}), ID, given()).await.done();
    assert_eq!(account.replay.times("elasticbeanstalk:CreateEnvironment"), 2);
    account.check();
}

/// The updates of one that is there: what differs is deployed, and what Beanstalk never mends is mended in the services.
#[tokio::test]
async fn settings_that_differ_are_deployed_and_the_groups_own_bounds_repaired() {
    let stack = stack(|_| {});
    let mut asked = launched(&stack).await;
    let threshold = asked.iter_mut().find(|(_, name, _)| name == "UpperThreshold").unwrap();
    threshold.2 = "80".to_owned();
    let deployed = configuration(&settings(&asked, "deployed"));
    let script = resting(serving(), deployed, ours())
        .and(parts(1, 9))
        .documented(
            "elasticbeanstalk:UpdateEnvironment",
            "aws/aws-cli awscli/examples/elasticbeanstalk/update-environment.rst",
            query(
                "UpdateEnvironment",
                &environment("Updating", "<VersionLabel>v1</VersionLabel><Health>Grey</Health>"),
            ),
        )
        .recorded(
            "elasticbeanstalk:DescribeEvents",
            EB_CLI,
            events(&[
                ("INFO", "Environment update completed successfully."),
                ("INFO", "Environment update is starting."),
            ]),
        )
        .recorded(
            "autoscaling:UpdateAutoScalingGroup",
            "cloud-custodian/cloud-custodian tests/data/placebo/test_asg_resize_to_current",
            done("UpdateAutoScalingGroup"),
        );
    let account = of_root(script).await;
    account.up(&stack, ID, given()).await.done();
    let update = options_of(&account.replay.sent("elasticbeanstalk:UpdateEnvironment")[0]);
    assert_eq!(
        update,
        [(
            "aws:autoscaling:trigger".to_owned(),
            "UpperThreshold".to_owned(),
            "50".to_owned()
        )]
    );
    let repair = &account.replay.sent("autoscaling:UpdateAutoScalingGroup")[0];
    assert_eq!(repair.parameter("MinSize").as_deref(), Some("2"));
    assert_eq!(repair.parameter("MaxSize").as_deref(), Some("4"));
    account.check();
}

#[tokio::test]
async fn the_draft_of_a_failed_change_is_dropped_and_never_taken_for_what_runs() {
    let stack = stack(|_| {});
    let asked = launched(&stack).await;
    let mut draft = asked.clone();
    draft.iter_mut().for_each(|option| option.2 = "7".to_owned());
    let both = configuration(&[settings(&draft, "failed"), settings(&asked, "deployed")].concat());
    let older = serving().replace("<VersionLabel>v1<", "<VersionLabel>v0<");
    let script = resting(older, both, ours())
        .and(parts(2, 4))
        .modelled(
            "elasticbeanstalk:DeleteEnvironmentConfiguration",
            MODEL,
            done("DeleteEnvironmentConfiguration"),
        )
        .documented(
            "elasticbeanstalk:UpdateEnvironment",
            "aws/aws-cli awscli/examples/elasticbeanstalk/update-environment.rst",
            query(
                "UpdateEnvironment",
                &environment("Updating", "<VersionLabel>v1</VersionLabel>"),
            ),
        )
        .recorded(
            "elasticbeanstalk:DescribeEvents",
            EB_CLI,
            events(&[("INFO", "Environment update completed successfully.")]),
        )
        .and(runs_everywhere("v1"));
    let account = of_root(script).await;
    account.up(&stack, ID, given()).await.done();
    let update = &account.replay.sent("elasticbeanstalk:UpdateEnvironment")[0];
    assert_eq!(update.parameter("VersionLabel").as_deref(), Some("v1"));
    assert!(options_of(update).is_empty());
    account.check();
}

#[tokio::test]
async fn one_taken_over_is_tagged() {
    let mut mine = stack_of(Default::default());
    mine.take_over.insert(ID.to_owned());
    let mine = Arc::new(mine);
    let asked = launched(&mine).await;
    let script = resting(
        serving(),
        configuration(&settings(&asked, "deployed")),
        tagged_by_others(ENVIRONMENT_ARN),
    )
    .and(parts(2, 4))
    .and(takes_tags())
    .and(tagged_in_the_end())
    .recorded("elasticbeanstalk:ListTagsForResource", CUSTODIAN, ours())
    .after("elasticbeanstalk:UpdateTagsForResource");
    let account = of_root(script).await;
    account.up(&mine, ID, given()).await.done();
    account.check();
}

fn terminated(account: &Account) -> Vec<String> {
    let deleted = account.replay.sent("s3:DeleteObject");
    deleted.iter().map(|sent| sent.text.clone()).collect()
}

#[tokio::test]
async fn it_is_terminated_when_its_last_operation_is_over_and_its_leavings_go_with_it() {
    let terminating = environment("Terminating", "<VersionLabel>v1</VersionLabel><Health>Grey</Health>");
    let gone = environment("Terminated", "<VersionLabel>v1</VersionLabel><Health>Grey</Health>");
    let listed = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <Name>elasticbeanstalk-us-east-1-123456789012</Name><Prefix>resources/environments/</Prefix><KeyCount>2</KeyCount>\
         <MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>\
         <Contents><Key>resources/environments/{ENVIRONMENT}/_runtime/x</Key><LastModified>2026-11-24T12:00:00.000Z</LastModified><ETag>&quot;1&quot;</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>\
         <Contents><Key>resources/environments/e-another/_runtime/x</Key><LastModified>2026-11-24T12:00:00.000Z</LastModified><ETag>&quot;1&quot;</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>\
         </ListBucketResult>"
    );
    let script = resting(serving(), configuration(&settings(&[], "deployed")), ours())
        .and(parts(2, 4))
        .recorded(
            "elasticbeanstalk:TerminateEnvironment",
            "aws/aws-elastic-beanstalk-cli-setup issue 144",
            refused(
                400,
                "InvalidParameterValue",
                "Environment named Tcb-conference-env is in an invalid state for this operation. Must be Ready.",
            ),
        )
        .recorded(
            "elasticbeanstalk:TerminateEnvironment",
            "cloud-custodian/cloud-custodian tests/data/placebo/test_eb_env_terminate",
            query("TerminateEnvironment", &terminating),
        )
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            CUSTODIAN,
            environments(&[environment("Updating", "")]),
        )
        .to("IncludeDeleted=true")
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            CUSTODIAN,
            environments(&[terminating]),
        )
        .to("IncludeDeleted=true")
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            CUSTODIAN,
            environments(&[gone]),
        )
        .to("IncludeDeleted=true")
        .recorded(
            "elasticbeanstalk:DescribeEvents",
            EB_CLI,
            events(&[("INFO", "terminateEnvironment is starting.")]),
        )
        .documented("s3:ListObjectsV2", LISTS, listed)
        .recorded(
            "s3:DeleteObject",
            "localstack/localstack tests/aws/services/s3/test_s3.snapshot.json",
            "",
        );
    let account = of_root(script).await;
    account.down(&stack(|_| {}), ID).await.done();
    let deleted = terminated(&account);
    assert_eq!(deleted.len(), 1, "{deleted:?}");
    assert!(deleted[0].contains(ENVIRONMENT));
    account.check();
}

#[tokio::test]
async fn empty_settings_are_no_settings_that_anybody_could_compare() {
    let empty = configuration("");
    let script = resting(serving(), empty, ours())
        .and(parts(2, 4).only(&["cloudformation:DescribeStacks", "cloudformation:DescribeStackResources"]));
    let account = of_root(script).await;
    let error = account.observe(&stack(|_| {}), ID).await.err().unwrap();
    assert_ne!(error.kind, Kind::Missing);
    assert!(error.in_a_line().contains("no settings"), "{}", error.in_a_line());
}

#[tokio::test]
async fn strangers_with_wrong_addresses_do_not_make_it_ill() {
    let asked = launched(&stack(|_| {})).await;
    let document = asked.iter().find(|(_, name, _)| name == "ConfigDocument");
    let document = document.map(|(_, _, value)| value.as_str()).unwrap_or_default();
    let rules: serde_json::Value = serde_json::from_str(document).unwrap_or_default();
    // Source: the developer guide's health-enhanced-rules.
    for of in ["Application", "ELB"] {
        let rule = &rules["Rules"]["Environment"][of]["ApplicationRequests4xx"]["Enabled"];
        let rule = match of {
            "ELB" => &rules["Rules"]["Environment"]["ELB"]["ELBRequests4xx"]["Enabled"],
            _ => rule,
        };
        assert_eq!(*rule, false, "{of} counts 4xx: {document}");
    }
}

#[tokio::test]
async fn the_cname_is_what_beanstalk_says_it_is() {
    let stack = stack(|profile| profile.cdn.origin = confctl::profile::CdnOrigin::Cname);
    let script = launch(LAUNCHED, serving()).and(parts(2, 4)).recorded(
        "elasticbeanstalk:DescribeConfigurationSettings",
        EB_CLI,
        configuration(&settings(&[], "deployed")),
    );
    let account = of_root(script).await;
    account.up(&stack, ID, given()).await.done();
    assert!(create_answer().contains(CNAME));
    account.check();
}

#[tokio::test]
async fn what_the_platform_sets_for_itself_is_nobodys_drift() {
    let python = stack(|profile| profile.app.platform = "Python 3.13 running on 64bit Amazon Linux 2023".to_owned());
    let mut asked = launched(&python).await;
    let own = (
        "aws:elasticbeanstalk:application:environment",
        "PYTHONPATH",
        "/var/app/venv/staging-LQM1lest/bin",
    );
    asked.push((own.0.to_owned(), own.1.to_owned(), own.2.to_owned()));
    let runs = serving().replace(
        PLATFORM,
        "arn:aws:elasticbeanstalk:us-east-1::platform/Python 3.13 running on 64bit Amazon Linux 2023/4.5.0",
    );
    let script = resting(runs, configuration(&settings(&asked, "deployed")), ours()).and(parts(2, 4));
    let account = of_root(script).await;
    assert_eq!(account.plan_with(&python, ID, given()).await, Change::Keep);
    account.check();
}

#[tokio::test]
async fn events_that_nobody_may_read_do_not_hide_that_it_serves() {
    let script = launch(&[], serving()).and(parts(2, 4)).recorded(
        "elasticbeanstalk:DescribeConfigurationSettings",
        EB_CLI,
        configuration(&settings(&[], "deployed")),
    );
    let script = script.without(&["elasticbeanstalk:DescribeEvents"]).documented(
        "elasticbeanstalk:DescribeEvents",
        MODEL,
        query("DescribeEvents", "<Events/>"),
    );
    let account = of_root(script).await;
    account.up(&stack(|_| {}), ID, given()).await.done();
    account.check();
}

#[tokio::test]
async fn a_live_site_at_warning_is_updated_and_said_to_be_at_warning() {
    let stack = stack(|_| {});
    let asked = launched(&stack).await;
    let older = serving().replace("<VersionLabel>v1<", "<VersionLabel>v0<");
    let warned = serving().replace("<HealthStatus>Ok<", "<HealthStatus>Warning<");
    let script = resting(older, configuration(&settings(&asked, "deployed")), ours())
        .and(parts(2, 4))
        .documented(
            "elasticbeanstalk:UpdateEnvironment",
            "aws/aws-cli awscli/examples/elasticbeanstalk/update-environment.rst",
            query(
                "UpdateEnvironment",
                &environment("Updating", "<VersionLabel>v1</VersionLabel>"),
            ),
        )
        .recorded(
            "elasticbeanstalk:DescribeEvents",
            EB_CLI,
            events(&[("INFO", "Environment update completed successfully.")]),
        )
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            CUSTODIAN,
            environments(&[warned]),
        )
        .after("elasticbeanstalk:UpdateEnvironment")
        .and(runs_everywhere("v1"));
    let account = of_root(script).await;
    account.up(&stack, ID, given()).await.done();
    assert!(
        account.told().iter().any(|text| text.contains("Warning")),
        "{:?}",
        account.told()
    );
    account.check();
}

#[tokio::test]
async fn health_that_beanstalk_does_not_tell_hides_no_failure() {
    let told = [
        ("ERROR", "Create environment operation is complete, but with errors."),
        (
            "ERROR",
            "LaunchWaitCondition failed. The expected number of EC2 instances were not initialized within the given time.",
        ),
    ];
    let script = failed_launch(&told)
        .without(&["elasticbeanstalk:DescribeEnvironmentHealth"])
        .recorded(
            "elasticbeanstalk:DescribeEnvironmentHealth",
            "Upplication/gulp-elasticbeanstalk-deploy issue 4",
            refused(
                400,
                "InvalidRequestException",
                "DescribeEnvironmentHealth is not supported.",
            ),
        )
        .recorded(
            "s3:GetObject",
            "localstack/localstack tests/aws/services/s3/test_s3.snapshot.json",
            refused(404, "NoSuchKey", "The specified key does not exist."),
        );
    let account = of_root(script).await;
    let ran = account.up(&stack(|_| {}), ID, given()).await;
    assert!(ran.failure().error.in_a_line().contains("LaunchWaitCondition failed"));
    account.check();
}
