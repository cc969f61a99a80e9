//! A deployment as such: what a run that only deploys plans, whether every instance took the version, which ones did not, and what
//! goes once nobody needs it. Must know nothing of how an update is asked for and followed.

use std::collections::HashMap;
use std::iter;
use std::sync::{Mutex, PoisonError};

use aws_sdk_elasticbeanstalk::types::EventDescription;

use super::instances::{self, InstanceVersion, State, astray, instance_versions};
use super::live::Live;
use super::options::Key;
use super::steps::EnvironmentStep;
use super::{Environment, follow, old_versions};
use crate::aws::errors::{Explain, polled};
use crate::aws::texts::{self, Ending};
use crate::aws::{Aws, instance_types};
use crate::deploying::{Deploying, Way};
use crate::engine::{Command, Error, Failure, Hint, Kind, Limits, Notice, Plan, Poll, Wait, WriteCx};
use crate::strategy::{Fleet, Strategy};

const COMMAND: &str = "aws:elasticbeanstalk:command";

/// An instance reports some seconds after it took a version; one that a rollout replaced goes on reporting while it ends.
const LIMITS: Limits = Limits::minutes(5, 15);
/// Reads of the same before it counts as how they stay: a minute.
const READS_OF_THE_SAME: u32 = 12;

/// What is known for a deployment alone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Around {
    /// Labels of all versions of the application, newest first.
    versions: Vec<String>,
    /// Labels that may go.
    prunable: Vec<String>,
    /// Labels of former deployments that went well, newest first, as far as events tell.
    by_events: Vec<String>,
    /// Of one instance.
    vcpus: Option<i32>,
}

/// A plan that cannot be.
type Blocked = Plan<EnvironmentStep>;

impl Environment {
    /// Reads what only a deployment has to know.
    pub(super) async fn look_around(&self, aws: &Aws, deploying: &Deploying, live: &mut Live) -> Result<(), Error> {
        live.instances = instance_versions(aws, &live.id).await?;
        let versions = old_versions::all(aws, &live.application).await?;
        let mut around = Around {
            vcpus: match live
                .option("aws:ec2:instances", "InstanceTypes")
                .and_then(|types| types.split(',').next())
            {
                // Who may not ask is told of instances instead.
                Some(first) => instance_types::vcpus(aws, first.trim()).await.ok().flatten(),
                None => None,
            },
            versions: versions.iter().map(|version| version.label.clone()).collect(),
            ..Around::default()
        };
        match &deploying.way {
            Way::Forward => {
                let prunable = old_versions::prunable(aws, &self.stack, live, &versions).await?;
                around.prunable = prunable.into_iter().map(|version| version.label).collect();
            }
            Way::Back { .. } => around.by_events = deployed_by_events(&follow::events(aws, &live.id).await?),
            Way::Stop => {}
        }
        live.around = around;
        Ok(())
    }

    /// What a run that only deploys does with an environment that is there.
    pub(super) fn plan_deployment(
        &self,
        deploying: &Deploying,
        live: &Live,
        wanted: Option<String>,
    ) -> Plan<EnvironmentStep> {
        if let Way::Stop = deploying.way {
            return match (live.updating, live.abortable) {
                (false, _) => Plan::Keep,
                (true, true) => Plan::Update(vec![EnvironmentStep::Stop]),
                (true, false) => Plan::blocked(
                    "what is under way cannot be stopped: Beanstalk says that nothing of it can be aborted",
                    Hint::from("wait until it rests; ").and_run("status").and(" tells"),
                ),
            };
        }
        if live.broken.is_some() {
            return Plan::blocked(
                "its stack is broken: nothing can be deployed to it",
                Hint::run("plan").and(" says what can be done"),
            );
        }
        let version = match &deploying.way {
            Way::Back { to } => match self.former(live, to.as_deref()) {
                Ok(version) => version,
                Err(blocked) => return blocked,
            },
            _ => {
                let version = wanted.unwrap_or_else(|| self.stack.bundle.label.clone());
                if self.stack.holds_back(&version) && live.version.as_ref() != Some(&version) {
                    let anyway = match self.stack.versions.going_back() {
                        Some(to) => Hint::run("deploy --rollback").and(format!(" goes on with the way back to {to}")),
                        None => Hint::run("deploy --force").and(" deploys it all the same"),
                    };
                    return Plan::blocked(format!("{version} was rolled back"), anyway);
                }
                version
            }
        };
        self.steps_to(deploying, live, &version)
    }

