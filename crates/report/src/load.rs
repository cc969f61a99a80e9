//! The report of a load run.
//! Must know nothing of where the numbers of the table come from.

use serde::Serialize;

use super::{Chart, Figure, Hue, Report, Series, Shape, Table, Verdict};
use confctl_load::{Latencies, Measured, Slot};

/// What a run was about, and what the table said afterwards.
#[derive(Debug, Clone, Serialize)]
pub struct About {
    pub site: String,
    pub stack: String,
    /// RFC 3339, UTC.
    pub began: String,
    pub from_region: Option<String>,
    pub people: u32,
    pub within_seconds: f64,
    pub think_seconds: f64,
    pub table: String,
    /// Of this run's addresses, those in the table afterwards, by a consistent read.
    pub stored: u64,
    /// Accepted, and not in the table.
    pub lost: u64,
    /// In the table though the visitor never got the yes: the answer was lost, not the registration.
    pub unconfirmed: u64,
    /// US dollars at list prices, of the requests alone.
    pub cost: f64,
    /// MiB that this program took at most.
    pub memory: Option<u64>,
    pub notes: Vec<String>,
}

/// Tells the run.
pub fn report(about: &About, measured: &Measured) -> Report {
    let totals = &measured.totals;
    let all_in = about.lost == 0 && totals.accepted == u64::from(about.people);
    let cached = totals.cache_hits + totals.cache_misses;
    let hit_ratio = (cached > 0).then(|| 100.0 * totals.cache_hits as f64 / cached as f64);
    let seconds = measured.seconds.max(f64::MIN_POSITIVE);
    let mut facts = vec![
        ("Site".to_owned(), about.site.clone()),
        ("Began".to_owned(), about.began.clone()),
        (
            "People".to_owned(),
            format!("{} within {:.0} s", about.people, about.within_seconds),
        ),
        (
            "Accepted".to_owned(),
            format!("{} of {}", totals.accepted, about.people),
        ),
        (
            "In the table".to_owned(),
            format!("{} ({} lost)", about.stored, about.lost),
        ),
        (
            "Requests".to_owned(),
            format!("{} ({:.0} a second)", totals.requests, totals.requests as f64 / seconds),
        ),
        (
            "Turned away (503)".to_owned(),
            format!("{}, {} POSTs sent again", totals.shed, totals.retries),
        ),
        (
            "Edge cache".to_owned(),
            hit_ratio.map_or_else(|| "no X-Cache header".to_owned(), |ratio| format!("{ratio:.1} % hits")),
        ),
        ("Most people at once".to_owned(), totals.most_open.to_string()),
        (
            "Cost of these requests".to_owned(),
            format!("about ${:.4} on AWS", about.cost),
        ),
    ];
    if totals.abandoned > 0 {
        facts.push(("Left in vain".to_owned(), totals.abandoned.to_string()));
    }
    if totals.http2 > 0 {
        facts.push(("Answered by HTTP/2".to_owned(), totals.http2.to_string()));
    }
    if let Some(region) = &about.from_region {
        facts.push(("Run from".to_owned(), region.clone()));
    }
    Report {
        title: format!("Load of {}", about.stack),
        verdict: Verdict {
            good: all_in,
            text: verdict(about, measured),
        },
        facts,
        figures: vec![
            Figure::Chart(throughput(measured)),
            Figure::Chart(latency(
                "Registration: from the click until it is accepted",
                measured,
                |slot| slot.registration,
            )),
            Figure::Chart(latency("Page: from the arrival until it is there", measured, |slot| {
                slot.page
            })),
        ],
        tables: vec![latencies(measured), errors(measured)],
        notes: notes(about),
    }
}

/// One sentence on how it went.
pub fn verdict(about: &About, measured: &Measured) -> String {
    let totals = &measured.totals;
    let not_in = u64::from(about.people) - totals.accepted;
    let mut text = match (about.lost, not_in) {
        (0, 0) => format!(
            "All {} people registered, and each of them is in the table once.",
            about.people
        ),
        (0, _) => format!(
            "{} of {} people registered, each of them in the table once; {not_in} did not get in.",
            totals.accepted, about.people
        ),
        (lost, _) => format!("{lost} accepted registrations are not in the table."),
    };
    if about.unconfirmed > 0 {
        text.push_str(&format!(
            " {} are in the table whose answer was lost on the way.",
            about.unconfirmed
        ));
    }
    text
}

