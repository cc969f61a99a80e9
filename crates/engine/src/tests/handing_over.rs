//! When steps start, on a paused clock: what is on its way is followed first, and outputs are given and released before their step
//! is finished.

use std::collections::VecDeque;

use super::waiting::{Heard, seconds, stop_in};
use super::*;

/// What an actor does in its step, one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    /// Seconds, which a stop ends.
    Take(u64),
    Give(&'static str),
    Release(&'static str),
    Fail,
}

pub(super) type Look = Result<Observed<()>, Error>;

pub(super) fn absent() -> Look {
    Ok(Observed::Absent(()))
}

pub(super) fn present() -> Look {
    let owner = Owner::Ours;
    Ok(Observed::Present { live: (), owner })
}

fn on_its_way(what: &str) -> Look {
    Ok(Observed::Settling {
        live: (),
        owner: Owner::Ours,
        what: what.to_owned(),
    })
}

/// A resource that does what its test tells it.
#[derive(Clone)]
pub(super) struct Actor {
    name: &'static str,
    needs: Vec<&'static str>,
    gives: Vec<&'static str>,
    /// What each look at it finds, the last of them again and again.
    looks: Arc<Mutex<VecDeque<Look>>>,
    acts: Vec<Act>,
    last: bool,
}

impl Actor {
    pub(super) fn new(name: &'static str, looks: &[Look], acts: &[Act]) -> Self {
        Self {
            name,
            needs: Vec::new(),
            gives: Vec::new(),
            looks: Arc::new(Mutex::new(looks.iter().cloned().collect())),
            acts: acts.to_vec(),
            last: false,
        }
    }

    pub(super) fn last(mut self) -> Self {
        self.last = true;
        self
    }

    pub(super) fn needs(mut self, outputs: &[&'static str]) -> Self {
        self.needs = outputs.to_vec();
        self
    }

    pub(super) fn gives(mut self, outputs: &[&'static str]) -> Self {
        self.gives = outputs.to_vec();
        self
    }

    async fn act(&self, cx: &WriteCx<()>) -> Result<(), Failure> {
        for act in &self.acts {
            match act {
                Act::Take(time) => cx.pause(seconds(*time)).await?,
                Act::Give(output) => cx.publish(&Output::<String>::new(output), format!("of {}", self.name)),
                Act::Release(output) => cx.release(output),
                Act::Fail => return Err(Error::failed("as told").into()),
            }
        }
        Ok(())
    }

    /// Going up, what it needs is there.
    async fn act_on_needs(&self, cx: &WriteCx<()>) -> Result<(), Failure> {
        for need in &self.needs {
            cx.need(&Output::<String>::new(need))?;
        }
        self.act(cx).await
    }
}

impl Resource for Actor {
    type Live = ();
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
        format!("thing {}", self.name)
    }

    fn needs(&self) -> Vec<&'static str> {
        self.needs.clone()
    }

    fn gives(&self) -> Vec<&'static str> {
        self.gives.clone()
    }

    fn limits(&self) -> Limits {
        Limits::minutes(1, 3)
    }

    fn goes_last(&self, (): &()) -> bool {
        self.last
    }

    async fn observe(&self, _: &ReadCx<()>) -> Look {
        let mut looks = self.looks.lock().unwrap();
        match looks.len() {
            1 => looks[0].clone(),
            _ => looks.pop_front().unwrap(),
        }
    }

    /// One that is there is to be changed.
    fn plan(&self, seen: &Observed<()>, _: &Values) -> Plan<FieldChange> {
        let step = || FieldChange::new("size", "small".to_owned(), "large".to_owned());
        seen.live().map_or(Plan::Create, |_| Plan::Update(vec![step()]))
    }

    /// Its acts give what it gives.
    fn publish(&self, (): &(), _: &mut Values) {}

    async fn create(&self, cx: &WriteCx<()>, (): ()) -> Result<(), Failure> {
        self.act_on_needs(cx).await
    }

    async fn update(&self, cx: &WriteCx<()>, (): (), _: Vec<FieldChange>) -> Result<(), Failure> {
        self.act_on_needs(cx).await
    }

    async fn delete(&self, cx: &WriteCx<()>, (): ()) -> Result<(), Failure> {
        self.act(cx).await
    }
}

