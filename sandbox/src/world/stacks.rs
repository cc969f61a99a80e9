//! Stacks.

#[derive(Debug, Default)]
pub(crate) struct Stacks {}
