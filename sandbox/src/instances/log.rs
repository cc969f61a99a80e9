//! What an instance's processes write: kept in bounded files, read back from their ends.
//! Must know nothing of who asks.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

/// A log is put aside at this size, and one that was put aside before is lost.
const LARGEST: u64 = 2 * 1024 * 1024;

/// Lines that a deployment log quotes, as Beanstalk's tail of `web.stdout.log` does.
const LINES: usize = 50;

/// The folder of the proxy's logs.
const PROXY: &str = "nginx";

/// Copies `source` to the end of `path` until it closes.
pub(super) async fn keep(mut source: impl AsyncRead + Unpin, path: PathBuf) {
    let mut buffer = vec![0; 16 * 1024];
    let Ok(mut file) = open(&path).await else {
        return drain(source, &mut buffer).await;
    };
    while let Ok(read @ 1..) = source.read(&mut buffer).await {
        let full = file.metadata().await.is_ok_and(|data| data.len() > LARGEST);
        if full {
            // Without the rename the file would only grow on: then stop writing, but go on reading.
            let aside = tokio::fs::rename(&path, path.with_extension("log.1")).await;
            match (aside, open(&path).await) {
                (Ok(()), Ok(fresh)) => file = fresh,
                _ => return drain(source, &mut buffer).await,
            }
        }
        if file.write_all(&buffer[..read]).await.is_err() || file.flush().await.is_err() {
            return drain(source, &mut buffer).await;
        }
    }
}

/// A process must not block on a full pipe because nobody can keep what it says.
async fn drain(mut source: impl AsyncRead + Unpin, buffer: &mut [u8]) {
    while let Ok(1..) = source.read(buffer).await {}
}

async fn open(path: &Path) -> std::io::Result<tokio::fs::File> {
    tokio::fs::OpenOptions::new().create(true).append(true).open(path).await
}

/// The last lines of a log; empty if there is none.
pub(super) fn tail(path: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(64 * 1024)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

/// What nginx says where a request finds nobody at the app's port: the proxy is not in the way here, and its log is asked for
/// with the others.
pub(super) fn refused_connection(directory: &Path, port: u16) {
    let time = jiff::Timestamp::now().strftime("%Y/%m/%d %H:%M:%S");
    let line = format!(
        "{time} [error] 1#1: *1 connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1, \
         server: , request: \"GET / HTTP/1.1\", upstream: \"http://127.0.0.1:{port}/\", host: \"127.0.0.1\"\n"
    );
    let folder = directory.join(PROXY);
    let file = std::fs::create_dir_all(&folder).and_then(|()| {
        let mut options = std::fs::OpenOptions::new();
        options.create(true).append(true).open(folder.join("error.log"))
    });
    // A log that cannot be written is no reason to fail.
    let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
}

/// Every log in a directory, by its path below it.
pub(super) fn all(directory: &Path) -> Vec<(String, String)> {
    let within = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let entries = within(directory.to_owned()).chain(within(directory.join(PROXY)));
    let paths = entries.map(|entry| entry.path());
    // What the supervisor says is no log of the instance's.
    let logs = paths.filter(|path| path.extension().is_some_and(|it| it == "log") && !path.ends_with("supervisor.log"));
    let mut logs: Vec<_> = logs
        .map(|path| {
            let name = path
                .strip_prefix(directory)
                .unwrap_or(&path)
                .to_string_lossy()
                .into_owned();
            let content = std::fs::read(&path).unwrap_or_default();
            (name, String::from_utf8_lossy(&content).into_owned())
        })
        .collect();
    logs.sort();
    logs
}
