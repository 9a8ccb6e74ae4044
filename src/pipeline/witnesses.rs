//! What others than the cluster know of the same moment: metrics, deploys, tickets, log searches. All are asked at once, none
//! is waited for longer than [`TOGETHER`], and what doesn't answer is unknown.

use super::redact_recording;
use crate::cluster::{Object, Recording, Snapshot, json, selector};
use crate::domain::{DEPLOYS, LOG_SEARCH, ObjectRef, SIGNALS, SourceState, TICKETS};
use crate::ports::{Answered, DeployHistory, EvidenceRequest, LogSearch, NodeNames, SignalSource, TicketTracker};
use crate::redact::Redactor;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

/// How long all of them may take together.
const TOGETHER: Duration = Duration::from_secs(15);

/// Those that are configured.
#[derive(Clone, Debug, Default)]
pub struct Witnesses<S, D, T, L> {
    /// Time series.
    pub signals: Witness<S>,
    /// Deploys.
    pub deploys: Witness<D>,
    /// Tickets.
    pub tickets: Witness<T>,
    /// Structured logs.
    pub log_search: Witness<L>,
}

/// `None` where it isn't configured, and then it isn't asked; an error where what is configured can't be used.
pub type Witness<A> = Option<Result<A, SourceState>>;

impl<S: SignalSource, D: DeployHistory, T: TicketTracker, L: LogSearch> Witnesses<S, D, T, L> {
    /// Whether nobody is configured.
    pub fn is_empty(&self) -> bool {
        self.signals.is_none() && self.deploys.is_none() && self.tickets.is_none() && self.log_search.is_none()
    }

    /// The same, and none of them is asked.
    #[must_use]
    pub fn silent(&self, why: &str) -> Self {
        fn of<A>(witness: &Witness<A>, why: &str) -> Witness<A> {
            witness.as_ref().map(|_| Err(SourceState::Unavailable(why.to_owned())))
        }
        Self {
            signals: of(&self.signals, why),
            deploys: of(&self.deploys, why),
            tickets: of(&self.tickets, why),
            log_search: of(&self.log_search, why),
        }
    }

    /// Asks all of them. What comes back holds their evidence and the state of each, redacted, and nothing of the cluster.
    pub async fn testify(&self, request: &EvidenceRequest, redactor: &Redactor) -> Recording {
        let (signals, deploys, tickets, log_events) = tokio::join!(
            ask(&self.signals, |source| source.signals(request)),
            ask(&self.deploys, |source| source.deploys(request)),
            ask(&self.tickets, |source| source.tickets(request)),
            ask(&self.log_search, |source| source.events(request)),
        );
        let mut evidence = Recording::default();
        let sources = &mut evidence.sources;
        evidence.signals = signals.map(|answer| keep(sources, SIGNALS, answer)).unwrap_or_default();
        evidence.deploys = deploys.map(|answer| keep(sources, DEPLOYS, answer)).unwrap_or_default();
        evidence.tickets = tickets.map(|answer| keep(sources, TICKETS, answer)).unwrap_or_default();
        evidence.log_events = log_events.map(|answer| keep(sources, LOG_SEARCH, answer)).unwrap_or_default();
        redact_recording(redactor, &mut evidence);
        evidence
    }
}

async fn ask<'a, W, A, F: Future<Output = Answered<A>>>(
    witness: &'a Witness<W>,
    question: impl FnOnce(&'a W) -> F,
) -> Option<Answered<A>> {
    let unheard = |state| Answered { state, items: Vec::new() };
    let witness = match witness.as_ref()? {
        Ok(witness) => witness,
        Err(state) => return Some(unheard(state.clone())),
    };
    let late = || SourceState::Unavailable(format!("no answer within {} s", TOGETHER.as_secs()));
    Some(tokio::time::timeout(TOGETHER, question(witness)).await.unwrap_or_else(|_| unheard(late())))
}

fn keep<A>(sources: &mut crate::domain::Sources, name: &str, answer: Answered<A>) -> Vec<A> {
    sources.insert(name.to_owned(), answer.state);
    answer.items
}

