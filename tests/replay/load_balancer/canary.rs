//! A canary: visitors are sent to a second environment part by part, by the weights of the rule for CloudFront, as long as CloudWatch
//! says that it answers them.

use confctl::resources::{Canary, Share, Turning, watched_for};
use serde_json::json;
use std::time::Duration;

use super::two_environments::{
    BEANSTALK, OTHER, environments, health, instances_at, known_of, leads_to, ready, tagged_as,
};
use super::*;
use crate::request::Sent;

const WATCH: &str = "aws/aws-cli awscli/examples/cloudwatch/get-metric-statistics.rst";

/// As AWS shows several target groups: without the ARN of a single one (botocore: elbv2, Action).
fn weighed(groups: &[(&str, u32)]) -> String {
    let groups = groups.iter().map(|(arn, weight)| {
        format!("<member><TargetGroupArn>{arn}</TargetGroupArn><Weight>{weight}</Weight></member>")
    });
    format!(
        "<member><Type>forward</Type><ForwardConfig><TargetGroups>{}</TargetGroups><TargetGroupStickinessConfig>\
         <Enabled>false</Enabled></TargetGroupStickinessConfig></ForwardConfig></member>",
        groups.collect::<String>()
    )
}

fn by_parts(parts: &[u32]) -> Arc<Stack> {
    own(|stack| {
        stack.turning = Some(Turning::PartByPart(Canary {
            parts: parts.to_vec(),
            evaluate: Duration::from_secs(300),
            most_errors: Share(100),
        }));
    })
}

fn sums(values: &[f64]) -> String {
    let points = values
        .iter()
        .zip(0..)
        .map(|(sum, minute)| json!({"Timestamp": 1_796_000_000 + minute * 60, "Sum": sum, "Unit": "Count"}));
    json!({"Label": "RequestCount", "Datapoints": points.collect::<Vec<_>>()}).to_string()
}

/// An environment that is well behind a rule with that action, and can be changed.
fn under_way(action: &str) -> Script {
    there(rules(&[FIRST], action))
        .documented(
            "elasticbeanstalk:DescribeInstancesHealth",
            &format!("{BEANSTALK}/describe-instances-health.rst"),
            instances_at("v1", "Deployed"),
        )
        .documented(
            "elasticbeanstalk:DescribeEnvironmentHealth",
            &format!("{BEANSTALK}/describe-environment-health.rst"),
            query(
                "DescribeEnvironmentHealth",
                "<RefreshedAt>2026-12-01T00:00:00Z</RefreshedAt>",
            ),
        )
        .documented(
            "elasticloadbalancing:DescribeTargetHealth",
            &format!("{CLI}/describe-target-health.rst"),
            health(&["healthy"]),
        )
        .documented(
            "elasticloadbalancing:ModifyRule",
            &format!("{CLI}/modify-rule.rst"),
            query("ModifyRule", "<Rules/>"),
        )
}

