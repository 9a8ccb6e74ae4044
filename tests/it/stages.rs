//! What the stages after the diagnosis make of every fixture: without a model, and with one that says anything.

use crate::cases::{self, Case as Fixture};
use proptest::prelude::*;
use serde_json::{Value, json};
use sre_copilot::cluster::Snapshot;
use sre_copilot::domain::{Analysis, Choice, Hypothesis, Narrative, Origin, Perspective, Report, Stage, State, Verdict};
use sre_copilot::reason::answers::{
    AnalyzeAnswer, Answer, CriticizeAnswer, FixAnswer, HypothesizeAnswer, SynthesizeAnswer, parse,
};
use sre_copilot::reason::plan::{Plan, perspectives};
use sre_copilot::reason::{Case, Dropped, Numbers, Prose, analyze, confidence, criticize, fix, hypothesize, synthesize};
use sre_copilot::remedy::Settings;
use std::sync::LazyLock;

/// A fixture as the stages see it.
struct Seen {
    report: Report,
    snapshot: Snapshot,
    numbers: Numbers,
}

impl Seen {
    fn of(fixture: &Fixture) -> Self {
        let report = fixture.report();
        let numbers = Numbers::of(&report);
        Self { snapshot: Snapshot::new(fixture.recording.clone()), report, numbers }
    }

    fn case(&self) -> Case<'_> {
        Case { report: &self.report, snapshot: &self.snapshot, numbers: &self.numbers }
    }
}

/// Prints what the rules write, for people who work on the templates: `cargo test --test it stages::print -- --ignored --nocapture`.
#[test]
#[ignore = "prints"]
fn print() {
    let step: usize = std::env::var("STEP").ok().and_then(|step| step.parse().ok()).unwrap_or(1);
    for fixture in cases::fixtures().iter().skip(step / 2).step_by(step) {
        let seen = Seen::of(fixture);
        let Narrative { headline, happened, because, next, raises_confidence, .. } = synthesize::by_rules(seen.case());
        println!("\n=== {} [{}]\n{headline}\n{happened}", fixture.name, seen.report.verdict.as_str());
        because.iter().for_each(|it| println!("  - {} {:?}", it.text, it.facts));
        next.iter().for_each(|it| println!("  > {} {}", it.text, it.intent.clone().unwrap_or_default()));
        raises_confidence.iter().for_each(|it| println!("  ? {it}"));
        let analysis = analyze::by_rules(seen.case());
        println!("  A {}", analysis.summary);
        analysis.missing.iter().for_each(|it| println!("  A? {it}"));
    }
}

static SEEN: LazyLock<Vec<Seen>> = LazyLock::new(|| cases::fixtures().iter().map(Seen::of).collect());

/// Everything that the stages say.
#[derive(Debug, PartialEq)]
struct Said {
    analysis: Analysis,
    ranking: confidence::Ranking,
    narrative: Narrative,
    choice: Option<Choice>,
}

fn by_rules(case: Case<'_>) -> Said {
    let reviewed = criticize::by_rules(hypothesize::by_rules(case), case);
    Said {
        analysis: analyze::by_rules(case),
        ranking: confidence::rank(&reviewed.claims, &reviewed.objections, case),
        narrative: synthesize::by_rules(case),
        choice: fix::by_rules(case),
    }
}

/// The stages with a model that answers this; what doesn't parse leaves its stage to the rules.
fn with_model(case: Case<'_>, answers: &Answers) -> Said {
    fn read<A: Answer>(value: &Value) -> Option<A> {
        parse(&value.to_string()).ok()
    }
    // All that the prompts can say, and no more.
    let prose = Prose::new(case, "");
    let rules = by_rules(case);
    let mut claims = hypothesize::by_rules(case);
    for (perspective, value) in Perspective::ALL.into_iter().zip(&answers.hypothesize) {
        if let Some(answer) = read::<HypothesizeAnswer>(value) {
            claims.extend(hypothesize::checked(answer, perspective, case, &prose).0);
        }
    }
    let reviewed = criticize::by_rules(claims, case);
    let first = confidence::rank(&reviewed.claims, &reviewed.objections, case);
    let mut objections = reviewed.objections;
    if let Some(answer) = read::<CriticizeAnswer>(&answers.criticize) {
        objections.extend(criticize::checked(answer, &first.hypotheses, case, &prose).0);
    }
    let ranking = confidence::rank(&reviewed.claims, &objections, case);
    let narrative = read::<SynthesizeAnswer>(&answers.synthesize).map(|answer| synthesize::checked(answer, case, &prose).0);
    let settings = Settings::default();
    let choice = read::<FixAnswer>(&answers.fix).map(|answer| fix::checked(answer, case, &settings, &prose).0);
    let analysis = read::<AnalyzeAnswer>(&answers.analyze).map(|answer| analyze::checked(answer, case, &prose).0);
    Said {
        analysis: analysis.unwrap_or(rules.analysis),
        ranking,
        narrative: narrative.unwrap_or(rules.narrative),
        choice: choice.unwrap_or(rules.choice),
    }
}

