//! The registrations: one conditional put per address, bounded in number and in time.
//! It knows nothing of HTTP requests, and puts no address into an error or a log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use rustls::crypto::{SecureRandom, ring};
use serde::Deserialize;
use thiserror::Error;

use crate::address::Address;
use crate::complaints::Complaints;
use crate::config::Config;
use crate::https;
use crate::retries::{self, is_throttling};
use crate::signed::{CallError, Signed};

const TARGET: &str = "DynamoDB_20120810.PutItem";

/// The registrations. Writes are idempotent: whoever is unsure may just register again.
pub struct Store {
    dynamodb: Signed,
    shared: Arc<Shared>,
}

/// What is one for the whole process.
struct Shared {
    /// The request around the address, the time and the ticket.
    request: [Vec<u8>; 4],
    random: &'static dyn SecureRandom,
    in_flight: InFlight,
    retries: AtomicU64,
    complaints: Complaints,
}

/// What stands for a person in a draw: 32 hexadecimal digits, 128 random bits. Nothing of an address can be told from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket(String);

impl Ticket {
    fn new(random: &dyn SecureRandom) -> Option<Self> {
        let mut bits = [0; 16];
        random.fill(&mut bits).ok()?;
        Some(Self(hex::encode(bits)))
    }

    /// `None` where it is none of this app's.
    fn read(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == 32 && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a registration was not stored.
#[derive(Debug, Error, PartialEq)]
pub enum StoreError {
    /// Too many writes are under way already; none was tried.
    #[error("too many registrations at once")]
    Busy,
    /// DynamoDB did not confirm the write. It may still have happened.
    #[error("DynamoDB did not confirm the write ({0:?})")]
    Unconfirmed(Cause),
}

/// Why DynamoDB did not confirm a write, as far as operators act upon it differently. The log has the error's own code.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cause {
    /// More than the table, or the account, may take.
    Throttled,
    /// Credentials, permissions.
    Denied,
    /// Neither table nor request are as they should be.
    Refused,
    /// DynamoDB's own trouble.
    Failed,
    /// No connection, or no answer in time.
    Unanswered,
}

impl Store {
    pub fn new(dynamodb: Signed, config: &Config) -> Self {
        let shared = Shared {
            request: request(&config.table_name, &config.table_key),
            random: ring::default_provider().secure_random,
            in_flight: InFlight::at_most(config.max_in_flight),
            retries: AtomicU64::new(0),
            complaints: Complaints::default(),
        };
        Self {
            dynamodb,
            shared: Arc::new(shared),
        }
    }

    /// The same store over connections of its own; the bound is shared.
    pub fn over(&self, client: https::Client) -> Self {
        Self {
            dynamodb: self.dynamodb.over(client),
            shared: self.shared.clone(),
        }
    }

    /// Stores the address with a new ticket unless it is there already, and gives the ticket that is stored; both are one and the
    /// same success, by the same request. That also makes a retry harmless whose first try was written and whose answer was lost.
    /// A row that was stored without a ticket has none.
    pub async fn register(&self, address: &Address) -> Result<Option<Ticket>, StoreError> {
        let _place = self.shared.in_flight.enter().ok_or(StoreError::Busy)?;
        let ticket = Ticket::new(self.shared.random).ok_or(StoreError::Unconfirmed(Cause::Failed))?;
        let body = self.shared.body(address, &ticket);
        let again = || {
            self.shared.retries.fetch_add(1, Ordering::Relaxed);
        };
        match retries::call(&self.dynamodb, TARGET, body, again).await {
            Ok(_) => Ok(Some(ticket)),
            Err(CallError::Unmet(answer)) => Ok(stored(&answer)),
            Err(error) => {
                self.shared.complaints.log("PutItem", &error.to_string());
                Err(StoreError::Unconfirmed(cause(&error)))
            }
        }
    }

    /// Writes under way now.
    pub fn in_flight(&self) -> usize {
        self.shared.in_flight.count.load(Ordering::Relaxed)
    }

    /// Attempts beyond the first, since the start.
    pub fn retries(&self) -> u64 {
        self.shared.retries.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn body(&self, address: &Address, ticket: &Ticket) -> Bytes {
        let [before, time, number, after] = &self.request;
        let known = before.len() + time.len() + number.len() + after.len();
        let mut body = Vec::with_capacity(known + address.as_str().len() + 66);
        body.extend_from_slice(before);
        push_json(&mut body, address.as_str());
        body.extend_from_slice(time);
        push_json(&mut body, &now());
        body.extend_from_slice(number);
        push_json(&mut body, ticket.as_str());
        body.extend_from_slice(after);
        Bytes::from(body)
    }
}

/// The ticket of the item in the answer to a condition that does not hold (DynamoDB's API reference, PutItem,
/// `ReturnValuesOnConditionCheckFailure`).
fn stored(answer: &[u8]) -> Option<Ticket> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(rename = "Item", borrow)]
        item: Item<'a>,
    }
    #[derive(Deserialize)]
    struct Item<'a> {
        #[serde(borrow)]
        ticket: Text<'a>,
    }
    #[derive(Deserialize)]
    struct Text<'a> {
        #[serde(rename = "S")]
        text: &'a str,
    }
    let answer: Answer<'_> = serde_json::from_slice(answer).ok()?;
    Ticket::read(answer.item.ticket.text)
}

