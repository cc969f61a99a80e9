//! drand's beacon quicknet: which round is at which time, and whether what somebody hands over is that round's randomness.
//! Every three seconds the League of Entropy signs the number of a round; nobody knows a signature before its time, and anybody can
//! check one by the public key alone (drand's specification, <https://docs.drand.love/docs/specification/>).
//! Must know no network: a round is handed over as bytes.

use blst::BLST_ERROR;
use blst::min_sig::{PublicKey, Signature};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::sha256;

/// The hash of the chain's description, by which every drand server knows it.
pub const CHAIN: &str = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971";

/// Servers that give rounds away (drand's HTTP API, public endpoints).
pub const SERVERS: &[&str] = &[
    "https://api.drand.sh",
    "https://api2.drand.sh",
    "https://api3.drand.sh",
    "https://drand.cloudflare.com",
];

/// Of the whole league, in G2: <https://api.drand.sh/52db…e971/info>.
const PUBLIC_KEY: &str = "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451\
                          0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a";
const GENESIS: i64 = 1_692_803_367;
const PERIOD: i64 = 3;
/// Scheme `bls-unchained-g1-rfc9380`.
const SCHEME: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";
/// Bytes of a signature, a compressed point of G1. In another form the same point would have another hash.
const SIGNATURE_BYTES: usize = 48;

/// So long before its time nobody in the league knows a round: what is committed to now may be decided by one that far ahead.
pub const AHEAD: SignedDuration = SignedDuration::from_hours(1);

/// A round as drand's servers give it, and as a record keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beacon {
    pub round: u64,
    pub signature: String,
    /// drand's second version leaves it out: it is the signature's hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub randomness: Option<String>,
}

/// Why something is no round of quicknet.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BeaconError {
    #[error("this is no round as drand gives it: {0}")]
    Unreadable(String),
    #[error("its signature is not of 48 bytes in hexadecimal digits, as those of quicknet are")]
    OtherChain,
    #[error("its signature is not quicknet's for round {0}")]
    NotSigned(u64),
    #[error("its randomness is not its signature's hash")]
    OtherRandomness,
}

/// The first round at that time or later.
pub fn round_from(time: Timestamp) -> u64 {
    let second = time.as_second() + i64::from(time.subsec_nanosecond() > 0);
    let since = (second - GENESIS).max(0);
    ((since + PERIOD - 1) / PERIOD + 1).unsigned_abs()
}

/// When a round is signed. After an outage a round comes late and keeps its number.
pub fn time_of(round: u64) -> Timestamp {
    let periods = i64::try_from(round.saturating_sub(1)).unwrap_or(i64::MAX);
    let second = GENESIS.saturating_add(periods.saturating_mul(PERIOD));
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
}

/// Where a server has it.
pub fn address(server: &str, round: u64) -> String {
    format!("{server}/{CHAIN}/public/{round}")
}

impl Beacon {
    /// drand's JSON, of its first or second version.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read(json: &[u8]) -> Result<Self, BeaconError> {
        serde_json::from_slice(json).map_err(|error| BeaconError::Unreadable(error.to_string()))
    }

    /// The round's 32 random bytes, once its signature is found to be the league's.
    ///
    /// # Errors
    /// Where the signature is not that, or the randomness given beside it is another.
    pub fn randomness(&self) -> Result<[u8; 32], BeaconError> {
        let signature = hex::decode(&self.signature).map_err(|_| BeaconError::OtherChain)?;
        if signature.len() != SIGNATURE_BYTES {
            return Err(BeaconError::OtherChain);
        }
        if !is_signed(self.round, &signature) {
            return Err(BeaconError::NotSigned(self.round));
        }
        let randomness = sha256(&signature);
        match &self.randomness {
            Some(given) if hex::decode(given).ok().as_deref() != Some(&randomness[..]) => {
                Err(BeaconError::OtherRandomness)
            }
            _ => Ok(randomness),
        }
    }
}

fn is_signed(round: u64, signature: &[u8]) -> bool {
    let key = hex::decode(PUBLIC_KEY)
        .ok()
        .and_then(|key| PublicKey::key_validate(&key).ok());
    let signature = Signature::sig_validate(signature, true);
    let (Some(key), Ok(signature)) = (key, signature) else {
        return false;
    };
    let message = sha256(&round.to_be_bytes());
    signature.verify(false, &message, SCHEME, &[], &key, false) == BLST_ERROR::BLST_SUCCESS
}
