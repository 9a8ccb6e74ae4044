//! Merging: a fault and each of three others share one namespace and one moment. Each ranks, with its object; none hides another.

use super::each;
use super::names::Names;
use super::random::Random;
use super::time::shifted;
use crate::cases::{Case, fixtures, report};
use serde_json::Value;
use sre_copilot::cluster::Recording;
use sre_copilot::diagnose::catalogue;
use sre_copilot::diagnose::catalogue::Section;
use sre_copilot::domain::{ObjectRef, Report, SourceState, Verdict};

/// With how many others each fault shares its namespace.
const PARTNERS: usize = 3;

/// Kinds whose objects act on everything in a namespace or a cluster: what one of them does to the other's pods is no mistake.
const FAR_REACHING: &[&str] = &[
    "LimitRange",
    "MutatingWebhookConfiguration",
    "NetworkPolicy",
    "ResourceQuota",
    "ValidatingWebhookConfiguration",
    "PersistentVolume",
    "StorageClass",
    "PriorityClass",
];

/// The same incident, asked about its namespace.
fn of_namespace(case: &Case) -> Option<(Recording, String)> {
    let target = case.recording.target.as_ref()?;
    let namespace = if target.kind == "Namespace" { target.name.clone() } else { target.namespace.clone()? };
    let mut recording = case.recording.clone();
    recording.target = Some(ObjectRef::cluster("Namespace", &namespace));
    Some((recording, namespace))
}

/// Whether a case keeps to its namespace: nothing in it, and nothing that its cause rests on, reaches another's pods.
fn keeps_to_itself(case: &Case) -> bool {
    let far =
        case.recording.objects.iter().any(|object| object["kind"].as_str().is_some_and(|kind| FAR_REACHING.contains(&kind)));
    let report = case.report();
    let near = |id: &str| {
        let of =
            catalogue().into_iter().find(|(_, causes)| causes.iter().any(|cause| cause.id == id)).map(|(section, _)| section);
        of.is_some_and(|of| matches!(of, Section::Startup | Section::Runtime | Section::Workloads | Section::Routing))
    };
    !far && matches!(report.verdict, Verdict::Confirmed | Verdict::Likely)
        && report.causes.iter().all(|cause| near(&cause.id) && cause.object.namespace.is_some())
        && case.recording.alert.is_none()
        && case.recording.sources.values().all(|state| *state == SourceState::Ok)
}

/// Two recordings as one: of one moment, in one namespace, the other's objects under other names.
fn merged(one: &(Recording, String), other: &(Recording, String), random: &mut Random) -> (Recording, Names) {
    let names = Names::new(&other.0, random);
    let mut guest = names.recording(&other.0);
    let moved = |text: &mut String| {
        if *text == names.name(&other.1) {
            text.clone_from(&one.1);
        }
    };
    guest.objects.retain(|object| object["kind"] != "Namespace");
    guest.objects.iter_mut().for_each(|object| move_value(object, &names.name(&other.1), &one.1));
    let apart = one.0.captured_at.unwrap().duration_since(guest.captured_at.unwrap());
    let guest = shifted(&guest, apart.as_secs());
    let mut both = one.0.clone();
    both.objects.extend(guest.objects);
    both.signals.extend(guest.signals.into_iter().map(|mut series| {
        series.labels.values_mut().for_each(moved);
        series
    }));
    both.logs.extend(guest.logs.into_iter().map(|(mut key, text)| {
        moved(&mut key.namespace);
        (key, text)
    }));
    both.dependencies.extend(guest.dependencies.into_iter().map(|mut edge| {
        moved(&mut edge.from.namespace);
        moved(&mut edge.to.namespace);
        edge
    }));
    for (source, state) in guest.sources {
        both.sources.entry(source).or_insert(state);
    }
    (both, names)
}

fn move_value(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) if text == from => to.clone_into(text),
        Value::String(text) if text.contains(from) => *text = text.replace(from, to),
        Value::Array(items) => items.iter_mut().for_each(|item| move_value(item, from, to)),
        Value::Object(map) => map.values_mut().for_each(|value| move_value(value, from, to)),
        _ => {}
    }
}

/// The first cause of a report, as it must stand in the merged one.
fn first(report: &Report) -> Option<(String, ObjectRef)> {
    report.causes.first().filter(|_| report.verdict.is_fault()).map(|cause| (cause.id.clone(), cause.object.clone()))
}

#[test]
fn two_faults_in_one_namespace_are_both_reported() {
    let fit: Vec<&Case> = fixtures().iter().filter(|case| keeps_to_itself(case)).collect();
    assert!(fit.len() > PARTNERS, "too few cases keep to themselves");
    each("merging", fit.iter().copied(), |case, random| {
        let Some(one) = of_namespace(case) else { return Vec::new() };
        let Some(own) = first(&report(&one.0)) else { return Vec::new() };
        let mut wrong = Vec::new();
        for _ in 0..PARTNERS {
            let partner = fit[random.below(fit.len())];
            let Some(other) = of_namespace(partner) else { continue };
            let Some((id, object)) = first(&report(&other.0)).filter(|_| partner.name != case.name) else { continue };
            let (both, names) = merged(&one, &other, random);
            let mut theirs = names.object(&object);
            theirs.namespace = theirs.namespace.map(|_| one.1.clone());
            let after = report(&both);
            for (id, object) in [own.clone(), (id, theirs)] {
                if !after.causes.iter().any(|cause| cause.id == id && cause.object == object) {
                    let got: Vec<String> = after.causes.iter().map(|cause| format!("{} of {}", cause.id, cause.object)).collect();
                    wrong.push(format!("beside {}: {id} of {object} is not among {got:?}", partner.name));
                }
            }
        }
        wrong
    });
}
