//! The Cargo package that is compiled into a bundle: its manifest, its workspace, rustc's version, the nested build.
//! Knows nothing of Beanstalk but where the Procfile wants the program.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use fs_err as fs;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio_util::sync::CancellationToken;
use toml::{Table, Value};

use super::error::BundleError;
use super::procfile::{self, PROCFILE};

/// How long a stop may go unseen while the compiler says nothing.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// A package with a Procfile.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) directory: PathBuf,
    /// The workspace's directory; the package's own where it is in none.
    pub(super) root: PathBuf,
    pub(super) name: String,
    /// Where the Procfile's web line expects the program; its last part is the name of Cargo's binary.
    pub(super) place: String,
}

/// What `rustc -vV` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rustc {
    pub(super) release: String,
    /// The triple that it compiles for.
    pub(super) host: String,
}

impl Package {
    pub(super) fn read(directory: &Path) -> Result<Self, BundleError> {
        let path = directory.join("Cargo.toml");
        let manifest = manifest(&path)?;
        let unusable = |path: &Path, reason: &str| BundleError::Manifest {
            path: path.into(),
            reason: reason.into(),
        };
        let name = manifest
            .get("package")
            .and_then(|package| package.get("name"))
            .and_then(Value::as_str);
        let name = name.ok_or_else(|| unusable(&path, "is a workspace, not a package: name one of its members"))?;

        let procfile = directory.join(PROCFILE);
        if !procfile.is_file() {
            return Err(unusable(
                &path,
                "needs a Procfile beside it, with a first line as `web: ./server`",
            ));
        }
        let text = fs::read_to_string(&procfile)?;
        let place = procfile::web_program(&text).and_then(procfile::place_in_bundle);
        let place = place.ok_or_else(|| {
            unusable(
                &procfile,
                "needs a line `web: ./NAME`, NAME being a binary of the package",
            )
        })?;
        Ok(Self {
            directory: directory.into(),
            root: workspace_root(directory)?,
            name: name.into(),
            place: place.into(),
        })
    }

    /// The directories of the package and of all that it depends on by path, its own first.
    pub(super) fn local_packages(&self) -> Result<Vec<PathBuf>, BundleError> {
        let shared = manifest(&self.root.join("Cargo.toml"))?;
        let shared = shared
            .get("workspace")
            .and_then(|workspace| workspace.get("dependencies"))
            .and_then(Value::as_table);
        let mut found = vec![self.directory.clone()];
        let mut next = 0;
        while let Some(directory) = found.get(next).cloned() {
            next += 1;
            let manifest = manifest(&directory.join("Cargo.toml"))?;
            for (name, dependency) in dependencies(&manifest) {
                let inherited = dependency.get("workspace").is_some();
                let (base, dependency) = match shared.and_then(|shared| shared.get(name)) {
                    Some(shared) if inherited => (&self.root, shared),
                    _ => (&directory, dependency),
                };
                let Some(path) = dependency.get("path").and_then(Value::as_str) else {
                    continue;
                };
                let path = fs::canonicalize(base.join(path))?;
                if !found.contains(&path) {
                    found.push(path);
                }
            }
        }
        Ok(found)
    }

