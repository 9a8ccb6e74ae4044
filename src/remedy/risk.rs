//! How much can go wrong with a change: eight axes, each recomputed from what is known and none taken on trust.

use super::{DataPlane, Memory, Settings, Tier, data_plane, tier};
use crate::cluster::Snapshot;
use crate::domain::{Action, ExecutionIntent, Report, ResourceType, Risk, RiskAxis, RiskReport, Verdict};
use jiff::{SignedDuration, Timestamp};

/// A snapshot that is older than this is no longer fresh.
const FRESH: SignedDuration = SignedDuration::from_mins(10);
/// And one older than this is stale.
const STALE: SignedDuration = SignedDuration::from_mins(30);
/// A fault that began longer ago is chronic.
const CHRONIC: SignedDuration = SignedDuration::from_hours(24);

/// What a risk is computed from.
#[derive(Clone, Copy, Debug)]
pub struct RiskInput<'a> {
    /// Where the objects are.
    pub snapshot: &'a Snapshot,
    /// What is wrong.
    pub report: &'a Report,
    /// What is to be done about it.
    pub intent: &'a ExecutionIntent,
    /// The tiers, and what holds data.
    pub settings: &'a Settings,
    /// Whether the incident flaps.
    pub memory: &'a Memory,
    /// Who depends on the object; `None` without a graph.
    pub blast_radius: Option<BlastRadius>,
    /// The moment, for the snapshot's age.
    pub now: Timestamp,
    /// Whether it takes another change back: then the verdict doesn't count, nor whether the symptom is still there.
    pub is_undo: bool,
}

/// Who depends on an object, as the graph of dependencies says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlastRadius {
    /// How many services call it, over at most two hops.
    pub callers: usize,
    /// Whether a host name that people outside use leads to it.
    pub is_public: bool,
}

/// The risk of an intent with all its axes, in the order in which they are shown.
pub fn risk(input: &RiskInput<'_>) -> RiskReport {
    let axes = [
        ("tier", namespace_tier(input)),
        ("kind", kind(input)),
        ("blast", blast(input.blast_radius)),
        ("data", data(input)),
        ("freshness", freshness(input)),
        ("confidence", if input.is_undo { ("undo".to_owned(), 0) } else { confidence(input.report) }),
        ("reversibility", reversibility(input)),
        ("idempotency", idempotency(input.intent.action)),
    ];
    let axes: Vec<RiskAxis> =
        axes.into_iter().map(|(axis, (value, level))| RiskAxis { axis: axis.to_owned(), value, level }).collect();
    let levels: Vec<u8> = axes.iter().map(|axis| axis.level).collect();
    RiskReport { level: level(&levels, input.intent.action), axes }
}

/// **high**: any 3, or two 2s. **medium**: one 2, or a sum of 3 and more, or a rollback, new resources, a resumed rollout.
fn level(levels: &[u8], action: Action) -> Risk {
    let twos = levels.iter().filter(|level| **level == 2).count();
    let weighty = matches!(action, Action::RollbackDeployment | Action::SetResources | Action::ResumeRollout);
    if levels.contains(&3) || twos >= 2 {
        Risk::High
    } else if twos == 1 || levels.iter().sum::<u8>() >= 3 || weighty {
        Risk::Medium
    } else {
        Risk::Low
    }
}

fn namespace_tier(input: &RiskInput<'_>) -> (String, u8) {
    let tier = tier(input.settings, &input.intent.namespace);
    (tier.as_str().to_owned(), if tier == Tier::Writable { 0 } else { 3 })
}

fn kind(input: &RiskInput<'_>) -> (String, u8) {
    let level = match input.intent.resource_type {
        ResourceType::Pod => 0,
        ResourceType::StatefulSet | ResourceType::DaemonSet => 2,
        _ => 1,
    };
    (input.intent.resource_type.to_string(), level)
}

fn blast(radius: Option<BlastRadius>) -> (String, u8) {
    let Some(BlastRadius { callers, is_public }) = radius else { return ("unknown".to_owned(), 1) };
    let (word, level) = match callers {
        _ if is_public => ("high", 2),
        0 => ("none", 0),
        1..=5 => ("low", 0),
        6..=20 => ("medium", 1),
        _ => ("high", 2),
    };
    let unit = if callers == 1 { "caller" } else { "callers" };
    let public = if is_public { ", public" } else { "" };
    (if callers == 0 && !is_public { word.to_owned() } else { format!("{word} ({callers} {unit}{public})") }, level)
}

fn data(input: &RiskInput<'_>) -> (String, u8) {
    match data_plane(input.snapshot, input.settings, &input.intent.object()) {
        DataPlane::No => ("no".to_owned(), 0),
        DataPlane::Maybe(why) => (format!("maybe ({why})"), 1),
        DataPlane::Yes(why) => (format!("yes ({why})"), 3),
    }
}

fn freshness(input: &RiskInput<'_>) -> (String, u8) {
    let age = input.now.duration_since(input.snapshot.now);
    let report = input.report;
    let onset = report.symptoms.iter().filter_map(|symptom| symptom.since).min();
    let onset = onset.or_else(|| report.causes.first().and_then(|cause| cause.since));
    let is_recent = onset.is_none_or(|onset| input.snapshot.now.duration_since(onset) <= CHRONIC);
    // A change that is to be taken back may have ended the symptom, or not.
    if age > STALE || (report.symptoms.is_empty() && !input.is_undo) {
        ("stale".to_owned(), 2)
    } else if age <= FRESH && is_recent && !input.memory.is_flapping {
        ("fresh".to_owned(), 0)
    } else {
        ("chronic".to_owned(), 1)
    }
}

fn confidence(report: &Report) -> (String, u8) {
    let word = report.verdict.as_str();
    match report.verdict {
        Verdict::Confirmed if report.contradictions.is_empty() => (word.to_owned(), 0),
        Verdict::Confirmed => ("confirmed, contradicted".to_owned(), 1),
        Verdict::Likely => (word.to_owned(), 1),
        _ => (word.to_owned(), 3),
    }
}

fn reversibility(input: &RiskInput<'_>) -> (String, u8) {
    let live = || input.snapshot.get(&input.intent.object()).and_then(|object| object.int("spec.replicas"));
    let (word, level) = match input.intent.action {
        // Nothing is sent back to no replicas.
        Action::ScaleDeployment if live() == Some(0) => ("none", 2),
        // An exact inverse, or nothing that would need one.
        Action::ScaleDeployment | Action::RollbackDeployment | Action::SetResources => ("easy", 0),
        action if action.is_restart() || !action.is_write() || action == Action::EvictPod => ("easy", 0),
        _ => ("partial", 1),
    };
    (word.to_owned(), level)
}

fn idempotency(action: Action) -> (String, u8) {
    let guarded = action.is_restart() || action == Action::EvictPod;
    // A stored token or the pod's UID; everything else sets an absolute value.
    if guarded { ("guarded".to_owned(), 1) } else { ("safe".to_owned(), 0) }
}

#[cfg(test)]
mod tests;
