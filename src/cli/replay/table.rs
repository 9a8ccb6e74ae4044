//! Replayed cases as a table: one line a case, and what differs from what was expected.

use super::Case;
use crate::bundle::Expected;
use crate::cli::ui::Screen;
use crate::domain::{ObjectRef, Verdict};
use crate::pipeline::expectation::Difference;
use crate::render::{self, Cell, Fit, Tone};
use serde::Serialize;
use std::io::IsTerminal;

const HEAD: [&str; 8] = ["case", "target", "verdict", "cause", "object", "sure", "expected", "ok?"];
/// The columns that lose the ends of their cells on a narrow screen.
const CUT: [&str; 3] = ["target", "object", "expected"];
const DIFF_HEAD: [&str; 4] = ["case", "key", "expected", "got"];

/// The cells of a case's row, in the order of [`HEAD`].
fn row(case: &Case) -> [Cell; HEAD.len()] {
    let name = Cell::toned(&case.name, Tone::Strong);
    let replayed = match &case.outcome {
        Ok(replayed) => replayed,
        Err(_) => {
            let nothing = || Cell::new("-");
            let (unreadable, no) = (Cell::toned("unreadable", Tone::Bad), Cell::toned("no", Tone::Bad));
            return [name, nothing(), unreadable, nothing(), nothing(), nothing(), nothing(), no];
        }
    };
    let report = &replayed.report;
    let cause = report.causes.first();
    let ok = match case.is_ok() {
        Some(true) => Cell::toned("yes", Tone::Good),
        Some(false) => Cell::toned("no", Tone::Bad),
        None => Cell::toned("-", Tone::Dim),
    };
    [
        name,
        Cell::new(short(&report.target)),
        Cell::toned(report.verdict.as_str(), Tone::of(report.verdict)),
        Cell::new(cause.map_or("-", |cause| &cause.id)),
        Cell::new(cause.map_or("-".to_owned(), |cause| short(&cause.object))),
        Cell::new(cause.map_or("-".to_owned(), |cause| format!("{:.2}", cause.confidence))),
        Cell::toned(replayed.expected.as_ref().map_or("-".to_owned(), wanted), Tone::Dim),
        ok,
    ]
}

/// `deployment/checkout`, without the namespace, which a table has no room for.
fn short(object: &ObjectRef) -> String {
    object.kubectl()
}

/// The verdict and the cause that are expected.
fn wanted(expected: &Expected) -> String {
    let parts = [expected.verdict.map(Verdict::as_str), expected.cause.as_deref()];
    let parts = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    if parts.is_empty() { "other keys".to_owned() } else { parts }
}

/// The failed assertions of all cases, one row each, in the order of [`DIFF_HEAD`].
fn differences(cases: &[Case]) -> Vec<[String; 4]> {
    let of = |case: &Case| -> Vec<[String; 4]> {
        let cells = |it: &Difference| [case.name.clone(), it.key.clone(), it.expected.clone(), it.got.clone()];
        match &case.outcome {
            Ok(replayed) => replayed.comparison.differences.iter().map(cells).collect(),
            Err(error) => vec![[case.name.clone(), "bundle".to_owned(), "readable".to_owned(), error.to_string()]],
        }
    };
    cases.iter().flat_map(of).collect()
}

/// How many there are of each outcome.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Totals {
    cases: usize,
    as_expected: usize,
    different: usize,
    without_expectation: usize,
    unreadable: usize,
}

impl Totals {
    fn of(cases: &[Case]) -> Self {
        let mut totals = Self { cases: cases.len(), ..Self::default() };
        for case in cases {
            match (&case.outcome, case.is_ok()) {
                (Err(_), _) => totals.unreadable += 1,
                (Ok(_), Some(true)) => totals.as_expected += 1,
                (Ok(_), Some(false)) => totals.different += 1,
                (Ok(_), None) => totals.without_expectation += 1,
            }
        }
        totals
    }

