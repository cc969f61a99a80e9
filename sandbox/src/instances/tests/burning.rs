//! The whole way with real processes: scripts burn on instances, the kernel counts, the group grows and shrinks.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{SERVER, bundle, machines_at};
use crate::fakes::{ACCOUNT, FakeObjects, REGION, add_version};
use crate::proxy;
use crate::world::World;
use crate::world::beanstalk::environments::{self, Caller, NewEnvironment};
use crate::world::beanstalk::settings::Settings;
use crate::world::beanstalk::{Status, catalogue};
use crate::world::clock::Clock;
use crate::world::compute::agents::{self, NewCommand};
use crate::world::monitoring::minute;
use crate::world::scaling::Group;

/// Four minutes in a second.
const SCALE: f64 = 240.0;

/// Sixteen of 25 parts of the time, on both processors: about 65 %.
const BURN: &str = "burn() { while :; do timeout 0.16 sh -c 'while :; do :; done'; sleep 0.09; done; }\nburn & burn\n";

fn caller() -> Caller {
    Caller {
        region: REGION.to_owned(),
        arn: format!("arn:aws:iam::{ACCOUNT}:user/alice"),
        request_id: "r-create".to_owned(),
    }
}

/// Two instances, three at most; the group grows above 50 % and shrinks below 25 %.
fn new_environment() -> NewEnvironment {
    let mut settings = Settings::default();
    for (namespace, name, value) in [
        (catalogue::ENVIRONMENT, "LoadBalancerType", "application"),
        (catalogue::ENVIRONMENT, "ServiceRole", "service-role"),
        (catalogue::LAUNCH, "IamInstanceProfile", "profile"),
        (catalogue::LAUNCH, "RootVolumeType", "gp3"),
        (catalogue::LAUNCH, "DisableIMDSv1", "true"),
        (catalogue::HEALTH, "SystemType", "enhanced"),
        (catalogue::ASG, "MinSize", "2"),
        (catalogue::ASG, "MaxSize", "3"),
        (catalogue::TRIGGER, "MeasureName", "CPUUtilization"),
        (catalogue::TRIGGER, "Unit", "Percent"),
        (catalogue::TRIGGER, "UpperThreshold", "50"),
        (catalogue::TRIGGER, "LowerThreshold", "25"),
    ] {
        settings.set(namespace, name, value);
    }
    NewEnvironment {
        application: "conference".to_owned(),
        name: "conference-env".to_owned(),
        version_label: Some("v1".to_owned()),
        solution_stack: Some("64bit Amazon Linux 2023 v4.10.0 running Go 1".to_owned()),
        settings,
        ..NewEnvironment::default()
    }
}

fn group(world: &World) -> Group {
    let mut state = world.lock();
    state.region(REGION).scaling.groups.values().next().cloned().unwrap()
}

fn in_service(world: &World) -> usize {
    let group = group(world);
    group
        .members
        .values()
        .filter(|it| it.lifecycle.as_str() == "InService")
        .count()
}

async fn until(world: &World, what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        if began.elapsed() > Duration::from_secs(60) {
            let mut state = world.lock();
            let here = state.region(REGION);
            panic!(
                "{what} does not come true; {:#?} {:#?}",
                here.monitoring, here.scaling.activities
            );
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn real_burning_scales_out_by_the_alarm_and_its_end_scales_in() {
    let directory = tempfile::tempdir().unwrap();
    let objects = FakeObjects::default();
    let world = World::new(
        ACCOUNT,
        Clock::new(SCALE),
        CancellationToken::new(),
        Box::new(machines_at(directory.path(), SCALE)),
        Box::new(objects.clone()),
    );
    add_version(&world, &objects, "v1", bundle(&[("Procfile", SERVER, 0o644)]));
    minute::run(&world);
    proxy::start(&world);
    environments::create(&world, &caller(), new_environment()).unwrap();
    let ready = || {
        let mut state = world.lock();
        let environments = &state.region(REGION).beanstalk.environments;
        environments.values().all(|it| it.status == Status::Ready)
    };
    until(&world, "the environment", ready).await;

    let burn = || NewCommand {
        instance_ids: group(&world).members.into_keys().collect(),
        script: BURN.to_owned(),
        execution_timeout: 7200,
        ..NewCommand::default()
    };
    // Without the policy no agent is registered, and the instances cannot be reached.
    let refused = agents::send(&world, REGION, burn()).unwrap_err();
    assert_eq!(refused.code, "InvalidInstanceId");
    let core = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore";
    world.lock().iam.attach("ec2-role", core).unwrap();
    // To start is work too: on a busy machine it may have made the group grow, which then shrinks again.
    until(&world, "two instances, and their agents", || {
        let (now, members) = (world.clock.now(), group(&world).members);
        let mut state = world.lock();
        let agents = &state.region(REGION).compute.agents;
        members.len() == 2
            && members
                .keys()
                .all(|id| agents.registered(now).any(|(agent, _)| agent == id))
    })
    .await;

    let command = agents::send(&world, REGION, burn()).unwrap();
    until(&world, "the third instance", || in_service(&world) == 3).await;
    agents::cancel(&world, REGION, &command.id, &[]).unwrap();
    until(&world, "two instances again", || group(&world).members.len() == 2).await;
    {
        let state = world.lock();
        let region = state.regions().next().unwrap();
        let by_alarm: Vec<_> = region
            .scaling
            .activities
            .iter()
            .filter(|it| it.started >= command.requested && it.cause.contains("a monitor alarm"))
            .map(|it| it.description.split(':').next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(by_alarm, ["Launching a new EC2 instance", "Terminating EC2 instance"]);
        let command = region.compute.agents.commands.last().unwrap();
        assert_eq!(command.status().as_str(), "Cancelled");
    }
    world.plane.shutdown().await;
    world.shutdown.cancel();
}
