//! Beanstalk as a client of its query API meets it, without HTTP: what goes in, and what XML comes out.

use std::sync::Arc;

use http::{HeaderMap, Method, Uri};

use crate::fakes::{Fake, prepared, rest};
use crate::protocols::call::{Call, Protocol};
use crate::services::dispatch;
use crate::world::{Refusal, World};

fn call(service: &str, operation: &str, parameters: &[(&str, &str)]) -> Call {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", operation).extend_pairs(parameters);
    let mut headers = HeaderMap::new();
    headers.insert("host", http::HeaderValue::from_static("127.0.0.1:4566"));
    Call {
        request_id: "r".to_owned(),
        service: service.to_owned(),
        region: "us-east-1".to_owned(),
        protocol: Protocol::Query,
        operation: operation.to_owned(),
        caller: "arn:aws:iam::000000000000:user/alice".to_owned(),
        method: Method::POST,
        uri: Uri::from_static("/"),
        headers,
        body: form.finish().into(),
    }
}

fn ask(world: &Arc<World>, operation: &str, parameters: &[(&str, &str)]) -> Result<String, Refusal> {
    ask_of(world, "elasticbeanstalk", operation, parameters)
}

fn ask_of(world: &Arc<World>, service: &str, operation: &str, parameters: &[(&str, &str)]) -> Result<String, Refusal> {
    let answer = dispatch(world, &call(service, operation, parameters))?;
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}

/// The text of the first element of that name.
fn text<'a>(xml: &'a str, name: &str) -> &'a str {
    let (start, end) = (format!("<{name}>"), format!("</{name}>"));
    let rest = xml.split_once(&start).unwrap_or_else(|| panic!("no {name} in {xml}")).1;
    rest.split_once(&end).map_or("", |(text, _)| text)
}

const GO: (&str, &str) = ("SolutionStackName", "64bit Amazon Linux 2023 v4.10.0 running Go 1");

/// The one setting without which nothing launches.
const PROFILE: [(&str, &str); 3] = [
    (
        "OptionSettings.member.1.Namespace",
        "aws:autoscaling:launchconfiguration",
    ),
    ("OptionSettings.member.1.OptionName", "IamInstanceProfile"),
    ("OptionSettings.member.1.Value", "profile"),
];

