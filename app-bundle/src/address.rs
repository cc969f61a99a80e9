//! What counts as an e-mail address, and its one spelling by which a person is known.
//! It knows neither requests nor tables.

use email_address::{EmailAddress, Options};
use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use thiserror::Error;

/// The longest address in bytes (RFC 5321, 4.5.3.1.3: a path of 256 with its two brackets).
pub const MAX_LENGTH: usize = 254;
/// The longest part before the `@` in bytes (RFC 5321, 4.5.3.1.1).
pub const MAX_LOCAL_LENGTH: usize = 64;

/// A spreadsheet takes a cell that begins so for a formula, and runs it (OWASP, CSV injection). Such a mailbox would be legal, and
/// nobody has one; an address that is changed for an export would be another person's. Inside, as in `ada+draw@`, they stay.
const FORMULA: [char; 4] = ['=', '+', '-', '@'];

/// A valid address in its one spelling: trimmed, lower case, in Unicode's compatible composed form (NFKC), the domain in ASCII.
/// Who types a mailbox in another way, in capitals or on a Japanese keyboard's full width, is the same person in the draw. It has no `Display` or `Debug` that shows it: addresses never reach a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(String);

/// Why a text is no address. The texts are meant for the person who typed it; none repeats what was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddressError {
    #[error("Please enter your e-mail address.")]
    Empty,
    #[error("This e-mail address is too long.")]
    TooLong,
    #[error("This does not look like an e-mail address. It should be like name@example.com.")]
    Malformed,
}

