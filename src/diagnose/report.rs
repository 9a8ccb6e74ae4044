//! From a ranking to the report: the verdict, its sentence, numbered evidence, and what to do next.

mod words;

use super::confidence::{CONFIRMED, LIKELY};
use super::findings::Finding;
use super::rank::{Ranked, Ranking};
use super::scope::Scope;
use super::symptoms::SYMPTOMS;
use super::{Examination, alerts, change, deploys, health, log_search, memory, rules, sources, timeline};
use crate::cluster::pod;
use crate::domain::{
    CauseReport, Change, Contradiction, DeployReport, Evidence, FactReport, HistoryEntry, NumberedEvidence, ObjectRef, Report,
    RuledOut, State, Subject, SymptomReport, TimelineEntry, Unknown, Verdict,
};
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};

/// A fault that ended longer ago than this is history of a healthy target, not a recovery.
const RECOVERY: SignedDuration = SignedDuration::from_hours(24);
/// The most causes that a report ranks.
const MOST_CAUSES: usize = 10;
/// The most tickets that a report names; a tracker is asked for as many.
const MOST_TICKETS: usize = 5;
/// The most old warnings that a report repeats.
const MOST_WARNINGS: usize = 10;

/// Evidence in the order in which it is first cited.
#[derive(Default)]
struct Numbering {
    known: BTreeMap<String, usize>,
    list: Vec<Evidence>,
}

impl Numbering {
    fn cite(&mut self, evidence: &Evidence) -> String {
        let key = serde_json::to_string(evidence).unwrap_or_default();
        let index = *self.known.entry(key).or_insert_with(|| {
            self.list.push(evidence.clone());
            self.list.len() - 1
        });
        format!("e{}", index + 1)
    }

    fn cite_all(&mut self, evidence: &[Evidence]) -> Vec<String> {
        evidence.iter().map(|evidence| self.cite(evidence)).collect()
    }
}

/// Writes the report for a target.
pub(super) fn write(examination: &Examination<'_>, target: &ObjectRef, scope: &Scope, ranking: &Ranking) -> Report {
    let snap = examination.cx.snap;
    let mut numbering = Numbering::default();
    let causes: Vec<CauseReport> =
        ranking.causes.iter().take(MOST_CAUSES).map(|ranked| cause(examination, ranked, &mut numbering)).collect();
    let symptoms = symptoms(examination, ranking, &mut numbering);
    let change = ranking.causes.first().and_then(|ranked| examination.change(&ranked.candidate));
    let change = change.or_else(|| unexplained_change(examination, ranking));
    let history = history(examination, scope, ranking, &mut numbering);
    let verdict = verdict(examination, target, scope, ranking, &history);
    let ruled_out = ruled_out(examination, scope, ranking, &mut numbering);
    let contradictions = contradictions(examination, scope);
    let mut facts = facts(examination, scope, ranking, &mut numbering);
    facts.extend(context(examination, target, ranking, &mut numbering));
    facts.sort_by(|a, b| (&a.id, &a.subject, a.state).cmp(&(&b.id, &b.subject, b.state)));
    let noticed = ranking.noticed.iter().take(MOST_CAUSES).map(|ranked| cause(examination, ranked, &mut numbering)).collect();
    let blamed: Vec<ObjectRef> = ranking.causes.iter().take(1).map(|ranked| ranked.candidate.finding.blames.clone()).collect();
    let timeline = timeline::collect(&examination.cx, scope, &blamed, change.as_ref())
        .into_iter()
        .map(|(at, what, evidence)| TimelineEntry { at, what, evidence: evidence.map(|evidence| numbering.cite(&evidence)) })
        .collect();
    let unknown = unknown(examination, target, scope, verdict);
    let checked = words::checked(examination, scope);
    let summary = words::summary(examination, target, ranking, verdict, &history, change.as_ref(), &checked);
    let next = words::next(examination, ranking, target, verdict, change.as_ref());
    let number = |(index, evidence)| NumberedEvidence { id: format!("e{}", index + 1), evidence };
    let report = Report {
        summary,
        causes,
        symptoms,
        alerts: alerts::names(&examination.cx),
        deploys: suspects(examination, target, ranking),
        change,
        ruled_out,
        unknown,
        contradictions,
        history,
        timeline,
        facts,
        evidence: numbering.list.into_iter().enumerate().map(number).collect(),
        noticed,
        health: health::check(snap),
        tickets: snap.tickets.iter().take(MOST_TICKETS).cloned().collect(),
        log_searches: log_search::templates(&snap.log_events),
        next,
        sources: snap.sources.clone(),
        checked,
        // What to do is `remedy`'s to say.
        ..Report::new(target.clone(), verdict, snap.now)
    };
    let blamed = report.causes.first().filter(|_| verdict.is_fault()).map_or(target, |cause| &cause.object);
    let memory = memory::remember(&report, &examination.cx.workload(blamed), &snap.history);
    Report { memory, ..report }
}

