//! The instances' role and its profile, by what IAM and EC2 answer.

use std::sync::Arc;

use confctl::engine::{Change, Kind};
use confctl::profile::Profile;

use crate::account::{ACCOUNT, Account, Given, of_root, stack, stack_of};
use crate::beanstalk::{self, EB_CLI};
use crate::bodies::{ec2, our_tags, query};
use crate::iam::{
    CLI, CUSTODIAN, attached, got_role, inline, inline_policy, no_such_profile, no_such_role, profile_tags, quietly,
    regions, role, role_tags,
};
use crate::script::{Script, refused};

const ID: &str = "instance-profile";
pub const NAME: &str = "aws-elasticbeanstalk-ec2-role";
const OWN: &str = "tcb-conference-us-east-1-ec2-role";
/// What IAM was recorded to say of a name that it does not know, by other operations.
const WORDS: &str = "cloud-custodian/cloud-custodian tests/data/placebo/test_force_delete_role";
const EC2: &str = "ec2.amazonaws.com";

fn profile(name: &str, role_in_it: &str) -> String {
    let roles = match role_in_it {
        "" => String::new(),
        inside => format!("<member>{}</member>", role(inside, EC2)),
    };
    format!(
        "<InstanceProfileId>AIPAD4ARI5Y6FVHSMKRMI</InstanceProfileId><InstanceProfileName>{name}</InstanceProfileName>\
         <Path>/</Path><Arn>arn:aws:iam::{ACCOUNT}:instance-profile/{name}</Arn><CreateDate>2026-11-24T12:00:00Z</CreateDate>\
         <Roles>{roles}</Roles>"
    )
}

fn got(name: &str, role_in_it: &str) -> String {
    query(
        "GetInstanceProfile",
        &format!("<InstanceProfile>{}</InstanceProfile>", profile(name, role_in_it)),
    )
}

/// Our own names are free.
fn own_names_are_free() -> Script {
    Script::default()
        .recorded(
            "iam:GetRole",
            &format!("{CUSTODIAN}/test_delete_role"),
            no_such_role(OWN),
        )
        .to(format!("RoleName={OWN}"))
        .modelled("iam:GetInstanceProfile", WORDS, no_such_profile(OWN))
        .to(format!("InstanceProfileName={OWN}"))
}

fn nobody() -> Script {
    own_names_are_free()
        .recorded("iam:GetRole", CUSTODIAN, no_such_role(NAME))
        .to(format!("RoleName={NAME}"))
        .modelled("iam:GetInstanceProfile", WORDS, no_such_profile(NAME))
        .to(format!("InstanceProfileName={NAME}"))
}

fn policies() -> [&'static str; 5] {
    [
        "AWSElasticBeanstalkWebTier",
        "AWSElasticBeanstalkWorkerTier",
        "AWSElasticBeanstalkMulticontainerDocker",
        "AmazonDynamoDBFullAccess_v2",
        "AmazonSSMManagedInstanceCore",
    ]
}

/// A new pair. Gives the account, with what was asked of it.
async fn made(script: Script) -> Account {
    let script = nobody()
        .recorded(
            "iam:CreateRole",
            CUSTODIAN,
            query("CreateRole", &format!("<Role>{}</Role>", role(NAME, EC2))),
        )
        .recorded("iam:AttachRolePolicy", CUSTODIAN, quietly("AttachRolePolicy"))
        .documented(
            "iam:PutRolePolicy",
            &format!("{CLI}/put-role-policy.rst"),
            quietly("PutRolePolicy"),
        )
        .documented(
            "iam:CreateInstanceProfile",
            &format!("{CLI}/create-instance-profile.rst"),
            query(
                "CreateInstanceProfile",
                &format!("<InstanceProfile>{}</InstanceProfile>", profile(NAME, "")),
            ),
        )
        .and(script)
        .recorded("iam:GetRole", CUSTODIAN, got_role(NAME, EC2))
        .to(format!("RoleName={NAME}"))
        .after("iam:CreateRole")
        .documented("iam:GetInstanceProfile", CLI, got(NAME, ""))
        .to(format!("InstanceProfileName={NAME}"))
        .after("iam:AddRoleToInstanceProfile")
        .documented("iam:GetInstanceProfile", CLI, got(NAME, NAME))
        .to(format!("InstanceProfileName={NAME}"))
        .after("iam:AddRoleToInstanceProfile")
        .documented("iam:ListRoleTags", CLI, role_tags(our_tags(ID)))
        .documented(
            "iam:ListInstanceProfileTags",
            &format!("{CLI}/list-instance-profile-tags.rst"),
            profile_tags(our_tags(ID)),
        );
    of_root(script).await
}

