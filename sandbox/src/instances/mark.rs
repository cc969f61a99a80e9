//! The mark in the environment by which every process of an instance is found, also one that left its process group.
//! Must know nothing of why processes are ended.

use std::path::Path;

use rustix::process::Pid;

use super::processes;
use super::wire::Setup;

/// The variable that holds the mark.
pub(super) const VARIABLE: &str = "CONFCTL_SANDBOX_INSTANCE";

/// What the marks of all instances below a directory begin with.
pub(super) fn prefix(instances: &Path) -> String {
    format!("{}/", instances.display())
}

/// The mark of one instance of one daemon.
pub(super) fn of_instance(instances: &Path, instance_id: &str) -> String {
    format!("{}{instance_id}#{}:", prefix(instances), crate::world::ids::smalls(8))
}

/// Kills every process whose mark begins with `prefix`.
pub(super) fn sweep(prefix: &str) {
    processes::end_all(|| marked(prefix));
}

/// Kills every process of an instance: those that have its mark, and those that have its user, with or without a mark.
pub(super) fn sweep_instance(setup: &Setup) {
    sweep(&setup.mark);
    if let Some(user) = setup.user.alone() {
        processes::end_all(|| processes::of_user(user));
    }
}

/// Processes whose mark begins with `prefix`. Where there is no /proc, there are none to be found this way.
pub(super) fn marked(prefix: &str) -> Vec<Pid> {
    let mut found = processes::all();
    found.retain(|pid| has(*pid, prefix));
    found
}

/// Whether a process's mark begins with `prefix`.
pub(super) fn has(pid: Pid, prefix: &str) -> bool {
    let wanted = format!("{VARIABLE}={prefix}");
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment
        .split(|byte| *byte == 0)
        .any(|variable| variable.starts_with(wanted.as_bytes()))
}
