//! What Beanstalk would choke on, minutes later and in other words, told before anything is uploaded.
//! Looks at a bundle's files only; changes nothing.

use std::fmt;

use super::contents::{Contents, File, is_hook};
use super::elf;
use super::error::BundleError;
use super::procfile::{self, PROCFILE};
use crate::profile::Architecture;

/// Beanstalk's limit for a bundle (Beanstalk guide: applications-sourcebundle).
pub(super) const MOST_BYTES: u64 = 500_000_000;
/// glibc of Amazon Linux 2023 (AL2023 user guide, glibc-gcc-and-binutils).
const GLIBC: (u32, u32) = (2, 34);

/// One thing that is wrong with a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The file in the bundle, or the bundle itself.
    pub file: String,
    pub problem: String,
    /// What to do about it.
    pub way_out: String,
}

impl Flaw {
    fn new(file: &str, problem: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            problem: problem.into(),
            way_out: way_out.into(),
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.file, self.problem, self.way_out)
    }
}

/// Everything that is wrong with these files for instances of this architecture.
pub(super) fn check(contents: &Contents, architecture: Architecture) -> Result<Vec<Flaw>, BundleError> {
    let mut flaws = bad_names(contents);
    match contents.find(PROCFILE) {
        None => flaws.push(no_procfile(contents)),
        Some(file) => flaws.extend(processes(contents, file, architecture)?),
    }
    for hook in contents.files.iter().filter(|file| is_hook(&file.name)) {
        flaws.extend(hook_flaw(hook)?);
    }
    Ok(flaws)
}

/// The flaw of a zip that is too large.
pub(super) fn too_large(bundle: &str, bytes: u64) -> Option<Flaw> {
    (bytes > MOST_BYTES).then(|| {
        let problem = format!(
            "is {} MB, Beanstalk takes {} MB",
            bytes / 1_000_000,
            MOST_BYTES / 1_000_000
        );
        Flaw::new(
            bundle,
            problem,
            "leave out what the app does not need, or fetch it at start",
        )
    })
}

fn bad_names(contents: &Contents) -> Vec<Flaw> {
    let is_bad = |name: &str| name.contains('\\') || name.starts_with('/') || name.split('/').any(|part| part == "..");
    contents
        .files
        .iter()
        .filter(|file| is_bad(&file.name))
        .map(|file| {
            Flaw::new(
                &file.name,
                "is no relative path with slashes",
                "make the zip with `zip -r` or with confctl",
            )
        })
        .collect()
}

fn no_procfile(contents: &Contents) -> Flaw {
    if let Some(other) = contents
        .files
        .iter()
        .find(|file| file.name.eq_ignore_ascii_case(PROCFILE))
    {
        return Flaw::new(&other.name, "is misspelt for Beanstalk", "rename it to `Procfile`");
    }
    match wrapping_folder(contents) {
        Some(folder) => Flaw::new(
            &format!("{folder}/"),
            "wraps everything, but the Procfile has to be at the root",
            format!("zip what is in `{folder}`, not `{folder}` itself"),
        ),
        None => Flaw::new(
            PROCFILE,
            "is missing at the root",
            "add one, with a first line as `web: ./server`",
        ),
    }
}

fn wrapping_folder(contents: &Contents) -> Option<&str> {
    let mut folders = contents
        .files
        .iter()
        .map(|file| file.name.split_once('/').map(|(folder, _)| folder));
    // macOS adds a folder of its own beside the one that was zipped.
    let mut folders = folders.by_ref().filter(|folder| *folder != Some("__MACOSX"));
    let first = folders.next()??;
    let alone = folders.all(|folder| folder == Some(first));
    (alone && contents.find(&format!("{first}/{PROCFILE}")).is_some()).then_some(first)
}