/// What the role carries, as it was sent: attached and inline policies.
fn carried(account: &Account) -> Script {
    let attached_to = account.replay.sent("iam:AttachRolePolicy");
    let names: Vec<String> = attached_to
        .iter()
        .filter_map(|sent| sent.parameter("PolicyArn"))
        .filter_map(|arn| arn.split_once("policy/").map(|(_, name)| name.to_owned()))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let put = account.replay.sent("iam:PutRolePolicy");
    let put: Vec<(String, String)> = put
        .iter()
        .filter_map(|sent| Some((sent.parameter("PolicyName")?, sent.parameter("PolicyDocument")?)))
        .collect();
    let inline_names: Vec<&str> = put.iter().map(|(name, _)| name.as_str()).collect();
    let mut script = Script::default()
        .recorded("iam:ListAttachedRolePolicies", CUSTODIAN, attached(&names))
        .recorded("iam:ListRolePolicies", CUSTODIAN, inline(&inline_names));
    for (name, document) in &put {
        script = script
            .recorded(
                "iam:GetRolePolicy",
                crate::iam::LOCALSTACK,
                inline_policy(NAME, name, document),
            )
            .to(format!("PolicyName={name}"));
    }
    script
}

/// Goes through a first run to learn what the role is given, then gives that as IAM shows it.
pub async fn as_made() -> (Account, Script) {
    let refusing = Script::default().modelled(
        "iam:AddRoleToInstanceProfile",
        crate::iam::MODEL,
        refused(400, "InvalidInput", "stopped here"),
    );
    let account = made(refusing).await;
    let _ = account.up(&stack(|_| {}), ID, Given::default()).await;
    let carried = carried(&account);
    (account, carried)
}

#[tokio::test]
async fn a_new_pair_is_linked_once_and_shows_before_it_is_given_on() {
    let (_, carried) = as_made().await;
    let added = carried
        .modelled("iam:AddRoleToInstanceProfile", WORDS, no_such_role(NAME))
        .documented(
            "iam:AddRoleToInstanceProfile",
            "awsdocs/iam-api-reference AddRoleToInstanceProfile",
            refused(
                409,
                "LimitExceeded",
                "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
            ),
        );
    let account = made(added).await;
    account.up(&stack(|_| {}), ID, Given::default()).await.done();
    account.check();
}

#[tokio::test]
async fn the_policies_are_ones_that_aws_still_lets_attach() {
    let (account, _) = as_made().await;
    let attached = account.replay.sent("iam:AttachRolePolicy");
    let mut names: Vec<String> = attached
        .iter()
        .filter_map(|sent| sent.parameter("PolicyArn"))
        .map(|arn| arn.rsplit('/').next().unwrap_or_default().to_owned())
        .collect();
    names.sort();
    let mut wanted = policies().map(str::to_owned).to_vec();
    wanted.sort();
    // Deprecated on 28 April 2025 in favour of _v2: the DynamoDB guide's ddb-security-iam.awsmanpol.
    assert_eq!(names, wanted);
}

pub fn linked(tags_are_ours: bool) -> Script {
    let tags = || match tags_are_ours {
        true => our_tags(ID).to_vec(),
        false => Vec::new(),
    };
    // Where the preferred ones are ours, our own names are not looked for.
    let others = match tags_are_ours {
        true => Script::default(),
        false => own_names_are_free(),
    };
    others
        .recorded("iam:GetRole", CUSTODIAN, got_role(NAME, EC2))
        .to(format!("RoleName={NAME}"))
        .documented(
            "iam:GetInstanceProfile",
            &format!("{CLI}/get-instance-profile.rst"),
            got(NAME, NAME),
        )
        .to(format!("InstanceProfileName={NAME}"))
        .documented("iam:ListRoleTags", CLI, role_tags(tags()))
        .documented("iam:ListInstanceProfileTags", CLI, profile_tags(tags()))
}

#[tokio::test]
async fn a_policy_of_a_former_profile_is_detached_and_one_that_others_attached_stays() {
    let (ours, theirs) = ("CloudWatchAgentServerPolicy", "AmazonS3ReadOnlyAccess");
    let mut former = Profile::default();
    former.roles.instance_policies.push(ours.to_owned());
    let mut stack = stack_of(Profile::default());
    stack.former = vec![former];
    let stack = Arc::new(stack);

    let (_, carried) = as_made().await;
    let with = |more: &[&str]| attached(&[&policies()[..], more].concat());
    let script = linked(true)
        // The record tells which inline policies there are.
        .and(carried.without(&["iam:ListAttachedRolePolicies", "iam:ListRolePolicies"]))
        .recorded("iam:ListAttachedRolePolicies", CUSTODIAN, with(&[ours, theirs]))
        .recorded("iam:DetachRolePolicy", CUSTODIAN, quietly("DetachRolePolicy"))
        .recorded("iam:ListAttachedRolePolicies", CUSTODIAN, with(&[theirs]))
        .after("iam:DetachRolePolicy");
    let account = of_root(script).await;
    let change = account.plan(&stack, ID).await;
    let arn = |name: &str| format!("arn:aws:iam::aws:policy/{name}");
    let fields: Vec<_> = change.fields().iter().map(|field| field.from.clone()).collect();
    assert_eq!(fields, [Some(arn(ours))]);
    account.up(&stack, ID, Given::default()).await.done();
    let sent = account.replay.sent("iam:DetachRolePolicy");
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].parameter("RoleName").as_deref(), Some(NAME));
    assert_eq!(sent[0].parameter("PolicyArn"), Some(arn(ours)));
    assert_eq!(account.plan(&stack, ID).await, Change::Keep);
    account.check();
}

