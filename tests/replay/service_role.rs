//! The service role, by what IAM answers: what is not there yet, what cannot be attached, what is not gone yet.

use std::sync::Arc;
use std::time::Instant;

use confctl::engine::{Change, Kind};
use confctl::profile::Profile;
use confctl::resources::Stack;

use crate::account::{Given, of_root, stack, stack_of};
use crate::beanstalk::{self, EB_CLI};
use crate::bodies::{our_tags, query};
use crate::iam::{
    CLI, CUSTODIAN, MODEL, attached, got_role, inline, no_such_role, quietly, regions, role, role_tags, simulated,
};
use crate::script::{Answer, Script, refused};

const ID: &str = "service-role";
pub const NAME: &str = "aws-elasticbeanstalk-service-role";
const OWN: &str = "tcb-conference-us-east-1-service-role";
const SERVICE: &str = "elasticbeanstalk.amazonaws.com";
pub const POLICIES: [&str; 2] = [
    "service-role/AWSElasticBeanstalkEnhancedHealth",
    "AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy",
];
const TERRAFORM: &str = "hashicorp/terraform-provider-aws internal/service/iam/role.go";

/// There is none under our own name, which is asked for where the preferred one is not ours.
fn our_own_is_free() -> Script {
    let source = format!("{CUSTODIAN}/test_delete_role");
    Script::default()
        .recorded("iam:GetRole", &source, no_such_role(OWN))
        .to(format!("RoleName={OWN}"))
}

/// Neither the preferred nor our own.
fn nobody() -> Script {
    let source = format!("{CUSTODIAN}/test_delete_role");
    Script::default()
        .recorded("iam:GetRole", &source, no_such_role(NAME))
        .to(format!("RoleName={NAME}"))
        .and(our_own_is_free())
}

/// Ours, with these policies.
pub fn ours(policies: &[&str]) -> Script {
    ours_as(got_role(NAME, SERVICE), policies)
}

fn ours_as(role: String, policies: &[&str]) -> Script {
    Script::default()
        .recorded("iam:GetRole", &format!("{CUSTODIAN}/test_iam_role_tags"), role)
        .to(format!("RoleName={NAME}"))
        .documented(
            "iam:ListRoleTags",
            &format!("{CLI}/list-role-tags.rst"),
            role_tags(our_tags(ID)),
        )
        .recorded(
            "iam:ListAttachedRolePolicies",
            &format!("{CUSTODIAN}/test_iam_role_has_specific_managed_policy"),
            attached(policies),
        )
        .recorded(
            "iam:ListRolePolicies",
            &format!("{CUSTODIAN}/test_iam_role_has_inline_policy"),
            inline(&[]),
        )
}

fn policy(attachable: bool) -> String {
    query(
        "GetPolicy",
        &format!(
            "<Policy><PolicyName>p</PolicyName><PolicyId>ANPAIOSFODNN7EXAMPLE</PolicyId><Arn>arn:aws:iam::aws:policy/p</Arn><Path>/</Path>\
             <DefaultVersionId>v1</DefaultVersionId><AttachmentCount>0</AttachmentCount><IsAttachable>{attachable}</IsAttachable>\
             <CreateDate>2015-02-06T18:41:10Z</CreateDate><UpdateDate>2015-02-06T18:41:10Z</UpdateDate></Policy>"
        ),
    )
}

#[tokio::test]
async fn ours_is_kept() {
    let account = of_root(ours(&POLICIES)).await;
    assert_eq!(account.plan(&stack(|_| {}), ID).await, Change::Keep);
    account.check();
}

#[tokio::test]
async fn policies_on_a_second_page_count() {
    let second = "<AttachedPolicies><member><PolicyName>AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy</PolicyName><PolicyArn>arn:aws:iam::aws:policy/AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy</PolicyArn></member></AttachedPolicies><IsTruncated>false</IsTruncated>";
    let first = attached(&POLICIES[..1]).replace(
        "<IsTruncated>false</IsTruncated>",
        "<IsTruncated>true</IsTruncated><Marker>more</Marker>",
    );
    let script = ours(&[])
        .without(&["iam:ListAttachedRolePolicies"])
        .recorded("iam:ListAttachedRolePolicies", CUSTODIAN, first)
        .recorded(
            "iam:ListAttachedRolePolicies",
            CUSTODIAN,
            query("ListAttachedRolePolicies", second),
        )
        .to("Marker=more");
    let account = of_root(script).await;
    assert_eq!(account.plan(&stack(|_| {}), ID).await, Change::Keep);
    account.check();
}

