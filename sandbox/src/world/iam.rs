//! Iam.

#[derive(Debug, Default)]
pub(crate) struct Iam {}
