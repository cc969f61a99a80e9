//! The environment's alarms, by what CloudWatch answers: what somebody changed there is brought back there.

use confctl::engine::Change;
use serde_json::{Value, json};

use crate::account::{of_root, stack};
use crate::beanstalk::serving;
use crate::environment_answers::{
    GROUP, MANAGE_IQ, cfn_stack, configuration, given, group, launched, ours, resting, settings, stack_resources,
};
use crate::script::Script;

const ID: &str = "environment";
const CUSTODIAN: &str = "cloud-custodian/cloud-custodian tests/data/placebo/test_alarm_delete";
const HIGH: &str = "awseb-e-pmpgbxpgsc-stack-AWSEBCloudwatchAlarmHigh-1";
const LOW: &str = "awseb-e-pmpgbxpgsc-stack-AWSEBCloudwatchAlarmLow-1";

/// An alarm with a member that only some have: TreatMissingData, Unit and description are absent where they were not given.
fn alarm(name: &str, threshold: f64, enabled: bool) -> Value {
    json!({
        "AlarmName": name,
        "AlarmArn": format!("arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}"),
        "AlarmConfigurationUpdatedTimestamp": 1_732_449_600.123,
        "ActionsEnabled": enabled,
        "OKActions": [],
        "AlarmActions": ["arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:1:autoScalingGroupName/g:policyName/p"],
        "InsufficientDataActions": [],
        "StateValue": "OK",
        "StateReason": "Threshold Crossed",
        "StateReasonData": "{\"version\":\"1.0\"}",
        "StateUpdatedTimestamp": 1_732_449_600.123,
        "StateTransitionedTimestamp": 1_732_449_600.123,
        "MetricName": "CPUUtilization",
        "Namespace": "AWS/EC2",
        "Statistic": "Average",
        "Dimensions": [{"Name": "AutoScalingGroupName", "Value": GROUP}],
        "Period": 300,
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "Threshold": threshold,
        "ComparisonOperator": "GreaterThanThreshold",
    })
}

fn alarms(alarms: &[Value]) -> String {
    json!({"MetricAlarms": alarms, "CompositeAlarms": []}).to_string()
}

/// The parts of the environment with these alarms.
fn parts(described: &[Value]) -> Script {
    let resources = [
        ("AWSEBAutoScalingGroup", GROUP),
        ("AWSEBCloudwatchAlarmHigh", HIGH),
        ("AWSEBCloudwatchAlarmLow", LOW),
        (
            "AWSEBAutoScalingScaleUpPolicy",
            "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:up",
        ),
        (
            "AWSEBAutoScalingScaleDownPolicy",
            "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:down",
        ),
    ];
    Script::default()
        .recorded("cloudformation:DescribeStacks", MANAGE_IQ, cfn_stack("CREATE_COMPLETE"))
        .recorded(
            "cloudformation:DescribeStackResources",
            MANAGE_IQ,
            stack_resources(&resources),
        )
        .recorded("autoscaling:DescribeAutoScalingGroups", MANAGE_IQ, group(2, 4))
        .recorded("cloudwatch:DescribeAlarms", CUSTODIAN, alarms(described))
}

#[tokio::test]
async fn an_alarm_that_somebody_turned_off_or_moved_is_sent_back_whole() {
    let stack = stack(|_| {});
    let asked = launched(&stack).await;
    let script = resting(serving(), configuration(&settings(&asked, "deployed")), ours())
        .and(parts(&[alarm(HIGH, 80.0, false), alarm(LOW, 25.0, true)]))
        .recorded("cloudwatch:PutMetricAlarm", CUSTODIAN, "{}");
    let account = of_root(script).await;
    account.up(&stack, ID, given()).await.done();
    let put = &account.replay.sent("cloudwatch:PutMetricAlarm")[0];
    assert_eq!(put.member("AlarmName"), HIGH);
    assert_eq!(put.member("Threshold"), 50.0);
    assert_eq!(put.member("ActionsEnabled"), true);
    assert_eq!(put.member("DatapointsToAlarm"), 1);
    // What was not there is not sent, and what can only be read neither.
    for absent in ["TreatMissingData", "Unit", "AlarmDescription", "StateValue", "AlarmArn"] {
        assert!(put.member(absent).is_null(), "{absent}: {}", put.member(absent));
    }
    account.check();
}

#[tokio::test]
async fn a_deleted_alarm_is_made_again_under_its_name() {
    let stack = stack(|_| {});
    let asked = launched(&stack).await;
    let script = resting(serving(), configuration(&settings(&asked, "deployed")), ours())
        .and(parts(&[alarm(LOW, 25.0, true)]))
        .recorded("cloudwatch:PutMetricAlarm", CUSTODIAN, "{}");
    let account = of_root(script).await;
    let change = account.plan_with(&stack, ID, given()).await;
    assert!(
        matches!(&change, Change::Update { fields } if fields.shown().len() == 1),
        "{change:?}"
    );
    account.up(&stack, ID, given()).await.done();
    let put = &account.replay.sent("cloudwatch:PutMetricAlarm")[0];
    assert_eq!(put.member("AlarmName"), HIGH);
    assert_eq!(put.member("ComparisonOperator"), "GreaterThanThreshold");
    account.check();
}
