//! Deployments by policy, and what becomes of them when they fail or are cancelled. On one thread, so that nothing is over
//! before the test has looked.

use super::updates::{bundles, set, update, version, wait};
use super::*;
use crate::balancing::Listener;
use crate::beanstalk::Abort;
use crate::beanstalk::catalogue::{COMMAND, INSTANCES, PROCESS, PROPERTIES, ROLLING, SPLITTING};
use crate::scaling::policies::{Trigger, execute};

fn launched(fake: &Fake) -> std::collections::BTreeSet<String> {
    fake.plane.0.lock().unwrap().launched.clone()
}

fn groups(fake: &Fake) -> usize {
    fake.world.lock().region(REGION).scaling.groups.len()
}

#[tokio::test]
async fn an_immutable_deployment_takes_over_with_new_instances_only() {
    let fake = prepared();
    create(&fake, "v1", &[(COMMAND, "DeploymentPolicy", "Immutable")]).await;
    let before = launched(&fake);
    let environment = update(&fake, version("v2")).await;
    let told = messages(&fake, Some("r-update"));
    assert_eq!(environment.version_label.as_deref(), Some("v2"), "{told:#?}");
    assert_eq!(environment.health.status.as_str(), "Ok", "{told:#?}");
    assert!(launched(&fake).is_disjoint(&before) && launched(&fake).len() == 2);
    assert_eq!(bundles(&fake), ["v2", "v2"]);
    assert_eq!(groups(&fake), 1, "the temporary group is gone");
    assert!(has(
        &told,
        "Attached new instance(s) to the permanent auto scaling group"
    ));
}

#[tokio::test]
async fn an_immutable_deployment_that_fails_never_touches_what_serves() {
    let fake = prepared();
    create(&fake, "v1", &[(COMMAND, "DeploymentPolicy", "Immutable")]).await;
    let before = launched(&fake);
    let environment = update(&fake, version("crash")).await;
    assert_eq!(environment.version_label.as_deref(), Some("v1"));
    assert_eq!(environment.health.status.as_str(), "Ok");
    assert_eq!(launched(&fake), before);
    assert_eq!(
        (groups(&fake), bundles(&fake)),
        (1, vec!["v1".to_owned(), "v1".to_owned()])
    );
    assert!(has(&messages(&fake, Some("r-update")), "Failed to deploy application."));
}

#[tokio::test]
async fn an_additional_batch_keeps_the_capacity_and_goes_again() {
    let fake = prepared();
    let policy = [
        (COMMAND, "DeploymentPolicy", "RollingWithAdditionalBatch"),
        (COMMAND, "BatchSize", "50"),
    ];
    create(&fake, "v1", &policy).await;
    let before = launched(&fake);
    let started = environments::update(&fake.world, &caller("r-update"), &named(), version("v2")).unwrap();
    wait(&fake, || launched(&fake).len() == 3).await;
    let environment = rest(&fake, &started.id).await;
    assert_eq!(environment.version_label.as_deref(), Some("v2"));
    wait(&fake, || launched(&fake) == before).await;
    assert_eq!(bundles(&fake), ["v2", "v2"]);
    let mut state = fake.world.lock();
    let group = &state.region(REGION).scaling.groups[&environment.made.group.unwrap()];
    assert_eq!((group.desired, group.max), (2, 4));
}

#[tokio::test]
async fn an_alarm_takes_no_instance_away_while_versions_are_deployed() {
    let fake = prepared();
    let policy = [
        (COMMAND, "DeploymentPolicy", "RollingWithAdditionalBatch"),
        (COMMAND, "BatchSize", "50"),
    ];
    let environment = create(&fake, "v1", &policy).await;
    let before = launched(&fake);
    let started = environments::update(&fake.world, &caller("r-update"), &named(), version("v2")).unwrap();
    // Nobody visits the site: the low alarm is at it all the time, whatever the group waits for between two changes.
    let group = environment.made.group.unwrap();
    let alarm = || {
        let mut state = fake.world.lock();
        let scaling = &mut state.region(REGION).scaling;
        let mut policies = scaling.policies.iter();
        let down = policies.find(|(_, it)| it.group == group && it.name.contains("Down"));
        let down = down.map(|(key, _)| key.clone()).unwrap();
        let trigger = Trigger::Alarm {
            name: "low".to_owned(),
            state: "ALARM".to_owned(),
        };
        execute(scaling, &down, &trigger, fake.world.clock.now()).unwrap();
    };
    wait(&fake, || {
        alarm();
        get(&fake, &started.id).status == Status::Ready
    })
    .await;
    let told = messages(&fake, Some("r-update"));
    assert!(has(&told, "Environment update completed successfully."), "{told:#?}");
    assert_eq!(launched(&fake), before);
    assert_eq!(bundles(&fake), ["v2", "v2"]);
    // From then on alarms are heard again.
    let mut state = fake.world.lock();
    assert!(state.region(REGION).scaling.groups[&group].suspended.is_empty());
}

