//! Claims whose volume is to be made for them: the class that says by whom, and what the provisioner answers.

use super::{binding, found, newest, rows};
use crate::cluster::{Event, Object, selector};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use jiff::SignedDuration;

/// A provisioner that has not begun after this time isn't there.
const UNANSWERED: SignedDuration = SignedDuration::from_mins(3);
/// How much of a provisioner's message a sentence quotes.
const QUOTED: usize = 240;

/// `storageclass.storage.k8s.io "NAME" not found`.
pub(super) fn is_about_class(event: &Event) -> bool {
    event.message.starts_with("storageclass.storage.k8s.io ") && event.message.ends_with(" not found")
}

/// The class that the claim names isn't there, and neither is a volume of that class.
pub(super) fn no_class(
    cx: &Context<'_>,
    claim: &Object,
    wanted: &str,
    said: Option<&Event>,
    volumes_known: bool,
    out: &mut Findings,
) {
    let exists = cx.snap.find("StorageClass", "", wanted).is_some();
    let looked = cx.snap.looked_for("StorageClass", "");
    if exists {
        // It was created meanwhile: the controller will try again.
        return;
    }
    let proof = match (said, looked.is_ok()) {
        (Some(_), true) => Proof::ComputedAndSaid,
        (Some(_), false) => Proof::Event,
        (None, true) => Proof::Computed,
        (None, false) => return,
    };
    let known: Vec<&str> = cx.snap.of_kind("StorageClass").iter().map(|class| class.id.name.as_str()).collect();
    let there = match selector::nearest(wanted, known.iter().copied()) {
        Some(near) => format!("; the nearest that exists is {near}"),
        None if known.is_empty() => String::new(),
        None => format!("; there is {}", known.join(", ")),
    };
    let nearest = binding::nearest(claim, wanted, cx.snap.of_kind("PersistentVolume")).filter(|_| volumes_known);
    let would = nearest.filter(|(_, mismatches)| mismatches.len() == 1).map_or(String::new(), |(volume, _)| {
        let class = binding::volume_class(volume);
        let class = if class.is_empty() { "no class".to_owned() } else { format!("class {class}") };
        format!("; volume {} would fit but has {class}", volume.id.name)
    });
    found(cx, &rows::PVC_STORAGE_CLASS_MISSING, claim, proof, out)
        .evidence(said.map(Event::evidence))
        .evidence([cx.field(claim, "spec.storageClassName")])
        .says(format!("claim {} names storage class {wanted}, which doesn't exist{there}{would}", claim.id.name));
}

/// The class has a provisioner: it says what goes wrong, or says nothing at all.
pub(super) fn asked(cx: &Context<'_>, claim: &Object, provisioner: &str, out: &mut Findings) {
    let failed = newest(cx, claim, &["ProvisioningFailed"]);
    let done = newest(cx, claim, &["ProvisioningSucceeded"]);
    if done.is_some_and(|done| failed.is_none_or(|failed| done.last >= failed.last)) {
        return;
    }
    if let Some(event) = failed {
        let message: String = event.message.chars().take(QUOTED).collect();
        found(cx, &rows::PVC_PROVISIONING_FAILED, claim, Proof::Event, out)
            .since(event.first)
            .evidence([event.evidence()])
            .evidence([cx.field(claim, "spec.storageClassName")])
            .says(format!("{provisioner} can't make the volume of claim {}: {message}", claim.id.name));
        return;
    }
    let waiting = newest(cx, claim, &["ExternalProvisioning"]);
    let begun = newest(cx, claim, &["Provisioning"]).is_some();
    let Some(event) = waiting.filter(|_| !begun) else { return };
    if event.first.or(event.last).is_some_and(|first| cx.snap.age(first) >= UNANSWERED) {
        let minutes = event.first.map_or(0, |first| cx.snap.age(first).as_mins());
        found(cx, &rows::PVC_PROVISIONING_FAILED, claim, Proof::Event, out)
            .since(event.first)
            .evidence([event.evidence()])
            .evidence([cx.field(claim, "spec.storageClassName")])
            .says(format!(
                "claim {} has waited {minutes} min for the provisioner {provisioner}, which doesn't answer",
                claim.id.name
            ))
            .fix(format!("see whether the pods of {provisioner} run, and whether the name is right in the class"));
    }
}
