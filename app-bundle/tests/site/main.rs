//! The site as a visitor, a proxy and an operator meet it: the real binary over real sockets, against a stand-in for
//! DynamoDB that can be made to fail, and against the sandbox's. Nothing in here calls into the crate.

mod any_bytes;
mod binary;
mod browser;
mod caching;
mod credentials;
mod lifecycle;
mod nginx;
mod operations;
mod page;
mod registering;
mod sandboxed;
mod site;
mod table;
