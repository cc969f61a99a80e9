//! Scripts run on an instance beside its version, as an agent on it runs them: bounded, and with their output kept.
//! Must know nothing of who asked for them.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::output::Output;
use super::wire::{self, Setup};
use super::{guest, home, mark};
use crate::world::plane::{CommandEnd, CommandOutcome};

/// What an agent keeps of each stream: GetCommandInvocation returns the first 24,000 characters.
const LONGEST_OUTPUT: usize = 24_000;

/// From SIGTERM to SIGKILL.
const STOP_LIMIT: Duration = Duration::from_millis(500);

/// Output may still be in the pipes when the script has ended; but what it left running can keep them open for ever.
const LAST_OUTPUT: Duration = Duration::from_millis(200);

/// The marks of all scripts of an instance begin with this.
pub(super) fn marks(instance_mark: &str) -> String {
    format!("{instance_mark}run-")
}

/// Runs a script to its end, its limit or its cancellation. What it leaves running in the background goes on, as on
/// AWS, unless it was ended.
pub(super) async fn run(setup: &Setup, command: &wire::Command, cancel: CancellationToken) -> CommandEnd {
    let mark = format!("{}{}", marks(&setup.mark), command.id);
    let directory = home::of_command(setup, &command.id);
    let mut child = match start(setup, command, &directory, &mark) {
        Ok(child) => child,
        Err(error) => {
            return CommandEnd {
                outcome: CommandOutcome::Exited(126),
                stdout: String::new(),
                stderr: format!("failed to run the script: {error}"),
            };
        }
    };
    let (stdout, stderr) = (Output::up_to(LONGEST_OUTPUT), Output::up_to(LONGEST_OUTPUT));
    let mut readers = JoinSet::new();
    if let Some(source) = child.stdout.take() {
        readers.spawn(stdout.clone().keep(source));
    }
    if let Some(source) = child.stderr.take() {
        readers.spawn(stderr.clone().keep(source));
    }
    let group = guest::group_of(&child);
    let outcome = tokio::select! {
        status = child.wait() => CommandOutcome::Exited(exit_code(status.ok())),
        () = cancel.cancelled() => CommandOutcome::Cancelled,
        () = tokio::time::sleep(command.limit) => CommandOutcome::TimedOut,
    };
    if !matches!(outcome, CommandOutcome::Exited(_)) {
        end(&mut child, group, mark).await;
    }
    // Later output is nobody's: the script has ended.
    let all_read = async { while readers.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(LAST_OUTPUT, all_read).await;
    readers.detach_all();
    // What still runs there keeps its working directory, though it has no name any more.
    let _ = std::fs::remove_dir_all(&directory);
    CommandEnd {
        outcome,
        stdout: stdout.text(),
        stderr: stderr.text(),
    }
}

/// Nobody can bend what is written: the folder is given away with the script in it.
fn start(setup: &Setup, command: &wire::Command, directory: &Path, mark: &str) -> std::io::Result<Child> {
    const SCRIPT: &str = "_script.sh";
    home::hand_over(setup, directory, |folder| {
        std::fs::write(folder.join(SCRIPT), &command.script)
    })?;
    let mut shell = Command::new("/bin/sh");
    shell
        .arg(directory.join(SCRIPT))
        .current_dir(command.directory.as_deref().unwrap_or(directory));
    guest::prepare(&mut shell, setup.user, directory);
    shell.envs(&command.environment).env(mark::VARIABLE, mark).spawn()
}

/// As a shell counts: 128 and the signal.
fn exit_code(status: Option<std::process::ExitStatus>) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    let Some(status) = status else { return -1 };
    status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(-1)
}

/// Ends the script and all that it started.
async fn end(child: &mut Child, group: Option<Pid>, mark: String) {
    if let Some(group) = group {
        // Stopped processes take the signal when they are continued. They may all be gone.
        let _ = kill_process_group(group, Signal::TERM);
        let _ = kill_process_group(group, Signal::CONT);
    }
    // Too late or not, the rest is the same.
    let _ = tokio::time::timeout(STOP_LIMIT, child.wait()).await;
    // Also those that made a process group of their own, as `timeout` does.
    let swept = tokio::task::spawn_blocking(move || mark::sweep(&mark)).await;
    if let Err(error) = swept {
        tracing::warn!(%error, "the processes of a script could not be ended");
    }
    let _ = child.wait().await;
}
