//! Stands in for the client of the same name, which comes from another branch: of it only the replay.

#[cfg(test)]
pub(crate) mod replay;
