//! A pre-scale by what Auto Scaling answers: planned, standing, forgotten, in the middle of other changes, and taken back. What is
//! reserved for the load balancer with it stands in `reservation`.

use std::sync::Arc;

use confctl::engine::{Change, Kind};
use confctl::profile::Profile;
use confctl::resources::{Bounds, Prescale, Scaling, Stack};

use crate::account::{Account, of_root, stack, stack_of};
use crate::beanstalk::{EB_CLI, environment, events, serving};
use crate::bodies::{done, query};
use crate::environment_answers::{
    GROUP, configuration, given, group, launched, options_of, ours, parts, resting, settings,
};
use crate::reservation::nothing_reserved;
use crate::script::{Script, refused};
use crate::way_out;

pub const ID: &str = "environment";
const CLI: &str = "aws/aws-cli awscli/examples/autoscaling";
const GROUPS: &str = "autoscaling:DescribeAutoScalingGroups";
const ACTIONS: &str = "autoscaling:DescribeScheduledActions";
pub const PUT: &str = "autoscaling:PutScheduledUpdateGroupAction";
const DELETE: &str = "autoscaling:DeleteScheduledAction";
pub const RESIZE: &str = "autoscaling:UpdateAutoScalingGroup";
const UPDATE: &str = "elasticbeanstalk:UpdateEnvironment";

pub const EVENT: &str = "6-8 from 2026-12-10T17:50:00Z until 2026-12-10T18:30:00Z";
pub const OUT: (&str, &str, u32, u32) = ("confctl-scale-out", "2026-12-10T17:50:00Z", 6, 8);
pub const BACK: (&str, &str, u32, u32) = ("confctl-scale-back", "2026-12-10T18:30:00Z", 2, 4);

pub const BEFORE: &str = "2026-12-10T12:00:00Z";
pub const DURING: &str = "2026-12-10T18:00:00Z";
pub const AFTER: &str = "2026-12-10T19:00:00Z";

/// The article's stack, whose run scales.
pub fn scaling(scaling: Scaling) -> Arc<Stack> {
    let mut stack = stack_of(Profile::default());
    stack.scaling = Some(scaling);
    Arc::new(stack)
}

pub fn to(mark: &str) -> Arc<Stack> {
    scaling(Scaling::To(prescale(mark)))
}

pub fn prescale(mark: &str) -> Prescale {
    mark.parse().unwrap()
}

/// A group of these bounds; with its tag, where it has one.
fn tagged_group(min: u32, max: u32, mark: Option<&str>) -> String {
    let tags = mark.map_or_else(String::new, |mark| {
        format!(
            "<member><ResourceId>{GROUP}</ResourceId><ResourceType>auto-scaling-group</ResourceType><Key>confctl:scale</Key>\
             <Value>{mark}</Value><PropagateAtLaunch>false</PropagateAtLaunch></member>"
        )
    });
    group(min, max).replace("<Tags/>", &format!("<Tags>{tags}</Tags>"))
}

fn scheduled(actions: &[(&str, &str, u32, u32)]) -> String {
    let members: String = actions
        .iter()
        .map(|(name, start, min, max)| {
            format!(
                "<member><ScheduledActionName>{name}</ScheduledActionName>\
                 <ScheduledActionARN>arn:aws:autoscaling:us-east-1:123456789012:scheduledUpdateGroupAction:1:autoScalingGroupName/{GROUP}:scheduledActionName/{name}</ScheduledActionARN>\
                 <AutoScalingGroupName>{GROUP}</AutoScalingGroupName><Time>{start}</Time><StartTime>{start}</StartTime>\
                 <MinSize>{min}</MinSize><MaxSize>{max}</MaxSize></member>"
            )
        })
        .collect();
    query(
        "DescribeScheduledActions",
        &format!("<ScheduledUpdateGroupActions>{members}</ScheduledUpdateGroupActions>"),
    )
}

