//! What a call of `draw` has to do next, by what former calls left behind. A draw is committed to once and made once, whoever calls
//! how often and wherever a call was interrupted.
//! Must know nothing of where things are kept; time is an argument.

use jiff::Timestamp;
use thiserror::Error;

use crate::beacon::{self, Beacon};
use crate::{Commitment, Source};

/// What is left of former calls.
#[derive(Debug, Default)]
pub struct Kept {
    /// The commitment, and the copy beside it.
    pub commitment: Option<Commitment>,
    pub copy: Option<Commitment>,
    /// The hash of what was committed to, as the table of registrations remembers it.
    pub mark: Option<String>,
    /// It was made, and its result kept.
    pub drawn: bool,
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Make the list and commit to it.
    Commit,
    /// The round is not known to anybody yet.
    Wait {
        commitment: Commitment,
        round: u64,
        at: Timestamp,
    },
    /// The round is known; somebody has to bring it.
    Fetch { commitment: Commitment, round: u64 },
    Draw {
        commitment: Commitment,
        beacon: Option<Beacon>,
    },
    /// Nothing: it was made.
    Drawn { commitment: Commitment },
}

/// Why a draw does not go on.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum DrawError {
    #[error("a draw was committed to ({0}), and neither the commitment nor its copy is there any more")]
    Gone(String),
    #[error("the commitment and its copy differ, and nothing tells which of them was published")]
    Differ,
    #[error("nothing is committed to: a round that is known already must not decide")]
    NotCommitted,
    #[error("this is round {given}; round {wanted} was committed to, and no other decides")]
    OtherRound { given: u64, wanted: u64 },
    #[error("round {0} is not signed yet, so this cannot be it")]
    NotYet(u64),
    #[error("a draw was committed to that drand's round {0} decides: a seed must not")]
    Seeded(u64),
}

/// # Errors
/// Where a draw must not go on.
pub fn next(kept: Kept, beacon: Option<Beacon>, seeded: bool, now: Timestamp) -> Result<Next, DrawError> {
    let drawn = kept.drawn;
    let Some(commitment) = the_one(kept)? else {
        return match beacon {
            Some(_) => Err(DrawError::NotCommitted),
            None => Ok(Next::Commit),
        };
    };
    if drawn {
        return Ok(Next::Drawn { commitment });
    }
    let (round, at) = match &commitment.terms().randomness {
        Source::Seed(_) => {
            return Ok(Next::Draw {
                commitment,
                beacon: None,
            });
        }
        Source::Drand { round, .. } => (*round, beacon::time_of(*round)),
    };
    match beacon {
        _ if seeded => Err(DrawError::Seeded(round)),
        Some(beacon) if beacon.round != round => Err(DrawError::OtherRound {
            given: beacon.round,
            wanted: round,
        }),
        Some(_) if now < at => Err(DrawError::NotYet(round)),
        Some(beacon) => Ok(Next::Draw {
            commitment,
            beacon: Some(beacon),
        }),
        None if now < at => Ok(Next::Wait { commitment, round, at }),
        None => Ok(Next::Fetch { commitment, round }),
    }
}

/// The commitment that was published: the one that the table remembers, else the first that was written.
fn the_one(kept: Kept) -> Result<Option<Commitment>, DrawError> {
    let Kept {
        commitment, copy, mark, ..
    } = kept;
    match mark {
        Some(hash) => {
            let mut all = [commitment, copy].into_iter().flatten();
            all.find(|one| one.sha256() == hash)
                .map(Some)
                .ok_or(DrawError::Gone(hash))
        }
        // A call ended before it had marked the table.
        None => match (commitment, copy) {
            (Some(one), Some(copy)) if one != copy => Err(DrawError::Differ),
            (one, copy) => Ok(one.or(copy)),
        },
    }
}
