//! The load generator: people who come when they come, whatever the site does (an open model), and what they met.
//! Must know nothing of AWS, of tables and of the terminal; a benchmark compiles it alone.

pub mod addresses;
mod arrivals;
pub mod closed_model;
mod connection;
pub mod export;
mod files;
mod measured;
mod page;
mod person;
mod resolve;
mod run;
mod site;
#[cfg(test)]
mod tls_tests;

pub use arrivals::{Coming, MOST_PEOPLE, RecordError};
pub use files::{OpenFiles, allow_open_files};
pub use measured::{Cache, Latencies, Measured, Outcome, Slot, Totals};
pub use resolve::{Lookup, is_this_machine, resolve, resolve_by};
pub use run::{Load, Progress, run};
pub use site::{Site, SiteError};

/// A page, three assets and a POST.
pub const REQUESTS_A_PERSON: f64 = 5.0;

/// The web ACL's common rule set refuses requests without one.
/// Source: AWS WAF guide, baseline rule groups, `NoUserAgent_HEADER`.
const USER_AGENT: &str = concat!("confctl-load/", env!("CARGO_PKG_VERSION"));
