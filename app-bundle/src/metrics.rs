//! Counters of this process in Prometheus text, for those who ask it itself: not through a proxy.
//! New and known addresses are not told apart here either, else a scrape would tell who was in already.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap};
use axum::response::{IntoResponse, Response};

use crate::security::came_through_a_proxy;
use crate::store::Cause;
use crate::{App, page};

/// Upper bounds of the histogram's buckets in milliseconds.
const BUCKETS: [u64; 10] = [1, 2, 5, 10, 25, 50, 100, 250, 1000, 4000];

/// How a registration ended.
#[derive(Debug, Clone, Copy)]
pub enum Registration {
    Accepted,
    Invalid,
    Refused,
    /// Registration was closed.
    Closed,
}

const REGISTRATIONS: [(Registration, &str); 4] = [
    (Registration::Accepted, "accepted"),
    (Registration::Invalid, "invalid"),
    (Registration::Refused, "refused"),
    (Registration::Closed, "closed"),
];

/// Why a registration was refused without trying.
#[derive(Debug, Clone, Copy)]
pub enum Shed {
    /// Too many writes were under way.
    InFlight,
    /// Too many requests waited for a processor.
    Crowded,
}

const SHED: [(Shed, &str); 2] = [(Shed::InFlight, "in_flight"), (Shed::Crowded, "crowded")];
const CAUSES: [(Cause, &str); 5] = [
    (Cause::Throttled, "throttled"),
    (Cause::Denied, "denied"),
    (Cause::Refused, "refused"),
    (Cause::Failed, "failed"),
    (Cause::Unanswered, "unanswered"),
];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// All counters, from the start of the process.
#[derive(Default)]
pub struct Metrics {
    registrations: [AtomicU64; 4],
    responses: [AtomicU64; 5],
    /// By [`Shed`].
    shed: [AtomicU64; 2],
    /// By [`Cause`].
    unconfirmed: [AtomicU64; 5],
    /// One more than there are bounds: the last takes what is slower than all.
    buckets: [AtomicU64; BUCKETS.len() + 1],
    stored_micros: AtomicU64,
}

impl Metrics {
    pub fn registration(&self, outcome: Registration) {
        self.registrations[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// One registration was refused without trying.
    pub fn shed(&self, why: Shed) {
        self.shed[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// DynamoDB did not confirm one write, after all attempts.
    pub fn unconfirmed(&self, cause: Cause) {
        self.unconfirmed[cause as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// DynamoDB confirmed one write after `took`.
    pub fn stored(&self, took: Duration) {
        let bucket = BUCKETS
            .iter()
            .position(|bound| took <= Duration::from_millis(*bound))
            .unwrap_or(BUCKETS.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.stored_micros
            .fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// One response was given.
    pub fn response(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(counter) = self.responses.get(class) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The Prometheus text exposition format, version 0.0.4.
    fn text(&self, in_flight: usize, retries: u64) -> String {
        let mut text = String::with_capacity(2048);
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        labelled(
            &mut text,
            ("confapp_registrations_total", "Registrations by outcome."),
            "outcome",
            REGISTRATIONS.map(|(outcome, name)| (name, read(&self.registrations[outcome as usize]))),
        );
        labelled(
            &mut text,
            ("confapp_shed_total", "Registrations refused without trying."),
            "reason",
            SHED.map(|(why, name)| (name, read(&self.shed[why as usize]))),
        );
        labelled(
            &mut text,
            (
                "confapp_store_failures_total",
                "Registrations that DynamoDB did not confirm, after all attempts.",
            ),
            "reason",
            CAUSES.map(|(cause, name)| (name, read(&self.unconfirmed[cause as usize]))),
        );
        family(
            &mut text,
            "confapp_store_retries_total",
            "counter",
            "Attempts to write beyond the first.",
        );
        let _ = writeln!(text, "confapp_store_retries_total {retries}");
        family(
            &mut text,
            "confapp_store_in_flight",
            "gauge",
            "Writes to DynamoDB under way.",
        );
        let _ = writeln!(text, "confapp_store_in_flight {in_flight}");
        labelled(
            &mut text,
            ("confapp_http_responses_total", "Responses by class of status."),
            "class",
            CLASSES.into_iter().zip(self.responses.iter().map(read)),
        );
        family(
            &mut text,
            "confapp_store_seconds",
            "histogram",
            "Time until DynamoDB confirmed a write.",
        );
        let mut so_far = 0;
        for (index, counter) in self.buckets.iter().enumerate() {
            so_far += read(counter);
            let bound = BUCKETS
                .get(index)
                .map_or("+Inf".to_owned(), |bound| (*bound as f64 / 1000.0).to_string());
            let _ = writeln!(text, "confapp_store_seconds_bucket{{le=\"{bound}\"}} {so_far}");
        }
        let _ = writeln!(
            text,
            "confapp_store_seconds_sum {}",
            read(&self.stored_micros) as f64 / 1e6
        );
        let _ = writeln!(text, "confapp_store_seconds_count {so_far}");
        text
    }
}

/// A family of counters that differ in one label.
fn labelled(
    text: &mut String,
    (family_name, help): (&str, &str),
    label: &str,
    counters: impl IntoIterator<Item = (&'static str, u64)>,
) {
    family(text, family_name, "counter", help);
    for (value, counter) in counters {
        let _ = writeln!(text, "{family_name}{{{label}=\"{value}\"}} {counter}");
    }
}

fn family(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// `GET /metrics`: as if it did not exist where a proxy passed the request on.
pub async fn scrape(State(app): State<App>, headers: HeaderMap) -> Response {
    if came_through_a_proxy(&headers) {
        return page::not_found(State(app)).await;
    }
    let text = app.metrics.text(app.store.in_flight(), app.store.retries());
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
        .into_response()
}