/// The group and its schedule, at this hour of AWS's.
pub fn at(now: &str, bounds: (u32, u32), mark: Option<&str>, actions: &[(&str, &str, u32, u32)]) -> Script {
    let health = format!("<EnvironmentName>Tcb-conference-env</EnvironmentName><RefreshedAt>{now}</RefreshedAt>");
    parts(2, 4)
        .without(&[GROUPS])
        .recorded(
            GROUPS,
            "cloud-custodian/cloud-custodian tests/data/placebo/test_asg_resize_restore_from_tag",
            tagged_group(bounds.0, bounds.1, mark),
        )
        .documented(
            "autoscaling:DescribeScheduledActions",
            &format!("{CLI}/describe-scheduled-actions.rst"),
            scheduled(actions),
        )
        .recorded(
            "elasticbeanstalk:DescribeEnvironmentHealth",
            EB_CLI,
            query("DescribeEnvironmentHealth", &health),
        )
        .and(nothing_reserved())
}

/// The article's environment at rest, with its deployed settings as `change` makes them.
pub async fn at_rest(change: impl FnOnce(&mut Vec<(String, String, String)>)) -> Script {
    let mut asked = launched(&stack(|_| {})).await;
    change(&mut asked);
    resting(serving(), configuration(&settings(&asked, "deployed")), ours())
}

fn changes(asked: &mut [(String, String, String)], name: &str, value: &str) {
    let option = asked.iter_mut().find(|(_, option, _)| option == name).unwrap();
    option.2 = value.to_owned();
}

pub fn schedules() -> Script {
    Script::default().documented(
        "autoscaling:PutScheduledUpdateGroupAction",
        &format!("{CLI}/put-scheduled-update-group-action.rst"),
        done("PutScheduledUpdateGroupAction"),
    )
}

pub fn unschedules() -> Script {
    Script::default().documented(
        "autoscaling:DeleteScheduledAction",
        &format!("{CLI}/delete-scheduled-action.rst"),
        done("DeleteScheduledAction"),
    )
}

pub fn tags() -> Script {
    Script::default().documented(
        "autoscaling:CreateOrUpdateTags",
        &format!("{CLI}/create-or-update-tags.rst"),
        done("CreateOrUpdateTags"),
    )
}

pub fn resizes() -> Script {
    Script::default().recorded(
        RESIZE,
        "cloud-custodian/cloud-custodian tests/data/placebo/test_asg_resize_to_current",
        done("UpdateAutoScalingGroup"),
    )
}

fn updates(told: &[(&str, &str)]) -> Script {
    Script::default()
        .documented(
            UPDATE,
            "aws/aws-cli awscli/examples/elasticbeanstalk/update-environment.rst",
            query(
                "UpdateEnvironment",
                &environment("Updating", "<VersionLabel>v1</VersionLabel>"),
            ),
        )
        .recorded("elasticbeanstalk:DescribeEvents", EB_CLI, events(told))
}

const UPDATED: &[(&str, &str)] = &[
    ("INFO", "Environment update completed successfully."),
    ("INFO", "Environment update is starting."),
];

pub fn fields(change: &Change) -> Vec<String> {
    change.fields().iter().map(|field| field.field.clone()).collect()
}

/// Name, hour and bounds of every action that was put, in order.
fn put(account: &Account) -> Vec<(String, String, String, String)> {
    let sent = account.replay.sent(PUT);
    let parameter = |sent: &crate::request::Sent, name: &str| sent.parameter(name).unwrap_or_default();
    sent.iter()
        .map(|sent| {
            (
                parameter(sent, "ScheduledActionName"),
                parameter(sent, "StartTime"),
                parameter(sent, "MinSize"),
                parameter(sent, "MaxSize"),
            )
        })
        .collect()
}

fn texts((name, start, min, max): (&str, &str, u32, u32)) -> (String, String, String, String) {
    (name.to_owned(), start.to_owned(), min.to_string(), max.to_string())
}

