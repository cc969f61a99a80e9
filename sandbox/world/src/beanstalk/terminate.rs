//! TerminateEnvironment's workflow: everything goes, in the order in which nothing depends on what is left.
//! Every step may be done already: a termination that failed is asked for again
//! (github.com/ThoughtWorksStudios/eb_deployer/issues/62).

use super::catalogue::{HEALTH_LOGS, LOGS};
use super::classic::{CLASSIC_BALANCER, name_of};
use super::resources::{self, Part};
use super::workflow::Run;
use super::{health, permissions, shared_balancer};
use crate::balancing::is_classic;

/// A part of the stack that could not be deleted, and why.
pub(super) type StackFailure = (Part, String);

pub(super) async fn terminate(run: Run, caller: String) {
    run.info("terminateEnvironment is starting.");
    if let Err((part, why)) = take_down(&run, &caller).await {
        return fail(&run, part, &why);
    }
    run.at(180.0).await;
    run.reached("terminated");
    run.info("terminateEnvironment completed successfully.");
    run.end();
}

/// Removes all that was made for the environment, as far as the caller may.
pub(super) async fn take_down(run: &Run, caller: &str) -> Result<(), StackFailure> {
    run.at(5.0).await;
    run.stack("DELETE_IN_PROGRESS", Some("User Initiated"));
    let made = run.snapshot().map(|environment| environment.made).unwrap_or_default();
    if made.high_alarm.is_some() {
        permissions::check(run, caller, resources::HIGH, permissions::NO_ALARM)?;
        permissions::check(run, caller, resources::UP, permissions::NO_SCALING_POLICY)?;
    }
    delete_triggers(run);
    run.at(20.0).await;
    if run.snapshot().is_some_and(|it| it.settings.is_shared()) {
        shared_balancer::leave(run, caller)?;
    } else {
        if let Some(arn) = &made.load_balancer {
            permissions::check(run, caller, balancer(arn), permissions::NO_LOAD_BALANCER)?;
        }
        delete_load_balancer(run);
    }
    run.at(30.0).await;
    if made.group.is_some() {
        permissions::check(run, caller, resources::GROUP, permissions::NO_GROUP)?;
    }
    delete_group(run).await;
    run.at(120.0).await;
    if made.security_group.is_some() {
        permissions::check(run, caller, resources::SECURITY_GROUP, permissions::NO_SECURITY_GROUPS)?;
    }
    delete_rest(run)?;
    delete_security_groups(run)?;
    delete_topic(run);
    delete_log_groups(run);
    run.stack("DELETE_COMPLETE", None);
    run.environment(|environment| environment.deployments.clear());
    Ok(())
}

fn balancer(arn: &str) -> Part {
    if is_classic(arn) {
        CLASSIC_BALANCER
    } else {
        resources::LOAD_BALANCER
    }
}

fn gone(run: &Run, part: Part, physical_id: &str) {
    run.site(|site| site.record(part, physical_id, "DELETE_COMPLETE", None));
}

fn delete_triggers(run: &Run) {
    let Some(made) = run.snapshot().map(|environment| environment.made) else {
        return;
    };
    for (part, alarm) in [(resources::HIGH, made.high_alarm), (resources::LOW, made.low_alarm)] {
        if let Some(name) = alarm {
            let now = run.world.clock.now();
            run.region(|here| here.monitoring.delete_alarm(&name, now));
            gone(run, part, &name);
            run.info(format!("Deleted CloudWatch alarm named: {name}"));
        }
    }
    for (part, policy) in [(resources::UP, made.up_policy), (resources::DOWN, made.down_policy)] {
        if let Some(arn) = policy {
            run.region(|here| here.scaling.policies.remove(&arn));
            gone(run, part, &arn);
            run.info(format!("Deleted Auto Scaling group policy named: {arn}"));
        }
    }
    run.environment(|environment| {
        let made = &mut environment.made;
        (made.high_alarm, made.low_alarm, made.up_policy, made.down_policy) = (None, None, None, None);
    });
}

fn delete_load_balancer(run: &Run) {
    let Some(made) = run.snapshot().map(|environment| environment.made) else {
        return;
    };
    if let Some(arn) = made.listener {
        run.region(|here| here.balancing.drop_listeners(|it| it.arn == arn));
        gone(run, resources::LISTENER_80, &arn);
        run.info(format!("Deleted Load Balancer listener named: {arn}"));
    }
    if let Some(arn) = made.load_balancer {
        run.region(|here| {
            here.balancing.load_balancers.remove(&arn);
            here.balancing.drop_listeners(|it| it.load_balancer_arn == arn);
        });
        let name = if is_classic(&arn) { name_of(&arn) } else { arn.as_str() };
        gone(run, balancer(&arn), name);
        run.info(format!("Deleted load balancer named: {name}"));
    }
    run.environment(|environment| {
        (environment.made.listener, environment.made.load_balancer) = (None, None);
        environment.endpoint = None;
    });
}

/// The group shrinks to nothing before it goes.
async fn delete_group(run: &Run) {
    let Some(name) = run.snapshot().and_then(|environment| environment.made.group) else {
        return;
    };
    run.info("Waiting for EC2 instances to terminate. This may take a few minutes.");
    empty_group(run, &name).await;
    gone(run, resources::GROUP, &name);
    run.environment(|environment| environment.made.group = None);
    run.info(format!("Deleted Auto Scaling group named: {name}"));
}

