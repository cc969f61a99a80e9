//! One signed request of DynamoDB's JSON protocol over shared connections: no retries, no meaning.
//! The SDK's client does the same with a stack of interceptors, and takes as long to compile as all the rest of the app.

use std::sync::Arc;
use std::time::SystemTime;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use axum::http::header::{CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use axum::http::{Method, Request, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use serde::Deserialize;
use thiserror::Error;

use crate::credentials::Credentials;
use crate::endpoint::EndpointConflict;
use crate::https::Client;

const CONTENT: &str = "application/x-amz-json-1.0";
/// What DynamoDB answers to a write, to DescribeTable and to a Scan that counts is short; more than this is no answer of DynamoDB.
const ANSWER_LIMIT: usize = 64 * 1024;

/// A way to DynamoDB. A clone shares the connections.
#[derive(Clone)]
pub struct Signed {
    client: Client,
    destination: Arc<Destination>,
}

/// Where to send, and as whom.
struct Destination {
    endpoint: Uri,
    /// The same as text, which is what is signed.
    url: String,
    host: HeaderValue,
    region: String,
    credentials: Credentials,
}

/// Why one attempt did not succeed.
#[derive(Debug, Error, PartialEq)]
pub enum CallError {
    /// AWS refused it; `code` as in its answer, without the namespace.
    #[error("{code}")]
    Refused { code: String, status: u16 },
    /// The request's condition does not hold: the answer, which has the item that is there where that was asked for.
    #[error("ConditionalCheckFailedException")]
    Unmet(Bytes),
    #[error("no connection")]
    Transport,
    /// The caller's patience ended.
    #[error("time-out")]
    TimeOut,
    #[error("no credentials")]
    NoCredentials,
    #[error("request could not be built")]
    Unbuildable,
}

/// There is no way to DynamoDB.
#[derive(Debug, Error)]
pub enum EndpointError {
    #[error("{0} cannot be used as the endpoint of DynamoDB")]
    Unusable(String),
    #[error("there is no way to DynamoDB: {0}")]
    Conflict(#[from] EndpointConflict),
    #[error("there is nowhere to look for credentials")]
    NoCredentials,
}

impl Signed {
    /// `endpoint` as `https://dynamodb.us-east-1.amazonaws.com`.
    pub fn new(client: Client, endpoint: &str, region: &str, credentials: Credentials) -> Result<Self, EndpointError> {
        let unusable = || EndpointError::Unusable(endpoint.to_owned());
        let endpoint: Uri = endpoint.parse().map_err(|_| unusable())?;
        let host = endpoint.authority().ok_or_else(unusable)?.as_str();
        let destination = Destination {
            host: HeaderValue::from_str(host).map_err(|_| unusable())?,
            url: endpoint.to_string(),
            endpoint,
            region: region.to_owned(),
            credentials,
        };
        Ok(Self {
            client,
            destination: Arc::new(destination),
        })
    }

    /// The same over other connections.
    pub fn over(&self, client: Client) -> Self {
        Self {
            client,
            destination: self.destination.clone(),
        }
    }

    /// Sends `body` to the operation that `target` names (`DynamoDB_20120810.PutItem`). Success is a 200, with its body.
    pub async fn call(&self, target: &'static str, body: Bytes) -> Result<Bytes, CallError> {
        let request = self.destination.request(target, body).await?;
        let response = self.client.request(request).await.map_err(|_| CallError::Transport)?;
        let status = response.status();
        // Read to its end even where nobody wants it, or the connection could not be used again.
        let body = Limited::new(response.into_body(), ANSWER_LIMIT).collect().await;
        let body = body.map_err(|_| CallError::Transport)?.to_bytes();
        if status.is_success() {
            return Ok(body);
        }
        let code = code_of(&body);
        if code == "ConditionalCheckFailedException" {
            return Err(CallError::Unmet(body));
        }
        if matches!(code.as_str(), "ExpiredTokenException" | "UnrecognizedClientException") {
            self.destination.credentials.doubt();
        }
        Err(CallError::Refused {
            code,
            status: status.as_u16(),
        })
    }
}

impl Destination {
    async fn request(&self, target: &'static str, body: Bytes) -> Result<Request<Full<Bytes>>, CallError> {
        let identity = self.credentials.get().await.ok_or(CallError::NoCredentials)?;
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("dynamodb")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|_| CallError::Unbuildable)?
            .into();
        let host = self.host.to_str().unwrap_or_default();
        let headers = [("host", host), ("content-type", CONTENT), ("x-amz-target", target)];
        let signable = SignableRequest::new(
            "POST",
            self.url.as_str(),
            headers.into_iter(),
            SignableBody::Bytes(&body),
        )
        .map_err(|_| CallError::Unbuildable)?;
        let (instructions, _) = sign(signable, &parameters)
            .map_err(|_| CallError::Unbuildable)?
            .into_parts();
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.clone();
        let headers = request.headers_mut();
        headers.reserve(8);
        headers.insert(HOST, self.host.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT));
        headers.insert("x-amz-target", HeaderValue::from_static(target));
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("confapp/", env!("CARGO_PKG_VERSION"))),
        );
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}

/// The error's code: `{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException", …}`.
fn code_of(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        #[serde(rename = "__type")]
        kind: String,
    }
    let Ok(refusal) = serde_json::from_slice::<Refusal>(body) else {
        return "unknown error code".to_owned();
    };
    match refusal.kind.rsplit_once('#') {
        Some((_, code)) => code.to_owned(),
        None => refusal.kind,
    }
}
