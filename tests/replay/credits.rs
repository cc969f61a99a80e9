//! How the instances that run spend CPU credits, by what EC2 answers: set for those alone, and refused for some.

use std::sync::Arc;

use confctl::profile::Profile;
use confctl::resources::{CreditMode, Scaling, Stack};

use crate::account::{of_root, stack_of};
use crate::bodies::ec2;
use crate::environment_answers::{given, group};
use crate::scale::{BEFORE, ID, at, at_rest, fields};
use crate::script::Script;

const GROUPS: &str = "autoscaling:DescribeAutoScalingGroups";
const DESCRIBE: &str = "ec2:DescribeInstanceCreditSpecifications";
const MODIFY: &str = "ec2:ModifyInstanceCreditSpecification";
const CLI: &str = "aws/aws-cli awscli/examples/ec2";

fn credits(mode: CreditMode) -> Arc<Stack> {
    let mut stack = stack_of(Profile::default());
    stack.scaling = Some(Scaling::AsItIs);
    stack.credits = Some(mode);
    Arc::new(stack)
}

/// A group with these instances: id, type and state.
fn with(instances: &[(&str, &str, &str)]) -> String {
    let members = instances.iter().map(|(id, kind, state)| {
        format!(
            "<member><InstanceId>{id}</InstanceId><InstanceType>{kind}</InstanceType><AvailabilityZone>us-east-1a</AvailabilityZone>\
             <LifecycleState>{state}</LifecycleState><HealthStatus>Healthy</HealthStatus>\
             <ProtectedFromScaleIn>false</ProtectedFromScaleIn></member>"
        )
    });
    group(2, 4).replace(
        "<Instances/>",
        &format!("<Instances>{}</Instances>", members.collect::<String>()),
    )
}

async fn site(instances: &[(&str, &str, &str)]) -> Script {
    let there = at(BEFORE, (2, 4), None, &[]).without(&[GROUPS]);
    at_rest(|_| {}).await.and(there).recorded(
        GROUPS,
        "cloud-custodian/cloud-custodian tests/data/placebo/test_asg_resize_restore_from_tag",
        with(instances),
    )
}

fn told(modes: &[(&str, &str)]) -> Script {
    let items = modes
        .iter()
        .map(|(id, mode)| format!("<item><instanceId>{id}</instanceId><cpuCredits>{mode}</cpuCredits></item>"));
    let set = format!(
        "<instanceCreditSpecificationSet>{}</instanceCreditSpecificationSet>",
        items.collect::<String>()
    );
    Script::default().documented(
        "ec2:DescribeInstanceCreditSpecifications",
        &format!("{CLI}/describe-instance-credit-specifications.rst"),
        ec2("DescribeInstanceCreditSpecifications", &set),
    )
}

fn takes(unsuccessful: &str) -> Script {
    let sets = format!(
        "<successfulInstanceCreditSpecificationSet/>\
         <unsuccessfulInstanceCreditSpecificationSet>{unsuccessful}</unsuccessfulInstanceCreditSpecificationSet>"
    );
    Script::default().documented(
        "ec2:ModifyInstanceCreditSpecification",
        &format!("{CLI}/modify-instance-credit-specification.rst"),
        ec2("ModifyInstanceCreditSpecification", &sets),
    )
}

const TWO: [(&str, &str, &str); 3] = [
    ("i-1", "t3.micro", "InService"),
    ("i-2", "t3.micro", "InService"),
    ("i-3", "t3.micro", "Pending"),
];

#[tokio::test]
async fn what_serves_and_spends_otherwise_is_set_and_nothing_else() {
    let script = site(&TWO).await;
    let script = script
        .and(told(&[("i-1", "standard"), ("i-2", "unlimited")]))
        .and(takes(""));
    let account = of_root(script).await;
    let change = account.plan_with(&credits(CreditMode::Standard), ID, given()).await;
    assert_eq!(fields(&change), ["CPU credits of the running instances"]);
    assert_eq!(change.fields()[0].from.as_deref(), Some("standard, unlimited"));
    account.up(&credits(CreditMode::Standard), ID, given()).await.done();
    let asked = &account.replay.sent(DESCRIBE)[0];
    assert_eq!(
        (
            asked.parameter("InstanceId.1").as_deref(),
            asked.parameter("InstanceId.3")
        ),
        (Some("i-1"), None)
    );
    let set = &account.replay.sent(MODIFY)[0];
    let of = |name: &str| set.parameter(&format!("InstanceCreditSpecification.{name}"));
    assert_eq!(
        (
            of("1.InstanceId").as_deref(),
            of("1.CpuCredits").as_deref(),
            of("2.InstanceId")
        ),
        (Some("i-2"), Some("standard"), None)
    );
    account.check();
}

/// EC2 says so with status 200.
#[tokio::test]
async fn one_for_which_it_is_not_set_is_named() {
    let refused = "<item><instanceId>i-2</instanceId><error><code>IncorrectInstanceState</code><message>It is not running.</message>\
                   </error></item>";
    let script = site(&TWO).await;
    let script = script
        .and(told(&[("i-1", "unlimited"), ("i-2", "unlimited")]))
        .and(takes(refused));
    let account = of_root(script).await;
    let ran = account.up(&credits(CreditMode::Standard), ID, given()).await;
    let error = ran.failure().error.in_a_line();
    assert!(error.contains("i-2") && error.contains("It is not running."), "{error}");
    account.check();
}

#[tokio::test]
async fn without_a_burstable_instance_there_is_nothing_to_set() {
    let script = site(&[("i-1", "m5.large", "InService")]).await;
    let account = of_root(script).await;
    let change = account.plan_with(&credits(CreditMode::Unlimited), ID, given()).await;
    assert!(matches!(change, confctl::engine::Change::Blocked { .. }), "{change:?}");
    account.check();
}
