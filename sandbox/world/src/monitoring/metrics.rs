//! Metrics: samples as they were published, and statistics of them over periods.
//! Must know nothing of alarms.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::Refusal;

/// Samples a minute apart are kept this long.
const RETENTION: SignedDuration = SignedDuration::from_hours(15 * 24);

/// What a value may be of (CloudWatch API, MetricDatum).
const UNITS: &[&str] = &[
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

#[derive(Debug, Default)]
pub struct Metrics(BTreeMap<Metric, Vec<Sample>>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    /// `AWS/EC2`.
    pub namespace: String,
    /// `CPUUtilization`.
    pub name: String,
    pub dimensions: BTreeMap<String, String>,
}

/// One value of a metric.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// The beginning of the interval that it is of.
    pub time: Timestamp,
    /// It is seen from then on.
    pub published: Timestamp,
    pub value: f64,
    /// `Percent`, …
    pub unit: &'static str,
}

/// The statistics of the samples of one period.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The beginning of the period.
    pub time: Timestamp,
    pub count: f64,
    pub sum: f64,
    pub minimum: f64,
    pub maximum: f64,
    pub unit: &'static str,
}

impl Point {
    /// `Average`, `Sum`, `Minimum`, `Maximum` or `SampleCount`; `None` for any other.
    pub fn statistic(&self, name: &str) -> Option<f64> {
        match name {
            "Average" => Some(self.sum / self.count),
            "Sum" => Some(self.sum),
            "Minimum" => Some(self.minimum),
            "Maximum" => Some(self.maximum),
            "SampleCount" => Some(self.count),
            _ => None,
        }
    }
}

/// The minute that a time is in.
pub(crate) fn minute(time: Timestamp) -> Timestamp {
    let second = time.as_second();
    Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(time)
}

/// `seconds` after a time; the end of time where there is none.
pub(crate) fn after(time: Timestamp, seconds: i64) -> Timestamp {
    time.checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX)
}

impl Metrics {
    /// Metrics without a sample that is young enough are gone.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        let is_young = |sample: &Sample| now.duration_since(sample.time) <= RETENTION;
        self.0.retain(|_, samples| samples.last().is_some_and(is_young));
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn push(&mut self, metric: Metric, sample: Sample) {
        let oldest = sample.time.checked_sub(RETENTION).unwrap_or(Timestamp::MIN);
        let samples = self.0.entry(metric).or_default();
        let outdated = samples.partition_point(|sample| sample.time < oldest);
        samples.drain(..outdated);
        // Clients may publish what is past.
        let place = samples.partition_point(|other| other.time <= sample.time);
        samples.insert(place, sample);
    }

    /// Adds to the newest sample, where it is of the same minute: of what is only counted there is one sample a minute.
    pub(crate) fn count(&mut self, metric: Metric, sample: Sample) {
        let newest = self.0.get_mut(&metric).and_then(|samples| samples.last_mut());
        match newest.filter(|newest| newest.time == sample.time) {
            Some(newest) => newest.value += sample.value,
            None => self.push(metric, sample),
        }
    }

    /// As PutMetricData: a client's own values, in the minute that they are of.
    ///
    /// # Errors
    /// A time that is older than two weeks or further ahead than two hours, and a unit that is none.
    pub fn put(
        &mut self,
        metric: &Metric,
        values: &[f64],
        unit: Option<&str>,
        time: Timestamp,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let invalid = |message: String| Err(Refusal::new("InvalidParameterValue", message));
        let age = now.as_second() - time.as_second();
        if !(-2 * 3600..=14 * 24 * 3600).contains(&age) {
            return invalid(format!(
                "The parameter MetricData.member.1.Timestamp must specify a time within the past two weeks and no more than two \
                 hours ahead; {time} is not."
            ));
        }
        let unit = unit.unwrap_or("None");
        let Some(unit) = UNITS.iter().find(|known| **known == unit) else {
            return invalid(format!(
                "The parameter MetricData.member.1.Unit must be one of {UNITS:?}."
            ));
        };
        for value in values {
            if !value.is_finite() {
                return invalid("The parameter MetricData.member.1.Value must be a number.".to_owned());
            }
            let sample = Sample {
                time: minute(time),
                published: now,
                value: *value,
                unit,
            };
            self.push(metric.clone(), sample);
        }
        Ok(())
    }

    /// Metrics with the time of their newest sample.
    pub fn list(&self) -> impl Iterator<Item = (&Metric, Timestamp)> {
        let metrics = self.0.iter();
        metrics.filter_map(|(metric, samples)| Some((metric, samples.last()?.time)))
    }

    /// The statistics of one period, of what is published by `now`; `None` where there is no sample, or none of `unit`.
    pub(crate) fn point(
        &self,
        metric: &Metric,
        start: Timestamp,
        seconds: i64,
        unit: Option<&str>,
        now: Timestamp,
    ) -> Option<Point> {
        let end = after(start, seconds);
        let samples = self.0.get(metric)?.iter().rev();
        let of_period = samples
            .skip_while(|sample| sample.time >= end)
            .take_while(|sample| sample.time >= start)
            .filter(|sample| sample.published <= now && unit.is_none_or(|unit| unit == sample.unit));
        of_period.fold(None, |point: Option<Point>, sample| {
            let value = sample.value;
            Some(match point {
                None => Point {
                    time: start,
                    count: 1.0,
                    sum: value,
                    minimum: value,
                    maximum: value,
                    unit: sample.unit,
                },
                Some(point) => Point {
                    count: point.count + 1.0,
                    sum: point.sum + value,
                    minimum: point.minimum.min(value),
                    maximum: point.maximum.max(value),
                    ..point
                },
            })
        })
    }

    /// The statistics of every period of `start..end` that has samples, oldest first. Periods count from the minute of
    /// `start`, as GetMetricStatistics has it.
    pub fn points(
        &self,
        metric: &Metric,
        (start, end): (Timestamp, Timestamp),
        seconds: i64,
        unit: Option<&str>,
        now: Timestamp,
    ) -> Vec<Point> {
        let Some(samples) = self.0.get(metric) else {
            return Vec::new();
        };
        let first = minute(start);
        let inside = |sample: &&Sample| sample.time >= first && sample.time < end;
        let mut starts: Vec<_> = samples
            .iter()
            .filter(inside)
            .map(|sample| {
                let passed = sample.time.as_second() - first.as_second();
                after(first, passed - passed.rem_euclid(seconds))
            })
            .collect();
        starts.sort();
        starts.dedup();
        starts
            .into_iter()
            .filter_map(|start| self.point(metric, start, seconds, unit, now))
            .collect()
    }
}
