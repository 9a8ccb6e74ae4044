//! Reads: what would raise the confidence where the verdict is weak.

use super::intent;
use crate::cluster::{Object, Snapshot, pod};
use crate::domain::{Action, ExecutionIntent, Params, Report, Subject, Verdict};

/// How many lines of a log are read.
const TAIL: u32 = 200;

/// The reads that would tell more: the log of the first container that shows a symptom, and the object that was asked about.
pub(super) fn telling(snapshot: &Snapshot, report: &Report) -> Vec<ExecutionIntent> {
    if matches!(report.verdict, Verdict::Healthy | Verdict::Recovered) {
        return Vec::new();
    }
    let blamed = report.causes.first().map_or(&report.target, |cause| &cause.object);
    let is_there = snapshot.get(blamed).is_some();
    let describe = intent(Action::DescribeResource, blamed, Params::None, "its state and events would tell more".to_owned());
    log(snapshot, report).into_iter().chain(describe.filter(|_| is_there)).collect()
}

/// The log of the first container that shows what is wrong; of the instance before, where it was restarted.
pub(super) fn log(snapshot: &Snapshot, report: &Report) -> Option<ExecutionIntent> {
    let seen =
        report.symptoms.iter().map(|symptom| Subject { object: symptom.object.clone(), container: symptom.container.clone() });
    let mut pods = seen
        .filter_map(|subject| Some((snapshot.get(&subject.object).filter(|object| object.id.kind == "Pod")?, subject.container)));
    let (shown, container) = pods.next()?;
    let container = container.or_else(|| only_container(shown));
    let restarted =
        pod::containers(shown).iter().any(|it| Some(it.name) == container.as_deref() && it.last_terminated().is_some());
    let params = Params::Logs { container, previous: restarted, tail: TAIL };
    intent(Action::GetLogs, &shown.id, params, "its last lines would say what the program itself reports".to_owned())
}

fn only_container(pod: &Object) -> Option<String> {
    pod::containers(pod).iter().find(|container| container.role == pod::Role::Main).map(|container| container.name.to_owned())
}
