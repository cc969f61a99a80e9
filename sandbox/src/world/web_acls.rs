//! WebAcls.

#[derive(Debug, Default)]
pub(crate) struct WebAcls {}
