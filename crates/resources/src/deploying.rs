//! What a run that deploys is restricted to: the version of an application and of its environment, forwards, back or stopped.
//! Must know nothing of calls.

use crate::strategy::Strategy;

/// A run that deploys and does nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deploying {
    pub way: Way,
    /// For this deployment only.
    pub strategy: Option<Strategy>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// To the stack's bundle.
    Forward,
    /// To the last version that every instance ran, or to this one.
    Back { to: Option<String> },
    /// What is under way stops where it is.
    Stop,
}
