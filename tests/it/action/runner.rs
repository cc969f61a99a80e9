//! A runner of GitHub's, as far as the action needs one: it reads action.yml, starts each step's script as the runner does, hands
//! files from step to step, and cancels as GitHub does.
//! Must know nothing of what the steps do.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::github::{GitHub, REPOSITORY, TOKEN};
use crate::support::{User, aws_tools};

/// SIGINT, so much later SIGTERM, so much later SIGKILL to all (docs.github.com, workflow cancellation reference).
const UNTIL_TERMINATED: Duration = Duration::from_millis(7_500);
const UNTIL_KILLED: Duration = Duration::from_millis(2_500);

/// A job with one step, which uses the action.
#[derive(Clone)]
pub struct Job<'a> {
    user: &'a User,
    github: &'a GitHub,
    inputs: BTreeMap<String, String>,
    event: (String, Value),
    /// Empty: all.
    steps: Vec<String>,
}

/// By what a cancelled step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancel {
    Interrupted,
    Terminated,
    Killed,
}

/// How a job ended.
#[derive(Default)]
pub struct Ended {
    pub went_well: bool,
    /// Of the last step.
    pub code: i32,
    pub cancelled: Option<Cancel>,
    pub log: String,
    pub summary: String,
    pub outputs: BTreeMap<String, String>,
}

impl<'a> Job<'a> {
    /// For the stack `pr-7`, with the archive of a release whose program is the one that is tested.
    pub fn new(user: &'a User, github: &'a GitHub) -> Self {
        let archive = archive(user.home());
        let hash = hex::encode(Sha256::digest(std::fs::read(&archive).unwrap()));
        let inputs = [
            ("archive", archive.to_str().unwrap()),
            ("sha256", &hash),
            ("name", "pr-7"),
            ("token", TOKEN),
        ];
        Self {
            user,
            github,
            inputs: inputs.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            event: ("push".to_owned(), json!({})),
            steps: Vec::new(),
        }
    }

    pub fn with(&self, input: &str, value: &str) -> Self {
        let mut job = self.clone();
        job.inputs.insert(input.to_owned(), value.to_owned());
        job
    }

    /// With these steps only.
    pub fn steps(&self, steps: &[&str]) -> Self {
        let mut job = self.clone();
        job.steps = steps.iter().map(|step| (*step).to_owned()).collect();
        job
    }

    pub fn event(&self, name: &str, event: &Value) -> Self {
        Self {
            event: (name.to_owned(), event.clone()),
            ..self.clone()
        }
    }

    pub fn run(&self) -> Ended {
        self.run_until(|| false)
    }

    /// Cancels the step that is running when it is so.
    pub fn run_until(&self, mut is_so: impl FnMut() -> bool) -> Ended {
        let action = action();
        let place = tempfile::tempdir_in(self.user.home()).unwrap();
        let mut ended = Ended::default();
        let mut path = std::env::var("PATH").unwrap();
        let mut of_steps = BTreeMap::new();
        for step in action["runs"]["steps"].as_array().unwrap() {
            let name = step["run"].as_str().unwrap().rsplit(' ').next().unwrap();
            if !self.steps.is_empty() && !self.steps.iter().any(|wanted| wanted == name) {
                continue;
            }
            let script = place.path().join("script.sh");
            std::fs::write(&script, step["run"].as_str().unwrap()).unwrap();
            let mut bash = self.step(place.path(), &path, step, &action);
            // `shell: bash` is this (docs.github.com, workflow syntax).
            bash.args(["--noprofile", "--norc", "-e", "-o", "pipefail"])
                .arg(&script);
            (ended.code, ended.cancelled) = followed(bash, place.path(), &mut is_so);
            ended
                .log
                .push_str(&std::fs::read_to_string(place.path().join("log")).unwrap());
            let of_step = pairs(&place.path().join("output"));
            of_steps.extend(step["id"].as_str().map(|id| (id.to_owned(), of_step)));
            if ended.code != 0 {
                break;
            }
            let added = std::fs::read_to_string(place.path().join("path")).unwrap();
            path = added.lines().fold(path, |path, folder| format!("{folder}:{path}"));
            std::fs::write(place.path().join("path"), "").unwrap();
        }
        ended.went_well = ended.code == 0;
        ended.summary = std::fs::read_to_string(place.path().join("summary")).unwrap();
        ended.outputs = outputs(&action, &of_steps);
        ended
    }

