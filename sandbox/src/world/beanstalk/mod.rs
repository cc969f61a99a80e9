//! Elastic Beanstalk: applications, versions, environments, events and their workflows.

#[derive(Debug, Default)]
pub(crate) struct Beanstalk {}
