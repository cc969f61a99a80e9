//! How everything that runs on an instance is started: as another user, in a group of its own, with nothing of the daemon's.
//! Must know nothing of what it is: a version's process, a hook, a script of Run Command.

use std::path::Path;
use std::process::Stdio;

use rustix::process::Pid;
use tokio::process::{Child, Command};

use super::user::User;

/// Prepares a command of that user, whose home is `home`. What it finds in its environment is no credential of the daemon's; the
/// caller adds what the instance has.
pub(super) fn prepare(command: &mut Command, user: User, home: &Path) {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    command
        .env_clear()
        .env("PATH", path)
        .env("HOME", home)
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    if let Some(id) = user.id() {
        command.uid(id).gid(id);
    }
}

/// The group that [`prepare`] gave it, while it runs.
pub(super) fn group_of(child: &Child) -> Option<Pid> {
    child.id().and_then(|id| Pid::from_raw(id.cast_signed()))
}
