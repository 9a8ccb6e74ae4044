//! Images that don't come: what the kubelet, the runtime and the registry say of a pull, and whether the pod has the
//! credentials that the registry asks for. It never asks a registry.

mod causes;
mod known;
mod pull_message;
mod reference;
mod refusal;

use super::previous::previous_container;
use crate::cluster::pod::{self, Container};
use crate::cluster::{Object, json};
use crate::diagnose::catalogue::{Cause, Family, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::{Finding, Findings};
use crate::domain::Evidence;
pub(super) use causes::PLATFORM_MISMATCH;
use causes::{
    DNS_FAILURE, NEVER_PULL_ABSENT, NOT_FOUND, RATE_LIMITED, REFERENCE_INVALID, SECRET_MISSING, TLS_UNTRUSTED, UNAUTHORIZED,
    UNREACHABLE,
};
use jiff::Timestamp;
use pull_message::{PullError, classify};
use reference::ImageReference;

/// The family.
pub static FAMILY: Family = Family {
    section: Section::Startup,
    causes: &[
        &NOT_FOUND,
        &UNAUTHORIZED,
        &SECRET_MISSING,
        &UNREACHABLE,
        &TLS_UNTRUSTED,
        &DNS_FAILURE,
        &RATE_LIMITED,
        &REFERENCE_INVALID,
        &PLATFORM_MISMATCH,
        &NEVER_PULL_ABSENT,
    ],
    check,
};

/// What a failed pull rests on.
struct Pull<'c, 'a> {
    container: &'c Container<'a>,
    error: PullError,
    proof: Proof,
    evidence: Vec<Evidence>,
    since: Option<Timestamp>,
    /// Since when the container runs after all.
    ended: Option<Timestamp>,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    for pod in cx.pods().iter().filter(|pod| pod.deleted().is_none() && !pod::is_finished(pod)) {
        for container in pod::containers(pod) {
            match container.waiting().map(|(reason, _)| reason) {
                Some("ErrImagePull" | "ImagePullBackOff" | "ImageInspectError" | "RegistryUnavailable") => {
                    waits(cx, &container, out);
                }
                Some("InvalidImageName") => {
                    let evidence = vec![container.status_evidence("state.waiting", None), container.spec_evidence("image")];
                    state(cx, &Pull::of(&container, PullError::Invalid, Proof::Structure, evidence, None), out);
                }
                Some("ErrImageNeverPull") => never_pull(cx, &container, out),
                None if container.is_running() => pulled_at_last(cx, &container, out),
                _ => {}
            }
        }
    }
}

impl<'c, 'a> Pull<'c, 'a> {
    fn of(
        container: &'c Container<'a>,
        error: PullError,
        proof: Proof,
        evidence: Vec<Evidence>,
        ended: Option<Timestamp>,
    ) -> Self {
        let first = evidence.iter().filter_map(|evidence| evidence.at).min();
        Self { container, error, proof, evidence, since: container.pod.created().or(first), ended }
    }

    fn image(&self) -> &'a str {
        self.container.image()
    }

    /// States a cause with everything that all of this family have in common.
    fn found<'o>(&self, cx: &Context<'_>, out: &'o mut Findings, cause: &'static Cause, proof: Proof) -> &'o mut Finding {
        let pod = &self.container.pod.id;
        out.found(cause, self.container.subject(), proof)
            .blame(cx.workload(pod))
            .since(self.since)
            .ended(self.ended)
            .evidence(self.evidence.clone())
            .next(format!("kubectl -n {} describe pod {}", pod.ns(), pod.name))
    }
}

/// The newest message of a failed pull of this container's image, among the events of its pod.
fn pull_event(cx: &Context<'_>, container: &Container<'_>) -> Option<(PullError, Evidence)> {
    let quoted = format!("\"{}\"", container.image());
    let events = cx.snap.events(&container.pod.id).iter().rev();
    let about = events
        .filter(|event| matches!(event.reason.as_str(), "Failed" | "InspectFailed") && event.message.contains(&quoted))
        .filter(|event| event.container.as_deref().is_none_or(|name| name == container.name));
    about.filter_map(|event| Some((classify(&event.message, container.image())?, event.evidence()))).next()
}

fn waits(cx: &Context<'_>, container: &Container<'_>, out: &mut Findings) {
    let message = container.waiting().map_or("", |(_, message)| message);
    let waiting = container.status_evidence("state.waiting", None);
    let spec = container.spec_evidence("image");
    if let Some(error) = classify(message, container.image()) {
        let mut evidence = vec![waiting];
        evidence.extend(pull_event(cx, container).map(|(_, evidence)| evidence));
        evidence.push(spec);
        return state(cx, &Pull::of(container, error, Proof::Structure, evidence, None), out);
    }
    if let Some((error, event)) = pull_event(cx, container) {
        return state(cx, &Pull::of(container, error, Proof::Event, vec![event, waiting, spec], None), out);
    }
    let why = cx.snap.looked_for("Event", container.pod.id.ns()).err();
    let why = why.unwrap_or_else(|| "no event that was read repeats the registry's answer".to_owned());
    out.unknown("image_not_found", container.subject(), why.clone());
    let what = format!("why image {} isn't pulled", container.image());
    out.blind(container.pod.id.clone(), what, why, "a wrong name from a refusal and from an unreachable registry");
}

