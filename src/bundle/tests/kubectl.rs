//! What kubectl prints: objects as JSON and YAML, dumps, and what it prints for people.

use super::*;

fn stream(text: &str) -> Result<Recording, BundleError> {
    read_stream(text.as_bytes(), "standard input")
}

/// As `kubectl get pod,cm -o yaml` prints it, with what people put into ConfigMaps.
const YAML: &str = r#"apiVersion: v1
items:
- apiVersion: v1
  kind: Pod
  metadata:
    creationTimestamp: 2026-01-02T05:05:54Z
    labels:
      version: "1.10"
    managedFields:
    - manager: kubectl
    name: web-0
    namespace: shop
  spec:
    containers:
    - command:
      - sh
      - -c
      - |
        echo a
        ---
        echo b
      image: web:1.10
      name: app
    terminationGracePeriodSeconds: 30
- apiVersion: v1
  data:
    a: "yes"
    b: "0644"
    c: 2026-01-02
    d: "1e3"
    e: null
    8080: x
    f: word word word word word word word word word word word word word word word
      word word
  kind: ConfigMap
  metadata:
    name: cm
    namespace: shop
kind: List
metadata:
  resourceVersion: ""
"#;

fn yaml_as_json() -> Value {
    json!([
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"creationTimestamp": "2026-01-02T05:05:54Z", "labels": {"version": "1.10"},
         "name": "web-0", "namespace": "shop"}, "spec": {"containers": [{"command": ["sh", "-c", "echo a\n---\necho b\n"],
         "image": "web:1.10", "name": "app"}], "terminationGracePeriodSeconds": 30}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm", "namespace": "shop"}, "data": {"a": "yes", "b": "0644",
         "c": "2026-01-02", "d": "1e3", "e": null, "8080": "x",
         "f": "word word word word word word word word word word word word word word word word word"}},
    ])
}

#[test]
fn yaml_means_what_json_means() {
    let read = stream(YAML).unwrap();
    assert_eq!(Value::Array(read.objects), yaml_as_json());
    assert_eq!(read.sources["kubernetes"].to_string(), "partial: only what was in standard input was read");
    assert_eq!((read.captured_at, read.target), (None, None));
    let windows = format!("\u{feff}{}", YAML.replace('\n', "\r\n"));
    assert_eq!(Value::Array(stream(&windows).unwrap().objects), yaml_as_json());
    let utf16: Vec<u8> = windows.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(Value::Array(read_stream(utf16.as_slice(), "x").unwrap().objects), yaml_as_json());
    let manifest = stream("kind: Pod\nmetadata: {name: a}\nspec: {mode: 0644, on: yes, x: &x [1], y: *x}\n").unwrap();
    assert_eq!(manifest.objects[0]["spec"], json!({"mode": 420, "on": true, "x": [1], "y": [1]}));
}

