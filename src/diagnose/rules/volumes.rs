//! Volumes that don't reach the container: attaching, mounting, and the rights on what was mounted. Claims that aren't bound
//! are another family's; a ConfigMap or Secret that a volume lacks is `configuration`'s.

use super::container_start::drops_capabilities;
use super::explains::{CONTAINER_DOWN, LAST_WORDS, POD_DOWN};
use super::kill::killer;
use super::last_lines::{self, LastLine, path_in};
use super::mounts::{kind_of, mount_of, volume_of};
use super::start_error::start_error;
use crate::cluster::pod::{self, Container, Termination};
use crate::cluster::{Event, Object, json};
use crate::diagnose::catalogue::{Cause, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use jiff::SignedDuration;

/// The family.
pub static FAMILY: Family =
    Family { section: Section::Startup, causes: &[&ATTACH_FAILED, &MOUNT_FAILED, &PERMISSION_DENIED], check };

static ATTACH_FAILED: Cause = Cause {
    id: "volume_attach_failed",
    title: "the volume can't be attached to the node",
    perspective: Perspective::Infra,
    explains: &[CONTAINER_DOWN, POD_DOWN, &[(Link::Pod, "volume_mount_failed")]],
    reads: "pod status, events, claims",
    source: "attach/detach controller: event FailedAttachVolume (`Multi-Attach error for volume`, `AttachVolume.Attach failed`)",
    doc: "The volume is still attached elsewhere, or the storage system refuses or doesn't answer the attachment.",
    check: "kubectl get volumeattachments; kubectl -n NAMESPACE describe pod POD",
    fix: "let the other pod release the volume (or delete its node's attachment), and roll out with strategy Recreate",
    fields: &["spec.volumes", "nodeSelector", "affinity"],
};

static MOUNT_FAILED: Cause = Cause {
    id: "volume_mount_failed",
    title: "the volume can't be mounted",
    perspective: Perspective::Infra,
    explains: &[CONTAINER_DOWN, POD_DOWN],
    reads: "pod status, events",
    source: "kubelet: event FailedMount (`MountVolume.SetUp failed`, `MountVolume.MountDevice failed`), failed subPath; runtime: \
             `error mounting`",
    doc: "The kubelet or the runtime can't make the volume appear in the container.",
    check: "kubectl -n NAMESPACE get events --field-selector involvedObject.name=POD,reason=FailedMount",
    fix: "mend what the mount error names: the server or path of the volume, its driver on the node, or the subPath",
    fields: &["spec.volumes", ".volumeMounts"],
};

static PERMISSION_DENIED: Cause = Cause {
    id: "volume_permission_denied",
    title: "the process may not read or write its volume",
    perspective: Perspective::App,
    explains: &[CONTAINER_DOWN, LAST_WORDS],
    reads: "pod status, pod spec, logs",
    source: "kernel through the application's last lines: EACCES or EROFS on a path below a volume's mountPath",
    doc: "The mounted files belong to another user or are read-only, and the process gives up.",
    check: "kubectl -n NAMESPACE exec POD -c CONTAINER -- sh -c 'id; ls -ldn PATH'",
    fix: "set fsGroup (or runAsUser) to the files' owner, or mount the volume writable",
    fields: &["securityContext", ".volumeMounts", "spec.volumes", ".image"],
};

/// How long an event speaks for the present when nothing newer does: the kubelet and the controllers repeat themselves
/// within their back-off, at most about two minutes for volumes (pkg/util/goroutinemap/exponentialbackoff).
const FRESH: SignedDuration = SignedDuration::from_mins(15);
/// What the kubelet says when it waited for volumes in vain; the reason is in another event.
const WAITED: &str = "timed out waiting for the condition";

fn check(cx: &Context<'_>, out: &mut Findings) {
    for pod in cx.pods().iter().filter(|pod| pod.deleted().is_none()) {
        let containers = pod::containers(pod);
        if !containers.is_empty() && containers.iter().all(|container| container.waiting().is_some()) {
            events(cx, pod, out);
        }
        for container in &containers {
            start_message(cx, container, out);
            if let Some(end) = container.termination().filter(Termination::failed) {
                denied(cx, container, &end, out);
            }
        }
    }
}

/// What the events say of a pod whose containers all wait.
fn events(cx: &Context<'_>, pod: &Object, out: &mut Findings) {
    let fresh = |event: &&Event| event.last.is_none_or(|last| cx.snap.age(last) <= FRESH);
    let newest = |reason: &str, says: &dyn Fn(&Event) -> bool| {
        cx.snap.events(&pod.id).iter().rev().filter(fresh).find(|event| event.reason == reason && says(event))
    };
    if let Some(event) = newest("FailedAttachVolume", &|_| true) {
        attach(cx, pod, event, out);
    }
    let own = |event: &Event| !event.message.contains(WAITED) && !is_another_familys(&event.message);
    if let Some(event) = newest("FailedMount", &own).or_else(|| newest("FailedMapVolume", &own)) {
        let volume = quoted_after(&event.message, "volume \"").unwrap_or("");
        out.found(&MOUNT_FAILED, pod.id.clone(), Proof::Event)
            .blame(cx.workload(&pod.id))
            .since(event.first.or(pod.created()))
            .evidence([event.evidence()])
            .says(format!("{} can't be mounted on node {}: {}", named(pod, volume), node(pod), why_not(&event.message)))
            .next(format!("kubectl -n {} describe pod {}", pod.id.ns(), pod.id.name));
        return;
    }
    // All that is said is that the wait was in vain. What the pod's own volumes wait for is then a guess.
    let told = cx.snap.events(&pod.id).iter().any(|event| {
        event.reason == "FailedAttachVolume" || event.reason == "FailedMount" && !own(event) && !event.message.contains(WAITED)
    });
    if let Some(event) = newest("FailedMount", &|event| event.message.contains(WAITED)).filter(|_| !told) {
        let unmounted =
            event.message.split_once("unmounted volumes=[").and_then(|(_, rest)| rest.split(']').next()).unwrap_or("");
        let volumes: Vec<String> =
            unmounted.split([' ', ',']).filter(|name| !name.is_empty()).map(|name| named(pod, name)).collect();
        out.found(&MOUNT_FAILED, pod.id.clone(), Proof::Timing)
            .blame(cx.workload(&pod.id))
            .since(event.first.or(pod.created()))
            .evidence([event.evidence()])
            .says(format!("{} isn't mounted on node {} in time; the kubelet doesn't say why", volumes.join(", "), node(pod)))
            .next(format!("kubectl -n {} describe pod {}", pod.id.ns(), pod.id.name));
    }
}

fn attach(cx: &Context<'_>, pod: &Object, event: &Event, out: &mut Findings) {
    let volume = quoted_after(&event.message, "volume \"").unwrap_or("");
    let claim = claim_of(cx, pod, volume);
    let what = match &claim {
        Some(claim) => format!("claim {claim} (volume {volume})"),
        None => format!("volume {volume}"),
    };
    let holder = claim.as_deref().and_then(|claim| holder(cx, pod, claim));
    let multi = event.message.contains("Multi-Attach");
    let says = match (&holder, multi) {
        (Some(other), true) => format!(
            "{what} can't be attached to node {}, since it is attached to node {} for pod {}",
            node(pod),
            node(other),
            other.id.name
        ),
        (None, true) => format!("{what} can't be attached to node {}, since another node holds it", node(pod)),
        (_, false) => format!("{what} can't be attached to node {}: {}", node(pod), why_not(&event.message)),
    };
    let finding = out.found(&ATTACH_FAILED, pod.id.clone(), Proof::Event);
    finding
        .blame(cx.workload(&pod.id))
        .since(event.first.or(pod.created()))
        .evidence([event.evidence()])
        .evidence(holder.map(|other| cx.field(other, "spec.nodeName")))
        .says(says)
        .next(format!("kubectl get volumeattachments -o wide | grep {volume}"));
    if let Some(other) = holder.filter(|_| multi) {
        finding.fix(format!(
            "let pod {} on node {} release the volume first: strategy Recreate, or delete that pod",
            other.id.name,
            node(other)
        ));
    }
}

/// The claim of this pod that is bound to a volume.
fn claim_of(cx: &Context<'_>, pod: &Object, volume: &str) -> Option<String> {
    let claims = pod.list("spec.volumes").iter().map(|volume| json::text(volume, "persistentVolumeClaim.claimName"));
    let bound = |claim: &&str| {
        let object = cx.snap.find("PersistentVolumeClaim", pod.id.ns(), claim);
        object.is_some_and(|object| object.text("spec.volumeName") == volume)
    };
    claims.filter(|claim| !claim.is_empty()).find(bound).map(str::to_owned)
}

/// Another pod on another node that uses the same claim.
fn holder<'a>(cx: &Context<'a>, pod: &Object, claim: &str) -> Option<&'a Object> {
    let uses = |other: &&Object| {
        let mut volumes = other.list("spec.volumes").iter();
        volumes.any(|volume| json::text(volume, "persistentVolumeClaim.claimName") == claim)
    };
    let elsewhere = |other: &&Object| other.id != pod.id && node(other) != node(pod) && !node(other).is_empty();
    cx.snap.in_namespace("Pod", pod.id.ns()).iter().filter(elsewhere).filter(uses).find(|other| !pod::is_finished(other))
}

