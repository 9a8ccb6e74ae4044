//! What can go wrong with a bundle. Each error says what was tried and why it failed; [`BundleError::hint`] says what
//! to do next. Names and excerpts come from outside, so control characters in them are escaped here.

use super::API_VERSION;
use std::io;
use std::path::Path;
use thiserror::Error;

/// Why a bundle, or what kubectl printed, could not be read or written.
#[derive(Debug, Error)]
pub enum BundleError {
    /// A file or folder could not be opened or read.
    #[error("cannot read {name}: {source}")]
    Read {
        /// The file or folder.
        name: String,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A file or folder could not be written.
    #[error("cannot write {name}: {source}")]
    Write {
        /// The file or folder.
        name: String,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A file is larger than this program takes into memory.
    #[error("cannot read {name}: it is larger than {} MiB", limit >> 20)]
    TooLarge {
        /// The file.
        name: String,
        /// How large it may be, in bytes.
        limit: u64,
    },
    /// A file in a bundle is a link to something outside it, or no file at all.
    #[error("cannot read {name}: {why}")]
    Outside {
        /// The file.
        name: String,
        /// What it is instead.
        why: &'static str,
    },
    /// A file holds nothing but white space.
    #[error("cannot read {name}: it is empty")]
    Empty {
        /// The file.
        name: String,
    },
    /// A file isn't the JSON or YAML that it should be.
    #[error("cannot read {name}, line {line} column {column}: {why}")]
    Syntax {
        /// The file.
        name: String,
        /// From 1.
        line: usize,
        /// From 1; 0 where only the line is known.
        column: usize,
        /// The parser's reason.
        why: String,
    },
    /// A file of objects ends before its first object is complete.
    #[error("cannot read {name}: it is cut off in line {line}, before the end of its first object")]
    CutOff {
        /// The file.
        name: String,
        /// Its last line, from 1.
        line: usize,
    },
    /// The text is something that kubectl prints for people.
    #[error("cannot read {name}: it holds {what}, not objects: {first_line}")]
    NotObjects {
        /// The file.
        name: String,
        /// What it looks like.
        what: &'static str,
        /// How it begins.
        first_line: String,
    },
    /// Well-formed JSON or YAML without a Kubernetes object.
    #[error("cannot read {name}: it holds no Kubernetes object ({why})")]
    NotKubernetes {
        /// The file.
        name: String,
        /// What was found instead.
        why: String,
    },
    /// The API server's refusal was saved instead of objects.
    #[error("cannot read {name}: it holds the API server's error, not objects: {message}")]
    Status {
        /// The file.
        name: String,
        /// The server's words.
        message: String,
    },
    /// `incident.json` is of a version that this build doesn't know.
    #[error("cannot read {name}: its apiVersion is {found:?}, and this build reads {API_VERSION:?}")]
    Version {
        /// The file.
        name: String,
        /// What it says.
        found: String,
    },
    /// A folder that holds neither a bundle nor a dump.
    #[error("cannot read {name}: it is neither an incident bundle nor the folder of a kubectl cluster-info dump")]
    NotABundle {
        /// The folder.
        name: String,
        /// How many bundles lie below it.
        inside: usize,
    },
    /// The folder to write to holds something else.
    #[error("cannot write a bundle to {name}: the folder holds other files")]
    NotEmpty {
        /// The folder.
        name: String,
    },
    /// A log whose pod or container can't be the name of a file.
    #[error("cannot write the log of {key}: that is no name that Kubernetes gives")]
    LogName {
        /// Namespace, pod and container.
        key: String,
    },
    /// `expected.json` checks nothing.
    #[error("cannot use {name}: it asserts nothing")]
    AssertsNothing {
        /// The file.
        name: String,
    },
}

impl BundleError {
    /// What to do next, in one sentence.
    pub fn hint(&self) -> String {
        match self {
            Self::Read { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => "check the path; a bundle is a folder with incident.json or objects.json in it".into(),
                io::ErrorKind::PermissionDenied => "give this user the right to read it".into(),
                _ => "check the disk, and try again".into(),
            },
            Self::Write { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space, or choose another folder".into(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "choose a folder that this user may write to".into()
                }
                _ => "choose another folder".into(),
            },
            Self::TooLarge { .. } => "ask kubectl for fewer namespaces or kinds, or record it again".into(),
            Self::Outside { .. } => "copy the file itself into the bundle".into(),
            Self::Empty { .. } => "run the kubectl command again by itself and look at its error output".into(),
            Self::Syntax { .. } => "mend the file at that place, or record it again".into(),
            Self::CutOff { .. } => "write it again; the disk may have been full, or the command was interrupted".into(),
            Self::NotObjects { .. } => "run kubectl get with -o json, and keep its error output apart".into(),
            Self::NotKubernetes { .. } => "give what kubectl get -o json or -o yaml prints, or a bundle's folder".into(),
            Self::Status { .. } => "run the command again with rights that the API server accepts".into(),
            Self::Version { .. } => "use the version of sre-copilot that recorded it, or record it again".into(),
            Self::NotABundle { inside: 0, .. } => "a bundle holds incident.json, objects.json, objects/ or alert.json".into(),
            Self::NotABundle { inside, .. } => format!("{inside} of the folders below it are bundles: name one of them"),
            Self::NotEmpty { .. } => "name a folder that is new, empty or a bundle".into(),
            Self::LogName { .. } => "leave out the log".into(),
            Self::AssertsNothing { .. } => "add a verdict, a cause or another key, or remove the file".into(),
        }
    }

    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { name: shown(path), source }
    }

    pub(super) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { name: shown(path), source }
    }

    /// A JSON error in a text that begins at `first_line` of the file.
    pub(super) fn json(name: &str, first_line: usize, error: &serde_json::Error) -> Self {
        let why = error.to_string();
        // serde_json repeats the position at the end of its message.
        let why = why.rsplit_once(" at line ").map_or(why.as_str(), |(why, _)| why);
        Self::Syntax {
            name: name.to_owned(),
            line: first_line.saturating_sub(1) + error.line().max(1),
            column: error.column(),
            why: escaped(why, 200),
        }
    }
}

/// A path for people: control characters escaped.
pub(super) fn shown(path: &Path) -> String {
    escaped(&path.display().to_string(), 1000)
}

/// Text from outside, made fit for a terminal: control characters escaped, at most `max` characters.
pub(super) fn escaped(text: &str, max: usize) -> String {
    let mut out = String::new();
    for (index, char) in text.chars().enumerate() {
        if index == max {
            out.push('…');
            break;
        }
        if char.is_control() { out.extend(char.escape_default()) } else { out.push(char) }
    }
    out
}
