//! The prompts of every recorded incident: within their bounds, whole where it counts, the same each time, and harmless.

use crate::cases::{self, fixtures};
use serde::Deserialize;
use serde_json::{Value, json};
use sre_copilot::cluster::{LogKey, Recording, Snapshot};
use sre_copilot::domain::{Hypothesis, Perspective, Report, State, Ticket};
use sre_copilot::reason::{Case, Context, Numbers, Prompt, Task, Turn, guard, room, share, tokens};
use std::collections::BTreeSet;

/// `PROMPT_INPUT_MAX_CHARS`.
const MOST_CHARS: usize = 20_000;

fn tasks<'a>(hypotheses: &'a [Hypothesis], turns: &'a [Turn]) -> Vec<Task<'a>> {
    let mut tasks = vec![Task::Analyze];
    tasks.extend(Perspective::ALL.map(Task::Hypothesize));
    tasks.extend([Task::Criticize(hypotheses), Task::Synthesize(hypotheses), Task::Fix]);
    tasks.push(Task::Converse { question: "why does it restart?", turns });
    tasks
}

fn hypotheses(report: &Report) -> Vec<Hypothesis> {
    let of = |(index, cause): (usize, &sre_copilot::domain::CauseReport)| Hypothesis {
        id: format!("H{}", index + 1),
        origin: sre_copilot::domain::Origin::Model,
        perspective: Perspective::App,
        seen_by: vec![Perspective::App],
        verdict: report.verdict,
        cause: cause.id.clone(),
        object: cause.object.clone(),
        statement: cause.summary.clone(),
        confidence: cause.confidence,
        facts: vec!["F1".into()],
        against: vec!["F2".into()],
        predicts: vec!["it goes on".into()],
        objections: Vec::new(),
    };
    report.causes.iter().enumerate().map(of).collect()
}

