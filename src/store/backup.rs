//! Copies of the database, made while it is used.

use super::{Store, open};
use crate::ports::StoreError;
use rusqlite::Connection;
use std::fs::File;
use std::path::{Path, PathBuf};

impl Store {
    /// Makes a consistent copy in `folder`, named after the time; what is at its name at any time is whole.
    ///
    /// # Errors
    /// The folder can't be written, or the copy is damaged.
    pub async fn back_up(&self, folder: &Path) -> Result<PathBuf, StoreError> {
        let now = self.writer.write(|_, now| Ok::<_, StoreError>(now)).await?;
        let (path, folder) = (self.path.clone(), folder.to_owned());
        let name = format!("state-{}.db", now.strftime("%Y%m%dT%H%M%SZ"));
        tokio::task::spawn_blocking(move || copy(&path, &folder, &name))
            .await
            .unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))
    }
}

fn copy(path: &Path, folder: &Path, name: &str) -> Result<PathBuf, StoreError> {
    let (partial, whole) = (folder.join(format!("{name}.partial")), folder.join(name));
    let failed = |error: std::io::Error| StoreError::Open { path: folder.to_owned(), why: error.to_string() };
    std::fs::create_dir_all(folder).map_err(failed)?;
    match std::fs::remove_file(&partial) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    // A connection of its own: one read transaction, which no writer waits for.
    let name = partial.to_str().ok_or_else(|| StoreError::Location("the folder's name isn't text".to_owned()))?;
    open::create(&partial)?;
    open::connect(path)?.execute("VACUUM INTO ?1", [name])?;
    let copy = Connection::open(&partial)?;
    let checked: String = copy.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    drop(copy);
    if checked != "ok" {
        return Err(StoreError::Damaged("a copy of it doesn't pass its check".to_owned()));
    }
    File::open(&partial).and_then(|file| file.sync_all()).map_err(failed)?;
    std::fs::rename(&partial, &whole).map_err(failed)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(whole)
}
