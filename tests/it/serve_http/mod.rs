//! The server over real sockets: what is sent, byte for byte, and what is answered.

mod answers;
mod authentication;
mod killed;
mod payloads;
pub mod process;

use jiff::Timestamp;
use serde_json::Value;
use sre_copilot::config::{Secret, Settings};
use sre_copilot::redact::Redactor;
use sre_copilot::server::{App, Phase, router, serve};
use sre_copilot::store::Store;
use std::net::SocketAddr;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SECRET: &str = "s3cret";
/// 2026-11-22T20:00:00Z, soon after the fixtures were sent.
const NOW: i64 = 1_795_377_600;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

/// Settings with a secret.
fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.serve.webhook_secret = Some(Secret::from(SECRET.to_owned()));
    settings
}

/// A server on a port of its own.
struct Server {
    folder: TempDir,
    app: App<Store>,
    address: SocketAddr,
}

impl Server {
    async fn new() -> Self {
        Self::with(settings()).await
    }

    async fn with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("state.db"), now).unwrap();
        let store = store.with_lifecycle(settings.serve.lifecycle(None)).with_intake_queue(settings.serve.intake_queue);
        let app = App::new(Arc::new(store), settings, Arc::new(now), Redactor::fixed()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, router(app.clone()), app.stopping.clone()));
        Self { folder, app, address }
    }

    fn count(&self, what: &str) -> i64 {
        let connection = rusqlite::Connection::open(self.folder.path().join("state.db")).unwrap();
        connection.query_row(&format!("SELECT count(*) FROM {what}"), [], |row| row.get(0)).unwrap()
    }

    /// Sends bytes and reads the answer.
    async fn send(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // Whether all could be written doesn't matter: the answer does.
        _ = stream.write_all(bytes).await;
        Answer::read(&mut stream).await
    }

    /// A request with these headers; `Connection: close` is among them.
    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.send(&request(method, path, headers, body)).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"").await
    }

    /// A delivery with the secret as bearer token.
    async fn deliver(&self, body: &[u8]) -> Answer {
        let bearer = format!("Bearer {SECRET}");
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        self.ask("POST", "/webhooks/alertmanager", &headers, body).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.app.stopping.enter(Phase::Closed);
    }
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: sre\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    async fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        _ = stream.read_to_end(&mut bytes).await;
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole answer");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: bytes[end + 4..].to_vec() }
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")))
    }

    /// That it is a problem of this code, in the one form.
    #[track_caller]
    fn is_problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{} {}", self.head, String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let document = self.json();
        assert_eq!(document["code"], code, "{document}");
        assert_eq!(document["type"], format!("urn:sre-copilot:problem:{code}"));
        assert_eq!(document["status"], status);
        assert_eq!(document["request_id"].as_str(), self.header("x-request-id"));
        let keys: Vec<_> = document.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["code", "detail", "errors", "request_id", "status", "title", "type"]);
        if matches!(status, 429 | 503) {
            assert!(self.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
        }
        document
    }
}