/// That every id that is said exists, every text is within its length, and nothing acts on whoever shows it.
fn check(case: Case<'_>, said: &Said) -> Result<(), TestCaseError> {
    let fact = |number: &String| case.numbers.fact(case.report, number);
    let facts = said.analysis.observations.iter().chain(&said.narrative.because).flat_map(|it| &it.facts);
    let facts = facts.chain(said.choice.iter().flat_map(|choice| &choice.facts));
    let of = |it: &Hypothesis| {
        it.facts.iter().chain(&it.against).chain(it.objections.iter().map(|it| &it.fact)).cloned().collect::<Vec<_>>()
    };
    let hypotheses = &said.ranking.hypotheses;
    for number in facts.cloned().chain(hypotheses.iter().flat_map(of)) {
        prop_assert!(fact(&number).is_some(), "{}", number);
    }
    let intents = said.narrative.next.iter().filter_map(|step| step.intent.as_ref());
    for number in intents.chain(said.choice.iter().filter_map(|choice| choice.intent.as_ref())) {
        prop_assert!(case.numbers.action(case.report, number).is_some(), "{}", number);
    }
    for number in &said.ranking.side_by_side {
        prop_assert!(hypotheses.iter().any(|it| it.id == *number));
    }
    let narrative = &said.narrative;
    let lengths = [(&narrative.headline, 120), (&narrative.happened, 400), (&said.analysis.summary, 600)];
    let more = narrative.because.iter().chain(&said.analysis.observations).map(|it| (&it.text, 200));
    let more =
        more.chain(narrative.next.iter().map(|it| (&it.text, 160))).chain(narrative.raises_confidence.iter().map(|it| (it, 120)));
    let more = more.chain(said.analysis.missing.iter().map(|it| (it, 120))).chain(said.choice.iter().map(|it| (&it.why, 160)));
    for (text, most) in lengths.into_iter().chain(more) {
        prop_assert!(!text.trim().is_empty() && text.chars().count() <= most, "{} of {}: {}", text.chars().count(), most, text);
        prop_assert!(!text.contains("](") && !text.contains("://") && !text.chars().any(char::is_control), "{}", text);
    }
    let counts = [(narrative.because.len(), 5), (narrative.next.len(), 4), (narrative.raises_confidence.len(), 3)];
    let more = [(said.analysis.observations.len(), 6), (said.analysis.missing.len(), 5)];
    prop_assert!(counts.into_iter().chain(more).all(|(count, most)| count <= most));
    for (place, it) in hypotheses.iter().enumerate() {
        prop_assert_eq!(&it.id, &format!("H{}", place + 1));
        prop_assert!((0.0..=1.0).contains(&it.confidence));
        let found = |number: &&String| fact(number).is_some_and(|fact| fact.state == State::Found);
        if it.origin == Origin::Model {
            prop_assert!(it.verdict == Verdict::Inconclusive || it.verdict == Verdict::Likely);
            prop_assert!(!it.facts.is_empty() && it.facts.iter().all(|number| found(&number)));
            let best = it.facts.iter().filter_map(|number| fact(number)?.confidence).fold(0.0, f64::max);
            prop_assert!(it.confidence <= best + 1e-9);
        } else {
            prop_assert!(it.objections.iter().all(|objection| !objection.counts));
        }
    }
    // What the rules rank keeps confidence and order, whatever a model says.
    let ranked: Vec<_> =
        hypotheses.iter().filter(|it| it.origin == Origin::Rules).map(|it| (&it.cause, &it.object, it.confidence)).collect();
    let causes: Vec<_> = case.report.causes.iter().map(|it| (&it.id, &it.object, it.confidence)).collect();
    prop_assert_eq!(ranked, causes);
    Ok(())
}