/// Versions by how many instances run them, and the ids of the deployments that brought them.
fn deployed(environment: &Environment) -> Vec<(String, &'static str, i64)> {
    let deployments = environment.deployments.values();
    let mut all: Vec<_> = deployments
        .map(|it| (it.version_label.clone(), it.status.as_str(), it.deployment_id))
        .collect();
    all.sort();
    all
}

#[tokio::test]
async fn a_deployment_that_breaks_on_its_second_batch_leaves_mixed_versions_until_a_good_one_is_deployed() {
    let fake = prepared();
    add_version(&fake.world, &fake.objects, "frail", "frail".into());
    let one_by_one = [
        (COMMAND, "DeploymentPolicy", "Rolling"),
        (COMMAND, "BatchSizeType", "Fixed"),
        (COMMAND, "BatchSize", "1"),
        (catalogue::ASG, "MinSize", "3"),
    ];
    create(&fake, "v1", &one_by_one).await;
    let environment = update(&fake, version("frail")).await;
    assert_eq!(
        (environment.status, environment.version_label.as_deref()),
        (Status::Ready, Some("v1"))
    );
    assert_eq!(
        deployed(&environment),
        [
            ("frail".to_owned(), "Deployed", 2),
            ("frail".to_owned(), "Failed", 2),
            ("v1".to_owned(), "Deployed", 1)
        ]
    );
    let told = messages(&fake, Some("r-update"));
    assert!(
        has(&told, "Command execution completed on 1 of 3 instances in environment."),
        "{told:#?}"
    );
    assert!(has(
        &told,
        "Batch 2: Starting application deployment command execution."
    ));
    assert!(!has(&told, "Batch 2: Completed") && !has(&told, "Batch 3"), "{told:#?}");
    let (severity, last) = told.last().unwrap();
    assert_eq!(*severity, Severity::Error);
    assert!(
        last.starts_with("During an aborted deployment, some instances may have deployed"),
        "{last}"
    );
    let health = environment.health;
    assert_eq!(health.status.as_str(), "Degraded");
    let expected =
        "Incorrect application version found on 2 out of 3 instances. Expected version \"v1\" (deployment 1).";
    assert_eq!(health.causes[0], expected);

    // What is launched meanwhile runs the last version that was deployed with success.
    let broken = environment
        .deployments
        .iter()
        .find(|(_, it)| it.status.as_str() == "Failed");
    let broken = broken.unwrap().0.clone();
    crate::compute::terminate(&fake.world, REGION, &broken).await;
    wait(&fake, || {
        let mut running = bundles(&fake);
        running.sort();
        running == ["frail", "v1", "v1"]
    })
    .await;

    let environment = update(&fake, version("v1")).await;
    assert_eq!(bundles(&fake), ["v1", "v1", "v1"]);
    assert_eq!(environment.health, health::Health::new(health::HealthStatus::Ok, None));
}

/// The one that it failed on is ill until its own turn comes.
#[tokio::test]
async fn the_way_back_from_a_failed_deployment_goes_by_batches_too() {
    for policy in ["Rolling", "RollingWithAdditionalBatch"] {
        let fake = prepared();
        add_version(&fake.world, &fake.objects, "frail", "frail".into());
        let one_by_one = [
            (COMMAND, "DeploymentPolicy", policy),
            (COMMAND, "BatchSizeType", "Fixed"),
            (COMMAND, "BatchSize", "1"),
            (catalogue::ASG, "MinSize", "3"),
        ];
        create(&fake, "v1", &one_by_one).await;
        let environment = update(&fake, version("frail")).await;
        let failed = environment
            .deployments
            .values()
            .any(|it| it.status.as_str() == "Failed");
        assert!(failed, "{policy}: {:?}", deployed(&environment));
        let environment = update(&fake, version("v1")).await;
        assert_eq!(bundles(&fake), ["v1", "v1", "v1"], "{policy}");
        assert_eq!(
            environment.health,
            health::Health::new(health::HealthStatus::Ok, None),
            "{policy}"
        );
    }
}

