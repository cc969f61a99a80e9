//! Deployments by policy, and what becomes of them when they fail or are cancelled. On one thread, so that nothing is over
//! before the test has looked.

use super::updates::{bundles, set, update, version, wait};
use super::*;
use crate::beanstalk::Abort;
use crate::beanstalk::catalogue::{COMMAND, INSTANCES, PROCESS, PROPERTIES, ROLLING};

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
async fn a_rolling_deployment_can_be_cancelled_and_leaves_the_old_version_everywhere() {
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
    assert_eq!(bundles(&fake), ["v1", "v1"]);
    assert_eq!(rested.health.status.as_str(), "Ok", "{:#?}", messages(&fake, None));
    assert!(has(
        &messages(&fake, Some("r-update")),
        "abortEnvironmentUpdate completed successfully."
    ));
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
