//! Distributions.

#[derive(Debug, Default)]
pub(crate) struct Distributions {}
