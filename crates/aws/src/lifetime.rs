//! When a stack's time is over: a tag says it, and the stack's record says the same. AWS's clock decides, never this machine's.
//! Must know nothing of what carries the tag, or of what becomes of a stack whose time is over.

use std::fmt;
use std::time::Duration;

use aws_smithy_types::DateTime;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Aws;
use super::errors::Explain;
use super::record::{MOST, Record};
use super::texts;
use crate::engine::{Error, Kind};

/// The tag: RFC 3339, in UTC.
pub const EXPIRES: &str = "confctl:expires";
/// The same in the stack's record.
pub const NAME: &str = "lifetime.json";

/// So far apart may be the moment from which a time is counted and the one at which S3 was given it: a question may have been open
/// in between.
const APART: SignedDuration = SignedDuration::from_hours(1);

/// How long a stack is to live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lifetime {
    Until(End),
    Unlimited,
}

/// The end of a stack's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    pub expires: Timestamp,
    /// How long it was given.
    pub lasts: Duration,
}

/// The end as it stands in the record.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    expires: String,
    seconds: u64,
}

impl Lifetime {
    /// From now on, by S3's clock.
    ///
    /// # Errors
    /// Where S3 does not answer, or that is later than any date.
    pub async fn lasting(aws: &Aws, lasts: Duration) -> Result<Self, Error> {
        let now = now(aws).await?;
        let end = SignedDuration::try_from(lasts)
            .ok()
            .and_then(|lasts| now.checked_add(lasts).ok());
        let expires = end.ok_or_else(|| {
            Error::new(Kind::Usage, "the stack would outlive the calendar").hint("--ttl never gives it no end")
        })?;
        Ok(Self::Until(End { expires, lasts }))
    }
}

impl End {
    /// For people: `4h`, `1d 6h`.
    pub fn given(&self) -> String {
        let lasts = SignedDuration::try_from(self.lasts).unwrap_or(SignedDuration::MAX);
        format!("{lasts:#}")
    }
}

/// As the tag has it.
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = Timestamp::from_second(self.expires.as_second()).unwrap_or(self.expires);
        write!(f, "{whole}")
    }
}

/// S3's own time.
///
/// # Errors
/// Where S3 does not answer.
pub async fn now(aws: &Aws) -> Result<Timestamp, Error> {
    let told = aws
        .s3
        .time(&aws.storage_bucket())
        .await
        .explain("ask S3 what time it is")?;
    told.and_then(timestamp)
        .ok_or_else(|| Error::failed("S3 did not say what time it is").hint("run the same command again"))
}

/// AWS's time in ours.
pub fn timestamp(time: DateTime) -> Option<Timestamp> {
    Timestamp::from_second(time.secs()).ok()
}

/// Writes it into the record; before the tag is set, so that no tag is without.
///
/// # Errors
/// Where it cannot be written.
pub async fn remember(aws: &Aws, record: &Record, lifetime: &Lifetime) -> Result<(), Error> {
    match lifetime {
        Lifetime::Unlimited => record.delete_keys(aws, &[record.key(NAME)]).await,
        Lifetime::Until(end) => {
            let written = Written {
                expires: end.to_string(),
                seconds: end.lasts.as_secs(),
            };
            let body = serde_json::to_vec(&written);
            let body = body.map_err(|error| Error::failed("could not write the stack's time").caused_by(error))?;
            record.write(aws, NAME, body).await
        }
    }
}

/// What is known of a stack's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody gave it an end.
    Unlimited,
    Runs {
        expires: Timestamp,
    },
    /// The tag and the record say that it is over, and the clocks agree.
    Over {
        expires: Timestamp,
    },
    /// It may be over, and is not proven to be.
    Unproven {
        expires: Timestamp,
        reason: String,
    },
}

/// What the record says, and when S3 was given that.
#[derive(Debug, Default)]
struct Recorded {
    end: Option<Written>,
    written: Option<Timestamp>,
}

/// Whether the time of a stack is over. `tags`: what each of its carriers of the tag says, as its own read tells.
///
/// # Errors
/// Where S3 does not answer.
pub async fn judge(aws: &Aws, record: &Record, tags: &[Option<String>]) -> Result<Verdict, Error> {
    let key = record.key(NAME);
    let got = aws.s3.get_beginning(record.bucket(), &key, MOST).await;
    let object = got.or_absent(
        &["NoSuchKey", "NoSuchBucket"],
        &format!("read s3://{}/{key}", record.bucket()),
    )?;
    let Some(object) = object else {
        return Ok(verdict(tags, &Recorded::default(), now(aws).await?));
    };
    let recorded = Recorded {
        end: serde_json::from_slice(&object.body).ok(),
        written: object.last_modified.and_then(timestamp),
    };
    let now = match object.date.and_then(timestamp) {
        Some(now) => now,
        None => now(aws).await?,
    };
    Ok(verdict(tags, &recorded, now))
}

fn verdict(tags: &[Option<String>], recorded: &Recorded, now: Timestamp) -> Verdict {
    let of_tags: Vec<Option<Timestamp>> = tags.iter().map(|tag| tag.as_ref()?.parse().ok()).collect();
    let of_record: Option<Timestamp> = recorded.end.as_ref().and_then(|end| end.expires.parse().ok());
    let told = of_tags.iter().flatten().chain(&of_record);
    let (Some(first), Some(last)) = (told.clone().min().copied(), told.max().copied()) else {
        return match tags.iter().flatten().next() {
            None => Verdict::Unlimited,
            // Whatever it says, somebody meant it to end.
            Some(tag) => Verdict::Unproven {
                expires: now,
                reason: format!("its tag {EXPIRES} is no time: '{}'", texts::clean(tag)),
            },
        };
    };
    if first > now {
        return Verdict::Runs { expires: last };
    }
    match doubt(&of_tags, of_record, recorded, now) {
        None => Verdict::Over { expires: first },
        Some(reason) => Verdict::Unproven { expires: first, reason },
    }
}

