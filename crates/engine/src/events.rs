//! What happens while the engine runs, as data. `ui` renders it; nothing below `ui` prints.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::forecast::Expected;
use super::{Error, FieldChange, Hint, Leftover, ResourceId};

/// What is being done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Create,
    Update,
    Delete,
    Settle,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A run begins: what it will do, as far as is known.
    Expected {
        steps: Vec<Expected>,
    },
    Started {
        resource: ResourceId,
        title: String,
        action: Action,
    },
    /// The newest thing known of a step: AWS's own event where there is one, else what is waited for.
    Progress {
        resource: ResourceId,
        text: String,
    },
    Done {
        resource: ResourceId,
        title: String,
        action: Action,
        seconds: f64,
    },
    Failed {
        resource: ResourceId,
        title: String,
        action: Action,
        error: Error,
        left_behind: Vec<Leftover>,
    },
    /// It could not start, because of the failed or stopped step named.
    Skipped {
        resource: ResourceId,
        title: String,
        because: ResourceId,
    },
    Stopped {
        resource: ResourceId,
        title: String,
        action: Action,
    },
    /// The plan did not show these steps, which are asked for now.
    Unforeseen {
        resource: ResourceId,
        title: String,
        fields: Vec<FieldChange>,
    },
    Notice {
        text: String,
        hint: Option<Hint>,
    },
}

/// Where events go. Must not block.
pub trait Sink: Send + Sync {
    fn event(&self, event: Event);
}

/// A shared sink.
#[derive(Clone)]
pub struct Events(Arc<dyn Sink>);

impl Events {
    pub fn new(sink: impl Sink + 'static) -> Self {
        Self(Arc::new(sink))
    }

    pub fn shared(sink: Arc<dyn Sink>) -> Self {
        Self(sink)
    }

    pub fn send(&self, event: Event) {
        self.0.event(event);
    }

    pub fn notice(&self, text: impl Into<String>, hint: Option<Hint>) {
        self.send(Event::Notice {
            text: text.into(),
            hint,
        });
    }
}
