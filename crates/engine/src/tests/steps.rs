//! What is done is what was shown, or what somebody agreed to: for any graph, any plan, and whatever shows only later.

use std::sync::atomic::AtomicU32;

use super::*;

/// A thing that exists, and what would have to be changed of it.
#[derive(Clone)]
struct Thing {
    name: &'static str,
    needs: Vec<&'static str>,
    /// Shown at once.
    plain: Vec<bool>,
    /// Comes to light when it rests, felt or not.
    hidden: Vec<bool>,
    /// One of its steps says what it comes to only when its first need is known.
    awaits: bool,
    /// In transition when it is looked at first.
    settles: bool,
    looks: Arc<AtomicU32>,
    taken: Arc<Mutex<Vec<FieldChange>>>,
}

fn field(name: String, felt: bool) -> FieldChange {
    let effect = if felt { Effect::Interrupt } else { Effect::None };
    FieldChange::new(name, "old".to_owned(), "new".to_owned()).effect(effect)
}

impl Thing {
    fn steps(&self, rests: bool, known: &Values) -> Vec<FieldChange> {
        let of = |kind: &str, felt: &[bool]| -> Vec<FieldChange> {
            let fields = felt.iter().enumerate();
            fields.map(|(n, felt)| field(format!("{kind}-{n}"), *felt)).collect()
        };
        let mut steps = of("plain", &self.plain);
        if rests {
            steps.extend(of("hidden", &self.hidden));
        }
        if let (true, Some(need)) = (self.awaits, self.needs.first()) {
            steps.push(match known.get(&Output::<String>::new(need)) {
                Some(value) => FieldChange::new("awaits", "old".to_owned(), value),
                None => FieldChange::awaiting("awaits", "old".to_owned(), need),
            });
        }
        steps
    }
}

impl Resource for Thing {
    /// Whether it rests.
    type Live = bool;
    type Place = ();
    type Step = FieldChange;
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

    async fn observe(&self, _: &ReadCx<()>) -> Result<Observed<bool>, Error> {
        let owner = Owner::Ours;
        if self.settles && self.looks.fetch_add(1, Ordering::Relaxed) == 0 {
            let what = "on its way".to_owned();
            return Ok(Observed::Settling {
                live: false,
                owner,
                what,
            });
        }
        Ok(Observed::Present { live: true, owner })
    }

    fn plan(&self, seen: &Observed<bool>, known: &Values) -> Plan<FieldChange> {
        let rests = seen.live().is_some_and(|(rests, _)| *rests);
        Plan::of(self.steps(rests && self.settles, known))
    }

    /// What is about to change gives its value only when it has.
    fn publish(&self, _: &bool, values: &mut Values) {
        if self.steps(true, values).is_empty() {
            values.set(&Output::<String>::new(self.name), format!("of {}", self.name));
        }
    }

    async fn create(&self, _: &WriteCx<()>, (): ()) -> Result<bool, Failure> {
        Err(Error::failed("all of them exist").into())
    }

    async fn update(&self, cx: &WriteCx<()>, live: bool, steps: Vec<FieldChange>) -> Result<bool, Failure> {
        tokio::task::yield_now().await;
        self.taken.lock().unwrap().extend(steps);
        cx.publish(&Output::<String>::new(self.name), format!("of {}", self.name));
        Ok(live)
    }

    async fn delete(&self, _: &WriteCx<()>, _: bool) -> Result<(), Failure> {
        Ok(())
    }
}

/// Agrees to what nobody feels, as `--yes` does, and remembers to what.
#[derive(Clone, Default)]
struct Lenient(Arc<Mutex<Vec<(String, FieldChange)>>>);

impl Gate for Lenient {
    fn agree<'a>(&'a self, title: &'a str, unseen: &'a [FieldChange]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            if is_felt(unseen) {
                return Err(Error::new(Kind::Unforeseen, title));
            }
            let agreed = unseen.iter().map(|field| (title.to_owned(), field.clone()));
            self.0.lock().unwrap().extend(agreed);
            Ok(())
        })
    }
}

#[derive(Debug, Clone)]
struct Shape {
    needs: u8,
    plain: Vec<bool>,
    hidden: Vec<bool>,
    awaits: bool,
    settles: bool,
}

fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    let some = || prop::collection::vec(any::<bool>(), 0..3);
    let shape = (any::<u8>(), some(), some(), any::<bool>(), any::<bool>()).prop_map(
        |(needs, plain, hidden, awaits, settles)| Shape {
            needs,
            plain,
            hidden,
            awaits,
            settles,
        },
    );
    prop::collection::vec(shape, 1..NAMES.len())
}

fn things(shapes: &[Shape]) -> Vec<Thing> {
    let thing = |(place, shape): (usize, &Shape)| Thing {
        name: NAMES[place],
        needs: (0..place)
            .filter(|earlier| shape.needs & (1 << earlier) != 0)
            .map(|earlier| NAMES[earlier])
            .collect(),
        plain: shape.plain.clone(),
        hidden: shape.hidden.clone(),
        awaits: shape.awaits,
        settles: shape.settles,
        looks: Arc::default(),
        taken: Arc::default(),
    };
    shapes.iter().enumerate().map(thing).collect()
}

