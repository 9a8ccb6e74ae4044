//! An operator's question, answered from the report of the incident that it is about, else from a look at what it names.

use super::super::model::{limits, prompts};
use super::LiveWorld;
use crate::bundle;
use crate::cluster::{Recording, Snapshot};
use crate::domain::{AskPayload, Conversation, CopilotAnswer, Incident, Job, ObjectRef, Report};
use crate::pipeline::think::{Live, Said, converse, converse_by_rules};
use crate::pipeline::{About, answer, look, nothing_named, subject_of_question};
use crate::ports::{Conversations, IncidentStore};
use crate::reason::{Case, Numbers};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// So long before the deadline the rules' answer is given, so that it can still be stored.
const SPARE: Duration = Duration::from_secs(5);

impl LiveWorld {
    pub(super) async fn answer_question(&self, job: &Job, until: Instant) -> Result<CopilotAnswer, String> {
        let asked: AskPayload = serde_json::from_value(job.payload.clone()).map_err(|error| error.to_string())?;
        let id = &asked.conversation_id;
        let conversation = self.store.conversation(id).await.map_err(|error| error.to_string())?;
        let conversation = conversation.ok_or("the conversation is not there any more")?;
        let about = subject_of_question(&*self.store, &conversation, &asked.prompt).await.map_err(|error| error.to_string())?;
        let until = until.checked_sub(SPARE).unwrap_or(until);
        let (incident, seen) = match about {
            About::Incident(incident) => match self.finding(&incident).await? {
                Some(seen) => (Some(incident.id), Ok(seen)),
                // Nobody has analysed it yet.
                None => (Some(incident.id), self.fresh(&incident.subject, &incident.cluster, until).await),
            },
            About::Target(target) => (None, self.fresh(&target, &self.settings.serve.default_cluster, until).await),
            About::Nothing(open) => {
                let why = "The question names no object or incident that is known. Name one as TYPE/NAME -n NAMESPACE, or ask about \
                           one of the open incidents.";
                return Ok(nothing_named(id, why, &open));
            }
        };
        let (report, snapshot) = match seen {
            Ok(seen) => seen,
            Err(why) => {
                let unseen = nothing_named(id, &format!("Not known: {why}."), &[]);
                return Ok(CopilotAnswer { incident_id: incident, ..unseen });
            }
        };
        let numbers = Numbers::of(&report);
        let case = Case { report: &report, snapshot: &snapshot, numbers: &numbers };
        let said = self.say(case, &conversation, &asked.prompt, until).await;
        Ok(answer(id, incident.as_deref(), &report, said))
    }

    /// The newest report that can be read, and what it was made from, where that is still kept.
    async fn finding(&self, incident: &Incident) -> Result<Option<(Report, Snapshot)>, String> {
        let record = self.store.incident(&incident.id).await.map_err(|error| error.to_string())?;
        let newest = record.and_then(|record| record.runs.into_iter().next_back());
        let read = newest.and_then(|run| Some((run.id, serde_json::from_value::<Report>(run.report).ok()?)));
        let Some((run, report)) = read else { return Ok(None) };
        let folder = self.recordings.join(&incident.id).join(run);
        let recording = tokio::task::spawn_blocking(move || bundle::read(&folder)).await.map_err(|error| error.to_string())?;
        // Without it the facts stand, and there are no logs and neighbours beside them.
        Ok(Some((report, Snapshot::new(recording.unwrap_or_else(|_| Recording::default())))))
    }

    /// The object as it is now.
    async fn fresh(&self, target: &ObjectRef, cluster: &str, until: Instant) -> Result<(Report, Snapshot), String> {
        let own = &self.settings.serve.default_cluster;
        if cluster != own {
            return Err(format!("it is on cluster {cluster}, and this process reads {own}"));
        }
        let reading = async {
            let reader = self.reader().await?;
            let looked = look(&reader, &self.redactor, target).await.map_err(|error| error.to_string())?;
            let mut report = looked.report;
            crate::pipeline::propose(
                &mut report,
                &looked.snapshot,
                &crate::remedy::Memory::default(),
                &self.settings.remediation(),
            );
            Ok((report, looked.snapshot))
        };
        timeout_at(until, reading).await.unwrap_or_else(|_| Err("reading took longer than a question may".to_owned()))
    }

