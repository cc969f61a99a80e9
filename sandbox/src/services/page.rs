//! What answers of several services have in common: pages of lists, and work that must be done before the answer.
//! Must know nothing of any service.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::world::Refusal;

/// What is before the number in a token.
const MARK: &str = "left:";

/// One page of a list and the token of the next. Tokens count what is left, so that a list that grows at its front,
/// as events do, neither repeats nor skips.
///
/// # Errors
/// Where the token is none that an earlier page gave.
pub(super) fn page<T>(
    mut items: Vec<T>,
    limit: Option<i32>,
    token: Option<&str>,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    if let Some(token) = token {
        let left = left(token).ok_or_else(|| Refusal::new("InvalidParameterValue", "The token is invalid."))?;
        let from = items.len().saturating_sub(left);
        items.drain(..from);
    }
    let limit = limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(items.len());
    let left = items.len().saturating_sub(limit);
    items.truncate(limit);
    Ok((items, (left > 0).then(|| BASE64.encode(format!("{MARK}{left}")))))
}

/// How many a token says to be left. Tokens are opaque, as AWS's are: nobody is to count with them.
fn left(token: &str) -> Option<usize> {
    let bytes = BASE64.decode(token).ok()?;
    std::str::from_utf8(&bytes).ok()?.strip_prefix(MARK)?.parse().ok()
}

/// Does now what the answer depends on: operations answer at once, objects are stored asynchronously. Needs the daemon's
/// multi-threaded runtime.
pub(super) fn wait_for<T>(work: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_stable_while_newer_items_come_in_front() {
        let (first, token) = page(vec![5, 4, 3, 2, 1], Some(2), None).unwrap();
        assert_eq!(first, [5, 4]);
        let (second, token) = page(vec![6, 5, 4, 3, 2, 1], Some(2), token.as_deref()).unwrap();
        assert_eq!(second, [3, 2]);
        let (third, end) = page(vec![6, 5, 4, 3, 2, 1], Some(2), token.as_deref()).unwrap();
        assert_eq!((third, end), (vec![1], None));
    }
}
