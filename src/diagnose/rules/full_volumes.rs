//! Volumes that are full: by the kubelet's word about an emptyDir, by the volume's own fill level, or by the last words of a
//! process about a file that lies on one. A full disk of the node or of the container's own layer is none of these.

use super::explains::CONTAINER_DOWN;
use super::mounts;
use super::scheduler::complete_since;
use super::storage::claims;
use crate::cluster::pod::{self, Container};
use crate::cluster::{Object, json};
use crate::diagnose::catalogue::{Cause, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::logs::{self, LogFinding};
use crate::diagnose::symptoms::SATURATION;
use crate::domain::{Evidence, ObjectRef};

/// The family.
pub static FAMILY: Family = Family { section: Section::Storage, causes: &[&VOLUME_FULL], check };

static VOLUME_FULL: Cause = Cause {
    id: "volume_full",
    title: "no space is left on the volume",
    perspective: Perspective::Infra,
    explains: &[
        CONTAINER_DOWN,
        &[
            (Link::Container, "disk_full"),
            (Link::Container, "application_error"),
            (Link::Pod, "saturation"),
            (Link::Pod, "disk_full"),
            (Link::Pod, "evicted_disk"),
        ],
    ],
    reads: "pod status, logs, claims, signal volume_used_ratio",
    source: "kubelet: status.reason Evicted, `Usage of EmptyDir volume \"NAME\" exceeds the limit`; the process: ENOSPC on a path of the volume; kubelet_volume_stats",
    doc: "A volume of the pod has no space left, or is larger than its limit, so that the process can't write.",
    check: "kubectl -n NAMESPACE exec POD -c CONTAINER -- df -h",
    fix: "enlarge the claim (where the class allows expansion) or the limit, or remove what fills the volume",
    fields: &["volumes", "sizeLimit", ".env[", ".args"],
};

/// A volume that is used to this share has no room left: file systems keep a few percent for themselves.
const FULL: f64 = 0.98;

fn check(cx: &Context<'_>, out: &mut Findings) {
    for pod in cx.pods().iter().filter(|pod| pod.deleted().is_none()) {
        if pod.text("status.reason") == "Evicted" {
            over_limit(cx, pod, out);
            continue;
        }
        for container in pod::containers(pod) {
            last_words(cx, pod, &container, out);
        }
    }
    for signal in cx.snap.signals.iter().filter(|signal| signal.signal == "volume_used_ratio") {
        let label = |name: &str| signal.labels.get(name).map_or("", String::as_str);
        let Some((at, ratio)) = signal.values.last().filter(|(_, ratio)| *ratio >= FULL) else { continue };
        let claim = ObjectRef::new("PersistentVolumeClaim", label("namespace"), label("persistentvolumeclaim"));
        if cx.snap.get(&claim).is_none() {
            continue;
        }
        let sample = cx.sample(&claim, signal, *at, *ratio);
        let percent = format!("{:.0}%", ratio * 100.0);
        out.symptom(&SATURATION, claim.clone(), format!("is {percent} full"), None, vec![sample.clone()]);
        out.found(&VOLUME_FULL, claim.clone(), Proof::Signal)
            .blame(claims::owner(cx, &claim))
            .evidence([sample])
            .also(claims::users(cx, &claim).iter().map(|pod| pod.id.clone().into()))
            .says(format!("the volume of claim {} is {percent} full", claim.name))
            .next(format!("kubectl -n {} describe pvc {}", claim.ns(), claim.name));
    }
}

/// `Usage of EmptyDir volume "cache" exceeds the limit "64Mi". ` (pkg/kubelet/eviction/eviction_manager.go).
fn over_limit(cx: &Context<'_>, pod: &Object, out: &mut Findings) {
    let message = pod.text("status.message");
    let Some((_, rest)) = message.split_once("Usage of EmptyDir volume \"") else { return };
    let Some((volume, rest)) = rest.split_once('"') else { return };
    let limit = rest.split('"').nth(1).unwrap_or_default();
    let workload = cx.workload(&pod.id);
    let at = json::time(pod.condition("DisruptionTarget"), "lastTransitionTime").or_else(|| pod.time("status.startTime"));
    out.found(&VOLUME_FULL, pod.id.clone(), Proof::Structure)
        .since(at)
        .ended(if workload.kind == "Pod" { None } else { complete_since(cx, &workload, at) })
        .evidence([cx.field(pod, "status.message"), cx.field(pod, "status.reason")])
        .says(format!("{} was evicted because its emptyDir volume {volume} grew over its limit of {limit}", pod.id))
        .fix(format!("raise the sizeLimit of volume {volume}, or find what fills it"))
        .blame(workload);
}

/// A process that ended, or isn't ready, over a file on one of its volumes.
fn last_words(cx: &Context<'_>, pod: &Object, container: &Container<'_>, out: &mut Findings) {
    let ended = container.termination().filter(|end| end.failed());
    if ended.is_none() && (!container.is_running() || container.is_ready()) {
        return;
    }
    let told = ended.as_ref().and_then(|end| {
        let said = logs::read(end.message);
        let finding = said.decisive().filter(|finding| is_no_space(finding))?.clone();
        Some((container.termination_evidence(end), finding))
    });
    let logged = || {
        [true, false].into_iter().find_map(|previous| {
            let reading = cx.log(container, previous)?;
            let finding = reading.decisive().filter(|finding| is_no_space(finding) && finding.last_words)?;
            Some((cx.log_line(container, previous, finding), finding.clone()))
        })
    };
    let Some((line, finding)) = told.or_else(logged) else { return };
    let Some((what, volume)) = finding.captures.path.as_deref().and_then(|path| volume_of(cx, container, path)) else { return };
    let proof = if ended.is_some() { Proof::ExitAndLine } else { Proof::Line };
    let exit = ended.as_ref().map(|end| container.termination_evidence(end));
    out.found(&VOLUME_FULL, container.subject(), proof)
        .blame(cx.workload(&pod.id))
        .since(ended.as_ref().and_then(|end| end.finished).or(finding.at))
        .ended(cx.recovered(container))
        .evidence([line])
        .evidence(exit)
        .evidence(volume)
        .says(format!("container {} finds no space left on {what}: {:?}", container.name, finding.text))
        .next(format!("kubectl -n {} exec {} -c {} -- df -h", pod.id.ns(), pod.id.name, container.name));
}

fn is_no_space(finding: &LogFinding) -> bool {
    finding.signature.cause == "disk_full"
}

/// The volume that a path lies on, in words and as evidence, where it is one with a size of its own.
fn volume_of(cx: &Context<'_>, container: &Container<'_>, path: &str) -> Option<(String, Vec<Evidence>)> {
    let mount = mounts::mount_of(container, path)?;
    let volume = mounts::volume_of(container, mount);
    let name = json::text(volume, "name");
    let (pod, at) = (container.pod, format!("spec.volumes[{name}]"));
    let ids = match mounts::kind_of(volume) {
        "persistentVolumeClaim" => {
            ObjectRef::new("PersistentVolumeClaim", pod.id.ns(), json::text(volume, "persistentVolumeClaim.claimName"))
        }
        "ephemeral" => ObjectRef::new("PersistentVolumeClaim", pod.id.ns(), format!("{}-{name}", pod.id.name)),
        "emptyDir" => {
            let limit = json::text(volume, "emptyDir.sizeLimit");
            let in_memory = json::text(volume, "emptyDir.medium") == "Memory";
            let evidence = cx.value(&pod.id, &at, volume.clone(), None);
            let limit = if limit.is_empty() { "memory".to_owned() } else { limit.to_owned() };
            return (in_memory || limit != "memory").then(|| (format!("emptyDir volume {name} ({limit})"), vec![evidence]));
        }
        _ => return None,
    };
    let claim = cx.snap.get(&ids);
    let size = claim.map_or("", |claim| claim.text("status.capacity.storage"));
    let size = if size.is_empty() { String::new() } else { format!(" ({size})") };
    let evidence = claim.map(|claim| cx.field(claim, "status.capacity.storage"));
    Some((format!("the volume of claim {}{size}", ids.name), evidence.into_iter().collect()))
}