#[tokio::test]
async fn a_new_role_is_given_its_policies_as_soon_as_iam_knows_it() {
    // The policy is there and attachable, so it is the role that does not show yet; who may not ask waits as well.
    given_once_known(policy(true)).await;
    given_once_known(refused(
        403,
        "AccessDenied",
        "User is not authorized to perform: iam:GetPolicy",
    ))
    .await;
}

async fn given_once_known(told: impl Into<Answer>) {
    let script = nobody()
        .recorded(
            "iam:CreateRole",
            &format!("{CUSTODIAN}/test_delete_role"),
            query("CreateRole", &format!("<Role>{}</Role>", role(NAME, SERVICE))),
        )
        .modelled("iam:AttachRolePolicy", CUSTODIAN, no_such_role(NAME))
        .documented("iam:GetPolicy", &format!("{CLI}/get-policy.rst"), told)
        .recorded(
            "iam:AttachRolePolicy",
            &format!("{CUSTODIAN}/test_iam_instance_profile_set_policy_attached"),
            quietly("AttachRolePolicy"),
        )
        .recorded("iam:GetRole", CUSTODIAN, got_role(NAME, SERVICE))
        .after("iam:CreateRole")
        .to(format!("RoleName={NAME}"))
        .documented("iam:ListRoleTags", CLI, role_tags(our_tags(ID)))
        .recorded("iam:ListAttachedRolePolicies", CUSTODIAN, attached(&POLICIES[..1]))
        .recorded("iam:ListAttachedRolePolicies", CUSTODIAN, attached(&POLICIES))
        .recorded("iam:ListRolePolicies", CUSTODIAN, inline(&[]));
    let account = of_root(script).await;
    account.up(&stack(|_| {}), ID, Given::default()).await.done();
    assert_eq!(account.replay.times("iam:AttachRolePolicy"), 3);
    account.check();
}

#[tokio::test]
async fn a_policy_that_cannot_be_attached_is_said_at_once() {
    said_at_once(policy(false)).await;
    said_at_once(refused(
        404,
        "NoSuchEntity",
        "Policy arn:aws:iam::aws:policy/p was not found.",
    ))
    .await;
}

async fn said_at_once(told: impl Into<Answer>) {
    let script = nobody()
        .recorded(
            "iam:CreateRole",
            CUSTODIAN,
            query("CreateRole", &format!("<Role>{}</Role>", role(NAME, SERVICE))),
        )
        .documented(
            "iam:AttachRolePolicy",
            "hashicorp/terraform-provider-aws issue 15341",
            refused(
                404,
                "NoSuchEntity",
                "Policy arn:aws:iam::aws:policy/AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy does not exist or is not attachable.",
            ),
        )
        .documented("iam:GetPolicy", &format!("{CLI}/get-policy.rst"), told);
    let account = of_root(script).await;
    let began = Instant::now();
    let ran = account.up(&stack(|_| {}), ID, Given::default()).await;
    let error = &ran.failure().error;
    assert_ne!(
        error.kind,
        Kind::Deadline,
        "{} after {:?}",
        error.in_a_line(),
        began.elapsed()
    );
    assert!(error.in_a_line().contains("not attachable"), "{}", error.in_a_line());
    assert_eq!(account.replay.times("iam:AttachRolePolicy"), 1);
    account.check();
}

