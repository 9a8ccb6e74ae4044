//! The program itself against a real API server: what it says live is what it says of the bundle that it recorded, and what
//! it can't see it says.

use super::envtest::Cluster;
use assert_cmd::Command;
use serde_json::{Value, json};
use std::path::Path;

fn template(node: &str, memory: &str) -> Value {
    let password = json!({"name": "DB_PASSWORD", "value": "correct-horse-battery"});
    let container = json!({
        "name": "app", "image": "registry.example/checkout:1", "env": [password], "resources": {"limits": {"memory": memory}},
    });
    json!({
        "metadata": {"labels": {"app": "checkout"}},
        "spec": {"nodeName": node, "automountServiceAccountToken": false, "containers": [container]},
    })
}

/// What a kubelet would report of a container that has reached its limit, `ago` seconds ago.
fn killed_for_memory(ago: i64) -> Value {
    let at =
        |ago: i64| (jiff::Timestamp::now() - jiff::SignedDuration::from_secs(ago)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let ended = json!({
        "exitCode": 137, "reason": "OOMKilled", "startedAt": at(ago + 20), "finishedAt": at(ago), "containerID": "containerd://1",
    });
    let status = json!({
        "name": "app", "image": "registry.example/checkout:1", "imageID": "", "ready": false, "restartCount": 7,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container=app"}},
        "lastState": {"terminated": ended},
    });
    let ready = json!({"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": at(ago)});
    json!({"status": {"phase": "Running", "conditions": [ready], "containerStatuses": [status]}})
}

fn run(arguments: &[&str], kubeconfig: &Path, state: &Path) -> (String, String, i32) {
    let mut command = Command::cargo_bin("sre-copilot").unwrap();
    let output = command.args(arguments).env("KUBECONFIG", kubeconfig).env("XDG_STATE_HOME", state).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

#[tokio::test]
async fn what_is_said_live_is_what_is_said_of_the_recording() {
    let Some(mut cluster) = Cluster::start("whole").await else { return };
    let Some(kubelet) = cluster.kubelet() else { return };
    let node = cluster.node(kubelet.port).await;
    let shop = cluster.namespace.clone();
    let deployment = format!("/apis/apps/v1/namespaces/{shop}/deployments/checkout");
    let spec = json!({"replicas": 1, "selector": {"matchLabels": {"app": "checkout"}}, "strategy": {"type": "Recreate"},
        "template": template(&node, "512Mi")});
    cluster.create("/apis/apps/v1/deployments", json!({"metadata": {"name": "checkout"}, "spec": spec})).await;
    let sets = format!("/apis/apps/v1/namespaces/{shop}/replicasets");
    let count = |wanted: usize| move |list: &Value| (list["items"].as_array()?.len() >= wanted).then_some(());
    cluster.until(&sets, count(1)).await;
    let first = format!("/api/v1/namespaces/{shop}/pods?labelSelector=app%3Dcheckout");
    let old = cluster.until(&first, |list| Some(list["items"][0]["metadata"]["name"].as_str()?.to_owned())).await;
    cluster.patch(&deployment, json!({"spec": {"template": template(&node, "256Mi")}})).await;
    // Without a kubelet nobody ends the pod of the old revision, once its controller has asked for that.
    cluster.until(&first, |list| list["items"][0]["metadata"]["deletionTimestamp"].as_str().map(drop)).await;
    cluster.delete_at_once(&format!("/api/v1/namespaces/{shop}/pods/{old}")).await;
    cluster.until(&sets, count(2)).await;
    let newer = |list: &Value| {
        let names = list["items"].as_array()?.iter().filter_map(|pod| pod["metadata"]["name"].as_str());
        names.filter(|name| *name != old).map(str::to_owned).next()
    };
    let pod = cluster.until(&first, newer).await;
    cluster.patch(&format!("/api/v1/namespaces/{shop}/pods/{pod}/status"), killed_for_memory(1)).await;
    kubelet.write(&shop, &pod, "app.log", "starting\nlogin with password=correct-horse-battery\n");

    let folder = tempfile::tempdir().unwrap();
    let config = cluster.admin();
    let target = format!("pod/{pod}");
    for form in ["text", "json", "yaml", "markdown"] {
        let bundle = folder.path().join(form);
        let bundle = bundle.to_str().unwrap();
        let live = ["analyze", &target, "-n", &shop, "-o", form, "-v", "--record", bundle];
        let (live, errors, code) = run(&live, &config.path(), folder.path());
        assert_eq!(code, 0, "{errors}");
        let (again, errors, code) = run(&["analyze", "--from", bundle, "-o", form, "-v"], &config.path(), folder.path());
        assert_eq!(code, 0, "{errors}");
        assert_eq!(live, again, "{form}");
        let said = if form == "text" {
            &["CONFIRMED", "oom_killed", "256Mi", "app", "512Mi → 256Mi", "7 times"][..]
        } else {
            &["oom_killed"]
        };
        for words in said {
            assert!(live.contains(words), "{words} is not in\n{live}");
        }
        let recorded = std::fs::read_to_string(Path::new(bundle).join("objects.json")).unwrap();
        assert!(!recorded.contains("correct-horse-battery") && !live.contains("correct-horse-battery"));
    }
    cluster.stop().await;
}

#[tokio::test]
async fn rights_in_one_namespace_give_a_report_that_says_what_it_could_not_see() {
    let Some(cluster) = Cluster::start("partly").await else { return };
    let shop = cluster.namespace.clone();
    cluster.create("/api/v1/pods", json!({"metadata": {"name": "waits"}, "spec": template("", "64Mi")["spec"]})).await;
    let rules = json!([{"apiGroups": [""], "resources": ["pods", "pods/log", "events"], "verbs": ["get", "list"]}]);
    let token = cluster.reader(rules).await;
    let folder = tempfile::tempdir().unwrap();
    let config = cluster.kubeconfig(&json!({}), &json!({"token": token}));
    let (out, errors, code) = run(&["analyze", "pod/waits", "-n", &shop], &config.path(), folder.path());
    assert_eq!(code, 0, "{errors}");
    assert!(out.contains("Unknown") && out.contains("forbidden"), "{out}");
    let (_, errors, code) = run(&["analyze", "pod/wait", "-n", &shop], &config.path(), folder.path());
    assert_eq!(code, 1);
    assert!(errors.contains("did you mean pod/waits") && errors.lines().count() <= 4, "{errors}");
    let wrong = cluster.kubeconfig(&json!({}), &json!({"token": "expired"}));
    let (_, errors, code) = run(&["analyze", "-n", &shop], &wrong.path(), folder.path());
    assert_eq!(code, 1);
    assert!(errors.contains("does not accept these credentials") && errors.lines().count() <= 4, "{errors}");
    cluster.stop().await;
}
