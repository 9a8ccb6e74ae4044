//! Chat completions, as many servers speak them.

use super::fake::{Ending, FakeModel, Received, Reply};
use super::{TIME, ask, assert_sent, error, leaky, request, usage};
use serde_json::json;
use sre_copilot::adapters::openai::{OpenAiModel, OpenAiOptions};
use sre_copilot::config::LlmSettings;
use sre_copilot::ports::{LanguageModel, ModelError};
use sre_copilot::redact::Redactor;

fn settings(fake: &FakeModel) -> LlmSettings {
    LlmSettings { base_url: Some(fake.openai()), model: Some("qwen3:8b".to_owned()), ..LlmSettings::default() }
}

fn model_of(settings: &LlmSettings) -> OpenAiModel {
    OpenAiModel::new(OpenAiOptions::of(settings).unwrap(), Redactor::fixed()).unwrap()
}

fn model(fake: &FakeModel) -> OpenAiModel {
    model_of(&settings(fake))
}

#[tokio::test]
async fn what_is_sent_and_what_comes_back() {
    let fake = FakeModel::always(Reply::says("<think>{}</think>\n{\"observations\":[]}")).await;
    let answer = ask(&model(&fake)).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.stop_reason.as_str()), (r#"{"observations":[]}"#, "stop"));
    assert_eq!(answer.usage, usage(answer.usage.input_tokens, 0, 50));
    let sent = &fake.received()[0];
    assert_eq!(sent.path, "/v1/chat/completions");
    assert!(!sent.headers.contains_key("authorization"), "no key is set");
    assert_eq!(
        sent.body,
        json!({
            "model": "qwen3:8b", "max_tokens": 3000,
            "messages": [
                {"role": "system", "content": request().system}, {"role": "user", "content": request().messages[0].text},
            ],
            "response_format": {
                "type": "json_schema", "json_schema": {"name": "analyze", "strict": true, "schema": request().schema},
            },
        })
    );
}

#[tokio::test]
async fn what_is_shown_is_what_is_sent_and_is_masked() {
    let fake = FakeModel::always(Reply::says("{}")).await;
    let model = model_of(&LlmSettings { api_key: Some("key-abc".to_owned().into()), ..settings(&fake) });
    let shown = model.egress(&leaky());
    model.ask(&leaky(), TIME).await.unwrap();
    assert_sent(&shown, &fake, 0);
    assert_eq!(fake.received()[0].headers["authorization"], "Bearer key-abc");
    assert!(!shown.body.contains("hunter2") && !format!("{shown:?} {model:?}").contains("key-abc"));
}

#[tokio::test]
async fn a_key_of_anthropics_goes_to_nobody_else() {
    let fake = FakeModel::always(Reply::says("{}")).await;
    ask(&model_of(&LlmSettings { api_key: Some("sk-ant-abc".to_owned().into()), ..settings(&fake) })).await.unwrap();
    assert!(!fake.received()[0].headers.contains_key("authorization"));
}

/// Knows only some of the formats, and says so in a server's words.
fn knowing(formats: &'static [&'static str]) -> impl Fn(&Received) -> Reply {
    move |received| match received.body.pointer("/response_format/type").and_then(|format| format.as_str()) {
        Some(format) if !formats.contains(&format) => {
            Reply::error(400, "invalid_request_error", &format!("'response_format.type' : value '{format}' is not supported"))
        }
        _ => Reply::says("{}"),
    }
}

fn formats(fake: &FakeModel) -> Vec<String> {
    fake.received()
        .iter()
        .map(|received| received.body["response_format"]["type"].as_str().unwrap_or("none").to_owned())
        .collect()
}

#[tokio::test]
async fn a_server_that_knows_less_is_asked_with_less_from_then_on() {
    let fake = FakeModel::start(knowing(&["json_object"])).await;
    let asking = model(&fake);
    ask(&asking).await.unwrap();
    let shown = asking.egress(&request());
    ask(&asking).await.unwrap();
    assert_eq!(formats(&fake), ["json_schema", "json_object", "json_object"]);
    assert_sent(&shown, &fake, 2);
    let system = fake.received()[2].system().to_owned();
    assert!(system.starts_with(&request().system) && system.ends_with(&request().schema.to_string()), "{system}");

    let fake = FakeModel::start(knowing(&[])).await;
    ask(&model(&fake)).await.unwrap();
    assert_eq!(formats(&fake), ["json_schema", "json_object", "none"]);
}

