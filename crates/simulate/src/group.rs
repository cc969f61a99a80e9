//! The group of instances: who serves, and how it grows and shrinks by its two alarms, one change at a time with a rest after it
//! (Auto Scaling, simple scaling).
//! Knows nothing of people.

use crate::instance::{Instance, State};
use crate::{Policy, Site};

#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) instances: Vec<Instance>,
    policy: Policy,
    /// Periods in a row above and below.
    above: u32,
    below: u32,
    rests_until: f64,
    turn: usize,
}

/// What a look at the alarms leads to.
#[derive(Debug, PartialEq)]
pub(crate) enum Change {
    None,
    /// These are launched.
    Launch(Vec<usize>),
    /// Some go on with what they have, and get nothing new.
    Leave,
}

impl Group {
    pub(crate) fn new(policy: &Policy, site: &Site) -> Self {
        Self {
            instances: (0..policy.least).map(|_| Instance::new(site, State::Serving)).collect(),
            policy: policy.clone(),
            above: 0,
            below: 0,
            rests_until: 0.0,
            turn: 0,
        }
    }

    pub(crate) fn serving(&self) -> u32 {
        self.count(|state| state == State::Serving)
    }

    fn count(&self, is: impl Fn(State) -> bool) -> u32 {
        self.instances.iter().filter(|one| is(one.state)).count() as u32
    }

    /// The next in turn of those that serve (a load balancer's round robin).
    pub(crate) fn route(&mut self) -> Option<usize> {
        let many = self.instances.len();
        for _ in 0..many {
            self.turn = (self.turn + 1) % many;
            if self.instances[self.turn].state == State::Serving {
                return Some(self.turn);
            }
        }
        None
    }

    /// A period has ended: how busy those that serve were.
    pub(crate) fn average(&mut self, now: f64) -> f64 {
        let period = self.policy.period;
        let (mut sum, mut many) = (0.0, 0.0);
        for instance in self.instances.iter_mut().filter(|one| one.state == State::Serving) {
            sum += instance.measured(now, period);
            many += 1.0;
        }
        if many > 0.0 { sum / many } else { 0.0 }
    }

    /// The alarms have seen a period.
    pub(crate) fn look(&mut self, now: f64, average: f64, site: &Site) -> Change {
        self.above = if average > self.policy.upper { self.above + 1 } else { 0 };
        self.below = if average < self.policy.lower { self.below + 1 } else { 0 };
        if now < self.rests_until {
            return Change::None;
        }
        let there = self.count(|state| state != State::Leaving);
        if self.above >= self.policy.evaluations && there < self.policy.most {
            let more = self.policy.increment.min(self.policy.most - there) as usize;
            let first = self.instances.len();
            self.instances
                .extend((0..more).map(|_| Instance::new(site, State::Launching)));
            self.rests_until = now + self.policy.launch + self.policy.cooldown;
            return Change::Launch((first..first + more).collect());
        }
        if self.below >= self.policy.evaluations && there > self.policy.least {
            let fewer = self.policy.increment.min(there - self.policy.least) as usize;
            let serving = (0..self.instances.len()).filter(|place| self.instances[*place].state == State::Serving);
            let leaving: Vec<usize> = serving.take(fewer).collect();
            for place in leaving {
                self.instances[place].state = State::Leaving;
            }
            self.rests_until = now + self.policy.cooldown;
            return Change::Leave;
        }
        Change::None
    }
}
