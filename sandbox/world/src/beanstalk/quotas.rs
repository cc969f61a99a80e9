//! How many of each thing a region may hold, and how many tags a thing (AWS General Reference: elasticbeanstalk).
//! Must know nothing of who counts; the codes are those of the API's model, the texts are ours: no source has AWS's.

use super::{Beanstalk, Status};
use crate::{Refusal, Tags};

pub const APPLICATIONS: usize = 75;
pub const VERSIONS: usize = 1000;
pub const TEMPLATES: usize = 2000;
pub const ENVIRONMENTS: usize = 200;
const TAGS: usize = 47;

fn check(present: usize, most: usize, what: &str, code: &str) -> Result<(), Refusal> {
    if present < most {
        return Ok(());
    }
    Err(Refusal::new(
        code,
        format!("The quota of {most} {what} in this region is reached."),
    ))
}

/// Limits of tags (Beanstalk guide: applications-tagging-resources).
pub(super) fn check_tags(tags: &Tags) -> Result<(), Refusal> {
    let invalid = |message: String| Refusal::new("InvalidParameterValue", message);
    if tags.len() > TAGS {
        return Err(invalid(format!("You can't specify more than {TAGS} tags.")));
    }
    for key in tags.keys() {
        if key.starts_with("aws:") || key.starts_with("elasticbeanstalk:") || key.is_empty() || key.len() > 127 {
            return Err(invalid(format!(
                "Tag key '{key}' is invalid. Tag keys can't begin with 'aws:' or 'elasticbeanstalk:'."
            )));
        }
    }
    Ok(())
}

impl Beanstalk {
    pub(super) fn check_room_for_application(&self) -> Result<(), Refusal> {
        let present = self.applications.len();
        check(present, APPLICATIONS, "applications", "TooManyApplicationsException")
    }

    pub(super) fn check_room_for_version(&self) -> Result<(), Refusal> {
        let present = self.applications.values().map(|it| it.versions.len()).sum();
        check(
            present,
            VERSIONS,
            "application versions",
            "TooManyApplicationVersionsException",
        )
    }

    pub(super) fn check_room_for_template(&self) -> Result<(), Refusal> {
        let present = self.applications.values().map(|it| it.templates.len()).sum();
        check(
            present,
            TEMPLATES,
            "configuration templates",
            "TooManyConfigurationTemplatesException",
        )
    }

    pub(super) fn check_room_for_environment(&self) -> Result<(), Refusal> {
        let live = self.environments.values().filter(|it| it.status != Status::Terminated);
        check(
            live.count(),
            ENVIRONMENTS,
            "environments",
            "TooManyEnvironmentsException",
        )
    }
}
