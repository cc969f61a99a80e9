//! Which cases are tried, and what came of them: a row of the table in docs/reliability.md for each test.
//! Must know nothing of what a case does.

use std::collections::hash_map::DefaultHasher;
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::io::Write as _;

/// Which cases: a few by a seed, all of them, or those whose name contains this.
enum Choice {
    Few(u64),
    Whole,
    Named(String),
}

/// A few are the same few each time, unless another seed is told.
const SEED: u64 = 14;

fn choice() -> Choice {
    match std::env::var("CONFCTL_SWEEP") {
        Ok(text) if text == "whole" => Choice::Whole,
        Ok(text) => match text.strip_prefix("seed=").map(str::parse) {
            Some(Ok(seed)) => Choice::Few(seed),
            _ => Choice::Named(text),
        },
        Err(_) => Choice::Few(SEED),
    }
}

/// The profiles that a sweep is of.
pub(super) fn profiles(what: &str) -> Vec<&'static str> {
    let all = ["article", "ci", "dev"];
    match choice() {
        Choice::Few(seed) => few(seed, what, all.to_vec(), 1, |profile| (*profile).to_owned()),
        Choice::Whole => all.to_vec(),
        Choice::Named(text) => match all.iter().find(|profile| text.starts_with(**profile)) {
            Some(profile) => vec![profile],
            None => all.to_vec(),
        },
    }
}

/// Of all cases those that are tried.
pub(super) fn chosen<T>(what: &str, cases: Vec<T>, number: usize, name: impl Fn(&T) -> String) -> Vec<T> {
    match choice() {
        Choice::Few(seed) => few(seed, what, cases, number, name),
        Choice::Whole => cases,
        Choice::Named(text) => cases.into_iter().filter(|case| name(case).contains(&text)).collect(),
    }
}

fn few<T>(seed: u64, what: &str, mut cases: Vec<T>, number: usize, name: impl Fn(&T) -> String) -> Vec<T> {
    cases.sort_by_cached_key(|case| {
        let mut hasher = DefaultHasher::new();
        (seed, what, name(case)).hash(&mut hasher);
        hasher.finish()
    });
    cases.truncate(number);
    cases
}

/// What is counted of the cases of one test.
pub(super) struct Row {
    title: String,
    columns: Vec<(&'static str, usize, usize)>,
    wrong: Vec<String>,
    tried: usize,
}

impl Row {
    pub fn new(title: String) -> Self {
        Self {
            title,
            columns: Vec::new(),
            wrong: Vec::new(),
            tried: 0,
        }
    }

    pub fn tried(&mut self) {
        self.tried += 1;
    }

    /// Whether it went well in a case, and why not.
    pub fn count(&mut self, column: &'static str, case: &str, result: &Result<(), String>) {
        let position = match self.columns.iter().position(|(name, ..)| *name == column) {
            Some(position) => position,
            None => {
                self.columns.push((column, 0, 0));
                self.columns.len() - 1
            }
        };
        let (_, well, all) = &mut self.columns[position];
        *all += 1;
        match result {
            Ok(()) => *well += 1,
            Err(why) => {
                let line = format!("{}, {case}, {column}: {why}", self.title);
                // Of a whole sweep, which takes hours, each as it comes.
                let _ = writeln!(std::io::stderr(), "{line}");
                self.wrong.push(line);
            }
        }
    }

    /// # Panics
    /// Where something went wrong.
    pub fn end(self) {
        let mut line = format!("| {} | {} |", self.title, self.tried);
        for (column, well, all) in &self.columns {
            let _ = write!(line, " {column} {well}/{all} |");
        }
        let how = match choice() {
            Choice::Few(seed) => format!("CONFCTL_SWEEP=seed={seed}"),
            Choice::Whole => "CONFCTL_SWEEP=whole".to_owned(),
            Choice::Named(text) => format!("CONFCTL_SWEEP='{text}'"),
        };
        let _ = writeln!(std::io::stdout(), "{line} {how}");
        assert!(self.tried > 0, "{}: no such case, {how}", self.title);
        assert!(
            self.wrong.is_empty(),
            "{line} {how}\nAgain: CONFCTL_SWEEP='CASE' with the case's name.\n{}",
            self.wrong.join("\n")
        );
    }
}
