//! The engine on graphs of any shape, with resources that only write down what was done to them and when.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use proptest::prelude::*;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::*;

mod critical_path;
mod ending;
mod forecast;
mod handing_over;
mod steps;
mod waiting;

/// Names long-lived enough for outputs and ids.
const NAMES: &[&str] = &["a", "b", "c", "d", "e", "f", "g", "h"];

type Diary = Arc<Mutex<Vec<String>>>;

#[derive(Clone)]
struct Part {
    name: &'static str,
    needs: Vec<&'static str>,
    exists: bool,
    fails: bool,
    /// Goes in the middle of the first look at it.
    goes: Arc<AtomicBool>,
    diary: Diary,
}

impl Part {
    fn write(&self, what: &str) {
        self.diary.lock().unwrap().push(format!("{what} {}", self.name));
    }
}

impl Resource for Part {
    type Live = ();
    type Place = ();
    type Step = Never;
    type Clients = ();

    fn id(&self) -> ResourceId {
        self.name
    }

    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn title(&self) -> String {
        self.name.to_owned()
    }

    fn needs(&self) -> Vec<&'static str> {
        self.needs.clone()
    }

    fn gives(&self) -> Vec<&'static str> {
        vec![self.name]
    }

    fn limits(&self) -> Limits {
        Limits::minutes(1, 1)
    }

    async fn observe(&self, _: &ReadCx<()>) -> Result<Observed<()>, Error> {
        if self.goes.swap(false, Ordering::Relaxed) {
            return Err(Error::new(Kind::Missing, "it was there"));
        }
        Ok(if self.exists {
            Observed::Present {
                live: (),
                owner: Owner::Ours,
            }
        } else {
            Observed::Absent(())
        })
    }

    fn plan(&self, seen: &Observed<()>, _: &Values) -> Plan<Never> {
        if seen.live().is_some() {
            Plan::Keep
        } else {
            Plan::Create
        }
    }

    fn publish(&self, (): &(), values: &mut Values) {
        values.set(&Output::<()>::new(self.name), ());
    }

    async fn update(&self, _: &WriteCx<()>, (): (), steps: Vec<Never>) -> Result<(), Failure> {
        assert_eq!(steps, []);
        Ok(())
    }

    async fn create(&self, _: &WriteCx<()>, (): ()) -> Result<(), Failure> {
        self.write("begin");
        tokio::task::yield_now().await;
        if self.fails {
            return Err(Error::failed("as told").into());
        }
        self.write("end");
        Ok(())
    }

    async fn delete(&self, _: &WriteCx<()>, (): ()) -> Result<(), Failure> {
        self.write("begin");
        tokio::task::yield_now().await;
        if self.fails {
            return Err(Error::failed("as told").into());
        }
        self.write("end");
        Ok(())
    }
}

/// Writes nothing down.
struct NoJournal;

impl Journal for NoJournal {
    fn record(&self, _: Intent) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
}

/// Nobody is asked here.
struct NoGate;

impl Gate for NoGate {
    fn agree<'a>(&'a self, title: &'a str, _: &'a [FieldChange]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { Err(Error::failed(format!("{title} was not to ask"))) })
    }
}

fn run_of(settings: Settings, gate: impl Gate + 'static) -> Run<()> {
    Run {
        clients: Arc::new(()),
        read: ReadCx::new(Arc::new(()), settings),
        journal: Arc::new(NoJournal),
        gate: Arc::new(gate),
        usual: Arc::default(),
    }
}

struct Deaf;

impl Sink for Deaf {
    fn event(&self, _: Event) {}
}

fn settings() -> Settings {
    Settings {
        pace: Pace::AWS,
        events: Events::new(Deaf),
        stop: CancellationToken::new(),
        deadline: Instant::now() + Duration::from_secs(60),
        intents: Intents::default(),
        busy: Busy::default(),
    }
}

/// For each part, which earlier parts it needs (as bits), whether it is there already, and whether it fails.
fn shapes() -> impl Strategy<Value = Vec<(u8, bool, bool)>> {
    prop::collection::vec((any::<u8>(), any::<bool>(), prop::bool::weighted(0.15)), 1..NAMES.len())
}

fn parts(shape: &[(u8, bool, bool)], diary: &Diary) -> Vec<Part> {
    let part = |(place, (needs, exists, fails)): (usize, &(u8, bool, bool))| Part {
        name: NAMES[place],
        needs: (0..place)
            .filter(|earlier| needs & (1 << earlier) != 0)
            .map(|earlier| NAMES[earlier])
            .collect(),
        exists: *exists,
        fails: *fails,
        goes: Arc::default(),
        diary: diary.clone(),
    };
    shape.iter().enumerate().map(part).collect()
}