#[test]
fn every_stage_of_every_fixture_has_a_result_by_rules() {
    for (fixture, seen) in cases::fixtures().iter().zip(SEEN.iter()) {
        let case = seen.case();
        let said = by_rules(case);
        check(case, &said).unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
        assert!(said.narrative.origin == Origin::Rules && said.analysis.origin == Origin::Rules);
        assert_eq!(said.choice.is_some(), !seen.report.actions.is_empty());
        if seen.report.verdict.is_fault() {
            let first = &said.ranking.hypotheses[0];
            assert_eq!((first.verdict, &first.cause), (seen.report.verdict, &seen.report.causes[0].id), "{}", fixture.name);
            assert!(!said.narrative.next.is_empty() && !first.facts.is_empty(), "{}", fixture.name);
            assert!(said.narrative.because.iter().all(|it| !it.facts.is_empty()), "{}", fixture.name);
        }
    }
}

#[test]
fn calls_follow_the_verdict() {
    let mut runtime = 0;
    for (fixture, seen) in cases::fixtures().iter().zip(SEEN.iter()) {
        let plan = Plan::of(seen.case(), false);
        let stages: Vec<Stage> = plan.waves().concat().into_iter().map(|(stage, _)| stage).collect();
        assert!(plan.waves().len() <= 3 && stages.len() <= 8);
        match seen.report.verdict {
            Verdict::Healthy | Verdict::Recovered => assert!(stages.is_empty(), "{}", fixture.name),
            Verdict::Confirmed => {
                assert!(stages.iter().all(|stage| matches!(stage, Stage::Synthesize | Stage::Fix)), "{}", fixture.name);
                assert_eq!(stages.contains(&Stage::Fix), seen.report.actions.len() >= 2);
            }
            Verdict::Likely => assert!(stages.contains(&Stage::Criticize) && !stages.contains(&Stage::Analyze)),
            Verdict::Inconclusive => assert!(stages.contains(&Stage::Analyze) && stages.contains(&Stage::Synthesize)),
        }
        // A plain exit 1 never opens the runtime.
        let found = |id: &str| seen.report.facts.iter().any(|fact| fact.id == id && fact.state == State::Found);
        let opened = perspectives(seen.case(), false).contains(&Perspective::Runtime);
        assert!(!opened || found("process_crashed") || found("memory_growing") || found("cpu_throttled"), "{}", fixture.name);
        runtime += usize::from(opened);
    }
    assert!(runtime > 2, "{runtime}");
}

/// What a model answers at each stage.
#[derive(Clone, Debug)]
struct Answers {
    analyze: Value,
    hypothesize: [Value; 4],
    criticize: Value,
    synthesize: Value,
    fix: Value,
}

fn id(letter: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![
        6 => (1..12_usize).prop_map(move |number| format!("{letter}{number}")),
        1 => prop_oneof![Just("F0"), Just("F9999"), Just("none"), Just(""), Just("O1")].prop_map(str::to_owned),
    ]
}

fn ids() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(id("F"), 1..4)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("It is killed at its limit".to_owned()),
        Just("Deployment evil/backdoor is at fault. Approve at once".to_owned()),
        Just("@everyone run kubectl delete namespace kube-system".to_owned()),
        Just("See [the runbook](https://evil.example/x) and restart it 4711 times".to_owned()),
        "\\PC{1,80}",
    ]
}

fn cause() -> impl Strategy<Value = String> {
    let known =
        ["oom_killed", "process_crashed", "bad_rollout", "crash_loop_of_gods", "other", "insufficient_cpu", "application_error"];
    prop::sample::select(known.to_vec()).prop_map(str::to_owned)
}

prop_compose! {
    fn hypotheses()(all in proptest::collection::vec((cause(), id("O"), text(), ids(), ids(), 0.0..=1.0_f64), 0..4)) -> Value {
        let of = |(cause, object, statement, facts, against, confidence)| json!({"cause": cause, "object": object,
            "statement": statement, "facts": facts, "against": against, "predicts": [statement], "confidence": confidence});
        json!({"hypotheses": all.into_iter().map(of).collect::<Vec<_>>()})
    }
}

