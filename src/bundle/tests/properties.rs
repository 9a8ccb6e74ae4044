//! What holds for every input.

use super::*;
use proptest::prelude::*;

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{0,8}", any::<String>()]
}

fn name() -> impl Strategy<Value = String> {
    "[a-z]([a-z0-9-]{0,6}[a-z0-9])?"
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from);
        let map = prop::collection::btree_map(text(), inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect()));
        prop_oneof![list, map]
    })
}

fn object() -> impl Strategy<Value = Value> {
    (name(), name(), value(), prop::sample::select(vec!["Pod", "Event", "Thing", "WaitList"])).prop_map(|(name, namespace, spec, kind)| {
        json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec})
    })
}

prop_compose! {
    fn log()(namespace in name(), pod in name(), container in name(), previous: bool, text in text()) -> (LogKey, String) {
        (LogKey { namespace, pod, container, previous }, text)
    }
}

prop_compose! {
    fn signal()(
        signal in text(),
        labels in prop::collection::btree_map(text(), text(), 0..3),
        values in prop::collection::vec((prop::num::f64::NORMAL, prop::num::f64::NORMAL), 0..4),
    ) -> Signal {
        Signal { signal, labels, values }
    }
}

prop_compose! {
    fn deploy()(service in text(), number in text(), sha in text(), second in -10_000_000_000_i64..10_000_000_000, changes in value()) -> Deploy {
        Deploy { service, number, sha, started_at: jiff::Timestamp::from_second(second).ok(), changes, ..Deploy::default() }
    }
}

prop_compose! {
    fn any_recording()(
        second in prop::option::of(-10_000_000_000_i64..10_000_000_000),
        target in prop::option::of((name(), prop::option::of(name()), name())),
        title in prop::option::of(text()),
        sources in prop::collection::btree_map(name(), prop_oneof![
            Just(SourceState::Ok),
            name().prop_map(SourceState::Partial),
            name().prop_map(SourceState::Forbidden),
            Just(SourceState::Unavailable(String::new())),
        ], 0..4),
        objects in prop::collection::vec(object(), 0..5),
        logs in prop::collection::vec(log(), 0..4),
        signals in prop::collection::vec(signal(), 0..3),
        deploys in prop::collection::vec(deploy(), 0..3),
        tickets in prop::collection::vec((text(), any::<bool>()), 0..3),
        dependencies in prop::collection::vec((text(), text()), 0..3),
        alert in prop::option::of(value().prop_map(|value| json!([value]))),
    )(
        warnings in prop::collection::vec(text(), 0..3),
        second in Just(second), target in Just(target), title in Just(title), sources in Just(sources), objects in Just(objects),
        logs in Just(logs), signals in Just(signals), deploys in Just(deploys), tickets in Just(tickets),
        dependencies in Just(dependencies), alert in Just(alert),
    ) -> Recording {
        let service = |name: String| ServiceName { namespace: "shop".into(), name };
        Recording {
            captured_at: second.and_then(|second| jiff::Timestamp::from_second(second).ok()),
            target: target.map(|(kind, namespace, name)| ObjectRef { kind, namespace, name }),
            title,
            sources,
            objects,
            logs: logs.into_iter().collect(),
            signals,
            dependencies: dependencies
                .into_iter()
                .map(|(from, to)| Dependency { from: service(from), to: service(to), kind: String::new(), source: "mesh".into() })
                .collect(),
            deploys,
            tickets: tickets.into_iter().map(|(key, resolved)| Ticket { key, resolved, ..Ticket::default() }).collect(),
            log_events: Vec::new(),
            history: Vec::new(),
            alert,
            model: None,
            exchanges: Vec::new(),
            warnings,
        }
    }
}

