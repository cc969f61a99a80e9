//! Software that wants more than it was given: root's files where the sandbox is root, other instances' credentials, a life
//! after the sandbox.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};

use super::*;
use crate::instances::processes;
use crate::world::plane::{Command as Script, CommandEnd, DataPlane};

/// Without root there is no wall between the sandbox and what it runs (docs/security.md).
fn has_users() -> bool {
    let user = User::of_new_instance();
    say_where_not(
        user != User::Sandbox,
        "only where the sandbox is root does its software have another user",
    )
}

/// In a namespace of few users all instances have one and the same.
fn has_a_user_for_each() -> bool {
    let user = User::of_new_instance();
    say_where_not(
        user.alone().is_some(),
        "only where the sandbox is root of all users has each instance its own",
    )
}

fn say_where_not(is_so: bool, text: &str) -> bool {
    if !is_so {
        // Who cannot read it has lost nothing.
        let _ = writeln!(std::io::stderr(), "skipped: {text}");
    }
    is_so
}

/// A file of root's that its software must neither read nor change.
struct Secret(PathBuf);

impl Secret {
    const TEXT: &str = "nobody's: business of root";

    fn write(directory: &Path) -> Self {
        let path = directory.join("secret");
        std::fs::write(&path, Self::TEXT).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        Self(path)
    }

    fn assert_untouched(&self) {
        let found = std::fs::metadata(&self.0).unwrap();
        let text = std::fs::read_to_string(&self.0).unwrap();
        assert_eq!((found.uid(), found.mode() & 0o7777, &*text), (0, 0o600, Self::TEXT));
    }

    /// A hook that puts a link to it there.
    fn linked_at(&self, place: &str) -> String {
        format!("#!/bin/sh\nrm -f {place}; ln -s {} {place}\n", self.0.display())
    }
}

/// Puts a link in the place of a file of the next version, as soon as there is a folder.
const RACER_FOR_VERSIONS: &str = "
import os
while True:
    try:
        os.symlink('SECRET', '../2/zz')
        break
    except FileExistsError:
        break
    except OSError:
        pass
";

/// The same with each script, as soon as its first bytes are written.
const RACER_FOR_SCRIPTS: &str = "
import os
while True:
    try:
        for folder in os.listdir('../../commands'):
            script = f'../../commands/{folder}/_script.sh'
            os.unlink(script)
            os.symlink('SECRET', script)
    except OSError:
        pass
";

const HOOK: &str = ".platform/hooks/prebuild/01.sh";

fn logs(machines: &Machines, instance_id: &str) -> String {
    let logs = machines.logs(instance_id).into_iter();
    logs.map(|(name, text)| format!("{name}:\n{text}\n")).collect()
}

async fn run(machines: &Machines, instance_id: &str, id: &str, script: &str) -> CommandEnd {
    let script = Script {
        id: id.to_owned(),
        script: script.to_owned(),
        directory: None,
        limit: Duration::from_secs(30),
        role_arn: None,
    };
    machines.run(instance_id, script).await.unwrap()
}

