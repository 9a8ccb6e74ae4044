//! The reader against a real API server.

use super::envtest::Cluster;
use super::{names, namespace, read, state};
use serde_json::{Value, json};
use sre_copilot::adapters::kubernetes::ConnectOptions;
use sre_copilot::domain::ObjectRef;

fn pod(node: &str) -> Value {
    let containers = json!([{"name": "app", "image": "registry.example/app:1"}]);
    json!({"nodeName": node, "automountServiceAccountToken": false, "containers": containers})
}

fn deployment(node: &str) -> Value {
    json!({
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": pod(node)},
        },
    })
}

fn out_of_memory() -> Value {
    let ended = json!({
        "exitCode": 137, "reason": "OOMKilled",
        "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:01:00Z", "containerID": "containerd://1",
    });
    json!({
        "name": "app", "image": "registry.example/app:1", "imageID": "", "ready": false, "restartCount": 4,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": ended},
    })
}

#[tokio::test]
async fn a_crashing_deployment_is_read_with_its_events_and_logs() {
    let Some(mut cluster) = Cluster::start("crash").await else { return };
    let Some(kubelet) = cluster.kubelet() else { return };
    let node = cluster.node(kubelet.port).await;
    let shop = cluster.namespace.clone();
    cluster.create("/apis/apps/v1/deployments", deployment(&node)).await;
    let secret = json!({"metadata": {"name": "db"}, "stringData": {"password": "of-live-rs-alone"}});
    cluster.create("/api/v1/secrets", secret).await;
    // What the scheduler finds no node for makes the reader look at the room that others take.
    let mut waiting = pod(&node);
    waiting.as_object_mut().unwrap().remove("nodeName");
    waiting["nodeSelector"] = json!({"nowhere": "true"});
    cluster.create("/api/v1/pods", json!({"metadata": {"name": "waiting"}, "spec": waiting})).await;

    let pods = format!("/api/v1/namespaces/{shop}/pods");
    let of_deployment = format!("{pods}?labelSelector=app%3Dweb");
    let name = |list: &Value| Some(list["items"][0]["metadata"]["name"].as_str()?.to_owned());
    let web = cluster.until(&of_deployment, name).await;
    let status = json!({"phase": "Running", "containerStatuses": [out_of_memory()]});
    cluster.patch(&format!("{pods}/{web}/status"), json!({"status": status})).await;
    let event = json!({
        "metadata": {"name": format!("{web}.1")}, "reason": "BackOff", "type": "Warning", "count": 7,
        "message": "Back-off restarting failed container",
        "involvedObject": {"kind": "Pod", "apiVersion": "v1", "namespace": shop, "name": web},
    });
    cluster.create("/api/v1/events", event).await;
    kubelet.write(&shop, &web, "app.log", "starting\n");
    kubelet.write(&shop, &web, "app.previous.log", &"line\n".repeat(1000));

    let target = vec![ObjectRef::new("Deployment", shop.as_str(), "web")];
    let recording = read(cluster.admin().options(), target).await.unwrap();

    assert_eq!(state(&recording, "kubernetes"), "ok", "{:?}", recording.sources);
    assert_eq!(state(&recording, "logs"), "ok");
    assert_eq!(names(&recording, "Deployment"), ["web"]);
    assert_eq!(names(&recording, "ReplicaSet").len(), 1);
    assert!(names(&recording, "Pod").contains(&web.as_str()));
    assert!(names(&recording, "Event").contains(&format!("{web}.1").as_str()));
    assert!(names(&recording, "Node").contains(&node.as_str()));
    assert!(names(&recording, "Namespace").contains(&shop.as_str()));
    let logs: Vec<_> = recording.logs.iter().map(|(key, text)| (key.pod.as_str(), key.previous, text.lines().count())).collect();
    assert_eq!(logs, [(web.as_str(), false, 1), (web.as_str(), true, 200)]);
    let all = serde_json::to_string(&recording.objects).unwrap();
    // Words of this test alone: pods of the others, which run meanwhile, are read for the room they take.
    assert!(!all.contains("of-live-rs-alone") && !all.contains("b2YtbGl2ZS1ycy1hbG9uZ"), "a Secret's value was read");
    assert!(!all.contains("managedFields"));
    // The server runs on this machine: its clock is ours, to the second that `Date` has.
    let now = jiff::Timestamp::now();
    let captured = recording.captured_at.unwrap();
    assert!(captured <= now && now.duration_since(captured).as_secs() < 600, "{captured}");
    cluster.stop().await;
}

