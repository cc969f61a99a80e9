//! What the expressions of a request name: reserved words, and placeholders that are missing or that nothing uses.
//! Must know nothing of what an expression means; the expression engine knows nothing of these rules.

use std::collections::{BTreeSet, HashSet};
use std::sync::LazyLock;

use super::invalid;
use crate::world::Refusal;

/// In no other form than behind a placeholder can these be attribute names (developer guide, ReservedWords).
static RESERVED_WORDS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("reserved_words.txt").split_whitespace().collect());

/// Words that have a meaning of their own in an expression that is no projection.
const KEYWORDS: &[&str] = &["AND", "BETWEEN", "IN", "NOT", "OR"];
/// Where a clause of an UpdateExpression begins.
const CLAUSES: &[&str] = &["ADD", "DELETE", "REMOVE", "SET"];

/// Bytes of an expression, operators and functions in it, and levels of a document (DynamoDB guide: Constraints,
/// limits-expression-parameters and limits-attributes; that operators are counted in every kind of expression:
/// scylladb/scylladb#14473).
const LONGEST: usize = 4096;
const MOST_OPERATORS: usize = 300;
const LONGEST_PATH: usize = 32;
/// DynamoDB refuses parentheses that join nothing, so that each has an operator.
const DEEPEST: usize = MOST_OPERATORS;

/// An expression of a request: the name of its member, and its text.
pub(super) type Expression<'a> = (&'static str, Option<&'a str>);

/// # Errors
/// `ValidationException` in the words of DynamoDB: for a reserved word, for placeholders that are not defined, not used, or
/// given where there is no expression.
pub(super) fn check<'a>(
    expressions: &[Expression<'_>],
    names: impl Iterator<Item = &'a String>,
    values: impl Iterator<Item = &'a String>,
) -> Result<(), Refusal> {
    let names: BTreeSet<&str> = names.map(String::as_str).collect();
    let values: BTreeSet<&str> = values.map(String::as_str).collect();
    must_have_expressions(expressions, !names.is_empty(), !values.is_empty())?;
    let mut used = BTreeSet::new();
    for (kind, text) in expressions {
        let Some(text) = text else {
            continue;
        };
        check_size(text).map_err(|why| invalid(format!("Invalid {kind}: {why}")))?;
        for token in tokens(text) {
            check_token(kind, &token, &names, &values)?;
            used.insert(token.text);
        }
    }
    must_be_used("ExpressionAttributeNames", &names, &used)?;
    must_be_used("ExpressionAttributeValues", &values, &used)
}

/// Before anything takes an expression apart, which goes as deep as it is nested.
fn check_size(text: &str) -> Result<(), String> {
    if text.len() > LONGEST {
        return Err(format!(
            "Expression size has exceeded the maximum allowed size; expression size: {}",
            text.len()
        ));
    }
    let operators = operators(text);
    if operators > MOST_OPERATORS {
        return Err(format!(
            "The expression contains too many operators; operator count: {operators}"
        ));
    }
    // What follows is DynamoDB's limit too, in words of our own.
    let nested = nesting(text);
    if nested > DEEPEST {
        return Err(format!("The expression is nested too deeply; nesting level: {nested}"));
    }
    let path = longest_path(text);
    if path > LONGEST_PATH {
        return Err(format!(
            "The document path has too many nesting elements; nesting level: {path}"
        ));
    }
    Ok(())
}

/// Comparisons, sums, functions and the words that join them.
fn operators(text: &str) -> usize {
    let words = tokens(text).filter(|token| {
        let is_word = KEYWORDS.iter().any(|word| word.eq_ignore_ascii_case(token.text));
        is_word || token.is_call
    });
    let signs = text.replace("<=", "<").replace(">=", ">").replace("<>", "<");
    words.count() + signs.matches(['<', '>', '=', '+', '-']).count()
}

