//! The report on a terminal, for somebody who was just woken up: the verdict, the object, the cause and its number
//! first; then the proof, what changed, what it isn't, what could not be seen, and what to do. It fits a screen;
//! what doesn't fit is counted, and shown with `-v`.

mod details;
mod sections;

pub(super) use sections::{cited, is_not_checked, source};

use super::paragraph::Paragraph;
use super::style::Tone;
use super::{Layout, Reports};
use crate::domain::{Report, Verdict};
use std::collections::BTreeMap;

/// Lines that a report may take at 100 columns before sections are shortened further; more on a narrower screen.
const SCREEN: usize = 35;
/// Columns of the labels on the left.
const LABEL: usize = 11;
/// Text wider than this is hard to read.
const WIDEST: usize = 140;

/// How much of each section is shown.
#[derive(Clone, Copy, Debug)]
struct Caps {
    /// Pieces of evidence.
    evidence: usize,
    /// Lines of one observed value.
    value_lines: usize,
    /// Lines of one item of a list.
    item_lines: usize,
    /// Lines about what changed.
    change: usize,
    /// Items of the lists that matter: further causes, what was ruled out, what is unknown.
    items: usize,
    /// Items of the other lists.
    few: usize,
}

/// From generous to the least that still makes the case; the first that fits the screen is taken.
const LEVELS: [Caps; 5] = [
    Caps { evidence: 8, value_lines: 3, item_lines: 3, change: 9, items: 5, few: 3 },
    Caps { evidence: 6, value_lines: 2, item_lines: 2, change: 6, items: 3, few: 3 },
    Caps { evidence: 4, value_lines: 2, item_lines: 2, change: 5, items: 2, few: 2 },
    Caps { evidence: 3, value_lines: 1, item_lines: 2, change: 4, items: 2, few: 1 },
    Caps { evidence: 2, value_lines: 1, item_lines: 2, change: 3, items: 1, few: 1 },
];
const EVERYTHING: Caps =
    Caps { evidence: usize::MAX, value_lines: 20, item_lines: 20, change: usize::MAX, items: usize::MAX, few: usize::MAX };

/// The reports as text, with a final newline. Of several reports, those of healthy targets take one line each.
pub fn text(reports: Reports, layout: Layout) -> String {
    let layout = Layout { width: layout.width.clamp(40, WIDEST), ..layout };
    let lines = match reports {
        Reports::One(report) => one(report, layout),
        Reports::Many(reports) => many(reports, layout),
    };
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

fn many(reports: &[Report], layout: Layout) -> Vec<String> {
    let mut lines = Vec::new();
    let mut tally = BTreeMap::<Verdict, usize>::new();
    let mut after_full = false;
    for report in reports {
        *tally.entry(report.verdict).or_default() += 1;
        let brief = report.verdict == Verdict::Healthy && !layout.verbose;
        if after_full || !(brief || lines.is_empty()) {
            lines.push(Tone::Dim.paint(&"─".repeat(layout.width.min(72)), layout.color));
        }
        lines.extend(if brief { headline(report).lines(layout.width, layout.color) } else { one(report, layout) });
        after_full = !brief;
    }
    let counts = tally.iter().map(|(verdict, count)| format!("{count} {}", verdict.as_str()));
    let targets = if reports.len() == 1 { "target" } else { "targets" };
    let total = format!("{} {targets}: {}", reports.len(), counts.collect::<Vec<_>>().join(", "));
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.push(Tone::Strong.paint(total.trim_end_matches(": "), layout.color));
    lines
}

fn one(report: &Report, layout: Layout) -> Vec<String> {
    if layout.verbose {
        return Page::lay_out(report, layout, EVERYTHING);
    }
    let screen = SCREEN * 100 / layout.width.min(100);
    let mut lines = Vec::new();
    for caps in LEVELS {
        lines = Page::lay_out(report, layout, caps);
        if lines.len() <= screen {
            break;
        }
    }
    lines
}

/// `CONFIRMED  Deployment shop/checkout container app: oom_killed (97%)`
fn headline(report: &Report) -> Paragraph {
    let word = report.verdict.as_str().to_uppercase();
    let line = Paragraph::new().add(Tone::of(report.verdict), &word).add(Tone::Plain, "  ").hang(word.len() + 2);
    match report.answer() {
        Some(cause) => sections::cause_line(line, cause),
        _ => line.add(Tone::Strong, &report.target.to_string()),
    }
}

/// The lines of one report as they are put together.
struct Page<'a> {
    report: &'a Report,
    layout: Layout,
    caps: Caps,
    lines: Vec<String>,
}

impl<'a> Page<'a> {
    fn lay_out(report: &'a Report, layout: Layout, caps: Caps) -> Vec<String> {
        let mut page = Self { report, layout, caps, lines: Vec::new() };
        page.paragraph(&headline(report));
        page.paragraph(&Paragraph::new().add(Tone::Plain, &report.summary));
        page.sections();
        if layout.verbose {
            page.details();
        }
        page.lines
    }

    fn paragraph(&mut self, paragraph: &Paragraph) {
        self.lines.extend(paragraph.lines(self.layout.width, self.layout.color));
    }

    /// A labelled block after an empty line; nothing without items. Of the items `cap` are drawn and the rest is counted.
    fn section<T>(&mut self, label: &str, items: &[T], cap: usize, draw: impl Fn(&Self, &T) -> Paragraph) {
        if items.is_empty() {
            return;
        }
        // A line that says "1 more" would only take the place of that one.
        let cap = if items.len() == cap.saturating_add(1) { items.len() } else { cap };
        let mut drawn = items.iter().take(cap).map(|item| draw(self, item)).collect::<Vec<_>>();
        if items.len() > cap {
            drawn.push(Paragraph::new().add(Tone::Dim, &format!("… {} more, -v shows them", items.len() - cap)));
        }
        let width = self.layout.width - LABEL;
        let mut label = Tone::Strong.paint(&format!("{label:LABEL$}"), self.layout.color);
        self.lines.push(String::new());
        for line in drawn.iter().flat_map(|paragraph| paragraph.lines(width, self.layout.color)) {
            self.lines.push(format!("{label}{line}"));
            label = " ".repeat(LABEL);
        }
    }
}

#[cfg(test)]
mod tests;
