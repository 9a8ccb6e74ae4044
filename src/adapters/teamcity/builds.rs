//! Builds as TeamCity gives them: `{count, nextHref, build: [...]}` from its REST API, and what MCP servers make of it. A
//! failed build stays in the list with its status; it is no deploy, and that is for the diagnosis to say.

use crate::domain::Deploy;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The most commits of a build that are kept.
const MOST_CHANGES: usize = 20;

/// One finished build.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Build {
    /// TeamCity's id of it.
    pub id: String,
    /// All that isn't what and where.
    pub deploy: Deploy,
    /// Its parameters, where they were asked for.
    pub parameters: BTreeMap<String, String>,
}

/// The builds of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Builds {
    /// Them.
    pub builds: Vec<Build>,
    /// How many could not be understood.
    pub lost: usize,
    /// Whether there are more than were sent.
    pub more: bool,
    /// What else is missing, a sentence each.
    pub missing: Vec<String>,
}

/// The builds of an answer: a list, or one under `build`, `builds` or `items`.
///
/// # Errors
/// Why it is no answer to a search for builds.
pub fn builds(answer: &Value) -> Result<Builds, String> {
    let keys = ["build", "builds", "items"];
    let list = answer.as_array().or_else(|| keys.iter().find_map(|key| answer.get(key)?.as_array()));
    let list = match list {
        Some(list) => list.as_slice(),
        // TeamCity leaves out a list that is empty where `fields` is used.
        None if answer.get("count").and_then(Value::as_u64) == Some(0) => &[],
        None => return Err("the answer has no list of builds".to_owned()),
    };
    let (mut builds, mut lost) = (Vec::new(), 0);
    for entry in list {
        match build(entry) {
            // A personal build deploys nothing for anybody else.
            Some(_) if entry.get("personal").and_then(Value::as_bool) == Some(true) => {}
            Some(build) => builds.push(build),
            None => lost += 1,
        }
    }
    let more = answer.get("nextHref").and_then(Value::as_str).is_some_and(|next| !next.is_empty());
    Ok(Builds { builds, lost, more, missing: Vec::new() })
}

/// One build; `None` for what isn't one.
pub fn build(entry: &Value) -> Option<Build> {
    let id = scalar(entry.get("id")).filter(|id| !id.is_empty())?;
    let build_type = scalar(entry.get("buildTypeId")).or_else(|| scalar(entry.pointer("/buildType/id")))?;
    let text = |path: &str| scalar(entry.pointer(path)).unwrap_or_default();
    let time = |path: &str| entry.pointer(path).and_then(Value::as_str).and_then(moment);
    let deploy = Deploy {
        build_type,
        number: text("/number"),
        status: text("/status"),
        // A version of Subversion or Perforce is a number, one of Git the whole commit.
        sha: text("/revisions/revision/0/version"),
        started_at: time("/startDate"),
        finished_at: time("/finishDate"),
        triggered_by: triggered_by(entry.get("triggered")),
        url: web_address(&text("/webUrl")),
        changes: changes(entry.get("changes")),
        ..Deploy::default()
    };
    let properties = entry.pointer("/properties/property").and_then(Value::as_array).into_iter().flatten();
    let parameters = properties.filter_map(|property| Some((scalar(property.get("name"))?, scalar(property.get("value"))?)));
    Some(Build { id, deploy, parameters: parameters.collect() })
}

/// What a list left out of a build is taken from its details.
pub fn complete(build: &mut Build, details: Build) {
    let (ours, theirs) = (&mut build.deploy, details.deploy);
    for (ours, theirs) in [
        (&mut ours.number, theirs.number),
        (&mut ours.status, theirs.status),
        (&mut ours.sha, theirs.sha),
        (&mut ours.triggered_by, theirs.triggered_by),
        (&mut ours.url, theirs.url),
    ] {
        if ours.is_empty() {
            *ours = theirs;
        }
    }
    ours.started_at = ours.started_at.or(theirs.started_at);
    ours.finished_at = ours.finished_at.or(theirs.finished_at);
    if ours.changes.is_null() {
        ours.changes = theirs.changes;
    }
    for (name, value) in details.parameters {
        build.parameters.entry(name).or_insert(value);
    }
}

/// The person, else TeamCity's own words for a trigger, else its type.
fn triggered_by(triggered: Option<&Value>) -> String {
    let text = |path: &str| scalar(triggered?.pointer(path)).filter(|text| !text.is_empty());
    let names = ["/user/username", "/user/name", "/displayText", "/type"];
    names.iter().find_map(|path| text(path)).unwrap_or_default()
}

/// The commits, each with what people know it by; null where none were sent.
fn changes(changes: Option<&Value>) -> Value {
    let list = changes.and_then(|changes| changes.as_array().or_else(|| changes.get("change")?.as_array()));
    let Some(list) = list else { return Value::Null };
    let change = |change: &Value| {
        let text = |key: &str| scalar(change.get(key)).unwrap_or_default();
        json!({"id": text("version"), "username": text("username"), "comment": text("comment").trim_end()})
    };
    list.iter().take(MOST_CHANGES).map(change).collect()
}

