//! One file a service: codec ↔ world, nothing else. The only place that sees winterbaume.
//! Each file has a table of the operations that it does, which dispatch and docs/sandbox.md read.

mod authorization;
pub(crate) mod autoscaling;
mod classic_load_balancing;
pub(crate) mod cloudformation;
pub(crate) mod cloudfront;
pub(crate) mod cloudwatch;
pub(crate) mod dynamodb;
pub(crate) mod ec2;
pub(crate) mod elasticbeanstalk;
pub(crate) mod elasticloadbalancing;
pub(crate) mod iam;
pub(crate) mod logs;
mod page;
pub(crate) mod s3;
pub(crate) mod servicequotas;
pub(crate) mod sns;
pub(crate) mod ssm;
pub(crate) mod sts;
pub(crate) mod wafv2;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) use authorization::authorize;
use jiff::Timestamp;
use serde::de::IgnoredAny;

use crate::gateway::call::{Answer, Call, Protocol};
use crate::world::{Refusal, State, World};

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
pub(crate) const SERVICES: &[Service] = &[
    autoscaling::SERVICE,
    cloudformation::SERVICE,
    cloudfront::SERVICE,
    cloudwatch::SERVICE,
    dynamodb::SERVICE,
    ec2::SERVICE,
    elasticbeanstalk::SERVICE,
    elasticloadbalancing::SERVICE,
    iam::SERVICE,
    logs::SERVICE,
    servicequotas::SERVICE,
    sns::SERVICE,
    ssm::SERVICE,
    sts::SERVICE,
    wafv2::SERVICE,
];

/// Every operation of every service, by the service's title; the page on the sandbox lists them.
pub(crate) fn all_operations() -> Vec<(&'static str, Operation)> {
    let most = SERVICES
        .iter()
        .flat_map(|service| service.operations.iter().map(|operation| (service.title, *operation)));
    let of_s3 = s3::OPERATIONS.iter().map(|name| ("S3", operation(name, &[])));
    most.chain(of_s3).collect()
}

/// Runs an operation, if the sandbox has it and honours everything that the request asks for.
///
/// # Errors
/// The service's own refusals; `NotImplemented` where the sandbox has its limits.
pub(crate) fn dispatch(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let service = SERVICES
        .iter()
        .find(|service| service.scope == call.service)
        .ok_or_else(|| not_implemented(format!("the service '{}'", call.service)))?;
    let operation = service
        .operations
        .iter()
        .find(|operation| operation.name == call.operation)
        .ok_or_else(|| not_implemented(format!("{} of {}", call.operation, service.title)))?;
    for member in members(call) {
        if !is_honoured(operation, &member) {
            let operation = operation.name;
            return Err(not_implemented(format!(
                "the parameter '{member}' of {operation} of {}",
                service.title
            )));
        }
    }
    if !is_read(&call.operation) {
        keep_for_readers(world, call);
    }
    (service.run)(world, call)
}

/// Whether an operation changes nothing, by its name.
fn is_read(operation: &str) -> bool {
    ["Describe", "Get", "List", "Simulate", "Check"]
        .iter()
        .any(|verb| operation.starts_with(verb))
}

/// Before a change: what it may change, as readers go on seeing it for a while (see [`crate::world::settling`]).
fn keep_for_readers(world: &World, call: &Call) {
    let keep: fn(&mut State, &str, Timestamp) = match call.service.as_str() {
        "iam" => |state, _, now| {
            let oldest = state.as_of_elsewhere(now);
            state.iam.keep(now, oldest);
        },
        "cloudfront" => |state, _, now| {
            let as_of = state.as_of(now);
            state.distributions.keep(now, as_of);
        },
        "wafv2" => |state, _, now| {
            let as_of = state.as_of(now);
            state.web_acls.keep(now, as_of);
        },
        "ec2" => |state, region, now| {
            let as_of = state.as_of(now);
            let here = state.region(region);
            here.network.keep(now, as_of);
            here.compute.key_pairs.keep(now, as_of);
        },
        _ => return,
    };
    keep(&mut world.lock(), &call.region, world.clock.now());
}

/// A limit of the sandbox, said as one.
pub(crate) fn not_implemented(what: impl std::fmt::Display) -> Refusal {
    Refusal::new(
        "NotImplemented",
        format!("The sandbox does not have {what}; this is a limit of the sandbox, not of AWS"),
    )
}

/// The names at the top of a request. Rest services look at their bodies themselves.
fn members(call: &Call) -> BTreeSet<String> {
    match call.protocol {
        Protocol::Query | Protocol::Ec2Query => {
            let top = |name: String| name.split('.').next().unwrap_or_default().to_owned();
            let names = call.parameters().into_keys().map(top);
            // Every operation of EC2 takes DryRun, and honours it here.
            let dry_run = |name: &str| call.protocol == Protocol::Ec2Query && name == "DryRun";
            let names = names.filter(|name| name != "Action" && name != "Version");
            names.filter(|name| !dry_run(name)).collect()
        }
        Protocol::Json => {
            let body: BTreeMap<String, IgnoredAny> = serde_json::from_slice(&call.body).unwrap_or_default();
            body.into_keys().collect()
        }
        Protocol::Cbor => {
            let body = ciborium::from_reader(&call.body[..]).unwrap_or(ciborium::Value::Null);
            let members = body.into_map().unwrap_or_default().into_iter();
            members.filter_map(|(name, _)| name.into_text().ok()).collect()
        }
        Protocol::RestXml | Protocol::S3 => BTreeSet::new(),
    }
}

/// EC2 writes a list `Filters` as `Filter.1`, and capitalises names.
fn is_honoured(operation: &Operation, member: &str) -> bool {
    operation.honoured.iter().any(|honoured| {
        honoured.eq_ignore_ascii_case(member)
            || honoured
                .strip_suffix('s')
                .is_some_and(|one| one.eq_ignore_ascii_case(member))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_operation_is_there_twice() {
        let mut seen = BTreeSet::new();
        for (service, operation) in all_operations() {
            assert!(
                seen.insert((service, operation.name)),
                "{} of {service}",
                operation.name
            );
        }
    }

    #[test]
    fn lists_are_honoured_by_the_name_that_ec2_gives_them_on_the_wire() {
        let describe = operation("DescribeVpcs", &["Filters", "VpcIds", "dryRun"]);
        for member in ["Filter", "Filters", "VpcId", "DryRun"] {
            assert!(is_honoured(&describe, member), "{member}");
        }
        assert!(!is_honoured(&describe, "MaxResults"));
    }
}
