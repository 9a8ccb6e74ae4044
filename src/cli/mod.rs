//! What a person types. Each command is a file: its arguments, and a thin `run` that asks the library and prints the
//! answer. Nothing in here judges anything; only `wiring` knows which adapters there are.

mod analyze;
mod approve;
mod audit;
mod completions;
mod doctor;
mod duration;
mod egress;
mod error;
mod explain;
mod incidents;
mod installation;
mod output;
mod replay;
mod serve;
mod target;
mod ui;
mod wiring;

pub use completions::script as completion_script;
use error::CliError;
pub use error::Exit;
pub use explain::page as causes_page;

use crate::config::{self, Settings};
use crate::render::escape;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;
use ui::Screen;

const ABOUT: &str = "Finds the root cause of a Kubernetes incident from facts, with its proof, and says what to do next";

const LONG_ABOUT: &str = "Finds the root cause of a Kubernetes incident from facts, with its proof, and says what to do next.

It reads the cluster (or a recording of it), and changes nothing that a person has not approved. It needs no server, no account \
and no language model.";

const EXAMPLES: &str = "Examples:
  # What is wrong with this pod?
  sre-copilot analyze pod/checkout-7c9f5d-x2x1z -n shop

  # What is wrong in this namespace? Keep what was read.
  sre-copilot analyze -n shop --record incident/

  # The same report, without a cluster
  sre-copilot replay incident/

  # Have the API server try what is proposed; look at it, and decide
  sre-copilot analyze deploy/checkout -n squad-7 --propose
  sre-copilot approve A-7F3K2M

Exit codes:
  0  done
  1  could not do it: cluster, file, database, network
  2  usage
  3  a fault was found (with --exit-code), a replay differs, a change did not help, the audit log is broken
  4  inconclusive (with --exit-code), or the outcome of a change is unknown
  5  refused: policy, guard, precondition, not authorised";

/// So long the process waits at its end for a collector to take the last traces.
const LAST_TRACES: Duration = Duration::from_secs(2);

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "sre-copilot", version, about = ABOUT, long_about = LONG_ABOUT, after_help = EXAMPLES)]
#[command(max_term_width = 110, subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    screen: Screen,
    /// The file of settings; without it $SRE_COPILOT_CONFIG, ./sre-copilot.toml, or the user's own
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

fn settings(cli: &Cli) -> Result<Settings, CliError> {
    Ok(config::load(cli.config.as_deref(), &|name| std::env::var_os(name))?)
}

#[derive(Debug, Subcommand)]
enum Command {
    Analyze(analyze::AnalyzeArgs),
    Replay(replay::ReplayArgs),
    Approve(approve::ApproveArgs),
    Incidents(incidents::IncidentsArgs),
    Audit(audit::AuditArgs),
    Doctor(doctor::DoctorArgs),
    Serve(serve::ServeArgs),
    Explain(explain::ExplainArgs),
    Completions(completions::CompletionsArgs),
}

/// The command line's description, from which completions and man pages are made.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Does what the arguments ask for; the first is the program's name.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return not_understood(&error),
    };
    let telemetry = match &cli.command {
        Command::Analyze(_) | Command::Approve(_) => wiring::telemetry(false, cli.screen).map(Some),
        Command::Serve(_) => wiring::telemetry(true, cli.screen).map(Some),
        _ => Ok(None),
    };
    let telemetry = match telemetry {
        Ok(telemetry) => telemetry,
        Err(error) => {
            cli.screen.error(&error);
            return error.exit;
        }
    };
    let result = match &cli.command {
        Command::Analyze(args) => settings(&cli).and_then(|settings| analyze::run(args, &settings, cli.screen)),
        Command::Replay(args) => replay::run(args, cli.screen),
        Command::Approve(args) => settings(&cli).and_then(|settings| approve::run(args, &settings, cli.screen)),
        Command::Incidents(args) => settings(&cli).and_then(|settings| incidents::run(args, &settings, cli.screen)),
        Command::Audit(args) => settings(&cli).and_then(|settings| audit::run(args, &settings, cli.screen)),
        Command::Doctor(args) => settings(&cli).and_then(|settings| doctor::run(args, &settings, cli.screen)),
        Command::Serve(args) => settings(&cli).and_then(|settings| serve::run(args, settings)),
        Command::Explain(args) => explain::run(args, cli.screen),
        Command::Completions(args) => completions::run(args, cli.screen),
    };
    let exit = result.unwrap_or_else(|error| {
        cli.screen.error(&error);
        error.exit
    });
    if let Some(telemetry) = telemetry {
        telemetry.end(LAST_TRACES);
    }
    exit
}

/// Help and version go to standard output. What is not understood is said in at most four lines, without the empty ones
/// that clap puts between them, and with control characters escaped: arguments can come from outside too.
fn not_understood(error: &clap::Error) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that has gone away is no error.
            _ = error.print();
            Exit::Done
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            _ = error.print();
            Exit::Usage
        }
        _ => {
            let text = error.render().to_string();
            let lines = text.lines().filter(|line| !line.trim().is_empty()).take(4).map(|line| format!("{}\n", escape(line)));
            _ = io::stderr().lock().write_all(lines.collect::<String>().as_bytes());
            Exit::Usage
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }
}
