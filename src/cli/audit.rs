//! `audit`: who did what to which plan, and whether the log is whole.

use super::duration;
use super::error::{CliError, Exit};
use super::output;
use super::ui::Screen;
use super::wiring;
use crate::config::Settings;
use crate::domain::{AuditCheck, AuditHead};
use crate::ports::{AuditFilter, AuditLog};
use crate::render;
use clap::{Args, Subcommand, ValueHint};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

const EXAMPLES: &str = "Examples:
  # What was approved and applied today
  sre-copilot audit --since 24h

  # Is every row as it was written? Note the head that it prints, and give it the next time
  sre-copilot audit verify
  sre-copilot audit verify --head 812:9c1f…";

/// List who did what, or verify that the log is as it was written
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct AuditArgs {
    #[command(subcommand)]
    command: Option<AuditCommand>,
    /// Only about this incident
    #[arg(long, value_name = "ID", value_hint = ValueHint::Other)]
    incident: Option<String>,
    /// Only rows of this time, such as 24h
    #[arg(long, value_name = "TIME", value_parser = duration::parse, value_hint = ValueHint::Other)]
    since: Option<SignedDuration>,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: output::Plain,
}

#[derive(Clone, Debug, Subcommand)]
enum AuditCommand {
    Verify(VerifyArgs),
}

/// Read the whole chain: ends with 0 and the head, or with 3 and the first row that is not as it was written
#[derive(Clone, Debug, Args)]
struct VerifyArgs {
    /// A head that was noted earlier; without it a tail that was cut off can't show
    #[arg(long, value_name = "SEQ:HASH", value_parser = head, value_hint = ValueHint::Other)]
    head: Option<AuditHead>,
}

fn head(text: &str) -> Result<AuditHead, String> {
    AuditHead::parse(text).ok_or_else(|| "write it as audit verify printed it: SEQ:HASH".to_owned())
}

/// Reads and prints.
///
/// # Errors
/// When the database can't be read.
pub fn run(args: &AuditArgs, settings: &Settings, screen: Screen) -> Result<Exit, CliError> {
    let store = wiring::store(settings)?;
    let runtime = wiring::runtime()?;
    if let Some(AuditCommand::Verify(verify)) = &args.command {
        return match runtime.block_on(store.verify(verify.head.clone()))? {
            AuditCheck::Intact { head: Some(head) } => {
                screen.print(&format!("intact; head {head}\n"))?;
                Ok(Exit::Done)
            }
            AuditCheck::Intact { head: None } => {
                screen.print("intact; the log is empty\n")?;
                Ok(Exit::Done)
            }
            AuditCheck::Broken { seq, why } => {
                screen.print(&format!("broken at row {seq}: {why}\n"))?;
                Ok(Exit::Finding)
            }
        };
    }
    let since = args.since.map(|since| Timestamp::now() - since);
    let rows = runtime.block_on(store.list(AuditFilter { incident: args.incident.clone(), since, ..AuditFilter::default() }))?;
    let document = json!({"apiVersion": "sre-copilot/v1", "kind": "AuditList", "items": rows});
    let text = output::plain(args.output, &document, || match rows.as_slice() {
        [] => "no rows\n".to_owned(),
        rows => render::audit(rows, screen.layout()),
    })?;
    screen.print(&text)?;
    Ok(Exit::Done)
}
