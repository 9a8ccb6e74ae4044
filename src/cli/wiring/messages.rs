//! Who sends messages: the courier over Discord, where the settings have a channel.

use crate::adapters::discord::Discord;
use crate::adapters::machine::MachineClock;
use crate::cli::error::CliError;
use crate::server::{App, Phase};
use crate::store::Store;
use crate::worker::messages::{Courier, MessageSettings};
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Sends messages until the process leaves; `None` where they go nowhere.
///
/// # Errors
/// A channel's setting can't be used: which, and never its value.
pub(super) fn messages(app: &App<Store>) -> Result<Option<JoinHandle<()>>, CliError> {
    let discord = &app.settings.discord;
    if !discord.is_on() {
        return Ok(None);
    }
    let chat = Discord::new(discord, app.redactor.clone(), MachineClock);
    let chat = chat.map_err(|error| CliError::usage(error.to_string()).hint("docs/settings.md says what each is for"))?;
    let settings = MessageSettings::of(&app.settings);
    let courier = Courier::new(Arc::clone(&app.store), chat, MachineClock, settings, app.redactor.clone());
    let (queued, stopping) = (Arc::clone(&app.queued), app.stopping.clone());
    Ok(Some(tokio::spawn(async move { courier.run(&queued, stopping.reached(Phase::Leaving)).await })))
}
