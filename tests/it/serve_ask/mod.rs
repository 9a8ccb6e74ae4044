//! What operators ask: their conversations over a real store, and the answers about every recorded incident.

use crate::cases;
use jiff::Timestamp;
use serde_json::json;
use sre_copilot::cluster::Snapshot;
use sre_copilot::domain::{Exchange, Job, JobKind, Lane, ModelName, ObjectRef, Origin, Turn, Verdict};
use sre_copilot::pipeline::think::{Prompts, Said, Voice, converse, converse_by_rules};
use sre_copilot::pipeline::{About, answer, ask, subject_of_question};
use sre_copilot::ports::{AskError, Asked, Conversations, IncidentStore, JobQueue, ModelRequest, NewQuestion, Outcome};
use sre_copilot::reason::{Case, Numbers};
use sre_copilot::redact::Redactor;
use sre_copilot::remedy::Settings;
use sre_copilot::store::Store;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

struct House {
    _folder: TempDir,
    store: Store,
    later: Arc<AtomicI64>,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let later = Arc::new(AtomicI64::new(0));
        let told = Arc::clone(&later);
        let now = move || Timestamp::from_second(1_795_377_600 + told.load(Ordering::SeqCst)).unwrap();
        let store = Store::open(&folder.path().join("s.db"), now).unwrap();
        Self { _folder: folder, store, later }
    }

    async fn ask(&self, question: NewQuestion) -> Result<Asked, AskError> {
        ask(&self.store, &Redactor::fixed(), question).await
    }

    /// Answers the oldest question that waits.
    async fn answer(&self, with: &str) -> Job {
        let leased = self.store.claim(Lane::Analysis).await.unwrap().unwrap();
        assert_eq!(leased.job.kind, JobKind::Ask);
        self.store.finish(&leased, Outcome::Result(json!({"answer": with}))).await.unwrap().unwrap();
        leased.job
    }
}

fn question(by: &str, conversation: Option<&str>, prompt: &str) -> NewQuestion {
    NewQuestion {
        by: by.to_owned(),
        conversation: conversation.map(str::to_owned),
        prompt: prompt.to_owned(),
        ..NewQuestion::default()
    }
}

#[tokio::test]
async fn a_conversation_keeps_its_turns_masked_and_is_its_askers_alone() {
    let house = House::new();
    let first = house.ask(question("anna", None, "why? password=hunter2xyz")).await.unwrap();
    assert!(!first.job.payload.to_string().contains("hunter2xyz"), "{}", first.job.payload);
    let id = first.conversation.as_str();
    house.answer("it is out of memory").await;
    house.ask(question("anna", Some(id), "since when?")).await.unwrap();
    let conversation = house.store.conversation(id).await.unwrap().unwrap();
    // What waits for its answer is no turn yet.
    assert_eq!((conversation.questions, conversation.turns.len()), (2, 1));
    assert_eq!(conversation.turns[0].answer, "it is out of memory");
    assert!(conversation.turns[0].question.starts_with("why? password=<secret:"));
    let theirs = house.ask(question("ben", Some(id), "and now?")).await.unwrap_err();
    let nobodys = house.ask(question("ben", Some("0"), "and now?")).await.unwrap_err();
    assert_eq!((&theirs, theirs.to_string()), (&AskError::NoConversation, nobodys.to_string()));
}

#[tokio::test]
async fn a_conversation_ends_after_twenty_questions_or_a_day() {
    let house = House::new();
    let id = house.ask(question("anna", None, "0?")).await.unwrap().conversation;
    for number in 1..20 {
        house.ask(question("anna", Some(&id), &format!("{number}?"))).await.unwrap();
    }
    assert!(matches!(house.ask(question("anna", Some(&id), "20?")).await, Err(AskError::Over(_))));
    let other = house.ask(question("anna", None, "anew?")).await.unwrap().conversation;
    house.later.store(24 * 3600 - 1, Ordering::SeqCst);
    house.ask(question("anna", Some(&other), "still?")).await.unwrap();
    house.later.store(24 * 3600, Ordering::SeqCst);
    assert!(matches!(house.ask(question("anna", Some(&other), "still?")).await, Err(AskError::Over(_))));
    house.later.store(8 * 24 * 3600, Ordering::SeqCst);
    house.store.clean().await.unwrap();
    assert_eq!(house.store.conversation(&id).await.unwrap(), None);
}

#[tokio::test]
async fn what_cant_be_asked_is_refused_and_leaves_nothing() {
    let house = House::new();
    for prompt in ["", "  \n", &"x".repeat(2_001)] {
        assert!(matches!(house.ask(question("anna", None, prompt)).await, Err(AskError::Invalid(_))));
    }
    let about = NewQuestion { incident: Some("none".to_owned()), ..question("anna", None, "why?") };
    assert_eq!(house.ask(about.clone()).await.unwrap_err(), AskError::NoIncident);
    let id = house.ask(question("anna", None, "why?")).await.unwrap().conversation;
    let both = NewQuestion { conversation: Some(id), ..about };
    assert!(matches!(house.ask(both).await, Err(AskError::Invalid(_))));
    house.answer("because").await;
    assert_eq!(house.store.claim(Lane::Analysis).await.unwrap(), None, "a refused question was queued");
}

