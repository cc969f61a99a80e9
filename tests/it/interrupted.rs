//! Ctrl-C, kill -9 and everything else that ends a run in its middle: the same command goes on.

use std::io::Read;
use std::process::Child;
use std::time::{Duration, Instant};

use crate::support::{User, finish, until};

const UP: &[&str] = &["up", "--sandbox", "--yes", "-p", "dev", "--no-verify", "-o", "json"];

pub fn send(child: &Child, signal: &str) {
    let pid = child.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args([signal, &pid])
            .status()
            .unwrap()
            .success()
    );
}

/// Waits until the sandbox has seen the operation.
pub fn wait_for(user: &User, run: &mut Child, operation: &str) {
    wait_for_more(user, run, operation, 0);
}

/// Waits until it has seen more of them than `before`. A run that ends first has something to say.
fn wait_for_more(user: &User, run: &mut Child, operation: &str, before: usize) {
    let began = Instant::now();
    loop {
        let over = run.try_wait().unwrap().is_some() || began.elapsed() > Duration::from_secs(60);
        if user.calls(operation) > before {
            return;
        }
        if over {
            let _ = run.kill();
            let [mut said, mut told] = [String::new(), String::new()];
            run.stdout.take().unwrap().read_to_string(&mut said).unwrap();
            run.stderr.take().unwrap().read_to_string(&mut told).unwrap();
            panic!("no {operation} after {:?}\n{said}\n{told}", began.elapsed());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn after_ctrl_c_the_same_command_goes_on_and_teardown_leaves_nothing() {
    // A slow clock, so that there is a middle to be interrupted in.
    let user = User::new().with("CONFCTL_SANDBOX_TIME_SCALE", "60");
    user.confctl(&["bundle"]).exits(0);
    let empty = user.inventory_of_a_fresh_sandbox();
    let mut run = user.start(UP);
    wait_for(&user, &mut run, "CreateEnvironment");
    send(&run, "-INT");
    let stopped = finish(run).exits(130);
    assert_eq!(stopped.summary()["resumable"], true);
    let left = stopped.summary()["left_behind"].clone();
    assert!(
        left[0]["what"]
            .as_str()
            .is_some_and(|what| what.contains("Tcb-conference-env"))
            && left[0]["costs"] == true,
        "what goes on costing was not named: {left}"
    );
    assert!(
        !user.inventory().iter().any(|item| item.contains("lock.json")),
        "the lock was not given back"
    );
    user.confctl(UP).exits(0);
    assert_eq!(
        user.calls("CreateEnvironment"),
        1,
        "the environment was not followed but created again"
    );
    user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    assert_eq!(user.inventory(), empty);
}

#[test]
fn a_table_whose_tags_do_not_show_yet_is_known_as_ours() {
    // Tags set at birth show after 40 s of AWS's time here; the interrupted run comes back at once.
    let user = User::new()
        .with("CONFCTL_SANDBOX_TIME_SCALE", "60")
        .with("CONFCTL_SANDBOX_TAG_DELAY", "40");
    user.confctl(&["bundle"]).exits(0);
    let empty = user.inventory_of_a_fresh_sandbox();
    let mut run = user.start(UP);
    wait_for(&user, &mut run, "CreateTable");
    send(&run, "-INT");
    finish(run).exits(130);
    // Not asked of DynamoDB: the table itself shows late, too.
    let made = user.inventory().iter().any(|item| item.contains("table/users"));
    assert!(made, "the table was not made before the interruption");
    user.confctl(UP).exits(0);
    user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    assert_eq!(user.inventory(), empty);
}

#[test]
fn an_environment_that_is_not_listed_yet_is_taken_down_all_the_same() {
    let user = User::new()
        .with("CONFCTL_SANDBOX_TIME_SCALE", "60")
        .with("CONFCTL_SANDBOX_TAG_DELAY", "50");
    let empty = user.inventory_of_a_fresh_sandbox();
    user.confctl(UP).exits(0);
    let named = ["--environment-name", "Tcb-conference-env"];
    user.aws(&[&["elasticbeanstalk", "terminate-environment"], &named[..]].concat())
        .exits(0);
    let before = user.calls("CreateEnvironment");
    let mut run = user.start(UP);
    wait_for_more(&user, &mut run, "CreateEnvironment", before);
    send(&run, "-INT");
    finish(run).exits(130);
    user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    let left = user.inventory().into_iter();
    // Of the one that others terminated: nobody can tell any more whose it was.
    let left: Vec<_> = left.filter(|item| !item.contains("resources/environments/")).collect();
    assert_eq!(left, empty);
}

#[test]
fn sigterm_says_143_and_a_teardown_in_the_middle_of_a_launch_waits_and_removes_all() {
    let user = User::new().with("CONFCTL_SANDBOX_TIME_SCALE", "60");
    user.confctl(&["bundle"]).exits(0);
    let empty = user.inventory_of_a_fresh_sandbox();
    let mut run = user.start(UP);
    wait_for(&user, &mut run, "CreateEnvironment");
    send(&run, "-TERM");
    finish(run).exits(143);
    user.confctl(&["teardown", "--sandbox", "--yes", "-p", "dev"]).exits(0);
    assert_eq!(user.inventory(), empty);
}

#[test]
fn a_killed_run_has_lost_its_lock_on_this_machine_at_once_and_elsewhere_with_its_lease() {
    let user = User::new().with("CONFCTL_SANDBOX_TIME_SCALE", "60");
    user.confctl(&["bundle"]).exits(0);
    user.inventory_of_a_fresh_sandbox();
    // With a default VPC of the account's own: one that a kill -9 leaves between CreateDefaultVpc and its tags cannot be
    // proven ours and stays, as docs/operations.md says; when the kill comes must not decide what is tested here.
    user.aws(&["ec2", "create-default-vpc"]).exits(0);
    let before = user.inventory();
    let mut run = user.start(UP);
    wait_for(&user, &mut run, "CreateTable");
    run.kill().unwrap();
    run.wait().unwrap();
    // The same command takes it over and goes on: no unlock, no state to mend.
    let again = user.confctl(UP).exits(0);
    assert!(
        again.stdout.contains("taking over the stack's lock"),
        "{}",
        again.stdout
    );
    assert!(!again.stdout.contains("its lease ends"), "{}", again.stdout);
    // Of another machine's nothing is known but that it is not renewed.
    lock_of(&user, "other");
    let torn_down = user.confctl(&["teardown", "--sandbox", "--yes", "-o", "json"]).exits(0);
    assert!(torn_down.stdout.contains("its lease ends"), "{}", torn_down.stdout);
    assert_eq!(user.inventory(), before);
}

#[test]
fn a_teardown_killed_while_the_environment_terminates_is_finished_by_the_next() {
    let user = User::new().with("CONFCTL_SANDBOX_TIME_SCALE", "60");
    let empty = user.inventory_of_a_fresh_sandbox();
    user.confctl(UP).exits(0);
    let mut run = user.start(&["teardown", "--sandbox", "--yes"]);
    wait_for(&user, &mut run, "TerminateEnvironment");
    run.kill().unwrap();
    run.wait().unwrap();
    // The environment goes meanwhile: that is no other stack than the one that was confirmed.
    user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    assert_eq!(user.inventory(), empty);
}

#[test]
fn somebody_at_work_is_not_interrupted() {
    let user = User::new().with("CONFCTL_SANDBOX_TIME_SCALE", "1");
    user.confctl(&["bundle"]).exits(0);
    let mut run = user.start(UP);
    wait_for(&user, &mut run, "CreateTable");
    let refused = user
        .confctl(&["up", "--sandbox", "--yes", "-p", "dev", "-o", "json"])
        .exits(6);
    let error = refused.summary()["error"].clone();
    assert!(error["message"].as_str().unwrap().contains("confctl up"), "{error}");
    send(&run, "-INT");
    finish(run).exits(130);
}

/// A package whose build says that it has begun and then takes a minute.
fn slow_package(user: &User) -> std::path::PathBuf {
    let package = user.home().join("slow");
    let files = [
        (
            "Cargo.toml",
            "[package]\nname = \"slow\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n",
        ),
        (
            "Cargo.lock",
            "version = 4\n\n[[package]]\nname = \"slow\"\nversion = \"0.1.0\"\n",
        ),
        ("Procfile", "web: ./slow\n"),
        ("src/main.rs", "fn main() {}\n"),
        (
            "build.rs",
            "fn main() { std::fs::write(\"begun\", std::process::id().to_string()).unwrap(); \
             std::thread::sleep(std::time::Duration::from_secs(60)); }\n",
        ),
    ];
    std::fs::create_dir_all(package.join("src")).unwrap();
    for (name, text) in files {
        std::fs::write(package.join(name), text).unwrap();
    }
    package
}

#[test]
fn a_stop_in_the_apps_build_ends_the_compiler_and_says_so() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let user = User::new();
        let package = slow_package(&user);
        let bundle = format!("app.bundle={}", package.display());
        let run = user.start(&[UP, &["--set", &bundle]].concat());
        let began = Instant::now();
        let building = loop {
            if let Some(pid) = std::fs::read_to_string(package.join("begun"))
                .ok()
                .filter(|pid| !pid.is_empty())
            {
                break pid;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "the build did not begin");
            std::thread::sleep(Duration::from_millis(20));
        };
        send(&run, signal);
        let stopped = finish(run).exits(code);
        assert_eq!(stopped.summary()["resumable"], true);
        // An orphan that ended keeps its number until init takes note of it, but has no command line any more.
        let runs = || std::fs::read(format!("/proc/{building}/cmdline")).is_ok_and(|command| !command.is_empty());
        until("the end of the build", Duration::from_secs(5), || !runs());
    }
}

/// Writes the lock as a run of another machine's would.
pub fn lock_of(user: &User, id: &str) -> String {
    let file = user.home().join("lock.json");
    let lock = format!(r#"{{"id":"{id}","command":"teardown","who":"somebody@else","renewals":0}}"#);
    std::fs::write(&file, lock).unwrap();
    let place = "s3://elasticbeanstalk-us-east-1-123456789012/confctl/tcb-conference/lock.json";
    user.aws(&["s3", "cp", file.to_str().unwrap(), place]).exits(0);
    place.to_owned()
}

#[test]
fn a_run_that_loses_its_lock_stops_and_names_who_took_it() {
    // In real time a launch lasts minutes: the next renewal of the lock comes in its middle.
    let user = User::new().with("CONFCTL_SANDBOX_TIME_SCALE", "1");
    user.confctl(&["bundle"]).exits(0);
    let mut run = user.start(UP);
    wait_for(&user, &mut run, "CreateTable");
    lock_of(&user, "thief");
    let stopped = finish(run).exits(6);
    let error = stopped.summary()["error"].clone();
    assert!(error["cause"].to_string().contains("somebody@else"), "{error}");
}

#[test]
fn ctrl_c_while_aws_does_not_answer_ends_a_plan_at_once() {
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", deaf.local_addr().unwrap());
    let user = User::new()
        .with("AWS_ENDPOINT_URL", &endpoint)
        .with("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .with("AWS_SECRET_ACCESS_KEY", "secret")
        .with("AWS_REGION", "us-east-1");
    let run = user.start(&["plan", "-o", "json"]);
    let _held = deaf.accept().unwrap();
    send(&run, "-INT");
    finish(run).exits(130);
}

const TEARDOWN: &[&str] = &["teardown", "--sandbox", "--yes", "-o", "json"];

/// Interrupts a run by Ctrl-C once AWS has done the N-th request of an operation: its answer comes, and nothing after it.
fn interrupted_after(user: &User, arguments: &[&str], operation: &str, nth: usize) {
    let nth = nth.to_string();
    let id = user.fault(operation, &["--kind", "hold", "--when", "after", "--nth", &nth]);
    let mut run = user.start(arguments);
    assert!(user.holds(&mut run, id), "{}", finish(run).stderr);
    send(&run, "-INT");
    user.release(id);
    finish(run).exits(130);
    user.clear_faults();
}

/// What there is of a kind, as the sandbox lists it.
fn of_kind(user: &User, kind: &str) -> Vec<String> {
    let kind = format!("\"type\":\"{kind}\"");
    let all = user.inventory().into_iter();
    all.filter(|item| item.contains(&kind)).collect()
}

/// Whether all of these carry the stack's tags.
fn are_ours(items: &[String]) -> bool {
    items
        .iter()
        .all(|item| item.contains("\"confctl:stack\":\"tcb-conference\""))
}

#[test]
fn a_gateway_that_was_detached_to_be_deleted_is_found_again_whatever_became_of_its_vpc() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    user.confctl(UP).exits(0);
    interrupted_after(&user, TEARDOWN, "ec2:DetachInternetGateway", 1);
    let told = user.confctl(&["status", "--sandbox"]).exits(0).stdout;
    assert!(told.contains("internet gateway igw-"), "{told}");
    // The next one gets as far as the VPC itself.
    user.fault("ec2:DeleteInternetGateway", &["--kind", "deny"]);
    let denied = user.confctl(TEARDOWN).exits(1);
    let left = denied.summary()["left_behind"].to_string();
    assert!(left.contains("internet gateway igw-"), "{left}");
    user.clear_faults();
    assert!(of_kind(&user, "vpc").is_empty() && of_kind(&user, "internet-gateway").len() == 1);
    let told = user.confctl(&["status", "--sandbox"]).exits(0).stdout;
    assert!(told.contains("of a VPC that is gone"), "{told}");
    user.confctl(TEARDOWN).exits(0);
    assert_eq!(user.inventory(), empty);
}

#[test]
fn a_default_vpc_that_a_teardown_took_half_of_is_completed_by_the_next_up() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    user.confctl(UP).exits(0);
    let whole = of_kind(&user, "subnet").len();
    interrupted_after(&user, TEARDOWN, "ec2:DeleteSubnet", 3);
    assert_eq!(of_kind(&user, "subnet").len(), whole - 3);
    let plan = user.confctl(&["plan", "--sandbox", "-p", "dev"]).exits(0).stderr;
    assert_eq!(plan.matches("default subnet in us-east-1").count(), 3, "{plan}");
    user.confctl(UP).exits(0);
    let subnets = of_kind(&user, "subnet");
    assert!(subnets.len() == whole && are_ours(&subnets), "{subnets:#?}");
    user.confctl(&["plan", "--sandbox", "-p", "dev", "--detailed-exitcode"])
        .exits(0);
    // All but the VPC itself: its gateway too.
    interrupted_after(&user, TEARDOWN, "ec2:DeleteInternetGateway", 1);
    user.confctl(UP).exits(0);
    assert_eq!(of_kind(&user, "subnet").len(), whole);
    assert!(are_ours(&of_kind(&user, "internet-gateway")));
    user.confctl(&["plan", "--sandbox", "-p", "dev", "--detailed-exitcode"])
        .exits(0);
    user.confctl(TEARDOWN).exits(0);
    assert_eq!(user.inventory(), empty);
}

#[test]
fn the_log_of_an_environment_that_an_interrupted_teardown_terminated_goes_although_an_up_came_between() {
    let user = User::new().with("CONFCTL_SANDBOX_TIME_SCALE", "60");
    let empty = user.inventory_of_a_fresh_sandbox();
    user.confctl(UP).exits(0);
    interrupted_after(&user, TEARDOWN, "elasticbeanstalk:TerminateEnvironment", 1);
    user.confctl(UP).exits(0);
    user.confctl(TEARDOWN).exits(0);
    assert_eq!(user.inventory(), empty);
}

#[test]
fn parts_of_a_vpc_that_were_not_tagged_are_seen_and_one_that_cannot_be_tagged_is_not_left() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    user.fault("ec2:CreateTags", &["--kind", "deny", "--nth", "1"]);
    let denied = user.confctl(UP).exits(1).summary();
    assert!(denied["error"].to_string().contains("deleted again"), "{denied}");
    assert!(of_kind(&user, "vpc").is_empty() && of_kind(&user, "internet-gateway").is_empty());
    user.clear_faults();
    // The VPC's own tags are the first, those of its parts the second.
    user.fault("ec2:CreateTags", &["--kind", "deny", "--nth", "2"]);
    user.confctl(UP).exits(1);
    user.clear_faults();
    assert!(are_ours(&of_kind(&user, "vpc")) && !are_ours(&of_kind(&user, "subnet")));
    let plan = user.confctl(&["plan", "--sandbox", "-p", "dev"]).exits(0).stderr;
    assert!(plan.contains("tag confctl:stack of 6 subnets, igw-"), "{plan}");
    user.confctl(UP).exits(0);
    assert!(are_ours(&of_kind(&user, "subnet")) && are_ours(&of_kind(&user, "internet-gateway")));
    user.confctl(&["plan", "--sandbox", "-p", "dev", "--detailed-exitcode"])
        .exits(0);
    user.confctl(TEARDOWN).exits(0);
    assert_eq!(user.inventory(), empty);
}

