//! Pods that name a claim which isn't there, or whose volume isn't.

use super::claims::PodClaim;
use super::rows;
use crate::cluster::{Event, Object, json, selector};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::rules::quota;
use crate::diagnose::symptoms::condition_evidence;
use crate::domain::Evidence;
use serde_json::Value;

/// A pod names a claim that isn't there.
pub(super) fn missing(cx: &Context<'_>, pod: &Object, claim: &PodClaim<'_>, out: &mut Findings) {
    let name = &claim.id.name;
    let quoted = format!("\"{name}\" not found");
    let condition = pod.condition("PodScheduled");
    let by_condition = json::text(condition, "message").contains(&quoted);
    let event = cx.snap.events(&pod.id).iter().filter(|event| event.message.contains(&quoted)).max_by_key(|event| event.last);
    let looked = cx.snap.looked_for("PersistentVolumeClaim", pod.id.ns());
    let said = by_condition || event.is_some();
    let seen =
        |text: &str| text.contains("unbound immediate PersistentVolumeClaims") || text.contains(&format!("\"{name}\" bound to "));
    let seen = seen(json::text(condition, "message")) || cx.snap.events(&pod.id).iter().any(|event| seen(&event.message));
    if !said && seen {
        // The scheduler saw the claim; it is missing from what was read.
        return out.unknown("pvc_not_found", pod.id.clone(), "the scheduler has seen the claim");
    }
    let old = pod.created().is_none_or(|created| cx.snap.age(created) >= super::SETTLING);
    let proof = match (said, &looked) {
        (true, Ok(())) => Proof::ComputedAndSaid,
        (true, Err(_)) => Proof::Event,
        (false, Ok(())) if old => Proof::Computed,
        (false, Ok(())) => return,
        (false, Err(why)) => return out.unknown("pvc_not_found", pod.id.clone(), why.clone()),
    };
    let existing = cx.snap.in_namespace("PersistentVolumeClaim", pod.id.ns()).iter().map(|claim| claim.id.name.as_str());
    let alike = selector::nearest(name, existing);
    if alike.is_none() && quota::leaves_no_room_for_claims(cx, pod.id.ns()) {
        // The quota family says why it isn't there.
        return;
    }
    let near = alike.map_or(String::new(), |alike| format!("; the nearest name is {alike}"));
    let reference = Evidence { value: Value::String(name.clone()), ..cx.field(pod, &claim.path) };
    let since = json::time(condition, "lastTransitionTime").or_else(|| pod.created());
    out.found(&rows::PVC_NOT_FOUND, pod.id.clone(), proof)
        .blame(cx.workload(&pod.id))
        .since(since)
        .evidence(event.map(Event::evidence))
        .evidence(by_condition.then(|| condition_evidence(cx, pod, "PodScheduled")))
        .evidence([reference])
        .also([claim.subject()])
        .says(format!("its pod mounts claim {name}, which doesn't exist in namespace {}{near}", pod.id.ns()))
        .next(format!("kubectl -n {} get pvc", pod.id.ns()));
}

/// A pod whose claim says that it is bound, to a volume that isn't there: the claim is about to be lost.
pub(super) fn volume(cx: &Context<'_>, pod: &Object, claim: &PodClaim<'_>, object: &Object, out: &mut Findings) {
    let name = object.text("spec.volumeName");
    let gone = cx.snap.find("PersistentVolume", "", name).is_none();
    let words = format!("\"{}\" bound to non-existent persistentvolume", claim.id.name);
    let told = |text: &str| text.contains(&words) || text.contains("pvc(s) bound to non-existent pv(s)");
    let by_condition = told(json::text(pod.condition("PodScheduled"), "message"));
    let event = cx.snap.events(&pod.id).iter().filter(|event| told(&event.message)).max_by_key(|event| event.last);
    if !gone || !(by_condition || event.is_some()) {
        return;
    }
    out.found(&rows::PVC_LOST, pod.id.clone(), Proof::ComputedAndSaid)
        .blame(cx.workload(&pod.id))
        .since(pod.created())
        .evidence(event.map(Event::evidence))
        .evidence(by_condition.then(|| condition_evidence(cx, pod, "PodScheduled")))
        .evidence([cx.field(object, "spec.volumeName")])
        .also([claim.subject()])
        .says(format!("claim {} is bound to volume {name}, which doesn't exist any more", claim.id.name))
        .next(format!("kubectl get pv {name}"));
}
