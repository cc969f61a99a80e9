//! One file a service: codec ↔ world. What is decided here is the form of a request and where the sandbox has its limits; what a
//! request does, the world decides. Each file has a table of the operations that it does, which dispatch and docs/sandbox.md read.

pub(crate) mod acm;
#[cfg(test)]
mod asked;
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
mod members;
mod order;
mod page;
pub(crate) mod route53;
pub(crate) mod s3;
pub(crate) mod servicequotas;
pub(crate) mod sns;
pub(crate) mod ssm;
pub(crate) mod sts;
pub(crate) mod tagging;
pub(crate) mod wafv2;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use http::request::Parts;

pub(crate) use self::authorization::permission_prefix;
use self::authorization::{authorize, denial, may_know_what_is_missing};
use self::members::Members;
use self::s3::Store;
use crate::protocols::call::{Answer, Call, Protocol};
use crate::protocols::document;
use crate::world::{Refusal, World};

/// A body that takes so long to be read that others must not wait for it.
const LONG: usize = 64 << 10;

/// An operation of a service, and what of its request is honoured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    pub name: &'static str,
    /// Members of the request that are honoured, as [`members`] reads them. One that is present and not listed is refused.
    pub honoured: &'static [&'static str],
}

impl Operation {
    /// One by one.
    pub(crate) fn members(&self) -> Vec<&'static str> {
        self.honoured.iter().flat_map(|text| members::split(text)).collect()
    }
}

/// Runs an operation: decodes the request, has the world do it, encodes the answer.
type Handler = fn(&Arc<World>, &Call) -> Result<Answer, Refusal>;

/// Refuses a request whatever its operation.
type Check = fn(&Arc<World>, &Call) -> Result<(), Refusal>;

/// An operation and what runs it.
pub(crate) struct Entry {
    operation: Operation,
    run: Handler,
}

