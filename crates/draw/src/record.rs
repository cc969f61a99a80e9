//! The record of a draw: everything that somebody needs to make it again, and nothing by which a person could be found.
//! Must know nothing of where it is kept or who won what under which address.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::beacon::{self, Beacon, BeaconError};
use crate::{Commitment, Prize, Source, Terms, Ticket, Tickets, TicketsError, order, sha256, time};

/// As it is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub v: u32,
    /// The commitment's document, byte by byte, and its hash, which was published before the round.
    pub commitment: String,
    pub commitment_sha256: String,
    /// What decided; `None` where a seed did, which stands in the commitment.
    pub beacon: Option<Beacon>,
    #[serde(with = "time")]
    pub drawn_at: Timestamp,
    pub winners: Vec<Winner>,
    /// The list that was committed to.
    pub tickets: Vec<String>,
}

/// Who won what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Winner {
    pub rank: usize,
    pub ticket: String,
    pub prize: String,
}

/// What a record was found to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub terms: Terms,
    /// To be held against what was published before the round.
    pub commitment_sha256: String,
    /// Every ticket in the order of the draw: behind the winners stands the waiting list.
    pub order: Vec<Ticket>,
}

/// Why a record is none of a fair draw.
#[derive(Debug, Error)]
pub enum Problem {
    #[error("this is no record of a draw: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("this record is of version {0}, which this confctl does not know")]
    OtherVersion(u32),
    #[error(transparent)]
    Commitment(#[from] crate::CommitmentError),
    #[error("its commitment is not the one whose hash stands beside it")]
    OtherCommitment,
    #[error("its tickets are no list: {0}")]
    Tickets(#[from] TicketsError),
    #[error("its tickets are not those that were committed to: one was changed, added or taken away")]
    OtherTickets,
    #[error("it has no round of the beacon, by which it is to be decided")]
    NoBeacon,
    #[error("it is decided by round {given}; round {wanted} was committed to")]
    OtherRound { given: u64, wanted: u64 },
    #[error("round {round} was known less than an hour after the commitment: it may have been known before")]
    TooEarly { round: u64 },
    #[error(transparent)]
    Beacon(#[from] BeaconError),
    #[error("its winners are not those that come out")]
    OtherWinners,
}

const VERSION: u32 = 1;

/// Draws.
///
/// # Errors
/// Where the tickets, or the round, are not what was committed to.
pub fn draw(
    commitment: &Commitment,
    tickets: &Tickets,
    beacon: Option<Beacon>,
    now: Timestamp,
) -> Result<Record, Problem> {
    let order = decided(commitment, tickets, beacon.as_ref())?;
    Ok(Record {
        v: VERSION,
        commitment: commitment.document().to_owned(),
        commitment_sha256: commitment.sha256(),
        beacon,
        drawn_at: now,
        winners: winners(&order, &commitment.terms().prizes),
        tickets: tickets.as_slice().iter().map(Ticket::to_string).collect(),
    })
}

impl Record {
    /// # Errors
    /// Where it is none.
    pub fn read(json: &[u8]) -> Result<Self, Problem> {
        Ok(serde_json::from_slice(json)?)
    }

    /// Makes the draw again and compares.
    ///
    /// # Errors
    /// The first thing that is not as it should be.
    pub fn check(&self) -> Result<Checked, Problem> {
        if self.v != VERSION {
            return Err(Problem::OtherVersion(self.v));
        }
        let commitment = Commitment::read(&self.commitment)?;
        if commitment.sha256() != self.commitment_sha256 {
            return Err(Problem::OtherCommitment);
        }
        let tickets = self.tickets.iter().map(|ticket| ticket.parse::<Ticket>());
        let tickets = Tickets::in_order(tickets.collect::<Result<Vec<_>, _>>()?)?;
        let order = decided(&commitment, &tickets, self.beacon.as_ref())?;
        if winners(&order, &commitment.terms().prizes) != self.winners {
            return Err(Problem::OtherWinners);
        }
        Ok(Checked {
            commitment_sha256: commitment.sha256(),
            terms: commitment.terms().clone(),
            order,
        })
    }
}

/// The order that comes out of what was committed to, by what was said to decide.
fn decided(commitment: &Commitment, tickets: &Tickets, beacon: Option<&Beacon>) -> Result<Vec<Ticket>, Problem> {
    let terms = commitment.terms();
    let same = tickets.as_slice().len() == terms.tickets && tickets.sha256() == terms.tickets_sha256;
    if !same {
        return Err(Problem::OtherTickets);
    }
    let randomness = match &terms.randomness {
        Source::Seed(seed) => sha256(seed.as_bytes()),
        Source::Drand { round, .. } => randomness(*round, terms.committed_at, beacon)?,
    };
    Ok(order(tickets, &randomness, &commitment.hash()))
}

fn randomness(wanted: u64, committed: Timestamp, beacon: Option<&Beacon>) -> Result<[u8; 32], Problem> {
    let beacon = beacon.ok_or(Problem::NoBeacon)?;
    if beacon.round != wanted {
        let given = beacon.round;
        return Err(Problem::OtherRound { given, wanted });
    }
    let ahead: SignedDuration = beacon::time_of(wanted).duration_since(committed);
    if ahead < beacon::AHEAD {
        return Err(Problem::TooEarly { round: wanted });
    }
    Ok(beacon.randomness()?)
}

/// The first ticket gets the first prize. With fewer tickets than prizes, some are left over.
fn winners(order: &[Ticket], prizes: &[Prize]) -> Vec<Winner> {
    let won = order.iter().zip(Prize::each(prizes)).enumerate();
    won.map(|(place, (ticket, prize))| Winner {
        rank: place + 1,
        ticket: ticket.to_string(),
        prize: prize.to_owned(),
    })
    .collect()
}
