//! A server that says what it is told, keeps what it was asked, and closes the connection behind every answer.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One request as it came.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// `POST`.
    pub method: String,
    /// The path with its query, as it was sent.
    pub target: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Seen {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The path, and the query's pairs decoded.
    pub fn query(&self) -> (String, Vec<(String, String)>) {
        let url = reqwest::Url::parse("http://x").unwrap().join(&self.target).unwrap();
        (url.path().to_owned(), url.query_pairs().into_owned().collect())
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    end: End,
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// As it should.
    Whole,
    /// Never.
    Never,
    /// Before what it promised.
    Cut,
    /// It never begins.
    Silent,
}

impl Reply {
    pub fn status(status: u16, body: &str) -> Self {
        Self::bytes(status, body.as_bytes().to_vec())
    }

    pub fn bytes(status: u16, body: Vec<u8>) -> Self {
        Self { status, headers: vec![("content-type", "application/json".to_owned())], body, end: End::Whole }
    }

    pub fn json(body: serde_json::Value) -> Self {
        Self::status(200, &body.to_string())
    }

    /// A body without end, within valid JSON.
    pub fn endless() -> Self {
        Self { end: End::Never, ..Self::status(200, "[\"") }
    }

    /// A body that ends before its length.
    pub fn cut() -> Self {
        Self { end: End::Cut, ..Self::status(200, "[") }
    }

    /// No answer at all.
    pub fn silent() -> Self {
        Self { end: End::Silent, ..Self::status(200, "") }
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// A server on this machine.
pub struct Fake {
    /// Its address.
    pub address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Fake {
    /// Answers by the number of a request, from 0, and what it says.
    pub async fn new(reply: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (seen, reply) = (Arc::new(Mutex::new(Vec::new())), Arc::new(reply));
        let all = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (all, reply) = (Arc::clone(&all), Arc::clone(&reply));
                tokio::spawn(async move { serve(stream, &all, &*reply).await });
            }
        });
        Self { address, seen }
    }

    /// The same answer to everything.
    pub async fn always(reply: Reply) -> Self {
        Self::new(move |_, _| reply.clone()).await
    }

    /// The whole address of a request.
    pub fn at(&self, seen: &Seen) -> String {
        format!("{}{}", self.address, seen.target)
    }

    /// What it was asked, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, all: &Mutex<Vec<Seen>>, reply: &(dyn Fn(usize, &Seen) -> Reply + Send + Sync)) {
    let Some(seen) = request(&mut stream).await else { return };
    let number = {
        let mut all = all.lock().unwrap();
        all.push(seen.clone());
        all.len() - 1
    };
    let Reply { status, headers, body, end } = reply(number, &seen);
    if end == End::Silent {
        std::future::pending::<()>().await;
    }
    let length = match end {
        End::Never => String::new(),
        End::Cut => format!("content-length: {}\r\n", body.len() + 100),
        End::Whole | End::Silent => format!("content-length: {}\r\n", body.len()),
    };
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("HTTP/1.1 {status} X\r\n{headers}{length}connection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&body).await;
    let chunk = vec![b'a'; 1 << 16];
    while end == End::Never && stream.write_all(&chunk).await.is_ok() {}
    let _ = stream.shutdown().await;
}

async fn request(stream: &mut TcpStream) -> Option<Seen> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(seen) = parse(&bytes) {
            return Some(seen);
        }
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

/// A request whose body has arrived.
fn parse(bytes: &[u8]) -> Option<Seen> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers: Vec<(String, String)> = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let seen = Seen { method, target, headers, body: body.to_owned() };
    let length: usize = seen.header("content-length").map_or(0, |length| length.parse().unwrap());
    (body.len() >= length).then_some(seen)
}
