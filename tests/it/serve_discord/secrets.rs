//! No token and no address of a webhook is in a log line, an error or a row; a dry run asks nothing.

use super::*;
use std::io::Write;
use std::sync::Mutex;
use tracing::instrument::WithSubscriber;
use tracing_subscriber::fmt::MakeWriter;
use wiremock::ResponseTemplate;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn nothing_that_is_kept_or_said_holds_a_token() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(lines.clone()).finish();
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
    let lines = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(lines.contains("could not be sent") && lines.contains("is broken"), "{lines}");
    let line = lines.lines().find(|line| line.contains("c4n4ry"));
    assert_eq!(line, None);
}

#[tokio::test]
async fn a_dry_run_asks_nothing_and_keeps_what_it_would_have_sent() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().with_writer(lines.clone()).finish();
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
        assert!(String::from_utf8_lossy(&lines.0.lock().unwrap()).lines().filter(|line| line.contains(&id)).count() == 2);
    }
    .with_subscriber(subscriber)
    .await;
}
