//! How steps end that do not end well, on a paused clock: what exists then is told, and nothing is waited for that never comes.

use super::waiting::{Heard, seconds, stop_in};
use super::*;

/// What becomes of asking AWS to make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// It is made, and a read after that is denied.
    Made,
    Refused,
    /// The answer is lost on its way.
    Lost,
    /// No answer ever comes.
    Held,
    /// It is made and gone again.
    GoneAgain,
    /// A change that must not be left half made is waited for, for half a minute.
    ToTheEnd,
}

/// What a look finds after the step.
#[derive(Debug, Clone)]
enum Then {
    Ours,
    Theirs,
    Nothing,
    Denied,
    Held,
}

#[derive(Clone)]
struct Site {
    asked: Asked,
    then: Then,
    /// Whether it was looked at before.
    planned: Arc<AtomicBool>,
}

impl Resource for Site {
    type Live = ();
    type Place = ();
    type Step = FieldChange;
    type Clients = ();

    fn id(&self) -> ResourceId {
        "site"
    }

    fn name(&self) -> String {
        "site".to_owned()
    }

    fn title(&self) -> String {
        "site".to_owned()
    }

    fn needs(&self) -> Vec<&'static str> {
        vec![]
    }

    fn gives(&self) -> Vec<&'static str> {
        vec![]
    }

    fn limits(&self) -> Limits {
        Limits::minutes(1, 3)
    }

    fn costs(&self) -> Option<String> {
        Some("site with its instances".to_owned())
    }

    async fn observe(&self, _: &ReadCx<()>) -> Result<Observed<()>, Error> {
        if !self.planned.swap(true, Ordering::Relaxed) {
            return Ok(Observed::Absent(()));
        }
        let owned_by = |owner| Ok(Observed::Present { live: (), owner });
        match self.then {
            Then::Ours => owned_by(Owner::Ours),
            Then::Theirs => owned_by(Owner::OtherStack("two".to_owned())),
            Then::Nothing => Ok(Observed::Absent(())),
            Then::Denied => Err(Error::new(Kind::Denied, "may not look")),
            Then::Held => std::future::pending().await,
        }
    }

    fn plan(&self, seen: &Observed<()>, _: &Values) -> Plan<FieldChange> {
        let step = || FieldChange::new("launch", "failed".to_owned(), "launched again".to_owned());
        seen.live().map_or(Plan::Create, |_| Plan::Update(vec![step()]))
    }

    fn publish(&self, (): &(), _: &mut Values) {}

    async fn create(&self, cx: &WriteCx<()>, (): ()) -> Result<(), Failure> {
        cx.making();
        match self.asked {
            Asked::Made => {
                cx.made();
                Err(Error::new(Kind::Denied, "may not read its alarms").into())
            }
            Asked::Refused => {
                cx.not_made();
                Err(Error::new(Kind::Denied, "may not make it").into())
            }
            Asked::Lost => Err(Error::new(Kind::Unreachable, "connection reset by peer").into()),
            Asked::Held => std::future::pending().await,
            Asked::GoneAgain => {
                cx.made();
                cx.gone();
                Err(Error::failed("its launch failed").into())
            }
            Asked::ToTheEnd => {
                cx.made();
                let began = Instant::now();
                let wait = Wait::new("its tags", 5, Limits::minutes(1, 3)).to_the_end();
                let tagged = || async move {
                    match began.elapsed() > seconds(30) {
                        true => Poll::Ready(()),
                        false => Poll::NotYet(String::new()),
                    }
                };
                Ok(cx.wait(&wait, tagged).await?)
            }
        }
    }

    /// Taken down, and asked for again.
    async fn update(&self, cx: &WriteCx<()>, (): (), _: Vec<FieldChange>) -> Result<(), Failure> {
        cx.gone();
        self.create(cx, ()).await
    }

    async fn delete(&self, _: &WriteCx<()>, (): ()) -> Result<(), Failure> {
        std::future::pending().await
    }
}

fn site(asked: Asked, then: Then) -> Graph<()> {
    let site = Site {
        asked,
        then,
        planned: Arc::default(),
    };
    Graph::new(vec![Arc::new(site) as Arc<dyn Node<()>>]).unwrap()
}

async fn gone_up(asked: Asked, then: Then, settings: Settings) -> Report {
    let (graph, run) = (site(asked, then), run_of(settings, NoGate));
    let seen = graph.observe(&run.read).await.unwrap();
    up(&graph, &seen, &graph.plan(&seen), &run).await
}

