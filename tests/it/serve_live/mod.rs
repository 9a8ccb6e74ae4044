//! A real Prometheus or vmalert and a real Alertmanager drive the real program, with a Discord that keeps what it is sent.
//! Skipped where those servers aren't installed, unless `SRE_COPILOT_REQUIRE_ALERTMANAGER` is set.

pub mod servers;

use crate::serve_discord::Time;
use crate::serve_discord::chat::{Answers, Chat};
use serde_json::{Value, json};
use servers::{Process, free_port, until};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

const SECRET: &str = "s3cret";

/// What is watched: it is broken, or it isn't.
#[derive(Clone, Default)]
struct Watched(Arc<AtomicBool>);

impl Respond for Watched {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let broken = u8::from(self.0.load(Ordering::SeqCst));
        ResponseTemplate::new(200).set_body_raw(format!("broken {broken}\n"), "text/plain; version=0.0.4")
    }
}

/// All of them, each on a port of its own.
struct Landscape {
    folder: TempDir,
    chat: Arc<Chat>,
    watched: Watched,
    address: String,
    // They end with it.
    _processes: Vec<Process>,
    _servers: [MockServer; 2],
}

impl Landscape {
    /// With these `http_config` for the webhook, with vmalert or Prometheus itself to evaluate the rule, and with or without
    /// Alertmanager's list to compare with.
    async fn start(http_config: Value, by_vmalert: bool, compares: bool) -> Option<Self> {
        let tools = ["prometheus", "prometheus-alertmanager", "vmalert"];
        if !servers::are_installed(&tools) {
            return None;
        }
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let (chat, watched) = (Arc::new(Chat::new(Time::default())), Watched::default());
        let (discord, target) = (MockServer::start().await, MockServer::start().await);
        Mock::given(any()).respond_with(Answers(Arc::clone(&chat))).mount(&discord).await;
        Mock::given(any()).respond_with(watched.clone()).mount(&target).await;
        let [serve, alertmanager, prometheus, vmalert] = [(); 4].map(|()| format!("127.0.0.1:{}", free_port()));
        let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();

        let list = if compares {
            format!("alertmanager_url = \"http://{alertmanager}\"\nalertmanager_every = \"1s\"\n")
        } else {
            String::new()
        };
        let settings = format!("[serve]\nresolve_settle = \"1s\"\n{list}[discord]\napi_url = \"{}\"\n", discord.uri());
        write("sre-copilot.toml", settings);
        // JSON is YAML too.
        let webhook = json!({"url": format!("http://{serve}/webhooks/alertmanager"), "http_config": http_config});
        let times = json!({"receiver": "sre", "group_by": ["alertname", "namespace"], "group_wait": "0s", "group_interval": "1s",
            "repeat_interval": "1s"});
        let receivers = json!([{"name": "sre", "webhook_configs": [webhook]}]);
        write("alertmanager.yml", json!({"route": times, "receivers": receivers}).to_string());
        let rule = json!({"alert": "KubeDeploymentReplicasMismatch", "expr": "broken == 1",
            "labels": {"namespace": "shop", "deployment": "checkout", "severity": "critical"},
            "annotations": {"summary": "shop/checkout has not matched the expected number of replicas"}});
        write("rules.yml", json!({"groups": [{"name": "g", "interval": "1s", "rules": [rule]}]}).to_string());
        let scrape = json!([{"job_name": "watched", "static_configs": [{"targets": [target.address().to_string()]}]}]);
        let mut config = json!({"global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "scrape_configs": scrape});
        if !by_vmalert {
            config["rule_files"] = json!(["rules.yml"]);
            config["alerting"] = json!({"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]});
        }
        write("prometheus.yml", config.to_string());

        let mut processes = Vec::new();
        let mut start = |name: &str, program: &str, args: &[String]| {
            let mut command = Command::new(program);
            command.args(args).current_dir(folder.path());
            if name == "serve" {
                command.env_clear().env("DATABASE_URL", "sqlite:state.db").env("XDG_STATE_HOME", folder.path());
                command.env("KUBECONFIG", "none").env("ALERTMANAGER_WEBHOOK_SECRET", SECRET);
                command.env("DISCORD_WEBHOOK_URL", format!("{}/api/webhooks/1/token", discord.uri()));
            }
            processes.push(Process::start(name, &mut command, folder.path()));
        };
        let is = |name: &str, value: &str| format!("--{name}={value}");
        start("serve", env!("CARGO_BIN_EXE_sre-copilot"), &["serve".into(), is("listen", &serve)]);
        let args = [
            is("config.file", "alertmanager.yml"),
            is("storage.path", "alertmanager"),
            is("web.listen-address", &alertmanager),
            // It has no peers.
            is("cluster.listen-address", ""),
        ];
        start("alertmanager", "prometheus-alertmanager", &args);
        let args = [
            is("config.file", "prometheus.yml"),
            is("storage.tsdb.path", "prometheus"),
            is("web.listen-address", &prometheus),
            is("rules.alert.resend-delay", "1s"),
        ];
        start("prometheus", "prometheus", &args);
        if by_vmalert {
            let args = [
                is("rule", "rules.yml"),
                is("datasource.url", &format!("http://{prometheus}")),
                is("notifier.url", &format!("http://{alertmanager}")),
                is("httpListenAddr", &vmalert),
                is("evaluationInterval", "1s"),
            ];
            start("vmalert", "vmalert", &args);
        }
        Some(Self { folder, chat, watched, address: serve, _processes: processes, _servers: [discord, target] })
    }

    fn is_broken(&self, broken: bool) {
        self.watched.0.store(broken, Ordering::SeqCst);
    }

    /// One number out of the database, which is none until there is one.
    fn number(&self, query: &str) -> Option<i64> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = rusqlite::Connection::open_with_flags(self.folder.path().join("state.db"), flags).ok()?;
        connection.query_row(query, [], |row| row.get(0)).ok()
    }

    /// How many deliveries were answered like this.
    async fn deliveries(&self, result: &str) -> u64 {
        let Ok(answer) = reqwest::get(format!("http://{}/metrics", self.address)).await else { return 0 };
        let text = answer.text().await.unwrap_or_default();
        let name = format!("sre_copilot_intake_batches_total{{result=\"{result}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or_default()
    }

    /// Until the one message of Discord shows this.
    async fn shows(&self, what: &str) {
        until(&format!("the message shows {what}"), self.folder.path(), async || {
            self.chat.texts().iter().any(|text| text.contains(what))
        })
        .await;
        assert_eq!(self.chat.posts().len(), 1, "one message: {:#?}", self.chat.texts());
    }
}

/// Firing, repeats, resolved, firing again: one incident, one message.
async fn lives_once(http_config: Value, by_vmalert: bool) {
    let Some(landscape) = Landscape::start(http_config, by_vmalert, false).await else { return };
    let folder = landscape.folder.path();
    let open = "SELECT count(*) FROM incidents WHERE status = 'open' AND name = 'checkout' AND kind = 'Deployment'";
    let resolved = "SELECT count(*) FROM incidents WHERE status = 'resolved'";
    let runs = "SELECT count(*) FROM runs";

    landscape.is_broken(true);
    until("the incident is analysed", folder, async || landscape.number(open) == Some(1) && landscape.number(runs) == Some(1))
        .await;
    landscape.shows("checkout").await;
    let repeats = landscape.deliveries("replayed").await + 2;
    until("it is repeated", folder, async || landscape.deliveries("replayed").await >= repeats).await;
    assert_eq!(landscape.number(runs), Some(1), "a repeat is no reason to look again");
    assert_eq!(landscape.number("SELECT count(*) FROM episodes"), Some(1));

    landscape.is_broken(false);
    until("the incident is over", folder, async || landscape.number(resolved) == Some(1)).await;
    landscape.shows("✅").await;

    landscape.is_broken(true);
    until("it is open again", folder, async || landscape.number(open) == Some(1)).await;
    until("the message is open again", folder, async || !landscape.chat.texts().concat().contains("✅")).await;
    assert_eq!(landscape.number("SELECT count(*) FROM incidents"), Some(1));
    assert_eq!(landscape.number("SELECT count(*) FROM episodes"), Some(2));
    assert_eq!(landscape.number("SELECT count(*) FROM episodes WHERE is_flap AND is_cycle"), Some(1));
    assert_eq!(landscape.chat.posts().len(), 1);
    assert_eq!(landscape.number("SELECT count(*) FROM set_aside"), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_bearer_token_an_incident_lives_once() {
    lives_once(json!({"authorization": {"type": "Bearer", "credentials": SECRET}}), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_password_an_incident_lives_once() {
    lives_once(json!({"basic_auth": {"username": "alertmanager", "password": SECRET}}), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_vmalert_evaluates_lives_once() {
    lives_once(json!({"authorization": {"type": "Bearer", "credentials": SECRET}}), true).await;
}

/// An alert that Alertmanager knows nothing of is over; the one that it knows fires on.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_lost_is_seen_in_the_list_of_what_is_active() {
    let bearer = json!({"authorization": {"type": "Bearer", "credentials": SECRET}});
    let Some(landscape) = Landscape::start(bearer, false, true).await else { return };
    let folder = landscape.folder.path();
    landscape.is_broken(true);
    until("it fires", folder, async || landscape.number("SELECT count(*) FROM episodes") == Some(1)).await;
    let labels = json!({"alertname": "Forgotten", "namespace": "shop", "deployment": "billing", "severity": "warning"});
    let body = json!({"alerts": [{"status": "firing", "labels": labels, "startsAt": "2026-01-02T04:00:00Z"}]});
    let webhook = format!("http://{}/webhooks/alertmanager", landscape.address);
    let answer = reqwest::Client::new().post(webhook).bearer_auth(SECRET).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let absent = "SELECT count(*) FROM episodes WHERE end_how = 'absent'";
    until("its end is seen", folder, async || landscape.number(absent) == Some(1)).await;
    assert_eq!(landscape.number("SELECT count(*) FROM episodes WHERE end_how IS NULL AND name <> 'Forgotten'"), Some(1));
    assert_eq!(landscape.number("SELECT count(*) FROM incidents WHERE status = 'resolved' AND name = 'billing'"), Some(1));
}

/// Without the secret nothing is taken, and Alertmanager's notifications fail.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_takes_nothing() {
    let wrong = json!({"authorization": {"type": "Bearer", "credentials": "another"}});
    let Some(landscape) = Landscape::start(wrong, false, false).await else { return };
    landscape.is_broken(true);
    let refused = "sre_copilot_http_requests_total{route=\"/webhooks/alertmanager\",method=\"POST\",status=\"401\"} ";
    until("it is refused", landscape.folder.path(), async || {
        let Ok(answer) = reqwest::get(format!("http://{}/metrics", landscape.address)).await else { return false };
        answer.text().await.unwrap_or_default().lines().any(|line| line.starts_with(refused))
    })
    .await;
    assert_eq!(landscape.number("SELECT count(*) FROM intakes"), Some(0));
    assert_eq!(landscape.chat.posts().len(), 0);
}
