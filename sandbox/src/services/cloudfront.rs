//! CloudFront.

use http::Method;

/// The operation that `path` (with its query) stands for.
pub(crate) fn route(_method: &Method, _path: &str) -> Option<&'static str> {
    None
}
