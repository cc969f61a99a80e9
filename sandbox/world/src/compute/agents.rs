//! Systems Manager's agents on instances: which are registered, and the commands that are run through them.
//! Must know nothing of wire formats; the data plane runs the scripts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Instance, InstanceState};
use crate::iam::{Iam, Role};
use crate::plane::{Command, CommandEnd, CommandOutcome};
use crate::{Refusal, State, Tags, World, ids};

/// Seconds that an agent takes to register once its role lets it; with the look once a minute one to two minutes, where
/// AWS's takes one to five (unverified).
const REGISTRATION: i64 = 60;

/// Seconds until a command is on its instance.
const DELIVERY: u64 = 2;

/// Invocations are eventually consistent: asked for at once, they do not exist (botocore: ssm, GetCommandInvocation).
const SETTLING: SignedDuration = SignedDuration::from_secs(2);

/// Real time that a script gets in any case: what it does is not made faster by the sandbox's clock.
const SHORTEST_LIMIT: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub struct Agents {
    /// By instance id: those that are or will be registered.
    managed: BTreeMap<String, Agent>,
    /// Oldest first.
    pub commands: Vec<RunCommand>,
}

/// The agent of an instance whose role allows it, or did.
#[derive(Debug, Clone, Copy)]
pub struct Agent {
    pub registered: Timestamp,
    /// When it was last heard of.
    pub last_ping: Timestamp,
    /// Its role does not allow it any more.
    pub lost: bool,
}

/// A command as SendCommand makes it.
#[derive(Debug, Clone)]
pub struct RunCommand {
    pub id: String,
    pub comment: String,
    pub requested: Timestamp,
    pub request: NewCommand,
    /// By instance id.
    pub invocations: BTreeMap<String, Invocation>,
}

/// What is to be run where.
#[derive(Debug, Clone, Default)]
pub struct NewCommand {
    pub instance_ids: Vec<String>,
    /// Keys and values: `InstanceIds`, `tag:NAME`, `tag-key`.
    pub targets: Vec<(String, Vec<String>)>,
    pub comment: String,
    /// As it was asked for; empty where none was.
    pub document_version: String,
    pub script: String,
    pub directory: Option<String>,
    /// Seconds for the script, in sandbox time.
    pub execution_timeout: u64,
    /// Seconds until it must have been delivered.
    pub timeout: i32,
    /// As they were sent.
    pub parameters: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Clone)]
pub struct Invocation {
    pub status: InvocationStatus,
    /// The script's exit code; -1 while there is none.
    pub code: i32,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub stdout: String,
    pub stderr: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvocationStatus {
    Pending,
    InProgress,
    Cancelling,
    Success,
    Failed,
    TimedOut,
    Cancelled,
    Undeliverable,
}

impl InvocationStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Cancelling => "Cancelling",
            Self::Success => "Success",
            Self::Failed | Self::Undeliverable => "Failed",
            Self::TimedOut => "TimedOut",
            Self::Cancelled => "Cancelled",
        }
    }

    /// `StatusDetails`.
    pub fn details(self) -> &'static str {
        match self {
            Self::TimedOut => "ExecutionTimedOut",
            Self::Undeliverable => "Undeliverable",
            other => other.as_str(),
        }
    }

    pub fn is_over(self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress | Self::Cancelling)
    }
}

impl RunCommand {
    /// Of all its invocations together: the worst, once all are over.
    pub fn status(&self) -> InvocationStatus {
        use InvocationStatus::{Cancelled, Cancelling, Failed, InProgress, Pending, Success, TimedOut, Undeliverable};
        let has = |status| self.invocations.values().any(|it| it.status == status);
        let going_on = [Cancelling, InProgress, Pending]
            .into_iter()
            .find(|status| has(*status));
        let worst = || {
            [TimedOut, Cancelled, Failed, Undeliverable]
                .into_iter()
                .find(|status| has(*status))
        };
        going_on.or_else(worst).unwrap_or(Success)
    }

    /// The invocation on an instance, once it can be seen.
    pub fn invocation(&self, instance_id: &str, now: Timestamp) -> Option<&Invocation> {
        let settled = now.duration_since(self.requested) >= SETTLING;
        self.invocations.get(instance_id).filter(|_| settled)
    }
}

