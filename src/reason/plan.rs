//! Which calls an incident is worth: what the rules are sure of needs no hypotheses, and what is no fault needs no call at all.

use super::Case;
use crate::cluster::{ServiceName, pod};
use crate::diagnose::{self, catalogue::Section};
use crate::domain::{FactReport, ObjectRef, Perspective, Stage, State, Verdict};

/// The calls of one incident.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Whether it is asked what is seen and what is missing.
    pub analyze: bool,
    /// From which sides causes are looked for, in the order of [`Perspective::ALL`].
    pub perspectives: Vec<Perspective>,
    /// Whether objections are asked for, if a hypothesis is left then.
    pub criticize: bool,
    /// Whether a text is asked for.
    pub synthesize: bool,
    /// Whether a choice among the actions is asked for.
    pub fix: bool,
}

/// One call: the stage, and of `hypothesize` the perspective.
pub type Call = (Stage, Option<Perspective>);

impl Plan {
    /// The calls for a report. `cluster_is_unwell` is what the cluster's health says (degraded or critical; `false` where it isn't
    /// known), which opens the infrastructure's perspective.
    pub fn of(case: Case<'_>, cluster_is_unwell: bool) -> Self {
        let choices = case.report.actions.len();
        let is_no_fault = case.report.answer().is_some_and(|cause| section(&cause.id) == Some(Section::NotAFault));
        match case.report.verdict {
            Verdict::Healthy | Verdict::Recovered => Self::default(),
            _ if is_no_fault => Self::default(),
            Verdict::Confirmed => Self { synthesize: true, fix: choices >= 2, ..Self::default() },
            Verdict::Likely => {
                let perspectives = perspectives(case, cluster_is_unwell);
                Self { analyze: false, perspectives, criticize: true, synthesize: true, fix: choices >= 2 }
            }
            Verdict::Inconclusive => {
                let perspectives = perspectives(case, cluster_is_unwell);
                // Of nothing there is nothing to choose.
                Self { analyze: true, perspectives, criticize: true, synthesize: true, fix: choices >= 1 }
            }
        }
    }

    /// The calls that run one after the other, and within a wave at once. Empty waves are left out.
    pub fn waves(&self) -> Vec<Vec<Call>> {
        let first = self.analyze.then_some((Stage::Analyze, None)).into_iter();
        let first = first.chain(self.perspectives.iter().map(|perspective| (Stage::Hypothesize, Some(*perspective)))).collect();
        let second = self.criticize.then_some((Stage::Criticize, None)).into_iter().collect();
        let third = self.synthesize.then_some((Stage::Synthesize, None)).into_iter();
        let third = third.chain(self.fix.then_some((Stage::Fix, None))).collect();
        [first, second, third].into_iter().filter(|wave: &Vec<Call>| !wave.is_empty()).collect()
    }
}

/// The perspectives whose preconditions hold.
pub fn perspectives(case: Case<'_>, cluster_is_unwell: bool) -> Vec<Perspective> {
    let holds = |perspective: &Perspective| match perspective {
        Perspective::App => has_output(case) || has_ended(case) || has_changed(case),
        Perspective::Infra => cluster_is_unwell || case.report.facts.iter().any(is_of_infrastructure),
        Perspective::Deps => has_edge(case) || case.report.facts.iter().any(is_of_dependencies),
        Perspective::Runtime => case.report.facts.iter().any(|fact| is_of_runtime(case, fact)),
    };
    Perspective::ALL.into_iter().filter(holds).collect()
}

fn section(id: &str) -> Option<Section> {
    diagnose::cause(id).map(|(section, _)| section)
}

fn is_found(fact: &FactReport, ids: &[&str]) -> bool {
    fact.state == State::Found && ids.contains(&fact.id.as_str())
}

/// Whether a line of a log is known, of the target or of what else the report is about.
fn has_output(case: Case<'_>) -> bool {
    let mut pods: Vec<_> = case.snapshot.pods_of(&case.report.target);
    pods.extend(
        case.report.facts.iter().filter_map(|fact| case.snapshot.get(&fact.subject.object)).filter(|it| it.id.kind == "Pod"),
    );
    let mut containers = pods.into_iter().flat_map(pod::containers);
    let logged = containers.any(|container| {
        let log = |previous| case.snapshot.log(&container.pod.id, container.name, previous);
        [true, false].into_iter().filter_map(log).any(|text| !text.trim().is_empty())
    });
    logged || !case.snapshot.log_events.is_empty()
}

fn has_ended(case: Case<'_>) -> bool {
    let ended = ["crash_loop", "container_failed", "pod_failed", "job_failed"];
    case.report.facts.iter().any(|fact| is_found(fact, &ended) || !exit_codes(case, fact).is_empty())
}

fn has_changed(case: Case<'_>) -> bool {
    case.report.change.is_some() || case.report.facts.iter().any(|fact| is_found(fact, &["recent_deploy"]))
}

fn is_of_infrastructure(fact: &FactReport) -> bool {
    let family = matches!(section(&fact.id), Some(Section::Scheduling | Section::Nodes | Section::Storage | Section::Admission));
    let symptom = ["pending", "claim_pending", "node_unready", "pressure", "unit_down", "packet_loss"];
    fact.state != State::Absent && (family || symptom.contains(&fact.id.as_str()))
}

/// Whether somebody knows that the target calls or is called.
fn has_edge(case: Case<'_>) -> bool {
    let target = &case.report.target;
    let is_it = |name: &ServiceName| {
        let service = ObjectRef::new("Service", &name.namespace, &name.name);
        let workload = case.snapshot.workload(target);
        let here = name.namespace.is_empty() || name.namespace == target.ns();
        here && (name.name == workload.name || service == *target)
            || case.report.facts.iter().any(|fact| fact.subject.object == service)
    };
    case.snapshot.dependencies.iter().any(|edge| is_it(&edge.from) || is_it(&edge.to))
}

fn is_of_dependencies(fact: &FactReport) -> bool {
    let row = diagnose::cause(&fact.id);
    let family = row.is_some_and(|(section, cause)| section == Section::Routing || cause.perspective == Perspective::Deps);
    let slow_or_wrong = ["high_latency", "error_rate", "calls_fail", "no_ready_endpoints", "probe_failed", "certificate_invalid"];
    fact.state == State::Found && (family || slow_or_wrong.contains(&fact.id.as_str()))
}

/// 128 + n is the end by signal n: ILL, ABRT, BUS, FPE and SEGV, that a program brings upon itself or its runtime does.
const OF_A_SIGNAL: [i64; 5] = [132, 134, 135, 136, 139];

/// What a program's own exit code 1 is about is never its runtime.
fn is_of_runtime(case: Case<'_>, fact: &FactReport) -> bool {
    is_found(fact, &["memory_growing", "cpu_throttled"])
        || is_found(fact, &["process_crashed"]) && exit_codes(case, fact).iter().any(|code| OF_A_SIGNAL.contains(code))
}

/// How the instances of the container that a fact is about ended.
fn exit_codes(case: Case<'_>, fact: &FactReport) -> Vec<i64> {
    let Some(named) = fact.subject.container.as_deref() else { return Vec::new() };
    let pods = case.snapshot.pods_of(&fact.subject.object);
    let containers = pods.into_iter().flat_map(pod::containers).filter(|container| container.name == named);
    containers.filter_map(|container| Some(container.termination()?.exit_code)).collect()
}
