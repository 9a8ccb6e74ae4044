use super::*;
use proptest::prelude::*;
use serde_json::json;

const STAGES: [Stage; 6] = [Stage::Analyze, Stage::Hypothesize, Stage::Criticize, Stage::Synthesize, Stage::Fix, Stage::Converse];

/// An answer of a stage that is as its schema wants it.
fn sample(stage: Stage) -> Value {
    let statement = json!({"text": "It ended with 137.", "facts": ["F1"]});
    match stage {
        Stage::Analyze => json!({"summary": "It restarts.", "observations": [statement], "missing": []}),
        Stage::Hypothesize => json!({"hypotheses": [{"cause": "oom_killed", "object": "O1", "statement": "Memory.",
            "facts": ["F1"], "against": [], "predicts": ["more kills"], "confidence": 0.5}]}),
        Stage::Criticize => json!({"reviews": [{"hypothesis": "H1", "supports": ["F1"], "refutations":
            [{"fact": "F1", "kind": "other_cause", "other": null, "why": "It fits that better."}]}]}),
        Stage::Synthesize => json!({"headline": "It is killed.", "happened": "Its limit is too low.", "because": [statement],
            "next": [{"text": "Raise it.", "intent": "I1"}], "raises_confidence": []}),
        Stage::Fix => json!({"choice": "I1", "why": "It is reversible.", "facts": ["F1"], "intent": {
            "apiVersion": "sre-copilot/v1", "kind": "ExecutionIntent", "action": "get_logs", "resource_type": "pod",
            "resource_name": "a", "namespace": "b", "risk": "low", "reason": "c", "params": {"replicas": null, "revision": null,
            "container": "app", "memory_limit": null, "memory_request": null, "cpu_limit": null, "cpu_request": null,
            "previous": true, "tail": 200, "label_selector": null}}}),
        Stage::Converse => json!({"answer": "Nothing else.", "facts": [], "unknown": [], "look": []}),
    }
}

/// What becomes of a text at a stage: the answer written again, or the error.
fn read(stage: Stage, text: &str) -> Result<Value, String> {
    fn one<A: Answer + Serialize>(text: &str) -> Result<Value, String> {
        parse::<A>(text).map(|answer| serde_json::to_value(answer).unwrap())
    }
    match stage {
        Stage::Analyze => one::<AnalyzeAnswer>(text),
        Stage::Hypothesize => one::<HypothesizeAnswer>(text),
        Stage::Criticize => one::<CriticizeAnswer>(text),
        Stage::Synthesize => one::<SynthesizeAnswer>(text),
        Stage::Fix => one::<FixAnswer>(text),
        Stage::Converse => one::<ConverseAnswer>(text),
    }
}

#[test]
fn schemas_are_as_published() {
    for stage in STAGES {
        insta::assert_snapshot!(format!("schema_{}", stage.as_str()), serde_json::to_string_pretty(schema(stage)).unwrap());
    }
}

