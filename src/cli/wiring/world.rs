//! What the server's workers have done with the adapters that the settings name: analyses, changes, recordings, copies.

mod answer;
mod folders;

use super::model::{Model, limits, prompts};
use super::witnesses::witnesses;
use super::{Cluster, executor};
use crate::adapters::alertmanager::Alertmanager;
use crate::adapters::jira::Jira;
use crate::adapters::kubernetes::{KubernetesReader, KubernetesWriter, WriterOptions};
use crate::adapters::machine::MachineClock;
use crate::adapters::prometheus::Prometheus;
use crate::adapters::seq::Seq;
use crate::adapters::teamcity::Teamcity;
use crate::bundle;
use crate::cli::error::CliError;
use crate::cluster::Recording;
use crate::config::Settings;
use crate::domain::{
    Actor, Attempt, AttemptState, Exchange, ExecutionReport, IncidentView, Job, ModelName, Part, Reasoning, Report, SourceState,
};
use crate::pipeline::execute::{ExecutionStatus, Limits};
use crate::pipeline::think::{self, Gate, Live, think};
use crate::pipeline::{Decision, Examined, FreshLook, Inquiry, Measured, Remediation, Witnesses, replayed, situation};
use crate::ports::{AdvanceError, AttemptStore, Clock, ClusterWriter, IncidentPages};
use crate::reason::{Case, Numbers};
use crate::redact::Redactor;
use crate::store::Store;
use crate::worker::{Analysed, Backups, World};
use folders::{newest_only, private, thin_out};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

/// So long before the end of an analysis the cluster isn't read any more: the other witnesses are still asked, and what follows
/// needs some of it too.
const WITHOUT_CLUSTER: Duration = Duration::from_secs(120);
/// So long before it no model is waited for: there is a change to be tried.
const TO_TRY: Duration = Duration::from_secs(30);

/// Recordings are thinned out after an analysis, but not more often.
const THIN_OUT: Duration = Duration::from_secs(300);

/// The world as the settings describe it.
pub struct LiveWorld {
    store: Arc<Store>,
    settings: Settings,
    redactor: Redactor,
    witnesses: Witnesses<Prometheus, Teamcity, Jira, Seq>,
    alertmanager: Option<Result<Alertmanager, SourceState>>,
    model: Option<Model>,
    gate: Gate,
    clock: MachineClock,
    recordings: PathBuf,
    /// When recordings were last thinned out; held by who does it.
    thins: Arc<Mutex<Option<Instant>>>,
}

impl LiveWorld {
    /// Connects to nothing yet. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The model's settings can't be used.
    pub fn new(store: Arc<Store>, settings: Settings, redactor: Redactor, database: &Path) -> Result<Self, CliError> {
        let mut recordings = database.as_os_str().to_owned();
        recordings.push(".recordings");
        Ok(Self {
            witnesses: witnesses(&settings, &redactor),
            alertmanager: Alertmanager::new(&settings.serve, redactor.clone()),
            model: Model::of(&settings.llm, &redactor)?,
            gate: Gate::default(),
            clock: MachineClock,
            recordings: PathBuf::from(recordings),
            thins: Arc::default(),
            store,
            settings,
            redactor,
        })
    }

    async fn reader(&self) -> Result<KubernetesReader, String> {
        KubernetesReader::connect(Cluster::own().options()).await.map_err(|error| error.to_string())
    }

    async fn writer(&self, reader: &KubernetesReader) -> Result<KubernetesWriter, String> {
        let writing = self.settings.executor.clone();
        let connect = Cluster { kubeconfig: writing.kubeconfig, context: writing.context, ..Cluster::own() }.options();
        let options = WriterOptions {
            connect,
            token_file: writing.token_file,
            safe_mode: self.settings.safe_mode,
            redactor: self.redactor.clone(),
        };
        let writer = KubernetesWriter::connect(options).await.map_err(|error| error.to_string())?;
        writer.check_cluster(reader).await.map_err(|error| error.to_string())?;
        Ok(writer)
    }

