//! AWS on loopback: a control plane that AWS's own clients believe, and a data plane of real processes behind real proxies.
//! Must know nothing of confctl: what speaks to it is any AWS client.

pub mod daemon;
mod gateway;
mod instances;
mod proxy;
mod services;
mod world;

pub use instances::supervisor_main;
