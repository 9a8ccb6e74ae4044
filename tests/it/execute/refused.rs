//! What a real API server refuses, in its own words, and what it lets through although the object changed.

use super::{Allows, Home, code, connect, intent, memory, options, workload};
use crate::execute::{ask, webhook};
use crate::kubernetes::envtest::Cluster;
use jiff::SignedDuration;
use serde_json::json;
use sre_copilot::adapters::kubernetes::{KubernetesReader, KubernetesWriter, WriterOptions};
use sre_copilot::domain::{Action, AttemptState, ExecutionIntent, Params};
use sre_copilot::pipeline::execute::{ExecutionStatus, Outcome};
use sre_copilot::ports::Clock;
use std::time::Duration;

const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";

/// Asks until the server answers with this code: it learns of budgets and webhooks after a moment.
async fn until(writer: &KubernetesWriter, home: &Home, intent: &ExecutionIntent, wanted: &str) -> Outcome {
    let mut last = None;
    for _ in 0..200 {
        let outcome = home.propose(writer, intent).await;
        if outcome.code.as_deref() == Some(wanted) {
            return outcome;
        }
        last = Some(outcome);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never {wanted}: {last:?}");
}

#[tokio::test]
async fn missing_rights_are_named_before_anything_is_tried() {
    let Some(cluster) = Cluster::start("rights").await else { return };
    cluster.create(DEPLOYMENTS, workload("web", 1)).await;
    let rules = json!([
        {"apiGroups": ["apps"], "resources": ["deployments", "replicasets"], "verbs": ["get", "list", "patch"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
    ]);
    let token = cluster.reader(rules).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{token}\n")).unwrap();
    // The administrator's kubeconfig, and another identity: only the token counts.
    let kubeconfig = cluster.admin();
    let writer = connect(WriterOptions { token_file: Some(file.clone()), ..options(&kubeconfig) }).await;
    let home = Home::new();

    let scale = intent(&cluster.namespace, Action::ScaleDeployment, "web", Params::Scale { replicas: 2 });
    let outcome = home.propose(&writer, &scale).await;
    assert_eq!(
        (outcome.status, outcome.code.as_deref()),
        (ExecutionStatus::DryRunFailed, Some("rbac_denied")),
        "{}",
        outcome.text
    );
    assert!(outcome.text.contains(r#"resources ["deployments/scale"], verbs ["patch"]"#), "{}", outcome.text);
    let attempt = home.applied(&writer, &intent(&cluster.namespace, Action::SetResources, "web", memory("96Mi"))).await;
    assert_eq!(attempt.state, AttemptState::Succeeded, "{:?}", attempt.reason);

    let elsewhere = intent("kube-system", Action::RestartDeployment, "coredns", Params::None);
    let outcome = home.propose(&writer, &elsewhere).await;
    assert_eq!(outcome.code.as_deref(), Some("rbac_denied"));
    assert!(outcome.text.contains(":reader may not get deployments in kube-system"), "{}", outcome.text);

    std::fs::write(&file, "nobody's token").unwrap();
    let writer = connect(WriterOptions { token_file: Some(file), ..options(&kubeconfig) }).await;
    assert_eq!(home.propose(&writer, &scale).await.code.as_deref(), Some("unauthorized"));
    cluster.stop().await;
}

#[tokio::test]
async fn the_cluster_that_is_written_is_the_one_that_was_read() {
    let Some(cluster) = Cluster::start("same").await else { return };
    let writer = connect(options(&cluster.admin())).await;
    let admin = cluster.admin();
    let reader = KubernetesReader::connect(admin.options()).await.unwrap();
    writer.check_cluster(&reader).await.unwrap();
    let other = super::simulated::Server::start(vec![]).await;
    let other_config = other.kubeconfig();
    let other = connect(options(&other_config)).await;
    let error = other.check_cluster(&reader).await.unwrap_err();
    assert_eq!(error.code().map(|code| code.as_str()), Some("cluster_mismatch"), "{error}");
    let home = Home::new();
    let give = intent("squad-7", Action::SetResources, "web", memory("96Mi"));
    let outcome =
        home.executor(&other).propose(sre_copilot::pipeline::execute::Ask { cluster: Some("uid"), ..ask(&give) }, &Allows).await;
    assert_eq!(outcome.unwrap().code.as_deref(), Some("cluster_mismatch"));
    cluster.stop().await;
}

#[tokio::test]
async fn a_webhook_that_refuses_is_quoted_and_one_that_is_down_is_named() {
    let Some(cluster) = Cluster::start("webhook").await else { return };
    let namespace = cluster.namespace.clone();
    cluster.patch(&format!("/api/v1/namespaces/{namespace}"), json!({"metadata": {"labels": {"gate": namespace}}})).await;
    cluster.create(DEPLOYMENTS, workload("web", 0)).await;
    let (home, writer) = (Home::new(), connect(options(&cluster.admin())).await);
    let give = intent(&namespace, Action::SetResources, "web", memory("96Mi"));
    let approved = home.approved(&writer, &give).await;
    let configurations = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let (folder, authority) = cluster.certificates();
    let port = webhook::start(&folder, "memory is set in the repository, password=hunter2hunter2");
    cluster.post(configurations, webhook::configuration(&namespace, port, &authority, "None")).await;
    let outcome = until(&writer, &home, &give, "webhook_denied").await;
    assert_eq!(outcome.status, ExecutionStatus::DryRunFailed);
    assert!(outcome.text.starts_with(&format!("admission webhook gate.{namespace}.example.com refused it: memory is set in")));
    assert!(!outcome.text.contains("hunter2"), "{}", outcome.text);
    // The approval from before does not help.
    let failed = home.executor(&writer).apply(&approved, &Allows).await.unwrap();
    assert_eq!((failed.state, code(&failed)), (AttemptState::Failed, "webhook_denied"));

    cluster.delete_at_once(&format!("{configurations}/{namespace}")).await;
    cluster.post(configurations, webhook::configuration(&namespace, 1, "", "None")).await;
    let outcome = until(&writer, &home, &give, "webhook_unavailable").await;
    assert!(outcome.text.contains("connection refused"), "{}", outcome.text);
    cluster.delete_at_once(&format!("{configurations}/{namespace}")).await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_spent_budget_and_two_budgets_are_told_apart() {
    let Some(cluster) = Cluster::start("budget").await else { return };
    let (home, writer) = (Home::new(), connect(options(&cluster.admin())).await);
    cluster.create(DEPLOYMENTS, workload("web", 1)).await;
    let pods = format!("/api/v1/namespaces/{}/pods", cluster.namespace);
    let pod = cluster.until(&pods, |list| list["items"][0]["metadata"]["name"].as_str().map(str::to_owned)).await;
    let ready = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
    cluster.patch(&format!("{pods}/{pod}/status"), ready).await;
    let budget = |name: &str| json!({"metadata": {"name": name}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}});
    let evict = intent(&cluster.namespace, Action::EvictPod, &pod, Params::None);
    cluster.create("/apis/policy/v1beta1/poddisruptionbudgets", budget("first")).await;
    // Until its controller has counted the pods, the budget says so.
    let mut outcome = until(&writer, &home, &evict, "pdb_blocks").await;
    for _ in 0..200 {
        if outcome.text.ends_with("healthy pods and has 1") {
            break;
        }
        outcome = until(&writer, &home, &evict, "pdb_blocks").await;
    }
    assert_eq!(outcome.text, "PodDisruptionBudget first needs 1 healthy pods and has 1");
    cluster.create("/apis/policy/v1beta1/poddisruptionbudgets", budget("second")).await;
    until(&writer, &home, &evict, "pdb_ambiguous").await;
    cluster.stop().await;
}

#[tokio::test]
async fn what_is_gone_invalid_or_over_quota_is_told() {
    let Some(cluster) = Cluster::start("gone").await else { return };
    let (home, writer) = (Home::new(), connect(options(&cluster.admin())).await);
    cluster.create(DEPLOYMENTS, workload("web", 0)).await;
    let at = |name, limit| intent(&cluster.namespace, Action::SetResources, name, memory(limit));
    assert_eq!(home.propose(&writer, &at("gone", "96Mi")).await.code.as_deref(), Some("target_gone"));
    // The parser would not let it through.
    let outcome = home.propose(&writer, &at("web", "96Zi")).await;
    assert_eq!((outcome.status, outcome.code.as_deref()), (ExecutionStatus::DryRunFailed, Some("invalid")), "{}", outcome.text);
    let outcome = home.propose(&writer, &at("web", "32Mi")).await;
    // Only an undo goes down, whatever the analysis that proposed it saw.
    assert_eq!((outcome.status, outcome.code.as_deref()), (ExecutionStatus::GuardrailBlocked, Some("growth_exceeded")));
    let fewer = intent(&cluster.namespace, Action::ScaleDeployment, "many", Params::Scale { replicas: 2 });
    cluster.create(DEPLOYMENTS, workload("many", 3)).await;
    let outcome = home.propose(&writer, &fewer).await;
    assert_eq!((outcome.status, outcome.code.as_deref()), (ExecutionStatus::GuardrailBlocked, Some("out_of_range")));
    cluster.stop().await;
}

#[tokio::test]
async fn a_status_update_voids_no_approval_and_a_change_or_another_object_does() {
    let Some(cluster) = Cluster::start("drift").await else { return };
    let (home, writer) = (Home::new(), connect(options(&cluster.admin())).await);
    let path = |name: &str| format!("/apis/apps/v1/namespaces/{}/deployments/{name}", cluster.namespace);
    for (name, state, reason) in [
        ("status", AttemptState::Succeeded, ""),
        ("image", AttemptState::Superseded, "target_changed"),
        ("scale", AttemptState::Superseded, "target_changed"),
        ("again", AttemptState::Superseded, "target_replaced"),
    ] {
        cluster.create(DEPLOYMENTS, workload(name, 0)).await;
        cluster.until(&path(name), |object| object["status"]["observedGeneration"].as_i64()).await;
        let approved = home.approved(&writer, &intent(&cluster.namespace, Action::SetResources, name, memory("96Mi"))).await;
        match name {
            "status" => {
                let condition = json!([{"type": "Made", "status": "True"}]);
                cluster.patch(&format!("{}/status", path(name)), json!({"status": {"conditions": condition}})).await;
            }
            "image" => {
                let containers = json!([{"name": "app", "image": "registry.example/app:9"}]);
                cluster.patch(&path(name), json!({"spec": {"template": {"spec": {"containers": containers}}}})).await;
            }
            "scale" => cluster.patch(&format!("{}/scale", path(name)), json!({"spec": {"replicas": 1}})).await,
            _ => {
                cluster.delete_at_once(&path(name)).await;
                cluster.create(DEPLOYMENTS, workload(name, 0)).await;
            }
        }
        let before = cluster.get(DEPLOYMENTS, name).await["metadata"]["generation"].as_i64();
        let attempt = home.executor(&writer).apply(&approved, &Allows).await.unwrap();
        assert_eq!((attempt.state, code(&attempt)), (state, reason), "{name}: {:?}", attempt.reason);
        let written = cluster.get(DEPLOYMENTS, name).await["metadata"]["generation"].as_i64();
        assert_eq!(written, before.map(|before| before + i64::from(state == AttemptState::Succeeded)), "{name}");
    }
    assert!(home.clock.now() > jiff::Timestamp::now() - SignedDuration::from_secs(1));
    cluster.stop().await;
}
