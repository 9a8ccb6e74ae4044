//! Who sends messages: the courier over Discord, where the settings have a channel.

use crate::adapters::discord::Discord;
use crate::adapters::machine::MachineClock;
use crate::cli::error::CliError;
use crate::server::App;
use crate::store::Store;
use crate::worker::messages::{Courier, MessageSettings};
use crate::worker::upheld;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Sends messages until `stop` is true; `None` where they go nowhere.
///
/// # Errors
/// A channel's setting can't be used: which, and never its value.
pub(super) fn messages(app: &App<Store>, stop: &watch::Receiver<bool>) -> Result<Option<JoinHandle<()>>, CliError> {
    let discord = &app.settings.discord;
    if !discord.is_on() {
        return Ok(None);
    }
    let chat = Discord::new(discord, app.redactor.clone(), MachineClock);
    let chat = chat.map_err(|error| CliError::usage(error.to_string()).hint("docs/settings.md says what each is for"))?;
    let settings = MessageSettings::of(&app.settings);
    let courier = Arc::new(Courier::new(Arc::clone(&app.store), chat, MachineClock, settings, app.redactor.clone()));
    let (queued, stop) = (app.queued.clone(), stop.clone());
    Ok(Some(tokio::spawn(upheld("what sends messages", stop.clone(), move || {
        let (courier, queued, stop) = (Arc::clone(&courier), queued.clone(), stop.clone());
        async move { courier.run(&queued, &stop).await }
    }))))
}
