//! The report of a stress test: CPU against its threshold, the alarm, the instances and what Auto Scaling did.
//! Must know nothing of where the readings come from.

use serde::Serialize;

use super::{Band, Chart, Figure, Hue, Report, Series, Shape, Span, Table, Threshold, TimeLine, Verdict};

/// A test from the first reading to the last. All times are seconds since the burn began, in the clock of AWS.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Course {
    pub stack: String,
    /// RFC 3339, UTC.
    pub began: String,
    pub environment: String,
    pub group: String,
    /// Percent.
    pub upper: f64,
    /// Percent.
    pub lower: Option<f64>,
    pub burn: String,
    /// Seconds until the burn ended.
    pub burned: f64,
    pub seconds: f64,
    /// The alarm's own metric, each average from its period's start to its end: seconds and percent.
    pub cpu: Vec<(f64, f64)>,
    /// Times in which the high alarm was in state ALARM.
    pub alarm: Vec<(f64, f64)>,
    /// Seconds and instances in service.
    pub instances: Vec<(f64, f64)>,
    /// Seconds and Beanstalk's word, where it changed.
    pub health: Vec<(f64, String)>,
    pub activities: Vec<Activity>,
    pub scaled_out: bool,
    pub scaled_in: bool,
    pub verdict: String,
}

/// A scaling activity.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Activity {
    pub description: String,
    pub cause: String,
    pub status: String,
    pub from: f64,
    /// `None` while it goes on.
    pub to: Option<f64>,
    pub adds: bool,
}

/// Tells the test.
pub fn report(course: &Course) -> Report {
    let good = course.scaled_out && course.scaled_in;
    let count = |pick: fn(f64, f64) -> f64| course.instances.iter().map(|(_, count)| *count).reduce(pick);
    let fewest = count(f64::min).unwrap_or(0.0);
    let most = count(f64::max).unwrap_or(0.0);
    Report {
        title: format!("Stress of {}", course.stack),
        verdict: Verdict {
            good,
            text: course.verdict.clone(),
        },
        facts: vec![
            ("Began".to_owned(), course.began.clone()),
            ("Environment".to_owned(), course.environment.clone()),
            ("Auto Scaling group".to_owned(), course.group.clone()),
            ("Trigger".to_owned(), trigger(course)),
            ("Burn".to_owned(), course.burn.clone()),
            ("Instances".to_owned(), format!("{fewest:.0} to {most:.0}")),
        ],
        figures: vec![
            Figure::Chart(cpu(course)),
            Figure::Chart(instances(course)),
            Figure::TimeLine(time_line(course)),
        ],
        tables: vec![activities(course), health(course)],
        notes: vec![
            "CPU is the alarm's own metric: an average over the group and over the period. CloudWatch shows it after the period's end."
                .to_owned(),
            "The proof that the alarm added the instance is the activity's own cause.".to_owned(),
        ],
    }
}

fn trigger(course: &Course) -> String {
    match course.lower {
        Some(lower) => format!("more above {} %, fewer below {lower} %", course.upper),
        None => format!("more above {} %", course.upper),
    }
}

fn cpu(course: &Course) -> Chart {
    let mut thresholds = vec![Threshold {
        name: format!("upper threshold {} %", course.upper),
        value: course.upper,
    }];
    thresholds.extend(course.lower.map(|lower| Threshold {
        name: format!("lower threshold {lower} %"),
        value: lower,
    }));
    let alarm = course.alarm.iter().map(|(from, to)| Band {
        name: "alarm in state ALARM".to_owned(),
        hue: Hue::Alarm,
        from: *from,
        to: *to,
    });
    let burn = Band {
        name: "burn".to_owned(),
        hue: Hue::Second,
        from: 0.0,
        to: course.burned,
    };
    Chart {
        title: "CPU of the group".to_owned(),
        unit: "% average".to_owned(),
        seconds: course.seconds,
        top: 100.0,
        series: vec![Series {
            name: "CPUUtilization".to_owned(),
            hue: Hue::First,
            shape: Shape::Line,
            points: course.cpu.clone(),
        }],
        thresholds,
        bands: std::iter::once(burn).chain(alarm).collect(),
    }
}

fn instances(course: &Course) -> Chart {
    let mut points = course.instances.clone();
    if let Some((_, last)) = points.last().copied() {
        points.push((course.seconds, last));
    }
    Chart {
        title: "Instances in service".to_owned(),
        unit: String::new(),
        seconds: course.seconds,
        top: 4.0,
        series: vec![Series {
            name: "instances".to_owned(),
            hue: Hue::Third,
            shape: Shape::Steps,
            points,
        }],
        thresholds: Vec::new(),
        bands: Vec::new(),
    }
}

fn time_line(course: &Course) -> TimeLine {
    let burn = Span {
        name: "burn".to_owned(),
        hue: Hue::Second,
        from: 0.0,
        to: course.burned,
    };
    let alarms = course.alarm.iter().map(|(from, to)| Span {
        name: "high alarm".to_owned(),
        hue: Hue::Alarm,
        from: *from,
        to: *to,
    });
    let activities = course.activities.iter().map(|activity| Span {
        name: activity.description.clone(),
        hue: if activity.adds { Hue::Third } else { Hue::Fourth },
        from: activity.from,
        to: activity.to.unwrap_or(course.seconds),
    });
    TimeLine {
        title: "What happened when".to_owned(),
        seconds: course.seconds,
        spans: std::iter::once(burn).chain(alarms).chain(activities).collect(),
    }
}

fn activities(course: &Course) -> Table {
    let row = |activity: &Activity| {
        vec![
            super::clock(activity.from),
            activity.to.map_or_else(|| "goes on".to_owned(), super::clock),
            activity.description.clone(),
            activity.status.clone(),
            activity.cause.clone(),
        ]
    };
    Table {
        title: "Scaling activities".to_owned(),
        head: ["began", "ended", "what", "status", "cause, in AWS's words"]
            .map(str::to_owned)
            .to_vec(),
        rows: course.activities.iter().map(row).collect(),
    }
}

fn health(course: &Course) -> Table {
    let row = |(at, word): &(f64, String)| vec![super::clock(*at), word.clone()];
    Table {
        title: "Health of the environment".to_owned(),
        head: ["at", "health"].map(str::to_owned).to_vec(),
        rows: course.health.iter().map(row).collect(),
    }
}
