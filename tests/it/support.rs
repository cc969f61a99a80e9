//! A user at a terminal of their own: home, sandbox, `confctl` and AWS's own tools, none of which sees another test's.

mod aws_cli;
mod crowd;
mod faults;
pub mod junit;
mod schema;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use self::aws_cli::AwsCli;

/// Sandbox seconds in a real one: a launch of four minutes passes in half a second of clock, and then waits for processes.
const TIME_SCALE: &str = "600";

/// One user with an AWS account of their own.
pub struct User {
    home: TempDir,
    environment: Vec<(String, String)>,
    aws_cli: OnceLock<Mutex<AwsCli>>,
}

/// How a command ended.
pub struct Ran {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    /// # Panics
    /// With all that was said, where the code is another.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code(),
            code,
            "\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// The last JSON line: the summary.
    #[track_caller]
    pub fn summary(&self) -> Value {
        let last = self.events().pop().unwrap_or_default();
        assert_eq!(
            last["type"], "summary",
            "\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout, self.stderr
        );
        last
    }

    /// Every JSON line, each held against the schema that confctl gives of them.
    #[track_caller]
    pub fn events(&self) -> Vec<Value> {
        let read = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        let lines: Vec<Value> = self.stdout.lines().map(read).collect();
        lines.iter().for_each(schema::describes);
        lines
    }

