//! Masking everything that one recording holds, before it is written to a bundle or sent anywhere. What joins its parts
//! (names of objects, services and sources) stays.

use crate::cluster::{LogEvent, Recording};
use crate::domain::{Deploy, Exchange, SourceState, Ticket};
use crate::redact::Redactor;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::mem;
use std::sync::Mutex;
use std::thread;

/// Texts that are shorter than this together, in bytes, are masked sooner than threads have begun.
const WORTH_THREADS: usize = 1 << 20;
/// So are no more objects than this.
const FEW: usize = 16;

/// So are no more events of structured logs.
const FEW_EVENTS: usize = 200;
/// A shorter value is looked for in no message: it would stand in too many of them by chance.
const SHORTEST_SECRET: usize = 4;

/// Masks a recording in place: objects, logs, the alert, labels of series, tickets, deploys, structured logs, what a
/// model was asked and said, and the texts about it.
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
    recording.tickets.iter_mut().flat_map(texts_of_ticket).for_each(mask);
    recording.exchanges.iter_mut().flat_map(Exchange::texts_mut).for_each(mask);
    // Of the history only names that join it to the cluster are kept, and these.
    recording.history.iter_mut().flat_map(|past| &mut past.alerts).for_each(mask);
    for deploy in &mut recording.deploys {
        texts_of_deploy(deploy).into_iter().for_each(mask);
        redactor.object(&mut deploy.changes);
    }
    let many = recording.log_events.len() > FEW_EVENTS;
    in_parallel(recording.log_events.iter_mut().collect(), many, |event| redact_event(redactor, event, mask));
    recording.warnings.iter_mut().chain(&mut recording.title).for_each(mask);
    for state in recording.sources.values_mut() {
        match state {
            SourceState::Ok => {}
            SourceState::Partial(why) | SourceState::Unavailable(why) | SourceState::Forbidden(why) => mask(why),
        }
    }
}

/// What a ticket says; each of it is a person's own words.
fn texts_of_ticket(ticket: &mut Ticket) -> [&mut String; 5] {
    [&mut ticket.key, &mut ticket.summary, &mut ticket.status, &mut ticket.priority, &mut ticket.url]
}

/// What a build says beside what it deployed, where to and by which configuration: those join it to the cluster.
fn texts_of_deploy(deploy: &mut Deploy) -> [&mut String; 5] {
    [&mut deploy.number, &mut deploy.status, &mut deploy.sha, &mut deploy.triggered_by, &mut deploy.url]
}

/// Masks an event of a structured log: a property's name can say that its value is secret, whatever the value looks like.
fn redact_event(redactor: &Redactor, event: &mut LogEvent, mask: impl Fn(&mut String)) {
    let LogEvent { at: _, level, message, template, exception, properties } = event;
    let named: Map<String, Value> = mem::take(properties).into_iter().map(|(name, value)| (name, value.into())).collect();
    let mut named = Value::Object(named);
    let secrets = secret_values(redactor, &mut named);
    // The message was made of the properties: what is secret there is secret in it.
    for (value, masked) in secrets {
        *message = message.replace(&value, &masked);
    }
    [level, message, template, exception].into_iter().for_each(&mask);
    if let Value::Object(named) = named {
        let text = |value: Value| if let Value::String(text) = value { text } else { value.to_string() };
        properties.extend(named.into_iter().map(|(name, value)| (name, text(value))));
        properties.values_mut().for_each(mask);
    }
}

/// Masks the values that are secret by name, and gives each with what stands in its place.
fn secret_values(redactor: &Redactor, named: &mut Value) -> Vec<(String, String)> {
    let before = named.clone();
    redactor.object(named);
    let pairs = before.as_object().into_iter().flatten().zip(named.as_object().into_iter().flatten());
    let changed = pairs.filter_map(|((_, before), (_, after))| Some((before.as_str()?, after.as_str()?)));
    changed
        .filter(|(before, after)| before != after && before.len() >= SHORTEST_SECRET)
        .map(|(before, after)| (before.to_owned(), after.to_owned()))
        .collect()
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
            tickets: vec![Ticket { key: "SHOP-1".into(), summary: "set password=hunter2".into(), ..Ticket::default() }],
            deploys: vec![Deploy {
                service: "web".into(),
                sha: "0b6f5c2a9d1e7aa40b6f5c2a9d1e7aa40b6f5c2a".into(),
                triggered_by: "ann@example.com".into(),
                url: "https://ci:hunter2@ci.example.com/1".into(),
                changes: json!([{"comment": "rotate: token=hunter2", "username": "ann"}]),
                ..Deploy::default()
            }],
            log_events: vec![LogEvent {
                message: "login with hunter2 failed".into(),
                template: "login with {Password} failed".into(),
                exception: "Npgsql: password=hunter2 refused".into(),
                properties: [("Password".to_owned(), "hunter2".to_owned()), ("Pod".to_owned(), "web-1".to_owned())].into(),
                ..LogEvent::default()
            }],
            exchanges: vec![
                serde_json::from_value(json!({
                    "version": 1, "n": 1, "stage": "fix", "attempt": 1, "backend": "openai", "model": "m",
                    "request": {"system": "token=hunter2", "messages": [{"role": "user", "content": "pwd: hunter2"}],
                        "schema": {}, "maxTokens": 1},
                    "requestSha256": "", "recordedAt": "2026-01-02T05:05:54Z",
                    "response": {"text": "password=hunter2"}, "error": {"why": "secret=hunter2"}
                }))
                .unwrap(),
            ],
            warnings: vec!["secret=hunter2".into()],
            ..Recording::default()
        };
        redact_recording(&Redactor::fixed(), &mut recording);
        let shown = format!("{recording:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("ann@example.com"), "{shown}");
        let (deploy, event) = (&recording.deploys[0], &recording.log_events[0]);
        assert_eq!((deploy.service.as_str(), deploy.sha.len(), recording.tickets[0].key.as_str()), ("web", 40, "SHOP-1"));
        assert_eq!(event.properties["Pod"], "web-1");
        assert!(event.message.starts_with("login with <secret:") && event.template == "login with {Password} failed");
        let masked = recording.clone();
        redact_recording(&Redactor::fixed(), &mut recording);
        assert_eq!(recording, masked, "masking twice changes nothing");
        assert!(recording.logs[&log].ends_with("\nlistening on :8080\n"));
        assert_eq!(recording.alert.unwrap()["commonAnnotations"]["summary"], "pod web-1 is down");
    }
}
