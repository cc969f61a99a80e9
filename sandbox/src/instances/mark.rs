//! The mark in the environment by which every process of an instance is found, also one that left its process group.
//! Must know nothing of why processes are ended.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

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

/// Kills every process whose mark begins with `prefix`, until there is none: a process may fork while it is looked for.
pub(super) fn sweep(prefix: &str) {
    for _ in 0..50 {
        let found = marked(prefix);
        if found.is_empty() {
            return;
        }
        for pid in found {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Processes whose mark begins with `prefix`. Where there is no /proc, there are none to be found this way.
pub(super) fn marked(prefix: &str) -> Vec<Pid> {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .flatten()
        .filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
        .filter(|pid| has(*pid, prefix))
        .collect()
}

/// Whether a process's mark begins with `prefix`.
pub(super) fn has(pid: Pid, prefix: &str) -> bool {
    let wanted = format!("{VARIABLE}={prefix}");
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment
        .split(|byte| *byte == 0)
        .any(|variable| variable.starts_with(wanted.as_bytes()))
}
