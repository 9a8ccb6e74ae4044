use super::*;
use crate::domain::{
    Actor, AlertStanding, AnalysisState, Attempt, AttemptState, CauseReport, Digest, EpisodeRecord, Finding, Incident, ObjectRef,
    OutcomeMemory, Report, Unknown, Verdict,
};
use proptest::prelude::*;
use std::borrow::Cow;
use std::collections::BTreeMap;
use twilight_model::channel::message::{Component, Embed as Theirs};
use twilight_validate::embed::{chars, embed as accepted};
use twilight_validate::message::{components, content};

pub(super) fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + minute * 60).unwrap()
}

fn own(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

fn page(id: &str) -> Option<String> {
    Some(format!("https://sre.example/incidents/{id}"))
}

pub(super) fn frame<'a>() -> Frame<'a> {
    Frame {
        mask: &own,
        own_cluster: "default",
        page: &page,
        buttons: None,
        mention_role: Some("4242"),
        is_post: true,
        is_resurfaced: false,
        earlier: None,
        repeats: (1, at(0), at(0)),
        affected: &[],
        is_tried: true,
        can_apply: true,
        undo: None,
        facts: None,
        now: at(3),
    }
}

pub(super) fn episode(labels: &[(&str, &str)], annotation: &str) -> EpisodeRecord {
    let labels: BTreeMap<String, String> = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    EpisodeRecord {
        id: "e".into(),
        fingerprint: "f".into(),
        name: labels.get("alertname").cloned().unwrap_or_default(),
        severity: Some(Severity::Critical),
        annotations: [("summary".to_owned(), annotation.to_owned())].into(),
        labels,
        generator_url: "https://prometheus.example/graph?g0.expr=up".into(),
        marks: Vec::new(),
        starts_at: at(0),
        ended_at: None,
        begun_at: at(0),
        heard_at: at(0),
        incident_id: Some("i".into()),
        is_flap: false,
        is_silent: false,
        is_stuck: false,
    }
}

pub(super) fn view(report: Option<Report>) -> IncidentView {
    IncidentView {
        incident: Incident {
            id: "01a2".into(),
            cluster: "default".into(),
            subject: ObjectRef::new("Deployment", "shop", "checkout"),
            status: IncidentStatus::Open,
            opened_at: at(0),
            resolved_at: None,
            merged_into: None,
            verdict: report.as_ref().map(|report| report.verdict),
            cause: None,
            summary: None,
        },
        standing: AlertStanding {
            severity: Some(Severity::Critical),
            episodes: vec![episode(
                &[("alertname", "KubePodCrashLooping"), ("namespace", "shop"), ("pod", "checkout-1"), ("team", "pay")],
                "it restarts",
            )],
            ..AlertStanding::default()
        },
        analysis: AnalysisState::Idle,
        finding: report.map(|report| Finding { run_id: "r".into(), at: at(1), report }),
        attempts: Vec::new(),
        memory: OutcomeMemory::default(),
        feedback: Vec::new(),
        clicked_at: None,
    }
}

pub(super) fn report(verdict: Verdict, summary: &str) -> Report {
    let cause = CauseReport {
        id: "oom_killed".into(),
        object: ObjectRef::new("Deployment", "shop", "checkout"),
        container: Some("app".into()),
        confidence: 0.999,
        summary: summary.to_owned(),
        fix: "raise the limit".into(),
        explains: Vec::new(),
        evidence: Vec::new(),
        perspective: "app".into(),
        since: None,
    };
    let unknown = Unknown { what: "the log".into(), why: summary.to_owned(), would: "read it".into() };
    Report {
        summary: summary.to_owned(),
        causes: vec![cause],
        unknown: vec![unknown],
        next: vec!["kubectl -n shop describe pod checkout-1".into()],
        ..Report::new(ObjectRef::new("Pod", "shop", "checkout-1"), verdict, at(1))
    }
}

pub(super) fn attempt(command: &str) -> Attempt {
    let plan = Digest::of(&"a plan").unwrap();
    Attempt {
        id: "a".into(),
        code: "A-7F3K2M".into(),
        incident: "01a2".into(),
        run_id: "r".into(),
        digest: Digest::clone(&plan),
        try_number: 1,
        plan: json!({
            "apiVersion": "sre-copilot/v1", "kind": "Plan", "cluster": "c", "intent": {},
            "target": {"uid": "u", "version": "generation:7"},
            "request": {"method": "PATCH", "path": "/x", "contentType": "x", "body": []},
            "diff": [{"path": "spec.replicas", "before": command, "after": 4}],
            "risk": {"level": "low", "axes": []},
        }),
        cluster: "c".into(),
        target: "shop/deployment/checkout".into(),
        context: json!({"title": "Rollback", "change": "", "cause": "oom_killed", "verdict": "confirmed", "why": "", "checks": [],
            "unchecked": [], "command": command, "undo": ""}),
        state: AttemptState::Proposed,
        version: 1,
        requested_by: None,
        decided_by: None::<Actor>,
        decided_at: None,
        nonce: String::new(),
        created_at: at(1),
        changed_at: at(1),
        expires_at: at(31),
        lease_until: None,
        fence: 0,
        sent_at: None,
        token: None,
        resource_version: None,
        sends: 0,
        before: None,
        after: None,
        reason: None,
        verify_due_at: None,
        verification: None,
        undo_of: None,
    }
}

/// A message as Discord's own limits see it, in either way of counting.
pub(super) fn holds(message: &Value) {
    let embed: Theirs = serde_json::from_value({
        let mut embed = message["embeds"][0].clone();
        // What twilight's model requires of an embed that it reads.
        embed["type"] = json!("rich");
        embed.as_object_mut().unwrap().remove("timestamp");
        embed
    })
    .unwrap();
    accepted(&embed).unwrap();
    assert!(chars(&embed) <= 6000);
    let texts = |embed: &Theirs| {
        let fields = embed.fields.iter().flat_map(|field| [field.name.clone(), field.value.clone()]);
        let own = [embed.title.clone(), embed.description.clone(), embed.footer.as_ref().map(|footer| footer.text.clone())];
        own.into_iter().flatten().chain(fields).collect::<Vec<_>>()
    };
    let all = texts(&embed);
    let units = |text: &str| text.encode_utf16().count();
    assert!(units(embed.title.as_deref().unwrap_or_default()) <= 256);
    assert!(units(embed.description.as_deref().unwrap_or_default()) <= 4096);
    assert!(embed.fields.iter().all(|field| units(&field.name) <= 256 && units(&field.value) <= 1024));
    assert!(embed.footer.as_ref().is_none_or(|footer| units(&footer.text) <= 2048));
    let rows: Vec<Component> = serde_json::from_value(message["components"].clone()).unwrap();
    components(&rows, false).unwrap();
    content(message["content"].as_str().unwrap()).unwrap();
    assert!(all.iter().map(|text| text.encode_utf16().count()).sum::<usize>() <= 6000);
    assert!(all.iter().all(|text| !text.trim().is_empty()), "{all:?}");
    assert_eq!(message["allowed_mentions"]["parse"], json!([]));
}

pub(super) fn field<'a>(message: &'a Value, name: &str) -> Option<&'a str> {
    let fields = message["embeds"][0]["fields"].as_array().unwrap();
    fields.iter().find(|field| field["name"] == name).and_then(|field| field["value"].as_str())
}

