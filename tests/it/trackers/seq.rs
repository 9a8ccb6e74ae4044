//! Structured logs: paged within bounds, and never none where a page was not read.

use super::{Fake, Reply, asked, not_an_answer};
use serde_json::{Value, json};
use sre_copilot::adapters::seq::Seq;
use sre_copilot::cluster::LogEvent;
use sre_copilot::config::SeqSettings;
use sre_copilot::domain::{ObjectRef, SourceState};
use sre_copilot::ports::{Answered, EvidenceRequest, LogSearch};
use sre_copilot::redact::Redactor;

async fn events(address: &str, asked: &EvidenceRequest) -> Answered<LogEvent> {
    let settings = SeqSettings { url: Some(address.to_owned()), api_key: Some("the-key".to_owned().into()), filter: None };
    Seq::new(&settings, Redactor::fixed()).unwrap().unwrap().events(asked).await
}

fn event(number: usize) -> Value {
    json!({"Id": format!("event-{number}"), "Timestamp": format!("2026-01-02T05:{:02}:00.0000000Z", 15 - number % 15), "Level": "Error",
        "MessageTemplateTokens": [{"Text": "no route to "}, {"PropertyName": "Host", "RawText": "{Host}"}],
        "Properties": [{"Name": "Host", "Value": format!("db-{number}")}]})
}

fn page(from: usize, count: usize) -> Reply {
    Reply::json((from..from + count).map(event).collect())
}

#[tokio::test]
async fn one_page_of_the_ten_minutes_around() {
    let server = Fake::always(page(0, 3)).await;
    let answered = events(&server.address, &asked()).await;
    assert_eq!(answered.state, SourceState::Ok);
    let shown: Vec<_> = answered.items.iter().map(|event| (event.message.as_str(), event.template.as_str())).collect();
    // Oldest first, though Seq sends the newest first.
    assert_eq!(
        shown,
        ["no route to db-2", "no route to db-1", "no route to db-0"].map(|message| (message, "no route to {Host}"))
    );
    let seen = server.seen();
    let [request] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((request.method.as_str(), request.header("x-seq-apikey")), ("GET", Some("the-key")));
    let (path, query) = request.query();
    assert_eq!(path, "/api/events");
    let value = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert!(value("filter").unwrap().starts_with("(Application = 'checkout' or "), "{query:?}");
    assert_eq!((value("fromDateUtc"), value("toDateUtc")), (Some("2026-01-02T04:55:54Z"), Some("2026-01-02T05:15:54Z")));
    assert_eq!((value("count"), value("afterId")), (Some("1000"), None));
    let settings = SeqSettings { url: Some(server.address.clone()), ..SeqSettings::default() };
    let shown = Seq::new(&settings, Redactor::fixed()).unwrap().unwrap().egress(&asked()).unwrap();
    assert_eq!((shown.method.as_str(), shown.address, shown.body.as_str()), ("GET", server.at(request), ""));
}

#[tokio::test]
async fn five_pages_are_read_and_more_are_at_least() {
    let server = Fake::new(|number, _| page(number * 1_000, 1_000)).await;
    let answered = events(&server.address, &asked()).await;
    assert_eq!(answered.state.to_string(), "partial: at least 5000 events, only the newest were read");
    assert_eq!(answered.items.len(), 5_000);
    let after = server
        .seen()
        .into_iter()
        .map(|seen| seen.query().1.into_iter().find(|(name, _)| name == "afterId").map(|(_, value)| value));
    let expected = [None, Some("event-999"), Some("event-1999"), Some("event-2999"), Some("event-3999")];
    assert_eq!(after.collect::<Vec<_>>(), expected.map(|id| id.map(str::to_owned)));
}

#[tokio::test]
async fn a_page_that_fails_is_partial() {
    for (reply, why) in [
        (Reply::status(403, ""), "forbidden: 403 Forbidden"),
        (Reply::status(200, "<html>"), "unavailable: the answer is not JSON"),
        (Reply::endless(), "unavailable: the answer is longer than 8 MiB"),
    ] {
        let server = Fake::new(move |number, _| if number == 0 { page(0, 1_000) } else { reply.clone() }).await;
        let answered = events(&server.address, &asked()).await;
        assert_eq!(answered.state.to_string(), format!("partial: at least 1000 events, page 2 failed: {why}"));
        assert_eq!(answered.items.len(), 1_000);
    }
}

#[tokio::test]
async fn what_is_no_answer_is_not_checked() {
    for (name, reply, state, requests) in not_an_answer() {
        let server = Fake::always(reply).await;
        let answered = events(&server.address, &asked()).await;
        assert_eq!((answered.state.to_string().as_str(), answered.items.len()), (state, 0), "{name}");
        assert_eq!(server.seen().len(), requests, "{name}");
    }
    let server = Fake::always(Reply::json(json!({"Error": "The filter is not valid."}))).await;
    assert_eq!(events(&server.address, &asked()).await.state.to_string(), "unavailable: the answer has no list of events");
}

#[tokio::test]
async fn both_shapes_of_an_empty_answer_are_none() {
    for body in [json!([]), json!({"Events": [], "Statistics": {"Status": "Complete"}})] {
        let server = Fake::always(Reply::json(body)).await;
        assert_eq!(events(&server.address, &asked()).await, Answered { state: SourceState::Ok, items: Vec::new() });
    }
}

#[tokio::test]
async fn a_search_that_seq_cut_goes_on_behind_what_it_read() {
    let first = json!({"Events": [event(1)], "Statistics": {"Status": "Partial", "LastReadEventId": "event-77"}});
    let second = json!({"Events": [event(2), "garbage"], "Statistics": {"Status": "Complete"}});
    let server = Fake::new(move |number, _| Reply::json([&first, &second][number].clone())).await;
    let answered = events(&server.address, &asked()).await;
    assert_eq!(answered.state.to_string(), "partial: events that can't be understood: 1");
    assert_eq!(answered.items.len(), 2);
    assert!(server.seen()[1].target.contains("afterId=event-77"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_waited_for_ten_seconds() {
    let server = Fake::always(Reply::silent()).await;
    assert_eq!(events(&server.address, &asked()).await.state.to_string(), "unavailable: timed out after 10 s");
}

#[tokio::test]
async fn nothing_that_is_masked_is_sent() {
    let server = Fake::always(page(0, 1)).await;
    let secret = EvidenceRequest { objects: vec![ObjectRef::new("Deployment", "shop", "AKIAIOSFODNN7EXAMPLE")], ..asked() };
    let answered = events(&server.address, &secret).await;
    assert_eq!(answered.state.to_string(), "unavailable: not asked: the query would hold what is masked");
    assert!(server.seen().is_empty());
}
