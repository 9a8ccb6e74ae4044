//! The process is killed (−9) at each point of its way, on a real API server: at most one write, and a state that is true
//! to the object. `SRE_COPILOT_KILLS` says how often at each point; 2 without it.
//!
//! The killed process is this test binary, started again for [`child`] alone.

use super::{Allows, Home, Later, connect, executor, intent, memory, open, options, workload};
use crate::kubernetes::envtest::Cluster;
use futures::StreamExt;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sre_copilot::adapters::kubernetes::{ConnectOptions, KubernetesWriter, WriterOptions};
use sre_copilot::domain::{Action, Attempt, AttemptState, AuditName, ExecutionIntent, ObjectRef, PlanRequest};
use sre_copilot::pipeline::execute::{POINTS, Progress};
use sre_copilot::ports::{
    Access, AccessQuestion, ApiReason, ApiRefusal, AttemptStore, AuditFilter, AuditLog, ClusterWriter, WriteError,
};
use sre_copilot::redact::Redactor;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

const CHILD: &str = "SRE_COPILOT_TEST_KILLED_CHILD";
const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";

/// Ends this process as a node that loses its power would.
struct Dies {
    at: String,
}

impl Progress for Dies {
    fn reached(&self, point: &'static str) {
        if self.at == point {
            let _ = Command::new("kill").args(["-9", &std::process::id().to_string()]).status();
            loop {
                std::thread::park();
            }
        }
    }
}

/// A writer to whose first write something happens.
struct Unlucky {
    writer: KubernetesWriter,
    luck: String,
    sent: AtomicUsize,
}

impl ClusterWriter for Unlucky {
    async fn send(&self, attempt: &Attempt, request: &PlanRequest) -> Result<Value, WriteError> {
        if self.sent.fetch_add(1, Ordering::SeqCst) > 0 {
            return self.writer.send(attempt, request).await;
        }
        match self.luck.as_str() {
            "conflict" => {
                // Somebody sets a label: the resource version moves, and the generation does not (of an annotation it would).
                let body = json!({"metadata": {"labels": {"a": "b"}}});
                let content_type = "application/merge-patch+json".to_owned();
                let somebody = connect(WriterOptions { safe_mode: false, ..given() }).await;
                let other = PlanRequest { method: "PATCH".to_owned(), path: request.path.clone(), content_type, body };
                somebody.send(attempt, &other).await.unwrap();
                self.writer.send(attempt, request).await
            }
            "lost" => {
                self.writer.send(attempt, request).await.unwrap();
                Err(WriteError::NoAnswer("cut".to_owned()))
            }
            "refused" => Err(ApiRefusal::own(ApiReason::QuotaExceeded, "no").into()),
            _ => self.writer.send(attempt, request).await,
        }
    }

    async fn cluster_id(&self) -> Result<String, WriteError> {
        self.writer.cluster_id().await
    }
    async fn get(&self, object: &ObjectRef) -> Result<Value, WriteError> {
        self.writer.get(object).await
    }
    async fn revisions(&self, workload: &Value) -> Result<Vec<Value>, WriteError> {
        self.writer.revisions(workload).await
    }
    async fn list(&self, kind: &str, namespace: &str, selector: &str) -> Result<Vec<Value>, WriteError> {
        self.writer.list(kind, namespace, selector).await
    }
    async fn access(&self, question: &AccessQuestion) -> Result<Access, WriteError> {
        self.writer.access(question).await
    }
    async fn eviction_version(&self) -> Result<String, WriteError> {
        self.writer.eviction_version().await
    }
    async fn dry_run(&self, request: &PlanRequest) -> Result<Value, WriteError> {
        self.writer.dry_run(request).await
    }
    async fn read(&self, intent: &ExecutionIntent) -> Result<String, WriteError> {
        self.writer.read(intent).await
    }
}

fn given() -> WriterOptions {
    let kubeconfig = Some(PathBuf::from(std::env::var_os("SRE_COPILOT_TEST_KUBECONFIG").unwrap()));
    let connect = ConnectOptions { kubeconfig, ..ConnectOptions::default() };
    WriterOptions { connect, token_file: None, safe_mode: true, redactor: Redactor::fixed() }
}

