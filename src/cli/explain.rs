//! `explain`: what a cause or a symptom is, how it shows, how to check it by hand and how to mend it. Everything is read out
//! of the rows of the catalogue, and the page of causes in the documentation is made from the same rows.

mod entry;
mod markdown;

pub use markdown::page;

use super::error::{CliError, Exit};
use super::output::{self, Article};
use super::ui::Screen;
use crate::diagnose::catalogue::Cause;
use crate::diagnose::{SYMPTOMS, catalogue};
use crate::render::{self, Cell, Fit, Tone};
use clap::Args;
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use entry::{CauseList, Entry, rows};
use std::ffi::OsStr;
use std::io::IsTerminal;

const EXAMPLES: &str = "Examples:
  # What does this id in a report mean?
  sre-copilot explain oom_killed

  # What can be behind a symptom?
  sre-copilot explain crash_loop

  # Every cause that can be found, by section
  sre-copilot explain";

/// The longest distance between an id and what was probably meant by a misspelling of it.
const SLIPS: usize = 4;
/// An id is never longer than this; more is not compared with the ids that there are.
const LONGEST: usize = 60;
/// How many ids are offered that hold a word.
const OFFERED: usize = 4;

/// Explain a cause or a symptom: what it is, how to check it by hand, how to mend it
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExplainArgs {
    /// The id of a cause or a symptom, as reports name it; without it, a table of all causes
    #[arg(value_name = "CAUSE", value_parser = Ids, hide_possible_values = true)]
    id: Option<String>,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Article,
}

/// Offers the ids to a shell that completes, and takes any word: what is unknown is answered better in [`run`].
#[derive(Clone)]
struct Ids;

impl TypedValueParser for Ids {
    type Value = String;

    fn parse_ref(&self, command: &clap::Command, arg: Option<&clap::Arg>, value: &OsStr) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(ids().map(PossibleValue::new)))
    }
}

/// The ids of all causes, then of all symptoms.
fn ids() -> impl Iterator<Item = &'static str> {
    rows().map(|(_, cause)| cause.id).chain(SYMPTOMS.iter().map(|symptom| symptom.id))
}

/// Looks the id up and prints.
///
/// # Errors
/// When there is no such id.
pub fn run(args: &ExplainArgs, screen: Screen) -> Result<Exit, CliError> {
    let entry = match &args.id {
        Some(id) => Some(Entry::find(id).ok_or_else(|| unknown(id))?),
        None => None,
    };
    let shown = match (&entry, args.output) {
        (Some(entry), Article::Text) => text(entry, screen),
        (Some(entry), Article::Markdown) => markdown::entry(entry),
        (Some(entry), Article::Json) => output::json(entry)?,
        (Some(entry), Article::Yaml) => output::yaml(entry)?,
        (None, Article::Text) => table(screen),
        (None, Article::Markdown) => markdown::table(),
        (None, Article::Json) => output::json(&CauseList::new())?,
        (None, Article::Yaml) => output::yaml(&CauseList::new())?,
    };
    screen.print(&shown)?;
    Ok(Exit::Done)
}

fn unknown(id: &str) -> CliError {
    let error = CliError::usage(format!("{id:?} is no cause and no symptom"));
    let wanted = id.to_lowercase().replace(['-', ' '], "_");
    let is_word = !wanted.is_empty() && wanted.len() <= LONGEST;
    let nearest = ids().filter(|_| is_word).min_by_key(|id| strsim::osa_distance(id, &wanted));
    let near = nearest.filter(|id| strsim::osa_distance(id, &wanted) <= SLIPS.min(wanted.len() / 3));
    let holding = ids().filter(|id| is_word && id.contains(&wanted)).take(OFFERED);
    let offered = near.into_iter().chain(holding.filter(|id| Some(*id) != near)).collect::<Vec<_>>();
    match offered.as_slice() {
        [] => error.hint("sre-copilot explain, without an id, shows all of them"),
        offered => error.hint(format!("did you mean {}?", offered.join(", or "))),
    }
}

/// Every cause, one line each, under the heading of its section.
fn table(screen: Screen) -> String {
    let fit = if std::io::stdout().is_terminal() { Fit::Cut(&[1]) } else { Fit::Whole };
    let sections = catalogue().into_iter().map(|(section, causes)| {
        let cells = |cause: &&Cause| vec![Cell::toned(cause.id, Tone::Strong), Cell::new(cause.title)];
        let rows: Vec<_> = causes.iter().map(cells).collect();
        render::table(&[section.title(), "what it is"], &rows, screen.layout(), fit)
    });
    sections.collect::<Vec<_>>().join("\n")
}

/// One entry, for a screen.
fn text(entry: &Entry, screen: Screen) -> String {
    let (id, title) = entry.heading();
    render::definitions(&format!("{id}: {title}"), &entry.terms(), screen.layout())
}
