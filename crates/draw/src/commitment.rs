//! What is fixed before anybody can know how the draw goes: one document, whose hash is published. It names the list of tickets by
//! its hash, the prizes, and what decides.
//! Must know nothing of where it is kept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Prize, Tickets, beacon, sha256, time};

/// The document and what it says. The hash is of the document's bytes: it is kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commitment {
    document: String,
    terms: Terms,
}

/// What is committed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    pub v: u32,
    /// The stack, for people.
    pub stack: String,
    /// When registration closed, and when the list was made.
    #[serde(with = "time")]
    pub closed_at: Timestamp,
    #[serde(with = "time")]
    pub committed_at: Timestamp,
    pub tickets: usize,
    /// Of the sorted list, a line each.
    pub tickets_sha256: String,
    pub prizes: Vec<Prize>,
    /// How many registered people were left out by the organiser's rules.
    pub excluded: usize,
    pub randomness: Source,
}

/// What decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A round of drand that nobody knows yet.
    Drand {
        chain: String,
        round: u64,
        #[serde(with = "time")]
        at: Timestamp,
    },
    /// A word of the organiser's, who may have tried others: it proves nothing to anybody else.
    Seed(String),
}

/// What a commitment is made of.
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    pub stack: &'a str,
    pub closed_at: Timestamp,
    pub tickets: &'a Tickets,
    pub prizes: Vec<Prize>,
    pub excluded: usize,
    /// Decided by this word, not by the beacon.
    pub seed: Option<String>,
}

/// Why something is no commitment.
#[derive(Debug, Error)]
pub enum CommitmentError {
    #[error("nobody is in the draw")]
    Nobody,
    #[error("this is no commitment: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("this commitment is of version {0}, which this confctl does not know")]
    OtherVersion(u32),
    #[error("{0} is another chain than quicknet")]
    OtherChain(String),
}

const VERSION: u32 = 1;

impl Commitment {
    /// Commits to a draft at that time. The round is the first that is an hour ahead.
    ///
    /// # Errors
    /// Where there is nobody to draw.
    pub fn new(draft: Draft<'_>, now: Timestamp) -> Result<Self, CommitmentError> {
        if draft.tickets.as_slice().is_empty() {
            return Err(CommitmentError::Nobody);
        }
        let randomness = match draft.seed {
            Some(seed) => Source::Seed(seed),
            None => {
                let round = beacon::round_from(now.saturating_add(beacon::AHEAD).unwrap_or(Timestamp::MAX));
                Source::Drand {
                    chain: beacon::CHAIN.to_owned(),
                    round,
                    at: beacon::time_of(round),
                }
            }
        };
        let terms = Terms {
            v: VERSION,
            stack: draft.stack.to_owned(),
            closed_at: draft.closed_at,
            committed_at: now,
            tickets: draft.tickets.as_slice().len(),
            tickets_sha256: draft.tickets.sha256(),
            prizes: draft.prizes,
            excluded: draft.excluded,
            randomness,
        };
        Ok(Self {
            document: serde_json::to_string(&terms)?,
            terms,
        })
    }

    /// # Errors
    /// Where the document is none that this confctl knows.
    pub fn read(document: &str) -> Result<Self, CommitmentError> {
        let terms: Terms = serde_json::from_str(document)?;
        if terms.v != VERSION {
            return Err(CommitmentError::OtherVersion(terms.v));
        }
        match &terms.randomness {
            Source::Drand { chain, .. } if chain != beacon::CHAIN => Err(CommitmentError::OtherChain(chain.clone())),
            _ => Ok(Self {
                document: document.to_owned(),
                terms,
            }),
        }
    }

    pub fn document(&self) -> &str {
        &self.document
    }

    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// What is published: the hash of the document.
    pub fn sha256(&self) -> String {
        hex::encode(self.hash())
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        sha256(self.document.as_bytes())
    }
}
