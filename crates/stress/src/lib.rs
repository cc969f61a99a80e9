//! A CPU burn sized to cross the trigger once, and what comes of it: from the metric to the alarm, to the activity, to the new
//! instance, and back. Must know nothing of the command line, of the terminal, or of how a stack came to be.

mod burn;
mod follow;
mod group;
mod plan;
mod readings;
mod rest;
mod run_command;
mod stages;

pub use aws::aws_time::now;
pub use follow::{Burning, News, follow};
pub use group::{Group, Rule};
pub use plan::{Burn, How, NoBurn, Wish, plan};
pub use readings::Reading;
pub use rest::{Idle, at_rest, idle, look};
pub use run_command::{Sent, send};
pub use stages::{Stage, Test};

use confctl_aws as aws;
use confctl_engine as engine;
use confctl_report as report;
