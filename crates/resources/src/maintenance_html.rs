//! The page that visitors see while the site is not to be seen: one text of its owner's, in as much room as a listener rule has.
//! Must know nothing of rules.

use crate::engine::{Error, Kind};

/// The most that a fixed response may hold (botocore: elbv2, FixedResponseActionMessage). No source tells whether ELB counts
/// characters or bytes; there are never more characters than bytes.
const MOST: usize = 1_024;

const TITLE: &str = "We will be right back";
const TEXT: &str = "The site is closed for a moment. Please try again in a few minutes.";
const LANGUAGE: &str = "en";

/// A page with everything in it that it takes: there is nobody to ask for a second file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// In its owner's words, for the plan.
    pub text: String,
    pub html: String,
}

impl Default for Page {
    fn default() -> Self {
        Self::laid_out(TITLE, TEXT, LANGUAGE)
    }
}

impl Page {
    /// A page of these words; what is not said is confctl's.
    ///
    /// # Errors
    /// Where they do not fit, and from where on.
    pub fn of(title: Option<&str>, text: Option<&str>, language: Option<&str>) -> Result<Self, Error> {
        let (title, text) = (title.unwrap_or(TITLE).trim(), text.unwrap_or(TEXT).trim());
        for (what, words) in [("TEXT", text), ("--title", title)] {
            if words.is_empty() {
                return Err(Error::new(Kind::Usage, format!("{what} is empty")));
            }
            if let Some(c) = words.chars().find(|c| c.is_control() && *c != '\n') {
                return Err(
                    Error::new(Kind::Usage, format!("{what} has a control character ({c:?})"))
                        .hint("plain text; line ends are kept in TEXT"),
                );
            }
        }
        let language = language.unwrap_or(LANGUAGE);
        let is_part =
            |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !language.split('-').all(is_part) {
            let error = Error::new(Kind::Usage, format!("--lang {language:?} is no language tag"));
            return Err(error.hint("a tag as HTML has it: --lang de, --lang pt-BR"));
        }
        let page = Self::laid_out(title, text, language);
        match page.html.len().checked_sub(MOST) {
            None | Some(0) => Ok(page),
            Some(over) => Err(too_long(title, text, over)),
        }
    }

    /// Large enough to be read, dark where the reader's system is, with one heading and in a named language (WCAG 2.2: 1.4.4, 2.4.2,
    /// 3.1.1).
    fn laid_out(title: &str, text: &str, language: &str) -> Self {
        let (heading, words) = (escaped(title), escaped(text));
        let html = format!(
            "<!DOCTYPE html><html lang={language}><meta charset=utf-8>\
             <meta name=viewport content=\"width=device-width\"><title>{heading}</title>\
             <style>:root{{color-scheme:light dark;font:1.2em/1.5 sans-serif}}body{{max-width:34em;margin:15vh auto;padding:0 1em}}</style>\
             <main><h1>{heading}</h1><p>{words}</main>"
        );
        Self {
            text: text.to_owned(),
            html,
        }
    }
}

/// Where the room ends.
fn too_long(title: &str, text: &str, over: usize) -> Error {
    let room = escaped(text).len().saturating_sub(over);
    let mut used = 0;
    let beyond = text.char_indices().find(|(_, c)| {
        used += escaped(c.encode_utf8(&mut [0; 4])).len();
        used > room
    });
    let rest: String = beyond.map_or("", |(at, _)| &text[at..]).chars().take(20).collect();
    let error = Error::new(
        Kind::Usage,
        format!("the page is {over} bytes longer than the {MOST} that a listener rule holds"),
    );
    let error = match room {
        0 => error.because(format!("--title alone takes {} of them, twice", title.len())),
        _ => error.because(format!("TEXT has room for {room} bytes, and goes on from «{rest}»")),
    };
    error.hint("a shorter text; letters beyond ASCII take two bytes or more, and & < > four or five")
}

/// As text within HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\n' => escaped.push_str("<br>"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(error: &Error) -> String {
        error.in_a_line()
    }

    #[test]
    fn what_its_owner_says_is_text_and_nothing_else() {
        let page = Page::of(
            Some("Back <soon> & well"),
            Some("<script>alert(1)</script>\nat 18:00"),
            Some("de"),
        )
        .unwrap();
        assert!(!page.html.contains("<script"), "{}", page.html);
        assert!(page.html.contains("&lt;script&gt;alert(1)&lt;/script&gt;<br>at 18:00"));
        assert!(page.html.contains("<title>Back &lt;soon&gt; &amp; well</title>"));
        assert!(page.html.starts_with("<!DOCTYPE html><html lang=de>"));
        assert_eq!(page.text, "<script>alert(1)</script>\nat 18:00");
    }

    #[test]
    fn it_fits_into_a_rule_and_what_does_not_is_told_with_its_place() {
        assert!(Page::default().html.len() <= MOST);
        let room = MOST - Page::of(Some("T"), Some("x"), None).unwrap().html.len() + 1;
        assert!(room > 600, "{room}");
        assert_eq!(
            Page::of(Some("T"), Some(&"x".repeat(room)), None).unwrap().html.len(),
            MOST
        );
        let long = format!("{}until the end of it", "x".repeat(room - 6));
        let error = Page::of(Some("T"), Some(&long), None).unwrap_err();
        assert!(
            told(&error).contains("goes on from «the end of it»"),
            "{}",
            told(&error)
        );
        assert_eq!(error.kind, Kind::Usage);
        // A letter is never cut in the middle.
        let letters = Page::of(Some("T"), Some(&"ü&".repeat(room)), None).unwrap_err();
        assert!(
            told(&letters).contains(&format!("room for {room} bytes")),
            "{}",
            told(&letters)
        );
        let title = Page::of(Some(&"t".repeat(MOST)), Some("x"), None).unwrap_err();
        assert!(told(&title).contains("--title"), "{}", told(&title));
    }

    #[test]
    fn what_is_no_text_or_no_language_is_refused() {
        for (title, text, language) in [
            (None, Some(" "), None),
            (Some(""), None, None),
            (None, Some("a\u{1b}[2J"), None),
            (Some("a\tb"), None, None),
            (None, None, Some("de>")),
            (None, None, Some("")),
            (None, None, Some("a-123456789")),
        ] {
            assert!(
                Page::of(title, text, language).is_err(),
                "{title:?} {text:?} {language:?}"
            );
        }
        assert!(Page::of(None, None, Some("pt-BR")).is_ok());
    }
}
