use super::*;
use std::sync::{Arc, Mutex};
use tracing_subscriber::Registry;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;

const CANARY: &str = "xoxb-canary-81723";

/// What is logged of this.
fn logged(form: LogForm, filter: &str, work: impl FnOnce()) -> Vec<String> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let theirs = Arc::clone(&lines);
    let output: Output = Box::new(move |line| theirs.lock().unwrap().push(line.to_owned()));
    let mask: Mask = Arc::new(|text| text.replace(CANARY, "<secret>"));
    let filter: Targets = filter.parse().unwrap();
    let subscriber = Registry::default().with(Logs { form, mask, output }.with_filter(filter));
    tracing::subscriber::with_default(subscriber, work);
    let lines = lines.lock().unwrap();
    lines.clone()
}

fn work() {
    tracing::info_span!("request", request_id = "r-1", method = CANARY).in_scope(|| {
        let span = tracing::info_span!("sre.copilot.incident.process", sre.incident.id = %"i-1", sre.run.id = "n-0");
        span.in_scope(|| {
            span.record("sre.run.id", "n-1");
            tracing::info_span!("job", task_id = "t-1").in_scope(|| {
                let error = std::io::Error::other(format!("token {CANARY} refused"));
                tracing::warn!(%error, tries = 3, slow = true, time = "not ours", note = ?CANARY, "could not ask {CANARY}\nat all");
            });
        });
    });
    tracing::debug!("details");
}

#[test]
fn a_line_is_an_object_with_the_ids_around_it() {
    let lines = logged(LogForm::Json, "info", work);
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(line.matches('\n').count(), 1);
    let mut line: Value = serde_json::from_str(line).unwrap();
    let time = line["time"].take();
    assert!(time.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{time}");
    let expected = serde_json::json!({
        "time": null, "level": "warn", "message": "could not ask <secret>\nat all", "request_id": "r-1", "incident_id": "i-1",
        "run_id": "n-1", "task_id": "t-1", "error": "token <secret> refused", "tries": 3, "slow": true, "note": "\"<secret>\"",
    });
    assert_eq!(line, expected);
}

#[test]
fn on_a_terminal_a_line_is_a_line() {
    let lines = logged(LogForm::Text, "info", work);
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    let (time, rest) = line.split_once(' ').unwrap();
    assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
    let expected = "WARN  could not ask <secret>\\nat all error=\"token <secret> refused\" incident_id=i-1 \
                    note=\"\\\"<secret>\\\"\" request_id=r-1 run_id=n-1 slow=true task_id=t-1 time=\"not ours\" tries=3\n";
    assert_eq!(rest, expected);
}

#[test]
fn the_filter_says_which_lines() {
    assert_eq!(logged(LogForm::Json, "error", work).len(), 0);
    assert_eq!(logged(LogForm::Json, "off,sre_copilot::telemetry=debug", work).len(), 2);
}

#[test]
fn no_secret_is_in_any_line() {
    for form in [LogForm::Json, LogForm::Text] {
        for line in logged(form, "trace", work) {
            assert!(!line.contains(CANARY), "{line}");
        }
    }
}
