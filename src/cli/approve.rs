//! `approve`: shows what waits, and takes the one decision that lets a change through: by somebody who has seen it, on
//! exactly the plan that was seen. Whatever differs since refuses it.

use super::duration;
use super::error::{CliError, Exit};
use super::output;
use super::ui::Screen;
use super::wiring::{self, Cluster, Desk, Office};
use crate::config::Settings;
use crate::domain::{Actor, Attempt, AttemptContext, AttemptState, ExecutionIntent, ObjectRef, Plan, Risk};
use crate::pipeline::execute::{ApproveError, Ask, ExecutionStatus, Outcome, UndoError};
use crate::pipeline::{FreshLook, Look, Situation, context, look, memory};
use crate::ports::{AdvanceError, AttemptFilter, AttemptStore, Clock, ClusterWriter, IncidentStore};
use crate::remedy::{self, Memory, RISK_HIGH};
use crate::render;
use clap::{Args, ValueEnum, ValueHint};
use jiff::{SignedDuration, Timestamp};
use std::io::IsTerminal;
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
    let Office { store, clock } = office;
    let desk = Desk::at(cluster, settings, store, clock).await?;
    let here = desk.writer.cluster_id().await?;
    if here != attempt.cluster {
        let why = format!("{} is about cluster {}, and this is {here}", attempt.code, attempt.cluster);
        return Err(CliError::refused("cluster_mismatch", &why).hint("name the other cluster with --context"));
    }
    Counter { args, settings, page, desk: &desk, actor }.decide_on(code).await
}

fn unresolved(error: AdvanceError) -> CliError {
    match error {
        AdvanceError::NoSuchTransition { from: AttemptState::Unknown, .. } => {
            CliError::refused("may_still_land", "it was sent less than 75 s ago, and may still land")
                .hint("do it again in a minute")
        }
        AdvanceError::NoSuchTransition { from, .. } => {
            CliError::refused("wrong_state", &format!("it is {from}: only an attempt of unknown outcome is resolved by hand"))
        }
        error => error.into(),
    }
}