/// What to ask them about these targets. `at` is the firing episode's start where an alert led here, else now.
pub fn evidence_request(snapshot: &Snapshot, targets: &[ObjectRef]) -> EvidenceRequest {
    let mut objects: BTreeSet<ObjectRef> = targets.iter().cloned().collect();
    let mut pods = BTreeSet::new();
    let mut nodes = BTreeSet::new();
    for target in targets {
        match target.kind.as_str() {
            "Namespace" => {
                let inside = ["Pod", "Deployment", "StatefulSet", "DaemonSet", "Service"];
                let inside = inside.into_iter().flat_map(|kind| snapshot.in_namespace(kind, &target.name));
                for object in inside {
                    if object.id.kind == "Pod" {
                        pods.insert(object.id.clone())
                    } else {
                        objects.insert(object.id.clone())
                    };
                }
            }
            "Node" => {
                nodes.insert(target.name.clone());
                pods.extend(snapshot.pods_on(&target.name).map(|pod| pod.id.clone()));
            }
            "Service" => pods.extend(snapshot.get(target).into_iter().flat_map(|service| selected(snapshot, service))),
            _ => {
                let workload = snapshot.workload(target);
                pods.extend(snapshot.pods_of(&workload).into_iter().map(|pod| pod.id.clone()));
                objects.insert(workload);
            }
        }
    }
    for pod in pods.iter().filter_map(|pod| snapshot.get(pod)) {
        objects.insert(snapshot.workload(&pod.id));
        nodes.extend(Some(pod.text("spec.nodeName")).filter(|node| !node.is_empty()).map(str::to_owned));
    }
    let named = pods.iter().chain(&objects).map(ObjectRef::ns).filter(|name| !name.is_empty());
    let namespaces: BTreeSet<String> = named.map(str::to_owned).collect();
    for namespace in &namespaces {
        let services = snapshot.in_namespace("Service", namespace).iter();
        let chosen = services.filter(|service| selected(snapshot, service).iter().any(|pod| pods.contains(pod)));
        objects.extend(chosen.map(|service| service.id.clone()));
    }
    let hosts: BTreeSet<String> = namespaces.iter().flat_map(|namespace| hosts(snapshot, namespace, &objects)).collect();
    let named = alerts(snapshot).map(|alert| json::text(alert, "labels.alertname")).filter(|name| !name.is_empty());
    let alerts: BTreeSet<&str> = named.collect();
    EvidenceRequest {
        at: episode(snapshot).unwrap_or(snapshot.now),
        until: snapshot.now,
        namespaces: namespaces.into_iter().collect(),
        hosts: hosts.into_iter().collect(),
        alerts: alerts.into_iter().map(str::to_owned).collect(),
        nodes: nodes.into_iter().map(|name| addresses(snapshot, name)).collect(),
        objects: objects.into_iter().collect(),
        pods: pods.into_iter().collect(),
    }
}

fn selected(snapshot: &Snapshot, service: &Object) -> Vec<ObjectRef> {
    let chosen = service.at("spec.selector");
    if chosen.as_object().is_none_or(serde_json::Map::is_empty) {
        return Vec::new();
    }
    let pods = snapshot.in_namespace("Pod", service.id.ns()).iter();
    pods.filter(|pod| selector::matches_map(chosen, pod.at("metadata.labels"))).map(|pod| pod.id.clone()).collect()
}

/// The host names under which routes of a namespace serve one of these Services.
fn hosts(snapshot: &Snapshot, namespace: &str, objects: &BTreeSet<ObjectRef>) -> Vec<String> {
    let serves = |name: &str| objects.contains(&ObjectRef::new("Service", namespace, name));
    let mut hosts = Vec::new();
    for rule in snapshot.in_namespace("Ingress", namespace).iter().flat_map(|ingress| ingress.list("spec.rules")) {
        if json::list(rule, "http.paths").iter().any(|path| serves(json::text(path, "backend.service.name"))) {
            hosts.push(json::text(rule, "host").to_owned());
        }
    }
    for route in snapshot.in_namespace("HTTPRoute", namespace) {
        let mut backends = route.list("spec.rules").iter().flat_map(|rule| json::list(rule, "backendRefs"));
        if backends.any(|backend| serves(json::text(backend, "name"))) {
            hosts.extend(route.list("spec.hostnames").iter().filter_map(|host| host.as_str()).map(str::to_owned));
        }
    }
    hosts.retain(|host| !host.is_empty() && !host.contains('*'));
    hosts
}

