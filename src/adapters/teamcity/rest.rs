//! Builds by TeamCity's REST API.

use super::builds::{self, Builds};
use super::locator::{COUNT, fields};
use crate::adapters::http::{HttpRequest, secret_header};
use crate::adapters::source::{self, Client, Deadline, address, unavailable};
use crate::config::Secret;
use crate::domain::SourceState;
use reqwest::Method;
use reqwest::header::AUTHORIZATION;

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
    pub fn request(&self, locator: &str, parameters: bool) -> Result<HttpRequest, SourceState> {
        let mut url = address(&self.url, false, &["app", "rest", "builds"])?;
        let locator = format!("{locator},count:{COUNT}");
        url.query_pairs_mut().append_pair("locator", &locator).append_pair("fields", &fields(parameters));
        let mut request = source::request(Method::GET, url);
        let token = secret_header(&format!("Bearer {}", self.token.expose())).map_err(unavailable)?;
        request.headers.insert(AUTHORIZATION, token);
        Ok(request)
    }
}