/// What Anthropic's structured outputs and OpenAI's strict mode both take, and their bounds on unions and enums.
#[test]
fn strict_servers_take_the_schemas() {
    fn walk(schema: &Value, unions: &mut usize, words: &mut usize) {
        let Value::Object(fields) = schema else { panic!("{schema}") };
        for key in fields.keys() {
            let known = ["type", "properties", "required", "additionalProperties", "items", "enum", "anyOf", "description"];
            assert!(known.contains(&key.as_str()), "{key}");
        }
        if let Some(properties) = fields.get("properties").and_then(Value::as_object) {
            assert_eq!(fields["additionalProperties"], json!(false));
            let required: Vec<&str> = fields["required"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
            assert!(properties.keys().all(|key| required.contains(&key.as_str())) && required.len() == properties.len());
            properties.values().for_each(|schema| walk(schema, unions, words));
        }
        if let Some(all) = fields.get("anyOf").and_then(Value::as_array) {
            *unions += 1;
            all.iter().for_each(|schema| walk(schema, unions, words));
        }
        *unions += usize::from(fields.get("type").is_some_and(Value::is_array));
        *words += fields.get("enum").and_then(Value::as_array).map_or(0, Vec::len);
        if let Some(items) = fields.get("items") {
            walk(items, unions, words);
        }
    }
    for stage in STAGES {
        let (mut unions, mut words) = (0, 0);
        walk(schema(stage), &mut unions, &mut words);
        assert!(schema(stage)["type"] == "object" && unions <= 16 && words <= 250, "{stage:?}: {unions} {words}");
        assert!(jsonschema::meta::is_valid(schema(stage)));
    }
}

/// Values near the samples: each field changed, missing, doubled or added.
fn near(value: &Value) -> Vec<Value> {
    let others =
        [json!(null), json!("x"), json!(1), json!(0.5), json!(true), json!([]), json!({}), json!([{}]), json!(["F1", 2])];
    let mut all: Vec<Value> = others.to_vec();
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                for changed in near(field) {
                    let mut copy = fields.clone();
                    copy.insert(key.clone(), changed);
                    all.push(Value::Object(copy));
                }
                let mut copy = fields.clone();
                copy.remove(key);
                all.push(Value::Object(copy.clone()));
                copy.insert(format!("{key}2"), field.clone());
                all.push(Value::Object(copy));
            }
        }
        Value::Array(items) => all.extend(items.iter().flat_map(near).map(|item| json!([item]))),
        _ => {}
    }
    all
}

#[test]
fn schema_and_parser_agree() {
    for stage in STAGES {
        let validator = jsonschema::validator_for(schema(stage)).unwrap();
        let sample = sample(stage);
        assert!(validator.is_valid(&sample));
        assert_eq!(read(stage, &sample.to_string()).unwrap(), sample);
        for value in near(&sample) {
            let told = conform::errors(&value, schema(stage));
            assert_eq!(validator.is_valid(&value), told.is_empty(), "{value}: {told:?}");
            if !told.is_empty() {
                assert!(read(stage, &value.to_string()).is_err(), "{value}");
            }
        }
    }
}