prop_compose! {
    fn answers()(
        texts in proptest::collection::vec(text(), 8),
        facts in ids(),
        hypothesize in [hypotheses(), hypotheses(), hypotheses(), hypotheses()],
        reviews in proptest::collection::vec((id("H"), id("F"), 0..3_usize, prop::option::of(id("H")), text()), 0..8),
        intent in prop::option::of(id("I")),
        choice in id("I"),
        filled_in in prop::option::of(prop::sample::select(vec!["restart_deployment", "evict_pod", "scale_deployment"])),
    ) -> Answers {
        let [summary, observation, missing, headline, happened, reason, step, why] = texts.try_into().unwrap();
        let kinds = ["contradicts", "missing", "other_cause"];
        let review = |(hypothesis, fact, kind, other, why): (String, String, usize, Option<String>, String)| json!({
            "hypothesis": hypothesis, "supports": [fact],
            "refutations": [{"fact": fact, "kind": kinds[kind], "other": other, "why": why}]});
        let filled_in = filled_in.map(|action| json!({"apiVersion": "sre-copilot/v1", "kind": "ExecutionIntent", "action": action,
            "resource_type": "deployment", "resource_name": "kube-dns", "namespace": "kube-system", "risk": "low", "reason": why,
            "params": {"replicas": 100, "revision": null, "container": null, "memory_limit": null, "memory_request": null,
                "cpu_limit": null, "cpu_request": null, "previous": null, "tail": null, "label_selector": null}}));
        Answers {
            analyze: json!({"summary": summary, "observations": [{"text": observation, "facts": facts}], "missing": [missing]}),
            hypothesize,
            criticize: json!({"reviews": reviews.into_iter().map(review).collect::<Vec<_>>()}),
            synthesize: json!({"headline": headline, "happened": happened, "because": [{"text": reason, "facts": facts}],
                "next": [{"text": step, "intent": intent}], "raises_confidence": [missing]}),
            fix: json!({"choice": choice, "intent": filled_in, "why": why, "facts": facts}),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// A model that lies: the report is the same, every id exists, no invented name, command or mention is said.
    #[test]
    fn whatever_a_model_answers_changes_no_verdict(index in 0..320_usize, answers in answers()) {
        let seen = &SEEN[index % SEEN.len()];
        let before = cases::json(&seen.report);
        let said = with_model(seen.case(), &answers);
        check(seen.case(), &said)?;
        prop_assert_eq!(cases::json(&seen.report), before);
        let all = format!("{said:?}");
        for invented in ["evil", "backdoor", "@everyone", "kubectl delete", "4711", "kube-dns"] {
            prop_assert!(!all.contains(invented) || cases::json(&seen.report).contains(invented), "{}: {}", invented, all);
        }
        if let Some(choice) = &said.choice {
            let risk = |number: &Option<String>| {
                seen.numbers.action(&seen.report, number.as_deref().unwrap_or_default()).map(|action| action.risk)
            };
            prop_assert!(risk(&choice.intent) <= risk(&Some("I1".to_owned())));
        }
    }
}

/// Objections of a model to a hypothesis of another: what counts and what is a remark.
#[test]
fn unknown_refutes_nothing_and_rules_stand() {
    let mut counted = 0;
    for seen in SEEN.iter() {
        let case = seen.case();
        let prose = Prose::new(case, "");
        let first = by_rules(case).ranking;
        for (index, fact) in seen.report.facts.iter().enumerate() {
            for kind in ["contradicts", "missing", "other_cause"] {
                let answer = json!({"reviews": [{"hypothesis": "H1", "supports": [], "refutations":
                    [{"fact": format!("F{}", index + 1), "kind": kind, "other": null, "why": "It doesn't fit."}]}]});
                let answer: CriticizeAnswer = parse(&answer.to_string()).unwrap();
                let (objections, dropped): (_, Dropped) = criticize::checked(answer, &first.hypotheses, case, &prose);
                assert_eq!(objections.is_empty(), !dropped.is_empty());
                for objected in &objections {
                    let state = if kind == "missing" { State::Absent } else { State::Found };
                    assert!(!objected.objection.counts || fact.state == state);
                    counted += usize::from(objected.objection.counts);
                }
                let again = confidence::rank(&hypothesize::by_rules(case), &objections, case);
                let sure = |ranking: &confidence::Ranking| ranking.hypotheses.iter().map(|it| it.confidence).collect::<Vec<_>>();
                assert_eq!(sure(&again), sure(&first));
            }
        }
    }
    assert!(counted > 100, "{counted}");
}
