//! What the API does with environments at once: checks, refusals, the first record; the rest is a workflow's.
//! Must know nothing of wire formats.

use std::sync::Arc;

use jiff::Timestamp;

use super::catalogue::{ENVIRONMENT, VPC};
use super::health::{self, Health, HealthStatus};
use super::launch;
use super::platforms;
use super::quotas::check_tags;
use super::settings::Settings;
use super::terminate;
use super::update::{self, Change};
use super::workflow::Run;
use super::{Abort, Beanstalk, Environment, Made, Origin, Reference, Status};
use crate::settling::Settling;
use crate::{Refusal, Region, Tags, World, ids};

/// What CreateEnvironment is told.
#[derive(Debug, Clone, Default)]
pub struct NewEnvironment {
    pub application: String,
    pub name: String,
    pub prefix: Option<String>,
    pub description: Option<String>,
    pub version_label: Option<String>,
    pub platform_arn: Option<String>,
    pub solution_stack: Option<String>,
    /// The name of a configuration template.
    pub template: Option<String>,
    pub settings: Settings,
    /// Namespace and option name of what the settings are to lose, whether a template's, a copied environment's or sent ones.
    pub remove: Vec<(String, String)>,
    pub operations_role: Option<String>,
    pub tags: Tags,
}

/// What UpdateEnvironment is told.
#[derive(Debug, Clone, Default)]
pub struct EnvironmentUpdate {
    pub description: Option<String>,
    pub version_label: Option<String>,
    pub platform_arn: Option<String>,
    pub solution_stack: Option<String>,
    /// The name of a configuration template.
    pub template: Option<String>,
    /// Namespace, option name, value.
    pub set: Vec<(String, String, String)>,
    /// Namespace, option name.
    pub remove: Vec<(String, String)>,
}

/// Who calls, from where.
#[derive(Debug, Clone)]
pub struct Caller {
    pub region: String,
    pub arn: String,
    pub request_id: String,
}

impl Caller {
    /// The same as what applications are told of it.
    pub(super) fn origin(&self, account: &str, now: Timestamp) -> Origin {
        Origin {
            region: self.region.clone(),
            account: account.to_owned(),
            request_id: self.request_id.clone(),
            now,
        }
    }
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameterValue", message)
}

/// The CNAME of a prefix. The domain is the sandbox's: `elasticbeanstalk.com` is on AWS.
pub fn cname(prefix: &str, region: &str) -> String {
    format!("{prefix}.{region}.elasticbeanstalk.localhost")
}

impl Beanstalk {
    /// Another customer of AWS's takes a CNAME prefix.
    pub fn take_prefix(&mut self, prefix: &str) {
        self.foreign_prefixes.insert(prefix.to_owned());
    }

    /// The other customer gives it up.
    pub fn give_up_prefix(&mut self, prefix: &str) {
        self.foreign_prefixes.remove(prefix);
    }

    /// Those that other customers have.
    pub fn taken_prefixes(&self) -> impl Iterator<Item = &String> {
        self.foreign_prefixes.iter()
    }

    /// Whether a CNAME prefix is free: one namespace for all customers of a region.
    pub fn prefix_is_free(&self, prefix: &str) -> bool {
        let same = |other: &str| other.eq_ignore_ascii_case(prefix);
        let mut live = self.environments.values().filter(|it| it.status != Status::Terminated);
        let of_others = |taken: &String| match taken.strip_suffix('*') {
            Some(start) => prefix.to_ascii_lowercase().starts_with(&start.to_ascii_lowercase()),
            None => same(taken),
        };
        !live.any(|it| same(&it.prefix)) && !self.foreign_prefixes.iter().any(of_others)
    }

    fn check_new(&self, new: &NewEnvironment) -> Result<(), Refusal> {
        let application = self.application(&new.application)?;
        let name = &new.name;
        check_label("EnvironmentName", name, 40)?;
        let mut live = self.environments.values().filter(|it| it.status != Status::Terminated);
        if live.any(|it| it.name == *name) {
            return Err(invalid(format!("Environment {name} already exists.")));
        }
        self.check_room_for_environment()?;
        let label = new
            .version_label
            .as_ref()
            .ok_or_else(|| invalid("This sandbox has no sample application: a VersionLabel is needed."))?;
        if !application.versions.contains_key(label) {
            return Err(invalid(format!("No Application Version named '{label}' found.")));
        }
        if let Some(prefix) = &new.prefix {
            check_prefix(prefix)?;
            if !self.prefix_is_free(prefix) {
                return Err(invalid(format!("DNS name ({prefix}) is not available.")));
            }
        }
        check_tags(&new.tags)
    }
}

