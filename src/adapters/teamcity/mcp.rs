//! Builds by an MCP server before TeamCity, over streamable HTTP: the one file that speaks MCP. It calls two tools that read,
//! by names that a setting gives, and nothing else that the server offers; what the server calls its tools' descriptions is
//! never read. A server without sessions (protocol 2026-07-28) is tried first, then the handshake of 2025.

use super::builds::{self, Build, Builds};
use super::locator::{COUNT, fields};
use super::mapping;
use crate::adapters::source::{self, ATTEMPTS, Deadline, LONGEST};
use crate::config::{DeployMapping, Secret, TeamcitySettings};
use crate::domain::SourceState;
use crate::ports::Egress;
use futures::future::join_all;
use reqwest::StatusCode;
use rmcp::model::{CallToolRequestParams, CallToolResult, ClientConfig, Implementation, ProtocolVersion};
use rmcp::service::{ClientInitializeError, RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::{StreamableHttpClientTransportConfig, StreamableHttpError};
use rmcp::{ClientLifecycleMode, ClientServiceExt, RoleClient};
use serde_json::{Map, Value, json};
use std::error::Error;

/// Builds of which the details are asked for, at most.
const DETAILS: usize = 10;
/// The longest body of an error that is read.
const ERROR: usize = 4 << 10;
/// The most characters of a server's own words.
const WORDS: usize = 120;

/// An MCP server.
pub(super) struct Mcp {
    url: String,
    token: Option<Secret>,
    list_tool: String,
    build_tool: String,
    client: reqwest::Client,
}

/// A session, or what stands for one.
type Session = RunningService<RoleClient, ClientConfig>;

impl Mcp {
    /// # Errors
    /// When the address is none or there can be no HTTP client.
    pub fn new(url: &str, settings: &TeamcitySettings) -> Result<Self, SourceState> {
        // A path may be anything, so that only the address itself is looked at.
        source::address(url, false, &[])?;
        Ok(Self {
            url: url.trim().to_owned(),
            token: settings.mcp_token.clone(),
            list_tool: settings.mcp_list_tool.clone(),
            build_tool: settings.mcp_build_tool.clone(),
            client: source::http_client()?,
        })
    }

    /// The call of the tool that lists, for people to read.
    pub fn egress(&self, locator: &str, parameters: bool) -> Egress {
        let headers = self.token.iter().map(|_| "authorization".to_owned());
        Egress {
            destination: "deploys",
            method: "POST".to_owned(),
            address: self.url.clone(),
            headers: headers.chain(["content-type".to_owned()]).collect(),
            body: json!({"name": self.list_tool, "arguments": list_arguments(locator, parameters)}).to_string(),
        }
    }

    /// The builds that a locator finds, those that are mapped with their details.
    pub async fn builds(
        &self,
        locator: &str,
        parameters: bool,
        mappings: &[DeployMapping],
        deadline: Deadline,
    ) -> Result<Builds, SourceState> {
        deadline.wait(self.attempts(locator, parameters, mappings)).await?
    }

    async fn attempts(&self, locator: &str, parameters: bool, mappings: &[DeployMapping]) -> Result<Builds, SourceState> {
        let mut attempt = 1;
        loop {
            match self.read(locator, parameters, mappings).await {
                Err(failure) if failure.is_passing && attempt < ATTEMPTS => {
                    source::pause(attempt).await;
                    attempt += 1;
                }
                read => return read.map_err(|failure| failure.state),
            }
        }
    }

    async fn read(&self, locator: &str, parameters: bool, mappings: &[DeployMapping]) -> Result<Builds, Failure> {
        let session = self.session().await?;
        let answer = call(&session, &self.list_tool, list_arguments(locator, parameters)).await?;
        let mut found = builds::builds(&answer).map_err(|why| Failure::lasting(SourceState::Unavailable(why)))?;
        found.more |= found.builds.len() >= COUNT;
        let is_wanted = |build: &Build| mapping::is_mapped(mappings, &build.deploy.build_type) && is_bare(build, parameters);
        let wanted = found.builds.iter_mut().filter(|build| is_wanted(build)).take(DETAILS);
        let completed = join_all(wanted.map(|build| self.complete(&session, build))).await;
        let failed = completed.iter().filter(|is_complete| !**is_complete).count();
        if failed > 0 {
            found.missing.push(format!("builds without details: {failed}"));
        }
        // Says goodbye where there is a session; nobody waits for the answer.
        _ = session.cancel().await;
        Ok(found)
    }

    async fn complete(&self, session: &Session, build: &mut Build) -> bool {
        let details = call(session, &self.build_tool, json!({"buildId": build.id})).await;
        let details = details.ok().and_then(|answer| builds::build(&answer)).filter(|details| details.id == build.id);
        details.map(|details| builds::complete(build, details)).is_some()
    }

    async fn session(&self) -> Result<Session, Failure> {
        let mut config = StreamableHttpClientTransportConfig::with_uri(self.url.as_str());
        config.auth_header = self.token.as_ref().map(|token| token.expose().to_owned());
        (config.max_json_response_size, config.max_sse_event_size) = (LONGEST, LONGEST);
        config.max_error_response_size = ERROR;
        config.reinit_on_expired_session = false;
        let transport = StreamableHttpClientTransport::with_client(self.client.clone(), config);
        let lifecycle = ClientLifecycleMode::Auto {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            legacy_version: Some(ProtocolVersion::LATEST_WITH_INITIALIZE),
        };
        let name = Implementation::new("sre-copilot", env!("CARGO_PKG_VERSION"));
        let client = ClientConfig::new(Default::default(), name);
        client.serve_with_lifecycle(transport, lifecycle).await.map_err(|error| not_begun(&error))
    }
}

/// What the tool that lists is asked. It counts by itself, so that the locator has no `count`.
fn list_arguments(locator: &str, parameters: bool) -> Value {
    json!({"locator": locator, "fields": fields(parameters), "pageSize": COUNT})
}

/// Whether a list left out what people want to know of a build.
fn is_bare(build: &Build, parameters: bool) -> bool {
    let deploy = &build.deploy;
    deploy.sha.is_empty()
        || deploy.triggered_by.is_empty()
        || deploy.changes.is_null()
        || (parameters && build.parameters.is_empty())
}

/// What a tool answered, as JSON.
async fn call(session: &Session, tool: &str, arguments: Value) -> Result<Value, Failure> {
    let arguments: Map<String, Value> = if let Value::Object(map) = arguments { map } else { Map::new() };
    let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
    let result = session.call_tool(request).await.map_err(|error| not_called(tool, &error))?;
    answer(tool, result).map_err(|why| Failure::lasting(SourceState::Unavailable(why)))
}

/// The structured content of a result, else its text as JSON.
fn answer(tool: &str, result: CallToolResult) -> Result<Value, String> {
    let text = result.content.iter().find_map(|block| block.as_text()).map(|block| block.text.as_str());
    if result.is_error == Some(true) {
        return Err(format!("the tool {tool} failed: {}", short(text.unwrap_or("no reason"))));
    }
    let structured = result.structured_content.clone().filter(|content| !content.is_null());
    let answer = match (structured, text) {
        (Some(content), _) => content,
        (None, Some(text)) => serde_json::from_str(text).map_err(|_| format!("the tool {tool} answered no JSON"))?,
        (None, None) => return Err(format!("the tool {tool} answered nothing")),
    };
    // Structured content has to be an object, so that servers put a list under `result`.
    Ok(match answer {
        Value::Object(mut map) if map.len() == 1 && map.contains_key("result") => map.remove("result").unwrap_or_default(),
        answer => answer,
    })
}

/// Why a session failed.
struct Failure {
    state: SourceState,
    is_passing: bool,
}

impl Failure {
    fn lasting(state: SourceState) -> Self {
        Self { state, is_passing: false }
    }

    fn passing(state: SourceState) -> Self {
        Self { state, is_passing: true }
    }
}

fn not_begun(error: &ClientInitializeError) -> Failure {
    match error {
        ClientInitializeError::TransportError { error, .. } => of_transport(error.error.as_ref()),
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => not_begun(fallback),
        ClientInitializeError::JsonRpcError(error) => refused(&error.message),
        ClientInitializeError::NoCompatibleProtocolVersion { .. } => lasting("no MCP version in common"),
        _ => lasting("no answer of an MCP server"),
    }
}

fn not_called(tool: &str, error: &ServiceError) -> Failure {
    match error {
        ServiceError::TransportSend(error) => of_transport(error.error.as_ref()),
        ServiceError::McpError(error) => refused(&error.message),
        ServiceError::TransportClosed => Failure::passing(SourceState::Unavailable("the connection was closed".to_owned())),
        _ => lasting(&format!("no result of the tool {tool}")),
    }
}

fn lasting(why: &str) -> Failure {
    Failure::lasting(SourceState::Unavailable(why.to_owned()))
}

fn refused(words: &str) -> Failure {
    lasting(&format!("the MCP server says: {}", short(words)))
}

/// What a failure of the transport means, by the innermost error that says it.
fn of_transport(error: &(dyn Error + 'static)) -> Failure {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<StreamableHttpError<reqwest::Error>>() {
            return of_http(error);
        }
        next = error.source();
    }
    lasting("the MCP transport failed")
}

