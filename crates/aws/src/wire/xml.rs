//! Answers in XML, of the query services and of S3.
//! Must know nothing of services.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::CallError;

/// A list as the query protocol gives it; `<Stacks/>` is one without members.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Members<T> {
    #[serde(default = "Vec::new")]
    pub member: Vec<T>,
}

impl<T> Default for Members<T> {
    fn default() -> Self {
        Self { member: Vec::new() }
    }
}

/// # Errors
/// Where it is not the document that is meant.
pub fn read<T: DeserializeOwned>(response: &HttpResponse) -> Result<T, CallError> {
    let body = response.body().bytes().unwrap_or_default();
    let text = std::str::from_utf8(body).map_err(CallError::unreadable)?;
    quick_xml::de::from_str(text).map_err(CallError::unreadable)
}

/// `<ErrorResponse><Error>…` of the query services, `<Error>…` of S3.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Fault {
    error: Option<Box<Fault>>,
    code: Option<String>,
    message: Option<String>,
}

/// The error of a response.
pub fn fault(response: &HttpResponse) -> CallError {
    let body = response.body().bytes().unwrap_or_default();
    if body.is_empty() && response.status().as_u16() == 404 {
        // An answer to HEAD has no body: the SDK's S3 client gives it this code.
        return CallError::answered(Some("NotFound".to_owned()), Some("Not Found".to_owned()));
    }
    let text = String::from_utf8_lossy(body);
    let whole: Fault = quick_xml::de::from_str(&text).unwrap_or_default();
    let fault = match whole.error {
        Some(inner) => *inner,
        None => whole,
    };
    CallError::answered(fault.code, fault.message)
}