    /// confctl itself as a step's process, cancelled when it is so.
    pub fn process(&self, arguments: &[&str], mut is_so: impl FnMut() -> bool) -> Ended {
        let place = tempfile::tempdir_in(self.user.home()).unwrap();
        let (code, cancelled) = followed(self.user.command(arguments), place.path(), &mut is_so);
        Ended {
            code,
            cancelled,
            log: std::fs::read_to_string(place.path().join("log")).unwrap(),
            ..Ended::default()
        }
    }

    /// A step's process with what the runner sets for it.
    fn step(&self, place: &Path, path: &str, step: &Value, action: &Value) -> Command {
        let mut bash = Command::new("bash");
        bash.env_clear().current_dir(env!("CARGO_MANIFEST_DIR"));
        for (name, value) in self.user.command(&[]).get_envs() {
            bash.envs(value.map(|value| (name, value)));
        }
        for name in ["path", "output", "summary"] {
            let file = place.join(name);
            if !file.exists() {
                std::fs::write(&file, "").unwrap();
            }
            let variable = if name == "summary" {
                "STEP_SUMMARY".to_owned()
            } else {
                name.to_ascii_uppercase()
            };
            bash.env(format!("GITHUB_{variable}"), file);
        }
        let (event, told) = &self.event;
        std::fs::write(place.join("event.json"), told.to_string()).unwrap();
        bash.env("PATH", path)
            .env("RUNNER_TEMP", place)
            .env("GITHUB_ACTION_PATH", env!("CARGO_MANIFEST_DIR"))
            .env("GITHUB_EVENT_NAME", event)
            .env("GITHUB_EVENT_PATH", place.join("event.json"))
            .env("GITHUB_REPOSITORY", REPOSITORY)
            .env("GITHUB_API_URL", format!("http://127.0.0.1:{}", self.github.port));
        for (name, value) in step["env"].as_object().into_iter().flatten() {
            assert_eq!(value, "${{ toJSON(inputs) }}", "this runner knows no other expression");
            bash.env(name, self.all_inputs(action).to_string());
        }
        bash
    }

    /// Those that were given, and the defaults of the others.
    fn all_inputs(&self, action: &Value) -> Value {
        let declared = action["inputs"].as_object().unwrap();
        for given in self.inputs.keys() {
            assert!(declared.contains_key(given), "the action takes no '{given}'");
        }
        let value = |(name, input): (&String, &Value)| {
            let default = input["default"].as_str().unwrap_or_default();
            (
                name.clone(),
                Value::from(self.inputs.get(name).map_or(default, String::as_str)),
            )
        };
        declared.iter().map(value).collect()
    }
}

/// An archive as releases are, with a program that is the one that is tested: its own hundreds of megabytes need not be packed.
fn archive(home: &Path) -> PathBuf {
    let folder = home.join("release/confctl-0/bin");
    std::fs::create_dir_all(&folder).unwrap();
    let program = folder.join("confctl");
    std::fs::write(
        &program,
        format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_confctl")),
    )
    .unwrap();
    let archive = home.join("confctl.tar.gz");
    let script = "chmod +x \"$1\" && tar -C \"$2\" -czf \"$3\" confctl-0";
    let mut packed = Command::new("sh");
    packed
        .args(["-ec", script, "sh"])
        .arg(&program)
        .arg(home.join("release"))
        .arg(&archive);
    assert!(packed.status().unwrap().success());
    archive
}

