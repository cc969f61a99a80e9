//! The limit of open files: a connection is one, and the usual soft limit of 1024 ends a run of thousands early.
//! Must know nothing of what is opened.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For the executable's own libraries, the log, standard streams and the AWS clients.
const OTHERS: u64 = 200;

/// What this process may open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenFiles {
    Enough,
    /// Connections that can be open at one time; more fail on this side.
    Only(u64),
}

/// Raises the soft limit as far as `connections` need and the hard limit allows.
pub fn allow_open_files(connections: u32) -> OpenFiles {
    let wanted = u64::from(connections) + OTHERS;
    let now = getrlimit(Resource::Nofile);
    let reachable = now.maximum.unwrap_or(u64::MAX).min(wanted);
    let soft = now.current.unwrap_or(u64::MAX);
    let raised = Rlimit {
        current: Some(reachable),
        maximum: now.maximum,
    };
    let has = if soft < reachable && setrlimit(Resource::Nofile, raised).is_ok() {
        reachable
    } else {
        soft
    };
    if has >= wanted {
        OpenFiles::Enough
    } else {
        OpenFiles::Only(has.saturating_sub(OTHERS))
    }
}