/// Calls `look` with the context of a recording.
fn with_context<T>(recording: &Recording, look: impl FnOnce(&Report, &Context<'_>) -> T) -> T {
    let snapshot = Snapshot::new(recording.clone());
    let report = cases::report(recording);
    let numbers = Numbers::of(&report);
    look(&report, &Context::of(Case { report: &report, snapshot: &snapshot, numbers: &numbers }))
}

fn found(report: &Report) -> Vec<String> {
    let facts = report.facts.iter().enumerate().filter(|(_, fact)| fact.state == State::Found);
    facts.map(|(index, _)| format!("F{}", index + 1)).collect()
}

/// Which facts a prompt calls found, those of runs (`F3-F9`) too.
fn told(prompt: &Prompt) -> BTreeSet<String> {
    let rows = prompt.user.lines().filter(|line| line.starts_with('F') && line.contains(" found "));
    let mut told = BTreeSet::new();
    for run in rows.filter_map(|row| row.split(' ').next()).flat_map(|numbers| numbers.split(',')) {
        let number = |text: &str| text.trim_start_matches('F').parse::<usize>().unwrap();
        let (first, last) = run.split_once('-').unwrap_or((run, run));
        told.extend((number(first)..=number(last)).map(|number| format!("F{number}")));
    }
    told
}

/// The foreign texts of a prompt: every JSON string in it. Panics where a line holds something that is none.
fn quoted(prompt: &Prompt) -> Vec<String> {
    let mut texts = Vec::new();
    for line in prompt.user.lines() {
        let mut rest = line;
        while let Some(at) = rest.find('"') {
            let mut strings = serde_json::Deserializer::from_str(&rest[at..]).into_iter::<String>();
            texts.push(strings.next().unwrap().unwrap_or_else(|error| panic!("{error}: {line}")));
            rest = &rest[at + strings.byte_offset()..];
        }
    }
    texts
}

#[test]
fn every_incident_gives_prompts_within_their_bounds_that_hold_all_found_facts() {
    for case in fixtures() {
        with_context(&case.recording, |report, context| {
            let hypotheses = hypotheses(report);
            let turns = vec![Turn { question: "what is wrong?".into(), answer: report.summary.clone() }; 8];
            let conversation = Task::Converse { question: "why does it restart?", turns: &turns };
            for task in [Task::Criticize(&hypotheses), Task::Fix, conversation] {
                for bytes in [MOST_CHARS, 4_000] {
                    let prompt = context.prompt(task, bytes).unwrap_or_else(|| panic!("{}: {task:?} in {bytes}", case.name));
                    let length = prompt.system.len() + prompt.user.len();
                    assert!(length <= bytes, "{}: {length} bytes of {bytes}", case.name);
                    let missing: Vec<_> = found(report).into_iter().filter(|fact| !told(&prompt).contains(fact)).collect();
                    assert!(missing.is_empty(), "{}: {missing:?} in\n{}", case.name, prompt.user);
                    let noted = prompt.user.matches(" lines left out]").count();
                    assert!(prompt.left_out.len() >= noted, "{}: {:?}", case.name, prompt.left_out);
                    quoted(&prompt);
                }
            }
        });
    }
}

#[test]
fn the_same_case_gives_the_same_bytes_in_whatever_order_it_came() {
    for case in fixtures().iter().step_by(9) {
        let all = |recording: &Recording| {
            with_context(recording, |report, context| {
                let hypotheses = hypotheses(report);
                tasks(&hypotheses, &[]).into_iter().map(|task| context.prompt(task, 5_000)).collect::<Vec<_>>()
            })
        };
        let mut turned = case.recording.clone();
        turned.objects.reverse();
        turned.signals.reverse();
        assert_eq!(all(&case.recording), all(&turned), "{}", case.name);
    }
}

#[test]
fn the_shares_of_all_calls_keep_an_incident_within_its_tokens() {
    use sre_copilot::domain::Stage::{Analyze, Criticize, Fix, Hypothesize, Synthesize};
    let open = [Analyze, Hypothesize, Hypothesize, Hypothesize, Hypothesize, Criticize, Synthesize, Fix];
    let schema = 900;
    for case in fixtures().iter().step_by(7) {
        with_context(&case.recording, |report, context| {
            let hypotheses = hypotheses(report);
            let mut sum = 0;
            for task in tasks(&hypotheses, &[]).into_iter().filter(|task| !matches!(task, Task::Converse { .. })) {
                let room = room(share(12_000, open, task.stage()), schema, MOST_CHARS);
                let prompt = context.prompt(task, room);
                // The least share is that of a choice: 800 tokens.
                assert!(prompt.is_some() || task.stage() == Fix, "{}: {task:?} in {room}", case.name);
                sum += prompt.map_or(0, |prompt| tokens(prompt.system.len() + prompt.user.len() + schema));
            }
            assert!(sum <= 12_000, "{}: {sum}", case.name);
        });
    }
}

#[test]
fn a_log_of_forty_megabytes_keeps_every_prompt_within_its_limits() {
    let case = fixtures().iter().find(|case| case.name == "env-missing-go").unwrap();
    let mut recording = case.recording.clone();
    for log in recording.logs.values_mut() {
        // Dumped payloads, then ordinary lines, then what was there.
        let dumps = (0..640).map(|number| format!("{number} payload {}\n", "x".repeat(64 * 1024)));
        let lines = (0..20_000).map(|number| format!("2026-01-02T05:05:54Z INFO request {number} took {} ms\n", number % 97));
        *log = dumps.chain(lines).collect::<String>() + log;
        assert!(log.len() > 40_000_000);
    }
    with_context(&recording, |report, context| {
        assert!(found(report).len() > 1, "{report:?}");
        let hypotheses = hypotheses(report);
        for task in tasks(&hypotheses, &[]) {
            for bytes in [MOST_CHARS, 4_000] {
                let prompt = context.prompt(task, bytes).unwrap();
                assert!(prompt.system.len() + prompt.user.len() <= bytes);
                assert!(found(report).iter().all(|fact| told(&prompt).contains(fact)), "{}", prompt.user);
            }
            assert!(context.prompt(task, MOST_CHARS).unwrap().user.contains("INFO request # took # ms"));
        }
        let snapshot = Snapshot::new(recording.clone());
        let numbers = Numbers::of(report);
        let again = Context::of(Case { report, snapshot: &snapshot, numbers: &numbers });
        assert_eq!(context.prompt(Task::Analyze, MOST_CHARS), again.prompt(Task::Analyze, MOST_CHARS));
    });
}

#[test]
fn of_too_many_found_facts_the_evidence_goes_and_the_facts_stay() {
    let case = fixtures().iter().find(|case| case.name == "deploy-then-crash").unwrap();
    let snapshot = Snapshot::new(case.recording.clone());
    let mut report = case.report();
    let crashed = report.facts.iter().find(|fact| fact.id == "crash_loop" && fact.state == State::Found).unwrap().clone();
    for number in 0..400 {
        let mut fact = crashed.clone();
        fact.subject.object.name = format!("invoicer-{number:03}");
        report.facts.push(fact);
    }
    let numbers = Numbers::of(&report);
    let context = Context::of(Case { report: &report, snapshot: &snapshot, numbers: &numbers });
    for bytes in [MOST_CHARS, 4_000, 2_400] {
        let prompt = context.prompt(Task::Analyze, bytes).unwrap();
        assert!(prompt.system.len() + prompt.user.len() <= bytes);
        assert_eq!(told(&prompt).len(), found(&report).len());
        assert!(prompt.left_out[0].starts_with("found facts: "), "{:?}", prompt.left_out);
    }
    assert_eq!(context.prompt(Task::Analyze, 1_200), None);
}

#[test]
fn system_texts_are_the_same_for_every_incident() {
    let texts = |name: &str| {
        let case = fixtures().iter().find(|case| case.name == name).unwrap();
        with_context(&case.recording, |_, context| {
            tasks(&[], &[]).into_iter().map(|task| context.prompt(task, MOST_CHARS).unwrap().system).collect::<Vec<_>>()
        })
    };
    let some = texts("deploy-then-crash");
    assert_eq!(some, texts("evicted-for-memory"));
    assert!(some.iter().all(|text| text.len() < 1_500), "{:?}", some.iter().map(String::len).collect::<Vec<_>>());
    assert_eq!(some.iter().collect::<BTreeSet<_>>().len(), 6, "one a stage");
}

/// The lines of `fixtures/injections.json`.
#[derive(Deserialize)]
struct Corpus {
    injections: Vec<Injection>,
    harmless: Vec<String>,
}

#[derive(Deserialize)]
struct Injection {
    #[serde(rename = "in")]
    place: String,
    text: String,
    marked: bool,
}

/// What a person sees of a text, without the guard's marks, its blanks evened out.
fn seen(text: &str) -> String {
    let plain = text.replace("⟦suspicious: ", "").replace(['⟧', '·'], "");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An incident with a line from outside in one place.
fn with_line(place: &str, text: &str) -> Recording {
    let case = fixtures().iter().find(|case| case.name == "deploy-then-crash").unwrap();
    let mut recording = case.recording.clone();
    let pod = json!({"kind": "Pod", "namespace": "billing", "name": "invoicer-mhg2gpgt7-6msfw"});
    match place {
        "log" => {
            let pod = |key: &&LogKey| key.pod == "invoicer-mhg2gpgt7-6msfw";
            let key = recording.logs.keys().find(pod).cloned().unwrap();
            recording.logs.insert(key, format!("starting\n{text}\n"));
        }
        "event" => recording.objects.push(json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"namespace": "billing", "name": "planted"}, "involvedObject": pod,
            "type": "Warning", "reason": "Planted", "message": text, "lastTimestamp": "2026-04-14T13:19:50Z",
        })),
        "ticket" => recording.tickets.push(Ticket { key: "OPS-1".into(), summary: text.into(), ..Ticket::default() }),
        part => {
            let mut alert = json!({"status": "firing", "labels": {"alertname": "Crashing"}, "annotations": {}});
            alert[format!("{part}s")]["note"] = Value::from(text);
            recording.alert = Some(json!({"version": "4", "alerts": [alert]}));
        }
    }
    recording
}

