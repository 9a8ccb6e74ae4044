//! Deploys from TeamCity, by its REST API or else by an MCP server before it. It only reads; which build deploys what and where
//! is a setting, and no model sees any of this.

mod builds;
mod locator;
mod mapping;
mod mcp;
mod rest;

use super::source::{Client, Deadline, LIMIT, shown};
use crate::config::{DeployMapping, TeamcitySettings};
use crate::domain::{Deploy, SourceState};
use crate::ports::{Answered, DeployHistory, Egress, EvidenceRequest};
use builds::Builds;
use mcp::Mcp;
use rest::Rest;

/// A TeamCity server.
pub struct Teamcity {
    access: Access,
    project: Option<String>,
    mappings: Vec<DeployMapping>,
}

/// How it is asked.
enum Access {
    Rest(Rest),
    Mcp(Mcp),
}

impl Teamcity {
    /// `None` where TeamCity isn't configured, since then it isn't asked. The REST API goes before MCP.
    ///
    /// # Errors
    /// What is missing of a configuration that was begun.
    pub fn new(settings: &TeamcitySettings) -> Option<Result<Self, SourceState>> {
        let access = match (&settings.url, &settings.mcp_url) {
            (Some(url), _) => rest(url, settings),
            (None, Some(url)) => Mcp::new(url, settings).map(Access::Mcp),
            (None, None) => return None,
        };
        let (project, mappings) = (settings.project.clone(), settings.deploys.clone());
        Some(access.map(|access| Self { access, project, mappings }))
    }

    /// What is sent for such a request; `None` where nothing is. Of MCP it is the call of the tool that lists; what goes around
    /// it is the protocol's.
    pub fn egress(&self, asked: &EvidenceRequest) -> Option<Egress> {
        let locator = self.locator(asked).ok()?;
        let parameters = mapping::names_parameters(&self.mappings);
        match &self.access {
            Access::Rest(rest) => rest.request(&locator, parameters).ok().map(|request| shown("deploys", &request)),
            Access::Mcp(mcp) => Some(mcp.egress(&locator, parameters)),
        }
    }

    /// What is asked for.
    fn locator(&self, asked: &EvidenceRequest) -> Result<String, SourceState> {
        let unmapped = mapping::unmapped(&self.mappings, &asked.namespaces);
        if self.mappings.is_empty() || (!unmapped.is_empty() && unmapped.len() == asked.namespaces.len()) {
            return Err(SourceState::Unavailable(not_mapped(&unmapped)));
        }
        locator::locator(self.project.as_deref(), asked.at).map_err(SourceState::Unavailable)
    }

    async fn history(&self, asked: &EvidenceRequest) -> Result<(Vec<Deploy>, SourceState), SourceState> {
        let locator = self.locator(asked)?;
        let unmapped = mapping::unmapped(&self.mappings, &asked.namespaces);
        let (deadline, parameters) = (Deadline::after(LIMIT), mapping::names_parameters(&self.mappings));
        let found = match &self.access {
            Access::Rest(rest) => rest.builds(&locator, parameters, deadline).await?,
            Access::Mcp(mcp) => mcp.builds(&locator, parameters, &self.mappings, deadline).await?,
        };
        let (deploys, mut missing) = mapping::deploys(&self.mappings, &found.builds);
        missing.extend(not_read(&found));
        if !unmapped.is_empty() {
            missing.push(not_mapped(&unmapped));
        }
        let state = if missing.is_empty() { SourceState::Ok } else { SourceState::Partial(missing.join("; ")) };
        Ok((deploys, state))
    }
}

fn rest(url: &str, settings: &TeamcitySettings) -> Result<Access, SourceState> {
    let missing = || SourceState::Unavailable("teamcity.token is not set".to_owned());
    let token = settings.token.clone().ok_or_else(missing)?;
    Ok(Access::Rest(Rest { url: url.to_owned(), token, client: Client::new()? }))
}

fn not_mapped(namespaces: &[&str]) -> String {
    match namespaces {
        [] => "no build configuration is mapped (teamcity.deploys)".to_owned(),
        namespaces => format!("no build configuration is mapped to namespace {}", namespaces.join(", ")),
    }
}

/// What an answer says that it lacks.
fn not_read(found: &Builds) -> Vec<String> {
    let more = found.more.then(|| format!("more than {} builds ended, the newest were read", locator::COUNT));
    let lost = (found.lost > 0).then(|| format!("builds that can't be understood: {}", found.lost));
    [more, lost].into_iter().flatten().chain(found.missing.clone()).collect()
}

impl DeployHistory for Teamcity {
    async fn deploys(&self, request: &EvidenceRequest) -> Answered<Deploy> {
        match self.history(request).await {
            Ok((items, state)) => Answered { state, items },
            Err(state) => Answered { state, items: Vec::new() },
        }
    }
}
