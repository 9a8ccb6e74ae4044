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