/// What an environment of the conference that launches is made with.
fn of_conference(name: &str) -> [(&str, &str); 7] {
    [
        ("ApplicationName", "conference"),
        ("EnvironmentName", name),
        ("VersionLabel", "v1"),
        GO,
        PROFILE[0],
        PROFILE[1],
        PROFILE[2],
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_forgets_every_setting_gets_what_aws_would_give_it() {
    let fake = prepared();
    let world = &fake.world;
    let of = ("ApplicationName", "conference");
    let made = [
        of,
        ("EnvironmentName", "naive"),
        ("VersionLabel", "v1"),
        GO,
        PROFILE[0],
        PROFILE[1],
        PROFILE[2],
    ];
    let xml = ask(world, "CreateEnvironment", &made).unwrap();
    let id = text(&xml, "EnvironmentId").to_owned();
    rest(&fake, &id).await;
    let xml = ask(world, "DescribeEnvironments", &[("EnvironmentIds.member.1", &id)]).unwrap();
    assert_eq!((text(&xml, "Status"), text(&xml, "Health")), ("Ready", "Green"));
    assert!(!xml.contains("<HealthStatus>"), "basic health: {xml}");
    let xml = ask(world, "DescribeEnvironmentResources", &[("EnvironmentId", &id)]).unwrap();
    let name = text(text(&xml, "LoadBalancers"), "Name").to_owned();
    assert!(
        name.starts_with("awseb-e-"),
        "a classic load balancer is known by its name: {name}"
    );
    let configuration = text(text(&xml, "LaunchConfigurations"), "Name").to_owned();
    let scaling = |operation: &str| ask_of(world, "autoscaling", operation, &[]).unwrap();
    let xml = scaling("DescribeLaunchConfigurations");
    assert_eq!(text(&xml, "LaunchConfigurationName"), configuration);
    assert!(
        text(&xml, "IamInstanceProfile").ends_with("instance-profile/profile"),
        "{xml}"
    );

    let first = [("Version", "2012-06-01"), ("LoadBalancerNames.member.1", &name)];
    let xml = ask_of(world, "elasticloadbalancing", "DescribeLoadBalancers", &first).unwrap();
    assert_eq!(text(text(&xml, "HealthCheck"), "Target"), "TCP:80");
    let second = [("Version", "2015-12-01")];
    let xml = ask_of(world, "elasticloadbalancing", "DescribeLoadBalancers", &second).unwrap();
    assert!(!xml.contains(&name), "it is of the first generation: {xml}");

    let stack = format!("awseb-{id}-stack");
    let xml = ask_of(world, "cloudformation", "ListStacks", &[]).unwrap();
    assert_eq!(
        (text(&xml, "StackName"), text(&xml, "StackStatus")),
        (stack.as_str(), "CREATE_COMPLETE")
    );
    let part = [
        ("StackName", stack.as_str()),
        ("LogicalResourceId", "AWSEBLoadBalancer"),
    ];
    let xml = ask_of(world, "cloudformation", "DescribeStackResource", &part).unwrap();
    assert_eq!(text(&xml, "PhysicalResourceId"), name);
    ask(world, "TerminateEnvironment", &[("EnvironmentId", &id)]).unwrap();
    rest(&fake, &id).await;
    assert!(!scaling("DescribeLaunchConfigurations").contains("<member>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn log_groups_are_there_with_their_tags_and_outlive_the_environment() {
    let fake = prepared();
    let world = &fake.world;
    let mut made = vec![
        ("ApplicationName", "conference"),
        ("EnvironmentName", "talkative"),
        ("VersionLabel", "v1"),
        GO,
        PROFILE[0],
        PROFILE[1],
        PROFILE[2],
        (
            "OptionSettings.member.2.Namespace",
            "aws:elasticbeanstalk:cloudwatch:logs",
        ),
        ("OptionSettings.member.2.OptionName", "StreamLogs"),
        ("OptionSettings.member.2.Value", "true"),
    ];
    let xml = ask(world, "CreateEnvironment", &made).unwrap();
    let id = text(&xml, "EnvironmentId").to_owned();
    rest(&fake, &id).await;
    let read = |operation: &str, body: &'static str| {
        let mut call = call("logs", operation, &[]);
        (call.protocol, call.body) = (Protocol::Json, body.into());
        dispatch(world, &call).map(|answer| serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap())
    };
    let groups = read(
        "DescribeLogGroups",
        r#"{"logGroupNamePrefix": "/aws/elasticbeanstalk/talkative/"}"#,
    )
    .unwrap();
    assert_eq!(groups["logGroups"].as_array().map(Vec::len), Some(5), "{groups}");
    assert_eq!(groups["logGroups"][0]["retentionInDays"], 7);
    let body = r#"{"logGroupName": "/aws/elasticbeanstalk/talkative/var/log/web.stdout.log"}"#;
    let tags = read("ListTagsLogGroup", body).unwrap();
    assert_eq!(tags["tags"]["elasticbeanstalk:environment-name"], "talkative");
    ask(world, "TerminateEnvironment", &[("EnvironmentId", &id)]).unwrap();
    rest(&fake, &id).await;
    let left = read("DescribeLogGroups", "{}").unwrap();
    assert_eq!(
        left["logGroups"].as_array().map(Vec::len),
        Some(5),
        "nobody said DeleteOnTerminate"
    );

    // Whoever says so has them deleted, those of before too: they have the same names.
    made.extend([
        (
            "OptionSettings.member.3.Namespace",
            "aws:elasticbeanstalk:cloudwatch:logs",
        ),
        ("OptionSettings.member.3.OptionName", "DeleteOnTerminate"),
        ("OptionSettings.member.3.Value", "true"),
    ]);
    let xml = ask(world, "CreateEnvironment", &made).unwrap();
    let id = text(&xml, "EnvironmentId").to_owned();
    rest(&fake, &id).await;
    ask(world, "TerminateEnvironment", &[("EnvironmentId", &id)]).unwrap();
    rest(&fake, &id).await;
    let left = read("DescribeLogGroups", "{}").unwrap();
    assert_eq!(left["logGroups"].as_array().map(Vec::len), Some(0), "{left}");
    let refused = read("DescribeLogGroups", r#"{"limit": 5, "accountIdentifiers": ["1"]}"#).unwrap_err();
    assert!(refused.message.contains("accountIdentifiers"), "{}", refused.message);
}

#[tokio::test]
async fn an_instance_of_which_nothing_is_heard_fails_its_own_status_check_and_not_its_systems() {
    let fake = prepared();
    let world = &fake.world;
    let made = of_conference("heard-env");
    let xml = ask(world, "CreateEnvironment", &made).unwrap();
    rest(&fake, text(&xml, "EnvironmentId")).await;
    let impaired = |check: &str| {
        let filter = [("Filter.1.Name", check), ("Filter.1.Value.1", "impaired")];
        let xml = ask_of(world, "ec2", "DescribeInstanceStatus", &filter).unwrap();
        xml.contains("<instanceId>")
    };
    assert!(!impaired("instance-status.status"));
    let instances = |world: &World| -> Vec<String> {
        let mut state = world.lock();
        let here = state.region("us-east-1");
        here.compute.instances.values_mut().for_each(|it| it.is_impaired = true);
        here.compute.instances.keys().cloned().collect()
    };
    assert_eq!(instances(world).len(), 1);
    assert!(impaired("instance-status.status") && !impaired("system-status.status"));
    let xml = ask_of(world, "ec2", "DescribeInstanceStatus", &[]).unwrap();
    assert_eq!(
        text(text(&xml, "instanceStatus"), "details").matches("failed").count(),
        1,
        "{xml}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_is_a_label_of_a_host_name() {
    let fake = prepared();
    let world = &fake.world;
    let made = [
        ("ApplicationName", "conference"),
        ("EnvironmentName", "label-env"),
        ("VersionLabel", "v1"),
        GO,
    ];
    for prefix in ["abc", "under_score", "-begins", "ends-", "dotted.name"] {
        let prefix = [("CNAMEPrefix", prefix)];
        let checked = ask(world, "CheckDNSAvailability", &prefix).unwrap_err();
        assert!(
            checked.message.contains("failed to satisfy constraint"),
            "{}",
            checked.message
        );
        let refused = ask(world, "CreateEnvironment", &[&made[..], &prefix].concat()).unwrap_err();
        assert_eq!(
            (refused.code.as_str(), &refused.message),
            ("InvalidParameterValue", &checked.message)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_removed_is_and_a_token_that_no_answer_gave_is_refused() {
    let fake = prepared();
    let world = &fake.world;
    let made = [
        ("ApplicationName", "conference"),
        ("EnvironmentName", "less-env"),
        ("VersionLabel", "v1"),
        GO,
        PROFILE[0],
        PROFILE[1],
        PROFILE[2],
        ("OptionSettings.member.2.Namespace", "aws:autoscaling:asg"),
        ("OptionSettings.member.2.OptionName", "MaxSize"),
        ("OptionSettings.member.2.Value", "7"),
        ("OptionsToRemove.member.1.Namespace", "aws:autoscaling:asg"),
        ("OptionsToRemove.member.1.OptionName", "MaxSize"),
    ];
    let xml = ask(world, "CreateEnvironment", &made).unwrap();
    let id = text(&xml, "EnvironmentId").to_owned();
    let xml = ask(world, "DescribeConfigurationSettings", &made[..2]).unwrap();
    let option = xml.split_once("<OptionName>MaxSize</OptionName>").unwrap().1;
    assert_eq!(text(option, "Value"), "4", "the default");
    rest(&fake, &id).await;
    let stack = format!("awseb-{id}-stack");
    let named = [("StackName", stack.as_str())];
    for (operation, parameters) in [("DescribeStacks", &[][..]), ("ListStackResources", &named)] {
        let refused = ask_of(
            world,
            "cloudformation",
            operation,
            &[parameters, &[("NextToken", "none")]].concat(),
        );
        assert_eq!(refused.unwrap_err().message, "The token is invalid.");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_names_another_application_does_not_reach_the_environment() {
    let fake = prepared();
    let world = &fake.world;
    let made = of_conference("mine-env");
    let xml = ask(world, "CreateEnvironment", &made).unwrap();
    rest(&fake, text(&xml, "EnvironmentId")).await;
    ask(world, "CreateApplication", &[("ApplicationName", "other")]).unwrap();
    let of_other = [("ApplicationName", "other"), made[1]];
    for operation in [
        "DeleteEnvironmentConfiguration",
        "DescribeConfigurationOptions",
        "DescribeConfigurationSettings",
        "UpdateEnvironment",
        "ValidateConfigurationSettings",
    ] {
        let refused = ask(world, operation, &of_other).unwrap_err();
        let text = "No Environment found for EnvironmentName = 'mine-env'.";
        assert_eq!(
            (refused.code.as_str(), refused.message.as_str()),
            ("InvalidParameterValue", text),
            "{operation}"
        );
        let own = ask(world, operation, &made[..2]);
        assert!(own.is_ok(), "{operation}: {own:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_checked_before_they_are_used() {
    let fake = prepared();
    let saved = [("ApplicationName", "conference"), ("TemplateName", "saved")];
    ask(&fake.world, "CreateConfigurationTemplate", &[saved[0], saved[1], GO]).unwrap();
    let wrong = [
        saved[0],
        saved[1],
        ("OptionSettings.member.1.Namespace", "aws:autoscaling:asg"),
        ("OptionSettings.member.1.OptionName", "MinSize"),
        ("OptionSettings.member.1.Value", "many"),
    ];
    let xml = ask(&fake.world, "ValidateConfigurationSettings", &wrong).unwrap();
    assert!(text(&xml, "Message").ends_with("Value is not an integer."), "{xml}");
    assert_eq!(text(&xml, "Severity"), "error");
    let refused = ask(&fake.world, "UpdateConfigurationTemplate", &wrong).unwrap_err();
    assert_eq!(refused.code, "ConfigurationValidationException");
    let named = [(
        "OptionSettings.member.1.ResourceName",
        "AWSEBAutoScalingScheduledAction",
    )];
    let refused = ask(
        &fake.world,
        "UpdateConfigurationTemplate",
        &[&wrong[..], &named].concat(),
    )
    .unwrap_err();
    assert!(refused.message.contains("limit of the sandbox"), "{}", refused.message);
}

#[test]
fn what_the_sandbox_has_not_is_named() {
    let fake = Fake::new();
    for operation in [
        "ComposeEnvironments",
        "CreatePlatformVersion",
        "DeletePlatformVersion",
        "DescribeEnvironmentManagedActionHistory",
    ] {
        let refused = ask(&fake.world, operation, &[]).unwrap_err();
        assert_eq!(refused.code, "NotImplemented");
        assert!(refused.message.contains(operation), "{}", refused.message);
    }
}

#[test]
fn a_stranger_reads_that_there_is_nothing() {
    let reads = [
        "DescribeAccountAttributes",
        "DescribeApplications",
        "DescribeApplicationVersions",
        "DescribeConfigurationOptions",
        "DescribeConfigurationSettings",
        "DescribeEnvironmentHealth",
        "DescribeEnvironmentManagedActions",
        "DescribeEnvironments",
        "DescribeEvents",
        "DescribeInstancesHealth",
        "DescribePlatformVersion",
        "ListAvailableSolutionStacks",
        "ListPlatformBranches",
        "ListPlatformVersions",
        "ListTagsForResource",
    ];
    for operation in reads {
        let answer = super::answer_to_stranger(&call("elasticbeanstalk", operation, &[])).unwrap();
        assert!(answer.status.is_success(), "{operation}");
    }
    for (service, operation) in [("elasticbeanstalk", "CreateEnvironment"), ("ec2", "DescribeVpcs")] {
        assert!(
            super::answer_to_stranger(&call(service, operation, &[])).is_none(),
            "{operation}"
        );
    }
}

#[tokio::test]
async fn a_policy_of_ones_own_scales_the_group_and_a_user_who_honours_the_cooldown_waits() {
    let fake = prepared();
    let world = &fake.world;
    let made = of_conference("elastic");
    let xml = ask(world, "CreateEnvironment", &made).unwrap();
    rest(&fake, text(&xml, "EnvironmentId")).await;
    let scaling = |operation: &str, parameters: &[(&str, &str)]| ask_of(world, "autoscaling", operation, parameters);
    let groups = || scaling("DescribeAutoScalingGroups", &[]).unwrap();
    let name = text(&groups(), "AutoScalingGroupName").to_owned();
    let (group, policy) = (("AutoScalingGroupName", name.as_str()), ("PolicyName", "double"));
    let put = [
        group,
        policy,
        ("AdjustmentType", "PercentChangeInCapacity"),
        ("ScalingAdjustment", "100"),
    ];
    scaling("PutScalingPolicy", &put).unwrap();
    let shown = scaling("DescribePolicies", &[group, ("PolicyNames.member.1", "double")]).unwrap();
    assert_eq!(text(&shown, "AdjustmentType"), "PercentChangeInCapacity");

    scaling("ExecutePolicy", &[group, policy]).unwrap();
    assert_eq!(text(&groups(), "DesiredCapacity"), "2");
    let wanted = |honor| {
        scaling(
            "SetDesiredCapacity",
            &[group, ("DesiredCapacity", "3"), ("HonorCooldown", honor)],
        )
    };
    let refused = wanted("true").unwrap_err();
    assert_eq!(refused.code, "ScalingActivityInProgress");
    wanted("false").unwrap();
    assert_eq!(text(&groups(), "DesiredCapacity"), "3");

    scaling("DeletePolicy", &[group, policy]).unwrap();
    let gone = scaling("ExecutePolicy", &[group, policy]).unwrap_err();
    assert_eq!(gone.code, "ValidationError");
    let stepped = scaling("PutScalingPolicy", &[group, policy, ("PolicyType", "StepScaling")]).unwrap_err();
    assert!(stepped.message.contains("'StepScaling'"), "{}", stepped.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_is_cloned_saved_and_edited_as_the_eb_cli_does_it() {
    let fake = prepared();
    let world = &fake.world;
    let of = ("ApplicationName", "conference");
    let first = [
        of,
        ("EnvironmentName", "first"),
        ("VersionLabel", "v1"),
        GO,
        PROFILE[0],
        PROFILE[1],
        PROFILE[2],
    ];
    let id = text(&ask(world, "CreateEnvironment", &first).unwrap(), "EnvironmentId").to_owned();
    rest(&fake, &id).await;
    let like = ("TemplateSpecification.TemplateSource.EnvironmentName", "first");
    let second = [of, ("EnvironmentName", "second"), ("VersionLabel", "v1"), like];
    let xml = ask(world, "CreateEnvironment", &second).unwrap();
    assert_eq!(text(&xml, "SolutionStackName"), GO.1);
    let settings = |xml: &str| {
        let part = "<ResourceName>AWSEBAutoScalingLaunchConfiguration</ResourceName>";
        xml.contains(&format!(
            "<OptionName>IamInstanceProfile</OptionName>{part}<Value>profile</Value>"
        ))
    };
    let read = [of, ("EnvironmentName", "second")];
    let xml = ask(world, "DescribeConfigurationSettings", &read).unwrap();
    assert!(settings(&xml), "{xml}");
    assert_eq!(text(text(&xml, "Tier"), "Name"), "WebServer");

    let saved = [of, ("TemplateName", "good"), like];
    ask(world, "CreateConfigurationTemplate", &saved).unwrap();
    let (bucket, key) = (
        "elasticbeanstalk-us-east-1-000000000000",
        "resources/templates/conference/good",
    );
    let file = world.objects.get(bucket, key).await.unwrap();
    let file = String::from_utf8_lossy(&file).into_owned();
    assert!(file.contains("    IamInstanceProfile: \"profile\"\n"), "{file}");
    let edited = file.replace(
        "OptionSettings:",
        "OptionSettings:\n  aws:autoscaling:asg:\n    MaxSize: 7",
    );
    world.objects.put(bucket, key, edited.clone().into()).await;
    super::follow_file(world, &call("s3", "PutObject", &[]), bucket, key);
    let xml = ask(world, "DescribeConfigurationSettings", &[of, saved[1]]).unwrap();
    let part = "<ResourceName>AWSEBAutoScalingGroup</ResourceName>";
    assert!(
        xml.contains(&format!("<OptionName>MaxSize</OptionName>{part}<Value>7</Value>")),
        "{xml}"
    );

    let contents = ("TemplateSpecification.TemplateSource.SourceContents", edited.as_str());
    ask(world, "UpdateEnvironment", &[("EnvironmentName", "first"), contents]).unwrap();
    rest(&fake, &id).await;
    let xml = ask(
        world,
        "DescribeConfigurationSettings",
        &[of, ("EnvironmentName", "first")],
    )
    .unwrap();
    assert!(
        xml.contains(&format!("<OptionName>MaxSize</OptionName>{part}<Value>7</Value>")),
        "{xml}"
    );

    let snippet = (
        "TemplateSpecification.TemplateSnippets.member.1.SnippetName",
        "RdsExtensionEB",
    );
    let refused = ask(world, "UpdateEnvironment", &[("EnvironmentName", "first"), snippet]).unwrap_err();
    assert!(refused.message.contains("TemplateSnippets"), "{}", refused.message);
    ask(world, "DeleteConfigurationTemplate", &saved[..2]).unwrap();
    assert!(world.objects.get(bucket, key).await.is_none());
}