#[test]
fn a_verdict_looks_like_what_it_is() {
    let shown = |verdict| incident(&view(Some(report(verdict, "killed 7 times"))), &frame());
    let confirmed = shown(Verdict::Confirmed);
    assert!(field(&confirmed, "🎯 Root cause").unwrap().contains("oom\\_killed** on deployment/checkout (99%)"), "{confirmed}");
    assert!(field(&shown(Verdict::Likely), "🔍 Likely cause").unwrap().contains("Would confirm it: read it"));
    let open = shown(Verdict::Inconclusive);
    assert!(field(&open, "❔ Not determined").unwrap().contains("Missing: the log"));
    for verdict in [Verdict::Likely, Verdict::Inconclusive, Verdict::Healthy, Verdict::Recovered] {
        assert!(!shown(verdict).to_string().contains("Root cause"), "{verdict:?}");
    }
    for verdict in [Verdict::Inconclusive, Verdict::Healthy, Verdict::Recovered] {
        let text = shown(verdict).to_string();
        assert!(!text.contains("oom") && !text.contains("%)") && !text.contains("Apply"), "{verdict:?}: {text}");
    }
    let healthy = shown(Verdict::Healthy);
    assert_ne!(healthy["embeds"][0]["color"], json!(0x43_A0_47), "it still fires");
    let mut over = view(Some(report(Verdict::Healthy, "")));
    (over.incident.status, over.incident.resolved_at) = (IncidentStatus::Resolved, Some(at(200)));
    let over = incident(&over, &frame());
    assert_eq!(over["embeds"][0]["color"], json!(0x43_A0_47));
    assert_eq!(over["embeds"][0]["description"].as_str().unwrap().lines().next(), Some("Resolved after 3h 20m."));
    assert_eq!(over["content"], "");
}

