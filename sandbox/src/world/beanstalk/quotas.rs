//! How many of each thing a region may hold (AWS General Reference: elasticbeanstalk).
//! Must know nothing of who counts; the codes are those of the API's model, the texts are ours: no source has AWS's.

use super::{Beanstalk, Status};
use crate::world::Refusal;

pub(crate) const APPLICATIONS: usize = 75;
pub(crate) const VERSIONS: usize = 1000;
pub(crate) const TEMPLATES: usize = 2000;
pub(crate) const ENVIRONMENTS: usize = 200;

fn check(present: usize, most: usize, what: &str, code: &str) -> Result<(), Refusal> {
    if present < most {
        return Ok(());
    }
    Err(Refusal::new(
        code,
        format!("The quota of {most} {what} in this region is reached."),
    ))
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
