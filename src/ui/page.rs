//! How wide a text for people may be. Prose is folded between words under where it began; a command is never broken, so that it
//! can be pasted. Must know nothing of what the text is about.

use std::borrow::Cow;

use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

use super::hints::Run;
use crate::engine::Hint;

/// In fewer columns than these folding would only make more lines of nothing.
const NARROWEST: usize = 40;
/// A space at which no line ends.
const JOINED: &str = "\u{a0}";

/// What a text for people is written on.
#[derive(Clone, Copy)]
pub(super) struct Page<'a> {
    pub run: &'a Run,
    /// Of the terminal; none where the text goes to a file or a program, which get lines as they are.
    pub columns: Option<usize>,
}

impl<'a> Page<'a> {
    /// Standard error as it is now: windows change.
    pub(super) fn of_stderr(run: &'a Run) -> Self {
        let size = terminal_size::terminal_size_of(std::io::stderr());
        Self {
            run,
            columns: size.map(|(width, _)| usize::from(width.0)),
        }
    }

    /// A hint that is going to be a part of a text that is folded.
    pub(super) fn hint(&self, hint: &Hint) -> String {
        hint.shown(|commands| self.run.typed(commands).replace(' ', JOINED))
    }

    pub(super) fn fold(&self, text: &str) -> String {
        let lines = text.split('\n').map(|line| match self.columns {
            Some(columns) if columns >= NARROWEST => folded(line, columns),
            _ => Cow::Borrowed(line),
        });
        lines.collect::<Vec<_>>().join("\n").replace(JOINED, " ")
    }
}

/// What follows the first line stands four columns further in.
fn folded(line: &str, columns: usize) -> Cow<'_, str> {
    if textwrap::core::display_width(line) <= columns {
        return Cow::Borrowed(line);
    }
    let begins = line.trim_start_matches(' ');
    let margin = &line[..line.len() - begins.len()];
    let further = format!("{margin}    ");
    let options = Options::new(columns)
        .initial_indent(margin)
        .subsequent_indent(&further)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .break_words(false);
    Cow::Owned(textwrap::fill(begins, options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(columns: usize, text: &str) -> String {
        let run = Run::default();
        let page = Page {
            run: &run,
            columns: Some(columns),
        };
        page.fold(text)
    }

    #[test]
    fn prose_is_folded_between_words_under_where_it_began() {
        let text = "  caused by: the first of two reasons\n  and the second one, which is longer than a line";
        let wanted = "  caused by: the first of two reasons\n  and the second one, which is longer\n      than a line";
        assert_eq!(fold(40, text), wanted);
        assert_eq!(fold(20, text), text);
    }

    #[test]
    fn a_command_stays_in_one_line_however_narrow_it_is() {
        let run = Run::default();
        let page = Page {
            run: &run,
            columns: Some(40),
        };
        let hint = Hint::from("to keep it: ")
            .and_run("teardown --keep users-table")
            .then("up");
        let shown = page.fold(&page.hint(&hint));
        assert_eq!(
            shown,
            "to keep it:\n    `confctl teardown --keep users-table; confctl up`"
        );
    }
}