/// The way back is there before the way out, and the tag before both: whatever ends the run, what is to be is known.
#[tokio::test]
async fn an_hour_is_scheduled_with_its_way_back_and_the_tag_tells_of_both() {
    let script = at_rest(|_| {})
        .await
        .and(at(BEFORE, (2, 4), None, &[]))
        .and(tags())
        .and(schedules());
    let account = of_root(script).await;
    let change = account.plan_with(&to(EVENT), ID, given()).await;
    assert_eq!(
        fields(&change),
        [
            "pre-scale",
            "scheduled action confctl-scale-back",
            "scheduled action confctl-scale-out"
        ]
    );
    account.up(&to(EVENT), ID, given()).await.done();
    assert_eq!(put(&account), [texts(BACK), texts(OUT)]);
    let tag = &account.replay.sent("autoscaling:CreateOrUpdateTags")[0];
    assert_eq!(tag.parameter("Tags.member.1.Value").as_deref(), Some(EVENT));
    assert_eq!(
        tag.parameter("Tags.member.1.PropagateAtLaunch").as_deref(),
        Some("false")
    );
    let called = account.replay.called();
    let place = |operation: &str| called.iter().position(|called| called == operation).unwrap();
    assert!(place("autoscaling:CreateOrUpdateTags") < place(PUT), "{called:?}");
    account.check();
}

#[tokio::test]
async fn the_same_schedule_is_nothing_to_do_and_another_takes_its_place() {
    let script = at_rest(|_| {})
        .await
        .and(at(BEFORE, (2, 4), Some(EVENT), &[OUT, BACK]))
        .and(tags())
        .and(unschedules())
        .and(schedules());
    let account = of_root(script).await;
    assert_eq!(account.plan_with(&to(EVENT), ID, given()).await, Change::Keep);
    // It begins when the former one ended: no two may have the same hour, so both go first.
    let later = "6-8 from 2026-12-10T18:30:00Z until 2026-12-10T19:30:00Z";
    account.up(&to(later), ID, given()).await.done();
    let called = account.replay.called();
    let last_gone = called.iter().rposition(|called| called == DELETE).unwrap();
    assert!(
        last_gone < called.iter().position(|called| called == PUT).unwrap(),
        "{called:?}"
    );
    assert_eq!(account.replay.times(DELETE), 2);
    account.check();
}

/// By its tag alone: the profile wants two to four.
#[tokio::test]
async fn up_keeps_what_stands_and_says_until_when() {
    let account = of_root(at_rest(|_| {}).await.and(at(DURING, (6, 8), Some(EVENT), &[BACK]))).await;
    assert_eq!(account.plan_with(&stack(|_| {}), ID, given()).await, Change::Keep);
    account.check();
}

/// A run that was ended has left the tag only, and somebody has made the group smaller.
#[tokio::test]
async fn up_completes_what_was_left_half_made() {
    let script = at_rest(|_| {})
        .await
        .and(at(DURING, (2, 4), Some(EVENT), &[]))
        .and(schedules())
        .and(resizes());
    let account = of_root(script).await;
    account.up(&stack(|_| {}), ID, given()).await.done();
    assert_eq!(put(&account), [texts(BACK)]);
    let resized = &account.replay.sent(RESIZE)[0];
    let sizes = ["MinSize", "MaxSize"].map(|name| resized.parameter(name).unwrap_or_default());
    assert_eq!(sizes, ["6", "8"]);
    account.check();
}

#[tokio::test]
async fn one_that_is_over_and_not_back_is_drift_and_one_that_is_back_is_none() {
    let account = of_root(at_rest(|_| {}).await.and(at(AFTER, (6, 8), Some(EVENT), &[]))).await;
    let change = account.plan_with(&stack(|_| {}), ID, given()).await;
    assert_eq!(
        fields(&change),
        ["Auto Scaling group MinSize", "Auto Scaling group MaxSize"]
    );
    account.check();
    let account = of_root(at_rest(|_| {}).await.and(at(AFTER, (2, 4), Some(EVENT), &[]))).await;
    assert_eq!(account.plan_with(&stack(|_| {}), ID, given()).await, Change::Keep);
    account.check();
    // Auto Scaling may be two minutes late.
    let late = at("2026-12-10T18:31:00Z", (6, 8), Some(EVENT), &[BACK]);
    let account = of_root(at_rest(|_| {}).await.and(late)).await;
    assert_eq!(account.plan_with(&stack(|_| {}), ID, given()).await, Change::Keep);
    account.check();
}

