//! What a rule is given: the snapshot, and answers that several rules need.

use super::addresses::{self, GivenAddress};
use super::calls::CallGraph;
use super::failed_calls::{self, FailedCall};
use super::logs::{self, LogReading};
use super::series;
use super::symptoms;
use crate::cluster::pod::{self, Container};
use crate::cluster::{Object, Signal, Snapshot, json, plural};
use crate::domain::{Evidence, EvidenceSource, KUBERNETES, LOGS, ObjectRef, SourceState};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The first delay between two restarts of a container; it doubles up to [`BACK_OFF_MAX`].
/// Kubernetes: pkg/kubelet/kubelet.go, `backOffPeriod`.
const BACK_OFF: SignedDuration = SignedDuration::from_secs(10);
/// Kubernetes: pkg/kubelet/kubelet.go, `MaxContainerBackOff`.
const BACK_OFF_MAX: SignedDuration = SignedDuration::from_secs(300);

/// Which instance of a container wrote a log.
type Readings = BTreeMap<(ObjectRef, String, bool), Option<Rc<LogReading>>>;

/// The snapshot and what is derived from it once.
#[derive(Debug)]
pub struct Context<'a> {
    /// The objects.
    pub snap: &'a Snapshot,
    /// How far back a termination or an event counts as being about now.
    pub since: Option<SignedDuration>,
    readings: RefCell<Readings>,
    /// The addresses that pods are given.
    pub addresses: Vec<GivenAddress<'a>>,
    /// Who calls whom.
    pub calls: CallGraph,
    /// The calls that fail by their callers' logs.
    pub failed_calls: Vec<FailedCall<'a>>,
}

impl<'a> Context<'a> {
    /// A context over a snapshot.
    pub fn new(snap: &'a Snapshot, since: Option<SignedDuration>) -> Self {
        let addresses = addresses::given(snap);
        let calls = CallGraph::new(snap, &addresses);
        let mut cx = Self { snap, since, addresses, calls, failed_calls: Vec::new(), readings: RefCell::default() };
        cx.failed_calls = failed_calls::read(&cx);
        cx
    }

    /// Every pod, sorted.
    pub fn pods(&self) -> &'a [Object] {
        self.snap.of_kind("Pod")
    }

    /// Every container of every pod that has not ended for good and isn't being deleted.
    pub fn live_containers(&self) -> impl Iterator<Item = Container<'a>> + use<'a> {
        self.pods().iter().filter(|pod| !pod::is_finished(pod) && pod.deleted().is_none()).flat_map(pod::containers)
    }

    /// The namespace that the input is about, for what names none.
    pub fn target_namespace(&self) -> Option<&'a str> {
        let target = self.snap.target.as_ref()?;
        Some(if target.kind == "Namespace" { target.name.as_str() } else { target.ns() })
            .filter(|namespace| !namespace.is_empty())
    }

    /// The top controller of an object.
    pub fn workload(&self, id: &ObjectRef) -> ObjectRef {
        self.snap.workload(id)
    }

    /// A field of an object as evidence. `path` is dotted and is looked up.
    pub fn field(&self, object: &Object, path: &str) -> Evidence {
        let mut value = object.at(path).clone();
        json::sort_lists(&mut value);
        self.value(&object.id, path, value, None)
    }

    /// A value of an object as evidence, with the path as it should be shown.
    pub fn value(&self, object: &ObjectRef, path: &str, value: Value, at: Option<Timestamp>) -> Evidence {
        Evidence {
            source: EvidenceSource::Kubernetes,
            object: object.clone(),
            container: None,
            path: path.to_owned(),
            line: None,
            value,
            at,
            count: None,
        }
    }

    /// What a container's log says, current or previous instance; `None` when that log was not read.
    pub fn log(&self, container: &Container<'_>, previous: bool) -> Option<Rc<LogReading>> {
        let key = (container.pod.id.clone(), container.name.to_owned(), previous);
        if let Some(known) = self.readings.borrow().get(&key) {
            return known.clone();
        }
        let reading = self.snap.log(&container.pod.id, container.name, previous).map(|text| Rc::new(logs::read(text)));
        self.readings.borrow_mut().insert(key, reading.clone());
        reading
    }

    /// Whether a kind was asked for and could not be read.
    pub fn could_not_read(&self, kind: &str) -> bool {
        let state = self.snap.sources.get(&format!("{KUBERNETES}/{}", plural(kind)));
        state.is_some_and(|state| !matches!(state, SourceState::Ok))
    }

    /// Why a container's log is not here, where it was asked for and could not be read.
    pub fn log_failed(&self, pod: &ObjectRef, container: &str) -> Option<String> {
        let was_read = |previous| self.snap.log(pod, container, previous).is_some();
        let state = self.snap.sources.get(LOGS).filter(|state| !matches!(state, SourceState::Ok))?;
        (!was_read(false) && !was_read(true)).then(|| state.to_string())
    }

    /// A log line as evidence.
    pub fn log_line(&self, container: &Container<'_>, previous: bool, finding: &logs::LogFinding) -> Evidence {
        Evidence {
            source: EvidenceSource::Log,
            object: container.pod.id.clone(),
            container: Some(container.name.to_owned()),
            path: if previous { "previous" } else { "current" }.to_owned(),
            line: Some(finding.line),
            value: Value::String(finding.text.clone()),
            at: finding.at,
            count: (finding.count > 1).then_some(finding.count),
        }
    }

    /// One sample of a time series as evidence about an object. `at` is in unix seconds.
    pub fn sample(&self, object: &ObjectRef, signal: &Signal, at: f64, value: f64) -> Evidence {
        self.series(object, signal, Some(at), serde_json::json!(value))
    }

    /// What a time series tells, as evidence about an object.
    pub fn series(&self, object: &ObjectRef, signal: &Signal, at: Option<f64>, value: Value) -> Evidence {
        let labels: Vec<String> = signal.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        Evidence {
            source: EvidenceSource::Signal,
            object: object.clone(),
            container: signal.labels.get("container").cloned(),
            path: format!("{}{{{}}}", signal.signal, labels.join(",")),
            line: None,
            value,
            at: at.and_then(series::time),
            count: None,
        }
    }

    /// Since when a container that failed before is well again, if it is: it runs and is ready for longer than its restart
    /// back-off, and for longer than its last run if it fails over and over. One that has ended for good is, when its pod's
    /// controller has made up for it.
    pub fn recovered(&self, container: &Container<'_>) -> Option<Timestamp> {
        if pod::is_finished(container.pod) {
            return symptoms::made_up_for(self, container.pod);
        }
        let started = container.running_since()?;
        if !container.is_ready() {
            return None;
        }
        let well = self.snap.age(started);
        let restarts = u32::try_from(container.restarts().clamp(1, 10)).unwrap_or(10);
        let back_off = (BACK_OFF * 2_i32.pow(restarts - 1)).min(BACK_OFF_MAX);
        if well <= back_off {
            return None;
        }
        let last_run = container.last_terminated().and_then(|end| Some(end.finished?.duration_since(end.started?)));
        let repeats = container.restarts() >= 3 && last_run.is_some_and(|run| run < SignedDuration::from_hours(1) && well <= run);
        (!repeats).then_some(started)
    }
}
