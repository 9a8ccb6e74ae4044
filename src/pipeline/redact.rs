//! Masking everything that one recording holds, before it is written to a bundle or sent anywhere. What joins its parts
//! (names of objects, services and sources) stays.

use crate::cluster::Recording;
use crate::domain::SourceState;
use crate::redact::Redactor;
use std::borrow::Cow;
use std::sync::Mutex;
use std::thread;

/// Texts that are shorter than this together, in bytes, are masked sooner than threads have begun.
const WORTH_THREADS: usize = 1 << 20;
/// So are no more objects than this.
const FEW: usize = 16;

/// Masks a recording in place: objects, logs, the alert, labels of series, and the texts about it.
pub fn redact_recording(redactor: &Redactor, recording: &mut Recording) {
    let mask = |text: &mut String| {
        if let Cow::Owned(masked) = redactor.text(text) {
            *text = masked;
        }
    };
    let length: usize = recording.logs.values().map(String::len).sum();
    let many = recording.objects.len() > FEW;
    in_parallel(recording.objects.iter_mut().collect(), many, |object| redactor.object(object));
    in_parallel(recording.logs.values_mut().collect(), length > WORTH_THREADS, mask);
    recording.alert.iter_mut().for_each(|alert| redactor.object(alert));
    recording.signals.iter_mut().flat_map(|signal| signal.labels.values_mut()).for_each(mask);
    recording.warnings.iter_mut().chain(&mut recording.title).for_each(mask);
    for state in recording.sources.values_mut() {
        match state {
            SourceState::Ok => {}
            SourceState::Partial(why) | SourceState::Unavailable(why) | SourceState::Forbidden(why) => mask(why),
        }
    }
}

/// Masks each item, on as many threads as there are processors where it `is_worth` them: nothing of one item says anything
/// about another. Each thread takes the next item that is left; where no thread can be had, the calling one does it all.
fn in_parallel<T: Send>(items: Vec<&mut T>, is_worth: bool, mask: impl Fn(&mut T) + Sync) {
    let helpers = if is_worth { thread::available_parallelism().map_or(0, |all| all.get() - 1) } else { 0 };
    let left = Mutex::new(items.into_iter());
    let work = || {
        while let Some(item) = left.lock().ok().and_then(|mut left| left.next()) {
            mask(item);
        }
    };
    thread::scope(|scope| {
        for _ in 0..helpers {
            // One that can't be started leaves its share to the others.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{LogKey, Signal};
    use serde_json::json;

    #[test]
    fn every_part_of_a_recording_is_masked() {
        let log = LogKey { namespace: "shop".into(), pod: "web-1".into(), container: "app".into(), previous: false };
        let mut recording = Recording {
            title: Some("token=hunter2".into()),
            sources: [("logs".to_owned(), SourceState::Unavailable("GET https://a:hunter2@host/x".into()))].into(),
            objects: vec![json!({"kind": "Pod", "metadata": {"name": "web-1"}, "status": {"message": "password=hunter2"}})],
            logs: [(log.clone(), "DB_PASSWORD=hunter2\nlistening on :8080\n".to_owned())].into(),
            signals: vec![Signal {
                signal: "probe_success".into(),
                labels: [("target".into(), "http://u:hunter2@x/".into())].into(),
                values: vec![],
            }],
            alert: Some(json!({"commonAnnotations": {"description": "api_key=hunter2", "summary": "pod web-1 is down"}})),
            warnings: vec!["secret=hunter2".into()],
            ..Recording::default()
        };
        redact_recording(&Redactor::fixed(), &mut recording);
        let shown = format!("{recording:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(recording.logs[&log].ends_with("\nlistening on :8080\n"));
        assert_eq!(recording.alert.unwrap()["commonAnnotations"]["summary"], "pod web-1 is down");
    }
}