fn addresses(snapshot: &Snapshot, name: String) -> NodeNames {
    let node = snapshot.find("Node", "", &name);
    let listed = node.map(|node| node.list("status.addresses")).unwrap_or_default();
    let addresses: BTreeSet<String> = listed.iter().map(|address| json::text(address, "address").to_owned()).collect();
    NodeNames { addresses: addresses.into_iter().filter(|address| !address.is_empty()).collect(), name }
}

fn alerts(snapshot: &Snapshot) -> impl Iterator<Item = &serde_json::Value> {
    let all = snapshot.alert.as_ref().map(|payload| json::list(payload, "alerts")).unwrap_or_default();
    all.iter().filter(|alert| json::text(alert, "status") != "resolved")
}

/// When the earliest alert that fires began, if that isn't after now: a sender's clock may be ahead.
fn episode(snapshot: &Snapshot) -> Option<Timestamp> {
    alerts(snapshot).filter_map(|alert| json::time(alert, "startsAt")).min().filter(|began| *began <= snapshot.now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Deploy, Ticket};
    use serde_json::json;

    fn snapshot(alert: serde_json::Value) -> Snapshot {
        let of = |kind: &str, name: &str| json!([{"kind": kind, "name": name, "controller": true}]);
        let meta = |name: &str| json!({"namespace": "shop", "name": name, "labels": {"app": "web"}});
        let owned = |name: &str, owner| {
            let mut metadata = meta(name);
            metadata["ownerReferences"] = owner;
            metadata
        };
        let objects = vec![
            json!({"kind": "Deployment", "metadata": meta("web")}),
            json!({"kind": "ReplicaSet", "metadata": owned("web-1", of("Deployment", "web"))}),
            json!({"kind": "Pod", "metadata": owned("web-1-a", of("ReplicaSet", "web-1")), "spec": {"nodeName": "n1"}}),
            json!({"kind": "Pod", "metadata": owned("web-1-b", of("ReplicaSet", "web-1")), "spec": {"nodeName": "n2"}}),
            json!({"kind": "Pod", "metadata": {"namespace": "shop", "name": "web-2"}, "spec": {"nodeName": "n1"}}),
            json!({"kind": "Service", "metadata": {"namespace": "shop", "name": "front"}, "spec": {"selector": {"app": "web"}}}),
            json!({"kind": "Service", "metadata": {"namespace": "shop", "name": "other"}, "spec": {"selector": {"app": "db"}}}),
            json!({"kind": "Ingress", "metadata": meta("web"), "spec": {"rules": [
                {"host": "shop.example.com", "http": {"paths": [{"backend": {"service": {"name": "front"}}}]}},
                {"host": "db.example.com", "http": {"paths": [{"backend": {"service": {"name": "other"}}}]}},
            ]}}),
            json!({"kind": "Node", "metadata": {"name": "n1"}, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}}),
        ];
        let now = "2026-01-02T05:00:00Z".parse().ok();
        Snapshot::new(Recording { captured_at: now, objects, alert: Some(alert), ..Recording::default() })
    }

    #[test]
    fn what_is_asked_about_a_workload() {
        let alert = json!({"alerts": [
            {"status": "firing", "startsAt": "2026-01-02T04:48:00Z", "labels": {"alertname": "Down"}},
            {"status": "firing", "startsAt": "2026-01-02T04:50:00Z", "labels": {"alertname": "Slow"}},
            {"status": "resolved", "startsAt": "2026-01-02T01:00:00Z", "labels": {"alertname": "Old"}},
        ]});
        let request = evidence_request(&snapshot(alert), &[ObjectRef::new("Pod", "shop", "web-1-a")]);
        let names = |objects: &[ObjectRef]| objects.iter().map(|object| object.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&request.pods), ["web-1-a", "web-1-b"], "a pod of a like name isn't one of them");
        assert_eq!(names(&request.objects), ["web", "web-1-a", "front"]);
        assert_eq!(request.nodes[0], NodeNames { name: "n1".into(), addresses: vec!["10.0.0.1".into()] });
        assert_eq!((request.nodes.len(), request.namespaces.as_slice()), (2, &["shop".to_owned()][..]));
        assert_eq!(request.hosts, ["shop.example.com"]);
        assert_eq!((request.alerts, request.at.to_string()), (vec!["Down".into(), "Slow".into()], "2026-01-02T04:48:00Z".into()));
    }

    #[test]
    fn a_sender_whose_clock_is_ahead_moves_nothing() {
        let alert = json!({"alerts": [{"status": "firing", "startsAt": "2026-01-02T06:00:00Z", "labels": {}}]});
        let request = evidence_request(&snapshot(alert), &[ObjectRef::cluster("Node", "n1")]);
        assert_eq!((request.at, request.pods.len()), (request.until, 2));
    }

    struct Has;
    impl SignalSource for Has {
        async fn signals(&self, _: &EvidenceRequest) -> Answered<crate::cluster::Signal> {
            std::future::pending().await
        }
    }
    impl DeployHistory for Has {
        async fn deploys(&self, _: &EvidenceRequest) -> Answered<Deploy> {
            Answered { state: SourceState::Forbidden("401".into()), items: Vec::new() }
        }
    }
    impl TicketTracker for Has {
        async fn tickets(&self, _: &EvidenceRequest) -> Answered<Ticket> {
            Answered { state: SourceState::Ok, items: vec![Ticket { summary: "password=hunter2".into(), ..Ticket::default() }] }
        }
    }
    impl LogSearch for Has {
        async fn events(&self, _: &EvidenceRequest) -> Answered<crate::cluster::LogEvent> {
            Answered { state: SourceState::Ok, items: Vec::new() }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_never_answers_holds_nobody_up_for_longer_than_the_bound() {
        let broken: Witness<Has> = Some(Err(SourceState::Unavailable("seq.url is no address".into())));
        let witnesses = Witnesses { signals: Some(Ok(Has)), deploys: Some(Ok(Has)), tickets: Some(Ok(Has)), log_search: broken };
        let request = evidence_request(&snapshot(json!({})), &[]);
        let began = tokio::time::Instant::now();
        let evidence = witnesses.testify(&request, &Redactor::fixed()).await;
        assert_eq!(began.elapsed(), TOGETHER);
        let said: Vec<String> = evidence.sources.iter().map(|(name, state)| format!("{name} {state}")).collect();
        assert_eq!(
            said,
            [
                "deploys forbidden: 401",
                "log_search unavailable: seq.url is no address",
                "signals unavailable: no answer within 15 s",
                "tickets ok"
            ]
        );
        assert!(!evidence.tickets[0].summary.contains("hunter2"), "{:?}", evidence.tickets);
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_know_nothing_of_another_cluster_are_not_asked_about_it() {
        let (has, broken) = (Some(Ok(Has)), Some(Err(SourceState::Unavailable("seq.url is no address".into()))));
        let witnesses: Witnesses<Has, Has, Has, Has> =
            Witnesses { signals: has, deploys: None, tickets: Some(Ok(Has)), log_search: broken };
        let request = evidence_request(&snapshot(json!({})), &[]);
        let evidence = witnesses.silent("of another cluster").testify(&request, &Redactor::fixed()).await;
        let why = SourceState::Unavailable("of another cluster".to_owned());
        let said = [LOG_SEARCH, SIGNALS, TICKETS].map(|name| (name.to_owned(), why.clone()));
        assert_eq!((evidence.sources, evidence.tickets.len()), (said.into(), 0));
    }
}
