//! An API server with one Deployment that answers writes as it is told: with what a real one would, too late, or not at
//! all, whether the write landed or not.

use crate::kubernetes::Kubeconfig;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of the next write.
#[derive(Clone, Debug)]
pub enum Write {
    /// It lands and is answered.
    Lands,
    /// Somebody changes the status first, so that the resource version is old.
    StatusFirst,
    /// Somebody changes the specification first.
    SpecFirst,
    /// The object is deleted and made again first.
    MadeAgainFirst,
    /// It is answered like this and does not land.
    Answers(u16, Value),
    /// It lands, and is answered with this.
    LandsAnswers(u16, Value),
    /// It lands, and the connection is cut before the answer.
    LandsCut,
    /// The connection is cut, and it does not land.
    Cut,
    /// It lands, and no answer comes.
    LandsSilent,
}

struct State {
    object: Value,
    next: VecDeque<Write>,
    dry_runs: VecDeque<Write>,
    writes: usize,
    asked: usize,
}

/// The server.
#[derive(Clone)]
pub struct Server {
    state: Arc<Mutex<State>>,
    address: String,
}

impl Server {
    pub async fn start(next: Vec<Write>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let mut object = super::workload("web", 2);
        object["kind"] = json!("Deployment");
        object["apiVersion"] = json!("apps/v1");
        object["metadata"] =
            json!({"name": "web", "namespace": "squad-7", "uid": "uid-1", "generation": 1, "resourceVersion": "100"});
        let state = State { object, next: next.into(), dry_runs: VecDeque::new(), writes: 0, asked: 0 };
        let server = Self { state: Arc::new(Mutex::new(state)), address };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        server
    }

    pub fn kubeconfig(&self) -> Kubeconfig {
        Kubeconfig::new(&json!({"server": self.address}), &json!({"token": "t"}))
    }

    pub fn object(&self) -> Value {
        self.state.lock().unwrap().object.clone()
    }

    /// How many writes landed.
    pub fn writes(&self) -> usize {
        self.state.lock().unwrap().writes
    }

    /// How many requests came.
    pub fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }

    /// What becomes of the next dry runs.
    pub fn dry_runs(&self, next: Vec<Write>) {
        self.state.lock().unwrap().dry_runs = next.into();
    }

    pub fn change(&self, change: Write) {
        self.state.lock().unwrap().change(&change);
    }

    async fn serve(self, mut stream: TcpStream) -> Option<()> {
        loop {
            let (head, body) = request(&mut stream).await?;
            let mut words = head.split_whitespace();
            let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
            let (status, answer) = match self.state.lock().unwrap().answer(&method, &path, &body) {
                Some(answer) => answer,
                None => return None,
            };
            if status == 0 {
                std::future::pending::<()>().await;
            }
            let answer = answer.to_string();
            let head =
                format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", answer.len());
            stream.write_all(format!("{head}{answer}").as_bytes()).await.ok()?;
        }
    }
}

impl State {
    /// The status and body; no status for silence, nothing for a cut connection.
    fn answer(&mut self, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
        self.asked += 1;
        let (place, query) = path.split_once('?').unwrap_or((path, ""));
        if method == "POST" && place.ends_with("/selfsubjectaccessreviews") {
            return Some((201, json!({"status": {"allowed": true}})));
        }
        if method == "GET" {
            return Some(match place {
                "/api/v1/namespaces/kube-system" => (200, json!({"metadata": {"uid": "the-cluster"}})),
                place if place.ends_with("/deployments/web") => (200, self.object.clone()),
                _ => (200, json!({"items": []})),
            });
        }
        let dry = query.contains("dryRun=All");
        let queue = if dry { &mut self.dry_runs } else { &mut self.next };
        let fate = queue.pop_front().unwrap_or(Write::Lands);
        self.change(&fate);
        match fate {
            Write::Answers(status, answer) => return Some((status, answer)),
            Write::Cut => return None,
            _ => {}
        }
        let named = body.pointer("/metadata/resourceVersion").cloned();
        if named.is_some() && named.as_ref() != self.object.pointer("/metadata/resourceVersion") {
            return Some((
                409,
                json!({"message": "Operation cannot be fulfilled: the object has been modified", "reason": "Conflict"}),
            ));
        }
        let mut changed = self.object.clone();
        merge(&mut changed["spec"], &body["spec"]);
        if dry {
            return Some((200, changed));
        }
        changed["metadata"]["generation"] = json!(changed["metadata"]["generation"].as_i64().unwrap() + 1);
        self.object = changed;
        self.bump();
        self.writes += 1;
        match fate {
            Write::LandsCut => None,
            Write::LandsSilent => Some((0, Value::Null)),
            Write::LandsAnswers(status, answer) => Some((status, answer)),
            _ => Some((200, self.object.clone())),
        }
    }

    fn change(&mut self, change: &Write) {
        let metadata = &mut self.object["metadata"];
        match change {
            Write::SpecFirst => metadata["generation"] = json!(metadata["generation"].as_i64().unwrap() + 1),
            Write::MadeAgainFirst => metadata["uid"] = json!("uid-2"),
            Write::StatusFirst => {}
            _ => return,
        }
        self.bump();
    }

    fn bump(&mut self) {
        let version: i64 = self.object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap();
        self.object["metadata"]["resourceVersion"] = json!((version + 1).to_string());
    }
}

/// As a strategic merge patch does: lists of containers by name.
fn merge(into: &mut Value, patch: &Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(patch)) => {
            for value in patch {
                if let Some(same) = into.iter_mut().find(|one| one["name"] == value["name"]) {
                    merge(same, value);
                }
            }
        }
        (into, patch) => *into = patch.clone(),
    }
}

async fn request(stream: &mut TcpStream) -> Option<(String, Value)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Some((head.to_owned(), serde_json::from_str(body).unwrap_or(Value::Null)));
        }
    }
}