/// What CloudWatch counted of a target group: requests and 5xx in two minutes each.
fn counted(script: Script, target_group: &str, requests: &[f64], errors: &[f64]) -> Script {
    let group = target_group.rsplit_once(':').unwrap().1;
    let of =
        |metric: &str| format!(r#""MetricName":"{metric}","Dimensions":[{{"Name":"TargetGroup","Value":"{group}"}}"#);
    script
        .documented("cloudwatch:GetMetricStatistics", WATCH, sums(requests))
        .to(of("RequestCount"))
        .documented("cloudwatch:GetMetricStatistics", WATCH, sums(errors))
        .to(of("HTTPCode_Target_5XX_Count"))
}

fn weights(sent: &Sent) -> Vec<String> {
    let weight = |number| {
        sent.parameter(&format!(
            "Actions.member.1.ForwardConfig.TargetGroups.member.{number}.Weight"
        ))
    };
    (1..=2).filter_map(weight).collect()
}

/// It is told as what is left of the run, from the first moment on.
#[test]
fn a_run_is_expected_to_take_as_long_as_visitors_are_watched() {
    let each = Duration::from_secs(300 + 120);
    assert_eq!(watched_for(&by_parts(&[10, 50])), Some(("listener-rule", each * 2)));
    assert_eq!(watched_for(&own(|stack| stack.turning = Some(Turning::Over))), None);
}

#[tokio::test]
async fn more_and_more_visitors_are_sent_over_and_then_all_of_them() {
    let stack = by_parts(&[10, 50]);
    let script = counted(under_way(&forward()), OTHER, &[60.0, 40.0], &[1.0]);
    let script = counted(script, TARGETS, &[900.0], &[]);
    let account = of_root(script).await;
    let known = || known_of(ready(OTHER));
    let change = account.plan_with(&stack, "listener-rule", known()).await;
    assert_eq!(fields(&change), ["visitors"]);
    account.up(&stack, "listener-rule", known()).await.done();
    let sent = account.replay.sent("elasticloadbalancing:ModifyRule");
    let all: Vec<_> = sent.iter().map(weights).collect();
    assert_eq!(all, [vec!["901", "100"], vec!["501", "500"], vec![]]);
    for one in &sent[..2] {
        assert!(
            one.contains("ForwardConfig.TargetGroupStickinessConfig.Enabled=false")
                && !one.contains("Actions.member.1.TargetGroupArn=")
                && !one.contains("Conditions."),
            "{one:?}"
        );
    }
    assert!(sent[2].contains(&format!("Actions.member.1.TargetGroupArn={OTHER}")));
    let asked = &account.replay.sent("cloudwatch:GetMetricStatistics")[0];
    assert!(
        asked.contains(r#""Value":"app/eb-tcb-conference/50dc6c495c0c9188""#),
        "{asked:?}"
    );
    let told = account.told().join("\n");
    assert!(told.contains("1 of 100 requests (1.0 %) answered with 5xx"), "{told}");
    account.check();
}

#[tokio::test]
async fn all_are_sent_back_where_the_new_one_answers_worse_than_it_may_and_than_the_other() {
    let stack = by_parts(&[10, 50]);
    let run = async |new: (&[f64], &[f64]), old: (&[f64], &[f64])| {
        let script = counted(under_way(&forward()), OTHER, new.0, new.1);
        let account = of_root(counted(script, TARGETS, old.0, old.1)).await;
        let ran = account.up(&stack, "listener-rule", known_of(ready(OTHER))).await;
        let sent = account.replay.sent("elasticloadbalancing:ModifyRule");
        account.check();
        (ran, sent.last().unwrap().clone(), sent.len(), account.told().join("\n"))
    };
    let (ran, last, changes, _) = run((&[100.0], &[3.0]), (&[900.0], &[2.0])).await;
    let error = &ran.failure().error;
    assert!(confctl::resources::was_sent_back(error));
    let said = error.in_a_line();
    for part in [
        "3 of 100 requests (3.0 %)",
        "2 of 900 requests (0.2 %)",
        "--max-5xx is 1 %",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert!(error.hint.is_some() && changes == 2 && weights(&last).is_empty());
    assert!(last.contains(TARGETS), "the old one alone: {last:?}");

    // Where both fail alike the version is not the cause.
    let (ran, last, changes, _) = run((&[100.0], &[3.0]), (&[900.0], &[90.0])).await;
    ran.done();
    assert!(changes == 3 && last.contains(OTHER), "{last:?}");

    // Nobody came: that is said, and it goes on.
    let (ran, _, changes, told) = run((&[], &[]), (&[], &[])).await;
    ran.done();
    assert!(
        changes == 3 && told.contains("no request there") && told.contains("nobody has tried it"),
        "{told}"
    );
}

#[tokio::test]
async fn one_that_was_broken_off_goes_on_from_its_part_and_all_come_back_from_it_at_once() {
    // AWS need not keep the order.
    let standing = weighed(&[(OTHER, 250), (TARGETS, 751)]);
    let script = counted(under_way(&standing), OTHER, &[100.0], &[]);
    let account = of_root(counted(script, TARGETS, &[300.0], &[])).await;
    let stack = by_parts(&[10, 25, 50]);
    account.up(&stack, "listener-rule", known_of(ready(OTHER))).await.done();
    let sent = account.replay.sent("elasticloadbalancing:ModifyRule");
    let all: Vec<_> = sent.iter().map(weights).collect();
    assert_eq!(all, [vec!["501", "500"], vec![]], "a quarter is there already");
    account.check();

    let back = own(|stack| {
        stack.turning = Some(Turning::To {
            environment: "one".to_owned(),
            target_group: TARGETS.to_owned(),
        });
    });
    let script = under_way(&standing).without(&[
        "elasticbeanstalk:DescribeInstancesHealth",
        "elasticbeanstalk:DescribeEnvironmentHealth",
    ]);
    let account = of_root(script).await;
    account.up(&back, "listener-rule", Given::default()).await.done();
    let sent = account.replay.sent("elasticloadbalancing:ModifyRule");
    assert!(
        sent.len() == 1 && weights(&sent[0]).is_empty() && sent[0].contains(TARGETS),
        "{sent:?}"
    );
    account.check();

    // `up` leaves it, and teardown closes it.
    let script = there(rules(&[FIRST], &standing)).documented(
        "elasticloadbalancing:ModifyRule",
        &format!("{CLI}/modify-rule.rst"),
        query("ModifyRule", "<Rules/>"),
    );
    let account = of_root(script).await;
    let plain = own(|_| {});
    let change = account
        .plan_with(&plain, "listener-rule", known_of(ready(TARGETS)))
        .await;
    assert_eq!(change, Change::Keep);
    account.down(&plain, "listener-rule").await.done();
    assert!(account.replay.sent("elasticloadbalancing:ModifyRule")[0].contains("StatusCode=503"));
    account.check();
}

#[tokio::test]
async fn of_two_that_visitors_are_sent_to_the_one_with_the_larger_weight_is_served() {
    let (first, second) = ("Tcb-conference-env", "Tcb-conference-env-b");
    let meant = async |groups: &[(&str, u32)]| {
        let script = there(rules(&[FIRST], &weighed(groups))).documented(
            "elasticbeanstalk:DescribeEnvironments",
            &format!("{BEANSTALK}/describe-environments.rst"),
            environments(&[(first, "Ready"), (second, "Ready")]),
        );
        let script = tagged_as(script, our_tags("environment"));
        let account = of_root(leads_to(script, &[(TARGETS, first), (OTHER, second)])).await;
        let mut profile = confctl::profile::Profile::default();
        profile.load_balancer.mode = LoadBalancerMode::Own;
        let mut stack = stack_of(profile);
        confctl::resources::place(account.reading(), &mut stack).await.unwrap();
        account.check();
        let tried = stack.tried.map(|tried| (tried.side.name, tried.percent));
        (stack.names.environment.clone(), tried)
    };
    let of = |served: &str, tried: Option<(&str, u32)>| {
        (
            served.to_owned(),
            tried.map(|(name, percent)| (name.to_owned(), percent)),
        )
    };
    // Ours, and by hand.
    assert_eq!(
        meant(&[(TARGETS, 901), (OTHER, 100)]).await,
        of(first, Some((second, 10)))
    );
    assert_eq!(
        meant(&[(TARGETS, 500), (OTHER, 501)]).await,
        of(second, Some((first, 50)))
    );
    assert_eq!(
        meant(&[(TARGETS, 10), (OTHER, 90)]).await,
        of(second, Some((first, 10)))
    );
    assert_eq!(meant(&[(TARGETS, 0), (OTHER, 1)]).await, of(second, None));
}