    /// Asks everybody, or says why the cluster can't be asked. Of another cluster nobody here knows anything.
    async fn inquire(&self, reader: Result<&KubernetesReader, String>, view: &IncidentView) -> Examined {
        let settings = self.settings.remediation();
        let elsewhere = self.elsewhere(view);
        let silent = elsewhere.as_ref().map(|why| self.witnesses.silent(why));
        let reader = match elsewhere {
            Some(why) => Err(why),
            None => reader,
        };
        let witnesses = silent.as_ref().unwrap_or(&self.witnesses);
        let inquiry = Inquiry { reader, witnesses, store: &*self.store, redactor: &self.redactor, settings: &settings };
        inquiry.examine(&view.incident, &view.standing, self.clock.now()).await
    }

    /// Why nothing is read for an alert of another cluster, which may have objects of the same names; `None` of this one's.
    fn elsewhere(&self, view: &IncidentView) -> Option<String> {
        let (own, cluster) = (&self.settings.serve.default_cluster, &view.incident.cluster);
        (own != cluster).then(|| format!("the alert is about cluster {cluster}, and this process reads {own} (CLUSTER_NAME)"))
    }

    /// How long recordings are kept, and how many bytes of them.
    fn kept(&self) -> (Duration, u64) {
        let serve = &self.settings.serve;
        (serve.keep_bundles.unsigned_abs(), u64::try_from(serve.keep_bundles_size).unwrap_or(u64::MAX))
    }

    fn limits(&self) -> Limits {
        Limits::of(&self.settings.remediation())
    }

    /// What the stages after the diagnosis say; the rules alone where there is no model, or no time for one.
    async fn think(&self, case: Case<'_>, until: Instant) -> (Reasoning, Vec<Exchange>, Option<ModelName>) {
        let Some(model) = &self.model else { return (think::by_rules(case, "model: none"), Vec::new(), None) };
        let live = Live::new(model, &*self.store, &self.clock, &self.gate, &self.redactor, limits(&self.settings.llm, model));
        let remedy = self.settings.remediation();
        match timeout_at(until, think(case, live, prompts(&self.settings.llm, &remedy))).await {
            Ok((reasoning, exchanges)) => (reasoning, exchanges, Some(model.name())),
            Err(_) => (think::by_rules(case, "model: no time was left"), Vec::new(), None),
        }
    }

    /// Has the change tried that the report proposes, and proposes it.
    async fn remedy(&self, examined: &Examined, view: &IncidentView, run_id: &str, report: &mut Report) -> Result<(), String> {
        let settings = self.settings.remediation();
        let executing = &self.settings.executor;
        let mut remediation = Remediation {
            snapshot: &examined.snapshot,
            settings: &settings,
            mode: self.settings.mode(),
            is_enabled: executing.enabled,
            may_apply: executing.approval_enabled,
            cluster: &view.incident.cluster,
        };
        let advice = |error: crate::ports::StoreError| error.to_string();
        if !executing.enabled || !report.actions.iter().any(|action| action.intent.action.is_write()) {
            return remediation.advise(&*self.store, self.clock.now(), &view.incident, report).await.map_err(advice);
        }
        let writer = self.writer(&self.reader().await?).await?;
        let cluster = writer.cluster_id().await.map_err(|error| error.to_string())?;
        remediation.cluster = &cluster;
        let actor = Actor::serve();
        let executor = executor(&writer, &self.store, &self.clock, self.limits(), &actor);
        remediation.of_incident(&executor, &view.incident, run_id, report).await.map_err(|error| error.to_string())
    }

    async fn record(&self, recording: Recording, view: &IncidentView, run_id: &str) {
        let folder = self.store.recording(&view.incident.id, run_id);
        let thins = self.thins.clone().try_lock_owned().ok().filter(|last| last.is_none_or(|last| last.elapsed() >= THIN_OUT));
        let (all, (longest, most)) = (self.recordings.clone(), self.kept());
        let written = tokio::task::spawn_blocking(move || {
            private(&folder).map_err(|error| error.to_string())?;
            bundle::write(&folder, &recording).map_err(|error| error.to_string())?;
            // Many analyses a day fill a disk before the next night's retention.
            if let Some(mut last) = thins {
                *last = Some(Instant::now());
                if let Err(error) = thin_out(&all, longest, most) {
                    tracing::warn!(%error, "old recordings could not be removed: they take room until they can");
                }
            }
            Ok(())
        });
        if let Err(why) = written.await.unwrap_or_else(|error| Err(error.to_string())) {
            tracing::warn!(incident = view.incident.id, why, "the recording could not be kept: a replay has nothing to read");
        }
    }
}

