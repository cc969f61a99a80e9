//! What happens when: the next event first, and of two at one moment the one that was entered first, so that a seed decides all.
//! Knows nothing of what happens.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Microseconds from the beginning.
type Moment = u64;

#[derive(Debug)]
pub(crate) struct Agenda<E> {
    entries: BinaryHeap<Reverse<Entry<E>>>,
    entered: u64,
}

#[derive(Debug)]
struct Entry<E> {
    at: Moment,
    number: u64,
    event: E,
}

impl<E> Agenda<E> {
    pub(crate) fn new() -> Self {
        Self {
            entries: BinaryHeap::new(),
            entered: 0,
        }
    }

    pub(crate) fn enter(&mut self, at: f64, event: E) {
        self.entered += 1;
        self.entries.push(Reverse(Entry {
            at: (at.max(0.0) * 1e6).round() as Moment,
            number: self.entered,
            event,
        }));
    }

    pub(crate) fn next(&mut self) -> Option<(f64, E)> {
        let Reverse(entry) = self.entries.pop()?;
        Some((entry.at as f64 / 1e6, entry.event))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<E> Eq for Entry<E> {}