#[tokio::test]
async fn a_role_made_in_the_same_moment_is_ours_only_by_its_tags() {
    for (tags, well) in [
        (our_tags(ID).to_vec(), true),
        (vec![("team", "billing".to_owned())], false),
    ] {
        let script = nobody()
            .documented(
                "iam:CreateRole",
                MODEL,
                refused(
                    409,
                    "EntityAlreadyExists",
                    "Role with name aws-elasticbeanstalk-service-role already exists.",
                ),
            )
            .documented("iam:ListRoleTags", CLI, role_tags(tags));
        let script = match well {
            false => script,
            true => script
                .recorded("iam:AttachRolePolicy", CUSTODIAN, quietly("AttachRolePolicy"))
                .recorded("iam:GetRole", CUSTODIAN, got_role(NAME, SERVICE))
                .after("iam:CreateRole")
                .to(format!("RoleName={NAME}"))
                .recorded("iam:ListAttachedRolePolicies", CUSTODIAN, attached(&POLICIES))
                .recorded("iam:ListRolePolicies", CUSTODIAN, inline(&[])),
        };
        let account = of_root(script).await;
        let ran = account.up(&stack(|_| {}), ID, Given::default()).await;
        match well {
            true => ran.done(),
            false => assert_eq!(ran.failure().error.kind, Kind::Refused),
        }
        account.check();
    }
}

#[tokio::test]
async fn what_somebody_changed_in_ours_is_brought_back() {
    let script = Script::default()
        .recorded("iam:GetRole", CUSTODIAN, got_role(NAME, "lambda.amazonaws.com"))
        .to(format!("RoleName={NAME}"))
        .recorded("iam:GetRole", CUSTODIAN, got_role(NAME, SERVICE))
        .to(format!("RoleName={NAME}"))
        .after("iam:UpdateAssumeRolePolicy")
        .documented("iam:ListRoleTags", CLI, role_tags(our_tags(ID)))
        .recorded("iam:ListAttachedRolePolicies", CUSTODIAN, attached(&POLICIES))
        .recorded("iam:ListRolePolicies", CUSTODIAN, inline(&["confctl-old"]))
        .recorded("iam:ListRolePolicies", CUSTODIAN, inline(&[]))
        .after("iam:DeleteRolePolicy")
        .recorded(
            "iam:GetRolePolicy",
            "localstack/localstack tests/aws/services/iam/test_iam.snapshot.json::test_put_role_policy_encoding",
            crate::iam::inline_policy(NAME, "confctl-old", "{}"),
        )
        .recorded(
            "iam:UpdateAssumeRolePolicy",
            "localstack/localstack tests/aws/services/iam/test_iam.snapshot.json::test_update_assume_role_policy",
            quietly("UpdateAssumeRolePolicy"),
        )
        .recorded("iam:DeleteRolePolicy", CUSTODIAN, quietly("DeleteRolePolicy"));
    let account = of_root(script).await;
    account.up(&stack(|_| {}), ID, Given::default()).await.done();
    account.check();
}

const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/boundary";

/// The role with this boundary.
fn bounded(boundary: &str) -> String {
    let bounded = format!(
        "<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType>\
         <PermissionsBoundaryArn>{boundary}</PermissionsBoundaryArn></PermissionsBoundary>"
    );
    query("GetRole", &format!("<Role>{}{bounded}</Role>", role(NAME, SERVICE)))
}

#[tokio::test]
async fn a_boundary_is_set_where_the_profile_names_one() {
    let script = ours(&POLICIES)
        .recorded("iam:GetRole", CUSTODIAN, bounded(BOUNDARY))
        .to(format!("RoleName={NAME}"))
        .after("iam:PutRolePermissionsBoundary")
        .recorded(
            "iam:PutRolePermissionsBoundary",
            &format!("{CUSTODIAN}/test_iam_role_set_boundary"),
            quietly("PutRolePermissionsBoundary"),
        );
    let account = of_root(script).await;
    let stack = stack(|profile| profile.roles.permissions_boundary = Some(BOUNDARY.to_owned()));
    account.up(&stack, ID, Given::default()).await.done();
    account.check();
}

/// The default stack, which a former run bounded.
fn once_bounded(boundary: &str) -> Arc<Stack> {
    let mut former = Profile::default();
    former.roles.permissions_boundary = Some(boundary.to_owned());
    let mut stack = stack_of(Profile::default());
    stack.former = vec![former];
    Arc::new(stack)
}

