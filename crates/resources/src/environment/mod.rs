//! The Beanstalk environment: two to four instances behind a load balancer, or one of its own.
//! Must know nothing of the distribution, but that it fetches from the output `origin`.

mod changes;
mod credits;
mod deployment;
mod drift;
pub(crate) mod follow;
mod health;
pub(crate) mod instance_logs;
pub(crate) mod instances;
pub(crate) mod live;
mod old_versions;
mod option_keys;
pub(crate) mod options;
mod reservation;
mod scale;
mod schedule;
mod steps;
mod termination;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_elasticbeanstalk::operation::RequestId;
use aws_sdk_elasticbeanstalk::operation::create_environment::CreateEnvironmentOutput;
use aws_sdk_elasticbeanstalk::types::{
    ConfigurationOptionSetting, EnvironmentDescription, EnvironmentStatus, EnvironmentTier,
};

pub use self::credits::{CreditMode, is_burstable};
pub use self::health::{Fares, environment_health};
pub use self::instances::{InstanceVersion, instance_versions};
pub use self::option_keys::{key_of_option, option_names};

use self::follow::{Operation, Warning, follow};
use self::live::{Live, Trouble};
use self::options::{Inputs, Key, OptionSettings};
use self::scale::Scale;
use self::steps::EnvironmentStep;
use super::outputs::{
    APPLICATION, ENVIRONMENT, INSTANCE_PROFILE, KEY_PAIR, LOAD_BALANCER, NETWORK, ORIGIN, SCALED, SERVICE_ROLE, TABLE,
    VERSION,
};
use super::ownership::{beanstalk_tags, block_unless_ours, new_beanstalk_tags, tag_steps, tags_among};
use super::stack::Stack;
use crate::aws::errors::Explain;
use crate::aws::eventual_consistency::settled;
use crate::aws::own_work::{self, Made};
use crate::aws::tags::indexed_tags;
use crate::aws::texts::Ending;
use crate::aws::{Aws, platforms, texts};
use crate::deploying::Way;
use crate::engine::{
    Command, Effect, Error, Failure, Hint, Intent, Intents, Limits, Notice, Observed, Owner, Plan, ReadCx, Resource,
    ResourceId, Values, WriteCx,
};
use crate::profile::CdnOrigin;

pub(super) const ID: ResourceId = "environment";

/// How often a launch is tried again that came before IAM had spread the new instance profile. With its pause each takes half a
/// minute, and two minutes are the most that AWS is said to need (hashicorp/terraform#15341).
const SPREAD_RETRIES: u32 = 4;

/// The journal's word for an environment that a run is about to terminate.
const TERMINATED: &str = "terminate";

/// What is to be kept of the journal of environments of which something stays.
pub fn unswept_intents(ids: &[String]) -> Vec<Intent> {
    let intent = |id: &String| Intent {
        resource: ID.to_owned(),
        what: TERMINATED.to_owned(),
        value: id.clone(),
    };
    ids.iter().map(intent).collect()
}

/// Sweeps what Beanstalk left of environments that interrupted runs terminated. The journal only says where to look: an
/// environment counts as ours, and as over, on Beanstalk's own word. Gives the ids of those of which something stays: Beanstalk no
/// longer knows them, or not as that.
///
/// # Errors
/// Where Beanstalk or the bucket cannot be read, or objects not deleted.
pub async fn sweep_terminated(aws: &Aws, stack: &Stack, intents: &Intents) -> Result<Vec<String>, Error> {
    let mut unknown = Vec::new();
    for id in intents.of(ID, TERMINATED) {
        match live::by_id(aws, &id).await? {
            Some(found)
                if found.environment_name().is_some_and(|name| is_ours(stack, name))
                    && found.application_name() == Some(stack.names.application.as_str())
                    && found.status() == Some(&EnvironmentStatus::Terminated) =>
            {
                follow::delete_objects(aws, stack.name.as_str(), &id).await?;
            }
            _ if follow::has_objects(aws, stack.name.as_str(), &id).await? => unknown.push(id),
            _ => {}
        }
    }
    Ok(unknown)
}

