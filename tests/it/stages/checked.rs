//! What a model's choice and hypotheses are worth, on what the rules found in the fixtures.

use super::{SEEN, Seen};
use serde_json::{Value, json};
use sre_copilot::diagnose::exclude_each_other;
use sre_copilot::domain::{ActionReport, Choice, DecisionValue, FactReport, Origin, Perspective, State};
use sre_copilot::reason::answers::{FixAnswer, parse};
use sre_copilot::reason::criticize::{self, Reviewed};
use sre_copilot::reason::hypothesize::Claim;
use sre_copilot::reason::{Prose, fix};
use sre_copilot::remedy::Settings;

const PARAMS: [&str; 10] = [
    "replicas",
    "revision",
    "container",
    "memory_limit",
    "memory_request",
    "cpu_limit",
    "cpu_request",
    "previous",
    "tail",
    "label_selector",
];

/// An action as a model fills it in: all params are there, most are null.
fn filled_in(action: &ActionReport) -> Value {
    let bound = action.intent.bound();
    let params = PARAMS.iter().map(|name| ((*name).to_owned(), bound["params"].get(name).cloned().unwrap_or_default()));
    let mut intent = bound.clone();
    intent["params"] = Value::Object(params.collect());
    intent["risk"] = json!("low");
    intent["reason"] = json!("It fits.");
    intent
}

fn choose(seen: &Seen, intent: &Value) -> (Choice, bool) {
    let answer = json!({"choice": "I1", "intent": intent, "why": "It fits.", "facts": ["F1"]});
    let answer: FixAnswer = parse(&answer.to_string()).unwrap();
    let (choice, dropped) = fix::checked(answer, seen.case(), &Settings::default(), &Prose::new(seen.case(), ""));
    (choice.unwrap(), dropped.is_empty())
}

#[test]
fn a_filled_in_action_counts_where_it_is_a_proposed_one() {
    let mut accepted = 0;
    for seen in SEEN.iter().filter(|seen| seen.report.verdict.is_fault()) {
        // What policy blocks altogether, such as another namespace, the parser refuses as well.
        let readable = |action: &&ActionReport| action.decision.value != DecisionValue::Block;
        let Some(first) = seen.report.actions.first().filter(readable) else { continue };
        let (choice, is_clean) = choose(seen, &filled_in(first));
        assert_eq!(
            (choice.origin, choice.intent.as_deref(), is_clean),
            (Origin::Model, Some("I1"), true),
            "{choice:?} {first:?}"
        );
        accepted += 1;

        let mut other = filled_in(first);
        other["resource_name"] = json!("not-proposed");
        let (choice, is_clean) = choose(seen, &other);
        assert_eq!((choice.origin, choice.intent.as_deref(), is_clean), (Origin::Rules, Some("I1"), false));
        let rejected = choice.rejected.as_ref().map(|code| code.as_str()).unwrap_or_default();
        assert!(choice.remarks[0].starts_with(&format!("the model's intent was rejected ({rejected})")), "{choice:?}");
    }
    assert!(accepted > 20, "{accepted}");
}

/// A model's claim that this cause is why, on these facts.
fn review(seen: &Seen, cause: &str, fact: &FactReport, facts: Vec<String>) -> Reviewed {
    let claim = Claim {
        origin: Origin::Model,
        perspective: Perspective::Runtime,
        cause: cause.to_owned(),
        object: fact.subject.object.clone(),
        statement: "It is this.".to_owned(),
        confidence: 1.0,
        facts,
        against: Vec::new(),
        predicts: Vec::new(),
    };
    criticize::by_rules(vec![claim], seen.case())
}

fn numbered(seen: &Seen, state: State) -> impl Iterator<Item = (String, &FactReport)> {
    let facts = seen.report.facts.iter().enumerate().filter(move |(_, fact)| fact.state == state);
    facts.map(|(index, fact)| (format!("F{}", index + 1), fact))
}

#[test]
fn a_hypothesis_that_a_found_fact_excludes_falls() {
    let mut fell = 0;
    for seen in SEEN.iter() {
        for (number, fact) in numbered(seen, State::Found).filter(|(_, fact)| fact.confidence.is_some_and(|sure| sure > 0.25)) {
            for cause in ["oom_killed", "process_crashed", "exits_immediately", "liveness_probe_failing"] {
                let is_found = seen.report.facts.iter().any(|it| it.id == cause && it.state == State::Found);
                if is_found || !exclude_each_other(&fact.id, cause) {
                    continue;
                }
                let reviewed = review(seen, cause, fact, vec![number.clone()]);
                assert!(reviewed.claims.is_empty(), "{cause} on {fact:?}");
                fell += usize::from(format!("{:?}", reviewed.dropped).contains("a found fact excludes"));
            }
        }
    }
    assert!(fell > 0);
}

#[test]
fn what_is_unknown_is_no_objection() {
    let mut tried = 0;
    for seen in SEEN.iter() {
        let Some((found, fact)) = numbered(seen, State::Found).next() else { continue };
        for (unknown, _) in numbered(seen, State::Unknown) {
            let without = review(seen, "other", fact, vec![found.clone()]);
            assert_eq!(review(seen, "other", fact, vec![found.clone(), unknown]), without);
            tried += usize::from(!without.claims.is_empty());
        }
    }
    assert!(tried > 0);
}