    /// # Panics
    /// Where one of the JSON lines tells of a step that was begun.
    #[track_caller]
    pub fn has_nothing_to_do(&self) {
        let events = self.events();
        let begun: Vec<_> = events.iter().filter(|event| event["type"] == "step.started").collect();
        assert!(begun.is_empty(), "{begun:#?}\n{}", self.stdout);
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("no JSON: {}", self.stdout))
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl User {
    pub fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            environment: Vec::new(),
            aws_cli: OnceLock::new(),
        }
    }

    /// With one more variable in the environment.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// How many times faster than AWS this user's sandbox is.
    pub fn time_scale(&self) -> &str {
        let set = self
            .environment()
            .find(|(name, _)| *name == "CONFCTL_SANDBOX_TIME_SCALE");
        set.map_or(TIME_SCALE, |(_, scale)| scale)
    }

    /// What [`User::with`] has set.
    pub fn environment(&self) -> impl Iterator<Item = (&str, &str)> {
        self.environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// `confctl` with these arguments, in a clean environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_confctl"));
        command
            .args(arguments)
            .env_clear()
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdin(Stdio::null());
        // Builds of the bundle need a toolchain, which may live in the real home.
        for kept in ["PATH", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "LANG"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        let real_home = std::env::var("HOME").unwrap_or_default();
        for (variable, place) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            if std::env::var_os(variable).is_none() {
                command.env(variable, format!("{real_home}/{place}"));
            }
        }
        command
            .env("HOME", self.home())
            .env("CONFCTL_SANDBOX_DIR", self.home().join("sandbox"))
            .env("CONFCTL_SANDBOX_TIME_SCALE", TIME_SCALE)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(self.environment.iter().cloned());
        command
    }

    pub fn confctl(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().unwrap().into()
    }

    /// Started, with its output kept for [`finish`].
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// What `eval "$(confctl sandbox env)"` sets.
    pub fn aws_environment(&self) -> Vec<(String, String)> {
        let exports = self.confctl(&["sandbox", "env"]).exits(0).stdout;
        let lines = exports
            .lines()
            .filter_map(|line| line.strip_prefix("export ")?.strip_suffix(';'));
        lines
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// The AWS CLI against this user's sandbox.
    pub fn aws(&self, arguments: &[&str]) -> Ran {
        let home = self.home().to_str().unwrap().to_owned();
        let own = [("HOME", home.clone()), ("TMPDIR", home), ("AWS_PAGER", String::new())];
        let mut environment: BTreeMap<_, _> = std::env::vars().collect();
        environment.extend(own.map(|(name, value)| (name.to_owned(), value)));
        environment.extend(self.aws_environment());
        environment.remove("AWS_PROFILE");
        let cli = self
            .aws_cli
            .get_or_init(|| Mutex::new(AwsCli::load(&aws_tools().join("python3"))));
        let mut cli = cli.lock().unwrap();
        cli.run(arguments, &environment, self.home()).into()
    }

    /// As [`User::aws`], for what must work, as JSON.
    #[track_caller]
    pub fn aws_json(&self, arguments: &[&str]) -> Value {
        let ran = self.aws(&[arguments, &["--output", "json"]].concat()).exits(0);
        if ran.stdout.trim().is_empty() {
            Value::Null
        } else {
            ran.json()
        }
    }

    /// The addresses in the article's table.
    pub fn registered(&self) -> Vec<String> {
        let scan = self.aws_json(&["dynamodb", "scan", "--table-name", "users", "--consistent-read"]);
        let items = scan["Items"].as_array().cloned().unwrap_or_default();
        items
            .iter()
            .map(|item| item["email"]["S"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Waits for a state of the article's environment. The CLI's own `wait` looks every 20 s, however fast the sandbox is;
    /// `tests/conformance` tells of it.
    pub fn awaits_environment(&self, is_so: impl Fn(&Value) -> bool) {
        let ask = [
            "elasticbeanstalk",
            "describe-environments",
            "--environment-names",
            "Tcb-conference-env",
        ];
        until("the environment", Duration::from_secs(400), || {
            is_so(&self.aws_json(&ask)["Environments"][0]["Status"])
        });
    }

    /// A Python program with boto3 against this user's sandbox.
    pub fn python(&self, program: &str) -> Ran {
        self.python_command().arg("-c").arg(program).output().unwrap().into()
    }

    /// A Python that has boto3, with the AWS CLI in its path.
    pub fn python_command(&self) -> Command {
        let tools = aws_tools();
        let mut command = Command::new(tools.join("python3"));
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", tools.display()));
        // Copies of a Python program leave their folders behind.
        command.env("TMPDIR", self.home());
        command.env("HOME", self.home()).envs(self.aws_environment());
        command
    }

    /// Every resource in the sandbox but Beanstalk's own bucket, as text, sorted.
    pub fn inventory(&self) -> Vec<String> {
        let ran = self.confctl(&["sandbox", "inventory", "-o", "json"]).exits(0);
        let resources = ran.events()[0]["resources"].as_array().cloned().unwrap_or_default();
        let buckets =
            |item: &Value| item["type"] == "bucket" && item["name"].as_str().unwrap().starts_with("elasticbeanstalk-");
        let mut items: Vec<String> = resources
            .iter()
            .filter(|item| !buckets(item))
            .map(Value::to_string)
            .collect();
        items.sort();
        items
    }

    /// Starts the sandbox; gives what is in it before anything was done.
    pub fn inventory_of_a_fresh_sandbox(&self) -> Vec<String> {
        self.confctl(&["doctor", "--sandbox"]).exits(0);
        self.inventory()
    }

    /// The sandbox's log of API requests so far. Its last line may be in the middle of being written.
    pub fn requests(&self) -> Vec<Value> {
        self.requests_since(0)
    }

    /// The same, from that byte of the log on.
    pub fn requests_since(&self, byte: usize) -> Vec<Value> {
        let log = self.request_log();
        let complete = log[byte..].split_inclusive('\n').filter(|line| line.ends_with('\n'));
        complete.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn request_log(&self) -> String {
        std::fs::read_to_string(self.home().join("sandbox/requests.jsonl")).unwrap_or_default()
    }

    /// Bytes of the log so far, where nobody asks for anything at the moment.
    pub fn requests_so_far(&self) -> usize {
        self.request_log().len()
    }

    /// How many of these calls the sandbox has seen.
    pub fn calls(&self, operation: &str) -> usize {
        let requests = self.requests();
        requests.iter().filter(|call| call["operation"] == operation).count()
    }

    /// A site that needs no build: a page, and these files beside it. Gives its `app.bundle`.
    pub fn site(&self, files: &[(&str, &str)]) -> String {
        let folder = self.home().join("site");
        let page = [
            ("Procfile", "web: python3 -m http.server $PORT\n"),
            ("index.html", "<h1>Conference</h1>\n"),
        ];
        for (name, text) in page.iter().chain(files) {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        format!("app.bundle={}", folder.display())
    }

    /// GET or POST of the site, by curl, which resolves `*.localhost` by itself.
    pub fn curl(&self, arguments: &[&str]) -> Ran {
        Command::new("curl")
            .args(["-sS", "--max-time", "20"])
            .args(arguments)
            .output()
            .unwrap()
            .into()
    }
}

impl Drop for User {
    fn drop(&mut self) {
        // Whatever a failed test left: no process may stay.
        let _ = self.command(&["sandbox", "stop"]).output();
        // Of a daemon that was killed: software that others run is outside of its folder.
        if let Ok(place) = std::fs::read_link(self.home().join("sandbox/instances/software")) {
            let _ = std::fs::remove_dir_all(place);
        }
    }
}

/// The output of a command begun with [`User::start`].
pub fn finish(child: Child) -> Ran {
    child.wait_with_output().unwrap().into()
}

/// Where a Python with boto3 (and jsonschema and YAML) is, and the AWS CLI beside it: the machine's, else one that is installed once beside the build.
pub fn aws_tools() -> &'static Path {
    static TOOLS: OnceLock<PathBuf> = OnceLock::new();
    TOOLS.get_or_init(find_aws_tools)
}

/// Looks once for all tests, which may be processes of their own: the look takes longer than many a test.
fn find_aws_tools() -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let lock = File::create(place.join("aws-tools.lock")).unwrap();
    lock.lock().unwrap();
    let noted = place.join("aws-tools.txt");
    if let Ok(found) = std::fs::read_to_string(&noted).map(PathBuf::from)
        && found.join("aws").exists()
        && found.join("python3").exists()
    {
        return found;
    }
    let found = aws_tools_of_the_machine().unwrap_or_else(|| aws_tools_of_our_own(&place.join("aws-tools")));
    std::fs::write(&noted, found.to_str().unwrap()).unwrap();
    found
}

/// The folder of the interpreter itself: what is first in the path may be a script that looks for it each time.
fn aws_tools_of_the_machine() -> Option<PathBuf> {
    let told = |program: &Path, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    };
    let python = told(
        Path::new("python3"),
        &[
            "-c",
            "import awscli, boto3, jsonschema, yaml, sys; print(sys.executable)",
        ],
    )?;
    let tools = Path::new(&python).parent()?.to_owned();
    told(&tools.join("aws"), &["--version"])?;
    tools.join("python3").exists().then_some(tools)
}

fn aws_tools_of_our_own(place: &Path) -> PathBuf {
    if !place.join("bin/aws").exists() {
        let run = |program: &Path, arguments: &[&str]| {
            let output = Command::new(program)
                .args(arguments)
                .output()
                .expect("python3 is needed by these tests");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        run(Path::new("python3"), &["-m", "venv", place.to_str().unwrap()]);
        run(
            &place.join("bin/pip"),
            &["install", "--quiet", "awscli", "boto3", "jsonschema"],
        );
    }
    place.join("bin")
}

/// Waits for it, at most so long.
#[track_caller]
pub fn until(what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}