#[test]
fn a_first_message_says_what_the_alert_says() {
    let message = incident(&view(None), &frame());
    let embed = &message["embeds"][0];
    assert_eq!(embed["title"], "🚨 KubePodCrashLooping · shop/checkout");
    assert_eq!(embed["url"], "https://sre.example/incidents/01a2");
    assert_eq!(embed["description"], "it restarts");
    assert_eq!((field(&message, "Owner"), field(&message, "Pod")), (Some("pay"), Some("checkout-1")));
    assert_eq!(message["content"], "<@&4242>");
    assert_eq!(message["allowed_mentions"], json!({"parse": [], "roles": ["4242"]}));
    holds(&message);
    let mut flaps = view(None);
    (flaps.standing.flap_count, flaps.standing.flapping) = (3, true);
    let flaps = incident(&flaps, &frame());
    assert!(flaps["embeds"][0]["title"].as_str().unwrap().ends_with("· 🔄 flapping ×3") && flaps["content"] == "");
}

#[test]
fn what_became_part_of_another_says_only_that() {
    let mut merged = view(None);
    (merged.incident.status, merged.incident.merged_into) = (IncidentStatus::Merged, Some("b1".to_owned()));
    // They moved along.
    merged.standing.episodes.clear();
    let embed = &incident(&merged, &frame())["embeds"][0];
    assert_eq!(embed["title"], "🔇 shop/checkout");
    assert_eq!(embed["description"], "Part of incident b1: https://sre.example/incidents/b1");
    assert_eq!((&embed["fields"], &embed["footer"]["text"]), (&json!([]), &json!("incident 01a2")));
}

#[test]
fn beside_buttons_stands_the_whole_command() {
    let ids: ButtonIds = [Verb::Up, Verb::Down, Verb::Apply, Verb::Decline].map(|verb| (verb, format!("sc1:{verb}:x"))).into();
    let shown = |command: &str, buttons| {
        let mut view = view(Some(report(Verdict::Confirmed, "killed")));
        view.attempts = vec![attempt(command)];
        incident(&view, &Frame { buttons, ..frame() })
    };
    let short = shown("kubectl -n shop rollout undo deployment/checkout", Some(&ids));
    assert_eq!(short["components"].as_array().unwrap().len(), 2);
    assert!(field(&short, "Proposed action").unwrap().contains("kubectl -n shop rollout undo deployment/checkout"));
    let long = shown(&"x".repeat(900), Some(&ids));
    assert_eq!(long["components"].as_array().unwrap().len(), 1, "only feedback is left");
    assert!(field(&long, "Proposed action").unwrap().contains("sre-copilot approve A-7F3K2M"));
    let plain = shown("kubectl -n shop rollout undo deployment/checkout", None);
    assert_eq!(plain["components"], json!([]));
    assert!(field(&plain, "Proposed action").unwrap().contains("`sre-copilot approve A-7F3K2M`"));
}

