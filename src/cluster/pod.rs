//! A pod's containers, each judged by itself: init containers in order, native sidecars, main containers, and what the
//! kubelet last reported of each.

use super::{Object, json};
use crate::domain::{Evidence, EvidenceSource, Subject};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// What a container is in its pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Runs to its end before the next one starts.
    Init,
    /// An init container with `restartPolicy: Always`: starts in order, then runs beside the main containers.
    Sidecar,
    /// One of `spec.containers`.
    Main,
    /// Added for debugging.
    Ephemeral,
}

/// One container of a pod: its specification, and its status where the kubelet has reported one.
#[derive(Clone, Copy, Debug)]
pub struct Container<'a> {
    /// The pod.
    pub pod: &'a Object,
    /// The container's name.
    pub name: &'a str,
    /// What it is in its pod.
    pub role: Role,
    /// The element of `spec.containers` or its like.
    pub spec: &'a Value,
    /// The element of `status.containerStatuses` or its like; null where there is none.
    pub status: &'a Value,
}

/// How a container's process ended.
#[derive(Clone, Copy, Debug)]
pub struct Termination<'a> {
    /// `OOMKilled`, `Error`, `Completed`, `ContainerCannotRun`, `StartError` …, as the runtime says.
    pub reason: &'a str,
    /// The exit code; 128 + n for signal n.
    pub exit_code: i64,
    /// The end of the termination message file, or of the log, or the runtime's error.
    pub message: &'a str,
    /// When the process started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// Whether it is the current state (`state`) rather than the previous instance (`lastState`).
    pub current: bool,
    /// The status field it was read from.
    pub raw: &'a Value,
}

/// Every container of a pod: init containers in the order in which they start, then the others by name, since the order of
/// those says nothing.
pub fn containers(pod: &Object) -> Vec<Container<'_>> {
    let mut found = Vec::new();
    let mut beside = Vec::new();
    for (specs, statuses, role) in [
        ("spec.initContainers", "status.initContainerStatuses", Role::Init),
        ("spec.containers", "status.containerStatuses", Role::Main),
        ("spec.ephemeralContainers", "status.ephemeralContainerStatuses", Role::Ephemeral),
    ] {
        for spec in pod.list(specs) {
            let name = json::text(spec, "name");
            let role = match role {
                Role::Init if json::text(spec, "restartPolicy") == "Always" => Role::Sidecar,
                role => role,
            };
            let container = Container { pod, name, role, spec, status: json::named(&pod.raw, statuses, name) };
            if matches!(role, Role::Init | Role::Sidecar) { found.push(container) } else { beside.push(container) }
        }
    }
    beside.sort_by_key(|container| (container.role, container.name));
    found.append(&mut beside);
    found
}

/// The time since when the pod's `Ready` condition is true.
pub fn ready_since(pod: &Object) -> Option<Timestamp> {
    let ready = pod.condition("Ready");
    (json::text(ready, "status") == "True").then(|| json::time(ready, "lastTransitionTime")).flatten()
}

/// Whether the pod's `Ready` condition is true.
pub fn is_ready(pod: &Object) -> bool {
    json::text(pod.condition("Ready"), "status") == "True"
}

/// Whether the pod has ended for good, well or not.
pub fn is_finished(pod: &Object) -> bool {
    matches!(pod.text("status.phase"), "Succeeded" | "Failed")
}

impl<'a> Container<'a> {
    /// The pod and the container, as a fact's subject.
    pub fn subject(&self) -> Subject {
        Subject::container(self.pod.id.clone(), self.name)
    }

    /// The reason and message of `state.waiting`.
    pub fn waiting(&self) -> Option<(&'a str, &'a str)> {
        let waiting = json::at(self.status, "state.waiting");
        waiting.is_object().then(|| (json::text(waiting, "reason"), json::text(waiting, "message")))
    }

    /// Whether the container runs now.
    pub fn is_running(&self) -> bool {
        json::at(self.status, "state.running").is_object()
    }

    /// When the running process started.
    pub fn running_since(&self) -> Option<Timestamp> {
        json::time(self.status, "state.running.startedAt")
    }

