use super::*;
use crate::cluster::{Recording, Signal, Snapshot};
use crate::diagnose::{Options, diagnose};
use crate::domain::{DeployRating, DeployReport, KUBERNETES, SIGNALS, SourceState};
use rstest::rstest;
use serde_json::Value;

fn onset() -> Timestamp {
    "2026-03-10T12:00:00Z".parse().unwrap()
}

fn ago(seconds: i64) -> Timestamp {
    onset() - SignedDuration::from_secs(seconds)
}

fn checkout() -> ObjectRef {
    ObjectRef::new("Deployment", "shop", "checkout")
}

fn deployment(namespace: &str, more: Value) -> Value {
    let mut metadata = json!({"name": "checkout", "namespace": namespace, "uid": format!("uid-{namespace}")});
    metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let template = json!({"metadata": {"labels": {"app": "checkout"}}, "spec": {"containers": [{"name": "app", "image": "shop/checkout:1.15"}]}});
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "checkout"}}, "template": template},
        "status": {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1, "availableReplicas": 1}})
}

fn revision(namespace: &str, number: i64, image: &str, at: Timestamp) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": format!("checkout-{number}"), "namespace": namespace, "creationTimestamp": at.to_string(),
            "annotations": {"deployment.kubernetes.io/revision": number.to_string()},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout", "controller": true, "uid": format!("uid-{namespace}")}]},
        "spec": {"replicas": 1, "template": {"metadata": {"labels": {"app": "checkout"}}, "spec": {"containers": [{"name": "app", "image": image}]}}}})
}

fn recording(objects: Vec<Value>) -> Recording {
    Recording {
        captured_at: Some(onset() + SignedDuration::from_mins(20)),
        sources: [(KUBERNETES.to_owned(), SourceState::Ok), (SIGNALS.to_owned(), SourceState::Ok)].into(),
        objects,
        ..Recording::default()
    }
}