#[tokio::test]
async fn a_rolling_deployment_that_is_cancelled_stops_where_it_is() {
    let fake = prepared();
    let rolling = [
        (COMMAND, "DeploymentPolicy", "Rolling"),
        (COMMAND, "BatchSize", "50"),
        // Time to cancel it.
        (PROCESS, "DeregistrationDelay", "3600"),
    ];
    let environment = create(&fake, "v1", &rolling).await;
    let nothing = environments::abort(&fake.world, &caller("r-abort"), &named()).unwrap_err();
    assert_eq!(
        nothing.message,
        "Environment named conference-env is in an invalid state for this operation. Must be pending deployment."
    );
    environments::update(&fake.world, &caller("r-update"), &named(), version("v2")).unwrap();
    wait(&fake, || get(&fake, &environment.id).abort == Abort::Possible).await;
    environments::abort(&fake.world, &caller("r-abort"), &named()).unwrap();
    let rested = rest(&fake, &environment.id).await;
    assert_eq!(rested.version_label.as_deref(), Some("v1"));
    let told = messages(&fake, Some("r-update"));
    let mut mixed = bundles(&fake);
    mixed.sort();
    assert_eq!(mixed, ["v1", "v2"], "{told:#?}");
    assert_eq!(rested.health.status.as_str(), "Degraded", "{told:#?}");
    assert!(has(
        &told,
        "During an aborted deployment, some instances may have deployed"
    ));
    assert!(has(&told, "abortEnvironmentUpdate completed successfully."));
}

fn listener(fake: &Fake, arn: &str) -> Listener {
    fake.world.lock().region(REGION).balancing.listeners[arn].clone()
}

#[tokio::test]
async fn a_part_of_the_requests_tries_the_new_version_before_it_takes_over() {
    let fake = prepared();
    let splitting = [
        (COMMAND, "DeploymentPolicy", "TrafficSplitting"),
        (SPLITTING, "NewVersionPercent", "20"),
        // Time to cancel it.
        (SPLITTING, "EvaluationTime", "600"),
    ];
    let environment = create(&fake, "v1", &splitting).await;
    let (before, arn) = (launched(&fake), environment.made.listener.clone().unwrap());
    environments::update(&fake.world, &caller("r-update"), &named(), version("v2")).unwrap();
    let own = listener(&fake, &arn).default_action;
    wait(&fake, || listener(&fake, &arn).default_action != own).await;
    let shared = listener(&fake, &arn).default_action;
    let elsewhere = (0..100).filter(|request| shared.chosen(*request) != own.chosen(0));
    assert_eq!(elsewhere.count(), 20);
    assert_eq!(bundles(&fake).len(), 4, "as many again");
    environments::abort(&fake.world, &caller("r-abort"), &named()).unwrap();
    let rested = rest(&fake, &environment.id).await;
    let target_groups = || fake.world.lock().region(REGION).balancing.target_groups.len();
    assert_eq!(
        (bundles(&fake), rested.version_label.as_deref()),
        (vec!["v1".to_owned(); 2], Some("v1"))
    );
    assert_eq!(
        (launched(&fake), groups(&fake), target_groups()),
        (before.clone(), 1, 1)
    );
    assert_eq!(listener(&fake, &arn).default_action, own);

    update(&fake, set(SPLITTING, "EvaluationTime", "3")).await;
    let environment = update(&fake, version("v2")).await;
    let told = messages(&fake, Some("r-update"));
    assert_eq!(environment.version_label.as_deref(), Some("v2"), "{told:#?}");
    assert_eq!(environment.health.status.as_str(), "Ok", "{told:#?}");
    assert_eq!(bundles(&fake), ["v2", "v2"]);
    assert!(launched(&fake).is_disjoint(&before));
    assert_eq!(
        (groups(&fake), target_groups(), listener(&fake, &arn).default_action),
        (1, 1, own)
    );
}

