//! What may reach a terminal: our own styles, and text that does nothing but stand there, whoever wrote it.
//! Must know nothing of what a text is about.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::render::style;

/// A text of ours, of lines, with our styles: what else would do something to the terminal is a blank.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| c == '\n' || !acts(c)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let own = own_styles().iter().find(|own| rest.starts_with(own.as_str()));
        let taken = match own {
            Some(own) => {
                shown.push_str(own);
                own.len()
            }
            None => {
                shown.push(if acts(c) && c != '\n' { ' ' } else { c });
                c.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    Cow::Owned(shown)
}

/// A text of others, as a part of a line.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    match text.contains(acts) {
        true => Cow::Owned(text.replace(acts, " ")),
        false => Cow::Borrowed(text),
    }
}

/// A JSON text, which has such characters in strings only: there they can be written as what they are.
pub(super) fn json(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match acts(c) {
            true => escaped.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

/// Moves the cursor, changes colours, titles or the order of what stands there: control characters but the tabulator, and
/// Unicode's embeddings, overrides and isolates of direction (UAX #9, 2).
fn acts(c: char) -> bool {
    (c.is_control() && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Each sequence by itself.
fn own_styles() -> &'static [String] {
    static OWN: OnceLock<Vec<String>> = OnceLock::new();
    OWN.get_or_init(|| {
        let all = [style::GOOD, style::CHANGE, style::BAD, style::DIM, style::STRONG];
        let rendered = all
            .iter()
            .flat_map(|style| [style.render().to_string(), format!("{style:#}")]);
        let rendered: String = rendered.collect();
        let sequences = rendered.split('\u{1b}').skip(1);
        sequences.map(|sequence| format!("\u{1b}{sequence}")).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "x\u{1b}[2J\u{1b}]0;PWNED\u{7}\u{9b}31m\u{202e}lla si\u{2066} well\u{7f}";

    #[test]
    fn our_styles_pass_and_nothing_else_that_acts() {
        let (bad, dim) = (style::BAD, style::DIM);
        let text = format!("{bad}error:{bad:#} {dim}its\town{dim:#}\nnext line");
        assert_eq!(shown(&text), text);
        assert_eq!(
            shown(&format!("{bad}error:{bad:#} {TAG}\n")),
            format!("{bad}error:{bad:#} x [2J ]0;PWNED  31m lla si  well \n")
        );
        // A colour that we do not use is no style of ours.
        assert_eq!(shown("\u{1b}[8mhidden"), " [8mhidden");
    }

    #[test]
    fn what_others_said_makes_no_line_of_its_own() {
        assert_eq!(one_line("x\nerror: all is lost\r"), "x error: all is lost ");
        assert!(!one_line(TAG).contains(acts));
    }

    #[test]
    fn json_says_the_same_and_acts_on_nothing() {
        let value = serde_json::json!({ "tag": TAG });
        let text = value.to_string();
        assert!(text.contains(acts));
        assert!(!json(&text).contains(acts));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json(&text)).unwrap(), value);
    }
}