/// Why it is not proven that the time is over, which one of them says.
fn doubt(tags: &[Option<Timestamp>], record: Option<Timestamp>, recorded: &Recorded, now: Timestamp) -> Option<String> {
    // The record alone decides nothing: any Beanstalk instance of the account may write there. What carries the tag is the last to go
    // of a stack that is half removed.
    let Some(tag) = tags.first().copied().flatten() else {
        return Some(format!(
            "its record says so, and no application of it carries {EXPIRES}"
        ));
    };
    if tags.iter().any(|other| *other != Some(tag)) {
        return Some(format!("its applications do not agree on {EXPIRES}"));
    }
    let Some(record) = record else {
        return Some("its tag says so, and its record does not".to_owned());
    };
    if record != tag {
        return Some(format!("its tag says {tag}, and its record {record}"));
    }
    let Some(written) = recorded.written else {
        return Some("S3 does not say when its record was written".to_owned());
    };
    let lasts = recorded.end.as_ref().map_or(0, |end| end.seconds);
    let lasts = SignedDuration::from_secs(i64::try_from(lasts).unwrap_or(i64::MAX));
    let counted = record.checked_sub(lasts).ok();
    let near = |from: Timestamp| written.duration_since(from).abs() <= APART;
    match counted.is_some_and(near) && written <= now {
        true => None,
        false => Some(format!(
            "the clocks do not agree: S3 was given its time at {written}, and it is counted from {}",
            counted.map_or("no date".to_owned(), |from| from.to_string())
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "2026-11-30T16:00:00Z";

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    /// Four hours, given at noon.
    fn recorded(expires: &str, written: &str) -> Recorded {
        Recorded {
            end: Some(Written {
                expires: expires.to_owned(),
                seconds: 4 * 3600,
            }),
            written: Some(at(written)),
        }
    }

    fn judged(tags: &[Option<&str>], recorded: &Recorded, now: &str) -> Verdict {
        let tags: Vec<_> = tags.iter().map(|tag| tag.map(str::to_owned)).collect();
        verdict(&tags, recorded, at(now))
    }

    fn reason(verdict: Verdict) -> String {
        match verdict {
            Verdict::Unproven { reason, .. } => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn time_is_over_where_tag_and_record_say_so_and_the_clocks_agree() {
        let recorded = recorded(TAG, "2026-11-30T12:02:00Z");
        let expires = at(TAG);
        let judged = |now| judged(&[Some(TAG)], &recorded, now);
        assert_eq!(judged("2026-11-30T15:59:59Z"), Verdict::Runs { expires });
        assert_eq!(judged("2026-11-30T16:00:00Z"), Verdict::Over { expires });
    }

    #[test]
    fn what_only_one_of_them_says_proves_nothing() {
        let late = "2026-11-30T17:00:00Z";
        let noon = "2026-11-30T12:02:00Z";
        for (tags, record, said) in [
            (
                vec![None],
                recorded(TAG, noon),
                "no application of it carries confctl:expires",
            ),
            // Its application is gone, by hand, or was never made.
            (
                vec![],
                recorded(TAG, noon),
                "no application of it carries confctl:expires",
            ),
            (vec![Some(TAG)], Recorded::default(), "its record does not"),
            (
                vec![Some("2026-11-30T16:30:00Z")],
                recorded(TAG, noon),
                "its record 2026-11-30T16:00:00Z",
            ),
            (vec![Some(TAG), None], recorded(TAG, noon), "do not agree on"),
            (vec![Some("soon")], Recorded::default(), "is no time: 'soon'"),
        ] {
            let why = reason(judged(&tags, &record, late));
            assert!(why.contains(said), "{why}");
        }
        assert_eq!(judged(&[None], &Recorded::default(), late), Verdict::Unlimited);
        let runs = judged(&[], &recorded(TAG, noon), "2026-11-30T15:00:00Z");
        assert_eq!(runs, Verdict::Runs { expires: at(TAG) });
    }

    #[test]
    fn a_time_that_was_counted_by_another_clock_is_not_believed() {
        // Written a day after, and a day before, the noon that it is counted from.
        for written in ["2026-12-01T12:00:00Z", "2026-11-29T12:00:00Z"] {
            let judged = judged(&[Some(TAG)], &recorded(TAG, written), "2026-12-02T00:00:00Z");
            assert!(reason(judged).contains("clocks do not agree"), "{written}");
        }
    }

    #[test]
    fn a_renewal_that_only_one_of_them_shows_yet_is_no_end() {
        let renewed = "2026-11-30T20:00:00Z";
        let old_tag = judged(
            &[Some(TAG)],
            &recorded(renewed, "2026-11-30T16:00:00Z"),
            "2026-11-30T15:00:00Z",
        );
        assert_eq!(old_tag, Verdict::Runs { expires: at(renewed) });
    }

    #[test]
    fn the_tag_has_whole_seconds_and_is_read_back() {
        let end = End {
            expires: "2026-11-30T16:00:00.7Z".parse().unwrap(),
            lasts: Duration::from_secs(60),
        };
        assert_eq!(end.to_string(), TAG);
    }
}
