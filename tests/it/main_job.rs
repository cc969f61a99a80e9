//! The main job: `up` → a site that takes registrations → `up` again → drift and repair → `teardown`, as AWS's tools see it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::User;

/// Names of the operations of a run that change something, in the order in which they were sent.
fn writes(requests: &[Value]) -> Vec<String> {
    let reads = ["Describe", "List", "Get", "Head", "Check", "Scan", "Query", "Simulate"];
    let operation = |request: &Value| request["operation"].as_str().unwrap_or_default().to_owned();
    let all = requests
        .iter()
        .map(operation)
        .filter(|name| !reads.iter().any(|read| name.starts_with(read)));
    all.collect()
}

#[test]
fn the_article_from_up_to_teardown() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();

    let up = user.confctl(&["up", "--sandbox", "--yes", "-o", "json"]).exits(0);
    let outputs = up.summary()["outputs"].clone();
    let site = outputs["site_url"].as_str().unwrap().to_owned();
    the_order_of_things(&user, &up.events());
    the_site_takes_registrations(&user, &site);
    what_the_article_asks_for_is_there(&user, &outputs);
    a_second_up_does_nothing(&user);
    drift_is_seen_and_repaired(&user);
    registrations_are_not_lost_by_accident(&user);

    let down = user
        .confctl(&["teardown", "--sandbox", "--yes", "--delete-data", "-o", "json"])
        .exits(0);
    assert_eq!(down.summary()["ok"], true);
    assert_eq!(user.inventory(), empty, "teardown left or took something");
    assert!(
        !user
            .home()
            .join(".local/share/confctl/keys/123456789012/us-east-1/mod4-ssh-key.pem")
            .exists()
    );
    // And once more, of nothing.
    user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    assert_eq!(user.inventory(), empty);
}

/// The distribution does not wait for the environment, and no step waits for nothing: by order, since how long things take
/// is the machine's matter.
fn the_order_of_things(user: &User, events: &[Value]) {
    let position = |kind: &str, resource: &str| {
        events
            .iter()
            .position(|event| event["type"] == kind && event["resource"] == resource)
            .unwrap_or_else(|| panic!("no {kind} of {resource}: {events:#?}"))
    };
    // The bundle is built before anything is made.
    let is_end = |event: &Value| event["type"] == "step.done" && event["resource"] != "bundle";
    let first_end = events.iter().position(is_end).unwrap();
    let requests = user.requests();
    let at = |operation: &str| {
        let request = requests.iter().find(|request| request["operation"] == operation);
        request
            .and_then(|request| request["at_ms"].as_i64())
            .unwrap_or_else(|| panic!("no {operation}"))
    };
    // What needs nothing starts at once, and has asked for what it makes long before the environment's version is there.
    for (resource, operation) in [
        ("users-table", "CreateTable"),
        ("application", "CreateApplication"),
        ("default-vpc", "CreateDefaultVpc"),
        ("key-pair", "CreateKeyPair"),
        ("service-role", "CreateRole"),
        ("web-acl", "CreateWebACL"),
    ] {
        assert!(
            position("step.started", resource) < first_end,
            "{resource}: {events:#?}"
        );
        assert!(at(operation) <= at("CreateEnvironment"), "{operation} waited");
    }
    let done = &events[position("step.done", "environment")]["time"];
    let done: jiff::Timestamp = done.as_str().unwrap().parse().unwrap();
    assert!(
        at("CreateDistributionWithTags") < done.as_millisecond(),
        "the distribution waited for the environment"
    );
}

fn the_site_takes_registrations(user: &User, site: &str) {
    let page = user.curl(&[site]).exits(0).stdout;
    assert!(page.contains("<form"), "{page}");
    let answer = user.curl(&[
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "-d",
        "email=Ada@Example.com",
        &format!("{site}/register"),
    ]);
    assert!(
        answer.stdout.starts_with('2') || answer.stdout.starts_with('3'),
        "{}",
        answer.stdout
    );
    let scan = user.aws_json(&["dynamodb", "scan", "--table-name", "users"]);
    assert_eq!(scan["Count"], 1, "{scan}");
    assert_eq!(scan["Items"][0]["email"]["S"], "ada@example.com");
}