/// A PutItem that fails where the key exists and then tells what is there, in four parts. The key goes by a placeholder in the
/// condition: its name may be a word that DynamoDB reserves.
fn request(table_name: &str, table_key: &str) -> [Vec<u8>; 4] {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    before.extend_from_slice(br#"{"TableName":"#);
    push_json(&mut before, table_name);
    before.extend_from_slice(br#","Item":{"#);
    push_json(&mut before, table_key);
    before.extend_from_slice(br#":{"S":"#);
    let condition = br##"}},"ReturnValuesOnConditionCheckFailure":"ALL_OLD","ConditionExpression":"attribute_not_exists(#key)","ExpressionAttributeNames":{"#key":"##;
    after.extend_from_slice(condition);
    push_json(&mut after, table_key);
    after.extend_from_slice(b"}}");
    let (time, ticket) = (br#"},"registered_at":{"S":"#, br#"},"ticket":{"S":"#);
    [before, time.to_vec(), ticket.to_vec(), after]
}

fn push_json(json: &mut Vec<u8>, text: &str) {
    // Neither a text nor a vector can fail.
    let _ = serde_json::to_writer(json, text);
}

fn cause(error: &CallError) -> Cause {
    match error {
        CallError::Transport | CallError::TimeOut => Cause::Unanswered,
        CallError::NoCredentials => Cause::Denied,
        CallError::Unbuildable | CallError::Unmet(_) => Cause::Refused,
        CallError::Refused { status: 500.., .. } => Cause::Failed,
        CallError::Refused { code, .. } if is_throttling(code) => Cause::Throttled,
        CallError::Refused { code, .. } => match code.as_str() {
            "AccessDeniedException"
            | "ExpiredTokenException"
            | "IncompleteSignatureException"
            | "InvalidSignatureException"
            | "MissingAuthenticationTokenException"
            | "UnrecognizedClientException" => Cause::Denied,
            _ => Cause::Refused,
        },
    }
}

/// RFC 3339 in UTC, always with milliseconds, so that the order of the texts is the order in time.
fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// A bound on what is under way. Nobody queues for a place: whoever would have to wait is better off with an answer.
struct InFlight {
    count: AtomicUsize,
    most: usize,
}

/// One place; free again when dropped.
struct Place<'a>(&'a AtomicUsize);

impl InFlight {
    fn at_most(most: usize) -> Self {
        Self {
            count: AtomicUsize::new(0),
            most,
        }
    }

    fn enter(&self) -> Option<Place<'_>> {
        let place = Place(&self.count);
        (self.count.fetch_add(1, Ordering::Relaxed) < self.most).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_holder_is_gone() {
        let in_flight = InFlight::at_most(2);
        let (first, _second) = (in_flight.enter(), in_flight.enter());
        assert!(in_flight.enter().is_none());
        drop(first);
        assert!(in_flight.enter().is_some());
    }

    #[test]
    fn a_ticket_is_read_where_there_is_one_of_ours_and_nowhere_else() {
        let ticket = Ticket::new(ring::default_provider().secure_random).unwrap();
        let answer = |item: &str| stored(format!(r#"{{"__type":"x#y","Item":{item},"message":"m"}}"#).as_bytes());
        let text = ticket.as_str();
        assert_eq!(
            answer(&format!(r#"{{"email":{{"S":"a"}},"ticket":{{"S":"{text}"}}}}"#)),
            Some(ticket)
        );
        for other in [
            r#"{"email":{"S":"a"}}"#,
            r#"{"ticket":{"S":"VIP"}}"#,
            r#"{"ticket":{"N":"7"}}"#,
            "null",
        ] {
            assert_eq!(answer(other), None, "{other}");
        }
        assert_eq!(stored(b""), None);
        assert_ne!(Ticket::read(&"G".repeat(32)), Ticket::read(&"a".repeat(32)));
    }

    #[test]
    fn names_with_quotes_stay_names() {
        let [before, time, ticket, after] = request("us\"ers", "e\\mail\n");
        let (address, values) = (&b"\"ada@example.com\""[..], [&b"\"now\""[..], b"\"00ff\""]);
        let body = [&before[..], address, &time, values[0], &ticket, values[1], &after].concat();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["TableName"], "us\"ers");
        assert_eq!(body["Item"]["e\\mail\n"]["S"], "ada@example.com");
        assert_eq!(body["Item"]["registered_at"]["S"], "now");
        assert_eq!(body["Item"]["ticket"]["S"], "00ff");
        assert_eq!(body["ExpressionAttributeNames"]["#key"], "e\\mail\n");
    }
}
