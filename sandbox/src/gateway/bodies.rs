//! Reads bodies: none larger than it may be, none from a client that falls silent, and not more at once than there is room for.
//! Must know nothing of what is in them.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body as _;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Bytes of all bodies that are being read or worked on.
const ROOM: usize = 1 << 30;
/// What room is counted in.
const UNIT: usize = 1024;
/// How long a client may send nothing of a body that it has announced.
const SILENCE: Duration = Duration::from_secs(20);

/// Why a body is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unread {
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the body ended before its length, or the connection did")]
    CutOff,
    #[error("nothing of the body came for {} s", SILENCE.as_secs())]
    Silent,
}

/// Where bodies are kept while requests are handled.
pub(crate) struct Bodies {
    room: Semaphore,
}

/// A body, and the room that it takes until it is dropped.
#[derive(Debug)]
pub(super) struct Kept<'a> {
    pub bytes: Bytes,
    _room: SemaphorePermit<'a>,
}

impl Default for Bodies {
    fn default() -> Self {
        Self::with_room(ROOM)
    }
}

impl Bodies {
    fn with_room(bytes: usize) -> Self {
        Self {
            room: Semaphore::new(bytes / UNIT),
        }
    }

    /// Waits for room, and for the body. One that says that it is too large is not read at all.
    pub(super) async fn read(&self, mut body: Body, largest: usize) -> Result<Kept<'_>, Unread> {
        let announced = body.size_hint().exact();
        let announced = announced.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        if announced.is_some_and(|bytes| bytes > largest) {
            return Err(Unread::TooLarge(largest));
        }
        let units = announced.unwrap_or(largest).div_ceil(UNIT);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        // Never closed: an error cannot come.
        let room = self.room.acquire_many(units).await.map_err(|_| Unread::CutOff)?;
        let mut read = Vec::new();
        loop {
            let Ok(frame) = tokio::time::timeout(SILENCE, body.frame()).await else {
                return Err(Unread::Silent);
            };
            let frame = match frame {
                None => break,
                Some(frame) => frame.map_err(|_| Unread::CutOff)?,
            };
            let data = frame.data_ref().map_or(&[][..], |data| data);
            if read.len() + data.len() > largest {
                return Err(Unread::TooLarge(largest));
            }
            read.extend_from_slice(data);
        }
        Ok(Kept {
            bytes: read.into(),
            _room: room,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::{FutureExt, StreamExt, stream};

    use super::*;

    /// A body without a known length that counts what is taken of it.
    fn endless(taken: &Arc<AtomicUsize>) -> Body {
        let taken = taken.clone();
        Body::from_stream(stream::repeat_with(move || {
            taken.fetch_add(UNIT, Ordering::Relaxed);
            Ok::<_, Infallible>(Bytes::from(vec![0; UNIT]))
        }))
    }

    #[tokio::test]
    async fn no_more_is_read_than_a_request_may_have() {
        let bodies = Bodies::default();
        let taken = Arc::default();
        let refused = bodies.read(endless(&taken), 10 * UNIT).await.unwrap_err();
        assert_eq!(refused, Unread::TooLarge(10 * UNIT));
        assert_eq!(taken.load(Ordering::Relaxed), 11 * UNIT);
        let announced = Body::from(vec![0; 11 * UNIT]);
        assert_eq!(bodies.read(announced, 10 * UNIT).await.unwrap_err(), refused);
        let kept = bodies.read(Body::from("all of it"), 10 * UNIT).await.unwrap();
        assert_eq!(kept.bytes, "all of it");
    }

    #[tokio::test]
    async fn bodies_wait_for_room() {
        let bodies = Bodies::with_room(4 * UNIT);
        let large = || Body::from(vec![0; 3 * UNIT]);
        let first = bodies.read(large(), 4 * UNIT).await.unwrap();
        let mut second = Box::pin(bodies.read(large(), 4 * UNIT));
        assert!(second.as_mut().now_or_never().is_none(), "there was room for both");
        drop(first);
        second.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_falls_silent_gives_its_room_back() {
        let bodies = Bodies::with_room(4 * UNIT);
        let begun = stream::iter([Ok::<_, Infallible>(Bytes::from("begun"))]);
        let silent = Body::from_stream(begun.chain(stream::pending()));
        assert_eq!(bodies.read(silent, 4 * UNIT).await.unwrap_err(), Unread::Silent);
        assert_eq!(bodies.room.available_permits(), 4);
    }
}