    fn sentence(&self) -> String {
        let parts = [
            (self.as_expected, "as expected"),
            (self.different, "different"),
            (self.without_expectation, "without expectation"),
            (self.unreadable, "unreadable"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
        let cases = if self.cases == 1 { "1 case".to_owned() } else { format!("{} cases", self.cases) };
        format!("{cases}: {}", parts.collect::<Vec<_>>().join(", "))
    }
}

/// The columns that tell cases apart: not the target when it is the same everywhere, and not what is expected when
/// nothing is.
fn telling(rows: &[[Cell; HEAD.len()]]) -> Vec<usize> {
    let differs = |column: usize| rows.windows(2).any(|pair| pair[0][column].text != pair[1][column].text);
    let says = |column: usize| rows.iter().any(|row| row[column].text != "-");
    let tells = |column: &usize| match HEAD[*column] {
        "target" => rows.len() == 1 || differs(*column),
        "expected" | "ok?" => says(*column),
        _ => true,
    };
    (0..HEAD.len()).filter(tells).collect()
}

/// For a screen.
pub(super) fn text(cases: &[Case], diff: bool, screen: Screen) -> String {
    let layout = screen.layout();
    let fit = |on_screen| if std::io::stdout().is_terminal() { on_screen } else { Fit::Whole };
    let rows: Vec<_> = cases.iter().map(row).collect();
    let columns = telling(&rows);
    let pick = |row: &[Cell; HEAD.len()]| columns.iter().filter_map(|column| row.get(*column).cloned()).collect();
    let head: Vec<&str> = columns.iter().filter_map(|column| HEAD.get(*column).copied()).collect();
    let cut: Vec<usize> = (0..head.len()).filter(|column| CUT.contains(&head[*column])).collect();
    let mut out = render::table(&head, &rows.iter().map(pick).collect::<Vec<_>>(), layout, fit(Fit::Cut(&cut)));
    let differences = differences(cases);
    if diff && !differences.is_empty() {
        let rows: Vec<_> = differences
            .into_iter()
            .map(|[case, key, expected, got]| {
                vec![
                    Cell::toned(case, Tone::Strong),
                    Cell::new(key),
                    Cell::toned(expected, Tone::Good),
                    Cell::toned(got, Tone::Bad),
                ]
            })
            .collect();
        out += &format!("\n{}", render::table(&DIFF_HEAD, &rows, layout, fit(Fit::Wrap)));
    }
    out += &format!("\n{}\n", Totals::of(cases).sentence());
    out
}

/// For a ticket.
pub(super) fn markdown(cases: &[Case], diff: bool) -> String {
    let rows: Vec<Vec<String>> = cases.iter().map(|case| row(case).into_iter().map(|cell| cell.text).collect()).collect();
    let mut out = render::markdown_table(&HEAD, &rows);
    let differences: Vec<Vec<String>> = differences(cases).into_iter().map(Vec::from).collect();
    if diff && !differences.is_empty() {
        out += &format!("\n{}", render::markdown_table(&DIFF_HEAD, &differences));
    }
    out += &format!("\n{}\n", Totals::of(cases).sentence());
    out
}

/// The table as a document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<Item<'a>>,
    totals: Totals,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    case: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a ObjectRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'a ObjectRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f64>,
    /// Null when nothing is expected.
    ok: Option<bool>,
    differences: &'a [Difference],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl<'a> Document<'a> {
    /// All cases.
    pub(super) fn new(cases: &'a [Case]) -> Self {
        let item = |case: &'a Case| {
            let replayed = case.outcome.as_ref().ok();
            let cause = replayed.and_then(|replayed| replayed.report.causes.first());
            Item {
                case: &case.name,
                target: replayed.map(|replayed| &replayed.report.target),
                verdict: replayed.map(|replayed| replayed.report.verdict),
                cause: cause.map(|cause| cause.id.as_str()),
                object: cause.map(|cause| &cause.object),
                confidence: cause.map(|cause| cause.confidence),
                ok: case.is_ok(),
                differences: replayed.map_or(&[], |replayed| &replayed.comparison.differences),
                error: case.outcome.as_ref().err().map(ToString::to_string),
            }
        };
        Self {
            api_version: "sre-copilot/v1",
            kind: "ReplayList",
            items: cases.iter().map(item).collect(),
            totals: Totals::of(cases),
        }
    }
}
