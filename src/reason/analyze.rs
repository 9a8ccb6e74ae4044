//! What is seen and what is missing, in words. It is read by people and by later prompts; it is never evidence, and no rule reads it.

use super::answers::AnalyzeAnswer;
use super::around::{cited, number};
use super::prose::clean;
use super::{Case, Dropped, Prose};
use crate::cluster::Snapshot;
use crate::diagnose::weight;
use crate::domain::{Analysis, ObjectRef, Origin, Report, State, Statement, SymptomReport};

/// The most observations.
const MOST_OBSERVATIONS: usize = 6;
/// The most that is missing.
const MOST_MISSING: usize = 5;

/// The symptoms by weight, a sentence each, and what could not be seen.
pub fn by_rules(case: Case<'_>) -> Analysis {
    let report = case.report;
    let groups = groups(case.snapshot, report);
    let observations: Vec<Statement> = groups.iter().take(MOST_OBSERVATIONS).map(|group| group.statement(case)).collect();
    let more = groups.len().saturating_sub(MOST_OBSERVATIONS);
    let mut summary: Vec<String> = observations.iter().take(2).map(|observation| observation.text.clone()).collect();
    if observations.is_empty() {
        let checked = if report.checked.is_empty() { String::new() } else { format!(" ({})", report.checked) };
        summary.push(format!("No symptom is seen at {}{checked}.", report.target));
    }
    if groups.len() > summary.len() {
        let rest = groups.len() - summary.len();
        let shown = if more > 0 { format!(", {more} of them not listed") } else { String::new() };
        summary.push(format!("{rest} more {} seen{shown}.", if rest == 1 { "symptom is" } else { "symptoms are" }));
    }
    if let Some(change) = &report.change {
        summary.push(format!("It began with revision {} of {}.", change.to, change.object));
    }
    let missing = report.unknown.iter().map(|unknown| cut(&clean(&format!("{}: {}", unknown.what, unknown.why)), 120));
    let missing = missing.take(MOST_MISSING).collect();
    Analysis { origin: Origin::Rules, summary: cut(&clean(&summary.join(" ")), 600), observations, missing }
}

/// One symptom with the same words at several pods of a workload.
struct Group<'a> {
    first: &'a SymptomReport,
    workload: ObjectRef,
    count: usize,
}

/// The symptoms by weight, those of one workload's pods together.
fn groups<'a>(snapshot: &Snapshot, report: &'a Report) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for symptom in &report.symptoms {
        let workload = snapshot.workload(&symptom.object);
        let same = |group: &&mut Group<'a>| {
            group.workload == workload && group.first.id == symptom.id && group.first.summary == symptom.summary
        };
        match groups.iter_mut().find(same).filter(|_| symptom.object.kind == "Pod") {
            Some(group) => group.count += 1,
            None => groups.push(Group { first: symptom, workload, count: 1 }),
        }
    }
    groups.sort_by(|a, b| weight(&b.first.id).total_cmp(&weight(&a.first.id)));
    groups
}

impl Group<'_> {
    fn statement(&self, case: Case<'_>) -> Statement {
        let what = clean(&self.first.summary);
        let first = &self.first.object;
        let said = if is_predicate(&what) { format!("{first} {what}") } else { format!("{first}: {what}") };
        let text = match self.count {
            1 => format!("{said}."),
            2 => format!("{said}; another pod of {} as well.", self.workload),
            count => format!("{said}; {} more pods of {} as well.", count - 1, self.workload),
        };
        Statement { text: cut(&clean(&text), 200), facts: self.facts(case) }
    }

    fn facts(&self, case: Case<'_>) -> Vec<String> {
        let symptom = self.first;
        let facts = case.report.facts.iter().enumerate().filter(|(_, fact)| fact.state == State::Found && fact.id == symptom.id);
        let facts = facts.filter(|(_, fact)| match self.count {
            1 => fact.subject.object == symptom.object && fact.subject.container == symptom.container,
            _ => case.snapshot.workload(&fact.subject.object) == self.workload,
        });
        facts.map(|(index, _)| number(index)).take(6).collect()
    }
}

/// Whether words go on from an object's name: `has a kubelet that …`, `was deleted …`, `never runs`.
pub(super) fn is_predicate(words: &str) -> bool {
    const VERBS: &[&str] = &[
        "answers", "allows", "asks", "can't", "didn't", "does", "doesn't", "drops", "ended", "ends", "failed", "fails",
        "forbids", "forwards", "gets", "had", "has", "hasn't", "holds", "is", "isn't", "leads", "loses", "may", "names", "never",
        "offers", "ran", "refuses", "runs", "says", "selects", "sends", "takes", "uses", "waits", "was", "wasn't", "were",
    ];
    words.split_whitespace().next().is_some_and(|first| VERBS.contains(&first))
}

/// A text of at most so many characters, cut at a word, with an ellipsis.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let cut: String = text.chars().take(most.saturating_sub(1)).collect();
    let whole = cut.rfind(' ').filter(|at| *at > cut.len() / 2).and_then(|at| cut.get(..at)).unwrap_or(&cut);
    format!("{}…", whole.trim_end_matches([',', ';', ':', ' ', '(']))
}

/// A model's analysis, with what was dropped of it. What is empty then is the rules'.
pub fn checked(answer: AnalyzeAnswer, case: Case<'_>, prose: &Prose) -> (Analysis, Dropped) {
    let (mut observations, mut dropped) = (Vec::new(), Dropped::default());
    for observation in answer.observations {
        let (facts, invented) = cited(case, &observation.facts);
        (0..invented).for_each(|_| dropped.add("cites a fact that doesn't exist"));
        if facts.is_empty() {
            dropped.add("an observation on no fact that exists");
            continue;
        }
        if let Some(text) = prose.text(&observation.text, &mut dropped) {
            observations.push(Statement { text, facts: facts.into_iter().map(|(number, _)| number).collect() });
        }
    }
    let missing = prose.texts(&answer.missing, &mut dropped);
    let Some(summary) = prose.text(&answer.summary, &mut dropped) else {
        dropped.add("a summary of which no word could stay");
        return (by_rules(case), dropped);
    };
    (Analysis { origin: Origin::Model, summary, observations, missing }, dropped)
}
