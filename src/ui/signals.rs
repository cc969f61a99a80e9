//! Ctrl-C and SIGTERM: the first drains the run, the second ends the process at once.
//! Must know nothing of what is running.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Ui, err};
use crate::exit::Exit;

/// The exit code of the signal that came first: signals are the process's, not one command's.
static FIRST: AtomicU8 = AtomicU8::new(0);

/// Listens from now on; `stop` is cancelled by the first signal.
pub(crate) fn listen(ui: &Ui, stop: CancellationToken) {
    let ui = ui.clone();
    tokio::spawn(async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        loop {
            let exit = tokio::select! {
                _ = interrupt.recv() => Exit::Interrupted,
                _ = terminate.recv() => Exit::Terminated,
            };
            if first().is_some() {
                leave(exit);
            }
            FIRST.store(exit as u8, Ordering::SeqCst);
            stop.cancel();
            ui.say("stopping: nothing more is started, calls in flight end; once more to leave at once");
        }
    });
}

/// The exit code of the first signal, if one came.
pub(crate) fn first() -> Option<Exit> {
    match FIRST.load(Ordering::SeqCst) {
        0 => None,
        code if code == Exit::Terminated as u8 => Some(Exit::Terminated),
        _ => Some(Exit::Interrupted),
    }
}

/// Without waiting for anything; the lock's lease ends by itself.
#[expect(clippy::exit, reason = "the second signal means now")]
fn leave(exit: Exit) -> ! {
    err(
        "left at once; run the same command again to go on (the stack's lock is free for it at once on this machine, elsewhere within 20 s)",
    );
    std::process::exit(exit as i32)
}
