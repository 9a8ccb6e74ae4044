//! Each kind of write on a real API server: the dry run changes nothing, the write ends as it was meant to.

use super::{Home, connect, executor, intent, memory, options, workload};
use crate::execute::{Allows, ask};
use crate::kubernetes::envtest::Cluster;
use serde_json::{Value, json};
use sre_copilot::adapters::kubernetes::KubernetesWriter;
use sre_copilot::domain::{Action, Attempt, AttemptState, ExecutionIntent, Params, ResourceType, Risk};
use sre_copilot::pipeline::execute::{ExecutionStatus, Unheard};
use sre_copilot::ports::ClusterWriter;

const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";

/// What a test looks at: an object less what controllers write.
async fn seen(cluster: &Cluster, under: &str, name: &str) -> Value {
    let object = cluster.get(under, name).await;
    json!({"spec": object["spec"], "generation": object["metadata"]["generation"], "labels": object["metadata"]["labels"]})
}

/// Proposes, sees that nothing changed, approves and applies; gives the object before and after.
async fn goes_through(
    cluster: &Cluster,
    writer: &KubernetesWriter,
    under: &str,
    intent: ExecutionIntent,
) -> (Value, Value, Attempt) {
    let (home, name) = (Home::new(), intent.resource_name.clone());
    let before = seen(cluster, under, &name).await;
    let proposed = home.proposed(writer, &intent).await;
    assert_eq!(seen(cluster, under, &name).await, before, "the dry run changed something");
    let approved = home.executor(writer).approve(&proposed, &proposed.digest).await.unwrap();
    let done = home.executor(writer).apply(&approved, &Allows).await.unwrap();
    assert_eq!(done.state, AttemptState::Succeeded, "{intent:?}: {:?}", done.reason);
    let after = seen(cluster, under, &name).await;
    assert_eq!(after["generation"], before["generation"].as_i64().unwrap() + 1);
    // What was lost would have been found.
    let landed = sre_copilot::pipeline::execute::landed(
        &done,
        &serde_json::from_value(done.plan.clone()).unwrap(),
        &intent,
        Ok(&cluster.get(under, &name).await),
        &[],
    );
    assert_eq!(landed, sre_copilot::pipeline::execute::Landed::Yes);
    (before, after, done)
}

#[tokio::test]
async fn restarts_roll_the_pods_of_each_kind_over() {
    let Some(cluster) = Cluster::start("restart").await else { return };
    let writer = connect(options(&cluster.admin())).await;
    let mut set = workload("web", 0);
    set["spec"]["serviceName"] = json!("web");
    let mut daemons = workload("web", 0);
    daemons["spec"].as_object_mut().unwrap().remove("replicas");
    daemons["spec"]["template"]["spec"]["nodeSelector"] = json!({"nowhere": "true"});
    for (under, object, action) in [
        (DEPLOYMENTS, workload("web", 0), Action::RestartDeployment),
        ("/apis/apps/v1/statefulsets", set, Action::RestartStatefulSet),
        ("/apis/apps/v1/daemonsets", daemons, Action::RestartDaemonSet),
    ] {
        cluster.create(under, object).await;
        let intent = intent(&cluster.namespace, action, "web", Params::None);
        let (mut before, after, done) = goes_through(&cluster, &writer, under, intent).await;
        let annotations = &after["spec"]["template"]["metadata"]["annotations"];
        assert_eq!(annotations["kubectl.kubernetes.io/restartedAt"], json!(done.token));
        assert_eq!(done.plan["diff"][0]["after"], "<claim-time>", "{}", done.plan["diff"]);
        before["spec"]["template"]["metadata"]["annotations"] = annotations.clone();
        assert_eq!(before["spec"], after["spec"]);
    }
    cluster.stop().await;
}

