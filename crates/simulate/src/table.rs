//! The table: so many writes a second, and a second's worth of those that nobody wanted before.
//! Knows nothing of who writes.

#[derive(Debug)]
pub(crate) struct Table {
    a_second: f64,
    tokens: f64,
    at: f64,
}

impl Table {
    pub(crate) fn new(a_second: f64) -> Self {
        Self {
            a_second,
            tokens: a_second,
            at: 0.0,
        }
    }

    /// Whether a write is taken; else it is throttled.
    pub(crate) fn takes(&mut self, now: f64) -> bool {
        self.tokens = (self.tokens + (now - self.at) * self.a_second).min(self.a_second.max(1.0));
        self.at = now;
        let takes = self.tokens >= 1.0;
        if takes {
            self.tokens -= 1.0;
        }
        takes
    }
}
