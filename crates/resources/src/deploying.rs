//! What a run that deploys is restricted to: the version of an application and of its environment, forwards, back or stopped.
//! Must know nothing of calls.

use crate::canary::Canary;
use crate::strategy::Strategy;

/// A run that deploys and does nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deploying {
    pub way: Way,
    /// For this deployment only.
    pub strategy: Option<Strategy>,
    /// Of [`Way::Beside`]: visitors are sent there part by part.
    pub canary: Option<Canary>,
    /// Nobody knows the stack's profile: versions are deployed in the way that the environment has.
    pub profile_unknown: bool,
    /// Somebody is asked: what the other ways cost is shown before.
    pub tells_others: bool,
}

impl Deploying {
    /// As the profile says, and nobody is asked.
    pub fn of(way: Way) -> Self {
        Self {
            way,
            strategy: None,
            canary: None,
            profile_unknown: false,
            tells_others: false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// To the stack's bundle.
    Forward,
    /// To the last version that every instance ran, or to this one.
    Back { to: Option<String> },
    /// What is under way stops where it is.
    Stop,
    /// To the stack's bundle, on an environment beside the one that visitors are sent to; then they are sent there.
    Beside,
    /// The environment that visitors are not sent to goes.
    Finish,
}

impl Way {
    /// Whether a bundle is deployed that may have to be built.
    pub fn is_forward(&self) -> bool {
        matches!(self, Self::Forward | Self::Beside)
    }
}