impl Address {
    /// Normalises and checks what somebody typed.
    pub fn parse(typed: &str) -> Result<Self, AddressError> {
        let typed = typed.trim();
        if typed.is_empty() {
            return Err(AddressError::Empty);
        }
        // Before any other work: nobody can make the rest expensive. Punycode and lower case never need this much.
        if typed.len() > 4 * MAX_LENGTH {
            return Err(AddressError::TooLong);
        }
        let typed = ComposingNormalizerBorrowed::new_nfkc().normalize(typed);
        let (local, domain) = typed.rsplit_once('@').ok_or(AddressError::Malformed)?;
        let local = local.to_lowercase();
        let domain = Uts46::new()
            .to_ascii(
                domain.as_bytes(),
                AsciiDenyList::STD3,
                Hyphens::CheckFirstLast,
                DnsLength::Verify,
            )
            .map_err(|_| AddressError::Malformed)?;
        let address = format!("{local}@{domain}");
        if local.len() > MAX_LOCAL_LENGTH || address.len() > MAX_LENGTH {
            return Err(AddressError::TooLong);
        }
        if !local.chars().all(is_plain) || local.starts_with(FORMULA) || is_number(&domain) {
            return Err(AddressError::Malformed);
        }
        let options = Options::default()
            .with_required_tld()
            .without_domain_literal()
            .without_display_text();
        // The grammar's crate knows no marks.
        let letters: String = address.chars().filter(|character| !is_mark(*character)).collect();
        EmailAddress::parse_with_options(&letters, options).map_err(|_| AddressError::Malformed)?;
        Ok(Self(address))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Quoted local parts (`"a b"@example.com`) are legal and nobody has one; what they would let in (spaces, brackets,
/// control characters) is what breaks mail programs and spreadsheets later.
fn is_plain(character: char) -> bool {
    character.is_alphanumeric() || is_mark(character) || ".!#$%&'*+/=?^_`{|}~-".contains(character)
}

/// A sign that belongs to the letter before it, as many scripts write vowels. Not one that nobody sees: with it and without
/// it would be two people.
fn is_mark(character: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(character);
    GeneralCategoryGroup::Mark.contains(category)
        && !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
}

/// Whether it is an IPv4 address rather than a name: no top-level domain is a number (RFC 3696, 2).
fn is_number(domain: &str) -> bool {
    let last = domain.rsplit('.').next().unwrap_or_default();
    last.chars().all(|character| character.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(typed: &str) -> Result<String, AddressError> {
        Address::parse(typed).map(|address| address.as_str().to_owned())
    }

    #[test]
    fn one_mailbox_has_one_spelling() {
        for typed in [
            "ada@example.com",
            " Ada@Example.COM ",
            "ADA@EXAMPLE.COM\r\n",
            "ada@ｅｘａｍｐｌｅ.com",
            "ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ",
        ] {
            assert_eq!(parse(typed).as_deref(), Ok("ada@example.com"), "{typed:?}");
        }
        assert_eq!(parse("jo@Bücher.example").as_deref(), Ok("jo@xn--bcher-kva.example"));
        for typed in [
            "josé+draw@example.com",
            "jose\u{301}+draw@example.com",
            "JOSÉ+draw@example.com",
        ] {
            assert_eq!(parse(typed).as_deref(), Ok("josé+draw@example.com"), "{typed:?}");
        }
        assert!(parse("संपर्क@example.com").is_ok());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        assert_eq!(parse("  "), Err(AddressError::Empty));
        for typed in [
            "ada",
            "@",
            "ada@",
            "@example.com",
            "ada@localhost",
            "a b@example.com",
            "ada@exa mple.com",
            "ada@@example.com",
            ".ada@example.com",
            "ada.@example.com",
            "a..da@example.com",
            "ada@example..com",
            "ada@-example.com",
            "ada@[127.0.0.1]",
            "ada@127.0.0.1",
            "a\u{200b}da@example.com",
            "ada\u{fe0f}@example.com",
            "\"a b\"@example.com",
            "Ada <ada@example.com>",
            "ada@example.com,eve@example.com",
            "<script>@example.com",
            "ada@example.com\0",
            "a\u{fffd}a@example.com",
            "ada@exa_mple.com",
        ] {
            assert_eq!(parse(typed), Err(AddressError::Malformed), "{typed:?}");
        }
    }

    #[test]
    fn what_a_spreadsheet_would_run_is_no_address() {
        for typed in [
            "=cmd|x@example.com",
            "+1@example.com",
            "-x@example.com",
            "＝1@example.com",
            " =1@example.com",
            "@@a.com",
        ] {
            assert_eq!(parse(typed), Err(AddressError::Malformed), "{typed:?}");
        }
        for typed in ["ada+draw@example.com", "ada-b@example.com", "a=b@example.com"] {
            assert_eq!(parse(typed).as_deref(), Ok(typed));
        }
    }

    #[test]
    fn lengths_are_those_of_rfc_5321() {
        let local = |length: usize| format!("{}@example.com", "a".repeat(length));
        assert!(parse(&local(64)).is_ok());
        assert_eq!(parse(&local(65)), Err(AddressError::TooLong));
        let whole = |length: usize| {
            let domain = format!("{0}.{0}.{0}.com", "d".repeat(61));
            format!("{}@{domain}", "a".repeat(length - domain.len() - 1))
        };
        assert!(parse(&whole(254)).is_ok());
        assert_eq!(parse(&whole(255)), Err(AddressError::TooLong));
        assert_eq!(parse(&"x".repeat(100_000)), Err(AddressError::TooLong));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(typed in any::<String>()) {
            let _ = parse(&typed);
        }

        #[test]
        fn nothing_around_an_at_makes_it_panic(local in any::<String>(), domain in any::<String>()) {
            let _ = parse(&format!("{local}@{domain}.com"));
        }

        #[test]
        fn the_spelling_of_a_spelling_is_itself(local in "\\PC{1,12}", domain in "[a-zA-Zäßñé0-9-]{1,20}\\.[a-zA-Z]{2,6}") {
            if let Ok(once) = parse(&format!("{local}@{domain}")) {
                prop_assert_eq!(parse(&once), Ok(once.clone()));
            }
        }

        #[test]
        fn case_and_blanks_never_make_a_second_person(typed in "[a-zäéñøя0-9.+_-]{1,20}@[a-z0-9-]{1,20}\\.[a-z]{2,6}") {
            prop_assert_eq!(parse(&typed.to_uppercase()), parse(&typed));
            prop_assert_eq!(parse(&format!(" \t{typed}\n")), parse(&typed));
        }

        #[test]
        fn what_is_accepted_keeps_the_lengths_and_has_one_at(typed in "\\PC{0,80}@\\PC{0,200}\\.com") {
            if let Ok(address) = parse(&typed) {
                prop_assert!(address.len() <= MAX_LENGTH);
                prop_assert_eq!(address.matches('@').count(), 1);
                prop_assert!(!address.chars().any(|c| c.is_whitespace() || c.is_control()));
            }
        }
    }
}