pub(super) fn cast(actors: &[Actor]) -> Graph<()> {
    let nodes = actors.iter().map(|actor| Arc::new(actor.clone()) as Arc<dyn Node<()>>);
    Graph::new(nodes.collect()).unwrap()
}

pub(super) async fn go_up(actors: &[Actor], settings: Settings) -> Report {
    let (graph, run) = (cast(actors), run_of(settings, NoGate));
    let seen = graph.observe(&run.read).await.unwrap();
    let planned = graph.plan(&seen);
    ended(up(&graph, &seen, &planned, &run)).await
}

pub(super) async fn go_down(actors: &[Actor], settings: Settings) -> Report {
    let (graph, run) = (cast(actors), run_of(settings, NoGate));
    let seen = graph.observe(&run.read).await.unwrap();
    let removals = graph.plan_removal(&seen).into_iter();
    let removals = removals.map(|step| (step.resource, step.removal)).collect();
    ended(down(&graph, &seen, &removals, &run)).await
}

/// Where steps wait for each other, nothing else happens and the clock jumps here.
async fn ended(run: impl Future<Output = Report>) -> Report {
    let day = seconds(24 * 3600);
    tokio::time::timeout(day, run).await.expect("steps wait for ever")
}

fn failure(report: &Report) -> &Error {
    &report.failures().next().unwrap().error
}

