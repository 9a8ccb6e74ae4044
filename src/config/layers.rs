//! Where settings come from and which wins: the file, then the variables of the environment that teams already have.

use super::{ConfigError, Settings};
use jiff::SignedDuration;
use serde::Deserialize;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The file's name, in the working folder and in the folder of the user's settings.
pub const FILE_NAME: &str = "sre-copilot.toml";

/// How the text of a variable becomes a value.
#[derive(Clone, Copy)]
enum Form {
    Text,
    /// `true`, `false`, `1`, `0`.
    Switch,
    /// A number, whole or not.
    Number,
    /// Texts with commas between them.
    List,
}

/// Variables of the environment and the setting that each stands for.
const VARIABLES: &[(&str, &str, Form)] = &[
    ("ENV", "environment", Form::Text),
    ("SAFE_MODE", "safe_mode", Form::Switch),
    ("DATABASE_URL", "database_url", Form::Text),
    ("EXECUTOR_ENABLED", "executor.enabled", Form::Switch),
    ("EXECUTOR_APPROVAL_ENABLED", "executor.approval_enabled", Form::Switch),
    ("EXECUTOR_TOKEN_FILE", "executor.token_file", Form::Text),
    ("APPROVAL_REQUIRED", "approval_required", Form::Switch),
    ("LLM_BACKEND", "llm.backend", Form::Text),
    ("ANTHROPIC_API_KEY", "llm.api_key", Form::Text),
    ("PROMPT_INPUT_MAX_CHARS", "llm.prompt_input_max_chars", Form::Number),
    ("LLM_DAILY_BUDGET_USD", "llm.daily_budget_usd", Form::Number),
    ("POLICY_WRITABLE_NAMESPACES", "policy.namespaces.writable", Form::List),
    ("VICTORIA_METRICS_URL", "metrics.url", Form::Text),
    ("VICTORIA_METRICS_TOKEN", "metrics.token", Form::Text),
    ("JIRA_BASE_URL", "jira.base_url", Form::Text),
    ("JIRA_EMAIL", "jira.email", Form::Text),
    ("JIRA_API_TOKEN", "jira.api_token", Form::Text),
    ("TC_URL", "teamcity.url", Form::Text),
    ("TC_TOKEN", "teamcity.token", Form::Text),
    ("TEAMCITY_MCP_URL", "teamcity.mcp_url", Form::Text),
    ("TEAMCITY_MCP_TOKEN", "teamcity.mcp_token", Form::Text),
    ("CLUSTER_NAME", "serve.default_cluster", Form::Text),
    ("ALERTMANAGER_URL", "serve.alertmanager_url", Form::Text),
    ("ALERTMANAGER_TOKEN", "serve.alertmanager_token", Form::Text),
    ("SEQ_URL", "seq.url", Form::Text),
    ("SEQ_API_KEY", "seq.api_key", Form::Text),
    ("ALERTMANAGER_WEBHOOK_SECRET", "serve.webhook_secret", Form::Text),
    ("ALERTMANAGER_WEBHOOK_SECRET_PREVIOUS", "serve.webhook_secret_previous", Form::Text),
    ("PIPELINE_DIRECT_INVOKE", "serve.direct_invoke", Form::Switch),
    ("JWT_PUBLIC_KEY", "serve.jwt_public_key", Form::Text),
    ("JWT_AUDIENCE", "serve.jwt_audience", Form::Text),
    ("JWT_ISSUER", "serve.jwt_issuer", Form::Text),
    ("DISCORD_WEBHOOK_URL", "discord.webhook_url", Form::Text),
    ("DISCORD_APPLICATION_ID", "discord.application_id", Form::Text),
    ("DISCORD_PUBLIC_KEY", "discord.public_key", Form::Text),
    ("DISCORD_BOT_TOKEN", "discord.bot_token", Form::Text),
    ("DISCORD_INCIDENT_CHANNEL_ID", "discord.incident_channel_id", Form::Text),
    ("DISCORD_DRY_RUN", "discord.dry_run", Form::Switch),
    ("DISCORD_WEBHOOK_STATS_URL", "discord.stats_url", Form::Text),
    ("DISCORD_WEBHOOK_TEAM_DIGEST_URL", "discord.team_digest_url", Form::Text),
    ("DISCORD_WEBHOOK_SELF_HEALTH_URL", "discord.self_health_url", Form::Text),
    ("DISCORD_TEAM_CHANNEL_MAP", "discord.team_channel_map", Form::Text),
    ("DISCORD_MENTION_ROLE_ID", "discord.mention_role_id", Form::Text),
    ("DISCORD_APPROVERS_USER_IDS", "discord.approvers_user_ids", Form::List),
    ("DISCORD_APPROVERS_ROLE_IDS", "discord.approvers_role_ids", Form::List),
    ("DISCORD_APPROVAL_RATE_LIMIT_PER_HOUR", "discord.approval_rate_limit_per_hour", Form::Number),
];

