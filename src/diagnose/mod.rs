//! From a snapshot to a diagnosis. Pure and deterministic: the same snapshot gives the same report, byte for byte. It reads
//! no file, no network and no clock, and knows no names: only what Kubernetes and the stacks themselves emit.

mod addresses;
mod alerts;
mod calls;
pub mod catalogue;
mod change;
mod confidence;
mod conflicts;
mod context;
mod deploys;
mod explain;
mod failed_calls;
mod findings;
mod health;
mod log_search;
pub mod logs;
mod memory;
mod neighbours;
mod rank;
mod reach;
mod report;
pub mod rules;
mod scope;
mod series;
mod sources;
mod symptoms;
mod timeline;
mod workload_symptoms;

use crate::cluster::{Snapshot, plural};
use crate::domain::{KUBERNETES, ObjectRef, Report, Unknown};
use catalogue::Section;
use conflicts::Conflict;
use context::Context;
use explain::Candidate;
use findings::Findings;
use jiff::SignedDuration;
use scope::Scope;

pub use confidence::{CONTRADICTED, LIKELY};
pub use conflicts::exclude_each_other;
pub use memory::concerns;
pub use neighbours::{Neighbours, neighbours};
pub use rank::weight;
pub use symptoms::{SYMPTOMS, Symptom};

/// The kinds of objects in a namespace at which symptoms show that no pod shows.
const SHOWING: &[&str] = &[
    "CronJob",
    "DaemonSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "Job",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "Service",
    "StatefulSet",
];

/// How a snapshot is to be judged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// How far back terminations and events count as being about now; `None` for the rules' own bounds.
    pub since: Option<SignedDuration>,
}

/// A snapshot that every rule has looked at. Reports for several targets come from one examination.
#[derive(Debug)]
pub struct Examination<'a> {
    cx: Context<'a>,
    findings: Findings,
    conflicts: Vec<Conflict>,
    candidates: Vec<Candidate>,
}

impl<'a> Examination<'a> {
    /// Lets every rule look at the snapshot.
    pub fn new(snap: &'a Snapshot, options: Options) -> Self {
        let cx = Context::new(snap, options.since);
        let mut findings = Findings::default();
        symptoms::check(&cx, &mut findings);
        failed_calls::check(&cx, &mut findings);
        for family in rules::FAMILIES {
            (family.check)(&cx, &mut findings);
        }
        alerts::check(&cx, &mut findings);
        for family in rules::JUDGES {
            (family.check)(&cx, &mut findings);
        }
        let conflicts = conflicts::check(&findings);
        let candidates = explain::candidates(&cx, &findings);
        Self { cx, findings, conflicts, candidates }
    }

    /// The report for one target.
    pub fn report(&self, target: &ObjectRef) -> Report {
        let scope = Scope::of(&self.cx, target);
        let contradicted = |candidate: &Candidate| self.is_contradicted(candidate);
        let change = |candidate: &Candidate| self.change(candidate);
        let ranking = rank::rank(&self.cx, &scope, &self.findings, &self.candidates, &contradicted, &change);
        report::write(self, target, &scope, &ranking)
    }

    fn is_contradicted(&self, candidate: &Candidate) -> bool {
        conflicts::involves(&self.conflicts, &candidate.finding)
    }

    /// The revision that a cause's fault began with.
    fn change(&self, candidate: &Candidate) -> Option<crate::domain::Change> {
        // The symptoms where the cause shows began with it; those that it explains elsewhere may be older.
        let own = |index: &&usize| {
            let subject = &self.findings.symptoms[**index].subject.object;
            candidate.places.iter().any(|place| place.subject.object == *subject)
        };
        let began = candidate.symptoms.iter().filter(own).filter_map(|index| self.findings.symptoms[*index].since);
        let elsewhere = || candidate.symptoms.iter().filter_map(|index| self.findings.symptoms[*index].since).min();
        let onset = began.chain(candidate.finding.since).min().or_else(elsewhere);
        let workload = self.cx.workload(&candidate.finding.subject.object);
        change::began_with(&self.cx, &workload, Some(&candidate.finding), onset)
    }

    /// The kind that could not be read, and why, of those whose objects would show what is wrong with the target: as long as
    /// there is one, nobody can say that nothing is wrong.
    fn unseen_kind(&self, target: &ObjectRef) -> Option<(String, &str)> {
        let kinds: &[&str] = match target.kind.as_str() {
            "Namespace" => SHOWING,
            "Deployment" | "StatefulSet" => &["HorizontalPodAutoscaler"],
            "CronJob" => &["Job"],
            _ => &[],
        };
        kinds.iter().find_map(|kind| {
            let kind = plural(kind);
            let why = self.cx.snap.sources.get(&format!("{KUBERNETES}/{kind}"))?.why()?;
            Some((kind, why))
        })
    }

    /// Why a target can't be judged at all, if so: it was not found, only a part of it was seen, or nothing was read.
    fn blind_spot(&self, target: &ObjectRef) -> Option<Unknown> {
        let snap = self.cx.snap;
        let would = "everything about it".to_owned();
        if target.kind == "Namespace" {
            let empty = snap.objects().iter().all(|object| object.id.ns() != target.name);
            let why = match snap.looked_for("Pod", &target.name) {
                Err(why) => why,
                Ok(()) if empty => "no object of this namespace was read".to_owned(),
                Ok(()) => return None,
            };
            return (empty || !snap.sources.contains_key(KUBERNETES)).then(|| Unknown { what: target.to_string(), why, would });
        }
        let what = target.to_string();
        match snap.get(target) {
            None => Some(Unknown { what, why: "it is not in what was read".to_owned(), would }),
            Some(object) => {
                let why = object.partial()?.to_owned();
                Some(Unknown { what, why: format!("seen only in part: {why}"), would })
            }
        }
    }
}

/// The report for one target of a snapshot.
pub fn diagnose(snap: &Snapshot, target: &ObjectRef, options: Options) -> Report {
    Examination::new(snap, options).report(target)
}

/// The row of a cause, and its section.
pub fn cause(id: &str) -> Option<(Section, &'static catalogue::Cause)> {
    rules::all().find_map(|family| Some((family.section, *family.causes.iter().find(|cause| cause.id == id)?)))
}

/// Every section of the catalogue with its causes, in the catalogue's order.
pub fn catalogue() -> Vec<(Section, Vec<&'static catalogue::Cause>)> {
    let mut sections: std::collections::BTreeMap<Section, Vec<&'static catalogue::Cause>> = std::collections::BTreeMap::new();
    for family in rules::all() {
        sections.entry(family.section).or_default().extend(family.causes);
    }
    sections.into_iter().collect()
}
