//! Turns SIGTERM (Beanstalk, systemd) and SIGINT (a terminal) into one future.
//! What is stopped, and how, is for others to know.

use std::future::Future;

use tokio::signal::unix::{SignalKind, signal as listen};

/// Installs the handlers now and completes at the first signal.
pub fn signal() -> Result<impl Future<Output = ()> + Send, std::io::Error> {
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