fn cause(examination: &Examination<'_>, ranked: &Ranked, numbering: &mut Numbering) -> CauseReport {
    let finding = &ranked.candidate.finding;
    let mut explains: Vec<String> =
        ranked.candidate.symptoms.iter().map(|index| examination.findings.symptoms[*index].symptom.id.to_owned()).collect();
    explains.extend(
        ranked
            .candidate
            .consequences
            .iter()
            .filter_map(|index| examination.candidates.get(*index))
            .map(|candidate| candidate.finding.cause.id.to_owned()),
    );
    explains.sort();
    explains.dedup();
    CauseReport {
        id: finding.cause.id.to_owned(),
        object: finding.blames.clone(),
        container: finding.container().map(str::to_owned),
        confidence: ranked.confidence,
        summary: finding.summary.clone(),
        fix: finding.fix.clone().unwrap_or_else(|| finding.cause.fix.to_owned()),
        explains,
        evidence: numbering.cite_all(&finding.evidence),
        perspective: finding.cause.perspective.as_str().into(),
        since: finding.since,
    }
}

fn symptoms(examination: &Examination<'_>, ranking: &Ranking, numbering: &mut Numbering) -> Vec<SymptomReport> {
    let of = |index: &usize| {
        let symptom = &examination.findings.symptoms[*index];
        SymptomReport {
            id: symptom.symptom.id.to_owned(),
            object: symptom.subject.object.clone(),
            container: symptom.subject.container.clone(),
            summary: symptom.summary.clone(),
            since: symptom.since,
            evidence: numbering.cite_all(&symptom.evidence),
        }
    };
    ranking.symptoms.iter().map(of).collect()
}

/// The revision that the symptoms began with when no cause is known.
fn unexplained_change(examination: &Examination<'_>, ranking: &Ranking) -> Option<Change> {
    if !ranking.causes.is_empty() {
        return None;
    }
    ranking.unexplained.iter().find_map(|index| {
        let symptom = &examination.findings.symptoms[*index];
        let workload = examination.cx.workload(&symptom.subject.object);
        change::began_with(&examination.cx, &workload, None, Some(symptom.since?))
    })
}

fn verdict(
    examination: &Examination<'_>,
    target: &ObjectRef,
    scope: &Scope,
    ranking: &Ranking,
    history: &[HistoryEntry],
) -> Verdict {
    if let Some(top) = ranking.causes.first() {
        let finding = &top.candidate.finding;
        if rules::is_no_fault(finding.cause) && top.confidence >= LIKELY {
            return if ranking.unexplained.is_empty() { Verdict::Healthy } else { Verdict::Inconclusive };
        }
        let contradicted = examination.is_contradicted(&top.candidate);
        if top.confidence >= CONFIRMED && finding.proof.is_structural() && !contradicted {
            return Verdict::Confirmed;
        }
        return if top.confidence >= LIKELY { Verdict::Likely } else { Verdict::Inconclusive };
    }
    // What a rule could not judge is not well.
    let unjudged = examination.findings.unknown.iter().any(|(object, _)| scope.distance(object).is_some());
    let blind = examination.blind_spot(target).is_some() || examination.unseen_kind(target).is_some();
    if !ranking.symptoms.is_empty() || unjudged || blind {
        return Verdict::Inconclusive;
    }
    let recent = |entry: &HistoryEntry| {
        entry.id != WARNING && entry.ended.or(entry.at).is_some_and(|at| examination.cx.snap.age(at) <= RECOVERY)
    };
    if history.iter().any(recent) { Verdict::Recovered } else { Verdict::Healthy }
}