    fn steps_to(&self, deploying: &Deploying, live: &Live, version: &str) -> Plan<EnvironmentStep> {
        if live.version.as_deref() == Some(version) && astray(&live.instances, version).is_empty() {
            return Plan::Keep;
        }
        let (fleet, policy) = (live.fleet(), live.policy());
        let strategy = deploying.strategy.unwrap_or(policy);
        if let Some(why) = strategy.does_not_fit(fleet.balanced) {
            return Plan::blocked(why, "leave --strategy out, or take all-at-once or immutable");
        }
        let mut steps = Vec::new();
        if live.failed_draft {
            steps.push(EnvironmentStep::DropDraft);
        }
        if strategy != policy {
            steps.push(EnvironmentStep::Strategy {
                from: policy,
                to: strategy,
            });
        }
        steps.push(EnvironmentStep::Version {
            from: instances::shown(live.version.as_deref(), &live.instances),
            to: version.to_owned(),
            effect: strategy.effect(fleet),
        });
        let prunable = live.around.prunable.iter().filter(|label| *label != version);
        steps.extend(prunable.map(|label| EnvironmentStep::Prune { label: label.clone() }));
        Plan::Update(steps)
    }

    /// The version to go back to: the last that every instance ran, or the one that is named.
    fn former(&self, live: &Live, named: Option<&str>) -> Result<String, Blocked> {
        let going_back = self.stack.versions.going_back();
        if live.updating {
            // What a run that was stopped has begun is followed.
            let goes_on = going_back.filter(|to| named.is_none_or(|named| named == *to));
            let stop = Hint::run("deploy --abort").and(" stops it where it is");
            let blocked = || Plan::blocked("a deployment is under way", stop);
            return goes_on.map(str::to_owned).ok_or_else(blocked);
        }
        let versions = &live.around.versions;
        let name_one = || {
            let named = Hint::run(Command::confctl("deploy --rollback").arg("VERSION"));
            named.and(format!(" goes to one of {}", versions.join(", ")))
        };
        let label = live.version.clone().unwrap_or_default();
        let half_way = failed_half_way(&label, &live.instances).then_some(label.as_str());
        let by_events = || live.around.by_events.iter().find(|other| **other != label);
        let found = named
            .or(self.stack.versions.gone_back_to())
            .or(half_way)
            .or_else(|| self.stack.versions.before(&label))
            .or_else(|| by_events().map(String::as_str));
        match found.map(str::to_owned) {
            Some(version) if versions.contains(&version) => Ok(version),
            Some(version) => Err(Plan::blocked(
                format!("the version {version} is not there any more"),
                name_one(),
            )),
            None => Err(Plan::blocked(
                format!("neither the record nor Beanstalk's events tell what ran before {label}"),
                name_one(),
            )),
        }
    }

    /// What a deployment costs, and what the other ways would.
    pub(super) fn prices(&self, deploying: &Deploying, live: &Live) -> Vec<Notice> {
        let planned = self.plan_deployment(deploying, live, None);
        let Plan::Update(steps) = planned else {
            return Vec::new();
        };
        if !steps.iter().any(|step| matches!(step, EnvironmentStep::Version { .. })) {
            return Vec::new();
        }
        let (fleet, strategy) = (live.fleet(), deploying.strategy.unwrap_or(live.policy()));
        let chosen = Notice::new(format!("deploys by {}", strategy.told(fleet)));
        let others = fleet.others(strategy);
        let others = others.map(|other| Notice::new(format!("or with --strategy {other}")));
        iter::once(chosen).chain(others).collect()
    }

    /// Waits until every instance runs it, by Beanstalk's own word. Where the health is basic nothing is said of instances.
    pub(super) async fn on_every_instance(&self, cx: &WriteCx<Aws>, live: &Live, version: &str) -> Result<(), Failure> {
        let wait = Wait::new(format!("every instance of {} to run {version}", self.name()), 5, LIMITS);
        let seen = Mutex::new((Vec::new(), 0));
        let all = cx.wait(&wait, || async {
            let read = instance_versions(cx.read().aws(), &live.id).await;
            polled(read.map(|instances| {
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                let again = if seen.0 == instances { seen.1 + 1 } else { 1 };
                *seen = (instances.clone(), again);
                judge(&instances, version, again)
            }))
        });
        match all.await {
            Ok(()) => Ok(()),
            Err(error) => Err(Failure::from(error).leaving(self.leftover(), true)),
        }
    }

    /// Tells how many instances have taken it, wherever that is news.
    pub(super) async fn tell_instances(&self, cx: &WriteCx<Aws>, environment: &str, watched: Option<&Watched>) {
        let Some(watched) = watched else { return };
        // Who may not read it, or gets no answer, is told by what comes at the end.
        let Ok(instances) = instance_versions(cx.read().aws(), environment).await else {
            return;
        };
        let Some(news) = watched.news(&instances) else { return };
        cx.step(news);
    }

