//! Where evidence beside the cluster comes from: `[metrics]`, `[jira]`, `[teamcity]`, `[seq]`. What isn't configured isn't
//! asked, and unknown.

use super::Secret;
use regex::Regex;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// `[metrics]`: Prometheus or VictoriaMetrics.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsSettings {
    /// `VICTORIA_METRICS_URL`: where `/api/v1/query` is, without that path.
    pub url: Option<String>,
    /// Sent as a bearer token.
    pub token: Option<Secret>,
    /// Whose metrics show what is asked of services, how long it takes and what fails.
    pub mesh: Option<Mesh>,
    /// Queries by signal, which replace the built-in ones; an empty text turns a signal off.
    #[serde(deserialize_with = "queries")]
    pub queries: BTreeMap<String, String>,
    /// The namespaces of the production tier, as globs: a critical alert there makes the cluster's health critical.
    pub production: Vec<String>,
}

impl Default for MetricsSettings {
    fn default() -> Self {
        Self { url: None, token: None, mesh: None, queries: BTreeMap::new(), production: vec!["prod*".to_owned()] }
    }
}

/// A mesh or an ingress controller whose metrics are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mesh {
    /// Istio's standard metrics.
    Istio,
    /// The metrics of Linkerd's proxy.
    Linkerd,
    /// The metrics of ingress-nginx.
    Nginx,
}

/// Queries that don't turn silence into a number.
fn queries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let queries = BTreeMap::<String, String>::deserialize(deserializer)?;
    for (signal, query) in &queries {
        if invents_zero(query) {
            return Err(D::Error::custom(format!(
                "metrics.queries.{signal} gives a number where nothing was measured (`or vector(0)`): \
                 write `or 0 * count(METRIC)`, which is zero only while METRIC's exporter lives"
            )));
        }
    }
    Ok(queries)
}

/// Whether a query has a constant stand in for what isn't there: `vector(0)`, or MetricsQL's `default 0`.
fn invents_zero(query: &str) -> bool {
    static CONSTANT: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?i)\bvector\s*\([\s(+-]*[0-9.]|\bdefault\b[\s(+-]*[0-9.]").ok());
    CONSTANT.as_ref().is_none_or(|constant| constant.is_match(&without_texts(query)))
}

/// A query without its comments, and without what stands between quotes.
fn without_texts(query: &str) -> String {
    let (mut rest, mut chars) = (String::new(), query.chars());
    while let Some(char) = chars.next() {
        match char {
            '"' | '\'' | '`' => {
                while let Some(inner) = chars.next().filter(|inner| *inner != char) {
                    // A backslash stands for itself between backquotes (Prometheus, string literals).
                    if inner == '\\' && char != '`' {
                        chars.next();
                    }
                }
            }
            '#' => {
                chars.by_ref().find(|char| *char == '\n');
                rest.push(' ');
            }
            char => rest.push(char),
        }
    }
    rest
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_for_what_is_not_there_is_refused() {
        for query in [
            "sum(up) or vector(0)",
            "sum(up) OR on() vector ( 0 )",
            "sum(up) or (vector((-1)))",
            "sum(up) or\n# nothing\nvector( # zero\n0)",
            "sum(up{a=\"\\\"\"}) or vector(0.0)",
            "sum(up) default 0",
            "sum(up{a=`\\`}) or vector(0)",
        ] {
            assert!(invents_zero(query), "{query}");
        }
        for query in [
            "sum(up) or 0 * count(up)",
            "sum(up{job=\"or vector(0)\"})",
            "vector(time())",
            "my_vector(0)",
            "sum(up) # or vector(0)",
            "sum(up{a='default 0'})",
            "",
            "\"",
        ] {
            assert!(!invents_zero(query), "{query}");
        }
        let error = toml::from_str::<MetricsSettings>("[queries]\ncrashloops = 'sum(x) or vector(0)'").unwrap_err().to_string();
        assert!(error.contains("metrics.queries.crashloops") && error.contains("or 0 * count(METRIC)"), "{error}");
        let error = toml::from_str::<MetricsSettings>("mesh = 'istoi'").unwrap_err().to_string();
        assert!(error.contains("`istio`"), "{error}");
    }
}