#[tokio::test]
async fn a_boundary_of_a_former_profile_is_taken_off_and_one_of_nobodys_stays() {
    // It is remembered that there are none.
    let read = || ours_as(bounded(BOUNDARY), &POLICIES).without(&["iam:ListRolePolicies"]);
    let script = read()
        .documented(
            "iam:DeleteRolePermissionsBoundary",
            &format!("{CLI}/delete-role-permissions-boundary.rst"),
            quietly("DeleteRolePermissionsBoundary"),
        )
        // As before, while IAM spreads it.
        .recorded("iam:GetRole", CUSTODIAN, bounded(BOUNDARY))
        .to(format!("RoleName={NAME}"))
        .after("iam:DeleteRolePermissionsBoundary")
        .recorded("iam:GetRole", CUSTODIAN, got_role(NAME, SERVICE))
        .to(format!("RoleName={NAME}"))
        .after("iam:DeleteRolePermissionsBoundary");
    let account = of_root(script).await;
    let stack = once_bounded(BOUNDARY);
    let change = account.plan(&stack, ID).await;
    let fields: Vec<_> = change.fields().iter().map(|field| field.field.as_str()).collect();
    assert_eq!(fields, ["PermissionsBoundary"]);
    account.up(&stack, ID, Given::default()).await.done();
    let sent = account.replay.sent("iam:DeleteRolePermissionsBoundary");
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].parameter("RoleName").as_deref(), Some(NAME));
    assert_eq!(account.plan(&stack, ID).await, Change::Keep);
    account.check();

    let account = of_root(read()).await;
    let stack = once_bounded("arn:aws:iam::123456789012:policy/another");
    assert_eq!(account.plan(&stack, ID).await, Change::Keep);
    account.check();
}

/// Nobody else in the account's one region.
fn unused() -> Script {
    regions(&["us-east-1"]).recorded(
        "elasticbeanstalk:DescribeEnvironments",
        EB_CLI,
        beanstalk::environments(&[]),
    )
}

#[tokio::test]
async fn a_role_goes_once_iam_sees_that_its_policies_are_gone() {
    let conflict = || {
        refused(
            409,
            "DeleteConflict",
            "Cannot delete entity, must detach all policies first.",
        )
    };
    let script = ours(&POLICIES)
        .and(unused())
        .recorded("iam:DetachRolePolicy", CUSTODIAN, quietly("DetachRolePolicy"))
        .documented("iam:DeleteRole", TERRAFORM, conflict())
        .documented(
            "iam:DeleteRole",
            TERRAFORM,
            refused(
                409,
                "ConcurrentModification",
                "Request was rejected because multiple requests to change this object were submitted simultaneously.",
            ),
        )
        .recorded(
            "iam:DeleteRole",
            &format!("{CUSTODIAN}/test_iam_role_delete"),
            quietly("DeleteRole"),
        );
    let account = of_root(script).await;
    account.down(&stack(|_| {}), ID).await.done();
    assert_eq!(account.replay.times("iam:DetachRolePolicy"), 2);
    assert_eq!(account.replay.times("iam:DeleteRole"), 3);
    account.check();
}

#[tokio::test]
async fn a_policy_that_somebody_detached_meanwhile_is_no_error() {
    let script = ours(&POLICIES)
        .and(unused())
        .recorded(
            "iam:DetachRolePolicy",
            CUSTODIAN,
            refused(
                404,
                "NoSuchEntity",
                "Policy arn:aws:iam::aws:policy/AWSElasticBeanstalkEnhancedHealth was not found.",
            ),
        )
        .recorded("iam:DeleteRole", CUSTODIAN, quietly("DeleteRole"));
    let account = of_root(script).await;
    account.down(&stack(|_| {}), ID).await.done();
    account.check();
}

