//! Which protocol a request speaks, which operation it asks for, and how errors and request ids go out in each.
//! Must know nothing of what an operation does.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::signature::Distrust;
use crate::protocols::call::{Answer, Call, Protocol, header as value_of};
use crate::protocols::xml::escape;
use crate::services;
use crate::world::{Refusal, ids};

/// The protocol of a request to `service` (empty where the request does not say).
pub(crate) fn detect(service: &str, parts: &Parts) -> Protocol {
    let targeted = parts.headers.contains_key("x-amz-target");
    match service {
        "ec2" => Protocol::Ec2Query,
        "s3" | "s3express" | "s3-object-lambda" => Protocol::S3,
        "cloudfront" | "route53" => Protocol::RestXml,
        // CloudWatch answers three generations of clients: the Rust SDK speaks CBOR, botocore JSON, older ones query.
        _ if parts.headers.contains_key("smithy-protocol") => Protocol::Cbor,
        _ if targeted => Protocol::Json,
        "" if parts.method != Method::POST => Protocol::S3,
        _ => Protocol::Query,
    }
}

/// The operation that is asked for.
pub(crate) fn operation(protocol: Protocol, parts: &Parts, body: &[u8]) -> Option<String> {
    match protocol {
        Protocol::Query | Protocol::Ec2Query => {
            let query = if body.is_empty() {
                parts.uri.query()?.as_bytes()
            } else {
                body
            };
            form_urlencoded::parse(query)
                .find(|(name, _)| name == "Action")
                .map(|(_, action)| action.into_owned())
        }
        Protocol::Json => {
            let target = value_of(&parts.headers, "x-amz-target")?;
            target.rsplit('.').next().map(str::to_owned)
        }
        Protocol::Cbor => parts
            .uri
            .path()
            .rsplit_once("/operation/")
            .map(|(_, name)| name.to_owned()),
        Protocol::RestXml | Protocol::S3 => services::route(protocol, parts),
    }
}

/// Versions that a service of the query protocols has, as botocore's models name them. Both generations of Elastic Load
/// Balancing are one service; EC2's older versions are answered as its latest.
fn versions(service: &str) -> Option<&'static [&'static str]> {
    Some(match service {
        "autoscaling" => &["2011-01-01"],
        "cloudformation" => &["2010-05-15"],
        "ec2" => &[
            "2014-09-01",
            "2014-10-01",
            "2015-03-01",
            "2015-04-15",
            "2015-10-01",
            "2016-04-01",
            "2016-09-15",
            "2016-11-15",
        ],
        "elasticbeanstalk" => &["2010-12-01"],
        "elasticloadbalancing" => &["2012-06-01", "2015-12-01"],
        "iam" => &["2010-05-08"],
        "monitoring" => &["2010-08-01"],
        "sns" => &["2010-03-31"],
        "sts" => &["2011-06-15"],
        _ => return None,
    })
}

/// # Errors
/// Where a query request is for a version that its service does not have. The words are AWS's: of the query protocol in
/// aws-cli issue 37, of the frame
/// with `Response` and `Errors`, which is EC2's, in aws-sdk-php issue 1217 (of another service: EC2's name in it is a guess).
pub(crate) fn check_version(call: &Call) -> Result<(), Refusal> {
    if !matches!(call.protocol, Protocol::Query | Protocol::Ec2Query) {
        return Ok(());
    }
    let Some(known) = versions(&call.service) else {
        return Ok(());
    };
    let parameters = call.parameters();
    let asked = parameters.get("Version").map(String::as_str);
    if asked.is_some_and(|version| known.contains(&version)) {
        return Ok(());
    }
    let version = asked.unwrap_or("NO_VERSION_SPECIFIED");
    Err(if call.protocol == Protocol::Ec2Query {
        let message = format!("The requested version ({version}) of service AmazonEC2 does not exist");
        Refusal::new("NoSuchVersion", message)
    } else {
        let message = format!("Could not find operation {} for version {version}", call.operation);
        Refusal::new("InvalidAction", message)
    })
}