#[tokio::test]
async fn in_the_middle_nothing_is_changed_that_would_scale_the_event_down() {
    for (option, profile_is) in [("InstanceTypes", "t3.micro"), ("MinSize", "2")] {
        let other = if option == "MinSize" { "3" } else { "t3.small" };
        let script = at_rest(|asked| changes(asked, option, other))
            .await
            .and(at(DURING, (6, 8), Some(EVENT), &[BACK]));
        let account = of_root(script).await;
        let Change::Blocked { reason, hint } = account.plan_with(&stack(|_| {}), ID, given()).await else {
            panic!("{option} back to {profile_is} would be done");
        };
        assert!(
            reason.contains("pre-scaled to 6 to 8 instances") && reason.contains(option),
            "{reason}"
        );
        let hint = hint.shown(|commands| commands[0].words.join(" "));
        assert!(
            hint.contains("2026-12-10T18:30:00Z") && hint.contains("scale --back"),
            "{hint}"
        );
        account.check();
    }
}

/// What does not concern the group goes on; where Beanstalk has set the group back all the same, it is brought to its size again.
#[tokio::test]
async fn in_the_middle_a_property_is_deployed_and_the_size_is_held() {
    let script = at_rest(|asked| changes(asked, "AWS_REGION", "eu-west-1"))
        .await
        .and(at(DURING, (6, 8), Some(EVENT), &[BACK]))
        .recorded(
            GROUPS,
            "cloud-custodian/cloud-custodian tests/data/placebo/test_asg_resize_restore_from_tag",
            tagged_group(2, 4, Some(EVENT)),
        )
        .after(UPDATE)
        .and(updates(UPDATED))
        .and(resizes());
    let account = of_root(script).await;
    account.up(&stack(|_| {}), ID, given()).await.done();
    assert_eq!(options_of(&account.replay.sent(UPDATE)[0])[0].1, "AWS_REGION");
    assert_eq!(
        account.replay.sent(RESIZE)[0].parameter("MinSize").as_deref(),
        Some("6")
    );
    account.check();
}

/// CloudFormation replaces no instances while actions are scheduled: they make way, and come back, however the update ends.
#[tokio::test]
async fn before_the_hour_a_schedule_makes_way_for_other_instances_and_comes_back() {
    let failed: &[(&str, &str)] = &[
        (
            "ERROR",
            "The environment was reverted to the previous configuration setting.",
        ),
        ("ERROR", "Failed to deploy configuration."),
        ("INFO", "Environment update is starting."),
    ];
    for (told, ends_well) in [(UPDATED, true), (failed, false)] {
        let script = at_rest(|asked| changes(asked, "InstanceTypes", "t3.small"))
            .await
            .and(at(BEFORE, (2, 4), Some(EVENT), &[OUT, BACK]))
            .documented(
                ACTIONS,
                &format!("{CLI}/describe-scheduled-actions.rst"),
                scheduled(&[]),
            )
            .after(UPDATE)
            .and(updates(told))
            .and(unschedules())
            .and(schedules());
        let script = match ends_well {
            true => script,
            false => script.documented(
                "s3:GetObject",
                "awsdocs/aws-elastic-beanstalk-developer-guide environments-deployment-logs",
                refused(404, "NoSuchKey", "The specified key does not exist."),
            ),
        };
        let account = of_root(script).await;
        let ran = account.up(&stack(|_| {}), ID, given()).await;
        assert_eq!(ran.report.failures().next().is_none(), ends_well, "{:?}", ran.report);
        let called = account.replay.called();
        let place = |operation: &str| called.iter().position(|called| called == operation).unwrap();
        assert!(
            place(DELETE) < place(UPDATE) && place(UPDATE) < place(PUT),
            "{called:?}"
        );
        assert_eq!(put(&account), [texts(BACK), texts(OUT)]);
        account.check();
    }
}