impl Agents {
    /// Those that are registered, by instance id.
    pub fn registered(&self, now: Timestamp) -> impl Iterator<Item = (&String, &Agent)> {
        self.managed.iter().filter(move |(_, agent)| agent.registered <= now)
    }

    pub(super) fn is_online(&self, instance_id: &str, now: Timestamp) -> bool {
        self.managed
            .get(instance_id)
            .is_some_and(|agent| agent.registered <= now && !agent.lost)
    }
}

/// Whether the role of an instance lets its agent work, as AmazonSSMManagedInstanceCore does.
fn is_allowed(iam: &Iam, region: &str, instance: &Instance) -> bool {
    let Some(role) = role_of(iam, instance) else {
        return false;
    };
    let can = |action: &str| iam.role_can(&role.name, region, action, "*");
    can("ssm:UpdateInstanceInformation") && (can("ssmmessages:OpenControlChannel") || can("ec2messages:GetMessages"))
}

/// The role that an instance has credentials of.
pub(crate) fn role_of<'a>(iam: &'a Iam, instance: &Instance) -> Option<&'a Role> {
    iam.instance_role(instance.profile_arn.as_deref()?).ok()
}

/// Once a minute: agents come, ping, or lose their connection.
pub(crate) fn look(state: &mut State, region: &str, now: Timestamp) {
    let running = |it: &&Instance| it.state == InstanceState::Running;
    let instances: Vec<_> = state
        .region(region)
        .compute
        .instances
        .values()
        .filter(running)
        .cloned()
        .collect();
    let iam = state.iam.seen(state.as_of(now));
    let allowed: BTreeMap<_, _> = instances
        .iter()
        .map(|instance| (instance.id.clone(), is_allowed(iam, region, instance)))
        .collect();
    let managed = &mut state.region(region).compute.agents.managed;
    managed.retain(|id, _| allowed.contains_key(id));
    for (id, allowed) in allowed {
        match managed.get_mut(&id) {
            Some(agent) => {
                agent.lost = !allowed;
                if allowed {
                    agent.last_ping = now;
                }
            }
            None if allowed => {
                let agent = Agent {
                    registered: now + SignedDuration::from_secs(REGISTRATION),
                    last_ping: now,
                    lost: false,
                };
                managed.insert(id, agent);
            }
            None => {}
        }
    }
}

/// As SendCommand with the document AWS-RunShellScript: the scripts are under way when it returns.
///
/// # Errors
/// An instance that is named twice, or whose agent is not online.
pub fn send(world: &Arc<World>, region: &str, request: NewCommand) -> Result<RunCommand, Refusal> {
    let now = world.clock.now();
    let mut state = world.lock();
    let account = state.account.clone();
    let compute = &state.region(region).compute;
    let named = &request.instance_ids;
    if (1..named.len()).any(|index| named[..index].contains(&named[index])) {
        return Err(Refusal::new(
            "DuplicateInstanceId",
            "You can't specify an instance ID in more than one association.",
        ));
    }
    let offline: Vec<_> = named
        .iter()
        .filter(|id| !compute.agents.is_online(id, now))
        .map(String::as_str)
        .collect();
    if !offline.is_empty() {
        let message = format!(
            "Instances [[{}]] not in a valid state for account {account}",
            offline.join(", ")
        );
        return Err(Refusal::new("InvalidInstanceId", message));
    }
    let meant = |instance: &&Instance| {
        let is_target = !request.targets.is_empty() && request.targets.iter().all(|target| matches(instance, target));
        named.contains(&instance.id) || is_target && compute.agents.is_online(&instance.id, now)
    };
    let ids: Vec<String> = compute
        .instances
        .values()
        .filter(meant)
        .map(|it| it.id.clone())
        .collect();
    let pending = Invocation {
        status: InvocationStatus::Pending,
        code: -1,
        started: None,
        ended: None,
        stdout: String::new(),
        stderr: String::new(),
    };
    let command = RunCommand {
        id: ids::uuid(),
        comment: request.comment.clone(),
        requested: now,
        invocations: ids.iter().map(|id| (id.clone(), pending.clone())).collect(),
        request,
    };
    state.region(region).compute.agents.commands.push(command.clone());
    drop(state);
    for instance_id in ids {
        world.spawn(invoke(
            Arc::clone(world),
            region.to_owned(),
            command.id.clone(),
            instance_id,
        ));
    }
    Ok(command)
}

