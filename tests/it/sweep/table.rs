//! Which cases are tried, and what came of them: a row of the table in docs/reliability.md for each test.
//! Must know nothing of what a case does.

use std::collections::hash_map::DefaultHasher;
use std::fmt::Write as _;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::Write as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

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

/// Of the profiles of a sweep those that are tried.
pub(super) fn profiles(what: &str, all: &'static [&'static str]) -> Vec<&'static str> {
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

/// What came of each case so far, a line each, where a sweep of hours is made in parts: what came out right is not tried again.
const LOG: &str = "CONFCTL_SWEEP_LOG";

/// A case that was tried.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Tried {
    row: String,
    case: String,
    /// In their order, each with what was wrong.
    columns: Vec<(String, Option<String>)>,
}

impl Tried {
    fn came_out_right(&self) -> bool {
        self.columns.iter().all(|(_, wrong)| wrong.is_none())
    }
}

/// What is counted of the cases of one test.
pub(super) struct Row {
    title: String,
    /// Of former parts, what came out right; then those of this one.
    cases: Vec<Tried>,
    log: Option<PathBuf>,
}

impl Row {
    pub fn new(title: String) -> Self {
        let log = std::env::var_os(LOG).map(PathBuf::from);
        let text = log.as_ref().and_then(|log| fs::read_to_string(log).ok());
        let lines = text.iter().flat_map(|text| text.lines());
        // A line may have been cut off with its test.
        let cases = lines.filter_map(|line| serde_json::from_str::<Tried>(line).ok());
        let cases = cases.filter(|tried| tried.row == title && tried.came_out_right());
        Self {
            cases: cases.collect(),
            title,
            log,
        }
    }

    /// Without those that came out right in a former part.
    pub fn untried<T>(&self, cases: Vec<T>, name: impl Fn(&T) -> String) -> Vec<T> {
        let known = |case: &T| self.cases.iter().any(|tried| tried.case == name(case));
        cases.into_iter().filter(|case| !known(case)).collect()
    }

    pub fn tried(&mut self, case: &str) {
        self.note();
        self.cases.push(Tried {
            row: self.title.clone(),
            case: case.to_owned(),
            columns: Vec::new(),
        });
        if !matches!(choice(), Choice::Few(_)) {
            let _ = writeln!(std::io::stderr(), "{}, {case} ({})", self.title, self.cases.len());
        }
    }

    /// Whether it went well in the case, and why not.
    pub fn count(&mut self, column: &str, result: &Result<(), String>) {
        let tried = self.cases.last_mut().unwrap();
        let wrong = result.as_ref().err().cloned();
        if let Some(why) = &wrong {
            // Of a whole sweep, which takes hours, each as it comes.
            let _ = writeln!(std::io::stderr(), "{}, {}, {column}: {why}", self.title, tried.case);
        }
        tried.columns.push((column.to_owned(), wrong));
    }

    /// Writes down the latest case, of which nothing more comes.
    fn note(&self) {
        if let (Some(log), Some(tried)) = (&self.log, self.cases.last()) {
            let line = serde_json::to_string(tried).unwrap() + "\n";
            let mut log = fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
            log.write_all(line.as_bytes()).unwrap();
        }
    }

    /// Prints itself; gives what went wrong.
    pub fn end(self) -> Vec<String> {
        self.note();
        let mut columns: Vec<(&str, usize, usize)> = Vec::new();
        let mut wrong = Vec::new();
        for tried in &self.cases {
            for (name, why) in &tried.columns {
                if !columns.iter().any(|(known, ..)| known == name) {
                    columns.push((name, 0, 0));
                }
                let (_, well, all) = columns.iter_mut().find(|(known, ..)| known == name).unwrap();
                *all += 1;
                match why {
                    None => *well += 1,
                    Some(why) => wrong.push(format!("{}, {}, {name}: {why}", self.title, tried.case)),
                }
            }
        }
        let mut line = format!("| {} | {} |", self.title, self.cases.len());
        for (column, well, all) in &columns {
            let _ = write!(line, " {column} {well}/{all} |");
        }
        let how = match choice() {
            Choice::Few(seed) => format!("CONFCTL_SWEEP=seed={seed}"),
            Choice::Whole => "CONFCTL_SWEEP=whole".to_owned(),
            Choice::Named(text) => format!("CONFCTL_SWEEP='{text}'"),
        };
        if !self.cases.is_empty() {
            let _ = writeln!(std::io::stdout(), "{line} {how}");
        }
        wrong
    }
}
