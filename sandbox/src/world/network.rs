//! Network.

#[derive(Debug, Default)]
pub(crate) struct Network {}
