//! A fake server that speaks both wire formats, keeps what it received, and is slow, hostile or broken on demand. What it
//! answers is a function of what it received, so that a test can say what a stage is told.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The longest request that is read.
const LONGEST: usize = 16 << 20;

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// The model's words, in the format of the API that was asked.
    Says(Said),
    /// Anything else: a status, headers, a body.
    Raw { status: u16, headers: Vec<(&'static str, String)>, body: String },
    /// Nothing, ever.
    Hangs,
    /// The beginning of an answer that never ends, as fast as it is read.
    Endless,
    /// Half of an answer.
    CutOff,
}

/// What a model says.
#[derive(Clone, Debug)]
pub struct Said {
    pub text: String,
    pub ending: Ending,
    /// What it says it read; without it what it did read, at three bytes a token.
    pub prompt_tokens: Option<u64>,
}

/// Why it stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Complete,
    Truncated,
    Refused,
}

impl Reply {
    /// A complete answer.
    pub fn says(text: impl ToString) -> Self {
        Self::ends(text, Ending::Complete)
    }

    /// An answer that ends like this.
    pub fn ends(text: impl ToString, ending: Ending) -> Self {
        Self::Says(Said { text: text.to_string(), ending, prompt_tokens: None })
    }

    /// A complete answer that lies about what was read.
    pub fn claims(text: impl ToString, prompt_tokens: u64) -> Self {
        Self::Says(Said { text: text.to_string(), ending: Ending::Complete, prompt_tokens: Some(prompt_tokens) })
    }

    /// An error in the shape that both APIs have.
    pub fn error(status: u16, kind: &str, message: &str) -> Self {
        let body = json!({"type": "error", "error": {"type": kind, "message": message}});
        Self::Raw { status, headers: vec![("content-type", "application/json".to_owned())], body: body.to_string() }
    }

    /// Any JSON.
    pub fn json(status: u16, body: Value) -> Self {
        Self::Raw { status, headers: vec![("content-type", "application/json".to_owned())], body: body.to_string() }
    }

    /// The same with one header more.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Raw { headers, .. } = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }

    /// A proxy's page, with success.
    pub fn page() -> Self {
        let headers = vec![("content-type", "text/html".to_owned())];
        Self::Raw { status: 200, headers, body: "<!doctype html><p>Please log in".to_owned() }
    }

    /// Success, and a body that is what the API never sends.
    pub fn text(body: &str) -> Self {
        Self::Raw { status: 200, headers: vec![("content-type", "application/json".to_owned())], body: body.to_owned() }
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct Received {
    /// How many came before it.
    pub n: usize,
    pub path: String,
    /// By name in small letters.
    pub headers: BTreeMap<String, String>,
    /// As it came.
    pub raw: String,
    /// The same as JSON.
    pub body: Value,
}

impl Received {
    /// The stage that asks, by what its schema asks for.
    pub fn stage(&self) -> &'static str {
        let schemas = [
            "/output_config/format/schema/properties",
            "/tools/0/input_schema/properties",
            "/response_format/json_schema/schema/properties",
        ];
        let asked = schemas.iter().find_map(|place| self.body.pointer(place));
        let known = [
            ("reviews", "criticize"),
            ("hypotheses", "hypothesize"),
            ("headline", "synthesize"),
            ("choice", "fix"),
            ("observations", "analyze"),
            ("look", "converse"),
        ];
        let stage = known.iter().find(|(field, _)| asked.is_some_and(|asked| asked.get(field).is_some()));
        stage.map_or("", |(_, stage)| stage)
    }

    /// The system text.
    pub fn system(&self) -> &str {
        let places = ["/system/0/text", "/messages/0/content"];
        places.iter().find_map(|place| self.body.pointer(place)?.as_str()).unwrap_or_default()
    }

    fn is_anthropic(&self) -> bool {
        self.path.ends_with("/v1/messages")
    }
}

/// The server; it ends with the test.
pub struct FakeModel {
    address: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl FakeModel {
    /// Answers each request with what the function makes of it.
    pub async fn start(answers: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        // It is there already where another test of the process came first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let (kept, answers) = (Arc::clone(&received), Arc::new(answers));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, answers) = (Arc::clone(&kept), Arc::clone(&answers));
                // A client that goes away in the middle is no fault of the server.
                tokio::spawn(async move { serve(stream, &kept, &*answers).await.ok() });
            }
        });
        Self { address, received }
    }

    /// Gives these answers one after the other, and then the last one again.
    pub async fn script(answers: Vec<Reply>) -> Self {
        Self::start(move |received| answers[received.n.min(answers.len() - 1)].clone()).await
    }

    /// Gives this answer always.
    pub async fn always(answer: Reply) -> Self {
        Self::start(move |_| answer.clone()).await
    }

    /// `http://127.0.0.1:PORT`: the base of Anthropic's API.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The base of OpenAI's API.
    pub fn openai(&self) -> String {
        format!("{}/v1", self.address)
    }

    /// What came, in order.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    kept: &Mutex<Vec<Received>>,
    answers: &(dyn Fn(&Received) -> Reply + Send + Sync),
) -> std::io::Result<()> {
    let Some((head, body)) = read(&mut stream).await? else { return Ok(()) };
    let mut lines = head.lines();
    let path = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    let received = {
        let mut kept = kept.lock().unwrap();
        let body_json = serde_json::from_str(&body).unwrap_or_default();
        let n = kept.len();
        kept.push(Received { n, path, headers, raw: body, body: body_json });
        kept.last().cloned().unwrap()
    };
    let answer = |status: u16, headers: &[(&str, String)], body: &str| {
        let mut text = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
        format!("{text}\r\n{body}")
    };
    match answers(&received) {
        Reply::Says(said) => {
            let body = if received.is_anthropic() { anthropic(&received, &said) } else { openai(&received, &said) };
            let headers = [("content-type", "application/json".to_owned())];
            stream.write_all(answer(200, &headers, &body.to_string()).as_bytes()).await?;
        }
        Reply::Raw { status, headers, body } => stream.write_all(answer(status, &headers, &body).as_bytes()).await?,
        Reply::Hangs => std::future::pending().await,
        Reply::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"a\": \"").await?;
            loop {
                stream.write_all(&[b'a'; 8192]).await?;
            }
        }
        Reply::CutOff => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"content\": [").await?,
    }
    stream.shutdown().await
}

