//! Renaming: under other names the verdict, the causes, their objects and the states of all facts stay. No rule knows a name.

use super::each;
use super::names::Names;
use crate::cases::{all, report};
use sre_copilot::domain::{ObjectRef, Report, State};
use std::collections::BTreeMap;

/// A cause with what it blames. Names decide the order of what is equal otherwise, so the order is not compared.
fn causes(report: &Report, rename: &dyn Fn(&ObjectRef) -> ObjectRef) -> Vec<(String, ObjectRef, u64)> {
    let mut causes: Vec<_> = report.causes.iter().map(|it| (it.id.clone(), rename(&it.object), percent(it.confidence))).collect();
    causes.sort();
    causes
}

fn percent(confidence: f64) -> u64 {
    format!("{:.0}", confidence * 100.0).parse().unwrap()
}

/// How often each fact is stated of each object.
fn facts(report: &Report, rename: &dyn Fn(&ObjectRef) -> ObjectRef) -> BTreeMap<(String, ObjectRef, State), usize> {
    let mut facts = BTreeMap::new();
    for fact in &report.facts {
        *facts.entry((fact.id.clone(), rename(&fact.subject.object), fact.state)).or_insert(0) += 1;
    }
    facts
}

#[test]
fn other_names_change_nothing() {
    each("renaming", all(), |case, random| {
        let names = Names::new(&case.recording, random);
        let (before, after) = (case.report(), report(&names.recording(&case.recording)));
        let (rename, keep) = (|object: &ObjectRef| names.object(object), |object: &ObjectRef| object.clone());
        let mut wrong = Vec::new();
        if before.verdict != after.verdict {
            wrong.push(format!("verdict {:?} became {:?}: {}", before.verdict, after.verdict, after.summary));
        }
        let (wanted, got) = (causes(&before, &rename), causes(&after, &keep));
        if wanted != got {
            wrong.push(format!("causes {wanted:?} became {got:?}"));
        } else if let (Some(first), Some(now)) = (before.causes.first(), after.causes.first())
            && (first.id != now.id || rename(&first.object) != now.object)
            && percent(first.confidence) != percent(now.confidence)
        {
            wrong.push(format!("first cause {} of {} became {} of {}", first.id, first.object, now.id, now.object));
        }
        let (wanted, got) = (facts(&before, &rename), facts(&after, &keep));
        wrong
            .extend(wanted.iter().filter(|(fact, count)| got.get(fact) != Some(count)).map(|(fact, _)| format!("lost {fact:?}")));
        wrong.extend(
            got.iter().filter(|(fact, count)| wanted.get(fact) != Some(count)).map(|(fact, _)| format!("gained {fact:?}")),
        );
        wrong
    });
}
