use super::*;
use crate::domain::{
    Actor, AlertStanding, AnalysisState, Attempt, AttemptState, DeployRating, DeployReport, Digest, EpisodeRecord, Feedback,
    Finding, History, Incident, IncidentStatus, IncidentView, LogTemplate, Moment, MomentKind, ObjectRef, OutcomeMemory,
    Reasoning, Report, Run, Severity, SimilarIncident, Ticket, Timeline, Unheard,
};
use crate::render::samples;
use jiff::Timestamp;
use proptest::prelude::*;
use roxmltree::{Document, ParsingOptions};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

const NOW: &str = "2026-01-02T05:20:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// What a page may be made of.
const TAGS: &str = " html head meta title style body main section h1 h2 h3 p span strong code pre ul ol li dl dt dd a div details \
                    summary table thead tbody tr th td time footer ";
const ATTRIBUTES: &str = " lang charset http-equiv content name class id href rel datetime ";

/// That the page is of its own markup alone, and what it says.
fn inert(page: &str) -> String {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(page, options).unwrap_or_else(|error| panic!("{error}\n{page}"));
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        let tag = node.tag_name().name();
        assert!(TAGS.contains(&format!(" {tag} ")), "<{tag}> in\n{page}");
        for attribute in node.attributes() {
            let (name, value) = (attribute.name(), attribute.value());
            assert!(ATTRIBUTES.contains(&format!(" {name} ")), "{name}= in\n{page}");
            let leads = ["https://", "http://", "#r", "/incidents/"].iter().any(|start| value.starts_with(start));
            assert!(name != "href" || leads, "a link to {value}");
        }
    }
    assert_eq!(page.matches("<style>").count(), 1);
    let body = document.descendants().find(|node| node.has_tag_name("body")).unwrap();
    body.descendants().filter_map(|node| node.text().filter(|_| node.is_text())).collect()
}

/// A report in which every part has something.
fn full() -> Report {
    let mut report = samples::two_causes();
    let object = ObjectRef::new("Deployment", "shop", "checkout");
    report.deploys = vec![DeployReport {
        object: object.clone(),
        what: "revision 15 of deployment/checkout, build 1481".into(),
        revision: Some(15),
        build: Some("1481".into()),
        at: "2026-01-02T04:38:00Z".parse().unwrap(),
        minutes_before: 3,
        score: 0.9,
        rating: DeployRating::Likely,
        shifts: vec![crate::domain::Shift { signal: "memory".into(), before: 0.4, after: 0.98, z: 9.0 }],
        only_new_pods: Some(true),
        sources: vec!["revisions".into()],
        namespaces: Vec::new(),
    }];
    report.tickets = vec![Ticket {
        key: "SHOP-12".into(),
        summary: "checkout dies".into(),
        status: "In Progress".into(),
        url: "https://x.example/browse/SHOP-12".into(),
        ..Ticket::default()
    }];
    report.log_searches = vec![LogTemplate {
        level: "Error".into(),
        template: "cart {Id} is lost".into(),
        count: 7,
        example: "cart 12 is lost".into(),
        ..LogTemplate::default()
    }];
    report.memory = Some(History {
        similar: vec![SimilarIncident {
            id: "1".into(),
            subject: object,
            score: 0.9,
            resolved_at: "2026-01-01T05:00:00Z".parse().unwrap(),
            cause: "oom_killed".into(),
            fix: None,
        }],
        ..History::default()
    });
    report.contradictions = samples::hostile().contradictions;
    report.history = samples::recovered().history;
    report.noticed = samples::healthy().noticed;
    let mut reasoning = Reasoning::default();
    reasoning.analysis.origin = crate::domain::Origin::Model;
    reasoning.analysis.summary = "The limit was halved.".into();
    reasoning.suspicious = vec![crate::domain::Suspicious { place: "log".into(), phrase: "ignore".into() }];
    report.reasoning = Some(reasoning);
    report
}

