//! How environments fail: in AWS's words, and with AWS's end states.

use super::*;
use crate::beanstalk::catalogue::{ENVIRONMENT, INSTANCES, LAUNCH, PROPERTIES, VPC};
use crate::beanstalk::environments::EnvironmentUpdate;
use crate::quotas;

#[tokio::test(flavor = "multi_thread")]
async fn an_unusable_profile_ends_the_environment_and_frees_its_name() {
    for (profile, text) in [
        ("nobody", "does not exist"),
        ("empty-profile", "has no role"),
        ("arn:aws:iam::000000000000:role/ec2-role", "does not exist"),
        ("", "must have instance profile"),
    ] {
        let fake = prepared();
        let environment = create(&fake, "v1", &[(LAUNCH, "IamInstanceProfile", profile)]).await;
        assert_eq!(environment.status, Status::Terminated, "{profile}");
        let told = messages(&fake, Some("r-create"));
        let (severity, message) = &told[told.len() - 2];
        assert_eq!(*severity, Severity::Error);
        assert!(message.contains(text), "{message}");
        assert_eq!(told.last().unwrap().1, "Failed to launch environment.");
        assert_eq!(leftovers(&fake), []);
        let ended = environment.ended.unwrap();
        let listed = environment.is_listed(ended + SignedDuration::from_mins(59));
        assert!(listed, "terminated environments are still listed for an hour");
        create(&fake, "v1", &[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_crashes_leaves_a_ready_and_red_environment_with_a_log_that_says_why() {
    let fake = prepared();
    let environment = create(&fake, "crash", &[]).await;
    assert_eq!(environment.status, Status::Ready);
    assert_eq!(environment.health.status.color(), "Red");
    let told = messages(&fake, Some("r-create"));
    assert!(
        has(&told, "Unsuccessful command execution on instance id(s) 'i-"),
        "{told:#?}"
    );
    assert!(has(&told, "However, there were issues during launch"));
    let log = format!(
        "{BUCKET}/resources/environments/logs/deployments/{}/eb-deployment-r-create.log",
        environment.id
    );
    let log = fake.objects.0.lock().unwrap()[&log].clone();
    assert!(String::from_utf8_lossy(&log).contains("[ERROR] update processes [web]"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_runs_and_does_not_answer_is_given_up_after_the_command_time_out() {
    let fake = prepared();
    let began = fake.world.clock.now();
    let environment = create(&fake, "sick", &[]).await;
    let waited = fake.world.clock.now().duration_since(began);
    assert!(
        waited >= jiff::SignedDuration::from_secs(600 + 240),
        "given up after {waited}"
    );
    assert_eq!(
        (environment.status, environment.health.status.color()),
        (Status::Ready, "Red")
    );
    let told = messages(&fake, Some("r-create"));
    assert!(has(&told, "Instance deployment completed successfully."), "{told:#?}");
    assert!(has(&told, "Create environment operation is complete, but with errors."));
    assert!(has(&told, "However, there were issues during launch"));
    assert!(!has(&told, "Successfully launched environment"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_and_settings_are_never_updated_in_one_call() {
    let fake = prepared();
    create(&fake, "v1", &[]).await;
    let both = EnvironmentUpdate {
        version_label: Some("v2".to_owned()),
        set: vec![(PROPERTIES.to_owned(), "COLOR".to_owned(), "green".to_owned())],
        ..EnvironmentUpdate::default()
    };
    let refused = environments::update(&fake.world, &caller("r-both"), &named(), both).unwrap_err();
    assert_eq!(refused.code, "InvalidParameterCombination");
    assert!(messages(&fake, Some("r-both")).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_account_needs_a_launch_template() {
    let fake = prepared();
    fake.world.lock().gates.launch_configurations = true;
    let environment = create(&fake, "v1", &[(LAUNCH, "RootVolumeType", "gp2")]).await;
    assert_eq!(
        (environment.status, environment.health.status.color()),
        (Status::Ready, "Red")
    );
    let told = messages(&fake, Some("r-create"));
    assert!(has(&told, "not available in your account"), "{told:#?}");
    assert!(has(&told, "Current state: 'CREATE_FAILED'"));
    let refused = environments::update(
        &fake.world,
        &caller("r-up"),
        &named(),
        environments::EnvironmentUpdate::default(),
    );
    assert!(refused.unwrap_err().message.contains(&environment.stack_name()));
    environments::terminate(&fake.world, &caller("r-end"), &named()).unwrap();
    rest(&fake, &environment.id).await;
    assert_eq!(leftovers(&fake), []);
}

/// What the account has no room for shows late, as a failed part of the stack, in the words of the service that makes it.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_addresses_or_load_balancers_left_is_told_so_by_the_stack() {
    for (quota, kind, text) in [
        (quotas::ADDRESSES, "SingleInstance", "Error Code: AddressLimitExceeded"),
        (
            quotas::LOAD_BALANCERS,
            "LoadBalanced",
            "Error Code: TooManyLoadBalancers",
        ),
    ] {
        let fake = prepared();
        fake.world.lock().region(REGION).quotas.raise(&quota, 0.0);
        let environment = create(&fake, "v1", &[(catalogue::ENVIRONMENT, "EnvironmentType", kind)]).await;
        assert_eq!(environment.health.status.color(), "Red", "{kind}");
        let told = messages(&fake, Some("r-create"));
        assert!(has(&told, text), "{told:#?}");
        environments::terminate(&fake.world, &caller("r-end"), &named()).unwrap();
        rest(&fake, &environment.id).await;
        assert_eq!(leftovers(&fake), []);
    }
}

/// Beanstalk takes its image for x86_64 unless it is told of another architecture.
#[tokio::test(flavor = "multi_thread")]
async fn a_graviton_type_needs_its_architecture_said() {
    let fake = prepared();
    let graviton = (INSTANCES, "InstanceTypes", "t4g.micro");
    let environment = create(&fake, "v1", &[graviton]).await;
    assert_eq!(environment.health.status.color(), "Red");
    let text = "The architecture 'arm64' of the specified instance type does not match the architecture 'x86_64'";
    assert!(has(&messages(&fake, Some("r-create")), text));
    environments::terminate(&fake.world, &caller("r-end"), &named()).unwrap();
    rest(&fake, &environment.id).await;
    let said = (INSTANCES, "SupportedArchitectures", "arm64");
    let environment = create(&fake, "v1", &[graviton, said]).await;
    assert_eq!(environment.health.status.as_str(), "Ok", "{:#?}", messages(&fake, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subnet_that_is_not_there_fails_the_stack() {
    let fake = prepared();
    let environment = create(&fake, "v1", &[(VPC, "Subnets", "subnet-nowhere")]).await;
    assert_eq!(environment.status, Status::Ready);
    assert!(has(
        &messages(&fake, None),
        "The subnet ID 'subnet-nowhere' does not exist"
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subnet_of_another_vpc_fails_the_stack() {
    let fake = prepared();
    let subnet = {
        let mut state = fake.world.lock();
        let network = &mut state.region(REGION).network;
        let vpc = network.create_vpc("10.0.0.0/16", Tags::new()).unwrap().id.clone();
        let subnet = network.create_subnet(REGION, &vpc, None, "10.0.0.0/24", Tags::new());
        subnet.unwrap().id.clone()
    };
    let environment = create(&fake, "v1", &[(VPC, "Subnets", &subnet)]).await;
    assert_eq!(environment.status, Status::Ready);
    assert_eq!(environment.health.status.color(), "Red");
    let told = messages(&fake, None);
    assert!(
        has(&told, &format!("The subnet '{subnet}' is not in the VPC")),
        "{told:#?}"
    );
    assert!(has(&told, "Current state: 'CREATE_FAILED'"));
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_cannot_reach_beanstalk_end_the_wait_of_the_stack() {
    let fake = prepared();
    for subnet in fake.world.lock().region(REGION).network.subnets.values_mut() {
        subnet.map_public_ip_on_launch = false;
    }
    let began = fake.world.clock.now();
    let environment = create(&fake, "v1", &[]).await;
    let waited = fake.world.clock.now().duration_since(began);
    assert!(waited >= jiff::SignedDuration::from_mins(20), "given up after {waited}");
    assert_eq!(
        (environment.status, environment.health.status.color()),
        (Status::Ready, "Red")
    );
    let told = messages(&fake, Some("r-create"));
    for text in [
        "The EC2 instances failed to communicate with AWS Elastic Beanstalk",
        "WaitCondition timed out. Received 0 conditions when expecting 1",
        "However, there were issues during launch",
    ] {
        assert!(has(&told, text), "{text}: {told:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_role_that_is_not_there_shows_in_health_only() {
    let fake = prepared();
    let environment = create(&fake, "v1", &[(ENVIRONMENT, "ServiceRole", "nobody")]).await;
    assert_eq!(environment.status, Status::Ready);
    let told = messages(&fake, None);
    let causes = &environment.health.causes;
    let text = "Unable to assume role \"nobody\"";
    assert!(
        has(&told, text) || causes.iter().any(|cause| cause.contains(text)),
        "{causes:?} {told:#?}"
    );
    assert_ne!(environment.health.status.color(), "Green");
}

#[tokio::test]
async fn calls_in_the_wrong_state_are_refused() {
    let fake = prepared();
    let created = environments::create(&fake.world, &caller("r"), new_environment("v1", &[])).unwrap();
    let refused = environments::terminate(&fake.world, &caller("r"), &named()).unwrap_err();
    assert_eq!(
        refused.message,
        "Cannot terminate environment named conference-env. It is currently pending creation."
    );
    let update = environments::EnvironmentUpdate::default();
    let refused = environments::update(&fake.world, &caller("r"), &named(), update).unwrap_err();
    assert!(refused.message.ends_with("Must be Ready."));
    let twice = environments::create(&fake.world, &caller("r"), new_environment("v1", &[])).unwrap_err();
    assert_eq!(twice.message, "Environment conference-env already exists.");
    rest(&fake, &created.id).await;
}

#[test]
fn what_cannot_be_created_is_refused_at_once() {
    let fake = Fake::new();
    let try_it = |new| environments::create(&fake.world, &caller("r"), new).unwrap_err();
    assert_eq!(
        try_it(new_environment("v1", &[])).message,
        "No Application named 'conference' found."
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_cnames_are_checked_and_a_network_load_balancer_is_refused_clearly() {
    let fake = prepared();
    fake.world.lock().region(REGION).beanstalk.take_prefix("taken");
    let try_it = |new| environments::create(&fake.world, &caller("r"), new).unwrap_err();
    let taken = NewEnvironment {
        prefix: Some("Taken".to_owned()),
        ..new_environment("v1", &[])
    };
    assert_eq!(try_it(taken).message, "DNS name (Taken) is not available.");
    assert_eq!(
        try_it(new_environment("v9", &[])).message,
        "No Application Version named 'v9' found."
    );
    let network = try_it(new_environment("v1", &[(ENVIRONMENT, "LoadBalancerType", "network")]));
    assert_eq!(network.code, "ConfigurationValidationException");
    assert!(
        network
            .message
            .contains("This sandbox has classic and application load balancers only."),
        "{}",
        network.message
    );
}

/// On AWS nginx goes where the property says; whoever relies on that must not think that it was tried here.
#[tokio::test(flavor = "multi_thread")]
async fn a_port_of_ones_own_is_refused_as_a_limit_of_the_sandbox() {
    let fake = prepared();
    let new = new_environment("v1", &[(PROPERTIES, "PORT", "8080")]);
    let refused = environments::create(&fake.world, &caller("r"), new).unwrap_err();
    assert_eq!(refused.code, "ConfigurationValidationException");
    assert!(
        refused.message.contains("This sandbox has a port of its own choice"),
        "{}",
        refused.message
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_security_group_blocks_termination_until_it_is_gone() {
    use crate::network::security_groups::{Permission, Source};
    let fake = prepared();
    let environment = create(&fake, "v1", &[]).await;
    let foreign = {
        let mut state = fake.world.lock();
        let here = state.region(REGION);
        let vpc = here.network.default_vpc().unwrap().id.clone();
        let foreign = here
            .network
            .create_security_group(&vpc, "database", "db", Tags::new())
            .unwrap();
        let source = Source::Group(environment.made.security_group.clone().unwrap());
        here.network
            .authorize_ingress(&foreign, vec![Permission::tcp(5432, source)])
            .unwrap();
        foreign
    };
    environments::terminate(&fake.world, &caller("r-end"), &named()).unwrap();
    let stuck = rest(&fake, &environment.id).await;
    assert_eq!(stuck.status, Status::Ready);
    assert!(has(&messages(&fake, Some("r-end")), "'DELETE_FAILED'"));
    fake.world
        .lock()
        .region(REGION)
        .delete_security_group(&foreign)
        .unwrap();
    environments::terminate(&fake.world, &caller("r-again"), &named()).unwrap();
    assert_eq!(rest(&fake, &environment.id).await.status, Status::Terminated);
    assert_eq!(leftovers(&fake), []);
}
