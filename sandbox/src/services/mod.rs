//! One file a service: codec ↔ world, nothing else. The only place that sees winterbaume.
//! Each file has a table of the operations that it does, which dispatch and docs/sandbox.md read.

pub(crate) mod autoscaling;
pub(crate) mod cloudformation;
pub(crate) mod cloudfront;
pub(crate) mod cloudwatch;
pub(crate) mod dynamodb;
pub(crate) mod ec2;
pub(crate) mod elasticbeanstalk;
pub(crate) mod elasticloadbalancing;
pub(crate) mod iam;
pub(crate) mod s3;
pub(crate) mod servicequotas;
pub(crate) mod sns;
pub(crate) mod sts;
pub(crate) mod wafv2;

use std::sync::Arc;

use crate::gateway::call::{Answer, Call};
use crate::world::{Refusal, World};

/// An operation of a service, and what of its request is honoured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    pub name: &'static str,
    /// Top-level members of the request that are honoured. One that is present and not listed is refused.
    pub honoured: &'static [&'static str],
}

pub(crate) const fn operation(name: &'static str, honoured: &'static [&'static str]) -> Operation {
    Operation { name, honoured }
}

/// A service: its name in signatures, its operations, and what runs one.
pub(crate) struct Service {
    /// As in a signature's scope.
    pub scope: &'static str,
    /// As AWS writes it.
    pub title: &'static str,
    pub operations: &'static [Operation],
    pub run: fn(&Arc<World>, &Call) -> Result<Answer, Refusal>,
}

/// Every service but S3, which streams (see [`s3`]).
pub(crate) const SERVICES: &[Service] = &[cloudfront::SERVICE, wafv2::SERVICE];

/// A limit of the sandbox, said as one.
pub(crate) fn not_implemented(what: impl std::fmt::Display) -> Refusal {
    Refusal::new(
        "NotImplemented",
        format!("The sandbox does not have {what}; this is a limit of the sandbox, not of AWS"),
    )
}
