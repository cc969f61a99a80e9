//! What becomes of an environment whose roles do not trust the right service, or may not do what is asked of them.

use super::*;
use crate::beanstalk::catalogue::ENVIRONMENT;
use crate::fakes::trust;

/// An environment that was made when the instances' role had changed like this.
async fn made_with(change: impl FnOnce(&mut iam::Role)) -> (Fake, Environment) {
    let fake = prepared();
    change(fake.world.lock().iam.role_mut("ec2-role").unwrap());
    let environment = create(&fake, "v1", &[]).await;
    (fake, environment)
}

fn failure(environment: &Environment) -> String {
    let failed = environment.deployments.values().find_map(|it| it.failure.clone());
    failed.map(|failure| failure.reason).unwrap_or_default()
}

fn has_log(fake: &Fake) -> bool {
    let objects = fake.objects.0.lock().unwrap();
    objects.keys().any(|key| key.ends_with("eb-deployment-r-create.log"))
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_without_the_web_tiers_policy_cannot_fetch_the_version() {
    let (fake, environment) = made_with(|role| role.attached.clear()).await;
    assert_eq!(environment.status, Status::Ready);
    assert_ne!(environment.health.status.color(), "Green");
    let why = failure(&environment);
    assert!(why.contains("/_runtime/_versions/conference/v1: 403"), "{why}");
    assert!(
        why.contains(":assumed-role/ec2-role is not authorized to perform: s3:GetObject"),
        "{why}"
    );
    assert!(has(
        &messages(&fake, None),
        "Unsuccessful command execution on instance id(s) 'i-"
    ));
    // Nor can they say so where the deployment's log is looked for.
    assert!(!has_log(&fake));
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_whose_role_does_not_trust_ec2_have_no_credentials() {
    let (fake, environment) = made_with(|role| role.trust = trust("elasticbeanstalk")).await;
    let why = failure(&environment);
    assert!(why.contains("EC2 cannot assume the role ec2-role."), "{why}");
    let arn = "arn:aws:iam::000000000000:role/ec2-role";
    assert!(fake.world.issue_credentials(arn).is_none());
    fake.world.lock().iam.role_mut("ec2-role").unwrap().trust = trust("ec2");
    assert!(fake.world.issue_credentials(arn).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn health_agents_that_may_not_send_statistics_are_not_heard_until_they_may() {
    let fake = prepared();
    let silence = r#"{"Statement":{"Effect":"Deny","Action":"elasticbeanstalk:PutInstanceStatistics","Resource":"*"}}"#;
    fake.world
        .lock()
        .iam
        .put_inline("ec2-role", "silence", silence)
        .unwrap();
    let environment = create(&fake, "v1", &[]).await;
    let told = messages(&fake, None);
    assert!(
        has(&told, "Create environment operation is complete, but with errors."),
        "{told:#?}"
    );
    assert_eq!(environment.health.status.as_str(), "No Data");
    assert_eq!(environment.health.causes, ["None of the instances are sending data."]);
    let now = fake.world.clock.now();
    fake.world.lock().iam.delete_inline("ec2-role", "silence", now).unwrap();
    for _ in 0..500 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        if get(&fake, &environment.id).health.status.is_good() {
            return;
        }
    }
    panic!("still {:?}", get(&fake, &environment.id).health);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_role_that_does_not_trust_beanstalk_shows_in_health_only() {
    let fake = prepared();
    let environment = create(&fake, "v1", &[(ENVIRONMENT, "ServiceRole", "ec2-role")]).await;
    assert_eq!(environment.status, Status::Ready);
    assert_eq!(environment.health.status.as_str(), "Severe");
    assert_eq!(
        environment.health.causes,
        ["Unable to assume role \"ec2-role\". Verify that the role exists and is configured correctly."]
    );
    let told = messages(&fake, Some("r-create"));
    assert!(has(&told, "Successfully launched environment"), "{told:#?}");
}
