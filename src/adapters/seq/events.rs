//! Events as Seq gives them (`EventEntity` of github.com/datalust/seq-api): a list, or `{Events: [...]}` with statistics.
//! The message is put together from the template's tokens and the properties, as Seq's own page does.

use crate::cluster::LogEvent;
use crate::redact::Redactor;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// The first lines of an exception that are kept.
const EXCEPTION_LINES: usize = 12;

/// One page of events, newest first, as Seq sends them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The events that could be understood.
    pub events: Vec<LogEvent>,
    /// How many were sent.
    pub sent: usize,
    /// The id behind which the next page begins.
    pub last_id: Option<String>,
    /// Whether Seq stopped looking before it had seen the whole time.
    pub cut: bool,
}

/// A page of an answer.
///
/// # Errors
/// Why it is no answer to a search for events.
pub fn page(body: &[u8], redactor: &Redactor) -> Result<Page, String> {
    let answer: Value = serde_json::from_slice(body).map_err(|_| "the answer is not JSON".to_owned())?;
    let list = answer.as_array().or_else(|| answer.get("Events")?.as_array()).ok_or("the answer has no list of events")?;
    let statistics = |key: &str| answer.pointer(&format!("/Statistics/{key}")).and_then(Value::as_str);
    if statistics("Status") == Some("Error") {
        return Err("Seq says that the search failed".to_owned());
    }
    let last = list.last().and_then(|event| event.get("Id")?.as_str());
    let last_id = statistics("LastReadEventId").or(last).filter(|id| !id.is_empty()).map(str::to_owned);
    let events = list.iter().filter_map(|entry| event(entry, redactor)).collect();
    Ok(Page { events, sent: list.len(), last_id, cut: statistics("Status") == Some("Partial") })
}

fn event(entry: &Value, redactor: &Redactor) -> Option<LogEvent> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
    let properties = properties(entry);
    let tokens = entry.get("MessageTemplateTokens").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let rendered = text("RenderedMessage");
    if tokens.is_empty() && rendered.is_empty() && text("Exception").is_empty() {
        return None;
    }
    let message = if tokens.is_empty() { rendered.to_owned() } else { message(tokens, &properties) };
    let template = if tokens.is_empty() { rendered.to_owned() } else { template(tokens) };
    // Masked before it is cut, so that no half of a secret is left that nothing recognises.
    let exception = redactor.text(text("Exception"));
    Some(LogEvent {
        at: text("Timestamp").parse::<Timestamp>().ok(),
        level: text("Level").to_owned(),
        message,
        template,
        exception: exception.lines().take(EXCEPTION_LINES).collect::<Vec<_>>().join("\n"),
        properties,
    })
}

/// The properties and those of the resource that sent the event, by name: a list of `{Name, Value}`, in old versions a map.
fn properties(entry: &Value) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for part in ["Resource", "Properties"] {
        match entry.get(part) {
            Some(Value::Array(list)) => all.extend(list.iter().filter_map(|property| {
                let name = property.get("Name")?.as_str()?;
                Some((name.to_owned(), shown(property.get("Value")?)))
            })),
            Some(Value::Object(map)) => all.extend(map.iter().map(|(name, value)| (name.clone(), shown(value)))),
            _ => {}
        }
    }
    all
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a person reads: text as it is, a property's formatted value, else its value, else the place-holder itself.
fn message(tokens: &[Value], properties: &BTreeMap<String, String>) -> String {
    let part = |token: &Value| {
        let text = |key: &str| token.get(key).and_then(Value::as_str).map(str::to_owned);
        let property = || text("PropertyName").and_then(|name| properties.get(&name).cloned());
        text("Text").or_else(|| text("FormattedValue")).or_else(property).or_else(|| place_holder(token)).unwrap_or_default()
    };
    tokens.iter().map(part).collect()
}

/// The same for all events of one kind.
fn template(tokens: &[Value]) -> String {
    let part = |token: &Value| {
        let text = token.get("Text").and_then(Value::as_str).map(str::to_owned);
        text.or_else(|| place_holder(token)).unwrap_or_default()
    };
    tokens.iter().map(part).collect()
}

