//! The verdict in words, without a model: what an engineer would write to the next one on call. Each sentence says something of
//! this incident that can be acted on, or it isn't written.

use super::super::Case;
use super::super::analyze::{self, cut, is_predicate};
use super::super::around::number;
use super::super::hypothesize::facts_of;
use super::super::prose::clean;
use super::symptoms::{effect, facts, heaviest, of_object, over};
use super::{action, observed};
use crate::diagnose::{self, catalogue::Section};
use crate::domain::{
    CauseReport, EvidenceSource, Narrative, NextStep, NumberedEvidence, ObjectRef, Origin, State, Statement, SymptomReport,
    Verdict,
};
use jiff::Timestamp;

/// The longest headline.
const HEADLINE: usize = 120;
/// The longest course of events.
const HAPPENED: usize = 400;
/// The longest reason.
const BECAUSE: usize = 200;
/// The longest step.
const STEP: usize = 160;
/// The longest wish.
const WISH: usize = 120;

/// The text for a report.
pub fn by_rules(case: Case<'_>) -> Narrative {
    let narrative = match (case.report.verdict, case.report.causes.first()) {
        (Verdict::Confirmed | Verdict::Likely, Some(cause)) => of_fault(case, cause),
        (Verdict::Inconclusive, cause) => undecided(case, cause.filter(|cause| section(&cause.id) != Some(Section::NotAFault))),
        (Verdict::Healthy, Some(cause)) => of_no_fault(case, cause),
        _ => over_or_well(case),
    };
    // Names, values and messages in it come from the cluster.
    let statement = |it: Statement| Statement { text: cut(&clean(&it.text), BECAUSE), ..it };
    let step = |it: NextStep| NextStep { text: cut(&clean(&it.text), STEP), ..it };
    Narrative {
        origin: Origin::Rules,
        headline: cut(&clean(&narrative.headline), HEADLINE),
        happened: cut(&clean(&narrative.happened), HAPPENED),
        because: narrative.because.into_iter().map(statement).collect(),
        next: narrative.next.into_iter().map(step).collect(),
        raises_confidence: narrative.raises_confidence.iter().map(|it| cut(&clean(it), WISH)).collect(),
    }
}

fn section(id: &str) -> Option<Section> {
    diagnose::cause(id).map(|(section, _)| section)
}

fn title(cause: &CauseReport) -> &str {
    diagnose::cause(&cause.id).map_or(cause.id.as_str(), |(_, row)| row.title)
}

fn of_fault(case: Case<'_>, cause: &CauseReport) -> Narrative {
    let shown = of_object(case, &cause.object, &cause.explains);
    Narrative {
        origin: Origin::Rules,
        headline: headline(case, cause, shown),
        happened: happened(case, cause),
        because: because(case, cause),
        next: next(case, cause),
        raises_confidence: if case.report.verdict == Verdict::Likely { wishes(case) } else { Vec::new() },
    }
}

/// `Deployment shop/web keeps crashing since revision 15: killed for memory at the container's own limit`
fn headline(case: Case<'_>, cause: &CauseReport, shown: Option<&SymptomReport>) -> String {
    let object = &cause.object;
    let change = case.report.change.as_ref().filter(|change| change.explains);
    let since = change.map_or(String::new(), |change| format!(" since revision {}", change.to));
    let title = title(cause);
    match (section(&cause.id), shown.and_then(|symptom| effect(&symptom.id))) {
        // What began with a revision has said so with its number.
        (_, Some(effect)) if cause.id == "bad_rollout" && change.is_some() => format!("{object} {effect}{since}"),
        // The row's words begin with what the object itself does.
        (Some(Section::Nodes | Section::Routing), _) | (_, None) if is_predicate(title) => format!("{object} {title}{since}"),
        (Some(Section::Nodes | Section::Routing), _) | (_, None) => format!("{object}{since}: {title}"),
        (_, Some(effect)) => format!("{object} {effect}{since}: {title}"),
    }
}

