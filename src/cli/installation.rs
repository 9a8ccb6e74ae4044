//! Where this installation keeps what it must remember, and its key, under which secrets become pseudonyms: made once, kept in the user's state folder, never
//! shown and never sent. Without a place to keep it, each run has its own.

use crate::redact::Redactor;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::PathBuf;

/// As long as what HMAC-SHA256 gives (RFC 2104, section 3: a shorter key would be weaker, a longer one no stronger).
const KEY_BYTES: usize = 32;

/// Masks under the installation's key.
pub fn redactor() -> Redactor {
    let kept = key_file().and_then(|file| kept_key(&file).ok());
    let key = kept.or_else(|| random().ok());
    // Without randomness the bundles' key still masks; pseudonyms are then the same everywhere.
    key.map_or_else(Redactor::fixed, |key| Redactor::new(&key))
}

/// `$XDG_STATE_HOME/sre-copilot` (XDG Base Directory Specification 0.8); `None` without a home.
pub fn state_folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("sre-copilot"))
}

fn key_file() -> Option<PathBuf> {
    Some(state_folder()?.join("redaction.key"))
}

fn kept_key(file: &PathBuf) -> io::Result<Vec<u8>> {
    if let Ok(key) = fs::read(file)
        && key.len() == KEY_BYTES
    {
        return Ok(key);
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let key = random()?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(&key)?;
    Ok(key)
}

fn random() -> io::Result<Vec<u8>> {
    let mut key = vec![0; KEY_BYTES];
    fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
    Ok(key)
}
