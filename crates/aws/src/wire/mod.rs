//! Calls of services that have no SDK crate here, on the SDK's own runtime: its signer, credentials, retries, time-outs, HTTP client.
//! Must know nothing of which operations there are: `services/` does.
//!
//! A generated crate of the SDK takes a minute or two to compile for the three operations that are used of it.

mod client;
mod endpoint;
mod error;
mod json;
pub mod members;
mod query;
#[cfg(test)]
pub(crate) mod replay;
pub mod xml;

pub use client::{Call, Called, Client, Service};
pub use error::CallError;
pub use json::Json;
pub use query::Form;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

/// What AWS's URI encoding escapes: all but letters, digits and these four.
/// Source: the guide on Signature Version 4, "Create a canonical request".
pub const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
