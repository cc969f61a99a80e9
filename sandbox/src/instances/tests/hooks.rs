//! Hooks of a bundle, as its author would see them run.

use super::*;

const BEFORE: &str = "#!/bin/sh\r\necho \"prepared by $GREETING\" > prepared.txt\r\necho preparing\r\n";
const FAILS: &str = "#!/bin/sh\necho 'no such migration' >&2\nexit 3\n";

fn log(machines: &Machines, name: &str) -> String {
    let logs = machines.logs("i-1").into_iter();
    logs.filter(|(log, _)| log == name).map(|(_, text)| text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_run_around_the_start_in_order_and_in_the_versions_directory() {
    let directory = private_directory();
    let machines = machines(directory.path());
    let files = bundle(&[
        ("Procfile", SERVER, 0o644),
        (".platform/hooks/predeploy/01_prepare.sh", BEFORE, 0o644),
        (
            ".platform/hooks/predeploy/02_more.sh",
            "#!/bin/sh\ncat prepared.txt\n",
            0o644,
        ),
        (
            ".platform/hooks/postdeploy/01_done.sh",
            "#!/bin/sh\necho all done\n",
            0o644,
        ),
        (
            ".platform/confighooks/predeploy/01_config.sh",
            "#!/bin/sh\necho new settings\n",
            0o644,
        ),
    ]);
    machines.deploy(deployment("i-1", files.clone())).await.unwrap();
    assert!(get(machines.address("i-1").unwrap(), "/prepared.txt").ends_with("prepared by hello\n"));
    let hooks = log(&machines, "eb-hooks.log");
    let at = |text: &str| hooks.find(text).unwrap_or_else(|| panic!("{text} in {hooks}"));
    assert!(at("preparing") < at("[02_more.sh]\nprepared by hello") && at("02_more") < at("all done"));
    assert!(!hooks.contains("new settings"));
    assert!(log(&machines, "eb-engine.log").contains("[INFO] Instance deployment completed successfully."));

    let mut changed = deployment("i-1", files);
    changed.configuration = true;
    machines.deploy(changed).await.unwrap();
    let more = log(&machines, "eb-hooks.log");
    assert!(
        more.contains("new settings") && more.matches("all done").count() == 1,
        "{more}"
    );
    machines.terminate("i-1").await;
    machines.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_fails_before_the_start_fails_the_deployment_and_leaves_what_runs() {
    let directory = private_directory();
    let machines = machines(directory.path());
    let good = bundle(&[("Procfile", SERVER, 0o644), ("page.txt", "one", 0o644)]);
    machines.deploy(deployment("i-1", good)).await.unwrap();
    let bad = bundle(&[
        ("Procfile", SERVER, 0o644),
        (".platform/hooks/prebuild/10_migrate.sh", FAILS, 0o755),
    ]);
    let failure = machines.deploy(deployment("i-1", bad)).await.unwrap_err();
    assert_eq!(
        failure.reason,
        "Command .platform/hooks/prebuild/10_migrate.sh failed with error exit status 3. Stderr:no such migration"
    );
    assert!(log(&machines, "eb-engine.log").contains("[RunAppDeployPreBuildHooks]. Stop running the command."));
    assert!(get(machines.address("i-1").unwrap(), "/page.txt").ends_with("one"));
    machines.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_fails_after_the_start_fails_the_deployment_though_the_version_serves() {
    let directory = private_directory();
    let machines = machines(directory.path());
    let late = bundle(&[
        ("Procfile", SERVER, 0o644),
        ("page.txt", "two", 0o644),
        (".platform/hooks/postdeploy/10_tell.sh", FAILS, 0o755),
    ]);
    let failure = machines.deploy(deployment("i-1", late)).await.unwrap_err();
    assert!(
        failure.reason.contains("postdeploy/10_tell.sh failed"),
        "{}",
        failure.reason
    );
    assert!(get(machines.address("i-1").unwrap(), "/page.txt").ends_with("two"));
    machines.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buildfile_builds_what_then_runs() {
    let directory = private_directory();
    let machines = machines(directory.path());
    let built = bundle(&[
        ("Buildfile", "make: echo built > page.txt\n", 0o644),
        ("Procfile", SERVER, 0o644),
    ]);
    machines.deploy(deployment("i-1", built)).await.unwrap();
    assert!(get(machines.address("i-1").unwrap(), "/page.txt").ends_with("built\n"));
    let broken = bundle(&[("Buildfile", "make: exit 4\n", 0o644), ("Procfile", SERVER, 0o644)]);
    let failure = machines.deploy(deployment("i-1", broken)).await.unwrap_err();
    assert!(
        failure
            .reason
            .starts_with("Buildfile command 'make' failed with error exit status 4"),
        "{}",
        failure.reason
    );
    machines.shutdown().await;
}
