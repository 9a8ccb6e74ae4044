//! The verdict's field: a verdict looks like what it is. "Root cause" appears only where it is confirmed.

use super::Frame;
use super::fit::{Field, Keep};
use super::time::{clock, relative};
use crate::domain::{AnalysisState, CauseReport, IncidentView, ObjectRef, Report, Verdict};

/// Whole per cent, floored, at most 99.
fn per_cent(confidence: f64) -> u8 {
    // From 0 to 100: the cast loses nothing but the fraction, which is meant.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=99")]
    let whole = (confidence * 100.0).floor().clamp(0.0, 99.0) as u8;
    whole
}

/// The verdict, to begin a sentence with.
pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Confirmed => "Confirmed",
        Verdict::Likely => "Likely",
        Verdict::Inconclusive => "Not determined",
        Verdict::Recovered => "Over",
        Verdict::Healthy => "Nothing wrong found",
    }
}

/// An object as people type it.
pub(super) fn object(object: &ObjectRef, frame: &Frame<'_>) -> String {
    frame.text(&object.kubectl(), 100)
}

fn cause(cause: &CauseReport, frame: &Frame<'_>) -> String {
    format!(
        "**{}** on {} ({}%)\n{}",
        frame.text(&cause.id, 80),
        object(&cause.object, frame),
        per_cent(cause.confidence),
        frame.text(&cause.summary, 300)
    )
}

/// It is always there: where no more can be shown than the verdict, that is what it says.
pub(super) fn field(view: &IncidentView, frame: &Frame<'_>) -> Field {
    let mut field = view.finding.as_ref().map_or_else(|| without_report(view, frame), |found| of_report(&found.report, frame));
    if field.value.trim().is_empty() {
        field.value = "No more is known.".to_owned();
    }
    field
}

fn of_report(report: &Report, frame: &Frame<'_>) -> Field {
    let fixed = |name: &str, value: String| Field { keep: Keep::Always, ..Field::new(name, value) };
    match report.verdict {
        Verdict::Confirmed => fixed("🎯 Root cause", causes(report, frame)),
        Verdict::Likely => {
            let would = report.reasoning.iter().flat_map(|it| &it.narrative.raises_confidence).next();
            let would = would.or_else(|| report.unknown.first().map(|unknown| &unknown.would));
            let would = would.map(|would| format!("\nWould confirm it: {}", frame.text(would, 200))).unwrap_or_default();
            fixed("🔍 Likely cause", causes(report, frame) + &would)
        }
        Verdict::Inconclusive => fixed("❔ Not determined", undetermined(report, frame)),
        Verdict::Recovered => {
            let last = report.history.first();
            let since = last.and_then(|entry| entry.ended.or(entry.at));
            let name = since.map_or_else(|| "☑ Over".to_owned(), |at| format!("☑ Over since {} UTC", clock(at)));
            let what = last.map_or(report.summary.as_str(), |entry| entry.summary.as_str());
            fixed(&name, frame.text(what, 300))
        }
        Verdict::Healthy => {
            let checked = frame.text(&report.checked, 300);
            let checked =
                if checked.is_empty() { "The objects that the alert names look as they should.".to_owned() } else { checked };
            fixed("☑ Nothing wrong found", checked)
        }
    }
}

/// The first cause, and a second one on its own line.
fn causes(report: &Report, frame: &Frame<'_>) -> String {
    let mut text = report.causes.first().map_or_else(String::new, |first| cause(first, frame));
    if let Some(second) = report.causes.get(1) {
        text += &format!(
            "\nAlso {} on {} ({}%)",
            frame.text(&second.id, 80),
            object(&second.object, frame),
            per_cent(second.confidence)
        );
    }
    for contradiction in report.contradictions.iter().take(1) {
        text += &format!("\nContradiction: {}", frame.text(&contradiction.why, 200));
    }
    text
}

/// What was seen and what is missing; no cause, no per cent.
fn undetermined(report: &Report, frame: &Frame<'_>) -> String {
    let mut lines: Vec<String> =
        report.symptoms.iter().take(2).map(|symptom| format!("Seen: {}", frame.text(&symptom.summary, 200))).collect();
    let missing = report.unknown.iter().take(2);
    lines.extend(
        missing.map(|unknown| format!("Missing: {} ({})", frame.text(&unknown.what, 120), frame.text(&unknown.why, 160))),
    );
    if lines.is_empty() {
        lines.push(frame.text(&report.summary, 300));
    }
    lines.join("\n")
}

fn without_report(view: &IncidentView, frame: &Frame<'_>) -> Field {
    let fixed = |name: &str, value: String| Field { keep: Keep::Always, ..Field::new(name, value) };
    match &view.analysis {
        AnalysisState::Failed { why, retry_at } => {
            let again =
                retry_at.map_or_else(|| "It is not tried again.".to_owned(), |at| format!("Tried again {}.", relative(at)));
            fixed("✗ Analysis failed", format!("{}\n{again}", frame.text(why, 300)))
        }
        AnalysisState::Running { since } | AnalysisState::Queued { since } => {
            fixed("⏳ Analysing", format!("since {}", relative(*since)))
        }
        AnalysisState::Idle => {
            fixed("⏳ Not analysed", format!("There is no report. It began {}.", relative(view.incident.opened_at)))
        }
    }
}

/// Whether every alert is only kept: silenced, inhibited or on the list.
pub(super) fn is_suppressed(view: &IncidentView) -> bool {
    !view.standing.episodes.is_empty() && view.standing.episodes.iter().all(|episode| episode.incident_id.is_none())
}
