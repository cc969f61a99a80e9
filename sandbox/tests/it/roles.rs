//! IAM as a stack's roles come and go.

use aws_sdk_iam::Client;
use aws_sdk_iam::types::Tag;

use crate::harness::{Sandbox, until};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
    "Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const WEB_TIER: &str = "arn:aws:iam::aws:policy/AWSElasticBeanstalkWebTier";

async fn client(sandbox: &Sandbox) -> Client {
    let config = aws_sdk_iam::config::Builder::from(&sandbox.sdk().await);
    Client::from_conf(config.build())
}

#[tokio::test]
async fn a_role_goes_only_after_everything_on_it() {
    let sandbox = Sandbox::start().await;
    let iam = client(&sandbox).await;
    let tag = Tag::builder().key("confctl:stack").value("x").build().unwrap();
    let create = || {
        iam.create_role()
            .role_name("app")
            .assume_role_policy_document(TRUST)
            .tags(tag.clone())
    };
    create().send().await.unwrap();
    assert!(
        create()
            .role_name("APP")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_entity_already_exists_exception()
    );
    iam.attach_role_policy()
        .role_name("app")
        .policy_arn(WEB_TIER)
        .send()
        .await
        .unwrap();
    let document = r#"{"Statement":{"Effect":"Allow","Action":"dynamodb:PutItem","Resource":"*"}}"#;
    iam.put_role_policy()
        .role_name("app")
        .policy_name("table")
        .policy_document(document)
        .send()
        .await
        .unwrap();
    iam.create_instance_profile()
        .instance_profile_name("app")
        .send()
        .await
        .unwrap();
    iam.add_role_to_instance_profile()
        .instance_profile_name("app")
        .role_name("app")
        .send()
        .await
        .unwrap();
    let profile = iam
        .get_instance_profile()
        .instance_profile_name("app")
        .send()
        .await
        .unwrap();
    assert_eq!(profile.instance_profile().unwrap().roles()[0].role_name(), "app");

    let refused = async || {
        let error = iam.delete_role().role_name("app").send().await.unwrap_err();
        assert!(error.into_service_error().is_delete_conflict_exception());
    };
    refused().await;
    let error = iam
        .delete_instance_profile()
        .instance_profile_name("app")
        .send()
        .await
        .unwrap_err();
    assert!(error.into_service_error().is_delete_conflict_exception());
    iam.remove_role_from_instance_profile()
        .instance_profile_name("app")
        .role_name("app")
        .send()
        .await
        .unwrap();
    let profile = || iam.delete_instance_profile().instance_profile_name("app").send();
    until("the profile is let go", async || profile().await.is_ok()).await;
    refused().await;
    iam.detach_role_policy()
        .role_name("app")
        .policy_arn(WEB_TIER)
        .send()
        .await
        .unwrap();
    refused().await;
    iam.delete_role_policy()
        .role_name("app")
        .policy_name("table")
        .send()
        .await
        .unwrap();
    let role = || iam.delete_role().role_name("app").send();
    until("the role is let go", async || role().await.is_ok()).await;
    let gone = iam.get_role().role_name("app").send().await.unwrap_err();
    assert!(gone.into_service_error().is_no_such_entity_exception());
}

#[tokio::test]
async fn what_a_role_may_do_is_what_its_policies_say() {
    let sandbox = Sandbox::start().await;
    let iam = client(&sandbox).await;
    iam.create_role()
        .role_name("app")
        .assume_role_policy_document(TRUST)
        .send()
        .await
        .unwrap();
    iam.attach_role_policy()
        .role_name("app")
        .policy_arn(WEB_TIER)
        .send()
        .await
        .unwrap();
    let simulated = iam
        .simulate_principal_policy()
        .policy_source_arn("arn:aws:iam::123456789012:role/app")
        .action_names("s3:GetObject")
        .action_names("dynamodb:PutItem")
        .resource_arns("arn:aws:s3:::elasticbeanstalk-us-east-1-123456789012/x")
        .send()
        .await
        .unwrap();
    let decisions = simulated.evaluation_results().iter();
    let decisions: Vec<&str> = decisions.map(|result| result.eval_decision().as_str()).collect();
    assert_eq!(decisions, ["allowed", "implicitDeny"]);

    let unknown = "arn:aws:iam::aws:policy/AWSElasticBeanstalkMadeUp";
    let error = iam
        .attach_role_policy()
        .role_name("app")
        .policy_arn(unknown)
        .send()
        .await
        .unwrap_err();
    assert!(error.into_service_error().is_no_such_entity_exception());
    let policy = iam.get_policy().policy_arn(WEB_TIER).send().await.unwrap();
    let version = policy.policy().unwrap().default_version_id().unwrap();
    iam.get_policy_version()
        .policy_arn(WEB_TIER)
        .version_id(version)
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn documents_come_back_percent_encoded() {
    let sandbox = Sandbox::start().await;
    let iam = client(&sandbox).await;
    iam.create_role()
        .role_name("app")
        .assume_role_policy_document(TRUST)
        .send()
        .await
        .unwrap();
    let role = iam.get_role().role_name("app").send().await.unwrap();
    let document = role.role().unwrap().assume_role_policy_document().unwrap();
    assert!(document.starts_with("%7B%22Version%22"), "{document}");
    let decoded = percent_encoding::percent_decode_str(document).decode_utf8().unwrap();
    assert_eq!(decoded, TRUST);
}
