//! What breaks first when so many people come within such a time: each limit with its headroom, where its figure is from, and what
//! lifts it. Arithmetic over published figures and measured ones.
//! Must know nothing of AWS's calls, of profiles and of the terminal.

mod figures;
mod limits;

pub use figures::{CLOUDFRONT_REQUESTS, Machine, NEW_ACCOUNT_VCPUS, WARM_WRITES, machine};
pub use limits::limits;

use serde::Serialize;

/// Who comes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Crowd {
    pub people: f64,
    /// Seconds within which they come.
    pub within: f64,
    /// How much denser than the average it is where it is densest: most press the button at once when they are told to.
    pub burst: f64,
    /// The share of them behind one address, as a hall with one way out.
    pub behind_one_address: f64,
    /// Registrations that are sent for each person, on average: who is turned away comes again.
    pub repeats: f64,
    /// Bytes of a page with its assets, as the edge sends them.
    pub page_bytes: f64,
}

/// What they meet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stack {
    pub instance_type: String,
    pub least: u32,
    pub most: u32,
    /// Registrations a second of one instance.
    pub rate: Figure,
    pub vcpus: u32,
    /// What the account may run, less what others run.
    pub vcpu_quota: Figure,
    pub has_balancer: bool,
    pub has_edge: bool,
    /// `None` without a rate-based rule that blocks.
    pub address_limit: Option<AddressLimit>,
    /// Writes a second that the table takes.
    pub writes: Figure,
    /// Whether those are bought by the hour.
    pub provisioned: bool,
    /// Seconds from a crossed threshold to a new instance that serves.
    pub scale_out: f64,
    /// Dollars an hour of one instance with its address and volume, where that is known.
    pub instance_hour: Option<f64>,
}

/// What a web ACL lets through of one address.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AddressLimit {
    pub requests: f64,
    /// Seconds within which they are counted.
    pub window: f64,
    /// Only registrations are counted, not the page and what belongs to it.
    pub registrations_only: bool,
}

/// A number, and whether one can rely on it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    pub value: f64,
    pub known: Known,
    /// Where it is from, in a few words.
    pub source: String,
}

/// How a figure is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Known {
    /// On this very stack or account.
    Measured,
    /// AWS says so.
    Documented,
    /// Nobody says it; a cautious guess.
    Assumed,
}

/// Something that can be too small.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Limit {
    pub name: &'static str,
    /// What the crowd asks of it, and what it holds.
    pub asked: f64,
    pub holds: Figure,
    pub unit: &'static str,
    /// What would hold the crowd; `None` where it does already, or where nothing lifts it.
    pub way: Option<Way>,
}

/// What lifts a limit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Way {
    /// Keys of the profile with their new values.
    pub sets: Vec<(&'static str, String)>,
    /// The words of a command of the AWS CLI.
    pub aws: Vec<String>,
    /// Capacity units to reserve for the load balancer.
    pub units: Option<u32>,
    /// What else is to be said.
    pub text: &'static str,
    /// How long before the event it has to be begun.
    pub lead: &'static str,
    /// Dollars an hour more, where that is known.
    pub hour: Option<f64>,
}

impl Crowd {
    /// People a second where it is densest.
    pub fn peak(&self) -> f64 {
        (self.burst * self.people / self.within.max(1.0)).min(self.people)
    }
}

impl Limit {
    /// How often the crowd would fit; below one it does not.
    pub fn headroom(&self) -> f64 {
        match self.asked > 0.0 {
            true => self.holds.value / self.asked,
            false => f64::INFINITY,
        }
    }

    pub fn breaks(&self) -> bool {
        // What was rounded on the way counts as room.
        self.headroom() < 1.0 - 1e-9
    }
}

impl Figure {
    pub fn new(value: f64, known: Known, source: impl Into<String>) -> Self {
        Self {
            value,
            known,
            source: source.into(),
        }
    }
}

#[cfg(test)]
mod tests;
