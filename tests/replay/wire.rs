//! Stands where the network is: hands each request to the replay, and writes its answer as the service's protocol has it.
//! Must know nothing of cases.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::Bytes;
use http_body::{Body, Frame};
use serde_json::json;

use crate::request::Sent;
use crate::script::{Answer, Replay};

/// The SDK's configuration for a replay. Nothing is waited between tries.
pub fn configuration(replay: &Replay, region: &str) -> SdkConfig {
    let connector = SharedHttpConnector::new(Wire(replay.clone()));
    let retries = RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(1));
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::from_keys(
            "AKIDEXAMPLE",
            "secret",
            None,
        )))
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .retry_config(retries)
        .build()
}

struct Wire(Replay);

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpConnector for Wire {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let replay = self.0.clone();
        HttpConnectorFuture::new(async move {
            let body = ByteStream::new(request.take_body()).collect().await;
            let body = body.map_err(|error| ConnectorError::io(error.into()))?.to_vec();
            let headers = request.headers().iter();
            let headers = headers
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let sent = Sent::new(request.method(), request.uri(), headers, body);
            let operation = sent.operation.clone();
            match replay.answer(sent) {
                Some(Answer::Held) => std::future::pending().await,
                Some(answer) => written(&operation, answer),
                None => Err(ConnectorError::user(
                    format!("the script has no answer for {operation}").into(),
                )),
            }
        })
    }
}

fn written(operation: &str, answer: Answer) -> Result<HttpResponse, ConnectorError> {
    let service = operation.split(':').next().unwrap_or_default();
    let (status, headers, body) = match answer {
        Answer::Body(body) => (200, Vec::new(), body),
        Answer::With(headers, body) => (200, headers, body),
        Answer::Raw(status, body) => (status, Vec::new(), body),
        Answer::Refusal { status, code, message } => (status, Vec::new(), refusal(service, &code, &message)),
        Answer::Cut | Answer::Held => return Err(ConnectorError::io("connection reset by peer".into())),
        Answer::Torn(begun) => {
            let body = SdkBody::from_body_1_x(Torn(Some(begun.into())));
            return Ok(HttpResponse::new(StatusCode::try_from(200).map_err(no_status)?, body));
        }
    };
    let status = StatusCode::try_from(status).map_err(no_status)?;
    let mut response = HttpResponse::new(status, SdkBody::from(named(service, body)));
    response.headers_mut().insert("content-type", content_type(service));
    response.headers_mut().insert("x-amzn-requestid", REQUEST);
    for (name, value) in headers {
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

fn no_status(_: impl std::error::Error) -> ConnectorError {
    ConnectorError::user("no such status".into())
}

/// A body that breaks off behind its first bytes.
struct Torn(Option<Bytes>);

impl Body for Torn {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = self.0.take().map(Frame::data);
        Poll::Ready(Some(frame.ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())))
    }
}

/// The root element of a query service's answer with its namespace, where the answer has none.
/// Source: `xmlNamespace` in boto/botocore, botocore/data/*/service-2.json.
fn named(service: &str, body: String) -> String {
    let namespace = match service {
        "autoscaling" => "http://autoscaling.amazonaws.com/doc/2011-01-01/",
        "cloudformation" => "http://cloudformation.amazonaws.com/doc/2010-05-15/",
        "elasticbeanstalk" => "http://elasticbeanstalk.amazonaws.com/docs/2010-12-01/",
        "elasticloadbalancing" => "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
        "iam" => "https://iam.amazonaws.com/doc/2010-05-08/",
        "sts" => "https://sts.amazonaws.com/doc/2011-06-15/",
        _ => return body,
    };
    match body.split_once("Response>") {
        Some((root, rest)) if root.starts_with('<') && !root.contains(' ') => {
            format!("{root}Response xmlns=\"{namespace}\">{rest}")
        }
        _ => body,
    }
}

/// The id of every request. EC2 and S3 name it otherwise; nothing here reads theirs.
pub const REQUEST: &str = "7a62c49f-347e-4fc4-9331-6e8eEXAMPLE0";

/// Source: the headers of answers in ManageIQ/manageiq-providers-amazon, spec/vcr_cassettes.
fn content_type(service: &str) -> &'static str {
    match service {
        "dynamodb" | "cloudwatch" => "application/x-amz-json-1.0",
        "acm" | "logs" | "ssm" | "wafv2" | "servicequotas" | "tag" => "application/x-amz-json-1.1",
        "ec2" => "text/xml;charset=UTF-8",
        "s3" => "application/xml",
        _ => "text/xml",
    }
}

/// Sources: boto/botocore, tests/unit/response_parsing/xml/errors, and botocore/parsers.py for the JSON protocols.
fn refusal(service: &str, code: &str, message: &str) -> String {
    let (code_xml, message_xml) = (escaped(code), escaped(message));
    match service {
        "dynamodb" => {
            json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": message}).to_string()
        }
        "acm" | "logs" | "ssm" | "wafv2" | "servicequotas" | "cloudwatch" | "tag" => {
            json!({"__type": code, "Message": message}).to_string()
        }
        "ec2" => format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code_xml}</Code>\
             <Message>{message_xml}</Message></Error></Errors><RequestID>{REQUEST}</RequestID></Response>"
        ),
        "s3" => format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code_xml}</Code><Message>{message_xml}</Message>\
             <RequestId>4442587FB7D0A2F9</RequestId><HostId>aGVsbG8=</HostId></Error>"
        ),
        "route53" => format!(
            "<?xml version=\"1.0\"?>\n<ErrorResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Error>\
             <Type>Sender</Type><Code>{code_xml}</Code><Message>{message_xml}</Message></Error>\
             <RequestId>{REQUEST}</RequestId></ErrorResponse>"
        ),
        "cloudfront" => format!(
            "<?xml version=\"1.0\"?>\n<ErrorResponse xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\"><Error>\
             <Type>Sender</Type><Code>{code_xml}</Code><Message>{message_xml}</Message></Error>\
             <RequestId>{REQUEST}</RequestId></ErrorResponse>"
        ),
        _ => format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code_xml}</Code><Message>{message_xml}</Message></Error>\
             <RequestId>{REQUEST}</RequestId></ErrorResponse>"
        ),
    }
}

/// Text as it stands in XML.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
