//! Where evidence beside the cluster comes from: `[metrics]`, `[jira]`, `[teamcity]`, `[seq]`. What isn't configured isn't
//! asked, and unknown.

use super::Secret;
use serde::Deserialize;
use std::collections::BTreeMap;

/// `[metrics]`: Prometheus or VictoriaMetrics.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsSettings {
    /// `VICTORIA_METRICS_URL`.
    pub url: Option<String>,
    /// Sent as a bearer token.
    pub token: Option<Secret>,
    /// `istio`, `linkerd` or `nginx`: the templates of the signals that a mesh has.
    pub mesh: Option<String>,
    /// Queries by signal, which replace the built-in ones; an empty text turns a signal off.
    pub queries: BTreeMap<String, String>,
}

/// `[jira]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JiraSettings {
    /// `JIRA_BASE_URL`.
    pub base_url: Option<String>,
    /// `JIRA_EMAIL`.
    pub email: Option<String>,
    /// `JIRA_API_TOKEN`.
    pub api_token: Option<Secret>,
    /// The query, with `$namespace`, `$workload` and `$alert` in the place of quoted values; without it the built-in one.
    pub jql: Option<String>,
}

/// `[teamcity]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TeamcitySettings {
    /// `TC_URL`: the REST API.
    pub url: Option<String>,
    /// `TC_TOKEN`.
    pub token: Option<Secret>,
    /// `TEAMCITY_MCP_URL`: where there is no REST API.
    pub mcp_url: Option<String>,
    /// `TEAMCITY_MCP_TOKEN`.
    pub mcp_token: Option<Secret>,
    /// The name of the MCP server's tool that lists builds; it takes `locator`, `fields` and `pageSize`.
    pub mcp_list_tool: String,
    /// The name of its tool that gives one build with its revisions and changes; it takes `buildId`.
    pub mcp_build_tool: String,
    /// The id of the project whose builds are asked for, with the projects below it; without it, every project.
    pub project: Option<String>,
    /// Which build configuration deploys what, and where.
    pub deploys: Vec<DeployMapping>,
}

impl Default for TeamcitySettings {
    fn default() -> Self {
        Self {
            url: None,
            token: None,
            mcp_url: None,
            mcp_token: None,
            // The names of the server that most teams run (github.com/Daghis/teamcity-mcp).
            mcp_list_tool: "list_builds".to_owned(),
            mcp_build_tool: "get_build".to_owned(),
            project: None,
            deploys: Vec::new(),
        }
    }
}

/// `[[teamcity.deploys]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeployMapping {
    /// The build configuration's id, as a glob (`*`, `?`).
    pub build_type: String,
    /// The workload or Service that it deploys, or `%parameter%` of the build.
    pub service: String,
    /// The namespace that it deploys to, or `%parameter%` of the build.
    pub namespace: String,
}

/// `[seq]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeqSettings {
    /// `SEQ_URL`.
    pub url: Option<String>,
    /// `SEQ_API_KEY`.
    pub api_key: Option<Secret>,
    /// The filter, with `$namespace` and `$workload`; without it the built-in one.
    pub filter: Option<String>,
}
