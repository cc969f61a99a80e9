//! Changes of a running environment, and what its group does by itself.

use super::*;
use crate::beanstalk::catalogue::{ASG, COMMAND, INSTANCES, PROCESS, PROPERTIES, ROLLING, TRIGGER};
use crate::beanstalk::environments::EnvironmentUpdate;
use crate::compute;
use crate::scaling::Sizes;
use crate::scaling::scheduled::NewAction;

pub(super) fn set(namespace: &str, name: &str, value: &str) -> EnvironmentUpdate {
    EnvironmentUpdate {
        set: vec![(namespace.to_owned(), name.to_owned(), value.to_owned())],
        ..EnvironmentUpdate::default()
    }
}

pub(super) fn version(label: &str) -> EnvironmentUpdate {
    EnvironmentUpdate {
        version_label: Some(label.to_owned()),
        ..EnvironmentUpdate::default()
    }
}

pub(super) async fn update(fake: &Fake, wish: EnvironmentUpdate) -> Environment {
    let environment = environments::update(&fake.world, &caller("r-update"), &named(), wish).unwrap();
    assert_eq!(environment.status, Status::Updating);
    rest(fake, &environment.id).await
}

pub(super) fn bundles(fake: &Fake) -> Vec<String> {
    let plane = fake.plane.0.lock().unwrap();
    plane
        .running
        .values()
        .map(|(bundle, _)| String::from_utf8_lossy(bundle).into_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_is_rolled_out_in_batches() {
    let fake = prepared();
    let rolling = [(COMMAND, "DeploymentPolicy", "Rolling"), (COMMAND, "BatchSize", "50")];
    create(&fake, "v1", &rolling).await;
    let environment = update(&fake, version("v2")).await;
    assert_eq!(environment.version_label.as_deref(), Some("v2"));
    assert_eq!(bundles(&fake), ["v2", "v2"]);
    let told = messages(&fake, Some("r-update"));
    assert!(has(&told, "Batch 2: Completed application deployment."), "{told:#?}");
    assert_eq!(
        told.last().map(|(_, text)| text.as_str()),
        Some("Environment update completed successfully.")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_batch_stops_the_rollout_and_leaves_mixed_versions() {
    let fake = prepared();
    let rolling = [(COMMAND, "DeploymentPolicy", "Rolling"), (COMMAND, "BatchSize", "50")];
    create(&fake, "v1", &rolling).await;
    let environment = update(&fake, version("crash")).await;
    assert_eq!(environment.version_label.as_deref(), Some("v1"), "the last good one");
    let told = messages(&fake, Some("r-update"));
    assert!(has(&told, "Failed to deploy application."), "{told:#?}");
    assert!(!has(&told, "Batch 2"));
    let labels: Vec<_> = environment
        .deployments
        .values()
        .map(|it| it.version_label.as_str())
        .collect();
    assert!(labels.contains(&"crash") && labels.contains(&"v1"), "{labels:?}");
    assert_eq!(environment.health.status.color(), "Red");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_port_reaches_the_targets() {
    let fake = prepared();
    let environment = create(&fake, "v1", &[]).await;
    update(&fake, set(PROCESS, "Port", "8080")).await;
    let mut state = fake.world.lock();
    let group = &state.region(REGION).balancing.target_groups[&environment.made.target_group.unwrap()];
    let ports: Vec<_> = group.targets.values().map(|target| target.port).collect();
    assert_eq!((group.port, ports), (8080, vec![8080, 8080]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_property_reaches_the_processes_without_replacing_instances() {
    let fake = prepared();
    create(&fake, "v1", &[]).await;
    let before = fake.plane.0.lock().unwrap().launched.clone();
    let environment = update(&fake, set(PROPERTIES, "COLOR", "green")).await;
    assert_eq!(environment.health.status.as_str(), "Ok");
    let plane = fake.plane.0.lock().unwrap();
    assert!(
        plane
            .running
            .values()
            .all(|(_, properties)| properties["COLOR"] == "green")
    );
    assert_eq!(plane.launched, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_instance_type_replaces_every_instance() {
    let fake = prepared();
    let environment = create(&fake, "v1", &[]).await;
    let before = fake.plane.0.lock().unwrap().launched.clone();
    let updated = update(&fake, set(INSTANCES, "InstanceTypes", "t3.small")).await;
    assert_eq!(
        updated.health.status.as_str(),
        "Ok",
        "{:#?}",
        messages(&fake, Some("r-update"))
    );
    let after = fake.plane.0.lock().unwrap().launched.clone();
    assert_eq!(after.len(), 2);
    assert!(before.is_disjoint(&after));
    let mut state = fake.world.lock();
    let here = state.region(REGION);
    let template = &here.compute.launch_templates[&environment.made.launch_template.unwrap()];
    assert_eq!(template.versions.len(), 2);
    assert!(
        after
            .iter()
            .all(|id| here.compute.instances[id].instance_type == "t3.small")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_changed_in_the_settings_is_touched() {
    let fake = prepared();
    let environment = create(&fake, "v1", &[]).await;
    let (group, alarm) = (environment.made.group.unwrap(), environment.made.high_alarm.unwrap());
    fake.world
        .lock()
        .region(REGION)
        .scaling
        .groups
        .get_mut(&group)
        .unwrap()
        .max = 9;
    update(&fake, set(TRIGGER, "UpperThreshold", "70")).await;
    {
        let mut state = fake.world.lock();
        let here = state.region(REGION);
        assert_eq!(here.monitoring.alarms[&alarm].threshold, 70.0);
        assert_eq!(here.scaling.groups[&group].max, 9, "drift beside the settings stays");
    }
    update(&fake, set(ASG, "MaxSize", "5")).await;
    assert_eq!(fake.world.lock().region(REGION).scaling.groups[&group].max, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_refused_while_actions_are_scheduled_and_every_update_of_the_group_sets_its_sizes() {
    let fake = prepared();
    let batches = [
        (ROLLING, "RollingUpdateEnabled", "true"),
        (ROLLING, "RollingUpdateType", "Health"),
    ];
    let environment = create(&fake, "v1", &batches).await;
    let before = fake.plane.0.lock().unwrap().launched.clone();
    let name = environment.made.group.clone().unwrap();
    let now = fake.world.clock.now();
    let action = NewAction {
        name: "back".to_owned(),
        start: now + SignedDuration::from_hours(1000),
        sizes: Sizes {
            min: Some(2),
            ..Sizes::default()
        },
    };
    {
        let mut state = fake.world.lock();
        let scaling = &mut state.region(REGION).scaling;
        scaling.schedule(REGION, "000000000000", &name, action, now).unwrap();
        scaling.group_mut(&name).unwrap().max = 9;
    }
    // What does not concern the group leaves it alone.
    update(&fake, set(PROPERTIES, "COLOR", "green")).await;
    assert_eq!(fake.world.lock().region(REGION).scaling.groups[&name].max, 9);
    update(&fake, set(INSTANCES, "InstanceTypes", "t3.small")).await;
    let told = messages(&fake, Some("r-update"));
    assert!(
        has(&told, "because scheduled action(s) [back] are currently associated"),
        "{told:#?}"
    );
    assert_eq!(fake.plane.0.lock().unwrap().launched, before);
    assert_eq!(fake.world.lock().region(REGION).scaling.groups[&name].max, 4);
    fake.world
        .lock()
        .region(REGION)
        .scaling
        .unschedule(&name, "back")
        .unwrap();
    update(&fake, set(INSTANCES, "InstanceTypes", "t3.small")).await;
    assert!(fake.plane.0.lock().unwrap().launched.is_disjoint(&before));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_group_grows_on_request_and_replaces_what_dies() {
    let fake = prepared();
    let environment = create(&fake, "v1", &[]).await;
    let group = environment.made.group.clone().unwrap();
    let now = fake.world.clock.now();
    fake.world
        .lock()
        .region(REGION)
        .scaling
        .group_mut(&group)
        .unwrap()
        .set_desired(3, now)
        .unwrap();
    wait(&fake, || bundles(&fake).len() == 3).await;
    let victim = fake.plane.0.lock().unwrap().running.keys().next().cloned().unwrap();
    compute::terminate(&fake.world, REGION, &victim).await;
    wait(&fake, || {
        bundles(&fake).len() == 3 && !fake.plane.0.lock().unwrap().running.contains_key(&victim)
    })
    .await;
    let state = &mut fake.world.lock();
    let causes: Vec<_> = state
        .region(REGION)
        .scaling
        .activities
        .iter()
        .map(|it| it.cause.clone())
        .collect();
    assert!(causes.iter().any(|cause| {
        cause.contains("explicitly set group desired capacity changing the desired capacity from 2 to 3")
    }));
    assert!(
        causes
            .iter()
            .any(|cause| cause.contains("in response to an unhealthy instance needing to be replaced"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_instance_that_dies_is_replaced_behind_the_same_name() {
    let fake = prepared();
    let single = (catalogue::ENVIRONMENT, "EnvironmentType", "SingleInstance");
    let environment = create(&fake, "v1", &[single]).await;
    let cname = environment.cname.unwrap();
    let reached = || match routes::route(&fake.world.lock(), &cname) {
        Some(routes::Route::Instance { instance_id, .. }) => Some(instance_id),
        _ => None,
    };
    let first = reached().unwrap();
    compute::terminate(&fake.world, REGION, &first).await;
    wait(&fake, || reached().is_some_and(|id| id != first)).await;
}

pub(super) async fn wait(fake: &Fake, done: impl Fn() -> bool) {
    for _ in 0..1000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it does not happen; {:#?}", messages(fake, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_starts_and_does_not_answer_stops_the_rollout() {
    let fake = prepared();
    let rolling = [(COMMAND, "DeploymentPolicy", "Rolling"), (COMMAND, "BatchSize", "50")];
    create(&fake, "v1", &rolling).await;
    let environment = update(&fake, version("sick")).await;
    assert_eq!(environment.status, Status::Ready);
    let told = messages(&fake, Some("r-update"));
    assert!(
        has(
            &told,
            "did not pass health check after command execution. Aborting the operation."
        ),
        "{told:#?}"
    );
    assert!(has(&told, "Failed to deploy application."));
}
