//! One thread a processor, each with a runtime and connections of its own: what is ready waits in one line, first come first
//! served. It knows no route: each worker serves whatever router it makes.
//!
//! Tokio's work-stealing runtime has several lines: beyond 256 tasks what is ready goes to a shared one that is looked at
//! now and then only. Under overload that made some people wait for half a second while others passed them by.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use axum::Router;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;

use crate::serve::connection;

/// A connection for a worker, and how it hears that the process drains.
type Visitor = (std::net::TcpStream, watch::Receiver<bool>);

/// How many threads can run at one time.
pub fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// A runtime for the thread that it is made on.
pub fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// The threads that serve. They end with the process.
#[derive(Default)]
pub struct Workers {
    doors: Vec<UnboundedSender<Visitor>>,
    next: AtomicUsize,
}

impl Workers {
    /// Starts one more; `router` is called on its runtime.
    pub fn start(&mut self, router: impl FnOnce() -> Router + Send + 'static) -> io::Result<()> {
        let (door, visitors) = mpsc::unbounded_channel();
        let runtime = runtime()?;
        thread::Builder::new()
            .name("worker".to_owned())
            .spawn(move || runtime.block_on(work(router, visitors)))?;
        self.doors.push(door);
        Ok(())
    }

    /// Gives a connection to the next worker in turn: a proxy's connections live long, and each carries as much as another.
    pub fn serve(&self, stream: TcpStream, draining: watch::Receiver<bool>) -> io::Result<()> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.doors.len();
        // A worker never stops listening.
        let _ = self.doors[turn].send((stream.into_std()?, draining));
        Ok(())
    }
}

async fn work(router: impl FnOnce() -> Router, mut visitors: UnboundedReceiver<Visitor>) {
    let router = router();
    while let Some((stream, draining)) = visitors.recv().await {
        match TcpStream::from_std(stream) {
            Ok(stream) => {
                tokio::spawn(connection(stream, router.clone(), draining));
            }
            Err(error) => tracing::warn!(%error, "cannot serve a connection"),
        }
    }
}
