//! What an intent rests on, as the analysis saw it: policy asks it at the proposal and again at the application, when the
//! snapshot is gone. Kept in the attempt's context; it holds no secret.

use super::Policy;
use crate::cluster::Snapshot;
use crate::domain::{
    Attempt, AttemptState, Decision, DecisionValue, ExecutionIntent, Incident, ObjectRef, PlanRequest, Report, RiskReport, State,
    Verdict,
};
use crate::ports::{AttemptFilter, AttemptStore, IncidentStore, StoreError};
use crate::remedy::{
    self, BlastRadius, DataPlane, GateInput, Memory, Mode, PastAttempt, PastIncident, REMEMBERED, Refusal, RiskInput, Settings,
    Verification, VerifyInput,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Under which key of an attempt's context they are kept.
pub const GROUNDS: &str = "grounds";

/// What an intent rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grounds {
    /// How sure the analysis is.
    pub verdict: Verdict,
    /// The id of its first cause; empty where it has none.
    pub cause: String,
    /// The object that the cause blames.
    pub object: ObjectRef,
    /// Whether something contradicts it.
    pub is_contradicted: bool,
    /// Why the object holds data, if it does.
    pub holds_data: Option<String>,
    /// What the snapshot says against it.
    pub refusals: Vec<Refusal>,
    /// Who sets the object back to a repository's state.
    pub gitops_owner: Option<String>,
    /// How much can go wrong.
    pub risk: RiskReport,
}

impl Grounds {
    /// From an analysis. `blast_radius` is the graph's, where there is one.
    pub fn of(
        intent: &ExecutionIntent,
        (snapshot, report): (&Snapshot, &Report),
        (settings, memory): (&Settings, &Memory),
        blast_radius: Option<BlastRadius>,
        now: Timestamp,
    ) -> Self {
        let object = intent.object();
        let cause = report.causes.first();
        let holds_data = match remedy::data_plane(snapshot, settings, &object) {
            DataPlane::Yes(why) => Some(why),
            DataPlane::No | DataPlane::Maybe(_) => None,
        };
        let owner = snapshot.get(&object).and_then(|object| remedy::gitops_owner(&object.raw));
        Self {
            verdict: report.verdict,
            cause: cause.map(|cause| cause.id.clone()).unwrap_or_default(),
            object: cause.map_or(object, |cause| cause.object.clone()),
            is_contradicted: !report.contradictions.is_empty(),
            holds_data,
            refusals: remedy::refusals(snapshot, intent),
            gitops_owner: owner.map(str::to_owned),
            risk: remedy::risk(&RiskInput { snapshot, report, intent, settings, memory, blast_radius, now }),
        }
    }

    /// Those that an attempt keeps.
    pub fn kept_in(attempt: &Attempt) -> Option<Self> {
        serde_json::from_value(attempt.context.get(GROUNDS)?.clone()).ok()
    }

    /// Puts them into a context.
    pub fn keep(&self, context: &mut Value) {
        if let (Some(context), Ok(grounds)) = (context.as_object_mut(), serde_json::to_value(self)) {
            context.insert(GROUNDS.to_owned(), grounds);
        }
    }
}

/// The policy of this moment: the settings, the environment, the memory, and what the intent rests on.
#[derive(Clone, Debug)]
pub struct PolicyNow<'a> {
    /// As they are now.
    pub settings: &'a Settings,
    /// As it is now.
    pub mode: Mode,
    /// What was tried, see [`remember`].
    pub memory: &'a Memory,
    /// What the analysis found.
    pub grounds: &'a Grounds,
    /// Whether the intent takes another attempt back.
    pub is_undo: bool,
}

impl PolicyNow<'_> {
    fn ask<T>(
        &self,
        intent: &ExecutionIntent,
        request: Option<&PlanRequest>,
        risk: &RiskReport,
        now: Timestamp,
        ask: impl FnOnce(&GateInput<'_>) -> T,
    ) -> T {
        let Grounds { verdict, cause, is_contradicted, holds_data, refusals, gitops_owner, .. } = self.grounds;
        let data_plane = holds_data.clone().map_or(DataPlane::No, DataPlane::Yes);
        ask(&GateInput {
            settings: self.settings,
            mode: self.mode,
            now,
            intent,
            request,
            verdict: *verdict,
            cause,
            is_contradicted: *is_contradicted,
            data_plane: &data_plane,
            refusals,
            gitops_owner: gitops_owner.as_deref(),
            memory: self.memory,
            risk: risk.level,
            is_undo: self.is_undo,
        })
    }
}

impl Policy for PolicyNow<'_> {
    fn guard(&self, intent: &ExecutionIntent, now: Timestamp) -> Decision {
        let passed = Decision {
            value: DecisionValue::Approve,
            rule: "guard".to_owned(),
            why: "nothing speaks against a trial".to_owned(),
        };
        self.ask(intent, None, &self.grounds.risk, now, |input| remedy::guard(input).err()).unwrap_or(passed)
    }

    fn risk(&self, _: &ExecutionIntent, _: Timestamp) -> RiskReport {
        self.grounds.risk.clone()
    }

    fn gate(&self, intent: &ExecutionIntent, request: &PlanRequest, risk: &RiskReport, now: Timestamp) -> Decision {
        self.ask(intent, Some(request), risk, now, remedy::gate)
    }
}

/// What is remembered of an incident's subject and of its cluster. An attempt counts from when it was sent, unless it is
/// known not to have been applied.
///
/// # Errors
/// The store could not be read.
pub async fn remember<S: AttemptStore + IncidentStore>(
    store: &S,
    incident: &Incident,
    is_flapping: bool,
    now: Timestamp,
) -> Result<Memory, StoreError> {
    let past = store.memory(&incident.id, now, REMEMBERED).await?;
    let incidents =
        past.incidents.into_iter().filter_map(|past| Some(PastIncident { cause: past.cause?, resolved_at: past.resolved_at? }));
    // What was proposed within the time and sent later counts too.
    let since = now.saturating_sub(REMEMBERED + SignedDuration::from_hours(1)).unwrap_or(Timestamp::MIN);
    let filter = AttemptFilter { cluster: Some(incident.cluster.clone()), since: Some(since), ..AttemptFilter::default() };
    let attempts = store.attempts(filter).await?;
    let attempts = attempts.iter().filter(|attempt| attempt.sent_at.is_some() && attempt.state != AttemptState::Failed);
    let attempts = attempts.filter_map(|attempt| {
        let (_, intent) = super::send::plan_of(attempt)?;
        Some(PastAttempt { object: intent.object(), action: intent.action, state: attempt.state, sent_at: attempt.sent_at })
    });
    Ok(Memory { opened_at: Some(incident.opened_at), incidents: incidents.collect(), attempts: attempts.collect(), is_flapping })
}

/// Judges an applied attempt by a fresh snapshot and its diagnosis. `alert` says whether the alert resolved, where there was
/// one. `None` where the attempt doesn't keep what it rests on.
pub fn judged(
    attempt: &Attempt,
    (snapshot, report): (&Snapshot, &Report),
    alert: Option<State>,
    is_last: bool,
) -> Option<Verification> {
    let (_, intent) = super::send::plan_of(attempt)?;
    let Grounds { cause, object, .. } = Grounds::kept_in(attempt)?;
    let applied_at = attempt.sent_at?;
    let cause = (cause.as_str(), &object);
    Some(remedy::judge(&VerifyInput { intent: &intent, cause, applied_at, snapshot, report, alert, is_last }))
}
