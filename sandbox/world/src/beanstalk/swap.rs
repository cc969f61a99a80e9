//! SwapEnvironmentCNAMEs: two environments exchange their names, which is how blue and green change places.
//! Must know nothing of what answers behind a name.

use std::sync::Arc;

use super::environments::{Caller, must_be_ready};
use super::workflow::Run;
use super::{Reference, Status, health};
use crate::{Refusal, World};

/// Both must be ready; each has the other's name a little later.
pub fn swap(world: &Arc<World>, caller: &Caller, source: &Reference, destination: &Reference) -> Result<(), Refusal> {
    let (first, second) = {
        let mut state = world.lock();
        let beanstalk = &mut state.region(&caller.region).beanstalk;
        let (first, second) = (beanstalk.find(source)?, beanstalk.find(destination)?);
        if first == second {
            return Err(Refusal::new(
                "InvalidParameterValue",
                "The source and destination environments must be different.",
            ));
        }
        for id in [&first, &second] {
            if let Some(environment) = beanstalk.environments.get(id) {
                must_be_ready(environment)?;
            }
        }
        for id in [&first, &second] {
            if let Some(environment) = beanstalk.environments.get_mut(id) {
                environment.status = Status::Updating;
            }
        }
        (first, second)
    };
    let first = Run::new(world, &caller.region, &first, &caller.request_id);
    let second = Run::new(world, &caller.region, &second, &caller.request_id);
    world.spawn(exchange(first, second));
    Ok(())
}

/// The texts are of the pattern that all operations follow, as awsebcli 3.27 looks for some of them (`strings.py`); no log
/// of a real swap was found.
async fn exchange(first: Run, second: Run) {
    let name = |run: &Run| run.snapshot().map(|it| it.name).unwrap_or_default();
    let names = format!("'{}' and '{}'", name(&first), name(&second));
    for run in [&first, &second] {
        run.info("swapEnvironmentCNAMEs is starting.");
        run.info(format!("Swapping CNAMEs for environments {names}."));
    }
    first.at(3.0).await;
    let of = |run: &Run| run.environment(|it| (it.prefix.clone(), it.cname.clone()));
    if let (Some(one), Some(other)) = (of(&first), of(&second)) {
        first.environment(|it| (it.prefix, it.cname) = other);
        second.environment(|it| (it.prefix, it.cname) = one);
    }
    for run in [&first, &second] {
        run.info(format!("Completed swapping CNAMEs for environments {names}."));
        run.info("swapEnvironmentCNAMEs completed successfully.");
        health::come_to_rest(run);
    }
}
