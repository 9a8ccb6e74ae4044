//! Structured logs from Seq: what an application logged elsewhere around a moment. It is context for people; no rule reads it.

mod events;
mod filter;

use super::source::{Client, Deadline, LIMIT, address, built, sendable, shown, without};
use crate::cluster::LogEvent;
use crate::config::{Secret, SeqSettings};
use crate::domain::SourceState;
use crate::ports::{Answered, Egress, EvidenceRequest, LogSearch};
use crate::redact::Redactor;
use events::Page;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::HeaderValue;
use reqwest::{Method, Request, Url};

/// The header that Seq reads its key from.
const KEY: &str = "x-seq-apikey";
/// How far around the moment events are searched for.
const AROUND: SignedDuration = SignedDuration::from_mins(10);
/// Events of a page.
const PAGE: usize = 1_000;
/// The most pages that are read.
const PAGES: usize = 5;

/// A Seq server.
pub struct Seq {
    url: String,
    api_key: Option<Secret>,
    filter: String,
    redactor: Redactor,
    client: Client,
}

impl Seq {
    /// `None` where Seq isn't configured, since then it isn't asked. A server without users needs no key.
    ///
    /// # Errors
    /// When there can be no HTTP client.
    pub fn new(settings: &SeqSettings, redactor: Redactor) -> Option<Result<Self, SourceState>> {
        let (url, api_key) = (settings.url.clone()?, settings.api_key.clone());
        let filter = settings.filter.clone().unwrap_or_else(|| filter::TEMPLATE.to_owned());
        Some(Client::new().map(|client| Self { url, api_key, filter, redactor, client }))
    }

    /// All pages that could be read, newest first, and how that went.
    async fn pages(&self, asked: &EvidenceRequest) -> (Vec<LogEvent>, SourceState) {
        let deadline = Deadline::after(LIMIT);
        let (mut found, mut lost, mut after) = (Vec::new(), 0, None);
        for number in 1..=PAGES {
            let page = match self.page(asked, after.as_deref(), deadline).await {
                Ok(page) => page,
                Err(state) if number == 1 => return (found, state),
                // What was read stays; of the rest nothing is known.
                Err(state) => {
                    let why = format!("at least {} events, page {number} failed: {state}", found.len());
                    return (found, SourceState::Partial(why));
                }
            };
            lost += page.sent - page.events.len();
            found.extend(page.events);
            if page.sent < PAGE && !page.cut {
                let state = match lost {
                    0 => SourceState::Ok,
                    lost => SourceState::Partial(format!("events that can't be understood: {lost}")),
                };
                return (found, state);
            }
            after = page.last_id;
            if after.is_none() {
                break;
            }
        }
        let why = format!("at least {} events, only the newest were read", found.len());
        (found, SourceState::Partial(why))
    }

    async fn page(&self, asked: &EvidenceRequest, after: Option<&str>, deadline: Deadline) -> Result<Page, SourceState> {
        let reply = self.client.send(self.request(asked, after)?, deadline).await?;
        events::page(&reply.body, &self.redactor).map_err(SourceState::Unavailable)
    }

    /// What is sent for the first page; `None` where nothing is. Further pages differ in `afterId`.
    pub fn egress(&self, asked: &EvidenceRequest) -> Option<Egress> {
        self.request(asked, None).ok().map(|request| shown("log search", &request))
    }

    /// The request for one page.
    fn request(&self, asked: &EvidenceRequest, after: Option<&str>) -> Result<Request, SourceState> {
        let filter = filter::filter(&self.filter, |name| filter::value(asked, name)).map_err(|name| without(&name))?;
        sendable(&self.redactor, &filter)?;
        let mut url: Url = address(&self.url, false, &["api", "events"])?;
        let (from, to) = window(asked.at);
        let mut query = url.query_pairs_mut();
        query.append_pair("filter", &filter);
        query.append_pair("fromDateUtc", &from.to_string()).append_pair("toDateUtc", &to.to_string());
        query.append_pair("count", &PAGE.to_string());
        if let Some(after) = after {
            query.append_pair("afterId", after);
        }
        drop(query);
        let request = self.client.request(Method::GET, url);
        let Some(key) = &self.api_key else { return built(request) };
        let mut value = HeaderValue::from_str(key.expose())
            .map_err(|_| SourceState::Unavailable("the key has characters that no header can hold".to_owned()))?;
        value.set_sensitive(true);
        built(request.header(KEY, value))
    }
}

/// Ten minutes before and after.
fn window(at: Timestamp) -> (Timestamp, Timestamp) {
    (at.checked_sub(AROUND).unwrap_or(Timestamp::MIN), at.checked_add(AROUND).unwrap_or(Timestamp::MAX))
}

impl LogSearch for Seq {
    async fn events(&self, request: &EvidenceRequest) -> Answered<LogEvent> {
        let (mut items, state) = self.pages(request).await;
        items.reverse();
        items.sort_by_key(|event| event.at);
        Answered { state, items }
    }
}
