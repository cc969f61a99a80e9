//! What was measured, while it is and afterwards: latencies, answers, causes of errors, the edge's cache, all by time.
//! Must know nothing of how it came about or where it is shown.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Microseconds; what takes longer counts as this.
const LONGEST: u64 = 300_000_000;

/// Points of a curve at most while people arrive, so that a long run takes no more memory than a short one.
const SLOTS: u32 = 120;

/// Why a request had no answer that one can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// A file descriptor or port was missing on this side: it says nothing of the site.
    OutOfFiles,
    Refused,
    Unreachable,
    Tls,
    Closed,
    Protocol,
    TimedOut,
    Status(u16),
}

impl Cause {
    pub(super) fn of_connecting(error: &std::io::Error) -> Self {
        use rustix::io::Errno;
        let raw = error.raw_os_error();
        let here = [Errno::MFILE, Errno::NFILE, Errno::ADDRNOTAVAIL];
        if here.iter().any(|errno| raw == Some(errno.raw_os_error())) {
            return Self::OutOfFiles;
        }
        match error.kind() {
            std::io::ErrorKind::ConnectionRefused => Self::Refused,
            std::io::ErrorKind::ConnectionReset => Self::Closed,
            _ => Self::Unreachable,
        }
    }

    pub(super) fn of_exchange(error: &hyper::Error) -> Self {
        if error.is_parse() { Self::Protocol } else { Self::Closed }
    }

    fn text(self) -> String {
        match self {
            Self::OutOfFiles => "no file or port left on this side".to_owned(),
            Self::Refused => "connection refused".to_owned(),
            Self::Unreachable => "not reachable".to_owned(),
            Self::Tls => "TLS failed".to_owned(),
            Self::Closed => "connection closed before the answer".to_owned(),
            Self::Protocol => "not HTTP".to_owned(),
            Self::TimedOut => "no answer in time".to_owned(),
            Self::Status(status) => format!("answer {status}"),
        }
    }
}

/// What the edge says of its cache in `X-Cache`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cache {
    Hit,
    Miss,
    Error,
}

impl Cache {
    /// CloudFront says `Hit`, `RefreshHit`, `Miss`, `Error`, `LambdaGeneratedResponse`… "from cloudfront".
    pub(super) fn of(text: &str) -> Self {
        if text.starts_with("Hit") || text.starts_with("RefreshHit") {
            Self::Hit
        } else if text.starts_with("Error") {
            Self::Error
        } else {
            Self::Miss
        }
    }
}

/// How a person's visit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The site said yes.
    Accepted,
    /// The site said no, and trying again would not help.
    Refused,
    /// Tried as often as the page does.
    GaveUp,
    /// The page itself never came.
    NoPage,
    /// Had enough of waiting.
    Abandoned,
    /// The run was stopped meanwhile.
    Unfinished,
}

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timed {
    /// From the intended arrival until the page is there: also the time in which this program was late.
    Page,
    Asset,
    /// One POST.
    Answer,
    /// From the intended click until the site said yes, all tries together.
    Registration,
}

/// Milliseconds by percentile.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latencies {
    pub count: u64,
    pub p50: f64,
    pub p90: f64,
    pub p95: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

impl Latencies {
    fn of<C: hdrhistogram::Counter>(histogram: &Histogram<C>) -> Option<Self> {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        (!histogram.is_empty()).then(|| Self {
            count: histogram.len(),
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max() as f64 / 1000.0,
        })
    }
}

/// Numbers of the whole run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    pub arrived: u64,
    pub requests: u64,
    /// POSTs among them.
    pub posts: u64,
    pub accepted: u64,
    pub refused: u64,
    pub gave_up: u64,
    pub no_page: u64,
    pub abandoned: u64,
    /// Answers 503: the site said that it is too busy.
    pub shed: u64,
    /// POSTs that were sent again.
    pub retries: u64,
    pub cache_hits: u64,
    pub cache_misses: u64,
    /// Answers that came by HTTP/2.
    pub http2: u64,
    /// Most connections at one time.
    pub most_open: u64,
}

/// A slice of the run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Slot {
    /// Seconds since the start.
    pub at: f64,
    pub arrived: u64,
    pub requests: u64,
    pub accepted: u64,
    pub shed: u64,
    /// Without those that were shed.
    pub errors: u64,
    /// Of the pages that arrived for in this slice.
    pub page: Option<Latencies>,
    /// Of the registrations begun in this slice.
    pub registration: Option<Latencies>,
}

/// The whole run.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    pub seconds: f64,
    /// Seconds of a slot.
    pub slot_seconds: f64,
    pub totals: Totals,
    pub page: Option<Latencies>,
    pub asset: Option<Latencies>,
    pub answer: Option<Latencies>,
    pub registration: Option<Latencies>,
    pub errors: BTreeMap<String, u64>,
    pub slots: Vec<Slot>,
    #[serde(skip)]
    pub outcomes: Vec<Outcome>,
}

