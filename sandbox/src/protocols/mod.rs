//! AWS's protocols: requests and answers as services see them, and the forms in which they go over the wire.
//! Must know nothing of what an operation does, nor of who may ask.

pub(crate) mod bounds;
pub(crate) mod call;
pub(crate) mod checksums;
pub(crate) mod cloudwatch;
pub(crate) mod document;
pub(crate) mod presign;
mod query;
pub(crate) mod xml;
