//! Monitoring.

#[derive(Debug, Default)]
pub(crate) struct Monitoring {}
