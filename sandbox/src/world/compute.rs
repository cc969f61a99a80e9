//! Compute.

#[derive(Debug, Default)]
pub(crate) struct Compute {}