    async fn say(&self, case: Case<'_>, conversation: &Conversation, question: &str, until: Instant) -> Said {
        let Some(model) = &self.model else { return converse_by_rules(case, "model: none") };
        let live = Live::new(model, &*self.store, &self.clock, &self.gate, &self.redactor, limits(&self.settings.llm, model));
        let remedy = self.settings.remediation();
        let asked = self.redactor.text(question);
        let talk = converse(case, live, prompts(&self.settings.llm, &remedy), &asked, &conversation.turns);
        match timeout_at(until, talk).await {
            Ok((said, _)) => said,
            Err(_) => converse_by_rules(case, "model: no answer in time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Backend, Settings};
    use crate::diagnose::{self, Options};
    use crate::domain::Lane;
    use crate::pipeline::ask;
    use crate::ports::{JobQueue, NewQuestion, Outcome};
    use crate::redact::Redactor;
    use crate::store::Store;
    use crate::worker::World;
    use jiff::Timestamp;
    use serde_json::{Value, json};
    use std::path::Path;
    use std::sync::Arc;
    use wiremock::matchers::{method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    struct House {
        store: Arc<Store>,
        world: LiveWorld,
        incident: String,
        subject: ObjectRef,
        folder: tempfile::TempDir,
    }

    impl House {
        /// An incident with a stored report.
        async fn new(settings: Settings) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("state.db");
            let store = Arc::new(Store::open(&file, Timestamp::now).unwrap());
            let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/incidents/oom-at-start");
            let snapshot = Snapshot::new(bundle::read(&fixture).unwrap());
            let subject = snapshot.target.clone().unwrap();
            let report = diagnose::diagnose(&snapshot, &subject, Options::default());
            let incident = store.open_or_join(&settings.serve.default_cluster, &subject).await.unwrap().id;
            store.record(&incident, &report).await.unwrap();
            let world = LiveWorld::new(Arc::clone(&store), settings, Redactor::fixed(), &file).unwrap();
            Self { store, world, incident, subject, folder }
        }

        /// Asks, and has the question answered as a worker has it.
        async fn ask(&self, conversation: Option<&str>, prompt: &str) -> Value {
            let (by, conversation) = ("anna".to_owned(), conversation.map(str::to_owned));
            let question = NewQuestion { by, conversation, prompt: prompt.to_owned(), ..NewQuestion::default() };
            ask(&*self.store, &Redactor::fixed(), question).await.unwrap();
            let leased = self.store.claim(Lane::Analysis).await.unwrap().unwrap();
            let until = Instant::now() + Duration::from_secs(30);
            let answered = self.world.answer(&leased.job, until).await.unwrap();
            self.store.finish(&leased, Outcome::Result(answered.clone())).await.unwrap().unwrap();
            answered
        }
    }

    #[tokio::test]
    async fn without_a_model_it_is_the_incidents_report() {
        let house = House::new(Settings::default()).await;
        let told = house.ask(None, &format!("what is wrong with {}?", house.subject)).await;
        assert_eq!((&told["origin"], &told["model"]["note"]), (&json!("rules"), &json!("model: none")));
        assert_eq!((&told["incident_id"], &told["report"]["verdict"]), (&json!(house.incident), &told["verdict"]));
        assert!(told["facts"][0]["facts"][0].as_str().unwrap().starts_with('F'), "{told}");
        let lost = house.ask(None, "what is it?").await;
        assert_eq!((&lost["verdict"], &lost["open_incidents"][0]["id"]), (&Value::Null, &json!(house.incident)));
        assert!(house.folder.path().exists());
    }

    #[tokio::test]
    async fn a_model_answers_from_the_facts_remembers_and_sees_no_secret() {
        _ = rustls::crypto::ring::default_provider().install_default();
        let server = MockServer::start().await;
        let content = json!({"answer": "It is killed for memory.", "facts": ["F1"], "unknown": [], "look": []}).to_string();
        let body = json!({
            "choices": [{"message": {"content": content}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 9_000, "completion_tokens": 50},
        });
        let reply = ResponseTemplate::new(200).set_body_json(body);
        Mock::given(method("POST")).and(path("/v1/chat/completions")).respond_with(reply).mount(&server).await;
        let mut settings = Settings::default();
        settings.llm.backend = Backend::Openai;
        settings.llm.model = Some("m".to_owned());
        settings.llm.base_url = Some(format!("{}/v1", server.uri()));
        settings.llm.context_window = 100_000;
        let house = House::new(settings).await;
        let first = house.ask(None, &format!("why is {} down? password=hunter2xyz", house.subject)).await;
        assert_eq!((&first["origin"], &first["answer"]), (&json!("model"), &json!("It is killed for memory.")), "{first}");
        let second = house.ask(first["conversation_id"].as_str(), "since when?").await;
        assert_eq!((&second["incident_id"], &second["model"]["calls"]), (&json!(house.incident), &json!(1)));
        let sent: Vec<String> =
            server.received_requests().await.unwrap().iter().map(|it| String::from_utf8_lossy(&it.body).into_owned()).collect();
        assert_eq!(sent.len(), 2);
        assert!(sent[1].contains("It is killed for memory.") && sent[1].contains("since when?"), "{}", sent[1]);
        assert!(!sent.iter().any(|body| body.contains("hunter2xyz")));
    }
}