fn matches(instance: &Instance, (key, values): &(String, Vec<String>)) -> bool {
    let tag = |tags: &Tags, name: &str| tags.get(name).is_some_and(|value| values.contains(value));
    match key.strip_prefix("tag:") {
        Some(name) => tag(&instance.tags, name),
        None if key == "tag-key" => values.iter().any(|name| instance.tags.contains_key(name)),
        None => key.eq_ignore_ascii_case("InstanceIds") && values.contains(&instance.id),
    }
}

async fn invoke(world: Arc<World>, region: String, command_id: String, instance_id: String) {
    world.clock.sleep_seconds(DELIVERY).await;
    let Some(command) = begin(&world, &region, &command_id, &instance_id) else {
        return;
    };
    let end = world.plane.run(&instance_id, command).await;
    let now = world.clock.now();
    change(&world, &region, &command_id, &instance_id, |invocation| {
        invocation.ended = Some(now);
        (invocation.status, invocation.code) = match &end {
            None => (InvocationStatus::Undeliverable, -1),
            Some(CommandEnd { outcome, .. }) => match outcome {
                CommandOutcome::Exited(0) => (InvocationStatus::Success, 0),
                CommandOutcome::Exited(code) => (InvocationStatus::Failed, *code),
                CommandOutcome::Cancelled => (InvocationStatus::Cancelled, -1),
                CommandOutcome::TimedOut => (InvocationStatus::TimedOut, -1),
            },
        };
        if let Some(end) = end {
            (invocation.stdout, invocation.stderr) = (end.stdout, end.stderr);
        }
    });
}

/// The command for the plane; `None` where it was cancelled before.
fn begin(world: &Arc<World>, region: &str, command_id: &str, instance_id: &str) -> Option<Command> {
    let now = world.clock.now();
    let mut state = world.lock();
    let instance = state.region(region).compute.instances.get(instance_id)?.clone();
    let role_arn = role_of(&state.iam, &instance).map(|role| role.arn.clone());
    let commands = &mut state.region(region).compute.agents.commands;
    let command = commands.iter_mut().find(|it| it.id == command_id)?;
    let invocation = command.invocations.get_mut(instance_id)?;
    if invocation.status != InvocationStatus::Pending {
        return None;
    }
    (invocation.status, invocation.started) = (InvocationStatus::InProgress, Some(now));
    let limit = world.clock.real(Duration::from_secs(command.request.execution_timeout));
    Some(Command {
        id: command.id.clone(),
        script: command.request.script.clone(),
        directory: command.request.directory.clone(),
        limit: limit.max(SHORTEST_LIMIT),
        role_arn,
    })
}

fn change(world: &World, region: &str, command_id: &str, instance_id: &str, act: impl FnOnce(&mut Invocation)) {
    let mut state = world.lock();
    let mut commands = state.region(region).compute.agents.commands.iter_mut();
    let invocation = commands
        .find(|it| it.id == command_id)
        .and_then(|command| command.invocations.get_mut(instance_id));
    if let Some(invocation) = invocation {
        act(invocation);
    }
}

/// As CancelCommand: on the instances that are named, or all.
///
/// # Errors
/// An unknown command.
pub fn cancel(world: &World, region: &str, command_id: &str, instance_ids: &[String]) -> Result<(), Refusal> {
    let now = world.clock.now();
    let mut state = world.lock();
    let mut commands = state.region(region).compute.agents.commands.iter_mut();
    let command = commands.find(|it| it.id == command_id).ok_or_else(unknown_command)?;
    let mut running = Vec::new();
    for (id, invocation) in &mut command.invocations {
        if !instance_ids.is_empty() && !instance_ids.contains(id) {
            continue;
        }
        match invocation.status {
            InvocationStatus::Pending => {
                (invocation.status, invocation.ended) = (InvocationStatus::Cancelled, Some(now));
            }
            InvocationStatus::InProgress => {
                invocation.status = InvocationStatus::Cancelling;
                running.push(id.clone());
            }
            _ => {}
        }
    }
    drop(state);
    for id in running {
        world.plane.cancel(&id, command_id);
    }
    Ok(())
}

pub(crate) fn unknown_command() -> Refusal {
    Refusal::new(
        "InvalidCommandId",
        "The specified command ID isn't valid. Verify the ID and try again.",
    )
}
