//! The terminal as a screen of its own, given back as it was whatever ends the program: drawn over in place, keys as they are pressed.
//! Must know nothing of what is on it.

use std::io::{IsTerminal, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anstream::{AutoStream, ColorChoice};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use terminal_size::terminal_size_of;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::Ui;
use super::panel::{self, Part};
use crate::cli::Format;

/// The alternate screen, without a cursor, and no line going on in the next one (xterm control sequences: DECSET 1049, 25, 7).
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// What is to be put back. The terminal is the process's, and so is this.
static BORROWED: Mutex<Option<Borrowed>> = Mutex::new(None);

struct Borrowed {
    /// How the keyboard was read; `None` where there is none.
    keyboard: Option<Termios>,
}

/// What somebody did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Did {
    /// `q`, or the key of escape.
    Leave,
    /// Ctrl-C, which is a key here.
    Interrupt,
    /// The window has another size.
    Resize,
}

/// The screen, until it is dropped.
pub(crate) struct FullScreen {
    colours: bool,
    keys: mpsc::UnboundedReceiver<Did>,
    resized: Option<Signal>,
    /// Tells who reads the keys that nobody wants them any more.
    over: Arc<AtomicBool>,
}

impl Ui {
    /// The terminal as a screen; `None` where results go to a file, a program, or a terminal that can do nothing.
    pub(crate) fn full_screen(&self) -> Option<FullScreen> {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let shown = self.format == Format::Text && std::io::stdout().is_terminal() && !dumb;
        shown.then(FullScreen::begin)
    }
}

impl FullScreen {
    fn begin() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (press, keys) = mpsc::unbounded_channel();
        let keyboard = std::io::stdin().is_terminal().then(raw).flatten();
        if keyboard.is_some() {
            let over = Arc::clone(&over);
            std::thread::spawn(move || listen(&press, &over));
        }
        *borrowed() = Some(Borrowed { keyboard });
        write(ENTER);
        let choice = AutoStream::choice(&std::io::stdout());
        Self {
            colours: choice != ColorChoice::Never,
            keys,
            resized: signal(SignalKind::window_change()).ok(),
            over,
        }
    }

    /// Puts these parts on the screen, in place of what stood there.
    pub(crate) fn draw(&self, parts: &[Part]) {
        let size = terminal_size_of(std::io::stdout());
        let (columns, rows) = size.map_or((80, 24), |(width, height)| {
            (usize::from(width.0), usize::from(height.0))
        });
        write(&frame(parts, columns, rows.max(1), self.colours));
    }

    /// Waits until somebody does something.
    pub(crate) async fn next(&mut self) -> Did {
        let Self { keys, resized, .. } = self;
        let resize = async {
            match resized {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        let key = async {
            match keys.recv().await {
                Some(did) => did,
                // There is no keyboard.
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            did = key => did,
            _ = resize => Did::Resize,
        }
    }
}

/// What puts these parts in the place of what stood there. A line is emptied before it is written, and with the last one what is below:
/// behind a line that fills the terminal the cursor stands on its last character, which would be emptied too (without DECAWM it stays
/// there; xterm control sequences: EL, ED).
fn frame(parts: &[Part], columns: usize, rows: usize, colours: bool) -> String {
    let lines = panel::lines(parts, columns, rows);
    let last = lines.len().saturating_sub(1);
    let mut text = "\x1b[H".to_owned();
    for (number, line) in lines.iter().enumerate() {
        text.push_str(if number == last { "\x1b[J" } else { "\x1b[K" });
        text.push_str(&panel::styled(line, colours));
        text.push_str(if number == last { "" } else { "\r\n" });
    }
    text
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        give_back();
    }
}

/// Gives the terminal back as it was, if it was taken. Also where the process is left at once, and nothing is dropped.
pub(super) fn give_back() {
    let Some(Borrowed { keyboard }) = borrowed().take() else {
        return;
    };
    write(LEAVE);
    if let Some(before) = keyboard {
        // A terminal that is gone wants nothing back.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &before);
    }
}

fn borrowed() -> std::sync::MutexGuard<'static, Option<Borrowed>> {
    BORROWED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A screen that cannot be written to is gone, and the program with it, or nobody looks.
fn write(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// Keys come as they are pressed and are not shown; Ctrl-C and Ctrl-Z are keys: a program that is stopped or ended in the middle would leave
/// the terminal as it is. Gives how it was; `None` where it cannot be changed.
fn raw() -> Option<Termios> {
    let before = tcgetattr(std::io::stdin()).ok()?;
    let mut wanted = before.clone();
    wanted
        .local_modes
        .remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN);
    // A read comes back after a tenth of a second: who reads looks whether that is still wanted.
    wanted.special_codes[SpecialCodeIndex::VMIN] = 0;
    wanted.special_codes[SpecialCodeIndex::VTIME] = 1;
    tcsetattr(std::io::stdin(), OptionalActions::Flush, &wanted).ok()?;
    Some(before)
}

fn listen(press: &mpsc::UnboundedSender<Did>, over: &AtomicBool) {
    let mut stdin = std::io::stdin().lock();
    let mut keys = [0; 16];
    while !over.load(Ordering::SeqCst) {
        let Ok(read) = stdin.read(&mut keys) else { return };
        if let Some(did) = meant(&keys[..read])
            && press.send(did).is_err()
        {
            return;
        }
    }
}

/// What was pressed, by the bytes that came at once: an arrow begins as the key of escape does, and is none.
fn meant(keys: &[u8]) -> Option<Did> {
    match keys {
        [0x1b] => Some(Did::Leave),
        [0x1b, ..] => None,
        keys if keys.contains(&3) => Some(Did::Interrupt),
        keys if keys.iter().any(|key| b"qQ".contains(key)) => Some(Did::Leave),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_line_keeps_its_last_character() {
        let line = |text: &str| vec![panel::Piece::plain(text)];
        let parts = [Part::Lines(vec![
            line("0123456789"),
            line("short"),
            line("at 127.0.0.1:4566"),
        ])];
        assert_eq!(
            frame(&parts, 10, 4, false),
            "\x1b[H\x1b[K0123456789\r\n\x1b[Kshort\r\n\x1b[Jat 127.0.…"
        );
    }

    #[test]
    fn an_arrow_is_no_escape() {
        assert_eq!(meant(b"q"), Some(Did::Leave));
        assert_eq!(meant(b"\x1b"), Some(Did::Leave));
        assert_eq!(meant(b"\x03"), Some(Did::Interrupt));
        for nothing in [&b"\x1b[A"[..], b"x", b""] {
            assert_eq!(meant(nothing), None, "{nothing:?}");
        }
    }
}
