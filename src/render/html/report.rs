//! A report in HTML: what it is and how sure, what to do, the proof, what changed, what it isn't, and what could not be seen.

use super::markup::Html;
use super::{facts, folded, list, section, tone};
use crate::domain::{
    ActionReport, CauseReport, Change, DecisionValue, DeployReport, FactReport, HistoryEntry, LogTemplate, NumberedEvidence,
    ObjectRef, Report, State, SymptomReport, Ticket, Verdict, not_checked,
};
use crate::render::age::{ago, since};
use crate::render::reasoning::{cost, of_model, suspicious};
use crate::render::surroundings::{before, cluster};
use crate::render::text::{cited, is_not_checked, source};
use crate::render::value::{show, show_field};

/// Items of a list that stand open.
const OPEN: usize = 5;
/// Values of no more characters stand in their line.
const SHORT: usize = 40;
/// Characters of one value.
const VALUE: usize = 2_000;

/// A report, without a heading of its own. `all` folds nothing; `timeline` is left out where another one follows.
pub(super) fn report(html: &mut Html, report: &Report, all: bool, timeline: bool) {
    let open = if all { usize::MAX } else { OPEN };
    answer(html, report);
    to_do(html, report);
    change(html, report);
    evidence(html, report, all);
    let further = report.causes.get(usize::from(report.answer().is_some())..).unwrap_or_default();
    let title = if report.answer().is_some() { "Also" } else { "Perhaps" };
    list(html, title, further, open, |html, cause| {
        cause_line(html, cause);
        html.text(&format!(": {}", cause.summary));
        html.cite(&cause.evidence);
    });
    list(html, "Seen", &report.symptoms, open, |html, it| symptom(html, report, it));
    list(html, "Deployed before it began", &report.deploys, open, |html, it| deploy(html, report, it));
    list(html, "Ruled out", &report.ruled_out, open, |html, out| {
        html.words("code", &out.id);
        html.text(&format!(": {}", out.why));
        html.cite(&out.evidence);
    });
    list(html, "Conflict", &report.contradictions, open, |html, conflict| {
        html.text(&format!("{} on {}: {}", conflict.facts.join(" and "), conflict.subject, conflict.why));
    });
    unknown(html, report, all, open);
    list(html, "Logged elsewhere", &report.log_searches, open, |html, it| logged(html, report, it));
    list(html, "Tickets", &report.tickets, open, ticket);
    list(html, "Before", &before(report), open, |html, line| html.text(line));
    list(html, "Cluster", &cluster(report), open, |html, line| html.text(line));
    list(html, "Over", &report.history, open, |html, it| past(html, report, it));
    if all || matches!(report.verdict, Verdict::Healthy | Verdict::Recovered) {
        list(html, "Noticed", &report.noticed, open, |html, cause| {
            cause_line(html, cause);
            html.text(&format!(": {}", cause.summary));
        });
    }
    model(html, report, all);
    if timeline && !report.timeline.is_empty() {
        section(html, "Timeline", |html| {
            let first = if all { usize::MAX } else { 20 };
            folded(html, "ul", &report.timeline, first, |html, entry| {
                html.time(entry.at);
                html.text(&format!(" {}", entry.what));
                html.cite(entry.evidence.as_slice());
            });
        });
    }
    stated(html, report, all);
    html.tag("footer", |html| {
        html.text("Read ");
        html.time(report.captured_at);
        let checked = if report.checked.is_empty() { String::new() } else { format!("; looked at {}", report.checked) };
        html.text(&format!(" UTC{checked}. Every age is counted from then."));
        if let Some(reasoning) = &report.reasoning {
            for line in suspicious(reasoning, all).into_iter().chain(cost(reasoning)) {
                html.words("p", &line);
            }
        }
    });
}

/// The verdict, the cause, and the sentence that says it.
fn answer(html: &mut Html, report: &Report) {
    let opening = match tone(report.verdict) {
        "bad" => "div class=\"answer bad\"",
        "doubtful" => "div class=\"answer doubtful\"",
        "past" => "div class=\"answer past\"",
        "good" => "div class=\"answer good\"",
        _ => "div class=\"answer open\"",
    };
    html.tag(opening, |html| {
        html.words("p class=\"verdict\"", &report.verdict.as_str().to_uppercase());
        html.words("p class=\"summary\"", &report.summary);
        if let Some(cause) = report.answer() {
            html.tag("p class=\"small\"", |html| {
                cause_line(html, cause);
                if let Some(at) = cause.since {
                    html.text(&format!(", since {}", ago(at, report.captured_at)));
                }
                html.cite(&cause.evidence);
            });
        }
    });
    html.newline();
}

/// `oom_killed on Deployment shop/checkout container app (97%)`: whole per cent, and never all of them.
fn cause_line(html: &mut Html, cause: &CauseReport) {
    html.words("code", &cause.id);
    html.text(" on ");
    place(html, &cause.object, cause.container.as_deref());
    html.text(&format!(" ({:.0}%)", (cause.confidence * 100.0).floor().clamp(0.0, 99.0)));
}