fn what_the_article_asks_for_is_there(user: &User, outputs: &Value) {
    let group = &user.aws_json(&["autoscaling", "describe-auto-scaling-groups"])["AutoScalingGroups"][0];
    assert_eq!((&group["MinSize"], &group["MaxSize"]), (&2.into(), &4.into()));
    let healthy = group["Instances"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|instance| instance["HealthStatus"] == "Healthy");
    assert_eq!(healthy.count(), 2, "{group}");

    let alarms = user.aws_json(&["cloudwatch", "describe-alarms"]);
    let high = alarms["MetricAlarms"]
        .as_array()
        .unwrap()
        .iter()
        .find(|alarm| alarm["ComparisonOperator"] == "GreaterThanThreshold");
    let high = high.unwrap();
    assert_eq!(
        (&high["Threshold"], &high["MetricName"]),
        (&50.0.into(), &"CPUUtilization".into())
    );

    step_eleven(user, outputs);
    settings(user);
    nobody_comes_in_by_ssh(user);

    let acls = user.aws_json(&["wafv2", "list-web-acls", "--scope", "CLOUDFRONT"]);
    let acl = &acls["WebACLs"][0];
    let (name, id) = (acl["Name"].as_str().unwrap(), acl["Id"].as_str().unwrap());
    let acl = user.aws_json(&[
        "wafv2",
        "get-web-acl",
        "--scope",
        "CLOUDFRONT",
        "--name",
        name,
        "--id",
        id,
    ]);
    let rules: Vec<_> = acl["WebACL"]["Rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["Name"].as_str().unwrap())
        .collect();
    assert_eq!(
        rules,
        [
            "AWS-AWSManagedRulesAmazonIpReputationList",
            "AWS-AWSManagedRulesCommonRuleSet",
            "AWS-AWSManagedRulesKnownBadInputsRuleSet"
        ]
    );
    roles(user);
}

/// Port 22 is closed: Beanstalk's own group always has a rule for it, which lets in this address only.
fn nobody_comes_in_by_ssh(user: &User) {
    let groups = user.aws_json(&["ec2", "describe-security-groups"]);
    let groups = groups["SecurityGroups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["IpPermissions"].as_array().unwrap());
    let ssh: Vec<_> = rules.filter(|rule| rule["FromPort"] == 22).collect();
    assert_eq!(ssh.len(), 1, "{ssh:?}");
    assert_eq!(ssh[0]["IpRanges"], serde_json::json!([{ "CidrIp": "127.0.0.1/32" }]));
}

/// Every value of the article's step 11.
fn step_eleven(user: &User, outputs: &Value) {
    let id = outputs["distribution_id"].as_str().unwrap();
    let listed = user.aws_json(&["cloudfront", "list-distributions"]);
    assert_eq!(listed["DistributionList"]["Items"][0]["Id"], id);
    let config = user.aws_json(&["cloudfront", "get-distribution-config", "--id", id])["DistributionConfig"].clone();
    let origin = &config["Origins"]["Items"][0];
    assert_eq!(origin["DomainName"], outputs["load_balancer_dns"]);
    assert_eq!(origin["CustomOriginConfig"]["OriginProtocolPolicy"], "http-only");
    let behavior = &config["DefaultCacheBehavior"];
    let mut methods: Vec<_> = behavior["AllowedMethods"]["Items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m.as_str().unwrap())
        .collect();
    methods.sort_unstable();
    assert_eq!(methods, ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]);
    // CachingOptimized, by the id that it has in every account.
    assert_eq!(behavior["CachePolicyId"], "658327ea-f89d-4fab-a63d-7e88639e58f6");
    assert_eq!(config["PriceClass"], "PriceClass_All");
    assert_eq!(config["Enabled"], true);
    assert!(
        config["WebACLId"]
            .as_str()
            .unwrap()
            .starts_with("arn:aws:wafv2:us-east-1:")
    );
}

/// Every option that we set, as Beanstalk gives it back.
fn settings(user: &User) {
    let answer = user.aws_json(&[
        "elasticbeanstalk",
        "describe-configuration-settings",
        "--application-name",
        "tcb-conference",
        "--environment-name",
        "Tcb-conference-env",
    ]);
    let options = answer["ConfigurationSettings"][0]["OptionSettings"]
        .as_array()
        .unwrap()
        .clone();
    let found: BTreeMap<(String, String), String> = options
        .iter()
        .filter_map(|option| {
            let text = |member: &str| option[member].as_str().map(str::to_owned);
            Some(((text("Namespace")?, text("OptionName")?), text("Value")?))
        })
        .collect();
    for (namespace, name, value) in [
        ("aws:elasticbeanstalk:environment", "LoadBalancerType", "application"),
        (
            "aws:elasticbeanstalk:environment",
            "ServiceRole",
            "aws-elasticbeanstalk-service-role",
        ),
        (
            "aws:autoscaling:launchconfiguration",
            "IamInstanceProfile",
            "aws-elasticbeanstalk-ec2-role",
        ),
        ("aws:autoscaling:launchconfiguration", "EC2KeyName", "mod4-ssh-key"),
        ("aws:autoscaling:launchconfiguration", "RootVolumeType", "gp3"),
        ("aws:autoscaling:launchconfiguration", "DisableIMDSv1", "true"),
        ("aws:autoscaling:asg", "MinSize", "2"),
        ("aws:autoscaling:asg", "MaxSize", "4"),
        ("aws:autoscaling:trigger", "MeasureName", "CPUUtilization"),
        ("aws:autoscaling:trigger", "Unit", "Percent"),
        ("aws:autoscaling:trigger", "UpperThreshold", "50"),
        ("aws:autoscaling:trigger", "LowerThreshold", "25"),
        (
            "aws:autoscaling:updatepolicy:rollingupdate",
            "RollingUpdateEnabled",
            "true",
        ),
        ("aws:elasticbeanstalk:healthreporting:system", "SystemType", "enhanced"),
        (
            "aws:elasticbeanstalk:application:environment",
            "AWS_REGION",
            "us-east-1",
        ),
        ("aws:ec2:vpc", "AssociatePublicIpAddress", "true"),
    ] {
        let key = (namespace.to_owned(), name.to_owned());
        assert_eq!(found.get(&key).map(String::as_str), Some(value), "{namespace} {name}");
    }
}

fn roles(user: &User) {
    let role = |name: &str| {
        user.aws_json(&["iam", "get-role", "--role-name", name])["Role"]["AssumeRolePolicyDocument"].to_string()
    };
    assert!(role("aws-elasticbeanstalk-service-role").contains("elasticbeanstalk.amazonaws.com"));
    assert!(role("aws-elasticbeanstalk-ec2-role").contains("ec2.amazonaws.com"));
    let policies = user.aws_json(&[
        "iam",
        "list-attached-role-policies",
        "--role-name",
        "aws-elasticbeanstalk-ec2-role",
    ]);
    let mut names: Vec<_> = policies["AttachedPolicies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|policy| policy["PolicyName"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "AWSElasticBeanstalkMulticontainerDocker",
            "AWSElasticBeanstalkWebTier",
            "AWSElasticBeanstalkWorkerTier",
            "AmazonDynamoDBFullAccess_v2",
            "AmazonSSMManagedInstanceCore"
        ]
    );
}

fn a_second_up_does_nothing(user: &User) {
    let before = user.requests().len();
    let again = user.confctl(&["up", "--sandbox", "--yes"]).exits(0);
    assert!(again.stdout.contains("Nothing to do"), "{}", again.stdout);
    assert_eq!(writes(&user.requests()[before..]), Vec::<String>::new());
    user.confctl(&["plan", "--sandbox", "--detailed-exitcode"]).exits(0);
}

fn drift_is_seen_and_repaired(user: &User) {
    let groups = user.aws_json(&["autoscaling", "describe-auto-scaling-groups"]);
    let group = groups["AutoScalingGroups"][0]["AutoScalingGroupName"]
        .as_str()
        .unwrap()
        .to_owned();
    user.aws(&[
        "autoscaling",
        "update-auto-scaling-group",
        "--auto-scaling-group-name",
        &group,
        "--max-size",
        "9",
    ])
    .exits(0);
    let property = "Namespace=aws:elasticbeanstalk:application:environment,OptionName=EVENT_TITLE,Value=Hacked";
    let update = [
        "elasticbeanstalk",
        "update-environment",
        "--environment-name",
        "Tcb-conference-env",
        "--option-settings",
        property,
    ];
    user.aws(&update).exits(0);
    // While that update runs the environment is in transition; then it differs.
    let plan = user.confctl(&["plan", "--sandbox", "--detailed-exitcode"]);
    assert_eq!(plan.code(), 2, "{}\n{}", plan.stdout, plan.stderr);
    user.awaits_environment(|status| status == "Ready");
    let plan = user.confctl(&["plan", "--sandbox", "--detailed-exitcode"]).exits(2);
    assert!(
        plan.stderr.contains("EVENT_TITLE") && plan.stderr.contains("MaxSize: 9 -> 4"),
        "{}",
        plan.stderr
    );
    let alarms = user.aws_json(&["cloudwatch", "describe-alarms"]);
    let high = alarms["MetricAlarms"].as_array().unwrap().iter();
    let mut high = high.filter(|alarm| alarm["AlarmName"].as_str().unwrap().contains("AlarmHigh"));
    let high = high.next().unwrap().clone();
    let name = high["AlarmName"].as_str().unwrap();
    user.aws(&["cloudwatch", "delete-alarms", "--alarm-names", name])
        .exits(0);
    assert!(
        !plan.stderr.contains("Hacked"),
        "a property's value was shown: {}",
        plan.stderr
    );
    user.confctl(&["up", "--sandbox", "--yes"]).exits(0);
    user.confctl(&["plan", "--sandbox", "--detailed-exitcode"]).exits(0);
    let again = user.aws_json(&["cloudwatch", "describe-alarms", "--alarm-names", name])["MetricAlarms"][0].clone();
    let acts = [
        "MetricName",
        "Threshold",
        "Period",
        "EvaluationPeriods",
        "ComparisonOperator",
        "Dimensions",
        "AlarmActions",
    ];
    for part in acts {
        assert_eq!(again[part], high[part], "the alarm that was made again acts otherwise");
    }
}

fn registrations_are_not_lost_by_accident(user: &User) {
    let before = user.inventory();
    let refused = user.confctl(&["teardown", "--sandbox", "--yes"]).exits(4);
    assert!(refused.stderr.contains("--delete-data"), "{}", refused.stderr);
    assert_eq!(user.inventory(), before);
}
