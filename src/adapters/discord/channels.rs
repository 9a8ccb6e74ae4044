//! The channels by name, as the settings have them. Their addresses are kept here and go into requests, nowhere else.

use crate::adapters::http::endpoint;
use crate::config::{DiscordSettings, Secret};
use crate::ports::channel::{INCIDENTS, SELF_HEALTH, STATS, TEAM_DIGEST, team};
use reqwest::Url;
use std::collections::BTreeMap;
use thiserror::Error;

/// A setting that names no channel that can be used. The value isn't in it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{setting}: {why}")]
pub struct ChannelsError {
    setting: String,
    why: String,
}

impl ChannelsError {
    pub(super) fn new(setting: &str, why: &str) -> Self {
        Self { setting: setting.to_owned(), why: why.to_owned() }
    }
}

/// How a channel is written to.
pub(super) enum Place {
    /// Through a webhook; the address is a secret.
    Webhook(Url),
    /// By the bot, into the channel with this id.
    Channel(String),
}

pub(super) struct Channels(BTreeMap<String, Place>);

impl Channels {
    pub fn of(settings: &DiscordSettings) -> Result<Self, ChannelsError> {
        let mut channels = BTreeMap::new();
        // A bot goes before a webhook: it has buttons, and posts once.
        match (&settings.bot_token, &settings.incident_channel_id, &settings.webhook_url) {
            (Some(_), Some(id), _) => _ = channels.insert(INCIDENTS.to_owned(), by_id("DISCORD_INCIDENT_CHANNEL_ID", id)?),
            (_, _, Some(url)) => _ = channels.insert(INCIDENTS.to_owned(), by_url("DISCORD_WEBHOOK_URL", url)?),
            _ => {}
        }
        let others = [
            (STATS, "DISCORD_WEBHOOK_STATS_URL", &settings.stats_url),
            (TEAM_DIGEST, "DISCORD_WEBHOOK_TEAM_DIGEST_URL", &settings.team_digest_url),
            (SELF_HEALTH, "DISCORD_WEBHOOK_SELF_HEALTH_URL", &settings.self_health_url),
        ];
        for (name, setting, url) in others {
            if let Some(url) = url {
                channels.insert(name.to_owned(), by_url(setting, url)?);
            }
        }
        for (name, place) in &settings.team_channel_map {
            let setting = format!("DISCORD_TEAM_CHANNEL_MAP, team {name}");
            let text = place.expose().trim();
            let is_id = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let place = match settings.bot_token {
                Some(_) if is_id => by_id(&setting, text)?,
                None if is_id => return Err(ChannelsError::new(&setting, "a channel's id needs DISCORD_BOT_TOKEN")),
                _ => by_url(&setting, place)?,
            };
            channels.insert(team(name), place);
        }
        Ok(Self(channels))
    }

    pub fn get(&self, name: &str) -> Option<&Place> {
        self.0.get(name)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

fn by_url(setting: &str, url: &Secret) -> Result<Place, ChannelsError> {
    endpoint(url.expose(), &[]).map(Place::Webhook).map_err(|error| ChannelsError::new(setting, &error.to_string()))
}

fn by_id(setting: &str, id: &str) -> Result<Place, ChannelsError> {
    let id = id.trim();
    if id.is_empty() || id.len() > 20 || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ChannelsError::new(setting, "it is no channel's id, which is digits alone"));
    }
    Ok(Place::Channel(id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::from(text.to_owned())
    }

    #[test]
    fn channels_have_names_and_errors_no_values() {
        let mut settings = DiscordSettings {
            webhook_url: Some(secret("https://discord.example/api/webhooks/1/canary")),
            team_channel_map: BTreeMap::from([("payments".to_owned(), secret("https://discord.example/api/webhooks/2/canary"))]),
            ..DiscordSettings::default()
        };
        let channels = Channels::of(&settings).unwrap();
        assert_eq!(channels.names().collect::<Vec<_>>(), ["incidents", "team:payments"]);
        assert!(channels.get(&team(" Payments ")).is_some());
        for wrong in ["canary-no-url", "ftp://canary", "123456789012345678"] {
            settings.team_channel_map.insert("shop".to_owned(), secret(wrong));
            let error = Channels::of(&settings).err().unwrap().to_string();
            assert!(error.contains("team shop") && !error.contains("canary") && !error.contains("1234"), "{error}");
        }
        settings.bot_token = Some(secret("token"));
        settings.incident_channel_id = Some("42".to_owned());
        assert!(matches!(Channels::of(&settings).unwrap().get(INCIDENTS), Some(Place::Channel(id)) if id == "42"));
        settings.incident_channel_id = Some("4 2".to_owned());
        assert!(Channels::of(&settings).is_err());
    }
}