impl World for LiveWorld {
    type Examined = Examined;

    async fn examine(&self, view: &IncidentView, until: Instant) -> Result<Analysed<Examined>, String> {
        let cut = until.checked_sub(WITHOUT_CLUSTER).unwrap_or(until);
        let reading = async {
            let reader = match self.elsewhere(view) {
                None => self.reader().await,
                Some(why) => {
                    tracing::warn!(why, "an alert of a cluster that isn't read: CLUSTER_NAME is the name of the one that is");
                    Err(why)
                }
            };
            self.inquire(reader.as_ref().map_err(Clone::clone), view).await
        };
        let examined = match timeout_at(cut, reading).await {
            Ok(examined) => examined,
            Err(_) => {
                // What could not be seen in time is a gap in the report.
                let late = Err("reading the cluster took longer than an analysis may".to_owned());
                let blind = timeout_at(until, self.inquire(late, view)).await;
                blind.map_err(|_| "reading took longer than an analysis may".to_owned())?
            }
        };
        Ok(Analysed { subject: examined.subject.clone(), examined })
    }

    async fn conclude(&self, examined: Examined, view: &IncidentView, run_id: &str, until: Instant) -> Result<Report, String> {
        let mut report = examined.report.clone();
        let numbers = Numbers::of(&report);
        let case = Case { report: &report, snapshot: &examined.snapshot, numbers: &numbers };
        let (reasoning, exchanges, model) = self.think(case, until.checked_sub(TO_TRY).unwrap_or(until)).await;
        report.reasoning = Some(reasoning);
        let tried = timeout_at(until, self.remedy(&examined, view, run_id, &mut report)).await;
        if let Err(why) = tried.unwrap_or_else(|_| Err("no time was left to try the change".to_owned())) {
            // Whatever keeps a change from being planned costs that and not the diagnosis.
            report.execution = Some(ExecutionReport { status: "error".to_owned(), text: why, ..ExecutionReport::default() });
        }
        let recording = Recording { exchanges, model, ..examined.recording };
        self.record(recording, view, run_id).await;
        Ok(report)
    }

    async fn replay(&self, view: &IncidentView) -> Result<Value, String> {
        let finding = view.finding.as_ref().ok_or("the incident has no report to compare with")?;
        let folder = self.store.recording(&view.incident.id, &finding.run_id);
        let read = tokio::task::spawn_blocking(move || bundle::read(&folder)).await.map_err(|error| error.to_string())?;
        let recording = read.map_err(|error| error.to_string())?;
        let settings = self.settings.remediation();
        let replayed = replayed(&finding.run_id, &finding.report, recording, &settings);
        serde_json::to_value(replayed).map_err(|error| error.to_string())
    }

    async fn answer(&self, job: &Job, until: Instant) -> Result<Value, String> {
        serde_json::to_value(self.answer_question(job, until).await?).map_err(|error| error.to_string())
    }

    async fn apply(&self, attempt: &Attempt) -> Result<Attempt, String> {
        let reader = self.reader().await?;
        let writer = self.writer(&reader).await?;
        let here = writer.cluster_id().await.map_err(|error| error.to_string())?;
        if here != attempt.cluster {
            return Err(format!("{} is about cluster {}, and this is {here}", attempt.code, attempt.cluster));
        }
        let decision = Decision { reader: &reader, store: &*self.store, redactor: &self.redactor };
        let look = decision.look(attempt).await.map_err(|error| error.to_string())?;
        let memory = decision.memory(attempt, self.clock.now()).await.map_err(|error| error.to_string())?;
        let settings = self.settings.remediation();
        let situation = situation(&look, &memory, &settings, self.settings.mode(), attempt.undo_of.is_some());
        let actor = attempt.decided_by.clone().ok_or("nobody approved it")?;
        let mut executor = executor(&writer, &self.store, &self.clock, self.limits(), &actor);
        executor.channel.clone_from(&actor.kind);
        // What nobody answered is read back by `look_after`: others wait for their turn.
        executor.apply(attempt, &situation).await.map_err(|error| error.to_string())
    }

