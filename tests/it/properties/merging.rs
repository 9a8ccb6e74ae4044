//! Merging: a fault and each of three others share one namespace and one moment. Each ranks, with its object; none hides another.

use super::each;
use super::names::Names;
use super::random::Random;
use super::time::shifted;
use crate::cases::{Case, fixtures, report};
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
    // Other names are told apart from the namespace's by where they stand, which only Kubernetes knows everywhere.
    let namespace = of_namespace(case).map(|(_, namespace)| namespace);
    let shared = case
        .recording
        .objects
        .iter()
        .any(|object| object["kind"] != "Namespace" && object["metadata"]["name"].as_str().map(str::to_owned) == namespace);
    !far && !shared
        && matches!(report.verdict, Verdict::Confirmed | Verdict::Likely)
        && report.causes.iter().all(|cause| near(&cause.id) && cause.object.namespace.is_some())
        && case.recording.alert.is_none()
        && case.recording.sources.values().all(|state| *state == SourceState::Ok)
}

/// Two recordings as one: of one moment, in one namespace, the other's objects under other names.
fn merged(one: &(Recording, String), other: &(Recording, String), random: &mut Random) -> (Recording, Names) {
    let mut names = Names::new(&other.0, random);
    names.set(&other.1, &one.1);
    let apart = one.0.captured_at.unwrap().duration_since(other.0.captured_at.unwrap());
    let guest = shifted(&names.recording(&other.0), apart.as_secs());
    let mut both = one.0.clone();
    both.objects.extend(guest.objects.into_iter().filter(|object| object["kind"] != "Namespace"));
    both.signals.extend(guest.signals);
    both.logs.extend(guest.logs);
    both.dependencies.extend(guest.dependencies);
    for (source, state) in guest.sources {
        both.sources.entry(source).or_insert(state);
    }
    (both, names)
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
            let theirs = names.object(&object);
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
