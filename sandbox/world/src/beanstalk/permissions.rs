//! What Beanstalk makes for an environment it makes with its caller's rights (Beanstalk guide:
//! AWSHowTo.iam.managed-policies): what those do not allow fails late, as a failed part of the stack. Must know nothing of how
//! a part is made.

use super::resources::Part;
use super::workflow::Run;
use crate::iam::linked_roles::{LinkedRole, not_authorized};

/// What a part asks of the caller: action, and what it acts on behind `arn:aws:SERVICE:`,
/// with `{here}` for region and account and `{stack}` for the stack's name.
pub(super) type Deed = (&'static str, &'static str);

pub(super) const SECURITY_GROUPS: &[Deed] = &[
    ("ec2:CreateSecurityGroup", "ec2:{here}:security-group/*"),
    ("ec2:AuthorizeSecurityGroupIngress", "ec2:{here}:security-group/*"),
];
/// With a launch template the caller also needs to be able to run instances (developer guide,
/// environments-cfg-autoscaling-launch-templates).
pub(super) const LAUNCH_TEMPLATE: &[Deed] = &[
    ("ec2:CreateLaunchTemplate", "ec2:{here}:launch-template/*"),
    ("ec2:RunInstances", "ec2:{here}:instance/*"),
];
pub(super) const LAUNCH_CONFIGURATION: &[Deed] = &[(
    "autoscaling:CreateLaunchConfiguration",
    "autoscaling:{here}:launchConfiguration:*:launchConfigurationName/{stack}-*",
)];
pub(super) const ADDRESS: &[Deed] = &[("ec2:AllocateAddress", "ec2:{here}:elastic-ip/*")];
pub(super) const TARGET_GROUP: &[Deed] = &[(
    "elasticloadbalancing:CreateTargetGroup",
    "elasticloadbalancing:{here}:targetgroup/awseb-*/*",
)];
pub(super) const GROUP: &[Deed] = &[(
    "autoscaling:CreateAutoScalingGroup",
    "autoscaling:{here}:autoScalingGroup:*:autoScalingGroupName/{stack}-*",
)];
pub(super) const SCALING_POLICY: &[Deed] = &[(
    "autoscaling:PutScalingPolicy",
    "autoscaling:{here}:autoScalingGroup:*:autoScalingGroupName/{stack}-*",
)];
pub(super) const ALARM: &[Deed] = &[("cloudwatch:PutMetricAlarm", "cloudwatch:{here}:alarm:{stack}-*")];
pub(super) const LOAD_BALANCER: &[Deed] = &[
    (
        "elasticloadbalancing:CreateLoadBalancer",
        "elasticloadbalancing:{here}:loadbalancer/app/awseb-*/*",
    ),
    (
        "elasticloadbalancing:CreateListener",
        "elasticloadbalancing:{here}:loadbalancer/app/awseb-*/*",
    ),
];

/// Of a load balancer that is not the environment's own.
pub(super) const LISTENER_RULE: &[Deed] = &[(
    "elasticloadbalancing:CreateRule",
    "elasticloadbalancing:{here}:listener/app/*/*/*",
)];
pub(super) const NO_LISTENER_RULE: &[Deed] = &[(
    "elasticloadbalancing:DeleteRule",
    "elasticloadbalancing:{here}:listener-rule/app/*/*/*/*",
)];

/// What an update asks, where it changes the group or what instances are launched from.
pub(super) const CHANGED_GROUP: &[Deed] = &[(
    "autoscaling:UpdateAutoScalingGroup",
    "autoscaling:{here}:autoScalingGroup:*:autoScalingGroupName/{stack}-*",
)];
pub(super) const CHANGED_TEMPLATE: &[Deed] = &[("ec2:CreateLaunchTemplateVersion", "ec2:{here}:launch-template/*")];

/// What a termination asks.
pub(super) const NO_ALARM: &[Deed] = &[("cloudwatch:DeleteAlarms", "cloudwatch:{here}:alarm:{stack}-*")];
pub(super) const NO_SCALING_POLICY: &[Deed] = &[(
    "autoscaling:DeletePolicy",
    "autoscaling:{here}:autoScalingGroup:*:autoScalingGroupName/{stack}-*",
)];
pub(super) const NO_LOAD_BALANCER: &[Deed] = &[(
    "elasticloadbalancing:DeleteLoadBalancer",
    "elasticloadbalancing:{here}:loadbalancer/app/awseb-*/*",
)];
pub(super) const NO_GROUP: &[Deed] = &[(
    "autoscaling:DeleteAutoScalingGroup",
    "autoscaling:{here}:autoScalingGroup:*:autoScalingGroupName/{stack}-*",
)];
pub(super) const NO_SECURITY_GROUPS: &[Deed] = &[("ec2:DeleteSecurityGroup", "ec2:{here}:security-group/*")];

/// Whether the caller may do what the part takes.
///
/// # Errors
/// The part that fails, and why, as CloudFormation words it: "API: elasticloadbalancingv2:CreateLoadBalancer User: … is not
/// authorized to perform: …" (brentley/ecsworkshop#32).
pub(super) fn check(run: &Run, caller: &str, part: Part, deeds: &[Deed]) -> Result<(), (Part, String)> {
    let Some(environment) = run.snapshot() else {
        return Ok(());
    };
    let state = run.world.lock();
    let iam = state.iam.seen(state.as_of(run.world.clock.now()));
    let here = format!("{}:{}", run.region, state.account);
    for (action, on) in deeds {
        let on = on
            .replace("{here}", &here)
            .replace("{stack}", &environment.stack_name());
        let resource = format!("arn:aws:{on}");
        if !iam.caller_can(caller, &run.region, action, &resource) {
            return Err((
                part,
                format!("API: {action} {}", not_authorized(caller, action, &resource)),
            ));
        }
    }
    Ok(())
}

/// Whether the role that the service acts with is there, or could be made with the caller's rights. Only accounts that are
/// new to a service lack its role.
///
/// # Errors
/// As [`check`].
pub(super) fn link(run: &Run, caller: &str, part: Part, role: &LinkedRole) -> Result<(), (Part, String)> {
    let now = run.world.clock.now();
    let mut state = run.world.lock();
    if !state.gates.service_linked_roles {
        return Ok(());
    }
    let account = state.account.clone();
    let ensured = state.iam.ensure_linked_role(&account, now, (caller, &run.region), role);
    ensured.map_err(|why| (part, format!("API: {} {why}", role.first_needed_by)))
}
