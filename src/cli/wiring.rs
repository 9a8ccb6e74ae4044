//! Builds adapters and the store from settings and from what was typed. The only file that names concrete ones.

use super::error::CliError;
use super::installation;
use super::ui::Progress;
use crate::adapters::kubernetes::{ConnectOptions, KubernetesReader};
use crate::cluster::Recording;
use crate::config::Settings;
use crate::ports::{AttemptStore, AuditLog, ClusterReader, IncidentStore, ReadRequest};
use crate::store::{self, Store};
use jiff::Timestamp;
use std::path::PathBuf;
use std::time::Duration;
use tokio::runtime::Runtime;

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
    let runtime = runtime()?;
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

/// The threads on which a command waits for others.
///
/// # Errors
/// When the system gives none.
pub fn runtime() -> Result<Runtime, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| CliError::failed(format!("cannot start the threads that this needs: {error}")))
}

/// The file of the database when no setting names one.
const DATABASE: &str = "sre-copilot.db";

/// Opens the database, and makes it where there is none.
///
/// # Errors
/// When there is no place for it, or it can't be opened.
pub fn store(settings: &Settings) -> Result<impl AttemptStore + AuditLog + IncidentStore + use<>, CliError> {
    let path = match &settings.database_url {
        Some(url) => store::path_of(url)?,
        None => installation::state_folder().map(|folder| folder.join(DATABASE)).ok_or_else(|| {
            CliError::failed("there is no home folder to keep the database in").hint("set DATABASE_URL=sqlite:/path/to/file.db")
        })?,
    };
    Ok(Store::open(&path, Timestamp::now)?)
}
