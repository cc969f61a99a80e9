//! The sandbox as its clients see it: over real sockets, with AWS's own SDK and with hand-made requests.

mod daemon;
mod faults;
mod harness;
mod roles;
mod signatures;
mod storage;
mod strangers;
mod tables;
