//! Anthropic's Messages API.

use super::fake::{Ending, FakeModel, Reply};
use super::{SHORT, TIME, ask, assert_sent, error, leaky, request, usage};
use rstest::rstest;
use serde_json::json;
use sre_copilot::adapters::anthropic::{AnthropicModel, AnthropicOptions};
use sre_copilot::config::{LlmSettings, Structured};
use sre_copilot::ports::{LanguageModel, ModelError};
use sre_copilot::redact::Redactor;

const KEY: &str = "a-key-of-no-known-shape";

fn settings(fake: &FakeModel) -> LlmSettings {
    let (base_url, api_key) = (Some(fake.address().to_owned()), Some(KEY.to_owned().into()));
    LlmSettings { base_url, api_key, ..LlmSettings::default() }
}

fn model_of(settings: &LlmSettings) -> AnthropicModel {
    AnthropicModel::new(AnthropicOptions::of(settings).unwrap(), Redactor::fixed()).unwrap()
}

fn model(fake: &FakeModel) -> AnthropicModel {
    model_of(&settings(fake))
}

#[tokio::test]
async fn what_is_sent_and_what_comes_back() {
    let fake = FakeModel::always(Reply::says(r#"{"observations":[]}"#)).await;
    let answer = ask(&model(&fake)).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.stop_reason.as_str()), (r#"{"observations":[]}"#, "end_turn"));
    assert!(answer.usage.input_tokens > 0);
    assert_eq!(answer.usage, usage(answer.usage.input_tokens, 7, 50));
    let sent = &fake.received()[0];
    assert_eq!(sent.path, "/v1/messages");
    assert_eq!(sent.headers["x-api-key"], KEY);
    assert_eq!(sent.headers["anthropic-version"], "2026-10-21");
    assert_eq!(sent.headers["content-type"], "application/json");
    assert_eq!(
        sent.body,
        json!({
            "model": "claude-sonnet-5-5", "max_tokens": 3000,
            "system": [{"type": "text", "text": request().system}],
            "messages": [{"role": "user", "content": request().messages[0].text}],
            "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": request().schema}},
        })
    );
}

#[tokio::test]
async fn what_is_shown_is_what_is_sent_and_is_masked() {
    let fake = FakeModel::always(Reply::says("{}")).await;
    let model = model(&fake);
    let shown = model.egress(&leaky());
    assert!(fake.received().is_empty(), "showing sends nothing");
    model.ask(&leaky(), TIME).await.unwrap();
    assert_sent(&shown, &fake, 0);
    assert!(!shown.body.contains("hunter2") && !shown.body.contains("abcdef123456"), "{}", shown.body);
    assert!(!format!("{shown:?} {model:?}").contains(KEY));
    model.ask(&leaky(), TIME).await.unwrap();
    assert_eq!(fake.received()[0].raw, fake.received()[1].raw);
}

#[tokio::test]
async fn a_long_system_text_is_kept_in_the_models_cache() {
    let fake = FakeModel::always(Reply::says("{}")).await;
    let mut long = request();
    long.system = "A rule of this stage. ".repeat(100);
    model(&fake).ask(&long, TIME).await.unwrap();
    assert_eq!(fake.received()[0].body["system"][0]["cache_control"], json!({"type": "ephemeral"}));
}

