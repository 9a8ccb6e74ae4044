use super::*;
use crate::cluster::Recording;
use crate::domain::{Action, Params, ResourceParams, Risk};
use crate::remedy::samples::{deployment, intent};
use proptest::prelude::*;
use serde_json::json;

fn snapshot() -> Snapshot {
    Snapshot::new(Recording { objects: vec![deployment()], ..Recording::default() })
}

fn candidates() -> Vec<ExecutionIntent> {
    let params = ResourceParams { container: "app".into(), memory_limit: Some("384Mi".into()), ..ResourceParams::default() };
    vec![
        intent(Action::SetResources, Params::Resources(params)),
        intent(Action::ScaleDeployment, Params::Scale { replicas: 3 }),
        intent(Action::GetPods, Params::Pods { label_selector: None }),
    ]
}

fn parsed(text: &str) -> Result<ExecutionIntent, Rejection> {
    let (snapshot, settings, candidates) = (snapshot(), Settings::default(), candidates());
    parse(text, &ParseContext { snapshot: &snapshot, settings: &settings, candidates: &candidates })
}

/// An intent as a model writes it, with some fields set and, where null, taken away.
fn written(changes: &Value) -> Value {
    let mut fields = json!({"apiVersion": "sre-copilot/v1", "kind": "ExecutionIntent", "action": "scale_deployment", "resource_type": "deployment",
        "resource_name": "web", "namespace": "squad-7", "params": {"replicas": 3}, "risk": "low", "reason": "more load"});
    for (key, value) in changes.as_object().unwrap() {
        if value.is_null() {
            fields.as_object_mut().unwrap().remove(key);
        } else {
            fields[key] = value.clone();
        }
    }
    fields
}

