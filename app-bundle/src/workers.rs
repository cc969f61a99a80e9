//! One thread a processor, each with a runtime and connections of its own: what is ready waits in one line, first come first
//! served. It knows no route: each worker serves whatever router it makes.
//!
//! Tokio's work-stealing runtime has several lines: beyond 256 tasks what is ready goes to a shared one that is looked at
//! now and then only. Under overload that made some people wait for half a second while others passed them by.

use std::io;
use std::sync::Arc;
use std::thread;

use axum::Router;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;

use crate::serve::connection;

/// A connection for a worker.
struct Visitor {
    stream: std::net::TcpStream,
    /// How it hears that the process drains.
    draining: watch::Receiver<bool>,
    /// Kept as long as it is open.
    open: Arc<()>,
}

struct Worker {
    door: UnboundedSender<Visitor>,
    /// Shared by the connections that it has.
    open: Arc<()>,
}

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
pub struct Workers(Vec<Worker>);

impl Workers {
    /// Starts one more; `router` is called on its runtime.
    pub fn start(&mut self, router: impl FnOnce() -> Router + Send + 'static) -> io::Result<()> {
        let (door, visitors) = mpsc::unbounded_channel();
        let runtime = runtime()?;
        thread::Builder::new()
            .name("worker".to_owned())
            .spawn(move || runtime.block_on(work(router, visitors)))?;
        self.0.push(Worker {
            door,
            open: Arc::default(),
        });
        Ok(())
    }

    /// Gives a connection to the worker that has the fewest. It stays there: a proxy's connections live long.
    ///
    /// # Errors
    /// Where the connection is broken, or the worker ended.
    pub fn serve(&self, stream: TcpStream, draining: watch::Receiver<bool>) -> io::Result<()> {
        let ended = || io::Error::other("no worker is there");
        let fewest = self.0.iter().min_by_key(|worker| Arc::strong_count(&worker.open));
        let worker = fewest.ok_or_else(ended)?;
        let visitor = Visitor {
            stream: stream.into_std()?,
            draining,
            open: worker.open.clone(),
        };
        worker.door.send(visitor).map_err(|_| ended())
    }
}

async fn work(router: impl FnOnce() -> Router, mut visitors: UnboundedReceiver<Visitor>) {
    let router = router();
    while let Some(visitor) = visitors.recv().await {
        match TcpStream::from_std(visitor.stream) {
            Ok(stream) => {
                let serving = connection(stream, router.clone(), visitor.draining);
                tokio::spawn(async move {
                    serving.await;
                    drop(visitor.open);
                });
            }
            Err(error) => tracing::warn!(%error, "cannot serve a connection"),
        }
    }
}
