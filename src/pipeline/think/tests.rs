//! Calls to a scripted model under a clock that stands still until everybody waits.

use super::scripted::*;
use super::*;
use crate::domain::{Exchange, ModelName, Perspective, Stage, Usage};
use crate::ports::{ModelAnswer, ModelError, Role, StoreError};
use crate::redact::Redactor;
use futures::future::join_all;
use std::time::Duration;

/// What one incident's calls need.
struct Desk {
    model: Scripted,
    book: Book,
    clock: TestClock,
    gate: Gate,
    redactor: Redactor,
    limits: Limits,
}

impl Desk {
    fn new(script: impl IntoIterator<Item = (u64, Result<ModelAnswer, ModelError>)>) -> Self {
        Self {
            model: Scripted::new(script),
            book: Book::default(),
            clock: TestClock::new(),
            gate: Gate::default(),
            redactor: Redactor::fixed(),
            limits: Limits { price: PRICE, ..Limits::default() },
        }
    }

    fn incident(&self) -> Caller<Live<'_, Scripted, Book, TestClock>> {
        Caller::new(Live::new(&self.model, &self.book, &self.clock, &self.gate, &self.redactor, self.limits))
    }

    /// The reason of a call that gives nothing.
    async fn gap(&self, caller: &Caller<impl Voice>, stage: Stage) -> String {
        caller.call(&question(stage), number).await.unwrap_err().why
    }

    /// What each call came to, in the book.
    fn booked(&self) -> Vec<u64> {
        self.book.rows.lock().unwrap().iter().map(|(_, sum)| *sum).collect()
    }
}

/// A prompt of [`question`] is 9 + 11 + 17 bytes: 13 tokens, and its answer at most 3,000.
const WORST: u64 = 13 * 2 + 3_000 * 10;

#[tokio::test(start_paused = true)]
async fn an_answer_is_parsed_paid_for_and_kept() {
    let desk = Desk::new([(2, says("```json\n7\n```"))]);
    let caller = desk.incident();
    assert_eq!(caller.call(&question(Stage::Fix), number).await, Ok(Called { value: 7, calls: 1 }));
    assert_eq!((desk.booked(), caller.input_tokens()), (vec![COST], 100));
    let (cost, exchanges) = caller.finish();
    assert_eq!((cost.calls, cost.usage, cost.micro_usd, cost.took_ms), (1, USAGE, COST, 2_000));
    assert_eq!((cost.backend.as_str(), cost.model.as_deref()), ("anthropic", Some("claude-sonnet-5-5")));
    let [exchange] = exchanges.as_slice() else { panic!("{exchanges:?}") };
    assert_eq!((exchange.n, exchange.attempt, exchange.tries), (1, 1, 1));
    assert_eq!(exchange.request_sha256, exchange.request.sha256());
    assert_eq!(exchange.request_sha256.len(), 64);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_asked_for_once_more_with_the_error() {
    let desk = Desk::new([(0, says("seven")), (0, says("7"))]);
    let caller = desk.incident();
    assert_eq!(caller.call(&question(Stage::Fix), number).await, Ok(Called { value: 7, calls: 2 }));
    let asked = desk.model.asked.lock().unwrap().clone();
    assert_eq!(asked.iter().map(|request| request.attempt).collect::<Vec<_>>(), [1, 2]);
    let roles: Vec<Role> = asked[1].messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::User]);
    assert_eq!(asked[1].messages[1].text, "seven");
    assert!(asked[1].messages[2].text.contains("\"seven\" is no number"), "{}", asked[1].messages[2].text);
}

