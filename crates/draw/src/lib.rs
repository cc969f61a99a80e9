//! A draw that anybody can repeat: a list of tickets is committed to, a public beacon that nobody knows yet decides, and the record
//! of it is checked without a network.
//! Must know nothing of who has which ticket, of AWS, of the terminal, or of what time it is.

pub mod beacon;
mod commitment;
mod order;
mod prizes;
mod record;
mod steps;
mod ticket;
mod time;

pub use commitment::{Commitment, CommitmentError, Draft, Source, Terms};
pub use order::order;
pub use prizes::{Prize, PrizeError};
pub use record::{Checked, Problem, Record, Winner, draw};
pub use steps::{DrawError, Kept, Next, next};
pub use ticket::{Ticket, Tickets, TicketsError};

/// SHA-256, with which all is committed to here.
fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests;
