//! Puts versions on instances: when one starts up, and when a version or property changes.
//! Must know nothing of how a process is run; the data plane does that.

use std::sync::Arc;

use jiff::Timestamp;

use super::catalogue::LAUNCH;
use super::settings::Settings;
use super::workflow::Run;
use super::{Environment, Status, bucket, roles, rollout, runtime};
use crate::compute::InstanceState;
use crate::plane::{Deployment, DeploymentFailure};
use crate::{World, clock};

/// Sandbox seconds from `running` until the instance takes its first command.
const BOOTSTRAP: u64 = 30;
/// After so many seconds nothing is waited for any more: the deployment then says what is missing.
const BOOTSTRAP_AT_MOST: u32 = 600;

/// What an instance runs, as DescribeInstancesHealth tells it.
#[derive(Debug, Clone)]
pub struct InstanceDeployment {
    pub version_label: String,
    pub deployment_id: i64,
    pub status: DeploymentStatus,
    pub time: Timestamp,
    pub failure: Option<DeploymentFailure>,
}

impl InstanceDeployment {
    /// Whether the instance took something since the environment was so.
    pub(super) fn is_other_than(&self, before: &Environment, instance_id: &str) -> bool {
        let was = before.deployments.get(instance_id);
        was.is_none_or(|was| was.deployment_id != self.deployment_id)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeploymentStatus {
    InProgress,
    Deployed,
    Failed,
}

impl DeploymentStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "In Progress",
            Self::Deployed => "Deployed",
            Self::Failed => "Failed",
        }
    }
}

/// What is to run.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub label: String,
    pub deployment_id: i64,
    pub settings: Settings,
    /// Only the configuration is new.
    pub configuration: bool,
}

impl Wanted {
    /// What an instance that starts now runs: the last version that was deployed with success, unless a rollout
    /// launches instances for the version that it brings.
    pub(super) fn of(environment: &Environment) -> Self {
        if let Some(next) = &environment.next {
            return Self {
                configuration: false,
                ..next.clone()
            };
        }
        let pending = environment
            .draft
            .as_ref()
            .filter(|(status, _)| *status == "pending")
            .map(|(_, settings)| settings);
        Self {
            label: environment.version_label.clone().unwrap_or_default(),
            deployment_id: environment.expected_id,
            settings: pending.unwrap_or(&environment.settings).clone(),
            configuration: false,
        }
    }
}

/// Brings up a new instance of an environment: it boots, then runs the current version.
pub(super) fn start_up(world: &Arc<World>, region: &str, environment_id: &str, instance_id: &str) {
    let run = Run::new(world, region, environment_id, "");
    let instance_id = instance_id.to_owned();
    world.spawn(async move {
        if !boots(&run, &instance_id).await {
            return;
        }
        let Some(environment) = run.snapshot() else {
            return;
        };
        // One that is only tried has the address when it takes over.
        if rollout::serving(&run).contains(&instance_id) {
            run.site(|site| site.bind_address(&instance_id));
        }
        let result = deploy(&run, &instance_id, &Wanted::of(&environment)).await;
        // The first deployment of an environment has one log, which its workflow writes.
        if environment.status != Status::Launching {
            let file = format!("selfstartup/{instance_id}.log");
            write_log(&run, &environment, &file, &[(instance_id, result)]).await;
        }
    });
}

async fn boots(run: &Run, instance_id: &str) -> bool {
    loop {
        let state = run.region(|here| here.compute.instances.get(instance_id).map(|instance| instance.state));
        match state {
            Some(InstanceState::Pending) => run.world.clock.sleep_seconds(3).await,
            Some(InstanceState::Running) => break,
            _ => return false,
        }
    }
    run.world.clock.sleep_seconds(BOOTSTRAP).await;
    is_running(run, instance_id)
}

fn is_running(run: &Run, instance_id: &str) -> bool {
    run.region(|here| {
        let instance = here.compute.instances.get(instance_id);
        instance.is_some_and(|instance| instance.state == InstanceState::Running)
    })
}

/// Runs a version on one instance; what became of it is in the environment's record too.
pub(super) async fn deploy(run: &Run, instance_id: &str, wanted: &Wanted) -> Result<(), DeploymentFailure> {
    let record = |status, failure: Option<DeploymentFailure>| {
        let now = run.world.clock.now();
        run.environment(|environment| {
            let deployment = InstanceDeployment {
                version_label: wanted.label.clone(),
                deployment_id: wanted.deployment_id,
                status,
                time: now,
                failure,
            };
            environment.deployments.insert(instance_id.to_owned(), deployment);
        });
    };
    if wanted.configuration {
        has_come_up(run, instance_id).await;
    }
    record(DeploymentStatus::InProgress, None);
    let result = execute(run, instance_id, wanted).await;
    match &result {
        Ok(()) => record(DeploymentStatus::Deployed, None),
        Err(failure) => record(DeploymentStatus::Failed, Some(failure.clone())),
    }
    result
}

