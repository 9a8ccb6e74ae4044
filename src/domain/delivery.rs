//! What a sender of alerts delivered: a webhook payload of Alertmanager (version 4), read so that one bad alert never costs
//! the others. It decides nothing about episodes and incidents.

use super::payload::{self, Alerts, MAX_ALERTS, Part, Parts, Payload, StatusParts, Texts};
use jiff::{SignedDuration, Timestamp};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use thiserror::Error;

/// The most labels that an alert may have.
const MAX_LABELS: usize = 64;
/// So many annotations of an alert are kept.
const MAX_ANNOTATIONS: usize = 256;
/// The longest label and annotation, in bytes; what is longer is cut.
const MAX_LABEL: usize = 4 << 10;
const MAX_ANNOTATION: usize = 16 << 10;
/// A sender's clock may be ahead of ours by this much.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// How bad an alert says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody decided that nobody needs to know.
    None,
    /// For information.
    Info,
    /// Soon.
    Warning,
    /// Now.
    Critical,
}

impl Severity {
    /// The word used in JSON, in settings and in text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// How a payload is read: settings.
#[derive(Clone, Debug)]
pub struct Reading<'a> {
    /// Labels that name the cluster, the first that is there counts.
    pub cluster_labels: &'a [String],
    /// The cluster where no label names one.
    pub default_cluster: &'a str,
    /// Other words for severities.
    pub severities: &'a BTreeMap<String, Severity>,
    /// When it was received.
    pub received: Timestamp,
}

/// One payload.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delivery {
    /// The receiver that the sender's routing chose.
    pub receiver: String,
    /// The sender's key of the group.
    pub group_key: String,
    /// The alerts, in the payload's order.
    pub alerts: Vec<DeliveredAlert>,
    /// Those that could not be read.
    pub set_aside: Vec<SetAside>,
    /// How many more the sender left out.
    pub truncated: u64,
}

/// One alert of a payload.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveredAlert {
    /// Its place in the payload.
    pub index: usize,
    /// The cluster.
    pub cluster: String,
    /// What tells one alert from another: the sender's, else that of its labels.
    pub fingerprint: String,
    /// The label `alertname`.
    pub name: String,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// All annotations.
    pub annotations: BTreeMap<String, String>,
    /// Whether it is over.
    pub is_resolved: bool,
    /// Silenced or inhibited.
    pub is_suppressed: bool,
    /// How bad; `None` where the label is missing or unknown, which counts as a warning.
    pub severity: Option<Severity>,
    /// When it began, by the sender's clock, to the millisecond.
    pub starts_at: Timestamp,
    /// When it ended, by the sender's clock; of one that fires `None`.
    pub ends_at: Option<Timestamp>,
    /// Where it comes from.
    pub generator_url: String,
    /// What had to be assumed or cut.
    pub marks: Vec<Mark>,
}

/// What had to be assumed or cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// It had no time of its own: the time of receipt stands for it.
    TimeAssumed,
    /// It begins more than five minutes in our future.
    ClockSkew,
    /// A label or annotation was cut.
    Cut,
}

/// An alert that could not be read.
#[derive(Clone, Debug, PartialEq)]
pub struct SetAside {
    /// Its place in the payload.
    pub index: usize,
    /// Why: `not_an_object`, `unreadable`, `no_alertname`, `too_many_labels`, `label_not_text`, `unreadable_time`,
    /// `unreadable_status`.
    pub code: &'static str,
    /// It, as it came: JSON.
    pub raw: String,
}

/// Why a whole payload can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unparsable {
    /// It is no JSON.
    #[error("the body is no JSON")]
    NotJson,
    /// It is no object.
    #[error("the body is no JSON object")]
    NotAnObject,
    /// It has no list of alerts.
    #[error("the body has no array \"alerts\"")]
    NoAlerts,
    /// It has more than anybody sends.
    #[error("a delivery may have {MAX_ALERTS} alerts")]
    TooMany,
}

