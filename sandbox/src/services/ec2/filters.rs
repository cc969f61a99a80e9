//! EC2's filters: names with values of which one has to match, all filters together; `*` and `?` are wild, but after a
//! backslash (EC2 guide, Using_Filtering).

use super::requests::Filter;
use crate::world::{Refusal, Tags};

/// Those of `items` that pass. `names` are the filters that the operation has besides those on tags; `values` gives
/// what an item has under one of these names.
///
/// # Errors
/// Where a filter is none that the operation has.
pub(super) fn select<T>(
    mut items: Vec<T>,
    filters: Vec<Filter>,
    names: &[&str],
    values: impl Fn(&T, &str) -> Vec<String>,
    tags: impl Fn(&T) -> Tags,
) -> Result<Vec<T>, Refusal> {
    for Filter { name, value: wanted } in filters {
        let matches = |actual: &str| wanted.iter().any(|pattern| is_like(pattern, actual));
        if let Some(key) = name.strip_prefix("tag:") {
            items.retain(|item| tags(item).get(key).is_some_and(|value| matches(value)));
        } else if name == "tag-key" {
            items.retain(|item| tags(item).keys().any(|key| matches(key)));
        } else if names.contains(&name.as_str()) {
            items.retain(|item| values(item, &name).iter().any(|actual| matches(actual)));
        } else {
            return Err(Refusal::new(
                "InvalidParameterValue",
                format!("The filter '{name}' is invalid"),
            ));
        }
    }
    Ok(items)
}

/// Without tags.
pub(super) fn no_tags<T>(_: &T) -> Tags {
    Tags::new()
}

fn is_like(pattern: &str, text: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('\\') if rest.as_str().starts_with(['*', '?', '\\']) => {
            let mut left = text.chars();
            left.next() == rest.next() && is_like(rest.as_str(), left.as_str())
        }
        Some('*') => {
            let pattern = rest.as_str();
            text.char_indices().any(|(at, _)| is_like(pattern, &text[at..])) || is_like(pattern, "")
        }
        Some(wanted) => {
            let mut left = text.chars();
            left.next()
                .is_some_and(|first| (wanted == '?' || wanted == first) && is_like(rest.as_str(), left.as_str()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(name: &str, values: &[&str]) -> Vec<Filter> {
        let value = values.iter().map(|value| (*value).to_owned()).collect();
        vec![Filter {
            name: name.to_owned(),
            value,
        }]
    }

    fn run(name: &str, values: &[&str]) -> Result<Vec<&'static str>, Refusal> {
        let items = vec!["one", "two"];
        let tags = |item: &&str| Tags::from([("confctl:stack".to_owned(), format!("{item}-stack"))]);
        select(
            items,
            filters(name, values),
            &["state"],
            |item, _| vec![(*item).to_owned()],
            tags,
        )
    }

    #[test]
    fn filters_narrow_by_values_tags_and_wildcards_and_unknown_ones_are_refused() {
        assert_eq!(run("state", &["two", "three"]).unwrap(), ["two"]);
        assert_eq!(run("tag:confctl:stack", &["one-*"]).unwrap(), ["one"]);
        assert_eq!(run("tag-key", &["confctl:?tack"]).unwrap(), ["one", "two"]);
        assert!(run("tag:other", &["*"]).unwrap().is_empty());
        assert_eq!(
            run("color", &["red"]).unwrap_err().message,
            "The filter 'color' is invalid"
        );
    }

    #[test]
    fn a_backslash_takes_a_wildcards_meaning() {
        assert!(is_like(r"\*amazon\?\\", r"*amazon?\"));
        assert!(!is_like(r"\*amazon\?\\", r"my amazon1\"));
        assert!(is_like(r"\\*", r"\x"));
    }
}
