//! `incidents`: what was wrong, what is, and what was done about it.

use super::duration;
use super::error::{CliError, Exit};
use super::output;
use super::ui::Screen;
use super::wiring;
use crate::config::Settings;
use crate::domain::IncidentStatus;
use crate::ports::{IncidentFilter, IncidentStore};
use crate::render;
use clap::{Args, ValueHint};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

const EXAMPLES: &str = "Examples:
  # What is open now, and what was in the last day
  sre-copilot incidents --open
  sre-copilot incidents --since 24h

  # One of them, with its analyses and what was tried
  sre-copilot incidents 0198c2f0-7a1b";

/// List incidents, or show one with its analyses and what was tried
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct IncidentsArgs {
    /// An incident, or the beginning of its id; without it, a list
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Only of this namespace
    #[arg(short, long, value_name = "NS", value_hint = ValueHint::Other)]
    namespace: Option<String>,
    /// Only those that go on
    #[arg(long)]
    open: bool,
    /// Only those that opened within this time, such as 24h
    #[arg(long, value_name = "TIME", value_parser = duration::parse, value_hint = ValueHint::Other)]
    since: Option<SignedDuration>,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: output::Plain,
}

/// Reads and prints.
///
/// # Errors
/// When the database can't be read, or has no such incident.
pub fn run(args: &IncidentsArgs, settings: &Settings, screen: Screen) -> Result<Exit, CliError> {
    let store = wiring::store(settings)?;
    let (now, layout) = (Timestamp::now(), screen.layout());
    let text = wiring::runtime()?.block_on(async {
        let Some(id) = &args.id else {
            let filter = IncidentFilter {
                status: args.open.then_some(IncidentStatus::Open),
                namespace: args.namespace.clone(),
                since: args.since.map(|since| now - since),
                ..IncidentFilter::default()
            };
            let incidents = store.incidents(filter).await?;
            let document = json!({"apiVersion": "sre-copilot/v1", "kind": "IncidentList", "items": incidents});
            return output::plain(args.output, &document, || match incidents.as_slice() {
                [] => "no incidents\n".to_owned(),
                incidents => render::incidents(incidents, now, layout),
            });
        };
        let record = store.incident(&whole(&store, id).await?).await?.ok_or_else(|| unknown(id))?;
        let mut document = serde_json::to_value(&record).unwrap_or_default();
        document["apiVersion"] = json!("sre-copilot/v1");
        document["kind"] = json!("Incident");
        document["attempts"] = render::attempt_list(&record.attempts)["items"].take();
        output::plain(args.output, &document, || render::incident(&record, now, layout))
    })?;
    screen.print(&text)?;
    Ok(Exit::Done)
}

/// The id that begins so. An id that is typed whole is not looked for in the list, which holds only the newest.
async fn whole(store: &impl IncidentStore, id: &str) -> Result<String, CliError> {
    const UUID: usize = 36;
    if id.len() == UUID {
        return Ok(id.to_owned());
    }
    let all = store.incidents(IncidentFilter { limit: Some(10_000), ..IncidentFilter::default() }).await?;
    let mut with = all.into_iter().map(|incident| incident.id).filter(|known| !id.is_empty() && known.starts_with(id));
    match (with.next(), with.next()) {
        (Some(id), None) => Ok(id),
        (Some(_), Some(_)) => Err(CliError::usage(format!("several incidents begin with {id:?}")).hint("give more of the id")),
        (None, _) => Err(unknown(id)),
    }
}

fn unknown(id: &str) -> CliError {
    CliError::failed(format!("there is no incident {id}")).hint("sre-copilot incidents lists those that there are")
}
