//! A stack that is up, looked at: its events, its instances' logs, an instance from inside, the site in a browser, outputs for a
//! pipeline, and the screen that shows all of it. One sandbox for everything: nothing here changes the stack.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Ran, User, until};

const PATIENCE: Duration = Duration::from_secs(120);

/// What no program that confctl starts may find.
const SECRET: &str = "hunter2";

/// A site that says something on each of its instances, and a bell and a cleared screen with it.
const START: &str = "printf 'hello \\033[2J\\007from the site\\n'\nexec python3 -m http.server $PORT\n";

/// Leaves behind how it was called: a line for each argument, and its environment.
const STAND_IN: &str = "#!/bin/sh
name=$(basename \"$0\")
if [ \"$1\" = --version ]; then cat \"$HOME/$name.version\"; exit; fi
printf '%s\\n' \"$@\" > \"$HOME/$name.arguments\"
env > \"$HOME/$name.environment\"
";

#[test]
fn a_stack_that_is_up_can_be_looked_at_from_all_sides() {
    let user = with_stand_ins();
    let site = user.site(&[("Procfile", "web: sh start.sh\n"), ("start.sh", START)]);
    let up = ["up", "--sandbox", "--yes", "--no-verify", "--no-check", "-o", "json"];
    let set = [
        "cdn.enabled=false",
        "app.health_path=/",
        "ssh.source=203.0.113.0/24",
        &site,
    ];
    let set: Vec<&str> = set.iter().flat_map(|set| ["--set", set]).collect();
    let outputs = user.confctl(&[&up[..], &set].concat()).exits(0).summary()["outputs"].clone();

    events_are_told_and_followed(&user);
    outputs_are_written_for_shells_and_pipelines(&user, &outputs);
    the_site_is_opened_as_one_word(&user, &outputs);
    let instances = logs_are_read_and_followed(&user, &outputs);
    the_ends_of_all_files_are_had_from_the_instances(&user, &instances);
    an_instance_is_entered(&user, &instances);
    one_command_is_run_there(&user, &instances);
    programs_are_told_each_change(&user, &instances);
    the_screen_is_given_back_as_it_was(&user, &instances);
}

#[test]
fn what_is_not_up_says_so() {
    let user = User::new();
    for line in [
        &["logs"][..],
        &["ssh"],
        &["open"],
        &["outputs"],
        &["events"],
        &["events", "--follow"],
        &["list"],
        &["reap"],
        &["reap", "--yes"],
        &["load", "--yes"],
        &["stress", "--yes"],
        &["export"],
        &["draw", "--winners", "1"],
    ] {
        let ran = user
            .confctl(&[line, &["--sandbox", "--name", "nosuch"]].concat())
            .exits(1);
        let told = "error: the stack nosuch is not up\n  hint: `confctl up --sandbox --name nosuch` brings it up";
        assert!(ran.stderr.contains(told), "{line:?}: {}", ran.stderr);
    }
    // What there is, is what these two are asked for.
    let none = user.confctl(&["status", "--sandbox", "--name", "nosuch"]).exits(0);
    assert!(
        none.stdout.contains("There is nothing of the stack nosuch"),
        "{}",
        none.stdout
    );
    let none = user.confctl(&["list", "--sandbox"]).exits(0);
    assert!(none.stdout.contains("There is no stack here."), "{}", none.stdout);
    for usage in [
        &["logs", "tails", "--follow"][..],
        &["logs", "--instance", "web"],
        &["logs", "deployment", "--instance", "i-0123456789abcdef0"],
        &["ssh", "ls"],
        &["ssh", "--", ""],
        &["events", "--since", "soon"],
        &["ssh", "-o", "json"],
    ] {
        user.confctl(&[&["--sandbox"], usage].concat()).exits(64);
    }
}

/// A user who has programs of these names, and secrets in the environment.
fn with_stand_ins() -> User {
    let user = User::new();
    let folder = user.home().join("bin");
    std::fs::create_dir(&folder).unwrap();
    for name in ["session-manager-plugin", "ssh", "browser"] {
        let file = folder.join(name);
        std::fs::write(&file, STAND_IN).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let browser = format!("{} --new-window %s", folder.join("browser").display());
    user.with("PATH", &path)
        .with("BROWSER", &browser)
        .with("GITHUB_TOKEN", SECRET)
        .with("AWS_SECRET_ACCESS_KEY", SECRET)
}

/// What a stand-in was called with, a line each.
fn called(user: &User, name: &str) -> Vec<String> {
    let of = |kind: &str| std::fs::read_to_string(user.home().join(format!("{name}.{kind}"))).unwrap();
    assert!(!of("environment").contains(SECRET), "{name} was given a secret");
    of("arguments").lines().map(str::to_owned).collect()
}

/// Started, with what it prints in a file.
fn start(user: &User, arguments: &[&str]) -> (Child, PathBuf) {
    let printed = user.home().join(format!("{}.printed", arguments[0]));
    let child = user
        .command(arguments)
        .stdout(File::create(&printed).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    (child, printed)
}

#[track_caller]
fn prints(printed: &Path, text: &str) {
    until(text, PATIENCE, || {
        std::fs::read_to_string(printed).unwrap().contains(text)
    });
}

/// Signals it; gives its exit code.
fn end(mut child: Child, signal: Signal) -> Option<i32> {
    kill_process(Pid::from_child(&child), signal).unwrap();
    child.wait().unwrap().code()
}

fn events_are_told_and_followed(user: &User) {
    let told = user.confctl(&["events", "--sandbox"]).exits(0).stdout;
    let lines: Vec<&str> = told.lines().collect();
    let place = |text: &str| {
        lines
            .iter()
            .position(|line| line.contains(text))
            .unwrap_or_else(|| panic!("no {text} in {told}"))
    };
    assert!(
        place("createEnvironment is starting") < place("Successfully launched environment"),
        "{told}"
    );
    // By AWS's clock, which is ahead of this machine's: a moment of before is before all of them.
    let all = user
        .confctl(&["events", "--sandbox", "--since", "2026-01-01T00:00:00Z", "-o", "json"])
        .exits(0);
    let events = all.events();
    assert_eq!(all.summary()["outputs"]["events"], events.len() - 1);
    assert!(
        events[0]["request_id"].is_string() && events[0]["type"] == "event",
        "{}",
        events[0]
    );

    let (follower, printed) = start(user, &["events", "--sandbox", "--follow"]);
    prints(&printed, "Successfully launched environment");
    let ask = ["elasticbeanstalk", "request-environment-info", "--info-type", "tail"];
    user.aws(&[&ask[..], &["--environment-name", "Tcb-conference-env"]].concat())
        .exits(0);
    prints(&printed, "requestEnvironmentInfo completed successfully");
    assert_eq!(end(follower, Signal::TERM), Some(143));
    let followed = std::fs::read_to_string(&printed).unwrap();
    assert_eq!(
        followed.matches("createEnvironment is starting").count(),
        1,
        "{followed}"
    );
}

fn outputs_are_written_for_shells_and_pipelines(user: &User, outputs: &Value) {
    let site = outputs["site_url"].as_str().unwrap();
    let json = user.confctl(&["outputs", "--sandbox"]).exits(0).json();
    assert_eq!(json["site_url"], site);
    let env = user
        .confctl(&["outputs", "--sandbox", "--format", "env"])
        .exits(0)
        .stdout;
    let shell = Command::new("sh")
        .args(["-c", "eval \"$1\"; printf %s \"$SITE_URL\"", "sh", &env])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&shell.stdout), site);

    let printed = user
        .confctl(&["outputs", "--sandbox", "--format", "github"])
        .exits(0)
        .stdout;
    assert!(printed.contains("site_url<<confctl_"), "{printed}");
    let file = user.home().join("github-output");
    std::fs::write(&file, "before=1\n").unwrap();
    let mut step = user.command(&["outputs", "--sandbox", "--format", "github"]);
    let ran: Ran = step.env("GITHUB_OUTPUT", &file).output().unwrap().into();
    assert_eq!(ran.exits(0).stdout, "");
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(
        written.starts_with("before=1\n") && written.contains(&format!("\n{site}\n")),
        "{written}"
    );
}

fn the_site_is_opened_as_one_word(user: &User, outputs: &Value) {
    let site = format!("{}/", outputs["site_url"].as_str().unwrap());
    let ran = user.confctl(&["open", "--sandbox"]).exits(0);
    assert_eq!(ran.stdout.trim(), site);
    assert_eq!(called(user, "browser"), ["--new-window", &site]);
    std::fs::remove_file(user.home().join("browser.arguments")).unwrap();
    user.confctl(&["open", "--sandbox", "--print"]).exits(0);
    assert!(!user.home().join("browser.arguments").exists());
    // One that is not there, and one that opens nothing: the address is told, and that nobody saw it.
    for (browser, code) in [("/nope", 64), ("false", 1)] {
        let mut open = user.command(&["open", "--sandbox"]);
        let ran: Ran = open.env("BROWSER", browser).output().unwrap().into();
        let ran = ran.exits(code);
        assert_eq!(ran.stdout.trim(), site);
        assert!(ran.stderr.contains("BROWSER"), "{}", ran.stderr);
    }
}

/// Gives the ids of the instances.
fn logs_are_read_and_followed(user: &User, outputs: &Value) -> Vec<String> {
    let hello = || {
        user.confctl(&["logs", "--sandbox", "--since", "48h", "--grep", "hello", "-o", "json"])
            .exits(0)
    };
    // What is printed at the start is sent some seconds later.
    until("both instances' first words", PATIENCE, || {
        hello().summary()["outputs"]["lines"] == 2
    });
    let events = hello().events();
    let lines: Vec<&Value> = events.iter().filter(|event| event["type"] == "log").collect();
    assert!(
        lines.iter().all(|line| line["message"] == "hello  [2J from the site"),
        "{lines:#?}"
    );
    let instances: Vec<String> = lines
        .iter()
        .map(|line| line["source"].as_str().unwrap().to_owned())
        .collect();

    let (follower, printed) = start(user, &["logs", "--sandbox", "--follow", "--since", "48h"]);
    let asked = format!("{}/a-visitor-was-here", outputs["site_url"].as_str().unwrap());
    user.curl(&["-o", "/dev/null", &asked]).exits(0);
    prints(&printed, "a-visitor-was-here");
    assert_eq!(end(follower, Signal::INT), Some(130));
    let followed = std::fs::read_to_string(&printed).unwrap();
    assert_eq!(followed.matches("hello").count(), 2, "{followed}");

    let unknown = ["logs", "--sandbox", "--instance", "i-0123456789abcdef0"];
    let unknown = user.confctl(&unknown).exits(64);
    assert!(unknown.stderr.contains(&instances[0]), "{}", unknown.stderr);

    let of_one = [
        "logs",
        "--sandbox",
        "--since",
        "48h",
        "--grep",
        "hello",
        "--instance",
        &instances[0],
    ];
    let told = user.confctl(&of_one).exits(0).stdout;
    assert!(told.lines().count() == 1 && told.contains(&instances[0]), "{told}");
    let engine = user
        .confctl(&["logs", "engine", "--sandbox", "--since", "48h"])
        .exits(0)
        .stdout;
    assert!(
        engine.contains("Instance deployment completed successfully"),
        "{engine}"
    );
    instances
}

fn the_ends_of_all_files_are_had_from_the_instances(user: &User, instances: &[String]) {
    let tails = user
        .confctl(&["logs", "tails", "--sandbox", "--grep", "GET / |Executing command"])
        .exits(0)
        .stdout;
    for instance in instances {
        assert!(
            tails.contains(&format!("== {instance}  /var/log/web.stdout.log")),
            "{tails}"
        );
    }
    assert!(
        tails.contains("/var/log/eb-engine.log") && tails.contains("\"GET / HTTP/1.1\" 200"),
        "{tails}"
    );
    user.confctl(&["logs", "tails", "--sandbox", "--instance", "i-0"])
        .exits(64);
    let deployment = user
        .confctl(&["logs", "deployment", "--sandbox", "-o", "json"])
        .exits(0);
    assert_eq!(deployment.summary()["ok"], true);
}

fn an_instance_is_entered(user: &User, instances: &[String]) {
    let version = user.home().join("session-manager-plugin.version");
    std::fs::write(&version, "1.2.707.0\n").unwrap();
    // An agent registers some time after its instance was launched.
    until("a session", PATIENCE, || {
        user.confctl(&["ssh", "--sandbox", "--by", "session-manager", &instances[0]])
            .code()
            == 0
    });
    let arguments = called(user, "session-manager-plugin");
    assert_eq!(
        arguments[..4],
        ["AWS_SSM_START_SESSION_RESPONSE", "us-east-1", "StartSession", ""]
    );
    assert_eq!(arguments[4], format!("{{\"Target\":\"{}\"}}", instances[0]));
    assert!(arguments[5].starts_with("http://127.0.0.1:"), "{arguments:?}");
    let environment = std::fs::read_to_string(user.home().join("session-manager-plugin.environment")).unwrap();
    let response = environment
        .lines()
        .find_map(|line| line.strip_prefix("AWS_SSM_START_SESSION_RESPONSE="));
    let response: Value = serde_json::from_str(response.unwrap()).unwrap();
    assert!(
        response["StreamUrl"]
            .as_str()
            .unwrap()
            .contains(response["SessionId"].as_str().unwrap())
    );
    assert!(!arguments.concat().contains(response["TokenValue"].as_str().unwrap()));

    // One that would show the token to everybody on the machine is passed by: the key is next.
    std::fs::write(&version, "1.2.497.0\n").unwrap();
    user.confctl(&["ssh", "--sandbox"]).exits(0);
    let arguments = called(user, "ssh");
    let key = user
        .home()
        .join(".local/share/confctl/keys/123456789012/us-east-1/mod4-ssh-key.pem");
    assert_eq!(arguments[..2], ["-i", key.to_str().unwrap()]);
    let alias = format!("HostKeyAlias={}", instances.iter().min().unwrap());
    assert!(arguments.contains(&alias), "{arguments:?}");
    let [dashes, host] = &arguments[arguments.len() - 2..] else {
        panic!("{arguments:?}")
    };
    assert!(dashes == "--" && host.starts_with("ec2-user@"), "{arguments:?}");
    user.confctl(&["ssh", "--sandbox", "i-0123456789abcdef0"]).exits(64);
}

fn one_command_is_run_there(user: &User, instances: &[String]) {
    let ran = user
        .confctl(&[
            "ssh",
            "--sandbox",
            &instances[1],
            "-o",
            "json",
            "--",
            "echo",
            "two  words",
            "$HOME",
        ])
        .exits(0);
    let outputs = &ran.summary()["outputs"];
    assert_eq!(
        (&outputs["stdout"], &outputs["exit_code"]),
        (&"two  words $HOME\n".into(), &0.into())
    );
    assert_eq!(outputs["instance"], instances[1].as_str());
    let line = user
        .confctl(&["ssh", "--sandbox", "--", "printf 'a\\033[2Jb' | tr a-z A-Z"])
        .exits(0);
    assert_eq!(line.stdout, "A [2JB\n");
    let failed = user
        .confctl(&["ssh", "--sandbox", "-o", "json", "--", "echo why >&2; exit 3"])
        .exits(1)
        .summary();
    assert_eq!(
        (&failed["outputs"]["exit_code"], &failed["outputs"]["stderr"]),
        (&3.into(), &"why\n".into())
    );
}

fn programs_are_told_each_change(user: &User, instances: &[String]) {
    let watched = user
        .confctl(&["status", "--watch", "--sandbox", "-o", "json", "--timeout", "4s"])
        .exits(0);
    let events = watched.events();
    let seen: Vec<&Value> = events.iter().filter(|event| event["type"] == "status").collect();
    assert_eq!(events.len(), seen.len() + 1, "{}", watched.stdout);
    let first = &seen[0]["environment"];
    assert_eq!(
        (&first["status"], &first["health"]),
        (&"Ready".into(), &"Ok".into()),
        "{first}"
    );
    let mut ids: Vec<&str> = instances.iter().map(String::as_str).collect();
    ids.sort_unstable();
    let of: Vec<&str> = first["instances"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].as_str().unwrap())
        .collect();
    assert_eq!(of, ids);
    assert!(
        first["instances"][0]["cpu"].is_number() && first["instances"][0]["deployment"] == 1,
        "{first}"
    );
    assert_eq!(first["alarms"].as_array().map(Vec::len), Some(2), "{first}");
    let whole = |seen: &&Value| {
        let mut seen = (*seen).clone();
        seen.as_object_mut().unwrap().remove("time");
        seen
    };
    let all: Vec<Value> = seen.iter().map(whole).collect();
    assert!(
        all.windows(2).all(|two| two[0] != two[1]),
        "told twice:\n{}",
        watched.stdout
    );
    // Where nobody reads JSON and there is no terminal, a line a change.
    let lines = user
        .confctl(&["status", "--watch", "--sandbox", "--timeout", "1s"])
        .exits(0)
        .stdout;
    assert!(
        lines.contains("environment: Ready, Ok") && lines.contains(ids[0]),
        "{lines}"
    );
}

/// A terminal, in which a shell says how it was before and after.
struct Terminal<'a> {
    user: &'a User,
}

