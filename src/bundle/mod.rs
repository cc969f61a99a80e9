//! What Beanstalk runs: found, identified without building, built, checked and zipped so that the same input gives the
//! same bytes. Knows no AWS client and no terminal.

mod archive;
mod build;
mod cargo;
mod check;
mod contents;
mod elf;
mod error;
mod identity;
mod procfile;
mod source;

#[cfg(test)]
mod elf_fixture;
#[cfg(test)]
mod tests;

pub use build::{Bundle, build};
pub use check::Flaw;
pub use error::BundleError;
pub use identity::{Identity, identity};
pub use source::Source;
