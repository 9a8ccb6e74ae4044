//! Discord: webhooks and a bot behind the port of a chat. What Discord says about its limits is obeyed before it has to refuse;
//! no limit is known here. Addresses of webhooks and tokens are secrets: nothing that leaves this module holds one.

mod answer;
mod channels;
mod limits;

pub use channels::ChannelsError;

use super::http::{HttpAnswer, HttpClient, HttpError, HttpRequest, endpoint, secret_header};
use crate::config::{DiscordSettings, Secret};
use crate::ports::{Clock, Delivery, Notifier};
use crate::redact::Redactor;
use channels::{Channels, Place};
use limits::Limits;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long one request may take.
const TIME: Duration = Duration::from_secs(10);
/// The longest answer that is read: a message as Discord gives it back is a little longer than it was sent.
const LONGEST: usize = 1 << 20;
/// The longest nonce that Discord takes (Create Message, `nonce`).
const NONCE: usize = 25;
/// Where people open a message, whatever the address of the API is.
const PEOPLE: &str = "https://discord.com/channels";

/// What is known of a channel beside its address.
#[derive(Clone, Debug, Default)]
struct Known {
    takes_buttons: bool,
    /// The server and the channel, of which links to messages are made.
    place: Option<(String, String)>,
}

/// Discord, as the settings name its channels.
pub struct Discord<C> {
    client: HttpClient,
    clock: C,
    channels: Channels,
    api: Url,
    application_id: Option<String>,
    token: Option<HeaderValue>,
    time: Duration,
    known: Mutex<BTreeMap<String, Known>>,
    limits: Mutex<Limits>,
}

impl<C: Clock> Discord<C> {
    /// Asks nothing yet.
    ///
    /// # Errors
    /// An address or a token can't be used; which setting it is, and never its value.
    pub fn new(settings: &DiscordSettings, redactor: Redactor, clock: C) -> Result<Self, ChannelsError> {
        let channels = Channels::of(settings)?;
        let http = |setting| move |error: HttpError| ChannelsError::new(setting, &error.to_string());
        let bearer = |token: &Secret| secret_header(&format!("Bot {}", token.expose()));
        Ok(Self {
            client: HttpClient::new(redactor).map_err(http("discord"))?,
            clock,
            channels,
            api: endpoint(&settings.api_url, &[]).map_err(http("discord.api_url"))?,
            application_id: settings.application_id.clone(),
            token: settings.bot_token.as_ref().map(bearer).transpose().map_err(http("DISCORD_BOT_TOKEN"))?,
            time: TIME,
            known: Mutex::default(),
            limits: Mutex::default(),
        })
    }

