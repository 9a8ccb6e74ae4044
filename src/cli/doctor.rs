//! `doctor`: is everything there that an analysis, an approval and the server need?

use super::duration;
use super::error::{CliError, Exit};
use super::output;
use super::ui::Screen;
use super::wiring::{self, Cluster};
use crate::config::Settings;
use crate::domain::{Check, CheckState};
use crate::render;
use clap::{Args, ValueHint};
use jiff::SignedDuration;
use serde_json::json;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  # Rights are asked for in the context's namespace, in another, everywhere
  sre-copilot doctor
  sre-copilot doctor -n shop
  sre-copilot doctor -A

  # In a script: ends with 1 when something doesn't work
  sre-copilot doctor -o json";

/// Look at what the settings name: cluster, rights, clock, database, back-ups, metrics, deploys, tickets, logs, Alertmanager, model, Discord
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DoctorArgs {
    /// The namespace whose rights are asked for; without it, the context's own
    #[arg(short, long, value_name = "NS", value_hint = ValueHint::Other)]
    namespace: Option<String>,
    /// Ask for rights in every namespace
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// The kubeconfig's context
    #[arg(long, help_heading = "Cluster", value_hint = ValueHint::Other)]
    context: Option<String>,
    /// The kubeconfig; without it, $KUBECONFIG, ~/.kube/config, or the pod's own service account
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    kubeconfig: Option<PathBuf>,
    /// How long the cluster may take
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse, help_heading = "Cluster", value_hint = ValueHint::Other)]
    timeout: SignedDuration,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: output::Plain,
}

/// Looks and prints.
///
/// # Errors
/// When the system gives no threads, or the result can't be written.
pub fn run(args: &DoctorArgs, settings: &Settings, screen: Screen) -> Result<Exit, CliError> {
    let cluster =
        Cluster { kubeconfig: args.kubeconfig.clone(), context: args.context.clone(), timeout: args.timeout.unsigned_abs() };
    let namespace = if args.all_namespaces { Some(String::new()) } else { args.namespace.clone() };
    let runtime = wiring::runtime()?;
    let progress = screen.progress();
    progress.say("looking at all that the settings name");
    let checks = runtime.block_on(wiring::check_up(settings, cluster, namespace));
    runtime.shutdown_background();
    drop(progress);
    let document = json!({"apiVersion": "sre-copilot/v1", "kind": "CheckList", "items": checks});
    let text = output::plain(args.output, &document, || render::checks(&checks, screen.layout()))?;
    screen.print(&text)?;
    let is_broken = |check: &Check| check.state == CheckState::Failed;
    Ok(if checks.iter().any(is_broken) { Exit::Failed } else { Exit::Done })
}
