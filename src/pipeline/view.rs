//! All that is known of an incident, put together from the store.

use crate::domain::{AnalysisState, Finding, IncidentView, Job, JobKind, JobState, OutcomeMemory, Run};
use crate::ports::{FeedbackStore, IncidentStore, Intake, JobFilter, JobQueue, StoreError};
use crate::remedy::REMEMBERED;
use jiff::Timestamp;

/// An incident with all that is known of it now; `None` where there is no such incident. A stored report that can't be read
/// any more is left out.
///
/// # Errors
/// When the store can't be read.
pub async fn view(
    store: &(impl IncidentStore + Intake + JobQueue + FeedbackStore),
    incident: &str,
    now: Timestamp,
) -> Result<Option<IncidentView>, StoreError> {
    Ok(view_and_runs(store, incident, now).await?.map(|(view, _)| view))
}

/// The same with the incident's analyses, oldest first.
///
/// # Errors
/// When the store can't be read.
pub async fn view_and_runs(
    store: &(impl IncidentStore + Intake + JobQueue + FeedbackStore),
    incident: &str,
    now: Timestamp,
) -> Result<Option<(IncidentView, Vec<Run>)>, StoreError> {
    let Some(record) = store.incident(incident).await? else { return Ok(None) };
    let Some(standing) = store.standing(incident).await? else { return Ok(None) };
    let filter = JobFilter { incident: Some(incident.to_owned()), limit: Some(20) };
    let jobs = store.jobs(filter).await?;
    let memory: OutcomeMemory = store.memory(incident, now, REMEMBERED).await?;
    let feedback = store.feedback(incident).await?;
    let finding = record.runs.last().and_then(|run| {
        let report = serde_json::from_value(run.report.clone()).ok()?;
        Some(Finding { run_id: run.id.clone(), at: run.created_at, report })
    });
    let newest = jobs.into_iter().find(|job| job.kind == JobKind::Analyze);
    let view = IncidentView {
        analysis: newest.map_or(AnalysisState::Idle, state),
        incident: record.incident,
        standing,
        finding,
        attempts: record.attempts,
        memory,
        feedback,
        clicked_at: record.clicked_at,
    };
    Ok(Some((view, record.runs)))
}

fn state(job: Job) -> AnalysisState {
    match job.state {
        JobState::Queued => AnalysisState::Queued { since: job.created_at },
        JobState::Running => AnalysisState::Running { since: job.started_at.unwrap_or(job.created_at) },
        JobState::Failed => AnalysisState::Failed { why: job.error.unwrap_or_default(), retry_at: job.retry_at },
        JobState::Done | JobState::Superseded => AnalysisState::Idle,
    }
}
