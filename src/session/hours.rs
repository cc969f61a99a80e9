//! Hours as they are typed: a moment, an hour of today or tomorrow, or how long from now; in a time zone by its name.
//! Must know nothing of what happens then.

use jiff::civil::{DateTime, Time};
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::cli::duration;
use crate::profile;

/// What is known where an hour is typed.
pub(crate) struct Hours {
    /// AWS's clock.
    pub now: Timestamp,
    /// Of what is typed without one.
    pub zone: Option<TimeZone>,
}

/// The zone in which a moment was written, as of `event.at`.
pub(crate) fn zone_of(moment: &str) -> Option<TimeZone> {
    let pieces = Pieces::parse(moment).ok()?;
    let named = pieces.to_time_zone().ok().flatten();
    named.or_else(|| pieces.to_numeric_offset().map(TimeZone::fixed))
}

impl Hours {
    /// The moment that is meant; an hour without a day is the next one after `after`. In whole seconds, as AWS has them.
    pub(crate) fn moment(&self, text: &str, after: Timestamp) -> Result<Timestamp, String> {
        let text = text.trim();
        let moment = match (text.strip_prefix('+'), profile::time(text)) {
            (Some(ahead), _) => {
                let ahead = SignedDuration::try_from(duration(ahead)?).map_err(|error| error.to_string())?;
                self.now.checked_add(ahead).map_err(|error| error.to_string())?
            }
            (None, Some(moment)) => moment,
            (None, None) => self.local(text, after)?,
        };
        Timestamp::from_second(moment.as_second()).map_err(|error| error.to_string())
    }

    fn local(&self, text: &str, after: Timestamp) -> Result<Timestamp, String> {
        let (clock, zone) = match text.strip_suffix(']').and_then(|text| text.split_once('[')) {
            Some((clock, name)) => (clock, Some(TimeZone::get(name).map_err(|error| error.to_string())?)),
            None => (text, self.zone.clone()),
        };
        let unknown =
            || format!("'{text}' is no hour; write 18:55, tomorrow 18:55, 2026-12-10T18:55[Europe/Berlin] or +20m");
        let in_zone = || {
            zone.clone()
                .ok_or_else(|| format!("in which time zone is {text}? write {text}[Europe/Berlin], or set `event.at`"))
        };
        if let Ok(moment) = clock.parse::<DateTime>()
            && clock.contains(':')
        {
            return resolved(&in_zone()?, moment, text);
        }
        let (day, clock) = match clock.split_once(char::is_whitespace) {
            Some((day, clock)) => (Some(day), clock.trim()),
            None => (None, clock),
        };
        let hour: Time = clock.parse().map_err(|_| unknown())?;
        let zone = in_zone()?;
        let today = zone.to_datetime(self.now).date();
        let of = |date: jiff::civil::Date| resolved(&zone, date.to_datetime(hour), text);
        let next = |date: jiff::civil::Date| date.tomorrow().map_err(|error| error.to_string());
        match day {
            Some("today") => of(today),
            Some("tomorrow") => of(next(today)?),
            Some(_) => Err(unknown()),
            None => {
                let date = zone.to_datetime(after).date();
                let moment = of(date)?;
                if moment > after { Ok(moment) } else { of(next(date)?) }
            }
        }
    }
}

/// On the days on which clocks are set an hour may be missing, or come twice.
fn resolved(zone: &TimeZone, moment: DateTime, text: &str) -> Result<Timestamp, String> {
    let resolved = zone.to_ambiguous_timestamp(moment).unambiguous();
    resolved
        .map_err(|_| format!("{text}: clocks are set then, and that hour comes twice or not at all; write its offset"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Result<String, String> {
        let hours = Hours {
            now: "2026-12-09T18:00:30.5Z".parse().unwrap(),
            zone: zone_of("2026-12-10T19:00[Europe/Berlin]"),
        };
        hours.moment(text, hours.now).map(|moment| moment.to_string())
    }

    #[test]
    fn an_hour_is_the_next_one_in_the_events_zone() {
        for (text, moment) in [
            // It is seven in the evening there.
            ("19:30", "2026-12-09T18:30:00Z"),
            ("18:55", "2026-12-10T17:55:00Z"),
            ("tomorrow 19:30", "2026-12-10T18:30:00Z"),
            ("today 18:55", "2026-12-09T17:55:00Z"),
            ("18:55[America/New_York]", "2026-12-09T23:55:00Z"),
            ("2026-12-10T18:55", "2026-12-10T17:55:00Z"),
            ("2026-12-10 18:55[Asia/Tokyo]", "2026-12-10T09:55:00Z"),
            ("2026-12-10T18:55Z", "2026-12-10T18:55:00Z"),
            ("2026-12-10T18:55:00+02:00", "2026-12-10T16:55:00Z"),
            ("+20m", "2026-12-09T18:20:30Z"),
        ] {
            assert_eq!(told(text).as_deref(), Ok(moment), "{text}");
        }
    }

    #[test]
    fn what_is_no_hour_or_none_of_that_day_is_said() {
        for text in [
            "noon",
            "25:00",
            "yesterday 18:55",
            "18:55[Mars/Olympus]",
            "2026-12-10",
            "+never",
            "",
        ] {
            assert!(told(text).is_err(), "{text}: {:?}", told(text));
        }
        // Clocks go forward at two, and back at three.
        assert!(told("2027-03-28T02:30").unwrap_err().contains("clocks are set"));
        assert!(told("2026-10-25T02:30").unwrap_err().contains("clocks are set"));
        let nowhere = Hours {
            now: Timestamp::UNIX_EPOCH,
            zone: None,
        };
        let error = nowhere.moment("18:55", nowhere.now).unwrap_err();
        assert!(error.contains("in which time zone"), "{error}");
        assert!(zone_of("2026-12-10T19:00:00+01:00").is_some() && zone_of("soon").is_none());
    }
}