/// Reads the settings. `named` is the file of `--config`; without it `$SRE_COPILOT_CONFIG`, the working folder and the
/// user's folder are looked at, in that order, and no file is no error.
///
/// # Errors
/// When a file that is named or there can't be read or understood, or a value is one that its setting can't have.
pub fn load(named: Option<&Path>, variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Settings, ConfigError> {
    let file = find(named, variable)?;
    let mut table = Table::new();
    if let Some((name, text)) = &file {
        table = text.parse().map_err(|error: toml::de::Error| syntax(name, text, &error))?;
        // By itself first, so that an error names the file and not the environment.
        read(table.clone(), name)?;
    }
    for (name, key, form) in VARIABLES {
        let Some(text) = variable(name).filter(|text| !text.is_empty()) else { continue };
        let text = text.into_string().map_err(|_| value_error(name, "it is not Unicode".to_owned()))?;
        let value = match form {
            Form::Text => Value::String(text),
            Form::Switch => Value::Boolean(switch(name, &text)?),
            Form::Number => number(name, &text)?,
            Form::List => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
            }
        };
        set(&mut table, key, value);
        read(table.clone(), &format!("${name}"))?;
    }
    read(table, FILE_NAME)
}

fn find(named: Option<&Path>, variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Option<(String, String)>, ConfigError> {
    let from_variable = variable("SRE_COPILOT_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
    let required = named.map(Path::to_owned).or(from_variable);
    let must_exist = required.is_some();
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    // XDG Base Directory Specification 0.8.
    let user = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")));
    let user = user.map(|folder| folder.join("sre-copilot").join(FILE_NAME));
    let places = match required {
        Some(file) => vec![file],
        None => [Some(PathBuf::from(FILE_NAME)), user].into_iter().flatten().collect(),
    };
    for place in places {
        let name = place.display().to_string();
        match fs::read_to_string(&place) {
            Ok(text) => return Ok(Some((name, text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => {}
            Err(error) => return Err(ConfigError::Unreadable { file: name, why: error.to_string() }),
        }
    }
    Ok(None)
}

fn read(table: Table, source_name: &str) -> Result<Settings, ConfigError> {
    if let Some((key, text)) = negative(&table) {
        return Err(value_error(source_name, format!("{key} = \"{text}\": no length of time is negative")));
    }
    Settings::deserialize(table).map_err(|error| value_error(source_name, error.to_string()))
}

/// The first setting that is a length of time and less than nothing.
fn negative(table: &Table) -> Option<(&str, &str)> {
    table.iter().find_map(|(key, value)| match value {
        Value::Table(inner) => negative(inner),
        Value::String(text) => text.parse().is_ok_and(|length: SignedDuration| length.is_negative()).then_some((key, text)),
        _ => None,
    })
}

/// `unknown field `x`, expected one of `a`, `b`` (serde) names the keys that there are: the nearest of them is offered.
fn value_error(source_name: &str, why: String) -> ConfigError {
    // The lines after the first say where it stands.
    let mut quoted = why.lines().next().unwrap_or_default().split('`').skip(1).step_by(2);
    let unknown = quoted.next().filter(|_| why.starts_with("unknown field")).unwrap_or_default();
    // One letter in three may be wrong, or the key is a part of a longer one.
    let is_near = |(distance, known): &(usize, &str)| {
        distance * 3 <= unknown.len().max(3) || (unknown.len() >= 3 && known.contains(unknown))
    };
    let near = quoted.map(|known| (strsim::damerau_levenshtein(unknown, known), known)).filter(is_near);
    let nearest = near.min().map(|(_, known)| known.to_owned()).filter(|_| !unknown.is_empty());
    let why = why.lines().collect::<Vec<_>>().join(" ");
    ConfigError::Value { source_name: source_name.to_owned(), why, nearest }
}

fn syntax(file: &str, text: &str, error: &toml::de::Error) -> ConfigError {
    let at = error.span().map_or(0, |span| span.start);
    let line = text.get(..at).unwrap_or(text).matches('\n').count() + 1;
    ConfigError::Syntax { file: file.to_owned(), line, why: error.message().to_owned() }
}

fn switch(name: &str, text: &str) -> Result<bool, ConfigError> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(value_error(&format!("${name}"), "it is neither true nor false".to_owned())),
    }
}

fn number(name: &str, text: &str) -> Result<Value, ConfigError> {
    let whole = text.trim().parse::<i64>().map(Value::Integer);
    let number = whole.or_else(|_| text.trim().parse::<f64>().map(Value::Float));
    number.map_err(|_| value_error(&format!("${name}"), "it is not a number".to_owned()))
}

/// Puts a value at a path of tables; what stands in the way gives way.
fn set(table: &mut Table, path: &str, value: Value) {
    match path.split_once('.') {
        None => _ = table.insert(path.to_owned(), value),
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
            if !inner.is_table() {
                *inner = Value::Table(Table::new());
            }
            if let Value::Table(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;
    use proptest::prelude::*;

    fn with(text: &str, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE_NAME);
        fs::write(&file, text).unwrap();
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into());
        load(Some(&file), &variable)
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
        let settings = with("", &[]).unwrap();
        assert!(settings.safe_mode && settings.approval_required && !settings.executor.enabled);
        assert_eq!(settings.approval.ttl, SignedDuration::from_mins(30));

        let text = "safe_mode = true\nenvironment = \"staging\"\n[executor]\nenabled = true\ncontext = \"writer\"\n[approval]\nttl = \"10m\"\n";
        let settings = with(text, &[("SAFE_MODE", "false"), ("EXECUTOR_APPROVAL_ENABLED", "1"), ("ENV", "")]).unwrap();
        assert!(!settings.safe_mode && settings.executor.enabled && settings.executor.approval_enabled);
        assert_eq!(settings.environment, Environment::Staging);
        assert_eq!(settings.executor.context.as_deref(), Some("writer"));
        assert_eq!(settings.approval.ttl, SignedDuration::from_mins(10));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let said = |text: &str, variables: &[(&str, &str)]| {
            let error = with(text, variables).unwrap_err();
            (error.to_string(), error.hint())
        };
        let (what, hint) = said("[executor]\nenabeld = true\n", &[]);
        assert!(what.contains("sre-copilot.toml") && what.contains("enabeld"), "{what}");
        assert_eq!(hint, "did you mean enabled?");
        assert_eq!(said("[llm]\nurl = 'x'\n", &[]).1, "did you mean base_url?");
        assert_eq!(said("[llm]\ncolour = 'x'\n", &[]).1, "docs/settings.md lists every setting with its default");
        let (what, _) = said("[executor]\n\nenabled = maybe\n", &[]);
        assert!(what.contains("line 3"), "{what}");
        let (what, _) = said("[executor]\nenabled = 3\n", &[]);
        assert!(what.contains("enabled"), "{what}");
        assert!(said("", &[("SAFE_MODE", "perhaps")]).0.starts_with("$SAFE_MODE: it is neither"));
        let (what, _) = said("[serve]\nbackoff = \"-30s\"\n", &[]);
        assert!(what.ends_with("backoff = \"-30s\": no length of time is negative"), "{what}");
        assert!(said("", &[("ENV", "moon")]).0.starts_with("$ENV: unknown variant `moon`"));
        let missing = load(Some(Path::new("nowhere/x.toml")), &|_| None).unwrap_err();
        assert!(missing.to_string().contains("nowhere/x.toml"));
        assert!(load(None, &|name| (name == "SRE_COPILOT_CONFIG").then(|| "nowhere/x.toml".into())).is_err());
    }

    #[test]
    fn the_page_of_settings_is_true() {
        let page = include_str!("../../docs/settings.md");
        let example = page.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let settings = with(example, &[]).unwrap();
        assert!(settings.executor.approval_enabled && settings.policy.freeze.len() == 2 && settings.policy.auto.len() == 1);
        assert_eq!(settings.teamcity.deploys.len(), 1);
        for (name, key, _) in VARIABLES {
            assert!(page.contains(&format!("| `{key}` | `{name}` |")), "{name} is not on the page");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,200}", flag in "\\PC{0,10}") {
            _ = with(&text, &[("SAFE_MODE", &flag)]);
        }
    }
}