/// A mount that fails while the container is made: subPath, or a file over a directory.
fn start_message(cx: &Context<'_>, container: &Container<'_>, out: &mut Findings) {
    let Some(error) = start_error(cx, container) else { return };
    let lower = error.message.to_lowercase();
    let mounts = ["subpath", "error mounting", "failed to mkdir", "is not a shared mount", "stat volume"];
    if !mounts.iter().any(|words| lower.contains(words)) {
        return;
    }
    let pod = &container.pod.id;
    out.found(&MOUNT_FAILED, container.subject(), error.proof)
        .blame(cx.workload(pod))
        .since(error.since)
        .evidence(error.evidence.clone())
        .evidence([container.spec_evidence("volumeMounts")])
        .says(format!("container {}: a volume can't be mounted: {}", container.name, why_not(error.message)))
        .next(format!("kubectl -n {} describe pod {}", pod.ns(), pod.name));
}

/// An end of the process whose last lines name a right that it lacks on a path of a volume.
fn denied(cx: &Context<'_>, container: &Container<'_>, end: &Termination<'_>, out: &mut Findings) {
    if json::list(container.spec, "volumeMounts").is_empty() || killer(cx, container, end).is_some() {
        return;
    }
    let lines = last_lines::of(cx, container, end);
    let Some(Refused { line, path, mount }) = lines.iter().rev().find_map(|line| refused(container, line)) else { return };
    let volume = volume_of(container, mount);
    let (name, at) = (json::text(mount, "name"), json::text(mount, "mountPath"));
    let lower = line.text.to_lowercase();
    let read_only = ["read-only", "erofs", "errcode: 30"].iter().any(|words| lower.contains(words));
    let why = if read_only { "is read-only" } else { "gives no permission" };
    let pod = &container.pod.id;
    let user = json::at(container.spec, "securityContext.runAsUser").as_i64();
    let user = user.or_else(|| container.pod.int("spec.securityContext.runAsUser"));
    let who = user.map_or(String::new(), |user| format!(" to user {user}"));
    let (what, proof) = match path {
        Some(path) => (path.to_owned(), Proof::ExitAndLine),
        None => (line.text.trim().to_owned(), Proof::Timing),
    };
    out.found(&PERMISSION_DENIED, container.subject(), proof)
        .blame(cx.workload(pod))
        .since(end.finished)
        .ended(cx.recovered(container))
        .evidence([container.termination_evidence(end), line.evidence.clone()])
        .evidence([container.spec_evidence("volumeMounts"), cx.field(container.pod, "spec.securityContext")])
        .says(format!(
            "container {} ends with exit code {}: volume {name} ({}) at {at} {why}{who}: {what}",
            container.name,
            end.exit_code,
            kind_of(volume)
        ))
        .next(format!("kubectl -n {} logs {} -c {} --previous", pod.ns(), pod.name, container.name));
}

