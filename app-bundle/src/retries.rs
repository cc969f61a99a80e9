//! One call to DynamoDB, tried again while that may help, and bounded in time.
//! It knows what errors mean for a retry, and nothing of what is called.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout_at};

use crate::signed::{CallError, Signed};

/// What a visitor may wait for at most: the edge gives up on a POST after 30 s, people much sooner.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(4);
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1500);
const ATTEMPTS: u32 = 3;
/// The longest pause before the second attempt; twice that before the third.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Calls until there is an answer that another attempt would not better. `again` hears of each attempt beyond the first.
pub async fn call(dynamodb: &Signed, target: &'static str, body: Bytes, again: impl Fn()) -> Result<Bytes, CallError> {
    let give_up = Instant::now() + OPERATION_TIMEOUT;
    let mut attempt = 1;
    loop {
        let until = give_up.min(Instant::now() + ATTEMPT_TIMEOUT);
        let error = match timeout_at(until, dynamodb.call(target, body.clone())).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error,
            Err(_) => CallError::TimeOut,
        };
        let pause = pause_after(attempt);
        if !is_worth_a_retry(&error) || attempt == ATTEMPTS || Instant::now() + pause >= give_up {
            return Err(error);
        }
        sleep(pause).await;
        again();
        attempt += 1;
    }
}

/// What may be gone at the next attempt ("Error handling with DynamoDB": error codes with "OK to retry? Yes"); and
/// credentials, since a doubt about them brings new ones.
fn is_worth_a_retry(error: &CallError) -> bool {
    match error {
        CallError::Transport | CallError::TimeOut => true,
        CallError::NoCredentials | CallError::Unbuildable | CallError::Unmet(_) => false,
        CallError::Refused { status: 500.., .. } => true,
        CallError::Refused { code, .. } => {
            is_throttling(code)
                || matches!(
                    code.as_str(),
                    "ExpiredTokenException" | "TransactionConflictException" | "UnrecognizedClientException"
                )
        }
    }
}

pub fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "LimitExceededException"
            | "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "ThrottlingException"
    )
}

/// Exponential with full jitter, so that those who were throttled together do not come back together.
fn pause_after(attempt: u32) -> Duration {
    FIRST_PAUSE.mul_f64(f64::from(1 << (attempt - 1)) * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let refused = |code: &str, status| CallError::Refused {
            code: code.to_owned(),
            status,
        };
        for error in [
            CallError::Transport,
            refused("InternalServerError", 500),
            refused("ThrottlingException", 400),
        ] {
            assert!(is_worth_a_retry(&error), "{error}");
        }
        for error in [
            CallError::NoCredentials,
            refused("AccessDeniedException", 400),
            CallError::Unmet(Bytes::new()),
            refused("ValidationException", 400),
        ] {
            assert!(!is_worth_a_retry(&error), "{error}");
        }
    }
}