fn corpus() -> Corpus {
    serde_json::from_str(&std::fs::read_to_string(cases::root().join("fixtures/injections.json")).unwrap()).unwrap()
}

#[test]
fn every_injection_stays_in_the_prompt_as_evidence_and_is_named() {
    let corpus = corpus();
    assert!(corpus.injections.len() >= 48);
    for Injection { place, text, marked } in &corpus.injections {
        with_context(&with_line(place, text), |_, context| {
            let prompt = context.prompt(Task::Analyze, MOST_CHARS).unwrap();
            let texts: Vec<String> = quoted(&prompt).iter().map(|text| seen(text)).collect();
            // A log has it line by line, where it ends lines.
            let guarded = guard(text).text;
            let parts: Vec<String> = if place == "log" { guarded.lines().map(seen).collect() } else { vec![seen(&guarded)] };
            for part in parts.iter().filter(|part| !part.is_empty()) {
                assert!(texts.iter().any(|text| text.contains(part)), "{place}: {part:?} is not in\n{}", prompt.user);
            }
            let places: Vec<&str> = prompt.suspicious.iter().map(|line| line.place.as_str()).collect();
            assert_eq!(!places.is_empty(), *marked, "{text:?}: {places:?}\n{}", prompt.user);
            let named = |shown: &&str| match place.as_str() {
                "log" => shown.starts_with("log billing/invoicer-mhg2gpgt7-6msfw/invoicer line "),
                "event" => *shown == "event Planted of Pod billing/invoicer-mhg2gpgt7-6msfw",
                "ticket" => *shown == "ticket OPS-1",
                part => *shown == format!("{part}s of alert Crashing"),
            };
            assert!(places.iter().all(named), "{places:?}");
            for token in ["<|", "<｜", "[INST]", "<</SYS>>", "<system>", "</data>", "\u{200b}", "\u{202e}", "\u{1b}"] {
                assert!(!prompt.user.contains(token), "{token} of {text:?}");
            }
        });
    }
}

#[test]
fn code_in_a_log_is_evidence_without_a_mark() {
    for text in &corpus().harmless {
        with_context(&with_line("log", text), |_, context| {
            let prompt = context.prompt(Task::Analyze, MOST_CHARS).unwrap();
            assert_eq!(prompt.suspicious, [], "{text:?}");
            assert!(quoted(&prompt).iter().any(|quoted| quoted.contains(text.as_str())), "{text:?} is not in\n{}", prompt.user);
        });
    }
}