/// An incident in which every text is this one.
fn with_text(text: &str, report: Report) -> (IncidentView, Vec<Run>, Timeline) {
    let word = || text.to_owned();
    let at: Timestamp = "2026-01-02T05:00:00Z".parse().unwrap();
    let actor = Actor { kind: word(), id: word(), name: word() };
    let incident = Incident {
        id: word(),
        cluster: word(),
        subject: ObjectRef::new(text, text, text),
        status: IncidentStatus::Open,
        opened_at: at,
        resolved_at: None,
        merged_into: Some(word()),
        verdict: None,
        cause: Some(word()),
        summary: Some(word()),
    };
    let texts: BTreeMap<String, String> =
        ["summary", "runbook_url", text].iter().map(|key| ((*key).to_owned(), word())).collect();
    let episode = EpisodeRecord {
        id: word(),
        fingerprint: word(),
        name: word(),
        severity: Some(Severity::Critical),
        labels: texts.clone(),
        annotations: texts,
        generator_url: format!("https://{text}"),
        marks: Vec::new(),
        starts_at: at,
        ended_at: None,
        begun_at: at,
        heard_at: at,
        incident_id: None,
        is_flap: true,
        is_silent: true,
        is_stuck: true,
    };
    let plan = json!({"apiVersion": text, "kind": text, "cluster": text, "intent": text,
        "target": {"uid": text, "version": text}, "request": {"method": text, "path": text, "contentType": text, "body": text},
        "diff": [{"path": text, "before": text, "after": {text: text}, "by": text}],
        "risk": {"level": "medium", "axes": [{"axis": text, "value": text, "level": 1}]}});
    let context = json!({"title": text, "change": text, "cause": text, "verdict": text, "why": text,
        "decision": {"value": "approve", "rule": text, "why": text}, "checks": [text], "unchecked": [text], "command": text,
        "undo": text});
    let attempt = Attempt {
        id: word(),
        code: word(),
        incident: word(),
        run_id: word(),
        digest: Digest::of(&plan).unwrap(),
        try_number: 1,
        plan,
        cluster: word(),
        target: word(),
        context,
        state: AttemptState::Proposed,
        version: 1,
        requested_by: None,
        decided_by: Some(actor.clone()),
        decided_at: Some(at),
        nonce: "secret-nonce".into(),
        created_at: at,
        changed_at: at,
        expires_at: "2026-01-02T05:35:00Z".parse().unwrap(),
        lease_until: None,
        fence: 0,
        sent_at: None,
        token: None,
        resource_version: None,
        sends: 0,
        before: None,
        after: None,
        reason: Some(word()),
        verify_due_at: None,
        verification: Some(json!({"outcome": text, "criteria": [{"name": text, "state": "found", "seen": text}]})),
        undo_of: None,
    };
    let said = Feedback {
        incident_id: word(),
        run_id: word(),
        by: actor,
        channel: word(),
        score: 1,
        is_accepted: false,
        reason: None,
        cause: Some(word()),
        comment: Some(word()),
        at,
    };
    let run = Run {
        id: word(),
        incident: word(),
        verdict: Verdict::Likely,
        cause: Some(word()),
        captured_at: at,
        created_at: at,
        report: Value::Null,
    };
    let moment = Moment { at, kind: MomentKind::Log, what: word(), source: word(), evidence: Some(format!("e{text}")) };
    let timeline = Timeline { from: at, to: at, events: vec![moment], unknown: vec![Unheard { source: word(), why: word() }] };
    let view = IncidentView {
        incident,
        standing: AlertStanding {
            severity: Some(Severity::Critical),
            flap_count: 3,
            flapping: true,
            chronic: true,
            truncated: 2,
            episodes: vec![episode],
        },
        analysis: AnalysisState::Failed { why: word(), retry_at: Some(at) },
        finding: Some(Finding { run_id: word(), at, report }),
        attempts: vec![attempt.clone(), attempt.clone(), attempt],
        memory: OutcomeMemory::default(),
        feedback: vec![said],
        clicked_at: None,
    };
    (view, vec![run.clone(), run], timeline)
}

/// Where a report holds text that may be anything.
static PLACES: LazyLock<(Value, Vec<String>)> = LazyLock::new(|| {
    let whole = serde_json::to_value(full()).unwrap();
    serde_json::from_value::<Report>(whole.clone()).unwrap();
    let mut places = Vec::new();
    find(&whole, String::new(), &mut places);
    places.retain(|place| {
        let mut other = whole.clone();
        *other.pointer_mut(place).unwrap() = json!("x<y");
        serde_json::from_value::<Report>(other).is_ok()
    });
    assert!(places.len() > 60, "{}", places.len());
    (whole, places)
});

fn find(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::String(_) => places.push(at),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| find(item, format!("{at}/{index}"), places)),
        Value::Object(map) => map.iter().for_each(|(key, item)| find(item, format!("{at}/{key}"), places)),
        _ => {}
    }
}

