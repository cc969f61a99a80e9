//! Tickets: what stands for a person in a draw, and the list of all.
//! A ticket is random: nothing of a person can be told from it, by whatever list of addresses.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::sha256;

/// 128 random bits, written as 32 hexadecimal digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket([u8; 16]);

/// Every ticket of a draw once, in the order of their digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tickets(Vec<Ticket>);

/// Why something is no ticket, or no list of them.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TicketsError {
    #[error("a ticket is 32 hexadecimal digits in lower case")]
    NoTicket,
    #[error("the ticket {0} is there twice")]
    Twice(Ticket),
    #[error("the list of tickets is not sorted at {0}")]
    Unsorted(Ticket),
}

impl Ticket {
    /// `random`: from the system's generator.
    pub fn from_random(random: [u8; 16]) -> Self {
        Self(random)
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::encode(self.0))
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Ticket {
    type Err = TicketsError;

    fn from_str(text: &str) -> Result<Self, TicketsError> {
        let mut bytes = [0; 16];
        let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) if lower => Ok(Self(bytes)),
            _ => Err(TicketsError::NoTicket),
        }
    }
}

impl Tickets {
    /// # Errors
    /// Where two people have one ticket: leaving one out would take a person out of the draw.
    pub fn new(mut tickets: Vec<Ticket>) -> Result<Self, TicketsError> {
        tickets.sort_unstable();
        match tickets.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(TicketsError::Twice(pair[0])),
            None => Ok(Self(tickets)),
        }
    }

    /// What [`Self::text`] wrote.
    ///
    /// # Errors
    /// Where a line is no ticket, is there twice, or is not in its place.
    pub fn read(text: &str) -> Result<Self, TicketsError> {
        let tickets = text.lines().map(str::parse::<Ticket>).collect::<Result<Vec<_>, _>>()?;
        Self::in_order(tickets)
    }

    /// # Errors
    /// Where they are not in their order, or one is there twice.
    pub fn in_order(tickets: Vec<Ticket>) -> Result<Self, TicketsError> {
        for pair in tickets.windows(2) {
            match pair[0].cmp(&pair[1]) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return Err(TicketsError::Twice(pair[1])),
                std::cmp::Ordering::Greater => return Err(TicketsError::Unsorted(pair[1])),
            }
        }
        Ok(Self(tickets))
    }

    /// A line each, which is what the list's hash is of.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(33 * self.0.len());
        for ticket in &self.0 {
            text.push_str(&hex::encode(ticket.0));
            text.push('\n');
        }
        text
    }

    /// The hash of [`Self::text`].
    pub fn sha256(&self) -> String {
        hex::encode(sha256(self.text().as_bytes()))
    }

    pub fn as_slice(&self) -> &[Ticket] {
        &self.0
    }
}
