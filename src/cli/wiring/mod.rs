//! Builds adapters and the store from settings and from what was typed. The only module that names concrete ones.

mod doctor;
mod lock;
mod messages;
mod model;
mod serve;
mod telemetry;
mod witnesses;
mod world;

pub use doctor::check_up;
pub use model::{egress as model_egress, with_model, with_recording};
pub use serve::serve;
pub use telemetry::telemetry;
pub use witnesses::{egress as witness_egress, testify};

use super::error::CliError;
use super::installation;
use super::ui::Progress;
use crate::adapters::kubernetes::{ConnectOptions, KubernetesReader, KubernetesWriter, WriterOptions};
use crate::adapters::machine::MachineClock;
use crate::cluster::Recording;
use crate::config::Settings;
use crate::domain::Actor;
use crate::pipeline::Decision;
use crate::pipeline::execute::{Executor, Limits, Unheard};
use crate::ports::{AttemptStore, AuditLog, ClusterReader, IncidentStore, ReadRequest};
use crate::redact::Redactor;
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

impl Cluster {
    /// The one that this process runs in, or that the usual kubeconfig names.
    fn own() -> Self {
        Self { kubeconfig: None, context: None, timeout: Duration::from_secs(30) }
    }

    fn options(self) -> ConnectOptions {
        let defaults = ConnectOptions::default();
        ConnectOptions {
            kubeconfig: self.kubeconfig,
            context: self.context,
            request_timeout: defaults.request_timeout.min(self.timeout),
            read_timeout: self.timeout,
            ..defaults
        }
    }
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
        let options = cluster.options();
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
    open(settings)
}

fn open(settings: &Settings) -> Result<Store, CliError> {
    Ok(Store::open(&store_path(settings)?, Timestamp::now)?)
}

/// Where the database is, or would be.
fn store_path(settings: &Settings) -> Result<PathBuf, CliError> {
    match &settings.database_url {
        Some(url) => Ok(store::path_of(url)?),
        None => installation::state_folder().map(|folder| folder.join(DATABASE)).ok_or_else(|| {
            CliError::failed("there is no home folder to keep the database in").hint("set DATABASE_URL=sqlite:/path/to/file.db")
        }),
    }
}

/// What a decision needs that asks no cluster: the books and the time.
pub struct Office {
    /// Remembers.
    pub store: Store,
    /// Tells the time.
    pub clock: MachineClock,
    /// How much may happen within an hour.
    limits: Limits,
}

impl Office {
    /// Opens the database.
    ///
    /// # Errors
    /// When it can't be opened.
    pub fn open(settings: &Settings) -> Result<Self, CliError> {
        Ok(Self { store: open(settings)?, clock: MachineClock, limits: Limits::of(&settings.remediation()) })
    }

    /// Takes somebody's word down.
    pub fn executor(&self, actor: &Actor) -> Executor<'_, (), Store, MachineClock> {
        executor(&(), &self.store, &self.clock, self.limits, actor)
    }
}

/// All that a change needs: who reads, who writes, who remembers, what time it is.
pub struct Desk {
    /// Reads, as the caller.
    pub reader: KubernetesReader,
    /// Writes, as the identity that the settings name, else as the caller.
    pub writer: KubernetesWriter,
    /// Remembers.
    pub store: Store,
    /// Tells the time.
    pub clock: MachineClock,
    /// How much may happen within an hour.
    limits: Limits,
    /// Masks what is read.
    pub redactor: Redactor,
}

impl Desk {
    /// Connects, as the reader and as the writer, and makes sure that both are at the same cluster.
    ///
    /// # Errors
    /// When the database can't be opened, a kubeconfig can't be used, or the two lead to different clusters.
    pub async fn open(cluster: Cluster, settings: &Settings) -> Result<Self, CliError> {
        Self::at(cluster, settings, Office::open(settings)?).await
    }

    /// The same, with the books open already.
    ///
    /// # Errors
    /// When a kubeconfig can't be used, or the two lead to different clusters.
    pub async fn at(cluster: Cluster, settings: &Settings, office: Office) -> Result<Self, CliError> {
        let Office { store, clock, limits } = office;
        let executor = &settings.executor;
        let redactor = installation::redactor();
        let reading = cluster.clone().options();
        let writing = Cluster {
            kubeconfig: executor.kubeconfig.clone().or(cluster.kubeconfig),
            context: if executor.kubeconfig.is_some() {
                executor.context.clone()
            } else {
                executor.context.clone().or(cluster.context)
            },
            timeout: cluster.timeout,
        };
        let options = WriterOptions {
            connect: writing.options(),
            token_file: executor.token_file.clone(),
            safe_mode: settings.safe_mode,
            redactor: redactor.clone(),
        };
        let (reader, writer) = (KubernetesReader::connect(reading).await?, KubernetesWriter::connect(options).await?);
        writer.check_cluster(&reader).await?;
        Ok(Self { reader, writer, store, clock, limits, redactor })
    }
}

impl Desk {
    /// Judges attempts by what is there now.
    pub fn decision(&self) -> Decision<'_, KubernetesReader, Store> {
        Decision { reader: &self.reader, store: &self.store, redactor: &self.redactor }
    }

    /// Carries changes out in somebody's name.
    pub fn executor(&self, actor: &Actor) -> Executor<'_, KubernetesWriter, Store, MachineClock> {
        executor(&self.writer, &self.store, &self.clock, self.limits, actor)
    }
}

fn executor<'a, W>(
    writer: &'a W,
    store: &'a Store,
    clock: &'a MachineClock,
    limits: Limits,
    actor: &Actor,
) -> Executor<'a, W, Store, MachineClock> {
    Executor { writer, store, clock, actor: actor.clone(), channel: "cli".to_owned(), limits, progress: &Unheard }
}
