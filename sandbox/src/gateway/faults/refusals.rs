//! What AWS's services say when they are asked too often, and when they fail.
//! Must know nothing of who has them say so.

use crate::world::Refusal;

/// Codes and statuses of throttling, by service. Of the words of most JSON services there is no public log: they are those of
/// the others.
pub(in crate::gateway) fn throttled(service: &str) -> Refusal {
    let (status, code, message) = match service {
        // botocore's data/_retry.json, and cloudfoundry/bosh-aws-cpi-release#61.
        "ec2" => (503, "RequestLimitExceeded", "Request limit exceeded."),
        // S3 API reference, ErrorResponses, and aws/aws-sdk-net#1949.
        "s3" => (503, "SlowDown", "Please reduce your request rate."),
        // botocore's models: sns, ThrottledException.
        "sns" => (429, "Throttled", "Rate exceeded"),
        // botocore's models: resourcegroupstaggingapi, service-quotas.
        "tagging" => (400, "ThrottledException", "Rate exceeded"),
        "servicequotas" => (400, "TooManyRequestsException", "Rate exceeded"),
        // botocore's models and data/_retry.json; DynamoDB guide: Programming.Errors.
        "dynamodb" | "logs" | "ssm" | "wafv2" => (400, "ThrottlingException", "Rate exceeded"),
        // The common errors of the query services: einaregilsson/beanstalk-deploy#9, aws/aws-sdk-go#3119; CloudFront's are the
        // same: spacecatninja/craft-imager-x#19.
        _ => (400, "Throttling", "Rate exceeded"),
    };
    Refusal::with_status(status, code, message)
}

/// A failure of the service's own: 500 or 503.
pub(in crate::gateway) fn failed(service: &str, status: u16) -> Refusal {
    let (code, message) = match (service, status) {
        // S3 API reference, ErrorResponses.
        ("s3", 503) => ("ServiceUnavailable", "Service is unable to handle request."),
        ("s3", _) => ("InternalError", "We encountered an internal error. Please try again."),
        // EC2 API reference, errors-overview.
        ("ec2", 503) => ("Unavailable", "The server is overloaded and can't handle the request."),
        ("ec2", _) => ("InternalError", "An internal error has occurred"),
        // DynamoDB guide: Programming.Errors.
        ("dynamodb", 500) => ("InternalServerError", "Internal server error"),
        // The common errors of the API references of the others.
        (_, 503) => (
            "ServiceUnavailable",
            "The request has failed due to a temporary failure of the server.",
        ),
        _ => (
            "InternalFailure",
            "The request processing has failed because of an unknown error, exception or failure.",
        ),
    };
    Refusal::with_status(status, code, message)
}