/// Starts a step's process, waits for its end, and cancels it when it is so. Nothing of it may be left.
fn followed(mut command: Command, place: &Path, is_so: &mut impl FnMut() -> bool) -> (i32, Option<Cancel>) {
    let log = std::fs::File::create(place.join("log")).unwrap();
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .process_group(0);
    let mut child = command.spawn().unwrap();
    let group = Pid::from_child(&child);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break (status, None);
        }
        if is_so() {
            break cancelled(&mut child, group);
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    // What was started beside it and goes on: a runner would end it, and nobody would hear how it ended.
    let left = alive_in(group);
    assert!(left.is_empty(), "of the step is left: {left:?}");
    (status.0.code().unwrap_or(-1), status.1)
}

/// As GitHub does it: the step's own process is told, twice, then all are killed.
fn cancelled(child: &mut Child, group: Pid) -> (std::process::ExitStatus, Option<Cancel>) {
    let told = [
        (Signal::INT, UNTIL_TERMINATED, Cancel::Interrupted),
        (Signal::TERM, UNTIL_KILLED, Cancel::Terminated),
    ];
    for (signal, limit, by) in told {
        let began = Instant::now();
        let _ = kill_process(group, signal);
        while began.elapsed() < limit {
            if let Some(status) = child.try_wait().unwrap() {
                return (status, Some(by));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    let _ = kill_process_group(group, Signal::KILL);
    (child.wait().unwrap(), Some(Cancel::Killed))
}

/// The processes of a group, but for those that have ended and that nobody has asked about yet.
fn alive_in(group: Pid) -> Vec<String> {
    let group = group.as_raw_nonzero().to_string();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let stats = processes.filter_map(|process| std::fs::read_to_string(process.path().join("stat")).ok());
    let is_alive = |stat: &String| {
        // PID (name) state parent group …
        let (_, rest) = stat.rsplit_once(") ").unwrap_or_default();
        let fields: Vec<_> = rest.split(' ').collect();
        fields.get(2) == Some(&group.as_str()) && fields[0] != "Z"
    };
    stats.filter(is_alive).collect()
}

/// `name=value` lines.
fn pairs(file: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(file).unwrap();
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The action's outputs, by the steps that they are declared to come from.
fn outputs(action: &Value, of_steps: &BTreeMap<String, BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let declared = action["outputs"].as_object().unwrap();
    let value = |(name, output): (&String, &Value)| {
        let from = output["value"]
            .as_str()?
            .strip_prefix("${{ steps.")?
            .strip_suffix(" }}")?;
        let (step, key) = from.split_once(".outputs.")?;
        Some((name.clone(), of_steps.get(step)?.get(key)?.clone()))
    };
    declared.iter().filter_map(value).collect()
}

fn action() -> Value {
    yaml(
        "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))",
        "action.yml",
    )
}

fn yaml(program: &str, file: &str) -> Value {
    let python = aws_tools().join("python3");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let read = Command::new(python).arg("-c").arg(program).arg(file).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    serde_json::from_slice(&read.stdout).unwrap()
}

/// What the workflows in docs/ci.md give to the action, and whether it takes it.
pub fn documented_inputs() -> Vec<(String, bool)> {
    const READ: &str = r"
import json, re, sys, yaml
given = []
for block in re.findall(r'```yaml\n(.*?)```', open(sys.argv[1]).read(), re.S):
    document = yaml.safe_load(block)
    for job in (document.get('jobs') or {}).values():
        for step in job.get('steps', []):
            if '/confctl@' in step.get('uses', ''):
                given += list(step.get('with', {}))
print(json.dumps(given))
";
    let given = yaml(READ, "docs/ci.md");
    let given: Vec<_> = given
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    assert!(!given.is_empty(), "docs/ci.md does not use the action");
    let action = action();
    let known = |name: &String| action["inputs"].get(name).is_some();
    given.into_iter().map(|name| (name.clone(), known(&name))).collect()
}