#[test]
fn a_candidate_in_whatever_wrapping() {
    let good = written(&json!({})).to_string();
    let bare = written(&json!({"kind": null})).to_string();
    for text in [
        good.clone(),
        bare,
        format!("Scaling helps here.\n```json\n{good}\n```\nThat {{is}} all."),
        format!("  {good}  "),
        good.replace("more load", r#"a brace } and a quote \" in it"#),
    ] {
        let intent = parsed(&text).unwrap_or_else(|rejection| panic!("{text}: {rejection}"));
        assert_eq!((intent.action, intent.params), (Action::ScaleDeployment, Params::Scale { replicas: 3 }));
    }
}

#[test]
fn the_risk_in_the_text_changes_nothing() {
    for risk in ["low", "medium", "high"] {
        assert_eq!(parsed(&written(&json!({"risk": risk})).to_string()).unwrap().risk, Risk::Low);
    }
}

/// One rejection a line: the code, a part of its sentence, and what is different.
#[test]
fn each_code() {
    let resources = |params: Value| json!({"action": "set_resources", "params": params});
    let rows = [
        ("missing_field", "reason", json!({"reason": null})),
        ("missing_field", "replicas", json!({"params": {}})),
        ("missing_field", "replicas", json!({"params": null})),
        ("missing_field", "one of memory_limit", resources(json!({"container": "app"}))),
        ("unknown_field", "nearest is resource_name", json!({"resource_nam": "web"})),
        ("unknown_field", "nearest is replicas", json!({"params": {"replica": 3}})),
        ("unknown_field", "replicas", json!({"action": "restart_deployment"})),
        ("wrong_type", "replicas, want an integer", json!({"params": {"replicas": "3"}})),
        ("wrong_type", "replicas, want an integer", json!({"params": {"replicas": 2.5}})),
        ("wrong_type", "params, want an object", json!({"params": []})),
        ("wrong_type", "apiVersion", json!({"apiVersion": "v1"})),
        ("wrong_type", "risk, want low", json!({"risk": "none"})),
        ("action_unknown", "isn't one of the eleven", json!({"action": "delete_pod"})),
        ("type_mismatch", "works on a deployment, not on \"pod\"", json!({"resource_type": "pod"})),
        ("type_mismatch", "not on \"secret\"", json!({"action": "describe_resource", "resource_type": "secret"})),
        ("name_invalid", "isn't a Kubernetes name", json!({"resource_name": "-n"})),
        ("name_invalid", "isn't a Kubernetes name", json!({"resource_name": "a\n"})),
        ("name_invalid", "isn't a Kubernetes name", json!({"resource_name": "../secrets"})),
        ("name_invalid", "isn't a Kubernetes name", json!({"resource_name": "a".repeat(254)})),
        ("namespace_invalid", "isn't a Kubernetes name", json!({"namespace": "a.b"})),
        ("namespace_forbidden", "kube-system may not even be read", json!({"namespace": "kube-system"})),
        ("scale_to_zero", "stops the service", json!({"params": {"replicas": 0}})),
        ("out_of_range", "replicas is 101, allowed are 1 to 100", json!({"params": {"replicas": 101}})),
        ("out_of_range", "replicas is -1", json!({"params": {"replicas": -1}})),
        ("out_of_range", "replicas is 2, allowed are 3 to 4", json!({"params": {"replicas": 2}})),
        ("out_of_range", "replicas is 5, allowed are 3 to 4", json!({"params": {"replicas": 5}})),
        ("out_of_range", "reason has 501", json!({"reason": "x".repeat(501)})),
        ("quantity_invalid", "isn't like 512Mi", resources(json!({"container": "app", "memory_limit": "0.5Gi"}))),
        ("out_of_range", "memory_limit is 8Mi", resources(json!({"container": "app", "memory_limit": "8Mi"}))),
        ("out_of_range", "none is set today", resources(json!({"container": "app", "cpu_limit": "1"}))),
        (
            "growth_exceeded",
            "513Mi is 2.00 × 256Mi, the bound is 2",
            resources(json!({"container": "app", "memory_limit": "513Mi"})),
        ),
        ("growth_exceeded", "0.50 × 256Mi", resources(json!({"container": "app", "memory_limit": "128Mi"}))),
        ("object_missing", "no container db", resources(json!({"container": "db", "memory_limit": "512Mi"}))),
        ("object_missing", "no deployment/gone in squad-7", json!({"resource_name": "gone"})),
        ("not_a_candidate", "the rules offer kubectl -n squad-7 set resources", json!({"params": {"replicas": 4}})),
        ("not_a_candidate", "scale deployment/web --replicas=3", json!({"action": "restart_deployment", "params": {}})),
    ];
    for (code, part, changes) in rows {
        let rejection = parsed(&written(&changes).to_string()).unwrap_err();
        assert!(rejection.code == code && rejection.sentence.contains(part), "{code} {part}: {rejection}");
        assert!(rejection.to_string().starts_with(&format!("intent rejected: {code}: ")));
    }
}

#[test]
fn texts_that_hold_no_intent() {
    let good = written(&json!({})).to_string();
    for (code, part, text) in [
        ("no_json", "no object in 5 bytes", "hello".to_owned()),
        ("no_json", "no object in 0 bytes", String::new()),
        ("no_json", "at most 65536", format!("{}{good}", " ".repeat(LONGEST))),
        ("json_invalid", "line 2, column 1: the object never ends", "so\n{\"a\": ".to_owned()),
        ("json_invalid", "more than 16 levels", "[".repeat(3) + &"{\"a\":".repeat(1000)),
        ("json_invalid", "line 1 column 6", "{\"a\" 1}".to_owned()),
        ("json_ambiguous", "a second intent", format!("{good} or {good}")),
        ("json_ambiguous", "a second intent", format!("```\n{good}\n```\n{{\"n\": {good}}}")),
        ("json_ambiguous", "a second intent", format!("{good} {}", "{} ".repeat(100))),
        ("duplicate_key", "namespace", good.replacen("\"kind\"", "\"namespace\": \"squad-7\", \"kind\"", 1)),
        ("duplicate_key", "replicas", good.replace("\"replicas\":3", "\"replicas\":3,\"replicas\":3")),
    ] {
        let rejection = parsed(&text).unwrap_err();
        assert!(rejection.code == code && rejection.sentence.contains(part), "{code} {part}: {rejection}");
    }
}

/// What schema and parser are both asked about: each params form at and beyond its bounds, each type under each action.
fn corpus() -> Vec<Value> {
    let mut all = vec![written(&json!({})), json!({}), written(&json!({"kind": "Plan"})), written(&json!({"more": 1}))];
    for key in ["apiVersion", "kind", "action", "resource_type", "resource_name", "namespace", "params", "risk", "reason"] {
        all.push(written(&json!({key: null})));
        all.extend([json!(1), json!(""), json!([]), json!({})].map(|value| written(&json!({key: value}))));
    }
    for action in Action::ALL {
        for resource_type in crate::domain::ResourceType::ALL {
            for params in [json!({}), json!({"replicas": 3}), json!({"revision": 3})] {
                all.push(written(&json!({"action": action, "resource_type": resource_type, "params": params})));
            }
        }
    }
    let names = ["a", "a-b", "a.b", "-a", "a-", "a\n", "A", "a_b", "a..b", ".a", "ä"];
    all.extend(names.map(|name| written(&json!({"resource_name": name}))));
    all.extend(names.map(|name| written(&json!({"namespace": name}))));
    all.extend(
        [63, 64, 253, 254].map(|length| written(&json!({"namespace": "a".repeat(length), "resource_name": "a".repeat(length)}))),
    );
    all.extend([63, 64, 253, 254].map(|length| written(&json!({"resource_name": "a".repeat(length)}))));
    all.extend([1, 500, 501].map(|length| written(&json!({"reason": "ä".repeat(length)}))));
    let replicas =
        [json!(0), json!(1), json!(100), json!(101), json!(-1), json!(3.0), json!(3.5), json!("3"), json!(null), json!(true)];
    all.extend(replicas.map(|replicas| written(&json!({"params": {"replicas": replicas}}))));
    let revisions = [json!(0), json!(1), json!(4_000_000_000_i64), json!("1")];
    all.extend(revisions.map(|revision| written(&json!({"action": "rollback_deployment", "params": {"revision": revision}}))));
    let amounts = [
        "15Mi",
        "16Mi",
        "99Mi",
        "512Mi",
        "262144Mi",
        "262145Mi",
        "9999999Mi",
        "1Gi",
        "256Gi",
        "257Gi",
        "0Gi",
        "01Gi",
        "1.5Gi",
        "1G",
        "512",
        "9m",
        "10m",
        "500m",
        "64000m",
        "64001m",
        "1",
        "64",
        "65",
        "0",
        "-1",
        "1e3",
        "",
        " 1Gi",
        "1Gi\n",
    ];
    for amount in amounts {
        for key in ["memory_limit", "memory_request", "cpu_limit", "cpu_request"] {
            all.push(written(&json!({"action": "set_resources", "params": {"container": "app", key: amount}})));
        }
    }
    for params in [
        json!({"container": "app"}),
        json!({"memory_limit": "1Gi"}),
        json!({"container": "App", "memory_limit": "1Gi"}),
        json!({"container": "app", "memory_limit": 1}),
    ] {
        all.push(written(&json!({"action": "set_resources", "params": params})));
    }
    for params in [
        json!({}),
        json!({"container": "app", "previous": true, "tail": 1}),
        json!({"tail": 1000}),
        json!({"tail": 1001}),
        json!({"tail": 0}),
        json!({"previous": "yes"}),
        json!({"container": "-c"}),
        json!({"follow": true}),
    ] {
        all.push(written(&json!({"action": "get_logs", "resource_type": "pod", "params": params})));
    }
    for selector in [json!("app=web,tier=a_b"), json!(""), json!("app in (web)"), json!("a\n"), json!("a".repeat(254)), json!(1)]
    {
        all.push(written(&json!({"action": "get_pods", "params": {"label_selector": selector}})));
    }
    all
}

#[test]
fn schema_and_parser_agree() {
    let schema = jsonschema::validator_for(&schema::schema()).unwrap();
    let corpus = corpus();
    let taken = corpus.iter().filter(|value| read(&value.to_string()).is_ok()).count();
    assert!(taken > 50 && taken < corpus.len() / 2, "{taken} of {}", corpus.len());
    for value in corpus {
        let read = read(&value.to_string());
        assert_eq!(schema.is_valid(&value), read.is_ok(), "{value}: {read:?}");
    }
}

#[test]
fn what_is_written_can_be_read() {
    for candidate in candidates() {
        let again = parsed(&serde_json::to_string(&candidate).unwrap()).unwrap();
        assert_eq!(again, candidate);
    }
}

/// Text that looks like an intent, cut and changed in places.
fn nearly() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(written(&json!({})).to_string()),
        Just("{\"action\":".to_owned()),
        Just("```json\n".to_owned()),
        Just("\\\"".to_owned()),
        Just("}}".to_owned()),
        "[{}\\[\\]\",:a-z0-9\\\\ ]{0,20}",
        "\\PC{0,10}",
    ];
    (proptest::collection::vec(piece, 0..6), any::<prop::sample::Index>()).prop_map(|(pieces, cut)| {
        let text = pieces.concat();
        let at = cut.index(text.len() + 1);
        let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text[at..].to_owned()
    })
}

proptest! {
    /// Whatever comes in: no panic, and nothing but a candidate comes out.
    #[test]
    fn no_text_yields_what_is_no_candidate(text in prop_oneof!["\\PC{0,200}", nearly()]) {
        if let Ok(intent) = parsed(&text) {
            prop_assert!(candidates().iter().any(|candidate| candidate.bound() == intent.bound()));
        }
    }

    #[test]
    fn the_parser_follows_the_tier(namespace in "(kube-|mcp|prod|squad-|dev-|shop|)[a-z0-9]{1,8}") {
        let rejection = parsed(&written(&json!({"namespace": namespace, "resource_name": "gone"})).to_string()).unwrap_err();
        let forbidden = tier(&Settings::default(), &namespace) == Tier::Forbidden;
        prop_assert_eq!(rejection.code == "namespace_forbidden", forbidden);
    }
}
