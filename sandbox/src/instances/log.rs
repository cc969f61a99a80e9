//! What an instance's processes write: kept in bounded files, read back from their ends.
//! Must know nothing of who asks.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use crate::world::plane::LogGrowth;

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
            let aside = tokio::fs::rename(&path, aside(&path)).await;
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
    let logs = files(directory).into_iter();
    logs.map(|(name, path)| {
        let content = std::fs::read(&path).unwrap_or_default();
        (name, String::from_utf8_lossy(&content).into_owned())
    })
    .collect()
}

/// The logs in a directory, by their paths below it.
fn files(directory: &Path) -> BTreeMap<String, PathBuf> {
    let within = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let entries = within(directory.to_owned()).chain(within(directory.join(PROXY)));
    let paths = entries.map(|entry| entry.path());
    // What the supervisor says is no log of the instance's.
    let logs = paths.filter(|path| path.extension().is_some_and(|it| it == "log") && !path.ends_with("supervisor.log"));
    let name = |path: &PathBuf| {
        path.strip_prefix(directory)
            .unwrap_or(path)
            .to_string_lossy()
            .into_owned()
    };
    logs.map(|path| (name(&path), path)).collect()
}

/// What was added to the logs behind the bytes that are known of each. A line that has no end yet is left for later.
pub(super) fn growth(directory: &Path, known: &BTreeMap<String, u64>) -> Vec<LogGrowth> {
    let grown = files(directory).into_iter().filter_map(|(name, path)| {
        let known = known.get(&name).copied().unwrap_or_default();
        let length = std::fs::metadata(&path).ok()?.len();
        if length == known {
            return None;
        }
        // It was put aside meanwhile, and another one begun.
        let (mut text, from) = match length < known {
            true => (from(&aside(&path), known), 0),
            false => (Vec::new(), known),
        };
        let fresh = from_to_last_line(&path, from);
        let end = from + fresh.len() as u64;
        text.extend(fresh);
        let lines = String::from_utf8_lossy(&text).lines().map(str::to_owned).collect();
        Some(LogGrowth { name, lines, end })
    });
    grown.collect()
}

/// The name under which a log is put aside.
fn aside(path: &Path) -> PathBuf {
    path.with_extension("log.1")
}

/// What a file has behind its first bytes; nothing where it cannot be read.
fn from(path: &Path, start: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What cannot be read now is read, or lost, later.
    let _ = std::fs::File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(start))?;
        file.read_to_end(&mut bytes)
    });
    bytes
}

fn from_to_last_line(path: &Path, start: u64) -> Vec<u8> {
    let mut bytes = from(path, start);
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    bytes.truncate(end);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grown(directory: &Path, known: &mut BTreeMap<String, u64>) -> Vec<String> {
        let growth = growth(directory, known);
        for file in &growth {
            known.insert(file.name.clone(), file.end);
        }
        let lines = growth
            .iter()
            .flat_map(|file| file.lines.iter().map(|line| format!("{}: {line}", file.name)));
        lines.collect()
    }

    #[test]
    fn logs_grow_by_whole_lines_also_where_one_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let (place, mut known) = (folder.path(), BTreeMap::new());
        let web = place.join("web.stdout.log");
        let add = |text: &str| {
            let mut file = std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(&web)
                .unwrap();
            file.write_all(text.as_bytes()).unwrap();
        };
        add("one\ntw");
        std::fs::create_dir(place.join(PROXY)).unwrap();
        std::fs::write(place.join(PROXY).join("error.log"), "refused\n").unwrap();
        std::fs::write(place.join("supervisor.log"), "ours\n").unwrap();
        assert_eq!(
            grown(place, &mut known),
            ["nginx/error.log: refused", "web.stdout.log: one"]
        );
        assert!(grown(place, &mut known).is_empty(), "half a line");
        add("o\n");
        assert_eq!(grown(place, &mut known), ["web.stdout.log: two"]);
        add("three\n");
        std::fs::rename(&web, aside(&web)).unwrap();
        add("4\n");
        assert_eq!(grown(place, &mut known), ["web.stdout.log: three", "web.stdout.log: 4"]);
    }
}
