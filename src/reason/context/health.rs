//! How the whole cluster is, in a word, with why and its figures.

use super::quote::Quotes;
use super::section::Section;
use crate::reason::Case;

const MOST_REASONS: usize = 2;

/// The cluster's health, where it was measured.
pub fn section(case: &Case<'_>, quotes: &Quotes) -> Section {
    let mut lines = Vec::new();
    if let Some(health) = &case.report.health {
        lines.push(health.status.as_str().to_owned());
        lines.extend(health.reasons.iter().take(MOST_REASONS).map(|reason| quotes.repeat(reason, 80)));
        let figures: Vec<String> = health.figures.iter().map(|(name, value)| format!("{name}={value:.0}")).collect();
        lines.push(quotes.repeat(&figures.join(" "), 240));
    }
    Section { name: "cluster health", title: "Cluster health", budget: 300, lines }
}
