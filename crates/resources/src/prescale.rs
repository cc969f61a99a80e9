//! Other bounds of the group for a while, and capacity of the load balancer: as they are asked for, as the group's own tag tells
//! them, and as people read them.
//! Must know nothing of calls, or of how a group is brought there.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use jiff::Timestamp;

/// The group's tag: `6-8 units 500 from 2026-12-10T17:50:00Z until 2026-12-10T18:30:00Z`. It is with the group, and goes with it.
pub const TAG: &str = "confctl:scale";

/// The least and the most instances of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub min: i32,
    pub max: i32,
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.min == self.max {
            true => write!(f, "{}", self.min),
            false => write!(f, "{} to {}", self.min, self.max),
        }
    }
}

/// US dollars an hour of one reserved capacity unit, at the list price of us-east-1 (AWS's pricing page of ELB, 2026).
const UNIT_HOUR: f64 = 0.008;

/// The fewest and the most capacity units that can be reserved for a load balancer (ELB guide, load-balancer-limits).
pub const UNITS: RangeInclusive<u32> = 100..=15_000;

/// What reserved capacity units cost an hour, in US dollars.
pub fn reserved_hour(units: u32) -> f64 {
    f64::from(units) * UNIT_HOUR
}

/// Bounds for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prescale {
    pub bounds: Bounds,
    /// `None`: from when it was asked for.
    pub from: Option<Timestamp>,
    /// `None`: until somebody ends it.
    pub until: Option<Timestamp>,
    /// Capacity units that are reserved for the load balancer meanwhile. AWS has no schedule for them: they are there at once, and
    /// until they are taken back.
    pub units: Option<u32>,
}

/// Where one is by AWS's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Planned,
    Stands,
    Over,
}

impl Stage {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Stands => "stands",
            Self::Over => "over",
        }
    }
}

impl Prescale {
    pub fn stage(&self, now: Timestamp) -> Stage {
        match (self.from, self.until) {
            (Some(from), _) if now < from => Stage::Planned,
            (_, Some(until)) if now >= until => Stage::Over,
            _ => Stage::Stands,
        }
    }

    /// For people: what a group is, or will be.
    pub fn told(&self, stage: Stage) -> String {
        let Self {
            bounds, from, until, ..
        } = self;
        let from = from.filter(|_| stage == Stage::Planned);
        let from = from.map(|from| format!(", from {from}")).unwrap_or_default();
        let until = match until {
            Some(until) => format!(" until {until}"),
            None => " until it is taken back".to_owned(),
        };
        match stage {
            Stage::Planned => format!("a pre-scale to {bounds} instances is planned{from}{until}"),
            Stage::Stands => format!("pre-scaled to {bounds} instances{until}"),
            Stage::Over => format!(
                "a pre-scale to {bounds} instances was to be over{}",
                until.replace(" until", " at")
            ),
        }
    }
}

impl fmt::Display for Prescale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Bounds { min, max } = self.bounds;
        write!(f, "{min}-{max}")?;
        if let Some(units) = self.units {
            write!(f, " units {units}")?;
        }
        if let Some(from) = self.from {
            write!(f, " from {from}")?;
        }
        match self.until {
            Some(until) => write!(f, " until {until}"),
            None => Ok(()),
        }
    }
}

/// What nobody of ours wrote is none.
impl FromStr for Prescale {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut words = text.split(' ');
        let (min, max) = words.next().and_then(|word| word.split_once('-')).ok_or(())?;
        let size = |text: &str| {
            text.parse::<i32>()
                .ok()
                .filter(|size| (0..=10_000).contains(size))
                .ok_or(())
        };
        let bounds = Bounds {
            min: size(min)?,
            max: size(max)?,
        };
        let (mut from, mut until, mut units) = (None, None, None);
        while let Some(word) = words.next() {
            let value = words.next().ok_or(())?;
            let time = || value.parse::<Timestamp>().map_err(drop);
            match word {
                "from" => from = Some(time()?),
                "until" => until = Some(time()?),
                "units" => units = Some(value.parse().map_err(drop)?),
                _ => return Err(()),
            }
        }
        let is_sound = bounds.min <= bounds.max
            && from.zip(until).is_none_or(|(from, until)| from < until)
            && units.is_none_or(|units| UNITS.contains(&units));
        let whole = Self {
            bounds,
            from,
            until,
            units,
        };
        is_sound.then_some(whole).ok_or(())
    }
}

/// What a run is restricted to that scales.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scaling {
    /// It only looks.
    AsItIs,
    To(Prescale),
    /// To the bounds that Beanstalk has.
    Back,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Timestamp {
        format!("2026-12-10T{time}Z").parse().unwrap()
    }

    fn prescale(from: Option<&str>, until: Option<&str>) -> Prescale {
        Prescale {
            bounds: Bounds { min: 6, max: 8 },
            from: from.map(at),
            until: until.map(at),
            units: None,
        }
    }

    #[test]
    fn the_tag_tells_all_of_it_and_what_others_wrote_is_none() {
        for (from, until) in [
            (None, None),
            (Some("17:50:00"), None),
            (None, Some("18:30:00")),
            (Some("17:50:00"), Some("18:30:00")),
        ] {
            let mut asked = prescale(from, until);
            assert_eq!(asked.to_string().parse(), Ok(asked.clone()));
            asked.units = Some(500);
            assert_eq!(asked.to_string().parse(), Ok(asked));
        }
        let whole = prescale(Some("17:50:00"), Some("18:30:00")).to_string();
        assert_eq!(whole, "6-8 from 2026-12-10T17:50:00Z until 2026-12-10T18:30:00Z");
        for others in [
            "",
            "8-6",
            "6",
            "6-99999",
            "-1-4",
            "6-8 until",
            "6-8 until noon",
            "6-8 for 2026-12-10T17:50:00Z",
            "6-8 units",
            "6-8 units 50",
            "6-8 units many",
            "6-8 from 2026-12-10T18:50:00Z until 2026-12-10T18:30:00Z",
        ] {
            assert_eq!(others.parse::<Prescale>(), Err(()), "{others}");
        }
    }

    #[test]
    fn people_read_how_many_and_until_when() {
        let asked = prescale(Some("17:50:00"), Some("18:30:00"));
        assert_eq!(
            asked.told(Stage::Planned),
            "a pre-scale to 6 to 8 instances is planned, from 2026-12-10T17:50:00Z until 2026-12-10T18:30:00Z"
        );
        assert_eq!(
            asked.told(Stage::Stands),
            "pre-scaled to 6 to 8 instances until 2026-12-10T18:30:00Z"
        );
        let without_end = Prescale {
            bounds: Bounds { min: 6, max: 6 },
            ..prescale(None, None)
        };
        assert_eq!(
            without_end.told(Stage::Stands),
            "pre-scaled to 6 instances until it is taken back"
        );
    }

    #[test]
    fn awss_clock_says_whether_it_is_to_come_stands_or_is_over() {
        let asked = prescale(Some("17:50:00"), Some("18:30:00"));
        assert_eq!(asked.stage(at("17:49:59")), Stage::Planned);
        assert_eq!(asked.stage(at("17:50:00")), Stage::Stands);
        assert_eq!(asked.stage(at("18:30:00")), Stage::Over);
        assert_eq!(prescale(None, None).stage(at("23:00:00")), Stage::Stands);
    }
}
