//! `approve`: shows what waits, and takes the one decision that lets a change through: by somebody who has seen it, on
//! exactly the plan that was seen. Whatever differs since refuses it.

use super::duration;
use super::error::{CliError, Exit};
use super::output;
use super::ui::Screen;
use super::wiring::{self, Cluster, Desk};
use crate::config::Settings;
use crate::domain::{Actor, Attempt, AttemptContext, AttemptState, ExecutionIntent, ObjectRef, Plan};
use crate::pipeline::execute::{ApproveError, Ask, ExecutionStatus, Outcome, UndoError, Unheard};
use crate::pipeline::{FreshLook, Look, Situation, context, look, memory};
use crate::ports::{AttemptFilter, AttemptStore, Clock, IncidentStore};
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
            Some(code) => {
                let cluster = Cluster {
                    kubeconfig: args.kubeconfig.clone(),
                    context: args.context.clone(),
                    timeout: args.timeout.unsigned_abs(),
                };
                let desk = Desk::open(cluster, settings).await?;
                Counter { args, settings, screen, desk: &desk, actor: caller() }.one(code).await
            }
        }
    });
    // A name server that doesn't answer must not hold up the end.
    runtime.shutdown_background();
    exit
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

/// Who sits at this terminal, as far as the system says.
pub fn caller() -> Actor {
    let name =
        ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok().filter(|name| !name.is_empty()));
    let name = name.unwrap_or_else(|| "unknown".to_owned());
    Actor { kind: "person".to_owned(), id: name.clone(), name }
}

/// Where one attempt is decided.
struct Counter<'a> {
    args: &'a ApproveArgs,
    settings: &'a Settings,
    screen: Screen,
    desk: &'a Desk,
    actor: Actor,
}

