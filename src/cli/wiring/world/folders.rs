//! The folders beside the database: recordings of analyses, and copies. Nobody else can read them, and the oldest make way.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A folder that nobody else can read: a recording holds what a cluster says of itself.
pub(super) fn private(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Removes the recordings that are too old, and then the oldest until the rest is small enough. How many went.
pub(super) fn thin_out(folder: &Path, longest: Duration, most: u64) -> std::io::Result<usize> {
    let mut all = Vec::new();
    for incident in folders(folder)? {
        for run in folders(&incident)? {
            if let Some((made, size)) = unless_gone(measured(&run))? {
                all.push((made, size, run));
            }
        }
    }
    all.sort();
    let mut total: u64 = all.iter().map(|(_, size, _)| size).sum();
    let oldest = SystemTime::now().checked_sub(longest).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut removed = 0;
    for (made, size, run) in all {
        if made >= oldest && total <= most {
            break;
        }
        unless_gone(fs::remove_dir_all(&run))?;
        // Its incident's folder goes with the last of them.
        _ = run.parent().map(fs::remove_dir);
        total -= size;
        removed += 1;
    }
    Ok(removed)
}

fn folders(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => {
            let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
            Ok(paths?.into_iter().filter(|path| path.is_dir()).collect())
        }
        gone => Ok(unless_gone(gone.map(|_| Vec::new()))?.unwrap_or_default()),
    }
}

/// When a recording was made, and how long it is.
fn measured(run: &Path) -> std::io::Result<(SystemTime, u64)> {
    Ok((fs::metadata(run)?.modified()?, size(run)?))
}

fn size(folder: &Path) -> std::io::Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let length = || if entry.file_type()?.is_dir() { size(&entry.path()) } else { Ok(entry.metadata()?.len()) };
        total += unless_gone(length())?.unwrap_or_default();
    }
    Ok(total)
}

/// `None` of what isn't there any more: analyses write their recordings, and others make way, meanwhile.
fn unless_gone<T>(found: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

/// Removes all but the newest copies, whose names are their times. How many went.
pub(super) fn newest_only(folder: &Path, keep: usize) -> std::io::Result<usize> {
    let entries: Result<Vec<_>, _> = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect();
    let is_copy = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("state-") && name.ends_with(".db")
    };
    let mut copies: Vec<_> = entries?.into_iter().filter(is_copy).collect();
    copies.sort();
    let gone = copies.len().saturating_sub(keep.max(1));
    for copy in copies.iter().take(gone) {
        fs::remove_file(copy)?;
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_go_when_they_are_too_many_or_too_old_the_oldest_first() {
        let home = tempfile::tempdir().unwrap();
        let run = |incident: &str, run: &str| {
            let folder = home.path().join(incident).join(run);
            private(&folder).unwrap();
            fs::write(folder.join("objects.json"), [b'x'; 1000]).unwrap();
            folder
        };
        let all = [run("a", "1"), run("a", "2"), run("b", "3")];
        assert_eq!(thin_out(home.path(), Duration::from_secs(3600), 3000).unwrap(), 0);
        assert_eq!(thin_out(home.path(), Duration::from_secs(3600), 1999).unwrap(), 2);
        assert_eq!(all.iter().filter(|run| run.exists()).count(), 1);
        assert_eq!(thin_out(home.path(), Duration::ZERO, 3000).unwrap(), 1);
        assert!(!home.path().join("b").exists());
        assert_eq!(thin_out(&home.path().join("nowhere"), Duration::ZERO, 0).unwrap(), 0);
    }

    #[test]
    fn the_newest_copies_stay() {
        let home = tempfile::tempdir().unwrap();
        for name in ["state-20260101T000000Z.db", "state-20260103T000000Z.db", "state-20260102T000000Z.db", "other.db"] {
            fs::write(home.path().join(name), "").unwrap();
        }
        assert_eq!(newest_only(home.path(), 2).unwrap(), 1);
        assert!(!home.path().join("state-20260101T000000Z.db").exists() && home.path().join("other.db").exists());
    }
}
