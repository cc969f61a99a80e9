//! The Beanstalk environment: two to four instances behind a load balancer, or one of its own.
//! Must know nothing of the distribution, but that it fetches from the output `origin`.

mod changes;
mod credits;
mod deployment;
mod drift;
pub(crate) mod follow;
mod health;
mod immutable;
pub(crate) mod instance_logs;
pub(crate) mod instances;
mod launch;
pub(crate) mod live;
mod old_versions;
mod option_keys;
pub(crate) mod options;
mod reservation;
mod scale;
mod schedule;
mod steps;
mod termination;

use std::sync::Arc;

use aws_sdk_elasticbeanstalk::types::{ConfigurationOptionSetting, EnvironmentStatus};

pub use self::credits::{CreditMode, is_burstable};
pub use self::health::{Fares, environment_health};
pub use self::instances::{InstanceVersion, instance_versions};
pub use self::option_keys::{key_of_option, option_names};

use self::follow::Operation;
use self::live::{Live, Trouble};
use self::options::{Inputs, Key, OptionSettings};
use self::scale::Scale;
use self::steps::EnvironmentStep;
use super::outputs::{
    APPLICATION, ENVIRONMENT, INSTANCE_PROFILE, KEY_PAIR, LOAD_BALANCER, NETWORK, ORIGIN, SCALED, SERVICE_ROLE, TABLE,
    VERSION,
};
use super::ownership::{beanstalk_tags, block_unless_ours, tag_steps, tags_among};
use super::stack::Stack;
use crate::aws::eventual_consistency::settled;
use crate::aws::tags::indexed_tags;
use crate::aws::{Aws, platforms};
use crate::deploying::Way;
use crate::engine::{
    Command, Effect, Error, Failure, Hint, Intent, Intents, Limits, Notice, Observed, Owner, Plan, ReadCx, Resource,
    ResourceId, Values, WriteCx,
};
use crate::profile::CdnOrigin;

pub(super) const ID: ResourceId = "environment";

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

    /// The version that the profile names, else the newest recommended one of its branch.
    async fn platform(&self, aws: &Aws) -> Result<String, Error> {
        let app = &self.stack.profile.app;
        let newest = platforms::newest(aws, &app.platform, app.platform_version.as_deref()).await?;
        newest.and_then(|summary| summary.platform_arn).ok_or_else(|| {
            let none = format!("Beanstalk shows no platform version of '{}' here", app.platform);
            let why = "there is none, or none that these credentials may see (elasticbeanstalk:ListPlatformVersions)";
            Error::failed(none).because(why).hint(
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
