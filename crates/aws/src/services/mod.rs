//! One file a service that has no SDK crate here: exactly the operations and members that confctl uses.
//! Must know nothing of what they are used for.

pub mod acm;
pub mod cloudformation;
pub mod cloudwatch;
pub mod load_balancing;
pub mod logs;
pub mod quotas;
pub mod route53;
pub mod s3;
pub mod ssm;
pub mod tagging;
pub mod waf;

#[cfg(test)]
mod tests;
