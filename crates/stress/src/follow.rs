//! From the burn's start until the group is back: readings are taken, and what comes of them is told as it comes.
//! Must know nothing of how it is shown.

use std::time::Duration;

use tokio::time::Instant;

use crate::aws::Aws;
use crate::engine::{Error, Hint, Kind, Settings};
use crate::group::Group;
use crate::readings::{self, Reading};
use crate::run_command::{self, Sent};
use crate::stages::{Stage, Test};

/// Between two readings, in AWS's time.
const EVERY: Duration = Duration::from_secs(30);

/// How long ending the burn before its time may hold up a Ctrl-C.
const GOODBYE: Duration = Duration::from_secs(5);

/// What was started, and how it is reached.
pub struct Burning<'a> {
    pub read: &'a Aws,
    /// Ends it before its time.
    pub write: &'a Aws,
    /// The environment's id.
    pub environment: &'a str,
    /// Nothing where somebody else burns.
    pub sent: &'a [Sent],
    /// AWS's time of the start, in seconds since 1970.
    pub zero: f64,
}

/// What is told on the way.
pub enum News<'a> {
    /// A stage has been passed.
    Passed(Stage, &'a Test),
    Read(&'a Reading, &'a Test),
    /// What the first instance's script said.
    Said(String),
}

/// Follows the test until the group is as it was. The burn is ended as soon as it has shown what it is for, and when this fails.
///
/// # Errors
/// Where the group does not scale, AWS does not say, the deadline comes, or the run is stopped.
pub async fn follow(
    burning: &Burning<'_>,
    group: &Group,
    test: &mut Test,
    settings: &Settings,
    told: impl FnMut(News<'_>),
) -> Result<(), Error> {
    let followed = to_the_end(burning, group, test, settings, told).await;
    if followed.is_err() {
        end(burning).await;
    }
    followed
}

async fn to_the_end(
    burning: &Burning<'_>,
    group: &Group,
    test: &mut Test,
    settings: &Settings,
    mut told: impl FnMut(News<'_>),
) -> Result<(), Error> {
    let Burning { read, sent, zero, .. } = *burning;
    let period = f64::from(group.out.period());
    let started = Instant::now();
    let mut said = false;
    loop {
        let now = started.elapsed().as_secs_f64() * settings.pace.speed;
        let burns = if test.stage < Stage::Launch { sent } else { &[] };
        let (since, until) = (zero - period, zero + now + period);
        match readings::read(read, burning.environment, group, burns, since, until).await {
            Ok(reading) => {
                let before = test.stage;
                test.take(&reading, now)
                    .map_err(|reason| Error::new(Kind::DidNotScale, reason))?;
                if before != test.stage {
                    told(News::Passed(before, test));
                }
                // What is to be proven is proven: more heat only keeps the alarm on, and the group growing, while an
                // instance boots.
                if before < Stage::Launch && test.stage >= Stage::Launch {
                    end(burning).await;
                }
                told(News::Read(&reading, test));
            }
            // Not an answer: never decides anything.
            Err(error) if error.kind == Kind::Unreachable => tracing::debug!(%error, "a reading is missing"),
            Err(error) => return Err(error),
        }
        if test.stage == Stage::Done {
            return Ok(());
        }
        if !said && let Some(text) = run_command::said(read, sent).await {
            told(News::Said(text));
            said = true;
        }
        if Instant::now() >= settings.deadline {
            return Err(
                Error::new(Kind::Deadline, "the deadline came before the group was back")
                    .hint(Hint::run("stress --timeout 3h")),
            );
        }
        tokio::select! {
            () = tokio::time::sleep(settings.pace.interval(EVERY)) => {}
            () = settings.stop.cancelled() => return Err(Error::stopped()),
        }
    }
}

/// Ends the burn before its time. What cannot be ended ends by its own bound.
async fn end(burning: &Burning<'_>) {
    if burning.sent.is_empty() {
        return;
    }
    match tokio::time::timeout(GOODBYE, run_command::cancel(burning.write, burning.sent)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::info!(%error, "the burn goes on until its bound"),
        Err(_) => tracing::info!("the burn goes on until its bound"),
    }
}