#[test]
fn every_shape_of_json() {
    let (a, b) = (pod("a"), pod("b"));
    for (text, names) in [
        (a.to_string(), "a"),
        (format!("{a}\n{b}"), "a b"),
        (json!([a, b]).to_string(), "a b"),
        (json!({"kind": "List", "items": [a, b]}).to_string(), "a b"),
        (json!([{"kind": "List", "items": [a]}, {"kind": "PodList", "items": [b]}]).to_string(), "a b"),
        (json!({"kind": "PodList", "apiVersion": "v1", "items": null}).to_string(), ""),
        (json!({"kind": "List", "apiVersion": "v1"}).to_string(), ""),
        (json!({"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "a"}}]}).to_string(), "a"),
        (json!({"kind": "WaitList", "apiVersion": "cafe/v1", "metadata": {"name": "a"}, "spec": {}}).to_string(), "a"),
        (json!({"kind": "Menu", "apiVersion": "cafe/v1", "metadata": {"name": "a"}, "items": [1]}).to_string(), "a"),
    ] {
        let read = stream(&text).unwrap();
        let found: Vec<&str> = read.objects.iter().filter_map(|object| object["metadata"]["name"].as_str()).collect();
        assert_eq!(found.join(" "), names, "{text}");
        assert!(read.objects.iter().all(|object| object["kind"].is_string() && object["apiVersion"].is_string()), "{text}");
        assert!(read.warnings.is_empty());
    }
    assert_eq!(stream(&a.to_string()).unwrap().target, Some(ObjectRef::new("Pod", "shop", "a")));
    let typed = stream(r#"{"kind": "DeploymentList", "apiVersion": "apps/v1", "items": [{"metadata": {"name": "a"}}]}"#).unwrap();
    assert_eq!(typed.objects[0], json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "a"}}));
    assert_eq!(typed.target, None, "a list is about no object in particular");
}

#[test]
fn what_holds_no_objects_is_an_error_that_says_so() {
    for (text, part) in [
        ("", "is empty"),
        ("\n \r\n", "is empty"),
        (
            "Error from server (NotFound): pods \"web\" not found\n",
            "kubectl's error message, not objects: Error from server (NotFound)",
        ),
        ("NAME    READY   STATUS\nweb-0   1/1   Running\n", "kubectl's table"),
        ("Name:             web-0\nNamespace:        shop\n", "kubectl describe"),
        (r#"{"kind": "Status", "apiVersion": "v1", "message": "pods is forbidden: no", "code": 403}"#, "pods is forbidden: no"),
        (r#"{"a": {"b": 1}}"#, "it has no kind; its keys are a"),
        ("a: 1\n", "it has no kind; its keys are a"),
        ("# nothing\n---\n# here\n", "no Kubernetes object"),
        ("hello\n", "line 1"),
        ("{\"kind\": \"Pod\"} }", "line 1 column 17"),
        ("\x1b]0;pwned\x07: {", "line 1"),
        (r#"{"apiVersion": "sre-copilot/v1", "kind": "IncidentBundle"}"#, "it is a IncidentBundle of this program"),
        (r#"{"apiVersion": "v1", "kind": "Config", "users": [{"user": {"token": "x"}}]}"#, "kind Config, without a name"),
        ("kind: Pod\nmetadata:\n  name: [\n", "line"),
    ] {
        let error = stream(text).unwrap_err();
        assert!(error.to_string().contains(part), "{text:?}: {error}");
        assert!(error.to_string().contains("standard input") && !error.to_string().contains('\x1b'), "{error}");
        assert!(!error.hint().is_empty());
    }
}

#[test]
fn positions_in_yaml_are_those_of_the_file() {
    let error =
        stream("kind: Pod\nmetadata: {name: a}\n---\nkind: Pod\nmetadata:\n  name: [a\nspec: {}\n---\nkind: Pod\n").unwrap_err();
    assert!(matches!(error, BundleError::Syntax { line: 6..=7, .. }), "{error:?}");
}

#[test]
fn aliases_cannot_grow_without_bound() {
    let mut bomb = "kind: Pod\nmetadata: {name: a}\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let previous = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{previous}]\n"));
    }
    let error = stream(&bomb).unwrap_err();
    assert!(matches!(error, BundleError::Syntax { .. }), "{error}");
}

#[test]
fn a_list_that_is_cut_off_gives_its_whole_items() {
    let whole =
        serde_json::to_string_pretty(&json!({"apiVersion": "v1", "items": [pod("a"), pod("b"), pod("c")], "kind": "List"}))
            .unwrap();
    let at = whole.find("\"c\"").unwrap();
    let cut = stream(&whole[..at]).unwrap();
    assert_eq!(cut.objects, [pod("a"), pod("b")]);
    assert_eq!(cut.warnings, ["standard input is cut off after 2 objects"]);
    assert!(cut.sources["kubernetes"].to_string().ends_with("; standard input is cut off after 2 objects"));

    let at = YAML.find("    d: ").unwrap();
    let cut = stream(&YAML[..at]).unwrap();
    assert_eq!(cut.objects, yaml_as_json().as_array().unwrap()[..1]);
    assert!(matches!(stream(&YAML[..200]), Err(BundleError::CutOff { .. })));

    let bundle = folder(&[("incident.json", r#"{"apiVersion": "sre-copilot/v1", "sources": {"kubernetes": "ok"}}"#)]);
    let at = whole.find("\"b\"").unwrap();
    fs::write(bundle.path().join("objects.json"), &whole[..at]).unwrap();
    let read = read(bundle.path()).unwrap();
    assert_eq!(read.sources["kubernetes"].to_string(), "partial: objects.json is cut off after 1 object");
    assert_eq!(read.warnings.len(), 1);
}

/// As kubectl 1.27 to 1.33 print it; the log of `app` ends without a line's end.
const LOGS: &str = "==== START logs for container init of pod shop/web-0 ====
==== END logs for container init of pod shop/web-0 ====
==== START logs for container app of pod shop/web-0 ====
start
==== START of nothing
{\"kind\": \"Pod\", \"metadata\": {\"name\": \"from-a-log\"}}
fatal: boom==== END logs for container app of pod shop/web-0 ====
==== START logs for container side of pod shop/web-0 ====
Request log error: the server rejected our request for an unknown reason (get pods web-0)
==== END logs for container side of pod shop/web-0 ====
";

fn check_dump(read: &Recording) {
    assert_eq!(read.objects.len(), 2);
    let app = &read.logs[&log_key("app", false)];
    assert_eq!(app, "start\n==== START of nothing\n{\"kind\": \"Pod\", \"metadata\": {\"name\": \"from-a-log\"}}\nfatal: boom");
    assert_eq!(read.logs.get(&log_key("init", false)).map(String::as_str), Some(""));
    assert_eq!(read.logs.len(), 2);
    assert!(read.sources["kubernetes"].to_string().starts_with("partial: a cluster-info dump holds"));
    let logs = read.sources["logs"].to_string();
    assert!(
        logs.contains("no logs of previous instances") && logs.contains("could not be read: 1 (first: Request log error"),
        "{logs}"
    );
    assert_eq!((read.captured_at, &read.target), (None, &None));
}

#[test]
fn a_dump() {
    let nodes = "{\n    \"kind\": \"NodeList\",\n    \"apiVersion\": \"v1\",\n    \"items\": null\n}\n";
    let pods = json!({"kind": "PodList", "apiVersion": "v1", "items": [pod("web-0")]}).to_string();
    let events =
        json!({"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}}]}).to_string();
    check_dump(&stream(&format!("{nodes}{pods}\n{LOGS}{events}\n")).unwrap());
    check_dump(
        &stream(&format!("{nodes}{pods}\n{LOGS}{events}\n").replace('\n', "\r\n"))
            .map(|mut read| {
                read.logs.values_mut().for_each(|log| *log = log.replace('\r', ""));
                read
            })
            .unwrap(),
    );
    let yaml = "apiVersion: v1\nitems:\n- metadata:\n    name: web-0\nkind: PodList\n";
    check_dump(
        &stream(&format!("{yaml}{LOGS}---\napiVersion: v1\nitems:\n- metadata:\n    name: e\nkind: EventList\n")).unwrap(),
    );

    let other_pod = LOGS.replace("web-0", "web-1");
    let dump = folder(&[
        ("nodes.json", nodes),
        ("shop/pods.json", &pods),
        ("shop/events.json", &events),
        ("shop/web-0/logs.txt", &format!("{LOGS}{other_pod}")),
        ("shop/web-0/notes.txt", "not read"),
    ]);
    check_dump(&read(dump.path()).unwrap());
    fs::remove_file(dump.path().join("nodes.json")).unwrap();
    check_dump(&read(dump.path()).unwrap());
}

#[test]
fn a_dump_that_is_cut_off_in_a_log() {
    let pods = json!({"kind": "PodList", "apiVersion": "v1", "items": [pod("web-0")]}).to_string();
    let cut = stream(&format!("{pods}\n{}", &LOGS[..LOGS.find("fatal").unwrap()])).unwrap();
    assert_eq!(cut.warnings, ["standard input is cut off after 1 object"]);
    assert!(cut.logs[&log_key("app", false)].starts_with("start\n"));
}
