//! The waits of a step, on a paused clock: it jumps to whatever happens next, so nothing here takes real time.

use std::collections::VecDeque;

use super::*;
use crate::executor::Shared;
use crate::making::Making;

const HOUR: Duration = Duration::from_secs(3600);

pub(super) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Whatever is told, each with the second in which it was.
#[derive(Clone)]
pub(super) struct Heard {
    pub(super) began: Instant,
    told: Arc<Mutex<Vec<(u64, String)>>>,
}

impl Heard {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            told: Arc::default(),
        }
    }

    /// For a run of an hour.
    pub(super) fn settings(&self) -> Settings {
        Settings {
            events: Events::new(self.clone()),
            deadline: self.began + HOUR,
            ..settings()
        }
    }

    pub(super) fn told(&self) -> Vec<(u64, String)> {
        self.told.lock().unwrap().clone()
    }

    pub(super) fn texts(&self) -> Vec<String> {
        self.told().into_iter().map(|(_, text)| text).collect()
    }
}

impl Sink for Heard {
    fn event(&self, event: Event) {
        let text = match event {
            Event::Started { resource, .. } => format!("{resource} starts"),
            Event::Progress { resource, text } => format!("{resource}: {text}"),
            Event::Done { resource, seconds, .. } => format!("{resource} took {seconds} s"),
            Event::Failed { resource, error, .. } => format!("{resource} failed: {error}"),
            Event::Skipped { resource, because, .. } => format!("{resource} needs {because}"),
            Event::Stopped { resource, .. } => format!("{resource} is stopped"),
            Event::Unforeseen { resource, .. } => format!("{resource} asks"),
            Event::Notice { text, .. } => text,
            Event::Expected { .. } => return,
        };
        self.told.lock().unwrap().push((self.began.elapsed().as_secs(), text));
    }
}

pub(super) fn step_of(settings: Settings) -> WriteCx<()> {
    let run = run_of(settings, NoGate);
    WriteCx {
        resource: "a",
        kind: "a",
        clients: run.clients,
        read: run.read,
        journal: run.journal,
        shared: Arc::new(Shared::new(Values::default())),
        making: Making::default(),
    }
}

/// Asked every 5 s, warned of after 1 minute, given up after 3.
fn table_wait() -> Wait {
    Wait::new("the table to become ACTIVE", 5, Limits::minutes(1, 3))
}

/// Answers what comes next, and its last answer for ever; counts how often it was asked.
struct Answers<T> {
    next: VecDeque<fn() -> Poll<T>>,
    asked: u32,
}

impl<T> Answers<T> {
    fn new(answers: &[fn() -> Poll<T>]) -> Self {
        Self {
            next: answers.iter().copied().collect(),
            asked: 0,
        }
    }

    fn answer(&mut self) -> Poll<T> {
        self.asked += 1;
        match self.next.len() {
            1 => self.next[0](),
            _ => self.next.pop_front().unwrap()(),
        }
    }
}

fn creating<T>() -> Poll<T> {
    Poll::NotYet("CREATING".to_owned())
}