fn place(html: &mut Html, object: &ObjectRef, container: Option<&str>) {
    html.words("code", &object.to_string());
    if let Some(container) = container {
        html.text(" container ");
        html.words("code", container);
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What to do: the fix in words, what is proposed, and commands that can be copied whole.
fn to_do(html: &mut Html, report: &Report) {
    let fixes: Vec<&str> = report.causes.iter().map(|cause| cause.fix.as_str()).filter(|fix| !fix.is_empty()).collect();
    let fixes = if report.verdict.is_fault() { fixes } else { Vec::new() };
    let changes: Vec<&ActionReport> = report.actions.iter().filter(|action| action.intent.action.is_write()).collect();
    if fixes.is_empty() && changes.is_empty() && report.next.is_empty() {
        return;
    }
    section(html, "To do", |html| {
        fixes.iter().for_each(|fix| html.words("p", fix));
        changes.iter().for_each(|action| proposed(html, action));
        if let Some(execution) = &report.execution {
            let code = execution.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
            html.tag("p", |html| {
                html.words("strong", &execution.status);
                html.text(&format!("{code}: {}", execution.text));
            });
            if let Some(last) = &execution.last_fix {
                html.words("p", last);
            }
            if let Some(attempt) = &execution.attempt {
                html.words("pre class=\"command\"", &format!("sre-copilot approve {attempt}"));
            }
        }
        let next: Vec<&String> =
            report.next.iter().filter(|next| !changes.iter().any(|action| action.command == **next)).collect();
        next.iter().for_each(|command| html.words("pre class=\"command\"", command));
    });
}

fn proposed(html: &mut Html, action: &ActionReport) {
    let decision = &action.decision;
    html.tag("p", |html| {
        html.words("strong", &action.intent.action.as_str().replace('_', " "));
        html.text(" ");
        html.words("code", &action.intent.object().to_string());
        html.text(&format!(": {}", action.why));
    });
    let ruling = match decision.value {
        DecisionValue::Block => "not allowed",
        DecisionValue::Approve => "needs approval",
        DecisionValue::Auto => "allowed",
    };
    html.tag("p class=\"small quiet\"", |html| {
        html.text(&format!("{} risk, {ruling} by ", action.risk.as_str()));
        html.words("code", &decision.rule);
        html.text(&format!(": {}", decision.why));
    });
    html.words("pre class=\"command\"", &action.command);
}

/// What the answer rests on; everything else that was seen is folded.
fn evidence(html: &mut Html, report: &Report, all: bool) {
    let first = cited(report, all);
    let rest: Vec<&NumberedEvidence> =
        report.evidence.iter().filter(|item| !first.iter().any(|shown| shown.id == item.id)).collect();
    if first.is_empty() && rest.is_empty() {
        return;
    }
    section(html, "Evidence", |html| {
        let draw = |html: &mut Html, item: &&NumberedEvidence| observation(html, report, item);
        // What is cited stands open; where nothing is, a little of the rest does.
        let shown = if all { usize::MAX } else { first.len().clamp(3, 8) };
        folded(html, "ul class=\"evidence\"", &[first, rest].concat(), shown, draw);
    });
}

fn observation(html: &mut Html, report: &Report, item: &NumberedEvidence) {
    let evidence = &item.evidence;
    html.numbered(&item.id);
    html.text(&format!(" {} ", source(evidence.source)));
    let container = evidence.container.as_deref().filter(|name| !evidence.path.contains(&format!("[{name}]")));
    place(html, &evidence.object, container);
    html.text(" ");
    html.words("code", &evidence.path);
    let line = evidence.line.map(|number| format!(" line {number}")).unwrap_or_default();
    let count = evidence.count.filter(|count| *count > 1).map(|count| format!(" ×{count}")).unwrap_or_default();
    let age = evidence.at.map(|at| format!(", {}", ago(at, report.captured_at))).unwrap_or_default();
    html.words("span class=\"quiet\"", &format!("{line}{count}{age}"));
    let value = cut(&show(&evidence.value));
    if value.chars().count() <= SHORT && !value.contains('\n') {
        html.text(": ");
        html.words("strong", &value);
    } else {
        html.tag("pre", |html| html.lines(&value));
    }
}

fn change(html: &mut Html, report: &Report) {
    let Some(change) = &report.change else { return };
    section(html, "Changed", |html| {
        let at = change.at.map(|at| format!(", {}", ago(at, report.captured_at))).unwrap_or_default();
        let tail = if change.explains { "; the cause is about what it changed" } else { "" };
        html.tag("p", |html| {
            html.text(&format!("Revision {} → {} of ", change.from, change.to));
            html.words("code", &change.object.to_string());
            html.text(&format!("{at}{tail}."));
        });
        fields(html, change);
    });
}

fn fields(html: &mut Html, change: &Change) {
    if change.fields.is_empty() {
        return;
    }
    html.tag("div class=\"wide\"", |html| {
        html.tag("table class=\"fields\"", |html| {
            html.tag("thead", |html| {
                html.tag("tr", |html| ["field", "before", "after"].iter().for_each(|head| html.words("th", head)));
            });
            html.tag("tbody", |html| {
                for field in &change.fields {
                    html.tag("tr", |html| {
                        let cells = [field.path.clone(), show_field(&field.before), show_field(&field.after)];
                        for cell in cells {
                            html.tag("td", |html| html.words("code", &cut(&cell)));
                        }
                    });
                }
            });
        });
    });
}

fn symptom(html: &mut Html, report: &Report, symptom: &SymptomReport) {
    html.words("code", &symptom.id);
    html.text(" on ");
    place(html, &symptom.object, symptom.container.as_deref());
    let age = symptom.since.map(|at| format!(", for {}", since(at, report.captured_at))).unwrap_or_default();
    html.text(&format!(": {}{age}", symptom.summary));
    html.cite(&symptom.evidence);
}

fn deploy(html: &mut Html, report: &Report, deploy: &DeployReport) {
    html.text(&format!("{}, {}: {} to be the cause", deploy.what, ago(deploy.at, report.captured_at), deploy.rating.as_str()));
    let shifts = deploy.shifts.iter().map(|shift| format!("{} {:.3} → {:.3}", shift.signal, shift.before, shift.after));
    let shifts = shifts.collect::<Vec<_>>().join("; ");
    if !shifts.is_empty() {
        html.text(&format!(" ({shifts})"));
    }
    html.words("span class=\"quiet\"", &format!(" seen by {}", deploy.sources.join(", ")));
}

/// What could not be seen, and who did not answer.
fn unknown(html: &mut Html, report: &Report, all: bool, open: usize) {
    let silent = not_checked(&report.sources);
    let unknown: Vec<_> = report.unknown.iter().filter(|unknown| all || !is_not_checked(report, unknown)).collect();
    if unknown.is_empty() && silent.is_empty() {
        return;
    }
    section(html, "Could not see", |html| {
        if !silent.is_empty() {
            html.words("p", &format!("Not checked: {}", silent.join(", ")));
        }
        folded(html, "ul", &unknown, open, |html, unknown| {
            let would = if unknown.would.is_empty() { String::new() } else { format!("; would show {}", unknown.would) };
            html.text(&format!("{}: {}{would}", unknown.what, unknown.why));
        });
    });
}

fn logged(html: &mut Html, report: &Report, logged: &LogTemplate) {
    let last = logged.last.map(|at| format!(", last {}", ago(at, report.captured_at))).unwrap_or_default();
    html.text(&format!("{} ×{} ", logged.level, logged.count));
    html.words("code", &logged.template);
    html.text(&last);
    let example = if logged.exception.is_empty() { &logged.example } else { &logged.exception };
    if *example != logged.template {
        html.tag("pre", |html| html.lines(&cut(example)));
    }
}

fn ticket(html: &mut Html, ticket: &Ticket) {
    html.link(&ticket.key, &ticket.url);
    let state = if ticket.resolved { "resolved" } else { "open" };
    let words: Vec<&str> = [state, &ticket.status, &ticket.priority].into_iter().filter(|word| !word.is_empty()).collect();
    html.text(&format!(" {}: {}", words.join(", "), ticket.summary));
}

fn past(html: &mut Html, report: &Report, past: &HistoryEntry) {
    html.words("code", &past.id);
    html.text(" on ");
    place(html, &past.object, past.container.as_deref());
    let last = past.at.map(|at| format!(", last {}", ago(at, report.captured_at))).unwrap_or_default();
    let ended = past.ended.map(|at| format!(", over for {}", since(at, report.captured_at))).unwrap_or_default();
    html.text(&format!(": {}{last}{ended}", past.summary));
    html.cite(&past.evidence);
}

/// What the model says, apart from everything else.
fn model(html: &mut Html, report: &Report, all: bool) {
    let lines = of_model(report, true);
    list(html, "Model", &lines, if all { usize::MAX } else { 4 }, |html, line| html.text(line));
}

/// Every fact that was stated, folded; and how each source was read.
fn stated(html: &mut Html, report: &Report, all: bool) {
    let draw = |html: &mut Html, fact: &FactReport| {
        let state = match fact.state {
            State::Found => "found",
            State::Absent => "absent",
            State::Unknown => "unknown",
        };
        html.words("code", &fact.id);
        let reason = fact.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        html.text(&format!(" {state} on {}{reason}", fact.subject));
        html.cite(&fact.evidence);
    };
    let shown = if all { usize::MAX } else { 0 };
    list(html, "Facts", &report.facts, shown, draw);
    if !report.sources.is_empty() {
        section(html, "Sources", |html| {
            let rows: Vec<(&str, String)> =
                report.sources.iter().map(|(name, state)| (name.as_str(), state.to_string())).collect();
            facts(html, &rows);
        });
    }
}