    /// The current state, if it is an end.
    pub fn terminated(&self) -> Option<Termination<'a>> {
        Termination::of(json::at(self.status, "state.terminated"), true)
    }

    /// How the previous instance ended.
    pub fn last_terminated(&self) -> Option<Termination<'a>> {
        Termination::of(json::at(self.status, "lastState.terminated"), false)
    }

    /// The latest end: the current state where that is one, else the previous instance's.
    pub fn termination(&self) -> Option<Termination<'a>> {
        self.terminated().or_else(|| self.last_terminated())
    }

    /// How often the kubelet restarted it.
    pub fn restarts(&self) -> i64 {
        json::int(self.status, "restartCount").unwrap_or(0)
    }

    /// Whether it is ready.
    pub fn is_ready(&self) -> bool {
        json::flag(self.status, "ready")
    }

    /// The image as the pod template names it.
    pub fn image(&self) -> &'a str {
        json::text(self.spec, "image")
    }

    /// A limit as it is written (`256Mi`), such as `memory`.
    pub fn limit(&self, resource: &str) -> Option<&'a Value> {
        let value = json::key(json::at(self.spec, "resources.limits"), resource);
        (!value.is_null()).then_some(value)
    }

    /// The path of a field in this container's status, by name.
    pub fn status_path(&self, field: &str) -> String {
        let list = match self.role {
            Role::Init | Role::Sidecar => "initContainerStatuses",
            Role::Main => "containerStatuses",
            Role::Ephemeral => "ephemeralContainerStatuses",
        };
        format!("status.{list}[{}].{field}", self.name)
    }

    /// The path of a field in this container's specification, by name.
    pub fn spec_path(&self, field: &str) -> String {
        let list = match self.role {
            Role::Init | Role::Sidecar => "initContainers",
            Role::Main => "containers",
            Role::Ephemeral => "ephemeralContainers",
        };
        format!("spec.{list}[{}].{field}", self.name)
    }

    /// A field of the status as evidence.
    pub fn status_evidence(&self, field: &str, at: Option<Timestamp>) -> Evidence {
        self.evidence(self.status_path(field), json::at(self.status, field).clone(), at)
    }

    /// A field of the specification as evidence.
    pub fn spec_evidence(&self, field: &str) -> Evidence {
        self.evidence(self.spec_path(field), json::at(self.spec, field).clone(), None)
    }

    /// How the process ended, as evidence.
    pub fn termination_evidence(&self, end: &Termination<'_>) -> Evidence {
        let field = if end.current { "state.terminated" } else { "lastState.terminated" };
        let mut value = serde_json::Map::new();
        for key in ["reason", "exitCode", "signal", "startedAt", "finishedAt", "message"] {
            let found = json::key(end.raw, key);
            if !found.is_null() && found.as_str() != Some("") {
                value.insert(key.to_owned(), found.clone());
            }
        }
        let mut evidence = self.evidence(self.status_path(field), Value::Object(value), end.finished);
        evidence.count = u64::try_from(self.restarts()).ok().filter(|restarts| *restarts > 1);
        evidence
    }

    fn evidence(&self, path: String, value: Value, at: Option<Timestamp>) -> Evidence {
        Evidence {
            source: EvidenceSource::Kubernetes,
            object: self.pod.id.clone(),
            container: Some(self.name.to_owned()),
            path,
            line: None,
            value,
            at,
            count: None,
        }
    }
}

impl<'a> Termination<'a> {
    fn of(raw: &'a Value, current: bool) -> Option<Self> {
        raw.is_object().then(|| Self {
            reason: json::text(raw, "reason"),
            exit_code: json::int(raw, "exitCode").unwrap_or(0),
            message: json::text(raw, "message"),
            started: json::time(raw, "startedAt"),
            finished: json::time(raw, "finishedAt"),
            current,
            raw,
        })
    }

    /// How long the process ran.
    pub fn ran(&self) -> Option<SignedDuration> {
        Some(self.finished?.duration_since(self.started?))
    }

    /// Whether this end is a failure: a code other than 0, or a kill.
    pub fn failed(&self) -> bool {
        self.exit_code != 0 || self.reason == "OOMKilled"
    }
}
