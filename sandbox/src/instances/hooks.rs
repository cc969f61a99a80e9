//! Platform hooks: scripts that a bundle brings along for the steps of its deployment, and the engine's log of them.
//! Must know nothing of the version's own processes (Beanstalk guide: platforms-linux-extend.hooks, .workflow).

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::process::{Signal, kill_process_group};
use tokio::process::Command;

use super::beneath::Folder;
use super::output::Output;
use super::wire::{Release, Setup};
use super::{guest, mark, procfile};

/// One hook's real time. Beanstalk's limit is the command's time-out, which no clock of the sandbox makes faster here.
const LIMIT: Duration = Duration::from_secs(60);
/// How often it is looked whether the daemon still is there.
const LOOK: Duration = Duration::from_millis(100);
/// What of a hook's errors an engine quotes.
const QUOTED: usize = 1000;
/// Characters of each of its streams that the log keeps.
const LONGEST_OUTPUT: usize = 100_000;
/// A hook of more bytes is a program, whose bytes are no lines.
const LONGEST_SCRIPT: u64 = 1024 * 1024;

/// A step of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    PreBuild,
    PreDeploy,
    PostDeploy,
}

impl Step {
    fn directory(self) -> &'static str {
        match self {
            Self::PreBuild => "prebuild",
            Self::PreDeploy => "predeploy",
            Self::PostDeploy => "postdeploy",
        }
    }

    /// The engine's name of it.
    fn name(self) -> &'static str {
        match self {
            Self::PreBuild => "RunAppDeployPreBuildHooks",
            Self::PreDeploy => "RunAppDeployPreDeployHooks",
            Self::PostDeploy => "RunAppDeployPostDeployHooks",
        }
    }
}

/// The engine's name of what it does.
pub(super) fn command_of(release: &Release) -> &'static str {
    if release.configuration {
        "config-deploy"
    } else {
        "app-deploy"
    }
}

/// Whether the bundle has hooks for a step of this release.
pub(super) fn are_there(setup: &Setup, release: &Release, directory: &Path, step: Step) -> bool {
    Folder::open(directory, setup.user)
        .and_then(|bundle| scripts(release, &bundle, step))
        .is_ok_and(|scripts| !scripts.is_empty())
}

/// Runs the hooks of a step by name, one after the other.
///
/// # Errors
/// The engine's sentence on the first that fails; the rest do not run.
pub(super) async fn run(setup: &Setup, release: &Release, directory: &Path, step: Step) -> Result<(), String> {
    let unreadable = |error: std::io::Error| format!("the hooks of the bundle could not be read: {error}");
    let bundle = Folder::open(directory, setup.user).map_err(unreadable)?;
    for name in scripts(release, &bundle, step).map_err(unreadable)? {
        note(setup, "INFO", &format!("Running script: {name}"));
        let done = match prepare(&bundle, Path::new(&name)) {
            Ok(()) => run_one(setup, release, directory, Command::new(directory.join(&name)), &name).await,
            Err(error) => Err(error.to_string()),
        };
        done.map_err(|why| {
            let command = command_of(release);
            let what = format!("Command {name} failed with error {why}");
            note(
                setup,
                "ERROR",
                &format!(
                    "An error occurred during execution of command [{command}] - [{}]. Stop running the command. Error: \
                     {what}",
                    step.name()
                ),
            );
            what
        })?;
    }
    Ok(())
}

/// Runs the commands of a Buildfile, whose lines are as those of a Procfile but end by themselves.
///
/// # Errors
/// The engine's sentence on the first that fails.
pub(super) async fn build(setup: &Setup, release: &Release, directory: &Path) -> Result<(), String> {
    const FILE: &str = "Buildfile";
    let read = |bundle: Folder| bundle.read_to_string(Path::new(FILE));
    let text = match Folder::open(directory, setup.user).and_then(read) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("{FILE} could not be read: {error}")),
    };
    for process in procfile::parse_buildfile(&text)? {
        note(
            setup,
            "INFO",
            &format!("Running the Buildfile command: {}", process.command),
        );
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(&process.command);
        let done = run_one(setup, release, directory, shell, &process.name).await;
        done.map_err(|why| format!("Buildfile command '{}' failed with error {why}", process.name))?;
    }
    Ok(())
}