impl Terminal<'_> {
    fn tmux(&self, arguments: &[&str]) -> String {
        let template = self.user.command(&[]);
        let set = template.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let mut tmux = Command::new("tmux");
        tmux.env_clear()
            .envs(set)
            .env("TERM", "xterm-256color")
            .arg("-S")
            .arg(self.user.home().join("tmux"));
        // -u: of UTF-8, whatever the locale is.
        let ran: Ran = tmux
            .args(["-u", "-f", "/dev/null"])
            .args(arguments)
            .output()
            .unwrap()
            .into();
        ran.exits(0).stdout
    }

    fn begin(&self, columns: &str, rows: &str) {
        for left in ["before", "after", "code", "pid"] {
            let _ = std::fs::remove_file(self.user.home().join(left));
        }
        let watch = format!(
            "cd \"$HOME\"; stty -g > before; sh -c 'echo $$ > pid; exec {} status --watch --sandbox'; echo $? > code; stty -g > after; cat",
            env!("CARGO_BIN_EXE_confctl")
        );
        // A server that ends with its last session may still be about to when the next one is begun.
        let stays = ["start-server", ";", "set-option", "-s", "exit-empty", "off", ";"];
        let session = ["new-session", "-d", "-s", "watch", "-x", columns, "-y", rows, &watch];
        self.tmux(&[&stays[..], &session].concat());
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-t", "watch"])
    }

    /// Whether it is the alternate screen, and whether there is a cursor.
    fn state(&self) -> String {
        self.tmux(&["display-message", "-p", "-t", "watch", "#{alternate_on} #{cursor_flag}"])
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.user.home().join(name))
            .unwrap_or_default()
            .trim()
            .to_owned()
    }

    #[track_caller]
    fn shows(&self, texts: &[&str]) -> String {
        until(&format!("{texts:?}"), PATIENCE, || {
            let screen = self.screen();
            texts.iter().all(|text| screen.contains(text))
        });
        self.screen()
    }

    #[track_caller]
    fn was_given_back(&self, code: &str) {
        until("the end", PATIENCE, || !self.read("after").is_empty());
        assert_eq!(self.read("code"), code);
        assert_eq!(self.read("before"), self.read("after"));
        assert_eq!(self.state().trim(), "0 1");
        self.tmux(&["kill-session", "-t", "watch"]);
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        let socket = self.user.home().join("tmux");
        let _ = Command::new("tmux").arg("-S").arg(socket).arg("kill-server").output();
    }
}

