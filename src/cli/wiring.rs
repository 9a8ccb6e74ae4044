//! Builds adapters from what was typed. The only file that names concrete adapters.

use super::error::CliError;
use super::ui::Progress;
use crate::cluster::Recording;
use crate::domain::ObjectRef;
use std::path::PathBuf;
use std::time::Duration;

/// Which cluster, and how long reading it may take.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The kubeconfig; `None` for the usual places.
    pub kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context; `None` for the current one.
    pub context: Option<String>,
    /// How long reading may take.
    pub timeout: Duration,
}

/// Reads a cluster.
pub fn read(
    _cluster: Cluster,
    _progress: &Progress,
    _all_namespaces: bool,
    _plan: impl FnOnce(&str) -> (Vec<ObjectRef>, Option<String>),
) -> Result<(Recording, Option<String>), CliError> {
    Err(CliError::failed("not yet"))
}