    /// Compiles the program in release mode and answers where it is. `progress` gets cargo's own lines.
    pub(super) fn compile(
        &self,
        target: &Path,
        stop: &CancellationToken,
        progress: &mut dyn FnMut(&str),
    ) -> Result<PathBuf, BundleError> {
        let binary = self.place.rsplit('/').next().unwrap_or(&self.place);
        let mut cargo = tool("cargo", &self.directory);
        cargo.args([
            "build",
            "--release",
            "--locked",
            "--message-format",
            "json-render-diagnostics",
            "--bin",
            binary,
        ]);
        cargo.arg("--target-dir").arg(target);
        let failed = |output: String| BundleError::Build {
            command: format!("cargo build --release --locked --bin {binary}"),
            output,
        };
        // A group of its own: what is stopped is stopped with the compilers that it started, and by us alone.
        let mut child = cargo
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| BundleError::Tool {
                program: "cargo".into(),
                source,
            })?;
        let messages = child.stdout.take();
        let messages = std::thread::spawn(move || messages.and_then(executable_in));
        let mut output = Vec::new();
        let lines = child.stderr.take().map(lines_of);
        while let Some(lines) = &lines {
            match lines.recv_timeout(BETWEEN_LOOKS) {
                Ok(line) => {
                    progress(line.trim());
                    output.push(line);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if stop.is_cancelled() {
                end(&mut child)?;
                return Err(BundleError::Stopped);
            }
        }
        let status = child.wait()?;
        let program = messages.join().ok().flatten();
        match program {
            Some(program) if status.success() => Ok(program),
            _ => Err(failed(output[output.len().saturating_sub(30)..].join("\n"))),
        }
    }
}

impl Rustc {
    /// Asks the rustc that would compile in `directory`.
    pub(super) fn of(directory: &Path) -> Result<Self, BundleError> {
        let answer = tool("rustc", directory)
            .arg("-vV")
            .output()
            .map_err(|source| BundleError::Tool {
                program: "rustc".into(),
                source,
            })?;
        let text = String::from_utf8_lossy(&answer.stdout);
        let value = |key: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(key))
                .map(|value| value.trim().to_string())
        };
        match (value("release:"), value("host:")) {
            (Some(release), Some(host)) => Ok(Self { release, host }),
            _ => Err(BundleError::Build {
                command: "rustc -vV".into(),
                output: String::from_utf8_lossy(&answer.stderr).trim().into(),
            }),
        }
    }
}

/// A tool of Rust without what an outer cargo left in the environment: its flags and target directory would leak into the
/// app. Where crates come from (home, registries, network) stays.
fn tool(program: &str, directory: &Path) -> Command {
    const KEPT: &[&str] = &[
        "CARGO_HOME",
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTRIES_",
        "CARGO_REGISTRY_",
        "CARGO_SOURCE_",
    ];
    let mut command = Command::new(program);
    command.current_dir(directory);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let of_cargo = text == "CARGO" || text.starts_with("CARGO_") && !KEPT.iter().any(|kept| text.starts_with(kept));
        if of_cargo || text.starts_with("RUSTC") || text == "RUSTFLAGS" || text == "RUSTDOCFLAGS" {
            command.env_remove(&name);
        }
    }
    command
}

/// The lines of a stream as they come, until it ends.
fn lines_of(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    told
}

/// Ends a child with its whole group, and waits for it. Cargo's lock on its target directory goes with it.
fn end(child: &mut Child) -> std::io::Result<()> {
    // Where the group is gone already there is nothing to end.
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::TERM);
    }
    child.wait().map(drop)
}

/// The program's path in the JSON messages of cargo.
fn executable_in(messages: impl Read) -> Option<PathBuf> {
    let mut executable = None;
    for line in BufReader::new(messages).lines().map_while(Result::ok) {
        let message: Option<serde_json::Value> = serde_json::from_str(&line).ok();
        if let Some(path) = message.as_ref().and_then(|message| message.get("executable")?.as_str()) {
            executable = Some(PathBuf::from(path));
        }
    }
    executable
}

fn manifest(path: &Path) -> Result<Table, BundleError> {
    let text = fs::read_to_string(path)?;
    toml::from_str(&text).map_err(|error| BundleError::Manifest {
        path: path.into(),
        reason: error.message().into(),
    })
}

fn workspace_root(directory: &Path) -> Result<PathBuf, BundleError> {
    for candidate in directory.ancestors() {
        let path = candidate.join("Cargo.toml");
        if path.is_file() && manifest(&path)?.contains_key("workspace") {
            return Ok(candidate.into());
        }
    }
    Ok(directory.into())
}

/// What goes into the program; dependencies of tests do not.
fn dependencies(manifest: &Table) -> impl Iterator<Item = (&String, &Value)> {
    let targets = manifest
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(|targets| targets.values());
    std::iter::once(manifest)
        .chain(targets.filter_map(Value::as_table))
        .flat_map(|table| {
            ["dependencies", "build-dependencies"]
                .into_iter()
                .filter_map(|kind| table.get(kind)?.as_table())
        })
        .flatten()
}
