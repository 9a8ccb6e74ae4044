//! What `-v` adds below the screenful: when things happened, every fact, and how reading each source went.

use super::Page;
use super::sections::numbers;
use crate::domain::{FactReport, State, TimelineEntry};
use crate::render::age::ago;
use crate::render::paragraph::Paragraph;
use crate::render::style::Tone;

impl Page<'_> {
    pub(super) fn details(&mut self) {
        let report = self.report;
        self.section("Timeline", &report.timeline, usize::MAX, Self::moment);
        self.section("Facts", &report.facts, usize::MAX, |_, fact| stated(fact));
        let sources = report.sources.iter().collect::<Vec<_>>();
        self.section("Sources", &sources, usize::MAX, |_, (name, state)| {
            Paragraph::new().add(Tone::Strong, name).add(Tone::Plain, &format!(": {state}")).hang(2)
        });
        self.section("Captured", &[report.captured_at], 1, |_, at| Paragraph::new().add(Tone::Plain, &at.to_string()));
    }

    fn moment(&self, entry: &TimelineEntry) -> Paragraph {
        let cited = entry.evidence.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
        Paragraph::new()
            .add(Tone::Dim, &format!("{:.0}", entry.at))
            .pad(22)
            .add(Tone::Plain, &ago(entry.at, self.report.captured_at))
            .pad(32)
            .add(Tone::Plain, &entry.what)
            .add(Tone::Number, &cited)
            .hang(32)
    }
}

/// `found   oom_killed 0.97 Pod shop/checkout-… container app (e1, e2)`
fn stated(fact: &FactReport) -> Paragraph {
    let (word, tone) = match fact.state {
        State::Found => ("found", Tone::Strong),
        State::Absent => ("absent", Tone::Dim),
        State::Unknown => ("unknown", Tone::Open),
    };
    let confidence = fact.confidence.map(|confidence| format!(" {confidence:.2}")).unwrap_or_default();
    let reason = fact.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    Paragraph::new()
        .add(tone, word)
        .pad(8)
        .add(Tone::Plain, &format!("{}{confidence}", fact.id))
        .add(Tone::Dim, &format!(" {}{reason}", fact.subject))
        .add(Tone::Number, &numbers(&fact.evidence))
        .hang(10)
}
