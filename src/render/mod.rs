//! A report as people and programs read it: text for a terminal, Markdown for a ticket, HTML for a
//! browser, JSON and YAML for programs.
//!
//! Nothing in here judges, measures or reads: it lays out what the report says. All text from outside (log lines,
//! event messages, names) is escaped here, once, because here is where it reaches a terminal or a web page.

mod age;
mod attempts;
mod checks;
pub mod click;
mod definitions;
pub mod discord;
mod escape;
mod html;
mod incidents;
mod json;
mod markdown;
mod paragraph;
mod reasoning;
mod style;
mod surroundings;
mod table;
mod text;
mod value;
mod yaml;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use attempts::{attempt, attempt_document, attempt_list, attempts};
pub use checks::checks;
pub use definitions::{Meaning, definitions};
pub use escape::escape;
pub use html::{content_security_policy, html, incident_page, timeline_page};
pub use incidents::{audit, incident, incidents};
pub use json::json;
pub use markdown::{code as markdown_code, markdown, table as markdown_table};
pub use style::Tone;
pub use table::{Cell, Fit, table};
pub use text::text;
pub use yaml::{YamlError, yaml};

use crate::domain::Report;
use serde::Serialize;

/// How text is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Columns of the screen.
    pub width: usize,
    /// Whether to use colour. Words carry the meaning with or without.
    pub color: bool,
    /// Everything, not only what fits a screen.
    pub verbose: bool,
}

/// What is rendered: the report for the one target that was asked for, or the reports for several.
#[derive(Clone, Copy, Debug)]
pub enum Reports<'a> {
    /// One target was asked for.
    One(&'a Report),
    /// Several could have been meant, so the form is that of a list even when it holds one or none.
    Many(&'a [Report]),
}

impl<'a> Reports<'a> {
    fn as_slice(self) -> &'a [Report] {
        match self {
            Self::One(report) => std::slice::from_ref(report),
            Self::Many(reports) => reports,
        }
    }
}

/// Several reports as one document: `{"apiVersion": "sre-copilot/v1", "kind": "ReportList", "items": […]}`.
impl Serialize for Reports<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct ReportList<'a> {
            api_version: &'static str,
            kind: &'static str,
            items: &'a [Report],
        }
        match self {
            Self::One(report) => report.serialize(serializer),
            Self::Many(items) => ReportList { api_version: "sre-copilot/v1", kind: "ReportList", items }.serialize(serializer),
        }
    }
}