/// A request that is not believed, in the words of the protocol.
pub(crate) fn distrusted(protocol: Protocol, distrust: &Distrust) -> Refusal {
    let s3 = protocol == Protocol::S3;
    let json = matches!(protocol, Protocol::Json | Protocol::Cbor);
    let (status, code) = match (distrust, protocol) {
        (Distrust::ExpiredToken, Protocol::S3 | Protocol::Ec2Query) => (400, "ExpiredToken"),
        (Distrust::ExpiredToken, _) if json => (400, "ExpiredTokenException"),
        (Distrust::ExpiredToken, _) => (403, "ExpiredToken"),
        (Distrust::BodyMismatch, Protocol::S3) => (400, "XAmzContentSHA256Mismatch"),
        (Distrust::UnknownPayload, _) => (400, "InvalidArgument"),
        (Distrust::NoPayload, _) => (400, "InvalidRequest"),
        (Distrust::NotSigned(_), Protocol::S3) => (403, "AccessDenied"),
        (Distrust::Unsigned, Protocol::S3) => (403, "AccessDenied"),
        (Distrust::Unsigned, _) if json => (400, "MissingAuthenticationTokenException"),
        (Distrust::Unsigned, _) => (403, "MissingAuthenticationToken"),
        (Distrust::UnknownKey, Protocol::S3) => (403, "InvalidAccessKeyId"),
        (Distrust::UnknownKey | Distrust::Mismatch | Distrust::BodyMismatch, Protocol::Ec2Query) => {
            (401, "AuthFailure")
        }
        (Distrust::UnknownKey, _) if json => (400, "UnrecognizedClientException"),
        (Distrust::UnknownKey, _) => (403, "InvalidClientTokenId"),
        (Distrust::Skewed(_), _) if s3 => (403, "RequestTimeTooSkewed"),
        (Distrust::Expired, _) if s3 => (403, "AccessDenied"),
        (Distrust::Skewed(_) | Distrust::Expired, Protocol::Ec2Query) => (400, "RequestExpired"),
        (Distrust::Malformed(_) | Distrust::Version2, _) if s3 => (400, "AuthorizationHeaderMalformed"),
        (Distrust::Malformed(_) | Distrust::Version2, _) => (400, "IncompleteSignature"),
        (_, _) if json => (400, "InvalidSignatureException"),
        _ => (403, "SignatureDoesNotMatch"),
    };
    Refusal::with_status(status, code, distrust.to_string())
}

/// An error as the caller's client expects it.
pub(crate) fn refuse(protocol: Protocol, service: &str, refusal: &Refusal, request_id: &str) -> Answer {
    let code = escape(&refusal.code);
    let message = escape(&refusal.message);
    let kind = if refusal.status < 500 { "Sender" } else { "Receiver" };
    let mut headers = HeaderMap::new();
    let (content_type, body) = match protocol {
        Protocol::Query | Protocol::RestXml => (
            "text/xml",
            Bytes::from(format!(
                "<ErrorResponse xmlns=\"{}\"><Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message>\
                 </Error><RequestId>{request_id}</RequestId></ErrorResponse>",
                namespace(service)
            )),
        ),
        Protocol::Ec2Query => (
            "text/xml",
            Bytes::from(format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code}</Code>\
                 <Message>{message}</Message></Error></Errors><RequestID>{request_id}</RequestID></Response>"
            )),
        ),
        Protocol::S3 => (
            "application/xml",
            Bytes::from(format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
                 <RequestId>{request_id}</RequestId><HostId></HostId></Error>"
            )),
        ),
        Protocol::Json => {
            let code = format!("{}{}", shape_prefix(service, &refusal.code), refusal.code);
            let body = serde_json::json!({ "__type": code, "message": refusal.message });
            (json_type(service), Bytes::from(body.to_string()))
        }
        Protocol::Cbor => {
            headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
            let body = serde_json::json!({ "__type": refusal.code, "message": refusal.message });
            let mut bytes = Vec::new();
            if let Err(error) = ciborium::into_writer(&body, &mut bytes) {
                tracing::error!(%error, "an error could not be written as CBOR");
            }
            ("application/cbor", Bytes::from(bytes))
        }
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if matches!(protocol, Protocol::Json | Protocol::Cbor) && service == "monitoring" {
        // CloudWatch was a query service once: its clients still take the code from this header.
        if let Ok(value) = HeaderValue::from_str(&format!("{};{kind}", refusal.code)) {
            headers.insert("x-amzn-query-error", value);
        }
    }
    Answer {
        status: StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST),
        headers,
        body,
    }
}

/// Where DynamoDB's errors are named (DynamoDB guide: Programming.Errors). Of the other JSON services no recording kept the
/// prefix, and clients take the code without one.
fn shape_prefix(service: &str, code: &str) -> &'static str {
    match (service, code) {
        ("dynamodb", "ValidationException" | "SerializationException") => "com.amazon.coral.validate#",
        (
            "dynamodb",
            "AccessDeniedException" | "UnrecognizedClientException" | "MissingAuthenticationTokenException",
        ) => "com.amazon.coral.service#",
        ("dynamodb", _) => "com.amazonaws.dynamodb.v20120810#",
        _ => "",
    }
}

/// The version of the JSON protocol that a service speaks (botocore's models, `jsonVersion`).
fn json_type(service: &str) -> &'static str {
    match service {
        "dynamodb" | "monitoring" => "application/x-amz-json-1.0",
        _ => "application/x-amz-json-1.1",
    }
}