/// The process that dies. Without its environment there is nothing to do.
#[tokio::test]
async fn child() {
    let Ok(given_to_child) = std::env::var(CHILD) else { return };
    let [database, id, luck, at] = given_to_child.split('\n').collect::<Vec<_>>()[..] else { panic!("{given_to_child}") };
    let clock = Later::default();
    let store = open(&PathBuf::from(database), &clock);
    let writer = Unlucky { writer: connect(given()).await, luck: luck.to_owned(), sent: AtomicUsize::new(0) };
    let dies = Dies { at: at.to_owned() };
    let executor = executor(&writer, &store, &clock, &dies);
    let proposed = store.attempt(id).await.unwrap().unwrap();
    let approved = executor.approve(&proposed, &proposed.digest).await.unwrap();
    let done = executor.apply(&approved, &Allows).await.unwrap();
    panic!("it came through: {done:?}");
}

/// Where the way leads by which point: what has to happen for it to be reached.
fn luck(point: &str) -> &'static str {
    match point {
        "conflict.read" | "resend.stored" => "conflict",
        "unknown.stored" | "read_back.done" | "settled.stored" => "lost",
        "failed.stored" => "refused",
        _ => "",
    }
}

async fn one(cluster: &Cluster, point: &'static str, run: usize) {
    let name = format!("{}-{run}", point.replace(['.', '_'], "-"));
    let kubeconfig = cluster.admin();
    let (home, writer) = (Home::new(), connect(options(&kubeconfig)).await);
    cluster.create(DEPLOYMENTS, workload(&name, 0)).await;
    let path = format!("/apis/apps/v1/namespaces/{}/deployments/{name}", cluster.namespace);
    cluster.until(&path, |object| object["status"]["observedGeneration"].as_i64()).await;
    let proposed = home.proposed(&writer, &intent(&cluster.namespace, Action::SetResources, &name, memory("96Mi"))).await;

    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "execute::killed::child", "--nocapture"]);
    child.env(CHILD, [home.path().to_str().unwrap(), &proposed.id, luck(point), point].join("\n"));
    child.env("SRE_COPILOT_TEST_KUBECONFIG", kubeconfig.path()).stdout(Stdio::null()).stderr(Stdio::piped());
    let ended = tokio::task::spawn_blocking(move || child.output()).await.unwrap().unwrap();
    let by_signal = std::os::unix::process::ExitStatusExt::signal(&ended.status);
    assert_eq!(by_signal, Some(9), "{point}: {}", String::from_utf8_lossy(&ended.stderr));

    // Ten minutes later another process looks after what was left, twice.
    home.clock.pass(SignedDuration::from_mins(10));
    home.executor(&writer).recover().await.unwrap();
    home.clock.pass(SignedDuration::from_mins(10));
    home.executor(&writer).recover().await.unwrap();
    let attempt = home.store.attempt(&proposed.id).await.unwrap().unwrap();
    let object = cluster.get(DEPLOYMENTS, &name).await;
    let written = object["metadata"]["generation"].as_i64().unwrap() - 1;
    let has_it = object["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] == "96Mi";
    assert_eq!((written, has_it), (i64::from(has_it), written == 1), "{point}: more than one write");
    let wanted = match (attempt.sent_at.is_some(), has_it) {
        (true, true) => AttemptState::Succeeded,
        (true, false) => AttemptState::Failed,
        (false, _) if point == "approve.stored" || point == "claim.begins" => AttemptState::Expired,
        (false, _) => AttemptState::Failed,
    };
    assert_eq!((attempt.state, attempt.sent_at.is_some() || !has_it), (wanted, true), "{point}: {:?}", attempt.reason);
    let landed = ["send.answered", "succeeded.stored", "unknown.stored", "read_back.done", "settled.stored"].contains(&point);
    assert_eq!(has_it, landed, "{point}");

    // The log tells the whole way, and nobody sends what was left.
    let rows = home.store.list(AuditFilter::default()).await.unwrap();
    let told = |name| rows.iter().filter(|row| row.event.event == name).count();
    assert_eq!(told(AuditName::ApprovalApproved), 1, "{point}");
    assert_eq!(told(AuditName::AttemptSucceeded), usize::from(attempt.state == AttemptState::Succeeded), "{point}");
    assert!(matches!(home.store.verify(None).await.unwrap(), sre_copilot::domain::AuditCheck::Intact { .. }), "{point}");
    assert!(home.executor(&writer).apply(&attempt, &Allows).await.is_err(), "{point}: it can be applied again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_every_point_at_most_one_write_and_a_true_state() {
    let Some(cluster) = Cluster::start("killed").await else { return };
    let runs = std::env::var("SRE_COPILOT_KILLS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(2);
    let cluster_ref = &cluster;
    let all = POINTS.into_iter().flat_map(|point| (0..runs).map(move |run| one(cluster_ref, point, run)));
    futures::stream::iter(all).buffer_unordered(6).collect::<Vec<()>>().await;
    cluster.stop().await;
}
