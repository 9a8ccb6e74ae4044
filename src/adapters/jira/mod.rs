//! Tickets from Jira Cloud: whether somebody works on it already. It only searches; nothing is written, and a ticket says
//! nothing about what is wrong in the cluster.

mod answer;
mod jql;

use super::source::{Client, Deadline, address, built, sendable, shown, without};
use crate::config::{JiraSettings, Secret};
use crate::domain::{SourceState, Ticket};
use crate::ports::{Answered, Egress, EvidenceRequest, TicketTracker};
use crate::redact::Redactor;
use reqwest::{Method, Request};
use serde_json::json;
use std::time::Duration;

/// How long Jira may take.
const LIMIT: Duration = Duration::from_secs(8);
/// The most tickets that are asked for.
const MOST: usize = 5;
/// In this header Jira says how the login went, also where it then answers as to anybody: with 200 and no tickets.
const LOGIN: &str = "x-seraph-loginreason";
/// Logins that failed: a wrong token, and one that a captcha stands before.
const FAILED: [&str; 2] = ["AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED"];

/// A site of Jira Cloud.
pub struct Jira {
    base_url: String,
    email: String,
    api_token: Secret,
    jql: String,
    redactor: Redactor,
    client: Client,
}

impl Jira {
    /// `None` where Jira isn't configured, since then it isn't asked.
    ///
    /// # Errors
    /// What is missing of a configuration that was begun.
    pub fn new(settings: &JiraSettings, redactor: Redactor) -> Option<Result<Self, SourceState>> {
        let base_url = settings.base_url.clone()?;
        Some((|| {
            let missing = |key: &str| SourceState::Unavailable(format!("{key} is not set"));
            Ok(Self {
                base_url,
                email: settings.email.clone().ok_or_else(|| missing("jira.email"))?,
                api_token: settings.api_token.clone().ok_or_else(|| missing("jira.api_token"))?,
                jql: settings.jql.clone().unwrap_or_else(|| jql::TEMPLATE.to_owned()),
                redactor,
                client: Client::new()?,
            })
        })())
    }

    async fn search(&self, asked: &EvidenceRequest) -> Result<(Vec<Ticket>, SourceState), SourceState> {
        let reply = self.client.send(self.request(asked)?, Deadline::after(LIMIT)).await?;
        let login = reply.headers.get_all(LOGIN).iter().filter_map(|value| value.to_str().ok());
        let failed = login.flat_map(|value| value.split(',')).map(str::trim).find(|value| FAILED.contains(value));
        if let Some(failed) = failed {
            return Err(SourceState::Forbidden(format!("the login failed, {failed}")));
        }
        let (mut tickets, lost) = answer::tickets(&reply.body, &self.base_url).map_err(SourceState::Unavailable)?;
        tickets.truncate(MOST);
        let state = match lost {
            0 => SourceState::Ok,
            _ if tickets.is_empty() => SourceState::Unavailable("no ticket of the answer can be understood".to_owned()),
            lost => SourceState::Partial(format!("tickets that can't be understood: {lost}")),
        };
        Ok((tickets, state))
    }

    /// What is sent for such a request; `None` where nothing is.
    pub fn egress(&self, asked: &EvidenceRequest) -> Option<Egress> {
        self.request(asked).ok().map(|request| shown("tickets", &request))
    }

    /// The one request that is sent.
    fn request(&self, asked: &EvidenceRequest) -> Result<Request, SourceState> {
        let query = jql::query(&self.jql, |name| jql::value(asked, name)).map_err(|name| without(&name))?;
        sendable(&self.redactor, &query)?;
        let url = address(&self.base_url, true, &["rest", "api", "3", "search", "jql"])?;
        let request = self.client.request(Method::POST, url).basic_auth(&self.email, Some(self.api_token.expose()));
        built(request.json(&json!({"jql": query, "fields": answer::FIELDS, "maxResults": MOST})))
    }
}

impl TicketTracker for Jira {
    async fn tickets(&self, request: &EvidenceRequest) -> Answered<Ticket> {
        match self.search(request).await {
            Ok((items, state)) => Answered { state, items },
            Err(state) => Answered { state, items: Vec::new() },
        }
    }
}