/// Whether the stack's environment has that name, or may have had it beside another one.
fn is_ours(stack: &Stack, name: &str) -> bool {
    stack.names.environment == name || stack.names.environments().iter().any(|one| one == name)
}

pub(super) struct Environment {
    stack: Arc<Stack>,
}

impl Environment {
    pub(super) fn new(stack: Arc<Stack>) -> Self {
        Self { stack }
    }

    fn name(&self) -> &str {
        &self.stack.names.environment
    }

    /// How it is named where it stays after a run that did not end well.
    fn leftover(&self) -> String {
        let profile = &self.stack.profile;
        match (profile.is_load_balanced(), self.is_behind_anothers()) {
            (true, false) => format!("environment {} with its instances and load balancer", self.name()),
            (true, true) => format!("environment {} with its instances", self.name()),
            (false, _) => format!("environment {} with its instance", self.name()),
        }
    }

    /// The same, for what failed: to whom only deploys it is no news that there is one, and he does not want to be rid of it.
    fn leaves(&self) -> Option<String> {
        self.stack.deploying.is_none().then(|| self.leftover())
    }

    fn with_leftover(&self, failure: Failure) -> Failure {
        follow::leaving(failure, self.leaves().as_deref())
    }

    /// An operation on it that is waited for.
    fn operation<'a>(&self, what: String, environment: &'a str, request: Option<String>) -> Operation<'a> {
        Operation {
            what,
            name: "what was under way".to_owned(),
            environment,
            request,
            leftover: self.leaves(),
            batches: None,
        }
    }

    /// Whether its load balancer is not Beanstalk's: the stack's own, or a shared one.
    fn is_behind_anothers(&self) -> bool {
        let profile = &self.stack.profile;
        profile.has_own_load_balancer() || profile.shared_load_balancer().is_some()
    }

    fn inputs(&self, known: &Values) -> Inputs {
        Inputs {
            network: known.get(&NETWORK),
            service_role: known.get(&SERVICE_ROLE),
            instance_profile: known.get(&INSTANCE_PROFILE),
            key_pair: known.get(&KEY_PAIR),
            // Its name is known before it exists; the output only orders the two on the way down.
            table: Some(self.stack.names.table.clone()),
            load_balancer: known.get(&LOAD_BALANCER),
        }
    }

    fn wanted(&self, known: &Values) -> OptionSettings {
        options::wanted(&self.stack.profile, &self.stack.region, &self.inputs(known))
    }

    /// Whether CloudFront fetches from a name that anyone can take once the environment is gone.
    fn is_origin_by_cname(&self) -> bool {
        self.stack.profile.cdn.origin == CdnOrigin::Cname || !self.stack.profile.is_load_balanced()
    }

    /// The name that CloudFront fetches from. A single instance has no load balancer, so its CNAME it is.
    fn origin(&self, cname: &str, load_balancer: Option<&str>) -> Option<String> {
        if self.stack.profile.has_own_load_balancer() {
            return None;
        }
        let origin = if self.is_origin_by_cname() {
            Some(cname)
        } else {
            load_balancer
        };
        origin.filter(|origin| !origin.is_empty()).map(str::to_owned)
    }

    fn differences(&self, live: &Live, known: &Values) -> Vec<EnvironmentStep> {
        let profile = &self.stack.profile;
        if let Some(Trouble::LaunchFailed(why)) = &live.broken {
            // What is launched anew is tagged anew.
            return vec![EnvironmentStep::Relaunch { why: why.clone() }];
        }
        let tags = tag_steps(&self.stack, ID, &live.tags).into_iter();
        let mut steps: Vec<_> = tags.map(EnvironmentStep::Tag).collect();
        let mut options = options::differences(profile, &self.wanted(known), &live.settings);
        if self.stack.properties_unknown {
            options.retain(|option| option.to.is_some());
        }
        // They weigh less than ours, and come back with each deployment (the developer guide's command-options, precedence).
        let bundles = &self.stack.bundle.properties;
        options.retain(|option| option.property_taken_off().is_none_or(|name| !bundles.contains(name)));
        steps.extend(options.into_iter().map(EnvironmentStep::Option));
        let version = self.version(live, known);
        let differs = live.version.as_deref() != Some(version.as_str());
        if !version.is_empty() && (differs || !instances::astray(&live.instances, &version).is_empty()) {
            steps.push(EnvironmentStep::Version {
                from: instances::shown(live.version.as_deref(), &live.instances),
                to: version,
                effect: options::in_batches(profile, Effect::Restart),
            });
        }
        if let Some(wanted) = live.moves_to() {
            steps.push(EnvironmentStep::Platform {
                from: live.platform_arn.clone(),
                to: wanted.to_owned(),
                effect: options::in_batches(profile, Effect::ReplaceInstances),
            });
        }
        if live.failed_draft && steps.iter().any(EnvironmentStep::is_deployed) {
            steps.insert(0, EnvironmentStep::DropDraft);
        }
        steps.extend(self.drift(live).into_iter().map(EnvironmentStep::Drift));
        steps.extend(self.missing_of_scale(live));
        steps
    }

    /// The version that it is to run. One that was rolled back is not gone forward to again.
    fn version(&self, live: &Live, known: &Values) -> String {
        let version = known.get(&VERSION).unwrap_or_else(|| self.stack.bundle.label.clone());
        match self.stack.holds_back(&version) {
            true => live.version.clone().unwrap_or_default(),
            false => version,
        }
    }

    /// Why the stack's version is not deployed, where it is not.
    fn held_back(&self, live: &Live) -> Option<Notice> {
        let version = &self.stack.bundle.label;
        let differs = live.version.as_ref() != Some(version);
        let held_back = differs && self.stack.holds_back(version);
        held_back.then(|| {
            let text = format!("{version} was rolled back, and is not deployed again by itself");
            Notice::new(text).hint(Hint::run("up --force").and(" deploys it all the same"))
        })
    }

    /// What cannot be changed in an environment that exists.
    fn immutable(&self, live: &Live, known: &Values) -> Option<Plan<EnvironmentStep>> {
        if let Some(Trouble::Stuck(trouble)) = &live.broken {
            // It may serve: taking it down is for its owner to say.
            return Some(Plan::blocked(
                format!("{trouble}; Beanstalk cannot change it"),
                Hint::from("mend the stack in CloudFormation, or: ")
                    .and_run("teardown --keep users-table")
                    .then("up"),
            ));
        }
        let why = self
            .other_kind(live)
            .or_else(|| self.other_load_balancer(live, known))
            .or_else(|| self.other_place(live))
            .or_else(|| self.other_name(live))?;
        Some(Plan::blocked(
            why,
            "give another name with it, --set environment.name=NAME: the new one serves before the former is removed",
        ))
    }

    /// Another type. Beanstalk refuses another load balancer ("LoadBalancer type option cannot be changed",
    /// hashicorp/terraform-provider-aws#812), and one without has the classic type; the other way round nobody is served meanwhile.
    fn other_kind(&self, live: &Live) -> Option<String> {
        let wanted = options::wanted(&self.stack.profile, &self.stack.region, &Inputs::default());
        ["EnvironmentType", "LoadBalancerType"].into_iter().find_map(|name| {
            let key: Key = ("aws:elasticbeanstalk:environment".to_owned(), name.to_owned());
            let (is, want) = (live.settings.get(&key)?, wanted.get(&key)?);
            (is != want).then(|| format!("its {name} is {is}, the profile says {want}"))
        })
    }

    /// Another load balancer than it was made with: whether it is shared, which one, and by which group it comes (create-only, by the
    /// developer guide's command-options-general and environments-cfg-alb-shared).
    fn other_load_balancer(&self, live: &Live, known: &Values) -> Option<String> {
        let wanted = self.wanted(known);
        let get = |settings: &OptionSettings, namespace: &str, name: &str| {
            settings.get(&(namespace.to_owned(), name.to_owned())).cloned()
        };
        let is_shared = |settings| {
            get(settings, options::ENVIRONMENT, options::IS_SHARED)
                .is_some_and(|is: String| is.eq_ignore_ascii_case("true"))
        };
        match (is_shared(&live.settings), is_shared(&wanted)) {
            (false, false) => return None,
            (false, true) => return Some("its load balancer is Beanstalk's, the profile wants another".to_owned()),
            (true, false) => return Some("its load balancer is not Beanstalk's, as the profile wants it".to_owned()),
            (true, true) => {}
        }
        if live.load_balancer.is_none() {
            return Some("the load balancer that it is behind is gone".to_owned());
        }
        [options::SHARED, options::GROUPS].into_iter().find_map(|name| {
            let (is, want) = (
                get(&live.settings, options::BALANCER, name)?,
                get(&wanted, options::BALANCER, name)?,
            );
            (is != want).then(|| format!("its {name} is {is}, the profile says {want}"))
        })
    }

    /// Another VPC ("You cannot migrate an environment to a VPC. Launch a new environment in the VPC.",
    /// hsingh/ansible-elastic-beanstalk#17), or a platform that could not start the version that runs.
    fn other_place(&self, live: &Live) -> Option<String> {
        let key: Key = (options::VPC.to_owned(), "VPCId".to_owned());
        if let (Some(is), Some(want)) = (live.settings.get(&key), &self.stack.profile.network.vpc)
            && is != want
        {
            return Some(format!("it is in the VPC {is}, the profile says {want}"));
        }
        let (arn, branch) = (live.platform_arn.as_deref()?, &self.stack.profile.app.platform);
        (!platforms::is_akin(arn, branch)).then(|| format!("its platform is {arn}, the profile says {branch}"))
    }

    /// Another prefix of its domain, which an environment keeps (botocore: only CreateEnvironment has CNAMEPrefix).
    fn other_name(&self, live: &Live) -> Option<String> {
        let wanted = self.stack.profile.environment.cname_prefix.as_ref()?;
        let label = live.cname.split('.').next().filter(|label| !label.is_empty())?;
        let fits = self.stack.names.fits_cname(label);
        (!fits).then(|| format!("its domain begins with {label}, the profile says {wanted}"))
    }

    /// The version that the profile names, else the newest recommended one of its branch.
    async fn platform(&self, aws: &Aws) -> Result<String, Error> {
        let app = &self.stack.profile.app;
        let newest = platforms::newest(aws, &app.platform, app.platform_version.as_deref()).await?;
        newest.and_then(|summary| summary.platform_arn).ok_or_else(|| {
            Error::failed(format!("Beanstalk has no platform version of '{}' here", app.platform)).hint(
                Hint::run(Command::aws("elasticbeanstalk list-platform-branches --region").arg(&self.stack.region))
                    .and(" lists them; then --set app.platform='…'"),
            )
        })
    }

    /// The version to move to: the one that the profile names, or the newest of another branch or where an upgrade is asked for.
    /// What runs is kept otherwise, however old.
    async fn wanted_platform(&self, aws: &Aws, live: &Live) -> Result<Option<String>, Error> {
        let app = &self.stack.profile.app;
        let of_branch = live
            .platform_arn
            .as_deref()
            .is_none_or(|arn| platforms::is_of(arn, &app.platform));
        if of_branch && !self.stack.upgrade_platform && app.platform_version.is_none() {
            return Ok(None);
        }
        self.platform(aws).await.map(Some)
    }

    async fn launch(&self, cx: &WriteCx<Aws>) -> Result<Live, Failure> {
        let platform = self.platform(cx.read().aws()).await?;
        let mut retries = SPREAD_RETRIES;
        let mut prefix = cx.read().intents(ID, "cname-prefix").pop();
        loop {
            let asked = self.ask_for_creation(cx, &platform, prefix.take()).await;
            let (id, request, asked) = asked.map_err(|error| self.without_a_name(cx, error.into()))?;
            // A second launch asks for the name that the distribution may fetch from by now.
            prefix = Some(asked);
            let operation = Operation {
                name: "the launch of the environment".to_owned(),
                ..self.operation(format!("the environment {} to launch", self.name()), &id, request)
            };
            let ended = follow(cx, &operation, |seen| self.publish_origin(cx, seen)).await?;
            if ended.ending == Ending::Succeeded && !ended.terminated() {
                let environment = follow::wait_healthy(cx, &id, self.name(), self.leaves(), Warning::WaitedOut).await?;
                return Ok(Live::read(cx.read().aws(), &environment).await?);
            }
            if ended.terminated() {
                cx.gone();
                self.sweep(cx, &id).await;
            }
            if ended.terminated() && ended.profile_not_spread() && retries > 0 {
                retries -= 1;
                cx.step("IAM has not spread the instance profile yet; launching again");
                cx.pause(Duration::from_secs(20)).await?;
                continue;
            }
            let failure = follow::failure(cx, &operation, &ended).await;
            return Err(if ended.terminated() {
                self.without_a_name(cx, failure)
            } else {
                failure
            });
        }
    }

    /// Removes what Beanstalk copied for a launch that ended by itself. Where that fails the next run does it, and AWS's reason for
    /// the launch's end is told all the same.
    async fn sweep(&self, cx: &WriteCx<Aws>, id: &str) {
        let swept = async {
            cx.intend(TERMINATED, id).await?;
            follow::delete_objects(cx.aws(), self.stack.name.as_str(), id).await
        };
        if let Err(error) = swept.await {
            tracing::warn!(%error, id, "what Beanstalk left of it in its bucket could not be removed");
        }
    }

    /// The failure of a launch that gave the environment's name up, or could not have it again: the distribution may be there.
    fn without_a_name(&self, cx: &WriteCx<Aws>, failure: Failure) -> Failure {
        let (true, Some(origin)) = (self.is_origin_by_cname(), cx.values().get(&ORIGIN)) else {
            return failure;
        };
        let what = format!("a distribution that may fetch from {origin}, a name that is anyone's now");
        let mut failure = failure.leaving(what, true);
        failure.error.hint = Some(Hint::run("teardown --keep users-table").and(", at once"));
        failure
    }

    /// CreateEnvironment, with another name prefix where somebody else has ours. Gives the id, the request's id where its answer
    /// came, and the prefix.
    async fn ask_for_creation(
        &self,
        cx: &WriteCx<Aws>,
        platform: &str,
        mut prefix: Option<String>,
    ) -> Result<(String, Option<String>, String), Error> {
        for _ in 0..3 {
            let asked = prefix
                .take()
                .unwrap_or_else(|| self.stack.names.cname_prefix(&random_suffix()));
            cx.intend("cname-prefix", asked.clone()).await?;
            let there = Mutex::new(None);
            let whose = |_| self.whose(cx, &there);
            let made = own_work::create(cx, self.name(), self.create_with(cx, platform, &asked), whose).await?;
            let made = match made {
                Made::ByOthers(refusal) if refusal.causes.iter().any(|cause| texts::is_name_taken(cause)) => {
                    self.another_name(cx, refusal)?;
                    cx.step(format!("the name {asked} is taken; trying another"));
                    continue;
                }
                made => made.ours(&self.title())?,
            };
            let (id, cname, request) = match made {
                Some(answer) => {
                    let request = answer.request_id().map(str::to_owned);
                    (answer.environment_id, answer.cname, request)
                }
                // Its events tell of its launch alone: it is new.
                None => {
                    let there = there.into_inner().unwrap_or_else(PoisonError::into_inner);
                    let gone = || Error::failed(format!("the environment {} is gone", self.name()));
                    let there = there.ok_or_else(gone)?;
                    (there.environment_id, there.cname, None)
                }
            };
            // In cname mode the name is ours from now on, and not before: it is a namespace of all customers.
            if let (Some(cname), CdnOrigin::Cname) = (&cname, self.stack.profile.cdn.origin) {
                cx.publish(&ORIGIN, cname.clone());
            }
            return Ok((id.unwrap_or_default(), request, asked));
        }
        Err(Error::failed("three names in a row were taken by others")
            .hint(Hint::run("up").and(" once more, or choose another name with --set environment.name=NAME")))
    }

    async fn create_with(
        &self,
        cx: &WriteCx<Aws>,
        platform: &str,
        prefix: &str,
    ) -> Result<CreateEnvironmentOutput, Error> {
        let create = cx.aws().beanstalk.create_environment();
        let create = create
            .application_name(cx.need(&APPLICATION)?)
            .environment_name(self.name())
            .version_label(cx.need(&VERSION)?)
            .platform_arn(platform)
            .cname_prefix(prefix)
            .tier(EnvironmentTier::builder().name("WebServer").r#type("Standard").build())
            .set_option_settings(Some(settings_of(&self.wanted(&cx.values()))))
            .set_tags(Some(new_beanstalk_tags(&self.stack, ID)));
        let doing = format!("create the environment {}", self.name());
        create.send().await.explain(&doing)
    }

    /// Whose the environment of this name is; it is put into `there`.
    async fn whose(&self, cx: &WriteCx<Aws>, there: &Mutex<Option<EnvironmentDescription>>) -> Result<Owner, Error> {
        let aws = cx.read().aws();
        let tags = || async {
            let Some(environment) = live::find(aws, self.name()).await? else {
                return Ok(BTreeMap::new());
            };
            let tags = beanstalk_tags(aws, environment.environment_arn().unwrap_or_default()).await;
            *there.lock().unwrap_or_else(PoisonError::into_inner) = Some(environment);
            tags
        };
        own_work::by_tags(cx, &self.stack.ownership, ID, self.name(), tags).await
    }

    /// Whether another name may be taken where ours is somebody else's.
    fn another_name(&self, cx: &WriteCx<Aws>, refusal: Error) -> Result<(), Error> {
        if cx.values().get(&ORIGIN).is_some() {
            return Err(refusal.context("somebody else took the name that the distribution fetches from"));
        }
        if self.stack.names.has_exact_cname_prefix() {
            return Err(refusal.hint(
                "another customer of AWS has that name: choose another with --set environment.cname_prefix=NAME",
            ));
        }
        Ok(())
    }

    /// Publishes the load balancer's name as soon as AWS shows it, minutes before the environment is ready.
    async fn publish_origin(&self, cx: &WriteCx<Aws>, seen: EnvironmentDescription) {
        if cx.values().get(&ORIGIN).is_some() || seen.status() != Some(&EnvironmentStatus::Launching) {
            return;
        }
        let aws = cx.read().aws();
        let stack = format!("awseb-{}-stack", seen.environment_id().unwrap_or_default());
        let Ok(resources) = live::stack_resources(aws, &stack).await else {
            return;
        };
        let balancer = resources.get("AWSEBV2LoadBalancer").cloned();
        let Ok(load_balancer) = live::load_balancer_name(aws, balancer).await else {
            return;
        };
        if let Some(origin) = self.origin(seen.cname().unwrap_or_default(), load_balancer.as_deref()) {
            cx.publish(&ORIGIN, origin);
        }
    }
}

