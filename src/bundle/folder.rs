//! A folder that may come from a stranger: files are read only when they lie inside it, links resolved, and are plain
//! files, so that a bundle can't show what else is on this machine, or block on a pipe.

use super::error::{BundleError, shown};
use super::text;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A folder to read from.
pub(super) struct Folder {
    path: PathBuf,
    /// The same without links.
    real: PathBuf,
}

impl Folder {
    /// Opens a folder.
    pub fn open(path: &Path) -> Result<Self, BundleError> {
        let real = path.canonicalize().map_err(|error| BundleError::read(path, error))?;
        Ok(Self { path: path.to_owned(), real })
    }

    /// The name of a file in it, for people.
    pub fn name(&self, file: &str) -> String {
        shown(&self.path.join(file))
    }

    /// Opens a file; `None` when there is none. The number is its length in bytes.
    pub fn file(&self, name: &str) -> Result<Option<(File, u64)>, BundleError> {
        let path = self.path.join(name);
        let outside = |why| BundleError::Outside { name: shown(&path), why };
        let real = match path.canonicalize() {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return if path.is_symlink() { Err(outside("it is a link to nothing")) } else { Ok(None) };
            }
            Err(error) => return Err(BundleError::read(&path, error)),
        };
        if !real.starts_with(&self.real) {
            return Err(outside("it is a link to something outside the folder"));
        }
        let metadata = fs::metadata(&real).map_err(|error| BundleError::read(&path, error))?;
        if !metadata.is_file() {
            return Err(outside("it is not a plain file"));
        }
        let file = File::open(&real).map_err(|error| BundleError::read(&path, error))?;
        Ok(Some((file, metadata.len())))
    }

    /// Reads a file as text; `None` when there is none.
    pub fn text(&self, name: &str) -> Result<Option<String>, BundleError> {
        self.text_up_to(text::MAX_FILE, name)
    }

    /// The same for a file that may have at most so many bytes.
    pub fn text_up_to(&self, limit: u64, name: &str) -> Result<Option<String>, BundleError> {
        match self.file(name)? {
            None => Ok(None),
            Some((file, length)) => text::read_at_most(limit, file, Some(length), &self.name(name)).map(Some),
        }
    }

    /// Whether there is something of this name.
    pub fn has(&self, name: &str) -> bool {
        self.path.join(name).symlink_metadata().is_ok()
    }

    /// The names in one of its folders (`""`: in itself), sorted; folders end in `/`. Hidden ones, and names that
    /// aren't Unicode, are left out. Empty when there is no such folder.
    pub fn names(&self, folder: &str) -> Result<Vec<String>, BundleError> {
        let path = self.path.join(folder);
        match path.canonicalize() {
            Ok(real) if !real.starts_with(&self.real) => {
                return Err(BundleError::Outside { name: shown(&path), why: "it is a link to something outside the folder" });
            }
            Ok(real) if !real.is_dir() => return Ok(Vec::new()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(BundleError::read(&path, error)),
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(&path).map_err(|error| BundleError::read(&path, error))? {
            let entry = entry.map_err(|error| BundleError::read(&path, error))?;
            let Ok(mut name) = entry.file_name().into_string() else { continue };
            if name.starts_with('.') {
                continue;
            }
            if entry.path().is_dir() {
                name.push('/');
            }
            names.push(name);
        }
        names.sort_unstable();
        Ok(names)
    }
}

/// Whether a file's name says that it holds objects.
pub(super) fn is_objects(name: &str) -> bool {
    [".json", ".yaml", ".yml"].iter().any(|suffix| name.ends_with(suffix))
}
