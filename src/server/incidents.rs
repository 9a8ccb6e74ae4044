//! `GET /incidents`, `GET /incidents/{id}` and `GET /incidents/{id}/timeline`: what is known of incidents, for programs and for
//! browsers.

use super::approvals;
use super::auth::{Role, caller};
use super::page::{json as as_json, page, wants_page};
use super::problem::{Code, Problem};
use super::request::{Params, Peer};
use super::state::App;
use crate::domain::{AnalysisState, IncidentStatus, IncidentSummary, IncidentView, Run, Severity, Timeline};
use crate::pipeline::{opens, timeline, view_and_runs};
use crate::ports::{AuditFilter, Books, PageFilter, PageKey};
use crate::redact::Redactor;
use crate::render;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

/// Incidents of a page where nobody says how many, and at most.
const LIMIT: usize = 50;
const MOST: usize = 500;
/// The longest value of a filter, in bytes.
const LONGEST: usize = 1024;
/// Rows of the audit log that a timeline is made of, the newest.
const LOGGED: u32 = 1_000;

/// The routes.
pub fn routes<S: Books>() -> Router<App<S>> {
    Router::new().route("/incidents", get(list)).route("/incidents/{id}", get(one)).route("/incidents/{id}/timeline", get(told))
}

/// What may be asked of a list, as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wanted {
    status: Option<String>,
    cluster: Option<String>,
    namespace: Option<String>,
    severity: Option<String>,
    alertname: Option<String>,
    since: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

impl Wanted {
    /// As it is meant; all that is wrong with it is named at once.
    fn read(self) -> Result<PageFilter, Problem> {
        let mut faults: Vec<(&str, &str)> = Vec::new();
        let texts = [("cluster", &self.cluster), ("namespace", &self.namespace), ("alertname", &self.alertname)];
        for (path, text) in texts {
            if text.as_ref().is_some_and(|text| text.is_empty() || text.len() > LONGEST) {
                faults.push((path, "it is empty or too long"));
            }
        }
        let status = match self.status.as_deref() {
            None | Some("all") => None,
            Some("open") => Some(IncidentStatus::Open),
            Some("resolved") => Some(IncidentStatus::Resolved),
            Some(_) => {
                faults.push(("status", "it is open, resolved or all"));
                None
            }
        };
        let known = [Severity::Critical, Severity::Warning, Severity::Info];
        let severity = self.severity.as_deref().and_then(|word| known.into_iter().find(|known| known.as_str() == word));
        if self.severity.is_some() && severity.is_none() {
            faults.push(("severity", "it is critical, warning or info"));
        }
        let since = self.since.as_deref().map(str::parse::<Timestamp>);
        if matches!(since, Some(Err(_))) {
            faults.push(("since", "it is a time of RFC 3339, such as 2026-01-02T05:00:00Z"));
        }
        let limit = self.limit.as_deref().map_or(Some(LIMIT), |limit| limit.parse().ok());
        let limit = limit.filter(|limit| (1..=MOST).contains(limit));
        if limit.is_none() {
            faults.push(("limit", "it is a number from 1 to 500"));
        }
        let after = self.cursor.as_deref().map(key);
        if after == Some(None) {
            faults.push(("cursor", "it is none that was given out"));
        }
        if !faults.is_empty() {
            let mut problem = Problem::new(Code::Invalid, "a value of the request is not valid");
            for (path, why) in faults {
                problem = problem.fault(path, why);
            }
            return Err(problem);
        }
        Ok(PageFilter {
            status,
            cluster: self.cluster,
            namespace: self.namespace,
            severity,
            alertname: self.alertname,
            since: since.and_then(Result::ok),
            after: after.flatten(),
            limit: limit.unwrap_or(LIMIT),
            ..PageFilter::default()
        })
    }
}

/// Where the next page begins, in letters that say nothing.
fn cursor(key: &PageKey) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}.{}", key.opened_at.as_millisecond(), key.id))
}

fn key(cursor: &str) -> Option<PageKey> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok().filter(|_| cursor.len() <= 128)?).ok()?;
    let (opened, id) = text.split_once('.')?;
    let opened_at = Timestamp::from_millisecond(opened.parse().ok()?).ok()?;
    (id.len() == 36).then(|| PageKey { opened_at, id: id.to_owned() })
}

async fn list<S: Books>(
    State(app): State<App<S>>,
    peer: Peer,
    headers: HeaderMap,
    wanted: Result<Params<Wanted>, Problem>,
) -> Result<Response, Problem> {
    caller(&app, &headers, peer.ip(), Role::Viewer)?;
    let Params(wanted) = wanted?;
    let filter = PageFilter { window: app.settings.serve.recurrence_window, ..wanted.read()? };
    let page = app.store.page(filter).await?;
    let incidents: Vec<Value> = page.incidents.iter().map(row).collect();
    Ok(as_json(json!({"incidents": incidents, "next_cursor": page.next.as_ref().map(cursor)})))
}

/// How a signed link shows that it may.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Signed {
    until: Option<i64>,
    sign: Option<String>,
}

/// Whether who asks may see this incident: who looks at incidents, or has a link to this one.
async fn may_see<S: Books>(
    app: &App<S>,
    headers: &HeaderMap,
    peer: Peer,
    id: &str,
    link: Result<Params<Signed>, Problem>,
) -> Result<(), Problem> {
    let ttl = app.settings.serve.permalink_ttl;
    if let Ok(Params(Signed { until: Some(until), sign: Some(sign) })) = &link
        && ttl.is_positive()
    {
        let key = app.store.key().await?;
        if opens(&key, id, *until, sign, ttl, app.now()) {
            return Ok(());
        }
    }
    caller(app, headers, peer.ip(), Role::Viewer)?;
    link.map(drop)
}

