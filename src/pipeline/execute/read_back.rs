//! Whether a request landed of which no answer came: each kind of write leaves its own mark on the object, and the object
//! that has neither the mark nor any other change was never touched.

use super::send::plan_of;
use super::{Executor, LANDS_WITHIN, Reason, after};
use crate::cluster::json as at;
use crate::cluster::quantity::Quantity;
use crate::domain::{Action, Attempt, AttemptState, ExecutionIntent, Params, Plan, ResourceParams, template_hash};
use crate::ports::{AdvanceError, ApiReason, AttemptStore, AuditLog, Changes, Clock, ClusterWriter, Note, WriteError};
use crate::remedy;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// How long to wait before looking again.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(5);
/// How long an attempt of which nothing can be found out waits for the next look, once a late landing is excluded.
const LOOK_RARELY: SignedDuration = SignedDuration::from_mins(5);

/// What the object says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Landed {
    /// It has the mark.
    Yes,
    /// It is as it was.
    No,
    /// It was changed, and not by this request as far as can be seen.
    Moved,
    /// It could not be looked at.
    Unseen(String),
}

/// Reads from the object, and from the revisions that its workload keeps, whether an attempt's request landed.
pub fn landed(
    attempt: &Attempt,
    plan: &Plan,
    intent: &ExecutionIntent,
    live: Result<&Value, &WriteError>,
    revisions: &[Value],
) -> Landed {
    let is_eviction = intent.action == Action::EvictPod;
    let live = match live {
        Ok(live) => live,
        Err(error) if error.code() == Some(ApiReason::TargetGone) => {
            return if is_eviction { Landed::Yes } else { Landed::Moved };
        }
        Err(error) => return Landed::Unseen(error.to_string()),
    };
    let same = at::text(live, "metadata.uid") == plan.target.uid;
    if is_eviction {
        let leaves = !same || !at::text(live, "metadata.deletionTimestamp").is_empty();
        return if leaves { Landed::Yes } else { Landed::No };
    }
    if !same {
        return Landed::Moved;
    }
    let generation = |object: &Value| at::int(object, "metadata.generation");
    let (before, now) = (attempt.before.as_ref().and_then(generation), generation(live));
    let moved = before != now;
    let marked = match (intent.action, &intent.params) {
        (Action::ScaleDeployment, Params::Scale { replicas }) => {
            let next = before.zip(now).is_some_and(|(before, now)| now == before + 1);
            next && at::int(live, "spec.replicas") == Some(i64::from(*replicas))
        }
        (Action::ResumeRollout, _) => moved && !at::flag(live, "spec.paused"),
        (Action::SetResources, Params::Resources(params)) => moved && has_resources(live, params),
        (Action::RollbackDeployment, _) => moved && has_template(live, plan),
        _ => {
            let token = attempt.token.as_deref().filter(|token| !token.is_empty());
            token.is_some_and(|token| std::iter::once(live).chain(revisions).any(|object| has_token(object, token)))
        }
    };
    match (marked, moved) {
        (true, _) => Landed::Yes,
        (false, true) => Landed::Moved,
        (false, false) => Landed::No,
    }
}

/// Whether the template of a workload or ReplicaSet, or the one in a ControllerRevision, was restarted at this time.
fn has_token(object: &Value, token: &str) -> bool {
    let of = |template: &Value| at::key(at::at(template, "metadata.annotations"), remedy::RESTARTED_AT).as_str() == Some(token);
    of(at::at(object, "spec.template")) || of(at::at(object, "data.spec.template"))
}

fn has_template(live: &Value, plan: &Plan) -> bool {
    let operations = plan.request.body.as_array().map(Vec::as_slice).unwrap_or_default();
    let wanted = operations.iter().find(|operation| at::text(operation, "path") == "/spec/template");
    let wanted = wanted.and_then(|operation| at::key(operation, "value").as_str());
    wanted.is_some() && remedy::template(live).map(|template| template_hash(&template)).as_deref() == wanted
}