/// An address that leads to a page and nowhere else.
fn web_address(text: &str) -> String {
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    if is_web && text.chars().all(|char| char.is_ascii_graphic()) { text.to_owned() } else { String::new() }
}

fn scalar(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// `20260102T050554+0000`, as TeamCity writes times; MCP servers write RFC 3339 too.
fn moment(text: &str) -> Option<Timestamp> {
    let time = Timestamp::strptime("%Y%m%dT%H%M%S%z", text);
    time.or_else(|_| text.parse()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_answer_of_the_rest_api() {
        let answer = json!({"count": 2, "nextHref": "/app/rest/builds?locator=start:100", "build": [
            {"id": 8134, "buildTypeId": "Shop_Checkout_Deploy", "number": "54", "status": "FAILURE",
             "startDate": "20260102T050054+0100", "finishDate": "20260102T050554+0100", "webUrl": "https://ci.example.com/build/8134",
             "triggered": {"type": "user", "user": {"username": "m.ortega", "name": "M. Ortega"}},
             "revisions": {"revision": [{"version": "0b6f5c2a"}]},
             "changes": {"change": [{"version": "0b6f5c2a", "username": "m.ortega", "comment": "lower the limit\n", "date": "x"}]},
             "properties": {"property": [{"name": "env.NAMESPACE", "value": "shop"}, {"name": "no value"}]}},
            {"id": 9, "buildTypeId": "Personal", "personal": true},
            {"number": "no id"},
        ]});
        let read = builds(&answer).unwrap();
        assert_eq!((read.builds.len(), read.lost, read.more), (1, 1, true));
        let build = &read.builds[0];
        assert_eq!((build.id.as_str(), build.parameters["env.NAMESPACE"].as_str()), ("8134", "shop"));
        let deploy = &build.deploy;
        assert_eq!((deploy.number.as_str(), deploy.status.as_str(), deploy.sha.as_str()), ("54", "FAILURE", "0b6f5c2a"));
        assert_eq!(deploy.finished_at, Some("2026-01-02T04:05:54Z".parse().unwrap()));
        assert_eq!((deploy.triggered_by.as_str(), deploy.url.as_str()), ("m.ortega", "https://ci.example.com/build/8134"));
        assert_eq!(deploy.changes, json!([{"id": "0b6f5c2a", "username": "m.ortega", "comment": "lower the limit"}]));
    }

    #[test]
    fn only_an_empty_list_means_none() {
        assert!(builds(&json!({"build": []})).unwrap().builds.is_empty());
        assert!(builds(&json!({"count": 0})).unwrap().builds.is_empty());
        assert!(builds(&json!([])).unwrap().builds.is_empty());
        for answer in [json!({}), json!(null), json!("none"), json!({"count": 3}), json!({"errors": [{"message": "no"}]})] {
            assert!(builds(&answer).is_err(), "{answer}");
        }
    }

    #[test]
    fn details_fill_what_is_missing() {
        let mut one = build(&json!({"id": 1, "buildTypeId": "A", "number": "5"})).unwrap();
        let details = json!({"id": 1, "buildType": {"id": "A"}, "number": "6", "status": "SUCCESS", "webUrl": "javascript:x",
            "triggered": {"type": "vcs"}, "changes": {"count": 1, "href": "/x"}});
        complete(&mut one, build(&details).unwrap());
        assert_eq!((one.deploy.number.as_str(), one.deploy.status.as_str()), ("5", "SUCCESS"));
        assert_eq!((one.deploy.triggered_by.as_str(), one.deploy.url.as_str()), ("vcs", ""));
        assert!(one.deploy.changes.is_null());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from)
        ];
        let key = prop_oneof![
            Just("id"),
            Just("build"),
            Just("buildTypeId"),
            Just("triggered"),
            Just("user"),
            Just("changes"),
            Just("change"),
            Just("revisions"),
            Just("revision"),
            Just("properties"),
            Just("property"),
            Just("name"),
            Just("value"),
            Just("finishDate"),
            Just("count")
        ];
        leaf.prop_recursive(6, 60, 6, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect()))
            ]
        })
    }

    proptest! {
        #[test]
        fn no_answer_panics(answer in any_json(), time in "\\PC{0,24}") {
            _ = builds(&answer);
            _ = moment(&time);
        }

        #[test]
        fn times_are_read_as_they_are_written(second in 0i64..4_000_000_000) {
            let at = Timestamp::from_second(second).unwrap();
            prop_assert_eq!(moment(&at.strftime("%Y%m%dT%H%M%S+0000").to_string()), Some(at));
        }
    }
}
