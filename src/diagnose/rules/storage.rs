//! Why a claim has no volume: computed from the claim, the classes and the volumes that are there, and checked against what the
//! volume controller, the provisioner and the scheduler say. A claim that waits for its first consumer by design is none of these.

mod binding;
pub mod claims;
mod missing;
mod provisioning;
mod rows;

use crate::cluster::{Event, Object, json, pod};
use crate::diagnose::catalogue::{Cause, Family, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::{Finding, Findings};
use crate::domain::ObjectRef;
use binding::Mismatch;
use jiff::SignedDuration;
pub(super) use rows::{PVC_CAPACITY_UNSATISFIABLE, VOLUME_NODE_AFFINITY_CONFLICT};

/// The family.
pub static FAMILY: Family = Family {
    section: Section::Storage,
    causes: &[
        &rows::PVC_NOT_FOUND,
        &rows::PVC_STORAGE_CLASS_MISSING,
        &PVC_CAPACITY_UNSATISFIABLE,
        &rows::PVC_ACCESS_MODE_MISMATCH,
        &rows::PVC_SELECTOR_MISMATCH,
        &rows::PV_ALREADY_BOUND,
        &rows::PVC_LOST,
        &rows::PVC_PROVISIONING_FAILED,
        &VOLUME_NODE_AFFINITY_CONFLICT,
    ],
    check,
};

/// Binding takes a moment even where all is well.
const SETTLING: SignedDuration = SignedDuration::from_secs(30);
/// The provisioner of classes that make no volumes.
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";
fn check(cx: &Context<'_>, out: &mut Findings) {
    for claim in cx.snap.of_kind("PersistentVolumeClaim") {
        let settled = claim.created().is_none_or(|created| cx.snap.age(created) >= SETTLING);
        if claim.deleted().is_some() || claim.partial().is_some() || !settled {
            continue;
        }
        match claim.text("status.phase") {
            "Pending" => pending(cx, claim, out),
            "Lost" => lost(cx, claim, out),
            _ => {}
        }
    }
    for pod in cx.pods().iter().filter(|pod| pod.deleted().is_none() && !pod::is_finished(pod) && !pod::is_ready(pod)) {
        for claim in claims::of_pod(cx, pod) {
            match claim.object {
                None if !claim.ephemeral => missing::missing(cx, pod, &claim, out),
                Some(object) if claims::is_bound(object) => missing::volume(cx, pod, &claim, object, out),
                _ => {}
            }
        }
    }
}

/// States a cause about a claim, where it holds somebody up: at the pods that wait for it.
fn found<'o>(cx: &Context<'_>, cause: &'static Cause, claim: &Object, proof: Proof, out: &'o mut Findings) -> &'o mut Finding {
    let users = claims::users(cx, &claim.id);
    let mut places = users.iter().filter(|pod| !pod::is_ready(pod)).map(|pod| pod.id.clone()).chain([claim.id.clone()]);
    let first = places.next().unwrap_or_else(|| claim.id.clone());
    out.found(cause, first, proof)
        .blame(claims::owner(cx, &claim.id))
        .since(claim.created())
        .also(places.map(Into::into))
        .next(format!("kubectl -n {} describe pvc {}", claim.id.ns(), claim.id.name))
}

/// The newest event about a claim with one of these reasons.
fn newest<'a>(cx: &Context<'a>, claim: &Object, reasons: &[&str]) -> Option<&'a Event> {
    let events = cx.snap.events(&claim.id).iter().filter(|event| reasons.contains(&event.reason.as_str()));
    events.max_by_key(|event| event.last)
}