/// The id under which old warnings stand in the history.
const WARNING: &str = "warning";

fn history(examination: &Examination<'_>, scope: &Scope, ranking: &Ranking, numbering: &mut Numbering) -> Vec<HistoryEntry> {
    let cx = &examination.cx;
    let mut entries: Vec<HistoryEntry> = examination
        .findings
        .causes
        .iter()
        .filter(|finding| finding.ended.is_some() && finding.subjects().any(|subject| scope.distance(&subject.object).is_some()))
        .map(|finding| HistoryEntry {
            id: finding.cause.id.to_owned(),
            object: finding.blames.clone(),
            container: finding.container().map(str::to_owned),
            summary: finding.summary.clone(),
            at: finding.evidence.iter().filter_map(|evidence| evidence.at).max(),
            ended: finding.ended,
            evidence: numbering.cite_all(&finding.evidence),
        })
        .collect();
    entries.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| (&a.id, &a.object, &a.container).cmp(&(&b.id, &b.object, &b.container))));
    entries.dedup_by(|a, b| (&a.id, &a.object, &a.container) == (&b.id, &b.object, &b.container));
    if ranking.symptoms.is_empty() {
        for event in timeline::warnings(cx, scope).into_iter().take(MOST_WARNINGS) {
            let Some(object) = cx.snap.get(&event.object) else { continue };
            entries.push(HistoryEntry {
                id: WARNING.to_owned(),
                object: event.object.clone(),
                container: event.container.clone(),
                summary: format!("{}: {}", event.reason, event.message),
                at: event.last,
                ended: pod::ready_since(object),
                evidence: vec![numbering.cite(&event.evidence())],
            });
        }
    }
    entries
}

fn ruled_out(examination: &Examination<'_>, scope: &Scope, ranking: &Ranking, numbering: &mut Numbering) -> Vec<RuledOut> {
    let affected: Vec<&Subject> = ranking.symptoms.iter().map(|index| &examination.findings.symptoms[*index].subject).collect();
    let concerns = |subject: &Subject| {
        let same_container =
            |other: &Subject| other.container.is_none() || subject.container.is_none() || other.container == subject.container;
        scope.distance(&subject.object).is_some()
            && affected.iter().any(|other| other.object == subject.object && same_container(other))
    };
    let mut out: Vec<RuledOut> = examination
        .findings
        .negatives
        .iter()
        .filter(|negative| negative.absent && concerns(&negative.subject))
        // A symptom that isn't there rules nothing out.
        .filter(|negative| SYMPTOMS.iter().all(|symptom| symptom.id != negative.id))
        .map(|negative| RuledOut {
            id: negative.id.to_owned(),
            subject: negative.subject.clone(),
            why: negative.why.clone(),
            evidence: numbering.cite_all(&negative.evidence),
        })
        .collect();
    // What an observation speaks against comes before what only isn't there.
    out.sort_by(|a, b| (a.evidence.is_empty(), &a.subject, &a.id).cmp(&(b.evidence.is_empty(), &b.subject, &b.id)));
    out
}

fn contradictions(examination: &Examination<'_>, scope: &Scope) -> Vec<Contradiction> {
    let concerns = |subject: &Subject| scope.distance(&subject.object).is_some();
    let conflicts = examination.conflicts.iter().filter(|conflict| concerns(&conflict.subject));
    conflicts
        .map(|conflict| Contradiction {
            facts: conflict.causes.iter().map(|id| (*id).to_owned()).collect(),
            subject: conflict.subject.clone(),
            why: conflict.why.to_owned(),
        })
        .collect()
}

