//! The files of a draw: what is published before it, what is published after it, and what is the organiser's alone.
//! Must know nothing of how they came about.

use std::io::Write;
use std::path::{Path, PathBuf};

use confctl_draw::{Commitment, Record, Tickets};
use serde_json::json;
use tempfile::NamedTempFile;

use crate::engine::Error;
use crate::resources::Holder;

/// Where they are.
pub(super) struct Files {
    folder: PathBuf,
    stem: String,
}

impl Files {
    pub(super) fn new(folder: Option<&Path>, stack: &str) -> Self {
        Self {
            folder: folder.unwrap_or(Path::new(".")).to_owned(),
            stem: format!("confctl-draw-{stack}"),
        }
    }

    pub(super) fn commitment_file(&self) -> PathBuf {
        self.place("commitment.json")
    }

    fn place(&self, ending: &str) -> PathBuf {
        let name = format!("{}.{ending}", self.stem);
        match self.folder == Path::new(".") {
            true => name.into(),
            false => self.folder.join(name),
        }
    }

    /// What is published before the round.
    ///
    /// # Errors
    /// Where it cannot be written, or another one is there.
    pub(super) fn commitment(&self, commitment: &Commitment, tickets: &Tickets) -> Result<PathBuf, Error> {
        let tickets: Vec<_> = tickets.as_slice().iter().map(ToString::to_string).collect();
        let published = json!({
            "commitment": commitment.document(),
            "commitment_sha256": commitment.sha256(),
            "tickets": tickets,
        });
        write(
            self.commitment_file(),
            &serde_json::to_vec_pretty(&published).map_err(unwritable)?,
        )
    }

    /// What is published after it.
    ///
    /// # Errors
    /// As of [`Self::commitment`].
    pub(super) fn record(&self, record: &Record) -> Result<PathBuf, Error> {
        write(
            self.place("json"),
            &serde_json::to_vec_pretty(record).map_err(unwritable)?,
        )
    }

    /// Whose the winning tickets are, and those behind them.
    ///
    /// # Errors
    /// As of [`Self::commitment`].
    pub(super) fn winners(&self, record: &Record, holders: &[Holder]) -> Result<PathBuf, Error> {
        let rows = holders.iter().enumerate().map(|(place, holder)| {
            let won = record.winners.get(place).map(|winner| winner.prize.clone());
            vec![
                (place + 1).to_string(),
                won.unwrap_or_else(|| "waiting list".to_owned()),
                holder.ticket.to_string(),
                holder
                    .address
                    .clone()
                    .unwrap_or_else(|| "no longer registered".to_owned()),
            ]
        });
        let table = confctl_export::table(&["rank", "prize", "ticket", "email"], rows);
        write(self.place("winners.csv"), &table.map_err(unwritable)?)
    }
}

/// A file of its owner's, whole or not at all. One that says the same may be there; another is not written over.
fn write(path: PathBuf, bytes: &[u8]) -> Result<PathBuf, Error> {
    match fs_err::read(&path) {
        Ok(there) if there == bytes => return Ok(path),
        Ok(_) => {
            let text = format!("{} is there and is of something else", path.display());
            return Err(Error::refused(text).hint("move it away, or name another place with --folder"));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(unwritable(error)),
    }
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let written = NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).and_then(|mut file| {
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(&path).map_err(|error| error.error)
    });
    written.map_err(unwritable)?;
    Ok(path)
}

fn unwritable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::failed("a file of the draw could not be written")
        .caused_by(error)
        .hint("make room, or name another place with --folder; the draw itself is kept, and the same command writes it again")
}
