//! Scaling.

#[derive(Debug, Default)]
pub(crate) struct Scaling {}