/// What `--yes` says to an attempt that can't be approved any more: fine only where exactly that plan was applied.
fn already(attempt: &Attempt, args: &ApproveArgs) -> Result<Exit, CliError> {
    let is_done = matches!(attempt.state, AttemptState::Succeeded | AttemptState::Verified);
    if is_done && args.digest.as_deref().is_some_and(|digits| attempt.digest.begins_with(digits)) {
        return Ok(Exit::Done);
    }
    let by = attempt.decided_by.as_ref().map(|actor| format!(" by {}", actor.name)).unwrap_or_default();
    Err(CliError::refused("too_late", &format!("{} is {}{by}", attempt.code, attempt.state)))
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

/// Who sits at this terminal: the system's number of the user counts, the name is only shown.
pub fn caller() -> Actor {
    let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter();
    let name = named.filter_map(|name| std::env::var(name).ok()).find(|name| !name.is_empty());
    let number = user_number();
    let name = name.or_else(|| number.clone()).unwrap_or_else(|| "unknown".to_owned());
    Actor { kind: "person".to_owned(), id: number.unwrap_or_else(|| name.clone()), name }
}

/// `uid:1000`, as the kernel says (Linux, proc(5): the owner of a process's folder is its effective user).
#[cfg(target_os = "linux")]
fn user_number() -> Option<String> {
    let own = std::fs::metadata("/proc/self").ok()?;
    Some(format!("uid:{}", std::os::unix::fs::MetadataExt::uid(&own)))
}

#[cfg(not(target_os = "linux"))]
fn user_number() -> Option<String> {
    None
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

/// Where one attempt is decided.
struct Counter<'a> {
    args: &'a ApproveArgs,
    settings: &'a Settings,
    page: Page<'a>,
    desk: &'a Desk,
    actor: Actor,
}

impl Counter<'_> {
    async fn decide_on(&self, code: &str) -> Result<Exit, CliError> {
        // What a killed process left behind comes first: it may be this one.
        self.desk.executor(&self.actor).recover().await?;
        let gone = || CliError::failed(format!("there is no attempt {code}"));
        let attempt = self.desk.store.attempt(code).await?.ok_or_else(gone)?;
        if self.args.undo {
            self.is_enabled()?;
            let proposed = self.undo(&attempt).await?;
            return self.decide(proposed).await;
        }
        match attempt.state {
            AttemptState::Proposed if attempt.expires_at > self.desk.clock.now() => self.decide(attempt).await,
            AttemptState::Proposed | AttemptState::Expired | AttemptState::Failed | AttemptState::Superseded => {
                self.decide_afresh(&attempt).await
            }
            AttemptState::Succeeded => {
                let now = self.verify(attempt).await?;
                self.show(&now)?;
                if self.args.yes { already(&now, self.args) } else { Ok(exit_of(&now)) }
            }
            _ => {
                self.show(&attempt)?;
                if self.args.yes { already(&attempt, self.args) } else { Ok(exit_of(&attempt)) }
            }
        }
    }

    fn show(&self, attempt: &Attempt) -> Result<Exit, CliError> {
        self.page.show(attempt, self.desk.clock.now())
    }

    /// Nobody is locked out by an attempt that is over: the same is planned on what is there now, unless something newer waits.
    async fn decide_afresh(&self, attempt: &Attempt) -> Result<Exit, CliError> {
        let now = self.desk.clock.now();
        let filter = AttemptFilter {
            incident: Some(attempt.incident.clone()),
            states: vec![AttemptState::Proposed],
            ..AttemptFilter::default()
        };
        let waiting = self.desk.store.attempts(filter).await?.into_iter().find(|other| other.expires_at > now);
        if let Some(newer) = waiting {
            self.show(attempt)?;
            let why = format!("{} is {}, and {} waits in its place", attempt.code, attempt.state, newer.code);
            return Err(CliError::refused("superseded", &why).hint(format!("sre-copilot approve {}", newer.code)));
        }
        if !self.settings.executor.enabled {
            self.show(attempt)?;
            return Ok(exit_of(attempt));
        }
        let proposed = self.again(attempt).await?;
        let why = attempt.reason.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
        self.page.screen.note(&format!("{} is {}{why}: planned afresh as {}", attempt.code, attempt.state, proposed.code));
        self.decide(proposed).await
    }

    /// Whether anything may be sent at all, a dry run too.
    fn is_enabled(&self) -> Result<(), CliError> {
        let why = "nothing is sent from here: EXECUTOR_ENABLED has to be true";
        if self.settings.executor.enabled { Ok(()) } else { Err(CliError::refused("executor_disabled", why)) }
    }

    /// The second step: shows the plan, has the object's name typed, applies.
    async fn decide(&self, attempt: Attempt) -> Result<Exit, CliError> {
        let is_asked =
            std::io::stdin().is_terminal() && std::io::stderr().is_terminal() && self.args.output == output::Plain::Text;
        if !self.args.yes {
            self.show(&attempt)?;
            if !is_asked {
                return Ok(Exit::Done);
            }
        }
        let intent = intent(&plan(&attempt)?)?;
        let executor = self.desk.executor(&self.actor);
        if let Err(denied) = self.may_approve(&attempt).await? {
            executor.deny(&attempt, denied.code).await?;
            return Err(CliError::refused(denied.code, &denied.why));
        }
        if !self.args.yes && !self.is_typed(&intent)? {
            return Ok(Exit::Done);
        }
        let look = self.look(&attempt).await?;
        let remembered = self.memory(&attempt).await?;
        let settings = self.settings.remediation();
        let situation = self.situation(&look, &remembered, &settings, attempt.undo_of.is_some());
        let digest = attempt.digest.clone();
        let approved = match executor.approve(&attempt, &digest).await {
            Ok(approved) => approved,
            Err(ApproveError::Advance(AdvanceError::Store(error))) => return Err(error.into()),
            Err(error) => {
                executor.deny(&attempt, "too_late").await?;
                return Err(match error {
                    ApproveError::Advance(error) => error.into(),
                    error @ ApproveError::OtherDigest { .. } => CliError::refused("digest_differs", &error.to_string()),
                });
            }
        };
        let sent = async { executor.settle(executor.apply(&approved, &situation).await?).await };
        let mut applied = sent.await.map_err(|error| not_noted(&attempt.code, error))?;
        if self.args.wait {
            applied = self.verify(applied).await?;
        }
        self.outcome(&applied)
    }

    /// Whether this person may approve it, here.
    async fn may_approve(&self, attempt: &Attempt) -> Result<Result<(), Denied>, CliError> {
        let denied = |code, why: String| Ok(Err(Denied { code, why }));
        let executor = &self.settings.executor;
        if !executor.enabled || !executor.approval_enabled {
            let why = "changes are not applied here: EXECUTOR_ENABLED and EXECUTOR_APPROVAL_ENABLED have to be true";
            return denied("executor_disabled", why.to_owned());
        }
        if let Some(digits) = self.args.digest.as_deref().filter(|digits| !attempt.digest.begins_with(digits)) {
            let why = format!("the plan of {} has {}, not {digits} (at least eight digits)", attempt.code, attempt.digest);
            return denied("digest_differs", why);
        }
        let level = plan(attempt)?.risk.level;
        let approval = &self.settings.approval;
        let is_requester = attempt.requested_by.as_ref().is_some_and(|requester| requester.id == self.actor.id);
        if is_requester && approval.separate_approver.applies_to(level) {
            let why = format!("{} asked for it: somebody else has to approve it (approval.separate_approver)", self.actor.name);
            return denied("separate_approver", why);
        }
        if self.args.yes && level == Risk::High {
            let why = "the risk is high: it is approved on a terminal, by typing the object's name";
            return denied(RISK_HIGH, why.to_owned());
        }
        let since = self.desk.clock.now().saturating_sub(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MIN);
        let given = self.desk.store.approvals(&self.actor, since).await?;
        if usize::try_from(given).unwrap_or(usize::MAX) >= approval.per_hour {
            let why = format!("{} gave {given} approvals within the hour, allowed are {}", self.actor.name, approval.per_hour);
            return denied("approval_rate", why);
        }
        Ok(Ok(()))
    }

    fn is_typed(&self, intent: &ExecutionIntent) -> Result<bool, CliError> {
        let prompt = format!("Type the {}'s name to apply, or press Enter to leave", intent.resource_type);
        let typed: String = dialoguer::Input::new()
            .with_prompt(prompt)
            .allow_empty(true)
            .interact_text()
            .map_err(|error| CliError::failed(format!("cannot ask on this terminal: {error}")))?;
        let typed = typed.trim();
        if !typed.is_empty() && typed != intent.resource_name {
            return Err(CliError::refused("not_confirmed", &format!("{typed:?} is not its name; nothing was applied")));
        }
        Ok(!typed.is_empty())
    }

    fn situation<'b>(&self, look: &'b Look, memory: &'b Memory, settings: &'b remedy::Settings, is_undo: bool) -> Situation<'b> {
        Situation { snapshot: &look.snapshot, report: &look.report, memory, settings, mode: self.settings.mode(), is_undo }
    }

    /// What is analysed again: what the analysis that proposed it was about.
    async fn target(&self, attempt: &Attempt) -> Result<ObjectRef, CliError> {
        let run = self.desk.store.run(&attempt.run_id).await?;
        let target = run.and_then(|run| serde_json::from_value(run.report.get("target")?.clone()).ok());
        let intent = intent(&plan(attempt)?)?;
        Ok(target.unwrap_or_else(|| intent.object()))
    }

    /// The cluster now, and what the diagnosis says of the cause that the attempt is for.
    async fn look(&self, attempt: &Attempt) -> Result<Look, CliError> {
        let look = look(&self.desk.reader, &self.desk.redactor, &self.target(attempt).await?).await?;
        let shown: AttemptContext = serde_json::from_value(attempt.context.clone()).unwrap_or_default();
        Ok(look.about(&shown))
    }

    async fn memory(&self, attempt: &Attempt) -> Result<Memory, CliError> {
        let Some(record) = self.desk.store.incident(&attempt.incident).await? else { return Ok(Memory::default()) };
        Ok(memory(&self.desk.store, &record.incident, self.desk.clock.now()).await?)
    }

    /// The same intent, planned on what is there now; of an undo the way back, with all that speaks against it.
    async fn again(&self, attempt: &Attempt) -> Result<Attempt, CliError> {
        if let Some(id) = &attempt.undo_of {
            let gone = || CliError::failed("the attempt that it takes back is not in the database any more");
            let undone = self.desk.store.attempt(id).await?.ok_or_else(gone)?;
            return self.undo(&undone).await;
        }
        let plan = plan(attempt)?;
        let intent = intent(&plan)?;
        let look = self.look(attempt).await?;
        let (remembered, settings) = (self.memory(attempt).await?, self.settings.remediation());
        let situation = self.situation(&look, &remembered, &settings, false);
        let shown = context(&intent, &look.report, &look.snapshot, None);
        let ask = Ask {
            intent: &intent,
            incident: &attempt.incident,
            run_id: &attempt.run_id,
            context: serde_json::to_value(shown).unwrap_or_default(),
            requested_by: Some(self.actor.clone()),
            cluster: Some(&plan.cluster),
            ttl: settings.approval.ttl,
            by_rule: false,
            undo_of: None,
        };
        proposed(self.desk.executor(&self.actor).propose(ask, &situation).await?)
    }

    async fn undo(&self, applied: &Attempt) -> Result<Attempt, CliError> {
        let look = look(&self.desk.reader, &self.desk.redactor, &self.target(applied).await?).await?;
        let (remembered, settings) = (self.memory(applied).await?, self.settings.remediation());
        let situation = self.situation(&look, &remembered, &settings, true);
        let executor = self.desk.executor(&self.actor);
        let shown = |intent: &ExecutionIntent| {
            let shown = context(intent, &look.report, &look.snapshot, None);
            let why = format!("takes {} back; now {}", applied.code, look.report.summary);
            serde_json::to_value(AttemptContext { title: format!("Undo: {}", shown.title), why, ..shown }).unwrap_or_default()
        };
        let outcome = executor.undo(applied, settings.approval.ttl, &situation, shown).await.map_err(|error| match error {
            UndoError::Cluster(error) => error.into(),
            UndoError::Store(error) => error.into(),
            UndoError::Changed { code, why } => CliError::refused(code, &why),
            error => CliError::refused("no_undo", &error.to_string()),
        })?;
        proposed(outcome)
    }

    /// Does the checks that are due; with `--wait`, all of them.
    async fn verify(&self, mut attempt: Attempt) -> Result<Attempt, CliError> {
        let subject = self.target(&attempt).await?;
        let judge = FreshLook { reader: &self.desk.reader, redactor: &self.desk.redactor, subject: &subject };
        let executor = self.desk.executor(&self.actor);
        let progress = self.page.screen.progress();
        while attempt.state == AttemptState::Succeeded {
            let Some(due) = attempt.verify_due_at else { break };
            let left = due.duration_since(self.desk.clock.now());
            if left > SignedDuration::ZERO {
                if !self.args.wait {
                    break;
                }
                progress.say(&format!("{} is applied; the next check is at {:.0}", attempt.code, due));
                self.desk.clock.wait(left).await;
            }
            attempt = match executor.verify(attempt, &judge, &self.settings.verify.after).await {
                // Somebody else looked at the same time: what they saw counts.
                Err(AdvanceError::Lost(now)) => *now,
                other => other?,
            };
        }
        if attempt.state == AttemptState::Verified && attempt.undo_of.is_none() {
            self.desk.store.resolve(&attempt.incident).await?;
        }
        Ok(attempt)
    }

    fn outcome(&self, attempt: &Attempt) -> Result<Exit, CliError> {
        if self.args.output != output::Plain::Text {
            self.show(attempt)?;
            return Ok(exit_of(attempt));
        }
        let why = render::escape(attempt.reason.as_deref().unwrap_or_default());
        let applied = || {
            let at = attempt.sent_at.map(|at| at.strftime(" %H:%M:%S UTC").to_string()).unwrap_or_default();
            let generation =
                attempt.after.as_ref().and_then(|after| after.pointer("/metadata/generation")).and_then(|g| g.as_i64());
            let generation = generation.map(|generation| format!(": generation {generation}")).unwrap_or_default();
            format!("Applied{at} by {}{generation}.", render::escape(&self.actor.name))
        };
        let code = &attempt.code;
        let text = match attempt.state {
            AttemptState::Succeeded if attempt.verify_due_at.is_none() => {
                format!("{} Whether it helped could not be seen: {why}\nundo: sre-copilot approve {code} --undo\n", applied())
            }
            AttemptState::Succeeded => {
                let last = self
                    .settings
                    .verify
                    .after
                    .last()
                    .zip(attempt.sent_at)
                    .and_then(|(after, sent)| sent.checked_add(*after).ok());
                let until = last.map(|last| last.strftime(" Verifying until %H:%M UTC.").to_string()).unwrap_or_default();
                format!("{}{until}\nundo: sre-copilot approve {code} --undo\n", applied())
            }
            AttemptState::Verified => format!("{} It helped.\n", applied()),
            AttemptState::NotVerified => format!("{} It did not help; undo: sre-copilot approve {code} --undo\n", applied()),
            AttemptState::Unknown => {
                format!(
                    "It is not known whether it was applied: {why}\nlook at the object, then: sre-copilot approve {code} --resolve applied|not-applied\n"
                )
            }
            AttemptState::Superseded | AttemptState::Failed => {
                let (rule, sentence) = why.split_once(": ").unwrap_or(("failed", &why));
                let error = if is_failure(rule) {
                    CliError::failed(format!("not applied, {rule}: {sentence}"))
                } else {
                    CliError::refused(rule, sentence)
                };
                return Err(error.hint(format!("sre-copilot approve {code} plans it afresh")));
            }
            state => format!("{code} is {state}. {why}\n"),
        };
        self.page.screen.print(&text)?;
        Ok(exit_of(attempt))
    }
}