#[tokio::test]
async fn a_later_question_is_about_what_an_earlier_one_named() {
    let house = House::new();
    let incident = house.store.open_or_join("c", &ObjectRef::new("Deployment", "shop", "checkout")).await.unwrap();
    let id = house.ask(question("anna", None, "what is wrong with checkout?")).await.unwrap().conversation;
    house.answer("it is out of memory").await;
    let conversation = house.store.conversation(&id).await.unwrap().unwrap();
    let about = |text: &'static str| subject_of_question(&house.store, &conversation, text);
    assert_eq!(about("since when?").await.unwrap(), About::Incident(incident.clone()));
    assert_eq!(about("and deploy/web -n shop?").await.unwrap(), About::Target(ObjectRef::new("Deployment", "shop", "web")));
    let fresh = house.ask(question("ben", None, "hello?")).await.unwrap().conversation;
    let fresh = house.store.conversation(&fresh).await.unwrap().unwrap();
    assert_eq!(subject_of_question(&house.store, &fresh, "hello?").await.unwrap(), About::Nothing(vec![incident.clone()]));
    let by_id = format!("what of {}?", incident.id);
    assert_eq!(subject_of_question(&house.store, &fresh, &by_id).await.unwrap(), About::Incident(incident));
}

/// Answers every request with the same, and keeps them.
struct Parrot {
    says: String,
    heard: Mutex<Vec<ModelRequest>>,
}

impl Voice for Parrot {
    fn name(&self) -> ModelName {
        ModelName { backend: "openai".to_owned(), model: "parrot".to_owned() }
    }

    async fn exchange(&self, request: ModelRequest) -> Exchange {
        self.heard.lock().unwrap().push(request.clone());
        let response = json!({"text": self.says, "stopReason": "stop"});
        let exchange = json!({
            "version": 1, "n": 0, "stage": request.stage, "attempt": request.attempt, "backend": "openai", "model": "parrot",
            "request": {"system": request.system, "messages": [], "schema": {}, "maxTokens": request.max_tokens},
            "requestSha256": "", "response": response, "recordedAt": "2026-01-02T12:03:00Z",
        });
        serde_json::from_value(exchange).unwrap()
    }
}

async fn said(fixture: &str, says: serde_json::Value, turns: &[Turn]) -> (Said, sre_copilot::domain::Report, Vec<ModelRequest>) {
    let fixture = cases::fixtures().iter().find(|case| case.name == fixture).unwrap();
    let (report, snapshot) = (fixture.report(), Snapshot::new(fixture.recording.clone()));
    let numbers = Numbers::of(&report);
    let case = Case { report: &report, snapshot: &snapshot, numbers: &numbers };
    let (remedy, parrot) = (Settings::default(), Parrot { says: says.to_string(), heard: Mutex::default() });
    let prompts = Prompts { max_chars: 20_000, input_tokens: 12_000, max_tokens: 3_000, remedy: &remedy };
    let (said, _) = converse(case, &parrot, prompts, "why does it restart?", turns).await;
    (said, report, parrot.heard.into_inner().unwrap())
}

#[tokio::test]
async fn a_models_answer_stays_with_its_facts_and_without_what_it_invents() {
    let says = json!({
        "answer": "It runs out of memory. Pod shop/invented-6789 is to blame. Run kubectl delete namespace shop.",
        "facts": ["F1", "F999"], "unknown": ["The memory of the last hour."], "look": ["I999"],
    });
    let turns = [Turn { question: "is it down?".to_owned(), answer: "Yes.".to_owned() }];
    let (said, report, heard) = said("oom-at-start", says, &turns).await;
    assert_eq!((said.reply.origin, said.reply.answer.as_str()), (Origin::Model, "It runs out of memory."));
    assert_eq!((said.reply.facts.clone(), said.reply.look.len()), (vec!["F1".to_owned()], 0));
    assert_eq!(said.dropped.len(), 4, "{:?}", said.dropped);
    let sent = &heard[0].messages[0].text;
    assert!(sent.contains("asked \"is it down?\"\nanswered \"Yes.\"") && sent.contains("question \"why does it restart?\""));
    let told = answer("c1", None, &report, said);
    assert_eq!((told.verdict, told.report), (Some(report.verdict), None));
    assert!(told.facts[0].text.starts_with(&report.facts[0].id));
}

#[tokio::test]
async fn an_answer_on_nothing_is_the_rules() {
    for says in [
        json!({"answer": "All is well, I approved it.", "facts": [], "unknown": [], "look": []}),
        json!({"answer": "All is well.", "facts": ["F999"], "unknown": [], "look": []}),
        json!({"answer": 7}),
        json!("hello"),
    ] {
        let (said, report, heard) = said("oom-at-start", says, &[]).await;
        assert!(heard.len() <= 2 && said.reply.origin == Origin::Rules, "{said:?}");
        let told = answer("c1", Some("i1"), &report, said);
        assert!(told.answer.starts_with(report.summary.split(' ').next().unwrap()) && !told.answer.contains("approved"));
        assert_eq!(told.report.as_deref(), Some(&report));
    }
}

#[test]
fn without_a_model_the_answer_is_the_report_in_words() {
    for fixture in cases::fixtures() {
        let (report, snapshot) = (fixture.report(), Snapshot::new(fixture.recording.clone()));
        let numbers = Numbers::of(&report);
        let said = converse_by_rules(Case { report: &report, snapshot: &snapshot, numbers: &numbers }, "model: none");
        let told = answer("c1", None, &report, said.clone());
        assert!(!told.answer.is_empty() && told.answer.chars().count() <= 1_200, "{}: {}", fixture.name, told.answer);
        assert_eq!(told.facts.len(), said.reply.facts.len(), "{}: a fact that isn't there", fixture.name);
        assert!(told.facts.len() <= 40 || report.verdict == Verdict::Inconclusive, "{}: {}", fixture.name, told.facts.len());
        assert_eq!((told.model.note.as_deref(), told.model.calls), (Some("model: none"), 0));
        let read = |id: &str| report.actions[id[1..].parse::<usize>().unwrap() - 1].intent.action.is_write();
        assert!(!told.look.iter().any(|look| read(&look.id)), "{}", fixture.name);
    }
}
