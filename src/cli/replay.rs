//! `replay`: the report of a recorded incident, and whether it is still the one that was expected.

use super::error::{CliError, Exit};
use super::output::{self, Format};
use super::ui::Screen;
use crate::bundle::{self, BundleError, Expected};
use crate::cluster::Snapshot;
use crate::diagnose::{self, Options};
use crate::domain::{ObjectRef, Report, Verdict};
use crate::pipeline::expectation::{Comparison, Difference, compare};
use crate::pipeline::{Scope, resolve};
use crate::render::{self, Cell, Layout, Reports, Tone};
use clap::Args;
use serde::Serialize;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  sre-copilot replay incident/                       the report of a recorded incident
  sre-copilot replay --all fixtures/incidents        one line a case
  sre-copilot replay --all fixtures/incidents --diff and what differs from each expected.json; ends with 3 if anything does
  sre-copilot replay incident/ --diff -o json        for a build server";

/// Columns of the text in which `mentions` are looked for: those of a screen.
const MENTIONS: Layout = Layout { width: 100, color: false, verbose: false };

/// Diagnose recorded incidents again, without a cluster, and compare with what was expected
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ReplayArgs {
    /// Incident bundles: folders that analyze --record has written, or files that analyze --from takes
    #[arg(value_name = "BUNDLE", required_unless_present = "all")]
    bundles: Vec<PathBuf>,
    /// Every bundle in a folder and below it, as a table
    #[arg(long, value_name = "DIR", conflicts_with = "bundles")]
    all: Option<PathBuf>,
    /// Compare with each bundle's expected.json; end with 3 when anything differs
    #[arg(long)]
    diff: bool,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Format,
    /// End with 3 when a fault is found, or in a table when anything differs; with 4 when the cause is not certain
    #[arg(long)]
    exit_code: bool,
}

/// One replayed bundle.
struct Case {
    name: String,
    outcome: Result<Replayed, BundleError>,
}

struct Replayed {
    report: Report,
    expected: Option<Expected>,
    comparison: Comparison,
}

impl Case {
    /// Whether it is as expected; `None` when nothing is expected.
    fn is_ok(&self) -> Option<bool> {
        match &self.outcome {
            Err(_) => Some(false),
            Ok(replayed) => replayed.expected.as_ref().map(|_| replayed.comparison.differences.is_empty()),
        }
    }
}

/// Replays and prints.
///
/// # Errors
/// When a bundle can't be read, unless several are compared: then that is one of the things that differ.
pub fn run(args: &ReplayArgs, screen: Screen) -> Result<Exit, CliError> {
    let is_table = args.all.is_some() || args.diff;
    if is_table {
        return table(args, screen);
    }
    let mut reports = Vec::new();
    for bundle in &args.bundles {
        reports.push(replay(bundle, screen)?.report);
    }
    let shown = match reports.as_slice() {
        [report] => Reports::One(report),
        reports => Reports::Many(reports),
    };
    screen.print(&output::reports(shown, args.output, screen)?)?;
    Ok(if args.exit_code { output::exit_of(&reports) } else { Exit::Done })
}

fn replay(bundle: &Path, screen: Screen) -> Result<Replayed, BundleError> {
    let recording = bundle::read(bundle)?;
    let expected = if bundle.is_dir() { bundle::expected(bundle)? } else { None };
    screen.warn(&recording.warnings);
    let snapshot = Snapshot::new(recording);
    // A recording that doesn't say what it is about is about all that it holds; of several namespaces the first.
    let targets = resolve(&snapshot, &[], &Scope::default()).unwrap_or_default();
    let target = targets.into_iter().next().unwrap_or_else(|| ObjectRef::cluster("Namespace", "default"));
    let report = diagnose::diagnose(&snapshot, &target, Options::default());
    let comparison = match &expected {
        Some(expected) => compare(expected, &report, &snapshot, &render::text(Reports::One(&report), MENTIONS)),
        None => Comparison::default(),
    };
    Ok(Replayed { report, expected, comparison })
}