/// A row's sentence of a cause as a sentence of its own.
fn sentence(cause: &CauseReport) -> String {
    let summary = clean(&cause.summary);
    let text = if is_predicate(&summary) { format!("{} {summary}", cause.object) } else { capital(&summary) };
    ended(&text)
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    // A program's or an object's name stays as it is written.
    let is_name = text.split_whitespace().next().is_some_and(|word| word.contains(['.', '-', '/', ':', '"']));
    match chars.next() {
        Some(first) if !is_name => first.to_uppercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

/// With a full stop, unless it ends in a mark.
fn ended(text: &str) -> String {
    let text = text.trim_end();
    if text.ends_with(['.', '!', '?', '…']) || text.ends_with(".\"") { text.to_owned() } else { format!("{text}.") }
}

/// What is wrong, what brought it, and what follows from it.
fn happened(case: Case<'_>, cause: &CauseReport) -> String {
    let mut text = vec![cut(&sentence(cause), 260)];
    if cause.id != "bad_rollout" {
        text.extend(brought(case));
    }
    let own = |symptom: &SymptomReport| cause.explains.contains(&symptom.id);
    let impacts: Vec<String> = impacts(case, &heaviest(case, own), cause);
    let since = case.report.symptoms.iter().filter(|symptom| own(symptom)).filter_map(|symptom| symptom.since).min();
    let since = since.map(|at| clock(at, case.report.captured_at));
    match (impacts.is_empty(), since) {
        (false, Some(at)) => text.push(format!("So {}, since {at}.", join(&impacts))),
        (false, None) => text.push(format!("So {}.", join(&impacts))),
        (true, Some(at)) => text.push(format!("It has been so since {at}.")),
        (true, None) => {}
    }
    whole(&text, HAPPENED)
}

/// As many of the sentences as fit.
fn whole(sentences: &[String], most: usize) -> String {
    let mut text = String::new();
    for sentence in sentences {
        if text.is_empty() || text.chars().count() + 1 + sentence.chars().count() <= most {
            let blank = if text.is_empty() { "" } else { " " };
            text = format!("{text}{blank}{sentence}");
        }
    }
    text
}

/// `Revision 15 brought it: resources.limits.memory went from 512Mi to 256Mi.`
fn brought(case: Case<'_>) -> Option<String> {
    let change = case.report.change.as_ref().filter(|change| change.explains)?;
    let field = change.fields.first().filter(|_| change.fields.len() == 1)?;
    let value = |value: &serde_json::Value| match value {
        serde_json::Value::Null => "not set".to_owned(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let at = change.at.map_or(String::new(), |at| format!(", rolled out {},", clock(at, case.report.captured_at)));
    let path = field.path.strip_prefix("spec.").unwrap_or(&field.path);
    Some(format!("Revision {}{at} changed {path} from {} to {}.", change.to, value(&field.before), value(&field.after)))
}

/// What the symptoms do to whom, heaviest first: three at most, each object with what weighs most, and none that the cause's own
/// sentence has said.
fn impacts(case: Case<'_>, symptoms: &[&SymptomReport], cause: &CauseReport) -> Vec<String> {
    let said = clean(&cause.summary);
    let mut of: Vec<(ObjectRef, String)> = Vec::new();
    for symptom in symptoms {
        let workload = case.snapshot.workload(&symptom.object);
        let counts = symptom.id == "replicas_missing";
        // What the object itself does stands in the headline.
        if !counts && (workload == cause.object || of.iter().any(|(object, _)| *object == workload)) {
            continue;
        }
        let words = if counts { None } else { effect(&symptom.id) };
        let words = words.map_or_else(|| clean(&symptom.summary), str::to_owned);
        if !said.contains(&words) {
            of.push((workload, words));
        }
    }
    let is_count = |words: &str| words.starts_with(|char: char| char.is_ascii_digit());
    let told = |(object, words): &(ObjectRef, String)| match is_count(words) {
        true if *object == cause.object => words.clone(),
        true => format!("{words} in {object}"),
        false => format!("{object} {words}"),
    };
    of.iter().take(3).map(told).collect()
}

fn join(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

/// `13:01 UTC`, with the date where it isn't today's.
fn clock(at: Timestamp, now: Timestamp) -> String {
    let form = if at.strftime("%F").to_string() == now.strftime("%F").to_string() { "%H:%M UTC" } else { "%F %H:%M UTC" };
    at.strftime(form).to_string()
}

/// The evidence that proves it, what brought it, what it isn't, what contradicts it.
fn because(case: Case<'_>, cause: &CauseReport) -> Vec<Statement> {
    let all = facts_of(case, cause);
    let is_direct = |number: &&String| case.numbers.fact(case.report, number).is_some_and(|fact| fact.id == cause.id);
    let direct: Vec<String> = all.iter().filter(is_direct).cloned().collect();
    let direct = if direct.is_empty() { all } else { direct };
    let mut because: Vec<Statement> = Vec::new();
    let said = clean(&cause.summary);
    for item in telling(case, cause) {
        let text = observed::sentence(&item.evidence);
        // What the first sentence quotes needs no second.
        let quoted = item
            .evidence
            .value
            .as_str()
            .is_some_and(|value| value.len() > 20 && said.contains(clean(value).trim_end_matches('.')));
        if !quoted && because.len() < 3 && observed::reads_well(&item.evidence) {
            because.push(Statement { text, facts: direct.clone() });
        }
    }
    if let Some(change) = case.report.change.as_ref().filter(|change| change.explains && change.fields.len() > 1) {
        let paths: Vec<String> = change.fields.iter().take(3).map(|field| field.path.clone()).collect();
        let more = change.fields.len().saturating_sub(3);
        let more = if more > 0 { format!(" and {more} more fields") } else { String::new() };
        let text = format!("Revision {} of {} changed {}{more}.", change.to, change.object, paths.join(", "));
        because.push(Statement { text: cut(&text, BECAUSE), facts: direct.clone() });
    }
    because.extend(contradictions(case));
    // That a container which never ran was not killed is no news.
    if cause.explains.iter().any(|id| matches!(id.as_str(), "crash_loop" | "container_failed")) {
        because.extend(ruled_out(case, 1));
    }
    because.truncate(5);
    because
}

/// The cause's evidence, most telling first: what components and programs say before fields, fields before what only stands in the
/// specification.
fn telling<'a>(case: Case<'a>, cause: &CauseReport) -> Vec<&'a NumberedEvidence> {
    let cited = cause.evidence.iter().filter_map(|id| case.report.evidence.iter().find(|item| item.id == *id));
    let mut cited: Vec<&NumberedEvidence> = cited.collect();
    cited.sort_by_key(|item| match item.evidence.source {
        EvidenceSource::Log | EvidenceSource::Event | EvidenceSource::Signal => 0,
        _ if item.evidence.path.starts_with("status") => 1,
        _ => 2,
    });
    // The same of each of ten pods is one observation.
    let mut seen: Vec<(&str, &serde_json::Value)> = Vec::new();
    cited.retain(|item| {
        let (path, value) = (item.evidence.path.as_str(), &item.evidence.value);
        // Two ends of one kind differ in their times alone.
        let is_known = |(other, known): &(&str, &serde_json::Value)| {
            *other == path
                && (*known == value || value.get("exitCode").is_some() && known.get("exitCode") == value.get("exitCode"))
        };
        let is_new = !seen.iter().any(is_known);
        if is_new {
            seen.push((path, value));
        }
        is_new
    });
    cited
}

fn contradictions(case: Case<'_>) -> Vec<Statement> {
    let of = |contradiction: &crate::domain::Contradiction| {
        let facts = case.report.facts.iter().enumerate().filter(|(_, fact)| {
            fact.state == State::Found && fact.subject == contradiction.subject && contradiction.facts.contains(&fact.id)
        });
        let facts = facts.map(|(index, _)| number(index)).collect();
        let text =
            format!("{} can't all be true of {}: {}.", join(&contradiction.facts), contradiction.subject, contradiction.why);
        Statement { text: cut(&text, BECAUSE), facts }
    };
    case.report.contradictions.iter().take(1).map(of).collect()
}

/// What one would think of first and an observation speaks against.
fn ruled_out(case: Case<'_>, most: usize) -> Vec<Statement> {
    let with_evidence = case.report.ruled_out.iter().filter(|it| !it.evidence.is_empty());
    let of = |it: &crate::domain::RuledOut| {
        let facts = case.report.facts.iter().enumerate();
        let facts = facts.filter(|(_, fact)| fact.state == State::Absent && fact.id == it.id && fact.subject == it.subject);
        let row = diagnose::cause(&it.id).map_or(it.id.as_str(), |(_, row)| row.title);
        let text = format!("It isn't {} ({row}): {}.", it.id, clean(&it.why).trim_end_matches('.'));
        Statement { text: cut(&text, BECAUSE), facts: facts.map(|(index, _)| number(index)).collect() }
    };
    with_evidence.map(of).filter(|statement| !statement.facts.is_empty()).take(most).collect()
}

/// What is proposed, what mends it for good, what else is wrong, and how one sees that it is over.
fn next(case: Case<'_>, cause: &CauseReport) -> Vec<NextStep> {
    let mut next = Vec::new();
    if let Some(first) = case.report.actions.first() {
        next.push(NextStep { text: action::step(first), intent: Some("I1".to_owned()) });
    }
    let fix = clean(&cause.fix);
    if !fix.is_empty() {
        next.push(NextStep { text: cut(&ended(&capital(&fix)), STEP), intent: None });
    }
    let is_fault = |other: &&CauseReport| section(&other.id) != Some(Section::NotAFault);
    if let Some(other) = case.report.causes.get(1).filter(is_fault) {
        let text = if other.object == cause.object {
            format!("Beside it, {}.", title(other))
        } else {
            format!("Look at {} as well: {}.", other.object, title(other))
        };
        next.push(NextStep { text: cut(&text, STEP), intent: None });
    }
    let own = |symptom: &SymptomReport| cause.explains.contains(&symptom.id);
    let sign =
        heaviest(case, own).into_iter().find_map(|symptom| Some((case.snapshot.workload(&symptom.object), over(&symptom.id)?)));
    if let Some((workload, over)) = sign {
        let of = if workload == cause.object { String::new() } else { format!(" for {workload}") };
        next.push(NextStep { text: cut(&format!("It has worked{of} when {over}."), STEP), intent: None });
    }
    next.truncate(4);
    next
}

/// What could not be seen, and what seeing it would tell.
fn wishes(case: Case<'_>) -> Vec<String> {
    let wish = |unknown: &crate::domain::Unknown| {
        let (what, why) = (clean(&unknown.what), clean(&unknown.why));
        let long = format!("{} ({why}): would show {}", capital(&what), clean(&unknown.would));
        let short = format!("{} ({why})", capital(&what));
        let fits = long.chars().count() <= WISH && !unknown.would.is_empty();
        ended(&cut(if fits { &long } else { &short }, WISH - 1))
    };
    case.report.unknown.iter().map(wish).take(3).collect()
}

fn undecided(case: Case<'_>, cause: Option<&CauseReport>) -> Narrative {
    let report = case.report;
    let symptoms = heaviest(case, |_| true);
    let first = symptoms.first();
    let who = first.map_or_else(|| report.target.clone(), |symptom| case.snapshot.workload(&symptom.object));
    let effect = first.and_then(|symptom| effect(&symptom.id));
    let headline = match (effect, cause) {
        (Some(effect), Some(cause)) => format!("{who} {effect}; perhaps: {}", title(cause)),
        (Some(effect), None) => format!("{who} {effect}, and nothing that was read says why"),
        (None, Some(cause)) => format!("{}; perhaps: {}", cause.object, title(cause)),
        (None, None) => clean(&report.summary),
    };
    let mut happened: Vec<String> = match analyze::by_rules(case).observations.as_slice() {
        [] => vec![ended(&clean(&report.summary))],
        observations => observations.iter().take(3).map(|it| it.text.clone()).collect(),
    };
    if let Some(change) = &report.change {
        let at = change.at.map_or(String::new(), |at| format!(" ({})", clock(at, report.captured_at)));
        happened.push(format!("It began after revision {} of {}{at}.", change.to, change.object));
    }
    if let Some(cause) = cause {
        happened.push(format!("What fits best, but not well enough: {}", cut(&sentence(cause), 200)));
    }
    let mut because = cause.map_or_else(Vec::new, |cause| because(case, cause));
    because.extend(ruled_out(case, 4).into_iter().filter(|it| !because.contains(it)).collect::<Vec<_>>());
    because.truncate(5);
    if because.is_empty() {
        let facts = facts(case, &symptoms.iter().take(1).copied().collect::<Vec<_>>());
        let text = first.map(|symptom| ended(&format!("{}: {}", symptom.object, clean(&symptom.summary))));
        because.extend(text.filter(|_| !facts.is_empty()).map(|text| Statement { text: cut(&text, BECAUSE), facts }));
    }
    let steps = report.actions.iter().enumerate().take(2);
    let mut next: Vec<NextStep> =
        steps.map(|(index, it)| NextStep { text: action::step(it), intent: Some(format!("I{}", index + 1)) }).collect();
    // What could not be read may be readable for somebody else.
    let unread = report.unknown.iter().filter(|unknown| clean(&unknown.why).contains("forbid")).take(1);
    next.extend(unread.map(|unknown| NextStep {
        text: cut(&format!("Have somebody with more rights look: {} ({}).", clean(&unknown.what), clean(&unknown.why)), STEP),
        intent: None,
    }));
    if let Some(cause) = cause {
        next.push(NextStep { text: cut(&format!("If it proves to be that: {}", ended(&clean(&cause.fix))), STEP), intent: None });
    }
    next.truncate(4);
    Narrative {
        origin: Origin::Rules,
        headline,
        happened: whole(&happened, HAPPENED),
        because,
        next,
        raises_confidence: wishes(case),
    }
}

/// Looks like a fault and is none.
fn of_no_fault(case: Case<'_>, cause: &CauseReport) -> Narrative {
    let text = title(cause);
    let headline = if is_predicate(text) { format!("{} {text}", cause.object) } else { format!("{}: {text}", cause.object) };
    let fix = clean(&cause.fix);
    let next = (!fix.is_empty()).then(|| NextStep { text: cut(&ended(&capital(&fix)), STEP), intent: None });
    Narrative {
        origin: Origin::Rules,
        headline,
        happened: sentence(cause),
        because: because(case, cause),
        next: next.into_iter().collect(),
        raises_confidence: Vec::new(),
    }
}

/// Recovered, or nothing is wrong.
fn over_or_well(case: Case<'_>) -> Narrative {
    let report = case.report;
    let recovered = report.verdict == Verdict::Recovered;
    let past = report.history.first().filter(|_| recovered);
    let headline = match past {
        Some(past) => {
            let what = diagnose::cause(&past.id).map_or(past.id.as_str(), |(_, row)| row.title);
            format!("{} has recovered: {what}", report.target)
        }
        None => format!("{} is {}", report.target, report.verdict.as_str()),
    };
    let mut next = Vec::new();
    if let Some(past) = past {
        let fix = diagnose::cause(&past.id).map(|(_, row)| row.fix).unwrap_or_default();
        let text = format!("Nothing is urgent. So that it doesn't come back: {}", ended(fix));
        next.extend((!fix.is_empty()).then(|| NextStep { text: cut(&text, STEP), intent: None }));
    }
    if let Some(noticed) = report.noticed.first() {
        let text = format!("In passing, {} deserves a look: {}.", noticed.object, title(noticed));
        next.push(NextStep { text: cut(&text, STEP), intent: None });
    }
    Narrative {
        origin: Origin::Rules,
        headline,
        happened: ended(&clean(&report.summary)),
        because: Vec::new(),
        next,
        raises_confidence: Vec::new(),
    }
}
