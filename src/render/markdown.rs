//! The report for a ticket or a pull request (GitHub's Markdown; others show it well too). Text from outside can't
//! become markup, a link, HTML, a mention that notifies somebody, or the end of a code block.

use super::Reports;
use super::age::{ago, since};
use super::escape::escape;
use super::text::{cited, source};
use super::value::{show, show_field};
use crate::domain::{CauseReport, NumberedEvidence, ObjectRef, Report, Verdict};

/// Further pieces of evidence are left out, and counted, unless all is asked for.
const EVIDENCE: usize = 12;
/// Characters of one value that are shown.
const VALUE: usize = 600;

/// The reports as Markdown, one second-level heading each. `all` adds every piece of evidence and the timeline.
pub fn markdown(reports: Reports, all: bool) -> String {
    let reports = reports.as_slice().iter().map(|report| one(report, all));
    reports.collect::<Vec<_>>().join("\n---\n\n")
}

/// A table in GitHub's Markdown.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let rule = head.iter().map(|_| "---".to_owned()).collect();
    let head = line(head.iter().map(|cell| prose(cell)).collect());
    let rows = rows.iter().map(|row| line(row.iter().map(|cell| prose(cell)).collect()));
    head + &line(rule) + &rows.collect::<String>()
}

fn one(report: &Report, all: bool) -> String {
    let fault = report.verdict.is_fault();
    let word = report.verdict.as_str().to_uppercase();
    let mut out = match report.causes.first() {
        Some(cause) if fault => format!("## {word}: {}\n\n", cause_line(cause)),
        _ => format!("## {word}: {}\n\n", object(&report.target)),
    };
    out += &format!("{}\n", prose(&report.summary));
    out += &format!("\nTarget {}, captured at {}", object(&report.target), report.captured_at);
    out += &match report.checked.as_str() {
        "" => ".\n".to_owned(),
        checked => format!("; looked at {}.\n", prose(checked)),
    };
    let further = report.causes.iter().skip(usize::from(fault));
    section(
        &mut out,
        if fault { "Also" } else { "Perhaps" },
        further.map(|cause| format!("{}: {}", cause_line(cause), prose(&cause.summary))),
    );
    section(
        &mut out,
        "Seen",
        report.symptoms.iter().map(|symptom| {
            let age = symptom.since.map(|at| format!(" for {}", since(at, report.captured_at))).unwrap_or_default();
            let place = place(&symptom.object, symptom.container.as_deref());
            format!("{} on {place}: {}{age}{}", code(&symptom.id), prose(&symptom.summary), numbers(&symptom.evidence))
        }),
    );
    let evidence = cited(report, all);
    let hidden = if all { 0 } else { evidence.len().saturating_sub(EVIDENCE) };
    let more = (hidden > 0).then(|| format!("… and {hidden} more"));
    let shown = evidence.iter().take(evidence.len() - hidden).map(|item| evidence_line(item, report));
    section(&mut out, "Evidence", shown.chain(more));
    change(&mut out, report);
    section(
        &mut out,
        "Ruled out",
        report
            .ruled_out
            .iter()
            .map(|ruled_out| format!("{}: {}{}", code(&ruled_out.id), prose(&ruled_out.why), numbers(&ruled_out.evidence))),
    );
    section(
        &mut out,
        "Conflict",
        report.contradictions.iter().map(|conflict| {
            let facts = conflict.facts.iter().map(|fact| code(fact)).collect::<Vec<_>>().join(" and ");
            let place = place(&conflict.subject.object, conflict.subject.container.as_deref());
            format!("{facts} on {place}: {}", prose(&conflict.why))
        }),
    );
    section(
        &mut out,
        "Unknown",
        report.unknown.iter().map(|unknown| {
            let would = if unknown.would.is_empty() { String::new() } else { format!("; would {}", prose(&unknown.would)) };
            format!("{}: {}{would}", prose(&unknown.what), prose(&unknown.why))
        }),
    );
    section(
        &mut out,
        "History",
        report.history.iter().map(|past| {
            let at = past.at.map(|at| format!(", last {}", ago(at, report.captured_at))).unwrap_or_default();
            format!("{} on {}: {}{at}", code(&past.id), place(&past.object, past.container.as_deref()), prose(&past.summary))
        }),
    );
    if all || !fault && report.verdict != Verdict::Inconclusive {
        section(
            &mut out,
            "Noticed",
            report.noticed.iter().map(|cause| {
                format!("{} on {}: {}", code(&cause.id), place(&cause.object, cause.container.as_deref()), prose(&cause.summary))
            }),
        );
    }
    if all {
        section(
            &mut out,
            "Timeline",
            report.timeline.iter().map(|entry| {
                let cited = entry.evidence.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
                format!("{:.0} ({}): {}{cited}", entry.at, ago(entry.at, report.captured_at), prose(&entry.what))
            }),
        );
    }
    to_do(&mut out, report);
    out
}