/// All that a page of an incident is made of.
struct Whole {
    view: IncidentView,
    runs: Vec<Run>,
    timeline: Timeline,
}

async fn whole<S: Books>(app: &App<S>, id: &str) -> Result<Whole, Problem> {
    let now = app.now();
    let found = view_and_runs(&*app.store, id, now).await?;
    let (mut view, runs) = found.ok_or_else(|| Problem::not_found("incident"))?;
    let filter = AuditFilter { incident: Some(id.to_owned()), limit: Some(LOGGED), ..AuditFilter::default() };
    let log = app.store.list(filter).await?;
    masked(&app.redactor, &mut view);
    let timeline = timeline(&view, &runs, &log, now);
    Ok(Whole { view, runs, timeline })
}

/// What people and senders of alerts wrote goes out without its secrets; reports and plans are masked where they are made.
fn masked(redactor: &Redactor, view: &mut IncidentView) {
    let mask = |text: &mut String| *text = redactor.text(text).into_owned();
    for episode in &mut view.standing.episodes {
        episode.annotations.values_mut().for_each(mask);
        episode.labels.values_mut().for_each(mask);
        mask(&mut episode.generator_url);
    }
    if let AnalysisState::Failed { why, .. } = &mut view.analysis {
        mask(why);
    }
    view.attempts.iter_mut().filter_map(|attempt| attempt.reason.as_mut()).for_each(mask);
    view.feedback.iter_mut().filter_map(|said| said.comment.as_mut()).for_each(mask);
}

async fn one<S: Books>(
    State(app): State<App<S>>,
    peer: Peer,
    Path(id): Path<String>,
    headers: HeaderMap,
    link: Result<Params<Signed>, Problem>,
) -> Result<Response, Problem> {
    may_see(&app, &headers, peer, &id, link).await?;
    let Whole { view, runs, timeline } = whole(&app, &id).await?;
    if wants_page(&headers) {
        return Ok(page(render::incident_page(&view, &runs, &timeline, app.now())));
    }
    let summary = app.store.summary(&id, app.settings.serve.recurrence_window).await?;
    let mut document = row(&summary.ok_or_else(|| Problem::not_found("incident"))?);
    document["episodes"] = json!(view.standing.episodes);
    document["runs"] = runs.iter().map(run).collect();
    document["report"] = json!(view.finding.map(|finding| finding.report));
    document["analysis"] = json!(view.analysis);
    document["attempts"] = view.attempts.iter().map(|attempt| approvals::document(&app.redactor, attempt)).collect();
    document["feedback"] = json!(view.feedback);
    Ok(as_json(document))
}

async fn told<S: Books>(
    State(app): State<App<S>>,
    peer: Peer,
    Path(id): Path<String>,
    headers: HeaderMap,
    link: Result<Params<Signed>, Problem>,
) -> Result<Response, Problem> {
    may_see(&app, &headers, peer, &id, link).await?;
    let Whole { view, timeline, .. } = whole(&app, &id).await?;
    Ok(if wants_page(&headers) { page(render::timeline_page(&view.incident, &timeline)) } else { as_json(timeline) })
}

/// An incident in a list.
fn row(summary: &IncidentSummary) -> Value {
    let IncidentSummary { incident, severity, flap_count, recurrence, chronic } = summary;
    let subject = &incident.subject;
    json!({
        "id": incident.id,
        "subject": {"cluster": incident.cluster, "kind": subject.kind, "namespace": subject.namespace, "name": subject.name},
        "status": incident.status,
        "severity": severity,
        "opened_at": incident.opened_at,
        "resolved_at": incident.resolved_at,
        "flap_count": flap_count,
        "recurrence": recurrence,
        "chronic": chronic,
        "merged_into": incident.merged_into,
    })
}

fn run(run: &Run) -> Value {
    json!({
        "id": run.id,
        "verdict": run.verdict,
        "cause": run.cause,
        "summary": run.report.get("summary"),
        "captured_at": run.captured_at,
        "created_at": run.created_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_nothing_else_is() {
        let at = Timestamp::from_millisecond(1_767_330_000_123).unwrap();
        let first = PageKey { opened_at: at, id: "0198c2f0-7a1b-7c3d-8e4f-0123456789ab".into() };
        assert_eq!(key(&cursor(&first)), Some(first));
        for text in ["", ".", "a", "MS54", &"A".repeat(4_000), &URL_SAFE_NO_PAD.encode("1.x"), &URL_SAFE_NO_PAD.encode([255, 46])]
        {
            assert_eq!(key(text), None, "{text}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_named_at_once() {
        let wanted = Wanted {
            status: Some("shut".into()),
            cluster: Some(String::new()),
            severity: Some("page".into()),
            since: Some("yesterday".into()),
            limit: Some("501".into()),
            cursor: Some("?".into()),
            ..Wanted::default()
        };
        let problem = wanted.read().unwrap_err();
        let paths: Vec<_> = problem.errors.iter().map(|fault| fault.path.as_str()).collect();
        assert_eq!(paths, ["cluster", "status", "severity", "since", "limit", "cursor"]);
        let filter = Wanted { limit: Some("500".into()), status: Some("all".into()), ..Wanted::default() }.read().unwrap();
        assert_eq!((filter.limit, filter.status), (500, None));
    }
}
