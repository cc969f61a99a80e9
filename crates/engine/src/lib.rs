//! Plans and runs a graph of resources: outputs are the edges, published early going up and released early going down.
//! Knows no AWS, no terminal and no sandbox; the clients that resources use are a type parameter.

mod context;
mod error;
mod events;
mod executor;
mod hint;
mod model;
mod output;
mod plan;
mod poll;
#[cfg(test)]
mod tests;

pub use context::{Intent, Intents, Journal, NoJournal, ReadCx, Settings, WriteCx};
pub use error::{Error, Kind};
pub use events::{Action, Event, Events, Sink};
pub use executor::{Report, StepReport, down, up};
pub use hint::{Command, Hint, Program, quoted};
pub use model::{
    Change, Effect, Failure, FieldChange, Former, Leftover, Limits, Node, Observed, Outcome, Owner, Removal, Resource,
    ResourceId, Seen, Stays, default_removal,
};
pub use output::{Output, Values};
pub use plan::{Graph, Observations, Planned, PlannedRemoval};
pub use poll::{Pace, Poll, Wait};
