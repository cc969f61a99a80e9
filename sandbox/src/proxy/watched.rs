//! A body that ends in an error when its sender is silent for too long.
//! Must know nothing of where it goes.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::HttpBody;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;

/// How far a body has come, for whoever waits for what follows it.
#[derive(Debug)]
pub(super) struct Progress {
    last: Mutex<Instant>,
    waits: AtomicBool,
    stalled: AtomicBool,
    broken: AtomicBool,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            last: Mutex::new(Instant::now()),
            waits: AtomicBool::new(false),
            stalled: AtomicBool::new(false),
            broken: AtomicBool::new(false),
        }
    }
}

impl Progress {
    /// Time since the last byte.
    pub(super) fn since(&self) -> Duration {
        let last = self.last.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        last.elapsed()
    }

    /// Whether more of the body is asked for and its sender is silent.
    pub(super) fn waits_for_sender(&self) -> bool {
        self.waits.load(Ordering::Acquire)
    }

    /// Whether the body was given up.
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Acquire)
    }

    /// Whether what came is no body.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    fn moved(&self) {
        self.waits.store(false, Ordering::Release);
        *self.last.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Instant::now();
    }
}

/// The sender was silent for too long.
#[derive(Debug, thiserror::Error)]
#[error("nothing came for {} s", .0.as_secs())]
pub(super) struct Silent(Duration);

/// A body and how long its sender may be silent.
pub(super) struct Watched<B> {
    body: B,
    idle: Duration,
    progress: Option<Arc<Progress>>,
    /// Made when the body has to be waited for: most need none.
    alarm: Option<Pin<Box<Sleep>>>,
    /// Given back when the body is through.
    _turn: Option<OwnedSemaphorePermit>,
}

impl<B> Watched<B> {
    pub(super) fn new(body: B, idle: Duration, progress: Option<Arc<Progress>>) -> Self {
        Self {
            body,
            idle,
            progress,
            alarm: None,
            _turn: None,
        }
    }

    /// Keeps a turn until the body is through.
    pub(super) fn holding(mut self, turn: Option<OwnedSemaphorePermit>) -> Self {
        self._turn = turn;
        self
    }
}

impl<B> HttpBody for Watched<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<axum::BoxError>,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.alarm = None;
            if let Some(progress) = &self.progress {
                progress.moved();
                if matches!(frame, Some(Err(_))) {
                    progress.broken.store(true, Ordering::Release);
                }
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        if let Some(progress) = &self.progress {
            progress.waits.store(true, Ordering::Release);
        }
        let idle = self.idle;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
        ready!(alarm.as_mut().poll(context));
        if let Some(progress) = &self.progress {
            progress.stalled.store(true, Ordering::Release);
        }
        Poll::Ready(Some(Err(Silent(idle).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
