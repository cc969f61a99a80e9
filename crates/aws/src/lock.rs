//! The stack's lock: one object, made by a conditional write, held by a lease of 60 s that is renewed every 20 s.
//! Age is judged by S3's own clock (the answer's Date against LastModified), never by this machine's.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::Aws;
use super::errors::Explain;
use super::record::{MOST, Record};
use super::services::s3::If;
use super::texts;
use crate::engine::{Error, Kind};

const LEASE: Duration = Duration::from_secs(60);
const RENEWAL: Duration = Duration::from_secs(20);
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
    /// How often it was renewed: each renewal is another object, so that its ETag changes.
    pub renewals: u64,
}

/// The lock as it was read.
struct Held {
    holder: Option<Holder>,
    etag: String,
    /// By S3's clock.
    age: Duration,
}

/// The held lock. [`Lock::release`] gives it back; if the process dies, the lease runs out.
pub struct Lock {
    aws: Arc<Aws>,
    record: Record,
    etag: Arc<Mutex<String>>,
    /// Ends with why the lock is no longer ours.
    renewing: tokio::task::JoinHandle<String>,
}

impl Lock {
    /// Takes the lock; `lost` is cancelled if it is later found in other hands.
    ///
    /// A lock whose holder still renews it is refused as soon as that is seen. One that is no longer renewed is waited out.
    ///
    /// # Errors
    /// [`Kind::Locked`] with who holds it, or what S3 says.
    pub async fn acquire(
        aws: Arc<Aws>,
        record: Record,
        holder: Holder,
        lost: CancellationToken,
        waiting: impl Fn(&str),
    ) -> Result<Self, Error> {
        let mut first_seen: Option<String> = None;
        let etag = loop {
            if let Some(etag) = write(&aws, &record, &holder, None).await? {
                break etag;
            }
            let Some(held) = read(&aws, &record).await? else {
                continue;
            };
            if held.holder.as_ref().is_some_and(|other| other.id == holder.id) {
                // Our own write, whose answer was lost.
                break held.etag;
            }
            let renewed = first_seen.as_ref().is_some_and(|seen| *seen != held.etag);
            if renewed {
                return Err(refused(held.holder.as_ref(), &record));
            }
            if held.age > LEASE {
                match write(&aws, &record, &holder, Some(&held.etag)).await? {
                    Some(etag) => break etag,
                    None => continue,
                }
            }
            if first_seen.is_none() {
                let who = held.holder.as_ref().map_or("an unknown run".to_owned(), describe);
                let rest = LEASE.saturating_sub(held.age).as_secs();
                waiting(&format!(
                    "the stack is locked by {who}; if it is gone, its lease ends in {rest} s"
                ));
                first_seen = Some(held.etag);
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(2)) => {}
                () = lost.cancelled() => return Err(Error::stopped()),
            }
        };
        let etag = Arc::new(Mutex::new(etag));
        let renewing = tokio::spawn(renew(aws.clone(), record.clone(), holder, etag.clone(), lost));
        Ok(Self {
            aws,
            record,
            etag,
            renewing,
        })
    }

    /// Gives the lock back. Failing to is no error: the lease ends by itself.
    ///
    /// # Errors
    /// [`Kind::Locked`] where it was lost before, with why.
    pub async fn release(self) -> Result<(), Error> {
        self.renewing.abort();
        if let Ok(why) = self.renewing.await {
            return Err(Error::new(Kind::Locked, "stopped, because the stack's lock was lost")
                .because(why)
                .hint("see that no other run is at work, then run the same command again: it goes on from here"));
        }
        let etag = current(&self.etag);
        let s3 = &self.aws.s3;
        let key = self.record.key(NAME);
        let deleted = s3.delete_object(self.record.bucket(), &key, If::Matches(&etag)).await;
        if let Err(error) = deleted {
            tracing::debug!(?error, "the lock was not given back; its lease will end");
        }
        Ok(())
    }
}

fn current(etag: &Mutex<String>) -> String {
    etag.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
}

/// Other instances of the account may write into that bucket: what is shown of it is cleaned.
fn describe(holder: &Holder) -> String {
    texts::clean(&format!("`confctl {}` of {}", holder.command, holder.who))
}

fn refused(holder: Option<&Holder>, record: &Record) -> Error {
    let who = holder.map_or("another run".to_owned(), describe);
    Error::new(
        Kind::Locked,
        format!("the stack is locked by {who}, which is still at work"),
    )
    .because(format!(
        "s3://{}/{} was renewed while we waited",
        record.bucket(),
        record.key(NAME)
    ))
    .hint("wait until it is done, then run the command again")
}

/// Renews the lock until it is lost, and says why it is.
async fn renew(
    aws: Arc<Aws>,
    record: Record,
    mut holder: Holder,
    etag: Arc<Mutex<String>>,
    lost: CancellationToken,
) -> String {
    let mut renewed_at = Instant::now();
    loop {
        tokio::time::sleep(RENEWAL).await;
        holder.renewals += 1;
        let before = current(&etag);
        let renewal = tokio::time::timeout(RENEWAL / 2, write(&aws, &record, &holder, Some(&before))).await;
        match renewal {
            Ok(Ok(Some(renewed))) => {
                renewed_at = Instant::now();
                *etag.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = renewed;
            }
            // 409, or a retry whose first try came through: only another holder means that it is lost.
            Ok(Ok(None)) => match read(&aws, &record).await {
                Ok(Some(held)) if held.holder.as_ref().is_some_and(|other| other.id == holder.id) => {
                    renewed_at = Instant::now();
                    *etag.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = held.etag;
                }
                Ok(other) => {
                    lost.cancel();
                    let other = other.and_then(|held| held.holder);
                    return match other {
                        Some(other) => format!("{} took it", describe(&other)),
                        None => format!("s3://{}/{} was removed", record.bucket(), record.key(NAME)),
                    };
                }
                Err(error) => tracing::warn!(%error, "the stack's lock could not be read"),
            },
            // Not an answer: the lease still runs, the next renewal may come through.
            Ok(Err(error)) => tracing::warn!(%error, "the stack's lock could not be renewed"),
            Err(_) => tracing::warn!("the stack's lock could not be renewed in time"),
        }
        // Before anybody else may take it.
        if renewed_at.elapsed() + RENEWAL / 2 > LEASE {
            lost.cancel();
            return format!("it could not be renewed for {} s", renewed_at.elapsed().as_secs());
        }
    }
}

/// Writes the lock if it is absent, or still the one with this ETag. `None`: it is not.
async fn write(aws: &Aws, record: &Record, holder: &Holder, replaces: Option<&str>) -> Result<Option<String>, Error> {
    let body =
        serde_json::to_vec(holder).map_err(|error| Error::failed("could not write the lock").caused_by(error))?;
    let condition = replaces.map_or(If::Absent, If::Matches);
    let key = record.key(NAME);
    match aws.s3.put_object(record.bucket(), &key, body, condition).await {
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

async fn read(aws: &Aws, record: &Record) -> Result<Option<Held>, Error> {
    let answer = aws.s3.get_beginning(record.bucket(), &record.key(NAME), MOST).await;
    let Some(object) = answer.or_absent(&["NoSuchKey"], "read the stack's lock")? else {
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
