//! The exit codes, which pipelines rely on. `docs/exit-codes.md` is made of them.

use crate::engine::{Kind, told};

told! {
    /// Why confctl ended as it did.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    #[repr(u8)]
    pub enum Exit {
        /// Done, or nothing to do.
        Done = 0,
        /// Failed.
        Failed = 1,
        /// Changes or drift pending, with `plan --detailed-exitcode` only.
        Pending = 2,
        /// Partial: a deadline was reached, or more would have to be done than the plan showed, and the same command goes on; or
        /// something stays, by `--keep` or because others use it, and nothing more is to do; or a draw waits for its round.
        Partial = 3,
        /// Refused: it would lose data, needs a confirmation, or is not ours (`plan` too).
        Refused = 4,
        /// `stress`: did not scale out by the alarm, or not in again.
        DidNotScale = 5,
        /// Somebody else holds the stack's lock, or took it in the middle; `unlock` shows who.
        Locked = 6,
        /// Up, but verify failed.
        Unverified = 7,
        /// Usage or profile.
        Usage = 64,
        /// After Ctrl-C; the same command goes on.
        Interrupted = 130,
        /// After SIGTERM; the same command goes on.
        Terminated = 143,
    }
}

impl From<Kind> for Exit {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Failed | Kind::Aborted | Kind::Missing | Kind::Denied | Kind::Account | Kind::Unreachable => {
                Self::Failed
            }
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