/// A new instance is in service by its status checks before its own first deployment has ended: a change of the configuration finds
/// the version on it only then.
async fn has_come_up(run: &Run, instance_id: &str) {
    let comes_up = || {
        let environment = run.snapshot()?;
        let first = environment
            .deployments
            .get(instance_id)
            .map(|deployment| deployment.status);
        Some(matches!(first, None | Some(DeploymentStatus::InProgress)))
    };
    for _ in 0..BOOTSTRAP_AT_MOST {
        if !comes_up().unwrap_or(false) || !is_running(run, instance_id) {
            return;
        }
        run.world.clock.sleep_seconds(1).await;
    }
}

async fn execute(run: &Run, instance_id: &str, wanted: &Wanted) -> Result<(), DeploymentFailure> {
    let gone = |what: String| DeploymentFailure {
        log: format!("[ERROR] {what}"),
        reason: what,
    };
    let environment = run
        .snapshot()
        .ok_or_else(|| gone("the environment is gone".to_owned()))?;
    let (bucket, key) = runtime::place(run, &environment.application, &wanted.label);
    let failed = |why: &str| gone(format!("cannot download the source bundle s3://{bucket}/{key}: {why}"));
    // A change of the configuration finds the version on the instance.
    if !wanted.configuration {
        let object = format!("arn:aws:s3:::{bucket}/{key}");
        roles::instances_may(run, &run.world.lock(), &wanted.settings, "s3:GetObject", &object)
            .map_err(|why| failed(&format!("403 Forbidden: {why}")))?;
    }
    let bundle = runtime::read(run, &wanted.label).await;
    let bundle = bundle.ok_or_else(|| failed("404 Not Found"))?;
    let profile = wanted.settings.get(LAUNCH, "IamInstanceProfile").unwrap_or_default();
    let role_arn = {
        let state = run.world.lock();
        let role = state.iam.instance_role(profile);
        role.ok().map(|role| role.arn.clone())
    };
    let deployment = Deployment {
        instance_id: instance_id.to_owned(),
        bundle,
        properties: wanted.settings.properties(),
        role_arn,
        configuration: wanted.configuration,
    };
    // It may have been terminated in the meantime: a deployment must not bring it back.
    if !is_running(run, instance_id) {
        return Err(gone(format!("the instance {instance_id} is gone")));
    }
    run.world.plane.deploy(deployment).await
}

/// The name of the log of an operation's deployment.
pub(super) fn log_name(run: &Run) -> String {
    format!("eb-deployment-{}.log", run.request_id)
}

/// The deployment's log in S3, on success and on failure, as platform versions since March 2026 write it: it is there while the
/// deployment runs, and grows with the results. An instance uploads it, if its role lets it put objects
/// (Beanstalk guide: environments-deployment-logs).
pub(super) async fn write_log(
    run: &Run,
    environment: &Environment,
    file: &str,
    results: &[(String, Result<(), DeploymentFailure>)],
) {
    let properties = environment.settings.properties();
    if properties
        .get("EB_DEPLOYMENT_LOG_S3_DISABLED")
        .is_some_and(|value| value == "true")
    {
        return;
    }
    let time = clock::text(run.world.clock.now());
    let label = environment.version_label.as_deref().unwrap_or_default();
    let mut text = format!("{time} [INFO] Deployment of version '{label}' is starting.\n");
    for (instance_id, result) in results {
        text.push_str(&format!(
            "{time} [INFO] Deployment on instance {instance_id} of environment {}\n",
            environment.name
        ));
        match result {
            Ok(()) => {
                text.push_str(&format!("{time} [INFO] Instance deployment completed successfully.\n"));
                let tail = run.world.plane.log_tail(instance_id);
                text.push_str(&format!("----- web.stdout.log -----\n{}\n", tail.trim_end()));
            }
            Err(failure) => {
                text.push_str(&format!(
                    "{time} [ERROR] An error occurred during execution of command: {}\n",
                    failure.reason
                ));
                text.push_str(failure.log.trim_end());
                text.push('\n');
            }
        }
    }
    let account = run.world.lock().account.clone();
    let bucket = bucket(&run.region, &account);
    let key = format!("resources/environments/logs/deployments/{}/{file}", environment.id);
    let object = format!("arn:aws:s3:::{bucket}/{key}");
    if roles::instances_may(run, &run.world.lock(), &environment.settings, "s3:PutObject", &object).is_err() {
        return;
    }
    run.world.objects.put(&bucket, &key, text.into()).await;
}

/// Tells in events what failed on which instances, in AWS's words and order
/// (github.com/einaregilsson/beanstalk-deploy/issues/86).
pub(super) fn tell_failures(run: &Run, results: &[(String, Result<(), DeploymentFailure>)]) {
    let failed: Vec<_> = results
        .iter()
        .filter(|(_, result)| result.is_err())
        .map(|(id, _)| id.as_str())
        .collect();
    for id in &failed {
        run.error("Instance deployment failed. For details, see 'eb-engine.log'.");
        run.error(format!(
            "[Instance: {id}] Command failed on instance. Return code: 1 Output: Engine execution has encountered an error.."
        ));
    }
    run.info(format!(
        "Command execution completed on all instances. Summary: [Successful: {}, Failed: {}].",
        results.len() - failed.len(),
        failed.len()
    ));
    run.error(format!(
        "Unsuccessful command execution on instance id(s) '{}'. Aborting the operation.",
        failed.join(",")
    ));
}