#[test]
fn an_error_names_the_place_and_what_is_wanted() {
    let long = "x".repeat(601);
    for (stage, path, value, error) in [
        (Stage::Analyze, "/summary", json!(long), "summary has 601 characters, at most 600 are allowed"),
        (Stage::Analyze, "/summary", json!(" "), "summary is empty"),
        (Stage::Analyze, "/missing", json!(["a", "b", "c", "d", "e", "f"]), "missing has 6 entries, at most 5 are allowed"),
        (
            Stage::Hypothesize,
            "/hypotheses/0/confidence",
            json!("high"),
            "hypotheses[0].confidence is a string, wanted is a number",
        ),
        (Stage::Hypothesize, "/hypotheses/0/confidence", json!(1.5), "hypotheses[0].confidence is 1.5, allowed are 0 to 1"),
        (Stage::Hypothesize, "/hypotheses/0/facts", json!([]), "hypotheses[0].facts is empty, at least one is needed"),
        (Stage::Hypothesize, "/hypotheses/0/facts", json!([7]), "hypotheses[0].facts[0] is a number, wanted is a string"),
        (
            Stage::Hypothesize,
            "/hypotheses/0/cause",
            json!("gremlins"),
            "hypotheses[0].cause is \"gremlins\", allowed are the ids of the schema",
        ),
        (
            Stage::Criticize,
            "/reviews/0/refutations/0/kind",
            json!("wrong"),
            "reviews[0].refutations[0].kind is \"wrong\", allowed are contradicts, missing, other_cause",
        ),
        (Stage::Synthesize, "/next/0/intent", json!(1), "next[0].intent is a number, wanted is a string or null"),
        (
            Stage::Fix,
            "/intent",
            json!({}),
            "intent.apiVersion is missing; intent.kind is missing; intent.action is missing; \
            intent.resource_type is missing; intent.resource_name is missing",
        ),
        (Stage::Fix, "/choice", json!("the first of the actions"), "choice is no id"),
    ] {
        let mut answer = sample(stage);
        *answer.pointer_mut(path).unwrap() = value;
        let told = read(stage, &answer.to_string()).unwrap_err();
        let mut sorted: Vec<&str> = told.split("; ").collect();
        let mut wanted: Vec<&str> = error.split("; ").map(str::trim).collect();
        sorted.sort_unstable();
        wanted.sort_unstable();
        if path != "/intent" {
            assert_eq!(sorted, wanted);
        } else {
            assert!(sorted.iter().all(|error| error.ends_with(" is missing")) && sorted.len() == 5, "{told}");
        }
    }
    assert_eq!(read(Stage::Analyze, "").unwrap_err(), "the answer is empty");
    assert!(read(Stage::Analyze, "I think that").unwrap_err().starts_with("the answer is not JSON: "));
    assert!(read(Stage::Analyze, "{\"summary\": \"cut").unwrap_err().contains("EOF"));
    assert_eq!(read(Stage::Analyze, "[]").unwrap_err(), "the answer is an array, wanted is an object");
    let twice = r#"{"summary": "a", "summary": "b", "observations": [], "missing": []}"#;
    assert!(read(Stage::Analyze, twice).unwrap_err().starts_with("duplicate field `summary`"));
    let unknown = r#"{"summary": "a", "observations": [], "missing": [], "tool\u0000": "b"}"#;
    assert_eq!(read(Stage::Analyze, unknown).unwrap_err(), r#"the answer has the unknown field "tool\u0000""#);
}

#[test]
fn one_code_fence_is_stripped() {
    let json = sample(Stage::Synthesize).to_string();
    for text in [format!("```json\n{json}\n```"), format!("  ```\n{json}```\n"), format!("\u{feff}{json}\r\n")] {
        assert!(read(Stage::Synthesize, &text).is_ok(), "{text}");
    }
    for text in [format!("Here it is:\n{json}"), format!("{json}\n{json}"), "```json\n```".to_owned(), "```".to_owned()] {
        assert!(read(Stage::Synthesize, &text).is_err(), "{text}");
    }
}

#[test]
fn an_intent_is_handed_on_without_what_is_null() {
    let answer: FixAnswer = serde_json::from_value(sample(Stage::Fix)).unwrap();
    let text: Value = serde_json::from_str(&answer.intent.unwrap().text()).unwrap();
    assert_eq!(text["params"], json!({"container": "app", "previous": true, "tail": 200}));
}

/// Pieces of answers, cut and joined.
fn nearly(stage: Stage) -> impl Strategy<Value = String> {
    let whole = sample(stage).to_string();
    let piece = prop_oneof![Just(whole.clone()), Just("```json\n".to_owned()), "[{}\\[\\]\",:a-z0-9.\\\\ -]{0,20}", "\\PC{0,10}"];
    (proptest::collection::vec(piece, 0..4), any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(
        |(pieces, from, to)| {
            let text: Vec<char> = pieces.concat().chars().collect();
            let (from, to) = (from.index(text.len() + 1), to.index(text.len() + 1));
            text[from.min(to)..from.max(to)].iter().collect()
        },
    )
}

proptest! {
    /// Whatever comes in: no panic, a bounded error, and what is taken is taken again.
    #[test]
    fn no_text_breaks_the_parser(
        index in 0..STAGES.len(),
        text in prop_oneof!["\\PC{0,200}", (0..STAGES.len()).prop_flat_map(|index| nearly(STAGES[index]))],
    ) {
        let stage = STAGES[index];
        match read(stage, &text) {
            Ok(answer) => prop_assert_eq!(read(stage, &answer.to_string()).unwrap(), answer),
            Err(error) => prop_assert!(!error.is_empty() && error.len() < 1500, "{}", error),
        }
    }
}
