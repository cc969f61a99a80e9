//! The wall around the AWS SDK: clients, what may be read, errors in our terms, tags, the stack's record and its lock.
//! Must know nothing of commands, of the terminal, or of which resources a stack has.

pub mod aws_time;
pub mod clients;
pub mod errors;
pub mod exchange_log;
pub mod instance_types;
pub mod journal;
pub mod lifetime;
pub mod lock;
pub mod managed_instances;
pub mod origin_secret;
pub mod own_work;
pub mod paging;
pub mod partitions;
pub mod platforms;
pub mod process;
pub mod quotas;

mod empty_answers;
pub mod eventual_consistency;
pub mod reads;
pub mod record;
pub mod search;
pub mod services;
pub mod sign_in;
pub mod simulation;
pub mod tags;
pub mod target;
pub mod tenure;
pub mod texts;
mod trust;
pub mod variables;
mod wire;
pub mod writes;

pub use clients::{Aws, Mode};
pub use errors::Explain;
pub use tags::Ownership;

use confctl_engine as engine;
use confctl_load as load;
