//! Looks at one subject anew: reads the cluster, masks, diagnoses. What an approval is judged by, and how it is seen whether
//! an applied change helped.

use super::execute::Judge;
use super::redact_recording;
use crate::cluster::Snapshot;
use crate::diagnose::{self, Options};
use crate::domain::{AlertStanding, Attempt, AttemptContext, CauseReport, ExecutionIntent, ObjectRef, Report, State, Verdict};
use crate::ports::{ClusterReader, IncidentStore, Intake, ReadError, ReadRequest, StoreError};
use crate::redact::Redactor;
use crate::remedy::{self, Criterion, Outcome, Verification, VerifyInput};

/// A cluster as it is now, and the diagnosis of one subject in it.
#[derive(Debug)]
pub struct Look {
    /// The cluster.
    pub snapshot: Snapshot,
    /// The diagnosis.
    pub report: Report,
}

impl Look {
    /// Judged by one cause alone, the one that a change is for: another fault beside it keeps no verdict up. A cause that is not
    /// found any more leaves nothing to act on.
    #[must_use]
    pub fn about(mut self, change: &AttemptContext) -> Self {
        let is_it =
            |cause: &CauseReport| cause.id == change.cause && change.cause_object.as_ref().is_none_or(|it| *it == cause.object);
        let report = &mut self.report;
        if report.causes.first().is_some_and(is_it) || change.cause.is_empty() {
            return self;
        }
        report.causes.retain(is_it);
        report.verdict = match report.causes.first().map(|cause| cause.confidence) {
            Some(confidence) if confidence >= CONFIRMED => Verdict::Confirmed,
            Some(confidence) if confidence >= LIKELY => Verdict::Likely,
            _ => Verdict::Inconclusive,
        };
        self
    }
}

/// From these confidences on a cause is confirmed, and likely (`diagnosis`, verdicts).
const CONFIRMED: f64 = 0.85;
const LIKELY: f64 = 0.6;

/// Reads, masks and diagnoses.
///
/// # Errors
/// When nothing could be read.
pub async fn look(reader: &impl ClusterReader, redactor: &Redactor, subject: &ObjectRef) -> Result<Look, ReadError> {
    let request = ReadRequest { targets: vec![subject.clone()], all_namespaces: false };
    let mut recording = reader.read(&request).await?;
    redact_recording(redactor, &mut recording);
    let snapshot = Snapshot::new(recording);
    let report = diagnose::diagnose(&snapshot, subject, Options::default());
    Ok(Look { snapshot, report })
}

/// Judges applied changes by a fresh look each time.
pub struct FreshLook<'a, R, S> {
    /// Reads the cluster.
    pub reader: &'a R,
    /// Masks what was read.
    pub redactor: &'a Redactor,
    /// What the change was for.
    pub subject: &'a ObjectRef,
    /// Knows whether the incident's alerts fire.
    pub store: &'a S,
}

impl<R, S: Intake + IncidentStore> FreshLook<'_, R, S> {
    /// Whether the alerts of an incident resolved, and what was seen; `None` where it has none.
    async fn alerts(&self, incident: &str) -> Option<(State, String)> {
        let standing = match self.standing(incident).await {
            Ok(standing) => standing?,
            Err(error) => return Some((State::Unknown, error.to_string())),
        };
        let own: Vec<_> = standing.episodes.iter().filter(|episode| episode.incident_id.is_some()).collect();
        let open = own.iter().find(|episode| episode.ended_at.is_none() && !episode.is_silent);
        let silent = own.iter().find(|episode| episode.ended_at.is_none());
        match (open, silent) {
            _ if own.is_empty() => None,
            (Some(open), _) => Some((State::Absent, format!("{} fires", open.name))),
            (None, Some(silent)) => Some((State::Unknown, format!("nothing was heard of {} for long", silent.name))),
            (None, None) => Some((State::Found, "none fires any more".to_owned())),
        }
    }

    /// Its alerts, where they are now: those of a merged incident went along.
    async fn standing(&self, incident: &str) -> Result<Option<AlertStanding>, StoreError> {
        let record = self.store.incident(incident).await?;
        let merged_into = record.and_then(|record| record.incident.merged_into);
        self.store.standing(merged_into.as_deref().unwrap_or(incident)).await
    }
}

impl<R: ClusterReader + Sync, S: Intake + IncidentStore + Sync> Judge for FreshLook<'_, R, S> {
    async fn judge(&self, attempt: &Attempt, is_last: bool) -> Verification {
        let blind = |why: String| Verification {
            outcome: if is_last { Outcome::Undetermined } else { Outcome::Pending },
            criteria: vec![Criterion { name: "cluster read", state: State::Unknown, seen: why }],
        };
        let Some(intent) = attempt.plan.get("intent").and_then(ExecutionIntent::from_bound) else {
            return blind("the stored plan can't be read".to_owned());
        };
        let look = match look(self.reader, self.redactor, self.subject).await {
            Ok(look) => look,
            Err(error) => return blind(error.to_string()),
        };
        let alerts = self.alerts(&attempt.incident).await;
        let context: AttemptContext = serde_json::from_value(attempt.context.clone()).unwrap_or_default();
        remedy::judge(&VerifyInput {
            intent: &intent,
            cause: (&context.cause, context.cause_object.as_ref().unwrap_or(self.subject)),
            applied_at: attempt.sent_at.unwrap_or(attempt.changed_at),
            snapshot: &look.snapshot,
            report: &look.report,
            alert: alerts.as_ref().map(|(state, seen)| (*state, seen.as_str())),
            is_last,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Recording;
    use jiff::Timestamp;

    fn cause(id: &str, name: &str, confidence: f64) -> CauseReport {
        CauseReport {
            id: id.into(),
            object: ObjectRef::new("Deployment", "shop", name),
            container: None,
            confidence,
            summary: String::new(),
            fix: String::new(),
            explains: Vec::new(),
            evidence: Vec::new(),
            perspective: "app".into(),
            since: None,
        }
    }

    #[test]
    fn another_fault_beside_it_keeps_no_verdict_up() {
        let look = |causes: &[CauseReport]| Look {
            snapshot: Snapshot::new(Recording::default()),
            report: Report {
                causes: causes.to_vec(),
                ..Report::new(ObjectRef::cluster("Namespace", "shop"), Verdict::Confirmed, Timestamp::UNIX_EPOCH)
            },
        };
        let change = AttemptContext {
            cause: "oom_killed".into(),
            cause_object: Some(ObjectRef::new("Deployment", "shop", "web")),
            ..AttemptContext::default()
        };
        let other = cause("image_not_found", "cart", 0.99);
        for (causes, verdict) in [
            (vec![cause("oom_killed", "web", 0.9), other.clone()], Verdict::Confirmed),
            (vec![other.clone(), cause("oom_killed", "web", 0.9)], Verdict::Confirmed),
            (vec![other.clone(), cause("oom_killed", "web", 0.7)], Verdict::Likely),
            (vec![other.clone(), cause("oom_killed", "cart", 0.9)], Verdict::Inconclusive),
            (vec![other], Verdict::Inconclusive),
        ] {
            let judged = look(&causes).about(&change).report;
            assert_eq!(judged.verdict, verdict, "{causes:?}");
            assert!(judged.causes.first().is_none_or(|first| first.id == "oom_killed"));
        }
    }
}
