//! The limit of open files: a connection is one, and systemd's usual soft limit of 1024 would end a rush early.
//! It knows nothing of what is opened.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one. Where that fails, the limit stays as it is.
pub fn allow_as_many_as_possible() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}