fn facts(examination: &Examination<'_>, scope: &Scope, ranking: &Ranking, numbering: &mut Numbering) -> Vec<FactReport> {
    let concerns = |subject: &Subject| scope.distance(&subject.object).is_some();
    let mut facts = Vec::new();
    let sure = |id: &str, blames: &ObjectRef| {
        let ranked = ranking.causes.iter().chain(&ranking.noticed);
        let same = |ranked: &&Ranked| ranked.candidate.finding.cause.id == id && ranked.candidate.finding.blames == *blames;
        ranked.filter(same).map(|ranked| ranked.confidence).next()
    };
    let ranked = |finding: &Finding| {
        let same = |ranked: &Ranked| {
            let other = &ranked.candidate.finding;
            other.cause.id == finding.cause.id && other.blames == finding.blames
        };
        ranking.causes.iter().any(same)
    };
    for finding in &examination.findings.causes {
        if finding.subjects().any(concerns) || concerns(&finding.blames.clone().into()) || ranked(finding) {
            facts.push(FactReport {
                id: finding.cause.id.to_owned(),
                subject: finding.subject.clone(),
                state: State::Found,
                confidence: Some(sure(finding.cause.id, &finding.blames).unwrap_or(finding.proof.base())),
                reason: finding.ended.map(|at| format!("over since {at}")),
                evidence: numbering.cite_all(&finding.evidence),
            });
        }
    }
    for symptom in examination.findings.symptoms.iter().filter(|symptom| concerns(&symptom.subject)) {
        facts.push(FactReport {
            id: symptom.symptom.id.to_owned(),
            subject: symptom.subject.clone(),
            state: State::Found,
            confidence: Some(1.0),
            reason: None,
            evidence: numbering.cite_all(&symptom.evidence),
        });
    }
    for negative in examination.findings.negatives.iter().filter(|negative| concerns(&negative.subject)) {
        facts.push(FactReport {
            id: negative.id.to_owned(),
            subject: negative.subject.clone(),
            state: if negative.absent { State::Absent } else { State::Unknown },
            confidence: negative.absent.then_some(1.0),
            reason: Some(negative.why.clone()),
            evidence: numbering.cite_all(&negative.evidence),
        });
    }
    facts
}

/// What is known about the target, and about what the first cause blames, beside causes and symptoms.
fn context(examination: &Examination<'_>, target: &ObjectRef, ranking: &Ranking, numbering: &mut Numbering) -> Vec<FactReport> {
    let cx = &examination.cx;
    let first = ranking.causes.first().map(|ranked| &ranked.candidate.finding);
    let seen = ranking.symptoms.iter().filter_map(|index| examination.findings.symptoms[*index].since).min();
    let onset = seen.or_else(|| first?.since).unwrap_or(cx.snap.now);
    let blamed = first.map(|finding| &finding.blames).filter(|blames| *blames != target);
    let facts = [Some(target), blamed].into_iter().flatten().filter_map(|object| deploys::recent(cx, object, onset));
    facts.map(|(fact, evidence)| FactReport { evidence: numbering.cite_all(evidence.as_slice()), ..fact }).collect()
}

/// The deploys near the onset of what is wrong with the target, and with what the first cause blames.
fn suspects(examination: &Examination<'_>, target: &ObjectRef, ranking: &Ranking) -> Vec<DeployReport> {
    let first = ranking.causes.first().map(|ranked| &ranked.candidate.finding);
    let symptoms = || ranking.symptoms.iter().map(|index| &examination.findings.symptoms[*index]);
    let began = symptoms().filter_map(|symptom| symptom.since).min().or_else(|| first?.since);
    let Some(onset) = began.or_else(|| alerts::since(&examination.cx)) else { return Vec::new() };
    let affected = symptoms().map(|symptom| &symptom.subject.object);
    let objects = affected.chain(first.map(|finding| &finding.blames)).chain([target]);
    let workloads: BTreeSet<ObjectRef> = objects.map(|object| examination.cx.workload(object)).collect();
    deploys::suspects(&examination.cx, &examination.findings, &workloads, onset)
}

fn unknown(examination: &Examination<'_>, target: &ObjectRef, scope: &Scope, verdict: Verdict) -> Vec<Unknown> {
    let mut unknown: Vec<Unknown> = examination.blind_spot(target).into_iter().collect();
    let concerns = |object: &ObjectRef| scope.distance(object).is_some();
    unknown
        .extend(examination.findings.unknown.iter().filter(|(object, _)| concerns(object)).map(|(_, unknown)| unknown.clone()));
    unknown.extend(sources::gaps(&examination.cx.snap.sources, verdict == Verdict::Inconclusive));
    unknown.sort();
    unknown.dedup();
    unknown
}
