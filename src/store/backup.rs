//! Copies of the database, made while it is used.

use super::{Store, open};
use crate::ports::StoreError;
use rusqlite::Connection;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl Store {
    /// Makes a consistent copy in `folder`, named after the time; what is at its name at any time is whole.
    ///
    /// # Errors
    /// The folder can't be written, or the copy is damaged.
    pub async fn back_up(&self, folder: &Path) -> Result<PathBuf, StoreError> {
        let now = self.writer.write(|_, now| Ok::<_, StoreError>(now)).await?;
        let (path, folder) = (self.path.clone(), folder.to_owned());
        let name = format!("state-{}.db", now.strftime("%Y%m%dT%H%M%SZ"));
        // Whoever gave up waiting for one doesn't end it.
        let turn = Arc::clone(&self.copying).try_lock_owned();
        let turn = turn.map_err(|_| StoreError::Failed("the copy before this one is still being made".to_owned()))?;
        let copied = move || {
            let _turn = turn;
            copy(&path, &folder, &name)
        };
        tokio::task::spawn_blocking(copied).await.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))
    }
}

fn copy(path: &Path, folder: &Path, name: &str) -> Result<PathBuf, StoreError> {
    let (partial, whole) = (folder.join(format!("{name}.partial")), folder.join(name));
    let failed = |error: std::io::Error| StoreError::Open { path: folder.to_owned(), why: error.to_string() };
    std::fs::create_dir_all(folder).map_err(failed)?;
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Of one that was killed.
        if name.starts_with("state-") && name.ends_with(".db.partial") {
            std::fs::remove_file(&path).map_err(failed)?;
        }
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
