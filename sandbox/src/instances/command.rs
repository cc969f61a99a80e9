//! Scripts run on an instance beside its version, as an agent on it runs them: bounded, and with their output kept.
//! Must know nothing of who asked for them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::wire::{self, Setup};
use super::{bundle, guest, mark};
use crate::world::plane::{CommandEnd, CommandOutcome};

/// What an agent keeps of each stream: GetCommandInvocation returns the first 24,000 characters.
const LONGEST_OUTPUT: usize = 24_000;

/// What stands at the end of output that was longer.
const TRUNCATED: &str = "\n---Output truncated---";

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
    let directory = directory_of(setup, command);
    let mut child = match start(command, &directory, &mark) {
        Ok(child) => child,
        Err(error) => {
            return CommandEnd {
                outcome: CommandOutcome::Exited(126),
                stdout: String::new(),
                stderr: format!("failed to run the script: {error}"),
            };
        }
    };
    let (stdout, stderr) = (Output::default(), Output::default());
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
    remove(&directory);
    CommandEnd {
        outcome,
        stdout: stdout.text(),
        stderr: stderr.text(),
    }
}

/// What still runs there keeps its working directory, though it has no name any more.
fn remove(directory: &Path) {
    let _ = std::fs::remove_dir_all(directory);
    if let Some(above) = directory.parent() {
        // Unless another script has its directory there.
        let _ = std::fs::remove_dir(above);
    }
}

fn directory_of(setup: &Setup, command: &wire::Command) -> PathBuf {
    let above = setup.software.parent().unwrap_or(&setup.software);
    above.join("commands").join(&command.id)
}

fn start(command: &wire::Command, directory: &Path, mark: &str) -> std::io::Result<Child> {
    bundle::make_directory(directory)?;
    let script = directory.join("_script.sh");
    fs_err::write(&script, &command.script)?;
    bundle::own(&script)?;
    let mut shell = Command::new("/bin/sh");
    shell
        .arg(&script)
        .current_dir(command.directory.as_deref().unwrap_or(directory));
    guest::prepare(&mut shell, directory);
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

/// A stream of a script, as far as it is kept.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    /// Reads to the end: a process must not block on a full pipe because nobody keeps what it says.
    async fn keep(self, mut source: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = source.read(&mut buffer).await {
            let mut kept = self.lock();
            let room = (LONGEST_OUTPUT * 4 + 1).saturating_sub(kept.len());
            kept.extend_from_slice(&buffer[..read.min(room)]);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.lock()).into_owned();
        if text.chars().count() <= LONGEST_OUTPUT {
            return text;
        }
        let room = LONGEST_OUTPUT - TRUNCATED.len();
        text.chars().take(room).chain(TRUNCATED.chars()).collect()
    }
}
