//! The words of a report: its sentence, how much was looked at, and which commands to run next.

use super::WARNING;
use crate::cluster::pod;
use crate::diagnose::catalogue::Cause;
use crate::diagnose::rank::{Ranked, Ranking};
use crate::diagnose::scope::Scope;
use crate::diagnose::{Examination, change, rules};
use crate::domain::{Change, HistoryEntry, ObjectRef, Subject, Verdict};

/// How much was looked at.
pub(super) fn checked(examination: &Examination<'_>, scope: &Scope) -> String {
    let snap = examination.cx.snap;
    let concerns = |object: &ObjectRef| scope.distance(object).is_some();
    let pods = examination.cx.pods().iter().filter(|pod| concerns(&pod.id));
    let (mut total, mut ready, mut containers) = (0, 0, 0);
    for pod in pods.filter(|pod| !pod::is_finished(pod)) {
        total += 1;
        ready += usize::from(pod::is_ready(pod));
        containers += pod.list("spec.containers").len();
    }
    let events = snap.all_events().iter().filter(|event| concerns(&event.object)).count();
    let plural = |count: usize, what: &str| if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") };
    format!("{ready} of {} ready, {}, {}", plural(total, "pod"), plural(containers, "container"), plural(events, "event"))
}

/// The verdict in one sentence, with the object and the number that proves it.
pub(super) fn summary(
    examination: &Examination<'_>,
    target: &ObjectRef,
    ranking: &Ranking,
    verdict: Verdict,
    history: &[HistoryEntry],
    change: Option<&Change>,
    checked: &str,
) -> String {
    // Where something stays unexplained, what is no fault says nothing about it.
    let no_answer = |top: &&Ranked| verdict == Verdict::Inconclusive && rules::is_no_fault(top.candidate.finding.cause);
    match (verdict, ranking.causes.first().filter(|top| !no_answer(top))) {
        (Verdict::Confirmed | Verdict::Likely | Verdict::Healthy, Some(top)) => {
            let finding = &top.candidate.finding;
            format!("{}: {}{}", finding.blames, finding.summary, brought_by(finding.cause, change))
        }
        (Verdict::Inconclusive, Some(top)) => {
            format!("{}: perhaps {}", top.candidate.finding.blames, top.candidate.finding.summary)
        }
        (Verdict::Recovered, _) => {
            let last = history.iter().find(|entry| entry.id != WARNING);
            let what = last.map_or(String::new(), |entry| format!(": {}", entry.summary));
            let when = last.and_then(|entry| entry.ended).map_or(String::new(), |at| format!("; well again since {at}"));
            format!("{target} has recovered{what}{when}")
        }
        (Verdict::Inconclusive, None) => match ranking.unexplained.first() {
            Some(index) => {
                let symptom = &examination.findings.symptoms[*index];
                format!("{} {}, and nothing that was read says why", symptom.subject.object, symptom.summary)
            }
            None => match examination.unseen_kind(target).filter(|_| examination.blind_spot(target).is_none()) {
                Some((kind, why)) => format!("{target} shows nothing wrong, but {kind} could not be read: {why}"),
                None => format!("{target} could not be judged"),
            },
        },
        _ => {
            let ended = history.iter().filter_map(|entry| entry.ended).max();
            let since = ended.map_or(String::new(), |at| format!("; its last trouble was over at {at}"));
            format!("{target} is healthy: {checked}{since}")
        }
    }
}

/// The revision that brought a fault, for its sentence: where it changed a field that the cause is about.
fn brought_by(cause: &Cause, change: Option<&Change>) -> String {
    // What says when a fault began has said so already.
    let Some(change) = change.filter(|change| change.explains && cause.id != "bad_rollout") else { return String::new() };
    let fields = change.fields.iter().filter(|field| change::is_about(cause, &field.path));
    format!("; it began with revision {}, which changed {}", change.to, change::told(fields))
}

/// Commands that show or check it, or that would tell what is missing.
pub(super) fn next(
    examination: &Examination<'_>,
    ranking: &Ranking,
    target: &ObjectRef,
    verdict: Verdict,
    change: Option<&Change>,
) -> Vec<String> {
    let mut next = Vec::new();
    for ranked in ranking.causes.iter().take(2) {
        for command in &ranked.candidate.finding.next {
            if !next.contains(command) {
                next.push(command.clone());
            }
        }
    }
    let namespace = target.namespace.as_ref().map_or(String::new(), |namespace| format!("-n {namespace} "));
    if let Some(change) = change.filter(|_| verdict.is_fault()) {
        let ns = change.object.ns();
        next.push(format!("kubectl -n {ns} rollout history {} --revision={}", change.object.kubectl(), change.to));
        if change.explains {
            next.push(format!("kubectl -n {ns} rollout undo {} --to-revision={}", change.object.kubectl(), change.from));
        }
    }
    if verdict == Verdict::Inconclusive || next.is_empty() && verdict.is_fault() {
        next.push(format!("kubectl {namespace}describe {}", target.kubectl()));
        let failed = ranking.unexplained.iter().map(|index| &examination.findings.symptoms[*index]);
        let mut ended = failed.filter(|symptom| matches!(symptom.symptom.id, "crash_loop" | "container_failed"));
        if let Some(Subject { object, container: Some(container) }) = ended.next().map(|symptom| &symptom.subject) {
            next.push(format!("kubectl -n {} logs {} -c {container} --previous", object.ns(), object.name));
        } else if target.kind == "Pod" {
            next.push(format!("kubectl {namespace}logs {} --all-containers --previous", target.name));
        }
        let ns = if target.kind == "Namespace" { format!("-n {} ", target.name) } else { namespace };
        next.push(format!("kubectl {ns}get events --sort-by=.lastTimestamp"));
    }
    next
}
