//! The stack's lock: one object, made by a conditional write, held by a short lease that is renewed often. Age is judged by S3's own
//! clock (the answer's Date against LastModified), never by this machine's: whoever waits for it asks S3 alone.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Aws;
use super::errors::Explain;
use super::process::{Here, Process};
use super::record::{MOST, Record};
use super::services::s3::If;
use super::texts;
use crate::engine::{Error, GRACE, Hint, Kind};

/// After so long without a renewal anybody may take it. A run that was killed costs the next one no more than this and a look.
pub const LEASE: Duration = Duration::from_secs(16);
/// Between two renewals.
pub const RENEWAL: Duration = Duration::from_secs(3);
/// For one renewal, and before the next where it came to nothing: two without an answer fit into the time in which one must come.
const TRY: Duration = Duration::from_secs(3);
const BEFORE_ANOTHER: Duration = Duration::from_millis(500);
/// Without a renewal for so long its holder changes nothing until one comes through (see [`super::tenure`]). What is in flight then has
/// the time of an answer before the lease ends; a second because S3 tells whole seconds.
const KEPT: Duration = LEASE.saturating_sub(GRACE).saturating_sub(Duration::from_secs(1));
/// Without a renewal for so long its holder stops. A late one that comes through has lost nothing: had anybody had the lock meanwhile,
/// its ETag would not be ours.
const GIVEN_UP: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
const NAME: &str = "lock.json";

/// Who holds the lock, as written into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Random, one a run.
    pub id: String,
    /// `up`, `teardown`, …
    pub command: String,
    /// User and host, for people.
    pub who: String,
    /// The run itself, where its system has a name for it.
    #[serde(default)]
    pub process: Option<Process>,
    /// How often it was renewed: each renewal is another object, so that its ETag changes.
    pub renewals: u64,
}

/// The lock as it was read.
#[derive(Debug)]
pub struct Held {
    /// `None` where it is not written as confctl writes it.
    pub holder: Option<Holder>,
    etag: String,
    /// Since it was last renewed, by S3's clock.
    pub age: Duration,
}

impl Held {
    /// For people. Other instances of the account may write into that bucket: what is shown of it is cleaned.
    pub fn who(&self) -> String {
        self.holder.as_ref().map_or("an unknown run".to_owned(), describe)
    }

    /// What is known on this machine of the run that holds it.
    pub fn here(&self) -> Here {
        let process = self.holder.as_ref().and_then(|holder| holder.process.as_ref());
        process.map_or(Here::Elsewhere, Process::look)
    }

    fn is_of(&self, id: &str) -> bool {
        self.holder.as_ref().is_some_and(|holder| holder.id == id)
    }

    /// When it was renewed by this machine's clock, or a little before that, where it was asked for at `asked`.
    fn renewed_before(&self, asked: Instant) -> Option<Instant> {
        asked.checked_sub(self.age + Duration::from_secs(1))
    }

    fn process(&self) -> String {
        let process = self.holder.as_ref().and_then(|holder| holder.process.as_ref());
        process.map_or("a process".to_owned(), |process| format!("process {}", process.pid))
    }
}

/// The held lock. [`Lock::release`] gives it back; if the process dies, the lease runs out.
pub struct Lock {
    aws: Arc<Aws>,
    record: Record,
    /// Of its holder.
    id: String,
    etag: Arc<Mutex<String>>,
    /// Ends with why the lock is no longer ours.
    renewing: tokio::task::JoinHandle<String>,
}

