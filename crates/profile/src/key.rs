//! What is told of one key of a profile: what it takes, what it is about, what a change of it does; and how a key is found.
//! The keys themselves are in `keys`; the values are read by serde.

use std::fmt;

use toml::Value;

use super::keys::{KEYS, Profile};
use super::together::With;

/// One key of a profile.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its path, as `scaling.max`. A last part of `*` stands for any name.
    pub path: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// What counts where it is not set; `None` where it always has a value.
    pub unset: Option<&'static str>,
    /// What it counts with only; `None` where it always counts.
    pub with: Option<With>,
    /// What a change of it does to a stack that is up.
    pub changes: Changes,
}

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// A string that the predicate accepts, and what that is in words.
    Text(fn(&str) -> bool, &'static str),
    /// A list of such strings.
    Texts(fn(&str) -> bool, &'static str),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number in this range.
    Whole(u32, u32),
    /// One of these whole numbers.
    WholeOf(&'static [u32]),
    /// Any number from 0.
    Number,
    /// `true` or `false`.
    Bool,
}

/// What a change of a key does to a stack that is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Applied where it is; nobody notices.
    InPlace,
    /// The app is restarted, batch by batch.
    Restarts,
    /// Instances are replaced, batch by batch.
    ReplacesInstances,
    /// What is made where there was none, and what becomes of the former one.
    Makes(&'static str),
    /// Its thing is made, or removed; what that does to those that use it.
    MakesOrRemoves(&'static str, &'static Changes),
    /// Another thing is made and what becomes of the former one; what it does to those that use it.
    MakesAnother(&'static str, &'static Changes),
    /// Refused, with the way to get there all the same.
    Blocked(&'static str),
    /// Chosen at creation and kept: a difference is told, the way to have it too.
    AtCreation(&'static str),
    /// Nothing at AWS: it says what confctl may do, or which stack is meant.
    OfConfctl(&'static str),
}

impl Key {
    /// What is allowed, as the end of "allowed: …".
    pub fn allowed(&self) -> String {
        match self.takes {
            Takes::Text(_, what) => what.into(),
            Takes::Texts(_, what) => format!("a list of strings, each {what}"),
            Takes::Word(words) => format!("one of {}", quoted(words)),
            Takes::Whole(least, most) => format!("a whole number from {least} to {most}"),
            Takes::WholeOf(numbers) => format!("one of {}", quoted(numbers)),
            Takes::Number => "a number from 0".into(),
            Takes::Bool => "`true` or `false`".into(),
        }
    }

    /// Its value where nobody sets it; `None` where it has none then.
    pub fn default(&self) -> Option<Value> {
        let defaults = toml::Table::try_from(Profile::default()).ok()?;
        let mut parts = self.path.split('.').filter(|part| *part != "*");
        parts.try_fold(Value::Table(defaults), |value, part| value.get(part).cloned())
    }

    fn matches(&self, path: &[String]) -> bool {
        let mut parts = self.path.split('.');
        path.iter()
            .all(|part| parts.next().is_some_and(|own| own == "*" || own == part))
            && parts.next().is_none()
    }
}

/// In a few words, as the page on profiles explains them.
impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InPlace => write!(f, "in place"),
            Self::Restarts => write!(f, "restarts"),
            Self::ReplacesInstances => write!(f, "replaces"),
            Self::Makes(what) => write!(f, "makes {what}"),
            Self::MakesOrRemoves(what, Self::InPlace) => write!(f, "makes or removes the {what}"),
            Self::MakesOrRemoves(what, users) => write!(f, "makes or removes the {what}; {users}"),
            Self::MakesAnother(what, Self::InPlace) => write!(f, "makes another {what}"),
            Self::MakesAnother(what, users) => write!(f, "makes another {what}; {users}"),
            Self::Blocked(way) => write!(f, "blocked: {way}"),
            Self::AtCreation(way) => write!(f, "at creation; {way}"),
            Self::OfConfctl(why) => write!(f, "no step: {why}"),
        }
    }
}

fn quoted<T: std::fmt::Display>(items: &[T]) -> String {
    items
        .iter()
        .map(|item| format!("`{item}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The key at this path, if there is one.
pub(super) fn find(path: &[String]) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.matches(path))
}

/// Whether there are keys below this path.
pub(super) fn is_section(path: &[String]) -> bool {
    KEYS.iter().any(|key| {
        let parts: Vec<&str> = key.path.split('.').collect();
        parts.len() > path.len() && parts.iter().zip(path).all(|(own, part)| own == part)
    })
}

/// The valid key or section that is most like this one: a misspelling, or a right name in a wrong section.
pub(super) fn nearest(path: &[String]) -> Option<&'static str> {
    let wanted = path.join(".");
    let last = path.last().map(String::as_str).unwrap_or_default();
    let likeness = |candidate: &str| {
        let own_last = candidate.rsplit('.').next().unwrap_or_default();
        let in_any_section = 0.9 * strsim::jaro_winkler(last, own_last);
        strsim::normalized_damerau_levenshtein(&wanted, candidate).max(in_any_section)
    };
    let sections = KEYS
        .iter()
        .filter_map(|key| key.path.rsplit_once('.'))
        .map(|(section, _)| section);
    let keys = KEYS.iter().map(|key| key.path).filter(|path| !path.ends_with('*'));
    best(sections.chain(keys), likeness)
}

/// The word that is most like this one, whatever its case and hyphens.
pub fn nearest_word<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |word: &str| word.to_ascii_lowercase().replace(['-', '_'], "");
    let wanted = plain(word);
    best(words.into_iter(), |candidate| {
        strsim::jaro_winkler(&wanted, &plain(candidate))
    })
}

/// The candidate that is most like what was meant, if any is like it at all.
pub(super) fn best<'a>(candidates: impl Iterator<Item = &'a str>, likeness: impl Fn(&str) -> f64) -> Option<&'a str> {
    candidates
        .map(|candidate| (likeness(candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}
