//! An empty folder that only we may enter, and that is gone with the call.

use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};
use uuid::Uuid;

pub(super) struct Empty(PathBuf);

impl Empty {
    /// Makes it in the machine's place for what is temporary.
    pub fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("sre-copilot-{}", Uuid::new_v4()));
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path)?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Empty {
    fn drop(&mut self) {
        // What stays behind is a folder among what is temporary.
        let _ = fs::remove_dir_all(&self.0);
    }
}
