//! Builds adapters from what was typed. The only file that names concrete adapters.

use super::error::CliError;
use super::ui::Progress;
use crate::adapters::kubernetes::{ConnectOptions, KubernetesReader};
use crate::cluster::Recording;
use crate::ports::{ClusterReader, ReadRequest};
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

/// Reads a cluster. `plan` is told the context's namespace and says what to read.
///
/// # Errors
/// When there is no cluster, it doesn't answer, or nothing of it may be read.
pub fn read(cluster: Cluster, progress: &Progress, plan: impl FnOnce(&str) -> ReadRequest) -> Result<Recording, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed(format!("cannot start the threads that read the cluster: {error}")))?;
    let heard = progress.clone();
    let recording = runtime.block_on(async {
        progress.say("connecting");
        let defaults = ConnectOptions::default();
        let options = ConnectOptions {
            kubeconfig: cluster.kubeconfig,
            context: cluster.context,
            request_timeout: defaults.request_timeout.min(cluster.timeout),
            read_timeout: cluster.timeout,
            ..defaults
        };
        let reader = KubernetesReader::connect(options).await?;
        progress.say(&format!("asking {}", reader.server()));
        let request = plan(reader.default_namespace());
        reader.with_progress(move |what| heard.say(&format!("reading {what}"))).read(&request).await
    });
    // A name server that doesn't answer must not hold up the end.
    runtime.shutdown_background();
    Ok(recording?)
}
