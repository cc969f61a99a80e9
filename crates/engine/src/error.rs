//! What can go wrong while resources are observed, applied or removed, in a form that a person can act on.
//! Must know nothing of where it happened in code or how it is shown.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::Hint;

crate::told! {
    /// Decides the exit code and how an error is introduced.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Kind {
        /// What none of the others names.
        Failed,
        /// Going on would lose data, touch what is not ours, or needs a confirmation that was not given.
        Refused,
        /// It stays, because others use it or it holds what may not be lost; all else was done.
        Kept,
        /// What was asked for is not there; where it was a moment ago, it went between two reads.
        Missing,
        /// The caller may not do it.
        Denied,
        /// The account as such is not able to: a gate that only AWS's support opens.
        Account,
        /// Not an answer: throttled, timed out, not reachable. Never decides a result while waiting.
        Unreachable,
        /// A deadline passed; the same command goes on from here.
        Deadline,
        /// More would have to be done than the plan showed, and nobody agreed to it; the next plan shows it.
        Unforeseen,
        /// Stopped on purpose, by a signal or because the lock was lost.
        Stopped,
        /// AWS was at it, and somebody else had it end before it was done.
        Aborted,
        /// Somebody else holds the stack's lock.
        Locked,
        /// The command line or the profile.
        Usage,
        /// The stack is up, but the site did not pass `verify`.
        Unverified,
        /// It was put under load, and the group did not grow by its alarm or did not shrink again.
        DidNotScale,
    }
}

/// An error with its causes, outermost first, and the way out.
#[derive(Debug, Clone)]
pub struct Error {
    pub kind: Kind,
    /// AWS's own code where there is one.
    pub code: Option<String>,
    pub message: String,
    pub causes: Vec<String>,
    /// What to do; where possible a command that can be pasted.
    pub hint: Option<Hint>,
    /// What it was made of, where that was kept. Its text is among the causes.
    source: Option<Source>,
}

type Source = Arc<dyn std::error::Error + Send + Sync>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// By hand: what `thiserror` makes of a shared source gives the pointer, which nobody can ask for the error's type.
impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// By what is told: where it came from in code makes no other error of it.
impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        let told = |error: &Self| (error.kind, error.code.clone(), error.message.clone());
        told(self) == told(other) && self.causes == other.causes && self.hint == other.hint
    }
}

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: None,
            message: message.into(),
            causes: Vec::new(),
            hint: None,
            source: None,
        }
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    pub fn stopped() -> Self {
        Self::new(Kind::Stopped, "stopped before this step")
    }

    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Another error is the cause, and can still be asked for its type.
    #[must_use]
    pub fn caused_by(mut self, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.causes.push(cause.to_string());
        self.source = Some(Arc::new(cause));
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says what was being done, and keeps the former message as the first cause.
    #[must_use]
    pub fn context(mut self, doing: impl Into<String>) -> Self {
        let former = std::mem::replace(&mut self.message, doing.into());
        self.causes.insert(0, former);
        self
    }

    /// Message and causes in one line, where there is no room for more.
    pub fn in_a_line(&self) -> String {
        let all = std::iter::once(&self.message).chain(&self.causes);
        all.map(String::as_str).collect::<Vec<_>>().join(": ")
    }

    pub fn is_code(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::io;

    use super::*;

    #[test]
    fn a_cause_is_told_and_can_be_asked_for_its_type() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let error = Error::failed("could not write the report").caused_by(full());
        assert_eq!(error.causes, [full().to_string()]);
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.map(io::Error::kind), Some(io::ErrorKind::StorageFull));
        assert_eq!(
            error,
            Error::failed("could not write the report").because(full().to_string())
        );
    }
}
