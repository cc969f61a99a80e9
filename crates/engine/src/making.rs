//! What a step knows of the thing that it is about while it is at it: whether there is one, and whether the step may be left.
//! Must know nothing of what is made.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Whether the step made one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Existence {
    /// It made none.
    #[default]
    NotMade,
    /// It was asked for, and no answer came.
    InDoubt,
    Made,
}

/// Kept beside the step itself: how the step ends says nothing of it.
#[derive(Debug, Default)]
pub(super) struct Making {
    existence: Mutex<Existence>,
    /// What was there before the step is no more.
    gone: AtomicBool,
    /// Changes under way that must not be left half made.
    to_be_ended: AtomicUsize,
}

impl Making {
    pub(super) fn set(&self, existence: Existence) {
        *self.existence.lock().unwrap_or_else(PoisonError::into_inner) = existence;
    }

    pub(super) fn existence(&self) -> Existence {
        *self.existence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_gone(&self) {
        self.gone.store(true, Ordering::SeqCst);
        self.set(Existence::NotMade);
    }

    pub(super) fn has_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }

    /// Until what is given is dropped, the step is not left.
    pub(super) fn hold(&self) -> Held<'_> {
        self.to_be_ended.fetch_add(1, Ordering::SeqCst);
        Held(self)
    }

    pub(super) fn may_be_left(&self) -> bool {
        self.to_be_ended.load(Ordering::SeqCst) == 0
    }
}

pub(super) struct Held<'a>(&'a Making);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.to_be_ended.fetch_sub(1, Ordering::SeqCst);
    }
}