/// It waits for the folder of the next version, and puts a link in the place of one of its files.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_version_cannot_lead_root_astray_while_the_next_is_unpacked() {
    if !has_users() {
        return;
    }
    let directory = private_directory();
    let secret = Secret::write(directory.path());
    let machines = machines(directory.path());
    let racer = RACER_FOR_VERSIONS.replace("SECRET", &secret.0.display().to_string());
    let procfile = "web: python3 racer.py & exec python3 -m http.server --bind 127.0.0.1 $PORT\n";
    let first = bundle(&[("Procfile", procfile, 0o644), ("racer.py", &racer, 0o644)]);
    machines.deploy(deployment("i-1", first)).await.unwrap();

    let filling = "x".repeat(20_000);
    let names: Vec<String> = (0..300).map(|number| format!("filling/{number}")).collect();
    let mut files: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), filling.as_str(), 0o644))
        .collect();
    files.extend([("Procfile", SERVER, 0o644), ("zz", "the bundle's own", 0o666)]);
    machines.deploy(deployment("i-1", bundle(&files))).await.unwrap();
    secret.assert_untouched();
    assert!(get(machines.address("i-1").unwrap(), "/zz").ends_with("the bundle's own"));
    machines.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_version_cannot_lead_root_astray_while_a_script_is_written() {
    if !has_users() {
        return;
    }
    let directory = private_directory();
    let secret = Secret::write(directory.path());
    let machines = machines(directory.path());
    let racer = RACER_FOR_SCRIPTS.replace("SECRET", &secret.0.display().to_string());
    let procfile = "web: python3 racer.py & exec python3 -m http.server --bind 127.0.0.1 $PORT\n";
    let version = bundle(&[("Procfile", procfile, 0o644), ("racer.py", &racer, 0o644)]);
    machines.deploy(deployment("i-1", version)).await.unwrap();
    // Long enough to be caught while it is written.
    let script = "# a line that says nothing at all\n".repeat(50_000);
    for number in 0..20 {
        run(&machines, "i-1", &format!("c-{number}"), &script).await;
        secret.assert_untouched();
    }
    machines.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_is_a_link_opens_no_file_of_roots() {
    if !has_users() {
        return;
    }
    let directory = private_directory();
    let secret = Secret::write(directory.path());
    let machines = machines(directory.path());
    let hook = secret.linked_at(".platform/hooks/predeploy/99.sh");
    let linked = bundle(&[
        ("Procfile", SERVER, 0o644),
        (HOOK, &hook, 0o755),
        (".platform/hooks/predeploy/01.sh", "#!/bin/sh\n", 0o755),
    ]);
    let failure = machines.deploy(deployment("i-1", linked)).await.unwrap_err();
    assert!(
        failure.reason.contains("99.sh") && failure.reason.contains("leads out"),
        "{}",
        failure.reason
    );
    secret.assert_untouched();
    machines.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buildfile_or_a_proxys_file_that_is_a_link_shows_no_file_of_roots() {
    if !has_users() {
        return;
    }
    let directory = private_directory();
    let secret = Secret::write(directory.path());
    let machines = machines(directory.path());
    for place in [
        "Buildfile",
        "Procfile",
        ".platform/nginx/conf.d/site.conf",
        ".platform/nginx/conf.d",
    ] {
        let hook = format!("{}mkdir -p .platform/nginx\n", secret.linked_at(place));
        let hook = hook.replace("rm -f", "mkdir -p .platform/nginx/conf.d; rm -rf");
        let linked = bundle(&[("Procfile", SERVER, 0o644), (HOOK, &hook, 0o755)]);
        let deployed = machines.deploy(deployment("i-1", linked)).await;
        // A Procfile has been read by then.
        if place != "Procfile" {
            let why = deployed.unwrap_err().reason;
            assert!(why.contains("leads out"), "{place}: {why}");
        }
        let logs = logs(&machines, "i-1");
        assert!(!logs.contains(Secret::TEXT), "{place}: {logs}");
        secret.assert_untouched();
    }
    machines.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_reads_neither_the_credentials_nor_the_files_of_another() {
    if !has_a_user_for_each() {
        return;
    }
    let directory = private_directory();
    let machines = machines(directory.path());
    let server = bundle(&[("Procfile", SERVER, 0o644), ("own.txt", "only for i-1", 0o644)]);
    machines.deploy(deployment("i-1", server)).await.unwrap();
    machines.launch("i-2", 1);
    let software = std::fs::read_link(directory.path().join("instances/software")).unwrap();
    let process = mark::marked(&mark::prefix(&directory.path().join("instances")))[0];
    let files = software.join("i-1/versions/1/own.txt");
    let script = format!(
        "cat /proc/{process}/environ; cat {}; kill -0 {process}",
        files.display()
    );
    let its_own = run(&machines, "i-1", "c-1", &script).await;
    assert!(its_own.stdout.contains("token of arn:aws:iam") && its_own.stdout.contains("only for i-1"));
    let anothers = run(&machines, "i-2", "c-2", &script).await;
    assert_eq!(anothers.stdout, "");
    let told = anothers.stderr.to_lowercase();
    assert_eq!(told.matches("permission denied").count(), 2, "{told}");
    assert!(told.contains("not permitted"), "{told}");
    machines.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_program_of_the_machine_gives_the_software_more_rights() {
    let directory = private_directory();
    let machines = machines(directory.path());
    machines.launch("i-1", 1);
    let status = run(&machines, "i-1", "c-1", "grep NoNewPrivs /proc/self/status").await;
    assert_eq!(status.stdout, "NoNewPrivs:\t1\n");
    machines.shutdown().await;
}

/// Processes by what they were started as.
fn named(words: &str) -> Vec<Pid> {
    let is_it = |pid: &Pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ").trim() == words
    };
    processes::all().into_iter().filter(is_it).collect()
}

/// A time to sleep that no other process of the machine has.
fn odd_time() -> String {
    format!(
        "{}.{:09}",
        7_000 + std::process::id() % 1_000,
        rand::random::<u32>() % 1_000_000_000
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_left_its_group_its_session_and_its_environment_ends_with_the_instance() {
    let directory = private_directory();
    let machines = machines(directory.path());
    machines.launch("i-1", 1);
    let times = [odd_time(), odd_time(), odd_time()];
    let [a, b, c] = &times;
    let script = format!("setsid env -i sleep {a} &\nenv -i setsid --fork sleep {b}\nsetsid sleep {c} &\n");
    run(&machines, "i-1", "c-1", &script).await;
    let sleeping = || {
        times
            .iter()
            .filter(|time| !named(&format!("sleep {time}")).is_empty())
            .count()
    };
    until("the processes", || sleeping() == 3).await;
    machines.terminate("i-1").await;
    assert_eq!(sleeping(), 0);
    machines.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_left_its_environment_ends_even_where_the_supervisor_was_killed() {
    if !has_a_user_for_each() {
        return;
    }
    let directory = private_directory();
    let machines = machines(directory.path());
    machines.launch("i-1", 1);
    let time = odd_time();
    run(&machines, "i-1", "c-1", &format!("env -i setsid --fork sleep {time}\n")).await;
    let sleeping = || named(&format!("sleep {time}"));
    until("the process", || !sleeping().is_empty()).await;
    let own = processes::below(rustix::process::getpid());
    let parent_of = |pid| processes::read(pid).and_then(|process| Pid::from_raw(process.parent));
    let supervisor = parent_of(sleeping()[0]).unwrap();
    assert!(
        own.iter().any(|process| process.pid == supervisor),
        "it was not adopted"
    );
    kill_process(supervisor, Signal::KILL).unwrap();
    machines.terminate("i-1").await;
    assert_eq!(sleeping(), []);
    machines.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_talks_without_end_fills_neither_memory_nor_disk() {
    let directory = private_directory();
    let machines = machines(directory.path());
    let talking =
        "#!/bin/sh\nhead -c 40000000 /dev/zero | tr '\\0' x\nhead -c 40000000 /dev/zero | tr '\\0' y >&2\nexit 3\n";
    let talks = bundle(&[("Procfile", SERVER, 0o644), (HOOK, talking, 0o755)]);
    let failure = machines.deploy(deployment("i-1", talks)).await.unwrap_err();
    assert!(
        failure.reason.contains("exit status 3. Stderr:yyy"),
        "{:.200}",
        failure.reason
    );
    let log = directory.path().join("instances/i-1/eb-hooks.log");
    let said = std::fs::read_to_string(log).unwrap();
    assert!(said.len() < 250_000, "{} bytes", said.len());
    assert_eq!(said.matches("---Output truncated---").count(), 2);
    machines.shutdown().await;
}

/// The daemon of another test, which is given what it needs not.
#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_has_no_credentials_of_those_who_started_the_sandbox() {
    let directory = private_directory();
    let mut daemon = Command::new(std::env::current_exe().unwrap())
        .args(["instances::tests::daemon_process", "--exact", "--ignored"])
        .env(DAEMON, directory.path())
        .env("AWS_SECRET_ACCESS_KEY", "the-operators-own")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("a deployment", || directory.path().join("deployed").exists()).await;
    let environment = |pid: Pid| std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let has = |pid: Pid, text: &str| String::from_utf8_lossy(&environment(pid)).contains(text);
    let of_daemon = Pid::from_child(&daemon);
    assert!(has(of_daemon, "the-operators-own"));
    let started = processes::below(of_daemon);
    assert!(started.len() >= 2, "{started:?}");
    assert!(!started.iter().any(|process| has(process.pid, "the-operators-own")));

    daemon.kill().unwrap();
    daemon.wait().unwrap();
    until("the end of all processes", || processes_below(directory.path()) == 0).await;
    super::super::bundle::remove_all(&directory.path().join("instances"));
}
