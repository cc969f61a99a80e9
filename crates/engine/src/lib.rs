//! Plans and runs a graph of resources: outputs are the edges, published early going up and released early going down.
//! Knows no AWS, no terminal and no sandbox; the clients that resources use are a type parameter.

mod context;
mod counted;
mod critical_path;
mod error;
mod events;
mod executor;
mod forecast;
mod hint;
mod making;
mod model;
mod node;
mod output;
mod plan;
mod poll;
#[cfg(test)]
mod tests;
mod told;

pub use context::{Gate, Intent, Intents, Journal, ReadCx, Settings, WriteCx};
pub use counted::{counted, counted_are};
pub use critical_path::{Handed, Leg, Went};
pub use error::{Error, Kind};
pub use events::{Action, Event, Events, Sink};
pub use executor::{GRACE, Report, Run, StepReport, down, up};
pub use forecast::{After, Expected, Forecast, Remaining, Usual};
pub use hint::{Command, Hint, Program, quoted};
pub use model::{
    Effect, Failure, FieldChange, Leftover, Limits, Never, Notice, Observed, Outcome, Owner, Plan, Removal, Resource,
    ResourceId, Stays, Step, default_removal,
};
pub use node::{Beyond, Change, Node, Seen, Steps, is_felt};
pub use output::{Output, Values};
pub use plan::{Graph, Member, Observations, Planned, PlannedRemoval};
pub use poll::{Busy, Pace, Poll, Wait};
