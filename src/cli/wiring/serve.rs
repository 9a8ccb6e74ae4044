//! Puts the server together: the lock, the books, the application, who works on what is queued; and takes it apart again when
//! a signal says so.

use super::lock::Lock;
use super::messages::messages;
use super::world::LiveWorld;
use super::{open, runtime, store_path};
use crate::adapters::machine::MachineClock;
use crate::cli::error::{CliError, Exit};
use crate::cli::installation;
use crate::config::{Backend, Environment, Settings};
use crate::domain::{Actor, micro_usd};
use crate::pipeline::execute::note_policy;
use crate::ports::JobQueue;
use crate::server::{self, App, Phase, Stopping};
use crate::store::Store;
use crate::worker::{self, Backups, Digests, Workers};
use jiff::Timestamp;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

/// Deliveries are taken for so long after the signal: whoever sends them needs a while to learn that this isn't ready.
const LEAVING: Duration = Duration::from_secs(3);

/// Serves until a signal ends it.
///
/// # Errors
/// When a check of the settings fails, another process serves from the same database, or an address is taken.
pub fn serve(settings: Settings) -> Result<(), CliError> {
    checked(&settings)?;
    let path = store_path(&settings)?;
    let lock = Lock::take(&path)?;
    let notify_from = settings.discord.is_on().then_some(settings.discord.min_severity);
    let lifecycle = settings.serve.lifecycle(notify_from);
    let store = Arc::new(open(&settings)?.with_lifecycle(lifecycle).with_intake_queue(settings.serve.intake_queue));
    let redactor = installation::redactor();
    let app = App::new(store, settings, Arc::new(Timestamp::now), redactor);
    let app = app.map_err(|why| CliError::usage(why).hint("docs/settings.md lists every setting with its default"))?;
    let runtime = runtime()?;
    let ended = runtime.block_on(live(app.clone(), &path));
    // Whatever still runs has had its time.
    runtime.shutdown_timeout(Duration::from_secs(1));
    // The last one to let the store go finishes what was accepted and folds the write-ahead log in.
    drop(app);
    drop(lock);
    ended
}

/// All that is wrong with the settings, at once.
fn checked(settings: &Settings) -> Result<(), CliError> {
    let found = settings.start_checks();
    for warning in &found.warnings {
        tracing::warn!("{warning}");
    }
    if found.refusals.is_empty() {
        return Ok(());
    }
    let environment = match settings.environment {
        Environment::Development => "development",
        Environment::Staging => "staging",
        Environment::Production => "production",
    };
    let what = format!("serve does not start with ENV={environment}: {}", found.refusals.join("; "));
    Err(CliError { exit: Exit::Usage, ..CliError::failed(what) }.hint("docs/settings.md says what each is for"))
}

async fn live(app: App<Store>, path: &Path) -> Result<(), CliError> {
    app.store.release_all().await?;
    note_policy(&*app.store, &app.settings.remediation(), &Actor::serve(), "worker").await?;
    let serve = &app.settings.serve;
    let listener = listen(serve.listen).await?;
    let metrics = match serve.metrics_listen {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let signals = tokio::spawn(signals(Told::new()?, app.stopping.clone()));
    // Who works on what is queued, and who sends messages, is started here: each ends what it does once `stopping` is leaving.
    let stop = leaves(&app.stopping);
    let messages = messages(&app, &stop)?;
    let workers = tokio::spawn(workers(&app, path, stop)?.run());
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "listening");
    }
    let metrics =
        metrics.map(|listener| tokio::spawn(server::serve(listener, server::metrics(app.clone()), app.stopping.clone())));
    let leaving = {
        let stopping = app.stopping.clone();
        tokio::spawn(async move {
            stopping.reached(Phase::Leaving).await;
            Instant::now()
        })
    };
    server::serve(listener, server::router(app.clone()), app.stopping.clone()).await;
    if let Some(metrics) = metrics {
        _ = metrics.await;
    }
    let began = leaving.await.unwrap_or_else(|_| Instant::now());
    let until = began + serve.shutdown_timeout.unsigned_abs();
    _ = timeout_at(until, workers).await;
    if let Some(messages) = messages {
        _ = timeout_at(until, messages).await;
    }
    signals.abort();
    tracing::info!("ended");
    Ok(())
}