fn section(out: &mut String, head: &str, items: impl Iterator<Item = String>) {
    let items = items.map(|item| format!("- {item}\n")).collect::<String>();
    if !items.is_empty() {
        *out += &format!("\n### {head}\n\n{items}");
    }
}

fn evidence_line(item: &NumberedEvidence, report: &Report) -> String {
    let evidence = &item.evidence;
    let line = evidence.line.map(|number| format!(" line {number}")).unwrap_or_default();
    let count = evidence.count.filter(|count| *count > 1).map(|count| format!(" ×{count}")).unwrap_or_default();
    let age = evidence.at.map(|at| format!(", {}", ago(at, report.captured_at))).unwrap_or_default();
    let value = show(&evidence.value);
    let value = match value.char_indices().nth(VALUE) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value,
    };
    format!(
        "**{}** {} {} {}{line}{count}{age}: {}",
        prose(&item.id),
        source(evidence.source),
        place(&evidence.object, evidence.container.as_deref()),
        code(&evidence.path),
        code(&value)
    )
}

fn change(out: &mut String, report: &Report) {
    let Some(change) = &report.change else { return };
    let at = change.at.map(|at| format!(", {}", ago(at, report.captured_at))).unwrap_or_default();
    let tail = if change.explains { "; the cause is about what it changed" } else { "" };
    *out += "\n### Changed\n\n";
    *out += &format!("Revision {} → {} of {}{at}{tail}.\n", change.from, change.to, object(&change.object));
    if !change.fields.is_empty() {
        *out += "\n| field | before | after |\n| --- | --- | --- |\n";
        for field in &change.fields {
            let cells = [field.path.clone(), show_field(&field.before), show_field(&field.after)];
            // GitHub reads `\|` inside a table as a bar, in code too.
            *out += &format!("| {} |\n", cells.map(|cell| code(&cell).replace('|', "\\|")).join(" | "));
        }
    }
}

fn to_do(out: &mut String, report: &Report) {
    let fixes = report.causes.iter().filter(|cause| report.verdict.is_fault() && !cause.fix.is_empty());
    let fixes = fixes.map(|cause| format!("\n{}\n", prose(&cause.fix))).collect::<String>();
    if fixes.is_empty() && report.next.is_empty() {
        return;
    }
    *out += &format!("\n### To do\n{fixes}");
    if !report.next.is_empty() {
        let commands = report.next.iter().map(|command| format!("{}\n", escape(command))).collect::<String>();
        let fence = "`".repeat(longest_run(&commands).max(2) + 1);
        *out += &format!("\n{fence}sh\n{commands}{fence}\n");
    }
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

/// Text in which nothing is markup.
fn prose(text: &str) -> String {
    let text = escape(text);
    let mut out = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => out.extend(['\\', char]),
            // A zero-width space: `@name` would notify a person, `#7` would link an issue, `://` a page.
            '@' | '#' => out.extend([char, '\u{200b}']),
            ':' => out.push(char),
            '/' if out.ends_with(":/") => out.push_str("\u{200b}/"),
            char => out.push(char),
        }
    }
    out
}

/// Text as code, in a fence that the text can't close.
fn code(text: &str) -> String {
    let text = escape(text);
    if text.trim().is_empty() {
        return "` `".to_owned();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|char| char != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{code, prose, table};

    #[test]
    fn text_from_outside_is_not_markup() {
        assert_eq!(prose("<b>a|b</b> *x* _y_ [l](u) `c`"), "&lt;b&gt;a\\|b&lt;/b&gt; \\*x\\* \\_y\\_ \\[l\\](u) \\`c\\`");
        assert_eq!(prose("ping @oncall about #7"), "ping @\u{200b}oncall about #\u{200b}7");
        assert!(!prose("see https://evil.example").contains("://"));
    }

    #[test]
    fn code_can_not_be_closed_from_inside() {
        assert_eq!(code("plain"), "`plain`");
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code("`x"), "`` `x ``");
        assert_eq!(code("a\n# b"), "`a\\n# b`");
        assert_eq!(code(""), "` `");
    }

    #[test]
    fn tables_keep_their_columns() {
        assert_eq!(table(&["a", "b"], &[vec!["1|2".into(), "x\ny".into()]]), "| a | b |\n| --- | --- |\n| 1\\|2 | x\\\\ny |\n");
    }
}
