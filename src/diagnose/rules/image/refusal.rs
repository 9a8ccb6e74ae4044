//! A registry that refuses: whether the credentials are missing, are wrong, or the name is. Registries give one answer to
//! "not for you" and "not there", so that the objects have to tell the two apart.

use super::pull_message::Refusal;
use super::reference::ImageReference;
use super::{Pull, SECRET_MISSING, UNAUTHORIZED, known, not_found};
use crate::cluster::json;
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::domain::Evidence;
use std::collections::BTreeSet;

/// What is known of the pull secrets that a pod names.
#[derive(Default)]
struct PullSecrets {
    named: Vec<String>,
    missing: Vec<String>,
    /// The kubelet's own word that they are missing.
    said: Option<Evidence>,
    /// Why it isn't known which exist.
    unknown: Option<String>,
}

/// States the cause of a refused pull.
pub(super) fn state(cx: &Context<'_>, pull: &Pull<'_, '_>, refusal: &Refusal, out: &mut Findings) {
    let secrets = pull_secrets(cx, pull);
    let (name, image) = (pull.container.name, pull.image());
    let host = ImageReference::parse(image).map_or_else(|| "the registry".to_owned(), |reference| reference.registry);
    let ns = pull.container.pod.id.ns();
    if !secrets.missing.is_empty() {
        // Seen missing by the kubelet too; computed alone where the list of Secrets can be trusted; else only likely.
        let proof = match &secrets.said {
            Some(_) => Proof::ComputedAndSaid,
            None if !cx.snap.of_kind("Secret").is_empty() => Proof::Computed,
            None => Proof::Timing,
        };
        let missing = secrets.missing.join(", ");
        pull.found(cx, out, &SECRET_MISSING, proof)
            .evidence(secrets.said)
            .evidence([cx.field(pull.container.pod, "spec.imagePullSecrets")])
            .says(format!(
                "container {name}: {host} refuses image {image}, and pull secret {missing} doesn't exist in namespace {ns}"
            ))
            .fix(format!(
                "create pull secret {missing} of type kubernetes.io/dockerconfigjson in namespace {ns}, or name one that exists"
            ))
            .next(format!("kubectl -n {ns} get secrets"));
        return;
    }
    if let Some((because, proof)) = wrong_name(cx, pull, refusal) {
        return not_found(cx, pull, proof, &because, out);
    }
    if secrets.named.is_empty() && !refusal.rejected {
        let proof = if refusal.ambiguous { Proof::Timing } else { pull.proof };
        pull.found(cx, out, &SECRET_MISSING, proof)
            .evidence([cx.field(pull.container.pod, "spec.imagePullSecrets")])
            .says(format!(
                "container {name}: {host} asks for credentials for image {image}, and the pod has no pull secret{}",
                if refusal.ambiguous { perhaps_a_slip(cx, image) } else { String::new() }
            ))
            .fix(format!("create a pull secret for {host} in namespace {ns} and name it in imagePullSecrets of the pod template"))
            .next(format!("kubectl -n {ns} get serviceaccount {} -o yaml", account(pull)));
        return;
    }
    let with = match secrets.named.len() {
        0 => "the node's own credentials".to_owned(),
        1 => format!("pull secret {}", secrets.named.join("")),
        _ => format!("pull secrets {}", secrets.named.join(", ")),
    };
    let unsure = refusal.ambiguous && !refusal.rejected && !says_forbidden(pull) || secrets.unknown.is_some();
    pull.found(cx, out, &UNAUTHORIZED, if unsure { Proof::Timing } else { pull.proof })
        .evidence([cx.field(pull.container.pod, "spec.imagePullSecrets")])
        .says(format!("container {name}: {host} refuses image {image} with {with}"))
        .fix(format!("renew the credentials for {host} in {with}, or give them the right to read the repository"));
    if let Some(why) = secrets.unknown {
        let what = format!("whether {with} exists");
        out.blind(pull.container.pod.id.clone(), what, why, "missing credentials from refused ones");
    }
}

/// What speaks for a slip in the name instead, for a person to judge: likeness of names decides nothing.
fn perhaps_a_slip(cx: &Context<'_>, image: &str) -> String {
    let Some(wanted) = ImageReference::parse(image) else { return String::new() };
    let known = known::images(cx);
    let near = known.iter().find(|other| wanted.is_slip_of(other));
    let near = near.map(|other| format!(" (or its name is wrong: {} was pulled here)", other.path));
    near.unwrap_or_else(|| " (or there is no such repository: the registry's answer is the same)".to_owned())
}

/// Whether the registry says 403 in so many words: with credentials given it then refuses those.
fn says_forbidden(pull: &Pull<'_, '_>) -> bool {
    pull.evidence.iter().filter_map(|evidence| evidence.value.as_str().or_else(|| evidence.value.get("message")?.as_str())).any(
        |text| text.contains("403 Forbidden") && !text.contains("repository does not exist") && !text.contains("may not exist"),
    )
}

fn account<'a>(pull: &Pull<'_, 'a>) -> &'a str {
    match pull.container.pod.text("spec.serviceAccountName") {
        "" => "default",
        name => name,
    }
}

fn pull_secrets(cx: &Context<'_>, pull: &Pull<'_, '_>) -> PullSecrets {
    let pod = pull.container.pod;
    let names = |list: &[serde_json::Value]| -> Vec<String> {
        list.iter().map(|secret| json::text(secret, "name").to_owned()).filter(|name| !name.is_empty()).collect()
    };
    let mut secrets = PullSecrets { named: names(pod.list("spec.imagePullSecrets")), ..PullSecrets::default() };
    let mut said: BTreeSet<&str> = BTreeSet::new();
    for event in cx.snap.events(&pod.id).iter().filter(|event| event.reason == "FailedToRetrieveImagePullSecret") {
        // `Unable to retrieve some image pull secrets (a, b); attempting to pull the image may not succeed.`
        let list = event.message.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(list, _)| list);
        said.extend(list.split(',').map(str::trim).filter(|name| !name.is_empty()));
        secrets.said = Some(event.evidence());
    }
    let looked = cx.snap.looked_for("Secret", pod.id.ns());
    for name in &secrets.named {
        let exists = cx.snap.find("Secret", pod.id.ns(), name).is_some();
        if !exists && (said.contains(name.as_str()) || looked.is_ok()) {
            secrets.missing.push(name.clone());
        } else if !exists {
            secrets.unknown = looked.clone().err();
        }
    }
    if secrets.missing.iter().all(|name| !said.contains(name.as_str())) {
        secrets.said = None;
    }
    secrets
}

/// Why the name is taken to be wrong rather than the credentials, and how sure that is.
fn wrong_name(cx: &Context<'_>, pull: &Pull<'_, '_>, refusal: &Refusal) -> Option<(String, Proof)> {
    if !refusal.ambiguous || refusal.rejected {
        return None;
    }
    let wanted = ImageReference::parse(pull.image())?;
    let known = known::images(cx);
    if let Some(mirror) = &refusal.mirror
        && let Some(other) = known.iter().find(|other| other.same_repository(&wanted) && other.tag != wanted.tag)
    {
        // Who may read one tag of a repository may read them all; so it is the tag.
        let because = format!(": mirror {mirror} refuses it, while tag {} of the same repository was pulled here", other.tag);
        return Some((because, Proof::Event));
    }
    if wanted.is_official() {
        let proof = if refusal.mirror.is_some() { Proof::Timing } else { pull.proof };
        return Some((": official images of docker.io are public, so that a refusal means that there is none".to_owned(), proof));
    }
    None
}
