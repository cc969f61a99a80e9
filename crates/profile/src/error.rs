//! What is wrong with a profile, and where: in a line of its file, or in a `--set` of the command line.
//! Decides nothing and prints nothing; any miette handler can show the lines.

use std::fmt;
use std::ops::Range;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

/// A profile that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Neither an embedded profile nor a path.
    #[error("there is no profile `{name}`; {known}")]
    Unknown {
        name: String,
        known: String,
        nearest: Option<&'static str>,
    },
    /// The file cannot be read.
    #[error("cannot read the profile {path}")]
    Read { path: String, source: std::io::Error },
    /// One or more things in it are wrong; never empty.
    #[error("{}", sentences(.problems))]
    Invalid {
        source_text: NamedSource<String>,
        problems: Vec<Problem>,
    },
}

/// One thing that is wrong in a profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub origin: Origin,
    /// The key, as `scaling.max`; empty where the text is no TOML at all.
    pub key: String,
    /// What is wrong with it.
    pub message: String,
    /// What is allowed, and the nearest valid key or word.
    pub help: String,
}

/// Where the wrong value, or the wrong key, was given.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// A place in a file; line and column count from 1, the span is in bytes.
    File {
        file: String,
        line: usize,
        column: usize,
        span: Range<usize>,
    },
    /// A flag as it was typed, as `--set scaling.max=1`.
    Flag(String),
    /// Nowhere: a default does not go with the rest of the file.
    Default { file: String },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line, column, .. } => write!(f, "{file}:{line}:{column}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Default { file } => write!(f, "{file} (default)"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.message)?;
        if self.help.is_empty() {
            Ok(())
        } else {
            write!(f, " ({})", self.help)
        }
    }
}

fn sentences(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

impl Diagnostic for ProfileError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        match self {
            Self::Unknown { nearest, .. } => {
                nearest.map(|nearest| Box::new(format!("did you mean `{nearest}`?")) as Box<dyn fmt::Display>)
            }
            Self::Read { .. } | Self::Invalid { .. } => None,
        }
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        match self {
            Self::Invalid { source_text, .. } if self.labels().is_some() => Some(source_text),
            _ => None,
        }
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let Self::Invalid { problems, .. } = self else {
            return None;
        };
        let labels: Vec<LabeledSpan> = problems
            .iter()
            .filter_map(|problem| match &problem.origin {
                Origin::File { span, .. } => Some(LabeledSpan::at(span.clone(), problem.message.clone())),
                Origin::Flag(_) | Origin::Default { .. } => None,
            })
            .collect();
        if labels.is_empty() {
            None
        } else {
            Some(Box::new(labels.into_iter()))
        }
    }
}
