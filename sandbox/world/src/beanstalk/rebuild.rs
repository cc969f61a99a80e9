//! RebuildEnvironment: everything is made anew under the same id, name and CNAME; also what was terminated not long ago.
//! Must know nothing of the single steps; terminating and launching have them.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::environments::Caller;
use super::workflow::Run;
use super::{Beanstalk, Environment, Made, Reference, Status, health, launch, terminate};
use crate::{Refusal, World};

/// A terminated environment can be brought back that long (Beanstalk guide: environment-management-rebuild).
pub(crate) const RESTORABLE: SignedDuration = SignedDuration::from_hours(42 * 24);

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameterValue", message)
}

/// Answers at once; a running environment is `Updating` then, one that was terminated `Launching`.
pub fn rebuild(world: &Arc<World>, caller: &Caller, reference: &Reference) -> Result<(), Refusal> {
    let now = world.clock.now();
    let (id, ended) = {
        let mut state = world.lock();
        let beanstalk = &mut state.region(&caller.region).beanstalk;
        let id = find(beanstalk, reference, now)?;
        let Some(environment) = beanstalk.environments.get_mut(&id) else {
            return Err(invalid("No Environment found."));
        };
        let ended = environment.ended.take().is_some();
        environment.status = if ended { Status::Launching } else { Status::Updating };
        environment.request_id = caller.request_id.clone();
        environment.updated = now;
        (id, ended)
    };
    let run = Run::new(world, &caller.region, &id, &caller.request_id);
    let arn = caller.arn.clone();
    world.spawn(async move { start_over(run, arn).await });
    if ended {
        health::watch(world, &caller.region, &id);
    }
    Ok(())
}

fn find(beanstalk: &Beanstalk, reference: &Reference, now: Timestamp) -> Result<String, Refusal> {
    let missing = match beanstalk.find(reference) {
        Ok(id) => {
            let environment = beanstalk.environments.get(&id);
            // A broken stack is what rebuilding is for: only the status counts.
            if let Some(environment) = environment.filter(|it| it.status != Status::Ready) {
                return Err(invalid(format!(
                    "Environment named {} is in an invalid state for this operation. Must be Ready.",
                    environment.name
                )));
            }
            return Ok(id);
        }
        Err(missing) => missing,
    };
    let ended = reference.id.as_ref().and_then(|id| beanstalk.environments.get(id));
    let ended = ended.filter(|it| it.ended.is_some_and(|time| now.duration_since(time) < RESTORABLE));
    let environment = ended.ok_or(missing)?;
    check_restorable(beanstalk, environment)?;
    Ok(environment.id.clone())
}

/// Its names must be free and its version there.
fn check_restorable(beanstalk: &Beanstalk, environment: &Environment) -> Result<(), Refusal> {
    let name = &environment.name;
    let mut live = beanstalk
        .environments
        .values()
        .filter(|it| it.status != Status::Terminated);
    if live.any(|it| it.name == *name) {
        return Err(invalid(format!("Environment {name} already exists.")));
    }
    if !beanstalk.prefix_is_free(&environment.prefix) {
        return Err(invalid(format!("DNS name ({}) is not available.", environment.prefix)));
    }
    let versions = &beanstalk.application(&environment.application)?.versions;
    let label = environment.version_label.clone().unwrap_or_default();
    if !versions.contains_key(&label) {
        return Err(invalid(format!("No Application Version named '{label}' found.")));
    }
    Ok(())
}

async fn start_over(run: Run, caller: String) {
    run.info("rebuildEnvironment is starting.");
    let was_made = run.snapshot().is_some_and(|it| it.made.stack.is_some());
    if was_made && let Err((part, why)) = terminate::take_down(&run, &caller).await {
        return terminate::fail(&run, part, &why);
    }
    run.environment(|environment| {
        environment.made = Made::default();
        environment.broken = false;
        environment.draft = None;
        environment.endpoint = None;
        environment.deployment_id += 1;
        environment.expected_id = environment.deployment_id;
    });
    launch::bring_up(&run.next_part(), &caller).await;
}
