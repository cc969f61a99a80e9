//! Session Manager's API. The data channel behind a session is a protocol of its own, which is not here: what is answered leads to
//! AWS's address of it, as AWS's answer does.

use std::sync::Arc;

use winterbaume_ssm::{model as m, wire};

use crate::protocols::call::{Answer, Call};
use crate::world::compute::sessions;
use crate::world::{Refusal, World};

pub(super) fn start(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::StartSessionRequest = call.json()?;
    let session = sessions::start(world, &call.region, &call.caller, &request.target)?;
    // Form: botocore's model of ssm, StartSessionResponse.
    let url = format!(
        "wss://ssmmessages.{}.amazonaws.com/v1/data-channel/{}?role=publish_subscribe",
        call.region, session.id
    );
    let result = m::StartSessionResponse {
        session_id: Some(session.id),
        stream_url: Some(url),
        token_value: Some(session.token),
    };
    Ok(wire::serialize_start_session_response(&result).into())
}

/// Nothing is kept of a session: one that nobody knows ends as well.
pub(super) fn terminate(_: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::TerminateSessionRequest = call.json()?;
    let result = m::TerminateSessionResponse {
        session_id: Some(request.session_id),
    };
    Ok(wire::serialize_terminate_session_response(&result).into())
}
