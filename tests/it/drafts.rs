//! Settings that could not be deployed: Beanstalk keeps them beside those that are, and reads wishes back as if they were facts.

use crate::support::User;

const LOUD: [&str; 2] = ["--set", "app.properties.LOG_LEVEL=loud"];

#[test]
fn a_change_that_failed_is_no_fact_and_does_not_stand_in_the_way() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    let up = ["up", "--sandbox", "--yes", "-p", "dev", "--no-verify"];
    user.confctl(&up).exits(0);
    // The app ends at once where it is told to log so.
    let failed = user.confctl(&[&up[..], &LOUD].concat()).exits(1);
    assert!(
        failed.stderr.contains("the update of its settings failed on i-"),
        "{}",
        failed.stderr
    );
    assert_eq!(deployment_statuses(&user), ["deployed", "failed"]);

    // Wished for is not deployed: it is still to be done.
    let plan = ["plan", "--sandbox", "-p", "dev", "--detailed-exitcode"];
    user.confctl(&[&plan[..], &LOUD].concat()).exits(2);
    // And what is deployed is still what was asked for before.
    user.confctl(&plan).exits(0);

    user.confctl(&[&up[..], &["--set", "app.properties.LOG_LEVEL=debug"]].concat())
        .exits(0);
    assert_eq!(deployment_statuses(&user), ["deployed"]);
    let dropped = |request: &serde_json::Value| request["operation"] == "DeleteEnvironmentConfiguration";
    assert!(user.requests().iter().any(dropped), "the draft was not dropped");
    user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    assert_eq!(user.inventory(), empty);
}

fn deployment_statuses(user: &User) -> Vec<String> {
    let sets = user.aws_json(&[
        "elasticbeanstalk",
        "describe-configuration-settings",
        "--application-name",
        "tcb-conference",
        "--environment-name",
        "Tcb-conference-env",
    ]);
    let sets = sets["ConfigurationSettings"].as_array().cloned().unwrap_or_default();
    let status = |set: &serde_json::Value| set["DeploymentStatus"].as_str().unwrap_or_default().to_owned();
    sets.iter().map(status).collect()
}
