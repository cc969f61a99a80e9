//! Ctrl-C and SIGTERM: the first drains the run, the second ends the process at once.
//! Must know nothing of what is running.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Ui, err, full_screen};
use crate::exit::Exit;

/// The exit code of the signal that came first: signals are the process's, not one command's.
static FIRST: AtomicU8 = AtomicU8::new(0);

/// Whether whoever runs now is the one that signals are for: a program that confctl has started in this terminal.
static LEFT_TO_CHILD: AtomicBool = AtomicBool::new(false);

/// Whether there is nothing to be told of what stops: what only looks ends at once.
static ONLY_LOOKS: AtomicBool = AtomicBool::new(false);

/// What becomes of what was begun, where that is more than can be gone on with.
static GOES_ON: OnceLock<String> = OnceLock::new();

/// Tells whoever leaves at once.
pub(crate) fn goes_on(text: String) {
    // A run begins one thing.
    let _ = GOES_ON.set(text);
}

/// From now on until this is dropped signals are a started program's, which gets them too; whatever it makes of them, it is waited for.
pub(crate) struct LeftToChild(());

impl LeftToChild {
    pub(crate) fn begin() -> Self {
        LEFT_TO_CHILD.store(true, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for LeftToChild {
    fn drop(&mut self) {
        LEFT_TO_CHILD.store(false, Ordering::SeqCst);
    }
}

/// This run only looks, until somebody ends it.
pub(crate) fn only_looks() {
    ONLY_LOOKS.store(true, Ordering::SeqCst);
}

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
            if exit == Exit::Interrupted && LEFT_TO_CHILD.load(Ordering::SeqCst) {
                continue;
            }
            if first().is_some() {
                leave(exit);
            }
            FIRST.store(exit as u8, Ordering::SeqCst);
            stop.cancel();
            if ONLY_LOOKS.load(Ordering::SeqCst) {
                continue;
            }
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
    full_screen::give_back();
    err(
        "left at once; run the same command again to go on (the stack's lock is free for it at once on this machine, elsewhere within 20 s)",
    );
    if let Some(text) = GOES_ON.get() {
        err(text);
    }
    std::process::exit(exit as i32)
}
