//! A Discord that keeps what it is sent, and answers what it is told to.

use super::Time;
use serde_json::{Value, json};
use sre_copilot::ports::Clock;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wiremock::{Request, Respond, ResponseTemplate};

/// One request that would show something.
#[derive(Clone, Debug)]
pub struct Asked {
    /// When, in milliseconds since 1970, by our clock.
    pub at: i64,
    pub method: String,
    pub path: String,
    pub query: String,
    pub body: Value,
}

/// One message.
#[derive(Clone, Debug)]
pub struct Message {
    pub id: String,
    /// The path it was posted to.
    pub path: String,
    pub body: Value,
}

/// Decides what a request is answered instead of being done.
type Rule = Box<dyn Fn(&Asked) -> Option<ResponseTemplate> + Send>;

#[derive(Default)]
struct Inner {
    asked: Vec<Asked>,
    gets: Vec<String>,
    messages: Vec<Message>,
    /// Answers to the next requests; `None` is what it should be.
    next: VecDeque<Option<ResponseTemplate>>,
    rule: Option<Rule>,
    /// What belongs to another application.
    foreign: bool,
    /// It takes messages, and says nothing of it.
    swallows: bool,
}

pub struct Chat {
    time: Time,
    inner: Mutex<Inner>,
}

pub struct Answers(pub Arc<Chat>);

impl Respond for Answers {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        self.0.answer(request)
    }
}

impl Chat {
    pub fn new(time: Time) -> Self {
        Self { time, inner: Mutex::default() }
    }

    /// What it was asked to show, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.inner.lock().unwrap().asked.clone()
    }

    /// How many requests there were at all.
    pub fn requests(&self) -> usize {
        let inner = self.inner.lock().unwrap();
        inner.asked.len() + inner.gets.len()
    }

    pub fn posts(&self) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.method == "POST").collect()
    }

    pub fn messages(&self) -> Vec<Message> {
        self.inner.lock().unwrap().messages.clone()
    }

    /// The texts of the messages that stand.
    pub fn texts(&self) -> Vec<String> {
        self.messages().iter().map(|message| message.body.to_string()).collect()
    }

    /// Answers the next request with this.
    pub fn then(&self, status: u16, headers: &[(&str, &str)], body: &Value) {
        let answer =
            headers.iter().fold(ResponseTemplate::new(status), |answer, (name, value)| answer.insert_header(*name, *value));
        self.inner.lock().unwrap().next.push_back(Some(answer.set_body_json(body)));
    }

    /// Does what the next request asks, and answers with these headers.
    pub fn then_right(&self, headers: &[(&str, &str)]) {
        let answer = headers.iter().fold(ResponseTemplate::new(299), |answer, (name, value)| answer.insert_header(*name, *value));
        self.inner.lock().unwrap().next.push_back(Some(answer));
    }

    pub fn then_hangs(&self) {
        let answer = ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
        self.inner.lock().unwrap().next.push_back(Some(answer));
    }

    pub fn rule(&self, rule: impl Fn(&Asked) -> Option<ResponseTemplate> + Send + 'static) {
        self.inner.lock().unwrap().rule = Some(Box::new(rule));
    }

    pub fn works_again(&self) {
        self.inner.lock().unwrap().rule = None;
    }

    pub fn is_foreign(&self) {
        self.inner.lock().unwrap().foreign = true;
    }

    pub fn swallows(&self, it: bool) {
        self.inner.lock().unwrap().swallows = it;
    }

    pub fn forget(&self, id: &str) {
        self.inner.lock().unwrap().messages.retain(|message| message.id != id);
    }

    fn answer(&self, request: &Request) -> ResponseTemplate {
        let mut inner = self.inner.lock().unwrap();
        let (path, method) = (request.url.path().to_owned(), request.method.to_string());
        if method == "GET" {
            inner.gets.push(path);
            let application = if inner.foreign { Value::Null } else { json!("77") };
            return ResponseTemplate::new(200)
                .set_body_json(json!({"id": "42", "application_id": application, "guild_id": "7", "channel_id": "42"}));
        }
        let asked = Asked {
            at: self.time.now().as_millisecond(),
            method: method.clone(),
            path: path.clone(),
            query: request.url.query().unwrap_or_default().to_owned(),
            body: serde_json::from_slice(&request.body).unwrap(),
        };
        inner.asked.push(asked.clone());
        let ruled = inner.rule.as_ref().and_then(|rule| rule(&asked));
        let told = ruled.or_else(|| inner.next.pop_front().flatten());
        let mut headers = ResponseTemplate::new(200);
        if let Some(answer) = told {
            if format!("{answer:?}").contains("status_code: 299") {
                headers = answer;
            } else {
                return answer;
            }
        }
        let done = inner.done(&asked);
        if inner.swallows {
            return ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
        }
        match done {
            // 299 is a success too.
            Some(message) => headers.set_body_json(message),
            None => ResponseTemplate::new(404).set_body_json(json!({"message": "Unknown Message", "code": 10008})),
        }
    }
}

impl Inner {
    /// Does what is asked.
    fn done(&mut self, asked: &Asked) -> Option<Value> {
        if asked.method == "PATCH" {
            let id = asked.path.rsplit('/').next().unwrap_or_default();
            let foreign = self.foreign;
            let message = self.messages.iter_mut().find(|message| message.id == id)?;
            message.body = asked.body.clone();
            return Some(shown(message, foreign));
        }
        let nonce = asked.body.get("nonce").filter(|_| asked.body["enforce_nonce"] == true);
        if let Some(there) = self.messages.iter().find(|message| nonce.is_some() && message.body.get("nonce") == nonce) {
            return Some(shown(there, self.foreign));
        }
        let id = (1_000 + self.messages.len()).to_string();
        self.messages.push(Message { id, path: asked.path.clone(), body: asked.body.clone() });
        self.messages.last().map(|message| shown(message, self.foreign))
    }
}

/// A message as it is given back; components of a webhook that is nobody's are dropped.
fn shown(message: &Message, foreign: bool) -> Value {
    let components = if foreign { json!([]) } else { message.body["components"].clone() };
    json!({"id": message.id, "channel_id": "42", "components": components})
}
