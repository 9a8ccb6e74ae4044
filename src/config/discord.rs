//! `[discord]`: where messages go, who may decide there, and how it proves to be Discord. Webhook URLs are secrets: whoever
//! has one can write.

use super::Secret;
use crate::domain::Severity;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// `[discord]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiscordSettings {
    /// `DISCORD_WEBHOOK_URL`.
    pub webhook_url: Option<Secret>,
    /// `DISCORD_APPLICATION_ID`.
    pub application_id: Option<String>,
    /// `DISCORD_PUBLIC_KEY`: 64 hex digits.
    pub public_key: Option<String>,
    /// `DISCORD_BOT_TOKEN`.
    pub bot_token: Option<Secret>,
    /// `DISCORD_INCIDENT_CHANNEL_ID`.
    pub incident_channel_id: Option<String>,
    /// `DISCORD_DRY_RUN`: all is rendered and stored, nothing is sent.
    pub dry_run: bool,
    /// `DISCORD_WEBHOOK_STATS_URL`: daily and chronic digests.
    pub stats_url: Option<Secret>,
    /// `DISCORD_WEBHOOK_TEAM_DIGEST_URL`: digests of teams that have no channel.
    pub team_digest_url: Option<Secret>,
    /// `DISCORD_WEBHOOK_SELF_HEALTH_URL`: trouble of its own.
    pub self_health_url: Option<Secret>,
    /// `DISCORD_TEAM_CHANNEL_MAP`: a team's webhook URL or channel id; JSON in the environment, a table in the file.
    #[serde(deserialize_with = "teams")]
    pub team_channel_map: BTreeMap<String, Secret>,
    /// `DISCORD_MENTION_ROLE_ID`: named in a critical post.
    pub mention_role_id: Option<String>,
    /// `DISCORD_APPROVERS_USER_IDS`.
    pub approvers_user_ids: Vec<String>,
    /// `DISCORD_APPROVERS_ROLE_IDS`.
    pub approvers_role_ids: Vec<String>,
    /// Roles that may give feedback; empty for all who see the channel.
    pub feedback_roles: Vec<String>,
    /// `DISCORD_APPROVAL_RATE_LIMIT_PER_HOUR`: decisions of one person.
    pub approval_rate_limit_per_hour: usize,
    /// The least severity that a message is sent about.
    pub min_severity: Severity,
    /// Where Discord's API is, without a slash at the end; another address is for tests and proxies.
    pub api_url: String,
}

impl Default for DiscordSettings {
    fn default() -> Self {
        Self {
            webhook_url: None,
            application_id: None,
            public_key: None,
            bot_token: None,
            incident_channel_id: None,
            dry_run: false,
            stats_url: None,
            team_digest_url: None,
            self_health_url: None,
            team_channel_map: BTreeMap::new(),
            mention_role_id: None,
            approvers_user_ids: Vec::new(),
            approvers_role_ids: Vec::new(),
            feedback_roles: Vec::new(),
            approval_rate_limit_per_hour: 5,
            min_severity: Severity::Warning,
            api_url: "https://discord.com/api/v10".to_owned(),
        }
    }
}

impl DiscordSettings {
    /// Whether messages go anywhere.
    pub fn is_on(&self) -> bool {
        self.webhook_url.is_some() || (self.bot_token.is_some() && self.incident_channel_id.is_some())
    }
}

/// A table, or the JSON of one. Teams are told apart trimmed and without case.
fn teams<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Secret>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Teams {
        Table(BTreeMap<String, String>),
        Json(String),
    }
    let table = match Teams::deserialize(deserializer)? {
        Teams::Table(table) => table,
        // The reason would quote the text, which holds secrets.
        Teams::Json(text) => serde_json::from_str(&text)
            .map_err(|_| D::Error::custom("it is no JSON object of team names and webhook URLs or channel ids"))?,
    };
    Ok(table.into_iter().map(|(team, place)| (team.trim().to_lowercase(), Secret::from(place))).collect())
}
