//! Capacity of the load balancer that is reserved with a pre-scale, by what ELB answers: asked for, refused, under way, failed, and
//! taken back, which nothing but a run does.

use confctl::engine::Change;
use confctl::resources::Scaling;

use crate::account::{of_root, stack, stack_of};
use crate::beanstalk::{CUSTODIAN, EB_CLI, environment, environments, events};
use crate::bodies::{done, query};
use crate::environment_answers::given;
use crate::scale::{AFTER, BACK, BEFORE, DURING, ID, at, at_rest, fields, resizes, scaling, tags, to, unschedules};
use crate::script::{Answer, Script, refused};
use crate::way_out;

const DESCRIBE: &str = "elasticloadbalancing:DescribeCapacityReservation";
const MODIFY: &str = "elasticloadbalancing:ModifyCapacityReservation";
const MODEL: &str = "boto/botocore botocore/data/elbv2/2015-12-01/service-2.json";
const GUIDE: &str = "docs.aws.amazon.com/elasticloadbalancing/latest/application/monitor-capacity-unit-reservation";

const FIELD: &str = "capacity units of the load balancer";
/// Of the load balancer alone: the group stays as it is.
const ALONE: &str = "2-4 units 500 until 2026-12-10T18:30:00Z";
const BOTH: &str = "6-8 units 500 until 2026-12-10T18:30:00Z";

/// So many units in that state, in both zones.
fn reserved(operation: &str, units: u32, state: &str, reason: &str) -> String {
    let reason = match reason {
        "" => String::new(),
        reason => format!("<Reason>{reason}</Reason>"),
    };
    let zones = ["us-east-1a", "us-east-1b"].map(|zone| {
        format!(
            "<member><State><Code>{state}</Code>{reason}</State><AvailabilityZone>{zone}</AvailabilityZone>\
             <EffectiveCapacityUnits>0.0</EffectiveCapacityUnits></member>"
        )
    });
    query(
        operation,
        &format!(
            "<LastModifiedTime>2026-12-10T12:00:00Z</LastModifiedTime><DecreaseRequestsRemaining>2</DecreaseRequestsRemaining>\
             <MinimumLoadBalancerCapacity><CapacityUnits>{units}</CapacityUnits></MinimumLoadBalancerCapacity>\
             <CapacityReservationState>{}</CapacityReservationState>",
            zones.concat()
        ),
    )
}

pub fn nothing_reserved() -> Script {
    let none = "<DecreaseRequestsRemaining>2</DecreaseRequestsRemaining>";
    Script::default().documented(
        "elasticloadbalancing:DescribeCapacityReservation",
        MODEL,
        query("DescribeCapacityReservation", none),
    )
}

fn is(units: u32, state: &str) -> Script {
    let told = reserved("DescribeCapacityReservation", units, state, "");
    Script::default().documented(DESCRIBE, GUIDE, told)
}

/// What ELB says once it was asked.
fn comes_to(state: &str, reason: &str) -> Script {
    let told = reserved("DescribeCapacityReservation", 500, state, reason);
    Script::default().documented(DESCRIBE, GUIDE, told).after(MODIFY)
}

fn takes(answer: impl Into<Answer>) -> Script {
    Script::default().documented("elasticloadbalancing:ModifyCapacityReservation", MODEL, answer)
}

fn taken() -> Script {
    takes(reserved("ModifyCapacityReservation", 500, "pending", ""))
}

fn reset() -> Script {
    takes(query("ModifyCapacityReservation", ""))
}

/// An account at this hour, with that tag on its group, and what is reserved.
async fn with(now: &str, bounds: (u32, u32), mark: Option<&str>, is: Script) -> Script {
    let there = at(now, bounds, mark, &[]).without(&[DESCRIBE]);
    at_rest(|_| {}).await.and(there).and(is)
}

