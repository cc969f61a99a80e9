//! Traffic splitting: a full set of new instances gets a part of the requests for a while, and takes the place of the old ones if all
//! of them stay well (Beanstalk guide: using-features.rolling-version-deploy). No source verifies the texts of its own events.
//! Must know nothing of how requests are divided; the listener does that.

use super::catalogue::{COMMAND, SPLITTING};
use super::deployment::Wanted;
use super::health::HealthStatus;
use super::rollout::{self, LAUNCH_PATIENCE, fleet, fleet_results, group_of, serving, wait_for_fleet};
use super::update::Outcome;
use super::workflow::Run;
use super::{Environment, immutable};
use crate::balancing::TargetState;
use crate::balancing_rules::RuleAction;
use crate::scaling::keeper;

pub(super) async fn renew(run: &Run, before: &Environment, wanted: &Wanted) -> Outcome {
    run.environment(|environment| {
        environment.abort = environment.abort.offered();
        environment.next = Some(wanted.clone());
    });
    run.info("Traffic splitting deployment policy enabled. Launching new instances beside the existing ones.");
    let permanent = group_of(run);
    let Some(targets) = make_targets(run, before) else {
        return Outcome::Failed;
    };
    let Some(temporary) = immutable::make_group(run, &permanent, None, Some(&targets)) else {
        return Outcome::Failed;
    };
    immutable::grow(run, &permanent, &temporary);
    run.info(format!("Created temporary auto scaling group {temporary}."));
    let mut outcome = wait_for_fleet(run, &temporary, &[], LAUNCH_PATIENCE).await;
    rollout::tell(run, before, &fleet_results(run, &temporary)).await;
    if outcome == Outcome::Done {
        outcome = evaluate(run, wanted, &temporary, &targets).await;
    }
    run.environment(|environment| {
        environment.abort = environment.abort.withdrawn();
        environment.next = None;
    });
    if outcome == Outcome::Done {
        outcome = take_over(run, &permanent, &temporary).await;
    } else {
        split(run, None);
        immutable::discard(run, &temporary).await;
    }
    run.region(|here| here.balancing.target_groups.remove(&targets));
    outcome
}

fn make_targets(run: &Run, before: &Environment) -> Option<String> {
    let own = before.made.target_group.clone()?;
    let vpc_id = run.region(|here| here.balancing.target_groups.get(&own).map(|group| group.vpc_id.clone()))?;
    run.site(|site| site.make_further_target_group(&vpc_id))
}

/// Sends so many of a hundred requests to another target group than the environment's own, or all to that again.
fn split(run: &Run, elsewhere: Option<(&str, u32)>) {
    let Some(made) = run.snapshot().map(|environment| environment.made) else {
        return;
    };
    let own = made.target_group.unwrap_or_default();
    run.region(|here| {
        let listener = made.listener.and_then(|arn| here.balancing.listeners.get_mut(&arn));
        if let Some(listener) = listener {
            listener.default_action = match elsewhere {
                None => RuleAction::forward(own),
                Some((other, percent)) => {
                    RuleAction::Forward(vec![(own, 100 - percent.min(100)), (other.to_owned(), percent)])
                }
            };
        }
    });
}

/// A part of the requests goes to the new instances, for as long as the settings say; one of them that is not well ends it.
async fn evaluate(run: &Run, wanted: &Wanted, temporary: &str, targets: &str) -> Outcome {
    let percent = u32::try_from(wanted.settings.whole(SPLITTING, "NewVersionPercent")).unwrap_or(10);
    let minutes = wanted.settings.whole(SPLITTING, "EvaluationTime");
    run.info(format!(
        "Forwarding {percent} percent of traffic to the new instances. Evaluating them for {minutes} minutes."
    ));
    split(run, Some((targets, percent)));
    let ignores = wanted.settings.is_true(COMMAND, "IgnoreHealthCheck");
    let end = run.world.clock.seconds() + minutes as f64 * 60.0;
    while run.world.clock.seconds() < end {
        if run.is_aborted() {
            return Outcome::Aborted;
        }
        let (members, _) = fleet(run, temporary);
        let ill = |status| matches!(status, HealthStatus::Degraded | HealthStatus::Severe);
        if !ignores && members.iter().any(|it| ill(it.health.status)) {
            run.error("The new instances did not stay healthy while they were evaluated. Aborting the operation.");
            return Outcome::Failed;
        }
        run.world.clock.sleep_seconds(5).await;
    }
    Outcome::Done
}

/// All requests to the new instances, in the environment's own group from now on.
async fn take_over(run: &Run, permanent: &str, temporary: &str) -> Outcome {
    let (members, _) = fleet(run, temporary);
    let new: Vec<_> = members.into_iter().map(|member| member.instance_id).collect();
    let own = run.snapshot().and_then(|environment| environment.made.target_group);
    let own = own.unwrap_or_default();
    run.region(|here| new.iter().for_each(|id| keeper::register(here, &own, id)));
    let patience = run.patience(LAUNCH_PATIENCE);
    let healthy = || {
        run.region(|here| {
            let targets = here.balancing.target_groups.get(&own).map(|group| &group.targets);
            let is_healthy = |id: &String| {
                let target = targets.and_then(|targets| targets.get(id));
                target.is_some_and(|target| target.state == TargetState::Healthy)
            };
            new.iter().all(is_healthy)
        })
    };
    while !healthy() && !run.is_over(&patience) {
        run.world.clock.sleep_seconds(5).await;
    }
    split(run, None);
    let old = serving(run);
    immutable::take_over(run, permanent, temporary, &old);
    run.info(format!(
        "Attached new instance(s) to the permanent auto scaling group {permanent}."
    ));
    run.info("Deployment succeeded. Terminating old instances and temporary Auto Scaling group.");
    rollout::wait_until_gone(run, permanent, &old).await;
    Outcome::Done
}
