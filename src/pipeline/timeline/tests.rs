use super::*;
use crate::domain::{
    Actor, AlertStanding, AnalysisState, AuditData, AuditEvent, Code, DeployRating, Evidence, FeedbackReason, FieldChange,
    Finding, Incident, LogTemplate, ObjectRef, OutcomeMemory, Severity, TimelineEntry, Verdict,
};
use rstest::rstest;
use serde_json::json;

fn at(text: &str) -> Timestamp {
    format!("2026-01-02T{text}Z").parse().unwrap()
}

fn episode(id: &str, starts: &str, ended: Option<&str>) -> EpisodeRecord {
    EpisodeRecord {
        id: id.into(),
        fingerprint: id.into(),
        name: "PodCrashLooping".into(),
        severity: Some(Severity::Critical),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        generator_url: String::new(),
        marks: Vec::new(),
        starts_at: at(starts),
        ended_at: ended.map(at),
        begun_at: at("05:00:30"),
        heard_at: at("05:20:30"),
        incident_id: None,
        is_flap: false,
        is_silent: false,
        is_stuck: false,
    }
}

fn object() -> ObjectRef {
    ObjectRef::new("Deployment", "shop", "checkout")
}

/// An incident that was opened at five.
fn view() -> IncidentView {
    let incident = Incident {
        id: "i-1".into(),
        cluster: "prod".into(),
        subject: object(),
        status: IncidentStatus::Open,
        opened_at: at("05:00:00"),
        resolved_at: None,
        merged_into: None,
        verdict: None,
        cause: None,
        summary: None,
    };
    let standing = AlertStanding::default();
    IncidentView {
        incident,
        standing,
        analysis: AnalysisState::Idle,
        finding: None,
        attempts: Vec::new(),
        memory: OutcomeMemory::default(),
        feedback: Vec::new(),
        clicked_at: None,
    }
}

fn with_report(fill: impl FnOnce(&mut Report)) -> IncidentView {
    let mut report = Report::new(object(), Verdict::Confirmed, at("05:01:00"));
    fill(&mut report);
    IncidentView { finding: Some(Finding { run_id: "r-1".into(), at: at("05:01:30"), report }), ..view() }
}

fn told(view: &IncidentView) -> Vec<String> {
    let timeline = timeline(view, &[], &[], at("05:30:00"));
    let line = |moment: &Moment| {
        let evidence = moment.evidence.as_deref().map(|id| format!(" [{id}]")).unwrap_or_default();
        let time = moment.at.strftime("%H:%M:%S");
        format!("{time} {} {}{evidence} <{}>", moment.kind.as_str(), moment.what, moment.source)
    };
    timeline.events.iter().map(line).collect()
}

fn evidence(id: &str, source: EvidenceSource, at: Option<Timestamp>, value: Value) -> NumberedEvidence {
    let evidence = Evidence { source, object: object(), container: None, path: "p".into(), line: None, value, at, count: None };
    NumberedEvidence { id: id.into(), evidence }
}

#[rstest]
#[case::open(None, "05:30:00", "05:30:00")]
#[case::over(Some("05:10:00"), "05:20:00", "05:40:00")]
#[case::over_long_ago(Some("05:10:00"), "23:00:00", "05:40:00")]
fn it_reaches_from_an_hour_before_to_half_an_hour_after(#[case] resolved: Option<&str>, #[case] now: &str, #[case] to: &str) {
    let mut view = view();
    view.incident.resolved_at = resolved.map(at);
    view.incident.status = if resolved.is_some() { IncidentStatus::Resolved } else { IncidentStatus::Open };
    let timeline = timeline(&view, &[], &[], at(now));
    assert_eq!((timeline.from, timeline.to), (at("04:00:00"), at(to)));
}

#[rstest]
#[case::begin_and_end(vec![episode("a", "04:59:00", Some("05:09:00"))],
    &["04:59:00 alert PodCrashLooping fires (critical) [a] <alertmanager>", "05:09:00 alert PodCrashLooping is over [a] <alertmanager>"])]
#[case::forty_pods(vec![episode("a", "04:59:00", None), episode("b", "04:59:00", None)],
    &["04:59:00 alert PodCrashLooping fires (critical) ×2 [a] <alertmanager>"])]
#[case::a_flap(vec![EpisodeRecord { is_flap: true, severity: None, ..episode("a", "05:02:00", None) }],
    &["05:02:00 alert PodCrashLooping fires (severity not set), again [a] <alertmanager>"])]
