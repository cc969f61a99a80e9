//! Bytes said to a server as they are: it answers, or hangs up, whatever it is told.
//! Must know nothing of what it serves, or of what an answer means.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// No answer may be awaited for longer: heads and bodies that do not end are waited for for seconds.
const LIMIT: Duration = Duration::from_secs(60);

/// How long it is waited for an answer before hanging up.
const PATIENCE: Duration = Duration::from_millis(200);

/// Says it, listens for a while, and hangs up: what never ends gets no answer. Blocks, as many of them as are wanted side by side.
///
/// # Panics
/// Where there is no end.
pub fn say(server: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let (began, mut answer) = (Instant::now(), Vec::new());
    // A server that has heard enough may reset the connection.
    let _ = exchange(server, bytes, &mut answer);
    let is_over = began.elapsed() < LIMIT;
    assert!(is_over, "no end after {:?}", String::from_utf8_lossy(bytes));
    answer
}

fn exchange(server: SocketAddr, bytes: &[u8], answer: &mut Vec<u8>) -> io::Result<()> {
    let mut connection = TcpStream::connect(server)?;
    connection.set_write_timeout(Some(LIMIT))?;
    connection.write_all(bytes)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    let mut first = [0; 4096];
    match connection.read(&mut first) {
        Ok(length) => answer.extend_from_slice(&first[..length]),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
        Err(error) => return Err(error),
    }
    connection.shutdown(Shutdown::Write)?;
    connection.set_read_timeout(Some(LIMIT))?;
    connection.read_to_end(answer).map(drop)
}
