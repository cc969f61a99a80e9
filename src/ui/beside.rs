//! What goes on with one of several stacks at once: a line for each step's beginning and end, with the stack's name.
//! Must know nothing of the others.

use std::sync::Arc;
use std::time::Instant;

use super::hints::Run;
use super::progress::Left;
use super::{err, json, lines};
use crate::cli::Format;
use crate::engine::{Event, Sink};

pub(super) struct Beside {
    run: Arc<Run>,
    stack: String,
    format: Format,
    began: Instant,
}

impl Beside {
    pub(super) fn new(run: Arc<Run>, stack: String, format: Format) -> Self {
        Self {
            run,
            stack,
            format,
            began: Instant::now(),
        }
    }
}

impl Sink for Beside {
    fn event(&self, event: Event) {
        match self.format {
            Format::Json => {
                let (kind, mut value) = json::of_event(&event);
                if let Some(members) = value.as_object_mut() {
                    members.insert("stack".to_owned(), self.stack.clone().into());
                }
                json::line(&self.run, kind, value);
            }
            // How far each of twenty is, nobody can follow.
            Format::Text | Format::Markdown if matches!(event, Event::Expected { .. } | Event::Progress { .. }) => {}
            Format::Text | Format::Markdown => err(&format!(
                "{:>7.1}s  {}: {}",
                self.began.elapsed().as_secs_f64(),
                self.stack,
                lines::line(&self.run, &event, Left::default())
            )),
        }
    }
}
