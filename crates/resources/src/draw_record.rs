//! A draw in the stack's record: the commitment, written once, with a copy beside it, its list of tickets, and what decided.
//! Nothing of it names a person. Must know nothing of how a draw goes.

use confctl_draw::beacon::Beacon;
use confctl_draw::{Commitment, Terms, Tickets};
use jiff::Timestamp;
use serde_json::json;

use crate::aws::Aws;
use crate::aws::record::Record;
use crate::engine::Error;

/// Where all of it is, in the record.
pub const PREFIX: &str = "draw/";
const COMMITMENT: &str = "draw/commitment.json";
const COPY: &str = "draw/commitment.copy.json";
const DRAWN: &str = "draw/drawn.json";
/// Of a ticket in its list: 32 digits and the end of the line.
const LINE: u64 = 33;

/// What decided a draw that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    pub beacon: Option<Beacon>,
    pub at: Timestamp,
}

/// The draw of a stack.
pub struct DrawRecord<'a> {
    pub record: &'a Record,
    pub read: &'a Aws,
    pub write: &'a Aws,
}

impl DrawRecord<'_> {
    /// The commitment and its copy, as far as they are there and are one. Others may write there: what is none counts as gone.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn commitments(&self) -> Result<(Option<Commitment>, Option<Commitment>), Error> {
        Ok((self.commitment(COMMITMENT).await?, self.commitment(COPY).await?))
    }

    async fn commitment(&self, name: &str) -> Result<Option<Commitment>, Error> {
        let text = self.record.read(self.read, name).await?;
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(text.and_then(|text| Commitment::read(&text).ok()))
    }

    /// Keeps a commitment, unless there is one. The list of its tickets first: a commitment without it could not be drawn.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub async fn commit(&self, commitment: &Commitment, tickets: &Tickets) -> Result<(), Error> {
        let list = list(commitment.terms());
        self.record
            .write(self.write, &list, tickets.text().into_bytes())
            .await?;
        let document = || commitment.document().as_bytes().to_vec();
        self.record.write_once(self.write, COMMITMENT, document()).await
    }

    /// Puts the copy beside the commitment that counts.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub async fn copy(&self, commitment: &Commitment) -> Result<(), Error> {
        let document = commitment.document().as_bytes().to_vec();
        self.record.write_once(self.write, COPY, document).await
    }

    /// The tickets that were committed to, where their list is there unchanged.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn tickets(&self, terms: &Terms) -> Result<Option<Tickets>, Error> {
        // One byte more: of a list that has grown not only the part that fits is read.
        let most = LINE * terms.tickets as u64 + 1;
        let text = self.record.read_beginning(self.read, &list(terms), most).await?;
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
        let tickets = text.and_then(|text| Tickets::read(&text).ok());
        Ok(tickets.filter(|tickets| tickets.sha256() == terms.tickets_sha256))
    }

    /// What decided, where the draw was made.
    ///
    /// # Errors
    /// Where it cannot be read, or is not written as confctl writes it.
    pub async fn drawn(&self) -> Result<Option<Drawn>, Error> {
        let Some(text) = self.record.read(self.read, DRAWN).await? else {
            return Ok(None);
        };
        let unreadable = || {
            Error::failed("what was drawn cannot be read").because(format!(
                "s3://{}/{} is not as confctl writes it",
                self.record.bucket(),
                self.record.key(DRAWN)
            ))
        };
        let read: serde_json::Value = serde_json::from_slice(&text).map_err(|_| unreadable())?;
        let at = read["at"]
            .as_str()
            .and_then(|at| at.parse().ok())
            .ok_or_else(unreadable)?;
        let beacon = serde_json::from_value(read["beacon"].clone()).map_err(|_| unreadable())?;
        Ok(Some(Drawn { beacon, at }))
    }

    /// Keeps what decided, unless something did already.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub async fn keep_drawn(&self, drawn: &Drawn) -> Result<(), Error> {
        let text = json!({ "beacon": drawn.beacon, "at": drawn.at.to_string() }).to_string();
        self.record.write_once(self.write, DRAWN, text.into_bytes()).await
    }
}

/// Named by its hash: another commitment's list is another object.
fn list(terms: &Terms) -> String {
    let hash: String = terms.tickets_sha256.chars().take(16).collect();
    format!("{PREFIX}tickets-{hash}.txt")
}
