//! The port of conversations. A turn is its question's job, so that an answer is stored once, with the end of the job.

use super::{Store, codes, columns, incidents, jobs};
use crate::domain::{AskPayload, Class, Conversation, JobKind, Turn};
use crate::ports::{AskError, Asked, Conversations, NewJob, NewQuestion, StoreError};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

impl Conversations for Store {
    async fn ask(&self, question: NewQuestion) -> Result<Asked, AskError> {
        let most = self.lifecycle.jobs.most;
        self.writer.write(move |connection, now| ask(connection, now, &question, most)).await
    }

    async fn conversation(&self, id: &str) -> Result<Option<Conversation>, StoreError> {
        let id = id.to_owned();
        self.reader
            .read(move |connection| {
                let Some(found) = by_id(connection, &id)? else { return Ok(None) };
                Ok(Some(Conversation { turns: turns(connection, &id)?, ..found }))
            })
            .await
    }
}

fn ask(connection: &Connection, now: Timestamp, question: &NewQuestion, most: usize) -> Result<Asked, AskError> {
    let conversation = match &question.conversation {
        Some(id) => going_on(connection, now, id, &question.by)?,
        None => opened(connection, now, question)?,
    };
    let payload = AskPayload { conversation_id: conversation.clone(), prompt: question.prompt.clone() };
    let job = NewJob {
        kind: JobKind::Ask,
        class: Class::Ask,
        // A person doesn't wait for the analysis of the incident that is asked about.
        incident_id: None,
        dedup_key: None,
        payload: serde_json::to_value(payload).map_err(|error| StoreError::Invalid(error.to_string()))?,
        requested_by: Some(question.by.clone()),
        not_before: None,
    };
    let job = jobs::enqueue(connection, now, &job, most)?;
    let counted = "UPDATE conversations SET questions = questions + 1 WHERE id = ?1";
    connection.execute(counted, [&conversation]).map_err(StoreError::from)?;
    Ok(Asked { job, conversation })
}

fn going_on(connection: &Connection, now: Timestamp, id: &str, by: &str) -> Result<String, AskError> {
    let found = by_id(connection, id)?.filter(|found| found.asked_by == by).ok_or(AskError::NoConversation)?;
    match found.is_over(now) {
        Some(why) => Err(AskError::Over(why)),
        None => Ok(found.id),
    }
}

fn opened(connection: &Connection, now: Timestamp, question: &NewQuestion) -> Result<String, AskError> {
    if let Some(incident) = &question.incident
        && incidents::by_id(connection, incident)?.is_none()
    {
        return Err(AskError::NoIncident);
    }
    let id = codes::id();
    let target = columns::maybe_text(question.target.as_ref()).map_err(StoreError::from)?;
    let row = params![id, question.by, question.incident, target, now.as_millisecond()];
    connection
        .execute(
            "INSERT INTO conversations (id, asked_by, incident_id, target, opened_at, questions) VALUES (?1, ?2, ?3, ?4, ?5, 0)",
            row,
        )
        .map_err(StoreError::from)?;
    Ok(id)
}

fn by_id(connection: &Connection, id: &str) -> Result<Option<Conversation>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM conversations WHERE id = ?1")?;
    Ok(statement.query_row([id], conversation).optional()?)
}

fn conversation(row: &Row<'_>) -> Result<Conversation, rusqlite::Error> {
    Ok(Conversation {
        id: row.get("id")?,
        asked_by: row.get("asked_by")?,
        incident_id: row.get("incident_id")?,
        target: columns::maybe_json(row, "target")?,
        opened_at: columns::time(row, "opened_at")?,
        questions: row.get("questions")?,
        turns: Vec::new(),
    })
}

/// What was answered, oldest first. What can't be read any more is left out.
fn turns(connection: &Connection, id: &str) -> Result<Vec<Turn>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT payload, result FROM jobs
         WHERE kind = 'ask' AND payload ->> '$.conversation_id' = ?1 AND state = 'done' ORDER BY id",
    )?;
    let rows = statement.query_map([id], |row| {
        let (payload, result) = (columns::json::<Value>(row, "payload")?, columns::maybe_json::<Value>(row, "result")?);
        let said = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let answer = result.and_then(|result| said(&result, "answer"));
        Ok(said(&payload, "prompt").zip(answer).map(|(question, answer)| Turn { question, answer }))
    })?;
    Ok(rows.filter_map(Result::transpose).collect::<Result<_, _>>()?)
}
