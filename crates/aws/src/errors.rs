//! The SDK's errors in the engine's terms: kind, AWS's code and message, and the way out.
//! Must know nothing of which resource was being handled.

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{DispatchFailure, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::origin_secret;
use super::texts::{self, KnownError};
use crate::engine::{Command, Error, Hint, Kind, Poll};

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
    let source = std::error::Error::source(error);
    match error {
        SdkError::ServiceError(service) => answered(&headline, service.err(), service.raw().status().as_u16()),
        SdkError::TimeoutError(_) => Error::new(Kind::Unreachable, headline)
            .because("no answer within the time-out")
            .hint(AGAIN),
        SdkError::DispatchFailure(failure) => unsent(&headline, failure, source),
        // Nothing was sent: the request itself is no good, which another try does not mend.
        SdkError::ConstructionFailure(_) => caused(Error::failed(headline), source),
        // What began to come and broke off; the SDK has tried it again as it does a connection that broke.
        _ => caused(Error::new(Kind::Unreachable, headline), source).hint(AGAIN),
    }
}

/// Nothing is decided by what did not come.
const AGAIN: &str = "check the network, then run the same command again: it goes on from here";

/// AWS answered with an error.
fn answered(headline: &str, error: &dyn ProvideErrorMetadata, status: u16) -> Error {
    let code = error.code().unwrap_or("Unknown");
    // What was refused may stand in it.
    let message = &origin_secret::masked(error.message().unwrap_or("AWS gave no reason"));
    let (kind, hint) = classify(code, message, status);
    let mut explained = Error::new(kind, headline).because(format!("{} ({code})", texts::clean(message)));
    explained.code = Some(code.to_owned());
    explained.hint = hint.map(|hint| hint());
    explained
}

/// What to do about one of AWS's errors.
type WayOut = Option<fn() -> Hint>;

const BUSY: WayOut = Some(|| "AWS is throttling or busy; run the command again in a minute".into());
const RENEW: WayOut = Some(|| {
    Hint::from("sign in again (")
        .and_run(Command::aws("login"))
        .and(", ")
        .and_run(Command::aws("sso login"))
        .and(", ")
        .and_run(Command::aws("configure"))
        .and("), or pick other credentials with `--aws-profile NAME`")
});
/// A region that is not enabled knows none of the account's keys.
/// Sources: the IAM guide's id_credentials_temp_enable-regions; the Account Management reference, EnableRegion.
const RENEW_OR_ENABLE: WayOut = Some(|| {
    Hint::run("doctor")
        .and(" tells which: either the credentials are no good (")
        .and_run(Command::aws("sts get-caller-identity"))
        .and("), or the account has not enabled this region (")
        .and_run(Command::aws("account enable-region --region-name REGION"))
        .and(")")
});
const ASK: WayOut = Some(|| Hint::run("doctor").and(" shows who you are; ask for the permission named above"));
const NOT_READY: WayOut = Some(|| {
    "the account is not ready for it: complete its sign-up (payment method, phone number) and wait for AWS's e-mail, or enable the region; then run the same command again".into()
});
const VCPUS: WayOut = Some(|| {
    "ask for more vCPUs (https://console.aws.amazon.com/servicequotas/home/services/ec2/quotas/L-1216C47A), or take fewer: --set scaling.max=2".into()
});
const QUOTA: WayOut =
    Some(|| "delete what is not needed, or ask for more: https://console.aws.amazon.com/servicequotas".into());