/// One sample a half minute, from two hours before the onset to twenty minutes after it.
fn errors(from: Timestamp, before: f64, after: f64) -> Signal {
    let sample = |number: i64| {
        let at = ago(7200 - 30 * number);
        (at.as_second() as f64, if at < from { before } else { after })
    };
    let labels = [("namespace", "shop"), ("workload", "checkout")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    Signal { signal: "error_ratio".into(), labels: labels.into(), values: (0..280).map(sample).collect() }
}

fn state(recording: Recording) -> State {
    let snapshot = Snapshot::new(recording);
    let cx = Context::new(&snapshot, None);
    recent(&cx, &checkout(), onset()).unwrap().0.state
}

fn deploys(recording: Recording) -> Vec<DeployReport> {
    diagnose(&Snapshot::new(recording), &checkout(), Options::default()).deploys
}

#[rstest]
#[case::exactly_an_hour(3600, State::Found)]
#[case::a_second_more(3601, State::Absent)]
#[case::with_the_onset(0, State::Found)]
#[case::a_second_after_it(-1, State::Absent)]
fn a_deploy_is_recent_for_an_hour_both_ends_included(#[case] before: i64, #[case] expected: State) {
    let old = revision("shop", 14, "shop/checkout:1.14", ago(900_000));
    assert_eq!(
        state(recording(vec![deployment("shop", json!({})), old, revision("shop", 15, "shop/checkout:1.15", ago(before))])),
        expected
    );
    // The same of a build where no revision is seen.
    let build = Deploy {
        service: "checkout".into(),
        namespace: "shop".into(),
        number: "7".into(),
        finished_at: Some(ago(before)),
        ..Deploy::default()
    };
    let mut by_build = recording(vec![deployment("shop", json!({}))]);
    by_build.deploys.push(build);
    by_build.sources.insert(DEPLOYS.to_owned(), SourceState::Ok);
    assert_eq!(state(by_build), expected);
}

#[test]
fn who_was_not_asked_makes_a_deploy_unknown() {
    let mut nobody = recording(vec![deployment("shop", json!({}))]);
    assert_eq!(state(nobody.clone()), State::Unknown);
    nobody.sources.insert(DEPLOYS.to_owned(), SourceState::Unavailable("timeout".into()));
    assert_eq!(state(nobody.clone()), State::Unknown);
    nobody.sources.insert(DEPLOYS.to_owned(), SourceState::Ok);
    assert_eq!(state(nobody), State::Absent);
}

#[test]
fn a_deploy_ten_minutes_before_a_change_of_errors_is_likely_with_before_and_after() {
    let objects = vec![
        deployment("shop", json!({})),
        revision("shop", 14, "shop/checkout:1.14", ago(5_000)),
        revision("shop", 15, "shop/checkout:1.15", ago(600)),
    ];
    let mut recording = recording(objects);
    recording.signals.push(errors(onset(), 0.002, 0.045));
    let deploys = deploys(recording);
    let said: Vec<_> = deploys.iter().map(|deploy| (deploy.revision, deploy.rating, deploy.minutes_before)).collect();
    assert_eq!(said, [(Some(15), DeployRating::Likely, 10), (Some(14), DeployRating::Weak, 83)]);
    assert_eq!(deploys[0].score, 0.95);
    let shift = &deploys[0].shifts[0];
    assert_eq!((shift.signal.as_str(), shift.before, shift.after, shift.z), ("error_ratio", 0.002, 0.045, 8.6));
    assert_eq!(
        (deploys[0].what.as_str(), deploys[0].sources.join(" ")),
        ("revision 15 of deployment/checkout", "revisions".into())
    );
}

#[test]
fn a_deploy_after_the_onset_is_no_suspect_and_an_old_one_is_not_looked_at() {
    let objects = vec![
        deployment("shop", json!({})),
        revision("shop", 13, "shop/checkout:1.13", ago(7_201)),
        revision("shop", 15, "shop/checkout:1.15", ago(-300)),
    ];
    let mut recording = recording(objects);
    recording.signals.push(errors(onset(), 0.002, 0.045));
    let deploys = deploys(recording);
    assert_eq!(deploys.iter().map(|deploy| (deploy.revision, deploy.score)).collect::<Vec<_>>(), [(Some(15), 0.0)]);
}

#[test]
fn one_deploy_that_everybody_saw_is_one() {
    let application = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "shop", "namespace": "argocd"},
        "spec": {"destination": {"server": "https://kubernetes.default.svc"}},
        "status": {"resources": [{"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "checkout"}],
            "history": [
                {"id": 3, "revision": "1111111111111111111111111111111111111111", "deployStartedAt": ago(90_000).to_string(), "deployedAt": ago(89_990).to_string()},
                {"id": 4, "revision": "3f2a9c0d11223344556677889900aabbccddeeff", "deployStartedAt": ago(620).to_string(), "deployedAt": ago(590).to_string()}]}});
    let release = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "checkout", "namespace": "flux"},
        "status": {"history": [{"chartVersion": "2.1.0", "lastDeployed": ago(610).to_string(), "status": "deployed"}]}});
    let labels = json!({"labels": {"helm.toolkit.fluxcd.io/name": "checkout", "helm.toolkit.fluxcd.io/namespace": "flux"}});
    let mut recording =
        recording(vec![deployment("shop", labels), revision("shop", 15, "shop/checkout:1.15", ago(600)), application, release]);
    recording.signals.push(errors(onset(), 0.002, 0.045));
    let build = |number: &str, sha: &str, finished| Deploy {
        service: "checkout".into(),
        namespace: "shop".into(),
        number: number.into(),
        sha: sha.into(),
        status: "SUCCESS".into(),
        finished_at: Some(finished),
        ..Deploy::default()
    };
    recording.deploys = vec![build("1481", "3f2a9c0d", ago(580)), build("1470", "aaaaaaa", ago(4_000))];
    let deploys = deploys(recording);
    let said: Vec<_> = deploys.iter().map(|deploy| (deploy.what.as_str(), deploy.sources.join(" "))).collect();
    let all = "revision 15 of deployment/checkout, build 1481, Argo CD synced shop to 3f2a9c0d1122";
    assert_eq!(said, [(all, "revisions argocd flux deploys".to_owned()), ("build 1470", "deploys".to_owned())]);
}

#[test]
fn a_sync_counts_where_no_revision_is_seen() {
    let kustomization = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": {"name": "apps", "namespace": "flux-system"},
        "status": {"history": [{"digest": "sha256:43ad", "firstReconciled": ago(1_200).to_string(), "lastReconciledStatus": "ReconciliationSucceeded",
            "metadata": {"revision": "main@sha1:450796ddb2ab6724ee1cc32a4be56da032d1cca0"}}]}});
    let labels =
        json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}});
    let snapshot = Snapshot::new(recording(vec![deployment("shop", labels), kustomization]));
    let cx = Context::new(&snapshot, None);
    let (fact, evidence) = recent(&cx, &checkout(), onset()).unwrap();
    assert_eq!((fact.state, fact.reason.as_deref()), (State::Found, Some("Flux applied apps at 450796ddb2ab 20 min before")));
    assert_eq!(evidence.unwrap().path, "status.history[0]");
    assert_eq!(recent(&cx, &checkout(), ago(1_201)).unwrap().0.state, State::Absent, "it came after");
}

#[test]
fn a_rollout_in_ten_namespaces_at_once_is_one_event() {
    let namespaces: Vec<String> = (0..9).map(|number| format!("squad-{number}")).chain(["shop".to_owned()]).collect();
    let objects = namespaces
        .iter()
        .flat_map(|namespace| [deployment(namespace, json!({})), revision(namespace, 15, "shop/checkout:1.15", ago(600))]);
    let mut recording = recording(objects.collect());
    recording.signals.push(errors(onset(), 0.002, 0.045));
    let deploys = deploys(recording);
    assert_eq!(deploys.len(), 1);
    assert_eq!(deploys[0].what, "revision 15 of deployment/checkout, in 10 namespaces at once");
    assert_eq!(deploys[0].namespaces.len(), 10);
}
