//! One request of an AWS client and its answer, after the signature was checked and before any codec has seen it.

use std::collections::HashMap;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use serde::de::DeserializeOwned;

use super::query;
use crate::world::Refusal;

/// How a client wraps requests, answers and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Form body, XML answer, `<ErrorResponse>`.
    Query,
    /// As `Query`, with EC2's own error shape and parameter names.
    Ec2Query,
    /// `X-Amz-Target` and a JSON body.
    Json,
    /// Smithy RPC v2 CBOR.
    Cbor,
    /// CloudFront: paths and XML bodies.
    RestXml,
    /// S3's dialect of the same.
    S3,
}

/// A request whose caller is known.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Given before handling: the same in the header, in the body and in the events that the call causes.
    pub request_id: String,
    /// As in the signature's scope: `elasticbeanstalk`, `ec2`, `monitoring`, …
    pub service: String,
    /// As in the signature's scope.
    pub region: String,
    pub protocol: Protocol,
    /// `DescribeEnvironments`; for rest protocols what the router made of method and path.
    pub operation: String,
    /// ARN of who signed.
    pub caller: String,
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    /// Decoded: no aws-chunked framing is left.
    pub body: Bytes,
}

impl Call {
    /// The parameters of a query request.
    pub(crate) fn parameters(&self) -> HashMap<String, String> {
        let query = self.uri.query().unwrap_or_default().as_bytes();
        let form = if self.body.is_empty() { query } else { &self.body };
        form_urlencoded::parse(form).into_owned().collect()
    }

    /// The request as the type of a query or EC2-query operation.
    pub(crate) fn query<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        self.decoded(&self.parameters())
    }

    /// As [`Self::query`], without a member that the type does not have.
    pub(crate) fn query_without<T: DeserializeOwned>(&self, member: &str) -> Result<T, Refusal> {
        let mut parameters = self.parameters();
        parameters.retain(|name, _| name.split('.').next() != Some(member));
        self.decoded(&parameters)
    }

    fn decoded<T: DeserializeOwned>(&self, parameters: &HashMap<String, String>) -> Result<T, Refusal> {
        query::from_parameters(parameters).map_err(|error| match error {
            // EC2's own (EC2 API, "Error codes"). How it writes the name differs from operation to operation.
            query::Error::Missing(name) if self.protocol == Protocol::Ec2Query => Refusal::new(
                "MissingParameter",
                format!("The request must contain the parameter {name}"),
            ),
            error => Refusal::new("MalformedQueryString", error.to_string()),
        })
    }

    /// The request as the generated type of a JSON operation.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let body: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        serde_json::from_slice(body).map_err(|error| Refusal::new("SerializationException", error.to_string()))
    }

    /// The form that the generated rest decoders take.
    pub(crate) fn to_generated(&self) -> winterbaume_core::MockRequest {
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        winterbaume_core::MockRequest {
            method: self.method.to_string(),
            uri: format!("https://{}.amazonaws.com{path}", self.service),
            headers: self.headers.clone(),
            body: self.body.clone(),
        }
    }
}

/// What goes back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl From<winterbaume_core::MockResponse> for Answer {
    fn from(generated: winterbaume_core::MockResponse) -> Self {
        Self {
            status: StatusCode::from_u16(generated.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: generated.headers,
            body: generated.body,
        }
    }
}

/// A header's value, where it is there and a text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