const fn operation(name: &'static str, honoured: &'static [&'static str], run: Handler) -> Entry {
    let operation = Operation { name, honoured };
    Entry { operation, run }
}

/// A service: its name in signatures, and its operations.
pub(crate) struct Service {
    /// As in a signature's scope.
    pub scope: &'static str,
    /// As AWS writes it.
    pub title: &'static str,
    pub operations: &'static [Entry],
    /// Where there is something that no operation goes without.
    pub refuses: Option<Check>,
}

/// Every service but S3, which streams (see [`s3`]).
pub(crate) const SERVICES: &[Service] = &[
    acm::SERVICE,
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
    route53::SERVICE,
    servicequotas::SERVICE,
    sns::SERVICE,
    ssm::SERVICE,
    sts::SERVICE,
    tagging::SERVICE,
    wafv2::SERVICE,
];

/// Every operation of every service, by the service's name in signatures.
pub(crate) fn operations_by_scope() -> impl Iterator<Item = (&'static str, &'static str)> {
    let most = SERVICES
        .iter()
        .chain([&classic_load_balancing::SERVICE])
        .flat_map(|service| {
            service
                .operations
                .iter()
                .map(|entry| (service.scope, entry.operation.name))
        });
    most.chain(s3::OPERATIONS.iter().map(|operation| ("s3", operation.name)))
}

/// Every operation of every service, by the service's title; the page on the sandbox lists them.
pub(crate) fn all_operations() -> Vec<(&'static str, Operation)> {
    let most = SERVICES
        .iter()
        .chain([&classic_load_balancing::SERVICE])
        .flat_map(|service| service.operations.iter().map(|entry| (service.title, entry.operation)));
    let of_s3 = s3::OPERATIONS.iter().map(|operation| (s3::TITLE, *operation));
    most.chain(of_s3).collect()
}

/// The operation that a request's method, path and query name, in the protocols where nothing else does.
pub(crate) fn route(protocol: Protocol, parts: &Parts) -> Option<String> {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    match protocol {
        Protocol::S3 => Some(s3::operation_name(&parts.method, &parts.uri, &parts.headers)),
        _ if path.starts_with(route53::VERSION) => route53::route(&parts.method, path).map(str::to_owned),
        _ => cloudfront::route(&parts.method, path).map(str::to_owned),
    }
}

/// Runs an operation for a caller who may.
///
/// # Errors
/// The refusals of IAM, of the service, and of the sandbox where it has its limits.
pub(crate) async fn run(world: &Arc<World>, store: &Store, call: &Call) -> Result<Answer, Refusal> {
    if let Err(refusal) = admit(world, call) {
        return elasticbeanstalk::answer_to_stranger(call).ok_or(refusal);
    }
    match call.protocol {
        Protocol::S3 => run_s3(world, store, call).await,
        _ if call.body.len() > LONG => {
            let (world, call) = (world.clone(), call.clone());
            let done = tokio::task::spawn_blocking(move || dispatch(&world, &call)).await;
            done.unwrap_or_else(|error| Err(Refusal::with_status(500, "InternalFailure", error.to_string())))
        }
        _ => dispatch(world, call),
    }
}

/// What a caller is told whose policies do not allow the call.
///
/// # Errors
/// `AccessDenied` in the service's own words; some reads answer with nothing instead.
pub(crate) fn deny(world: &World, call: &Call) -> Result<Answer, Refusal> {
    let state = world.lock();
    let refusal = denial(&state.iam, &state.account, call);
    elasticbeanstalk::answer_to_stranger(call).ok_or(refusal)
}

/// Whether the caller may; that he asked is noted in any case.
fn admit(world: &World, call: &Call) -> Result<(), Refusal> {
    let now = world.clock.now();
    let mut state = world.lock();
    let as_of = state.as_of(now);
    let authorized = authorize(state.iam.seen(as_of), &state.account, call);
    state.iam.note_use(&call.caller, &call.region, now);
    authorized
}

async fn run_s3(world: &Arc<World>, store: &Store, call: &Call) -> Result<Answer, Refusal> {
    let account = world.lock().account.clone();
    let answer = store.run(call, &account).await;
    if s3::is_missing(&answer) {
        let state = world.lock();
        let iam = state.iam.seen(state.as_of(world.clock.now()));
        may_know_what_is_missing(iam, call)?;
    }
    if answer.status.is_success() && s3::stores_an_object(&call.operation) {
        let (bucket, key) = s3::target(&call.uri);
        elasticbeanstalk::follow_file(world, call, &bucket, &key);
    }
    Ok(answer)
}

/// Runs an operation, if the sandbox has it and honours everything that the request asks for.
///
/// # Errors
/// The service's own refusals; `NotImplemented` where the sandbox has its limits.
pub(crate) fn dispatch(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let service = service_of(call).ok_or_else(|| not_implemented(format!("the service '{}'", call.service)))?;
    let entry = service
        .operations
        .iter()
        .find(|entry| entry.operation.name == call.operation)
        .ok_or_else(|| not_implemented(format!("{} of {}", call.operation, service.title)))?;
    check(service.title, &entry.operation, &document::of(call))?;
    world.keep_for_readers(&call.service, &call.operation, &call.region);
    if let Some(refuse) = service.refuses {
        refuse(world, call)?;
    }
    (entry.run)(world, call)
}

/// A limit of the sandbox, said as one.
pub(crate) fn not_implemented(what: impl std::fmt::Display) -> Refusal {
    Refusal::new(
        "NotImplemented",
        format!("The sandbox does not have {what}; this is a limit of the sandbox, not of AWS"),
    )
}

/// By the scope of the signature; both generations of Elastic Load Balancing have the same.
fn service_of(call: &Call) -> Option<&'static Service> {
    let classic = &classic_load_balancing::SERVICE;
    if call.service == classic.scope && classic_load_balancing::is_meant(call) {
        return Some(classic);
    }
    SERVICES.iter().find(|service| service.scope == call.service)
}

/// Every table, read once.
static HONOURED: LazyLock<HashMap<(&'static str, &'static str), Members>> = LazyLock::new(|| {
    let all = all_operations().into_iter();
    all.map(|(service, operation)| ((service, operation.name), Members::parse(operation.honoured)))
        .collect()
});

/// # Errors
/// `NotImplemented`, with the path of the first member of `request` that the operation does not honour.
pub(crate) fn check(service: &'static str, operation: &Operation, request: &serde_json::Value) -> Result<(), Refusal> {
    let Some(members) = HONOURED.get(&(service, operation.name)) else {
        return Ok(());
    };
    members.check(request).map_err(|unhonoured| {
        let operation = operation.name;
        not_implemented(format!("{unhonoured} of {operation} of {service}"))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
}