fn throughput(measured: &Measured) -> Chart {
    let per_second = |count: fn(&Slot) -> u64| -> Vec<(f64, f64)> {
        let slots = measured.slots.iter();
        slots
            .map(|slot| (slot.at, count(slot) as f64 / measured.slot_seconds))
            .collect()
    };
    let series = |name: &str, hue, shape, count| Series {
        name: name.to_owned(),
        hue,
        shape,
        points: per_second(count),
    };
    Chart {
        title: "Throughput and errors".to_owned(),
        unit: "a second".to_owned(),
        seconds: measured.seconds,
        top: 0.0,
        series: vec![
            series("requests", Hue::Quiet, Shape::Area, |slot| slot.requests),
            series("people arriving", Hue::Second, Shape::Line, |slot| slot.arrived),
            series("registrations accepted", Hue::Third, Shape::Line, |slot| slot.accepted),
            series("turned away (503)", Hue::Fourth, Shape::Line, |slot| slot.shed),
            series("errors", Hue::Alarm, Shape::Line, |slot| slot.errors),
        ],
        thresholds: Vec::new(),
        bands: Vec::new(),
    }
}

fn latency(title: &str, measured: &Measured, of: fn(&Slot) -> Option<Latencies>) -> Chart {
    let series = |name: &str, hue, at: fn(&Latencies) -> f64| Series {
        name: name.to_owned(),
        hue,
        shape: Shape::Line,
        points: measured
            .slots
            .iter()
            .map(|slot| (slot.at, of(slot).as_ref().map_or(f64::NAN, at)))
            .collect(),
    };
    Chart {
        title: title.to_owned(),
        unit: "ms".to_owned(),
        seconds: measured.seconds,
        top: 0.0,
        series: vec![
            series("p99", Hue::Alarm, |latency| latency.p99),
            series("p90", Hue::Second, |latency| latency.p90),
            series("p50", Hue::First, |latency| latency.p50),
        ],
        thresholds: Vec::new(),
        bands: Vec::new(),
    }
}

fn latencies(measured: &Measured) -> Table {
    let rows = [
        ("page, from the arrival", measured.page),
        ("one asset", measured.asset),
        ("one POST", measured.answer),
        ("registration, from the click, all tries", measured.registration),
    ];
    let cells = |name: &str, latency: &Latencies| {
        let milliseconds = [latency.p50, latency.p90, latency.p99, latency.p999, latency.max];
        let numbers = milliseconds.iter().map(|value| format!("{value:.1}"));
        [name.to_owned(), latency.count.to_string()]
            .into_iter()
            .chain(numbers)
            .collect()
    };
    Table {
        title: "Latencies in milliseconds".to_owned(),
        head: ["", "count", "p50", "p90", "p99", "p99.9", "max"]
            .map(str::to_owned)
            .to_vec(),
        rows: rows
            .iter()
            .filter_map(|(name, latency)| Some(cells(name, latency.as_ref()?)))
            .collect(),
    }
}

fn errors(measured: &Measured) -> Table {
    let rows: Vec<Vec<String>> = measured
        .errors
        .iter()
        .map(|(cause, count)| vec![cause.clone(), count.to_string()])
        .collect();
    Table {
        title: if rows.is_empty() {
            "Errors: none".to_owned()
        } else {
            "Errors by cause".to_owned()
        },
        head: ["cause", "requests"].map(str::to_owned).to_vec(),
        rows,
    }
}

fn notes(about: &About) -> Vec<String> {
    let mut notes = vec![
        "Open model: people arrive at their own moments, however slow the site is, and latency counts from the intended moment. \
         Nothing is left out because this program or the site was late (no coordinated omission)."
            .to_owned(),
        "A person loads the page and its assets over one kept-alive connection, thinks, and sends the form; a 503, a time-out or \
         a lost connection is tried again as the page's own script does it."
            .to_owned(),
        "Latencies are filed under the moment in which what they measure began.".to_owned(),
    ];
    notes.extend(about.notes.iter().cloned());
    notes
}
