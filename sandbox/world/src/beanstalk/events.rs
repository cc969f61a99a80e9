//! What happened, as DescribeEvents tells it.
//! Must know nothing of why; the workflows write it.

use jiff::Timestamp;

use super::Beanstalk;

#[derive(Debug, Clone)]
pub struct Event {
    pub time: Timestamp,
    pub severity: Severity,
    pub message: String,
    pub application: String,
    pub environment: Option<(String, String)>,
    pub version_label: Option<String>,
    /// Of the call that caused it: by it a client finds the end of its own operation.
    pub request_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

impl Severity {
    const ALL: [Self; 6] = [
        Self::Trace,
        Self::Debug,
        Self::Info,
        Self::Warn,
        Self::Error,
        Self::Fatal,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == text)
    }
}

/// What DescribeEvents narrows by; all that is set has to hold.
#[derive(Debug, Default, Clone)]
pub struct EventFilter {
    pub application: Option<String>,
    pub environment_id: Option<String>,
    pub environment_name: Option<String>,
    pub version_label: Option<String>,
    pub request_id: Option<String>,
    /// That one and above.
    pub severity: Option<Severity>,
    /// Inclusive.
    pub start: Option<Timestamp>,
    /// Exclusive.
    pub end: Option<Timestamp>,
}

impl EventFilter {
    fn passes(&self, event: &Event) -> bool {
        let same = |wanted: &Option<String>, actual: Option<&String>| wanted.is_none() || wanted.as_ref() == actual;
        same(&self.application, Some(&event.application))
            && same(&self.environment_id, event.environment.as_ref().map(|(id, _)| id))
            && same(&self.environment_name, event.environment.as_ref().map(|(_, name)| name))
            && same(&self.version_label, event.version_label.as_ref())
            && same(&self.request_id, event.request_id.as_ref())
            && self.severity.is_none_or(|lowest| event.severity >= lowest)
            && self.start.is_none_or(|start| event.time >= start)
            && self.end.is_none_or(|end| event.time < end)
    }
}

impl Beanstalk {
    /// Newest first, as the API has it.
    pub fn events(&self, filter: &EventFilter) -> Vec<&Event> {
        self.events.iter().rev().filter(|event| filter.passes(event)).collect()
    }
}