#[tokio::test]
async fn a_deployment_is_scaled_resumed_and_given_memory_and_each_is_undone() {
    let Some(cluster) = Cluster::start("scale").await else { return };
    let writer = connect(options(&cluster.admin())).await;
    for name in ["scaled", "paused", "given"] {
        let mut object = workload(name, if name == "scaled" { 1 } else { 0 });
        object["spec"]["paused"] = json!(name == "paused");
        cluster.create(DEPLOYMENTS, object).await;
    }
    let at = |action, name, params| intent(&cluster.namespace, action, name, params);

    let scale = at(Action::ScaleDeployment, "scaled", Params::Scale { replicas: 2 });
    let (_, after, done) = goes_through(&cluster, &writer, DEPLOYMENTS, scale).await;
    assert_eq!(after["spec"]["replicas"], 2);
    assert_eq!(done.plan["diff"], json!([{"path": "spec.replicas", "before": 1, "after": 2}]));

    let resume = at(Action::ResumeRollout, "paused", Params::None);
    let (_, after, _) = goes_through(&cluster, &writer, DEPLOYMENTS, resume).await;
    assert!(after["spec"]["paused"].is_null());

    let home = Home::new();
    let give = at(Action::SetResources, "given", memory("128Mi"));
    let done = home.applied(&writer, &give).await;
    let limits = |object: &Value| object["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"].clone();
    assert_eq!(limits(&cluster.get(DEPLOYMENTS, "given").await), "128Mi");
    let undo = home.executor(&writer).undo(&done, jiff::SignedDuration::from_mins(30), &Allows, |_| json!({})).await.unwrap();
    let undo = *undo.attempt.unwrap();
    let undo = home.executor(&writer).approve(&undo, &undo.digest).await.unwrap();
    let undo = home.executor(&writer).apply(&undo, &Allows).await.unwrap();
    assert_eq!(undo.state, AttemptState::Succeeded, "{:?}", undo.reason);
    assert_eq!(limits(&cluster.get(DEPLOYMENTS, "given").await), "64Mi");
    let undone = sre_copilot::ports::AttemptStore::attempt(&home.store, &done.id).await.unwrap().unwrap();
    assert_eq!(undone.state, AttemptState::Undone);

    // What somebody changed since is not taken back with it.
    let done = home.applied(&writer, &at(Action::SetResources, "given", memory("96Mi"))).await;
    let path = format!("/apis/apps/v1/namespaces/{}/deployments/given", cluster.namespace);
    cluster.patch(&path, json!({"spec": {"minReadySeconds": 3}})).await;
    let refused =
        home.executor(&writer).undo(&done, jiff::SignedDuration::from_mins(30), &Allows, |_| json!({})).await.unwrap_err();
    assert!(refused.to_string().starts_with("target_changed"), "{refused}");
    cluster.stop().await;
}