fn table(args: &ReplayArgs, screen: Screen) -> Result<Exit, CliError> {
    let bundles = match &args.all {
        Some(dir) => bundle::list(dir)?,
        None => args.bundles.clone(),
    };
    if let ([], Some(dir)) = (bundles.as_slice(), &args.all) {
        return Err(CliError::failed(format!("no incident bundle in {}", dir.display()))
            .hint("a bundle is a folder that analyze --record has written"));
    }
    let progress = screen.progress();
    let mut cases = Vec::new();
    for bundle in &bundles {
        let within = args.all.as_deref().and_then(|dir| bundle.strip_prefix(dir).ok()).filter(|path| *path != Path::new(""));
        let name = within.unwrap_or(bundle).display().to_string();
        progress.say(&format!("replaying {name}"));
        cases.push(Case { name, outcome: replay(bundle, Screen { quiet: true, ..screen }) });
    }
    progress.clear();
    let shown = match args.output {
        Format::Text => text(&cases, args.diff, screen),
        Format::Markdown => markdown(&cases, args.diff),
        Format::Json => output::json(&Document::new(&cases))?,
        Format::Yaml => output::yaml(&Document::new(&cases))?,
    };
    screen.print(&shown)?;
    let fails = args.diff || args.exit_code;
    Ok(if fails && cases.iter().any(|case| case.is_ok() == Some(false)) {
        Exit::Finding
    } else if cases.iter().any(|case| case.outcome.is_err()) {
        Exit::Failed
    } else {
        Exit::Done
    })
}

const HEAD: [&str; 8] = ["case", "target", "verdict", "cause", "object", "sure", "expected", "ok?"];
const DIFF_HEAD: [&str; 4] = ["case", "key", "expected", "got"];

/// The cells of a case's row, in the order of [`HEAD`].
fn row(case: &Case) -> Vec<Cell> {
    let name = Cell::toned(&case.name, Tone::Strong);
    let replayed = match &case.outcome {
        Ok(replayed) => replayed,
        Err(error) => {
            let mut cells = vec![name, Cell::new(""), Cell::toned("unreadable", Tone::Bad), Cell::new(error.to_string())];
            cells.resize_with(HEAD.len() - 1, || Cell::new(""));
            cells.push(Cell::toned("no", Tone::Bad));
            return cells;
        }
    };
    let report = &replayed.report;
    let cause = report.causes.first();
    let ok = match case.is_ok() {
        Some(true) => Cell::toned("yes", Tone::Good),
        Some(false) => Cell::toned("no", Tone::Bad),
        None => Cell::toned("-", Tone::Dim),
    };
    vec![
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

/// Keys of `expected.json` that were not judged, as one sentence; empty when all were.
fn not_evaluated(cases: &[Case]) -> String {
    let keys = cases.iter().filter_map(|case| case.outcome.as_ref().ok()).flat_map(|replayed| &replayed.comparison.not_evaluated);
    let keys = keys.copied().collect::<std::collections::BTreeSet<_>>();
    if keys.is_empty() {
        return String::new();
    }
    format!("not evaluated by this version: {}", keys.into_iter().collect::<Vec<_>>().join(", "))
}

fn text(cases: &[Case], diff: bool, screen: Screen) -> String {
    let layout = screen.layout();
    let is_terminal = std::io::stdout().is_terminal();
    let mut out = render::table(&HEAD, &cases.iter().map(row).collect::<Vec<_>>(), layout, is_terminal);
    let differences = differences(cases);
    if diff && !differences.is_empty() {
        let rows: Vec<_> = differences
            .into_iter()
            .map(|[case, key, expected, got]| {
                vec![Cell::toned(case, Tone::Strong), Cell::new(key), Cell::toned(expected, Tone::Good), Cell::toned(got, Tone::Bad)]
            })
            .collect();
        out += &format!("\n{}", render::table(&DIFF_HEAD, &rows, layout, is_terminal));
    }
    out += &format!("\n{}\n", Totals::of(cases).sentence());
    match not_evaluated(cases) {
        sentence if diff && !sentence.is_empty() => out + &sentence + "\n",
        _ => out,
    }
}

fn markdown(cases: &[Case], diff: bool) -> String {
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
struct Document<'a> {
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
    not_evaluated: &'a [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl<'a> Document<'a> {
    fn new(cases: &'a [Case]) -> Self {
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
                not_evaluated: replayed.map_or(&[], |replayed| &replayed.comparison.not_evaluated),
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