fn has_resources(live: &Value, params: &ResourceParams) -> bool {
    let spec = at::at(live, "spec.template.spec");
    let lists = ["containers", "initContainers"].into_iter();
    let Some(container) = lists.map(|list| at::named(spec, list, &params.container)).find(|found| !found.is_null()) else {
        return false;
    };
    let resources = at::key(container, "resources");
    let is = |list: &str, resource: &str, wanted: &Option<String>| {
        let Some(wanted) = wanted else { return true };
        let now = Quantity::read(at::key(at::key(resources, list), resource));
        now.is_some() && now == Quantity::parse(wanted)
    };
    is("limits", "memory", &params.memory_limit)
        && is("requests", "memory", &params.memory_request)
        && is("limits", "cpu", &params.cpu_limit)
        && is("requests", "cpu", &params.cpu_request)
}

impl<W: ClusterWriter, S: AttemptStore + AuditLog, C: Clock> Executor<'_, W, S, C> {
    /// Looks once whether an unknown attempt landed. It stays unknown where that can't be told, or not yet.
    ///
    /// # Errors
    /// Somebody else was first, or the store failed.
    pub async fn read_back(&self, unknown: Attempt) -> Result<Attempt, AdvanceError> {
        let Some((plan, intent)) = plan_of(&unknown) else { return Ok(unknown) };
        if !self.is_at_home(&unknown).await {
            return Ok(unknown);
        }
        // When the look began: what is not there may still have been on its way then.
        let looked_at = self.clock.now();
        let live = self.writer.get(&intent.object()).await;
        let revisions = match &live {
            Ok(live) if intent.action.is_restart() => self.writer.revisions(live).await,
            _ => Ok(Vec::new()),
        };
        let found = match &revisions {
            Ok(revisions) => landed(&unknown, &plan, &intent, live.as_ref(), revisions),
            Err(error) => Landed::Unseen(error.to_string()),
        };
        self.progress.reached("read_back.done");
        let is_final = unknown.sent_at.is_none_or(|sent| looked_at >= after(sent, LANDS_WITHIN));
        let settled = match found {
            Landed::Yes => self.succeed(&unknown, live.ok()).await?,
            Landed::No if is_final => {
                let why = "no answer came, and the object shows that it was not applied";
                self.fail(&unknown, &Reason::new("not_applied", why)).await?
            }
            open => return self.look_later(unknown, &open, looked_at, is_final).await,
        };
        self.progress.reached("settled.stored");
        Ok(settled)
    }

    /// Says why it is still unknown, and when it is looked at next.
    async fn look_later(
        &self,
        unknown: Attempt,
        found: &Landed,
        now: Timestamp,
        is_final: bool,
    ) -> Result<Attempt, AdvanceError> {
        let reason = match found {
            Landed::Moved => {
                Reason::new("moved_without_mark", "no answer came, and somebody else changed the object: look, then resolve it")
            }
            Landed::Unseen(why) => Reason::new("unseen", format!("no answer came, and the object can't be looked at: {why}")),
            Landed::Yes | Landed::No => Reason::new("no_answer", "no answer came; it may still land"),
        };
        let due = after(now, if is_final { LOOK_RARELY } else { LOOK_AGAIN });
        let set = Changes { reason: Some(reason.to_string()), verify_due_at: Some(due), ..Changes::default() };
        let (id, state, version, fence) = (unknown.id, unknown.state, unknown.version, unknown.fence);
        self.store.note(Note { id, state, version, fence, set }).await
    }

    /// Looks at an unknown attempt until it is known whether it landed, or until it can't be found out: at the longest until
    /// 75 s after it was sent. Any other attempt comes back as it is.
    ///
    /// # Errors
    /// Somebody else was first, or the store failed.
    pub async fn settle(&self, mut attempt: Attempt) -> Result<Attempt, AdvanceError> {
        while attempt.state == AttemptState::Unknown {
            let last = attempt.sent_at.is_none_or(|sent| self.clock.now() >= after(sent, LANDS_WITHIN));
            attempt = match self.read_back(attempt).await {
                // Somebody else looks too: what they saw counts.
                Err(AdvanceError::Lost(now)) => *now,
                other => other?,
            };
            if last || attempt.state != AttemptState::Unknown {
                break;
            }
            self.clock.wait(LOOK_AGAIN).await;
        }
        Ok(attempt)
    }
}

#[cfg(test)]
mod tests;
