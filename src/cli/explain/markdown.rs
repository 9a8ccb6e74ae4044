//! The catalogue as Markdown: one entry, the table, and the page of the documentation.

use super::entry::{CauseEntry, Entry, rows};
use crate::diagnose::SYMPTOMS;
use crate::diagnose::catalogue;
use crate::diagnose::catalogue::Cause;
use crate::domain::Verdict;
use crate::render::{self, Meaning};

const INTRODUCTION: &str = "# Causes

<!-- Made from the rows of the catalogue (src/diagnose/rules). UPDATE_GENERATED=1 cargo test --test it generated rewrites it. -->

A *cause* is what an engineer would mend. A *symptom* is what is seen; it is reported, and never as the root cause while a
cause explains it. The ids are public: they are added to, not renamed. `sre-copilot explain ID` shows the same.
";

/// What the verdicts that name no fault mean; where a case expects a cause, they stand for one.
const VERDICTS: [(Verdict, &str); 3] = [
    (Verdict::Healthy, "looked, and nothing is wrong; the report says what was checked"),
    (Verdict::Recovered, "it was wrong, and is over; the report says what it was and since when it is well"),
    (Verdict::Inconclusive, "looked, and can't tell (the id is `unknown`); the report says what is missing to tell"),
];

/// One entry, under a second-level heading.
pub(super) fn entry(entry: &Entry) -> String {
    section("##", entry)
}

/// Every cause, one table a section.
pub(super) fn table() -> String {
    let row = |cause: &&Cause| format!("| `{}` | {} |\n", cause.id, prose(cause.title));
    let tables = catalogue().into_iter().map(|(section, causes)| {
        let rows = causes.iter().map(row).collect::<String>();
        format!("## {}\n\n| id | what it is |\n| --- | --- |\n{rows}", section.title())
    });
    tables.collect::<Vec<_>>().join("\n")
}

/// The page of causes in the documentation.
pub fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut heading = "";
    for (part, cause) in rows() {
        if heading != part.title() {
            heading = part.title();
            page += &format!("\n## {heading}\n");
        }
        page += &format!("\n{}", section("###", &Entry::Cause(CauseEntry::new(part, cause))));
    }
    page += "\n## Verdicts without a fault\n\n";
    page.extend(VERDICTS.map(|(verdict, meaning)| format!("- `{}`: {meaning}\n", verdict.as_str())));
    page += "\n## Symptoms\n\n";
    page.extend(SYMPTOMS.iter().map(|symptom| format!("- `{}`: {}\n", symptom.id, prose(symptom.doc))));
    page
}

fn section(level: &str, entry: &Entry) -> String {
    let (id, title) = entry.heading();
    let terms: String = entry.terms().iter().map(line).collect();
    format!("{level} `{id}`\n\n{}.\n\n{terms}", prose(&capital(title)))
}

fn line((name, meaning): &(&str, Meaning)) -> String {
    match meaning {
        Meaning::Prose(text) => format!("- **{name}**: {}\n", prose(text)),
        Meaning::Command(command) => format!("- **{name}**: {}\n", render::markdown_code(command)),
    }
}

/// The rows' own text, in which only what stands between backticks is meant as markup. Underscores inside of words are
/// none (CommonMark 6.2).
fn prose(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let escaped = parts.map(|(index, part)| {
        if index % 2 == 1 { part.to_owned() } else { part.replace('<', "&lt;").replace('*', "\\*").replace('|', "\\|") }
    });
    escaped.collect::<Vec<_>>().join("`")
}

/// As the beginning of a sentence.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}
