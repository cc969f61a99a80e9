//! A run in the open model: people arrive at their own moments and are not kept back by a slow site.
//! Must know nothing of what one of them does.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::addresses::Addresses;
use super::arrivals::Coming;
use super::measured::{Measured, Recorder};
use super::person::{Crowd, visit};
use super::site::Site;

/// A name's addresses are asked for again this often, CloudFront's own time to live.
const LOOK_UP_EVERY: u32 = 60;

/// What is to be done.
pub struct Load {
    pub site: Arc<Site>,
    pub addresses: Addresses,
    pub coming: Coming,
    /// Between the page and the click, on average.
    pub think: Duration,
    /// After how long in vain somebody leaves, on average; `None`: when the page's own script has given up.
    pub patience: Option<Duration>,
}

/// What is known while it runs.
#[derive(Debug, Clone)]
pub struct Progress {
    pub seconds: f64,
    pub arrived: u64,
    /// On the site now.
    pub present: u64,
    pub accepted: u64,
    pub shed: u64,
    /// Without those that were shed.
    pub errors: u64,
    pub accepted_by_slot: Vec<f64>,
    /// Milliseconds.
    pub newest_p99: Option<f64>,
}

/// Lets everybody come and go. Told of how it goes once a second. Where `stop` is cancelled nobody comes any more, and those
/// who are there leave, but for those who have sent the form: when this returns, no registration is under way.
pub async fn run(load: Load, stop: &CancellationToken, mut progress: impl FnMut(&Progress)) -> Measured {
    let start = Instant::now();
    let (people, within) = (load.coming.people(), load.coming.within());
    let crowd = Arc::new(Crowd {
        site: load.site.clone(),
        start,
        think: load.think,
        patience: load.patience,
        leaving: CancellationToken::new(),
        recorder: Mutex::new(Recorder::new(people, within)),
    });
    let mut visits = JoinSet::new();
    let mut coming = load.coming.moments().into_iter().zip(0..).peekable();
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut ticks: u32 = 0;
    loop {
        let next = coming.peek().map(|(moment, _)| start + *moment);
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            _ = tick.tick() => {
                ticks += 1;
                if ticks.is_multiple_of(LOOK_UP_EVERY) {
                    let site = load.site.clone();
                    tokio::spawn(async move { site.look_up().await });
                }
                progress(&told(&crowd));
            }
            () = sleep_until(next.unwrap_or(start)), if next.is_some() => {
                if let Some((moment, person)) = coming.next() {
                    let address = load.addresses.of(person);
                    visits.spawn(come_and_go(crowd.clone(), start + moment, person, address));
                }
            }
            left = visits.join_next(), if !visits.is_empty() || next.is_none() => {
                if left.is_none() && next.is_none() {
                    break;
                }
            }
        }
    }
    crowd.leaving.cancel();
    while visits.join_next().await.is_some() {}
    progress(&told(&crowd));
    let recorder = std::mem::replace(&mut *crowd.record(), Recorder::new(0, within));
    recorder.finish(start.elapsed())
}

async fn come_and_go(crowd: Arc<Crowd>, intended: Instant, person: u32, address: String) {
    crowd.record().arrived(intended - crowd.start);
    let outcome = visit(&crowd, intended, &address).await;
    crowd.record().left(crowd.start.elapsed(), person, outcome);
}

fn told(crowd: &Crowd) -> Progress {
    let recorder = crowd.record();
    let totals = recorder.totals();
    Progress {
        seconds: crowd.start.elapsed().as_secs_f64(),
        arrived: totals.arrived,
        present: recorder.present(),
        accepted: totals.accepted,
        shed: totals.shed,
        errors: recorder.errors_but_shed(),
        accepted_by_slot: recorder.accepted_by_slot(),
        newest_p99: recorder.newest_p99(),
    }
}
