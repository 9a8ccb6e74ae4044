//! The forms in which reports are printed.

use super::error::{CliError, Exit};
use super::ui::Screen;
use crate::domain::{Report, Verdict};
use crate::render::{self, Reports};
use clap::ValueEnum;
use serde::Serialize;

/// The form of the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people, on a screen.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For programs, and people who read on.
    Yaml,
    /// For a ticket or a pull request.
    Markdown,
    /// For a browser: one page that loads nothing.
    Html,
}

/// The reports in this form.
///
/// # Errors
/// When they can't be represented in it.
pub fn reports(reports: Reports, format: Format, screen: Screen) -> Result<String, CliError> {
    match format {
        Format::Text => Ok(render::text(reports, screen.layout())),
        Format::Markdown => Ok(render::markdown(reports, screen.verbose)),
        Format::Html => Ok(render::html(reports, screen.verbose)),
        Format::Json => json(&reports),
        Format::Yaml => yaml(&reports),
    }
}

/// A document as JSON.
///
/// # Errors
/// When it can't be represented in JSON.
pub fn json(document: &impl Serialize) -> Result<String, CliError> {
    render::json(document).map_err(|error| CliError::failed(format!("cannot write the result as JSON: {error}")))
}

/// A document as YAML.
///
/// # Errors
/// When it can't be represented in YAML.
pub fn yaml(document: &impl Serialize) -> Result<String, CliError> {
    render::yaml(document).map_err(|error| CliError::failed(format!("cannot write the result as YAML: {error}")))
}

/// What the verdicts mean for `--exit-code`: a fault counts more than a doubt.
pub fn exit_of<'a>(reports: impl IntoIterator<Item = &'a Report>) -> Exit {
    let exit = |report: &Report| match report.verdict {
        Verdict::Confirmed | Verdict::Likely => Exit::Finding,
        Verdict::Inconclusive => Exit::Inconclusive,
        Verdict::Recovered | Verdict::Healthy => Exit::Done,
    };
    let exits: Vec<Exit> = reports.into_iter().map(exit).collect();
    [Exit::Finding, Exit::Inconclusive].into_iter().find(|exit| exits.contains(exit)).unwrap_or(Exit::Done)
}

/// The form of an article, such as an entry of the catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Article {
    /// For people, on a screen.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For programs, and people who read on.
    Yaml,
    /// For a page of documentation.
    Markdown,
}

/// The form of a result that is no report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Plain {
    /// For people, on a screen.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For programs, and people who read on.
    Yaml,
}

/// A document in this form; `text` lays it out for people.
///
/// # Errors
/// When it can't be represented in it.
pub fn plain(form: Plain, document: &impl Serialize, text: impl FnOnce() -> String) -> Result<String, CliError> {
    match form {
        Plain::Text => Ok(text()),
        Plain::Json => json(document),
        Plain::Yaml => yaml(document),
    }
}
