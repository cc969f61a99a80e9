//! The answers of a case: which operation is asked, what comes back as bytes, after which other call.
//! Must know nothing of clients, of resources, or of how a request travels.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::request::Sent;

/// How much an answer proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Written after an answer that somebody recorded of AWS.
    Recorded,
    /// Written after AWS's documentation or its API model.
    Documented,
    /// As the model allows it; nobody's record or page shows it.
    Modelled,
}

/// What comes back.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A body as AWS writes it, with status 200.
    Body(String),
    /// A body with headers of its own.
    With(Vec<(&'static str, String)>, String),
    /// AWS's refusal, written as the service's protocol has it.
    Refusal { status: u16, code: String, message: String },
    /// Any other status with its body.
    Raw(u16, String),
    /// The connection ends before an answer.
    Cut,
    /// The connection ends within a body that began so.
    Torn(String),
    /// Nothing ever comes.
    Held,
}

impl From<&str> for Answer {
    fn from(body: &str) -> Self {
        Self::Body(body.to_owned())
    }
}

impl From<String> for Answer {
    fn from(body: String) -> Self {
        Self::Body(body)
    }
}

/// A refusal with AWS's code and words.
pub fn refused(status: u16, code: &str, message: &str) -> Answer {
    Answer::Refusal {
        status,
        code: code.to_owned(),
        message: message.to_owned(),
    }
}

struct Line {
    operation: &'static str,
    /// Part of the request that this is the answer to.
    matching: Option<String>,
    /// The call after which it is given.
    after: Option<&'static str>,
    answer: Answer,
    used: bool,
}

/// The answers of one case by operation, `service:Operation`. Those of one operation are given in turn, and the last again.
#[derive(Default)]
pub struct Script(Vec<Line>);

impl Script {
    /// After an answer that was recorded of AWS; `source` is where: repository and path.
    pub fn recorded(self, operation: &'static str, source: &str, answer: impl Into<Answer>) -> Self {
        self.line(Mark::Recorded, operation, source, answer.into())
    }

    /// After AWS's documentation or model.
    pub fn documented(self, operation: &'static str, source: &str, answer: impl Into<Answer>) -> Self {
        self.line(Mark::Documented, operation, source, answer.into())
    }

    /// As the model allows it, and nobody has shown it.
    pub fn modelled(self, operation: &'static str, source: &str, answer: impl Into<Answer>) -> Self {
        self.line(Mark::Modelled, operation, source, answer.into())
    }

    fn line(mut self, mark: Mark, operation: &'static str, source: &str, answer: Answer) -> Self {
        assert!(
            source.contains('/'),
            "the {mark:?} answer of {operation} names no repository"
        );
        self.0.push(Line {
            operation,
            matching: None,
            after: None,
            answer,
            used: false,
        });
        self
    }

    /// The answer named last is for requests that contain this, in their address or body.
    pub fn to(mut self, text: impl Into<String>) -> Self {
        if let Some(line) = self.0.last_mut() {
            line.matching = Some(text.into());
        }
        self
    }

    /// The answer named last is given once this operation was called, and then instead of the earlier ones.
    pub fn after(mut self, operation: &'static str) -> Self {
        if let Some(line) = self.0.last_mut() {
            line.after = Some(operation);
        }
        self
    }

    /// Without the answers of these operations.
    pub fn without(mut self, operations: &[&str]) -> Self {
        self.0.retain(|line| !operations.contains(&line.operation));
        self
    }

    /// The answers of these operations.
    pub fn only(mut self, operations: &[&str]) -> Self {
        self.0.retain(|line| operations.contains(&line.operation));
        self
    }

    /// All of another script, behind this one's answers.
    pub fn and(mut self, other: Script) -> Self {
        self.0.extend(other.0);
        self
    }
}

struct State {
    script: Script,
    sent: Vec<Sent>,
    unknown: Vec<String>,
}

/// A script at work: gives answers, and keeps what was sent.
#[derive(Clone)]
pub struct Replay(Arc<Mutex<State>>);

impl Replay {
    pub fn new(script: Script) -> Self {
        Self(Arc::new(Mutex::new(State {
            script,
            sent: Vec::new(),
            unknown: Vec::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to a request; `None` where the script has none, which fails the case.
    pub fn answer(&self, request: Sent) -> Option<Answer> {
        let mut state = self.state();
        let chosen = choose(&state.script.0, &state.sent, &request);
        if chosen.is_none() {
            state.unknown.push(format!("{} {}", request.operation, request.text));
        }
        state.sent.push(request);
        let line = &mut state.script.0[chosen?];
        line.used = true;
        Some(line.answer.clone())
    }

    /// What was sent to an operation, in order.
    pub fn sent(&self, operation: &str) -> Vec<Sent> {
        let state = self.state();
        let of = state.sent.iter().filter(|sent| sent.operation == operation);
        of.cloned().collect()
    }

    /// Every operation that was called, in order.
    pub fn called(&self) -> Vec<String> {
        self.state().sent.iter().map(|sent| sent.operation.clone()).collect()
    }

    /// How often an operation was called.
    pub fn times(&self, operation: &str) -> usize {
        self.sent(operation).len()
    }

    /// # Panics
    /// Where a page was asked for by an empty marker.
    pub fn check_markers(&self) {
        let state = self.state();
        let empty: Vec<_> = state.sent.iter().filter(|sent| sent.has_an_empty_marker()).collect();
        assert!(empty.is_empty(), "asked for by an empty marker: {empty:?}");
    }

    /// # Panics
    /// Where an operation was called that the script does not know, or has an answer that nobody asked for; or by an empty marker.
    pub fn check(&self) {
        self.check_markers();
        let state = self.state();
        assert!(
            state.unknown.is_empty(),
            "called, and not in the script:\n{}",
            state.unknown.join("\n")
        );
        let unused = state.script.0.iter().filter(|line| !line.used);
        let unused: Vec<_> = unused
            .map(|line| format!("{} {:?} after {:?}", line.operation, line.matching, line.after))
            .collect();
        assert!(
            unused.is_empty(),
            "in the script, and never asked for:\n{}",
            unused.join("\n")
        );
    }
}

/// Answers to requests like this one come before those to any; those after the latest call before earlier ones.
fn choose(lines: &[Line], sent: &[Sent], request: &Sent) -> Option<usize> {
    let rank = |line: &Line| {
        let made = |operation| sent.iter().position(|sent| sent.operation == operation);
        let when = match line.after {
            Some(operation) => made(operation)? + 1,
            None => 0,
        };
        let alike = line.matching.as_ref().map(|text| request.contains(text));
        match alike {
            Some(false) => None,
            other => Some((other.is_some(), when)),
        }
    };
    let ranked = lines.iter().enumerate();
    let ranked = ranked.filter(|(_, line)| line.operation == request.operation);
    let ranked: Vec<_> = ranked.filter_map(|(at, line)| Some((rank(line)?, at))).collect();
    let best = ranked.iter().map(|(rank, _)| *rank).max()?;
    let best: Vec<usize> = ranked
        .into_iter()
        .filter(|(rank, _)| *rank == best)
        .map(|(_, at)| at)
        .collect();
    best.iter()
        .copied()
        .find(|at| !lines[*at].used)
        .or(best.last().copied())
}
