//! Reading the beginning of a body without losing its rest.
//! Must know nothing of why.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};

/// A body, as far as it was read.
pub(super) enum Read {
    All(Bytes),
    /// Longer than asked for: the whole of it, to be passed on.
    Longer(Body),
}

/// Reads a body of up to `limit` bytes.
///
/// # Errors
/// Where the sender broke off.
pub(super) async fn read_up_to(body: Body, limit: usize) -> Result<Read, axum::Error> {
    let mut stream = body.into_data_stream();
    let mut begin = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        begin.extend_from_slice(&chunk?);
        if begin.len() > limit {
            let whole = stream::once(async { Ok(begin.freeze()) }).chain(stream);
            return Ok(Read::Longer(Body::from_stream(whole)));
        }
    }
    Ok(Read::All(begin.freeze()))
}
