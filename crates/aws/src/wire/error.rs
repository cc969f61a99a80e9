//! The error of a call, with AWS's code and message, as the SDK's generated errors carry them.
//! Must know nothing of what an error means.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::Error;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use aws_smithy_types::retry::{ErrorKind, ProvideErrorKind};

/// AWS answered with an error, or with what cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}", .meta.code().unwrap_or("an answer without a code"))]
pub struct CallError {
    meta: ErrorMetadata,
    #[source]
    source: Option<BoxError>,
}

impl CallError {
    /// AWS's own.
    pub fn answered(code: Option<String>, message: Option<String>) -> Self {
        let mut meta = ErrorMetadata::builder();
        if let Some(code) = code {
            meta = meta.code(code);
        }
        if let Some(message) = message {
            meta = meta.message(message);
        }
        Self {
            meta: meta.build(),
            source: None,
        }
    }

    /// An answer of success that is not what the service's model says.
    pub fn unreadable(error: impl Into<BoxError>) -> Self {
        let error = error.into();
        Self {
            meta: ErrorMetadata::builder()
                .message(format!("the answer could not be read: {error}"))
                .build(),
            source: Some(error),
        }
    }

    /// What the runtime carried without its type.
    pub(super) fn of_any(error: Error) -> Self {
        error
            .downcast()
            .unwrap_or_else(|_| Self::unreadable("an error of another type"))
    }
}

impl ProvideErrorMetadata for CallError {
    fn meta(&self) -> &ErrorMetadata {
        &self.meta
    }
}

/// Which errors are tried again is decided by their codes.
impl ProvideErrorKind for CallError {
    fn retryable_error_kind(&self) -> Option<ErrorKind> {
        None
    }

    fn code(&self) -> Option<&str> {
        self.meta.code()
    }
}
