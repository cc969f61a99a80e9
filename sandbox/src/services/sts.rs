//! STS: who is calling.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{Operation, Service, operation};
use crate::gateway::call::{Answer, Call};
use crate::world::{Refusal, World};

const OPERATIONS: &[Operation] = &[operation("GetCallerIdentity", &[])];

pub(crate) const SERVICE: Service = Service {
    scope: "sts",
    title: "STS",
    operations: OPERATIONS,
    run,
};

fn run(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let account = world.lock().account.clone();
    let id = world.lock().iam.credentials.unique_id(&call.caller);
    let body = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>{}</Arn><UserId>{id}</UserId><Account>{account}</Account></GetCallerIdentityResult><ResponseMetadata>\
         <RequestId></RequestId></ResponseMetadata></GetCallerIdentityResponse>",
        call.caller
    );
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    Ok(Answer {
        status: StatusCode::OK,
        headers,
        body: Bytes::from(body),
    })
}