fn left_behind(report: &Report) -> Option<&str> {
    report.steps[0].left_behind.first().map(|left| {
        assert!(left.costs);
        left.what.as_str()
    })
}

#[tokio::test(start_paused = true)]
async fn what_a_step_made_before_it_failed_is_told_whatever_it_failed_with() {
    let exists = Some("site with its instances");
    let perhaps = Some("site with its instances, if AWS made it: its answer was lost");
    for (asked, then, left) in [
        (Asked::Made, Then::Denied, exists),
        (Asked::Refused, Then::Nothing, None),
        (Asked::GoneAgain, Then::Nothing, None),
        // Where nobody knows, AWS is asked once more.
        (Asked::Lost, Then::Ours, exists),
        (Asked::Lost, Then::Nothing, None),
        (Asked::Lost, Then::Theirs, None),
        (Asked::Lost, Then::Denied, perhaps),
        (Asked::Lost, Then::Held, perhaps),
    ] {
        let report = gone_up(asked, then.clone(), Heard::new().settings()).await;
        assert_eq!(left_behind(&report), left, "{asked:?}, {then:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_down_to_be_made_again_is_told_only_if_it_was() {
    for (asked, left) in [(Asked::Refused, None), (Asked::Made, Some("site with its instances"))] {
        let (graph, run) = (site(asked, Then::Ours), run_of(Heard::new().settings(), NoGate));
        graph.observe(&run.read).await.unwrap();
        let seen = graph.observe(&run.read).await.unwrap();
        let report = up(&graph, &seen, &graph.plan(&seen), &run).await;
        assert_eq!(report.failures().count(), 1);
        assert_eq!(left_behind(&report), left, "{asked:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_without_an_answer_is_left_soon_after_a_stop_and_what_it_may_have_made_is_told() {
    let heard = Heard::new();
    let settings = heard.settings();
    stop_in(&settings, seconds(60));
    let report = gone_up(Asked::Held, Then::Ours, settings).await;
    assert!(report.stopped());
    assert_eq!(heard.began.elapsed(), seconds(60) + GRACE);
    assert_eq!(left_behind(&report), Some("site with its instances"));
}

#[tokio::test(start_paused = true)]
async fn a_step_without_an_answer_is_left_soon_after_the_deadline() {
    let heard = Heard::new();
    let settings = Settings {
        deadline: heard.began + seconds(60),
        ..heard.settings()
    };
    let report = gone_up(Asked::Held, Then::Nothing, settings.clone()).await;
    assert_eq!(heard.began.elapsed(), seconds(60) + GRACE);
    assert_eq!(report.failures().next().unwrap().error.kind, Kind::Deadline);

    let (graph, run) = (site(Asked::Held, Then::Ours), run_of(heard.settings(), NoGate));
    let settings = run.read.settings().clone();
    graph.observe(&run.read).await.unwrap();
    let seen = graph.observe(&run.read).await.unwrap();
    stop_in(&settings, seconds(5));
    let removals = HashMap::from([("site", Removal::Delete { loses: None })]);
    let report = down(&graph, &seen, &removals, &run).await;
    assert!(report.stopped());
    assert_eq!(left_behind(&report), Some("site with its instances"));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_must_not_be_left_half_made_is_not_left() {
    let heard = Heard::new();
    let settings = heard.settings();
    stop_in(&settings, seconds(5));
    let report = gone_up(Asked::ToTheEnd, Then::Ours, settings).await;
    assert!(matches!(report.steps[0].outcome, Outcome::Done), "{report:?}");
    assert!(heard.began.elapsed() > seconds(30));
}

#[tokio::test(start_paused = true)]
async fn a_denial_is_an_answer_also_where_a_wait_takes_it_for_none() {
    let heard = Heard::new();
    let (run, denied) = (
        run_of(heard.settings(), NoGate),
        Error::new(Kind::Denied, "not allowed"),
    );
    let cx = waiting::step_of(run.read.settings().clone());
    let wait = Wait::new("a role to show", 2, Limits::minutes(1, 2));
    let answer = cx.wait(&wait, async || Poll::<()>::Unknown(denied.clone())).await;
    assert_eq!(answer, Err(denied.clone()));
    assert_eq!(heard.began.elapsed(), Duration::ZERO);
}
