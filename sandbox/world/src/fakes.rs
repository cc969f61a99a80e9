//! A data plane and an object store without processes or files, and an account that Beanstalk can make environments in, for
//! tests of the world's rules. The sandbox's own tests take this file in too: a feature for it would have the world compiled
//! twice.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::world::balancing::TargetState;
use crate::world::beanstalk::applications::NewVersion;
use crate::world::beanstalk::{Environment, Origin, Status};
use crate::world::clock::Clock;
use crate::world::plane::{
    Command, CommandEnd, CommandOutcome, CpuReading, DataPlane, Deployment, DeploymentFailure, LogGrowth, Objects,
};
use crate::world::{Tags, World, iam};

pub(crate) const REGION: &str = "us-east-1";
pub(crate) const ACCOUNT: &str = "000000000000";
pub(crate) const BUCKET: &str = "elasticbeanstalk-us-east-1-000000000000";
pub(crate) const WEB_TIER: &str = "arn:aws:iam::aws:policy/AWSElasticBeanstalkWebTier";

/// Deploys everything but bundles that say `crash`, and never ends with one that says `hang`, or where a property does; one
/// that says `sick` deploys and does not answer, one that says `frail` runs on one instance only. Remembers what runs where.
#[derive(Clone, Default)]
pub(crate) struct FakePlane(pub Arc<Mutex<Plane>>);

#[derive(Default)]
pub(crate) struct Plane {
    pub launched: BTreeSet<String>,
    /// Instance to bundle and properties.
    pub running: BTreeMap<String, (Bytes, BTreeMap<String, String>)>,
    /// Instances in the order in which they were deployed to.
    pub deployed: Vec<String>,
    /// Instance to how busy its processors are, in percent. Idle where it is not told.
    pub load: BTreeMap<String, f64>,
    /// Instance to what its processors have done, and when that was.
    cpu: BTreeMap<String, (CpuReading, Instant)>,
    /// Scripts that were run, with the instances.
    pub scripts: Vec<(String, String)>,
}

impl Plane {
    /// Turns the accounts to now; to be called before the load is changed.
    pub(crate) fn turn(&mut self) {
        for (id, (reading, since)) in &mut self.cpu {
            let passed = since.elapsed();
            *since += passed;
            reading.alive += passed;
            reading.busy += passed.mul_f64(self.load.get(id).copied().unwrap_or_default() / 100.0);
        }
    }
}

impl DataPlane for FakePlane {
    fn launch(&self, instance_id: &str, _: u32) {
        let mut plane = self.0.lock().unwrap();
        plane.launched.insert(instance_id.to_owned());
        let nothing_yet = (CpuReading::default(), Instant::now());
        plane.cpu.insert(instance_id.to_owned(), nothing_yet);
    }

