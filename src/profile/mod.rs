//! What a user wants: the typed profile, its file, its `--set` overrides, and the names that follow from it.
//! Knows no AWS client and no terminal.

mod model;
mod names;
mod words;

pub use model::*;
pub use names::{InvalidStackName, Names, StackName};
