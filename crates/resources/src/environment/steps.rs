//! What can be changed of an environment, and how each change is shown.
//! Must know nothing of calls.

use super::deployment::policy_key;
use super::drift::DriftStep;
use super::options::{self, OptionStep};
use super::scale::ScaleStep;
use crate::engine::{Effect, FieldChange, Step};
use crate::ownership::TagStep;
use crate::strategy::Strategy;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum EnvironmentStep {
    Tag(TagStep),
    /// It never came up: terminated, and launched again.
    Relaunch {
        why: String,
    },
    /// The draft of a change that failed, which stands in the way of the next one.
    DropDraft,
    Option(OptionStep),
    Platform {
        from: Option<String>,
        to: String,
        effect: Effect,
    },
    Version {
        from: Option<String>,
        to: String,
        effect: Effect,
    },
    Drift(DriftStep),
    /// The way in which versions are deployed: this time, and then another where there is one to be set back to.
    Strategy {
        from: Strategy,
        to: Strategy,
        then: Option<Strategy>,
    },
    /// A version that nobody needs any more goes.
    Prune {
        label: String,
    },
    /// The update that is under way is aborted.
    Stop,
    /// Of a pre-scale.
    Scale(ScaleStep),
}

impl Step for EnvironmentStep {
    fn shown(&self) -> FieldChange {
        match self {
            Self::Tag(tag) => tag.shown(),
            Self::Relaunch { why } => {
                let field = FieldChange::new("launch", why.clone(), "terminated and launched again".to_owned());
                field.effect(Effect::Interrupt)
            }
            Self::DropDraft => FieldChange::new("draft", "of a change that failed".to_owned(), None),
            Self::Option(option) => option.shown(),
            Self::Platform { from, to, effect } => {
                FieldChange::new("PlatformArn", from.clone(), to.clone()).effect(*effect)
            }
            Self::Version { from, to, effect } => {
                FieldChange::new("VersionLabel", from.clone(), to.clone()).effect(*effect)
            }
            Self::Drift(drift) => drift.shown(),
            Self::Scale(step) => step.shown(),
            Self::Strategy { from, to, then } => {
                let told = match then {
                    Some(then) if then == from => format!("{}, for this deployment", to.policy()),
                    Some(then) => format!("{}, for this deployment, then {}", to.policy(), then.policy()),
                    None => format!("{}, as the profile says", to.policy()),
                };
                FieldChange::new(options::field(&policy_key()), from.policy().to_owned(), told)
            }
            Self::Prune { label } => FieldChange::new("old version", label.clone(), None),
            Self::Stop => FieldChange::new(
                "update",
                "under way".to_owned(),
                "stopped where it is: of a version some instances may have the new one".to_owned(),
            ),
        }
    }
}

impl EnvironmentStep {
    /// Whether it goes through UpdateEnvironment, which deploys it to the instances.
    pub(super) fn is_deployed(&self) -> bool {
        matches!(self, Self::Option(_) | Self::Platform { .. } | Self::Version { .. })
    }
}
