//! How a command ended, in one value: what the last JSON line and the exit code are made of.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::engine::{Error, Hint, Leftover};
use crate::exit::Exit;

/// The end of a command.
#[derive(Debug)]
pub(crate) struct Summary {
    pub exit: Exit,
    pub stack: Option<String>,
    pub seconds: f64,
    /// Named results for programs.
    pub outputs: BTreeMap<String, Value>,
    /// Results for people, a line each; the commands in them are completed as a hint's are.
    pub result: Vec<Hint>,
    pub errors: Vec<Error>,
    pub left_behind: Vec<Leftover>,
}

impl Summary {
    pub(crate) fn done() -> Self {
        Self {
            exit: Exit::Done,
            stack: None,
            seconds: 0.0,
            outputs: BTreeMap::new(),
            result: Vec::new(),
            errors: Vec::new(),
            left_behind: Vec::new(),
        }
    }

    #[must_use]
    pub(crate) fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    #[must_use]
    pub(crate) fn say(mut self, line: impl Into<Hint>) -> Self {
        self.result.push(line.into());
        self
    }

    #[must_use]
    pub(crate) fn output(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.outputs.insert(name.to_owned(), value.into());
        self
    }
}

impl From<Error> for Summary {
    fn from(error: Error) -> Self {
        let exit = Exit::from(error.kind);
        Self {
            errors: vec![error],
            ..Self::done().exit(exit)
        }
    }
}
