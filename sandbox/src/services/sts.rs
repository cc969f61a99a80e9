//! STS: who is calling, and as whom else he may call.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::SignedDuration;
use serde::Deserialize;

use super::{Entry, Service, operation};
use crate::protocols::call::{Answer, Call};
use crate::protocols::xml::escape;
use crate::world::iam::policy::{Document, request_context};
use crate::world::{Refusal, World};

/// Seconds: AWS's shortest and default session.
const SHORTEST_SESSION: i32 = 900;
const SESSION: i32 = 3600;

const OPERATIONS: &[Entry] = &[
    operation(
        "AssumeRole",
        &["RoleArn", "RoleSessionName", "DurationSeconds"],
        assume_role,
    ),
    operation("GetCallerIdentity", &[], get_caller_identity),
];

pub(crate) const SERVICE: Service = Service {
    scope: "sts",
    title: "STS",
    operations: OPERATIONS,
    refuses: None,
};

/// What every operation's answer has around its result.
fn answer(call: &Call, result: &str) -> Answer {
    let name = &call.operation;
    let body = format!(
        "<{name}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{name}Result>{result}</{name}Result>\
         <ResponseMetadata><RequestId></RequestId></ResponseMetadata></{name}Response>"
    );
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    Answer {
        status: StatusCode::OK,
        headers,
        body: Bytes::from(body),
    }
}

fn get_caller_identity(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let state = world.lock();
    let id = state.iam.credentials.unique_id(&call.caller);
    let result = format!(
        "<Arn>{}</Arn><UserId>{id}</UserId><Account>{}</Account>",
        call.caller, state.account
    );
    Ok(answer(call, &result))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRole {
    role_arn: String,
    role_session_name: String,
    duration_seconds: Option<i32>,
}

/// The way to an identity that may less than the account's own user.
fn assume_role(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: AssumeRole = call.query()?;
    let denied = || {
        let text = format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {}",
            call.caller, request.role_arn
        );
        Refusal::with_status(403, "AccessDenied", text)
    };
    let mut state = world.lock();
    let account = state.account.clone();
    let role = state
        .iam
        .seen(state.as_of(world.clock.now()))
        .role(&request.role_arn)
        .filter(|role| role.arn == request.role_arn);
    let role = role.ok_or_else(denied)?;
    // Who asks for a role that is not there is told no more than who is not trusted.
    let trust = Document::parse(&role.trust).map_err(|_| denied())?;
    let context = request_context(&call.caller, &account, &call.region);
    if !trust.trusts(&call.caller, &account, &context) {
        return Err(denied());
    }
    let seconds = request.duration_seconds.unwrap_or(SESSION);
    if !(SHORTEST_SESSION..=role.max_session_duration).contains(&seconds) {
        let text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(Refusal::new("ValidationError", text));
    }
    let expires = jiff::Timestamp::now() + SignedDuration::from_secs(seconds.into());
    let session = &request.role_session_name;
    let arn = format!("arn:aws:sts::{account}:assumed-role/{}/{session}", role.name);
    let id = format!("{}:{session}", role.id);
    let issued = state
        .iam
        .credentials
        .assume(&account, &request.role_arn, session, Some(expires));
    let result = format!(
        "<Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken>\
         <Expiration>{}</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>{}</AssumedRoleId><Arn>{}</Arn>\
         </AssumedRoleUser>",
        issued.access_key_id,
        issued.secret_access_key,
        issued.session_token,
        expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        escape(&id),
        escape(&arn),
    );
    Ok(answer(call, &result))
}
