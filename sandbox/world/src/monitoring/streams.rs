//! What is in a log group: streams of events, each as its agent sent them.
//! Must know nothing of where the lines come from, or in which form they are asked for.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

/// Events of a stream that are kept. AWS keeps all of them, for as long as the group says.
const MOST: usize = 10_000;

/// The streams of a group.
#[derive(Debug, Clone, Default)]
pub struct Streams {
    by_name: BTreeMap<String, LogStream>,
    /// How many events ever came.
    taken: u64,
}

#[derive(Debug, Clone)]
pub struct LogStream {
    pub created: Timestamp,
    /// Oldest first.
    pub events: VecDeque<LogEvent>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    /// 56 digits. Of two events the later one has the larger id.
    pub id: String,
    pub timestamp: Timestamp,
    pub ingested: Timestamp,
    pub message: String,
}

/// Which events are asked for. Times are in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Empty: of any stream.
    pub streams: &'a [String],
    /// What the stream's name begins with.
    pub prefix: &'a str,
    pub from: Option<i64>,
    /// Not itself one of them.
    pub until: Option<i64>,
}

impl Wanted<'_> {
    fn is_of(&self, stream: &str) -> bool {
        stream.starts_with(self.prefix) && (self.streams.is_empty() || self.streams.iter().any(|name| name == stream))
    }

    fn is_at(&self, event: &LogEvent) -> bool {
        let at = event.timestamp.as_millisecond();
        self.from.is_none_or(|from| at >= from) && self.until.is_none_or(|until| at < until)
    }
}

impl Streams {
    /// Adds lines that came at the same moment. A stream is there with its first event.
    pub fn take(&mut self, stream: &str, lines: Vec<String>, now: Timestamp) {
        if lines.is_empty() {
            return;
        }
        let new = || LogStream {
            created: now,
            events: VecDeque::new(),
        };
        let stream = self.by_name.entry(stream.to_owned()).or_insert_with(new);
        for message in lines {
            self.taken += 1;
            stream.events.push_back(LogEvent {
                id: format!("{:014}{:042}", now.as_millisecond(), self.taken),
                timestamp: now,
                ingested: now,
                message,
            });
        }
        let above = stream.events.len().saturating_sub(MOST);
        stream.events.drain(..above);
    }

    /// By name.
    pub fn all(&self) -> impl Iterator<Item = (&String, &LogStream)> {
        self.by_name.iter()
    }

    pub fn get(&self, stream: &str) -> Option<&LogStream> {
        self.by_name.get(stream)
    }

    /// The events of all streams that are wanted, oldest first.
    pub fn find(&self, wanted: &Wanted<'_>) -> Vec<(&str, &LogEvent)> {
        let streams = self.by_name.iter().filter(|(name, _)| wanted.is_of(name));
        let events = streams.flat_map(|(name, stream)| stream.events.iter().map(|event| (name.as_str(), event)));
        let mut found: Vec<_> = events.filter(|(_, event)| wanted.is_at(event)).collect();
        found.sort_by(|(_, one), (_, other)| one.id.cmp(&other.id));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    fn said(streams: &Streams, wanted: &Wanted<'_>) -> Vec<String> {
        let found = streams.find(wanted).into_iter();
        found
            .map(|(stream, event)| format!("{stream}: {}", event.message))
            .collect()
    }

    #[test]
    fn events_of_several_streams_come_in_the_order_in_which_they_were_said() {
        let mut streams = Streams::default();
        streams.take("i-2", vec!["first".to_owned(), "second".to_owned()], at(1000));
        streams.take("i-1", vec!["third".to_owned()], at(2000));
        streams.take("i-2", vec!["fourth".to_owned()], at(3000));
        streams.take("i-3", Vec::new(), at(3000));
        let all = ["i-2: first", "i-2: second", "i-1: third", "i-2: fourth"];
        assert_eq!(said(&streams, &Wanted::default()), all);
        let between = Wanted {
            from: Some(2000),
            until: Some(3000),
            ..Wanted::default()
        };
        assert_eq!(said(&streams, &between), ["i-1: third"]);
        let of_one = Wanted {
            streams: &["i-2".to_owned()],
            ..Wanted::default()
        };
        assert_eq!(said(&streams, &of_one), ["i-2: first", "i-2: second", "i-2: fourth"]);
        let names: Vec<_> = streams.all().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["i-1", "i-2"], "one that said nothing has no stream");
    }

    #[test]
    fn a_stream_keeps_its_newest_events() {
        let mut streams = Streams::default();
        for number in 0..=MOST {
            streams.take("i-1", vec![number.to_string()], at(1000));
        }
        let kept = &streams.get("i-1").unwrap().events;
        assert_eq!(kept.len(), MOST);
        assert_eq!(kept.front().unwrap().message, "1");
    }
}