/// AWS's codes, as they are on the wire. The query protocols and DynamoDB throttle with 400.
const CODES: &[(&str, Kind, WayOut)] = &[
    ("PriorRequestNotComplete", Kind::Unreachable, BUSY),
    ("ProvisionedThroughputExceededException", Kind::Unreachable, BUSY),
    ("RequestLimitExceeded", Kind::Unreachable, BUSY),
    ("RequestTimeout", Kind::Unreachable, BUSY),
    ("ThrottledException", Kind::Unreachable, BUSY),
    ("Throttling", Kind::Unreachable, BUSY),
    ("ThrottlingException", Kind::Unreachable, BUSY),
    ("TooManyRequestsException", Kind::Unreachable, BUSY),
    ("ExpiredToken", Kind::Denied, RENEW),
    ("ExpiredTokenException", Kind::Denied, RENEW),
    ("RequestExpired", Kind::Denied, RENEW),
    ("SignatureDoesNotMatch", Kind::Denied, RENEW),
    ("AuthFailure", Kind::Denied, RENEW_OR_ENABLE),
    ("InvalidClientTokenId", Kind::Denied, RENEW_OR_ENABLE),
    ("UnrecognizedClientException", Kind::Denied, RENEW_OR_ENABLE),
    ("AccessDenied", Kind::Denied, ASK),
    ("AccessDeniedException", Kind::Denied, ASK),
    ("InsufficientPrivilegesException", Kind::Denied, ASK),
    ("NotAuthorized", Kind::Denied, ASK),
    ("UnauthorizedOperation", Kind::Denied, ASK),
    ("NoSuchEntity", Kind::Missing, None),
    ("ResourceNotFoundException", Kind::Missing, None),
    ("WAFNonexistentItemException", Kind::Missing, None),
    // What an account cannot do yet. Sources: the EC2 guide's errors-overview; the model of Elastic Beanstalk.
    ("OptInRequired", Kind::Account, NOT_READY),
    ("PendingVerification", Kind::Account, NOT_READY),
    ("S3SubscriptionRequiredException", Kind::Account, NOT_READY),
    ("SubscriptionRequiredException", Kind::Account, NOT_READY),
    ("VcpuLimitExceeded", Kind::Account, VCPUS),
    // Beanstalk's limits (botocore: elasticbeanstalk), which are quotas of the region.
    ("TooManyApplicationVersionsException", Kind::Failed, QUOTA),
    ("TooManyApplicationsException", Kind::Failed, QUOTA),
    ("TooManyBucketsException", Kind::Failed, QUOTA),
    ("TooManyConfigurationTemplatesException", Kind::Failed, QUOTA),
    ("TooManyDistributions", Kind::Failed, QUOTA),
    ("TooManyEnvironmentsException", Kind::Failed, QUOTA),
    // botocore: wafv2.
    ("WAFLimitsExceededException", Kind::Failed, QUOTA),
];

/// Every error of AWS's that is known: those of a code that are told by their text before what the code alone says.
pub fn known() -> impl Iterator<Item = KnownError> {
    let by_code = CODES.iter().map(|(code, kind, hint)| KnownError {
        code,
        contains: "",
        kind: *kind,
        hint: *hint,
    });
    texts::KNOWN_ERRORS.iter().copied().chain(by_code)
}

fn classify(code: &str, message: &str, status: u16) -> (Kind, WayOut) {
    if let Some(row) = texts::known_error(code, message) {
        return (row.kind, row.hint);
    }
    let known = CODES.iter().find(|(known, _, _)| *known == code);
    match known {
        Some((_, kind, hint)) => (*kind, *hint),
        None if status == 429 || status >= 500 => (Kind::Unreachable, BUSY),
        // EC2 and Elastic Load Balancing end such codes so: InvalidKeyPair.NotFound, LoadBalancerNotFound.
        None if status == 404 || code.ends_with("NotFound") => (Kind::Missing, None),
        None => (Kind::Failed, None),
    }
}

/// Nothing was sent, or nothing came back: told by the types of the SDK's errors.
fn unsent(headline: &str, failure: &DispatchFailure, source: Option<&(dyn std::error::Error + 'static)>) -> Error {
    if let Some(error) = find::<CredentialsError>(source) {
        return without_credentials(error);
    }
    if failure.is_user() {
        return caused(Error::failed(headline), source);
    }
    let error = Error::new(Kind::Unreachable, headline);
    let untrusted =
        find::<rustls::Error>(source).is_some_and(|error| matches!(error, rustls::Error::InvalidCertificate(_)));
    let error = if untrusted {
        error.hint("where a company's proxy opens TLS, name its authority's certificate: AWS_CA_BUNDLE=FILE")
    } else if let Some(proxy) = proxy() {
        error.hint(format!("check the network, and the proxy that {proxy} names"))
    } else {
        error.hint("check the network, and AWS_ENDPOINT_URL if it is set")
    };
    caused(error, source)
}

/// The variable that names the proxy for AWS, as aws-smithy-http-client takes them.
fn proxy() -> Option<&'static str> {
    let names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    names.into_iter().find(set)
}

fn without_credentials(error: &CredentialsError) -> Error {
    let source = std::error::Error::source(error);
    let again = "sign in again, or pick other credentials with `--aws-profile NAME`";
    match error {
        // Its source tells of all seven providers of the chain, which helps nobody who configured none.
        CredentialsError::CredentialsNotLoaded(_) => Error::new(Kind::Denied, "there are no AWS credentials to use")
            .hint(
                Hint::from("configure some (")
                    .and_run(Command::aws("login"))
                    .and(", ")
                    .and_run(Command::aws("configure"))
                    .and(", ")
                    .and_run(Command::aws("sso login"))
                    .and(", AWS_PROFILE or `--aws-profile NAME`), or try it without an account: ")
                    .and_run("up --sandbox"),
            ),
        CredentialsError::ProviderTimedOut(_) => {
            let late = Error::new(Kind::Unreachable, "the AWS credentials did not come in time");
            caused(late, Some(error)).hint("check the network, and what the AWS profile takes its credentials from")
        }
        CredentialsError::InvalidConfiguration(_) => {
            let wrong = Error::new(Kind::Denied, "the AWS configuration does not say how to sign in");
            caused(wrong, source).hint(Hint::aws("configure list").and(" shows what is in effect"))
        }
        _ => caused(Error::new(Kind::Denied, "the AWS credentials cannot be had"), source).hint(again),
    }
}

