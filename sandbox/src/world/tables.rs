//! Tables.

#[derive(Debug, Default)]
pub(crate) struct Tables {}
