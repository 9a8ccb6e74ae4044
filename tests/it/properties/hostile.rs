//! Input that nobody means well with: cut and binary logs, times at the ends of the calendar, owners in a circle, and very many
//! objects.

use super::each;
use crate::cases::{all, fixtures, json, report};
use serde_json::{Value, json};
use sre_copilot::bundle;
use sre_copilot::cluster::Recording;
use sre_copilot::domain::{ObjectRef, SourceState, Verdict};
use std::fs;

#[test]
fn logs_that_are_cut_anywhere_are_read() {
    each("cut logs", all().filter(|case| !case.recording.logs.is_empty()), |case, random| {
        let mut recording = case.recording.clone();
        for text in recording.logs.values_mut() {
            let (mut start, mut end) = (random.below(text.len() + 1), random.below(text.len() + 1));
            while !text.is_char_boundary(start) {
                start -= 1;
            }
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            *text = text[start.min(end)..start.max(end)].to_owned();
        }
        // Only that it ends, and ends the same: what was cut away may well have been the proof.
        let same = json(&report(&recording)) == json(&report(&recording));
        (!same).then(|| "is not the same twice".to_owned()).into_iter().collect()
    });
}

#[test]
fn binary_logs_are_read() {
    each("binary logs", fixtures().iter().filter(|case| !case.recording.logs.is_empty()).step_by(6), |case, random| {
        let folder = tempfile::tempdir().unwrap();
        bundle::write(folder.path(), &case.recording).unwrap();
        for file in fs::read_dir(folder.path().join("logs")).unwrap() {
            let path = file.unwrap().path();
            let mut bytes = fs::read(&path).unwrap();
            for _ in 0..200.min(bytes.len()) {
                let at = random.below(bytes.len());
                bytes[at] = u8::try_from(random.below(256)).unwrap();
            }
            bytes.extend([0xff, 0xfe, 0x00, b'\r', 0x1b, b'[', b'2', b'J']);
            fs::write(path, bytes).unwrap();
        }
        let text = json(&report(&bundle::read(folder.path()).unwrap()));
        let unsafe_char = text.chars().find(|char| char.is_control() && *char != '\n');
        unsafe_char.map(|char| format!("the report holds {char:?}")).into_iter().collect()
    });
}

fn replace_times(value: &mut Value, time: &str) {
    match value {
        Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => time.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| replace_times(item, time)),
        Value::Object(map) => map.values_mut().for_each(|value| replace_times(value, time)),
        _ => {}
    }
}

#[test]
fn times_at_the_ends_of_the_calendar_are_survived() {
    let times = ["0001-01-01T00:00:00Z", "9999-12-30T22:00:00Z", "-009999-01-02T01:59:59Z", "1969-12-31T23:59:59.999999999Z"];
    each("absurd times", fixtures(), |case, random| {
        let mut recording = case.recording.clone();
        for object in &mut recording.objects {
            replace_times(object, times[random.below(times.len())]);
        }
        recording.captured_at = [recording.captured_at, times[random.below(times.len())].parse().ok(), None][random.below(3)];
        let same = json(&report(&recording)) == json(&report(&recording));
        (!same).then(|| "is not the same twice".to_owned()).into_iter().collect()
    });
}

fn pod(namespace: &str, name: &str, owner: Option<(&str, &str)>) -> Value {
    let owners = owner.map(|(kind, name)| json!([{"apiVersion": "v1", "kind": kind, "name": name, "controller": true}]));
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "labels": {"app": name}, "ownerReferences": owners},
        "spec": {"nodeName": "n1", "containers": [{"name": "main", "image": "r.example/x:1", "resources": {"limits": {"memory": "64Mi"}}}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-02T05:00:00Z"}],
            "containerStatuses": [{"name": "main", "ready": false, "restartCount": 5,
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 2m40s restarting failed container"}},
                "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137, "startedAt": "2026-01-02T04:59:00Z",
                    "finishedAt": "2026-01-02T05:00:00Z"}}}]}})
}

fn recording(objects: Vec<Value>) -> Recording {
    Recording {
        captured_at: "2026-01-02T05:05:00Z".parse().ok(),
        target: Some(ObjectRef::cluster("Namespace", "shop")),
        sources: [("kubernetes".to_owned(), SourceState::Ok)].into(),
        objects,
        ..Recording::default()
    }
}

#[test]
fn owners_in_a_circle_end() {
    for (owner_of_a, owner_of_b) in [("b", "a"), ("a", "b"), ("c", "a")] {
        let objects = vec![
            pod("shop", "a", Some(("Pod", owner_of_a))),
            pod("shop", "b", Some(("Pod", owner_of_b))),
            pod("shop", "c", Some(("Pod", "b"))),
        ];
        let report = report(&recording(objects));
        assert_eq!(report.causes.first().map(|cause| cause.id.as_str()), Some("oom_killed"), "{owner_of_a} {owner_of_b}");
    }
    let chain = (0..500).map(|n| pod("shop", &format!("p{n}"), Some(("Pod", &format!("p{}", (n + 1) % 500))))).collect();
    assert!(!report(&recording(chain)).causes.is_empty());
}

/// As in a big cluster: 5,000 nodes and 30,000 pods with 15,000 events, three of them broken. That it ends at all is what is
/// shown: a cost that grows with the square would take hours.
#[test]
fn fifty_thousand_objects() {
    let mut objects = Vec::with_capacity(50_000);
    for n in 0..5_000 {
        objects.push(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": format!("n{n}")},
            "status": {"allocatable": {"cpu": "8", "memory": "32Gi", "pods": "110"},
                "conditions": [{"type": "Ready", "status": "True"}]}}));
    }
    for n in 0..30_000 {
        let (namespace, name) = (format!("ns{}", n % 300), format!("app{}-{}", n / 10, n % 10));
        let mut pod = pod(&namespace, &name, None);
        pod["spec"]["nodeName"] = json!(format!("n{}", n % 5_000));
        pod["status"]["conditions"][0]["status"] = json!("True");
        pod["status"]["containerStatuses"][0] = json!({"name": "main", "ready": true, "restartCount": 0,
            "state": {"running": {"startedAt": "2026-01-01T05:00:00Z"}}});
        objects.push(pod);
    }
    for n in 0..15_000 {
        let (namespace, name) = (format!("ns{}", n % 300), format!("app{}-{}", n / 10, n % 10));
        objects.push(
            json!({"apiVersion": "v1", "kind": "Event", "metadata": {"namespace": namespace, "name": format!("{name}.{n}")},
            "involvedObject": {"apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": name},
            "reason": "Unhealthy", "type": "Warning", "message": "Readiness probe failed: connection refused", "count": 2,
            "lastTimestamp": "2026-01-01T05:00:00Z"}),
        );
    }
    objects.extend((0..3).map(|n| pod("shop", &format!("broken-{n}"), None)));
    let report = report(&recording(objects));
    assert_eq!(report.verdict, Verdict::Confirmed, "{}", report.summary);
    assert_eq!(report.causes.len(), 3);
    assert!(report.causes.iter().all(|cause| cause.id == "oom_killed" && cause.object.ns() == "shop"));
}
