//! What can be won, in the order in which it is given out: the first ticket gets the first prize.
//! Knows nothing of tickets.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// So many of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prize {
    pub name: String,
    pub count: u32,
}

/// Why prizes cannot be given out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PrizeError {
    #[error("`{0}` is no prize: write how many and of what, as `4 Cloud Practitioner`")]
    Unreadable(String),
    #[error("{winners} winners do not fit the {prizes} prizes of `draw.prizes`")]
    OtherNumber { winners: u32, prizes: u32 },
    #[error("there is nothing to win")]
    None,
}

impl FromStr for Prize {
    type Err = PrizeError;

    /// `4 Cloud Practitioner`
    fn from_str(text: &str) -> Result<Self, PrizeError> {
        let unreadable = || PrizeError::Unreadable(text.to_owned());
        let (count, name) = text.trim().split_once(' ').ok_or_else(unreadable)?;
        let count = count.parse().ok().filter(|count| (1..=10_000).contains(count));
        let name = name.trim();
        match count {
            Some(count) if !name.is_empty() => Ok(Self {
                name: name.to_owned(),
                count,
            }),
            _ => Err(unreadable()),
        }
    }
}

impl Prize {
    /// The prizes of a profile; or, where it names none, one for each winner.
    ///
    /// # Errors
    /// Where one is not written as a prize, and where there are more winners than prizes, or fewer.
    pub fn all(written: &[String], winners: Option<u32>) -> Result<Vec<Self>, PrizeError> {
        let prizes = written
            .iter()
            .map(|text| text.parse::<Self>())
            .collect::<Result<Vec<_>, _>>()?;
        let count = prizes.iter().fold(0_u32, |sum, prize| sum.saturating_add(prize.count));
        match (winners, count) {
            (None | Some(0), 0) => Err(PrizeError::None),
            (Some(winners), 0) => Ok(vec![Self {
                name: "prize".to_owned(),
                count: winners,
            }]),
            (Some(winners), prizes) if winners != prizes => Err(PrizeError::OtherNumber { winners, prizes }),
            _ => Ok(prizes),
        }
    }

    /// One name for each prize, the first first.
    pub fn each(prizes: &[Self]) -> impl Iterator<Item = &str> {
        prizes
            .iter()
            .flat_map(|prize| std::iter::repeat_n(prize.name.as_str(), prize.count as usize))
    }
}