/// `{Name}` as the template writes it.
fn place_holder(token: &Value) -> Option<String> {
    let raw = token.get("RawText").and_then(Value::as_str).map(str::to_owned);
    raw.or_else(|| Some(format!("{{{}}}", token.get("PropertyName")?.as_str()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(body: &Value) -> Result<Page, String> {
        page(body.to_string().as_bytes(), &Redactor::fixed())
    }

    fn of_seq() -> Value {
        json!({
            "Id": "event-5f1c", "Timestamp": "2026-01-02T05:05:54.1234567Z", "Level": "Error", "EventType": "$C0FFEE00",
            "MessageTemplateTokens": [
                {"Text": "Reading from "}, {"PropertyName": "Host", "RawText": "{Host}"}, {"Text": " took "},
                {"PropertyName": "Elapsed", "RawText": "{Elapsed:0.00}", "FormattedValue": "68.74"}, {"Text": " ms "},
                {"PropertyName": "Missing", "RawText": "{Missing}"}
            ],
            "Properties": [{"Name": "Host", "Value": "db-1"}, {"Name": "Elapsed", "Value": 68.7377}, {"Name": "Tags", "Value": ["a"]}],
            "Resource": [{"Name": "service.name", "Value": "checkout"}],
            "Exception": "Npgsql.NpgsqlException: refused\n   at A()\n",
            "Links": {"Self": "api/events/event-5f1c"}
        })
    }

    #[test]
    fn a_list_of_events() {
        let page = read(&json!([of_seq()])).unwrap();
        assert_eq!((page.sent, page.last_id.as_deref(), page.cut), (1, Some("event-5f1c"), false));
        let event = &page.events[0];
        assert_eq!(event.at, Some("2026-01-02T05:05:54.1234567Z".parse().unwrap()));
        assert_eq!(event.message, "Reading from db-1 took 68.74 ms {Missing}");
        assert_eq!(event.template, "Reading from {Host} took {Elapsed:0.00} ms {Missing}");
        assert_eq!((event.level.as_str(), event.properties["service.name"].as_str()), ("Error", "checkout"));
        assert_eq!(event.exception, "Npgsql.NpgsqlException: refused\n   at A()");
        assert_eq!(event.properties["Tags"], "[\"a\"]");
    }

    #[test]
    fn events_with_statistics() {
        let statistics = json!({"Status": "Partial", "LastReadEventId": "event-77"});
        let page = read(&json!({"Events": [of_seq(), {}, 7], "Statistics": statistics})).unwrap();
        assert_eq!((page.events.len(), page.sent, page.last_id.as_deref(), page.cut), (1, 3, Some("event-77"), true));
        assert!(read(&json!({"Events": [], "Statistics": {"Status": "Error"}})).is_err());
        let old = json!({"RenderedMessage": "it broke", "Properties": {"Pod": "web-1"}});
        let page = read(&json!({"Events": [old]})).unwrap();
        assert_eq!((page.events[0].message.as_str(), page.events[0].properties["Pod"].as_str()), ("it broke", "web-1"));
    }

    #[test]
    fn what_is_no_answer_is_not_taken_for_none() {
        for body in ["", "<html>", "{}", "null", "{\"Events\": 7}", "[{\"Id\":"] {
            assert!(page(body.as_bytes(), &Redactor::fixed()).is_err(), "{body}");
        }
        assert_eq!(read(&json!([])).unwrap(), Page::default());
    }

    #[test]
    fn an_exception_is_masked_before_it_is_cut() {
        let key = format!("-----BEGIN PRIVATE KEY-----\n{}-----END PRIVATE KEY-----\n", "MIIEvQIBADANBgkqhkiG9w0\n".repeat(30));
        let page = read(&json!([{"Exception": format!("boom\n{key}")}])).unwrap();
        assert!(!page.events[0].exception.contains("MIIEvQ"), "{}", page.events[0].exception);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            _ = page(&body, &Redactor::fixed());
        }

        #[test]
        fn a_message_without_place_holders_is_its_template(texts in proptest::collection::vec("\\PC{1,12}", 1..6)) {
            let tokens: Vec<Value> = texts.iter().map(|text| json!({"Text": text})).collect();
            let page = read(&json!([{"MessageTemplateTokens": tokens, "Level": 7, "Properties": "x", "Timestamp": 0}])).unwrap();
            prop_assert_eq!(&page.events[0].message, &texts.concat());
            prop_assert_eq!(&page.events[0].message, &page.events[0].template);
        }
    }
}
