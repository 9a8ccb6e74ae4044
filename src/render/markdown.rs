//! The report for a ticket or a pull request (GitHub's Markdown; others show it well too). Text from outside can't
//! become markup, a link, HTML, a mention that notifies somebody, or the end of a code block.

mod markup;

pub use markup::{code, table};

use super::Reports;
use super::age::{ago, since};
use super::escape::escape;
use super::reasoning::{cost, of_model, suspicious};
use super::text::{cited, is_not_checked, source};
use super::value::{show, show_field};
use crate::domain::{
    ActionReport, CauseReport, Contradiction, FieldChange, HistoryEntry, LogTemplate, NumberedEvidence, ObjectRef, Report,
    RuledOut, SymptomReport, Ticket, TimelineEntry, Unknown, Verdict, not_checked,
};
use markup::{link, longest_run, prose};

/// Further items of a list are left out, and counted, unless all is asked for.
const ITEMS: usize = 10;
/// Characters of one value that are shown.
const VALUE: usize = 600;

/// The reports as Markdown, one second-level heading each. `all` adds every piece of evidence and the timeline.
pub fn markdown(reports: Reports, all: bool) -> String {
    let page = |report| {
        let mut page = Page { report, all, out: String::new() };
        page.write();
        page.out
    };
    reports.as_slice().iter().map(page).collect::<Vec<_>>().join("\n---\n\n")
}

/// One report as it is put together.
struct Page<'a> {
    report: &'a Report,
    all: bool,
    out: String,
}

impl Page<'_> {
    fn write(&mut self) {
        let (report, all) = (self.report, self.all);
        let answered = report.answer().is_some();
        self.head();
        let further = report.causes.get(usize::from(answered)..).unwrap_or_default();
        self.list(if answered { "Also" } else { "Perhaps" }, further, |_, cause| {
            format!("{}: {}", cause_line(cause), prose(&cause.summary))
        });
        self.list("Seen", &report.symptoms, Self::symptom);
        self.list("Evidence", &cited(report, all), |page, item| page.evidence(item));
        self.change();
        self.list("Ruled out", &report.ruled_out, |_, out: &RuledOut| {
            format!("{}: {}{}", code(&out.id), prose(&out.why), numbers(&out.evidence))
        });
        self.list("Conflict", &report.contradictions, |_, conflict| contradiction(conflict));
        let unknown = report.unknown.iter().filter(|unknown| all || !is_not_checked(report, unknown));
        self.list("Unknown", &unknown.collect::<Vec<_>>(), |_, unknown| not_seen(unknown));
        let silent = not_checked(&report.sources);
        if !silent.is_empty() {
            self.out += &format!("\nNot checked: {}\n", prose(&silent.join(", ")));
        }
        self.list("Tickets", &report.tickets, |_, of| ticket(of));
        self.list("Logged", &report.log_searches, Self::logged);
        self.list("History", &report.history, Self::history);
        if all || matches!(report.verdict, Verdict::Healthy | Verdict::Recovered) {
            self.list("Noticed", &report.noticed, |_, cause| {
                let place = place(&cause.object, cause.container.as_deref());
                format!("{} on {place}: {}", code(&cause.id), prose(&cause.summary))
            });
        }
        if all {
            self.list("Timeline", &report.timeline, Self::moment);
        }
        self.list("Model", &of_model(report, all), |_, line| prose(line));
        self.list("Proposed", &report.actions, |_, action| proposed(action));
        self.advice();
        if let Some(reasoning) = &report.reasoning {
            let said = suspicious(reasoning, all).into_iter().chain(cost(reasoning));
            self.out += &said.map(|line| format!("\n_{}_\n", prose(&line))).collect::<String>();
        }
    }

    fn head(&mut self) {
        let report = self.report;
        let subject = match report.answer() {
            Some(cause) => cause_line(cause),
            _ => object(&report.target),
        };
        let checked = if report.checked.is_empty() { String::new() } else { format!("; looked at {}", prose(&report.checked)) };
        self.out += &format!("## {}: {subject}\n\n{}\n", report.verdict.as_str().to_uppercase(), prose(&report.summary));
        self.out += &format!("\nTarget {}, captured at {}{checked}.\n", object(&report.target), report.captured_at);
    }

    /// A third-level heading and a list, or nothing without items.
    fn list<T>(&mut self, head: &str, items: &[T], draw: impl Fn(&Self, &T) -> String) {
        if items.is_empty() {
            return;
        }
        let shown = if self.all { items.len() } else { items.len().min(ITEMS) };
        let lines = items.iter().take(shown).map(|item| format!("- {}\n", draw(self, item))).collect::<String>();
        self.out += &format!("\n### {head}\n\n{lines}");
        if items.len() > shown {
            self.out += &format!("- … and {} more\n", items.len() - shown);
        }
    }

    fn symptom(&self, symptom: &SymptomReport) -> String {
        let age = symptom.since.map(|at| format!(", for {}", since(at, self.report.captured_at))).unwrap_or_default();
        let place = place(&symptom.object, symptom.container.as_deref());
        format!("{} on {place}: {}{age}{}", code(&symptom.id), prose(&symptom.summary), numbers(&symptom.evidence))
    }

    fn evidence(&self, item: &NumberedEvidence) -> String {
        let evidence = &item.evidence;
        let line = evidence.line.map(|number| format!(" line {number}")).unwrap_or_default();
        let count = evidence.count.filter(|count| *count > 1).map(|count| format!(" ×{count}")).unwrap_or_default();
        let age = evidence.at.map(|at| format!(", {}", ago(at, self.report.captured_at))).unwrap_or_default();
        let (source, place) = (source(evidence.source), place(&evidence.object, evidence.container.as_deref()));
        let (path, value) = (code(&evidence.path), code(&cut(&show(&evidence.value))));
        format!("**{}** {source} {place} {path}{line}{count}{age}: {value}", prose(&item.id))
    }

    fn change(&mut self) {
        let Some(change) = &self.report.change else { return };
        let at = change.at.map(|at| format!(", {}", ago(at, self.report.captured_at))).unwrap_or_default();
        let tail = if change.explains { "; the cause is about what it changed" } else { "" };
        let (from, to, workload) = (change.from, change.to, object(&change.object));
        self.out += &format!("\n### Changed\n\nRevision {from} → {to} of {workload}{at}{tail}.\n");
        if change.fields.is_empty() {
            return;
        }
        self.out += "\n| field | before | after |\n| --- | --- | --- |\n";
        let shown = if self.all { change.fields.len() } else { ITEMS };
        for field in change.fields.iter().take(shown) {
            self.out += &field_row(field);
        }
        if change.fields.len() > shown {
            self.out += &format!("| … and {} more | | |\n", change.fields.len() - shown);
        }
    }

    fn history(&self, past: &HistoryEntry) -> String {
        let now = self.report.captured_at;
        let last = past.at.map(|at| format!(", last {}", ago(at, now))).unwrap_or_default();
        let ended = past.ended.map(|at| format!(", over for {}", since(at, now))).unwrap_or_default();
        let place = place(&past.object, past.container.as_deref());
        format!("{} on {place}: {}{last}{ended}{}", code(&past.id), prose(&past.summary), numbers(&past.evidence))
    }

    fn logged(&self, logged: &LogTemplate) -> String {
        let last = logged.last.map(|at| format!(", last {}", ago(at, self.report.captured_at))).unwrap_or_default();
        let (level, count, template) = (prose(&logged.level), logged.count, code(&logged.template));
        let example = if logged.exception.is_empty() { &logged.example } else { &logged.exception };
        let example = if *example == logged.template { String::new() } else { format!(": {}", code(&cut(example))) };
        format!("{level} ×{count} {template}{last}{example}")
    }

    fn moment(&self, entry: &TimelineEntry) -> String {
        let cited = entry.evidence.as_ref().map(|id| format!(" ({})", prose(id))).unwrap_or_default();
        format!("{:.0} ({}): {}{cited}", entry.at, ago(entry.at, self.report.captured_at), prose(&entry.what))
    }

    fn advice(&mut self) {
        let report = self.report;
        let fixes = report.causes.iter().filter(|cause| report.verdict.is_fault() && !cause.fix.is_empty());
        let fixes = fixes.map(|cause| format!("\n{}\n", prose(&cause.fix))).collect::<String>();
        if fixes.is_empty() && report.next.is_empty() {
            return;
        }
        self.out += &format!("\n### To do\n{fixes}");
        if !report.next.is_empty() {
            let commands = report.next.iter().map(|command| format!("{}\n", escape(command))).collect::<String>();
            let fence = "`".repeat(longest_run(&commands).max(2) + 1);
            self.out += &format!("\n{fence}sh\n{commands}{fence}\n");
        }
    }
}

