//! A connection on which nothing happens, without the 16 kB of buffers that hyper keeps for it: 10,000 people who have
//! registered and still have the page open cost little. It knows no route.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// How long after an answer the next request may come before the buffers go. A proxy's busy connection never rests.
const REST_AFTER: Duration = Duration::from_millis(200);

/// How long a client may leave its answer unread, once the kernel takes no more of it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// How far an exchange is, told by those who see it: the service that answers, the stream that reads.
#[derive(Default)]
pub struct Progress {
    /// The last request is answered and nothing of another has come.
    answered: AtomicBool,
    rested: AtomicBool,
}

impl Progress {
    pub fn answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// Whether the end of the stream was none: it can be served again.
    pub fn has_rested(&self) -> bool {
        self.rested.load(Ordering::Relaxed)
    }
}

/// A stream that pretends to end when it has nothing to do.
pub struct Resting<'a> {
    stream: &'a mut TcpStream,
    progress: &'a Progress,
    /// When hyper, with everything answered, first found nothing to read. Not sooner: behind an answer that came before the end
    /// of its request's body, hyper looks once for the rest and closes if there is none yet. Were that read taken for a rest,
    /// the late body would be served as a request of its own.
    quiet_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    /// Runs while the client does not read.
    unread: Option<Pin<Box<Sleep>>>,
}

impl<'a> Resting<'a> {
    pub fn new(stream: &'a mut TcpStream, progress: &'a Progress) -> Self {
        Self {
            stream,
            progress,
            quiet_since: None,
            timer: None,
            unread: None,
        }
    }

    /// Gives up on a client that does not read.
    fn bounded<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.unread = None;
            return written;
        }
        let unread = self
            .unread
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(WRITE_TIMEOUT)));
        unread
            .as_mut()
            .poll(context)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// The timer is armed once and then only moved, since most requests come long before it would fire.
    fn poll_rest(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let due = *self.quiet_since.get_or_insert_with(Instant::now) + REST_AFTER;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        while timer.as_mut().poll(context).is_ready() {
            if Instant::now() >= due {
                return Poll::Ready(());
            }
            timer.as_mut().reset(due);
        }
        Poll::Pending
    }
}

impl AsyncRead for Resting<'_> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = into.filled().len();
        match Pin::new(&mut *this.stream).poll_read(context, into) {
            Poll::Pending if this.progress.answered.load(Ordering::Relaxed) => this.poll_rest(context).map(|()| {
                this.progress.rested.store(true, Ordering::Relaxed);
                Ok(())
            }),
            ready => {
                if into.filled().len() > before {
                    this.quiet_since = None;
                    this.progress.answered.store(false, Ordering::Relaxed);
                }
                ready
            }
        }
    }
}

impl AsyncWrite for Resting<'_> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut *this.stream).poll_write(context, bytes);
        this.bounded(written, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut *this.stream).poll_write_vectored(context, slices);
        this.bounded(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.progress.has_rested() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut *this.stream).poll_shutdown(context)
    }
}