#[test]
fn without_a_button_it_says_how_to_decide() {
    let ids = |verbs: &[Verb]| -> ButtonIds { verbs.iter().map(|verb| (*verb, format!("sc1:{verb}:x"))).collect() };
    let (feedback, all) = (ids(&[Verb::Up, Verb::Down]), ids(&[Verb::Up, Verb::Down, Verb::Apply, Verb::Decline]));
    let mut view = view(Some(report(Verdict::Confirmed, "killed")));
    view.attempts = vec![attempt("kubectl -n shop rollout undo deployment/checkout")];
    let shown = |frame: Frame<'_>| {
        let message = incident(&view, &frame);
        let how = field(&message, "Proposed action").unwrap().lines().last().unwrap().to_owned();
        (how, field(&message, "Dry run").map(str::to_owned))
    };
    let at = format!("<t:{}:R>", view.attempts[0].expires_at.as_second());
    let (pressed, tried) = shown(Frame { buttons: Some(&all), ..frame() });
    assert_eq!(pressed, format!("A-7F3K2M · expires {at}"));
    assert!(tried.unwrap().starts_with("✓ accepted"));
    // High risk, or nobody who may approve: there are buttons, and none for this.
    let typed = format!("`sre-copilot approve A-7F3K2M` · [page](https://sre.example/incidents/01a2) · expires {at}");
    assert_eq!(shown(Frame { buttons: Some(&feedback), ..frame() }).0, typed);
    assert_eq!(shown(Frame { buttons: None, ..frame() }).0, typed);
    let off = Frame { can_apply: false, ..frame() };
    assert_eq!(shown(off).0, format!("advisory: approvals are off · A-7F3K2M · expires {at}"));
    assert!(shown(off).1.is_some(), "the dry run is told of");
    assert_eq!(shown(Frame { is_tried: false, can_apply: false, ..frame() }).1, None);
}

#[test]
fn what_became_of_a_change_says_what_holds_and_how_it_is_taken_back() {
    let mut view = view(Some(report(Verdict::Confirmed, "killed")));
    let criterion = |name: &str, state: &str, seen: &str| json!({"name": name, "state": state, "seen": seen});
    let criteria = [
        criterion("no new cause", "found", ""),
        criterion("rolled out", "unknown", "shop/deployment/checkout was not read"),
        criterion("cause gone", "absent", "killed 7 times"),
    ];
    view.attempts = vec![Attempt {
        state: AttemptState::NotVerified,
        sent_at: Some(at(1)),
        verification: Some(json!({"outcome": "not_verified", "criteria": criteria})),
        ..attempt("kubectl")
    }];
    let undo = Some(("A-7F3K2M", at(60)));
    let lines = |frame: Frame<'_>| -> Vec<String> {
        field(&incident(&view, &frame), "Outcome").unwrap().lines().map(str::to_owned).collect()
    };
    let taken_back = format!("Undo: `sre-copilot approve A-7F3K2M --undo` · until <t:{}:R>", at(60).as_second());
    let told = lines(Frame { undo, ..frame() });
    let expected =
        ["✗ cause gone: killed 7 times", "? rolled out: shop/deployment/checkout was not read", "✓ no new cause", &taken_back];
    assert_eq!(told[told.len() - 4..], expected);
    let ids: ButtonIds = [(Verb::Undo, "sc1:undo:x".to_owned())].into();
    assert!(!lines(Frame { undo, buttons: Some(&ids), ..frame() }).contains(&taken_back), "the button is there");
    assert!(!lines(Frame { undo, can_apply: false, ..frame() }).contains(&taken_back));
}

#[test]
fn what_a_newer_analysis_proposes_is_shown_beside_what_became_of_an_older_ones() {
    let mut proposing = report(Verdict::Confirmed, "killed");
    proposing.actions = vec![crate::render::samples::rollback("", "kubectl -n shop rollout undo deployment/checkout")];
    let mut view = view(Some(proposing));
    view.attempts = vec![Attempt { state: AttemptState::Expired, ..attempt("kubectl") }];
    let run = view.finding.as_ref().unwrap().run_id.clone();
    view.attempts[0].run_id.clone_from(&run);
    assert_eq!(field(&incident(&view, &frame()), "Proposed action"), None);
    let outcome = "A-7F3K2M is over: nobody decided in time. `sre-copilot approve A-7F3K2M` plans it afresh.";
    assert_eq!(field(&incident(&view, &frame()), "Outcome").unwrap().lines().next(), Some(outcome));
    view.attempts[0].run_id = format!("{run}0");
    assert!(field(&incident(&view, &frame()), "Proposed action").is_some());
}

