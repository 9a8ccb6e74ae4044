//! The whole way on a real API server, as it goes in a team: an alert, `serve`, one message with buttons, two clicks, applied
//! once, looked after; and the same over HTTP. Whoever comes later, from whichever side, is told how it stands.

use super::Kubeconfig;
use super::approve::broken_by_its_last_revision;
use super::envtest::{Cluster, Kubelet};
use crate::serve_clicks::{APPROVER, STRANGER, Who, button, checked, interaction, text};
use crate::serve_discord::Time;
use crate::serve_discord::chat::{Answers, Chat};
use crate::serve_http::process::Serving;
use crate::serve_live::servers::until;
use crate::serve_operators::{RSA_PUBLIC, rsa};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer};

/// A team's own: a broken Deployment, `serve`, and its channel.
struct Team {
    cluster: Cluster,
    folder: TempDir,
    config: Kubeconfig,
    serving: Serving,
    chat: Arc<Chat>,
    key: SigningKey,
    clicks: AtomicU64,
    client: reqwest::Client,
    _kubelet: Kubelet,
    _discord: MockServer,
}

impl Team {
    /// With an alert about its Deployment, or `None`, and the test is skipped.
    async fn alerted() -> Option<Self> {
        let mut cluster = Cluster::start("approve").await?;
        let kubelet = cluster.kubelet()?;
        let node = cluster.node(kubelet.port).await;
        broken_by_its_last_revision(&cluster, &node).await;
        let (chat, discord) = (Arc::new(Chat::new(Time::default())), MockServer::start().await);
        Mock::given(any()).respond_with(Answers(Arc::clone(&chat))).mount(&discord).await;
        let (folder, config, key) = (tempfile::tempdir().unwrap(), cluster.admin(), SigningKey::from_bytes(&[7; 32]));
        let settings = format!(
            "[executor]\nenabled = true\napproval_enabled = true\nkubeconfig = \"{}\"\n[policy.namespaces]\nwritable = [\"approve-*\"]\n\
             [discord]\napi_url = \"{}\"\n[serve]\npublic_url = \"https://copilot.example\"\n",
            config.path().display(),
            discord.uri()
        );
        std::fs::write(folder.path().join("sre-copilot.toml"), settings).unwrap();
        let public: String = key.verifying_key().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let serving = Serving::start_with(
            folder.path(),
            &[
                ("KUBECONFIG", config.path().to_str().unwrap()),
                ("DISCORD_WEBHOOK_URL", &format!("{}/api/webhooks/1/token", discord.uri())),
                ("DISCORD_APPLICATION_ID", "77"),
                ("DISCORD_PUBLIC_KEY", &public),
                ("DISCORD_APPROVERS_USER_IDS", APPROVER.id),
                ("JWT_PUBLIC_KEY", RSA_PUBLIC),
            ],
        );
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let labels = json!({"alertname": "KubeDeploymentReplicasMismatch", "namespace": cluster.namespace, "severity": "critical",
            "deployment": "checkout"});
        let delivery =
            json!({"version": "4", "receiver": "sre", "groupKey": "g", "alerts": [{"status": "firing", "labels": labels}]});
        let url = format!("http://{}/webhooks/alertmanager", serving.address);
        assert_eq!(client.post(url).json(&delivery).send().await.unwrap().status(), 202);
        let clicks = AtomicU64::new(1_200_000_000_000_000_000);
        let team = Self { cluster, folder, config, serving, chat, key, clicks, client, _kubelet: kubelet, _discord: discord };
        team.until("buttons stand under the message", async || team.button("Apply").is_some()).await;
        Some(team)
    }

    async fn until(&self, what: &str, is_so: impl AsyncFnMut() -> bool) {
        until(what, self.folder.path(), is_so).await;
    }

    /// The id of a button under the message.
    fn button(&self, label: &str) -> Option<String> {
        let messages = self.chat.messages();
        let rows = messages.first()?.body["components"].as_array()?.clone();
        let buttons: Vec<Value> = rows.iter().flat_map(|row| row["components"].as_array().cloned().unwrap_or_default()).collect();
        let button = buttons.iter().find(|button| button["label"].as_str().is_some_and(|own| own.contains(label)))?;
        Some(button["custom_id"].as_str()?.to_owned())
    }

    /// A click on the message, or on an answer that one person alone sees.
    async fn click(&self, who: Who, is_second: bool, custom_id: &str) -> Value {
        let number = self.clicks.fetch_add(2, Ordering::SeqCst);
        let message = if is_second { (number + 1).to_string() } else { self.chat.messages()[0].id.clone() };
        let mut body = interaction(&number.to_string(), who, "42", &message, custom_id);
        body["application_id"] = json!("77");
        let (body, time) = (body.to_string(), jiff::Timestamp::now().as_second().to_string());
        let signature: String =
            self.key.sign(format!("{time}{body}").as_bytes()).to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let request = self.client.post(format!("http://{}/discord/interactions", self.serving.address));
        let request = request.header("X-Signature-Ed25519", signature).header("X-Signature-Timestamp", time);
        let answer = request.body(body).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        checked(answer.json().await.unwrap())
    }

    async fn memory(&self) -> Value {
        let object = self.cluster.get("/apis/apps/v1/deployments", "checkout").await;
        object["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"].clone()
    }