#[test]
fn a_vpc_whose_making_nobody_can_prove_is_named_until_the_user_says_whose_it_is() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    user.fault("ec2:CreateDefaultVpc", &["--kind", "cut-after", "--nth", "1"]);
    user.confctl(UP).exits(0);
    user.clear_faults();
    let plan = user
        .confctl(&["plan", "--sandbox", "-p", "dev", "--detailed-exitcode"])
        .exits(0);
    for told in ["which nothing proves", "--adopt default-vpc"] {
        assert!(plan.stderr.contains(told), "{}", plan.stderr);
    }
    // Twice: what it says is not forgotten with the rest.
    for _ in 0..2 {
        let left = user.confctl(TEARDOWN).exits(3).summary();
        let remains = left["outputs"]["remains"].to_string();
        assert!(remains.contains("--adopt default-vpc"), "{left}");
        assert!(!left.to_string().contains("nothing of this stack is left"), "{left}");
    }
    user.confctl(&[TEARDOWN, &["--adopt", "default-vpc"]].concat()).exits(0);
    assert_eq!(user.inventory(), empty);
}

#[test]
fn a_key_pair_whose_private_key_never_got_here_is_made_anew() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    let site = user.site(&[]);
    let with_key = [UP, &["--set", "ssh.enabled=true", "--set", &site]].concat();
    let ended = user.killed_at(&with_key, "ec2:CreateKeyPair", 1, "after");
    assert!(ended.is_none(), "{}", ended.unwrap().stderr);
    let lost = of_kind(&user, "key-pair");
    assert_eq!(lost.len(), 1);
    let keys = user.home().join(".local/share/confctl/keys/123456789012/us-east-1");
    assert!(!keys.exists());
    user.confctl(&with_key).exits(0);
    assert_eq!(std::fs::read_dir(&keys).unwrap().count(), 1);
    assert!(of_kind(&user, "key-pair").len() == 1 && of_kind(&user, "key-pair") != lost);
    user.confctl(TEARDOWN).exits(0);
    assert_eq!(user.inventory(), empty);
}
