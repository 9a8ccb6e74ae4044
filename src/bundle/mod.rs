//! The incident bundle: one folder that holds everything an analysis reads, so that an incident can be replayed
//! elsewhere; and what kubectl prints, which is read as if it were one. Reads and writes files, and knows nothing of
//! clusters, rules or the clock. A Secret's values are dropped while reading.

mod document;
mod dump;
mod error;
mod exchanges;
mod expected;
mod fields;
mod folder;
mod incident;
mod kubernetes;
mod logs;
mod read;
mod text;
mod write;
mod yaml;

#[cfg(test)]
mod tests;

use crate::cluster::Recording;
use folder::Folder;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

pub use error::BundleError;
pub use expected::{Expected, ExpectedObject, Gate, expected};
pub use incident::API_VERSION;
pub use logs::{LOG_TAIL, LOGS_TOTAL};
pub use text::MAX_FILE;
pub use write::write;

/// How many folders deep [`list`] looks for bundles.
const LIST_DEPTH: usize = 4;

/// Reads a bundle's folder, the folder of `kubectl cluster-info dump --output-directory`, or a file that kubectl
/// printed (`get -o json`, `get -o yaml`, `cluster-info dump`).
///
/// # Errors
///
/// When something that is there can't be read or understood; see [`BundleError`]. An object or entry that is garbage
/// inside well-formed JSON, and a list of objects that is cut off, are warnings in the recording.
pub fn read(path: &Path) -> Result<Recording, BundleError> {
    let metadata = fs::metadata(path).map_err(|error| BundleError::read(path, error))?;
    if !metadata.is_dir() {
        let file = File::open(path).map_err(|error| BundleError::read(path, error))?;
        let name = error::shown(path);
        return dump::read_stream(&text::read(file, Some(metadata.len()), &name)?, &name);
    }
    let folder = Folder::open(path)?;
    if read::is_bundle(&folder) {
        read::read(&folder)
    } else if dump::is_dump(&folder) {
        dump::read_folder(path, &folder)
    } else {
        let mut inside = Vec::new();
        // Only for the hint: what can't be listed counts for nothing.
        drop(collect(path, 1, &mut inside));
        Err(BundleError::NotABundle { name: error::shown(path), inside: inside.len() })
    }
}

/// Reads what kubectl printed to a stream. `name` is what messages call it.
///
/// # Errors
///
/// As for [`read`].
pub fn read_stream(reader: impl Read, name: &str) -> Result<Recording, BundleError> {
    dump::read_stream(&text::read(reader, None, name)?, name)
}

/// The bundles in a folder and in the folders below it, sorted by path; the folder itself when it is one. Links and
/// hidden folders aren't followed.
///
/// # Errors
///
/// When a folder can't be listed.
pub fn list(path: &Path) -> Result<Vec<PathBuf>, BundleError> {
    let mut bundles = Vec::new();
    collect(path, LIST_DEPTH, &mut bundles)?;
    bundles.sort_unstable();
    Ok(bundles)
}

fn collect(path: &Path, depth: usize, bundles: &mut Vec<PathBuf>) -> Result<(), BundleError> {
    if read::is_bundle(&Folder::open(path)?) {
        bundles.push(path.to_owned());
        return Ok(());
    }
    if depth == 0 {
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(|error| BundleError::read(path, error))? {
        let entry = entry.map_err(|error| BundleError::read(path, error))?;
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !is_hidden && entry.file_type().is_ok_and(|r#type| r#type.is_dir()) {
            collect(&entry.path(), depth - 1, bundles)?;
        }
    }
    Ok(())
}
