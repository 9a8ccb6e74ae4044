//! Jira's answer to a search: `{issues: [{key, fields: {summary, status, priority, created}}]}`. Whatever else came is not
//! an answer; only an empty list of issues means that there are none.

use crate::domain::Ticket;
use jiff::Timestamp;
use serde_json::Value;

/// The fields that are asked for.
pub const FIELDS: [&str; 4] = ["summary", "status", "priority", "created"];

/// The key of the category of every status that ends a ticket's work; unlike a status' name it can't be changed or translated.
const DONE: &str = "done";

/// The tickets of an answer and how many could not be understood.
///
/// # Errors
/// Why it is no answer to a search.
pub fn tickets(body: &[u8], base_url: &str) -> Result<(Vec<Ticket>, usize), String> {
    let answer: Value = serde_json::from_slice(body).map_err(|_| "the answer is not JSON".to_owned())?;
    let issues = answer.get("issues").and_then(Value::as_array).ok_or("the answer has no list of issues")?;
    let tickets: Vec<Ticket> = issues.iter().filter_map(|issue| ticket(issue, base_url)).collect();
    let lost = issues.len() - tickets.len();
    Ok((tickets, lost))
}

fn ticket(issue: &Value, base_url: &str) -> Option<Ticket> {
    let key = issue.get("key")?.as_str().filter(|key| is_key(key))?;
    let fields = issue.get("fields")?.as_object()?;
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = |field: &str| text(fields.get(field).and_then(|field| field.get("name")));
    let category = fields.get("status").and_then(|status| status.pointer("/statusCategory/key")).and_then(Value::as_str);
    Some(Ticket {
        key: key.to_owned(),
        summary: text(fields.get("summary")),
        status: name("status"),
        resolved: category == Some(DONE),
        priority: name("priority"),
        url: format!("{}/browse/{key}", base_url.trim_end_matches('/')),
        created_at: fields.get("created").and_then(Value::as_str).and_then(moment),
    })
}

/// A project's key, a hyphen and a number. Whatever isn't one has no place in an address.
fn is_key(key: &str) -> bool {
    let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
    key.len() <= 255
        && key.rsplit_once('-').is_some_and(|(project, number)| {
            !project.is_empty()
                && project.chars().all(is_word)
                && !number.is_empty()
                && number.chars().all(|char| char.is_ascii_digit())
        })
}

/// `2026-01-02T05:05:54.123+0000`, as Jira writes times.
fn moment(text: &str) -> Option<Timestamp> {
    let time = Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", text);
    time.or_else(|_| text.parse()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn an_answer_of_the_search() {
        let body = json!({"isLast": true, "issues": [
            {"id": "10002", "key": "SHOP-12", "self": "https://x.atlassian.net/rest/api/3/issue/10002", "fields": {
                "summary": "checkout fails", "created": "2026-01-02T05:05:54.123+0100", "priority": {"name": "High", "id": "2"},
                "status": {"name": "Erledigt", "id": "3", "statusCategory": {"id": 3, "key": "done", "colorName": "green"}}}},
            {"key": "SHOP-13", "fields": {"summary": "open", "status": {"name": "Done?", "statusCategory": {"key": "indeterminate"}}}},
            {"key": "../../secret", "fields": {}},
            {"key": "SHOP-14", "fields": []},
        ]});
        let (tickets, lost) = tickets(body.to_string().as_bytes(), "https://x.atlassian.net/").unwrap();
        assert_eq!((tickets.len(), lost), (2, 2));
        let expected = Ticket {
            key: "SHOP-12".into(),
            summary: "checkout fails".into(),
            status: "Erledigt".into(),
            resolved: true,
            priority: "High".into(),
            url: "https://x.atlassian.net/browse/SHOP-12".into(),
            created_at: Some("2026-01-02T04:05:54.123Z".parse().unwrap()),
        };
        assert_eq!(tickets[0], expected);
        assert!(!tickets[1].resolved && tickets[1].created_at.is_none());
    }

    #[test]
    fn what_is_no_answer_is_not_taken_for_none() {
        for body in ["", "<html>Log in</html>", "{}", "[]", "null", r#"{"issues": {}}"#, r#"{"issues": [{"key""#] {
            assert!(tickets(body.as_bytes(), "https://x").is_err(), "{body}");
        }
        assert_eq!(tickets(br#"{"issues": []}"#, "https://x").unwrap(), (Vec::new(), 0));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..200), key in any::<String>(), created in "\\PC{0,30}") {
            _ = tickets(&body, "https://x");
            let body = json!({"issues": [{"key": key, "fields": {"created": created, "status": 7, "priority": []}}]});
            let (tickets, lost) = tickets(body.to_string().as_bytes(), "https://x").unwrap();
            prop_assert_eq!(tickets.len() + lost, 1);
            let is_safe = |ticket: &Ticket| ticket.url.bytes().all(|byte| byte.is_ascii_graphic());
            prop_assert!(tickets.iter().all(is_safe));
        }
    }
}
