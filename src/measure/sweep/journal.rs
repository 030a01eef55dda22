//! What has happened: one line of JSON for each event, on disk before the work goes on.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::error::SweepError;

/// A file that events are added to.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens the journal, or begins it. A last line that was cut off by a crash is ended, so that it spoils no other.
    pub(super) fn open(path: &Path) -> Result<Self, SweepError> {
        let failed = |source| SweepError::Folder { doing: "open", path: path.to_owned(), source };
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path).map_err(failed)?;
        if file.seek(SeekFrom::End(0)).map_err(failed)? > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1)).and_then(|_| file.read_exact(&mut last)).map_err(failed)?;
            if last != *b"\n" {
                file.write_all(b"\n").map_err(failed)?;
            }
        }
        Ok(Self { path: path.to_owned(), file })
    }

    /// Adds an event: its kind, and what belongs to it. It is on disk when this returns.
    pub(super) fn add(&mut self, event: &str, more: &Json) -> Result<(), SweepError> {
        let mut line = json!({ "time": now(), "event": event });
        if let (Some(line), Some(more)) = (line.as_object_mut(), more.as_object()) {
            line.extend(more.clone());
        }
        let written = self.file.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|source| SweepError::Folder { doing: "write", path: self.path.clone(), source })
    }
}

/// The events of a journal; lines that a crash has cut off are left out.
pub(super) fn events(path: &Path) -> Result<Vec<Json>, SweepError> {
    let bytes =
        std::fs::read(path).map_err(|source| SweepError::Folder { doing: "read", path: path.to_owned(), source })?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok()).filter(Json::is_object).collect())
}

/// The time of day, to the second, in UTC.
pub(super) fn now() -> String {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}