impl Environment {
    /// What `up` does where there is none; a run that only deploys or scales has nothing to do it to.
    fn none_there(&self) -> Plan<EnvironmentStep> {
        match self.stack.deploying.is_some() || self.stack.scaling.is_some() {
            // Beanstalk shows nothing to who may not look, as if nothing were there.
            true => Plan::blocked(
                "there is no environment, or none that these credentials may see (elasticbeanstalk:DescribeEnvironments)",
                Hint::run("up").and(" makes it"),
            ),
            false => Plan::Create,
        }
    }

    /// As it is after it was changed.
    async fn read_again(&self, cx: &WriteCx<Aws>, live: &Live) -> Result<Live, Failure> {
        let aws = cx.read().aws();
        let environment = live::by_id(aws, &live.id).await?;
        let environment =
            environment.ok_or_else(|| Error::failed(format!("the environment {} is gone", self.name())))?;
        Ok(Live::read(aws, &environment).await?)
    }
}

fn settings_of(settings: &OptionSettings) -> Vec<ConfigurationOptionSetting> {
    let settings = settings.iter().map(|((namespace, name), value)| {
        ConfigurationOptionSetting::builder()
            .namespace(namespace)
            .option_name(name)
            .value(value)
            .build()
    });
    settings.collect()
}

