//! A process of this machine, named so that another machine's, an earlier boot's, or a later one of the same number is not taken for
//! it. Must know nothing of why anybody asks.

use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

/// Sources: Linux's proc(5), random(4) for the boot's id, and pid_namespaces(7). Other systems have no such name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Random at each boot of a kernel; what containers of one machine share.
    boot: String,
    /// The namespace that numbers it, which containers do not share.
    namespace: String,
    pub pid: i32,
    /// In clock ticks since the boot: numbers are given again.
    started: u64,
}

/// What is known here of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Here {
    Runs,
    Ended,
    /// It is, or was, another machine's.
    Elsewhere,
}

impl Process {
    pub fn this() -> Option<Self> {
        Self::of(std::process::id())
    }

    /// `None` where there is none, or the system does not tell.
    pub fn of(pid: u32) -> Option<Self> {
        let (boot, namespace) = here()?;
        let pid = i32::try_from(pid).ok()?;
        let (_, started) = state(pid)?;
        Some(Self {
            boot,
            namespace,
            pid,
            started,
        })
    }

    pub fn look(&self) -> Here {
        if here().is_none_or(|(boot, namespace)| boot != self.boot || namespace != self.namespace) {
            return Here::Elsewhere;
        }
        // Any number may have been written down, and those below one mean groups of processes.
        let Some(pid) = (self.pid > 0).then_some(self.pid).and_then(Pid::from_raw) else {
            return Here::Elsewhere;
        };
        // Another user's cannot be signalled, and where /proc hides it, that is all that is known of it.
        if test_kill_process(pid) == Err(rustix::io::Errno::SRCH) {
            return Here::Ended;
        }
        match state(self.pid) {
            // A zombie: it has ended, and nobody has asked how.
            Some(('Z' | 'X', _)) => Here::Ended,
            Some((_, started)) if started != self.started => Here::Ended,
            _ => Here::Runs,
        }
    }
}

fn here() -> Option<(String, String)> {
    let boot = fs_err::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs_err::read_link("/proc/self/ns/pid").ok()?;
    Some((boot.trim().to_owned(), namespace.to_str()?.to_owned()))
}

/// Its state and when it began. Its name, in parentheses before both, may hold anything.
fn state(pid: i32) -> Option<(char, u64)> {
    let stat = fs_err::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, behind) = stat.rsplit_once(')')?;
    let mut fields = behind.split_whitespace();
    let state = fields.next()?.chars().next()?;
    // The 22nd field of all; the state is the third.
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn a_process_runs_until_it_ends_and_one_that_has_its_number_later_is_another() {
        let this = Process::this().unwrap();
        assert_eq!(this.look(), Here::Runs);
        let reused = Process {
            started: this.started + 1,
            ..this.clone()
        };
        assert_eq!(reused.look(), Here::Ended);

        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::of(child.id()).unwrap();
        assert_eq!(process.look(), Here::Runs);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(process.look(), Here::Ended);
        assert_eq!(Process::of(child.id()), None);
    }

    #[test]
    fn one_of_another_machine_or_of_an_earlier_boot_is_not_looked_for_here() {
        let this = Process::this().unwrap();
        for elsewhere in [
            Process {
                boot: "another".to_owned(),
                ..this.clone()
            },
            Process {
                namespace: "pid:[1]".to_owned(),
                ..this.clone()
            },
            // Anybody of the account may write into a lock.
            Process {
                pid: -1,
                ..this.clone()
            },
            Process { pid: 0, ..this },
        ] {
            assert_eq!(elsewhere.look(), Here::Elsewhere, "{elsewhere:?}");
        }
    }
}