    /// A failed deployment, with what each instance runs, and the way back.
    pub(super) async fn with_instances(
        &self,
        cx: &WriteCx<Aws>,
        live: &Live,
        version: &str,
        mut failure: Failure,
    ) -> Failure {
        if failure.error.kind != Kind::Failed {
            return failure;
        }
        let Ok(instances) = instance_versions(cx.read().aws(), &live.id).await else {
            return failure;
        };
        let told = instances.iter().map(ToString::to_string);
        failure.error.causes.splice(0..0, told);
        let took_it = instances
            .iter()
            .any(|instance| instance.version.as_deref() == Some(version));
        let former = live.version.as_deref().filter(|former| *former != version);
        if let (true, Some(former)) = (took_it, former) {
            let back = Hint::run("deploy --rollback");
            failure.error.hint = Some(back.and(format!(" puts {former} on all instances again")));
        }
        failure
    }

    /// Takes away versions that nobody needs any more. One that stays hurts nobody: it is told and passed over.
    pub(super) async fn prune(&self, cx: &WriteCx<Aws>, steps: &[EnvironmentStep]) -> Result<(), Error> {
        for step in steps {
            let EnvironmentStep::Prune { label } = step else {
                continue;
            };
            cx.check()?;
            cx.step(format!("deleting the old version {label}"));
            let delete = cx.aws().beanstalk.delete_application_version();
            let delete = delete
                .application_name(&self.stack.names.application)
                .version_label(label);
            let answer = delete.delete_source_bundle(true).send().await;
            // SourceBundleDeletionFailure: the version is gone, its object is not.
            let gone = &["SourceBundleDeletionFailure", "InvalidParameterValue"];
            if let Err(error) = answer.or_absent(gone, &format!("delete the old version {label}")) {
                cx.settings().events.notice(error.in_a_line(), error.hint);
            }
        }
        Ok(())
    }
}

/// What was last told of a deployment that is watched.
pub(super) struct Watched {
    version: String,
    told: Mutex<String>,
}

impl Watched {
    pub(super) fn new(version: &str) -> Self {
        Self {
            version: version.to_owned(),
            told: Mutex::default(),
        }
    }

    fn news(&self, instances: &[InstanceVersion]) -> Option<String> {
        let text = progress(instances, &self.version);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if instances.is_empty() || *told == text {
            return None;
        }
        told.clone_from(&text);
        Some(text)
    }
}

fn progress(instances: &[InstanceVersion], version: &str) -> String {
    let running = instances.iter().filter(|instance| instance.runs(version)).count();
    let failed =
        |instance: &&InstanceVersion| instance.state == State::Failed && instance.version.as_deref() == Some(version);
    let failed: Vec<_> = instances
        .iter()
        .filter(failed)
        .map(|instance| instance.id.as_str())
        .collect();
    let mut text = format!("{running} of {} instances run {version}", instances.len());
    if !failed.is_empty() {
        text = format!("{text}; it failed on {}", failed.join(", "));
    }
    text
}

fn judge(instances: &[InstanceVersion], version: &str, again: u32) -> Poll<()> {
    let known = instances.iter().filter(|instance| instance.version.is_some());
    let silent = known.clone().next().is_none();
    if silent || known.clone().all(|instance| instance.runs(version)) && (again > 1 || known.count() == instances.len())
    {
        return Poll::Ready(());
    }
    if again < READS_OF_THE_SAME {
        return Poll::NotYet(progress(instances, version));
    }
    let error = Error::failed(format!(
        "Beanstalk says that {version} was deployed, and not every instance runs it"
    ));
    let error = instances
        .iter()
        .fold(error, |error, instance| error.because(instance.to_string()));
    Poll::Failed(
        error.hint(Hint::run("deploy --rollback").and(" goes back to the last version that every instance ran")),
    )
}

/// Whether the environment's own label is what every instance ran before some took another: where a deployment fails, the label stays
/// that of the last one with success (the developer guide's environments-health-enhanced-notifications). Where the others lag behind
/// it, Beanstalk took a deployment for a success that left them out.
fn failed_half_way(label: &str, instances: &[InstanceVersion]) -> bool {
    let astray = astray(instances, label);
    let of_label = instances.iter().filter(|instance| instance.runs(label));
    let newest = of_label.map(|instance| instance.deployment).max();
    !astray.is_empty()
        && astray
            .iter()
            .all(|it| newest.is_none_or(|newest| it.deployment > newest))
}

/// Labels of deployments that ended well, newest first. Beanstalk's events of environments mostly name no version, though the model has
/// it (botocore: elasticbeanstalk, EventDescription, VersionLabel).
fn deployed_by_events(newest_first: &[EventDescription]) -> Vec<String> {
    let mut labels: HashMap<&str, &str> = HashMap::new();
    for event in newest_first {
        if let (Some(request), Some(label)) = (event.request_id(), event.version_label()) {
            labels.insert(request, label);
        }
    }
    let succeeded = newest_first.iter().filter(|event| {
        let ending = event.message().and_then(texts::ending);
        ending == Some(Ending::Succeeded)
    });
    let labelled = succeeded.filter_map(|event| labels.get(event.request_id()?).copied());
    labelled.map(str::to_owned).collect()
}