#[tokio::test(start_paused = true)]
async fn what_never_fits_leaves_the_stage_to_the_rules() {
    for (first, second) in [
        (says("x"), says("y\nz")),
        (says(""), says("")),
        (says("{\"a\": "), says("{}")),
        (Err(ModelError::Truncated(USAGE)), Err(ModelError::Truncated(USAGE))),
    ] {
        let desk = Desk::new([(0, first), (0, second)]);
        let gap = desk.incident().call(&question(Stage::Fix), number).await.unwrap_err();
        assert_eq!((gap.calls, desk.model.sent(), desk.booked()), (2, 2, vec![COST, COST]));
        assert!(gap.why.starts_with("no usable answer") || gap.why == "the answer was cut off", "{}", gap.why);
        assert!(!gap.why.contains('\n'));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_can_not_be_sent_back_is_only_described() {
    for first in [says(" "), says(&"nine ".repeat(20_000)), Err(ModelError::Truncated(USAGE))] {
        let desk = Desk::new([(0, first), (0, says("7"))]);
        assert!(desk.incident().call(&question(Stage::Fix), number).await.is_ok());
        let asked = desk.model.asked.lock().unwrap().clone();
        let [message] = asked[1].messages.as_slice() else { panic!("{asked:?}") };
        assert!(message.role == Role::User && message.text.starts_with("What is it?\n\n") && message.text.len() < 1_000);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_names_a_time_is_obeyed_or_left_alone() {
    let desk = Desk::new([(0, busy(429, Some(2))), (0, says("7"))]);
    assert!(desk.incident().call(&question(Stage::Fix), number).await.is_ok());
    assert_eq!((desk.clock.passed(), desk.model.sent()), (Duration::from_secs(2), 2));

    let desk = Desk::new([(0, busy(429, Some(600)))]);
    assert_eq!(desk.gap(&desk.incident(), Stage::Fix).await, "HTTP 429: overloaded");
    assert_eq!((desk.clock.passed(), desk.model.sent()), (Duration::ZERO, 1));
    assert_eq!(desk.booked(), [0], "a server that turns a call away computes nothing");
}

#[tokio::test(start_paused = true)]
async fn three_tries_with_growing_pauses() {
    let desk = Desk::new([(0, busy(529, None)), (0, Err(ModelError::Unreachable("x".into()))), (0, says("7"))]);
    let caller = desk.incident();
    assert_eq!(caller.call(&question(Stage::Fix), number).await, Ok(Called { value: 7, calls: 1 }));
    let passed = desk.clock.passed();
    assert!(Duration::from_millis(750) <= passed && passed <= Duration::from_millis(2_250), "{passed:?}");
    let (cost, exchanges) = caller.finish();
    assert_eq!((cost.calls, exchanges[0].tries, cost.micro_usd), (1, 3, COST), "a retry is the same call");

    let desk = Desk::new([(0, busy(500, None))]);
    assert_eq!(desk.gap(&desk.incident(), Stage::Fix).await, "HTTP 500: overloaded");
    assert_eq!(desk.model.sent(), 3);
    assert_eq!(desk.booked(), [WORST; 3], "it may have computed something");
}

#[tokio::test(start_paused = true)]
async fn what_would_only_fail_again_is_sent_once() {
    for (error, why) in [
        (ModelError::Refused(USAGE), "refused"),
        (ModelError::Rejected { status: 400, message: "bad".into() }, "HTTP 400: bad"),
        (ModelError::Unreadable("HTML".into()), "unreadable answer: HTML"),
        (ModelError::PromptCut("raise num_ctx".into(), USAGE), "the server cut the prompt: raise num_ctx"),
    ] {
        let desk = Desk::new([(0, Err(error))]);
        assert_eq!(desk.gap(&desk.incident(), Stage::Fix).await, why);
        assert_eq!(desk.model.sent(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_without_money_gets_one_request_an_incident() {
    let desk = Desk::new([(0, Err(ModelError::SpendLimit("5 USD".into()))), (0, says("7"))]);
    let caller = desk.incident();
    for stage in [Stage::Analyze, Stage::Criticize, Stage::Fix] {
        assert_eq!(desk.gap(&caller, stage).await, "the account's spend limit is reached: 5 USD");
    }
    assert_eq!(desk.model.sent(), 1);
    let (cost, exchanges) = caller.finish();
    assert_eq!((cost.calls, cost.micro_usd, exchanges.len()), (1, 0, 3));
}

#[tokio::test(start_paused = true)]
async fn five_failures_stop_the_requests_of_all_incidents() {
    let desk = Desk::new([(0, busy(503, Some(0)))]);
    for sent in [3, 5, 5] {
        desk.gap(&desk.incident(), Stage::Fix).await;
        assert_eq!(desk.model.sent(), sent);
    }
    assert_eq!(desk.gap(&desk.incident(), Stage::Fix).await, "breaker open since 12:03 UTC");
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(desk.gap(&desk.incident(), Stage::Fix).await, "HTTP 503: overloaded");
    assert_eq!(desk.model.sent(), 6, "one trial");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_stops_them_at_once_and_for_longer() {
    let desk = Desk::new([(0, Err(ModelError::Rejected { status: 401, message: "no such key".into() })), (0, says("7"))]);
    let caller = desk.incident();
    assert_eq!(desk.gap(&caller, Stage::Analyze).await, "HTTP 401: no such key");
    assert_eq!(desk.gap(&caller, Stage::Fix).await, "breaker open since 12:03 UTC");
    tokio::time::advance(Duration::from_secs(299)).await;
    assert_eq!(desk.gap(&desk.incident(), Stage::Fix).await, "breaker open since 12:03 UTC");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(desk.incident().call(&question(Stage::Fix), number).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_the_deadline_drops_does_not_stay_under_way() {
    let mut desk =
        Desk::new([(0, busy(503, Some(0))), (0, busy(503, Some(0))), (0, busy(503, Some(0))), (0, busy(503, Some(0)))]);
    desk.gap(&desk.incident(), Stage::Fix).await;
    desk.gap(&desk.incident(), Stage::Fix).await;
    desk.model = Scripted::new([(25, says("7")), (0, says("7"))]);
    tokio::time::advance(Duration::from_secs(60)).await;
    desk.limits.incident = jiff::SignedDuration::from_secs(20);
    assert_eq!(desk.gap(&desk.incident(), Stage::Fix).await, "no answer within the incident's 20 s");
    assert!(desk.incident().call(&question(Stage::Fix), number).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_model_that_takes_31_s_is_dropped_at_the_deadline() {
    let desk = Desk::new([(31, says("7"))]);
    let caller = desk.incident();
    assert_eq!(desk.gap(&caller, Stage::Fix).await, "no answer within the incident's 60 s");
    assert_eq!((desk.clock.passed(), desk.model.sent(), desk.gate.late()), (Duration::from_secs(60), 2, 1));
    assert_eq!(desk.gap(&caller, Stage::Fix).await, "no answer within the incident's 60 s");
    assert_eq!((desk.clock.passed(), desk.model.sent(), desk.gate.late()), (Duration::from_secs(60), 2, 1));
    assert_eq!(desk.booked(), [WORST, WORST], "what nobody counted stays spent");
    let (cost, exchanges) = caller.finish();
    assert_eq!((cost.calls, cost.micro_usd, cost.took_ms), (1, 2 * WORST, 60_000));
    assert_eq!(exchanges[0].input_tokens, 26);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_retry_says_how_long_was_waited() {
    let mut desk = Desk::new([(31, says("7"))]);
    desk.limits.incident = jiff::SignedDuration::from_millis(30_100);
    assert_eq!(desk.gap(&desk.incident(), Stage::Fix).await, "no answer within 30 s");
}

#[tokio::test(start_paused = true)]
async fn eight_calls_at_once_and_waiting_counts() {
    let desk = Desk::new([(20, says("7"))]);
    let incidents: Vec<_> = (0..12).map(|_| desk.incident()).collect();
    let question = question(Stage::Fix);
    let answers = join_all(incidents.iter().map(|caller| caller.call(&question, number))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 12);
    // Four began after 20 s, had 10 s left, and were tried again.
    assert_eq!(desk.model.sent(), 16);
}

#[tokio::test(start_paused = true)]
async fn without_money_nothing_is_sent() {
    let mut desk = Desk::new([(0, says("7"))]);
    desk.limits.daily_micro_usd = 0;
    assert_eq!(desk.gap(&desk.incident(), Stage::Fix).await, "over budget: the day's budget is 0");
    desk.limits.daily_micro_usd = WORST - 1;
    assert_eq!(desk.gap(&desk.incident(), Stage::Fix).await, "over budget: the day's budget is used up");
    desk.limits.daily_micro_usd = WORST;
    desk.limits.micro_usd = WORST - 1;
    assert_eq!(desk.gap(&desk.incident(), Stage::Fix).await, "over budget: this incident's money is used up");
    desk.limits.micro_usd = WORST;
    desk.limits.input_tokens = 12;
    assert_eq!(desk.gap(&desk.incident(), Stage::Fix).await, "over budget: this incident's input tokens are used up");
    desk.limits.input_tokens = 13;
    desk.book.broken = Some(StoreError::ReadOnly);
    let why = desk.gap(&desk.incident(), Stage::Fix).await;
    assert!(why.starts_with("over budget: the day's budget can't be kept: the database is read-only"), "{why}");
    assert_eq!((desk.model.sent(), desk.booked()), (0, vec![]));
    desk.book.broken = None;
    assert!(desk.incident().call(&question(Stage::Fix), number).await.is_ok());
    assert_eq!(desk.gap(&desk.incident(), Stage::Fix).await, "over budget: the day's budget is used up");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_claims_to_cost_nothing_costs_the_most() {
    let free = ModelAnswer { text: "7".into(), stop_reason: "stop".into(), usage: Usage::default() };
    let desk = Desk::new([(0, Ok(free))]);
    let caller = desk.incident();
    assert!(caller.call(&question(Stage::Fix), number).await.is_ok());
    assert_eq!((desk.booked(), caller.finish().0.micro_usd), (vec![WORST], WORST));
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_and_shown_is_masked() {
    let desk = Desk::new([(0, says("password=hunter2")), (0, Err(ModelError::Unreadable("token=hunter2\n\u{1b}[31m".into())))]);
    let caller = desk.incident();
    let mut asked = question(Stage::Fix);
    asked.user = "DB_PASSWORD=hunter2".into();
    let gap = caller.call(&asked, number).await.unwrap_err();
    let kept = serde_json::to_string(&caller.finish().1).unwrap();
    let sent = format!("{:?}", desk.model.asked.lock().unwrap());
    assert!(!kept.contains("hunter2") && !sent.contains("hunter2") && !gap.why.contains("hunter2"), "{kept} {sent} {gap:?}");
    assert!(!gap.why.contains(|c: char| c.is_control()));
}

/// The calls of an incident with an answer, a repair, a refusal, a retry and a stage that was never asked.
async fn incident(caller: &Caller<impl Voice>) -> Vec<Result<Called<u32>, Gap>> {
    let perspective = |perspective| Question { perspective: Some(perspective), ..question(Stage::Hypothesize) };
    let mut all = vec![caller.call(&question(Stage::Analyze), number).await];
    all.push(caller.call(&perspective(Perspective::Deps), number).await);
    all.push(caller.call(&perspective(Perspective::App), number).await);
    all.push(caller.call(&question(Stage::Criticize), number).await);
    all.push(caller.call(&question(Stage::Synthesize), number).await);
    all
}

async fn recorded() -> (Vec<Result<Called<u32>, Gap>>, crate::domain::ModelCost, Vec<Exchange>, u64) {
    let mut desk = Desk::new([
        (3, says("7")),
        (1, says("x")),
        (1, says("8")),
        (2, Err(ModelError::Refused(USAGE))),
        (0, busy(529, Some(2))),
        (1, says("9")),
    ]);
    desk.limits.micro_usd = WORST + 5 * COST - 1;
    let caller = desk.incident();
    let said = incident(&caller).await;
    let tokens = caller.input_tokens();
    let (cost, exchanges) = caller.finish();
    (said, cost, exchanges, tokens)
}

fn name() -> ModelName {
    ModelName { backend: "anthropic".into(), model: "claude-sonnet-5-5".into() }
}

#[tokio::test(start_paused = true)]
async fn a_replay_says_the_same_at_the_same_cost_and_asks_nobody() {
    let (said, cost, exchanges, tokens) = recorded().await;
    assert!(said[4].as_ref().unwrap_err().why.starts_with("over budget"), "{said:?}");
    assert_eq!((cost.calls, cost.took_ms), (5, 10_000));
    let order: Vec<_> = exchanges.iter().map(|one| (one.n, one.stage, one.perspective, one.attempt)).collect();
    let expected = [
        (1, Stage::Analyze, None, 1),
        (2, Stage::Hypothesize, Some(Perspective::App), 1),
        (3, Stage::Hypothesize, Some(Perspective::Deps), 1),
        (4, Stage::Hypothesize, Some(Perspective::Deps), 2),
        (5, Stage::Criticize, None, 1),
        (6, Stage::Synthesize, None, 1),
    ];
    assert_eq!(order, expected);

    let json = serde_json::to_string(&exchanges).unwrap();
    let read: Vec<Exchange> = serde_json::from_str(&json).unwrap();
    assert_eq!(read, exchanges);
    let replayed = Replayed::new(name(), read);
    let caller = Caller::new(&replayed);
    assert_eq!(incident(&caller).await, said);
    assert_eq!(caller.input_tokens(), tokens);
    assert_eq!(caller.finish(), (cost, exchanges));
    assert_eq!(replayed.differences(), Differences::default());
}

#[tokio::test(start_paused = true)]
async fn a_missing_recording_and_another_prompt_are_told() {
    let (_, _, mut exchanges, _) = recorded().await;
    exchanges.remove(0);
    exchanges[0].request_sha256 = "other".into();
    let replayed = Replayed::new(name(), exchanges);
    let caller = Caller::new(&replayed);
    let said = incident(&caller).await;
    assert_eq!(said[0], Err(Gap { why: "no recording of this call".into(), calls: 0 }));
    assert_eq!(said[2].as_ref().unwrap_err().why, "refused");
    let told = Differences {
        missing: vec!["analyze, attempt 1".into()],
        changed: vec!["hypothesize (app), attempt 1".into()],
        unused: vec![],
    };
    assert_eq!(replayed.differences(), told);
    // Each recording once.
    let again = incident(&Caller::new(&replayed)).await;
    assert!(again.iter().all(Result::is_err));
    assert_eq!(replayed.differences().missing.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn without_recordings_every_call_is_missing() {
    let replayed = Replayed::new(name(), Vec::new());
    let caller = Caller::new(&replayed);
    assert!(incident(&caller).await.iter().all(Result::is_err));
    let (cost, _) = caller.finish();
    assert_eq!((cost.calls, cost.micro_usd, cost.took_ms), (0, 0, 0));
    assert_eq!(replayed.differences().missing.len(), 5);
    let unused = Replayed::new(name(), recorded().await.2);
    assert_eq!(unused.differences().unused.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn of_recordings_that_are_named_alike_the_one_with_the_same_request_answers() {
    let desk = Desk::new([(0, says("1")), (0, says("2"))]);
    let mut exchanges = Vec::new();
    let about = |user: &str| Question { user: user.into(), ..question(Stage::Synthesize) };
    for user in ["web", "db"] {
        let caller = desk.incident();
        caller.call(&about(user), number).await.unwrap();
        exchanges.extend(caller.finish().1);
    }
    let replayed = Replayed::new(name(), Exchange::numbered(exchanges));
    for (user, value) in [("db", 2), ("web", 1)] {
        assert_eq!(Caller::new(&replayed).call(&about(user), number).await.unwrap().value, value);
    }
    assert_eq!(replayed.differences(), Differences::default());
}