fn throttled<T>() -> Poll<T> {
    Poll::Unknown(Error::new(Kind::Unreachable, "Rate exceeded"))
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_given_up_at_its_limit_and_says_what_was_seen_last() {
    let heard = Heard::new();
    let cx = step_of(heard.settings());
    let error = cx.wait(&table_wait(), async || creating::<()>()).await.unwrap_err();
    assert_eq!(heard.began.elapsed(), seconds(180));
    assert_eq!(error.kind, Kind::Deadline);
    assert!(error.message.contains("the table to become ACTIVE"), "{error}");
    assert_eq!(error.causes, ["last seen: CREATING"]);
    assert!(error.hint.is_some(), "nobody is told how to go on");
}

#[tokio::test(start_paused = true)]
async fn no_wait_lasts_longer_than_the_run() {
    let heard = Heard::new();
    let settings = Settings {
        deadline: heard.began + seconds(30),
        ..heard.settings()
    };
    let cx = step_of(settings);
    for wait in [table_wait(), table_wait().to_the_end()] {
        let error = cx.wait(&wait, async || creating::<()>()).await.unwrap_err();
        // The second one has no time left.
        assert_eq!(heard.began.elapsed(), seconds(30));
        assert_eq!(error.kind, Kind::Deadline);
    }
    assert_eq!(cx.check().unwrap_err().kind, Kind::Deadline);
}

#[tokio::test(start_paused = true)]
async fn what_is_ready_when_the_limit_is_reached_was_in_time() {
    let heard = Heard::new();
    let cx = step_of(heard.settings());
    let at_the_end = async || match heard.began.elapsed() >= seconds(180) {
        true => Poll::Ready("ACTIVE"),
        false => creating(),
    };
    assert_eq!(cx.wait(&table_wait(), at_the_end).await, Ok("ACTIVE"));
}

#[tokio::test(start_paused = true)]
async fn good_reads_count_only_in_a_row() {
    let mut answers = Answers::new(&[
        || Poll::Ready(1),
        || Poll::Ready(2),
        creating,
        || Poll::Ready(3),
        throttled,
        || Poll::Ready(4),
        || Poll::Ready(5),
        || Poll::Ready(6),
    ]);
    let cx = step_of(Heard::new().settings());
    let wait = table_wait().good_reads(3);
    let answer = cx.wait(&wait, || std::future::ready(answers.answer())).await;
    assert_eq!((answer, answers.asked), (Ok(6), 8));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_takes_longer_than_usual_is_warned_of_once() {
    let heard = Heard::new();
    let cx = step_of(heard.settings());
    let late = async || match heard.began.elapsed() > seconds(170) {
        true => Poll::Ready(()),
        false => Poll::NotYet(String::new()),
    };
    cx.wait(&table_wait(), late).await.unwrap();
    let told = heard.told();
    let [(at, warning)] = &told[..] else {
        panic!("it is told {told:?}");
    };
    // With the first read after a minute, which is 6 s later at most.
    assert!((60..=66).contains(at), "{told:?}");
    let said = format!("a: waiting for the table to become ACTIVE takes longer than usual ({at} s so far)");
    assert_eq!(*warning, said);
}

#[tokio::test(start_paused = true)]
async fn what_a_wait_sees_is_told_where_it_changes() {
    let heard = Heard::new();
    let cx = step_of(heard.settings());
    let updating = || Poll::NotYet("UPDATING".to_owned());
    let mut answers = Answers::new(&[
        creating,
        creating,
        throttled,
        creating,
        || Poll::NotYet(String::new()),
        updating,
        updating,
        || Poll::Ready(()),
    ]);
    let answer = cx.wait(&table_wait(), || std::future::ready(answers.answer())).await;
    assert_eq!(answer, Ok(()));
    assert_eq!(heard.texts(), ["a: CREATING", "a: UPDATING"]);
}

#[tokio::test(start_paused = true)]
async fn no_answer_never_decides_a_wait() {
    let cx = step_of(Heard::new().settings());
    let mut answers = Answers::new(&[throttled, throttled, throttled, || Poll::Ready("ACTIVE")]);
    let answer = cx.wait(&table_wait(), || std::future::ready(answers.answer())).await;
    assert_eq!((answer, answers.asked), (Ok("ACTIVE"), 4));
    let began = Instant::now();
    let never = cx.wait(&table_wait(), async || throttled::<()>()).await.unwrap_err();
    assert_eq!((never.kind, began.elapsed()), (Kind::Deadline, seconds(180)));
    assert_eq!(never.causes, ["last seen: Rate exceeded"]);
}

#[tokio::test(start_paused = true)]
async fn what_will_never_be_ends_a_wait_at_once() {
    let heard = Heard::new();
    let cx = step_of(heard.settings());
    let gone = || Poll::Failed(Error::failed("the table is gone"));
    let first = cx.wait(&table_wait(), async || gone() as Poll<()>).await;
    assert_eq!(first, Err(Error::failed("the table is gone")));
    assert_eq!(heard.began.elapsed(), Duration::ZERO);
    // Also where it looked good before.
    let mut answers = Answers::new(&[|| Poll::Ready(()), || Poll::Failed(Error::failed("the table is gone"))]);
    let wait = table_wait().good_reads(2);
    let later = cx.wait(&wait, || std::future::ready(answers.answer())).await;
    assert_eq!((later, answers.asked), (first, 2));
}

/// The moments at which a wait asks.
async fn asked(cx: &WriteCx<()>, wait: &Wait) -> Vec<Instant> {
    let mut moments = Vec::new();
    let never = cx.wait(wait, || {
        moments.push(Instant::now());
        std::future::ready(creating::<()>())
    });
    never.await.unwrap_err();
    // The last pause is cut short by the limit.
    moments.pop();
    moments
}

fn gaps(moments: &[Instant]) -> Vec<Duration> {
    moments.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[tokio::test(start_paused = true)]
async fn waits_ask_up_to_a_fifth_sooner_or_later_and_not_in_step() {
    let cx = step_of(Heard::new().settings());
    let wait = Wait::new("a certificate", 10, Limits::minutes(30, 30));
    let gaps = gaps(&asked(&cx, &wait).await);
    assert!(gaps.len() > 100, "{gaps:?}");
    // Timers round up to a millisecond.
    let bounds = seconds(8)..=Duration::from_millis(12_001);
    assert!(gaps.iter().all(|gap| bounds.contains(gap)), "{gaps:?}");
    assert!(gaps.iter().any(|gap| *gap < seconds(9)), "{gaps:?}");
    assert!(gaps.iter().any(|gap| *gap > seconds(11)), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn where_the_other_side_is_faster_waits_are_shorter_but_never_asks_in_a_rush() {
    let heard = Heard::new();
    let pace = Pace {
        speed: 60.0,
        ..Pace::AWS
    };
    let cx = step_of(Settings {
        pace,
        ..heard.settings()
    });
    let moments = asked(&cx, &table_wait()).await;
    // 3 minutes are 3 s there, and 5 s would be 83 ms.
    assert_eq!(heard.began.elapsed(), seconds(3));
    let shortest = pace.shortest_interval.mul_f64(0.8);
    assert!(gaps(&moments).iter().all(|gap| *gap >= shortest), "{moments:?}");
}

/// Stops the run in so many seconds.
pub(super) fn stop_in(settings: &Settings, pause: Duration) {
    let stop = settings.stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(pause).await;
        stop.cancel();
    });
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_a_wait_between_two_reads() {
    let heard = Heard::new();
    let settings = heard.settings();
    stop_in(&settings, seconds(7));
    let cx = step_of(settings);
    let mut answers = Answers::<()>::new(&[creating]);
    let wait = Wait::new("a distribution", 60, Limits::minutes(20, 30));
    let stopped = cx.wait(&wait, || std::future::ready(answers.answer())).await;
    assert_eq!(stopped.unwrap_err().kind, Kind::Stopped);
    assert_eq!((heard.began.elapsed(), answers.asked), (seconds(7), 1));
    assert_eq!(cx.check().unwrap_err().kind, Kind::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_completes_a_change_is_not_ended_by_a_stop() {
    let heard = Heard::new();
    let settings = heard.settings();
    stop_in(&settings, seconds(7));
    let cx = step_of(settings);
    let mut answers = Answers::new(&[creating, creating, || Poll::Ready("Deployed")]);
    let wait = Wait::new("a distribution", 60, Limits::minutes(20, 30)).to_the_end();
    let answer = cx.wait(&wait, || std::future::ready(answers.answer())).await;
    assert_eq!(answer, Ok("Deployed"));
    assert!(cx.settings().stop.is_cancelled() && heard.began.elapsed() > seconds(90));
}

#[tokio::test(start_paused = true)]
async fn a_fixed_pause_is_as_long_as_told_and_ends_with_a_stop() {
    let heard = Heard::new();
    let settings = heard.settings();
    stop_in(&settings, seconds(25));
    let cx = step_of(settings);
    assert_eq!(cx.pause(seconds(10)).await, Ok(()));
    assert_eq!(heard.began.elapsed(), seconds(10));
    assert_eq!(cx.pause(HOUR).await.unwrap_err().kind, Kind::Stopped);
    assert_eq!(heard.began.elapsed(), seconds(25));
}

#[tokio::test(start_paused = true)]
async fn what_takes_long_is_asked_for_seldom_at_first_and_oftener_as_its_time_comes() {
    let asked = Mutex::new(Vec::new());
    let began = Instant::now();
    let step = step_of(Heard::new().settings());
    let wait = Wait::new("CloudFront to deploy it", 5, Limits::minutes(20, 45)).usually(200);
    let deployed = step.wait(&wait, || async {
        asked.lock().unwrap().push(began.elapsed().as_secs());
        match began.elapsed() < seconds(240) {
            true => Poll::NotYet("InProgress".to_owned()),
            false => Poll::Ready(()),
        }
    });
    deployed.await.unwrap();
    let asked = asked.into_inner().unwrap();
    // 240 s in steps of 5 would be 48.
    assert!(asked.len() < 26, "{asked:?}");
    assert!(asked[1] >= 40, "{asked:?}");
    // Never more than the step's own interval late.
    assert!(began.elapsed() <= seconds(240 + 6), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn all_waits_of_a_run_slow_down_where_one_is_turned_away_and_recover() {
    let settings = Heard::new().settings();
    let (turned_away, other) = (step_of(settings.clone()), step_of(settings));
    let throttled = || Poll::<()>::Unknown(Error::new(Kind::Unreachable, "Rate exceeded"));
    let limits = Limits::minutes(1, 3);
    let busy = tokio::spawn(async move {
        let wait = Wait::new("the table", 5, limits);
        turned_away.wait(&wait, || async { throttled() }).await
    });
    tokio::time::sleep(seconds(60)).await;
    let asked = Mutex::new(Vec::new());
    let began = Instant::now();
    let wait = Wait::new("the environment", 5, Limits::minutes(20, 45));
    let ready = other.wait(&wait, || async {
        asked.lock().unwrap().push(began.elapsed().as_secs());
        match began.elapsed() < seconds(600) {
            true => Poll::NotYet(String::new()),
            false => Poll::Ready(()),
        }
    });
    ready.await.unwrap();
    assert_eq!(busy.await.unwrap().unwrap_err().kind, Kind::Deadline);
    let asked = asked.into_inner().unwrap();
    let pauses: Vec<_> = asked.windows(2).map(|two| two[1] - two[0]).collect();
    assert!(pauses[0] >= 30, "eight times as seldom: {pauses:?}");
    assert!(
        pauses.last().is_some_and(|last| *last <= 6),
        "as often as ever: {pauses:?}"
    );
}
