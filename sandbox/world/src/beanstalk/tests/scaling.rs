//! Environments under load: out by the alarm, in again, within their bounds; and what is replaced and what is not.

use std::time::Duration;

use super::*;
use crate::compute;
use crate::compute::agents::{self, NewCommand};
use crate::monitoring::metrics::Metric;
use crate::monitoring::minute;
use crate::scaling::{Activity, Group, Sizes, Who};

/// Metrics and alarms in minutes, as the article's profile has it but for the periods.
const MINUTES: [(&str, &str, &str); 5] = [
    (catalogue::LAUNCH, "MonitoringInterval", "1 minute"),
    (catalogue::TRIGGER, "Unit", "Percent"),
    (catalogue::TRIGGER, "Period", "1"),
    (catalogue::TRIGGER, "BreachDuration", "1"),
    (catalogue::ASG, "MaxSize", "3"),
];

/// In a world where an hour takes ten seconds: minutes must not be shorter than the pauses of the machine.
async fn environment() -> (Fake, Environment) {
    let fake = prepared_at(360.0);
    minute::run(&fake.world);
    let environment = create(&fake, "v1", &MINUTES).await;
    (fake, environment)
}

/// From now on the instance's processors are that busy, in percent.
fn burn(fake: &Fake, instance_id: &str, percent: f64) {
    let mut plane = fake.plane.0.lock().unwrap();
    plane.turn();
    plane.load.insert(instance_id.to_owned(), percent);
}

fn group(fake: &Fake, environment: &Environment) -> Group {
    let name = environment.made.group.clone().unwrap();
    fake.world.lock().region(REGION).scaling.groups[&name].clone()
}

fn members(fake: &Fake, environment: &Environment) -> Vec<String> {
    group(fake, environment).members.keys().cloned().collect()
}

/// Activities whose cause holds `part`, oldest first.
fn activities(fake: &Fake, part: &str) -> Vec<Activity> {
    let mut state = fake.world.lock();
    let activities = state.region(REGION).scaling.activities.iter();
    activities.filter(|it| it.cause.contains(part)).cloned().collect()
}

