//! The protocols AWS JSON 1.0 and 1.1: the operation in `X-Amz-Target`, a JSON object each way.
//! Must know nothing of services.
//!
//! Source: Smithy's pages on awsJson1_0 and awsJson1_1.

use std::fmt;

use aws_runtime::auth::SigningOptions;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::body::SdkBody;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::client::{Call, Called, Client};
use super::error::CallError;

/// How a service speaks JSON.
#[derive(Debug, Clone, Copy)]
pub struct Json {
    /// `1.0` or `1.1` (`jsonVersion` in the model).
    pub version: &'static str,
    /// Before the operation's name (`targetPrefix`).
    pub target: &'static str,
    /// Whether it was a query service once (`awsQueryCompatible`): then its errors keep the codes that they had.
    pub was_query: bool,
}

impl Json {
    /// Calls an operation.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn call<T>(&self, client: &Client, operation: &'static str, input: &impl Serialize) -> Called<T>
    where
        T: DeserializeOwned + fmt::Debug + Send + Sync + 'static,
    {
        let body = serde_json::to_vec(input).map_err(SdkError::construction_failure)?;
        let mut request = http::Request::post("/")
            .header("content-type", format!("application/x-amz-json-{}", self.version))
            .header("x-amz-target", format!("{}.{operation}", self.target));
        if self.was_query {
            request = request.header("x-amzn-query-mode", "true");
        }
        let call = Call {
            operation,
            endpoint: None,
            request: request
                .body(SdkBody::from(body))
                .map_err(SdkError::construction_failure)?,
            signing: SigningOptions::default(),
            body_hash: None,
            patience: None,
        };
        client.call(call, read, fault).await
    }
}

fn read<T: DeserializeOwned>(response: &HttpResponse) -> Result<T, CallError> {
    let body = response.body().bytes().unwrap_or_default();
    // Operations without an answer may send no body at all.
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(CallError::unreadable)
}

fn fault(response: &HttpResponse) -> CallError {
    let body = response.body().bytes().unwrap_or_default();
    let body: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    let member = |names: &[&str]| {
        let found = names.iter().find_map(|name| body.get(*name)?.as_str());
        found.map(str::to_owned)
    };
    let header = |name| response.headers().get(name).map(str::to_owned);
    // `Code;Sender`, of a service that was a query service.
    let former = header("x-amzn-query-error").and_then(|error| error.split(';').next().map(str::to_owned));
    let code = former.or_else(|| {
        let code = header("x-amzn-errortype").or_else(|| member(&["__type", "code"]))?;
        Some(bare(&code).to_owned())
    });
    CallError::answered(code, member(&["message", "Message", "errorMessage"]))
}

/// `aws.service#Code:http://…` is only `Code`.
fn bare(code: &str) -> &str {
    let code = code.split_once(':').map_or(code, |(code, _)| code);
    code.split_once('#').map_or(code, |(_, code)| code)
}
