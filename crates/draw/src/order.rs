//! The order of a draw: each ticket has a score of its own, by HMAC-SHA-256, and the lowest is first.
//! No index, no modulo, no order of the list: who is taken out moves nobody else, and substitutes are fixed with the winners
//! (the idea of draft-thomson-elegy-vrs).

use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::{Ticket, Tickets};

/// Every ticket, the first winner first.
pub fn order(tickets: &Tickets, randomness: &[u8; 32], commitment: &[u8; 32]) -> Vec<Ticket> {
    // As long as SHA-256's block, so that it is the key as it stands.
    let mut key = [0; 64];
    key[..32].copy_from_slice(randomness);
    key[32..].copy_from_slice(commitment);
    let keyed = <Hmac<Sha256> as KeyInit>::new(&key.into());
    let score = |ticket: &Ticket| -> [u8; 32] {
        let mut mac = keyed.clone();
        mac.update(ticket.to_string().as_bytes());
        mac.finalize().into_bytes().into()
    };
    let mut scored: Vec<_> = tickets
        .as_slice()
        .iter()
        .map(|ticket| (score(ticket), *ticket))
        .collect();
    scored.sort_unstable();
    scored.into_iter().map(|(_, ticket)| ticket).collect()
}