fn pending(cx: &Context<'_>, claim: &Object, out: &mut Findings) {
    let volumes = cx.snap.looked_for("PersistentVolume", "");
    if let Err(why) = &volumes {
        out.blind(claim.id.clone(), "persistent volumes", why.clone(), "which volume the claim could have, and what it misses");
    }
    if !claim.text("spec.volumeName").is_empty() {
        return named_volume(cx, claim, volumes.is_ok(), out);
    }
    if let Some(event) = newest(cx, claim, &["ProvisioningFailed"]).filter(|event| provisioning::is_about_class(event)) {
        let named = event.message.split('"').nth(1).unwrap_or_default();
        return provisioning::no_class(cx, claim, named, Some(event), volumes.is_ok(), out);
    }
    let waits = claims::waits_for_consumer(cx, claim);
    if waits && claims::users(cx, &claim.id).is_empty() {
        return;
    }
    let name = claims::class_name(claim);
    let class = claims::class(cx, claim);
    let default = name.is_none().then(|| claims::default_class(cx)).flatten();
    let wanted = binding::class_for_matching(claim, default);
    let provisioner = class.map_or("", |class| class.text("provisioner"));
    // Who has begun to make the volume knew the class.
    let begun = newest(cx, claim, &["ProvisioningFailed", "ExternalProvisioning", "Provisioning"]);
    let begun = begun.is_some_and(|event| !event.message.contains(NO_PROVISIONER));
    let is_static = matches!(provisioner, "" | NO_PROVISIONER);
    if !is_static || begun && class.is_none() {
        let provisioner = if provisioner.is_empty() { "the provisioner" } else { provisioner };
        return provisioning::asked(cx, claim, provisioner, out);
    }
    let of_class = cx.snap.of_kind("PersistentVolume").iter().any(|volume| binding::volume_class(volume) == wanted);
    if class.is_none() && !wanted.is_empty() && !of_class {
        return provisioning::no_class(cx, claim, wanted, None, volumes.is_ok(), out);
    }
    if volumes.is_ok() && (!waits || waits_in_vain(cx, claim)) {
        unmatched(cx, claim, wanted, out);
    }
}

/// Whether the scheduler says of a pod that it found no volume to bind, for a class whose volumes wait for pods.
fn waits_in_vain(cx: &Context<'_>, claim: &Object) -> bool {
    let no_volume = "didn't find available persistent volumes to bind";
    claims::users(cx, &claim.id).iter().any(|pod| {
        json::text(pod.condition("PodScheduled"), "message").contains(no_volume)
            || cx.snap.events(&pod.id).iter().any(|event| event.reason == "FailedScheduling" && event.message.contains(no_volume))
    })
}

/// The claim names its volume.
fn named_volume(cx: &Context<'_>, claim: &Object, looked: bool, out: &mut Findings) {
    let name = claim.text("spec.volumeName");
    let said = newest(cx, claim, &["VolumeMismatch", "FailedBinding"]);
    let Some(volume) = cx.snap.find("PersistentVolume", "", name) else {
        if let Some((event, cause)) = said.and_then(|event| Some((event, by_event(event)?))) {
            found(cx, cause, claim, Proof::Event, out)
                .evidence([event.evidence(), cx.field(claim, "spec.volumeName")])
                .says(format!("claim {} asks for volume {name}: {}", claim.id.name, event.message.trim_end_matches('.')));
        } else if looked {
            found(cx, &rows::PVC_LOST, claim, Proof::Computed, out)
                .evidence([cx.field(claim, "spec.volumeName"), cx.field(claim, "status.phase")])
                .says(format!("claim {} asks for volume {name}, which doesn't exist", claim.id.name));
        }
        return;
    };
    let class = claims::class_name(claim).unwrap_or_default();
    let mut mismatches = binding::mismatches(claim, class, volume);
    // The controller doesn't look at the labels of a volume that is named.
    mismatches.retain(|mismatch| !matches!(mismatch, Mismatch::Selector { .. }));
    let by_event = said.and_then(|event| mismatches.iter().find(|mismatch| says_so(event, mismatch)));
    // Somebody else's volume stays that, whatever else is wrong.
    let taken = mismatches.iter().find(|mismatch| matches!(mismatch, Mismatch::Taken { .. }));
    let Some(mismatch) = by_event.or(taken).or(mismatches.first()) else { return };
    let proof = if by_event.is_some() { Proof::ComputedAndSaid } else { Proof::Computed };
    state(cx, claim, volume, mismatch, proof, said, out).evidence([cx.field(claim, "spec.volumeName")]);
}