impl Delivery {
    /// Reads a body. Unknown keys and other versions change nothing.
    ///
    /// # Errors
    /// It is no JSON object with a list of alerts, or has too many of them.
    pub fn read(body: &[u8], how: &Reading<'_>) -> Result<Self, Unparsable> {
        if body.trim_ascii_start().first().is_some_and(|first| *first != b'{')
            && serde_json::from_slice::<IgnoredAny>(body).is_ok()
        {
            return Err(Unparsable::NotAnObject);
        }
        let payload: Payload<'_> = serde_json::from_slice(body).map_err(|error| match error.classify() {
            Category::Data => Unparsable::NoAlerts,
            Category::Io | Category::Syntax | Category::Eof => Unparsable::NotJson,
        })?;
        let alerts = match payload.alerts {
            Some(Alerts::List(alerts)) => alerts,
            Some(Alerts::TooMany) => return Err(Unparsable::TooMany),
            None => return Err(Unparsable::NoAlerts),
        };
        let Payload { receiver, group_key, truncated, is_resolved, .. } = payload;
        let mut delivery = Self { receiver, group_key, truncated, ..Self::default() };
        for (index, raw) in alerts.into_iter().enumerate() {
            match DeliveredAlert::read(index, raw, is_resolved, how) {
                Ok(alert) => delivery.alerts.push(alert),
                Err(code) => delivery.set_aside.push(SetAside { index, code, raw: raw.get().to_owned() }),
            }
        }
        Ok(delivery)
    }

    /// What a retry of the same delivery, or its twin from the other Alertmanager of a pair, has in common with it: a SHA-256 of
    /// what it says, but for annotations. A time that was assumed says nothing.
    pub fn intake_key(&self) -> [u8; 32] {
        let time = |alert: &DeliveredAlert, at: Option<Timestamp>| {
            at.filter(|_| !alert.marks.contains(&Mark::TimeAssumed)).map_or(i64::MIN, Timestamp::as_millisecond)
        };
        let mut alerts: Vec<_> = self
            .alerts
            .iter()
            .map(|alert| {
                let times = [time(alert, Some(alert.starts_at)), time(alert, alert.ends_at)];
                (&alert.cluster, &alert.fingerprint, alert.is_resolved, alert.is_suppressed, times)
            })
            .collect();
        alerts.sort_unstable();
        let mut hash = Sha256::new();
        // Each text after its length, so that no two payloads read the same.
        let mut add = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        add(&self.receiver);
        add(&self.group_key);
        for (cluster, fingerprint, is_resolved, is_suppressed, [start, end]) in alerts {
            add(cluster);
            add(fingerprint);
            add(&format!("{is_resolved} {is_suppressed} {start} {end}"));
        }
        for bad in &self.set_aside {
            add(bad.code);
            add(&bad.raw);
        }
        hash.finalize().into()
    }
}