    fn deploy(&self, deployment: Deployment) -> BoxFuture<'static, Result<(), DeploymentFailure>> {
        let plane = Arc::clone(&self.0);
        Box::pin(async move {
            if deployment.bundle.starts_with(b"hang") || deployment.properties.contains_key("HANG") {
                std::future::pending::<()>().await;
            }
            let mut plane = plane.lock().unwrap();
            plane.deployed.push(deployment.instance_id.clone());
            let runs_somewhere = plane.running.values().any(|(bundle, _)| *bundle == deployment.bundle);
            let breaks = deployment.bundle.starts_with(b"frail") && runs_somewhere;
            if deployment.bundle.starts_with(b"crash") || breaks {
                return Err(DeploymentFailure {
                    reason: "the web process ended at once".to_owned(),
                    log: "[ERROR] update processes [web] pid symlinks failed".to_owned(),
                });
            }
            if deployment.bundle.starts_with(b"sick") {
                plane.running.remove(&deployment.instance_id);
                return Ok(());
            }
            plane
                .running
                .insert(deployment.instance_id, (deployment.bundle, deployment.properties));
            Ok(())
        })
    }

    fn restart(&self, _: &str) {}

    fn cpu(&self, instance_id: &str) -> Option<CpuReading> {
        let mut plane = self.0.lock().unwrap();
        plane.turn();
        plane.cpu.get(instance_id).map(|(reading, _)| *reading)
    }

    fn run(&self, instance_id: &str, command: Command) -> BoxFuture<'static, Option<CommandEnd>> {
        let script = (instance_id.to_owned(), command.script.clone());
        self.0.lock().unwrap().scripts.push(script);
        let end = CommandEnd {
            outcome: CommandOutcome::Exited(0),
            stdout: command.script,
            stderr: String::new(),
        };
        Box::pin(async { Some(end) })
    }

    fn cancel(&self, _: &str, _: &str) {}

    fn terminate(&self, instance_id: &str) -> BoxFuture<'static, ()> {
        let (plane, id) = (Arc::clone(&self.0), instance_id.to_owned());
        Box::pin(async move {
            let mut plane = plane.lock().unwrap();
            plane.launched.remove(&id);
            plane.cpu.remove(&id);
            plane.running.remove(&id);
        })
    }

    fn address(&self, instance_id: &str) -> Option<SocketAddr> {
        let running = self.0.lock().unwrap().running.contains_key(instance_id);
        running.then(|| SocketAddr::from(([127, 0, 0, 1], 1)))
    }

    fn log_tail(&self, _: &str) -> String {
        String::new()
    }

    fn logs(&self, instance_id: &str) -> Vec<(String, String)> {
        vec![("web.stdout.log".to_owned(), format!("hello from {instance_id}"))]
    }

    fn log_growth(&self, instance_id: &str, known: &BTreeMap<String, u64>) -> Vec<LogGrowth> {
        let logs = self.logs(instance_id).into_iter();
        let grown = logs.filter(|(name, _)| !known.contains_key(name));
        grown
            .map(|(name, line)| LogGrowth {
                name,
                end: line.len() as u64,
                lines: vec![line],
            })
            .collect()
    }
}

/// `bucket/key` to bytes.
#[derive(Clone, Default)]
pub(crate) struct FakeObjects(pub Arc<Mutex<BTreeMap<String, Bytes>>>);

impl Objects for FakeObjects {
    fn ensure_bucket(&self, bucket: &str, _: &str) -> BoxFuture<'static, ()> {
        self.0.lock().unwrap().entry(format!("{bucket}/")).or_default();
        Box::pin(async {})
    }

    fn region(&self, _: &str) -> Option<String> {
        Some("us-east-1".to_owned())
    }

    fn get(&self, bucket: &str, key: &str) -> BoxFuture<'static, Option<Bytes>> {
        let found = self.0.lock().unwrap().get(&format!("{bucket}/{key}")).cloned();
        Box::pin(async { found })
    }

    fn put(&self, bucket: &str, key: &str, body: Bytes) -> BoxFuture<'static, ()> {
        self.0.lock().unwrap().insert(format!("{bucket}/{key}"), body);
        Box::pin(async {})
    }

    fn delete(&self, bucket: &str, key: &str) -> BoxFuture<'static, ()> {
        self.0.lock().unwrap().remove(&format!("{bucket}/{key}"));
        Box::pin(async {})
    }

    fn list_all(&self) -> BoxFuture<'static, Vec<String>> {
        let all = self.0.lock().unwrap().keys().cloned().collect();
        Box::pin(async { all })
    }
}

/// A world an hour of which takes a second, and what stands behind it.
pub(crate) struct Fake {
    pub world: Arc<World>,
    pub plane: FakePlane,
    pub objects: FakeObjects,
}

impl Fake {
    pub(crate) fn new() -> Self {
        Self::at(3600.0)
    }

    /// A world that runs that many times faster than the real one.
    pub(crate) fn at(scale: f64) -> Self {
        let (plane, objects) = (FakePlane::default(), FakeObjects::default());
        let world = World::new(
            ACCOUNT,
            Clock::new(scale),
            CancellationToken::new(),
            Box::new(plane.clone()),
            Box::new(objects.clone()),
        );
        Self { world, plane, objects }
    }