/// The cause that the controller's words about a volume stand for, where the volume itself was not seen.
fn by_event(event: &Event) -> Option<&'static Cause> {
    let causes: [(&str, &'static Cause); 5] = [
        ("already bound to a different claim", &rows::PV_ALREADY_BOUND),
        ("requested PV is too small", &PVC_CAPACITY_UNSATISFIABLE),
        ("storageClassName does not match", &rows::PVC_STORAGE_CLASS_MISSING),
        ("incompatible volumeMode", &rows::PVC_ACCESS_MODE_MISMATCH),
        ("incompatible accessMode", &rows::PVC_ACCESS_MODE_MISMATCH),
    ];
    causes.iter().find(|(words, _)| event.message.contains(words)).map(|(_, cause)| *cause)
}

/// Whether an event says of the volume what was computed: `checkVolumeSatisfyClaim` in
/// `pkg/controller/volume/persistentvolume/pv_controller.go`.
fn says_so(event: &Event, mismatch: &Mismatch) -> bool {
    let words = match mismatch {
        Mismatch::Capacity { .. } => "requested PV is too small",
        Mismatch::Class { .. } => "storageClassName does not match",
        Mismatch::VolumeMode { .. } => "incompatible volumeMode",
        Mismatch::AccessModes { .. } => "incompatible accessMode",
        Mismatch::Taken { .. } => "already bound to a different claim",
        Mismatch::Selector { .. } => "no persistent volumes available for this claim",
        Mismatch::Unusable { .. } => return false,
    };
    // Without a named volume the controller has one wording for all.
    event.message.contains(words) || event.message.starts_with("no persistent volumes available for this claim")
}

/// No volume that is there fits: the one that comes nearest says why.
fn unmatched(cx: &Context<'_>, claim: &Object, wanted: &str, out: &mut Findings) {
    let said = newest(cx, claim, &["FailedBinding", "VolumeMismatch", "ProvisioningFailed"]);
    let Some((volume, mismatches)) = binding::nearest(claim, wanted, cx.snap.of_kind("PersistentVolume")) else {
        let what = if wanted.is_empty() {
            "no class, there is no default class".to_owned()
        } else {
            format!("class {wanted}, which makes none")
        };
        // Without the controller's word nothing but an empty list shows it.
        let proof = if said.is_some_and(|event| event.reason == "FailedBinding") { Proof::Event } else { Proof::Timing };
        found(cx, &rows::PVC_STORAGE_CLASS_MISSING, claim, proof, out)
            .evidence(said.map(Event::evidence))
            .evidence([cx.field(claim, "spec.storageClassName")])
            .says(format!("claim {} names {what}, and there is no volume to bind", claim.id.name));
        return;
    };
    let Some(first) = mismatches.first() else {
        if waits_in_vain(cx, claim) {
            found(cx, &VOLUME_NODE_AFFINITY_CONFLICT, claim, Proof::ComputedAndSaid, out)
                .evidence([cx.field(volume, "spec.nodeAffinity"), cx.field(claim, "spec.storageClassName")])
                .says(format!(
                    "claim {} fits volume {}, which can't be used on any node that takes the pod",
                    claim.id.name, volume.id.name
                ));
        }
        return;
    };
    let proof = match (mismatches.len(), said) {
        (1, Some(event)) if says_so(event, first) => Proof::ComputedAndSaid,
        (1, _) => Proof::Computed,
        // It would fit no better with one thing mended: which one is meant to be wrong can't be told.
        _ => Proof::Timing,
    };
    let others: Vec<String> = mismatches.iter().skip(1).map(|mismatch| words(mismatch, &claim.id, volume)).collect();
    let finding = state(cx, claim, volume, first, proof, said, out);
    if !others.is_empty() {
        finding.summary = format!("{}; besides {}", finding.summary, others.join("; "));
    }
}

