//! Notifications.

#[derive(Debug, Default)]
pub(crate) struct Notifications {}