#[tokio::test]
async fn a_node_is_read_with_its_pods_from_everywhere() {
    let Some(mut cluster) = Cluster::start("node").await else { return };
    // Nobody listens there: the kubelet is gone, and its logs are unknown.
    let node = cluster.node(1).await;
    let created = cluster.create("/api/v1/pods", json!({"metadata": {"name": "here"}, "spec": pod(&node)})).await;
    let path = format!("/api/v1/namespaces/{}/pods/here/status", cluster.namespace);
    cluster.patch(&path, json!({"status": {"containerStatuses": [out_of_memory()]}})).await;

    let recording = read(cluster.admin().options(), vec![ObjectRef::cluster("Node", node.as_str())]).await.unwrap();
    assert_eq!(names(&recording, "Pod"), [created["metadata"]["name"].as_str().unwrap()]);
    assert!(names(&recording, "Node").contains(&node.as_str()));
    assert_eq!(state(&recording, "kubernetes"), "ok");
    let logs = state(&recording, "logs");
    assert!(logs.starts_with("unavailable: ") && logs.contains("connection refused"), "{logs}");
    cluster.stop().await;
}

#[tokio::test]
async fn rights_in_one_namespace_bring_that_namespace() {
    let Some(cluster) = Cluster::start("rights").await else { return };
    let rules = json!([
        {"apiGroups": [""], "resources": ["namespaces", "pods", "pods/log", "events", "services", "endpoints"], "verbs": ["get", "list"]},
        {"apiGroups": ["apps"], "resources": ["*"], "verbs": ["get", "list"]},
    ]);
    let token = cluster.reader(rules).await;
    cluster.create("/api/v1/services", json!({"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}})).await;
    let options = cluster.kubeconfig(&json!({}), &json!({"token": token}));
    let recording = read(options.options(), namespace(&cluster.namespace)).await.unwrap();

    assert_eq!(names(&recording, "Service"), ["web"]);
    assert_eq!(names(&recording, "Namespace"), [cluster.namespace.as_str()]);
    let user = format!("User \"system:serviceaccount:{}:reader\"", cluster.namespace);
    let nodes = format!("forbidden: {user} cannot list resource \"nodes\" in API group \"\" at the cluster scope");
    assert_eq!(state(&recording, "kubernetes/nodes"), nodes);
    assert!(state(&recording, "kubernetes/secrets").starts_with("forbidden: "));
    assert!(state(&recording, "kubernetes/events").starts_with("partial: nodes: forbidden: "));
    assert!(state(&recording, "kubernetes/namespaces").starts_with("partial: only those of the request"));
    // Read as Endpoints; and an add-on that isn't there is no gap, though the server refuses to say so.
    for read in ["pods", "services", "replicasets", "endpointslices", "gateways"] {
        assert_eq!(state(&recording, &format!("kubernetes/{read}")), "", "{read}");
    }
    assert_eq!(state(&recording, "logs"), "ok");
    assert!(!format!("{recording:?}").contains(&token));
    cluster.stop().await;
}

#[tokio::test]
async fn lists_are_read_to_their_last_page() {
    let Some(cluster) = Cluster::start("pages").await else { return };
    for index in 0..5 {
        cluster.create("/api/v1/configmaps", json!({"metadata": {"name": format!("c{index}")}})).await;
    }
    let admin = cluster.admin();
    let options = ConnectOptions { page_size: 2, ..admin.options() };
    let recording = read(options, namespace(&cluster.namespace)).await.unwrap();
    let mut read = names(&recording, "ConfigMap");
    // The controllers put this one into each namespace in their own time.
    read.retain(|name| *name != "kube-root-ca.crt");
    assert_eq!(read, ["c0", "c1", "c2", "c3", "c4"]);
    cluster.stop().await;
}

#[tokio::test]
async fn a_token_that_has_expired_and_certificates_that_are_not_trusted() {
    let Some(cluster) = Cluster::start("trust").await else { return };
    let error = async |change: Value, user: Value| {
        let kubeconfig = cluster.kubeconfig(&change, &user);
        read(kubeconfig.options(), namespace("default")).await.unwrap_err().to_string()
    };
    let told = error(json!({}), json!({"token": "expired-token"})).await;
    assert!(told.ends_with("does not accept these credentials: Unauthorized"), "{told}");
    let told = error(json!({}), json!({})).await;
    assert!(told.contains("does not accept these credentials: User \"system:anonymous\""), "{told}");
    let told = error(json!({"certificate-authority-data": null}), json!({})).await;
    assert!(told.contains("signed by an unknown authority; check certificate-authority"), "{told}");
    let told = error(json!({"tls-server-name": "elsewhere.example"}), json!({})).await;
    assert!(told.contains("certificate is for localhost, "), "{told}");
    cluster.stop().await;
}