/// The tag first, so that whatever ends the run somebody knows what costs; and followed until it is there.
#[tokio::test]
async fn capacity_is_reserved_at_once_behind_the_tag_and_followed_until_it_is_there() {
    let script = with(BEFORE, (2, 4), None, nothing_reserved()).await;
    let script = script
        .and(tags())
        .and(taken())
        .and(comes_to("pending", ""))
        .and(comes_to("rebalancing", ""))
        .and(comes_to("provisioned", ""));
    let account = of_root(script).await;
    let change = account.plan_with(&to(ALONE), ID, given()).await;
    assert_eq!(fields(&change), ["pre-scale", FIELD]);
    account.up(&to(ALONE), ID, given()).await.done();
    let sent = &account.replay.sent(MODIFY)[0];
    assert_eq!(
        sent.parameter("MinimumLoadBalancerCapacity.CapacityUnits").as_deref(),
        Some("500")
    );
    assert_eq!(sent.parameter("ResetCapacityReservation"), None);
    let tag = &account.replay.sent("autoscaling:CreateOrUpdateTags")[0];
    assert_eq!(tag.parameter("Tags.member.1.Value").as_deref(), Some(ALONE));
    let called = account.replay.called();
    let place = |operation: &str| called.iter().position(|called| called == operation).unwrap();
    assert!(place("autoscaling:CreateOrUpdateTags") < place(MODIFY), "{called:?}");
    account.check();
}

#[tokio::test]
async fn what_is_reserved_already_is_nothing_to_do_and_what_a_killed_run_left_up_completes() {
    for (is, does) in [
        (is(500, "provisioned"), false),
        (is(500, "pending"), false),
        (is(300, "provisioned"), true),
        (nothing_reserved(), true),
    ] {
        let account = of_root(with(DURING, (2, 4), Some(ALONE), is).await).await;
        let change = account.plan_with(&stack(|_| {}), ID, given()).await;
        match does {
            true => assert_eq!(fields(&change), [FIELD]),
            false => assert_eq!(change, Change::Keep),
        }
        account.check();
    }
}

/// An earlier try, whose answer was lost, is being worked on; or another one's request, which is waited for.
#[tokio::test]
async fn while_elb_works_on_a_request_ours_is_taken_for_done_or_waits() {
    let busy = || refused(429, "PriorRequestNotComplete", "A prior request has not been completed");
    let script = with(BEFORE, (2, 4), None, nothing_reserved()).await;
    let script = script
        .and(tags())
        .and(takes(busy()))
        .and(comes_to("pending", ""))
        .and(comes_to("provisioned", ""));
    let account = of_root(script).await;
    account.up(&to(ALONE), ID, given()).await.done();
    account.check();

    let others = reserved("DescribeCapacityReservation", 100, "pending", "");
    let script = with(BEFORE, (2, 4), None, is(100, "pending")).await;
    let script = script
        .and(tags())
        .and(takes(refused(
            400,
            "CapacityReservationPending",
            "There is a pending reservation",
        )))
        .and(taken())
        .documented(DESCRIBE, GUIDE, others)
        .after(MODIFY)
        .and(comes_to("provisioned", ""));
    let account = of_root(script).await;
    account.up(&to(ALONE), ID, given()).await.done();
    assert_eq!(account.replay.times(MODIFY), 2);
    account.check();
}

#[tokio::test]
async fn what_the_account_or_aws_cannot_reserve_says_the_way_out() {
    for (status, code, way) in [
        (400, "CapacityUnitsLimitExceeded", "L-8A66D0E6"),
        (500, "InsufficientCapacity", "ask for fewer"),
    ] {
        let script = with(BEFORE, (2, 4), None, nothing_reserved()).await;
        let script = script.and(tags()).and(takes(refused(status, code, "It cannot be.")));
        let account = of_root(script).await;
        let ran = account.up(&to(ALONE), ID, given()).await;
        let error = &ran.failure().error;
        assert!(way_out(error).contains(way), "{code}: {error:?}");
        account.check();
    }
    // Taken, and failed afterwards.
    let script = with(BEFORE, (2, 4), None, nothing_reserved()).await;
    let script = script
        .and(tags())
        .and(taken())
        .and(comes_to("failed", "Not enough capacity in us-east-1b"));
    let account = of_root(script).await;
    let ran = account.up(&to(ALONE), ID, given()).await;
    let error = &ran.failure().error;
    assert!(error.in_a_line().contains("Not enough capacity in us-east-1b"));
    assert!(way_out(error).contains("scale --back"));
    account.check();
}

/// AWS has no schedule for it: what is over costs until somebody comes.
#[tokio::test]
async fn what_is_reserved_after_the_end_is_drift_that_up_takes_back() {
    let script = with(AFTER, (2, 4), Some(ALONE), is(500, "provisioned"))
        .await
        .and(reset());
    let account = of_root(script).await;
    let change = account.plan_with(&stack(|_| {}), ID, given()).await;
    let Change::Update { fields } = &change else {
        panic!("{change:?}")
    };
    let field = &fields.shown()[0];
    assert_eq!((field.from.as_deref(), field.to.as_deref()), (Some("500"), None));
    account.up(&stack(|_| {}), ID, given()).await.done();
    let sent = &account.replay.sent(MODIFY)[0];
    assert_eq!(sent.parameter("ResetCapacityReservation").as_deref(), Some("true"));
    account.check();
}