/// States one mismatch of a volume that was to be the claim's.
fn state<'o>(
    cx: &Context<'_>,
    claim: &Object,
    volume: &Object,
    mismatch: &Mismatch,
    proof: Proof,
    said: Option<&Event>,
    out: &'o mut Findings,
) -> &'o mut Finding {
    let (cause, of_claim, of_volume): (&'static Cause, _, _) = match mismatch {
        Mismatch::Class { .. } => (&rows::PVC_STORAGE_CLASS_MISSING, "spec.storageClassName", "spec.storageClassName"),
        Mismatch::VolumeMode { .. } => (&rows::PVC_ACCESS_MODE_MISMATCH, "spec.volumeMode", "spec.volumeMode"),
        Mismatch::AccessModes { .. } => (&rows::PVC_ACCESS_MODE_MISMATCH, "spec.accessModes", "spec.accessModes"),
        Mismatch::Selector { .. } => (&rows::PVC_SELECTOR_MISMATCH, "spec.selector", "metadata.labels"),
        Mismatch::Capacity { .. } => (&PVC_CAPACITY_UNSATISFIABLE, "spec.resources.requests.storage", "spec.capacity.storage"),
        Mismatch::Taken { .. } => (&rows::PV_ALREADY_BOUND, "spec.volumeName", "spec.claimRef"),
        Mismatch::Unusable { .. } => (&rows::PVC_LOST, "spec.volumeName", "status.phase"),
    };
    let fields = [cx.field(claim, of_claim), cx.field(volume, of_volume)];
    found(cx, cause, claim, proof, out)
        .evidence(said.filter(|event| says_so(event, mismatch)).map(Event::evidence))
        .evidence(fields.into_iter().filter(|evidence| !evidence.value.is_null()))
        .says(words(mismatch, &claim.id, volume))
}

fn words(mismatch: &Mismatch, claim: &ObjectRef, volume: &Object) -> String {
    let (claim, volume) = (&claim.name, &volume.id.name);
    let or_none = |class: &str| if class.is_empty() { "no class".to_owned() } else { format!("class {class}") };
    match mismatch {
        Mismatch::Class { wanted, got } => {
            format!("claim {claim} asks for {}, and the nearest volume, {volume}, has {}", or_none(wanted), or_none(got))
        }
        Mismatch::VolumeMode { wanted, got } => {
            format!("claim {claim} asks for volumeMode {wanted}, and volume {volume} has {got}")
        }
        Mismatch::AccessModes { wanted, got } => format!("claim {claim} asks for {wanted}, and volume {volume} offers {got}"),
        Mismatch::Selector { wanted, got } => {
            format!("claim {claim} selects volumes with {wanted}, and volume {volume} has {got}")
        }
        Mismatch::Capacity { wanted, got } => {
            format!("claim {claim} asks for {wanted}, and the nearest volume, {volume}, has {got}")
        }
        Mismatch::Taken { by, released: false } => format!("claim {claim} wants volume {volume}, which is bound to claim {by}"),
        Mismatch::Taken { by, released: true } => {
            format!(
                "volume {volume} was released by an earlier claim {by}, which its claimRef still names, so that claim {claim} can't have it"
            )
        }
        Mismatch::Unusable { phase } => format!("claim {claim} could only have volume {volume}, which is {phase}"),
    }
}

fn lost(cx: &Context<'_>, claim: &Object, out: &mut Findings) {
    let said = newest(cx, claim, &["ClaimLost", "ClaimMisbound"]);
    let volume = claim.text("spec.volumeName");
    let gone = match cx.snap.find("PersistentVolume", "", volume) {
        Some(_) => "is bound to another claim now",
        None => "doesn't exist any more",
    };
    found(cx, &rows::PVC_LOST, claim, Proof::Structure, out)
        .since(said.and_then(|event| event.first))
        .evidence([cx.field(claim, "status.phase"), cx.field(claim, "spec.volumeName")])
        .evidence(said.map(Event::evidence))
        .says(format!("claim {} has lost its volume: {volume} {gone}", claim.id.name));
}
