//! What is known around a fault, in plain lines for every form of a report: what happened before, and how the cluster is.

use super::age::ago;
use crate::domain::{FixResult, HealthStatus, PastFix, Report};

/// Whether it happened before, and what was done about it.
pub(super) fn before(report: &Report) -> Vec<String> {
    let Some(memory) = &report.memory else { return Vec::new() };
    let (mut lines, now) = (Vec::new(), report.captured_at);
    if let Some(recurrence) = &memory.recurrence {
        lines.push(format!(
            "the same subject had the same before: {} in 24 h, {} in 7 days",
            recurrence.in_24_hours, recurrence.in_7_days
        ));
    }
    if let Some(flapping) = &memory.flapping {
        let fix = if flapping.fix_applied { "a fix was applied in between" } else { "no fix was applied" };
        lines.push(format!("it comes and goes: {} times back within an hour of its end, in 24 h; {fix}", flapping.returns));
    }
    lines.extend(memory.similar.iter().map(|past| {
        let fix = past.fix.as_ref().map(|fix| format!(": {}", done(fix))).unwrap_or_default();
        format!("{} at {}, over {}{fix}", past.cause, past.subject, ago(past.resolved_at, now))
    }));
    lines
}

fn done(fix: &PastFix) -> String {
    let result = match fix.result {
        FixResult::Verified => "helped",
        FixResult::Accepted => "was applied, and nobody saw whether it helped",
        FixResult::InVain => "did not help",
        FixResult::TakenBack => "was taken back",
        FixResult::Unknown => "was sent, and nobody knows whether it landed",
    };
    format!("{} {result}", fix.action)
}

/// How the whole cluster is, where that is not well.
pub(super) fn cluster(report: &Report) -> Vec<String> {
    let health = report.health.iter().filter(|health| matches!(health.status, HealthStatus::Degraded | HealthStatus::Critical));
    health.map(|health| format!("{}: {}", health.status.as_str(), health.reasons.join("; "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ClusterHealth, History, ObjectRef, Recurrence, SimilarIncident, Verdict};

    #[test]
    fn what_happened_before_is_said_with_what_was_done() {
        let at = |text: &str| text.parse().unwrap();
        let mut report = Report::new(ObjectRef::new("Pod", "shop", "web"), Verdict::Confirmed, at("2026-01-05T05:00:00Z"));
        assert!(before(&report).is_empty() && cluster(&report).is_empty());
        let fix = PastFix {
            action: "rollback_deployment".into(),
            target: "shop/deployment/web".into(),
            at: at("2026-01-02T04:00:00Z"),
            result: FixResult::Verified,
        };
        let similar = SimilarIncident {
            id: "1".into(),
            subject: ObjectRef::new("Deployment", "shop", "web"),
            score: 0.9,
            resolved_at: at("2026-01-02T05:00:00Z"),
            cause: "oom_killed".into(),
            fix: Some(fix),
        };
        let recurrence = Some(Recurrence { in_24_hours: 0, in_7_days: 2, before: Vec::new() });
        report.memory = Some(History { similar: vec![similar], recurrence, flapping: None });
        let health = |status| ClusterHealth { status, figures: [].into(), reasons: vec!["18 of 20 nodes are ready".into()] };
        report.health = Some(health(HealthStatus::Degraded));
        assert_eq!(
            before(&report),
            [
                "the same subject had the same before: 0 in 24 h, 2 in 7 days",
                "oom_killed at Deployment shop/web, over 3d ago: rollback_deployment helped"
            ]
        );
        assert_eq!(cluster(&report), ["degraded: 18 of 20 nodes are ready"]);
        report.health = Some(health(HealthStatus::Healthy));
        assert!(cluster(&report).is_empty());
    }
}
