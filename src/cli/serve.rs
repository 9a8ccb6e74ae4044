//! `serve`: takes alerts, analyses them, and tells people, until it is told to end.

use super::error::{CliError, Exit};
use super::wiring;
use crate::config::Settings;
use clap::{Args, ValueHint};
use std::net::SocketAddr;

const EXAMPLES: &str = "Examples:
  # On this machine, for alerts from this machine
  sre-copilot serve

  # For an Alertmanager elsewhere, which has the same secret
  ALERTMANAGER_WEBHOOK_SECRET=… ENV=production sre-copilot serve --listen 0.0.0.0:8080

  # Does it take alerts?
  curl localhost:8080/readyz";

/// Take alerts over HTTP, analyse them, and tell people
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ServeArgs {
    /// Where it listens; without it, serve.listen of the settings
    #[arg(long, value_name = "ADDR", value_hint = ValueHint::Other)]
    listen: Option<SocketAddr>,
}

/// Serves until a signal ends it.
///
/// # Errors
/// When a check of the settings fails, another process serves from the same database, or the address is taken.
pub fn run(args: &ServeArgs, mut settings: Settings) -> Result<Exit, CliError> {
    if let Some(listen) = args.listen {
        settings.serve.listen = listen;
    }
    wiring::serve(settings)?;
    Ok(Exit::Done)
}
