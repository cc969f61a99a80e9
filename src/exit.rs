//! The exit codes, which pipelines rely on. `docs/operations.md` lists them for users.

use crate::engine::Kind;

/// Why confctl ended as it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    Failed = 1,
    /// Changes or drift pending, with `--detailed-exitcode` only.
    Pending = 2,
    /// A deadline was reached, and the same command goes on; or something was kept.
    Partial = 3,
    /// It would lose data, needs a confirmation, or is not ours.
    Refused = 4,
    DidNotScale = 5,
    /// Somebody else holds the lock.
    Locked = 6,
    /// Up, but verify failed.
    Unverified = 7,
    Usage = 64,
    /// After Ctrl-C; the same command goes on.
    Interrupted = 130,
    /// After SIGTERM; the same command goes on.
    Terminated = 143,
}

impl From<Kind> for Exit {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Failed | Kind::Missing | Kind::Denied | Kind::Account | Kind::Unreachable => Self::Failed,
            Kind::Refused => Self::Refused,
            Kind::Deadline | Kind::Kept | Kind::Unforeseen => Self::Partial,
            Kind::Stopped => Self::Interrupted,
            Kind::Locked => Self::Locked,
            Kind::Usage => Self::Usage,
            Kind::Unverified => Self::Unverified,
            Kind::DidNotScale => Self::DidNotScale,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
