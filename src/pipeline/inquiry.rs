//! The analysis of an incident that alerts opened, up to what is proposed: from its alerts to the object that they are about, from
//! what the cluster and the other witnesses say of it to the report. What can't be seen is a gap in the report and never an end.

use super::{Witnesses, evidence_request, history, propose, redact_recording};
use crate::cluster::{Recording, Snapshot};
use crate::diagnose::{self, Options};
use crate::domain::{
    AlertStanding, EpisodeRecord, HISTORY, Incident, KUBERNETES, ObjectRef, RememberedIncident, Report, SourceState, Sources,
    Unknown, Verdict, target_of,
};
use crate::ports::{ClusterReader, DeployHistory, IncidentStore, LogSearch, ReadRequest, SignalSource, TicketTracker};
use crate::redact::Redactor;
use crate::remedy::{Memory, Settings};
use crate::telemetry::{Stage, in_stage, metrics, one_of, stage};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Kinds that a pod's name can stand for, where its controller is only guessed.
const WORKLOADS: [&str; 5] = ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"];

/// Who is asked.
pub struct Inquiry<'a, R, S, D, T, L, B> {
    /// Reads the cluster; or why it can't be read.
    pub reader: Result<&'a R, String>,
    /// The others.
    pub witnesses: &'a Witnesses<S, D, T, L>,
    /// Remembers.
    pub store: &'a B,
    /// Masks what is read.
    pub redactor: &'a Redactor,
    /// What an operator decided.
    pub settings: &'a Settings,
}

/// What was seen and what it means.
#[derive(Debug)]
pub struct Examined {
    /// What was read, masked: what a bundle holds.
    pub recording: Recording,
    /// The same, indexed.
    pub snapshot: Snapshot,
    /// What it means.
    pub report: Report,
    /// The real subject: the top controller of what the alerts are about. `None` where it could not be seen.
    pub subject: Option<ObjectRef>,
}

impl<R, S, D, T, L, B> Inquiry<'_, R, S, D, T, L, B>
where
    R: ClusterReader + Sync,
    S: SignalSource,
    D: DeployHistory,
    T: TicketTracker,
    L: LogSearch,
    B: IncidentStore,
{
    /// Reads, and diagnoses.
    pub async fn examine(&self, incident: &Incident, standing: &AlertStanding, now: Timestamp) -> Examined {
        let collected = self.collect(incident, standing, now);
        let Collected { recording, snapshot, target } = in_stage(Stage::Collect, collected, collected_how).await;
        let Some(target) = target else {
            let report = stage(Stage::Diagnose, || blind(&incident.subject, &snapshot));
            return Examined { recording, snapshot, report, subject: None };
        };
        let mut report = stage(Stage::Diagnose, || diagnose::diagnose(&snapshot, &target, Options::default()));
        propose(&mut report, &snapshot, &Memory::default(), self.settings);
        let was_read = snapshot.objects().iter().any(|object| object.id == target);
        let subject = was_read.then(|| snapshot.workload(&target));
        let subject = subject.filter(|subject| subject.kind != "Namespace" || incident.subject.kind == "Namespace");
        Examined { recording, snapshot, report, subject }
    }

    /// Asks everybody.
    async fn collect(&self, incident: &Incident, standing: &AlertStanding, now: Timestamp) -> Collected {
        let alert = payload(standing);
        let about = target_of(&alert).or_else(|| Some(incident.subject.clone()).filter(|subject| subject.kind != "Alert"));
        let mut recording = match (&self.reader, &about) {
            (Ok(reader), Some(about)) => {
                let request = ReadRequest { targets: vec![about.clone()], all_namespaces: false };
                reader.read(&request).await.unwrap_or_else(|error| unseen(error.to_string(), now))
            }
            (Err(why), _) => unseen(why.clone(), now),
            (Ok(_), None) => unseen("the alert's labels name no object of the cluster".to_owned(), now),
        };
        recording.alert = Some(alert);
        recording.target.clone_from(&about);
        recording.title = Some(title(incident, standing));
        redact_recording(self.redactor, &mut recording);
        let mut snapshot = Snapshot::new(recording.clone());
        let Some(about) = about else {
            count(&snapshot.sources);
            return Collected { recording, snapshot, target: None };
        };
        let target = seen_target(&snapshot, &about, &incident.subject);
        recording.target = Some(target.clone());
        snapshot.target = Some(target.clone());
        let mut request = evidence_request(&snapshot, std::slice::from_ref(&target));
        request.until = request.until.max(now);
        let (mut evidence, remembered) =
            tokio::join!(self.witnesses.testify(&request, self.redactor), history(self.store, &incident.cluster, now));
        evidence.sources.insert(HISTORY.to_owned(), remembered.state);
        evidence.history = remembered.items;
        // Itself is no recurrence of itself.
        evidence.history.iter_mut().filter(|past| past.id == incident.id).for_each(|past| past.resolved_at = None);
        evidence.history.extend(cycles(incident, standing));
        recording.history = evidence.history.clone();
        recording.add(evidence.clone());
        snapshot.add(evidence);
        count(&snapshot.sources);
        Collected { recording, snapshot, target: Some(target) }
    }
}