fn graph(parts: &[Part]) -> Graph<()> {
    // Given backwards, so that the order must be found.
    let nodes = parts
        .iter()
        .rev()
        .map(|part| Arc::new(part.clone()) as Arc<dyn Node<()>>);
    Graph::new(nodes.collect()).unwrap()
}

fn run(parts: &[Part], down_too: bool) -> (Report, Vec<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let graph = graph(parts);
    let report = runtime.block_on(async {
        let run = run_of(settings(), NoGate);
        let seen = graph.observe(&run.read).await.unwrap();
        if down_too {
            let removals: HashMap<_, _> = graph
                .plan_removal(&seen)
                .into_iter()
                .map(|step| (step.resource, step.removal))
                .collect();
            down(&graph, &seen, &removals, &run).await
        } else {
            up(&graph, &seen, &graph.plan(&seen), &run).await
        }
    });
    let diary = parts[0].diary.lock().unwrap().clone();
    (report, diary)
}

fn at(diary: &[String], what: &str, name: &str) -> Option<usize> {
    diary.iter().position(|line| *line == format!("{what} {name}"))
}

fn outcome<'a>(report: &'a Report, name: &str) -> &'a Outcome {
    &report.steps.iter().find(|step| step.resource == name).unwrap().outcome
}

proptest! {
    #[test]
    fn going_up_nothing_starts_before_what_it_needs_is_there_and_all_that_can_be_made_is(shape in shapes()) {
        let parts = parts(&shape, &Diary::default());
        let (report, diary) = run(&parts, false);
        for part in &parts {
            let there = |name: &str| {
                let needed = parts.iter().find(|other| other.name == name).unwrap();
                needed.exists || matches!(outcome(&report, name), Outcome::Done)
            };
            let possible = part.needs.iter().all(|need| there(need));
            match outcome(&report, part.name) {
                // One that exists waits for what it needs too: what that comes to may change it.
                Outcome::Unchanged => prop_assert!(part.exists && possible),
                Outcome::Done => prop_assert!(!part.exists && !part.fails && possible),
                Outcome::Failed(_) => prop_assert!(!part.exists && part.fails && possible),
                Outcome::Skipped { .. } => prop_assert!(!possible),
                Outcome::Stopped { .. } => prop_assert!(false, "nothing was stopped"),
            }
            if let Some(begun) = at(&diary, "begin", part.name) {
                for need in part.needs.iter().filter(|need| !parts.iter().any(|other| other.name == **need && other.exists)) {
                    prop_assert!(at(&diary, "end", need).is_some_and(|ended| ended < begun), "{need} and {}: {diary:?}", part.name);
                }
            }
        }
    }

    #[test]
    fn going_down_nothing_goes_while_it_is_in_use(shape in shapes()) {
        let parts = parts(&shape, &Diary::default());
        let (report, diary) = run(&parts, true);
        for part in &parts {
            let users = parts.iter().filter(|user| user.needs.contains(&part.name));
            if let Some(begun) = at(&diary, "begin", part.name) {
                for user in users.filter(|user| user.exists) {
                    prop_assert!(at(&diary, "end", user.name).is_some_and(|ended| ended < begun), "{} and {}: {diary:?}", user.name, part.name);
                }
            }
            let gone = matches!(outcome(&report, part.name), Outcome::Done | Outcome::Unchanged);
            prop_assert_eq!(gone, !part.exists || at(&diary, "end", part.name).is_some());
        }
    }
}

#[test]
fn what_goes_between_two_reads_of_one_look_is_absent() {
    let parts = parts(&[(0, false, false)], &Diary::default());
    parts[0].goes.store(true, Ordering::Relaxed);
    let (report, _) = run(&parts, false);
    assert!(matches!(outcome(&report, "a"), Outcome::Done), "it was not made again");
}

#[test]
fn resources_that_need_each_other_are_no_graph() {
    let diary = Diary::default();
    let part = |name, need| {
        Arc::new(Part {
            name,
            needs: vec![need],
            exists: false,
            fails: false,
            goes: Arc::default(),
            diary: diary.clone(),
        }) as Arc<dyn Node<()>>
    };
    let circle = Graph::new(vec![part("a", "b"), part("b", "a")]);
    assert!(circle.is_err_and(|error| error.message.contains("need each other")));
    assert!(Graph::new(vec![part("a", "z")]).is_err_and(|error| error.message.contains("nothing gives 'z'")));
}

#[test]
fn a_stopped_run_starts_nothing_more() {
    let parts = parts(&[(0, false, false)], &Diary::default());
    let graph = graph(&parts);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let report = runtime.block_on(async {
        let settings = settings();
        settings.stop.cancel();
        let run = run_of(settings, NoGate);
        let seen = graph.observe(&run.read).await.unwrap();
        up(&graph, &seen, &graph.plan(&seen), &run).await
    });
    assert!(report.stopped());
    assert_eq!(parts[0].diary.lock().unwrap().len(), 0);
}
