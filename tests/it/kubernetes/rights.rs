//! The rights that the shipped manifests give: enough for an analysis and for each change, and not one too many.

use super::envtest::Cluster;
use super::{read, state};
use crate::execute::{Home, connect, intent, memory, options, workload};
use serde::Deserialize as _;
use serde_json::{Value, json};
use sre_copilot::adapters::kubernetes::KubernetesWriter;
use sre_copilot::domain::{Action, AttemptState, ExecutionIntent, ObjectRef, Params, SourceState};
use sre_copilot::ports::ClusterWriter;
use std::collections::BTreeSet;

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// The rules of a role of the shipped manifests.
fn rules(name: &str) -> Vec<Value> {
    let text = include_str!("../../../deploy/manifests/with-approval.yaml");
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    let is_it = |document: &&Value| document["kind"].as_str().unwrap().ends_with("Role") && document["metadata"]["name"] == name;
    let role = documents.iter().find(is_it).unwrap_or_else(|| panic!("no role {name}"));
    Vec::deserialize(&role["rules"]).unwrap()
}

/// Each single right: a group, a resource, a verb.
fn rights(rules: &[Value]) -> BTreeSet<(String, String, String)> {
    let texts = |value: &Value| value.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let mut all = BTreeSet::new();
    for rule in rules {
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                for verb in texts(&rule["verbs"]) {
                    assert!(all.insert((group.clone(), resource.clone(), verb)), "twice: {resource}");
                }
            }
        }
    }
    all
}

fn as_rules(rights: &BTreeSet<(String, String, String)>) -> Value {
    rights.iter().map(|(group, resource, verb)| json!({"apiGroups": [group], "resources": [resource], "verbs": [verb]})).collect()
}

/// A ServiceAccount with these rights in the test's namespace, and its token.
async fn account(cluster: &Cluster, name: &str, rules: Value) -> String {
    cluster.create("/api/v1/serviceaccounts", json!({"metadata": {"name": name}})).await;
    cluster.create(&format!("{RBAC}/roles"), json!({"metadata": {"name": name}, "rules": rules})).await;
    let binding = json!({
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": cluster.namespace}],
    });
    cluster.create(&format!("{RBAC}/rolebindings"), binding).await;
    cluster.token(name).await
}

#[tokio::test]
async fn the_read_identity_sees_all_but_secrets_and_needs_each_of_its_rights() {
    let Some(cluster) = Cluster::start("rights").await else { return };
    let all = rights(&rules("sre-copilot-read"));
    assert!(!all.iter().any(|(_, resource, verb)| resource.starts_with("secrets") || !["list", "get"].contains(&verb.as_str())));
    cluster.create("/apis/apps/v1/deployments", workload("web", 0)).await;
    let token = account(&cluster, "copilot", as_rules(&all)).await;
    cluster.until_allowed("copilot", &json!({"verb": "list", "group": "apps", "resource": "deployments"}), true).await;
    let kubeconfig = cluster.kubeconfig(&json!({}), &json!({"token": token}));
    let target = ObjectRef::new("Deployment", &cluster.namespace, "web");
    let recording = read(kubeconfig.options(), vec![target.clone()]).await.unwrap();
    let namespaced = |plural: &str| all.iter().any(|(_, resource, _)| resource == plural);
    for (source, state) in &recording.sources {
        let Some(plural) = source.strip_prefix("kubernetes/") else { continue };
        if namespaced(plural) {
            // What this old server lacks it lacks.
            assert!(!matches!(state, SourceState::Forbidden(_)), "{source}: {state:?}");
        }
    }
    assert!(matches!(recording.sources.get("kubernetes/secrets"), Some(SourceState::Forbidden(_))), "{:?}", recording.sources);

    // Without a right its source is forbidden: each one is used. The log has no LIST, endpoints stand in for slices, and
    // an add-on's kinds are only asked for where it is.
    for (group, resource, verb) in &all {
        if resource.contains('/') || resource == "endpoints" || group.contains("gateway") {
            continue;
        }
        let mut less = all.clone();
        less.remove(&(group.clone(), resource.clone(), verb.clone()));
        let role = format!("{RBAC}/namespaces/{}/roles/copilot", cluster.namespace);
        cluster.patch(&role, json!({"rules": as_rules(&less)})).await;
        let what = json!({"verb": verb, "group": group, "resource": resource});
        cluster.until_allowed("copilot", &what, false).await;
        let recording = read(kubeconfig.options(), vec![target.clone()]).await.unwrap();
        let seen = state(&recording, &format!("kubernetes/{resource}"));
        // Endpoints tell the same as slices, so that these are not missed.
        assert!(seen.contains("orbidden") || resource == "endpointslices", "{resource} isn't needed: {seen}");
    }
    cluster.stop().await;
}

/// Every change that there is, on objects that wait for it; what each comes to as far as a dry run goes.
async fn outcomes(cluster: &Cluster, writer: &KubernetesWriter) -> Vec<String> {
    let mut all = Vec::new();
    for intent in intents(cluster) {
        let outcome = Home::new().propose(writer, &intent).await;
        // Values of the environment are hashed with a key of each database.
        let seen = outcome.plan.as_ref().map(|plan| {
            let paths: Vec<_> = plan.diff.iter().map(|line| line.path.as_str()).collect();
            format!("{} {}", plan.target.version, paths.join(" "))
        });
        all.push(format!("{} {:?} {:?} {seen:?}", intent.action, outcome.status, outcome.code));
    }
    // What an outcome that isn't known is read back with.
    for under in ["deployments", "statefulsets"] {
        let workload = cluster.get(&format!("/apis/apps/v1/{under}"), "web").await;
        all.push(match writer.revisions(&workload).await {
            Ok(kept) => format!("{under}: {}", kept.len()),
            Err(error) => format!("{under}: {error}"),
        });
    }
    all
}

