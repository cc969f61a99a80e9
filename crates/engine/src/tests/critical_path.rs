//! What the length of a run is said to come from.

use super::handing_over::{Act, Actor, absent, go_down, go_up, present};
use super::waiting::Heard;
use super::*;

/// `a until origin 10, b 20`
fn told(report: &Report) -> String {
    let legs = report.critical_path().into_iter().map(|leg| match leg.until {
        Some(output) => format!("{} until {output} {:.0}", leg.resource, leg.seconds),
        None => format!("{} {:.0}", leg.resource, leg.seconds),
    });
    legs.collect::<Vec<_>>().join(", ")
}

#[tokio::test(start_paused = true)]
async fn a_run_is_as_long_as_the_steps_that_waited_for_each_other() {
    let version = Actor::new("version", &[absent()], &[Act::Take(6), Act::Give("label")]).gives(&["label"]);
    let acts = [Act::Take(60), Act::Give("origin"), Act::Take(100)];
    let environment = Actor::new("environment", &[absent()], &acts)
        .needs(&["label"])
        .gives(&["origin"]);
    // Long, but beside the others.
    let table = Actor::new("table", &[absent()], &[Act::Take(90)]);
    let distribution = Actor::new("distribution", &[absent()], &[Act::Take(260)]).needs(&["origin"]);
    let report = go_up(&[version, environment, table, distribution], Heard::new().settings()).await;
    assert_eq!(
        told(&report),
        "version until label 6, environment until origin 60, distribution 260"
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_in_which_nothing_ran_has_no_length() {
    assert_eq!(told(&go_up(&[], Heard::new().settings()).await), "");
}

#[tokio::test(start_paused = true)]
async fn going_down_it_goes_by_what_was_released() {
    let acts = [Act::Take(30), Act::Release("origin"), Act::Take(10)];
    let distribution = Actor::new("distribution", &[present()], &acts).needs(&["origin"]);
    let environment = Actor::new("environment", &[present()], &[Act::Take(200)])
        .needs(&["network"])
        .gives(&["origin"]);
    let network = Actor::new("network", &[present()], &[Act::Take(7)]).gives(&["network"]);
    let report = go_down(&[network, environment, distribution], Heard::new().settings()).await;
    assert_eq!(
        told(&report),
        "distribution until origin 30, environment 200, network 7"
    );
}

#[tokio::test(start_paused = true)]
async fn a_step_that_failed_is_told_as_far_as_it_came() {
    let acts = [Act::Take(20), Act::Give("origin"), Act::Take(5), Act::Fail];
    let environment = Actor::new("environment", &[absent()], &acts).gives(&["origin"]);
    let distribution = Actor::new("distribution", &[absent()], &[Act::Take(3)]).needs(&["origin"]);
    let report = go_up(&[environment, distribution], Heard::new().settings()).await;
    assert_eq!(told(&report), "environment 25");
    assert!(report.went.iter().any(|step| !step.well));
}