#[expect(clippy::print_stderr, reason = "a test that cannot run here says so")]
fn the_screen_is_given_back_as_it_was(user: &User, instances: &[String]) {
    if Command::new("tmux").arg("-V").output().is_err() {
        eprintln!("skipped: there is no tmux here");
        return;
    }
    let terminal = Terminal { user };
    let everywhere = [
        "tcb-conference",
        "Ready, health Ok",
        "INSTANCE",
        &instances[0],
        "ALARM",
        "EVENTS",
        "q or Ctrl-C ends it",
    ];

    terminal.begin("80", "24");
    let screen = terminal.shows(&everywhere);
    assert!(
        !screen.contains("ZONE") && screen.lines().all(|line| line.chars().count() <= 80),
        "{screen}"
    );
    assert_eq!(screen.trim_end().lines().count(), 24, "{screen}");
    // The address is whole, and what is cut says so at the terminal's very edge.
    assert!(screen.contains("(not AWS), profile"), "{screen}");
    let is_cut = |line: &str| line.chars().count() == 80 && line.ends_with('…');
    assert!(screen.lines().any(is_cut), "{screen}");
    assert_eq!(terminal.state().trim(), "1 0");
    terminal.tmux(&["send-keys", "-t", "watch", "q"]);
    terminal.was_given_back("0");

    terminal.begin("200", "50");
    let screen = terminal.shows(&everywhere);
    assert!(screen.contains("ZONE") && screen.contains("us-east-1"), "{screen}");
    terminal.tmux(&["resize-window", "-t", "watch", "-x", "80", "-y", "24"]);
    until("the smaller screen", PATIENCE, || !terminal.screen().contains("ZONE"));
    terminal.tmux(&["send-keys", "-t", "watch", "C-c"]);
    terminal.was_given_back("130");

    terminal.begin("80", "24");
    terminal.shows(&everywhere);
    let pid = Pid::from_raw(terminal.read("pid").parse().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    terminal.was_given_back("143");
}
