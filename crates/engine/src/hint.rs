//! What to do about something: text, and commands by their words, which whoever prints them completes with the flags of a run.
//! Must know neither those flags nor where a hint is shown; so it cannot be printed as it is.

use serde::{Deserialize, Serialize};

/// Text and commands. As JSON it is an object with one member, by which a printer of JSON knows it among other values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hint {
    #[serde(rename = "$hint")]
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Piece {
    Text(String),
    /// One after the other, in one line.
    Commands(Vec<Command>),
}

/// What is typed, word by word: a word may hold anything, and is quoted where it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    pub program: Program,
    pub words: Vec<String>,
    /// It is meant as it stands, whatever the run was told.
    pub bare: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    Confctl,
    /// The AWS CLI.
    Aws,
}

impl Command {
    pub fn confctl(words: &'static str) -> Self {
        Self::of(Program::Confctl, words)
    }

    pub fn aws(words: &'static str) -> Self {
        Self::of(Program::Aws, words)
    }

    fn of(program: Program, words: &'static str) -> Self {
        Self {
            program,
            words: words.split_whitespace().map(str::to_owned).collect(),
            bare: false,
        }
    }

    #[must_use]
    pub fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// One more word.
    #[must_use]
    pub fn arg(mut self, word: impl ToString) -> Self {
        self.words.push(word.to_string());
        self
    }
}

/// A command of confctl's. What is only known when it runs is no part of it: that needs [`Command::arg`], which quotes.
impl From<&'static str> for Command {
    fn from(words: &'static str) -> Self {
        Self::confctl(words)
    }
}

impl Hint {
    /// A command alone.
    pub fn run(command: impl Into<Command>) -> Self {
        Self { pieces: Vec::new() }.and_run(command)
    }

    /// A command of the AWS CLI alone.
    pub fn aws(words: &'static str) -> Self {
        Self::run(Command::aws(words))
    }

    /// Text after what there is.
    #[must_use]
    pub fn and(mut self, text: impl Into<String>) -> Self {
        self.pieces.push(Piece::Text(text.into()));
        self
    }

    /// A command after what there is.
    #[must_use]
    pub fn and_run(mut self, command: impl Into<Command>) -> Self {
        self.pieces.push(Piece::Commands(vec![command.into()]));
        self
    }

    /// Another hint after what there is.
    #[must_use]
    pub fn and_hint(mut self, other: Self) -> Self {
        self.pieces.extend(other.pieces);
        self
    }

    /// A command to be typed in the same line as the one before.
    #[must_use]
    pub fn then(mut self, command: impl Into<Command>) -> Self {
        match self.pieces.last_mut() {
            Some(Piece::Commands(commands)) => commands.push(command.into()),
            _ => return self.and_run(command),
        }
        self
    }

    /// As it is shown, with the commands of one line as `typed` completes them. Between words they stand in backquotes.
    pub fn shown(&self, typed: impl Fn(&[Command]) -> String) -> String {
        let alone = self.pieces.len() == 1;
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Commands(commands) if alone => typed(commands),
            Piece::Commands(commands) => format!("`{}`", typed(commands)),
        };
        self.pieces.iter().map(piece).collect()
    }
}

impl<T: Into<String>> From<T> for Hint {
    fn from(text: T) -> Self {
        Self { pieces: Vec::new() }.and(text)
    }
}

/// As a shell takes it for one word.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_it_is(commands: &[Command]) -> String {
        let commands: Vec<_> = commands.iter().map(|command| command.words.join(" ")).collect();
        commands.join("; ")
    }

    #[test]
    fn commands_alone_are_a_line_to_paste_and_stand_in_backquotes_between_words() {
        let line = Hint::run("teardown --keep users-table").then("up");
        assert_eq!(line.shown(as_it_is), "teardown --keep users-table; up");
        let told = Hint::from("mend it, then ").and_run("up").and(" again");
        assert_eq!(told.shown(as_it_is), "mend it, then `up` again");
        let both = Hint::from("or: ")
            .and_run("teardown")
            .then(Command::aws("configure list"));
        assert_eq!(both.shown(as_it_is), "or: `teardown; configure list`");
    }

    #[test]
    fn what_is_known_only_later_is_one_word_whatever_it_holds() {
        let command = Command::confctl("up --adopt").arg("a b");
        assert_eq!(command.words, ["up", "--adopt", "a b"]);
        let words = ["plain-1.2", "it's", "a b", "", "~/x", "$(x)", "a;b", "name@example.org"];
        let shown = words.map(quoted);
        assert_eq!(
            shown,
            [
                "plain-1.2",
                r"'it'\''s'",
                "'a b'",
                "''",
                "'~/x'",
                "'$(x)'",
                "'a;b'",
                "name@example.org"
            ]
        );
    }
}
