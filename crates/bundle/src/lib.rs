//! What Beanstalk runs: found, identified without building, built, checked and zipped so that the same input gives the
//! same bytes. Knows no AWS client, no profile and no terminal.

mod archive;
mod build;
mod cargo;
mod check;
mod compile;
mod contents;
mod elf;
mod error;
mod identity;
mod instances;
mod left_out;
mod release;
mod secrets;
mod source;
mod walk;

#[cfg(test)]
mod elf_fixture;
#[cfg(test)]
mod tests;

pub use build::{Bundle, Inspected, build, inspect};
pub use check::Finding;
pub use error::BundleError;
pub use identity::{Identity, identity};
pub use instances::Instances;
pub use secrets::names_a_secret;
pub use source::Source;