    /// What the terminal says of it, on the same database.
    fn cli(&self, arguments: &[&str]) -> (String, i32) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sre-copilot"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("USER", "carla")
            .env("KUBECONFIG", self.config.path());
        let database = format!("sqlite:{}", self.folder.path().join("state.db").display());
        command.env("DATABASE_URL", database).env("XDG_STATE_HOME", self.folder.path());
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (String::from_utf8(said).unwrap(), output.status.code().unwrap())
    }

    /// The one attempt there is: its code, digest and state.
    fn attempt(&self) -> (String, String, String) {
        let connection = rusqlite::Connection::open(self.folder.path().join("state.db")).unwrap();
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        connection.query_row("SELECT code, digest, state FROM attempts", [], row).unwrap()
    }

    async fn end(self) {
        drop(self.serving);
        self.cluster.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clicks_end_in_the_same_attempt_as_approve() {
    let Some(team) = Team::alerted().await else { return };
    let apply = team.button("Apply").unwrap();
    assert_eq!(team.memory().await, "256Mi");
    let refused = team.click(STRANGER, false, &apply).await;
    assert!(
        text(&refused).contains("you are not among those who may decide")
            && refused["data"]["components"].as_array().is_none_or(Vec::is_empty),
        "{refused}"
    );
    let shown = team.click(APPROVER, false, &apply).await;
    assert!(shown.to_string().contains("rollout undo"), "{shown}");
    assert_eq!(team.memory().await, "256Mi", "the first click applies nothing");
    let second = button(&shown);
    assert_eq!(team.click(APPROVER, true, &second).await["type"], 5);
    team.until("it is applied", async || team.memory().await == "512Mi").await;
    team.until("it is noted", async || team.attempt().2 == "succeeded").await;
    let generation = team.cluster.get("/apis/apps/v1/deployments", "checkout").await["metadata"]["generation"].clone();

    // A second click, another channel: one attempt, told as it stands.
    let again = team.click(APPROVER, true, &second).await;
    assert!(text(&again).contains("You decided this already"), "{again}");
    let (code, digest, _) = team.attempt();
    let (said, exit) = team.cli(&["approve", &code, "--yes", "--digest", &digest]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("succeeded") && said.contains("by anna"), "{said}");
    assert_eq!(team.cluster.get("/apis/apps/v1/deployments", "checkout").await["metadata"]["generation"], generation);
    team.until("the message says what became of it", async || team.chat.texts()[0].contains("Outcome")).await;
    assert_eq!(team.chat.posts().iter().filter(|post| !post.path.contains("token-of")).count(), 1);
    let (log, _) = team.cli(&["audit", "-o", "json"]);
    for event in ["approval.denied", "approval.first_step", "approval.approved", "attempt.running", "attempt.succeeded"] {
        assert!(log.contains(event), "{event} is not in\n{log}");
    }
    team.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_after_the_message_is_not_touched_and_that_is_told() {
    let Some(team) = Team::alerted().await else { return };
    let shown = team.click(APPROVER, false, &team.button("Apply").unwrap()).await;
    let path = format!("/apis/apps/v1/namespaces/{}/deployments/checkout", team.cluster.namespace);
    team.cluster.patch(&path, json!({"spec": {"replicas": 2}})).await;
    assert_eq!(team.click(APPROVER, true, &button(&shown)).await["type"], 5);
    team.until("it is refused", async || team.attempt().2 == "superseded").await;
    assert_eq!(team.memory().await, "256Mi");
    let told = |body: &str| body.contains("the object was changed since") && body.contains("plans it afresh");
    team.until("who clicked is told", async || {
        team.chat.asked().iter().any(|asked| asked.path.contains("token-of") && told(&asked.body.to_string()))
    })
    .await;
    team.until("everybody is told", async || told(&team.chat.texts()[0])).await;
    assert_eq!(team.button("Apply"), None);
    let (said, exit) = team.cli(&["approve", &team.attempt().0]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("proposed 0s ago") && said.contains("256Mi -> 512Mi"), "{said}");
    team.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_it_is_the_same_attempt_and_the_buttons_know() {
    let Some(team) = Team::alerted().await else { return };
    let (apply, (code, ..)) = (team.button("Apply").unwrap(), team.attempt());
    let soon = jiff::Timestamp::now().as_second() + 300;
    let token = rsa(&json!({"sub": "anna", "aud": "sre-copilot", "exp": soon, "roles": ["approver"]}));
    let url = format!("http://{}/approvals/{code}", team.serving.address);
    let shown: Value = team.client.get(&url).bearer_auth(&token).send().await.unwrap().json().await.unwrap();
    let body = json!({"digest": shown["digest"], "confirm": shown["confirm"]});
    let answer = team.client.post(format!("{url}/approve")).bearer_auth(&token).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{shown}");
    team.until("it is applied", async || team.memory().await == "512Mi").await;
    team.until("it is noted", async || team.attempt().2 == "succeeded").await;
    let late = team.click(APPROVER, false, &apply).await;
    assert!(
        text(&late).contains("Nothing was done")
            && text(&late).contains("was applied")
            && !late.to_string().contains("custom_id"),
        "{late}"
    );
    team.end().await;
}