#[tokio::test]
async fn back_takes_it_back_unless_it_is_somebody_elses_or_was_lowered_twice_today() {
    let untags = || Script::default().documented("autoscaling:DeleteTags", MODEL, done("DeleteTags"));
    let script = at_rest(|_| {})
        .await
        .and(at(DURING, (6, 8), Some(BOTH), &[BACK]).without(&[DESCRIBE]))
        .and(is(500, "provisioned"))
        .and(reset())
        .and(unschedules())
        .and(resizes())
        .and(untags());
    let account = of_root(script).await;
    account.up(&scaling(Scaling::Back), ID, given()).await.done();
    assert_eq!(account.replay.times(MODIFY), 1);
    account.check();
    // A pre-scale that asked for none.
    let script = with(DURING, (2, 4), Some("2-4"), is(500, "provisioned"))
        .await
        .and(untags());
    let account = of_root(script).await;
    account.up(&scaling(Scaling::Back), ID, given()).await.done();
    account.check();

    let script = with(DURING, (2, 4), Some(ALONE), is(500, "provisioned")).await;
    let twice = refused(400, "CapacityDecreaseRequestLimitExceeded", "It was lowered twice.");
    let account = of_root(script.and(takes(twice))).await;
    let ran = account.up(&scaling(Scaling::Back), ID, given()).await;
    assert!(way_out(&ran.failure().error).contains("tomorrow"));
    account.check();
}

#[tokio::test]
async fn for_a_shared_load_balancer_its_owner_reserves() {
    let arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/others/1";
    let mut shared = stack_of(confctl::profile::Profile::default());
    shared.profile.load_balancer.mode = confctl::profile::LoadBalancerMode::Shared;
    shared.profile.load_balancer.arn = Some(arn.to_owned());
    shared.scaling = Some(Scaling::To(ALONE.parse().unwrap()));
    let account = of_root(with(BEFORE, (2, 4), None, nothing_reserved()).await).await;
    let change = account.plan_with(&std::sync::Arc::new(shared), ID, given()).await;
    let Change::Blocked { hint, .. } = change else {
        panic!("{change:?}")
    };
    let hint = hint.shown(|commands| commands[0].words.join(" "));
    assert!(hint.contains(arn) && hint.contains("CapacityUnits=500"), "{hint}");
    account.check();
}

/// The load balancer may stay; where it cannot be taken back now the environment goes all the same.
#[tokio::test]
async fn before_the_environment_goes_its_reservation_is_given_back() {
    let gone = environment("Terminated", "<VersionLabel>v1</VersionLabel><Health>Grey</Health>");
    let nothing = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                   <Name>elasticbeanstalk-us-east-1-123456789012</Name><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>";
    for answer in [
        reset(),
        takes(refused(
            400,
            "CapacityDecreaseRequestLimitExceeded",
            "It was lowered twice.",
        )),
    ] {
        let script = with(DURING, (2, 4), Some(ALONE), is(500, "provisioned")).await;
        let script = script
            .and(answer)
            .recorded(
                "elasticbeanstalk:TerminateEnvironment",
                "cloud-custodian/cloud-custodian tests/data/placebo/test_eb_env_terminate",
                query("TerminateEnvironment", &gone),
            )
            .recorded(
                "elasticbeanstalk:DescribeEnvironments",
                CUSTODIAN,
                environments(std::slice::from_ref(&gone)),
            )
            .to("IncludeDeleted=true")
            .recorded(
                "elasticbeanstalk:DescribeEvents",
                EB_CLI,
                events(&[("INFO", "terminateEnvironment is starting.")]),
            )
            .documented("s3:ListObjectsV2", "aws/aws-sdk-rust sdk/s3", nothing);
        let account = of_root(script).await;
        account.down(&stack(|_| {}), ID).await.done();
        let called = account.replay.called();
        let place = |operation: &str| called.iter().position(|called| called == operation).unwrap();
        assert!(
            place(MODIFY) < place("elasticbeanstalk:TerminateEnvironment"),
            "{called:?}"
        );
        account.check();
    }
}