impl DeliveredAlert {
    fn read(index: usize, raw: &RawValue, batch_is_resolved: bool, how: &Reading<'_>) -> Result<Self, &'static str> {
        if !raw.get().starts_with('{') {
            return Err("not_an_object");
        }
        let alert: Parts<'_> = payload::object(raw).ok_or("unreadable")?;
        let mut marks = Vec::new();
        let labels: Texts<MAX_LABELS> = alert.labels.and_then(payload::object).ok_or("no_alertname")?;
        if labels.has_more {
            return Err("too_many_labels");
        }
        if labels.has_others {
            return Err("label_not_text");
        }
        let labels = cut(labels.texts, MAX_LABEL, &mut marks);
        let name = labels.get("alertname").filter(|name| !name.is_empty()).ok_or("no_alertname")?.clone();
        let annotations: Texts<MAX_ANNOTATIONS> = alert.annotations.and_then(payload::object).unwrap_or_default();
        if annotations.has_more {
            marks.push(Mark::Cut);
        }
        let annotations = cut(annotations.texts, MAX_ANNOTATION, &mut marks);
        let (is_resolved, is_suppressed) = status(alert.status, batch_is_resolved)?;
        let mut time = |part: Part<'_>| -> Result<Timestamp, &'static str> {
            match time(part)? {
                Some(at) => Ok(at),
                None => {
                    marks.push(Mark::TimeAssumed);
                    Ok(how.received)
                }
            }
        };
        let starts_at = time(alert.starts_at)?;
        let ends_at = if is_resolved { Some(time(alert.ends_at)?) } else { None };
        if starts_at.duration_since(how.received) > SKEW {
            marks.push(Mark::ClockSkew);
        }
        marks.sort_unstable();
        marks.dedup();
        let cluster = how.cluster_labels.iter().find_map(|label| labels.get(label)).filter(|name| !name.is_empty());
        let fingerprint = alert.fingerprint.and_then(payload::text).filter(|print| !print.is_empty());
        Ok(Self {
            index,
            cluster: cluster.map_or(how.default_cluster, String::as_str).to_owned(),
            fingerprint: fingerprint.unwrap_or_else(|| self::fingerprint(&labels)),
            name,
            is_resolved,
            is_suppressed,
            severity: labels.get("severity").and_then(|word| severity(word, how.severities)),
            starts_at,
            ends_at,
            generator_url: alert.generator_url.and_then(payload::text).unwrap_or_default(),
            labels,
            annotations,
            marks,
        })
    }
}

/// Cuts what is too long between characters.
fn cut(mut texts: BTreeMap<String, String>, longest: usize, marks: &mut Vec<Mark>) -> BTreeMap<String, String> {
    for text in texts.values_mut().filter(|text| text.len() > longest) {
        marks.push(Mark::Cut);
        text.truncate(text.floor_char_boundary(longest));
        text.shrink_to_fit();
    }
    texts
}

/// `resolved`, or what `GET /api/v2/alerts` gives: `{state, silencedBy, inhibitedBy}`. What the batch says where it is missing.
fn status(status: Part<'_>, batch_is_resolved: bool) -> Result<(bool, bool), &'static str> {
    let Some(status) = status else { return Ok((batch_is_resolved, false)) };
    let (word, is_by_others) = match payload::object::<StatusParts<'_>>(status) {
        Some(parts) => {
            let state = parts.state.and_then(payload::text);
            let is_by_others = payload::is_filled_list(parts.silenced_by) || payload::is_filled_list(parts.inhibited_by);
            (state.unwrap_or_else(|| "active".to_owned()), is_by_others)
        }
        None => (payload::text(status).ok_or("unreadable_status")?, false),
    };
    match word.as_str() {
        "resolved" => Ok((true, is_by_others)),
        "suppressed" => Ok((false, true)),
        "firing" | "active" | "unprocessed" => Ok((false, is_by_others)),
        _ => Err("unreadable_status"),
    }
}

/// RFC 3339, kept to the millisecond; Go's zero time, the year 1, is none.
fn time(part: Part<'_>) -> Result<Option<Timestamp>, &'static str> {
    let Some(part) = part else { return Ok(None) };
    let text = payload::text(part).ok_or("unreadable_time")?;
    if text.is_empty() || text.starts_with("0001-") {
        return Ok(None);
    }
    let at: Timestamp = text.parse().map_err(|_| "unreadable_time")?;
    Timestamp::from_millisecond(at.as_millisecond()).map(Some).map_err(|_| "unreadable_time")
}

fn severity(word: &str, others: &BTreeMap<String, Severity>) -> Option<Severity> {
    let known = [Severity::None, Severity::Info, Severity::Warning, Severity::Critical];
    let word = word.trim().to_lowercase();
    others.get(&word).copied().or_else(|| known.into_iter().find(|severity| severity.as_str() == word))
}

/// As Alertmanager makes it (`prometheus/common`, `model.LabelSet.Fingerprint`): FNV-1a of 64 bits over the sorted labels, the
/// byte 0xFF after each name and value.
fn fingerprint(labels: &BTreeMap<String, String>) -> String {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let bytes = labels.iter().flat_map(|(name, value)| name.bytes().chain([0xFF]).chain(value.bytes()).chain([0xFF]));
    let hash = bytes.fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read(payload: Value) -> Delivery {
        let (labels, severities) = (["cluster".to_owned()], BTreeMap::from([("page".to_owned(), Severity::Critical)]));
        let received = "2026-01-02T05:00:00Z".parse().unwrap();
        let how = Reading { cluster_labels: &labels, default_cluster: "default", severities: &severities, received };
        Delivery::read(payload.to_string().as_bytes(), &how).unwrap()
    }

    #[test]
    fn a_fingerprint_is_that_of_alertmanager() {
        // Of a request that Alertmanager 0.25 sent.
        let labels = json!({
            "alertname": "KubeDeploymentReplicasMismatch", "cluster": "loopback", "deployment": "checkout",
            "instance": "127.0.0.1:19096", "job": "kube-state-metrics", "namespace": "shop", "region": "eu-west-1",
            "severity": "warning",
        });
        assert_eq!(read(json!({"alerts": [{"labels": labels}]})).alerts[0].fingerprint, "8f7027c05641a976");
    }

    #[test]
    fn what_is_no_delivery_is_told_why() {
        let how = Reading {
            cluster_labels: &[],
            default_cluster: "default",
            severities: &BTreeMap::new(),
            received: "2026-01-02T05:00:00Z".parse().unwrap(),
        };
        let why = |body: &str| Delivery::read(body.as_bytes(), &how).unwrap_err();
        for body in ["", "{", "no", "{\"alerts\": [}", "{\"alerts\": []} x"] {
            assert_eq!(why(body), Unparsable::NotJson, "{body}");
        }
        for body in ["7", "[]", "null", "\"alerts\""] {
            assert_eq!(why(body), Unparsable::NotAnObject, "{body}");
        }
        for body in ["{}", "{\"alerts\": null}", "{\"alerts\": {\"a\": [1]}}", "{\"alerts\": \"x\"}", "{\"alerts\": 1.5}"] {
            assert_eq!(why(body), Unparsable::NoAlerts, "{body}");
        }
        let zeros = |count: usize| format!("{{\"alerts\": [{}0], \"version\": [true, -1]}}", "0,".repeat(count - 1));
        assert_eq!(Delivery::read(zeros(MAX_ALERTS).as_bytes(), &how).unwrap().set_aside.len(), MAX_ALERTS);
        assert_eq!(why(&zeros(MAX_ALERTS + 1)), Unparsable::TooMany);
    }

    #[test]
    fn bad_alerts_cost_themselves() {
        let many: serde_json::Map<String, Value> = (0..65).map(|n| (format!("l{n}"), json!("x"))).collect();
        let delivery = read(json!({"version": "5", "unknown": 1, "status": "resolved", "truncatedAlerts": 3, "alerts": [
            {"labels": {"alertname": "A", "severity": "page", "cluster": "eu"}, "endsAt": "2026-01-02T04:59:00.123456789Z"},
            7, {"labels": {"severity": "x"}}, {"labels": {"alertname": 7}}, {"labels": many},
            {"labels": {"alertname": "A"}, "startsAt": "yesterday"}, {"labels": {"alertname": "A"}, "status": "maybe"},
            {"labels": {"alertname": "B", "severity": "unheard"}, "status": {"state": "active", "silencedBy": ["s"]},
             "startsAt": "2026-01-02T06:00:00Z", "endsAt": "0001-01-01T00:00:00Z"},
        ]}));
        let codes: Vec<_> = delivery.set_aside.iter().map(|set| (set.index, set.code)).collect();
        let expected =
            ["not_an_object", "no_alertname", "label_not_text", "too_many_labels", "unreadable_time", "unreadable_status"];
        assert_eq!(codes, (1..).zip(expected).collect::<Vec<_>>());
        let [first, last] = delivery.alerts.as_slice() else { panic!("{:?}", delivery.alerts) };
        assert_eq!((first.cluster.as_str(), first.severity, first.is_resolved), ("eu", Some(Severity::Critical), true));
        assert_eq!(first.ends_at.unwrap().to_string(), "2026-01-02T04:59:00.123Z");
        assert_eq!(first.marks, [Mark::TimeAssumed]);
        assert_eq!((last.severity, last.is_resolved, last.is_suppressed), (None, false, true));
        assert_eq!((last.marks.as_slice(), last.ends_at), (&[Mark::ClockSkew][..], None));
        assert_eq!((delivery.truncated, last.cluster.as_str()), (3, "default"));
    }

    #[test]
    fn what_one_alert_holds_too_much_of_is_its_own_matter() {
        let fine = r#"{"labels": {"alertname": "A"}}"#;
        let objects = format!("[{}{{}}]", "{\"a\":0},".repeat(200_000));
        let deep = format!(r#"{{"labels": {{"alertname": "D"}}, "x": {}0{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
        let halved = r#"{"labels": {"alertname": "\ud800"}}"#;
        let twice = r#"{"labels": {"alertname": "A"}, "labels": {"alertname": "B"}}"#;
        let labels = format!(
            r#"{{"labels": {{{}"alertname": "A"}}}}"#,
            (0..300_000).map(|n| format!("\"{n}\":\"\",")).collect::<String>()
        );
        let notes: String = (0..300).map(|n| format!("\"{n:03}\":\"\",")).collect();
        let noted = format!(r#"{{"labels": {{"alertname": "A"}}, "annotations": {{{notes}"z": ""}}}}"#);
        let body = format!(r#"{{"alerts": [{fine}, {objects}, {deep}, {halved}, {twice}, {labels}, {noted}]}}"#);
        let how = Reading {
            cluster_labels: &[],
            default_cluster: "default",
            severities: &BTreeMap::new(),
            received: "2026-01-02T05:00:00Z".parse().unwrap(),
        };
        let delivery = Delivery::read(body.as_bytes(), &how).unwrap();
        let codes: Vec<_> = delivery.set_aside.iter().map(|set| (set.index, set.code)).collect();
        assert_eq!(codes, [(1, "not_an_object"), (3, "label_not_text"), (4, "unreadable"), (5, "too_many_labels")]);
        assert_eq!((delivery.set_aside[0].raw.as_str(), delivery.set_aside[1].raw.as_str()), (objects.as_str(), halved));
        assert_eq!(delivery.alerts.iter().map(|alert| alert.index).collect::<Vec<_>>(), [0, 2, 6]);
        assert_eq!((delivery.alerts[2].annotations.len(), delivery.alerts[2].marks.last()), (MAX_ANNOTATIONS, Some(&Mark::Cut)));
    }

    #[test]
    fn a_retry_has_the_same_intake_key_and_nothing_else_has() {
        let body = |group: &str, alerts: Value| read(json!({"receiver": "r", "groupKey": group, "alerts": alerts})).intake_key();
        let alert = |name: &str, more: Value| {
            let mut alert = json!({"labels": {"alertname": name}, "startsAt": "2026-01-02T04:00:00Z"});
            alert.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            alert
        };
        let (a, b) = (alert("A", json!({})), alert("B", json!({})));
        let key = body("g", json!([a, b]));
        assert_eq!(key, body("g", json!([b, alert("A", json!({"annotations": {"n": "7"}}))])));
        for other in [
            body("h", json!([a, b])),
            body("g", json!([a])),
            body("g", json!([a, b, 7])),
            body("g", json!([a, alert("B", json!({"startsAt": "2026-01-02T04:00:01Z"}))])),
            body("g", json!([a, alert("B", json!({"status": "resolved", "endsAt": "2026-01-02T04:30:00Z"}))])),
        ] {
            assert_ne!(key, other);
        }
        let nameless = json!([{"labels": {"alertname": "A"}}]);
        assert_eq!(body("g", nameless.clone()), body("g", nameless));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let delivery = read(json!({"alerts": [{"labels": {"alertname": "A", "l": "é".repeat(3000)},
            "annotations": {"a": "x".repeat(20_000), "n": 7}}]}));
        let alert = &delivery.alerts[0];
        assert_eq!((alert.labels["l"].len(), alert.annotations["a"].len()), (4096, 16 << 10));
        assert_eq!(alert.marks, [Mark::TimeAssumed, Mark::Cut]);
    }

    proptest! {
        #[test]
        fn no_payload_panics_and_none_loses_an_alert(
            labels in proptest::collection::btree_map("\\PC{0,8}", "\\PC{0,8}", 0..4),
            status in prop_oneof![Just(json!(null)), Just(json!("resolved")), "\\PC{0,8}".prop_map(Value::from), Just(json!([1]))],
            at in prop_oneof!["\\PC{0,30}".prop_map(Value::from), Just(json!("9999-12-31T23:59:59Z")), Just(json!(7))],
            count in 0usize..5,
        ) {
            let alert = json!({"labels": labels, "status": status, "startsAt": at, "endsAt": at});
            let delivery = read(json!({"alerts": vec![alert; count]}));
            prop_assert_eq!(delivery.alerts.len() + delivery.set_aside.len(), count);
        }
    }
}