/// Puts the request's ids into headers and body, over those that the generated serializers invent, and what goes out with
/// every answer of a protocol.
pub(crate) fn stamp(answer: &mut Answer, protocol: Protocol, service: &str, request_id: &str) {
    let id = if protocol == Protocol::S3 {
        "x-amz-request-id"
    } else {
        "x-amzn-requestid"
    };
    set(answer, id, request_id);
    let failed = !answer.status.is_success();
    match protocol {
        // Events carry a RequestId of their own: the request's is the last, in the metadata.
        Protocol::Query => fill(answer, "<RequestId>", Where::Last, request_id),
        Protocol::Ec2Query => {
            set(answer, "content-type", "text/xml;charset=UTF-8");
            fill(answer, "<requestId>", Where::First, request_id);
        }
        Protocol::S3 => {
            let host = host_id();
            set(answer, "x-amz-id-2", &host);
            // Objects may contain anything; only errors are ours.
            if failed {
                fill(answer, "<RequestId>", Where::Last, request_id);
                fill(answer, "<HostId>", Where::Last, &host);
            }
        }
        Protocol::RestXml if failed => fill(answer, "<RequestId>", Where::Last, request_id),
        Protocol::Json => {
            set(answer, "content-type", json_type(service));
            if service == "dynamodb" {
                // Clients hold the body against it (recorded in 22 answers of 24).
                let sum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, &answer.body);
                set(answer, "x-amz-crc32", &sum.to_string());
            }
        }
        Protocol::RestXml | Protocol::Cbor => {}
    }
}

/// S3's second id, of the host that answered: 56 bytes.
fn host_id() -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(ids::secret(56))
}

fn set(answer: &mut Answer, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers.insert(name, value);
    }
}

fn fill(answer: &mut Answer, element: &str, position: Where, content: &str) {
    if let Some(filled) = replace_content(&answer.body, element, position, content) {
        answer.body = filled;
    }
}

#[derive(Clone, Copy)]
enum Where {
    First,
    Last,
}

fn replace_content(body: &Bytes, element: &str, position: Where, content: &str) -> Option<Bytes> {
    let text = std::str::from_utf8(body).ok()?;
    let start = match position {
        Where::First => text.find(element),
        Where::Last => text.rfind(element),
    }? + element.len();
    let end = start + text[start..].find('<')?;
    Some(Bytes::from(format!("{}{content}{}", &text[..start], &text[end..])))
}

fn namespace(service: &str) -> &'static str {
    match service {
        "elasticbeanstalk" => "http://elasticbeanstalk.amazonaws.com/docs/2010-12-01/",
        "autoscaling" => "http://autoscaling.amazonaws.com/doc/2011-01-01/",
        "elasticloadbalancing" => "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
        "cloudformation" => "http://cloudformation.amazonaws.com/doc/2010-05-15/",
        "cloudfront" => "http://cloudfront.amazonaws.com/doc/2020-05-31/",
        "monitoring" => "http://monitoring.amazonaws.com/doc/2010-08-01/",
        "route53" => "https://route53.amazonaws.com/doc/2013-04-01/",
        "iam" => "https://iam.amazonaws.com/doc/2010-05-08/",
        "sns" => "http://sns.amazonaws.com/doc/2010-03-31/",
        _ => "https://sts.amazonaws.com/doc/2011-06-15/",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        Answer {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::from(body.to_owned()),
        }
    }

    #[test]
    fn the_request_ids_of_events_stay_as_they_are() {
        let mut events = answer(
            "<R><Events><member><RequestId>event</RequestId></member></Events>\
             <ResponseMetadata><RequestId>invented</RequestId></ResponseMetadata></R>",
        );
        stamp(&mut events, Protocol::Query, "elasticbeanstalk", "mine");
        assert_eq!(
            events.body,
            "<R><Events><member><RequestId>event</RequestId></member></Events>\
             <ResponseMetadata><RequestId>mine</RequestId></ResponseMetadata></R>"
        );
        assert_eq!(events.headers["x-amzn-requestid"], "mine");
    }

    #[test]
    fn an_object_that_looks_like_an_answer_is_not_touched() {
        let mut object = answer("<RequestId>content</RequestId>");
        stamp(&mut object, Protocol::S3, "s3", "mine");
        assert_eq!(object.body, "<RequestId>content</RequestId>");
        assert_eq!(object.headers["x-amz-request-id"], "mine");
    }

    #[test]
    fn an_answer_goes_out_as_its_service_speaks() {
        let typed = |protocol, service| {
            let mut stamped = answer("{}");
            stamp(&mut stamped, protocol, service, "mine");
            stamped.headers
        };
        let dynamodb = typed(Protocol::Json, "dynamodb");
        assert_eq!(dynamodb["content-type"], "application/x-amz-json-1.0");
        assert_eq!(dynamodb["x-amz-crc32"], "2745614147");
        for service in ["wafv2", "ssm", "servicequotas"] {
            let headers = typed(Protocol::Json, service);
            assert_eq!(headers["content-type"], "application/x-amz-json-1.1", "{service}");
            assert!(!headers.contains_key("x-amz-crc32"), "{service}");
        }
        assert_eq!(
            typed(Protocol::Ec2Query, "ec2")["content-type"],
            "text/xml;charset=UTF-8"
        );
    }

    #[test]
    fn an_error_of_s3_names_the_host_that_its_header_names() {
        let missing = Refusal::with_status(404, "NoSuchKey", "The specified key does not exist.");
        let mut refused = refuse(Protocol::S3, "s3", &missing, "");
        stamp(&mut refused, Protocol::S3, "s3", "mine");
        let host = refused.headers["x-amz-id-2"].to_str().unwrap();
        let body = String::from_utf8_lossy(&refused.body);
        assert!(
            body.contains(&format!("<RequestId>mine</RequestId><HostId>{host}</HostId>")),
            "{body}"
        );
    }
}
