//! `approve`: shows what waits, and takes the one decision that lets a change through: by somebody who has seen it, on
//! exactly the plan that was seen. Whatever differs since refuses it.

mod counter;
mod ending;
mod person;
mod planning;

pub use person::caller;

use super::duration;
use super::error::{CliError, Exit};
use super::output;
use super::ui::Screen;
use super::wiring::{self, Cluster, Desk, Office};
use crate::config::Settings;
use crate::domain::{Attempt, AttemptState};
use crate::pipeline::execute::note_policy;
use crate::ports::{AttemptFilter, AttemptStore, Clock, ClusterWriter};
use crate::render;
use clap::{Args, ValueEnum, ValueHint};
use counter::Counter;
use ending::{already, exit_of, unresolved};
use jiff::{SignedDuration, Timestamp};
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  # What waits for somebody's decision
  sre-copilot approve

  # Look at one; on a terminal, type the object's name to apply it
  sre-copilot approve A-7F3K2M

  # Without a terminal: exactly the plan with this digest
  sre-copilot approve A-7F3K2M --yes --digest 3f9c1a7e02b4

  # Say no; take an applied change back
  sre-copilot approve A-7F3K2M --reject --reason 'not during the sale'
  sre-copilot approve A-7F3K2M --undo";

/// Show what waits for approval; approve, reject or undo one change
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ApproveArgs {
    /// The attempt; without it, a list of those that wait
    #[arg(value_name = "CODE", value_hint = ValueHint::Other)]
    code: Option<String>,
    /// Approve without a question; needs --digest
    #[arg(long, requires_all = ["digest", "code"])]
    yes: bool,
    /// The first digits of the plan's digest, at least eight
    #[arg(long, value_name = "DIGITS", requires = "yes", value_hint = ValueHint::Other)]
    digest: Option<String>,
    /// Say no
    #[arg(long, requires = "code", conflicts_with_all = ["yes", "undo", "resolve", "wait"])]
    reject: bool,
    /// Why not, for those who look later
    #[arg(long, value_name = "TEXT", requires = "reject", value_hint = ValueHint::Other)]
    reason: Option<String>,
    /// Plan the way back from an applied change, and ask for its approval
    #[arg(long, requires = "code", conflicts_with = "resolve")]
    undo: bool,
    /// Say of an attempt whose outcome is unknown whether it was applied
    #[arg(long, value_enum, value_name = "OUTCOME", requires = "code", conflicts_with_all = ["yes", "wait"])]
    resolve: Option<Resolution>,
    /// Wait until it is known whether the change helped
    #[arg(long, requires = "code")]
    wait: bool,
    /// In the list, those that are over too
    #[arg(long, conflicts_with = "code")]
    all: bool,
    /// The kubeconfig's context
    #[arg(long, help_heading = "Cluster", value_hint = ValueHint::Other)]
    context: Option<String>,
    /// The kubeconfig; without it, $KUBECONFIG, ~/.kube/config, or the pod's own service account
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    kubeconfig: Option<PathBuf>,
    /// How long reading the cluster may take
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse, help_heading = "Cluster", value_hint = ValueHint::Other)]
    timeout: SignedDuration,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: output::Plain,
}

/// What somebody found out by looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Resolution {
    /// The change is there.
    Applied,
    /// It is not.
    NotApplied,
}

/// Shows, asks, and does what was approved.
///
/// # Errors
/// Refusals with their code, and whatever keeps it from being done.
pub fn run(args: &ApproveArgs, settings: &Settings, screen: Screen) -> Result<Exit, CliError> {
    let runtime = wiring::runtime()?;
    let exit = runtime.block_on(async {
        match &args.code {
            None => list(args, settings, screen).await,
            Some(code) => one(code, args, settings, screen).await,
        }
    });
    // A name server that doesn't answer must not hold up the end.
    runtime.shutdown_background();
    exit
}

/// One attempt: what needs no cluster is done without one.
async fn one(code: &str, args: &ApproveArgs, settings: &Settings, screen: Screen) -> Result<Exit, CliError> {
    let office = Office::open(settings)?;
    let unknown = || CliError::failed(format!("there is no attempt {code}")).hint("sre-copilot approve lists those that wait");
    let attempt = office.store.attempt(code).await?.ok_or_else(unknown)?;
    let page = Page { args, screen };
    let actor = caller();
    if args.reject {
        let declined = office.executor(&actor).decline(&attempt, args.reason.as_deref()).await?;
        return page.show(&declined, office.clock.now());
    }
    if let Some(resolution) = args.resolve {
        let resolved = office.executor(&actor).resolve(&attempt, resolution == Resolution::Applied).await.map_err(unresolved)?;
        return page.show(&resolved, office.clock.now());
    }
    let is_settled = matches!(
        attempt.state,
        AttemptState::Declined | AttemptState::Undone | AttemptState::Verified | AttemptState::NotVerified
    );
    if is_settled && !args.undo {
        page.show(&attempt, office.clock.now())?;
        return if args.yes { already(&attempt, args) } else { Ok(exit_of(&attempt)) };
    }
    let cluster =
        Cluster { kubeconfig: args.kubeconfig.clone(), context: args.context.clone(), timeout: args.timeout.unsigned_abs() };
    let desk = Desk::at(cluster, settings, office).await?;
    note_policy(&desk.store, &settings.remediation(), &actor, "cli").await?;
    let here = desk.writer.cluster_id().await?;
    if here != attempt.cluster {
        let why = format!("{} is about cluster {}, and this is {here}", attempt.code, attempt.cluster);
        return Err(CliError::refused("cluster_mismatch", &why).hint("name the other cluster with --context"));
    }
    Counter { args, settings, page, desk: &desk, actor }.decide_on(code).await
}

async fn list(args: &ApproveArgs, settings: &Settings, screen: Screen) -> Result<Exit, CliError> {
    let store = wiring::store(settings)?;
    let now = Timestamp::now();
    let open =
        [AttemptState::Proposed, AttemptState::Approved, AttemptState::Claimed, AttemptState::Running, AttemptState::Unknown];
    let states = if args.all { Vec::new() } else { open.to_vec() };
    let mut attempts = store.attempts(AttemptFilter { states, ..AttemptFilter::default() }).await?;
    attempts.retain(|attempt| args.all || attempt.state != AttemptState::Proposed || attempt.expires_at > now);
    let text = output::plain(args.output, &render::attempt_list(&attempts), || match attempts.as_slice() {
        [] => "nothing waits for approval\n".to_owned(),
        attempts => {
            let beyond = args.all || attempts.iter().any(|attempt| attempt.state != AttemptState::Proposed);
            render::attempts(attempts, beyond, now, screen.layout())
        }
    })?;
    screen.print(&text)?;
    Ok(Exit::Done)
}

/// The screen that an attempt is shown on.
#[derive(Clone, Copy)]
struct Page<'a> {
    args: &'a ApproveArgs,
    screen: Screen,
}

impl Page<'_> {
    fn show(&self, attempt: &Attempt, now: Timestamp) -> Result<Exit, CliError> {
        let text = output::plain(self.args.output, &render::attempt_document(attempt), || {
            render::attempt(attempt, now, self.screen.layout())
        })?;
        self.screen.print(&text)?;
        Ok(Exit::Done)
    }
}
