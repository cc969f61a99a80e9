//! What a user wants: the typed profile, its file, its `--set` overrides, and the names that follow from it.
//! Knows no AWS client and no terminal.

mod error;
mod keys;
mod load;
mod model;
mod names;
mod patterns;
mod places;
mod schema;
mod set;
mod validate;
mod words;

#[cfg(test)]
mod tests;

pub use error::{Origin, Problem, ProfileError};
pub use keys::{KEYS, Key, Takes};
pub use load::{Embedded, Loaded, embedded, load, parse};
pub use model::*;
pub use names::{InvalidStackName, Names, StackName};
pub use patterns::region as is_region;
