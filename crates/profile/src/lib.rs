//! What a user wants: the typed profile, its file, its `--set` overrides, and the names that follow from it.
//! Knows no AWS client and no terminal.

mod choices;
mod declare;
mod error;
mod json_schema;
mod key;
mod keys;
mod load;
mod names;
pub mod paths;
mod patterns;
mod schema;
mod set;
mod settings;
mod spans;
mod together;
mod validate;
mod words;

#[cfg(test)]
mod documents;
#[cfg(test)]
mod tests;

pub use choices::*;
pub use error::{Origin, Problem, ProfileError};
pub use json_schema::json_schema;
pub use key::{Changes, Key, Takes, nearest_word};
pub use keys::*;
pub use load::{Embedded, Loaded, Origins, embedded, load, parse};
pub use names::{InvalidStackName, Names, StackName};
pub use patterns::{account as is_account, region as is_region, time};
pub use settings::Setting;
pub use together::{RateRule, With};
