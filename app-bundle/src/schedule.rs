//! Until when the site takes whom. It knows neither requests nor pages; what time it is, it is told.

use jiff::Timestamp;

use crate::address::Address;
use crate::config::Config;

/// What `confctl` makes up to try a site ends so; nobody can have such an address (RFC 2606).
const MADE_UP: &str = ".confctl.invalid";

/// From the configuration.
#[derive(Debug, Clone, Default)]
pub struct Schedule {
    closes_at: Option<Timestamp>,
    test_until: Option<Timestamp>,
    /// The draw was made.
    pub is_drawn: bool,
}

impl Schedule {
    pub fn new(config: &Config) -> Self {
        Self {
            closes_at: config.closes_at,
            test_until: config.test_until,
            is_drawn: !config.draw.winners.is_empty(),
        }
    }

    /// Whether nobody is taken in any more.
    pub fn is_closed(&self, now: Timestamp) -> bool {
        self.is_drawn || self.closes_at.is_some_and(|closes_at| now >= closes_at)
    }

    /// Whether this one is taken in, while anybody is.
    pub fn takes(&self, address: &Address, now: Timestamp) -> bool {
        !address.as_str().ends_with(MADE_UP) || self.test_until.is_none_or(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_a_moment_too_late_is_too_late() {
        let (before, at) = ("2026-12-10T18:29:59.999Z", "2026-12-10T18:30:00Z");
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let schedule = Schedule {
            closes_at: Some(time(at)),
            test_until: Some(time(at)),
            is_drawn: false,
        };
        assert!(!schedule.is_closed(time(before)) && schedule.is_closed(time(at)));
        let (ada, made_up) = ("ada@example.com", "p1@x.load.confctl.invalid");
        let takes = |address, now| schedule.takes(&Address::parse(address).unwrap(), time(now));
        assert!(takes(ada, at) && takes(made_up, before) && !takes(made_up, at));
        let open = Schedule::default();
        assert!(!open.is_closed(time(at)) && open.takes(&Address::parse(made_up).unwrap(), time(at)));
        let drawn = Schedule { is_drawn: true, ..open };
        assert!(drawn.is_closed(time(before)));
    }
}
