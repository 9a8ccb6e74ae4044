//! No token and no address of a webhook is in a log line, an error or a row; a dry run asks nothing.

use super::*;
use std::fmt::{Debug, Write};
use std::sync::Mutex;
use tracing::Event;
use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry;
use wiremock::ResponseTemplate;

/// Every event, of whatever library and level, with all its fields and nothing masked.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl<S: tracing::Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line(format!("{} ", event.metadata().target()));
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
}

/// Which events are heard at all is decided for a whole process: these tests have one of their own.
fn alone(test: &str) {
    let name = format!("serve_discord::secrets::{test}");
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let done = command.args(["--exact", &name, "--ignored"]).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn tokens_stay_hidden() {
    alone("nothing_that_is_kept_or_said_holds_a_token");
}

#[test]
fn a_dry_run_is_quiet() {
    alone("a_dry_run_asks_nothing_and_keeps_what_it_would_have_sent");
}

#[tokio::test]
#[ignore = "run by tokens_stay_hidden, in a process of its own"]
async fn nothing_that_is_kept_or_said_holds_a_token() {
    let lines = Lines::default();
    let subscriber = registry().with(lines.clone());
    let told = async {
        for mut home in [Home::new().await, Home::bot().await] {
            home.fires("checkout").await;
            home.pass(5);
            // A proxy that quotes what it was asked.
            for status in [500, 404, 400, 400, 429] {
                home.chat.rule(move |asked| {
                    let key = if asked.path.starts_with("/channels") { BOT } else { "" };
                    let quoted = format!("no: http://proxy{}?{} Bot {key}", asked.path, asked.query);
                    Some(ResponseTemplate::new(status).set_body_json(json!({"message": quoted})))
                });
                home.send().await;
                home.pass(4_000);
            }
            home.settings.webhook_url = Some(secret(format!("http://127.0.0.1:1/webhooks/1/{CANARY}")));
            home.settings.api_url = "http://127.0.0.1:1".to_owned();
            home.restart().await;
            home.fires("other").await;
            home.pass(5);
            home.send().await;
            assert!(!format!("{:?} {:?}", home.settings, home.messages).contains("c4n4ry"));
            drop(home.store);
            for entry in std::fs::read_dir(home.folder.path()).unwrap() {
                let bytes = std::fs::read(entry.unwrap().path()).unwrap();
                assert!(!bytes.windows(6).any(|window| window == b"c4n4ry"), "a row holds a token");
                assert!(!bytes.windows(11).any(|window| window == b"/webhooks/1"), "a row holds an address");
            }
        }
    };
    told.with_subscriber(subscriber).await;
    let lines = lines.0.lock().unwrap();
    assert!(lines.iter().any(|line| line.contains("could not be sent")) && lines.iter().any(|line| line.contains("is broken")));
    assert_eq!(lines.iter().find(|line| line.contains("c4n4ry")), None);
}

#[tokio::test]
#[ignore = "run by a_dry_run_is_quiet, in a process of its own"]
async fn a_dry_run_asks_nothing_and_keeps_what_it_would_have_sent() {
    let lines = Lines::default();
    let subscriber = registry().with(lines.clone());
    let home = Home::with(|_, messages| messages.dry_run = true).await;
    async {
        let id = home.fires("checkout").await;
        home.pass(5);
        home.send().await;
        home.analyse(Some("exhausted")).await;
        home.send().await;
        assert_eq!(home.chat.requests(), 0);
        assert_eq!(home.count("outbox WHERE state = 'dry_run' AND body LIKE '%exhausted%'"), 1);
        assert_eq!((home.count("outbox WHERE state = 'dry_run'"), home.count("outbox WHERE state = 'sent'")), (2, 0));
        let said = lines.0.lock().unwrap().iter().filter(|line| line.contains(&id)).count();
        assert_eq!(said, 2, "one line a message");
    }
    .with_subscriber(subscriber)
    .await;
}