    /// Checks targets as the load balancer's health checker does: healthy where something runs.
    pub(crate) fn check_targets(&self) {
        let (world, plane) = (Arc::clone(&self.world), self.plane.clone());
        self.world.spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(10)).await;
                let mut state = world.lock();
                let groups = state.region("us-east-1").balancing.target_groups.values_mut();
                for target in groups.flat_map(|group| group.targets.values_mut()) {
                    if target.state == TargetState::Draining {
                        continue;
                    }
                    let up = plane.address(&target.instance_id).is_some();
                    target.state = if up {
                        TargetState::Healthy
                    } else {
                        TargetState::Unhealthy
                    };
                }
            }
        });
    }
}

/// An account with roles, a default VPC, a bundle of each kind, and an application with a version of each.
pub(crate) fn prepared() -> Fake {
    prepared_at(3600.0)
}

/// The same where the clock runs that many times faster than real time.
pub(crate) fn prepared_at(scale: f64) -> Fake {
    let fake = Fake::at(scale);
    for label in ["v1", "v2", "crash", "hang", "sick"] {
        add_version(&fake.world, &fake.objects, label, label.into());
    }
    fake.check_targets();
    fake
}

/// A version of the application, which is made, with what it needs, where it is not there.
pub(crate) fn add_version(world: &World, objects: &FakeObjects, label: &str, bundle: Bytes) {
    let mut state = world.lock();
    let origin = Origin {
        region: REGION.to_owned(),
        account: ACCOUNT.to_owned(),
        request_id: "r-0".to_owned(),
        now: world.clock.now(),
    };
    if state.region(REGION).beanstalk.applications.is_empty() {
        add_roles(&mut state.iam);
        let here = state.region(REGION);
        here.network.create_default_vpc(REGION).unwrap();
        let beanstalk = &mut here.beanstalk;
        beanstalk
            .create_application(&origin, "conference", None, Tags::new())
            .unwrap();
    }
    let key = format!("{label}.zip");
    objects.0.lock().unwrap().insert(format!("{BUCKET}/{key}"), bundle);
    let new = NewVersion {
        application: "conference".to_owned(),
        label: label.to_owned(),
        description: None,
        source: (BUCKET.to_owned(), key),
        process: false,
        create_application: false,
        tags: Tags::new(),
    };
    state.region(REGION).beanstalk.create_version(&origin, new).unwrap();
}

/// A trust policy for a service.
pub(crate) fn trust(service: &str) -> String {
    format!(
        r#"{{"Statement":{{"Effect":"Allow","Principal":{{"Service":"{service}.amazonaws.com"}},"Action":"sts:AssumeRole"}}}}"#
    )
}

fn add_roles(iam: &mut iam::Iam) {
    let (account, now) = (ACCOUNT, jiff::Timestamp::UNIX_EPOCH);
    for (name, service) in [("ec2-role", "ec2"), ("service-role", "elasticbeanstalk")] {
        let new = iam::NewRole {
            name: name.to_owned(),
            trust: trust(service),
            ..iam::NewRole::default()
        };
        iam.create_role(account, now, new).unwrap();
    }
    iam.attach("ec2-role", WEB_TIER).unwrap();
    for name in ["profile", "empty-profile"] {
        iam.create_instance_profile(account, now, name, None, Tags::new())
            .unwrap();
    }
    iam.add_role("profile", "ec2-role").unwrap();
}

pub(crate) fn get(fake: &Fake, id: &str) -> Environment {
    fake.world.lock().region(REGION).beanstalk.environments[id].clone()
}

/// Waits until the environment rests.
pub(crate) async fn rest(fake: &Fake, id: &str) -> Environment {
    for _ in 0..3000 {
        let environment = get(fake, id);
        if matches!(environment.status, Status::Ready | Status::Terminated) {
            return environment;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!(
        "{:?} does not rest; {:#?}",
        get(fake, id).status,
        fake.world.lock().region(REGION).beanstalk.events
    );
}