#[case::since_yesterday(vec![episode("a", "03:00:00", None)],
    &["05:00:30 alert PodCrashLooping fires (critical) (since 2026-01-02T03:00:00Z by its sender's clock) [a] <alertmanager>"])]
#[case::a_clock_that_is_ahead(vec![EpisodeRecord { marks: vec![Mark::ClockSkew], ..episode("a", "05:25:00", None) }],
    &["05:00:30 alert PodCrashLooping fires (critical) (since 2026-01-02T05:25:00Z by its sender's clock) [a] <alertmanager>"])]
fn alerts_count_by_the_clock_that_can_be_right(#[case] episodes: Vec<EpisodeRecord>, #[case] expected: &[&str]) {
    let mut view = view();
    view.standing.episodes = episodes;
    assert_eq!(told(&view), expected);
}

#[test]
fn what_an_analysis_saw_is_of_the_kind_of_its_evidence() {
    let view = with_report(|report| {
        report.evidence = vec![
            evidence("e1", EvidenceSource::Event, Some(at("04:50:00")), json!("Back-off")),
            evidence("e2", EvidenceSource::Log, Some(at("04:51:00")), json!("no\nroute")),
            evidence("e3", EvidenceSource::Signal, Some(at("04:52:00")), json!(0.97)),
            evidence("e4", EvidenceSource::Kubernetes, Some(at("04:53:00")), json!("cited nowhere")),
            evidence("e5", EvidenceSource::Log, None, json!("without a time")),
        ];
        let entry = |time: &str, what: &str, evidence: Option<&str>| TimelineEntry {
            at: at(time),
            what: what.into(),
            evidence: evidence.map(str::to_owned),
        };
        report.timeline = vec![
            entry("04:00:00", "the first that counts", None),
            entry("03:59:59", "too early", None),
            entry("04:45:00", "Deployment shop/checkout revision 15 was rolled out", None),
            entry("04:50:00", "Pod shop/checkout-1 BackOff: Back-off", Some("e1")),
        ];
        report.change = Some(Change {
            kind: "revision".into(),
            object: object(),
            from: 14,
            to: 15,
            at: Some(at("04:45:00")),
            fields: vec![FieldChange { path: "memory".into(), before: json!("512Mi"), after: Value::Null }],
            explains: true,
        });
        report.deploys = vec![DeployReport {
            object: object(),
            what: "build 1481 of checkout".into(),
            revision: None,
            build: None,
            at: at("04:44:00"),
            minutes_before: 5,
            score: 0.7,
            rating: DeployRating::Likely,
            shifts: Vec::new(),
            only_new_pods: None,
            sources: vec!["argocd".into(), "deploys".into()],
            namespaces: Vec::new(),
        }];
        report.log_searches = vec![LogTemplate {
            level: "Error".into(),
            template: "no route to {Host}".into(),
            count: 12,
            first: Some(at("04:51:30")),
            last: Some(at("05:00:30")),
            ..LogTemplate::default()
        }];
    });
    assert_eq!(
        told(&view),
        [
            "04:00:00 pod_event the first that counts <kubernetes>",
            "04:44:00 deploy build 1481 of checkout (likely to be the cause) <argocd, deploys>",
            "04:45:00 revision Deployment shop/checkout revision 15 was rolled out after 14: memory 512Mi → not set <revisions>",
            "04:50:00 pod_event Pod shop/checkout-1 BackOff: Back-off [e1] <kubernetes>",
            "04:51:00 log Deployment shop/checkout: no route [e2] <logs>",
            "04:51:30 log Error ×12: no route to {Host} <log_search>",
            "04:52:00 anomaly Deployment shop/checkout p: 0.97 [e3] <signals>",
            "05:00:30 log last of Error ×12: no route to {Host} <log_search>",
        ]
    );
}