    async fn undo(&self, applied: &Attempt, by: &Actor) -> Result<Attempt, String> {
        let reader = self.reader().await?;
        let writer = self.writer(&reader).await?;
        let mut executor = executor(&writer, &self.store, &self.clock, self.limits(), by);
        executor.channel.clone_from(&by.kind);
        let decision = Decision { reader: &reader, store: &*self.store, redactor: &self.redactor };
        let settings = self.settings.remediation();
        let outcome = decision.undo(&executor, applied, &settings, self.settings.mode()).await;
        let outcome = outcome.map_err(|error| error.to_string())?;
        match outcome.attempt {
            Some(attempt) if outcome.status == ExecutionStatus::DryRunOk => Ok(*attempt),
            _ => Err(outcome.text),
        }
    }

    async fn look_after(&self) -> Result<Vec<Attempt>, String> {
        let due = AttemptStore::due(&*self.store, self.clock.now()).await.map_err(|error| error.to_string())?;
        let needs_cluster =
            |attempt: &Attempt| matches!(attempt.state, AttemptState::Running | AttemptState::Unknown | AttemptState::Succeeded);
        let due: Vec<Attempt> = due.into_iter().filter(needs_cluster).collect();
        if due.is_empty() || !self.settings.executor.enabled {
            return Ok(Vec::new());
        }
        let reader = self.reader().await?;
        let writer = self.writer(&reader).await?;
        let actor = Actor::serve();
        let executor = executor(&writer, &self.store, &self.clock, self.limits(), &actor);
        let mut moved = executor.recover().await.map_err(|error| error.to_string())?;
        let decision = Decision { reader: &reader, store: &*self.store, redactor: &self.redactor };
        for attempt in due.into_iter().filter(|attempt| attempt.state == AttemptState::Succeeded) {
            let subject = match decision.target(&attempt).await {
                Ok(subject) => subject,
                Err(error) => {
                    tracing::warn!(attempt = attempt.code, %error, "it could not be looked at whether it helped");
                    continue;
                }
            };
            let judge = FreshLook { reader: &reader, redactor: &self.redactor, subject: &subject, store: &*self.store };
            match executor.verify(attempt, &judge, &self.settings.verify.after).await {
                Ok(now) => moved.push(now),
                // Somebody else looked at the same time.
                Err(AdvanceError::Lost(_)) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(moved)
    }

    async fn figures(&self, at: Timestamp, whole: bool) -> Measured {
        match &self.witnesses.signals {
            None => Part::Absent,
            Some(Err(state)) => Part::NotMeasured(state.to_string()),
            Some(Ok(metrics)) => {
                metrics.day(at, whole).await.map_or_else(|state| Part::NotMeasured(state.to_string()), Part::Measured)
            }
        }
    }

    async fn active_alerts(&self) -> Result<BTreeSet<String>, String> {
        let alertmanager = self.alertmanager.as_ref().ok_or("no Alertmanager is configured")?;
        let alertmanager = alertmanager.as_ref().map_err(ToString::to_string)?;
        alertmanager.active().await.map_err(|state| format!("Alertmanager: {state}"))
    }

    async fn tidy(&self) -> Result<Value, String> {
        let rows = self.store.clean().await.map_err(|error| error.to_string())?;
        let (folder, (longest, most)) = (self.recordings.clone(), self.kept());
        let recordings = tokio::task::spawn_blocking(move || thin_out(&folder, longest, most));
        let recordings = recordings.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        Ok(json!({"rows": rows, "recordings": recordings}))
    }

    async fn back_up(&self, backups: &Backups) -> Result<Value, String> {
        let copy = self.store.back_up(&backups.folder).await.map_err(|error| error.to_string())?;
        let (folder, keep) = (backups.folder.clone(), backups.keep);
        let removed = tokio::task::spawn_blocking(move || newest_only(&folder, keep));
        let removed = removed.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        Ok(json!({"copy": copy.file_name().map(|name| name.to_string_lossy()), "removed": removed}))
    }
}
