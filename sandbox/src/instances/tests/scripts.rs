//! Scripts on instances: what they say, how they are ended, and what their burning costs the machine.

use std::time::Duration;

use super::{SERVER, bundle, deployment, machines, private_directory, processes_below, until};
use crate::instances::Machines;
use crate::world::plane::{Command, CommandEnd, CommandOutcome, CpuReading, DataPlane};

/// Two processors, each busy with this, are at 100 %.
const LOOP: &str = "while :; do :; done";

fn command(id: &str, script: &str, limit: Duration) -> Command {
    Command {
        id: id.to_owned(),
        script: script.to_owned(),
        directory: None,
        limit,
        role_arn: Some("arn:aws:iam::123456789012:role/app".to_owned()),
    }
}

async fn run(machines: &Machines, script: &str) -> CommandEnd {
    let command = command("c-1", script, Duration::from_secs(30));
    machines.run("i-1", command).await.unwrap()
}

/// How busy the instance is over some real time, in percent.
async fn load(machines: &Machines, time: Duration) -> f64 {
    let reading = async || loop {
        if let Some(reading) = machines.cpu("i-1") {
            return reading;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let before: CpuReading = reading().await;
    tokio::time::sleep(time).await;
    let after = reading().await;
    100.0 * (after.busy - before.busy).as_secs_f64() / (after.alive - before.alive).as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_runs_as_the_instances_user_with_the_role_and_its_output_comes_back() {
    let directory = private_directory();
    let machines = machines(directory.path());
    machines.launch("i-1", 2);
    let end = run(
        &machines,
        "echo $AWS_SESSION_TOKEN\nid -u\necho wrong >&2\ntouch here\nexit 3\n",
    )
    .await;
    assert_eq!(end.outcome, CommandOutcome::Exited(3));
    let (token, user) = end.stdout.split_once('\n').unwrap();
    assert_eq!(token, "token of arn:aws:iam::123456789012:role/app");
    if rustix::process::geteuid().is_root() {
        assert_ne!(user, "0\n");
    }
    assert_eq!(end.stderr, "wrong\n");

    let chatty = run(&machines, "head -c 30000 /dev/zero | tr '\\0' x").await;
    assert_eq!(chatty.stdout.len(), 24_000);
    assert!(chatty.stdout.ends_with("x\n---Output truncated---"));
    let killed = run(&machines, "kill -9 $$").await;
    assert_eq!(killed.outcome, CommandOutcome::Exited(137));
    machines.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_ends_at_its_limit_or_when_it_is_cancelled_with_all_that_it_started() {
    let directory = private_directory();
    let machines = machines(directory.path());
    machines.launch("i-1", 2);
    // `timeout` makes a process group of its own.
    let script = format!("echo begun; timeout 60 sh -c '{LOOP}' & {LOOP}");
    let slow = command("c-1", &script, Duration::from_secs(1));
    let end = machines.run("i-1", slow).await.unwrap();
    assert_eq!(
        (end.outcome, end.stdout.as_str()),
        (CommandOutcome::TimedOut, "begun\n")
    );
    assert_eq!(processes_below(directory.path()), 0);

    let unwanted = machines.run("i-1", command("c-2", &script, Duration::from_secs(60)));
    let cancel = async {
        until("the script", || processes_below(directory.path()) >= 3).await;
        machines.cancel("i-1", "c-2");
    };
    let (end, ()) = tokio::join!(unwanted, cancel);
    assert_eq!(end.unwrap().outcome, CommandOutcome::Cancelled);
    assert_eq!(processes_below(directory.path()), 0);

    let lost = machines.run("i-1", command("c-3", &script, Duration::from_secs(60)));
    let end = async {
        until("the script", || processes_below(directory.path()) >= 3).await;
        machines.terminate("i-1").await;
    };
    let (lost, ()) = tokio::join!(lost, end);
    assert_eq!(lost, None);
    assert_eq!(processes_below(directory.path()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burn_fills_the_processors_and_costs_the_machine_a_tenth_of_a_core() {
    let directory = private_directory();
    let machines = machines(directory.path());
    machines.launch("i-1", 2);
    let server = deployment("i-1", bundle(&[("Procfile", SERVER, 0o644)]));
    machines.deploy(server).await.unwrap();
    let second = Duration::from_secs(1);
    tokio::time::sleep(second).await;
    let idle = load(&machines, second).await;
    assert!(idle < 20.0, "{idle} %");

    // One loop can use one of two processors only; more than two share them.
    for (loops, expected) in [(1, 50.0), (4, 100.0)] {
        // A burn is held to its share in the long run: in one look too much or too little may be used, if the machine stalls.
        let wanted = expected * 0.6..expected * 1.25;
        let burn = format!("for i in $(seq {loops}); do timeout 60 sh -c '{LOOP}' & done; wait");
        let burning = machines.run("i-1", command("c-1", &burn, Duration::from_secs(60)));
        let measure = async {
            until("the burn", || processes_below(directory.path()) > 2 * loops).await;
            let mut loads = Vec::new();
            while loads.len() < 6 && !loads.last().is_some_and(|load| wanted.contains(load)) {
                loads.push(load(&machines, 4 * second).await);
            }
            machines.cancel("i-1", "c-1");
            loads
        };
        let (_, loads) = tokio::join!(burning, measure);
        let told = loads.iter().copied().filter(|load| load.is_finite());
        let average = told.clone().sum::<f64>() / told.count() as f64;
        assert!(
            average < wanted.end && loads.iter().any(|load| wanted.contains(load)),
            "{loops} loops: {loads:?} %"
        );
    }
    machines.shutdown().await;
    assert_eq!(processes_below(directory.path()), 0);
}