/// The full report with this text wherever text may be anything, and as the name of a source.
fn hostile(text: &str) -> Report {
    let (mut report, places) = PLACES.clone();
    for place in places {
        *report.pointer_mut(&place).unwrap() = json!(text);
    }
    let mut report: Report = serde_json::from_value(report).unwrap();
    report.sources.insert(text.to_owned(), crate::domain::SourceState::Forbidden(text.to_owned()));
    report.facts[0].evidence = vec![text.to_owned(), format!("e{text}")];
    report
}

const ATTACKS: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</style><script>",
    "</title><svg onload=alert(1)>",
    "]]><!--",
    "-->",
    "&#60;script&#62;",
    "&lt;b&gt;",
    "x\u{0}\u{b}\u{fffe}\u{ffff}\u{85}\u{2028}",
    "\u{202e}evil\u{200b}",
    "javascript:alert(1)",
    "x.example/\" onclick=\"alert(1)",
    "x.example/?a=1&b=<c>",
    "1\" id=\"x",
    "",
];

#[test]
fn known_attacks_are_text() {
    for attack in ATTACKS {
        let report = hostile(attack);
        inert(&html(Reports::One(&report), true));
        inert(&html(Reports::Many(&[report.clone(), report.clone()]), false));
        let (view, runs, timeline) = with_text(attack, report);
        let page = incident_page(&view, &runs, &timeline, now());
        let said = inert(&page);
        assert!(!page.contains("secret-nonce"));
        if attack.starts_with('<') {
            // It is there to be read, many times over.
            assert!(said.matches(attack).count() > 50, "{attack}: {}", said.matches(attack).count());
        }
        inert(&timeline_page(&view.incident, &timeline));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_anywhere_is_text(text in any::<String>()) {
        let report = hostile(&text);
        let (view, runs, timeline) = with_text(&text, report);
        inert(&incident_page(&view, &runs, &timeline, now()));
        inert(&html(Reports::One(&hostile(&text)), true));
    }
}

#[test]
fn a_page_says_what_its_report_says() {
    let report = full();
    let said = inert(&html(Reports::One(&report), true));
    for cause in &report.causes {
        assert!(said.contains(&cause.id) && said.contains(&cause.fix), "{said}");
    }
    for item in &report.evidence {
        assert!(said.contains(&item.evidence.path), "{}", item.id);
    }
    for text in [
        "CONFIRMED",
        "97%",
        "512Mi",
        "256Mi",
        "needs approval",
        "SHOP-12",
        "cart {Id} is lost",
        "Ruled out",
        "The limit was halved.",
    ] {
        assert!(said.contains(text), "{text} isn't in {said}");
    }
    assert!(said.contains(report.next.last().unwrap()));
}

#[test]
fn an_empty_report_and_an_incident_without_any_are_pages_too() {
    let at = now();
    let empty = Report::new(ObjectRef::cluster("Namespace", "shop"), Verdict::Inconclusive, at);
    assert!(inert(&html(Reports::One(&empty), false)).contains("INCONCLUSIVE"));
    assert!(inert(&html(Reports::Many(&[]), false)).contains("0 targets"));
    let (view, ..) = with_text("x", empty);
    let standing = AlertStanding::default();
    let view = IncidentView {
        standing,
        finding: None,
        analysis: AnalysisState::Queued { since: at },
        attempts: Vec::new(),
        feedback: Vec::new(),
        ..view
    };
    let timeline = Timeline { from: at, to: at, events: Vec::new(), unknown: Vec::new() };
    let said = inert(&incident_page(&view, &[], &timeline, at));
    assert!(said.contains("An analysis waits, for 0s.") && said.contains("Nothing is known to have happened."), "{said}");
}

#[test]
fn nothing_is_certain_to_the_last_per_cent_and_a_guess_is_no_answer() {
    let mut report = full();
    report.causes[0].confidence = 1.0;
    assert!(inert(&html(Reports::One(&report), false)).contains("(99%)"));
    report.verdict = Verdict::Inconclusive;
    assert!(inert(&html(Reports::One(&report), false)).contains("Perhaps"));
}

#[test]
fn the_policy_allows_the_style_that_is_there_and_nothing_else() {
    let page = html(Reports::One(&full()), false);
    let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let hash = STANDARD.encode(Sha256::digest(style));
    let policy = content_security_policy();
    assert!(policy.starts_with("default-src 'none'; ") && policy.contains(&format!("'sha256-{hash}'")), "{policy}");
    // It is written into the page as it is, so it holds nothing that would have to be escaped there.
    assert!(page.contains(&super::policy()) && !policy.contains(['"', '<', '&']));
    assert!(!STYLE.contains(['<', '&']) && !STYLE.contains("url(") && !STYLE.contains("@import"));
}