/// Ends a group and all its instances.
pub(super) async fn empty_group(run: &Run, name: &str) {
    run.region(|here| {
        if let Some(group) = here.scaling.groups.get_mut(name) {
            group.min = 0;
            group.suspended.clear();
            let reason = "A user request deleted the AutoScalingGroup.".to_owned();
            group.want(0, reason);
        }
    });
    let has_members = || {
        run.region(|here| {
            let group = here.scaling.groups.get(name);
            group.is_some_and(|group| !group.members.is_empty())
        })
    };
    while has_members() {
        run.world.clock.sleep_seconds(5).await;
    }
    run.region(|here| {
        here.scaling.groups.remove(name);
        // A group's policies go with it (Auto Scaling API, DeleteAutoScalingGroup).
        here.scaling.policies.retain(|_, policy| policy.group != name);
    });
}

/// A target group that somebody else's rule forwards to stays, and all behind it: ELB deletes none that is in use (ELB API,
/// DeleteTargetGroup: ResourceInUse).
fn delete_rest(run: &Run) -> Result<(), StackFailure> {
    let Some(made) = run.snapshot().map(|environment| environment.made) else {
        return Ok(());
    };
    if let Some(arn) = made.target_group.as_ref().filter(|arn| !is_classic(arn))
        && !run.region(|here| here.balancing.balancers_of(arn)).is_empty()
    {
        let why = format!("Target group '{arn}' is currently in use by a listener or a rule");
        return Err((resources::TARGETS, why));
    }
    if let Some(id) = made.address {
        let address = run.region(|here| here.network.addresses.remove(&id));
        gone(run, resources::ADDRESS, &id);
        let ip = address.map(|address| address.public_ip).unwrap_or_default();
        run.info(format!("Deleted EIP: {ip}"));
    }
    if let Some(arn) = made.target_group {
        run.region(|here| here.balancing.target_groups.remove(&arn));
        if !is_classic(&arn) {
            gone(run, resources::TARGETS, &arn);
            run.info(format!("Deleted target group named: {arn}"));
        }
    }
    if let Some(id) = made.launch_template {
        run.region(|here| here.compute.launch_templates.remove(&id));
        gone(run, resources::TEMPLATE, &id);
    }
    if let Some(name) = made.launch_configuration {
        run.region(|here| here.scaling.configurations.remove(&name));
        gone(run, resources::CONFIGURATION, &name);
        run.info(format!("Deleted Auto Scaling launch configuration named: {name}"));
    }
    run.environment(|environment| {
        let made = &mut environment.made;
        (made.address, made.target_group) = (None, None);
        (made.launch_template, made.launch_configuration) = (None, None);
        environment.endpoint = None;
    });
    Ok(())
}

/// The instances' group names the load balancer's: it goes first. A group of somebody else's that names one of them
/// stops the deletion (Beanstalk guide: using-features.terminating).
fn delete_security_groups(run: &Run) -> Result<(), StackFailure> {
    let made = run.snapshot().map(|environment| environment.made).unwrap_or_default();
    let groups = [
        (resources::SECURITY_GROUP, made.security_group),
        (resources::BALANCER_GROUP, made.balancer_security_group),
    ];
    for (part, group) in groups {
        let Some(id) = group else {
            continue;
        };
        let deleted = run.site(|site| site.delete_group(&id)).unwrap_or(Ok(()));
        if let Err(refusal) = deleted
            && refusal.code != "InvalidGroup.NotFound"
        {
            run.error(format!(
                "Deleting security group named: {id} failed Reason: {}",
                refusal.message
            ));
            return Err((part, refusal.message));
        }
        gone(run, part, &id);
        run.environment(|environment| {
            let made = &mut environment.made;
            if part == resources::SECURITY_GROUP {
                made.security_group = None;
            } else {
                made.balancer_security_group = None;
            }
        });
        run.info(format!("Deleted security group named: {id}"));
    }
    Ok(())
}

fn delete_topic(run: &Run) {
    let Some(environment) = run.snapshot() else {
        return;
    };
    if let Some(arn) = environment.made.topic {
        run.info(format!("Deleting SNS topic for environment {}.", environment.name));
        run.region(|here| here.notifications.topics.remove(&arn));
        run.environment(|environment| environment.made.topic = None);
    }
}

/// Log groups outlive the environment, unless it was told otherwise.
fn delete_log_groups(run: &Run) {
    let Some(environment) = run.snapshot() else {
        return;
    };
    for name in &environment.made.log_groups {
        let namespace = if name.ends_with(resources::HEALTH_LOG) {
            HEALTH_LOGS
        } else {
            LOGS
        };
        if environment.settings.is_true(namespace, "DeleteOnTerminate") {
            run.region(|here| here.monitoring.log_groups.remove(name));
        }
    }
}

pub(super) fn fail(run: &Run, part: Part, why: &str) {
    let reason = format!("The following resource(s) failed to delete: [{}].", part.0);
    run.site(|site| site.record(part, "", "DELETE_FAILED", Some(why)));
    run.stack("DELETE_FAILED", Some(&reason));
    let stack = run
        .snapshot()
        .map(|environment| environment.stack_name())
        .unwrap_or_default();
    run.error(format!(
        "Stack named '{stack}' aborted operation. Current state: 'DELETE_FAILED'  Reason: {reason} {why}"
    ));
    // AWS tells this failure as INFO (Beanstalk guide: AWSHowTo.eventbridge).
    run.info(
        "The environment termination step failed because at least one of the environment termination workflows failed.",
    );
    run.environment(|environment| environment.broken = true);
    health::come_to_rest(run);
}