fn of_http(error: &StreamableHttpError<reqwest::Error>) -> Failure {
    match error {
        StreamableHttpError::AuthRequired(_) => of_status(StatusCode::UNAUTHORIZED),
        StreamableHttpError::InsufficientScope(_) => of_status(StatusCode::FORBIDDEN),
        StreamableHttpError::SessionExpired => of_status(StatusCode::NOT_FOUND),
        StreamableHttpError::HttpStatus(error) => {
            StatusCode::from_u16(error.status).map_or_else(|_| lasting("an unknown status"), of_status)
        }
        StreamableHttpError::Client(error) => match error.status() {
            Some(status) => of_status(status),
            None => Failure::passing(SourceState::Unavailable(source::reason(error))),
        },
        StreamableHttpError::ResponseBodyTooLarge { .. } => lasting(&format!("the answer is longer than {} MiB", LONGEST >> 20)),
        StreamableHttpError::UnexpectedContentType(_) => lasting("the answer is no MCP message"),
        // rmcp writes the status of other failures into its text: `HTTP 410 Gone: BODY`.
        StreamableHttpError::UnexpectedServerResponse(text) => {
            let code = text.strip_prefix("HTTP ").and_then(|rest| rest.get(..3)?.parse().ok());
            let status = code.and_then(|code| StatusCode::from_u16(code).ok());
            status.map_or_else(|| lasting("the answer is no MCP message"), of_status)
        }
        _ => Failure::passing(SourceState::Unavailable("the connection was closed".to_owned())),
    }
}

fn of_status(status: StatusCode) -> Failure {
    let state = source::refused(status);
    if status.is_server_error() { Failure::passing(state) } else { Failure::lasting(state) }
}

/// A server's own words, cut and without what acts on a terminal.
fn short(words: &str) -> String {
    words.chars().map(|char| if char.is_control() { ' ' } else { char }).take(WORDS).collect()
}
