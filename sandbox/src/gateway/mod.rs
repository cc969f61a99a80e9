//! The front door: HTTP, signatures, routing by the service in the signature, request ids, the request log.
//! Must know nothing of what an operation does.

pub(crate) mod call;
pub(crate) mod query;
