//! When people come: independent of each other and of the site, or as somebody recorded it.
//! Must know nothing of what they then do.

use std::time::Duration;

use jiff::Timestamp;

/// People of one run at most.
pub const MOST_PEOPLE: u32 = 1_000_000;

/// How people come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coming {
    /// So many within a time, whenever they like.
    AtRandom { people: u32, within: Duration },
    /// Each at a moment after the first one; ascending.
    Recorded(Vec<Duration>),
}

/// Why a record of arrivals is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("line {line}: {reason}")]
    Line { line: usize, reason: String },
    #[error("it holds no time at which somebody came")]
    Empty,
}

impl Coming {
    /// Reads a time a line; of CSV the first column. A time is a number of seconds, from whatever beginning, or of the form
    /// `2026-12-10T18:00:00Z`. A first line without any digit names columns.
    ///
    /// # Errors
    /// With the first line that holds none.
    pub fn read(text: &str) -> Result<Self, RecordError> {
        let mut times = Vec::new();
        let lines = text
            .lines()
            .enumerate()
            .map(|(place, line)| (place + 1, first_column(line)));
        for (nth, (line, column)) in lines.filter(|(_, column)| !column.is_empty()).enumerate() {
            let time = match Time::read(column) {
                Some(time) => time,
                None if nth == 0 && !column.contains(|letter: char| letter.is_ascii_digit()) => continue,
                None => return Err(unfit(line, format!("'{}' is no time", shortened(column)))),
            };
            if times.first().is_some_and(|first: &Time| !first.is_like(&time)) {
                return Err(unfit(line, "seconds and times of day are mixed".to_owned()));
            }
            if times.len() == MOST_PEOPLE as usize {
                return Err(unfit(line, format!("more than {MOST_PEOPLE} people")));
            }
            times.push(time);
        }
        let nanoseconds = || times.iter().map(|time| time.nanoseconds());
        let first = nanoseconds().min().ok_or(RecordError::Empty)?;
        let after = |time: i128| u64::try_from(time - first).map_or(Duration::MAX, Duration::from_nanos);
        let mut moments: Vec<Duration> = nanoseconds().map(after).collect();
        moments.sort_unstable();
        Ok(Self::Recorded(moments))
    }

    pub fn people(&self) -> u32 {
        match self {
            Self::AtRandom { people, .. } => *people,
            Self::Recorded(moments) => u32::try_from(moments.len()).unwrap_or(MOST_PEOPLE),
        }
    }

    /// Within which all of them come.
    pub fn within(&self) -> Duration {
        match self {
            Self::AtRandom { within, .. } => *within,
            Self::Recorded(moments) => moments.last().copied().unwrap_or_default(),
        }
    }

    /// The moments, ascending. At random they are uniform and independent, which is a Poisson stream of which the number is known:
    /// it has the bunches and gaps of real arrivals, as evenly spaced ones have not.
    pub(super) fn moments(&self) -> Vec<Duration> {
        match self {
            Self::Recorded(moments) => moments.clone(),
            Self::AtRandom { people, within } => {
                let each = (0..*people).map(|_| within.mul_f64(rand::random::<f64>()));
                let mut moments: Vec<Duration> = each.collect();
                moments.sort_unstable();
                moments
            }
        }
    }
}

fn unfit(line: usize, reason: String) -> RecordError {
    RecordError::Line { line, reason }
}

/// What is shown of a line that may be anything.
fn shortened(column: &str) -> String {
    column.chars().take(40).collect()
}

fn first_column(line: &str) -> &str {
    let line = line.trim_start_matches('\u{feff}').trim();
    let column = match line.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => line.split([',', ';', '\t']).next(),
    };
    column.unwrap_or_default().trim()
}

#[derive(Debug, Clone, Copy)]
enum Time {
    Seconds(f64),
    OfDay(Timestamp),
}

impl Time {
    fn read(text: &str) -> Option<Self> {
        match text.parse::<f64>() {
            Ok(seconds) => seconds.is_finite().then_some(Self::Seconds(seconds)),
            Err(_) => text.parse().ok().map(Self::OfDay),
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    fn nanoseconds(&self) -> i128 {
        match self {
            Self::Seconds(seconds) => (seconds * 1e9) as i128,
            Self::OfDay(time) => time.as_nanosecond(),
        }
    }
}

/// A pause around `mean`: from half of it to one and a half.
pub(super) fn around(mean: Duration) -> Duration {
    mean.mul_f64(0.5 + rand::random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_comes_within_the_time_and_in_order() {
        let within = Duration::from_secs(60);
        let coming = Coming::AtRandom { people: 10_000, within };
        let moments = coming.moments();
        assert_eq!(moments.len(), 10_000);
        assert!(moments.is_sorted() && moments.iter().all(|moment| *moment <= within));
        let first_half = moments.iter().filter(|moment| **moment < within / 2).count();
        assert!((4_500..5_500).contains(&first_half), "{first_half} in the first half");
    }

    #[test]
    fn recorded_arrivals_are_taken_as_they_were_whatever_their_clock_began_with() {
        let wanted = [0, 500, 2_000].map(Duration::from_millis).to_vec();
        for text in [
            "0\n0.5\n2\n",
            "1764612002\r\n1764612000.0\r\n\r\n1764612000.5\r\n",
            "time,address\n\"2026-12-10T18:00:00Z\",a\n2026-12-10T19:00:02+01:00,b\n2026-12-10T18:00:00.5Z,c\n",
        ] {
            let coming = Coming::read(text).unwrap();
            assert_eq!(
                (coming.people(), coming.within()),
                (3, Duration::from_secs(2)),
                "{text}"
            );
            assert_eq!(coming.moments(), wanted, "{text}");
        }
    }

    #[test]
    fn a_line_that_is_no_time_is_named() {
        let said = |text: &str| Coming::read(text).unwrap_err().to_string();
        assert_eq!(said("1\n2\nsoon\n"), "line 3: 'soon' is no time");
        assert_eq!(said("when\nthen\n"), "line 2: 'then' is no time");
        assert_eq!(said("7;x\n18:00\n"), "line 2: '18:00' is no time");
        assert_eq!(
            said("1\n2026-12-10T18:00:00Z\n"),
            "line 2: seconds and times of day are mixed"
        );
        assert_eq!(said("inf\n"), "it holds no time at which somebody came");
        assert_eq!(said(""), "it holds no time at which somebody came");
    }
}
