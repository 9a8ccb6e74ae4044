//! `replay`: the report of a recorded incident, and whether it is still the one that was expected.

mod table;

use super::error::{CliError, Exit};
use super::output::{self, Format};
use super::ui::Screen;
use super::wiring;
use crate::bundle::{self, Expected};
use crate::cluster::Snapshot;
use crate::diagnose::{self, Options};
use crate::domain::{ObjectRef, Report};
use crate::pipeline::expectation::{Comparison, Difference, compare};
use crate::pipeline::{Scope, propose, redact_recording, resolve, think};
use crate::reason::{self, Numbers};
use crate::redact::Redactor;
use crate::remedy::{Memory, Settings};
use crate::render::{self, Layout, Reports};
use clap::Args;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  # The report of a recorded incident
  sre-copilot replay incident/

  # Many incidents, one line each
  sre-copilot replay --all fixtures/incidents

  # What differs from each expected.json; ends with 3 if anything does
  sre-copilot replay --all fixtures/incidents --diff -o markdown";

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
    /// With a recorded model: a prompt that is not the recorded one is a difference too
    #[arg(long)]
    strict_prompts: bool,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Format,
    /// End with 3 when a fault is found, or in a table when anything differs; with 4 when the cause is not certain
    #[arg(long)]
    exit_code: bool,
}

/// What to do about a table that was asked for as a page.
const TABLE_FORMS: &str = "take text, markdown, json or yaml, or replay one bundle without --all and --diff";

/// One replayed bundle.
struct Case {
    name: String,
    outcome: Result<Replayed, CliError>,
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
        return compared(args, screen);
    }
    let (mut reports, mut is_other) = (Vec::new(), false);
    for bundle in &args.bundles {
        let Replayed { report, comparison, .. } = replay(bundle, args.strict_prompts, screen)?;
        is_other |= comparison.differences.iter().any(|difference| difference.key == MODEL);
        reports.push(report);
    }
    let shown = match reports.as_slice() {
        [report] => Reports::One(report),
        reports => Reports::Many(reports),
    };
    screen.print(&output::reports(shown, args.output, screen)?)?;
    Ok(if is_other {
        Exit::Finding
    } else if args.exit_code {
        output::exit_of(&reports)
    } else {
        Exit::Done
    })
}

/// The key of a difference from what a model said.
const MODEL: &str = "model";

fn other(call: &str, got: &str) -> Difference {
    Difference { key: MODEL.to_owned(), expected: format!("{call}, as recorded"), got: got.to_owned() }
}

fn replay(bundle: &Path, strict_prompts: bool, screen: Screen) -> Result<Replayed, CliError> {
    let mut recording = bundle::read(bundle)?;
    redact_recording(&Redactor::fixed(), &mut recording);
    let expected = if bundle.is_dir() { bundle::expected(bundle)? } else { None };
    screen.warn(&recording.warnings);
    let (exchanges, model) = (std::mem::take(&mut recording.exchanges), recording.model.take());
    let snapshot = Snapshot::new(recording);
    // A recording that doesn't say what it is about is about all that it holds; of several namespaces the first.
    let targets = resolve(&snapshot, &[], &Scope::default()).unwrap_or_default();
    let target = targets.into_iter().next().unwrap_or_else(|| ObjectRef::cluster("Namespace", "default"));
    let mut report = diagnose::diagnose(&snapshot, &target, Options::default());
    propose(&mut report, &snapshot, &Memory::default(), &Settings::default());
    let numbers = Numbers::of(&report);
    let case = reason::Case { report: &report, snapshot: &snapshot, numbers: &numbers };
    let mut said = Vec::new();
    report.reasoning = Some(match model {
        None => think::by_rules(case, "model: none"),
        Some(model) => {
            let (reasoning, _, differences) = wiring::with_recording(model, exchanges, case)?;
            said.extend(differences.missing.iter().map(|call| other(call, "no recording of it")));
            if strict_prompts {
                said.extend(differences.changed.iter().map(|call| other(call, "another prompt")));
            } else {
                let changed =
                    differences.changed.iter().map(|call| format!("{call}: the prompt is another than the recorded one"));
                screen.warn(&changed.collect::<Vec<_>>());
            }
            reasoning
        }
    });
    let mut comparison = match &expected {
        Some(expected) => compare(expected, &report, &snapshot, &render::text(Reports::One(&report), MENTIONS)),
        None => Comparison::default(),
    };
    comparison.differences.extend(said);
    Ok(Replayed { report, expected, comparison })
}

fn compared(args: &ReplayArgs, screen: Screen) -> Result<Exit, CliError> {
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
        cases.push(Case { name, outcome: replay(bundle, args.strict_prompts, Screen { quiet: true, ..screen }) });
    }
    progress.clear();
    if !args.diff {
        let unreadable = cases.iter().filter_map(|case| case.outcome.as_ref().err()).map(ToString::to_string);
        screen.warn(&unreadable.collect::<Vec<_>>());
    }
    let shown = match args.output {
        Format::Text => table::text(&cases, args.diff, screen),
        Format::Markdown => table::markdown(&cases, args.diff),
        Format::Html => return Err(CliError::usage("a table of incidents has no form html").hint(TABLE_FORMS)),
        Format::Json => output::json(&table::Document::new(&cases))?,
        Format::Yaml => output::yaml(&table::Document::new(&cases))?,
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
