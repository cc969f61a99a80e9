//! What a program of an instance says, as far as it is kept.
//! Must know nothing of who reads it.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncRead, AsyncReadExt};

/// What stands at the end of output that was longer.
const TRUNCATED: &str = "\n---Output truncated---";

/// A stream, of which the first characters are kept.
#[derive(Clone)]
pub(super) struct Output {
    longest: usize,
    kept: Arc<Mutex<Vec<u8>>>,
}

impl Output {
    pub(super) fn up_to(longest: usize) -> Self {
        Self {
            longest,
            kept: Arc::default(),
        }
    }

    /// Reads to the end: a process must not block on a full pipe because nobody keeps what it says.
    pub(super) async fn keep(self, mut source: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = source.read(&mut buffer).await {
            let mut kept = self.lock();
            // A character has up to four bytes.
            let room = (self.longest * 4 + 1).saturating_sub(kept.len());
            kept.extend_from_slice(&buffer[..read.min(room)]);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(super) fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.lock()).into_owned();
        if text.chars().count() <= self.longest {
            return text;
        }
        let room = self.longest - TRUNCATED.len();
        text.chars().take(room).chain(TRUNCATED.chars()).collect()
    }
}