#[tokio::test]
async fn a_rollback_writes_the_old_template_and_keeps_secrets_out_of_the_plan() {
    let Some(cluster) = Cluster::start("rollback").await else { return };
    let writer = connect(options(&cluster.admin())).await;
    cluster.create(DEPLOYMENTS, workload("web", 0)).await;
    let path = format!("/apis/apps/v1/namespaces/{}/deployments/web", cluster.namespace);
    let revision = |wanted: &'static str| {
        move |object: &Value| {
            (object["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == wanted)
                .then(|| object["spec"]["template"].clone())
        }
    };
    let first = cluster.until(&path, revision("1")).await;
    let other =
        json!([{"name": "app", "image": "registry.example/app:2", "env": [{"name": "DB", "value": "canary-of-rollback"}]}]);
    cluster.patch(&path, json!({"spec": {"template": {"spec": {"containers": other}}}})).await;
    cluster.until(&path, revision("2")).await;

    let rollback = intent(&cluster.namespace, Action::RollbackDeployment, "web", Params::Rollback { revision: 1 });
    let (before, after, done) = goes_through(&cluster, &writer, DEPLOYMENTS, rollback).await;
    assert_eq!(after["spec"]["template"], first);
    assert_ne!(before["spec"]["template"], first);
    let stored = serde_json::to_string(&done).unwrap();
    assert!(!stored.contains("canary-of-"), "{stored}");
    assert!(stored.contains("hmac:") && stored.contains("<template:"), "{stored}");
    cluster.stop().await;
}

#[tokio::test]
async fn a_pod_is_evicted_under_the_version_that_the_server_has() {
    let Some(cluster) = Cluster::start("evict").await else { return };
    let writer = connect(options(&cluster.admin())).await;
    let version = writer.eviction_version().await.unwrap();
    assert!(["policy/v1", "policy/v1beta1"].contains(&version.as_str()), "{version}");
    let pod = json!({"metadata": {"name": "web-1"}, "spec": {"containers": [{"name": "app", "image": "a"}]}});
    let created = cluster.create("/api/v1/pods", pod).await;
    let (home, evict) = (Home::new(), intent(&cluster.namespace, Action::EvictPod, "web-1", Params::None));
    let proposed = home.proposed(&writer, &evict).await;
    let still = cluster.get("/api/v1/pods", "web-1").await;
    assert_eq!((&still["metadata"]["uid"], &still["metadata"]["deletionTimestamp"]), (&created["metadata"]["uid"], &Value::Null));
    let approved = home.executor(&writer).approve(&proposed, &proposed.digest).await.unwrap();
    let done = home.executor(&writer).apply(&approved, &Allows).await.unwrap();
    assert_eq!(done.state, AttemptState::Succeeded, "{:?}", done.reason);
    let pods = format!("/api/v1/namespaces/{}/pods", cluster.namespace);
    cluster.until(&pods, |list| list["items"].as_array().filter(|items| items.is_empty()).map(drop)).await;
    cluster.stop().await;
}

#[tokio::test]
async fn what_only_looks_is_read_without_approval_and_without_secrets() {
    let Some(cluster) = Cluster::start("look").await else { return };
    let writer = connect(options(&cluster.admin())).await;
    cluster.create(DEPLOYMENTS, workload("web", 1)).await;
    let pods = format!("/api/v1/namespaces/{}/pods", cluster.namespace);
    cluster.until(&pods, |list| list["items"].as_array().filter(|items| !items.is_empty()).map(drop)).await;
    let (home, looks) = (Home::new(), executor_text);
    let described = looks(&home, &writer, intent(&cluster.namespace, Action::DescribeResource, "web", Params::None)).await;
    assert!(described.contains("(17 bytes)") && !described.contains("canary-of-") && described.len() <= 4096, "{described}");
    let listed =
        looks(&home, &writer, intent(&cluster.namespace, Action::GetPods, "web", Params::Pods { label_selector: None })).await;
    assert!(listed.lines().count() == 2 && listed.contains("web-"), "{listed}");
    let quota = ExecutionIntent {
        resource_type: ResourceType::PodDisruptionBudget,
        risk: Risk::Low,
        ..intent(&cluster.namespace, Action::DescribeResource, "none", Params::None)
    };
    let missing = home.executor(&writer).propose(ask(&quota), &Allows).await.unwrap();
    assert_eq!((missing.status, missing.code.as_deref()), (ExecutionStatus::DryRunFailed, Some("target_gone")));
    cluster.stop().await;
}

async fn executor_text(home: &Home, writer: &KubernetesWriter, intent: ExecutionIntent) -> String {
    let outcome = executor(writer, &home.store, &home.clock, &Unheard).propose(ask(&intent), &Allows).await.unwrap();
    assert_eq!(outcome.status, ExecutionStatus::ReadOk, "{}", outcome.text);
    outcome.text
}

/// kubectl as an engineer would use it; false where there is none.
fn kubectl(cluster: &Cluster, words: &[&str]) -> bool {
    let kubeconfig = cluster.admin();
    let mut command = std::process::Command::new("kubectl");
    command.arg("--kubeconfig").arg(kubeconfig.path()).args(["-n", &cluster.namespace]).args(words);
    match command.env("NO_PROXY", "*").output() {
        Ok(done) => {
            assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
            true
        }
        Err(_) => false,
    }
}

#[tokio::test]
async fn each_write_makes_the_object_that_kubectl_makes() {
    let Some(cluster) = Cluster::start("twin").await else { return };
    let (home, writer) = (Home::new(), connect(options(&cluster.admin())).await);
    for name in ["ours", "theirs"] {
        let mut object = workload(name, 1);
        object["spec"]["selector"]["matchLabels"]["app"] = json!("twin");
        object["spec"]["template"]["metadata"]["labels"]["app"] = json!("twin");
        object["spec"]["selector"]["matchLabels"]["twin"] = json!(name);
        object["spec"]["template"]["metadata"]["labels"]["twin"] = json!(name);
        cluster.create(DEPLOYMENTS, object).await;
    }
    if !kubectl(&cluster, &["get", "deployments"]) {
        return cluster.stop().await;
    }
    let has_revision = |number: &'static str| {
        move |object: &Value| (object["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == number).then_some(())
    };
    let steps: [(Action, Params, &[&str]); 5] = [
        (Action::SetResources, memory("96Mi"), &["set", "resources", "deployment/theirs", "-c", "app", "--limits=memory=96Mi"]),
        (Action::RestartDeployment, Params::None, &["rollout", "restart", "deployment/theirs"]),
        (Action::ScaleDeployment, Params::Scale { replicas: 2 }, &["scale", "deployment/theirs", "--replicas=2"]),
        (
            Action::RollbackDeployment,
            Params::Rollback { revision: 1 },
            &["rollout", "undo", "deployment/theirs", "--to-revision=1"],
        ),
        (Action::ResumeRollout, Params::None, &["rollout", "resume", "deployment/theirs"]),
    ];
    for (step, (action, params, words)) in steps.into_iter().enumerate() {
        let path = |name: &str| format!("/apis/apps/v1/namespaces/{}/deployments/{name}", cluster.namespace);
        for name in ["ours", "theirs"] {
            // The controller makes one revision of what it sees at once.
            if let Some(revision) = ["1", "2", "3"].get(step) {
                cluster.until(&path(name), has_revision(revision)).await;
            } else if action == Action::ResumeRollout {
                cluster.patch(&path(name), json!({"spec": {"paused": true}})).await;
            }
        }
        let done = home.applied(&writer, &intent(&cluster.namespace, action, "ours", params)).await;
        assert_eq!(done.state, AttemptState::Succeeded, "{action}: {:?}", done.reason);
        assert!(kubectl(&cluster, words));
        let mut specs = Vec::new();
        for name in ["ours", "theirs"] {
            let object = cluster.get(DEPLOYMENTS, name).await.to_string();
            let mut object: Value = serde_json::from_str(&object.replace(name, "twin")).unwrap();
            if let Some(at) = object["spec"]["template"]["metadata"]["annotations"].as_object_mut() {
                assert!(at.remove("kubectl.kubernetes.io/restartedAt").is_some());
            }
            specs.push((object["spec"].take(), object["metadata"]["generation"].take()));
        }
        assert_eq!(specs[0], specs[1], "after step {step}, {action}");
    }
    cluster.stop().await;
}