/// What was read, and what it is about.
struct Collected {
    recording: Recording,
    snapshot: Snapshot,
    target: Option<ObjectRef>,
}

/// The sources that metrics name. Of a kind of object that could not be read, the name is the cluster's.
const SOURCES: &[&str] = &["kubernetes", "logs", "signals", "deploys", "tickets", "log_search", "history", "dependencies"];

fn word(state: &SourceState) -> &'static str {
    match state {
        SourceState::Ok => "ok",
        SourceState::Partial(_) => "partial",
        SourceState::Unavailable(_) => "unavailable",
        SourceState::Forbidden(_) => "forbidden",
    }
}

/// The cluster is what an analysis stands on.
fn collected_how(collected: &Collected) -> &'static str {
    collected.snapshot.sources.get(KUBERNETES).map_or("unavailable", word)
}

fn count(sources: &Sources) {
    for (name, state) in sources.iter().filter(|(name, _)| !name.contains('/')) {
        let source = one_of(SOURCES, name);
        metrics().source_status(source, word(state));
        if let Some(why) = state.why() {
            tracing::info!(
                name: "source.unavailable",
                { sre.source.name = source, sre.source.status = word(state), why },
                "a source could not be read, or not all of it"
            );
        }
    }
}

/// The webhook payload that the incident's alerts make, those that fire first.
fn payload(standing: &AlertStanding) -> Value {
    let firing = standing.episodes.iter().filter(|episode| episode.ended_at.is_none());
    let over = standing.episodes.iter().rev().filter(|episode| episode.ended_at.is_some());
    let alert = |episode: &EpisodeRecord| {
        json!({
            "status": if episode.ended_at.is_none() { "firing" } else { "resolved" },
            "labels": episode.labels,
            "annotations": episode.annotations,
            "startsAt": episode.starts_at,
            "endsAt": episode.ended_at,
            "generatorURL": episode.generator_url,
            "fingerprint": episode.fingerprint,
        })
    };
    let is_firing = standing.episodes.iter().any(|episode| episode.ended_at.is_none());
    json!({
        "version": "4",
        "status": if is_firing { "firing" } else { "resolved" },
        "alerts": firing.chain(over).map(alert).collect::<Vec<_>>(),
        "truncatedAlerts": standing.truncated,
    })
}

fn title(incident: &Incident, standing: &AlertStanding) -> String {
    let name = standing.episodes.first().map_or("alert", |episode| episode.name.as_str());
    format!("{name}: {}", incident.subject)
}

