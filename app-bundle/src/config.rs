//! The settings of the site, read once from environment variables.
//! It knows the languages of the page and no other module: what a value is used for is not its business.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use jiff::Timestamp;
use thiserror::Error;
use tracing_subscriber::filter::LevelFilter;

use crate::language::Language;

/// Everything that can be set from outside. Credentials and the endpoint are read by the AWS SDK itself
/// (`AWS_ENDPOINT_URL`, instance profile, …).
#[derive(Debug, Clone)]
pub struct Config {
    /// `HOST`: the address to listen at. Nginx asks on loopback, and whoever asks there is no visitor: he may read the metrics.
    pub host: IpAddr,
    /// `PORT`. Beanstalk's nginx forwards to 5000 unless told otherwise.
    pub port: u16,
    /// `AWS_REGION`, else `AWS_DEFAULT_REGION`, else us-east-1.
    pub region: String,
    /// `TABLE_NAME`.
    pub table_name: String,
    /// `TABLE_KEY`: the partition key, of type S.
    pub table_key: String,
    /// `MAX_IN_FLIGHT`: writes to DynamoDB at one time; what comes on top is shed with 503. At DynamoDB's usual 5 to 10 ms
    /// two processors need 250; the rest is for bursts, and for a DynamoDB that is slow for a moment. A sixty-fourth of it is
    /// let in at any time, also where requests wait for a processor ([`crate::crowding`]).
    pub max_in_flight: usize,
    /// `DRAIN_SECONDS`: how long requests in flight may take after SIGTERM.
    pub drain: Duration,
    /// `LOG_LEVEL`: off, error, warn, info, debug or trace.
    pub log_level: LevelFilter,
    /// The event in each language, in the order of [`Language::all`].
    pub events: Vec<Event>,
    /// `REGISTRATION_CLOSES_AT`: from then on nobody is taken in. Unset: never.
    pub closes_at: Option<Timestamp>,
    /// `CONFCTL_TEST_UNTIL`: from then on no address is taken that `confctl` made up to try the site. Unset: always.
    pub test_until: Option<Timestamp>,
    pub draw: Draw,
}

/// What is shown once the draw was made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draw {
    /// `DRAW_WINNERS`: the winning tickets, with commas between them. With it the page is that of the draw, and nobody is taken in.
    pub winners: Vec<String>,
    /// `DRAW_RECORD`: where its record is published.
    pub record: Option<String>,
}

/// The texts of the event on the page of one language.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// `EVENT_TITLE_<LANGUAGE>`, else `EVENT_TITLE`.
    pub title: String,
    /// `EVENT_TEXT_<LANGUAGE>`, else `EVENT_TEXT`: one paragraph below the title.
    pub text: String,
    /// `EVENT_PRIZES_<LANGUAGE>`, else `EVENT_PRIZES`: what can be won.
    pub prizes: String,
}

/// A variable whose value cannot be used.
#[derive(Debug, Error, PartialEq)]
#[error("{name}={value:?} cannot be used: {allowed}")]
pub struct ConfigError {
    pub name: &'static str,
    pub value: String,
    pub allowed: &'static str,
}

impl Config {
    pub fn from_environment() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads each variable through `lookup`. An empty value counts as unset: Beanstalk cannot unset a property.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let set = |name: &str| {
            lookup(name)
                .map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty())
        };
        let text = |name: &str, default: &str| set(name).unwrap_or_else(|| default.to_owned());
        Ok(Self {
            host: match set("HOST") {
                Some(value) => value.parse().map_err(|_| ConfigError {
                    name: "HOST",
                    value,
                    allowed: "an IP address, as 127.0.0.1 or 0.0.0.0",
                })?,
                None => Ipv4Addr::LOCALHOST.into(),
            },
            port: match set("PORT") {
                Some(value) => number("PORT", value, 1, u16::MAX, "a port is a number from 1 to 65535")?,
                None => 5000,
            },
            region: set("AWS_REGION").unwrap_or_else(|| text("AWS_DEFAULT_REGION", "us-east-1")),
            table_name: text("TABLE_NAME", "users"),
            table_key: text("TABLE_KEY", "email"),
            max_in_flight: match set("MAX_IN_FLIGHT") {
                Some(value) => number("MAX_IN_FLIGHT", value, 1, 100_000, "a number from 1 to 100000")?,
                None => 1024,
            },
            drain: match set("DRAIN_SECONDS") {
                Some(value) => Duration::from_secs(number("DRAIN_SECONDS", value, 0, 600, "seconds, from 0 to 600")?),
                None => Duration::from_secs(20),
            },
            log_level: match set("LOG_LEVEL") {
                Some(value) => value.parse().map_err(|_| ConfigError {
                    name: "LOG_LEVEL",
                    value,
                    allowed: "one of off, error, warn, info, debug, trace",
                })?,
                None => LevelFilter::INFO,
            },
            events: Language::all().map(|language| event(language, &set)).collect(),
            closes_at: time("REGISTRATION_CLOSES_AT", &set)?,
            test_until: time("CONFCTL_TEST_UNTIL", &set)?,
            draw: Draw {
                winners: winners(&set)?,
                record: record(&set)?,
            },
        })
    }
}

fn time(name: &'static str, set: &impl Fn(&str) -> Option<String>) -> Result<Option<Timestamp>, ConfigError> {
    let read = |value: String| match value.parse() {
        Ok(time) => Ok(time),
        Err(_) => Err(ConfigError {
            name,
            value,
            allowed: "a time in UTC, as 2026-12-10T18:30:00Z",
        }),
    };
    set(name).map(read).transpose()
}

