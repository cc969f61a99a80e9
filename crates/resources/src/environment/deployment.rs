//! A deployment as such: what a run that only deploys plans, whether every instance took the version, which ones did not, and what
//! goes once nobody needs it. Must know nothing of how an update is asked for and followed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_sdk_elasticbeanstalk::types::EventDescription;

use super::follow::Ended;
use super::instances::{self, InstanceVersion, State, astray, instance_versions};
use super::live::Live;
use super::options::{self, Key, deployment_policy};
use super::steps::EnvironmentStep;
use super::{Environment, follow, old_versions};
use crate::aws::errors::{Explain, polled};
use crate::aws::texts::{self, Ending};
use crate::aws::{Aws, instance_types};
use crate::deploying::{Deploying, Way};
use crate::engine::{Command, Error, Failure, Hint, Limits, Plan, Poll, Wait, WriteCx};
use crate::strategy::{Behind, Fleet, Strategy};

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
    /// The newest deployment failed, by the events.
    newest_failed: bool,
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
            Way::Back { .. } => {
                let events = follow::events(aws, &live.id).await?;
                around.by_events = deployed_by_events(&events);
                around.newest_failed = newest_deployment_failed(&events);
            }
            Way::Stop | Way::Beside | Way::Finish => {}
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

    /// The way in which this deployment goes, and the one that holds afterwards: the profile's, whatever an earlier run left.
    fn strategies(&self, deploying: &Deploying, live: &Live) -> (Strategy, Strategy) {
        let usual = match deploying.profile_unknown {
            true => live.policy(),
            false => self.usual_strategy(),
        };
        (deploying.strategy.unwrap_or(usual), usual)
    }

    fn usual_strategy(&self) -> Strategy {
        let policy = deployment_policy(&self.stack.profile);
        Strategy::of_policy(policy.as_str()).unwrap_or(Strategy::AllAtOnce)
    }

    fn steps_to(&self, deploying: &Deploying, live: &Live, version: &str) -> Plan<EnvironmentStep> {
        let (fleet, from) = (live.fleet(), live.policy());
        let (strategy, usual) = self.strategies(deploying, live);
        if live.version.as_deref() == Some(version) && astray(&live.instances, version).is_empty() {
            let left_over = EnvironmentStep::Strategy {
                from,
                to: usual,
                then: None,
            };
            return Plan::of(if from == usual { Vec::new() } else { vec![left_over] });
        }
        if let Some(why) = strategy.does_not_fit(fleet.behind) {
            return Plan::blocked(why, "leave --strategy out, or take all-at-once or immutable");
        }
        let mut steps = Vec::new();
        if live.failed_draft {
            steps.push(EnvironmentStep::DropDraft);
        }
        if strategy != from || strategy != usual {
            steps.push(EnvironmentStep::Strategy {
                from,
                to: strategy,
                then: (strategy != usual).then_some(usual),
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
        let stays = self.came_to_nothing(live, &label) || failed_half_way(&label, &live.instances);
        let half_way = stays.then_some(label.as_str());
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

    /// Whether the newest deployment failed, or never began, and left no trace: immutable ones do. Every instance runs what it ran
    /// before, and that is no version to go back from.
    fn came_to_nothing(&self, live: &Live, label: &str) -> bool {
        let none_took_it = !label.is_empty() && astray(&live.instances, label).is_empty();
        none_took_it && (self.stack.versions.came_to_nothing(label).is_some() || live.around.newest_failed)
    }

    /// What a deployment costs, and what the other ways would.
    pub(super) fn prices(&self, deploying: &Deploying, live: &Live) -> Vec<String> {
        let planned = self.plan_deployment(deploying, live, None);
        let Plan::Update(steps) = planned else {
            return Vec::new();
        };
        if !steps.iter().any(|step| matches!(step, EnvironmentStep::Version { .. })) {
            return Vec::new();
        }
        let (strategy, _) = self.strategies(deploying, live);
        live.fleet().prices(strategy, deploying.tells_others)
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
        all.await.map_err(|error| self.with_leftover(error.into()))
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

    /// A failed deployment, with what became of it on each instance, and the way back. What is said stays true when it is gone back.
    pub(super) async fn with_instances(
        &self,
        cx: &WriteCx<Aws>,
        live: &Live,
        watched: &Watched,
        ended: &Ended,
        mut failure: Failure,
    ) -> Failure {
        let Ok(instances) = instance_versions(cx.read().aws(), &live.id).await else {
            return failure;
        };
        let version = watched.version.as_str();
        let listed = |id: &String| instances.iter().any(|instance| instance.id == *id);
        let mut told: Vec<_> = instances.iter().map(|it| it.after(version)).collect();
        let gone = ended.failed_instances().into_iter().filter(|id| !listed(id));
        told.extend(gone.map(|id| format!("{id}: {version} failed there, and it is gone since")));
        failure.error.causes.splice(0..0, told);
        let took_it = instances
            .iter()
            .any(|instance| instance.version.as_deref() == Some(version));
        let former = live.version.as_deref().filter(|former| *former != version);
        failure.error.hint = match (took_it, former) {
            (true, Some(former)) => {
                let back = Hint::run("deploy --rollback");
                Some(back.and(format!(" puts {former} on all instances again")))
            }
            (false, Some(former)) if !instances.is_empty() => Some(Hint::from(format!(
                "no instance has it, {former} goes on: mend the cause, then run the same command again"
            ))),
            _ => failure.error.hint,
        };
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

/// A deployment that is watched, and what was last told of it.
pub(super) struct Watched {
    pub version: String,
    /// So many are to be, where that is known.
    pub batches: Option<u32>,
    told: Mutex<String>,
}

impl Watched {
    pub(super) fn new(version: &str, batches: Option<u32>) -> Self {
        Self {
            version: version.to_owned(),
            batches,
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

/// Whether the newest deployment of a version failed, by texts that deployments alone have (public event logs, as in
/// rennokki/laravel-aws-eb#71 and aws/elastic-beanstalk-roadmap#162): a change of settings may have ended since.
fn newest_deployment_failed(newest_first: &[EventDescription]) -> bool {
    let mut messages = newest_first.iter().filter_map(EventDescription::message);
    messages.find_map(texts::deployment_ending) == Some(Ending::Failed)
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

    /// How many batches a deployment in this way takes, where it goes in batches of those instances that there are.
    pub(super) fn batches(&self, strategy: Strategy) -> Option<u32> {
        (strategy == Strategy::Rolling).then(|| self.fleet().batches())
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
            behind: self.behind(),
        }
    }
}

impl Live {
    /// What stands before its instances.
    fn behind(&self) -> Behind {
        match self.option(options::ENVIRONMENT, "EnvironmentType") {
            Some("SingleInstance") => Behind::Nothing,
            _ if self.shared_load_balancer().is_some() => Behind::Anothers,
            _ => Behind::Its,
        }
    }
}

/// The option by which a strategy is chosen.
pub(super) fn policy_key() -> Key {
    (COMMAND.to_owned(), "DeploymentPolicy".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use aws_sdk_elasticbeanstalk::types::EnvironmentDescription;

    use super::super::instances::tests::instance;
    use super::*;
    use crate::engine::Step;
    use crate::stack::Stack;
    use crate::version_history::VersionHistory;

    /// An environment that rests, three instances at these versions and policy by hand.
    fn live(label: &str, policy: &str, at: &[&str]) -> Live {
        let mut live = Live::passing(&EnvironmentDescription::builder().version_label(label).build());
        live.settings.insert(policy_key(), policy.to_owned());
        let instances = at.iter().enumerate();
        live.instances = instances
            .map(|(place, version)| {
                let deployment = 1 + i64::from(*version != label);
                instance(&format!("i-{place}"), version, deployment, State::Deployed)
            })
            .collect();
        live.around.versions = ["v2", "v1", "v0"].map(str::to_owned).to_vec();
        live
    }

    /// Of a stack whose profile says Rolling, and whose bundle is v1.
    fn environment(versions: VersionHistory) -> Environment {
        let mut stack = Arc::into_inner(Stack::for_test(|_| {})).unwrap();
        stack.versions = versions;
        Environment::new(Arc::new(stack))
    }

    /// What is shown of the steps.
    fn planned(environment: &Environment, way: Way, strategy: Option<Strategy>, live: &Live) -> Vec<String> {
        let deploying = Deploying {
            strategy,
            ..Deploying::of(way)
        };
        match environment.plan_deployment(&deploying, live, None) {
            Plan::Keep => Vec::new(),
            Plan::Update(steps) => steps
                .iter()
                .map(|step| step.shown())
                .map(|field| format!("{}: {}", field.field, field.to.unwrap_or_default()))
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    const POLICY: &str = "aws:elasticbeanstalk:command DeploymentPolicy";

    #[test]
    fn a_policy_that_an_interrupted_run_left_is_set_back_whatever_is_asked_for_next() {
        let environment = environment(VersionHistory::default());
        let left = live("v0", "Immutable", &["v0", "v0"]);
        let of_profile = format!("{POLICY}: Rolling, as the profile says");
        assert_eq!(
            planned(&environment, Way::Forward, None, &left),
            [of_profile.clone(), "VersionLabel: v1".to_owned()]
        );
        let back = Way::Back {
            to: Some("v2".to_owned()),
        };
        assert_eq!(
            planned(&environment, back, None, &left),
            [of_profile.clone(), "VersionLabel: v2".to_owned()]
        );
        let at_once = planned(&environment, Way::Forward, Some(Strategy::AllAtOnce), &left);
        assert_eq!(
            at_once[0],
            format!("{POLICY}: AllAtOnce, for this deployment, then Rolling")
        );
        // The same way as it was left in: only what comes after is told.
        let same = planned(&environment, Way::Forward, Some(Strategy::Immutable), &left);
        assert_eq!(
            same[0],
            format!("{POLICY}: Immutable, for this deployment, then Rolling")
        );
        // Also where the version came through.
        let through = live("v1", "Immutable", &["v1", "v1"]);
        for strategy in [None, Some(Strategy::Rolling), Some(Strategy::Immutable)] {
            assert_eq!(
                planned(&environment, Way::Forward, strategy, &through),
                std::slice::from_ref(&of_profile)
            );
        }
        let usual = live("v0", "Rolling", &["v0", "v0"]);
        assert_eq!(planned(&environment, Way::Forward, None, &usual), ["VersionLabel: v1"]);
        assert_eq!(
            planned(&environment, Way::Forward, Some(Strategy::Immutable), &usual)[0],
            format!("{POLICY}: Immutable, for this deployment")
        );
    }

    #[test]
    fn where_nobody_knows_the_profile_the_environments_own_policy_holds() {
        let environment = environment(VersionHistory::default());
        let deploying = Deploying {
            profile_unknown: true,
            ..Deploying::of(Way::Back {
                to: Some("v0".to_owned()),
            })
        };
        let live = live("v1", "Immutable", &["v1"]);
        let Plan::Update(steps) = environment.plan_deployment(&deploying, &live, None) else {
            panic!("v0 is there");
        };
        assert_eq!(steps.len(), 1, "{steps:?}");
    }

    #[test]
    fn a_deployment_that_left_no_trace_is_nothing_to_go_back_from() {
        use crate::version_history::Fate::Deployed;
        let fates = [("v0", Deployed), ("v1", Deployed)];
        let back = || Way::Back { to: None };
        let good = live("v1", "Rolling", &["v1", "v1", "v1"]);
        let tried = environment(VersionHistory::for_test(&fates, Some("v2")));
        assert!(planned(&tried, back(), None, &good).is_empty(), "the good version goes");
        // One that was named is.
        let to = Way::Back {
            to: Some("v0".to_owned()),
        };
        assert_eq!(planned(&tried, to, None, &good), ["VersionLabel: v0"]);
        // Where it came to some instances, they get the former one.
        let mixed = live("v1", "Rolling", &["v2", "v1", "v1"]);
        assert_eq!(planned(&tried, back(), None, &mixed), ["VersionLabel: v1"]);
        // Where Beanstalk carried it to its end behind our back, it is what is gone back from.
        let through = environment(VersionHistory::for_test(&fates, Some("v1")));
        assert_eq!(planned(&through, back(), None, &good), ["VersionLabel: v0"]);
        // Whoever deployed it: Beanstalk's events tell, too.
        let nobody = environment(VersionHistory::for_test(&fates, None));
        assert_eq!(planned(&nobody, back(), None, &good), ["VersionLabel: v0"]);
        let mut failed = good.clone();
        failed.around.newest_failed = true;
        assert!(planned(&nobody, back(), None, &failed).is_empty());
    }

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
        let watched = Watched::new("v2", None);
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
    fn a_deployment_that_failed_is_the_newest_until_another_one_ends() {
        let failed = |newest_first: &[&str]| {
            let event = |message: &&str| EventDescription::builder().message(*message).build();
            newest_deployment_failed(&newest_first.iter().map(event).collect::<Vec<_>>())
        };
        // Its policy was set back after it.
        let policy_set_back = "Environment update completed successfully.";
        assert!(failed(&[policy_set_back, "Failed to deploy application."]));
        let succeeded = "New application version was deployed to running EC2 instances.";
        assert!(!failed(&[policy_set_back, succeeded, "Failed to deploy application."]));
        assert!(!failed(&["Failed to deploy configuration.", succeeded]));
        assert!(!failed(&[policy_set_back]));
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
