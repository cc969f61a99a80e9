//! How long a run is said to take still.

use super::handing_over::{Act, Actor, absent, cast, present};
use super::waiting::{Heard, seconds};
use super::*;
use crate::forecast::Remaining;

/// Hears what is expected and what happens; asked at any time.
#[derive(Clone, Default)]
struct Foreteller(Arc<Mutex<Forecast>>);

impl Sink for Foreteller {
    fn event(&self, event: Event) {
        self.0.lock().unwrap().hear(&event, Instant::now());
    }
}

impl Foreteller {
    fn left(&self) -> Option<f64> {
        self.0.lock().unwrap().run(Instant::now())
    }

    fn of(&self, resource: ResourceId) -> Option<Remaining> {
        self.0.lock().unwrap().of(resource, Instant::now())
    }
}

/// Of `name`: the whole step, and until it hands over an output.
fn usual(known: &[(&str, Action, Option<&str>, f64)]) -> Arc<Usual> {
    let mut usual = Usual::default();
    for (kind, action, until, seconds) in known {
        usual.set(kind, *action, *until, *seconds);
    }
    Arc::new(usual)
}

fn start(actors: &[Actor], usual: Arc<Usual>, down_too: bool) -> (Foreteller, tokio::task::JoinHandle<Report>) {
    let foreteller = Foreteller::default();
    let settings = Settings {
        events: Events::new(foreteller.clone()),
        ..Heard::new().settings()
    };
    let (graph, mut run) = (cast(actors), run_of(settings, NoGate));
    run.usual = usual;
    let going = tokio::spawn(async move {
        let seen = graph.observe(&run.read).await.unwrap();
        if down_too {
            let removals = graph.plan_removal(&seen).into_iter();
            let removals = removals.map(|step| (step.resource, step.removal)).collect();
            return down(&graph, &seen, &removals, &run).await;
        }
        let planned = graph.plan(&seen);
        up(&graph, &seen, &planned, &run).await
    });
    (foreteller, going)
}

fn site(launching: u64, deploying: u64) -> Vec<Actor> {
    let acts = [Act::Take(launching), Act::Give("origin"), Act::Take(240)];
    vec![
        Actor::new("environment", &[absent()], &acts).gives(&["origin"]),
        Actor::new("distribution", &[absent()], &[Act::Take(deploying)]).needs(&["origin"]),
    ]
}

fn usual_of_site() -> Arc<Usual> {
    usual(&[
        ("environment", Action::Create, None, 300.0),
        ("environment", Action::Create, Some("origin"), 60.0),
        ("distribution", Action::Create, None, 260.0),
    ])
}

#[tokio::test(start_paused = true)]
async fn what_waits_counts_from_when_it_is_given_what_it_needs() {
    let (foreteller, going) = start(&site(60, 260), usual_of_site(), false);
    tokio::time::sleep(seconds(20)).await;
    assert_eq!(foreteller.left().map(f64::round), Some(300.0));
    assert!(matches!(foreteller.of("environment"), Some(Remaining::About(left)) if left.round() == 280.0));
    // It did not begin.
    assert_eq!(foreteller.of("distribution"), None);
    tokio::time::sleep(seconds(50)).await;
    assert_eq!(foreteller.left().map(f64::round), Some(250.0));
    going.await.unwrap();
    assert_eq!(foreteller.left(), None);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_takes_longer_says_so_and_the_run_does_not_grow() {
    let (foreteller, going) = start(&site(200, 260), usual_of_site(), false);
    tokio::time::sleep(seconds(59)).await;
    let before = foreteller.left().unwrap();
    tokio::time::sleep(seconds(100)).await;
    assert_eq!(foreteller.left().map(f64::round), Some(260.0));
    assert!(foreteller.left().unwrap() <= before);
    tokio::time::sleep(seconds(200)).await;
    assert!(matches!(foreteller.of("environment"), Some(Remaining::Longer(more)) if more.round() == 59.0));
    going.abort();
}

#[tokio::test(start_paused = true)]
async fn going_down_a_giver_counts_from_when_it_is_released() {
    let acts = [Act::Take(30), Act::Release("origin"), Act::Take(100)];
    let distribution = Actor::new("distribution", &[present()], &acts).needs(&["origin"]);
    let environment = Actor::new("environment", &[present()], &[Act::Take(200)]).gives(&["origin"]);
    let known = usual(&[
        ("environment", Action::Delete, None, 200.0),
        ("distribution", Action::Delete, None, 130.0),
        ("distribution", Action::Delete, Some("origin"), 30.0),
    ]);
    let (foreteller, going) = start(&[environment, distribution], known, true);
    tokio::time::sleep(seconds(10)).await;
    assert_eq!(foreteller.left().map(f64::round), Some(220.0));
    going.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_goes_last_counts_from_the_end_of_all_others() {
    let application = Actor::new("application", &[present()], &[Act::Take(5)])
        .gives(&["application"])
        .last();
    let environment = Actor::new("environment", &[present()], &[Act::Take(100)]).needs(&["application"]);
    let distribution = Actor::new("distribution", &[present()], &[Act::Take(300)]);
    let known = usual(&[
        ("application", Action::Delete, None, 5.0),
        ("environment", Action::Delete, None, 100.0),
        ("distribution", Action::Delete, None, 300.0),
    ]);
    let (foreteller, going) = start(&[application, environment, distribution], known, true);
    tokio::time::sleep(seconds(10)).await;
    assert_eq!(foreteller.left().map(f64::round), Some(295.0));
    going.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nothing_is_said_where_nobody_knows() {
    let (foreteller, going) = start(&site(60, 260), Arc::default(), false);
    tokio::time::sleep(seconds(20)).await;
    assert_eq!((foreteller.left(), foreteller.of("environment")), (None, None));
    going.abort();
}

#[tokio::test(start_paused = true)]
async fn what_a_run_took_is_what_the_next_one_expects_whatever_the_pace() {
    let report = super::handing_over::go_up(&site(90, 100), Heard::new().settings()).await;
    let pace = Pace {
        speed: 2.0,
        ..Pace::AWS
    };
    let mut took = Usual::of(&report, pace);
    took.sort_by(|(one, _), (other, _)| format!("{one:?}").cmp(&format!("{other:?}")));
    let seconds = took
        .iter()
        .map(|((kind, _, until), took)| (kind.as_str(), until.as_deref(), took.round()));
    let wanted = [
        ("distribution", None, 200.0),
        ("environment", None, 660.0),
        ("environment", Some("origin"), 180.0),
    ];
    assert_eq!(seconds.collect::<Vec<_>>(), wanted);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn it_never_grows_whatever_the_steps_take(
        took in (1u64..200, 1u64..400),
        usually in (1f64..200.0, 1f64..400.0, 1f64..400.0),
    ) {
        let paused = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        paused.block_on(async {
            let known = usual(&[
                ("environment", Action::Create, Some("origin"), usually.0),
                ("environment", Action::Create, None, usually.1),
                ("distribution", Action::Create, None, usually.2),
            ]);
            let (foreteller, going) = start(&site(took.0, took.1), known, false);
            tokio::time::sleep(seconds(1)).await;
            let mut last = f64::INFINITY;
            while !going.is_finished() {
                let left = foreteller.left().unwrap_or_default();
                assert!(left <= last, "{left} after {last}");
                last = left;
                tokio::time::sleep(seconds(7)).await;
            }
        });
    }
}
