//! What holds whatever a message is made of: limits, secrets, what is protected, and what an undetermined verdict may not say.

use super::tests::{at, attempt, episode, field, frame, holds, holds_back, report, view};
use super::*;
use crate::domain::{
    ChronicDigest, ChronicRow, DailyDigest, Dependency, FiringUpstream, FragileService, MessagingLink, ObjectRef, Part, PodEvent,
    Replicas, Report, SeenChange, TeamCount, TeamDigest, Ticket, TrailEntry,
};
use crate::redact::Redactor;
use proptest::prelude::*;

/// Text that acts where it may, and text of every length.
fn outside() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,60}",
        "[@:/<>`*_#\\[\\]()|~\\\\ \n.+1-]{0,120}",
        Just("@everyone <@1> https://evil.example [x](https://evil.example) ```\n# h\n- l\n1. x \u{202e}<#2>".to_owned()),
        Just(":\u{202e}//evil.example ``\u{200b}` @\u{200b}here  - l :\u{200b}//evil".to_owned()),
        "(👩‍👩‍👧|é|\u{202e}|@here|```|a\u{301}){0,400}",
        "[a-z]{3000,9000}",
    ]
}

fn around(text: &str, many: usize) -> GraphFacts {
    let own = || text.to_owned();
    let times = |make: &dyn Fn(usize) -> String| (0..many).map(make).collect::<Vec<_>>();
    GraphFacts {
        graph_at: Some(at(-500)),
        is_in_graph: many.is_multiple_of(2),
        owner: Some(own()),
        is_platform: true,
        replicas: Some(Replicas { ready: 0, desired: 2 }),
        rollout: None,
        changes: times(&|_| own())
            .into_iter()
            .map(|what| SeenChange {
                what,
                url: Some(format!("https://ci.example/{text}")),
                commit: Some(own()),
                commit_url: Some(own()),
                who: Some(own()),
                at: at(-5),
            })
            .collect(),
        upstream: times(&|_| own()).into_iter().map(|alert| FiringUpstream { alert, object: own(), since: at(-3) }).collect(),
        depends_on: times(&|n| format!("{text}{n}"))
            .into_iter()
            .map(|kind| Dependency { kind, target: own(), confidence: 0.7, source: own() })
            .collect(),
        callers: times(&|n| format!("{text}{n}")).into_iter().map(|kind| (kind, 7)).collect(),
        tickets: times(&|n| format!("{text}{n}"))
            .into_iter()
            .map(|key| Ticket { key, summary: own(), status: own(), url: own(), ..Ticket::default() })
            .collect(),
        events: times(&|_| own()).into_iter().map(|reason| PodEvent { reason, count: 1342, message: own() }).collect(),
        blast_services: times(&|_| own()),
        blast_addresses: times(&|_| own()),
        messaging: times(&|_| own())
            .into_iter()
            .map(|subject| MessagingLink { subject, publishes: true, consumers: 1 })
            .collect(),
        trail: times(&|_| own()).into_iter().map(|reason| TrailEntry { reason, count: 3 }).collect(),
        failed: times(&|n| format!("s{n}{text}")).into_iter().map(|name| (name, own())).collect(),
    }
}

/// An incident that holds this text wherever text comes from outside.
fn full(text: &str, many: usize, verdict: Option<Verdict>) -> IncidentView {
    let filled = |verdict| {
        let mut report: Report = report(verdict, text);
        report.causes[0].object = ObjectRef::new("Deployment", text, text);
        report.checked = text.to_owned();
        report.next = vec![text.to_owned(); 4];
        report.sources =
            (0..many).map(|n| (format!("{n}{text}"), crate::domain::SourceState::Unavailable(text.to_owned()))).collect();
        report
    };
    let mut view = view(verdict.map(filled));
    view.incident.cluster = text.to_owned();
    view.incident.subject.name = text.to_owned();
    let labels = [("alertname", text), ("pod", text), ("team", text), ("namespace", text), ("reason", text), ("node", text)];
    view.standing.episodes = (0..=many).map(|_| episode(&labels, text)).collect();
    for (n, episode) in view.standing.episodes.iter_mut().enumerate() {
        episode.labels.insert("pod".into(), format!("{text}{n}"));
        episode.annotations.insert("runbook_url".into(), format!("https://runbooks.example/{text}"));
        episode.generator_url = text.to_owned();
    }
    view.attempts = vec![attempt(text)];
    view
}

fn verdicts() -> impl Strategy<Value = Option<Verdict>> {
    prop::sample::select(vec![
        None,
        Some(Verdict::Confirmed),
        Some(Verdict::Likely),
        Some(Verdict::Inconclusive),
        Some(Verdict::Recovered),
        Some(Verdict::Healthy),
    ])
}

fn ids() -> ButtonIds {
    [Verb::Up, Verb::Down, Verb::Apply, Verb::Decline].map(|verb| (verb, format!("sc1:{verb}:00000000000000000000000000"))).into()
}