/// How many parentheses are open at once, at most.
fn nesting(text: &str) -> usize {
    let mut deepest = 0;
    text.bytes().fold(0_usize, |open, byte| {
        let open = match byte {
            b'(' => open + 1,
            b')' => open.saturating_sub(1),
            _ => open,
        };
        deepest = deepest.max(open);
        open
    });
    deepest
}

/// Dots and positions of the longest document path.
fn longest_path(text: &str) -> usize {
    let is_path = |character: char| character.is_ascii_alphanumeric() || "_#:.[]".contains(character);
    let paths = text.split(|character: char| !is_path(character));
    paths
        .map(|path| path.matches(['.', '[']).count())
        .max()
        .unwrap_or_default()
}

fn must_have_expressions(expressions: &[Expression<'_>], names: bool, values: bool) -> Result<(), Refusal> {
    if names && expressions.iter().all(|(_, text)| text.is_none()) {
        return Err(invalid(
            "ExpressionAttributeNames can only be specified when using expressions",
        ));
    }
    // A projection has no values.
    let with_values = expressions.iter().filter(|(kind, _)| *kind != "ProjectionExpression");
    if values && with_values.clone().all(|(_, text)| text.is_none()) {
        let kinds: Vec<_> = with_values.map(|(kind, _)| *kind).collect();
        let are = if kinds.len() > 1 { "are" } else { "is" };
        return Err(invalid(format!(
            "ExpressionAttributeValues can only be specified when using expressions: {} {are} null",
            kinds.join(" and ")
        )));
    }
    Ok(())
}

fn must_be_used(member: &str, given: &BTreeSet<&str>, used: &BTreeSet<&str>) -> Result<(), Refusal> {
    let unused: Vec<_> = given.difference(used).copied().collect();
    if unused.is_empty() {
        return Ok(());
    }
    Err(invalid(format!(
        "Value provided in {member} unused in expressions: keys: {{{}}}",
        unused.join(", ")
    )))
}

fn check_token(kind: &str, token: &Token<'_>, names: &BTreeSet<&str>, values: &BTreeSet<&str>) -> Result<(), Refusal> {
    let text = token.text;
    let why = match text.as_bytes().first() {
        Some(b'#') => (!names.contains(text)).then(|| {
            format!("An expression attribute name used in the document path is not defined; attribute name: {text}")
        }),
        Some(b':') => (!values.contains(text)).then(|| {
            format!("An expression attribute value used in expression is not defined; attribute value: {text}")
        }),
        _ => {
            let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
            let is_keyword =
                kind != "ProjectionExpression" && is(KEYWORDS) || kind == "UpdateExpression" && is(CLAUSES);
            (!is_keyword && !token.is_call && RESERVED_WORDS.contains(text.to_ascii_uppercase().as_str()))
                .then(|| format!("Attribute name is a reserved keyword; reserved keyword: {text}"))
        }
    };
    why.map_or(Ok(()), |why| Err(invalid(format!("Invalid {kind}: {why}"))))
}

/// A word, or a placeholder with its `#` or `:`.
struct Token<'a> {
    text: &'a str,
    /// A parenthesis follows: it names a function, if it is no keyword.
    is_call: bool,
}