impl Live {
    pub(super) fn option(&self, namespace: &str, name: &str) -> Option<&str> {
        let key: Key = (namespace.to_owned(), name.to_owned());
        self.settings.get(&key).map(String::as_str)
    }

    /// The way in which versions are deployed to it; AllAtOnce where nothing is set (command-options-general).
    pub(super) fn policy(&self) -> Strategy {
        let policy = self.option(COMMAND, "DeploymentPolicy").and_then(Strategy::of_policy);
        policy.unwrap_or(Strategy::AllAtOnce)
    }

    fn fleet(&self) -> Fleet {
        let least = self.group.as_ref().map_or(1, |group| group.min);
        let instances = self.instances.len().max(usize::try_from(least).unwrap_or(1)).max(1);
        let instances = u32::try_from(instances).unwrap_or(1);
        let size = self
            .option(COMMAND, "BatchSize")
            .and_then(|size| size.parse().ok())
            .unwrap_or(100_u32);
        let batch = match self.option(COMMAND, "BatchSizeType") {
            Some("Fixed") => size,
            _ => (instances * size).div_ceil(100),
        };
        Fleet {
            instances,
            batch: batch.clamp(1, instances),
            vcpus: self.around.vcpus.and_then(|vcpus| u32::try_from(vcpus).ok()),
            balanced: self.option("aws:elasticbeanstalk:environment", "EnvironmentType") != Some("SingleInstance"),
        }
    }
}

/// The option by which a strategy is chosen.
pub(super) fn policy_key() -> Key {
    (COMMAND.to_owned(), "DeploymentPolicy".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::instances::tests::instance;
    use super::*;

    #[test]
    fn a_label_that_others_ran_ahead_of_is_the_one_to_go_back_to() {
        let broke = [
            instance("i-1", "v2", 2, State::Deployed),
            instance("i-2", "v2", 2, State::Failed),
            instance("i-3", "v1", 1, State::Deployed),
        ];
        assert!(failed_half_way("v1", &broke));
        // Also where nobody runs it any more.
        assert!(failed_half_way("v1", &broke[..2]));
        // Beanstalk believes in v2, and left one out: v2 is no version that every instance ran.
        let left_out = [
            instance("i-1", "v2", 2, State::Deployed),
            instance("i-2", "v1", 1, State::Deployed),
        ];
        assert!(!failed_half_way("v2", &left_out));
        assert!(!failed_half_way("v2", &left_out[..1]));
    }

    #[test]
    fn the_environments_word_is_not_taken_for_that_of_its_instances() {
        let left_out = [
            instance("i-1", "v2", 2, State::Deployed),
            instance("i-2", "v1", 1, State::Deployed),
        ];
        assert!(matches!(judge(&left_out, "v2", 1), Poll::NotYet(_)));
        let Poll::Failed(error) = judge(&left_out, "v2", READS_OF_THE_SAME) else {
            panic!("an instance was left out");
        };
        assert!(error.in_a_line().contains("i-2 runs v1"), "{}", error.in_a_line());
        assert!(matches!(judge(&left_out[..1], "v2", 1), Poll::Ready(())));
        // Basic health says nothing of versions.
        assert!(matches!(judge(&[], "v2", 1), Poll::Ready(())));
    }

    #[test]
    fn a_batch_is_news_once() {
        let watched = Watched::new("v2");
        let before = [
            instance("i-1", "v1", 1, State::Deployed),
            instance("i-2", "v1", 1, State::Deployed),
        ];
        assert_eq!(watched.news(&before).as_deref(), Some("0 of 2 instances run v2"));
        assert_eq!(watched.news(&before), None);
        let broke = [
            instance("i-1", "v2", 2, State::Deployed),
            instance("i-2", "v2", 2, State::Failed),
        ];
        assert_eq!(
            watched.news(&broke).as_deref(),
            Some("1 of 2 instances run v2; it failed on i-2")
        );
    }

    #[test]
    fn events_tell_of_former_versions_where_they_name_them() {
        let event = |request: &str, label: Option<&str>, message: &str| {
            EventDescription::builder()
                .request_id(request)
                .set_version_label(label.map(str::to_owned))
                .message(message)
                .build()
        };
        let newest_first = [
            event("r-3", None, "Failed to deploy application."),
            event("r-3", Some("v3"), "Deploying new version to instance(s)."),
            event("r-2", None, "Environment update completed successfully."),
            event("r-2", Some("v2"), "Deploying new version to instance(s)."),
            event("r-1", Some("v1"), "Successfully launched environment: e"),
        ];
        assert_eq!(deployed_by_events(&newest_first), ["v2", "v1"]);
    }
}