#[tokio::test]
async fn an_answer_through_one_strict_tool() {
    let fake = FakeModel::always(Reply::says(r#"{"observations":["a"]}"#)).await;
    let settings = LlmSettings { structured: Structured::Tool, ..settings(&fake) };
    let answer = ask(&model_of(&settings)).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.stop_reason.as_str()), (r#"{"observations":["a"]}"#, "tool_use"));
    let sent = &fake.received()[0].body;
    assert_eq!(sent["tools"][0]["strict"], true);
    assert_eq!(sent["tools"][0]["input_schema"], request().schema);
    assert_eq!(sent["tool_choice"], json!({"type": "tool", "name": sent["tools"][0]["name"]}));
    assert!(sent.get("output_config").is_none());
    assert_eq!(fake.received()[0].stage(), "analyze");
}

#[tokio::test]
async fn endings_that_are_no_answer() {
    let ends = async |ending| error(&model(&FakeModel::always(Reply::ends("{", ending)).await)).await;
    assert!(matches!(ends(Ending::Truncated).await, ModelError::Truncated(usage) if usage.output_tokens == 50));
    assert!(matches!(ends(Ending::Refused).await, ModelError::Refused(usage) if usage.output_tokens == 50));
    let other = json!({"content": [{"type": "text", "text": "{}"}], "stop_reason": "model_context_window_exceeded"});
    let fake = FakeModel::always(Reply::json(200, other)).await;
    assert!(matches!(error(&model(&fake)).await, ModelError::Truncated(_)));
}

#[rstest]
#[case(Reply::error(401, "authentication_error", "invalid x-api-key"), "HTTP 401: invalid x-api-key")]
#[case(Reply::error(403, "permission_error", "not yours"), "HTTP 403: not yours")]
#[case(Reply::error(404, "not_found_error", "model: none"), "HTTP 404: model: none")]
#[case(Reply::error(400, "invalid_request_error", "token=abcdef0123456789 is no field"), "HTTP 400: token=<secret:")]
#[case(Reply::error(401, "x", "a-key-of-no-known-shape is no key"), "HTTP 401: <secret> is no key")]
#[case(Reply::page(), "unreadable answer: a web page where JSON was asked for")]
#[case(Reply::text("{\"content\": ["), "unreadable answer: no JSON")]
#[case(Reply::text("[]"), "unreadable answer: JSON of another shape")]
#[case(Reply::text("{}"), "unreadable answer: JSON of another shape")]
#[case(Reply::text(""), "unreadable answer: no JSON")]
#[case(Reply::says(""), "unreadable answer: it holds no text")]
#[case(Reply::Endless, "unreadable answer: the answer is longer than 1 MiB")]
#[tokio::test]
async fn what_is_not_worth_a_retry(#[case] reply: Reply, #[case] said: &str) {
    let error = error(&model(&FakeModel::always(reply).await)).await;
    assert!(error.to_string().starts_with(said), "{error}");
    assert!(matches!(error, ModelError::Rejected { .. } | ModelError::Unreadable(_)));
}

#[tokio::test]
async fn who_is_busy_may_say_for_how_long() {
    let busy = async |reply| match error(&model(&FakeModel::always(reply).await)).await {
        ModelError::Busy { status, retry_after, .. } => (status, retry_after.map(|wait| wait.as_secs())),
        other => panic!("{other}"),
    };
    let limited = || Reply::error(429, "rate_limit_error", "slow down");
    let dated = limited().with("date", "Sun, 06 Nov 1994 08:49:37 GMT").with("retry-after", "Sun, 06 Nov 1994 08:50:00 GMT");
    assert_eq!(busy(limited().with("retry-after", "2")).await, (429, Some(2)));
    assert_eq!(busy(limited().with("retry-after", "600")).await, (429, Some(600)));
    assert_eq!(busy(dated).await, (429, Some(23)));
    assert_eq!(busy(limited()).await, (429, None));
    assert_eq!(busy(Reply::error(529, "overloaded_error", "Overloaded")).await, (529, None));
    assert_eq!(busy(Reply::error(408, "x", "x")).await, (408, None));
    assert_eq!(busy(Reply::error(503, "x", "x")).await, (503, None));
}

#[tokio::test]
async fn a_spend_limit_is_no_rate_limit() {
    let body = json!({"type": "error", "error": {
        "type": "rate_limit_error", "message": "monthly cap", "details": {"error_code": "enforced_spend_limit_reached"},
    }});
    let fake = FakeModel::always(Reply::json(429, body)).await;
    assert_eq!(error(&model(&fake)).await, ModelError::SpendLimit("monthly cap".to_owned()));
    assert_eq!(fake.received().len(), 1);
}

#[tokio::test]
async fn it_retries_nothing_by_itself() {
    let fake = FakeModel::script(vec![Reply::error(503, "x", "x"), Reply::says("{}")]).await;
    let asking = model(&fake);
    assert!(matches!(error(&asking).await, ModelError::Busy { .. }));
    assert_eq!(fake.received().len(), 1);
    assert!(ask(&asking).await.is_ok());
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let other = FakeModel::always(Reply::says("{}")).await;
    let moved = Reply::error(307, "", "").with("location", &format!("{}/v1/messages?key=abc", other.address()));
    let error = error(&model(&FakeModel::always(moved).await)).await;
    assert_eq!(error.to_string(), format!("HTTP 307: redirected to {}; check the address", other.address()));
    assert!(other.received().is_empty());
}

#[tokio::test]
async fn nobody_there_no_answer_half_an_answer() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let fake = FakeModel::always(Reply::Hangs).await;
    let nobody = LlmSettings { base_url: Some(format!("http://127.0.0.1:{port}")), ..settings(&fake) };
    let error = error(&model_of(&nobody)).await;
    assert!(matches!(&error, ModelError::Unreachable(why) if why.contains("refused")), "{error}");
    let late = model(&fake).ask(&request(), SHORT).await.unwrap_err();
    assert_eq!(late, ModelError::Timeout(SHORT));
    let half = super::error(&model(&FakeModel::always(Reply::CutOff).await)).await;
    assert!(matches!(half, ModelError::Connection(_)), "{half}");
}

#[test]
fn what_can_not_be_asked() {
    let error = AnthropicOptions::of(&LlmSettings::default()).unwrap_err().to_string();
    assert!(error.contains("ANTHROPIC_API_KEY"), "{error}");
    let settings = LlmSettings { api_key: Some("a\nb".to_owned().into()), ..LlmSettings::default() };
    let error = AnthropicModel::new(AnthropicOptions::of(&settings).unwrap(), Redactor::fixed()).unwrap_err().to_string();
    assert_eq!(error, "the key has characters that no HTTP header can hold");
}
