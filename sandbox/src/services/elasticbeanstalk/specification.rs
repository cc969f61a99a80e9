//! What AWS's own clients send and receive beyond the public models: `TemplateSpecification` of requests and the tier of a
//! set of settings, as the model in awsebcli 3.27 has them (`lib/botocoredata`). Must know nothing of what is done with them.

use crate::protocols::call::{Answer, Call};
use crate::services::not_implemented;
use crate::world::Refusal;

/// The member of requests that the generated types do not have.
pub(super) const MEMBER: &str = "TemplateSpecification";
const SOURCE: &str = "TemplateSpecification.TemplateSource.";

/// Where settings are to be taken from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    /// A running one, by its name.
    Environment(String),
    /// The text of a saved configuration.
    Contents(String),
    Platform(String),
    SolutionStack(String),
}

/// # Errors
/// Where there is another source than those in `taken`, or anything else in the specification: snippets, parameters.
pub(super) fn source(call: &Call, taken: &[&str]) -> Result<Option<Source>, Refusal> {
    let mut found = None;
    for (name, value) in call.parameters() {
        if name.split('.').next() != Some(MEMBER) {
            continue;
        }
        let part = name.strip_prefix(SOURCE).filter(|part| taken.contains(part));
        found = match part {
            Some("EnvironmentName") => Some(Source::Environment(value)),
            Some("SourceContents") => Some(Source::Contents(value)),
            Some("PlatformArn") => Some(Source::Platform(value)),
            Some("SolutionStackName") => Some(Source::SolutionStack(value)),
            _ => return Err(not_implemented(format!("the parameter '{name}' of {}", call.operation))),
        };
    }
    Ok(found)
}

/// The answer with the tier in each set of settings: the EB CLI reads it (awsebcli 3.27, `display/screen.py`).
pub(super) fn with_tier(mut answer: Answer) -> Answer {
    const TIER: &str = "<Tier><Name>WebServer</Name><Type>Standard</Type><Version>1.0</Version></Tier>";
    // Every set has been created once, and no value holds a tag.
    const BEFORE: &str = "<DateCreated>";
    let text = String::from_utf8_lossy(&answer.body);
    answer.body = text.replace(BEFORE, &format!("{TIER}{BEFORE}")).into();
    answer
}
