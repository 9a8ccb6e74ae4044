//! The chronic digest: what came again and again, most often first.

use super::super::super::click::{Mask, plain};
use super::super::time::relative;
use super::{Head, NEUTRAL, message, whole};
use crate::domain::{ChronicDigest, ChronicRow};
use serde_json::Value;

/// So many rows are shown, then "+K more".
const ROWS: usize = 15;

/// What came again and again, as one message.
pub fn chronic_digest(digest: &ChronicDigest, mask: Mask<'_>) -> Value {
    let mut rows: Vec<&ChronicRow> = digest.rows.iter().collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(row.episodes), &row.alert, &row.subject));
    let mut lines: Vec<String> = rows.iter().take(ROWS).map(|row| line(row, digest.hours, mask)).collect();
    let shown = u64::try_from(lines.len()).unwrap_or(u64::MAX);
    let more = digest.total.saturating_sub(shown);
    if more > 0 {
        lines.push(format!("+{more} more"));
    }
    if lines.is_empty() {
        lines.push("Nothing came five times or more.".to_owned());
    }
    let head = Head {
        title: format!("📊 Chronic alerts · last {} h", digest.hours),
        color: NEUTRAL,
        description: lines,
        footer: "five episodes or more per subject, alert and severity".to_owned(),
        at: digest.at,
    };
    message(head, Vec::new())
}

/// `**42×** KubePodCrashLooping · shop/checkout · critical · payments`, and below it how long it fired and when last.
fn line(row: &ChronicRow, hours: u32, mask: Mask<'_>) -> String {
    let text = |text: &str, most| plain(&mask(text), most);
    let subject = match &row.subject.namespace {
        Some(namespace) => format!("{}/{}", text(namespace, 40), text(&row.subject.name, 50)),
        None => format!("{} {}", text(&row.subject.kind, 30), text(&row.subject.name, 50)),
    };
    let severity = row.severity.map_or("severity not set", |severity| severity.as_str());
    let owner = row.owner.as_ref().map_or_else(|| "unowned".to_owned(), |owner| text(owner, 40));
    let state = if row.fires { "fires now".to_owned() } else { format!("last {}", relative(row.last_at)) };
    let cause = row.cause.as_ref().map(|cause| format!(" · {}", text(cause, 40))).unwrap_or_default();
    let fired = whole(row.firing_seconds);
    format!(
        "**{}×** {} · {subject} · {severity} · {owner}\n{fired} of {hours}h firing · {state}{cause}",
        row.episodes,
        text(&row.alert, 60)
    )
}