/// A CNAME prefix becomes a label of a host name (botocore: elasticbeanstalk, CNAMEPrefix). The form of the text is that
/// which AWS gives for a reserved prefix (github.com/EdOverflow/can-i-take-over-xyz/issues/147).
///
/// # Errors
/// `InvalidParameterValue`
pub fn check_prefix(prefix: &str) -> Result<(), Refusal> {
    check_label("CNAMEPrefix", prefix, 63)
}

fn check_label(member: &str, text: &str, longest: usize) -> Result<(), Refusal> {
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let fits = (4..=longest).contains(&text.len()) && text.chars().all(letters);
    if fits && !text.starts_with('-') && !text.ends_with('-') {
        return Ok(());
    }
    Err(invalid(format!(
        "Value {text} at '{member}' failed to satisfy constraint: Member must be from 4 to {longest} characters in length, \
         of letters, digits and hyphens, and cannot start or end with a hyphen"
    )))
}

/// Without a default VPC somebody has to say where (github.com/aws/aws-elastic-beanstalk-cli/issues/40).
fn check_network(here: &Region, settings: &Settings) -> Result<(), Refusal> {
    if settings.get(VPC, "Subnets").is_some() || here.network.default_vpc().is_some() {
        return Ok(());
    }
    let kind = settings.text(ENVIRONMENT, "LoadBalancerType");
    Err(Refusal::new(
        "ConfigurationValidationException",
        format!(
            "Configuration validation exception: Invalid option value: 'null' (Namespace: 'aws:ec2:vpc', OptionName: \
             'Subnets'): Specify the subnets for the VPC for load balancer type {kind}."
        ),
    ))
}

/// As CreateEnvironment: gives the environment as it is at once, `Launching`.
pub fn create(world: &Arc<World>, caller: &Caller, mut new: NewEnvironment) -> Result<Environment, Refusal> {
    let now = world.clock.now();
    let environment = {
        let mut state = world.lock();
        let account = state.account.clone();
        let here = state.region(&caller.region);
        here.beanstalk.check_new(&new)?;
        let platform = with_template(here, &caller.region, &mut new)?;
        for (namespace, option) in &new.remove {
            new.settings.remove(namespace, option);
        }
        new.settings.check()?;
        check_network(here, &new.settings)?;
        let id = format!("e-{}", ids::smalls(10));
        let arn = format!(
            "arn:aws:elasticbeanstalk:{}:{account}:environment/{}/{}",
            caller.region, new.application, new.name
        );
        let environment = record(caller, new, id, arn, platform, now);
        here.beanstalk
            .environments
            .insert(environment.id.clone(), environment.clone());
        environment
    };
    let run = Run::new(world, &caller.region, &environment.id, &caller.request_id);
    world.spawn(launch::launch(run, caller.arn.clone()));
    health::watch(world, &caller.region, &environment.id);
    Ok(environment)
}

/// The platform, and the settings of the template below those that were sent (Beanstalk guide: command-options, precedence).
fn with_template(here: &Region, region: &str, new: &mut NewEnvironment) -> Result<platforms::Platform, Refusal> {
    let Some(name) = &new.template else {
        return platforms::choose(region, new.platform_arn.as_deref(), new.solution_stack.as_deref());
    };
    if new.platform_arn.is_some() || new.solution_stack.is_some() {
        return Err(Refusal::new(
            "InvalidParameterCombination",
            "You cannot specify SolutionStackName or PlatformArn together with TemplateName.",
        ));
    }
    let template = here.beanstalk.template(&new.application, name)?;
    new.settings = template.settings.overlaid(&new.settings);
    Ok(template.platform.clone())
}

fn record(
    caller: &Caller,
    new: NewEnvironment,
    id: String,
    arn: String,
    platform: platforms::Platform,
    now: Timestamp,
) -> Environment {
    let cname = new.prefix.as_ref().map(|prefix| cname(prefix, &caller.region));
    let made_up = || format!("{}.eba-{}", new.name, ids::smalls(8));
    Environment {
        id,
        arn,
        prefix: new.prefix.clone().unwrap_or_else(made_up),
        name: new.name,
        application: new.application,
        version_label: new.version_label,
        description: new.description,
        platform,
        cname,
        endpoint: None,
        status: Status::Launching,
        health: Health::new(HealthStatus::Pending, None),
        settings: new.settings,
        draft: None,
        tags: Settling::made(new.tags, Tags::new(), now),
        created: now,
        updated: now,
        ended: None,
        made: Made::default(),
        deployments: std::collections::BTreeMap::new(),
        deployment_id: 1,
        expected_id: 1,
        request_id: caller.request_id.clone(),
        broken: false,
        role_problem: None,
        unheard: false,
        seen_instances: Vec::new(),
        next: None,
        abort: Abort::Impossible,
        template: new.template,
        operations_role: new.operations_role,
        infos: Vec::new(),
    }
}