fn caused(mut error: Error, source: Option<&(dyn std::error::Error + 'static)>) -> Error {
    error.causes = chain(source);
    error
}

/// The texts of an error and of what caused it, each once.
pub(super) fn chain(first: Option<&(dyn std::error::Error + 'static)>) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    for error in sources(first) {
        let text = error.to_string();
        if !causes.contains(&text) {
            causes.push(text);
        }
    }
    causes
}

fn find<'a, T: std::error::Error + 'static>(first: Option<&'a (dyn std::error::Error + 'static)>) -> Option<&'a T> {
    sources(first).find_map(|error| error.downcast_ref())
}

/// An error and what caused it. An I/O error gives as its source that of what it holds, never that itself.
fn sources<'a>(
    first: Option<&'a (dyn std::error::Error + 'static)>,
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(first, |error| {
        let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        match held {
            Some(held) => Some(held as &(dyn std::error::Error + 'static)),
            None => error.source(),
        }
    })
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    type Failed = SdkError<ErrorMetadata, HttpResponse>;

    fn told(error: Failed) -> Error {
        Err::<(), _>(error).explain("do it").unwrap_err()
    }

    fn answered(status: u16, code: &str, message: &str) -> Error {
        let meta = ErrorMetadata::builder().code(code).message(message).build();
        let response = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        told(SdkError::service_error(meta, response))
    }

    fn without(error: CredentialsError) -> Error {
        told(SdkError::dispatch_failure(ConnectorError::other(error.into(), None)))
    }

    #[test]
    fn an_answer_is_sorted_by_its_code_and_only_else_by_its_status() {
        for (status, code, kind) in [
            (400, "Throttling", Kind::Unreachable),
            (503, "SlowDown", Kind::Unreachable),
            (403, "ExpiredToken", Kind::Denied),
            (403, "InvalidClientTokenId", Kind::Denied),
            (400, "AccessDeniedException", Kind::Denied),
            (400, "InvalidKeyPair.NotFound", Kind::Missing),
            (404, "ResourceNotFoundException", Kind::Missing),
            (400, "OptInRequired", Kind::Account),
            (400, "TooManyApplicationVersionsException", Kind::Failed),
            (400, "ValidationError", Kind::Failed),
        ] {
            assert_eq!(answered(status, code, "so it is").kind, kind, "{code}");
        }
        let gone = answered(
            400,
            "InvalidParameterValue",
            "No Environment found for EnvironmentId = 'e-1'.",
        );
        assert_eq!(gone.kind, Kind::Missing);
        let closed = answered(
            403,
            "AuthFailure",
            "AWS was not able to validate the provided access credentials",
        );
        assert!(format!("{:?}", closed.hint).contains("enable-region"));
    }

    #[test]
    fn what_could_not_be_sent_is_sorted_by_its_type_whatever_words_it_has() {
        let words = "identity of the credential proxy";
        let network = told(SdkError::dispatch_failure(ConnectorError::io(words.into())));
        assert_eq!(network.kind, Kind::Unreachable);
        assert_eq!(network.causes.last().map(String::as_str), Some(words));
        let late = told(SdkError::timeout_error(words));
        assert_eq!(late.kind, Kind::Unreachable);
        let unsendable = told(SdkError::construction_failure(words));
        assert_eq!((unsendable.kind, unsendable.hint), (Kind::Failed, None));
    }

    #[test]
    fn credentials_that_are_not_there_are_told_from_those_that_cannot_be_had() {
        let none = without(CredentialsError::not_loaded("seven providers said no"));
        assert_eq!((none.kind, none.causes.len()), (Kind::Denied, 0));
        assert!(none.message.contains("no AWS credentials"), "{none:?}");
        let expired = without(CredentialsError::provider_error("the token has expired"));
        assert_eq!(
            (expired.kind, expired.causes.as_slice()),
            (Kind::Denied, ["the token has expired".to_owned()].as_slice())
        );
        assert!(!expired.message.contains("no AWS credentials"), "{expired:?}");
        let late = without(CredentialsError::provider_timed_out(std::time::Duration::from_secs(5)));
        assert_eq!(late.kind, Kind::Unreachable);
    }

    #[test]
    fn an_authority_that_is_not_trusted_is_found_inside_an_i_o_error_and_the_way_out_is_named() {
        let untrusted = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let io = std::io::Error::new(std::io::ErrorKind::InvalidData, untrusted);
        let error = told(SdkError::dispatch_failure(ConnectorError::io(io.into())));
        assert!(format!("{:?}", error.hint).contains("AWS_CA_BUNDLE"));
    }
}