/// Nobody can guess it: a name that CloudFront points at must not be taken by others the moment it is free.
fn random_suffix() -> String {
    let alphabet = b"abcdefghijklmnopqrstuvwxyz0123456789";
    (0..10)
        .map(|_| alphabet[rand::random_range(0..alphabet.len())] as char)
        .collect()
}

impl Resource for Environment {
    type Live = Live;
    type Place = ();
    type Step = EnvironmentStep;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        ID
    }

    fn name(&self) -> String {
        self.stack.names.environment.clone()
    }

    fn title(&self) -> String {
        format!("environment {}", self.name())
    }

    fn needs(&self) -> Vec<&'static str> {
        match &self.stack.deploying {
            // What is there already is not made.
            Some(deploying) if deploying.way == Way::Forward => return vec![VERSION.name],
            Some(_) => return Vec::new(),
            None if self.stack.scaling.is_some() => return Vec::new(),
            None => {}
        }
        let mut needs = vec![
            APPLICATION.name,
            INSTANCE_PROFILE.name,
            NETWORK.name,
            SERVICE_ROLE.name,
            TABLE.name,
            VERSION.name,
        ];
        if self.stack.profile.ssh.enabled {
            needs.push(KEY_PAIR.name);
        }
        if self.is_behind_anothers() {
            needs.push(LOAD_BALANCER.name);
        }
        needs
    }

    fn gives(&self) -> Vec<&'static str> {
        match self.stack.profile.has_own_load_balancer() {
            true => vec![ENVIRONMENT.name],
            false => vec![ORIGIN.name, ENVIRONMENT.name],
        }
    }

    fn costs(&self) -> Option<String> {
        self.leaves()
    }

    fn limits(&self) -> Limits {
        follow::LIMITS
    }

    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<Live>, Error> {
        let aws = cx.aws();
        let Some(environment) = settled(cx, ID, self.name(), || live::find(aws, self.name())).await? else {
            return Ok(match aws.proof.of_reads(aws).await {
                Ok(()) => Observed::Absent(()),
                Err(error) => Observed::Unknown(error),
            });
        };
        let mut passing = Live::passing(&environment);
        let tagged = indexed_tags(cx, &self.stack.ownership, ID, self.name(), &passing.arn, || {
            beanstalk_tags(aws, &passing.arn)
        })
        .await?;
        let (owner, tags) = (tagged.owner, tagged.tags);
        if self
            .stack
            .deploying
            .as_ref()
            .is_some_and(|deploying| deploying.way == Way::Stop)
        {
            // To be stopped, and not to be followed until it rests.
            passing.tags = tags;
            return Ok(Observed::Present { live: passing, owner });
        }
        let status = environment.status();
        let settling = status.map_or("in transition", EnvironmentStatus::as_str);
        if status == Some(&EnvironmentStatus::Ready) {
            let mut live = Live::read(aws, &environment).await?;
            match &self.stack.deploying {
                Some(deploying) => self.look_around(aws, deploying, &mut live).await?,
                None if self.stack.scaling.is_some() => {
                    if let (None, Some(group)) = (&live.scale, &live.group) {
                        live.scale = Some(Scale::read(aws, &live, group).await?);
                    }
                }
                None => live.wanted_platform = self.wanted_platform(aws, &live).await?,
            }
            live.tags = tags;
            return Ok(Observed::Present { live, owner });
        }
        if status == Some(&EnvironmentStatus::Updating) {
            // What is deployed meanwhile shows what will be left to do; it may not be readable in every moment.
            passing = Live::read(aws, &environment).await.unwrap_or(passing);
        }
        passing.tags = tags;
        Ok(Observed::Settling {
            live: passing,
            owner,
            what: format!("the environment is {settling}"),
        })
    }

    fn plan(&self, seen: &Observed<Live>, known: &Values) -> Plan<EnvironmentStep> {
        let Some((live, owner)) = seen.live() else {
            return self.none_there();
        };
        if let Some(blocked) = block_unless_ours(&self.stack, ID, owner, "environment.name") {
            return blocked;
        }
        if live.terminating {
            return self.none_there();
        }
        if live.application != self.stack.names.application {
            return Plan::blocked(
                format!("it belongs to the application {}", live.application),
                "choose another name with --set environment.name=NAME",
            );
        }
        if let Some(deploying) = &self.stack.deploying {
            let planned = self.plan_deployment(deploying, live, known.get(&VERSION));
            return match &planned {
                Plan::Update(steps) => self.in_the_middle(live, steps).unwrap_or(planned),
                _ => planned,
            };
        }
        if live.settings.is_empty() {
            // On its way up or through a change: what differs is seen when it rests.
            return Plan::Keep;
        }
        if let Some(scaling) = &self.stack.scaling {
            return self.plan_scale(scaling, live);
        }
        if let Some(blocked) = self.immutable(live, known) {
            return blocked;
        }
        if live.broken.is_some() && live.origin_of_distribution {
            // Terminating it frees the name that a live distribution points at, for anyone to take.
            return Plan::blocked(
                "its launch failed, and the distribution fetches from its name",
                Hint::run("teardown --keep users-table").then("up"),
            );
        }
        let steps = self.differences(live, known);
        self.in_the_middle(live, &steps).unwrap_or_else(|| Plan::of(steps))
    }

    fn notices(&self, seen: &Observed<Live>) -> Vec<Notice> {
        let ours = seen.live().filter(|(_, owner)| **owner == Owner::Ours);
        if self.stack.scaling.is_some() {
            return Vec::new();
        }
        let scaled = ours.and_then(|(live, _)| self.scale_notice(live));
        if self.stack.deploying.is_some() {
            return scaled.into_iter().collect();
        }
        let wanted = &self.stack.profile.network;
        let key: Key = (options::VPC.to_owned(), "Subnets".to_owned());
        let subnets = seen.live().and_then(|(live, _)| live.settings.get(&key));
        let has = subnets.map(|subnets| subnets.split(',').count());
        let differs =
            wanted.vpc.is_none() && has.is_some_and(|has| has != super::default_vpc::zones_needed(&self.stack.profile));
        let notice = differs.then(|| {
            let text = format!(
                "network.azs counts when an environment is made: this one is in {} zones and stays there",
                has.unwrap_or_default()
            );
            Notice::new(text)
                .hint("name the subnets with --set network.vpc=ID --set network.subnets=ID,ID to change that")
        });
        let held_back = ours.and_then(|(live, _)| self.held_back(live));
        notice.into_iter().chain(held_back).chain(scaled).collect()
    }

    fn remarks(&self, seen: &Observed<Live>) -> Vec<String> {
        let ours = seen.live().filter(|(_, owner)| **owner == Owner::Ours);
        match (&self.stack.deploying, ours) {
            (Some(deploying), Some((live, _))) => self.prices(deploying, live),
            _ => Vec::new(),
        }
    }

    fn publish(&self, live: &Live, values: &mut Values) {
        if live.terminating {
            return;
        }
        let fails = matches!(live.broken, Some(Trouble::LaunchFailed(_)));
        // One that is launched again gets another load balancer.
        if let (false, Some(origin)) = (fails, self.origin(&live.cname, live.load_balancer.as_deref())) {
            values.set(&ORIGIN, origin);
        }
        values.set(&ENVIRONMENT, live.output());
        if let Some(scaled) = live.scaled() {
            values.set(&SCALED, scaled);
        }
    }

    async fn create(&self, cx: &WriteCx<Aws>, (): ()) -> Result<Live, Failure> {
        self.launch(cx).await
    }

    async fn update(&self, cx: &WriteCx<Aws>, live: Live, steps: Vec<EnvironmentStep>) -> Result<Live, Failure> {
        if steps
            .iter()
            .any(|step| matches!(step, EnvironmentStep::Relaunch { .. }))
        {
            return self.relaunch(cx, &live).await;
        }
        if steps.contains(&EnvironmentStep::Stop) {
            self.stop(cx, &live).await?;
            return self.read_again(cx, &live).await;
        }
        if let Some(origin) = self.origin(&live.cname, live.load_balancer.as_deref()) {
            cx.publish(&ORIGIN, origin);
        }
        self.change_tags(cx, &live, &tags_among!(steps, EnvironmentStep))
            .await?;
        self.change(cx, &live, &steps).await?;
        self.read_again(cx, &live).await
    }

    async fn delete(&self, cx: &WriteCx<Aws>, live: Live) -> Result<(), Failure> {
        self.give_back(cx, &live).await;
        // Known to the next run, should this one end before Beanstalk's leavings are swept.
        cx.intend(TERMINATED, &live.id).await?;
        self.terminate(cx, &live.id).await?;
        follow::delete_objects(cx.aws(), self.stack.name.as_str(), &live.id).await?;
        Ok(())
    }
}