/// What a line says is refused: the path, or none where the line names one without its directory.
struct Refused<'l, 'a> {
    line: &'l LastLine,
    path: Option<&'l str>,
    mount: &'a serde_json::Value,
}

/// The kernel's and the databases' words for a file that may not be read or written.
const REFUSED: &[&str] = &[
    "permission denied",
    "eacces",
    "read-only file system",
    "erofs",
    "operation not permitted",
    "errcode: 13",
    "errcode: 30",
    "wrong ownership",
    "not writable",
    "access to the path",
];

/// The volume that a line says is refused, if it is one.
fn refused<'l, 'a>(container: &Container<'a>, line: &'l LastLine) -> Option<Refused<'l, 'a>> {
    let lower = line.text.to_lowercase();
    if !REFUSED.iter().any(|words| lower.contains(words)) || last_lines::is_low_port(&lower) {
        return None;
    }
    // Changing a file's owner without the capability for it is the security context's matter.
    if lower.contains("operation not permitted") && drops_capabilities(container) {
        return None;
    }
    if let Some(path) = path_in(&line.text) {
        return Some(Refused { line, path: Some(path), mount: mount_of(container, path)? });
    }
    // A relative name: it is the volume's when there is but one to write to, and a setting that explains it.
    let data =
        |mount: &&serde_json::Value| !matches!(kind_of(volume_of(container, mount)), "configMap" | "secret" | "projected" | "");
    let mut mounts = json::list(container.spec, "volumeMounts").iter().filter(data);
    let (mount, None) = (mounts.next()?, mounts.next()) else { return None };
    let user = ["runAsUser", "runAsNonRoot"].iter().any(|field| {
        !json::at(container.spec, &format!("securityContext.{field}")).is_null()
            || !container.pod.at(&format!("spec.securityContext.{field}")).is_null()
    });
    (user || json::flag(mount, "readOnly")).then_some(Refused { line, path: None, mount })
}