fn shown(message: &Value) -> String {
    message["embeds"].to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_it_is_made_of_it_fits_and_keeps_what_is_protected(
        text in outside(), many in 0usize..30, verdict in verdicts(), has_buttons in any::<bool>(), critical in any::<bool>(),
    ) {
        let mut view = full(&text, many, verdict);
        view.standing.severity = Some(if critical { Severity::Critical } else { Severity::Warning });
        let (facts, ids) = (around(&text, many), ids());
        let affected: Vec<String> = (0..many).map(|_| text.clone()).collect();
        let buttons = has_buttons.then_some(&ids);
        let message = incident(&view, &Frame { facts: Some(&facts), affected: &affected, buttons, mention_role: None, ..frame() });
        holds(&message);
        holds_back(&message);
        let names: Vec<&str> = message["embeds"][0]["fields"].as_array().unwrap().iter().filter_map(|it| it["name"].as_str()).collect();
        let is_verdict = |name: &&str| ["🎯", "🔍", "❔", "☑", "⏳", "✗"].iter().any(|icon| name.starts_with(icon));
        prop_assert!(names.iter().any(is_verdict), "{names:?}");
        let harmless = plain(&text, 20);
        if !harmless.trim().is_empty() {
            for name in ["Owner", "Pod"] {
                prop_assert!(names.contains(&name), "{name}: {names:?}");
            }
            prop_assert!(many == 0 || names.contains(&"🔎 Could not see"), "{names:?}");
        }
        // Whoever may press Apply sees the whole command.
        let has_apply = message["components"].to_string().contains("Apply");
        let whole = block(&text, usize::MAX);
        prop_assert!(!has_apply || field(&message, outcome::PROPOSED).is_some_and(|value| value.contains(&whole)));
        prop_assert!(has_buttons || message["components"] == json!([]));
    }

    #[test]
    fn no_secret_is_shown_not_even_half(before in "[a-z ]{0,400}", verdict in verdicts()) {
        let secrets = ["ghp_16C7e42F292c6912E7710c838347Ae178B4a", "AKIAIOSFODNN7EXAMPLE", "password=correcthorsebattery"];
        let text = format!("{before} {}", secrets.join(" "));
        let redactor = Redactor::fixed();
        let mask: Mask<'_> = &|text| redactor.text(text);
        let facts = around(&text, 3);
        let message = incident(&full(&text, 3, verdict), &Frame { mask, facts: Some(&facts), affected: std::slice::from_ref(&text), ..frame() });
        holds(&message);
        for secret in ["ghp_16C7", "AKIAIOSF", "correcthorse"] {
            prop_assert!(!shown(&message).contains(secret), "{secret}: {message}");
        }
        let short = short(&full(&text, 3, verdict), &Frame { mask, ..frame() });
        prop_assert!(short["content"].as_str().unwrap().encode_utf16().count() <= 500);
        prop_assert!(!short.to_string().contains("AKIAIOSF"));
    }

    #[test]
    fn nothing_undetermined_names_a_cause(note in "[a-z ]{0,40}") {
        let mut view = full(&note, 2, Some(Verdict::Inconclusive));
        let finding = view.finding.as_mut().unwrap();
        finding.report.summary = format!("perhaps oom_killed {note}");
        let ids = ids();
        let message = incident(&view, &Frame { buttons: Some(&ids), ..frame() });
        let text = message.to_string();
        for word in ["oom", "%", "Apply", "Decline", "approve", "Root cause", "Proposed"] {
            prop_assert!(!text.contains(word) || note.contains(word), "{word}: {text}");
        }
    }

    #[test]
    fn digests_fit_and_hold_back(text in outside(), many in 0usize..40) {
        let redactor = Redactor::fixed();
        let mask: Mask<'_> = &|text| redactor.text(text);
        let subject = ObjectRef::new("Deployment", &text, &text);
        let row = |_| ChronicRow {
            alert: text.clone(), subject: subject.clone(), severity: None, owner: Some(text.clone()), episodes: 5, firing_seconds: 60,
            last_at: at(0), fires: true, cause: Some(text.clone()),
        };
        let chronic = chronic_digest(&ChronicDigest { at: at(0), hours: 24, rows: (0..many).map(row).collect(), total: 50 }, mask);
        let service = |_| FragileService { service: text.clone(), health: f64::NAN, callers: 3 };
        let stuck = |_| crate::domain::StuckEpisode { alert: text.clone(), subject: subject.clone(), seconds: u64::MAX };
        let budget = |_| crate::domain::BudgetBurn { name: text.clone(), spent: f64::INFINITY };
        let team = team_digest(&TeamDigest {
            at: at(0), team: text.clone(), services: Some(1), deploys: Part::NotMeasured(text.clone()), open: vec![], new_alerts: 0,
            fragile: Part::Measured((0..many).map(service).collect()), stuck: (0..many).map(stuck).collect(),
            budgets: Part::Measured((0..many).map(budget).collect()),
        }, mask);
        let mut daily: DailyDigest = serde_json::from_value(json!({"at": at(0)})).unwrap();
        daily.cluster = Some(text.clone());
        daily.nodes = Part::NotMeasured(text.clone());
        daily.teams = Part::Measured((0..many).map(|_| TeamCount { team: Some(text.clone()), firing: 1 }).collect());
        daily.namespaces = Part::Measured((0..many).map(|_| (text.clone(), 1)).collect());
        daily.errors = Part::NotMeasured(text.clone());
        daily.fragile = Part::Measured((0..many).map(service).collect());
        let daily = daily_digest(&daily, mask);
        for message in [chronic, team, daily] {
            holds(&message);
            holds_back(&message);
        }
    }
}

#[test]
fn ten_thousand_labels_are_only_more_to_leave_out() {
    let mut view = full("x", 1, None);
    view.standing.episodes[0].labels.extend((0..10_000).map(|n| (format!("label_{n}"), "👍".repeat(100))));
    let message = incident(&view, &frame());
    holds(&message);
    holds_back(&message);
}
