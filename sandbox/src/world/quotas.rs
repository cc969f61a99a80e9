//! Quotas.

#[derive(Debug, Default)]
pub(crate) struct Quotas {}