impl Counter<'_> {
    async fn one(&self, code: &str) -> Result<Exit, CliError> {
        // What a killed process left behind comes first: it may be this one.
        wiring::executor(self.desk, &self.actor, &Unheard).recover().await?;
        let unknown =
            || CliError::failed(format!("there is no attempt {code}")).hint("sre-copilot approve lists those that wait");
        let attempt = self.desk.store.attempt(code).await?.ok_or_else(unknown)?;
        if self.args.reject {
            return self.reject(&attempt).await;
        }
        if let Some(resolution) = self.args.resolve {
            let resolved =
                wiring::executor(self.desk, &self.actor, &Unheard).resolve(&attempt, resolution == Resolution::Applied).await?;
            return self.show(&resolved);
        }
        if self.args.undo {
            let proposed = self.undo(&attempt).await?;
            return self.decide(proposed).await;
        }
        match attempt.state {
            AttemptState::Proposed if attempt.expires_at > self.desk.clock.now() => self.decide(attempt).await,
            AttemptState::Proposed | AttemptState::Expired | AttemptState::Failed | AttemptState::Superseded => {
                let proposed = self.again(&attempt).await?;
                self.screen.note(&format!("{} is {}: planned afresh as {}", attempt.code, attempt.state, proposed.code));
                self.decide(proposed).await
            }
            AttemptState::Succeeded => {
                let now = self.verify(attempt).await?;
                self.show(&now)?;
                Ok(exit_of(&now))
            }
            _ => {
                self.show(&attempt)?;
                Ok(exit_of(&attempt))
            }
        }
    }

    fn show(&self, attempt: &Attempt) -> Result<Exit, CliError> {
        let now = self.desk.clock.now();
        let text = output::plain(self.args.output, &render::attempt_document(attempt), || {
            render::attempt(attempt, now, self.screen.layout())
        })?;
        self.screen.print(&text)?;
        Ok(Exit::Done)
    }

    async fn reject(&self, attempt: &Attempt) -> Result<Exit, CliError> {
        let declined = wiring::executor(self.desk, &self.actor, &Unheard).decline(attempt, self.args.reason.as_deref()).await?;
        self.show(&declined)
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
        self.may_approve(&attempt).await?;
        let plan = plan(&attempt)?;
        let intent = intent(&plan)?;
        if self.args.yes {
            let digits = self.args.digest.as_deref().unwrap_or_default();
            if !attempt.digest.begins_with(digits) {
                let why = format!("the plan of {} has {}, not {digits} (at least eight digits)", attempt.code, attempt.digest);
                return Err(CliError::refused("digest_differs", &why)
                    .hint(format!("sre-copilot approve {} shows the plan", attempt.code)));
            }
        } else if !self.is_typed(&intent)? {
            return Ok(Exit::Done);
        }
        let subject = self.subject(&attempt).await?;
        let look = look(&self.desk.reader, &self.desk.redactor, &subject).await?;
        let remembered = self.memory(&attempt).await?;
        let settings = self.settings.remediation();
        let situation = self.situation(&look, &remembered, &settings, attempt.undo_of.is_some());
        let executor = wiring::executor(self.desk, &self.actor, &Unheard);
        let digest = attempt.digest.clone();
        let approved = executor.approve(&attempt, &digest).await.map_err(|error| match error {
            ApproveError::Advance(error) => error.into(),
            error @ ApproveError::OtherDigest { .. } => CliError::refused("digest_differs", &error.to_string()),
        })?;
        let applied = executor.apply(&approved, &situation).await?;
        let mut applied = executor.settle(applied).await?;
        if self.args.wait {
            applied = self.verify(applied).await?;
        }
        self.outcome(&applied)
    }

    /// Whether this person may approve it, here.
    async fn may_approve(&self, attempt: &Attempt) -> Result<(), CliError> {
        let executor = &self.settings.executor;
        if !executor.enabled || !executor.approval_enabled {
            let why = "changes are not applied here: EXECUTOR_ENABLED and EXECUTOR_APPROVAL_ENABLED have to be true";
            return Err(CliError::refused("executor_disabled", why));
        }
        let plan = plan(attempt)?;
        let approval = &self.settings.approval;
        let is_requester = attempt.requested_by.as_ref().is_some_and(|requester| requester.id == self.actor.id);
        if is_requester && approval.separate_approver.applies_to(plan.risk.level) {
            let why = format!("{} asked for it: somebody else has to approve it (approval.separate_approver)", self.actor.name);
            return Err(CliError::refused("separate_approver", &why));
        }
        let context: AttemptContext = serde_json::from_value(attempt.context.clone()).unwrap_or_default();
        let is_high =
            plan.risk.level == crate::domain::Risk::High || context.decision.is_some_and(|decision| decision.rule == RISK_HIGH);
        if self.args.yes && is_high {
            let why = "the risk is high: it is approved on a terminal, by typing the object's name";
            return Err(CliError::refused(RISK_HIGH, why));
        }
        let since = self.desk.clock.now().saturating_sub(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MIN);
        let given = self.desk.store.approvals(&self.actor, since).await?;
        if usize::try_from(given).unwrap_or(usize::MAX) >= approval.per_hour {
            let why = format!("{} gave {given} approvals within the hour, allowed are {}", self.actor.name, approval.per_hour);
            return Err(CliError::refused("approval_rate", &why));
        }
        Ok(())
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

    /// What is analysed again: the subject of the incident.
    async fn subject(&self, attempt: &Attempt) -> Result<ObjectRef, CliError> {
        let incident = self.desk.store.incident(&attempt.incident).await?;
        let intent = intent(&plan(attempt)?)?;
        Ok(incident.map_or_else(|| intent.object(), |record| record.incident.subject))
    }

    async fn memory(&self, attempt: &Attempt) -> Result<Memory, CliError> {
        let Some(record) = self.desk.store.incident(&attempt.incident).await? else { return Ok(Memory::default()) };
        Ok(memory(&self.desk.store, &record.incident, self.desk.clock.now()).await?)
    }

    /// The same intent, planned on what is there now.
    async fn again(&self, attempt: &Attempt) -> Result<Attempt, CliError> {
        let plan = plan(attempt)?;
        let intent = intent(&plan)?;
        let subject = self.subject(attempt).await?;
        let look = look(&self.desk.reader, &self.desk.redactor, &subject).await?;
        let (remembered, settings) = (self.memory(attempt).await?, self.settings.remediation());
        let situation = self.situation(&look, &remembered, &settings, attempt.undo_of.is_some());
        let undone = match &attempt.undo_of {
            Some(id) => self.desk.store.attempt(id).await?,
            None => None,
        };
        let shown = context(&intent, &look.report, &look.snapshot, None);
        let ask = Ask {
            intent: &intent,
            incident: &attempt.incident,
            run_id: &attempt.run_id,
            context: serde_json::to_value(shown).unwrap_or_default(),
            requested_by: Some(self.actor.clone()),
            cluster: Some(&plan.cluster),
            ttl: settings.approval.ttl,
            undo_of: undone.as_ref(),
        };
        proposed(wiring::executor(self.desk, &self.actor, &Unheard).propose(ask, &situation).await?)
    }

    async fn undo(&self, applied: &Attempt) -> Result<Attempt, CliError> {
        let subject = self.subject(applied).await?;
        let look = look(&self.desk.reader, &self.desk.redactor, &subject).await?;
        let (remembered, settings) = (self.memory(applied).await?, self.settings.remediation());
        let situation = self.situation(&look, &remembered, &settings, true);
        let executor = wiring::executor(self.desk, &self.actor, &Unheard);
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
        let subject = self.subject(&attempt).await?;
        let judge = FreshLook { reader: &self.desk.reader, redactor: &self.desk.redactor, subject: &subject };
        let executor = wiring::executor(self.desk, &self.actor, &Unheard);
        let progress = self.screen.progress();
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
            attempt = executor.verify(attempt, &judge, &self.settings.verify.after).await?;
        }
        if attempt.state == AttemptState::Verified {
            self.desk.store.resolve(&attempt.incident).await?;
        }
        Ok(attempt)
    }

    fn outcome(&self, attempt: &Attempt) -> Result<Exit, CliError> {
        if self.args.output != output::Plain::Text {
            self.show(attempt)?;
            return Ok(exit_of(attempt));
        }
        let why = attempt.reason.as_deref().unwrap_or_default();
        let applied = || {
            let at = attempt.sent_at.map(|at| at.strftime(" %H:%M:%S UTC").to_string()).unwrap_or_default();
            let generation =
                attempt.after.as_ref().and_then(|after| after.pointer("/metadata/generation")).and_then(|g| g.as_i64());
            let generation = generation.map(|generation| format!(": generation {generation}")).unwrap_or_default();
            format!("Applied{at} by {}{generation}.", self.actor.name)
        };
        let code = &attempt.code;
        let text = match attempt.state {
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
                let (rule, sentence) = why.split_once(": ").unwrap_or(("failed", why));
                return Err(CliError::refused(rule, sentence).hint(format!("sre-copilot approve {code} plans it afresh")));
            }
            state => format!("{code} is {state}. {why}\n"),
        };
        self.screen.print(&text)?;
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

/// What a state means for scripts.
fn exit_of(attempt: &Attempt) -> Exit {
    match attempt.state {
        AttemptState::NotVerified => Exit::Finding,
        AttemptState::Unknown => Exit::Inconclusive,
        AttemptState::Failed | AttemptState::Superseded | AttemptState::Expired => Exit::Refused,
        _ => Exit::Done,
    }
}
