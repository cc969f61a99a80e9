//! Every embedded profile goes up and down, also on a machine without any network.

use std::process::Command;

use crate::support::User;

fn up_and_down(user: &User, profile: &str) {
    let empty = user.inventory_of_a_fresh_sandbox();
    let up = user
        .confctl(&["up", "--sandbox", "--yes", "-p", profile, "-o", "json"])
        .exits(0);
    let site = up.summary()["outputs"]["site_url"].as_str().unwrap().to_owned();
    let page = user.curl(&["-f", &site]).exits(0).stdout;
    assert!(page.contains("<form"), "{page}");
    user.confctl(&["plan", "--sandbox", "-p", profile, "--detailed-exitcode"])
        .exits(0);
    user.confctl(&["status", "--sandbox"]).exits(0);
    user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    assert_eq!(user.inventory(), empty);
}

#[test]
fn dev_goes_up_and_down() {
    up_and_down(&User::new(), "dev");
}

#[test]
fn teardown_needs_neither_the_sources_at_hand_nor_a_toolchain() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    user.confctl(&["up", "--sandbox", "--yes", "-p", "dev"]).exits(0);
    let mut teardown = user.command(&["teardown", "--sandbox", "--yes"]);
    let output = teardown
        .current_dir(user.home())
        .env("PATH", "/usr/bin:/bin")
        .env_remove("CARGO_HOME")
        .output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(user.inventory(), empty);
}

#[test]
fn ci_goes_up_and_down() {
    up_and_down(&User::new(), "ci");
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that cannot run here says so")]
fn the_sandbox_needs_no_network() {
    // Only loopback, and that has to be brought up: nothing can be reached, no name resolved.
    let works = Command::new("unshare")
        .args(["--net", "--map-root-user", "true"])
        .status()
        .is_ok_and(|status| status.success());
    if !works {
        // Said, not passed over in silence: the claim is checked where the kernel lets a test have a network of its own.
        eprintln!("skipped: this machine gives no network namespace");
        return;
    }
    let user = User::new();
    // The bundle was built before, or is built now, with a network for cargo.
    user.confctl(&["bundle"]).exits(0);
    let confctl = env!("CARGO_BIN_EXE_confctl");
    let script = format!(
        "ip link set lo up && {confctl} up --sandbox --yes -p dev && {confctl} teardown --sandbox --yes && {confctl} sandbox stop"
    );
    let mut command = Command::new("unshare");
    command
        .args(["--net", "--map-root-user", "sh", "-c", &script])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    for (name, value) in user.command(&[]).get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