#[tokio::test]
async fn what_others_have_scheduled_is_theirs_to_take_away() {
    let theirs = ("IS-office-Start", "2027-01-01T08:00:00Z", 1, 1);
    let script = at_rest(|asked| changes(asked, "InstanceTypes", "t3.small"))
        .await
        .and(parts(2, 4))
        .documented(
            ACTIONS,
            &format!("{CLI}/describe-scheduled-actions.rst"),
            scheduled(&[theirs]),
        );
    let account = of_root(script).await;
    let ran = account.up(&stack(|_| {}), ID, given()).await;
    let error = &ran.failure().error;
    assert_eq!(error.kind, Kind::Refused);
    assert!(error.message.contains("IS-office-Start"), "{}", error.message);
    let hint = way_out(error);
    assert!(
        hint.contains("delete-scheduled-action") && hint.contains(GROUP),
        "{hint}"
    );
    account.check();
}

#[tokio::test]
async fn back_it_goes_to_what_beanstalk_has_and_the_tag_goes_last() {
    let script = at_rest(|_| {})
        .await
        .and(at(DURING, (6, 8), Some(EVENT), &[BACK]))
        .and(unschedules())
        .and(resizes())
        .documented(
            "autoscaling:DeleteTags",
            &format!("{CLI}/delete-tags.rst"),
            done("DeleteTags"),
        );
    let account = of_root(script).await;
    account.up(&scaling(Scaling::Back), ID, given()).await.done();
    assert_eq!(
        account.replay.sent(RESIZE)[0].parameter("MinSize").as_deref(),
        Some("2")
    );
    let called = account.replay.called();
    let place = |operation: &str| called.iter().position(|called| called == operation).unwrap();
    assert!(place(RESIZE) < place("autoscaling:DeleteTags"), "{called:?}");
    account.check();
    let account = of_root(at_rest(|_| {}).await.and(at(BEFORE, (2, 4), None, &[]))).await;
    assert_eq!(
        account.plan_with(&scaling(Scaling::Back), ID, given()).await,
        Change::Keep
    );
    account.check();
}

/// The hour has come between the plan and the call; and another one's action has the hour of the way back.
#[tokio::test]
async fn an_hour_that_has_come_is_now_and_one_that_is_taken_is_said() {
    let mut at_once = prescale(EVENT);
    at_once.bounds = Bounds { min: 6, max: 8 };
    let script = at_rest(|_| {})
        .await
        .and(at("2026-12-10T17:49:59Z", (2, 4), None, &[]))
        .and(tags())
        .and(schedules().to("confctl-scale-back"))
        .documented(
            PUT,
            "hashicorp/terraform-provider-aws pull 3033",
            refused(400, "ValidationError", "Given start time is in the past"),
        )
        .to("confctl-scale-out")
        .and(resizes());
    let account = of_root(script).await;
    account.up(&scaling(Scaling::To(at_once)), ID, given()).await.done();
    assert_eq!(
        account.replay.sent(RESIZE)[0].parameter("MinSize").as_deref(),
        Some("6")
    );
    account.check();

    let theirs = ("theirs", "2026-12-10T18:30:00Z", 1, 1);
    let taken = "Scheduled action with this scheduled start time already exists";
    let script = at_rest(|_| {})
        .await
        .and(at(BEFORE, (2, 4), None, &[theirs]))
        .and(tags())
        .documented(
            PUT,
            "TerraConstructs/base issue 127",
            refused(400, "AlreadyExists", taken),
        );
    let account = of_root(script).await;
    let ran = account.up(&to(EVENT), ID, given()).await;
    assert!(way_out(&ran.failure().error).contains("choose another minute"));
    account.check();
}
