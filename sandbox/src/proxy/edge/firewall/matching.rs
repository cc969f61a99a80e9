//! Whether a request is what a statement describes.
//! Must know nothing of what follows from it.

use std::borrow::Cow;

use http::request::Parts;

use crate::world::web_acls::{Field, Statement, Transformation};

pub(super) fn matches(statement: &Statement, parts: &Parts) -> bool {
    match statement {
        Statement::Bytes {
            field,
            transformations,
            position,
            search,
        } => {
            let mut texts = texts(field, parts);
            texts.any(|text| position.holds(&transform(text, transformations), search))
        }
        Statement::Size {
            field,
            transformations,
            comparison,
            size,
        } => {
            let mut texts = texts(field, parts);
            texts.any(|text| comparison.holds(transform(text, transformations).len() as u64, *size))
        }
        Statement::And(all) => all.iter().all(|one| matches(one, parts)),
        Statement::Or(any) => any.iter().any(|one| matches(one, parts)),
        Statement::Not(one) => !matches(one, parts),
    }
}

/// The texts in a part of a request. A header or an argument that is not there matches nothing.
fn texts<'a>(field: &Field, parts: &'a Parts) -> Box<dyn Iterator<Item = Cow<'a, [u8]>> + 'a> {
    match field {
        Field::Header(name) => {
            let values = parts.headers.get_all(name.as_str()).iter();
            Box::new(values.map(|value| Cow::Borrowed(value.as_bytes())))
        }
        Field::Method => Box::new(std::iter::once(Cow::Borrowed(parts.method.as_str().as_bytes()))),
        Field::UriPath => Box::new(std::iter::once(Cow::Borrowed(parts.uri.path().as_bytes()))),
        Field::QueryString => {
            let query = parts.uri.query().unwrap_or_default();
            Box::new(std::iter::once(Cow::Borrowed(query.as_bytes())))
        }
        Field::QueryArgument(wanted) => {
            let wanted = wanted.clone();
            let arguments = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
            let named = arguments.filter(move |(name, _)| name.eq_ignore_ascii_case(&wanted));
            Box::new(named.map(|(_, value)| Cow::Owned(value.into_owned().into_bytes())))
        }
    }
}

fn transform<'a>(text: Cow<'a, [u8]>, transformations: &[Transformation]) -> Cow<'a, [u8]> {
    transformations.iter().fold(text, |text, one| match one {
        Transformation::None => text,
        Transformation::Lowercase => Cow::Owned(text.to_ascii_lowercase()),
        Transformation::UrlDecode => Cow::Owned(percent_encoding::percent_decode(&text).collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::web_acls::{Comparison, Position};
    use axum::body::Body;
    use axum::extract::Request;

    fn bytes(field: Field, position: Position, search: &str) -> Statement {
        Statement::Bytes {
            field,
            transformations: vec![Transformation::UrlDecode, Transformation::Lowercase],
            position,
            search: search.as_bytes().to_vec(),
        }
    }

    #[test]
    fn statements_look_at_parts_of_a_request_and_are_combined() {
        let request = Request::post("/Regis%74er?Name=x")
            .header("X-Team", "blue")
            .body(Body::empty());
        let parts = request.unwrap().into_parts().0;
        let register = bytes(Field::UriPath, Position::StartsWith, "/register");
        let post = bytes(Field::Method, Position::Exactly, "post");
        let team = bytes(Field::Header("x-team".to_owned()), Position::Contains, "lu");
        let argument = bytes(Field::QueryArgument("name".to_owned()), Position::EndsWith, "x");
        assert!(matches(&Statement::And(vec![register, post, team, argument]), &parts));
        let missing = bytes(Field::Header("x-none".to_owned()), Position::Contains, "");
        assert!(!matches(&missing, &parts));
        assert!(matches(&Statement::Not(Box::new(missing)), &parts));
        let long = Statement::Size {
            field: Field::QueryString,
            transformations: Vec::new(),
            comparison: Comparison::Greater,
            size: 6,
        };
        assert!(!matches(&long, &parts));
    }
}
