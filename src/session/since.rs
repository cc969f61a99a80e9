//! From when on something is looked at, and how looking that goes on and on ends.
//! Must know nothing of what is looked at.

use std::str::FromStr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{Session, unless_stopped};
use crate::aws::aws_time;
use crate::cli::{self, Global};
use crate::engine::{Error, Settings};
use crate::exit::Exit;
use crate::ui::signals;

/// Longer than anybody looks.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// A moment, or how long ago it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    Ago(Duration),
    At(Timestamp),
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        let ago = cli::duration(text);
        ago.map(Self::Ago)
            .map_err(|_| format!("'{text}' is no time; write 2h, 30m or 2026-11-30T10:00:00Z"))
    }
}

impl Since {
    /// The moment, by AWS's clock.
    ///
    /// # Errors
    /// Where AWS does not say what time it is.
    pub(crate) async fn time(&self, session: &Session, environment: Option<&str>) -> Result<Timestamp, Error> {
        let ago = match self {
            Self::At(at) => return Ok(*at),
            Self::Ago(ago) => SignedDuration::try_from(*ago).unwrap_or(SignedDuration::MAX),
        };
        let now = match environment {
            None => Timestamp::now(),
            Some(id) => {
                let seconds = unless_stopped(&session.settings.stop, aws_time::now(&session.read, id)).await?;
                Timestamp::from_duration(SignedDuration::from_secs_f64(seconds)).unwrap_or_default()
            }
        };
        Ok(now.checked_sub(ago).unwrap_or(Timestamp::UNIX_EPOCH))
    }
}

impl Session {
    /// For what goes on until somebody ends it: only `--timeout` bounds it.
    pub(crate) fn without_deadline(&self, global: &Global) -> Settings {
        let mut settings = self.settings.clone();
        if global.timeout.is_none() {
            settings.deadline = Instant::now() + FOR_EVER;
        }
        settings
    }
}

/// How looking ended that goes on and on: by a signal, or because the time that it was given is over.
pub(crate) fn ended() -> Exit {
    signals::first().unwrap_or(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_moment_or_how_long_ago_it_was() {
        assert_eq!("90m".parse(), Ok(Since::Ago(Duration::from_secs(5400))));
        let moment: Timestamp = "2026-11-30T10:00:00Z".parse().unwrap();
        assert_eq!("2026-11-30T11:00:00+01:00".parse(), Ok(Since::At(moment)));
        for no_time in ["yesterday", "", "0s", "-5m", "2026-11-30"] {
            assert!(no_time.parse::<Since>().is_err(), "{no_time}");
        }
    }
}