fn told(lines: &[(u64, &str)]) -> Vec<(u64, String)> {
    lines.iter().map(|(at, text)| (*at, (*text).to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_is_followed_until_it_rests_and_only_then_changed() {
    let heard = Heard::new();
    let throttled = || Error::new(Kind::Unreachable, "Rate exceeded");
    let looks = [
        on_its_way("Launching"),
        on_its_way("Launching"),
        // No answer decides nothing.
        Err(throttled()),
        Ok(Observed::Unknown(throttled())),
        on_its_way("Updating"),
        present(),
    ];
    let report = go_up(&[Actor::new("a", &looks, &[Act::Take(10)])], heard.settings()).await;
    assert!(matches!(outcome(&report, "a"), Outcome::Done), "{report:?}");
    let texts = heard.texts();
    assert_eq!(
        texts[..texts.len() - 1],
        ["a starts", "a: following it: Launching", "a: Launching", "a: Updating"]
    );
    // Five looks have four pauses between them: of 5 s, then twice and four times as long where nobody answered; all a fifth longer
    // or shorter.
    let (least, most) = (seconds(44 + 10), seconds(66 + 11));
    assert!((least..=most).contains(&heard.began.elapsed()), "{:?}", heard.told());
}

#[tokio::test(start_paused = true)]
async fn what_goes_while_it_is_followed_need_not_be_removed() {
    let looks = [on_its_way("Terminating"), on_its_way("Terminating"), absent()];
    let report = go_down(&[Actor::new("a", &looks, &[Act::Fail])], Heard::new().settings()).await;
    assert!(matches!(outcome(&report, "a"), Outcome::Done), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn what_never_rests_is_given_up_at_the_limit_of_its_resource() {
    for down_too in [false, true] {
        let heard = Heard::new();
        let actor = [Actor::new("a", &[on_its_way("Updating")], &[Act::Take(10)])];
        let report = match down_too {
            false => go_up(&actor, heard.settings()).await,
            true => go_down(&actor, heard.settings()).await,
        };
        assert_eq!(heard.began.elapsed(), seconds(180));
        let error = failure(&report);
        assert_eq!(error.kind, Kind::Deadline);
        assert!(error.message.contains("thing a to rest (Updating)"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_no_longer_be_followed_is_not_changed() {
    let denied = Error::new(Kind::Denied, "not allowed to look");
    for look in [Err(denied.clone()), Ok(Observed::Unknown(denied.clone()))] {
        let heard = Heard::new();
        let looks = [on_its_way("Updating"), on_its_way("Updating"), look];
        // It would take a minute.
        let report = go_up(&[Actor::new("a", &looks, &[Act::Take(60)])], heard.settings()).await;
        assert_eq!(*failure(&report), denied);
        assert!(heard.began.elapsed() < seconds(7), "{:?}", heard.told());
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_following_and_nothing_is_changed() {
    let heard = Heard::new();
    let settings = heard.settings();
    stop_in(&settings, seconds(30));
    let report = go_up(&[Actor::new("a", &[on_its_way("Updating")], &[Act::Fail])], settings).await;
    assert!(matches!(outcome(&report, "a"), Outcome::Stopped { .. }), "{report:?}");
    assert_eq!(heard.told().last(), Some(&(30, "a is stopped".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_user_starts_when_it_has_what_it_needs_and_not_when_its_giver_is_finished() {
    let heard = Heard::new();
    let acts = [Act::Take(10), Act::Give("address"), Act::Take(90)];
    let giver = Actor::new("a", &[absent()], &acts).gives(&["address"]);
    let user = Actor::new("b", &[absent()], &[Act::Take(20)]).needs(&["address"]);
    go_up(&[giver, user], heard.settings()).await;
    let lines = [
        (0, "a starts"),
        (10, "b starts"),
        (30, "b took 20 s"),
        (100, "a took 100 s"),
    ];
    assert_eq!(heard.told(), told(&lines));
}

#[tokio::test(start_paused = true)]
async fn what_was_given_before_a_step_failed_is_used_and_what_was_not_skips_its_users() {
    let heard = Heard::new();
    let acts = [Act::Give("address"), Act::Take(10), Act::Fail];
    let giver = Actor::new("a", &[absent()], &acts).gives(&["address", "health"]);
    let early = Actor::new("b", &[absent()], &[Act::Take(60)]).needs(&["address"]);
    let late = Actor::new("c", &[absent()], &[]).needs(&["address", "health"]);
    let last = Actor::new("d", &[absent()], &[]).needs(&["alarm"]);
    let report = go_up(&[giver, early, late.gives(&["alarm"]), last], heard.settings()).await;
    let lines = [
        (0, "a starts"),
        (0, "b starts"),
        (10, "a failed: as told"),
        (10, "c needs a"),
        (10, "d needs c"),
        (60, "b took 60 s"),
    ];
    assert_eq!(heard.told(), told(&lines));
    // The cause is told, and not what came of it.
    assert_eq!(report.failures().count(), 1);
    assert_eq!(report.skipped(), Some(("thing c", "a")));
}

#[tokio::test(start_paused = true)]
async fn a_step_that_ends_well_without_giving_leaves_nobody_waiting() {
    let heard = Heard::new();
    let giver = Actor::new("a", &[absent()], &[Act::Take(10)]).gives(&["address"]);
    let user = Actor::new("b", &[absent()], &[]).needs(&["address"]);
    let report = go_up(&[giver, user], heard.settings()).await;
    let lines = [(0, "a starts"), (10, "a took 10 s"), (10, "b needs a")];
    assert_eq!(heard.told(), told(&lines));
    assert!(matches!(outcome(&report, "a"), Outcome::Done), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn a_giver_goes_when_all_have_released_it_and_not_when_they_are_gone() {
    let heard = Heard::new();
    let giver = Actor::new("a", &[present()], &[Act::Take(20)]).gives(&["address"]);
    let acts = [Act::Take(10), Act::Release("address"), Act::Take(90)];
    let early = Actor::new("b", &[present()], &acts).needs(&["address"]);
    // One that says nothing releases at its end.
    let silent = Actor::new("c", &[present()], &[Act::Take(40)]).needs(&["address"]);
    go_down(&[giver, early, silent], heard.settings()).await;
    let lines = [
        (0, "b starts"),
        (0, "c starts"),
        (40, "c took 40 s"),
        (40, "a starts"),
        (60, "a took 20 s"),
        (100, "b took 100 s"),
    ];
    assert_eq!(heard.told(), told(&lines));
}

#[tokio::test(start_paused = true)]
async fn what_says_by_what_the_rest_may_go_goes_last_of_all() {
    let heard = Heard::new();
    let word = Actor::new("a", &[present()], &[Act::Take(2)])
        .gives(&["address"])
        .last();
    let user = Actor::new("b", &[present()], &[Act::Take(10)]).needs(&["address"]);
    // Nothing of it is used, and it takes longer than what is.
    let beside = Actor::new("c", &[present()], &[Act::Take(60)]);
    let not_there = Actor::new("d", &[absent()], &[]);
    let report = go_down(&[word, user, beside, not_there], heard.settings()).await;
    let lines = [
        (0, "b starts"),
        (0, "c starts"),
        (10, "b took 10 s"),
        (60, "c took 60 s"),
        (60, "a starts"),
        (62, "a took 2 s"),
    ];
    assert_eq!(heard.told(), told(&lines));
    let legs = report.critical_path().into_iter();
    let legs: Vec<_> = legs.map(|leg| (leg.resource, leg.seconds.round())).collect();
    assert_eq!(legs, [("c", 60.0), ("a", 2.0)]);
}

#[tokio::test(start_paused = true)]
async fn what_says_by_what_the_rest_may_go_stays_where_something_stays() {
    for acts in [&[Act::Take(10), Act::Fail][..], &[Act::Take(3000)]] {
        let heard = Heard::new();
        let word = Actor::new("a", &[present()], &[]).last();
        let beside = Actor::new("b", &[present()], acts);
        let settings = heard.settings();
        stop_in(&settings, seconds(20));
        let report = go_down(&[word, beside], settings).await;
        assert!(
            matches!(outcome(&report, "a"), Outcome::Skipped { because: "b" }),
            "{report:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_released_before_a_step_failed_goes_and_what_was_not_stays() {
    let heard = Heard::new();
    let released = Actor::new("a", &[present()], &[]).gives(&["address"]);
    let held = Actor::new("b", &[present()], &[]).gives(&["role"]);
    let acts = [Act::Release("address"), Act::Take(10), Act::Fail];
    let user = Actor::new("c", &[present()], &acts).needs(&["address", "role"]);
    go_down(&[released, held, user], heard.settings()).await;
    let lines = [
        (0, "c starts"),
        (0, "a starts"),
        (0, "a took 0 s"),
        (10, "c failed: as told"),
        (10, "b needs c"),
    ];
    assert_eq!(heard.told(), told(&lines));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_what_waits_and_starts_nothing_more() {
    let heard = Heard::new();
    let settings = heard.settings();
    stop_in(&settings, seconds(15));
    let acts = [Act::Give("address"), Act::Take(60), Act::Give("health")];
    let giver = Actor::new("a", &[absent()], &acts).gives(&["address", "health"]);
    let done = Actor::new("b", &[absent()], &[Act::Take(10)]).needs(&["address"]);
    let user = Actor::new("c", &[absent()], &[]).needs(&["health"]);
    let report = go_up(&[giver, done, user], settings).await;
    let lines = [
        (0, "a starts"),
        (0, "b starts"),
        (10, "b took 10 s"),
        (15, "a is stopped"),
        (15, "c needs a"),
    ];
    assert_eq!(heard.told(), told(&lines));
    assert!(report.stopped() && report.failures().count() == 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_deadline_overtakes_is_not_started() {
    let heard = Heard::new();
    let settings = Settings {
        deadline: heard.began + seconds(16),
        ..heard.settings()
    };
    let acts = [Act::Take(20), Act::Give("address")];
    let giver = Actor::new("a", &[absent()], &acts).gives(&["address"]);
    let user = Actor::new("b", &[absent()], &[]).needs(&["address"]);
    go_up(&[giver, user], settings).await;
    let lines = [(0, "a starts"), (20, "a took 20 s"), (20, "b is stopped")];
    assert_eq!(heard.told(), told(&lines));
}

/// For each actor: which earlier ones it needs (as bits), after how many seconds it gives or releases, and how long it then goes on.
fn plots() -> impl Strategy<Value = Vec<(u8, u64, u64)>> {
    prop::collection::vec((any::<u8>(), 0..100_u64, 0..100_u64), 1..NAMES.len())
}

/// The places of what the actor at `place` needs.
fn needed(place: usize, plots: &[(u8, u64, u64)]) -> Vec<usize> {
    (0..place)
        .filter(|earlier| plots[place].0 & (1 << earlier) != 0)
        .collect()
}

fn names(places: &[usize]) -> Vec<&'static str> {
    places.iter().map(|place| NAMES[*place]).collect()
}

fn on_a_paused_clock<T>(story: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build().unwrap();
    runtime.block_on(story)
}

fn started(told: &[(u64, String)], name: &str) -> Option<u64> {
    let line = format!("{name} starts");
    told.iter().find(|(_, text)| *text == line).map(|(at, _)| *at)
}

proptest! {
    #[test]
    fn going_up_everything_starts_in_the_moment_in_which_the_last_of_its_needs_is_given(plots in plots()) {
        let actor = |(place, (_, give_after, then)): (usize, &(u8, u64, u64))| {
            let acts = [Act::Take(*give_after), Act::Give(NAMES[place]), Act::Take(*then)];
            let needs = names(&needed(place, &plots));
            Actor::new(NAMES[place], &[absent()], &acts).needs(&needs).gives(&[NAMES[place]])
        };
        let actors: Vec<_> = plots.iter().enumerate().map(actor).collect();
        let told = on_a_paused_clock(async {
            let heard = Heard::new();
            go_up(&actors, heard.settings()).await;
            heard.told()
        });
        let mut starts: Vec<u64> = Vec::new();
        for (place, name) in NAMES.iter().enumerate().take(plots.len()) {
            let given = needed(place, &plots).into_iter().map(|need| starts[need] + plots[need].1);
            let start = given.max().unwrap_or(0);
            prop_assert_eq!(started(&told, name), Some(start), "{} in {:?}", name, told);
            starts.push(start);
        }
    }

    #[test]
    fn going_down_everything_goes_in_the_moment_in_which_the_last_of_its_users_releases_it(plots in plots()) {
        let actor = |(place, (_, release_after, then)): (usize, &(u8, u64, u64))| {
            let needs = names(&needed(place, &plots));
            let mut acts = vec![Act::Take(*release_after)];
            acts.extend(needs.iter().map(|need| Act::Release(need)));
            acts.push(Act::Take(*then));
            Actor::new(NAMES[place], &[present()], &acts).needs(&needs).gives(&[NAMES[place]])
        };
        let actors: Vec<_> = plots.iter().enumerate().map(actor).collect();
        let told = on_a_paused_clock(async {
            let heard = Heard::new();
            go_down(&actors, heard.settings()).await;
            heard.told()
        });
        let mut starts = vec![0; plots.len()];
        for place in (0..plots.len()).rev() {
            let users = (0..plots.len()).filter(|user| needed(*user, &plots).contains(&place));
            starts[place] = users.map(|user| starts[user] + plots[user].1).max().unwrap_or(0);
            prop_assert_eq!(started(&told, NAMES[place]), Some(starts[place]), "{} in {:?}", NAMES[place], told);
        }
    }
}
