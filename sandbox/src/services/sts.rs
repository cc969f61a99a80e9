//! STS: who is calling, and as whom else he may call.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;

use super::{Entry, Service, operation};
use crate::protocols::call::{Answer, Call};
use crate::protocols::xml::escape;
use crate::world::{Refusal, World};

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
        "<Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account>",
        escape(&call.caller),
        escape(&id),
        state.account
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

fn assume_role(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: AssumeRole = call.query()?;
    check_session_name(&request.role_session_name)?;
    let session = world.lock().assume_role(
        world.clock.now(),
        (&call.caller, &call.region),
        &request.role_arn,
        &request.role_session_name,
        request.duration_seconds,
    )?;
    let issued = session.credentials;
    let result = format!(
        "<Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken>\
         <Expiration>{}</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>{}</AssumedRoleId><Arn>{}</Arn>\
         </AssumedRoleUser>",
        issued.access_key_id,
        issued.secret_access_key,
        issued.session_token,
        session.expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        escape(&session.id),
        escape(&session.arn),
    );
    Ok(answer(call, &result))
}

/// # Errors
/// `ValidationError` where it has characters that no session's name has (STS API reference, AssumeRole; of the words,
/// suzuki-shunsuke/tfaction#1934), or too few or too many.
fn check_session_name(name: &str) -> Result<(), Refusal> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "_+=,.@-".contains(character);
    let constraint = match name {
        _ if !name.chars().all(allowed) => r"satisfy regular expression pattern: [\w+=,.@-]*",
        _ if name.len() < 2 => "have length greater than or equal to 2",
        _ if name.len() > 64 => "have length less than or equal to 64",
        _ => return Ok(()),
    };
    let text = format!(
        "1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint: Member must \
         {constraint}"
    );
    Err(Refusal::new("ValidationError", text))
}
