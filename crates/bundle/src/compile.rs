//! The nested build: which command compiles a package for the instances on this machine, and running it.
//! Knows nothing of what is in a bundle.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio_util::sync::CancellationToken;

use super::cargo::Package;
use super::check::GLIBC;
use super::error::BundleError;
use super::instances::{processor, target};
use super::secrets::names_a_secret;
use confctl_profile::Architecture;

/// How long a stop may go unseen while the compiler says nothing.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// How many of the compiler's last lines an error quotes.
const QUOTED: usize = 30;

/// What there is on this machine to compile with.
#[derive(Clone, Debug)]
pub(super) struct Toolchain {
    /// The triple that rustc compiles for by itself.
    pub(super) host: String,
    /// Of Amazon Linux's triples those whose standard library is installed.
    pub(super) targets: Vec<&'static str>,
    /// Compiles for other systems, and for an older glibc, with zig as the linker (github.com/rust-cross/cargo-zigbuild).
    pub(super) has_zigbuild: bool,
}

/// How a package is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// With the C library of this machine.
    Native,
    /// For Amazon Linux, whatever this machine is.
    Zig,
}

impl Toolchain {
    /// Asks the tools that would compile in `directory`.
    pub(super) fn of(directory: &Path) -> Result<Self, BundleError> {
        let host = field(&rustc(directory, "-vV")?, "host:").ok_or_else(|| BundleError::Build {
            command: "rustc -vV".into(),
            output: "says no host".into(),
        })?;
        let root = PathBuf::from(rustc(directory, "--print=sysroot")?.trim());
        let has_std = |target: &&str| root.join("lib/rustlib").join(target).join("lib").is_dir();
        let targets = [Architecture::X86_64, Architecture::Arm64].map(target);
        let zigbuild = tool("cargo", directory).args(["zigbuild", "--version"]).output();
        Ok(Self {
            host,
            targets: targets.into_iter().filter(has_std).collect(),
            has_zigbuild: zigbuild.is_ok_and(|answer| answer.status.success()),
        })
    }

    /// How to compile for instances of this architecture.
    pub(super) fn way(&self, package: &str, wanted: Architecture) -> Result<Way, BundleError> {
        if self.host.starts_with(processor(wanted)) && self.host.contains("linux") {
            return Ok(Way::Native);
        }
        let (mut missing, mut install) = (Vec::new(), Vec::new());
        if !self.targets.contains(&target(wanted)) {
            missing.push(format!("the standard library for {}", target(wanted)));
            install.push(format!("rustup target add {}", target(wanted)));
        }
        if !self.has_zigbuild {
            missing.push("cargo-zigbuild".to_owned());
            install.push("pip install ziglang && cargo install --locked cargo-zigbuild".to_owned());
        }
        if missing.is_empty() {
            return Ok(Way::Zig);
        }
        Err(BundleError::OtherArchitecture {
            package: package.to_owned(),
            host: self.host.clone(),
            wanted,
            missing,
            install,
        })
    }

    /// Whether the package can be compiled for an older C library than this machine's.
    pub(super) fn has_older_glibc(&self, wanted: Architecture) -> bool {
        self.has_zigbuild && self.targets.contains(&target(wanted))
    }
}

/// What cargo is asked for, without where it writes.
pub(super) fn arguments(package: &Package, way: Way, wanted: Architecture) -> Vec<String> {
    let binary = package.place.rsplit('/').next().unwrap_or(&package.place);
    let build = match way {
        Way::Native => "build",
        Way::Zig => "zigbuild",
    };
    let mut arguments: Vec<String> = [build, "--profile", package.profile, "--locked", "--bin", binary]
        .map(str::to_owned)
        .into();
    if way == Way::Zig {
        let triple = format!("{}.{}.{}", target(wanted), GLIBC.0, GLIBC.1);
        arguments.extend(["--target".to_owned(), triple]);
    }
    arguments
}

/// Compiles the program and answers where it is. `progress` gets cargo's own lines.
pub(super) fn compile(
    package: &Package,
    arguments: &[String],
    target: &Path,
    stop: &CancellationToken,
    progress: &mut dyn FnMut(&str),
) -> Result<PathBuf, BundleError> {
    let mut cargo = tool("cargo", &package.directory);
    cargo
        .args(arguments)
        .args(["--message-format", "json-render-diagnostics"]);
    cargo.arg("--target-dir").arg(target);
    // A group of its own: what is stopped is stopped with the compilers that it started, and by us alone.
    let mut child = cargo
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| missing("cargo", source))?;
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
        _ => Err(BundleError::Build {
            command: format!("cargo {}", arguments.join(" ")),
            output: output[output.len().saturating_sub(QUOTED)..].join("\n"),
        }),
    }
}

fn rustc(directory: &Path, argument: &str) -> Result<String, BundleError> {
    let answer = tool("rustc", directory).arg(argument).output();
    let answer = answer.map_err(|source| missing("rustc", source))?;
    if answer.status.success() {
        return Ok(String::from_utf8_lossy(&answer.stdout).into_owned());
    }
    Err(BundleError::Build {
        command: format!("rustc {argument}"),
        output: String::from_utf8_lossy(&answer.stderr).trim().into(),
    })
}