    /// With another time for a request, for tests.
    #[must_use]
    pub fn with_time(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// The names of all channels.
    pub fn channels(&self) -> impl Iterator<Item = &str> {
        self.channels.names()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn limits(&self) -> MutexGuard<'_, Limits> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a channel is there for us, and whether messages may have buttons there. Nothing is posted.
    ///
    /// # Errors
    /// Why not.
    pub async fn check(&self, channel: &str) -> Result<bool, Delivery> {
        self.ask(channel, |status| !status.is_success()).await.map(|known| known.takes_buttons)
    }

    /// Asks Discord once whose a webhook is, and where a channel is. What is wrong with it, the next request tells: it may be
    /// right then.
    async fn learn(&self, channel: &str) -> Result<Known, Delivery> {
        if let Some(known) = self.known().get(channel) {
            return Ok(known.clone());
        }
        self.ask(channel, |status| status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()).await
    }

    async fn ask(&self, channel: &str, is_fault: impl Fn(StatusCode) -> bool) -> Result<Known, Delivery> {
        let Some(place) = self.channels.get(channel) else { return Err(no_channel()) };
        let request = self.request(Method::GET, place, &[], None);
        let answer = self.send(channel, &request).await?;
        if is_fault(answer.status) {
            let words = || without_path(&request.url, self.client.words(&request, &answer));
            return Err(answer::read(&answer, &request.method, self.clock.now(), words));
        }
        let said = answer.json::<AboutChannel>().unwrap_or_default();
        let is_ours = said.application_id.is_some() && said.application_id == self.application_id;
        let id = match place {
            Place::Webhook(_) => said.channel_id,
            Place::Channel(id) => Some(id.clone()),
        };
        let takes_buttons = self.application_id.is_some() && (is_ours || matches!(place, Place::Channel(_)));
        let known = Known { takes_buttons, place: said.guild_id.zip(id) };
        if !answer.status.is_success() {
            return Ok(known);
        }
        Ok(self.known().entry(channel.to_owned()).or_insert(known).clone())
    }

    fn request(&self, method: Method, place: &Place, below: &[&str], body: Option<&Value>) -> HttpRequest {
        let url = match place {
            Place::Webhook(url) => url.clone(),
            Place::Channel(id) => with_path(self.api.clone(), &["channels", id]),
        };
        let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        if let (Place::Channel(_), Some(token)) = (place, &self.token) {
            headers.insert(AUTHORIZATION, token.clone());
        }
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        HttpRequest { method, url: with_path(url, below), headers, body: body.map(Value::to_string).unwrap_or_default() }
    }

    /// One request, unless a limit holds it back.
    async fn send(&self, channel: &str, request: &HttpRequest) -> Result<HttpAnswer, Delivery> {
        let method = request.method.clone();
        let until = self.limits().take(channel, &method, self.clock.now());
        if let Some((until, global)) = until {
            return Err(Delivery::RateLimited { until, global });
        }
        let answer = self.client.send(request, self.time, LONGEST).await;
        let answer = answer.map_err(|error| Delivery::Retry(error.to_string()))?;
        self.limits().learn(channel, &method, &answer, self.clock.now());
        Ok(answer)
    }

    async fn deliver(&self, channel: &str, request: HttpRequest, buttons: bool) -> Delivery {
        let answer = match self.send(channel, &request).await {
            Ok(answer) => answer,
            Err(held) => return held,
        };
        let words = || without_path(&request.url, self.client.words(&request, &answer));
        let delivery = answer::read(&answer, &request.method, self.clock.now(), words);
        match delivery {
            Delivery::Sent { message_id, channel_id, has_components, .. } => {
                let mut known = self.known();
                let known = known.get_mut(channel);
                let link = known.as_ref().and_then(|known| known.place.as_ref());
                let link = link.map(|(server, channel)| format!("{PEOPLE}/{server}/{channel}/{message_id}"));
                if let Some(known) = known.filter(|_| buttons && !has_components) {
                    known.takes_buttons = false;
                }
                Delivery::Sent { message_id, channel_id, link, has_components }
            }
            other => other,
        }
    }
}

impl<C: Clock + Send> Notifier for Discord<C> {
    fn has(&self, channel: &str) -> bool {
        self.channels.get(channel).is_some()
    }

    async fn takes_buttons(&self, channel: &str) -> Result<bool, Delivery> {
        self.learn(channel).await.map(|known| known.takes_buttons)
    }

    async fn post(&self, channel: &str, nonce: &str, message: &Value) -> Delivery {
        let Some(place) = self.channels.get(channel) else { return no_channel() };
        let request = match place {
            Place::Webhook(_) => {
                let mut request = self.request(Method::POST, place, &[], Some(message));
                request.url.query_pairs_mut().append_pair("wait", "true");
                request
            }
            Place::Channel(_) => {
                let mut message = message.clone();
                let nonce: String = nonce.chars().filter(char::is_ascii_alphanumeric).take(NONCE).collect();
                if let Some(message) = message.as_object_mut() {
                    message.insert("nonce".to_owned(), nonce.into());
                    message.insert("enforce_nonce".to_owned(), true.into());
                }
                self.request(Method::POST, place, &["messages"], Some(&message))
            }
        };
        self.deliver(channel, request, has_buttons(message)).await
    }

    async fn patch(&self, channel: &str, message_id: &str, message: &Value) -> Delivery {
        let Some(place) = self.channels.get(channel) else { return no_channel() };
        let request = self.request(Method::PATCH, place, &["messages", message_id], Some(message));
        self.deliver(channel, request, has_buttons(message)).await
    }

    async fn reply(&self, token: &str, message: &Value) -> Delivery {
        let Some(application) = &self.application_id else { return no_channel() };
        let url = with_path(self.api.clone(), &["webhooks", application, token]);
        let request = self.request(Method::PATCH, &Place::Webhook(url), &["messages", "@original"], Some(message));
        // Each interaction has a limit of its own, and lives for 15 min: there is nothing to learn.
        match self.client.send(&request, self.time, LONGEST).await {
            Ok(answer) => {
                let words = || without_path(&request.url, self.client.words(&request, &answer));
                answer::read(&answer, &request.method, self.clock.now(), words)
            }
            Err(error) => Delivery::Retry(error.to_string()),
        }
    }
}

/// What `GET` says of a webhook or a channel.
#[derive(Default, Deserialize)]
struct AboutChannel {
    application_id: Option<String>,
    guild_id: Option<String>,
    channel_id: Option<String>,
}

fn no_channel() -> Delivery {
    Delivery::ChannelGone("no such channel in the settings".to_owned())
}

/// What a server between us and Discord says may quote the address: its longer parts are a webhook's token and ids.
fn without_path(url: &Url, words: String) -> String {
    let parts = url.path().split('/').filter(|part| part.len() >= 12);
    parts.fold(words.replace(url.path(), "<address>"), |words, part| words.replace(part, "<secret>"))
}

fn has_buttons(message: &Value) -> bool {
    message.get("components").and_then(Value::as_array).is_some_and(|rows| !rows.is_empty())
}

fn with_path(mut url: Url, below: &[&str]) -> Url {
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(below);
    }
    url
}
