//! The SDK's errors in the engine's terms: kind, AWS's code and message, and the way out.
//! Must know nothing of which resource was being handled.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::texts;
use crate::engine::{Error, Kind, Poll};

/// Turns an answer of the SDK into ours. `doing` is read after "could not": `create the table users`.
pub trait Explain<T> {
    /// # Errors
    /// The explained error.
    fn explain(self, doing: &str) -> Result<T, Error>;

    /// As [`Explain::explain`], with `None` where the error has one of these codes: what is asked for is not there.
    ///
    /// # Errors
    /// The explained error.
    fn or_absent(self, codes: &[&str], doing: &str) -> Result<Option<T>, Error>;
}

impl<T, E> Explain<T> for Result<T, SdkError<E, HttpResponse>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    fn explain(self, doing: &str) -> Result<T, Error> {
        self.map_err(|error| explained(&error, doing))
    }

    fn or_absent(self, codes: &[&str], doing: &str) -> Result<Option<T>, Error> {
        match self {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.code().is_some_and(|code| codes.contains(&code)) => Ok(None),
            Err(error) => Err(explained(&error, doing)),
        }
    }
}

/// Reads as a probe's answer: an error that is no answer is asked again.
pub fn polled<T>(result: Result<Poll<T>, Error>) -> Poll<T> {
    match result {
        Ok(poll) => poll,
        Err(error) if error.kind == Kind::Unreachable => Poll::Unknown(error),
        Err(error) => Poll::Failed(error),
    }
}

fn explained<E>(error: &SdkError<E, HttpResponse>, doing: &str) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let headline = format!("could not {doing}");
    match error {
        SdkError::ServiceError(service) => answered(&headline, service.err(), service.raw().status().as_u16()),
        SdkError::TimeoutError(_) => Error::new(Kind::Unreachable, headline).because("no answer within the time-out"),
        SdkError::DispatchFailure(failure) => {
            let causes = chain(
                failure
                    .as_connector_error()
                    .map(|error| error as &dyn std::error::Error),
            );
            unsent(&headline, causes)
        }
        SdkError::ConstructionFailure(_) => unsent(&headline, chain(std::error::Error::source(error))),
        _ => {
            let mut unclear = Error::new(Kind::Unreachable, headline);
            unclear.causes = chain(std::error::Error::source(error));
            unclear
        }
    }
}

/// AWS answered with an error.
fn answered(headline: &str, error: &dyn ProvideErrorMetadata, status: u16) -> Error {
    let code = error.code().unwrap_or("Unknown");
    let message = error.message().unwrap_or("AWS gave no reason");
    let (kind, hint) = classify(code, message, status);
    let mut explained = Error::new(kind, headline).because(format!("{} ({code})", texts::clean(message)));
    explained.code = Some(code.to_owned());
    explained.hint = hint;
    explained
}

fn classify(code: &str, message: &str, status: u16) -> (Kind, Option<String>) {
    if let Some(row) = texts::known_error(code, message) {
        return (row.kind, Some(row.hint.to_owned()));
    }
    // The query protocols and DynamoDB throttle with 400.
    let throttled = [
        "Throttling",
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "PriorRequestNotComplete",
        "RequestTimeout",
    ];
    let credentials = [
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
    ];
    let denied = [
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedOperation",
        "InsufficientPrivilegesException",
        "AuthFailure",
        "NotAuthorized",
    ];
    if status == 429 || status >= 500 || throttled.contains(&code) {
        (
            Kind::Unreachable,
            Some("AWS is throttling or busy; run the command again in a minute".to_owned()),
        )
    } else if credentials.contains(&code) {
        let hint = "renew the credentials (`aws sso login`, `aws configure`), or pick others with `--aws-profile NAME`";
        (Kind::Denied, Some(hint.to_owned()))
    } else if denied.contains(&code) {
        (
            Kind::Denied,
            Some("`confctl doctor` shows who you are; ask for the permission named above".to_owned()),
        )
    } else if is_missing(code, message, status) {
        (Kind::Missing, None)
    } else {
        (Kind::Failed, None)
    }
}

/// EC2 and Elastic Load Balancing end such codes in NotFound; Beanstalk has no code of its own for it.
fn is_missing(code: &str, message: &str, status: u16) -> bool {
    let codes = [
        "ResourceNotFoundException",
        "WAFNonexistentItemException",
        "NoSuchEntity",
    ];
    status == 404
        || codes.contains(&code)
        || code.ends_with("NotFound")
        || code == "InvalidParameterValue" && message.starts_with("No Environment found")
}

/// Nothing was sent, or nothing came back.
fn unsent(headline: &str, causes: Vec<String>) -> Error {
    let all = causes.join(" ").to_ascii_lowercase();
    // The SDK has no type for "no provider in the chain gave credentials"; its text has been stable.
    let mut error = if all.contains("credential") || all.contains("identity") {
        Error::new(Kind::Denied, "there are no AWS credentials to use").hint(
            "configure some (`aws configure`, `aws sso login`, AWS_PROFILE or `--aws-profile NAME`), \
             or try it without an account: `confctl up --sandbox`",
        )
    } else if all.contains("only reads are allowed") {
        Error::failed(headline)
    } else {
        Error::new(Kind::Unreachable, headline).hint("check the network, and AWS_ENDPOINT_URL if it is set")
    };
    // The chain's account of its seven providers, the instance metadata service last, helps nobody who configured none.
    let none_configured = all.contains("no credentials found in chain") || all.contains("imds");
    if !(error.kind == Kind::Denied && none_configured) {
        error.causes = causes;
    }
    error
}

fn chain(first: Option<&dyn std::error::Error>) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut next = first;
    while let Some(error) = next {
        let text = error.to_string();
        if !causes.contains(&text) {
            causes.push(text);
        }
        next = error.source();
    }
    causes
}
