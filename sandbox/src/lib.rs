//! AWS on loopback: a control plane that AWS's own clients believe, and a data plane of real processes behind real proxies.
//! Must know nothing of confctl but its name, for its directory, hints and hidden command: what speaks to it is any AWS client.

#[cfg(any(test, feature = "fuzzing"))]
pub mod any_bytes;
mod authority;
pub mod daemon;
#[cfg(any(test, feature = "fuzzing"))]
#[path = "../world/src/fakes.rs"]
mod fakes;
mod gateway;
mod info;
mod instances;
mod protocols;
mod proxy;
mod services;

pub(crate) use confctl_sandbox_world as world;
pub use gateway::faults::{BadFault, Fault, FaultKind, When};
pub use instances::supervisor_main;
pub use world::gates::Gates;

/// An operation of AWS's that the sandbox has.
#[derive(Debug, Clone)]
pub struct SupportedOperation {
    /// The service as AWS writes it.
    pub service: &'static str,
    pub name: &'static str,
    /// Members of the request that are honoured; every other is refused.
    /// Written as docs/sandbox.md explains.
    pub honoured: Vec<&'static str>,
}

/// What the sandbox can do: the table that dispatch itself goes by.
pub fn supported_operations() -> Vec<SupportedOperation> {
    let all = services::all_operations().into_iter();
    all.map(|(service, operation)| SupportedOperation {
        service,
        name: operation.name,
        honoured: operation.members(),
    })
    .collect()
}

/// Option settings of Elastic Beanstalk, by namespace and name, that are checked, kept and shown, and go no further.
pub fn options_without_effect() -> Vec<(&'static str, &'static str)> {
    let all = world::beanstalk::catalogue::OPTIONS.iter();
    all.filter(|option| !option.matters)
        .map(|option| (option.namespace, option.name))
        .collect()
}