/// Paths within the bundle, in order. A change of configuration has hooks of its own.
fn scripts(release: &Release, bundle: &Folder, step: Step) -> std::io::Result<Vec<String>> {
    let kind = if release.configuration { "confighooks" } else { "hooks" };
    let folder = format!(".platform/{kind}/{}", step.directory());
    let names = bundle.names(Path::new(&folder))?.into_iter();
    let files = names.filter(|(_, is_folder)| !is_folder);
    Ok(files
        .map(|(name, _)| format!("{folder}/{}", name.to_string_lossy()))
        .collect())
}

/// Runs one script to its end. On AWS it is root's; here it is the user of the version's processes.
async fn run_one(
    setup: &Setup,
    release: &Release,
    directory: &Path,
    mut command: Command,
    name: &str,
) -> Result<(), String> {
    guest::prepare(&mut command, setup.user, directory);
    command
        .current_dir(directory)
        .envs(&release.environment)
        // Of the instance, not of the version: stopping a version does not end a hook of the next.
        .env(mark::VARIABLE, format!("{}hook", setup.mark))
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| format!("{error}"))?;
    let group = guest::group_of(&child);
    let (stdout, stderr) = (Output::up_to(LONGEST_OUTPUT), Output::up_to(LONGEST_OUTPUT));
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    let read = async {
        if let (Some(output), Some(errors)) = (output, errors) {
            tokio::join!(stdout.clone().keep(output), stderr.clone().keep(errors));
        }
        child.wait().await
    };
    let ended = tokio::select! {
        status = read => Some(status),
        () = tokio::time::sleep(LIMIT) => None,
        () = orphaned() => None,
    };
    if let Some(group) = group {
        // Whoever it left behind goes with it; the group may be gone already.
        let _ = kill_process_group(group, Signal::KILL);
    }
    keep(setup, name, &stdout.text(), &stderr.text());
    match ended {
        Some(Ok(status)) if status.success() => Ok(()),
        Some(Ok(status)) => {
            let errors = stderr.text();
            let quoted: String = errors.trim().chars().take(QUOTED).collect();
            let code = status.code().map_or_else(|| "-1".to_owned(), |code| code.to_string());
            Err(format!("exit status {code}. Stderr:{quoted}"))
        }
        Some(Err(error)) => Err(format!("{error}")),
        None => Err(format!("it did not end within {} s", LIMIT.as_secs())),
    }
}

/// Beanstalk makes hooks executable and takes the carriage returns of Windows out of them.
fn prepare(bundle: &Folder, script: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let file = bundle.file(script, OFlags::RDONLY)?;
    let mut text = Vec::new();
    (&file).take(LONGEST_SCRIPT + 1).read_to_end(&mut text)?;
    let is_text = text.len() as u64 <= LONGEST_SCRIPT;
    if is_text && text.windows(2).any(|pair| pair == b"\r\n") {
        let lines: Vec<_> = text.split(|byte| *byte == b'\n').collect();
        let lines: Vec<_> = lines
            .iter()
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
            .collect();
        let mut file = bundle.file(script, OFlags::WRONLY)?;
        file.set_len(0)?;
        file.write_all(&lines.join(&b'\n'))?;
    }
    file.set_permissions(std::fs::Permissions::from_mode(0o755))
}

/// Resolves when the daemon is gone: another process is the parent then.
async fn orphaned() {
    let parent = rustix::process::getppid();
    while rustix::process::getppid() == parent {
        tokio::time::sleep(LOOK).await;
    }
}

fn keep(setup: &Setup, name: &str, stdout: &str, stderr: &str) {
    let name = name.rsplit('/').next().unwrap_or(name);
    let text = format!("{} [{name}]\n{stdout}{stderr}", time());
    append(&setup.logs.join("eb-hooks.log"), text.as_bytes());
}

/// A line of the engine's log.
pub(super) fn note(setup: &Setup, level: &str, message: &str) {
    let line = format!("{} [{level}] {message}\n", time());
    append(&setup.logs.join("eb-engine.log"), line.as_bytes());
}

fn time() -> String {
    jiff::Timestamp::now().strftime("%Y/%m/%d %H:%M:%S.%6f").to_string()
}

/// A log that cannot be written is no reason to fail a deployment.
fn append(path: &Path, text: &[u8]) {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    if let Ok(mut file) = file {
        let _ = file.write_all(text);
    }
}