#[tokio::test]
async fn a_rolling_configuration_update_never_has_fewer_instances_than_the_minimum() {
    let fake = prepared();
    let rolling = [
        (ROLLING, "RollingUpdateEnabled", "true"),
        (ROLLING, "RollingUpdateType", "Health"),
    ];
    create(&fake, "v1", &rolling).await;
    let before = launched(&fake);
    let change = set(INSTANCES, "InstanceTypes", "t3.small");
    let started = environments::update(&fake.world, &caller("r-update"), &named(), change).unwrap();
    let mut fewest = usize::MAX;
    while get(&fake, &started.id).status != Status::Ready {
        fewest = fewest.min(fake.plane.0.lock().unwrap().running.len());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(fewest, 2, "{:#?}", messages(&fake, Some("r-update")));
    let after = launched(&fake);
    assert!(after.is_disjoint(&before) && after.len() == 2, "{after:?}");
}

#[tokio::test]
async fn an_immutable_configuration_update_brings_its_own_instance_type() {
    let fake = prepared();
    let immutable = [
        (ROLLING, "RollingUpdateEnabled", "true"),
        (ROLLING, "RollingUpdateType", "Immutable"),
    ];
    let environment = create(&fake, "v1", &immutable).await;
    update(&fake, set(INSTANCES, "InstanceTypes", "t3.small")).await;
    let mut state = fake.world.lock();
    let here = state.region(REGION);
    let group = &here.scaling.groups[&environment.made.group.unwrap()];
    let types: Vec<_> = group
        .members
        .keys()
        .map(|id| here.compute.instances[id].instance_type.as_str())
        .collect();
    assert_eq!(types, ["t3.small", "t3.small"]);
}

#[tokio::test]
async fn a_type_that_does_not_fit_the_quota_is_taken_back() {
    let fake = prepared();
    create(&fake, "v1", &[]).await;
    fake.world.lock().region(REGION).quotas.standard_vcpus = 4.0;
    let environment = update(&fake, set(INSTANCES, "InstanceTypes", "t3.xlarge")).await;
    let told = messages(&fake, Some("r-update"));
    assert!(has(&told, "vCPU limit of 4"), "{told:#?}");
    assert!(has(&told, "was reverted to the previous configuration setting"));
    assert_eq!(environment.settings.get(INSTANCES, "InstanceTypes"), None);
    assert_eq!(environment.draft.map(|(status, _)| status), Some("failed"));
    assert_eq!(environment.health.status.as_str(), "Ok", "{told:#?}");
}

#[tokio::test]
async fn whatever_way_an_update_goes_cancelling_it_brings_everything_back() {
    let of_version = [(COMMAND, "DeploymentPolicy", "Immutable"), (COMMAND, "BatchSize", "50")];
    let of_batches = [
        (ROLLING, "RollingUpdateEnabled", "true"),
        (ROLLING, "RollingUpdateType", "Health"),
    ];
    let with_more = [
        (COMMAND, "DeploymentPolicy", "RollingWithAdditionalBatch"),
        (COMMAND, "BatchSize", "50"),
    ];
    let bigger = || {
        let mut wish = set(INSTANCES, "InstanceTypes", "t3.small");
        wish.set.extend(set(PROPERTIES, "HANG", "1").set);
        wish
    };
    for (settings, wish) in [
        (of_version, version("hang")),
        (of_batches, bigger()),
        (with_more, version("hang")),
    ] {
        let fake = prepared();
        let environment = create(&fake, "v1", &settings).await;
        environments::update(&fake.world, &caller("r-update"), &named(), wish).unwrap();
        // While the new instances come up.
        wait(&fake, || {
            launched(&fake).len() == 3 && get(&fake, &environment.id).abort == Abort::Possible
        })
        .await;
        environments::abort(&fake.world, &caller("r-abort"), &named()).unwrap();
        assert_eq!(get(&fake, &environment.id).status, Status::Aborting);
        let rested = rest(&fake, &environment.id).await;
        let told = messages(&fake, Some("r-update"));
        assert_eq!(bundles(&fake), ["v1", "v1"], "{told:#?}");
        assert_eq!(rested.version_label.as_deref(), Some("v1"), "{told:#?}");
        assert_eq!(rested.settings.get(INSTANCES, "InstanceTypes"), None);
        assert_eq!(rested.draft, None);
        assert_eq!(groups(&fake), 1);
        let mut state = fake.world.lock();
        let group = &state.region(REGION).scaling.groups[&environment.made.group.unwrap()];
        assert_eq!((group.desired, group.max), (2, 4), "{told:#?}");
    }
}