#[tokio::test]
async fn a_role_that_another_environment_uses_stays() {
    let other = beanstalk::serving()
        .replace("Tcb-conference-env", "another-env")
        .replace("<ApplicationName>tcb-conference<", "<ApplicationName>another<");
    let uses = format!(
        "<ConfigurationSettings><member><ApplicationName>another</ApplicationName><EnvironmentName>another-env</EnvironmentName>\
         <DeploymentStatus>deployed</DeploymentStatus><OptionSettings><member><Namespace>aws:elasticbeanstalk:environment</Namespace>\
         <OptionName>ServiceRole</OptionName><Value>arn:aws:iam::123456789012:role/{NAME}</Value></member></OptionSettings></member>\
         </ConfigurationSettings>"
    );
    let script = ours(&POLICIES)
        .and(regions(&["us-east-1"]))
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            beanstalk::CUSTODIAN,
            beanstalk::environments(&[other]),
        )
        .recorded(
            "elasticbeanstalk:DescribeConfigurationSettings",
            EB_CLI,
            query("DescribeConfigurationSettings", &uses),
        )
        .without(&["iam:DetachRolePolicy"]);
    let account = of_root(script).await;
    let ran = account.down(&stack(|_| {}), ID).await;
    assert_eq!(ran.failure().error.kind, Kind::Kept);
    assert!(ran.failure().error.message.contains("another-env"));
}

#[tokio::test]
async fn a_region_that_the_organization_closes_holds_no_users() {
    let closed = "User: arn:aws:iam::123456789012:role/ci is not authorized to perform: elasticbeanstalk:DescribeEnvironments with an explicit deny in a service control policy";
    let script = ours(&POLICIES)
        .and(regions(&["us-east-1", "eu-west-1"]))
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            EB_CLI,
            beanstalk::environments(&[]),
        )
        .documented(
            "elasticbeanstalk:DescribeEnvironments",
            "awsdocs/iam-user-guide troubleshoot_access-denied",
            refused(403, "AccessDeniedException", closed),
        )
        .to("eu-west-1")
        .recorded("iam:DetachRolePolicy", CUSTODIAN, quietly("DetachRolePolicy"))
        .recorded("iam:DeleteRole", CUSTODIAN, quietly("DeleteRole"));
    let account = of_root(script).await;
    account.down(&stack(|_| {}), ID).await.done();
    assert_eq!(account.replay.times("elasticbeanstalk:DescribeEnvironments"), 2);
    account.check();
}

#[tokio::test]
async fn a_role_of_others_is_used_only_if_it_may_launch_what_beanstalk_launches() {
    let foreign = |results: &[(&str, &str, &str)]| {
        ours(&POLICIES)
            .and(our_own_is_free())
            .without(&["iam:ListRoleTags"])
            .documented("iam:ListRoleTags", CLI, role_tags([("team", "billing".to_owned())]))
            .recorded(
                "iam:SimulatePrincipalPolicy",
                &format!("{CUSTODIAN}/test_ec2_permissions"),
                simulated(results),
            )
    };
    let account = of_root(foreign(&[("autoscaling:DescribeAutoScalingGroups", "allowed", "")])).await;
    assert_eq!(account.plan(&stack(|_| {}), ID).await, Change::Use);
    // Source: the developer guide's environments-cfg-autoscaling-launch-templates.
    let asked = account.replay.sent("iam:SimulatePrincipalPolicy");
    let asked: String = asked.iter().map(|sent| sent.text.as_str()).collect();
    for right in ["ec2:CreateLaunchTemplate", "ec2:RunInstances"] {
        assert!(asked.contains(right), "{right} was not asked for: {asked}");
    }
    account.check();

    let denied = [("ec2:CreateLaunchTemplate", "implicitDeny", "")];
    let account = of_root(foreign(&denied)).await;
    assert_eq!(account.plan(&stack(|_| {}), ID).await, Change::Create);
    account.check();
}

#[tokio::test]
async fn the_simulator_may_have_forgotten_a_role_that_is_being_deleted() {
    let script = ours(&POLICIES)
        .and(our_own_is_free())
        .without(&["iam:ListRoleTags"])
        .documented("iam:ListRoleTags", MODEL, role_tags([]))
        .recorded(
            "iam:SimulatePrincipalPolicy",
            &format!("{CUSTODIAN}/test_aws_lambda_check_permission_deleted_role"),
            refused(404, "NoSuchEntity", "Unable to retrieve specified IAM entity."),
        );
    let account = of_root(script).await;
    assert_eq!(account.plan(&stack(|_| {}), ID).await, Change::Create);
}