/// The times that the incident was there, where it comes and goes: they have no cause of their own, so that they are never taken
/// for earlier incidents.
fn cycles(incident: &Incident, standing: &AlertStanding) -> Vec<RememberedIncident> {
    if standing.flap_count == 0 {
        return Vec::new();
    }
    let cycle = |episode: &EpisodeRecord| RememberedIncident {
        id: episode.id.clone(),
        subject: incident.subject.clone(),
        opened_at: Some(episode.starts_at),
        resolved_at: episode.ended_at,
        ..RememberedIncident::default()
    };
    standing.episodes.iter().map(cycle).collect()
}

/// What is recorded of a cluster that can't be read.
fn unseen(why: String, now: Timestamp) -> Recording {
    let sources = [(KUBERNETES.to_owned(), SourceState::Unavailable(why))].into();
    Recording { captured_at: Some(now), sources, ..Recording::default() }
}

/// The object that is analysed: what the alert names, if it is there; else the workload that it belonged to, under whatever kind
/// that has; else what the alert names, of which at least its events may speak.
fn seen_target(snapshot: &Snapshot, about: &ObjectRef, guessed: &ObjectRef) -> ObjectRef {
    let is_there = |object: &ObjectRef| snapshot.get(object).is_some();
    if is_there(about) {
        return about.clone();
    }
    if let Some(node) = crate::cluster::node(snapshot, &about.name).filter(|_| about.kind == "Node") {
        return node.id.clone();
    }
    let namespace = about.ns();
    let kinds = WORKLOADS.iter().map(|kind| ObjectRef::new(*kind, namespace, &guessed.name));
    std::iter::once(guessed.clone()).chain(kinds).find(is_there).unwrap_or_else(|| about.clone())
}

/// What is said where nothing is known of what the alert is about.
fn blind(subject: &ObjectRef, snapshot: &Snapshot) -> Report {
    let mut report = Report::new(subject.clone(), Verdict::Inconclusive, snapshot.now);
    let why = match snapshot.sources.get(KUBERNETES) {
        Some(SourceState::Unavailable(why) | SourceState::Partial(why) | SourceState::Forbidden(why)) => why.clone(),
        Some(SourceState::Ok) | None => "nothing was read".to_owned(),
    };
    report.summary = format!("Not determined: {why}.");
    report.sources.clone_from(&snapshot.sources);
    report.unknown.push(Unknown {
        what: "which object this is about".to_owned(),
        why,
        would: "labels namespace and pod, deployment or node on the alert would name it".to_owned(),
    });
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(objects: Vec<Value>) -> Snapshot {
        Snapshot::new(Recording { objects, ..Recording::default() })
    }

    #[test]
    fn a_pod_that_is_gone_stands_for_its_workload_of_whatever_kind() {
        let object = |kind: &str, name: &str| json!({"kind": kind, "metadata": {"namespace": "shop", "name": name}});
        let pod = ObjectRef::new("Pod", "shop", "web-7c9f5d8b6d-x2x4z");
        let guessed = ObjectRef::new("Deployment", "shop", "web");
        for (objects, expected) in [
            (vec![object("Pod", &pod.name), object("Deployment", "web")], pod.clone()),
            (vec![object("Deployment", "web")], guessed.clone()),
            (vec![object("StatefulSet", "web")], ObjectRef::new("StatefulSet", "shop", "web")),
            (vec![object("Deployment", "other")], pod.clone()),
        ] {
            assert_eq!(seen_target(&snapshot(objects), &pod, &guessed), expected);
        }
        let node = json!({"kind": "Node", "metadata": {"name": "n1"}, "status": {"addresses": [
            {"type": "InternalIP", "address": "10.0.0.4"}]}});
        let by_address = ObjectRef::cluster("Node", "10.0.0.4");
        assert_eq!(seen_target(&snapshot(vec![node]), &by_address, &by_address), ObjectRef::cluster("Node", "n1"));
    }
}
