//! Builds by TeamCity's REST API.

use super::builds::{self, Builds};
use super::locator::{COUNT, fields};
use crate::adapters::source::{Client, Deadline, address, built};
use crate::config::Secret;
use crate::domain::SourceState;
use reqwest::{Method, Request};

/// The API of a server.
pub(super) struct Rest {
    pub url: String,
    pub token: Secret,
    pub client: Client,
}

impl Rest {
    /// The builds that a locator finds, the newest first.
    pub async fn builds(&self, locator: &str, parameters: bool, deadline: Deadline) -> Result<Builds, SourceState> {
        let reply = self.client.send(self.request(locator, parameters)?, deadline).await?;
        let unreadable = |why: &str| SourceState::Unavailable(why.to_owned());
        let answer = serde_json::from_slice(&reply.body).map_err(|_| unreadable("the answer is not JSON"))?;
        builds::builds(&answer).map_err(SourceState::Unavailable)
    }

    /// The one request that is sent.
    pub fn request(&self, locator: &str, parameters: bool) -> Result<Request, SourceState> {
        let mut url = address(&self.url, false, &["app", "rest", "builds"])?;
        let locator = format!("{locator},count:{COUNT}");
        url.query_pairs_mut().append_pair("locator", &locator).append_pair("fields", &fields(parameters));
        built(self.client.request(Method::GET, url).bearer_auth(self.token.expose()))
    }
}
