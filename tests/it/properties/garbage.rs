//! Garbage in fields: whatever a field holds, nothing panics, and the report is the same twice and in another order.

use super::random::Random;
use super::{each, first_difference};
use crate::cases::{all, fixtures, json, report};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Map, Value, json};
use sre_copilot::cluster::Recording;

/// Into how many fields of a recording garbage is put.
const FIELDS: usize = 30;

/// Values that a field may hold although Kubernetes would not give it any of them.
fn garbage(random: &mut Random) -> Value {
    if random.below(20) == 0 {
        let wrapped = |inner, _| Value::Object(Map::from_iter([("a".to_owned(), Value::Array(vec![inner]))]));
        return (0..200).fold(Value::Null, wrapped);
    }
    let values = [
        Value::Null,
        json!(true),
        json!(-1),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e308),
        json!(""),
        json!("-"),
        json!("99999999999999999999Gi"),
        json!("9999-12-31T23:59:59Z"),
        json!("0001-01-01T00:00:00Z"),
        json!("\u{0}\u{1b}[31m\u{202e}\n\n`<b>"),
        json!("ä€𝄞".repeat(40)),
        json!("a,b:c/d@e[f]{g}.h=i".repeat(5)),
        json!([]),
        json!([null, 1, "x", [], {}]),
        json!({}),
        json!({"": null, "name": 7, "key": []}),
    ];
    values[random.below(values.len())].clone()
}

/// Every place of a value, as the steps that lead there.
fn places(value: &Value, path: &mut Vec<usize>, found: &mut Vec<Vec<usize>>) {
    let children: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(map) => map.values().collect(),
        _ => return,
    };
    for (index, child) in children.into_iter().enumerate() {
        path.push(index);
        found.push(path.clone());
        places(child, path, found);
        path.pop();
    }
}

fn change(value: &mut Value, path: &[usize], random: &mut Random) {
    let Some((index, rest)) = path.split_first() else { return };
    let is_here = rest.is_empty();
    match value {
        Value::Array(items) if is_here => match random.below(3) {
            0 => drop(items.remove(*index)),
            1 => items.push(items[*index].clone()),
            _ => items[*index] = garbage(random),
        },
        Value::Array(items) => change(&mut items[*index], rest, random),
        Value::Object(map) => {
            let key = map.keys().nth(*index).unwrap().clone();
            match (is_here, random.below(4)) {
                (false, _) => change(map.get_mut(&key).unwrap(), rest, random),
                (true, 0) => drop(map.remove(&key)),
                (true, _) => drop(map.insert(key, garbage(random))),
            }
        }
        _ => {}
    }
}

fn damaged(recording: &Recording, random: &mut Random) -> Recording {
    let mut recording = recording.clone();
    for _ in 0..FIELDS {
        if recording.objects.is_empty() {
            break;
        }
        let index = random.below(recording.objects.len());
        let object = &mut recording.objects[index];
        let mut found = Vec::new();
        places(object, &mut Vec::new(), &mut found);
        if !found.is_empty() {
            let place = found[random.below(found.len())].clone();
            change(object, &place, random);
        }
    }
    recording
}

#[test]
fn garbage_in_fields_costs_those_fields() {
    each("garbage", all(), |case, random| {
        let damaged = damaged(&case.recording, random);
        let mut reversed = damaged.clone();
        reversed.objects.reverse();
        let after = json(&report(&damaged));
        [json(&report(&damaged)), json(&report(&reversed))].iter().filter_map(|again| first_difference(&after, again)).collect()
    });
}

/// Any JSON, of any shape.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[a-z0-9.:/-]{0,20}".prop_map(Value::from),
    ];
    let key = prop_oneof!["[a-zA-Z]{1,12}", Just("name".to_owned()), Just("metadata".to_owned()), Just("spec".to_owned())];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// One field of one object of a fixture replaced by any JSON, so that what breaks can shrink.
#[test]
fn any_json_in_a_field_is_survived() {
    let config = Config { cases: 150, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..Config::default() };
    let place = (0..fixtures().len(), any::<prop::sample::Index>(), any::<prop::sample::Index>(), any_json());
    let ran = TestRunner::new(config).run(&place, |(case, object, field, value)| {
        let mut recording = fixtures()[case].recording.clone();
        if recording.objects.is_empty() {
            return Ok(());
        }
        let index = object.index(recording.objects.len());
        let object = &mut recording.objects[index];
        let mut found = Vec::new();
        places(object, &mut Vec::new(), &mut found);
        let mut at = object;
        for step in found.get(field.index(found.len().max(1))).into_iter().flatten() {
            at = match at {
                Value::Array(items) => &mut items[*step],
                Value::Object(map) => map.values_mut().nth(*step).unwrap(),
                _ => return Ok(()),
            };
        }
        *at = value;
        prop_assert_eq!(json(&report(&recording)), json(&report(&recording)));
        Ok(())
    });
    ran.unwrap();
}