/// Whether a mount fails for want of an object, which another family reads, or only for now.
fn is_another_familys(message: &str) -> bool {
    let object = ["configmap", "secret", "persistentvolumeclaim"].iter().any(|kind| message.contains(kind));
    let missing = message.contains("not found") || message.contains("not registered");
    object && missing || message.contains("references non-existent")
}

/// `volume assets (nfs nas:/export)`, or the volume's own name alone.
fn named(pod: &Object, volume: &str) -> String {
    let source = json::named(&pod.raw, "spec.volumes", volume);
    let text = |path: &str| json::text(source, path);
    let detail = match kind_of(source) {
        "nfs" => format!(" {}:{}", text("nfs.server"), text("nfs.path")),
        "hostPath" => format!(" {}", text("hostPath.path")),
        "csi" => format!(" {}", text("csi.driver")),
        "persistentVolumeClaim" => format!(" {}", text("persistentVolumeClaim.claimName")),
        _ => String::new(),
    };
    let kind = kind_of(source);
    if kind.is_empty() { format!("volume {volume}") } else { format!("volume {volume} ({kind}{detail})") }
}

fn node(pod: &Object) -> &str {
    pod.text("spec.nodeName")
}

/// What stands between a start and the next quotation mark.
fn quoted_after<'m>(message: &'m str, start: &str) -> Option<&'m str> {
    message.split_once(start)?.1.split('"').next()
}

/// The reason in a message of the volume manager, on one line: what the mount command wrote, where it ran, else what follows
/// the volume's name.
fn why_not(message: &str) -> String {
    let after = message.split_once("\" : ").or_else(|| message.split_once("\": ")).map_or(message, |(_, reason)| reason);
    let text = match (after.split_once("Mounting command:"), after.rsplit_once("Output:")) {
        (Some((what, _)), Some((_, output))) => format!("{}: {output}", what.trim()),
        _ => after.to_owned(),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(240).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_mount_commands_own_words_are_kept() {
        let message = "MountVolume.SetUp failed for volume \"assets\" : mount failed: exit status 32\nMounting command: mount\nMounting \
                       arguments: -t nfs nas:/export /var/lib/kubelet/x\nOutput: mount.nfs: Connection timed out";
        assert_eq!(why_not(message), "mount failed: exit status 32: mount.nfs: Connection timed out");
        let message = "AttachVolume.Attach failed for volume \"pvc-1\" : rpc error: code = Internal desc = no such disk";
        assert_eq!(why_not(message), "rpc error: code = Internal desc = no such disk");
    }

    proptest! {
        #[test]
        fn any_message_is_read(message in "\\PC{0,120}") {
            why_not(&message);
            quoted_after(&message, "volume \"");
            why_not(&format!("Mounting command:{message}Output:"));
        }
    }
}