#[test]
fn what_is_cut_is_whole_in_itself() {
    assert_eq!(fit::shorten("abcdefghij", 10), "abcdefghij");
    assert_eq!(fit::shorten("abcdefghijkl", 10), "abcd…");
    assert_eq!(fit::shorten(r"abc\*defghijkl", 10), "abc…", "no half escape");
    assert_eq!(fit::shorten("```\nabcdefghijklmn\n```", 18), "```\nabcdefgh…\n```");
    assert_eq!(fit::shorten("ab👩‍👩‍👧cdefghijklmnopqrstu", 12), "ab…", "no half family");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_text_fits_and_mentions_links_and_opens_nothing(
        text in prop_oneof![
            ".{0,60}",
            "[@:/<>`*_#\\[\\]()|~\\\\ \n-]{0,80}",
            Just("@everyone <@1> https://evil.example [x](https://evil.example) ``` # h\n- l\n1. x \u{202e}".to_owned()),
            "(👩‍👩‍👧|é|\u{202e}|@here|```){0,400}",
            "x{3000,9000}",
        ],
        many in 0usize..40,
        verdict in 0usize..5,
    ) {
        let verdict = [Verdict::Confirmed, Verdict::Likely, Verdict::Inconclusive, Verdict::Recovered, Verdict::Healthy][verdict];
        let mut report = report(verdict, &text);
        report.causes[0].object.name = text.clone();
        report.checked = text.clone();
        report.sources = (0..many).map(|n| (format!("s{n}"), crate::domain::SourceState::Unavailable(text.clone()))).collect();
        let mut view = view(Some(report));
        view.incident.cluster = text.clone();
        view.incident.subject.name = text.clone();
        view.standing.episodes = (0..=many).map(|n| {
            let pod = format!("{text}{n}");
            episode(&[("alertname", &text), ("pod", &pod), ("team", &text), ("namespace", &text)], &text)
        }).collect();
        view.attempts = vec![attempt(&text)];
        let affected: Vec<String> = (0..many).map(|_| text.clone()).collect();
        let frame = Frame { affected: &affected, page: &|_| None, mention_role: None, ..frame() };
        let message = incident(&view, &frame);
        holds(&message);
        holds_back(&message);
        prop_assert!(message["embeds"][0]["title"].as_str().unwrap().starts_with("🚨"));
    }
}

/// Outside of code nothing acts, and every block of code is closed.
pub(super) fn holds_back(message: &Value) {
    let embed = &message["embeds"][0];
    let values = embed["fields"].as_array().unwrap().iter().map(|field| &field["value"]);
    for text in values.chain([&embed["description"], &embed["title"]]).filter_map(Value::as_str) {
        // Without what a backslash makes a plain character of.
        let mut chars = text.chars();
        let mut bare = String::new();
        while let Some(char) = chars.next() {
            match char {
                '\\' => bare.push(if chars.next().is_some() { 'x' } else { char }),
                char => bare.push(char),
            }
        }
        let text = bare.as_str();
        assert!(text.matches("```").count().is_multiple_of(2), "{text}");
        // In a block of code nothing acts, and a command has to be copied as it is.
        for mention in ["@everyone", "@here", "<@", "://evil"] {
            assert!(text.split("```").step_by(2).all(|outside| !outside.contains(mention)), "{text}");
        }
        assert!(!text.contains('\u{202e}'));
        for line in text.split("```").step_by(2).flat_map(str::lines) {
            assert!(!line.starts_with('#') && !line.starts_with("- ") && !line.starts_with("> "), "{line}");
        }
    }
}

#[test]
fn what_nobody_answers_for_a_day_is_stale_and_a_click_is_an_answer() {
    let shown = |view: &IncidentView, hour: i64| incident(view, &Frame { now: at(hour * 60), ..frame() }).to_string();
    let unanswered = view(None);
    assert!(!shown(&unanswered, 23).contains("STALE"));
    assert!(shown(&unanswered, 24).contains("STALE"));
    let clicked = IncidentView { clicked_at: Some(at(1)), ..view(None) };
    assert!(!shown(&clicked, 24).contains("STALE"));
}