fn intents(cluster: &Cluster) -> Vec<ExecutionIntent> {
    let at = |action, name, params| intent(&cluster.namespace, action, name, params);
    vec![
        at(Action::RestartDeployment, "web", Params::None),
        at(Action::RestartStatefulSet, "web", Params::None),
        at(Action::RestartDaemonSet, "web", Params::None),
        at(Action::ScaleDeployment, "scaled", Params::Scale { replicas: 2 }),
        at(Action::ResumeRollout, "paused", Params::None),
        at(Action::SetResources, "given", memory("128Mi")),
        at(Action::RollbackDeployment, "back", Params::Rollback { revision: 1 }),
        at(Action::EvictPod, "alone", Params::None),
    ]
}

/// What the changes are made on.
async fn objects(cluster: &Cluster) {
    const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";
    for name in ["web", "scaled", "paused", "given", "back"] {
        let mut object = workload(name, 0);
        object["spec"]["paused"] = json!(name == "paused");
        cluster.create(DEPLOYMENTS, object).await;
    }
    let mut set = workload("web", 0);
    set["spec"]["serviceName"] = json!("web");
    set["spec"]["selector"]["matchLabels"]["app"] = json!("web-set");
    set["spec"]["template"]["metadata"]["labels"]["app"] = json!("web-set");
    cluster.create("/apis/apps/v1/statefulsets", set).await;
    let mut daemons = workload("web", 0);
    daemons["spec"].as_object_mut().unwrap().remove("replicas");
    daemons["spec"]["template"]["spec"]["nodeSelector"] = json!({"nowhere": "true"});
    cluster.create("/apis/apps/v1/daemonsets", daemons).await;
    // An autoscaler decides what version of its Deployment counts; a budget shows in the plan of an eviction.
    let scaled = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "given"});
    cluster
        .create(
            "/apis/autoscaling/v2beta2/horizontalpodautoscalers",
            json!({"metadata": {"name": "given"}, "spec": {"scaleTargetRef": scaled, "maxReplicas": 3}}),
        )
        .await;
    let container = json!({"name": "app", "image": "registry.example/app:1"});
    cluster
        .create(
            "/api/v1/pods",
            json!({"metadata": {"name": "alone", "labels": {"app": "alone"}}, "spec": {"containers": [container]}}),
        )
        .await;
    let budget = json!({"minAvailable": 0, "selector": {"matchLabels": {"app": "alone"}}});
    cluster.create("/apis/policy/v1beta1/poddisruptionbudgets", json!({"metadata": {"name": "alone"}, "spec": budget})).await;
    let path = |plural: &str, name: &str| format!("/apis/apps/v1/namespaces/{}/{plural}/{name}", cluster.namespace);
    let revision = |number: &'static str| {
        move |object: &Value| (object["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == number).then_some(())
    };
    cluster.until(&path("deployments", "back"), revision("1")).await;
    let given = json!([{"name": "app", "image": "registry.example/app:2"}]);
    cluster.patch(&path("deployments", "back"), json!({"spec": {"template": {"spec": {"containers": given}}}})).await;
    for (name, number) in [("back", "2"), ("web", "1"), ("scaled", "1"), ("given", "1")] {
        cluster.until(&path("deployments", name), revision(number)).await;
    }
    for plural in ["statefulsets", "daemonsets", "deployments"] {
        let seen = |object: &Value| (object["status"]["observedGeneration"] == object["metadata"]["generation"]).then_some(());
        cluster.until(&path(plural, "web"), seen).await;
    }
    let budget = format!("/apis/policy/v1beta1/namespaces/{}/poddisruptionbudgets/alone", cluster.namespace);
    cluster.until(&budget, |object| object["status"]["observedGeneration"].as_i64().map(drop)).await;
}

#[tokio::test]
async fn the_write_identity_can_make_each_change_and_needs_each_of_its_rights() {
    let Some(cluster) = Cluster::start("rights-write").await else { return };
    objects(&cluster).await;
    let all = rights(&rules("sre-copilot-write"));
    let token = account(&cluster, "writer", as_rules(&all)).await;
    cluster.until_allowed("writer", &json!({"verb": "patch", "group": "apps", "resource": "deployments"}), true).await;
    let writer = connect(options(&cluster.kubeconfig(&json!({}), &json!({"token": token})))).await;
    let whole = outcomes(&cluster, &writer).await;
    assert!(whole.iter().take(intents(&cluster).len()).all(|line| line.contains("DryRunOk")), "{whole:#?}");
    assert_eq!(outcomes(&cluster, &writer).await, whole, "what changes by itself can't tell what a right is for");

    let role = format!("{RBAC}/namespaces/{}/roles/writer", cluster.namespace);
    for (group, resource, verb) in &all {
        let mut less = all.clone();
        less.remove(&(group.clone(), resource.clone(), verb.clone()));
        cluster.patch(&role, json!({"rules": as_rules(&less)})).await;
        let (plural, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let what = json!({"verb": verb, "group": group, "resource": plural, "subresource": subresource});
        cluster.until_allowed("writer", &what, false).await;
        assert_ne!(outcomes(&cluster, &writer).await, whole, "{verb} {resource} isn't needed");
    }
    cluster.patch(&role, json!({"rules": as_rules(&all)})).await;
    let last = all.last().map(|(group, resource, verb)| json!({"verb": verb, "group": group, "resource": resource}));
    cluster.until_allowed("writer", &last.unwrap(), true).await;
    for intent in intents(&cluster) {
        let done = Home::new().applied(&writer, &intent).await;
        assert_eq!(done.state, AttemptState::Succeeded, "{}: {:?}", intent.action, done.reason);
    }
    cluster.stop().await;
}