/// Which instance uses which profile.
fn associations(arn: &str) -> String {
    let item = format!(
        "<item><associationId>iip-assoc-1</associationId><instanceId>i-1</instanceId><iamInstanceProfile><arn>{arn}</arn>\
         <id>AIPAD4ARI5Y6FVHSMKRMI</id></iamInstanceProfile><state>associated</state></item>"
    );
    let items = if arn.is_empty() { String::new() } else { item };
    ec2(
        "DescribeIamInstanceProfileAssociations",
        &format!("<iamInstanceProfileAssociationSet>{items}</iamInstanceProfileAssociationSet>"),
    )
}

#[tokio::test]
async fn it_is_taken_apart_when_no_instance_has_it_and_iam_sees_each_step() {
    let (_, carried) = as_made().await;
    let source = format!("{CUSTODIAN}/test_ec2_set_instance_profile_disassociation");
    let arn = format!("arn:aws:iam::{ACCOUNT}:instance-profile/{NAME}");
    let script = linked(true)
        .and(carried)
        .and(regions(&["us-east-1"]))
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            EB_CLI,
            beanstalk::environments(&[]),
        )
        .recorded(
            "ec2:DescribeIamInstanceProfileAssociations",
            &source,
            associations(&arn),
        )
        .recorded("ec2:DescribeIamInstanceProfileAssociations", &source, associations(""))
        .recorded(
            "iam:RemoveRoleFromInstanceProfile",
            &format!("{CUSTODIAN}/test_iam_role_delete"),
            quietly("RemoveRoleFromInstanceProfile"),
        )
        .documented(
            "iam:DeleteInstanceProfile",
            "hashicorp/terraform-provider-aws internal/service/iam/instance_profile.go",
            refused(
                409,
                "DeleteConflict",
                "Cannot delete entity, must remove roles from instance profile first.",
            ),
        )
        .recorded("iam:DeleteInstanceProfile", CUSTODIAN, quietly("DeleteInstanceProfile"))
        .recorded("iam:DetachRolePolicy", CUSTODIAN, quietly("DetachRolePolicy"))
        .recorded("iam:DeleteRolePolicy", CUSTODIAN, quietly("DeleteRolePolicy"))
        .recorded("iam:DeleteRole", CUSTODIAN, quietly("DeleteRole"));
    let account = of_root(script).await;
    account.down(&stack(|_| {}), ID).await.done();
    let called = account.replay.called();
    let at = |operation: &str| called.iter().rposition(|called| called == operation);
    assert!(at("iam:DeleteInstanceProfile") < at("iam:DeleteRole"));
    account.check();
}

#[tokio::test]
async fn one_that_an_instance_elsewhere_has_stays() {
    let (_, carried) = as_made().await;
    let arn = format!("arn:aws:iam::{ACCOUNT}:instance-profile/{NAME}");
    let script = linked(true)
        .and(carried)
        .and(regions(&["us-east-1", "eu-west-1"]))
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            EB_CLI,
            beanstalk::environments(&[]),
        )
        .recorded(
            "ec2:DescribeIamInstanceProfileAssociations",
            CUSTODIAN,
            associations(&arn),
        )
        .to("eu-west-1");
    let account = of_root(script).await;
    let ran = account.down(&stack(|_| {}), ID).await;
    assert_eq!(
        ran.failure().error.kind,
        Kind::Kept,
        "{}",
        ran.failure().error.in_a_line()
    );
    assert!(ran.failure().error.message.contains("i-1"));
    account.check();
}

#[tokio::test]
async fn a_pair_of_others_that_may_do_the_job_is_used_as_it_is() {
    let script = linked(false)
        .recorded(
            "iam:ListAttachedRolePolicies",
            CUSTODIAN,
            attached(&["AdministratorAccess"]),
        )
        .recorded("iam:ListRolePolicies", CUSTODIAN, inline(&[]))
        .recorded(
            "iam:SimulatePrincipalPolicy",
            &format!("{CUSTODIAN}/test_iam_user_check_permissions"),
            crate::iam::simulated(&[("dynamodb:PutItem", "allowed", "")]),
        );
    let account = of_root(script).await;
    assert_eq!(account.plan(&stack(|_| {}), ID).await, Change::Use);
    account.check();
}