/// Why the environment cannot be changed now, if so.
pub(super) fn must_be_ready(environment: &Environment) -> Result<(), Refusal> {
    let name = &environment.name;
    if environment.status != Status::Ready {
        return Err(invalid(format!(
            "Environment named {name} is in an invalid state for this operation. Must be Ready."
        )));
    }
    if environment.broken {
        return Err(invalid(format!(
            "Environment named {name} is in an invalid state for this operation. The CloudFormation stack {} failed.",
            environment.stack_name()
        )));
    }
    Ok(())
}

/// As UpdateEnvironment: gives the environment as it is at once, `Updating`.
pub fn update(
    world: &Arc<World>,
    caller: &Caller,
    reference: &Reference,
    wish: EnvironmentUpdate,
) -> Result<Environment, Refusal> {
    let now = world.clock.now();
    let (environment, change) = {
        let mut state = world.lock();
        let here = state.region(&caller.region);
        let id = here.beanstalk.find(reference)?;
        let change = plan(here, &id, &wish, caller)?;
        let Some(environment) = here.beanstalk.environments.get_mut(&id) else {
            return Err(invalid("No Environment found."));
        };
        environment.status = Status::Updating;
        environment.updated = now;
        environment.description = wish.description.or(environment.description.take());
        environment.template = wish.template.or(environment.template.take());
        if environment.settings != change.settings {
            environment.draft = Some(("pending", change.settings.clone()));
        }
        (environment.clone(), change)
    };
    let run = Run::new(world, &caller.region, &environment.id, &caller.request_id);
    world.spawn(update::update(run, change));
    Ok(environment)
}

fn plan(here: &Region, id: &str, wish: &EnvironmentUpdate, caller: &Caller) -> Result<Change, Refusal> {
    let environment = here
        .beanstalk
        .environments
        .get(id)
        .ok_or_else(|| invalid("No Environment found."))?;
    must_be_ready(environment)?;
    let options = !wish.set.is_empty() || !wish.remove.is_empty() || wish.template.is_some();
    if wish.version_label.is_some() && options {
        // As the API's text has it (Beanstalk API: UpdateEnvironment); a client that wants both makes two updates.
        return Err(Refusal::new(
            "InvalidParameterCombination",
            "You cannot update both the version label and option settings in the same request.",
        ));
    }
    if let Some(label) = &wish.version_label
        && !here
            .beanstalk
            .application(&environment.application)?
            .versions
            .contains_key(label)
    {
        return Err(invalid(format!("No Application Version named '{label}' found.")));
    }
    let mut settings = environment.settings.clone();
    if let Some(name) = &wish.template {
        let template = here.beanstalk.template(&environment.application, name)?;
        settings = settings.overlaid(&template.settings);
    }
    for (namespace, name, value) in &wish.set {
        settings.set(namespace, name, value);
    }
    for (namespace, name) in &wish.remove {
        settings.remove(namespace, name);
    }
    settings.check()?;
    check_fixed(&environment.settings, &settings)?;
    let platform = if wish.platform_arn.is_some() || wish.solution_stack.is_some() {
        let platform = platforms::choose(
            &caller.region,
            wish.platform_arn.as_deref(),
            wish.solution_stack.as_deref(),
        )?;
        (platform != environment.platform).then_some(platform)
    } else {
        None
    };
    let name = environment.made.group.as_deref().unwrap_or_default();
    let group = here.scaling.groups.get(name);
    Ok(Change {
        label: wish.version_label.clone(),
        settings,
        platform,
        caller: caller.arn.clone(),
        capacity: group.map_or(0, |group| group.desired),
    })
}

/// Some options are fixed at creation (Beanstalk guide: environments-cfg-alb).
fn check_fixed(before: &Settings, after: &Settings) -> Result<(), Refusal> {
    let changes = before.changes(after);
    let fixed = changes.iter().find(|(namespace, name)| {
        super::catalogue::find(namespace, name).is_some_and(|option| option.effect == super::catalogue::Effect::Fixed)
    });
    fixed.map_or(Ok(()), |(namespace, name)| {
        let message = if name == "LoadBalancerType" {
            "LoadBalancer type option cannot be changed.".to_owned()
        } else {
            format!(
                "The option '{name}' of '{namespace}' cannot be changed in this sandbox once the environment is made."
            )
        };
        Err(Refusal::new(
            "ConfigurationValidationException",
            format!("Configuration validation exception: {message}"),
        ))
    })
}