/// A pull that failed before and has succeeded since.
fn pulled_at_last(cx: &Context<'_>, container: &Container<'_>, out: &mut Findings) {
    // A restarted container was pulled long before; only the first start ends a failed pull.
    let Some((error, event)) = pull_event(cx, container).filter(|_| container.restarts() == 0) else { return };
    let ended = container.running_since().filter(|since| event.at.is_none_or(|at| at <= *since));
    if ended.is_some() {
        state(cx, &Pull::of(container, error, Proof::Event, vec![event], ended), out);
    }
}

fn never_pull(cx: &Context<'_>, container: &Container<'_>, out: &mut Findings) {
    let evidence = vec![
        container.status_evidence("state.waiting", None),
        container.spec_evidence("imagePullPolicy"),
        container.spec_evidence("image"),
    ];
    let pull = Pull::of(container, PullError::NotFound, Proof::Structure, evidence, None);
    let node = container.pod.text("spec.nodeName");
    pull.found(cx, out, &NEVER_PULL_ABSENT, Proof::Structure).says(format!(
        "container {} may not pull its image {} (imagePullPolicy: Never) and node {node} doesn't have it",
        container.name,
        container.image()
    ));
}

/// States the cause of a failed pull, and which others it is not.
fn state(cx: &Context<'_>, pull: &Pull<'_, '_>, out: &mut Findings) {
    let (name, image) = (pull.container.name, pull.image());
    let host = ImageReference::parse(image).map_or_else(|| "the registry".to_owned(), |reference| reference.registry);
    let node = pull.container.pod.text("spec.nodeName");
    let simple = |out: &mut Findings, cause: &'static Cause, says: String| {
        pull.found(cx, out, cause, pull.proof).says(says);
    };
    match &pull.error {
        PullError::NotFound => not_found(cx, pull, pull.proof, "", out),
        PullError::Refused(refusal) => refusal::state(cx, pull, refusal, out),
        PullError::Dns(looked_up) => {
            let host = looked_up.as_deref().unwrap_or(&host);
            simple(
                out,
                &DNS_FAILURE,
                format!("container {name}: node {node} can't resolve {host}, the registry of image {image}"),
            );
        }
        PullError::Tls => {
            simple(out, &TLS_UNTRUSTED, format!("container {name}: node {node} doesn't trust TLS of {host} for image {image}"));
        }
        PullError::Unreachable => {
            simple(out, &UNREACHABLE, format!("container {name}: node {node} gets no answer from {host} for image {image}"));
        }
        PullError::RateLimited => {
            simple(out, &RATE_LIMITED, format!("container {name}: {host} answers too many requests for image {image}"));
        }
        PullError::Invalid => {
            simple(out, &REFERENCE_INVALID, format!("container {name}: image {image:?} is not a valid image reference"));
        }
        PullError::Platform => {
            let platform = platform(cx, pull.container.pod);
            simple(out, &PLATFORM_MISMATCH, format!("container {name}: image {image} has no variant for {platform}"));
        }
    }
    rule_out(pull, out);
}

/// Says that the image isn't in its registry, and what it was before.
fn not_found(cx: &Context<'_>, pull: &Pull<'_, '_>, proof: Proof, because: &str, out: &mut Findings) {
    let (name, image) = (pull.container.name, pull.image());
    let before = previous_container(cx, pull.container).map(|before| json::text(before, "image"));
    let before = before.filter(|before| !before.is_empty() && *before != image);
    let finding = pull.found(cx, out, &NOT_FOUND, proof);
    match before {
        Some(before) => {
            finding.says(format!("container {name}: image {image} doesn't exist{because}; the revision before ran {before}"));
            finding.fix(format!("set the image of container {name} back to {before}, or push {image}"));
        }
        None => {
            finding.says(format!("container {name}: image {image} doesn't exist{because}"));
            finding.fix(format!("correct the repository or tag of {image}, or push it"));
        }
    }
}

/// `linux/arm64 of node n1`.
fn platform(cx: &Context<'_>, pod: &Object) -> String {
    let name = pod.text("spec.nodeName");
    let info = cx.snap.find("Node", "", name).map(|node| node.at("status.nodeInfo"));
    let text = |field: &str| info.map_or("", |info| json::text(info, field));
    match (text("operatingSystem"), text("architecture")) {
        ("", _) | (_, "") => format!("the platform of node {name}"),
        (system, architecture) => format!("{system}/{architecture} of node {name}"),
    }
}

/// The causes that the registry's answer excludes.
fn rule_out(pull: &Pull<'_, '_>, out: &mut Findings) {
    let said = match &pull.error {
        PullError::NotFound => "the registry answers that the image doesn't exist",
        PullError::Refused(refusal) if refusal.ambiguous => return,
        PullError::Refused(_) => "the registry refuses the pull",
        PullError::Dns(_) => "the registry's name doesn't resolve, so that it was never asked",
        PullError::Tls => "the registry's certificate is refused, so that it was never asked",
        PullError::Unreachable => "the registry doesn't answer",
        PullError::RateLimited => "the registry answers that there were too many requests",
        PullError::Invalid => "the reference can't be read, so that no registry was asked",
        PullError::Platform => "the registry has the image, for other platforms",
    };
    let own: &[&str] = match &pull.error {
        PullError::NotFound => &["image_not_found"],
        PullError::Refused(_) => &["image_pull_unauthorized", "image_pull_secret_missing"],
        PullError::Unreachable => &["image_registry_unreachable"],
        _ => &[],
    };
    let others = ["image_not_found", "image_pull_unauthorized", "image_pull_secret_missing", "image_registry_unreachable"];
    for id in others.into_iter().filter(|id| !own.contains(id)) {
        out.absent(id, pull.container.subject(), said, pull.evidence.iter().take(1).cloned().collect());
    }
}