impl Measured {
    /// Registrations a second that the site took, and whether it could take no more. Where it turned people away: the median of the
    /// slots in which it did, but for the first, in which it was not yet full. Else the best slot, which is less than it can.
    pub fn taken(&self) -> Option<(f64, bool)> {
        let full = self.slots.iter().filter(|slot| slot.shed > 0).skip(1);
        let mut accepted: Vec<u64> = full.map(|slot| slot.accepted).collect();
        accepted.sort_unstable();
        let best = self.slots.iter().map(|slot| slot.accepted).max()?;
        let median = accepted.get(accepted.len().saturating_sub(1) / 2);
        let rate = *median.unwrap_or(&best) as f64 / self.slot_seconds.max(f64::MIN_POSITIVE);
        Some((rate, median.is_some()))
    }
}

/// Collects while the run goes on.
pub(super) struct Recorder {
    slot: Duration,
    totals: Totals,
    open: u64,
    whole: [Histogram<u64>; 4],
    errors: BTreeMap<Cause, u64>,
    slots: Vec<(Slot, Histogram<u32>, Histogram<u32>)>,
    outcomes: Vec<Outcome>,
}

/// Of values from a microsecond to [`LONGEST`].
fn histogram<C: hdrhistogram::Counter>(digits: u8) -> Histogram<C> {
    // The bounds are constants that hdrhistogram takes; `new` itself fails for digits above 5 only.
    Histogram::new_with_bounds(1, LONGEST, digits)
        .or_else(|_| Histogram::new(1))
        .unwrap_or_else(|_| unreachable!("one digit is always taken"))
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(LONGEST).clamp(1, LONGEST)
}

impl Recorder {
    pub(super) fn new(people: u32, within: Duration) -> Self {
        Self {
            slot: (within / SLOTS).max(Duration::from_secs(1)),
            totals: Totals::default(),
            open: 0,
            whole: std::array::from_fn(|_| histogram(3)),
            errors: BTreeMap::new(),
            slots: Vec::new(),
            outcomes: vec![Outcome::Unfinished; people as usize],
        }
    }

    fn slot(&mut self, at: Duration) -> &mut (Slot, Histogram<u32>, Histogram<u32>) {
        let index = usize::try_from(at.as_nanos() / self.slot.as_nanos().max(1)).unwrap_or(0);
        while self.slots.len() <= index {
            let at = self.slot.as_secs_f64() * self.slots.len() as f64;
            let slot = Slot { at, ..Slot::default() };
            self.slots.push((slot, histogram(2), histogram(2)));
        }
        &mut self.slots[index]
    }

    pub(super) fn arrived(&mut self, at: Duration) {
        self.totals.arrived += 1;
        self.open += 1;
        self.totals.most_open = self.totals.most_open.max(self.open);
        self.slot(at).0.arrived += 1;
    }

    /// A person's visit ended.
    pub(super) fn left(&mut self, at: Duration, person: u32, outcome: Outcome) {
        self.open -= 1;
        let count = match outcome {
            Outcome::Accepted => &mut self.totals.accepted,
            Outcome::Refused => &mut self.totals.refused,
            Outcome::GaveUp => &mut self.totals.gave_up,
            Outcome::NoPage => &mut self.totals.no_page,
            Outcome::Abandoned => &mut self.totals.abandoned,
            Outcome::Unfinished => return,
        };
        *count += 1;
        if outcome == Outcome::Accepted {
            self.slot(at).0.accepted += 1;
        }
        if let Some(known) = self.outcomes.get_mut(person as usize) {
            *known = outcome;
        }
    }

    /// A request was sent.
    pub(super) fn asked(&mut self, at: Duration, is_post: bool, again: bool) {
        self.totals.requests += 1;
        self.totals.posts += u64::from(is_post);
        self.totals.retries += u64::from(is_post && again);
        self.slot(at).0.requests += 1;
    }

    /// `began` and `took` of something that ended well. Filed under when it began: slow ones belong to what made them slow.
    pub(super) fn timed(&mut self, what: Timed, began: Duration, took: Duration) {
        let took = microseconds(took);
        self.whole[what as usize].saturating_record(took);
        let (_, page, registration) = self.slot(began);
        match what {
            Timed::Page => page.saturating_record(took),
            Timed::Registration => registration.saturating_record(took),
            Timed::Asset | Timed::Answer => {}
        }
    }

    /// An answer came, by this protocol.
    pub(super) fn answered(&mut self, version: http::Version) {
        self.totals.http2 += u64::from(version == http::Version::HTTP_2);
    }