/// Bytes that get further than random ones do: pieces of what the readers look for.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\n",
        "---\n",
        "- ",
        "  ",
        "\"items\":[",
        "\"kind\":\"List\"",
        "kind: List\n",
        "items:\n",
        "metadata: {name: a}\n",
        "\"metadata\":{\"name\":\"a\"}",
        "&a ",
        "*a ",
        "<<: *a\n",
        "|\n",
        "!!binary ",
        "? ",
        "\u{feff}",
        "-",
        "1e999",
        "==== START logs for container a of pod b/c ====\n",
        "==== END logs for container a of pod b/c ====",
        "\"\\ud800\"",
        "%YAML 1.2\n",
    ];
    let piece = prop_oneof![
        8 => prop::sample::select(pieces.to_vec()).prop_map(|piece| piece.as_bytes().to_vec()),
        2 => prop::collection::vec(any::<u8>(), 0..6),
        1 => Just(vec![0xFF, 0xFE]),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_and_written_the_same(recording in any_recording()) {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        write(&first, &recording).unwrap();
        let read = read(&first).unwrap();
        prop_assert_eq!(&read, &recording);
        write(&second, &read).unwrap();
        prop_assert_eq!(contents(&first), contents(&second));
    }

    #[test]
    fn an_exchange_of_any_kind_is_understood_or_left_out(
        place in prop::sample::select(vec!["", "version", "n", "stage", "perspective", "attempt", "model", "request", "requestSha256",
            "response", "error", "recordedAt", "tookMs", "tries", "microUsd", "inputTokens"]),
        value in value(), number: u64, is_number: bool,
    ) {
        let mut exchange = exchange_json(1, json!({"response": {"text": "{}", "usage": {"inputTokens": number}}}));
        let other = if is_number { json!(number) } else { value };
        match exchange.get_mut(place) {
            Some(field) => *field = other,
            None => exchange = other,
        }
        let incident = r#"{"apiVersion": "sre-copilot/v1"}"#;
        let bundle = folder(&[("incident.json", incident), ("llm/001.json", &exchange.to_string()), ("llm/002.json", "{}")]);
        let first = read(bundle.path()).unwrap();
        prop_assert_eq!(first.warnings.len(), 1);
        let cost = Exchange::cost(&ModelName::default(), &first.exchanges);
        prop_assert!(cost.calls as usize <= first.exchanges.len());
        let second = folder(&[]);
        write(second.path(), &first).unwrap();
        let read = read(second.path()).unwrap();
        prop_assert_eq!(read.exchanges, Exchange::numbered(first.exchanges));
    }

    #[test]
    fn no_file_of_a_bundle_can_make_reading_panic(file in prop::sample::select(vec![
        "incident.json", "objects.json", "objects/a.yaml", "alert.json", "signals.json", "dependencies.json", "deploys.json",
        "tickets.json", "expected.json", "logs/a_b_c.log", "nodes.json", "a/pods.json", "a/b/logs.txt",
    ]), content in bytes()) {
        let folder = folder(&[]);
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        drop(read(folder.path()));
        drop(expected(folder.path()));
        drop(list(folder.path()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_stream_can_make_reading_panic(content in bytes()) {
        if let Err(error) = read_stream(content.as_slice(), "x") {
            prop_assert!(!error.to_string().contains(|char: char| char.is_control()), "{}", error);
        }
    }

    #[test]
    fn a_cut_gives_an_error_or_the_objects_before_it(
        objects in prop::collection::vec(object(), 0..4), kind_first: bool, typed: bool, pretty: bool, cut: prop::sample::Index,
    ) {
        let kind = if typed { "PodList" } else { "List" };
        let items = serde_json::to_string(&objects).unwrap();
        let mut text = if kind_first {
            format!(r#"{{"kind": "{kind}", "apiVersion": "v1", "metadata": {{}}, "items": {items}}}"#)
        } else {
            format!(r#"{{"apiVersion": "v1", "items": {items}, "kind": "{kind}", "metadata": {{}}}}"#)
        };
        if pretty {
            text = text.replace("{\"", "{\n    \"");
        }
        let bytes = text.as_bytes();
        let end = cut.index(bytes.len() + 1);
        match read_stream(&bytes[..end], "x") {
            Ok(read) => {
                prop_assert!(objects.starts_with(&read.objects));
                let says_cut = read.sources["kubernetes"].to_string().contains("cut off") && !read.warnings.is_empty();
                prop_assert_eq!(says_cut, end < bytes.len());
            }
            Err(error) => prop_assert!(end < bytes.len(), "{error}"),
        }
    }

    #[test]
    fn yaml_that_is_cut_never_gives_an_object_that_was_not_there(cut: prop::sample::Index) {
        let yaml = "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: a\n  spec:\n    args:\n    - 'x\n\n      y'\n\
            - apiVersion: v1\n  kind: Pod\n  metadata:\n    name: b\n  spec: {a: [1, 2]}\nkind: List\nmetadata:\n  resourceVersion: \"\"\n";
        let whole = read_stream(yaml.as_bytes(), "x").unwrap().objects;
        let end = cut.index(yaml.len() + 1);
        if let Ok(read) = read_stream(&yaml.as_bytes()[..end], "x") {
            prop_assert!(whole.starts_with(&read.objects), "{:?}", read.objects);
        }
    }
}