fn proposed(outcome: Outcome) -> Result<Attempt, CliError> {
    match outcome.attempt {
        Some(attempt) if outcome.status == ExecutionStatus::DryRunOk => Ok(*attempt),
        _ if outcome.status == ExecutionStatus::Error => {
            Err(CliError::failed(format!("it could not be planned: {}", outcome.text)))
        }
        _ => Err(CliError::refused(outcome.code.as_deref().unwrap_or("refused"), &outcome.text)),
    }
}

fn plan(attempt: &Attempt) -> Result<Plan, CliError> {
    serde_json::from_value(attempt.plan.clone()).map_err(|_| {
        CliError::failed(format!("the plan of {} can't be read", attempt.code)).hint("analyze --propose makes a new one")
    })
}

fn intent(plan: &Plan) -> Result<ExecutionIntent, CliError> {
    ExecutionIntent::from_bound(&plan.intent).ok_or_else(|| CliError::failed("the plan's intent can't be read"))
}

/// Why somebody may not approve: the reason code and its sentence.
struct Denied {
    code: &'static str,
    why: String,
}

/// The books could not be kept after something may have been sent.
fn not_noted(code: &str, error: AdvanceError) -> CliError {
    let AdvanceError::Store(error) = error else { return error.into() };
    let what = format!("{code} may have been sent, and what became of it could not be stored: {error}");
    CliError { exit: Exit::Inconclusive, ..CliError::failed(what) }.hint(format!("sre-copilot approve {code} finds out"))
}

/// Codes of attempts that nobody refused: it could not be done.
fn is_failure(code: &str) -> bool {
    let codes = [
        "no_answer",
        "server_error",
        "throttled",
        "not_sent",
        "not_applied",
        "unauthorized",
        "store",
        "plan_unreadable",
        "unseen",
    ];
    codes.contains(&code)
}

/// What a state means for scripts.
fn exit_of(attempt: &Attempt) -> Exit {
    let code = attempt.reason.as_deref().and_then(|reason| reason.split_once(": ")).map_or("", |(code, _)| code);
    match attempt.state {
        AttemptState::NotVerified => Exit::Finding,
        AttemptState::Unknown | AttemptState::Approved | AttemptState::Claimed | AttemptState::Running => Exit::Inconclusive,
        AttemptState::Succeeded if attempt.verify_due_at.is_none() => Exit::Inconclusive,
        AttemptState::Failed if is_failure(code) => Exit::Failed,
        AttemptState::Failed | AttemptState::Superseded | AttemptState::Expired => Exit::Refused,
        _ => Exit::Done,
    }
}