/// As TerminateEnvironment. Refused while a launch or a deployment runs; one that runs already is not started twice.
pub fn terminate(world: &Arc<World>, caller: &Caller, reference: &Reference) -> Result<Environment, Refusal> {
    let now = world.clock.now();
    let environment = {
        let mut state = world.lock();
        let beanstalk = &mut state.region(&caller.region).beanstalk;
        let id = beanstalk.find(reference)?;
        let Some(environment) = beanstalk.environments.get_mut(&id) else {
            return Err(invalid("No Environment found."));
        };
        let pending = match environment.status {
            Status::Launching => Some("creation"),
            Status::Updating | Status::Aborting => Some("deployment"),
            Status::Terminating => return Ok(environment.clone()),
            Status::Ready | Status::Terminated => None,
        };
        if let Some(pending) = pending {
            return Err(invalid(format!(
                "Cannot terminate environment named {}. It is currently pending {pending}.",
                environment.name
            )));
        }
        environment.status = Status::Terminating;
        environment.updated = now;
        environment.clone()
    };
    let run = Run::new(world, &caller.region, &environment.id, &caller.request_id);
    world.spawn(terminate::terminate(run, caller.arn.clone()));
    Ok(environment)
}

/// As AbortEnvironmentUpdate: what the running update has done is undone. The refusal is verified
/// (github.com/aws/aws-elastic-beanstalk-cli-setup/issues/144), the text of the event is of the pattern that all operations
/// follow; no log of a real one was found.
pub fn abort(world: &Arc<World>, caller: &Caller, reference: &Reference) -> Result<(), Refusal> {
    let id = {
        let mut state = world.lock();
        let beanstalk = &mut state.region(&caller.region).beanstalk;
        let id = beanstalk.find(reference)?;
        if let Some(environment) = beanstalk.environments.get_mut(&id) {
            if environment.abort != Abort::Possible {
                return Err(invalid(format!(
                    "Environment named {} is in an invalid state for this operation. Must be pending deployment.",
                    environment.name
                )));
            }
            environment.abort = Abort::Asked;
            environment.status = Status::Aborting;
        }
        id
    };
    Run::new(world, &caller.region, &id, &caller.request_id).info("abortEnvironmentUpdate is starting.");
    Ok(())
}

/// As AssociateEnvironmentOperationsRole and its opposite: kept and shown, as nothing here acts by it.
pub fn set_operations_role(
    world: &World,
    caller: &Caller,
    reference: &Reference,
    role: Option<String>,
) -> Result<(), Refusal> {
    let mut state = world.lock();
    let beanstalk = &mut state.region(&caller.region).beanstalk;
    let id = beanstalk.find(reference)?;
    if let Some(environment) = beanstalk.environments.get_mut(&id) {
        environment.operations_role = role;
    }
    Ok(())
}

impl Beanstalk {
    /// As DeleteEnvironmentConfiguration: takes away what could not be deployed (botocore: elasticbeanstalk). What is being
    /// deployed stays.
    ///
    /// # Errors
    /// Where there is no such environment.
    pub fn delete_draft(&mut self, reference: &Reference) -> Result<(), Refusal> {
        let id = self.find(reference)?;
        if let Some(environment) = self.environments.get_mut(&id) {
            environment.draft.take_if(|(status, _)| *status == "failed");
        }
        Ok(())
    }
}

/// As RestartAppServer: every instance's processes are started again.
pub fn restart(world: &Arc<World>, caller: &Caller, reference: &Reference) -> Result<(), Refusal> {
    let id = {
        let mut state = world.lock();
        let beanstalk = &mut state.region(&caller.region).beanstalk;
        let id = beanstalk.find(reference)?;
        if let Some(environment) = beanstalk.environments.get_mut(&id) {
            must_be_ready(environment)?;
            environment.status = Status::Updating;
        }
        id
    };
    let run = Run::new(world, &caller.region, &id, &caller.request_id);
    world.spawn(async move {
        run.info("restartAppServer is starting.");
        run.at(5.0).await;
        for (instance_id, _) in launch::results(&run) {
            run.world.plane.restart(&instance_id);
        }
        run.at(20.0).await;
        run.info("restartAppServer completed successfully.");
        health::come_to_rest(&run);
    });
    Ok(())
}