fn proposed(action: &ActionReport) -> String {
    let (intent, decision) = (&action.intent, &action.decision);
    let (command, risk, object) = (code(&action.command), action.risk.as_str(), object(&intent.object()));
    let value = decision.value.as_str();
    format!(
        "{} {object}, {risk} risk: {}. {command}; {value}, {}: {}",
        code(intent.action.as_str()),
        prose(&action.why),
        code(&decision.rule),
        prose(&decision.why)
    )
}

fn contradiction(conflict: &Contradiction) -> String {
    let facts = conflict.facts.iter().map(|fact| code(fact)).collect::<Vec<_>>().join(" and ");
    format!("{facts} on {}: {}", place(&conflict.subject.object, conflict.subject.container.as_deref()), prose(&conflict.why))
}

/// A ticket, linked: the one link of a report, to a page whose address is checked.
fn ticket(ticket: &Ticket) -> String {
    let state = if ticket.resolved { "resolved" } else { "open" };
    let words = [state, &ticket.status, &ticket.priority].into_iter().filter(|word| !word.is_empty());
    let words = words.map(prose).collect::<Vec<_>>().join(", ");
    format!("{} {words}: {}", link(&ticket.key, &ticket.url), prose(&ticket.summary))
}

fn not_seen(unknown: &Unknown) -> String {
    let would = if unknown.would.is_empty() { String::new() } else { format!("; would show {}", prose(&unknown.would)) };
    format!("{}: {}{would}", prose(&unknown.what), prose(&unknown.why))
}

fn field_row(field: &FieldChange) -> String {
    let cells = [field.path.clone(), cut(&show_field(&field.before)), cut(&show_field(&field.after))];
    // GitHub reads `\|` inside a table as a bar, in code too.
    format!("| {} |\n", cells.map(|cell| code(&cell).replace('|', "\\|")).join(" | "))
}

fn cause_line(cause: &CauseReport) -> String {
    let place = place(&cause.object, cause.container.as_deref());
    format!("{} on {place} ({:.0}%)", code(&cause.id), (cause.confidence * 100.0).floor())
}

fn object(object: &ObjectRef) -> String {
    code(&object.to_string())
}

fn place(object: &ObjectRef, container: Option<&str>) -> String {
    let container = container.map(|container| format!(" container {}", code(container))).unwrap_or_default();
    format!("{}{container}", code(&object.to_string()))
}

fn numbers(ids: &[String]) -> String {
    if ids.is_empty() { String::new() } else { format!(" ({})", prose(&ids.join(", "))) }
}

fn cut(value: &str) -> String {
    match value.char_indices().nth(VALUE) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}
