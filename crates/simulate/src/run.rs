//! The event itself: one thing after the other until everybody is done.
//! How people, instances, group and table behave is theirs.

use crate::agenda::Agenda;
use crate::group::{Change, Group};
use crate::instance::State;
use crate::people::{Chance, TRIES};
use crate::table::Table;
use crate::{Outcome, Scenario};

/// Attempts of the app at one write, and its longest pause after the first.
const ATTEMPTS: u32 = 3;
const FIRST_PAUSE: f64 = 0.1;
/// What somebody waits who reached no instance.
const NOBODY_THERE: f64 = 1.0;

#[derive(Debug, Clone, Copy)]
struct Sending {
    clicked: f64,
    /// When one has waited long enough.
    until: f64,
    tried: u32,
}

#[derive(Debug)]
enum Event {
    Arrives,
    /// The page is there, and was looked at.
    Sends(Sending),
    /// Its processor has done what there is to do before the write.
    Writes {
        instance: usize,
        sending: Sending,
        attempt: u32,
    },
    Written {
        instance: usize,
        sending: Sending,
    },
    /// The table took it in no attempt.
    Unwritten {
        instance: usize,
        sending: Sending,
    },
    Answered(Sending),
    TurnedAway(Sending),
    /// Has had enough of waiting.
    Leaves,
    Period,
    /// The alarms see how busy the instances were.
    Looks(f64),
    Serves(usize),
}

struct Run<'a> {
    scenario: &'a Scenario,
    agenda: Agenda<Event>,
    chance: Chance,
    group: Group,
    table: Table,
    outcome: Outcome,
    took: Vec<f64>,
    /// Who is not done yet.
    left: u32,
}

/// Lets the event take place.
pub fn run(scenario: &Scenario) -> Outcome {
    let mut run = Run::new(scenario);
    while run.left > 0 {
        let Some((now, event)) = run.agenda.next() else { break };
        run.happens(now, event);
    }
    run.ended()
}

