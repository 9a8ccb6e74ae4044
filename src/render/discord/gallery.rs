//! The pairs of `fixtures/gallery`: domain data, and the message that it has to become, byte for byte. `UPDATE_GENERATED=1` rewrites
//! the messages; look at them as somebody does who was just woken.

use super::tests::{holds, holds_back};
use super::{Frame, chronic_digest, daily_digest, incident, team_digest};
use crate::domain::{ButtonIds, ChronicDigest, DailyDigest, GraphFacts, IncidentView, TeamDigest};
use crate::redact::Redactor;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// The fewest pairs.
const PAIRS: usize = 7;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Input {
    Incident(Box<Case>),
    Daily(Box<DailyDigest>),
    Chronic(ChronicDigest),
    Team(TeamDigest),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Case {
    view: IncidentView,
    facts: Option<GraphFacts>,
    own_cluster: String,
    public_url: Option<String>,
    buttons: Option<ButtonIds>,
    mention_role: Option<String>,
    is_post: bool,
    #[serde(default)]
    is_resurfaced: bool,
    earlier: Option<String>,
    repeats: (u64, Timestamp, Timestamp),
    #[serde(default)]
    affected: Vec<String>,
    can_apply: bool,
    now: Timestamp,
}

fn drawn(input: &Input) -> Value {
    let redactor = Redactor::fixed();
    let mask: super::Mask<'_> = &|text| redactor.text(text);
    match input {
        Input::Incident(case) => {
            let page = |id: &str| case.public_url.as_ref().map(|url| format!("{url}/incidents/{id}"));
            let frame = Frame {
                mask,
                own_cluster: &case.own_cluster,
                page: &page,
                buttons: case.buttons.as_ref(),
                mention_role: case.mention_role.as_deref(),
                is_post: case.is_post,
                is_resurfaced: case.is_resurfaced,
                earlier: case.earlier.as_deref(),
                repeats: case.repeats,
                affected: &case.affected,
                is_tried: case.can_apply,
                can_apply: case.can_apply,
                undo: None,
                facts: case.facts.as_ref(),
                now: case.now,
            };
            incident(&case.view, &frame)
        }
        Input::Daily(digest) => daily_digest(digest, mask),
        Input::Chronic(digest) => chronic_digest(digest, mask),
        Input::Team(digest) => team_digest(digest, mask),
    }
}

/// What differs, by path.
fn differences(path: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                let at = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
                differences(&format!("{path}.{key}"), &at(a), &at(b), found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                differences(&format!("{path}[{index}]"), a, b, found);
            }
        }
        _ if path.ends_with(".timestamp") => {
            let is_time = new.as_str().is_some_and(|time| time.parse::<Timestamp>().is_ok());
            if !is_time {
                found.push(format!("{path}: {new} is no time"));
            }
        }
        _ if old != new => found.push(format!("{path}\n  - {old}\n  + {new}")),
        _ => {}
    }
}

#[test]
fn the_gallery_is_what_is_drawn() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/gallery");
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let case = name.strip_suffix(".input.json").or_else(|| name.strip_suffix(".expected.json"));
        names.insert(case.unwrap_or_else(|| panic!("{name} is half of no pair")).to_owned());
    }
    assert!(names.len() >= PAIRS, "{names:?}");
    let mut found = Vec::new();
    for name in &names {
        let input = fs::read_to_string(folder.join(format!("{name}.input.json"))).unwrap();
        let input: Input = serde_json::from_str(&input).unwrap_or_else(|error| panic!("{name}: {error}"));
        let new = drawn(&input);
        holds(&new);
        holds_back(&new);
        let path = folder.join(format!("{name}.expected.json"));
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            fs::write(&path, serde_json::to_string_pretty(&new).unwrap() + "\n").unwrap();
        }
        let old = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}.expected.json: {error}"));
        differences(name, &serde_json::from_str(&old).unwrap(), &new, &mut found);
    }
    assert!(found.is_empty(), "UPDATE_GENERATED=1 rewrites them, if this is meant:\n{}", found.join("\n"));
}