#[rstest]
#[case(AuditName::ApprovalRequested, Some("decision waits for approval by anna: restart_deployment"))]
#[case(AuditName::ApprovalApproved, Some("decision approved by anna: restart_deployment"))]
#[case(AuditName::GuardBlocked, Some("decision the guard stopped it by anna: restart_deployment"))]
#[case(AuditName::AttemptSucceeded, Some("attempt applied by anna: restart_deployment"))]
#[case(AuditName::AttemptUndone, Some("attempt taken back by anna: restart_deployment"))]
#[case(AuditName::VerifyNotVerified, Some("verification it did not help by anna: restart_deployment"))]
#[case(AuditName::GuardPassed, None)]
#[case(AuditName::PolicyLoaded, None)]
fn a_row_of_the_log_is_told_in_words(#[case] name: AuditName, #[case] expected: Option<&str>) {
    let actor = Actor { kind: "person".into(), id: "1".into(), name: "anna".into() };
    let data = AuditData { action: Some(crate::domain::Action::RestartDeployment), ..AuditData::default() };
    let row = |event| AuditRow { seq: 1, at: at("05:05:00"), event, prev: String::new(), hash: String::new() };
    let event = AuditEvent::new(name, actor.clone(), "cli").with(data.clone());
    let timeline = timeline(&view(), &[], &[row(event)], at("05:30:00"));
    let got = timeline.events.first().map(|moment| format!("{} {}", moment.kind.as_str(), moment.what));
    assert_eq!(got.as_deref(), expected);
    // Whoever is no person isn't named; the reason and the code are.
    let data = AuditData { reason: Code::new("rbac_denied"), code: Code::new("A-7F3K2M"), ..data };
    let event = AuditEvent::new(AuditName::AttemptFailed, Actor { kind: "worker".into(), ..actor }, "worker").with(data);
    let told = super::timeline(&view(), &[], &[row(event)], at("05:30:00"));
    assert_eq!(told.events[0].what, "A-7F3K2M not applied (rbac_denied): restart_deployment");
}

#[test]
fn analyses_and_what_people_think_of_them_are_moments() {
    let run = Run {
        id: "r-1".into(),
        incident: "i-1".into(),
        verdict: Verdict::Likely,
        cause: None,
        captured_at: at("05:01:00"),
        created_at: at("05:01:30"),
        report: json!({"summary": "It is the limit."}),
    };
    let said = Feedback {
        incident_id: "i-1".into(),
        run_id: "r-1".into(),
        by: Actor { kind: "discord".into(), id: "7".into(), name: "ben".into() },
        channel: "discord".into(),
        score: 1,
        is_accepted: false,
        reason: Some(FeedbackReason::WrongCause),
        cause: Some("disk_full".into()),
        comment: Some("look\nagain".into()),
        at: at("05:12:00"),
    };
    let view = IncidentView { feedback: vec![said], ..view() };
    let timeline = timeline(&view, &[run], &[], at("05:30:00"));
    let told: Vec<_> = timeline.events.iter().map(|moment| (moment.kind, moment.what.as_str(), moment.source.as_str())).collect();
    assert_eq!(
        told,
        [
            (MomentKind::Run, "analysis: likely: It is the limit.", "sre-copilot"),
            (MomentKind::Feedback, "ben: the analysis was wrong (1 of 5), wrong cause, it was disk_full: look again", "discord"),
        ]
    );
}

#[test]
fn who_could_not_be_heard_is_named() {
    let unheard = |view: &IncidentView, runs: &[Run]| {
        let timeline = timeline(view, runs, &[], at("05:30:00"));
        timeline.unknown.into_iter().map(|one| format!("{}: {}", one.source, one.why)).collect::<Vec<_>>()
    };
    assert_eq!(unheard(&view(), &[]).len(), SOURCES.len());
    assert!(unheard(&view(), &[])[0].ends_with("no analysis is done yet"));
    let view = with_report(|report| {
        report.sources = [
            (KUBERNETES.to_owned(), SourceState::Ok),
            (LOGS.to_owned(), SourceState::Partial("1 of 3".into())),
            (LOG_SEARCH.to_owned(), SourceState::Ok),
            ("tickets".to_owned(), SourceState::Forbidden("no right".into())),
        ]
        .into();
    });
    assert_eq!(
        unheard(&view, &[]),
        ["deploys: not asked", "logs: partial: 1 of 3", "signals: not asked", "tickets: forbidden: no right"]
    );
}

#[test]
fn a_storm_is_bounded_and_its_beginning_and_end_are_kept() {
    let mut view = view();
    view.standing.episodes = (0..3_000)
        .map(|number| EpisodeRecord { name: format!("A{number:04} {}", "ö".repeat(900)), ..episode("a", "05:10:00", None) })
        .collect();
    let timeline = timeline(&view, &[], &[], at("05:30:00"));
    assert_eq!(timeline.events.len(), MOST);
    assert!(timeline.events[0].what.starts_with("A0000") && timeline.events[MOST - 1].what.starts_with("A2999"));
    assert!(timeline.events.iter().all(|moment| moment.what.chars().count() <= WORDS + 1));
    assert_eq!(timeline.unknown.last().map(|one| one.why.as_str()), Some("2000 moments in the middle are left out"));
}