impl<'a> Run<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        let mut chance = Chance::new(scenario.seed);
        let mut agenda = Agenda::new();
        for _ in 0..scenario.people {
            agenda.enter(chance.arrival(scenario.within, scenario.burst), Event::Arrives);
        }
        agenda.enter(scenario.policy.period, Event::Period);
        let group = Group::new(&scenario.policy, &scenario.site);
        let outcome = Outcome {
            policy: scenario.policy.name.clone(),
            people: scenario.people,
            accepted: 0,
            gave_up: 0,
            abandoned: 0,
            shed: 0,
            p50: 0.0,
            p95: 0.0,
            p99: 0.0,
            slowest: 0.0,
            first_shed: None,
            last_shed: None,
            instances: vec![(0.0, group.serving())],
            over: 0.0,
            by_second: Vec::new(),
        };
        Self {
            scenario,
            agenda,
            chance,
            group,
            table: Table::new(scenario.site.writes),
            outcome,
            took: Vec::with_capacity(scenario.people as usize),
            left: scenario.people,
        }
    }

    fn happens(&mut self, now: f64, event: Event) {
        match event {
            Event::Arrives => self.arrives(now),
            Event::Sends(sending) => self.sends(now, sending),
            Event::Writes {
                instance,
                sending,
                attempt,
            } => self.writes(now, instance, sending, attempt),
            Event::Written { instance, sending } => {
                self.leaves(instance);
                self.answer(now, Event::Answered(sending));
            }
            Event::Unwritten { instance, sending } => {
                self.leaves(instance);
                self.answer(now, Event::TurnedAway(sending));
            }
            Event::Answered(sending) => self.accepted(now, sending),
            Event::TurnedAway(sending) => self.turned_away(now, sending),
            Event::Leaves => {
                self.outcome.abandoned += 1;
                self.done(now);
            }
            Event::Period => {
                let average = self.group.average(now);
                self.agenda
                    .enter(now + self.scenario.policy.delay, Event::Looks(average));
                self.agenda.enter(now + self.scenario.policy.period, Event::Period);
            }
            Event::Looks(average) => self.looks(now, average),
            Event::Serves(place) => {
                self.group.instances[place].state = State::Serving;
                self.counted(now);
            }
        }
    }

    /// The page: from the edge, or from an instance.
    fn arrives(&mut self, now: f64) {
        let site = &self.scenario.site;
        let page = match site.has_edge {
            true => now + site.distance,
            false => match self.group.route() {
                Some(place) => self.group.instances[place].work(now, site.page) + site.distance,
                None => now + NOBODY_THERE,
            },
        };
        let clicked = page + self.chance.around(self.scenario.think);
        let patience = self.scenario.patience.map(|mean| self.chance.around(mean));
        let sending = Sending {
            clicked,
            until: patience.map_or(f64::INFINITY, |patience| clicked + patience),
            tried: 0,
        };
        self.agenda.enter(clicked, Event::Sends(sending));
    }

    fn sends(&mut self, now: f64, sending: Sending) {
        let there = now + self.scenario.site.distance / 2.0;
        let taken = self.group.route().and_then(|place| {
            let done = self.group.instances[place].take(there, &self.scenario.site)?;
            Some((place, done))
        });
        match taken {
            Some((instance, done)) => self.agenda.enter(
                done,
                Event::Writes {
                    instance,
                    sending,
                    attempt: 1,
                },
            ),
            None => self.answer(there, Event::TurnedAway(sending)),
        }
    }

    fn answer(&mut self, now: f64, event: Event) {
        self.agenda.enter(now + self.scenario.site.distance / 2.0, event);
    }

    fn writes(&mut self, now: f64, instance: usize, sending: Sending, attempt: u32) {
        let takes = self.table.takes(now);
        // To be throttled takes as long.
        let now = now + self.chance.write(self.scenario.site.write);
        if takes {
            return self.agenda.enter(now, Event::Written { instance, sending });
        }
        if attempt < ATTEMPTS {
            let pause = FIRST_PAUSE * f64::from(1 << (attempt - 1)) * self.chance.part();
            let attempt = attempt + 1;
            return self.agenda.enter(
                now + pause,
                Event::Writes {
                    instance,
                    sending,
                    attempt,
                },
            );
        }
        self.agenda.enter(now, Event::Unwritten { instance, sending });
    }

    fn leaves(&mut self, instance: usize) {
        self.group.instances[instance].done();
    }

    fn accepted(&mut self, now: f64, sending: Sending) {
        self.outcome.accepted += 1;
        self.took.push(now - sending.clicked);
        let second = now as usize;
        if self.outcome.by_second.len() <= second {
            self.outcome.by_second.resize(second + 1, 0);
        }
        self.outcome.by_second[second] += 1;
        self.done(now);
    }

    fn turned_away(&mut self, now: f64, sending: Sending) {
        self.outcome.shed += 1;
        self.outcome.first_shed.get_or_insert(now);
        self.outcome.last_shed = Some(now);
        if sending.tried + 1 == TRIES {
            self.outcome.gave_up += 1;
            return self.done(now);
        }
        let again = Sending {
            tried: sending.tried + 1,
            ..sending
        };
        let next = now + self.chance.pause(sending.tried);
        match next < sending.until {
            true => self.agenda.enter(next, Event::Sends(again)),
            false => self.agenda.enter(sending.until.max(now), Event::Leaves),
        }
    }

    fn done(&mut self, now: f64) {
        self.left -= 1;
        self.outcome.over = now;
    }

    fn looks(&mut self, now: f64, average: f64) {
        match self.group.look(now, average, &self.scenario.site) {
            Change::None => {}
            Change::Launch(places) => {
                for place in places {
                    self.agenda
                        .enter(now + self.scenario.policy.launch, Event::Serves(place));
                }
            }
            Change::Leave => self.counted(now),
        }
    }

    fn counted(&mut self, now: f64) {
        self.outcome.instances.push((now, self.group.serving()));
    }

    fn ended(mut self) -> Outcome {
        self.took.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| {
            let place = (share * self.took.len() as f64).ceil() as usize;
            self.took.get(place.saturating_sub(1)).copied().unwrap_or(0.0)
        };
        self.outcome.p50 = at(0.50);
        self.outcome.p95 = at(0.95);
        self.outcome.p99 = at(0.99);
        self.outcome.slowest = at(1.0);
        self.outcome
    }
}
