//! Reads what a visitor sent, by form or by JSON, out of the bytes of a body.
//! It knows neither HTTP nor what an address is; it never fails but by saying so (fuzzed: `fuzz/`).

use std::borrow::Cow;

use serde::Deserialize;

/// How a client wrote its body, and so how it wants its answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Format {
    Form,
    Json,
}

/// What both kinds of client send. Anything beside it is ignored.
#[derive(Debug, Default, PartialEq, Deserialize)]
pub struct Submission<'a> {
    #[serde(borrow, default)]
    pub email: Cow<'a, str>,
    /// The tag of the language of the form.
    #[serde(borrow, default)]
    pub lang: Cow<'a, str>,
}

/// The body is not what its content type says.
#[derive(Debug, PartialEq)]
pub struct Malformed;

impl Format {
    /// By the media type of a `Content-Type`; its parameters change nothing.
    pub fn of(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/json") {
            Some(Self::Json)
        } else if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Some(Self::Form)
        } else {
            None
        }
    }
}

impl<'a> Submission<'a> {
    pub fn read(format: Format, body: &'a [u8]) -> Result<Self, Malformed> {
        match format {
            Format::Json => serde_json::from_slice(body).map_err(|_| Malformed),
            Format::Form => Self::of_form(body),
        }
    }

    /// A second address is refused, as in JSON: which of the two counts must not depend on who reads.
    fn of_form(body: &'a [u8]) -> Result<Self, Malformed> {
        let (mut email, mut lang) = (None, None);
        for (name, value) in form_urlencoded::parse(body) {
            let known = match &*name {
                "email" => &mut email,
                "lang" => &mut lang,
                _ => continue,
            };
            if known.replace(value).is_some() {
                return Err(Malformed);
            }
        }
        Ok(Self {
            email: email.unwrap_or_default(),
            lang: lang.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn submission<'a>(email: &'a str, lang: &'a str) -> Submission<'a> {
        Submission {
            email: email.into(),
            lang: lang.into(),
        }
    }

    #[test]
    fn a_form_and_json_say_the_same() {
        let form = Submission::read(Format::Form, b"email=ada%2Bx%40example.com&lang=de&more=1");
        let json = Submission::read(Format::Json, br#"{"more":[1],"email":"ada+x@example.com","lang":"de"}"#);
        assert_eq!(form, Ok(submission("ada+x@example.com", "de")));
        assert_eq!(form, json);
        assert_eq!(Submission::read(Format::Form, b""), Ok(submission("", "")));
        assert_eq!(Submission::read(Format::Json, b"{}"), Ok(submission("", "")));
    }

    #[test]
    fn two_addresses_are_none() {
        assert_eq!(Submission::read(Format::Form, b"email=a&email=b"), Err(Malformed));
        assert_eq!(
            Submission::read(Format::Json, br#"{"email":"a","email":"b"}"#),
            Err(Malformed)
        );
    }

    proptest! {
        #[test]
        fn what_a_browser_encodes_comes_back(email in any::<String>()) {
            let form = form_urlencoded::Serializer::new(String::new()).append_pair("email", &email).finish();
            prop_assert_eq!(Submission::read(Format::Form, form.as_bytes()), Ok(submission(&email, "")));
            let json = serde_json::json!({ "email": email }).to_string();
            prop_assert_eq!(Submission::read(Format::Json, json.as_bytes()), Ok(submission(&email, "")));
        }

        #[test]
        fn no_bytes_make_it_panic(body in any::<Vec<u8>>()) {
            let _ = Submission::read(Format::Form, &body);
            let _ = Submission::read(Format::Json, &body);
        }
    }
}
