//! The secret that CloudFront sends along to a load balancer which answers nobody else: how it is made, told from older ones, and
//! kept out of what is printed and written down. Must know nothing of where it is kept.

use std::fmt;

use rand::TryRng;
use rand::rngs::SysRng;

use crate::engine::Error;

/// Four hexadecimal digits that count, then 128 random bits. Hexadecimal, as a listener rule compares without case (botocore: elbv2,
/// HttpHeaderConditionConfig); counted, so that of two that are valid at once everybody knows which is the newer one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OriginSecret(String);

const COUNT: usize = 4;
const LENGTH: usize = COUNT + 32;

impl OriginSecret {
    /// A new one, of which nobody but the operating system knew anything before.
    ///
    /// # Errors
    /// Where the operating system gives no random numbers.
    pub fn newer_than(former: Option<&Self>) -> Result<Self, Error> {
        let mut bits = [0; 16];
        SysRng.try_fill_bytes(&mut bits).map_err(|error| {
            Error::failed("could not make a secret for the load balancer")
                .because(format!("the operating system gives no random numbers: {error}"))
        })?;
        let count = former.map_or(0, Self::count).wrapping_add(1);
        let random = u128::from_be_bytes(bits);
        Ok(Self(format!("{count:04x}{random:032x}")))
    }

    /// `None` for what nobody here made.
    pub fn parse(text: &str) -> Option<Self> {
        is_one(text.as_bytes()).then(|| Self(text.to_owned()))
    }

    fn count(&self) -> u16 {
        u16::from_str_radix(&self.0[..COUNT], 16).unwrap_or_default()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OriginSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OriginSecret(not shown)")
    }
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

fn is_one(text: &[u8]) -> bool {
    text.len() == LENGTH && text.iter().all(|byte| is_digit(*byte))
}

/// A text with every such secret taken out, wherever it stands.
pub fn masked(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric();
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let (before, word) = rest.split_at(start);
        let end = word.find(|c| !is_part(c)).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        shown.push_str(before);
        shown.push_str(if is_one(word.as_bytes()) { "(masked)" } else { word });
        rest = after;
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_one_is_told_from_the_older_and_shows_in_nothing() {
        let first = OriginSecret::newer_than(None).unwrap();
        let second = OriginSecret::newer_than(Some(&first)).unwrap();
        assert!(second > first);
        assert_eq!(OriginSecret::parse(second.as_str()), Some(second.clone()));
        for shown in [format!("{second:?}"), masked(&format!("Values=[{}]", second.as_str()))] {
            assert!(!shown.contains(&second.as_str()[4..]), "{shown}");
        }
    }

    #[test]
    fn what_nobody_here_made_is_none() {
        for strange in [
            "",
            "*",
            "0001",
            &"0".repeat(35),
            &"0".repeat(37),
            &"G".repeat(36),
            &"A".repeat(36),
        ] {
            assert_eq!(OriginSecret::parse(strange), None, "{strange}");
        }
        let hash = "a".repeat(64);
        assert_eq!(masked(&hash), hash);
        assert_eq!(masked("über 1 — 2"), "über 1 — 2");
    }
}