fn processes(contents: &Contents, file: &File, architecture: Architecture) -> Result<Vec<Flaw>, BundleError> {
    let bytes = file.read()?;
    let text = String::from_utf8_lossy(&bytes);
    if let Some(fault) = procfile::fault(&text) {
        return Ok(vec![Flaw::new(
            PROCFILE,
            fault,
            "each line is `name: command`, the first `web: …`, with Unix line ends",
        )]);
    }
    let Some(program) = procfile::web_program(&text) else {
        return Ok(Vec::new());
    };
    let Some(place) = procfile::place_in_bundle(program) else {
        let in_bundle = contents.find(program).is_some();
        let flaw = || {
            Flaw::new(
                PROCFILE,
                format!("`{program}` is not on the path"),
                format!("write `web: ./{program}`"),
            )
        };
        return Ok(in_bundle.then(flaw).into_iter().collect());
    };
    match contents.find(place) {
        None => Ok(vec![Flaw::new(
            PROCFILE,
            format!("starts {place}, which is not in the bundle"),
            "add it, or correct the line",
        )]),
        Some(file) => program_flaws(file, architecture),
    }
}

fn program_flaws(file: &File, architecture: Architecture) -> Result<Vec<Flaw>, BundleError> {
    let bytes = file.read()?;
    let mut flaws: Vec<Flaw> = match elf::needs(&bytes) {
        Ok(needs) => elf_flaws(&file.name, &needs, architecture),
        Err(_) if bytes.starts_with(b"#!") => script_flaw(&file.name, &bytes).into_iter().collect(),
        Err(_) => {
            let problem = "is neither a Linux program (64-bit ELF) nor a script";
            return Ok(vec![Flaw::new(
                &file.name,
                problem,
                format!("build it for {}", target(architecture)),
            )]);
        }
    };
    if !file.is_executable() {
        let way_out = "chmod +x it and zip it on Linux or macOS, or give confctl the folder";
        flaws.push(Flaw::new(&file.name, "is not executable", way_out));
    }
    Ok(flaws)
}

fn elf_flaws(name: &str, needs: &elf::Needs, architecture: Architecture) -> Vec<Flaw> {
    let target = target(architecture);
    if needs.architecture != Some(architecture) {
        let built_for = needs.architecture.map_or("another processor", Architecture::as_str);
        let problem = format!("is built for {built_for}, the instances are {architecture}");
        let way_out = format!("build it for {target}, or change `instance.architecture` and `instance.types`");
        return vec![Flaw::new(name, problem, way_out)];
    }
    let mut flaws = Vec::new();
    let loader = match architecture {
        Architecture::X86_64 => "/lib64/ld-linux-x86-64.so.2",
        Architecture::Arm64 => "/lib/ld-linux-aarch64.so.1",
    };
    if let Some(other) = needs.interpreter.as_deref().filter(|path| *path != loader) {
        let problem = format!("wants the loader {other}, which Amazon Linux 2023 does not have");
        flaws.push(Flaw::new(
            name,
            problem,
            format!("link it statically, or build it for {target}"),
        ));
    }
    if let Some((major, minor)) = needs.glibc.filter(|version| *version > GLIBC) {
        flaws.push(Flaw::new(
            name,
            format!(
                "needs glibc {major}.{minor}, Amazon Linux 2023 has {}.{}",
                GLIBC.0, GLIBC.1
            ),
            format!("build it with `cargo zigbuild --release --target {target}.2.34`, or link it statically (musl)"),
        ));
    }
    flaws
}

fn target(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86_64 => "x86_64-unknown-linux-gnu",
        Architecture::Arm64 => "aarch64-unknown-linux-gnu",
    }
}

fn script_flaw(name: &str, bytes: &[u8]) -> Option<Flaw> {
    let first_line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let problem = "has Windows line ends, so its interpreter is not found";
    first_line
        .ends_with(b"\r")
        .then(|| Flaw::new(name, problem, "save it with Unix line ends"))
}

/// Hooks are run by the kernel; Beanstalk itself converts their line ends and sets their mode.
fn hook_flaw(hook: &File) -> Result<Option<Flaw>, BundleError> {
    let bytes = hook.read()?;
    let runs = bytes.starts_with(b"#!") || bytes.starts_with(b"\x7fELF");
    let problem = "is a hook without an interpreter in its first line";
    Ok((!runs).then(|| Flaw::new(&hook.name, problem, "begin it with `#!/bin/bash`")))
}
