//! One `serve` a database. The lock is the system's: it goes with the process, however that ends, and the file stays.

use crate::cli::error::CliError;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

/// The database is this process's, for as long as this lives.
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes it.
    ///
    /// # Errors
    /// Another process has it, which is named; or the file can't be made.
    pub fn take(database: &Path) -> Result<Self, CliError> {
        let mut path = database.as_os_str().to_owned();
        path.push(".lock");
        let path = Path::new(&path);
        let failed = |error: std::io::Error| {
            CliError::failed(format!("can't make the lock file {}: {error}", path.display()))
                .hint("check the owner and the rights of its folder")
        };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            let mut builder = DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(folder).map_err(failed)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(&mut file, database)),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let note = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        note(&mut file).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

fn taken(file: &mut File, database: &Path) -> CliError {
    let mut text = String::new();
    // It is only a name: without it the refusal stands.
    _ = file.take(20).read_to_string(&mut text);
    let who = text.trim().parse::<u32>().map_or_else(|_| "another process".to_owned(), |pid| format!("process {pid}"));
    CliError::failed(format!("{who} serves from {} already", database.display()))
        .hint("end it first, or name another file with DATABASE_URL=sqlite:/path/to/file.db")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("new/state.db");
        let first = Lock::take(&database).unwrap();
        let refusal = Lock::take(&database).err().unwrap();
        assert!(refusal.what.starts_with(&format!("process {} serves from ", std::process::id())), "{refusal}");
        drop(first);
        assert!(Lock::take(&database).is_ok());
    }
}
