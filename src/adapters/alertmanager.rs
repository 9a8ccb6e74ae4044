//! The alerts that an Alertmanager holds for active, by its API (v2, `GET /alerts`).

use super::http::secret_header;
use super::source::{self, Client, Deadline, LIMIT, address, unavailable};
use crate::config::{Secret, ServeSettings};
use crate::domain::SourceState;
use crate::redact::Redactor;
use reqwest::Method;
use reqwest::header::AUTHORIZATION;
use serde::Deserialize;
use std::collections::BTreeSet;

/// An Alertmanager.
pub struct Alertmanager {
    url: String,
    token: Option<Secret>,
    client: Client,
}

/// One alert of the list, as far as it is read.
#[derive(Deserialize)]
struct Active {
    fingerprint: String,
}

impl Alertmanager {
    /// `None` where none is configured.
    ///
    /// # Errors
    /// When there can be no HTTP client.
    pub fn new(settings: &ServeSettings, redactor: Redactor) -> Option<Result<Self, SourceState>> {
        let (url, token) = (settings.alertmanager_url.clone()?, settings.alertmanager_token.clone());
        Some(Client::new(redactor).map(|client| Self { url, token, client }))
    }

    /// The fingerprints of all alerts that are active, silenced and inhibited ones among them: those that are over are not.
    ///
    /// # Errors
    /// The list could not be read whole.
    pub async fn active(&self) -> Result<BTreeSet<String>, SourceState> {
        let mut request = source::request(Method::GET, address(&self.url, false, &["api", "v2", "alerts"])?);
        if let Some(token) = &self.token {
            let bearer = secret_header(&format!("Bearer {}", token.expose())).map_err(unavailable)?;
            request.headers.insert(AUTHORIZATION, bearer);
        }
        let answer = self.client.send(request, Deadline::after(LIMIT)).await?;
        let alerts: Vec<Active> = serde_json::from_slice(&answer.body).map_err(|error| {
            let why = if error.is_data() { "the answer is no list of alerts" } else { "the answer is not JSON" };
            SourceState::Unavailable(why.to_owned())
        })?;
        Ok(alerts.into_iter().map(|alert| alert.fingerprint).collect())
    }
}
