//! The whole way on a real API server, as a person types it: analyze, look, approve, applied once, taken back. And what
//! refuses it.

use super::envtest::Cluster;
use assert_cmd::Command;
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

fn at(ago: i64) -> String {
    (jiff::Timestamp::now() - jiff::SignedDuration::from_secs(ago)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// What a kubelet would report: killed for memory a moment ago, or well for a minute.
fn status(is_well: bool) -> Value {
    let (state, last, ready) = if is_well {
        (json!({"running": {"startedAt": at(60)}}), json!({}), "True")
    } else {
        let ended = json!({"exitCode": 137, "reason": "OOMKilled", "startedAt": at(21), "finishedAt": at(1), "containerID": "containerd://1"});
        let waiting = json!({"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container=app"});
        (json!({"waiting": waiting}), json!({"terminated": ended}), "False")
    };
    let container = json!({
        "name": "app", "image": "registry.example/checkout:1", "imageID": "", "ready": is_well, "started": is_well,
        "restartCount": if is_well { 0 } else { 7 }, "state": state, "lastState": last,
    });
    let conditions = ["Ready", "ContainersReady"].map(|kind| json!({"type": kind, "status": ready, "lastTransitionTime": at(1)}));
    json!({"status": {"phase": "Running", "conditions": conditions, "containerStatuses": [container]}})
}

/// It tolerates that the node is cordoned, so that no other test's pods land there, and that no kubelet says it is ready.
fn template(node: &str, memory: &str) -> Value {
    let env = json!([{"name": "DB_PASSWORD", "value": "correct-horse-battery"}]);
    let container =
        json!({"name": "app", "image": "registry.example/checkout:1", "env": env, "resources": {"limits": {"memory": memory}}});
    json!({
        "metadata": {"labels": {"app": "checkout"}, "annotations": {"db-password": format!("correct-horse-battery-{memory}")}},
        "spec": {"nodeName": node, "automountServiceAccountToken": false, "containers": [container],
            "tolerations": [{"operator": "Exists"}]},
    })
}

/// A Deployment whose second revision lowered the memory limit, and whose new pod is killed for it.
pub(super) async fn broken_by_its_last_revision(cluster: &Cluster, node: &str) {
    let shop = &cluster.namespace;
    let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
    let spec = json!({"replicas": 1, "selector": {"matchLabels": {"app": "checkout"}}, "strategy": strategy, "template": template(node, "512Mi")});
    cluster.create("/apis/apps/v1/deployments", json!({"metadata": {"name": "checkout"}, "spec": spec})).await;
    let pods = format!("/api/v1/namespaces/{shop}/pods?labelSelector=app%3Dcheckout");
    let old = cluster.until(&pods, |list| Some(list["items"][0]["metadata"]["name"].as_str()?.to_owned())).await;
    cluster.patch(&format!("/api/v1/namespaces/{shop}/pods/{old}/status"), status(true)).await;
    let deployment = format!("/apis/apps/v1/namespaces/{shop}/deployments/checkout");
    cluster.until(&deployment, |object| object["status"]["readyReplicas"].as_i64().filter(|ready| *ready == 1).map(drop)).await;
    cluster.patch(&deployment, json!({"spec": {"template": template(node, "256Mi")}})).await;
    let newer = |list: &Value| {
        let names = list["items"].as_array()?.iter().filter_map(|pod| pod["metadata"]["name"].as_str());
        names.filter(|name| *name != old).map(str::to_owned).next()
    };
    let new = cluster.until(&pods, newer).await;
    cluster.patch(&format!("/api/v1/namespaces/{shop}/pods/{new}/status"), status(false)).await;
}

/// A person with a database, settings and rights of their own.
struct Person {
    home: TempDir,
    kubeconfig: std::path::PathBuf,
}

impl Person {
    fn new(kubeconfig: &Path) -> Self {
        let home = tempfile::tempdir().unwrap();
        let settings = "[executor]\nenabled = true\napproval_enabled = true\n[policy.namespaces]\nwritable = [\"approve-*\"]\n";
        std::fs::write(home.path().join("sre-copilot.toml"), settings).unwrap();
        // A kubectl that notes that somebody started it.
        let kubectl = home.path().join("kubectl");
        std::fs::write(&kubectl, format!("#!/bin/sh\necho \"$@\" >> {}\n", home.path().join("started").display())).unwrap();
        std::fs::set_permissions(&kubectl, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        Self { home, kubeconfig: kubeconfig.to_owned() }
    }

    fn command(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::cargo_bin("sre-copilot").unwrap();
        let settings = self.home.path().join("sre-copilot.toml");
        command.args(arguments).env("SRE_COPILOT_CONFIG", settings).env("KUBECONFIG", &self.kubeconfig).env("USER", "anna");
        command.env("XDG_STATE_HOME", self.home.path()).env("PATH", self.home.path()).envs(environment.iter().copied());
        command
    }

    fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> (String, String, i32) {
        let output = self.command(arguments, environment).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr), output.status.code().unwrap())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let (out, errors, code) = self.run(arguments, &[]);
        assert_eq!(code, 0, "{arguments:?}: {errors}\n{out}");
        serde_json::from_str(&out).unwrap()
    }
}

#[tokio::test]
async fn from_a_broken_revision_to_the_rollback_and_back() {
    let Some(mut cluster) = Cluster::start("approve").await else { return };
    let Some(kubelet) = cluster.kubelet() else { return };
    let node = cluster.node(kubelet.port).await;
    broken_by_its_last_revision(&cluster, &node).await;
    let shop = cluster.namespace.clone();
    let config = cluster.admin();
    let anna = Person::new(&config.path());
    let deployment = async || cluster.get("/apis/apps/v1/deployments", "checkout").await;
    let memory = |object: &Value| object["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"].clone();
    let before = deployment().await;

    // Switched off it stays advice; in a namespace that nobody opened it is refused.
    let propose = ["analyze", "deploy/checkout", "-n", &shop, "--propose", "-o", "json"];
    let (out, errors, code) = anna.run(&propose, &[("EXECUTOR_ENABLED", "false")]);
    assert_eq!(code, 0, "{errors}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["execution"]["code"], "executor_disabled", "{out}");
    std::fs::write(anna.home.path().join("closed.toml"), "[executor]\nenabled = true\n").unwrap();
    let closed = anna.home.path().join("closed.toml");
    let (out, _, code) = anna.run(&propose, &[("SRE_COPILOT_CONFIG", closed.to_str().unwrap())]);
    assert_eq!(
        (code, serde_json::from_str::<Value>(&out).unwrap()["execution"]["code"].as_str()),
        (5, Some("namespace_read_only")),
        "{out}"
    );

    let report = anna.json(&propose);
    assert_eq!(report["actions"][0]["intent"]["action"], "rollback_deployment", "{report:#}");
    assert_eq!(report["execution"]["status"], "dry_run_ok", "{report:#}");
    assert_eq!(deployment().await["metadata"]["generation"], before["metadata"]["generation"], "a dry run changes nothing");
    let (code, digest) = (report["execution"]["attempt"].as_str().unwrap(), report["execution"]["digest"].as_str().unwrap());

    let (list, _, _) = anna.run(&["approve"], &[]);
    assert!(list.contains(code) && list.contains("rollback to 1") && list.contains("oom_killed"), "{list}");
    let (shown, _, exit) = anna.run(&["approve", code], &[]);
    assert_eq!(exit, 0);
    for words in ["Rollback deployment/checkout", "256Mi -> 512Mi", &digest[..12], "rollout undo"] {
        assert!(shown.contains(words), "{words} is not in\n{shown}");
    }
    assert_eq!(memory(&deployment().await), "256Mi", "showing it applies nothing");

    let (_, errors, exit) = anna.run(&["approve", code, "--yes", "--digest", "00000000"], &[]);
    assert_eq!(exit, 5, "{errors}");
    assert!(errors.contains("digest_differs") && errors.lines().count() <= 4, "{errors}");
    let (_, errors, exit) = anna.run(&["approve", code, "--yes", "--digest", digest], &[("EXECUTOR_APPROVAL_ENABLED", "false")]);
    assert_eq!(exit, 5, "{errors}");

    let (out, errors, exit) = anna.run(&["approve", code, "--yes", "--digest", &digest[..12]], &[]);
    assert_eq!(exit, 0, "{errors}");
    assert!(out.starts_with("Applied") && out.contains("--undo"), "{out}");
    let after = deployment().await;
    assert_eq!(memory(&after), "512Mi");
    assert_eq!(after["metadata"]["generation"].as_i64(), before["metadata"]["generation"].as_i64().map(|before| before + 1));
    // A second approval of the same finds it done.
    let (out, _, exit) = anna.run(&["approve", code, "--yes", "--digest", digest], &[]);
    assert_eq!(exit, 0);
    assert!(out.contains("succeeded"), "{out}");
    let (_, errors, exit) = anna.run(&["approve", code, "--yes", "--digest", "00000000"], &[]);
    assert_eq!(exit, 5, "another plan was applied: {errors}");
    let (_, errors, exit) = anna.run(&["approve", code, "--resolve", "not-applied"], &[]);
    assert_eq!(exit, 5, "it is known: {errors}");
    assert_eq!(deployment().await["metadata"]["generation"], after["metadata"]["generation"]);

    // The way back is a plan of its own.
    let undo = anna.json(&["approve", code, "--undo", "-o", "json"]);
    let (undo, digest) = (undo["code"].as_str().unwrap(), undo["digest"].as_str().unwrap());
    assert_ne!(undo, code);
    let (_, errors, exit) = anna.run(&["approve", undo, "--yes", "--digest", digest], &[]);
    assert_eq!(exit, 0, "{errors}");
    assert_eq!(memory(&deployment().await), "256Mi");
    let (list, _, _) = anna.run(&["approve", "--all"], &[]);
    assert!(list.contains("undone"), "{list}");

    let (log, _, _) = anna.run(&["audit", "-o", "json"], &[]);
    for event in
        ["approval.denied", "approval.requested", "approval.approved", "attempt.running", "attempt.succeeded", "attempt.undone"]
    {
        assert!(log.contains(event), "{event} is not in\n{log}");
    }
    assert!(!log.contains("correct-horse-battery") && !shown.contains("correct-horse-battery"));
    let (verified, _, exit) = anna.run(&["audit", "verify"], &[]);
    assert_eq!(exit, 0, "{verified}");
    let database = std::fs::read(anna.home.path().join("sre-copilot/sre-copilot.db")).unwrap();
    let secret = b"correct-horse-battery";
    assert!(!database.windows(secret.len()).any(|window| window == secret), "a secret is in the database");
    assert!(!anna.home.path().join("started").exists(), "kubectl was started");
    cluster.stop().await;
}

#[tokio::test]
async fn an_object_that_changed_since_voids_the_plan() {
    let Some(mut cluster) = Cluster::start("approve").await else { return };
    let Some(kubelet) = cluster.kubelet() else { return };
    let node = cluster.node(kubelet.port).await;
    broken_by_its_last_revision(&cluster, &node).await;
    let shop = cluster.namespace.clone();
    let config = cluster.admin();
    let anna = Person::new(&config.path());
    let report = anna.json(&["analyze", "deploy/checkout", "-n", &shop, "--propose", "-o", "json"]);
    let (code, digest) = (report["execution"]["attempt"].as_str().unwrap(), report["execution"]["digest"].as_str().unwrap());
    let deployment = format!("/apis/apps/v1/namespaces/{shop}/deployments/checkout");
    cluster.patch(&deployment, json!({"spec": {"replicas": 2}})).await;
    let (_, errors, exit) = anna.run(&["approve", code, "--yes", "--digest", digest], &[]);
    assert_eq!(exit, 5, "{errors}");
    assert!(errors.contains("target_changed"), "{errors}");
    let memory = cluster.get("/apis/apps/v1/deployments", "checkout").await;
    assert_eq!(memory["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"], "256Mi");

    // Nobody is locked out: planned afresh, and declined.
    let (fresh, errors, exit) = anna.run(&["approve", code, "-o", "json"], &[]);
    assert_eq!(exit, 0, "{errors}");
    let fresh: Value = serde_json::from_str(&fresh).unwrap();
    assert_ne!(fresh["code"].as_str(), Some(code));
    let fresh = fresh["code"].as_str().unwrap();
    let (out, errors, exit) = anna.run(&["approve", fresh, "--reject", "--reason", "not during the sale"], &[]);
    assert_eq!(exit, 0, "{errors}");
    assert!(out.contains("declined") && out.contains("not during the sale"), "{out}");
    cluster.stop().await;
}

#[tokio::test]
async fn of_many_who_approve_at_once_in_processes_of_their_own_one_writes() {
    const PEOPLE: usize = 16;
    let Some(mut cluster) = Cluster::start("approve").await else { return };
    let Some(kubelet) = cluster.kubelet() else { return };
    let node = cluster.node(kubelet.port).await;
    broken_by_its_last_revision(&cluster, &node).await;
    let shop = cluster.namespace.clone();
    let config = cluster.admin();
    let anna = Person::new(&config.path());
    let report = anna.json(&["analyze", "deploy/checkout", "-n", &shop, "--propose", "-o", "json"]);
    let (code, digest) = (report["execution"]["attempt"].as_str().unwrap(), report["execution"]["digest"].as_str().unwrap());
    let before = cluster.get("/apis/apps/v1/deployments", "checkout").await["metadata"]["generation"].as_i64().unwrap();
    let arguments = ["approve", code, "--yes", "--digest", digest];
    let outcomes: Vec<(String, String, i32)> = std::thread::scope(|scope| {
        let anna = &anna;
        let all: Vec<_> = (0..PEOPLE)
            .map(|person| scope.spawn(move || anna.run(&arguments, &[("USER", &format!("person-{person}"))])))
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let applied = outcomes.iter().filter(|(out, _, exit)| out.starts_with("Applied") && *exit == 0).count();
    assert_eq!(applied, 1, "{outcomes:#?}");
    // Who came later is told who was first, or sees how it stands.
    for (out, errors, exit) in outcomes.iter().filter(|(out, ..)| !out.starts_with("Applied")) {
        let told = *exit == 5 && errors.contains(" by person-") || *exit == 0 && out.contains(" by person-");
        assert!(told, "exit {exit}: {out}{errors}");
    }
    let after = cluster.get("/apis/apps/v1/deployments", "checkout").await["metadata"]["generation"].as_i64().unwrap();
    assert_eq!(after, before + 1);
    cluster.stop().await;
}
