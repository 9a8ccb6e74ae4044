//! Order independence: objects, events, and lists whose order says nothing come in any order, over any number of files, and
//! the report is the same, byte for byte.

use super::random::Random;
use super::{each, first_difference};
use crate::cases::{all, fixtures, json, report};
use serde_json::{Value, json};
use sre_copilot::bundle;
use sre_copilot::cluster::Recording;
use std::fs;

/// Lists of the Kubernetes API whose order has no meaning. Not here: init containers, variables (a later one may refer to an
/// earlier one), commands, ingress paths; and taints, tolerations and selectors' terms, which a report quotes as they stand.
const UNORDERED: &[&str] = &[
    "accessModes",
    "addresses",
    "conditions",
    "containerStatuses",
    "containers",
    "egress",
    "endpoints",
    "hosts",
    "imagePullSecrets",
    "ingress",
    "initContainerStatuses",
    "limits",
    "ownerReferences",
    "policyTypes",
    "ports",
    "rules",
    "secrets",
    "subjects",
    "subsets",
    "tls",
    "volumeMounts",
    "volumes",
    "webhooks",
];

fn shuffle_lists(value: &mut Value, random: &mut Random) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if let Value::Array(items) = value
                    && UNORDERED.contains(&key.as_str())
                {
                    random.shuffle(items);
                }
                shuffle_lists(value, random);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| shuffle_lists(item, random)),
        _ => {}
    }
}

fn shuffled(recording: &Recording, random: &mut Random) -> Recording {
    let mut recording = recording.clone();
    recording.objects.iter_mut().for_each(|object| shuffle_lists(object, random));
    random.shuffle(&mut recording.objects);
    random.shuffle(&mut recording.signals);
    random.shuffle(&mut recording.dependencies);
    random.shuffle(&mut recording.deploys);
    random.shuffle(&mut recording.tickets);
    recording
}

#[test]
fn any_order_gives_the_same_bytes() {
    each("order", all(), |case, random| {
        let after = json(&report(&shuffled(&case.recording, random)));
        first_difference(&json(&case.report()), &after).into_iter().collect()
    });
}

/// An object's text with its keys in any order.
fn text(value: &Value, random: &mut Random) -> String {
    match value {
        Value::Object(map) => {
            let mut pairs: Vec<String> =
                map.iter().map(|(key, value)| format!("{}:{}", json!(key), text(value, random))).collect();
            random.shuffle(&mut pairs);
            format!("{{{}}}", pairs.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(|item| text(item, random)).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

#[test]
fn any_order_of_keys_and_files_gives_the_same_bytes() {
    each("files", fixtures().iter().step_by(10), |case, random| {
        let folder = tempfile::tempdir().unwrap();
        bundle::write(folder.path(), &case.recording).unwrap();
        let _ = fs::remove_file(folder.path().join("objects.json"));
        fs::create_dir_all(folder.path().join("objects")).unwrap();
        let mut files = vec![Vec::new(); 3];
        for object in &case.recording.objects {
            files[random.below(3)].push(text(object, random));
        }
        for (number, items) in files.iter().enumerate() {
            let list = format!("{{\"items\":[{}],\"kind\":\"List\",\"apiVersion\":\"v1\"}}", items.join(","));
            fs::write(folder.path().join(format!("objects/{number}.json")), list).unwrap();
        }
        let before = json(&case.report());
        first_difference(&before, &json(&report(&bundle::read(folder.path()).unwrap()))).into_iter().collect()
    });
}