fn winners(set: &impl Fn(&str) -> Option<String>) -> Result<Vec<String>, ConfigError> {
    let value = set("DRAW_WINNERS").unwrap_or_default();
    let tickets: Vec<String> = value.split(',').map(|ticket| ticket.trim().to_owned()).collect();
    let is_ticket = |ticket: &String| ticket.len() == 32 && ticket.bytes().all(|byte| byte.is_ascii_hexdigit());
    match tickets.iter().all(is_ticket) {
        _ if value.is_empty() => Ok(Vec::new()),
        true => Ok(tickets),
        false => Err(ConfigError {
            name: "DRAW_WINNERS",
            value,
            allowed: "tickets of 32 hexadecimal digits, with commas between them",
        }),
    }
}

/// Nothing but a web address: it becomes a link.
fn record(set: &impl Fn(&str) -> Option<String>) -> Result<Option<String>, ConfigError> {
    match set("DRAW_RECORD") {
        Some(value) if !value.starts_with("https://") => Err(ConfigError {
            name: "DRAW_RECORD",
            value,
            allowed: "an address that begins with https://",
        }),
        record => Ok(record),
    }
}

/// What is set for this language, else for all, else what the article's event would say in it.
fn event(language: Language, set: &impl Fn(&str) -> Option<String>) -> Event {
    let suffix = language.tag().to_ascii_uppercase();
    let text = |name: &str, default: &str| {
        set(&format!("{name}_{suffix}"))
            .or_else(|| set(name))
            .unwrap_or_else(|| default.to_owned())
    };
    let texts = language.texts();
    Event {
        title: text("EVENT_TITLE", "The Cloud Bootcamp Conference"),
        text: text("EVENT_TEXT", texts.event_text),
        prizes: text("EVENT_PRIZES", texts.event_prizes),
    }
}

fn number<N>(name: &'static str, value: String, least: N, most: N, allowed: &'static str) -> Result<N, ConfigError>
where
    N: std::str::FromStr + PartialOrd,
{
    match value.parse::<N>() {
        Ok(number) if number >= least && number <= most => Ok(number),
        _ => Err(ConfigError { name, value, allowed }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &'static str) -> Result<Config, ConfigError> {
        Config::from_lookup(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn without_any_variable_the_article_is_what_runs() {
        let config = Config::from_lookup(|_| None).unwrap();
        assert_eq!((config.port, config.region.as_str()), (5000, "us-east-1"));
        assert_eq!(config.host, Ipv4Addr::LOCALHOST);
        assert_eq!(
            (config.table_name.as_str(), config.table_key.as_str()),
            ("users", "email")
        );
    }

    #[test]
    fn a_bad_port_is_named_with_what_is_allowed() {
        for value in ["0", "65536", "http", "-1", "80 80"] {
            let error = with("PORT", value).unwrap_err().to_string();
            assert!(
                error.contains("PORT") && error.contains(value) && error.contains("65535"),
                "{error}"
            );
        }
        assert_eq!(with("PORT", " 8080 ").unwrap().port, 8080);
        assert_eq!(with("PORT", "").unwrap().port, 5000);
    }

    #[test]
    fn who_wants_to_be_asked_from_elsewhere_names_an_address() {
        assert_eq!(with("HOST", "0.0.0.0").unwrap().host, Ipv4Addr::UNSPECIFIED);
        assert!(with("HOST", "::").unwrap().host.is_ipv6());
        let error = with("HOST", "example.com").unwrap_err().to_string();
        assert!(error.contains("HOST") && error.contains("IP address"), "{error}");
    }

    #[test]
    fn times_and_tickets_are_read_or_named() {
        let time = |name| with(name, "2026-12-10T18:30:00Z").unwrap();
        assert_eq!(
            time("REGISTRATION_CLOSES_AT").closes_at,
            "2026-12-10T18:30:00Z".parse().ok()
        );
        assert!(time("CONFCTL_TEST_UNTIL").test_until.is_some() && time("CONFCTL_TEST_UNTIL").closes_at.is_none());
        let winners = with(
            "DRAW_WINNERS",
            "00112233445566778899aabbccddeeff, ffeeddccbbaa99887766554433221100",
        )
        .unwrap();
        assert_eq!(winners.draw.winners.len(), 2);
        for (name, value) in [
            ("REGISTRATION_CLOSES_AT", "19:30"),
            ("CONFCTL_TEST_UNTIL", "tomorrow"),
            ("DRAW_WINNERS", "ada@example.com"),
            ("DRAW_RECORD", "javascript:alert(1)"),
        ] {
            let error = with(name, value).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(value), "{error}");
        }
    }

    #[test]
    fn a_text_of_the_event_is_set_for_all_languages_or_for_one() {
        let config = Config::from_lookup(|asked| match asked {
            "EVENT_TITLE" => Some("Rust Days".to_owned()),
            "EVENT_PRIZES_DE" => Some("Drei Gutscheine".to_owned()),
            _ => None,
        });
        let events = config.unwrap().events;
        let of = |tag| &events[Language::of(tag).unwrap().index()];
        assert_eq!(
            (of("en").title.as_str(), of("de").title.as_str()),
            ("Rust Days", "Rust Days")
        );
        assert_eq!(of("de").prizes, "Drei Gutscheine");
        assert_eq!(of("en").prizes, "10 vouchers for 3 cloud certifications");
        assert_ne!(of("fr").text, of("en").text);
    }
}
