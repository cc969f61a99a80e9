//! What tests ask a service for, in the forms of its clients. Must know nothing of what is answered.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;

use super::dispatch;
use crate::protocols::call::{Answer, Call, Protocol};
use crate::world::{Refusal, World};

/// With the rights of the account's root.
const ROOT: &str = "arn:aws:iam::123456789012:root";

/// A service, and the region that it is asked in.
pub(crate) type Place<'a> = (&'a str, &'a str);

/// By JSON in the body of a POST.
pub(crate) fn json(world: &Arc<World>, place: Place<'_>, operation: &str, request: &Value) -> Result<Answer, Refusal> {
    post(
        world,
        place,
        (Protocol::Json, ROOT),
        operation,
        request.to_string().into(),
    )
}

/// By a form in the body of a POST.
pub(crate) fn form(
    world: &Arc<World>,
    place: Place<'_>,
    by: (Protocol, &str),
    operation: &str,
    parameters: &[(&str, &str)],
) -> Result<Answer, Refusal> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", operation).extend_pairs(parameters);
    post(world, place, by, operation, form.finish().into())
}

fn post(
    world: &Arc<World>,
    (service, region): Place<'_>,
    (protocol, caller): (Protocol, &str),
    operation: &str,
    body: Bytes,
) -> Result<Answer, Refusal> {
    let call = Call {
        request_id: "request".to_owned(),
        service: service.to_owned(),
        region: region.to_owned(),
        protocol,
        operation: operation.to_owned(),
        caller: caller.to_owned(),
        method: Method::POST,
        uri: "/".parse().unwrap(),
        headers: HeaderMap::new(),
        body,
    };
    dispatch(world, &call)
}