impl Lock {
    /// Takes the lock; `lost` is cancelled if it is later found in other hands, or cannot be renewed. Clients that change something wait
    /// while it is not known whether it is still ours.
    ///
    /// A lock whose holder still renews it is refused as soon as that is seen. One that is no longer renewed is waited out; that of
    /// a process of this machine that has ended is taken at once.
    ///
    /// # Errors
    /// [`Kind::Locked`] with who holds it, or what S3 says.
    pub async fn acquire(
        aws: Arc<Aws>,
        record: Record,
        holder: Holder,
        lost: CancellationToken,
        tell: impl Fn(&str) + Send + 'static,
    ) -> Result<Self, Error> {
        let mut first_seen: Option<String> = None;
        let (etag, renewed) = loop {
            // S3 takes it for renewed when it has the request, which is no earlier.
            let asked = Instant::now();
            if let Some(etag) = write(&aws, &record, &holder, None).await? {
                break (etag, asked);
            }
            let Some(held) = seen(&aws, &record).await? else {
                continue;
            };
            if held.is_of(&holder.id) {
                // Our own write, whose answer was lost.
                let renewed = held.renewed_before(asked).unwrap_or(asked);
                break (held.etag, renewed);
            }
            if first_seen.as_ref().is_some_and(|seen| *seen != held.etag) {
                let renewed = format!(
                    "s3://{}/{} was renewed while we waited",
                    record.bucket(),
                    record.key(NAME)
                );
                return Err(refused(&held, renewed));
            }
            let here = held.here();
            if here == Here::Ended || held.age > LEASE {
                let asked = Instant::now();
                let Some(etag) = write(&aws, &record, &holder, Some(&held.etag)).await? else {
                    continue;
                };
                if here == Here::Ended {
                    let (who, process) = (held.who(), held.process());
                    tell(&format!(
                        "taking over the stack's lock from {who}: {process} of this machine has ended"
                    ));
                }
                break (etag, asked);
            }
            if here == Here::Runs {
                return Err(refused(&held, format!("{} of this machine runs", held.process())));
            }
            if first_seen.is_none() {
                let (who, rest) = (held.who(), LEASE.saturating_sub(held.age).as_secs());
                tell(&format!(
                    "the stack is locked by {who}; if it is gone, its lease ends in {rest} s"
                ));
                first_seen = Some(held.etag);
            }
            tokio::select! {
                () = tokio::time::sleep(BETWEEN_LOOKS) => {}
                () = lost.cancelled() => return Err(Error::stopped()),
            }
        };
        let etag = Arc::new(Mutex::new(etag));
        let id = holder.id.clone();
        aws.tenure.ours_until(renewed + KEPT);
        let renewing = Renewing {
            aws: aws.clone(),
            record: record.clone(),
            holder,
            etag: etag.clone(),
            renewed,
        };
        let renewing = tokio::spawn(renewing.until_lost(lost, tell));
        Ok(Self {
            aws,
            record,
            id,
            etag,
            renewing,
        })
    }

    /// Gives the lock back. Failing to is no error: the lease ends by itself.
    ///
    /// # Errors
    /// [`Kind::Locked`] where it was lost before, with why.
    pub async fn release(mut self) -> Result<(), Error> {
        self.renewing.abort();
        if let Ok(why) = (&mut self.renewing).await {
            return Err(Error::new(Kind::Locked, "stopped, because the stack's lock was lost")
                .because(why)
                .hint("see that no other run is at work, then run the same command again: it goes on from here"));
        }
        let given_back = tokio::time::timeout(GRACE, self.give_back()).await;
        self.aws.tenure.is_given_back();
        match given_back {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(?error, "the lock was not given back; its lease will end"),
            Err(_) => tracing::debug!("the lock was not given back in time; its lease will end"),
        }
        Ok(())
    }

    /// A renewal that was ended on its way may have come through: then the lock is ours with another ETag.
    async fn give_back(&self) -> Result<(), Error> {
        let (bucket, key) = (self.record.bucket(), self.record.key(NAME));
        let mut etag = current(&self.etag);
        loop {
            match self
                .aws
                .s3_of_the_lock
                .delete_object(bucket, &key, If::Matches(&etag))
                .await
            {
                Err(error) if error.code() == Some("PreconditionFailed") => {}
                deleted => return deleted.explain("give the stack's lock back"),
            }
            match seen(&self.aws, &self.record).await? {
                Some(held) if held.is_of(&self.id) && held.etag != etag => etag = held.etag,
                // Somebody else's, or gone.
                _ => return Ok(()),
            }
        }
    }
}

/// Takes the lock away from its holder, who stops when it finds that out; nothing where it is gone by then.
///
/// # Errors
/// [`Kind::Locked`] where another run has it meanwhile, or what S3 says.
pub async fn remove(aws: &Aws, record: &Record, shown: &Held) -> Result<(), Error> {
    let id = |held: &Held| held.holder.as_ref().map(|holder| holder.id.clone());
    while let Some(held) = seen(aws, record).await? {
        if id(&held) != id(shown) {
            return Err(refused(&held, "it has taken the lock meanwhile".to_owned()));
        }
        let key = record.key(NAME);
        match aws
            .s3
            .delete_object(record.bucket(), &key, If::Matches(&held.etag))
            .await
        {
            // Its holder renewed it in this moment.
            Err(error) if error.code() == Some("PreconditionFailed") => {}
            deleted => return deleted.explain("remove the stack's lock"),
        }
    }
    Ok(())
}

fn current(etag: &Mutex<String>) -> String {
    etag.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
}

fn describe(holder: &Holder) -> String {
    texts::clean(&format!("`confctl {}` of {}", holder.command, holder.who))
}

fn refused(held: &Held, because: String) -> Error {
    Error::new(
        Kind::Locked,
        format!("the stack is locked by {}, which is still at work", held.who()),
    )
    .because(because)
    .hint(
        Hint::from("wait until it is done, then run the command again; ")
            .and_run("unlock")
            .and(" shows it, and takes the lock away from one that hangs"),
    )
}

/// The renewals of a lock that is held.
struct Renewing {
    aws: Arc<Aws>,
    record: Record,
    holder: Holder,
    etag: Arc<Mutex<String>>,
    /// S3 has it renewed no earlier than this.
    renewed: Instant,
}

