//! The Procfile, and whether what it starts is there.
//! Knows nothing of how a program is built.

use beanstalk_procfile::{self as procfile, BUILDFILE, PROCFILE, Process};

use super::super::contents::{Contents, File, Place};
use super::super::error::BundleError;
use super::super::instances::{Instances, Platform};
use super::platform::View;
use super::{Findings, program};

/// What lies at the root of an app: in a folder of its own where a whole folder was zipped, as GitHub does it.
const OF_AN_APP: &[&str] = &[
    PROCFILE,
    "Dockerfile",
    "Gemfile",
    "composer.json",
    "go.mod",
    "package.json",
    "requirements.txt",
];

pub(super) fn check(view: &View, instances: &Instances, findings: &mut Findings) -> Result<(), BundleError> {
    if view.platform.is_container() {
        container(view, findings);
        return Ok(());
    }
    if let Some(file) = view.contents.open(BUILDFILE) {
        lines(file, BUILDFILE, findings, |_, _| Ok(()))?;
    }
    match view.contents.open(PROCFILE) {
        None => missing(view, findings),
        Some(file) => lines(file, PROCFILE, findings, |processes, findings| {
            if !procfile::begins_with_web(processes) {
                let problem = "does not begin with the process `web`, which the proxy forwards to";
                findings.note(
                    PROCFILE,
                    problem,
                    "name the process that serves the site `web`, and write it first",
                );
            }
            for process in processes {
                of_process(view, process, instances, findings)?;
            }
            Ok(())
        })?,
    }
    Ok(())
}

/// What runs in a container is told by files of Docker's.
fn container(view: &View, findings: &mut Findings) {
    if !view.starts_by_itself() {
        let problem = "is missing at the root, and the platform runs nothing else";
        let file = if view.platform == Platform::Ecs {
            "Dockerrun.aws.json"
        } else {
            "Dockerfile"
        };
        findings.flaw(file, problem, "add it, or set app.platform to the app's language");
    }
}

/// Reads a file of lines and hands them on, or tells what is wrong with it.
fn lines(
    file: &File,
    name: &str,
    findings: &mut Findings,
    look: impl FnOnce(&[Process], &mut Findings) -> Result<(), BundleError>,
) -> Result<(), BundleError> {
    const WAY_OUT: &str = "each line is `name: command`, with Unix line ends";
    let bytes = file.read()?;
    let text = String::from_utf8_lossy(&bytes);
    if text.contains('\r') {
        let problem = "has Windows line ends, which become part of the commands";
        findings.flaw(name, problem, WAY_OUT);
        return Ok(());
    }
    match procfile::parse(&text) {
        Err(fault) => findings.flaw(name, fault.to_string(), WAY_OUT),
        Ok(processes) => {
            if text.lines().any(procfile::is_comment) {
                let problem = "has comments: a sample of AWS's own has some, the guide's form of a line has none";
                findings.note(name, problem, "take them out if Beanstalk starts something else");
            }
            look(&processes, findings)?;
        }
    }
    Ok(())
}

fn missing(view: &View, findings: &mut Findings) {
    let misspelt = view
        .contents
        .files
        .iter()
        .find(|file| file.name.eq_ignore_ascii_case(PROCFILE));
    if let Some(other) = misspelt {
        findings.flaw(&other.name, "is misspelt for Beanstalk", "rename it to `Procfile`");
        return;
    }
    if view.starts_by_itself() {
        return;
    }
    if let Some(folder) = wrapping_folder(view.contents) {
        findings.flaw(
            &format!("{folder}/"),
            "wraps everything, but the Procfile has to be at the root",
            format!("zip what is in `{folder}`, not `{folder}` itself"),
        );
    } else {
        let problem = format!(
            "is missing at the root, and there is nothing else that the {} platform starts",
            view.platform.name()
        );
        findings.flaw(PROCFILE, problem, view.advice());
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
    let is_app = || OF_AN_APP.iter().any(|name| contents.has(&format!("{first}/{name}")));
    (alone && is_app()).then_some(first)
}

fn of_process(
    view: &View,
    process: &Process,
    instances: &Instances,
    findings: &mut Findings,
) -> Result<(), BundleError> {
    let Some(started) = program_of(process.command) else {
        return Ok(());
    };
    let Some(place) = place_in_bundle(started) else {
        not_in_the_bundle(view, process.name, started, findings);
        return Ok(());
    };
    if let Some(file) = view.contents.open(place) {
        return program::check(file, instances.architecture, view.prepares(), findings);
    }
    let is_elsewhere = matches!(view.contents.place_of(place), Place::Absolute(_));
    if is_elsewhere || view.makes(place) {
        return Ok(());
    }
    let problem = format!("starts {place}, which is not in the bundle");
    if view.prepares() {
        findings.note(PROCFILE, problem, "its hooks or configuration files have to make it");
    } else {
        let npm = view.platform == Platform::NodeJs && place.starts_with("node_modules/");
        let way_out = if npm && view.contents.has_folder("node_modules") {
            "Beanstalk runs `npm install` only where there is no node_modules: take that out, or add the program"
        } else {
            "add it, or correct the line"
        };
        findings.flaw(PROCFILE, problem, way_out);
    }
    Ok(())
}

/// A program that the shell finds on its path.
fn not_in_the_bundle(view: &View, name: &str, started: &str, findings: &mut Findings) {
    if !started.contains('/') && view.contents.find(started).is_some() {
        let problem = format!("`{started}` is not on the path");
        findings.flaw(PROCFILE, problem, format!("write `{name}: ./{started}`"));
    } else if let Some(home) = view.program_of_another(started) {
        let problem = format!(
            "`{started}` comes with the {} platform, this is {}",
            home.name(),
            view.platform.name()
        );
        findings.note(PROCFILE, problem, "set app.platform to a branch that has it");
    }
}

/// The place in the bundle of the program that a command starts.
pub(in super::super) fn place_of_program(command: &str) -> Option<&str> {
    program_of(command).and_then(place_in_bundle)
}

/// The program that a command starts, as it is written: the first word that is neither `exec` nor a variable.
fn program_of(command: &str) -> Option<&str> {
    let is_name =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_assignment = |word: &str| word.split_once('=').is_some_and(|(name, _)| is_name(name));
    command
        .split_whitespace()
        .find(|word| *word != "exec" && !is_assignment(word))
}

/// The place in the bundle of a program written as a relative path; `None` for one that the system has.
fn place_in_bundle(program: &str) -> Option<&str> {
    let relative = program
        .strip_prefix("./")
        .or_else(|| program.strip_prefix("/var/app/current/"))
        .unwrap_or(program);
    (program.contains('/') && !relative.starts_with(['/', '$', '~', '`', '"', '\''])).then_some(relative)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_behind_exec_and_variables() {
        assert_eq!(program_of("./confapp"), Some("./confapp"));
        assert_eq!(
            program_of("RUST_LOG=info exec bin/server --port 5000"),
            Some("bin/server")
        );
        assert_eq!(program_of("exec"), None);
    }

    #[test]
    fn only_relative_programs_are_looked_for_in_the_bundle() {
        assert_eq!(place_in_bundle("./confapp"), Some("confapp"));
        assert_eq!(place_in_bundle("bin/server"), Some("bin/server"));
        assert_eq!(place_in_bundle("/var/app/current/x"), Some("x"));
        assert_eq!(place_in_bundle("/usr/bin/java"), None);
        assert_eq!(place_in_bundle("java"), None);
        assert_eq!(place_in_bundle("$HOME/bin/x"), None);
    }
}
