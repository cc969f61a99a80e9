//! confctl puts an event registration site on AWS and takes it away again. The binary is a thin shell around this library.

pub mod bundle;
pub mod profile;