impl Renewing {
    /// Renews the lock until it is lost, and says why it is.
    async fn until_lost(mut self, lost: CancellationToken, tell: impl Fn(&str)) -> String {
        let (mut pause, mut late) = (RENEWAL, false);
        loop {
            tokio::time::sleep(pause).await;
            let why = match tokio::time::timeout(TRY, self.renew()).await {
                Ok(Ok(Tried::Renewed)) => {
                    self.aws.tenure.ours_until(self.renewed + KEPT);
                    (pause, late) = (RENEWAL, false);
                    continue;
                }
                Ok(Ok(Tried::Lost(why))) => Some(why),
                // Not an answer: the next try may come through.
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the stack's lock could not be renewed");
                    None
                }
                Err(_) => {
                    tracing::warn!("the stack's lock could not be renewed in time");
                    None
                }
            };
            let waited = self.renewed.elapsed();
            let seconds = waited.as_secs();
            let given_up = || format!("it could not be renewed for {seconds} s");
            if let Some(why) = why.or_else(|| (waited >= GIVEN_UP).then(given_up)) {
                self.aws.tenure.is_lost();
                lost.cancel();
                return why;
            }
            if waited >= KEPT && !late {
                tell(&format!(
                    "the stack's lock could not be renewed for {seconds} s: nothing is changed until it is"
                ));
                late = true;
            }
            pause = BEFORE_ANOTHER;
        }
    }

    async fn renew(&mut self) -> Result<Tried, Error> {
        self.holder.renewals += 1;
        let before = current(&self.etag);
        let asked = Instant::now();
        if let Some(renewed) = write(&self.aws, &self.record, &self.holder, Some(&before)).await? {
            self.is_renewed(renewed, asked);
            return Ok(Tried::Renewed);
        }
        // 409, or a try before came through whose answer did not: only another holder means that it is lost.
        let asked = Instant::now();
        match seen(&self.aws, &self.record).await? {
            Some(held) if held.is_of(&self.holder.id) => {
                let renewed = held.renewed_before(asked).unwrap_or(self.renewed);
                self.is_renewed(held.etag, renewed);
                Ok(Tried::Renewed)
            }
            Some(other) => Ok(Tried::Lost(format!("{} took it", other.who()))),
            None => Ok(Tried::Lost(format!(
                "s3://{}/{} was removed",
                self.record.bucket(),
                self.record.key(NAME)
            ))),
        }
    }

    fn is_renewed(&mut self, etag: String, at: Instant) {
        self.renewed = self.renewed.max(at);
        *self.etag.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = etag;
    }
}

/// What a renewal came to.
enum Tried {
    Renewed,
    /// And why.
    Lost(String),
}

/// Writes the lock if it is absent, or still the one with this ETag. `None`: it is not.
async fn write(aws: &Aws, record: &Record, holder: &Holder, replaces: Option<&str>) -> Result<Option<String>, Error> {
    let body =
        serde_json::to_vec(holder).map_err(|error| Error::failed("could not write the lock").caused_by(error))?;
    let condition = replaces.map_or(If::Absent, If::Matches);
    let key = record.key(NAME);
    match aws
        .s3_of_the_lock
        .put_object(record.bucket(), &key, body, condition)
        .await
    {
        Ok(etag) => Ok(Some(etag)),
        // 412: the condition does not hold. 409: another write at the same moment, which the SDK does not retry.
        // 404: the key that If-Match speaks of is gone.
        Err(error)
            if matches!(
                error.code(),
                Some("PreconditionFailed" | "ConditionalRequestConflict" | "NoSuchKey")
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error).explain("take the stack's lock"),
    }
}

/// The lock, if there is one.
///
/// # Errors
/// Where it cannot be read.
pub async fn seen(aws: &Aws, record: &Record) -> Result<Option<Held>, Error> {
    let answer = aws
        .s3_of_the_lock
        .get_beginning(record.bucket(), &record.key(NAME), MOST)
        .await;
    let Some(object) = answer.or_absent(&["NoSuchKey", "NoSuchBucket"], "read the stack's lock")? else {
        return Ok(None);
    };
    let age = match (object.date, object.last_modified) {
        (Some(now), Some(then)) => Duration::from_secs(u64::try_from(now.secs() - then.secs()).unwrap_or(0)),
        _ => Duration::ZERO,
    };
    Ok(Some(Held {
        holder: serde_json::from_slice(&object.body).ok(),
        etag: object.e_tag.unwrap_or_default(),
        age,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_run_costs_the_next_one_twenty_seconds_and_a_live_one_has_stopped_by_then() {
        let second = Duration::from_secs(1);
        // S3 tells both moments in whole seconds, and a look may come just too early.
        assert!(LEASE + 2 * second + BETWEEN_LOOKS <= 20 * second);
        assert!(KEPT + GRACE < LEASE);
        // Two renewals without an answer are followed by a third.
        assert!(RENEWAL + 2 * (TRY + BEFORE_ANOTHER) <= KEPT);
    }
}