/// The plan that was shown, how it ended, and what was agreed to on the way.
fn go(things: &[Thing]) -> (Vec<Planned>, Report, Vec<(String, FieldChange)>) {
    let nodes = things.iter().map(|thing| Arc::new(thing.clone()) as Arc<dyn Node<()>>);
    let graph = Graph::new(nodes.collect()).unwrap();
    let gate = Lenient::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (planned, report) = runtime.block_on(async {
        // AWS's minutes are nothing here.
        let pace = Pace {
            speed: 1e9,
            shortest_interval: Duration::ZERO,
            shortest_limit: Duration::from_secs(60),
        };
        let run = run_of(Settings { pace, ..settings() }, gate.clone());
        let seen = graph.observe(&run.read).await.unwrap();
        let planned = graph.plan(&seen);
        let report = up(&graph, &seen, &planned, &run).await;
        (planned, report)
    });
    let agreed = gate.0.lock().unwrap().clone();
    (planned, report, agreed)
}

proptest! {
    #[test]
    fn what_is_done_was_shown_or_agreed_to(shapes in shapes()) {
        let things = things(&shapes);
        let (planned, report, agreed) = go(&things);
        for thing in &things {
            let shown = planned.iter().find(|plan| plan.resource == thing.name).unwrap().change.fields();
            let taken = thing.taken.lock().unwrap().clone();
            for field in &taken {
                let was_shown = shown.iter().any(|shown| field.was_shown_as(shown));
                let was_agreed = agreed.iter().any(|(title, agreed)| title == thing.name && agreed == field);
                prop_assert!(was_shown || was_agreed, "{} of {}", field.field, thing.name);
                prop_assert!(field.awaits.is_none(), "{} was not filled in", field.field);
            }
            let outcome = outcome(&report, thing.name);
            if matches!(outcome, Outcome::Done) {
                for field in shown {
                    prop_assert!(taken.iter().any(|taken| taken.was_shown_as(field)), "{} was left out", field.field);
                }
            }
            let refused = matches!(outcome, Outcome::Failed(failure) if failure.error.kind == Kind::Unforeseen);
            let felt_later = thing.settles && thing.hidden.contains(&true);
            prop_assert!(!refused || felt_later, "{} was asked for nothing", thing.name);
            prop_assert!(!felt_later || taken.is_empty(), "{} was changed though nobody agreed", thing.name);
        }
    }
}

/// One that rests in between, with what then comes to light.
fn settling(hidden: &[bool]) -> Thing {
    let shape = Shape {
        needs: 0,
        plain: vec![false],
        hidden: hidden.to_vec(),
        awaits: false,
        settles: true,
    };
    things(&[shape]).remove(0)
}

#[test]
fn what_comes_to_light_and_is_felt_ends_the_run_and_nothing_of_it_is_done() {
    let thing = settling(&[true]);
    let (planned, report, _) = go(std::slice::from_ref(&thing));
    assert_eq!(planned[0].change.fields().len(), 1);
    let failure = report.failures().next().unwrap();
    assert_eq!(failure.error.kind, Kind::Unforeseen);
    assert_eq!(*thing.taken.lock().unwrap(), []);
}

#[test]
fn what_comes_to_light_and_nobody_feels_is_agreed_to_and_done() {
    let thing = settling(&[false]);
    let (_, report, agreed) = go(std::slice::from_ref(&thing));
    assert!(matches!(outcome(&report, "a"), Outcome::Done));
    assert_eq!(agreed.len(), 1);
    assert_eq!(thing.taken.lock().unwrap().len(), 2);
}

#[test]
fn what_was_followed_is_no_measure_of_how_long_such_a_step_takes() {
    let measured = |thing: &Thing| Usual::of(&go(std::slice::from_ref(thing)).1, Pace::AWS).len();
    let mut thing = settling(&[false]);
    assert_eq!(measured(&thing), 0);
    thing.settles = false;
    assert_eq!(measured(&thing), 1);
}

#[test]
fn less_than_was_shown_and_what_passes_by_itself_is_nothing_new() {
    let update = |fields: &[&str]| {
        let steps = fields.iter().map(|name| field((*name).to_owned(), false));
        change_of(Plan::of(steps.collect()))
    };
    let (create, keep, used) = (change_of(Plan::Create), change_of(Plan::Keep), change_of(Plan::Use));
    let agreed = update(&["one", "two"]);
    assert_eq!(update(&["two"]).beyond(&agreed), Beyond::Nothing);
    assert_eq!(keep.beyond(&agreed), Beyond::Nothing);
    assert_eq!(keep.beyond(&create), Beyond::Nothing);
    assert_eq!(
        update(&["three"]).beyond(&agreed),
        Beyond::Steps(vec![field("three".to_owned(), false)])
    );
    assert_eq!(
        update(&["one"]).beyond(&keep),
        Beyond::Steps(vec![field("one".to_owned(), false)])
    );
    // Somebody else's would be used instead of one of our own.
    assert_eq!(used.beyond(&create), Beyond::Otherwise);
    let passing = field("Status".to_owned(), true).passing_by_itself();
    assert_eq!(change_of(Plan::Update(vec![passing])).beyond(&keep), Beyond::Nothing);
}

fn change_of(plan: Plan<FieldChange>) -> Change {
    Change::of(plan)
}