    pub(super) fn cached(&mut self, cache: Option<Cache>) {
        match cache {
            Some(Cache::Hit) => self.totals.cache_hits += 1,
            Some(Cache::Miss) => self.totals.cache_misses += 1,
            Some(Cache::Error) | None => {}
        }
    }

    pub(super) fn failed(&mut self, at: Duration, cause: Cause) {
        if cause == Cause::Status(503) {
            self.totals.shed += 1;
            self.slot(at).0.shed += 1;
        } else {
            self.slot(at).0.errors += 1;
        }
        *self.errors.entry(cause).or_default() += 1;
    }

    /// People on the site now.
    pub(super) fn present(&self) -> u64 {
        self.open
    }

    pub(super) fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Registrations accepted, slice by slice.
    pub(super) fn accepted_by_slot(&self) -> Vec<f64> {
        self.slots.iter().map(|(slot, ..)| slot.accepted as f64).collect()
    }

    /// Milliseconds of the newest slice in which somebody registered: the 99th percentile.
    pub(super) fn newest_p99(&self) -> Option<f64> {
        let newest = self
            .slots
            .iter()
            .rev()
            .find(|(_, _, registration)| !registration.is_empty());
        newest.map(|(_, _, registration)| registration.value_at_quantile(0.99) as f64 / 1000.0)
    }

    pub(super) fn errors_but_shed(&self) -> u64 {
        self.errors.values().sum::<u64>() - self.totals.shed
    }

    pub(super) fn finish(self, seconds: Duration) -> Measured {
        let [page, asset, answer, registration] = &self.whole;
        let slots = self.slots.into_iter().map(|(mut slot, page, registration)| {
            slot.page = Latencies::of(&page);
            slot.registration = Latencies::of(&registration);
            slot
        });
        Measured {
            seconds: seconds.as_secs_f64(),
            slot_seconds: self.slot.as_secs_f64(),
            page: Latencies::of(page),
            asset: Latencies::of(asset),
            answer: Latencies::of(answer),
            registration: Latencies::of(registration),
            errors: self
                .errors
                .iter()
                .map(|(cause, count)| (cause.text(), *count))
                .collect(),
            slots: slots.collect(),
            totals: self.totals,
            outcomes: self.outcomes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_slow_registration_is_filed_under_the_moment_in_which_it_began() {
        let mut recorder = Recorder::new(1, seconds(60));
        recorder.arrived(seconds(2));
        recorder.timed(Timed::Registration, seconds(2), seconds(8));
        recorder.left(seconds(10), 0, Outcome::Accepted);
        let measured = recorder.finish(seconds(10));
        assert!(measured.slots[2].registration.is_some() && measured.slots[10].registration.is_none());
        assert_eq!(measured.slots[10].accepted, 1);
        let whole = measured.registration.unwrap();
        assert!((7_900.0..8_100.0).contains(&whole.p50), "{whole:?}");
    }

    #[test]
    fn being_turned_away_is_counted_apart_from_errors() {
        let mut recorder = Recorder::new(1, seconds(1));
        recorder.failed(seconds(0), Cause::Status(503));
        recorder.failed(seconds(0), Cause::Status(502));
        recorder.failed(seconds(0), Cause::TimedOut);
        assert_eq!(recorder.errors_but_shed(), 2);
        let measured = recorder.finish(seconds(1));
        assert_eq!((measured.slots[0].shed, measured.slots[0].errors), (1, 2));
        assert_eq!(measured.errors["answer 502"], 1);
    }

    #[test]
    fn what_a_site_can_take_is_told_by_when_it_was_full() {
        let taken = |slots: &[(u64, u64)]| {
            let mut recorder = Recorder::new(1_000, seconds(60));
            for (second, (accepted, shed)) in slots.iter().enumerate() {
                let at = seconds(second as u64);
                (0..*shed).for_each(|_| recorder.failed(at, Cause::Status(503)));
                for _ in 0..*accepted {
                    recorder.arrived(at);
                    recorder.left(at, 0, Outcome::Accepted);
                }
            }
            recorder.finish(seconds(60)).taken()
        };
        // The first is not yet full, and the last is not any more.
        assert_eq!(
            taken(&[(5, 3), (30, 20), (34, 9), (33, 8), (12, 1), (70, 0)]),
            Some((30.0, true))
        );
        assert_eq!(taken(&[(5, 0), (30, 1), (34, 0)]), Some((34.0, false)));
        assert_eq!(taken(&[]), None);
    }

    #[test]
    fn the_edges_words_for_its_cache() {
        assert_eq!(Cache::of("Hit from cloudfront"), Cache::Hit);
        assert_eq!(Cache::of("RefreshHit from cloudfront"), Cache::Hit);
        assert_eq!(Cache::of("Miss from cloudfront"), Cache::Miss);
        assert_eq!(Cache::of("Error from cloudfront"), Cache::Error);
    }
}
