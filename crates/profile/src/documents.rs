//! The tables of keys in docs/profiles.md, made of the declarations and held against the page.
//! For tests: the program itself writes no documentation.

use std::fmt::Write;
use std::path::Path;

use super::{KEYS, Key, Takes, With};

/// Where the page goes over to what is made here.
const HEADING: &str = "## Every key\n";

const BEGIN: &str = "
A default of \"—\" means: not set. The last column tells what `up` does when the key changes on a stack that is up; `plan` shows each
step with what it interrupts.

| word | a change of the key |
|---|---|
| in place | is applied where it is; nobody notices |
| restarts | restarts the app, batch by batch |
| replaces | replaces the instances, batch by batch |
| makes another | makes another thing beside the former, and uses it |
| makes or removes | makes the thing, or removes it |
| blocked | is refused, and `plan` names the way |
| at creation | counts for what is made anew; `plan` tells a difference |
| no step | is nothing at AWS: it says what confctl may do, or which stack is meant |

Where there are no batches, with one instance or a deployment policy `AllAtOnce`, nobody is served while what restarts or
replaces lasts.
";

fn page() -> String {
    let mut text = format!("{HEADING}{BEGIN}");
    let section_of = |key: &Key| key.path.split_once('.').map(|(section, _)| section);
    for keys in KEYS.chunk_by(|one, next| section_of(one) == section_of(next)) {
        let title = section_of(&keys[0]).map_or("Top level".to_owned(), |section| format!("`[{section}]`"));
        let _ = writeln!(text, "\n### {title}\n");
        let of_most = keys[keys.len() - 1].with;
        if let Some(with) = of_most {
            let _ = writeln!(
                text,
                "With {} only; without it, these values are for later.\n",
                with.as_str()
            );
        }
        let _ = writeln!(
            text,
            "| key | allowed | default | meaning | a change |\n|---|---|---|---|---|"
        );
        for key in keys {
            let cells = [
                format!("`{}`", key.path),
                allowed(key.takes),
                default(key),
                about(key, of_most),
                key.changes.to_string(),
            ];
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
    }
    text
}

/// What is not told above the table is told here.
fn about(key: &Key, told: Option<With>) -> String {
    let about = key.about.trim_end_matches('.');
    match key.with {
        Some(with) if told != Some(with) => format!("{about}; with {} only", with.as_str()),
        _ => about.to_owned(),
    }
}

fn allowed(takes: Takes) -> String {
    match takes {
        Takes::Text(_, what) => what.to_owned(),
        Takes::Texts(_, what) => format!("a list, each {what}"),
        Takes::Word(words) => code(words.iter()),
        Takes::Whole(least, most) => format!("{least} to {most}"),
        Takes::WholeOf(numbers) => {
            let numbers: Vec<_> = numbers.iter().map(u32::to_string).collect();
            format!("one of {}", numbers.join(", "))
        }
        Takes::Number => "a number from 0".to_owned(),
        Takes::Bool => code(["true", "false"].iter()),
    }
}

fn default(key: &Key) -> String {
    if let Some(unset) = key.unset {
        return unset.to_owned();
    }
    match key.default().unwrap() {
        toml::Value::Table(map) if map.is_empty() => "—".to_owned(),
        toml::Value::Array(items) if items.is_empty() => "`[]`".to_owned(),
        toml::Value::Array(items) => code(items.iter().map(|item| item.as_str().unwrap())),
        toml::Value::String(text) => code([text].iter()),
        toml::Value::Float(number) => code([number].iter()),
        value => code([value].iter()),
    }
}

fn code(words: impl Iterator<Item = impl std::fmt::Display>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_page_on_profiles_tells_of_every_key_what_the_program_goes_by() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/profiles.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, listed) = text
        .split_once(HEADING)
        .expect("docs/profiles.md has no section 'Every key'");
    let wanted = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{wanted}")).unwrap();
        return;
    }
    assert!(
        format!("{HEADING}{listed}") == wanted,
        "docs/profiles.md is out of date: UPDATE_DOCS=1 cargo test documents"
    );
}