/// Words and placeholders; positions in lists are neither.
fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|character: char| !is_part(character) && !"#:".contains(character));
        let sign = rest.starts_with(['#', ':']);
        let begin = usize::from(sign);
        let length = rest[begin..].find(|character| !is_part(character));
        let (token, behind) = rest.split_at(length.map_or(rest.len(), |length| begin + length));
        rest = behind;
        (!token.is_empty()).then(|| Token {
            text: token,
            is_call: behind.trim_start().starts_with('('),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(kind: &'static str, text: &str, names: &[&str], values: &[&str]) -> String {
        let owned = |list: &[&str]| -> Vec<String> { list.iter().map(|text| (*text).to_owned()).collect() };
        let result = check(&[(kind, Some(text))], owned(names).iter(), owned(values).iter());
        result.map_or_else(|refusal| refusal.message, |()| String::new())
    }

    #[test]
    fn words_that_are_reserved_need_a_placeholder() {
        let reserved = |kind, text, values: &[&str]| checked(kind, text, &[], values);
        assert_eq!(
            reserved("UpdateExpression", "SET info.Status = :s", &[":s"]),
            "Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: Status"
        );
        assert!(reserved("ProjectionExpression", "email, name", &[]).ends_with("reserved keyword: name"));
        // What is neither a name nor a placeholder is no matter of this: functions, keywords, places in a list.
        for (kind, text) in [
            (
                "ConditionExpression",
                "attribute_not_exists(email) AND NOT (size(tags[0]) IN (:s, :s))",
            ),
            (
                "UpdateExpression",
                "set seen = if_not_exists(seen, :s) remove old_name add visits :s",
            ),
        ] {
            assert_eq!(reserved(kind, text, &[":s"]), "", "{text}");
        }
    }

    #[test]
    fn placeholders_are_defined_and_used() {
        let condition = |text, names: &[&str], values: &[&str]| checked("ConditionExpression", text, names, values);
        assert_eq!(condition("#n = :v", &["#n"], &[":v"]), "");
        assert_eq!(
            condition("#n = :v", &["#n", "#o", "#p"], &[":v"]),
            "Value provided in ExpressionAttributeNames unused in expressions: keys: {#o, #p}"
        );
        assert_eq!(
            condition("attribute_exists(a)", &[], &[":v"]),
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}"
        );
        assert!(condition("#n = :v", &["#n"], &[]).ends_with("is not defined; attribute value: :v"));
        assert!(condition("#n = :v", &[], &[":v"]).ends_with("is not defined; attribute name: #n"));
    }

    #[test]
    fn what_would_be_taken_apart_too_deep_is_refused_before() {
        let refused = |text: &str| checked("ConditionExpression", text, &[], &[]);
        let nested = format!("{}a{}", "(".repeat(1000), ")".repeat(1000));
        assert!(
            refused(&nested).ends_with("nesting level: 1000"),
            "{}",
            refused(&nested)
        );
        let negated = format!("{} attribute_exists(a)", "NOT ".repeat(1000));
        assert!(
            refused(&negated).ends_with("operator count: 1001"),
            "{}",
            refused(&negated)
        );
        let long = format!("a = {}", "b".repeat(4093));
        assert_eq!(
            refused(&long),
            "Invalid ConditionExpression: Expression size has exceeded the maximum allowed size; expression size: 4097"
        );
        let path = format!("attribute_exists({})", vec!["a"; 34].join("."));
        assert!(refused(&path).ends_with("nesting level: 33"), "{}", refused(&path));
        let places = format!("attribute_exists(a{})", "[0]".repeat(1000));
        assert!(
            refused(&places).ends_with("nesting level: 1000"),
            "{}",
            refused(&places)
        );
        // As many comparisons as DynamoDB takes, joined as clients join them.
        let allowed = (1..150).fold("a<b".to_owned(), |all, _| format!("({all})AND a<b"));
        assert_eq!(refused(&allowed), "");
        let deep = vec!["a"; 33].join(".");
        assert_eq!(refused(&format!("attribute_exists({deep})")), "");
    }

    #[test]
    fn placeholders_without_an_expression_are_refused() {
        let none = [("UpdateExpression", None), ("ConditionExpression", None)];
        let given = [":v".to_owned()];
        let refused =
            |names: &[String], values: &[String]| check(&none, names.iter(), values.iter()).unwrap_err().message;
        assert_eq!(
            refused(&[], &given),
            "ExpressionAttributeValues can only be specified when using expressions: UpdateExpression and \
             ConditionExpression are null"
        );
        assert_eq!(
            refused(&given, &[]),
            "ExpressionAttributeNames can only be specified when using expressions"
        );
    }
}