#[tokio::test]
async fn another_refusal_changes_nothing() {
    let fake = FakeModel::always(Reply::error(400, "invalid_request_error", "no such model")).await;
    let asking = model(&fake);
    assert_eq!(error(&asking).await, ModelError::Rejected { status: 400, message: "no such model".to_owned() });
    assert_eq!(formats(&fake), ["json_schema"]);
    let fake = FakeModel::always(Reply::error(400, "x", "response_format is wrong")).await;
    assert!(matches!(error(&model(&fake)).await, ModelError::Rejected { status: 400, .. }));
    assert_eq!(formats(&fake), ["json_schema", "json_object", "none"], "it ends");
}

#[tokio::test]
async fn a_prompt_that_was_cut_without_a_word() {
    let fake = FakeModel::always(Reply::claims("{}", 10)).await;
    let error = error(&model(&fake)).await;
    assert!(matches!(&error, ModelError::PromptCut(why, _) if why.contains("OLLAMA_CONTEXT_LENGTH")), "{error}");
    assert_eq!(error.usage(), Some(usage(10, 0, 50)));
    // Servers that don't count say nothing about it.
    assert!(ask(&model(&FakeModel::always(Reply::claims("{}", 0)).await)).await.is_ok());
}

#[tokio::test]
async fn prompt_and_answer_fit_into_the_context() {
    let fake = FakeModel::always(Reply::says("{}")).await;
    let mut long = request();
    long.messages[0].text = "word ".repeat(3_600);
    model(&fake).ask(&long, TIME).await.unwrap();
    let max_tokens = fake.received()[0].body["max_tokens"].as_u64().unwrap();
    assert!((2_000..2_192).contains(&max_tokens), "8192 less about 6,000: {max_tokens}");
    long.messages[0].text = "word ".repeat(6_000);
    let error = model(&fake).ask(&long, TIME).await.unwrap_err();
    assert!(matches!(&error, ModelError::PromptCut(why, _) if why.contains("llm.context_window = 8192")), "{error}");
    assert_eq!(fake.received().len(), 1, "it is not sent");
}

#[tokio::test]
async fn endings_that_are_no_answer() {
    let ends = async |reply| error(&model(&FakeModel::always(reply).await)).await;
    assert!(matches!(ends(Reply::ends("{", Ending::Truncated)).await, ModelError::Truncated(_)));
    assert!(matches!(ends(Reply::ends("", Ending::Refused)).await, ModelError::Refused(_)));
    let refusal = json!({"choices": [{"message": {"content": null, "refusal": "no"}, "finish_reason": "stop"}]});
    assert!(matches!(ends(Reply::json(200, refusal)).await, ModelError::Refused(_)));
    for odd in [json!({"choices": []}), json!({"choices": [{"message": {"content": null}}]}), json!({"error": "x"})] {
        assert!(matches!(ends(Reply::json(200, odd)).await, ModelError::Unreadable(_)));
    }
    assert!(matches!(ends(Reply::says("<think>and so on")).await, ModelError::Unreadable(_)));
}

#[tokio::test]
async fn an_account_without_money() {
    for code in ["insufficient_quota", "credit_balance_exhausted", "project_spend_limit_exceeded", "budget_exceeded"] {
        let body = json!({"error": {"message": "check your plan", "type": "insufficient_quota", "code": code}});
        let error = error(&model(&FakeModel::always(Reply::json(429, body)).await)).await;
        assert_eq!(error, ModelError::SpendLimit("check your plan".to_owned()));
    }
    let body = json!({"error": {"message": "slow down", "type": "tokens", "code": "rate_limit_exceeded"}});
    let error = error(&model(&FakeModel::always(Reply::json(429, body)).await)).await;
    assert!(matches!(error, ModelError::Busy { status: 429, .. }), "{error}");
}

#[test]
fn a_model_has_to_be_named() {
    let error = OpenAiOptions::of(&LlmSettings::default()).unwrap_err().to_string();
    assert!(error.contains("llm.model"), "{error}");
}