/// The head and the body of a request; `None` when the connection ends before.
async fn read(stream: &mut TcpStream) -> std::io::Result<Option<(String, String)>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head.lines().filter_map(|line| line.split_once(':'));
            let length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            let length = length.filter_map(|(_, length)| length.trim().parse::<usize>().ok()).next().unwrap_or(0);
            let start = end + 4;
            if bytes.len() >= start + length {
                return Ok(Some((head, String::from_utf8_lossy(&bytes[start..start + length]).into_owned())));
            }
        }
        if bytes.len() > LONGEST || stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}

fn anthropic(received: &Received, said: &Said) -> Value {
    let is_tool = received.body.get("tools").is_some();
    let answer = match serde_json::from_str::<Value>(&said.text) {
        Ok(input) if is_tool => json!({"type": "tool_use", "id": "toolu_1", "name": "answer", "input": input}),
        _ => json!({"type": "text", "text": said.text}),
    };
    let stop_reason = match said.ending {
        Ending::Complete => {
            if is_tool {
                "tool_use"
            } else {
                "end_turn"
            }
        }
        Ending::Truncated => "max_tokens",
        Ending::Refused => "refusal",
    };
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": received.body["model"],
        "content": [{"type": "thinking", "thinking": "{\"not\": \"this\"}", "signature": "x"}, answer],
        "stop_reason": stop_reason, "stop_sequence": null,
        "usage": {
            "input_tokens": said.prompt_tokens.unwrap_or_else(|| prompt_tokens(received)), "output_tokens": 50,
            "cache_creation_input_tokens": 7, "cache_read_input_tokens": null,
        },
    })
}

fn openai(received: &Received, said: &Said) -> Value {
    let finish_reason = match said.ending {
        Ending::Complete => "stop",
        Ending::Truncated => "length",
        Ending::Refused => "content_filter",
    };
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "model": received.body["model"],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": said.text}, "finish_reason": finish_reason}],
        "usage": {
            "prompt_tokens": said.prompt_tokens.unwrap_or_else(|| prompt_tokens(received)), "completion_tokens": 50,
        },
    })
}

fn prompt_tokens(received: &Received) -> u64 {
    let messages = received.body["messages"].as_array().into_iter().flatten();
    let said: usize = messages.filter_map(|message| message["content"].as_str()).map(str::len).sum();
    (said + received.body["system"].to_string().len()).div_ceil(3).try_into().unwrap()
}
