//! Answers a request that a fault has hit: refused, late, in half or not at all.
//! Must know nothing of which requests those are.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http::header::CONTENT_LENGTH;

use super::faults::{self, FaultKind, Hit, When};
use super::{Cut, Gateway, answer, refused, respond, whole};
use crate::protocols::call::{Answer, Call};
use crate::services;

/// # Errors
/// [`Cut`] where no answer is to be given.
pub(super) async fn answer_with(gateway: &Gateway, call: &Call, hit: &Hit) -> Result<Response, Cut> {
    let mut line = Line {
        gateway,
        call,
        hit,
        answer: None,
    };
    let when = hit.fault.when.unwrap_or_default();
    match hit.fault.kind {
        FaultKind::CutBefore => return Err(Cut),
        FaultKind::Delay => {
            let seconds = hit.fault.after.unwrap_or_default();
            tokio::time::sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default()).await;
        }
        FaultKind::Hold if when == When::Before => gateway.faults.hold(hit, call).await,
        _ => {}
    }
    let answer = line.answer.insert(fault_or_answer(gateway, call, hit).await).clone();
    match hit.fault.kind {
        FaultKind::Hold if when == When::After => gateway.faults.hold(hit, call).await,
        FaultKind::CutAfter => return Err(Cut),
        FaultKind::Truncate => return half(whole(call, answer)),
        _ => {}
    }
    Ok(respond(whole(call, answer)))
}

async fn fault_or_answer(gateway: &Gateway, call: &Call, hit: &Hit) -> Answer {
    let refusal = match hit.fault.kind {
        FaultKind::Throttle => faults::throttled(&call.service),
        FaultKind::Error => faults::failed(&call.service, hit.fault.status.unwrap_or(500)),
        FaultKind::Deny => match services::deny(&gateway.world, call) {
            Ok(empty) => return super::stamped(call, empty),
            Err(refusal) => refusal,
        },
        _ => return answer(gateway, call).await,
    };
    refused(call, &refusal)
}

/// The head, which says how long the whole is, and half of the body.
fn half(answer: Answer) -> Result<Response, Cut> {
    let length = answer.body.len();
    if length == 0 {
        return Err(Cut);
    }
    let begin = answer.body.slice(..length / 2);
    let mut response = respond(Answer {
        body: Bytes::new(),
        ..answer
    });
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    let end = stream::once(async {
        // What was given before goes out while this waits.
        tokio::task::yield_now().await;
        Err(Cut)
    });
    *response.body_mut() = Body::from_stream(stream::iter([Ok(begin)]).chain(end));
    Ok(response)
}

/// The line in the request log, also of a caller who is gone before the end.
struct Line<'a> {
    gateway: &'a Gateway,
    call: &'a Call,
    hit: &'a Hit,
    answer: Option<Answer>,
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let Gateway { log, world, .. } = self.gateway;
        log.write(world, self.call, self.answer.as_ref(), Some(self.hit));
    }
}