/// True once the process leaves.
fn leaves(stopping: &Stopping) -> watch::Receiver<bool> {
    let (stops, stop) = watch::channel(false);
    let stopping = stopping.clone();
    tokio::spawn(async move {
        stopping.reached(Phase::Leaving).await;
        stops.send_replace(true);
        stops.closed().await;
    });
    stop
}

/// Those who work on what is queued, until `stop` is true.
fn workers(
    app: &App<Store>,
    path: &Path,
    stop: watch::Receiver<bool>,
) -> Result<Workers<Store, LiveWorld, MachineClock>, CliError> {
    let serve = &app.settings.serve;
    let world = LiveWorld::new(Arc::clone(&app.store), app.settings.clone(), app.redactor.clone(), path)?;
    let backups = serve.backup_dir.clone();
    let settings = worker::Settings {
        workers: serve.workers,
        lease: serve.lease.unsigned_abs(),
        // The rest of the time is for what they give back.
        shutdown: serve.shutdown_timeout.unsigned_abs().saturating_sub(Duration::from_secs(2)),
        backups: backups.map(|folder| Backups { folder, every: serve.backup_every, keep: serve.backup_keep }),
        own_cluster: serve.default_cluster.clone(),
        compare: serve.alertmanager_url.is_some().then(|| serve.alertmanager_every.unsigned_abs()),
        digests: app.settings.discord.is_on().then(|| digests(&app.settings)),
    };
    Ok(Workers {
        store: Arc::clone(&app.store),
        world: Arc::new(world),
        clock: Arc::new(MachineClock),
        queued: app.queued.clone(),
        stop,
        settings,
    })
}

/// Whom digests are for.
fn digests(settings: &Settings) -> Digests {
    let teams = settings.discord.team_channel_map.keys().cloned().collect();
    let budget_micro_usd = (settings.llm.backend != Backend::None).then(|| micro_usd(settings.llm.daily_budget_usd));
    Digests { teams, budget_micro_usd }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, CliError> {
    TcpListener::bind(address).await.map_err(|error| {
        CliError::failed(format!("can't listen on {address}: {error}")).hint("name another address with --listen")
    })
}

/// The first signal ends the process in order, the second at once: what was accepted is on disk.
async fn signals(mut told: Told, stopping: Stopping) {
    let first = told.next().await;
    stopping.enter(Phase::Leaving);
    tracing::info!(signal = first, "ending: deliveries are taken for 3 s more");
    tokio::spawn(async move {
        sleep(LEAVING).await;
        stopping.enter(Phase::Closed);
    });
    let second = told.next().await;
    tracing::warn!(signal = second, "ending at once");
    std::process::exit(Exit::Failed as i32);
}

/// The signals that end the process. They are heard from when this is made, so that none is missed.
#[cfg(unix)]
struct Told(tokio::signal::unix::Signal, tokio::signal::unix::Signal);

#[cfg(unix)]
impl Told {
    fn new() -> Result<Self, CliError> {
        use tokio::signal::unix::{SignalKind, signal};
        let failed = |error| CliError::failed(format!("can't hear signals: {error}"));
        Ok(Self(signal(SignalKind::terminate()).map_err(failed)?, signal(SignalKind::interrupt()).map_err(failed)?))
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.0.recv() => "SIGTERM",
            _ = self.1.recv() => "SIGINT",
        }
    }
}

#[cfg(not(unix))]
struct Told;

#[cfg(not(unix))]
impl Told {
    fn new() -> Result<Self, CliError> {
        Ok(Self)
    }

    async fn next(&mut self) -> &'static str {
        if tokio::signal::ctrl_c().await.is_err() {
            // Nothing can be heard: it is ended from outside.
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }
}
