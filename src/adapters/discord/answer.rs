//! What an answer of Discord means. The numbers are Discord's JSON error codes.

use super::limits;
use crate::adapters::http::HttpAnswer;
use crate::ports::Delivery;
use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;

const UNKNOWN_CHANNEL: u64 = 10_003;
const UNKNOWN_WEBHOOK: u64 = 10_015;
/// "Cannot edit a message authored by another user": it was posted before the mode was changed.
const NOT_OURS: u64 = 50_005;

/// `words` says why Discord refuses, without secrets.
pub(super) fn read(answer: &HttpAnswer, method: &Method, now: Timestamp, words: impl Fn() -> String) -> Delivery {
    let status = answer.status;
    let why = || format!("{}: {}", status.as_u16(), words());
    let is_change = method == Method::PATCH;
    match status {
        _ if status.is_success() => sent(answer),
        StatusCode::TOO_MANY_REQUESTS => {
            let (until, global) = limits::refusal(answer, now);
            Delivery::RateLimited { until, global }
        }
        StatusCode::NOT_FOUND if is_change && !matches!(code(answer), Some(UNKNOWN_CHANNEL | UNKNOWN_WEBHOOK)) => {
            Delivery::MessageGone
        }
        StatusCode::FORBIDDEN if is_change && code(answer) == Some(NOT_OURS) => Delivery::MessageGone,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Delivery::ChannelGone(why()),
        StatusCode::REQUEST_TIMEOUT => Delivery::Retry(why()),
        _ if status.is_client_error() => Delivery::Refused(why()),
        _ => Delivery::Retry(why()),
    }
}

fn sent(answer: &HttpAnswer) -> Delivery {
    #[derive(Deserialize)]
    struct Message {
        id: String,
        channel_id: Option<String>,
        #[serde(default)]
        components: Vec<Value>,
    }
    match answer.json::<Message>() {
        Ok(message) => {
            let has_components = !message.components.is_empty();
            Delivery::Sent { message_id: message.id, channel_id: message.channel_id, link: None, has_components }
        }
        // Something between us and Discord answered.
        Err(error) => Delivery::Retry(error.to_string()),
    }
}

fn code(answer: &HttpAnswer) -> Option<u64> {
    serde_json::from_slice::<Value>(&answer.body).ok()?.get("code")?.as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderMap;
    use rstest::rstest;

    #[rstest]
    #[case(200, "POST", r#"{"id": "7", "components": [{}]}"#, "sent 7 true")]
    #[case(200, "PATCH", r#"{"id": "7"}"#, "sent 7 false")]
    #[case(200, "POST", "<html>", "retry")]
    #[case(204, "POST", "", "retry")]
    #[case(302, "POST", "", "retry")]
    #[case(400, "POST", r#"{"code": 50035}"#, "refused")]
    #[case(413, "POST", "", "refused")]
    #[case(401, "POST", r#"{"code": 50027}"#, "channel")]
    #[case(403, "POST", r#"{"code": 50013}"#, "channel")]
    #[case(403, "PATCH", r#"{"code": 50005}"#, "message")]
    #[case(404, "POST", r#"{"code": 10015}"#, "channel")]
    #[case(404, "PATCH", r#"{"code": 10015}"#, "channel")]
    #[case(404, "PATCH", r#"{"code": 10003}"#, "channel")]
    #[case(404, "PATCH", r#"{"code": 10008}"#, "message")]
    #[case(404, "PATCH", "", "message")]
    #[case(408, "POST", "", "retry")]
    #[case(429, "POST", r#"{"retry_after": 1}"#, "limited")]
    #[case(500, "POST", "", "retry")]
    #[case(503, "PATCH", "", "retry")]
    fn each_answer(#[case] status: u16, #[case] method: &str, #[case] body: &str, #[case] expected: &str) {
        let status = StatusCode::from_u16(status).unwrap();
        let answer = HttpAnswer { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec() };
        let method = method.parse().unwrap();
        let read = match read(&answer, &method, Timestamp::UNIX_EPOCH, || "why".to_owned()) {
            Delivery::Sent { message_id, has_components, .. } => format!("sent {message_id} {has_components}"),
            Delivery::RateLimited { .. } => "limited".to_owned(),
            Delivery::Retry(_) => "retry".to_owned(),
            Delivery::ChannelGone(_) => "channel".to_owned(),
            Delivery::MessageGone => "message".to_owned(),
            Delivery::Refused(_) => "refused".to_owned(),
        };
        assert_eq!(read, expected);
    }
}