async fn until(fake: &Fake, what: &str, holds: impl Fn() -> bool) {
    for _ in 0..3000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut state = fake.world.lock();
    let here = state.region(REGION);
    panic!(
        "{what} does not come true; {:#?} {:#?}",
        here.scaling.activities, here.monitoring.alarms
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burn_adds_an_instance_by_the_alarm_and_its_end_takes_one_away() {
    let (fake, environment) = environment().await;
    for id in members(&fake, &environment) {
        burn(&fake, &id, 65.0);
    }
    let in_service = || {
        let group = group(&fake, &environment);
        group
            .members
            .values()
            .filter(|it| it.lifecycle.as_str() == "InService")
            .count()
    };
    until(&fake, "the third instance", || in_service() == 3).await;
    let high = environment.made.high_alarm.clone().unwrap();
    let out = activities(
        &fake,
        &format!("a monitor alarm {high} in state ALARM triggered policy"),
    );
    assert_eq!(out.len(), 1);
    assert!(out[0].description.starts_with("Launching a new EC2 instance: i-"));
    let cause = &out[0].cause;
    assert!(
        cause.contains("changing the desired capacity from 2 to 3.  At "),
        "{cause}"
    );
    assert!(
        cause.ends_with(
            "an instance was started in response to a difference between desired and actual capacity, increasing the \
             capacity from 2 to 3."
        ),
        "{cause}"
    );

    for id in members(&fake, &environment) {
        burn(&fake, &id, 3.0);
    }
    until(&fake, "two instances again", || {
        members(&fake, &environment).len() == 2 && activities(&fake, "shrinking").iter().all(|it| it.ended.is_some())
    })
    .await;
    let low = environment.made.low_alarm.clone().unwrap();
    let back = activities(&fake, &format!("a monitor alarm {low} in state ALARM triggered policy"));
    assert_eq!(
        back.len(),
        1,
        "below the minimum there is nothing to do, however long the alarm lasts"
    );
    assert!(back[0].cause.contains("changing the desired capacity from 3 to 2."));
    assert!(
        back[0].cause.ends_with("was selected for termination."),
        "{}",
        back[0].cause
    );
    // The cooldown counts from the end of the launch.
    let cooldown = i64::from(group(&fake, &environment).cooldown);
    let waited = back[0].started.duration_since(out[0].ended.unwrap()).as_secs();
    assert!(waited >= cooldown, "{waited} s");
    assert_eq!(fake.plane.0.lock().unwrap().running.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_at_its_maximum_stays_without_an_activity() {
    let (fake, environment) = environment().await;
    let name = environment.made.group.clone().unwrap();
    let sizes = Sizes {
        max: Some(2),
        ..Sizes::default()
    };
    let now = fake.world.clock.now();
    fake.world
        .lock()
        .region(REGION)
        .scaling
        .group_mut(&name)
        .unwrap()
        .resize(sizes, Who::User, now)
        .unwrap();
    for id in members(&fake, &environment) {
        burn(&fake, &id, 100.0);
    }
    let high = environment.made.high_alarm.clone().unwrap();
    until(&fake, "the alarm", || {
        fake.world.lock().region(REGION).monitoring.alarms[&high].state == "ALARM"
    })
    .await;
    fake.world.clock.sleep_seconds(300).await;
    assert!(activities(&fake, "a monitor alarm").is_empty());
    // The load shows in the health, with its cause.
    let environment = get(&fake, &environment.id);
    assert_eq!(environment.health.status.as_str(), "Warning");
    assert_eq!(
        environment.health.causes,
        ["2 out of 2 instances are impacted. See instance health for details."]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_instance_of_two_at_its_limit_does_not_cross_the_threshold() {
    let (fake, environment) = environment().await;
    let ids = members(&fake, &environment);
    burn(&fake, &ids[0], 100.0);
    burn(&fake, &ids[1], 0.0);
    let name = environment.made.group.clone().unwrap();
    let metric = Metric {
        namespace: "AWS/EC2".to_owned(),
        name: "CPUUtilization".to_owned(),
        dimensions: [("AutoScalingGroupName".to_owned(), name)].into(),
    };
    until(&fake, "a whole minute at the limit", || {
        let mut state = fake.world.lock();
        let load = state.region(REGION).monitoring.load.get(&ids[0]);
        load.is_some_and(|load| *load >= 99.5)
    })
    .await;
    let began = fake.world.clock.now();
    fake.world.clock.sleep_seconds(600).await;
    let now = fake.world.clock.now();
    let points = fake
        .world
        .lock()
        .region(REGION)
        .monitoring
        .metrics
        .points(&metric, (began, now), 60, None, now);
    let full = points.iter().filter(|point| point.count == 2.0).collect::<Vec<_>>();
    assert!(!full.is_empty());
    for point in full {
        let average = point.statistic("Average").unwrap();
        assert!((49.0..=50.0).contains(&average), "{average}");
    }
    assert_eq!(members(&fake, &environment), ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_instance_is_replaced_and_one_that_answers_badly_is_not() {
    let (fake, environment) = environment().await;
    let ids = members(&fake, &environment);
    // The app on it is gone, and with it the load balancer's checks fail.
    fake.plane.0.lock().unwrap().running.remove(&ids[1]);
    compute::terminate(&fake.world, REGION, &ids[0]).await;
    until(&fake, "a new instance", || {
        let now = members(&fake, &environment);
        now.len() == 2 && !now.contains(&ids[0])
    })
    .await;
    assert!(members(&fake, &environment).contains(&ids[1]));
    assert_eq!(
        activities(
            &fake,
            "an EC2 health check indicating it has been terminated or stopped"
        )
        .len(),
        1
    );
    assert_eq!(
        activities(&fake, "an unhealthy instance needing to be replaced").len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_reach_instances_while_their_role_allows_it() {
    let core = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore";
    let (fake, environment) = environment().await;
    let ids = members(&fake, &environment);
    let online = || {
        let now = fake.world.clock.now();
        let mut state = fake.world.lock();
        let agents = &state.region(REGION).compute.agents;
        agents.registered(now).filter(|(_, agent)| !agent.lost).count()
    };
    fake.world.clock.sleep_seconds(300).await;
    assert_eq!(online(), 0, "an agent is registered without the policy");
    fake.world.lock().iam.attach("ec2-role", core).unwrap();
    until(&fake, "the agents", || online() == 2).await;

    let everywhere = NewCommand {
        targets: vec![(
            "tag:elasticbeanstalk:environment-name".to_owned(),
            vec!["conference-env".to_owned()],
        )],
        script: "echo hello\n".to_owned(),
        execution_timeout: 3600,
        ..NewCommand::default()
    };
    let sent = agents::send(&fake.world, REGION, everywhere.clone()).unwrap();
    assert_eq!(sent.invocations.keys().cloned().collect::<Vec<_>>(), ids);
    assert!(
        sent.invocation(&ids[0], sent.requested).is_none(),
        "it exists at once, as on no AWS"
    );
    let command = || {
        let mut state = fake.world.lock();
        let commands = &state.region(REGION).compute.agents.commands;
        commands.iter().find(|it| it.id == sent.id).cloned().unwrap()
    };
    until(&fake, "the end of the scripts", || command().status().is_over()).await;
    let now = fake.world.clock.now();
    let command = command();
    let invocation = command.invocation(&ids[0], now).unwrap();
    assert_eq!((invocation.status.as_str(), invocation.code), ("Success", 0));
    assert_eq!(invocation.stdout, "echo hello\n");
    assert_eq!(fake.plane.0.lock().unwrap().scripts.len(), 2);

    let now = fake.world.clock.now();
    fake.world.lock().iam.detach("ec2-role", core, now).unwrap();
    until(&fake, "the loss of the agents", || online() == 0).await;
    let named = NewCommand {
        instance_ids: ids,
        targets: Vec::new(),
        ..everywhere
    };
    let refused = agents::send(&fake.world, REGION, named).unwrap_err();
    assert_eq!(refused.code, "InvalidInstanceId");
    let unknown = agents::cancel(&fake.world, REGION, "nothing", &[]).unwrap_err();
    assert_eq!(unknown.code, "InvalidCommandId");
}