fn field(text: &str, key: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(value.trim().to_owned())
}

fn missing(program: &str, source: std::io::Error) -> BundleError {
    BundleError::Tool {
        program: program.into(),
        source,
    }
}

/// A tool of Rust without what an outer cargo left in the environment: its flags and target directory would leak into the
/// app. Where crates come from (home, registries, network) stays. Nor does it get the operator's credentials: what a build script
/// or a macro of any dependency finds, it can send away.
fn tool(program: &str, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(directory);
    for (name, _) in std::env::vars_os() {
        if !is_for_tools(&name.to_string_lossy()) {
            command.env_remove(&name);
        }
    }
    command
}

/// Whether a variable is a compiler's business. A registry's token is cargo's own: without it nothing comes from there.
fn is_for_tools(name: &str) -> bool {
    const OF_CARGO: &[&str] = &[
        "CARGO_HOME",
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTRIES_",
        "CARGO_REGISTRY_",
        "CARGO_SOURCE_",
    ];
    if name == "CARGO" || name.starts_with("CARGO_") {
        return OF_CARGO.iter().any(|kept| name.starts_with(kept));
    }
    let leaks = name.starts_with("RUSTC") || name == "RUSTFLAGS" || name == "RUSTDOCFLAGS";
    let of_aws = name.to_ascii_uppercase().starts_with("AWS_");
    !leaks && !of_aws && !names_a_secret(name)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(host: &str, targets: &[&'static str], has_zigbuild: bool) -> Toolchain {
        Toolchain {
            host: host.into(),
            targets: targets.to_vec(),
            has_zigbuild,
        }
    }

    fn site() -> Package {
        Package {
            directory: "/src/site".into(),
            root: "/src".into(),
            name: "site".into(),
            place: "bin/server".into(),
            profile: "bundle",
        }
    }

    #[test]
    fn compilers_get_no_credentials_and_nothing_of_an_outer_cargo() {
        for kept in [
            "PATH",
            "HOME",
            "RUSTUP_HOME",
            "SSH_AUTH_SOCK",
            "HTTPS_PROXY",
            "CC",
            "CARGO_HOME",
            "CARGO_REGISTRIES_OURS_TOKEN",
        ] {
            assert!(is_for_tools(kept), "{kept}");
        }
        for gone in [
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_PROFILE",
            "GITHUB_TOKEN",
            "npm_config__authToken",
            "DB_PASSWORD",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "OPENAI_API_KEY",
            "CARGO_TARGET_DIR",
            "CARGO_MANIFEST_DIR",
            "RUSTFLAGS",
            "RUSTC_WRAPPER",
        ] {
            assert!(!is_for_tools(gone), "{gone}");
        }
    }

    /// As a build script would look for them. What is taken away from cargo's own variables stands for the rest.
    #[test]
    fn a_tool_is_started_without_them() {
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
        let seen = tool("env", Path::new("/")).output().unwrap();
        let seen = String::from_utf8_lossy(&seen.stdout);
        let names = seen
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, _)| name);
        assert!(names.clone().all(is_for_tools) && names.count() > 1, "{seen}");
    }

    const INTEL: &str = "x86_64-unknown-linux-gnu";
    const ARM: &str = "aarch64-unknown-linux-gnu";

    #[test]
    fn linux_compiles_for_its_own_processor_with_what_it_has() {
        let linux = machine(INTEL, &[INTEL], false);
        assert_eq!(linux.way("site", Architecture::X86_64).unwrap(), Way::Native);
        assert_eq!(
            arguments(&site(), Way::Native, Architecture::X86_64).join(" "),
            "build --profile bundle --locked --bin server"
        );
    }

    #[test]
    fn a_mac_compiles_for_amazon_linux_by_zig() {
        let mac = machine("aarch64-apple-darwin", &[INTEL, ARM], true);
        assert_eq!(mac.way("site", Architecture::X86_64).unwrap(), Way::Zig);
        assert_eq!(
            arguments(&site(), Way::Zig, Architecture::Arm64).join(" "),
            "zigbuild --profile bundle --locked --bin server --target aarch64-unknown-linux-gnu.2.34"
        );
    }

    #[test]
    fn what_is_missing_for_another_processor_is_told_with_how_to_get_it() {
        let told = |machine: Toolchain, wanted| {
            let error = machine.way("site", wanted).unwrap_err();
            (error.to_string(), error.hint().unwrap())
        };
        let (error, hint) = told(machine("x86_64-apple-darwin", &[], false), Architecture::X86_64);
        assert!(
            error.contains("x86_64-apple-darwin") && error.contains("cargo-zigbuild missing"),
            "{error}"
        );
        assert!(
            hint.starts_with("rustup target add x86_64-unknown-linux-gnu && pip install ziglang"),
            "{hint}"
        );
        let (error, hint) = told(machine(INTEL, &[INTEL], true), Architecture::Arm64);
        assert!(
            error.contains(&format!("the standard library for {ARM} missing")),
            "{error}"
        );
        assert!(
            hint.starts_with("rustup target add aarch64-unknown-linux-gnu, or"),
            "{hint}"
        );
    }
}
