//! What an operator asks, and what was answered before. A conversation decides nothing and changes nothing.

use super::{IncidentStatus, ModelCost, ObjectRef, Origin, Report, Statement, Verdict};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// So many questions a conversation may have.
pub const MOST_QUESTIONS: u32 = 20;
/// So long after it was opened nothing more may be asked in it.
pub const CONVERSATION_LASTS: SignedDuration = SignedDuration::from_hours(24);
/// The longest question, in characters.
pub const LONGEST_QUESTION: usize = 2_000;

/// A question and its answer in a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// What the person asked.
    pub question: String,
    /// What was answered.
    pub answer: String,
}

/// What a question's job holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskPayload {
    /// The conversation that it is part of.
    pub conversation_id: String,
    /// The question, masked.
    pub prompt: String,
}

/// One person's conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// UUID v7.
    pub id: String,
    /// Whose it is.
    pub asked_by: String,
    /// The incident that it was opened about, where that was said.
    pub incident_id: Option<String>,
    /// The object that it was opened about, where that was said.
    pub target: Option<ObjectRef>,
    /// When it was opened, by our clock.
    pub opened_at: Timestamp,
    /// How many questions it has, answered or not.
    pub questions: u32,
    /// Those that were answered, oldest first.
    pub turns: Vec<Turn>,
}

impl Conversation {
    /// Why nothing more may be asked in it; `None` while something may.
    pub fn is_over(&self, now: Timestamp) -> Option<&'static str> {
        if self.questions >= MOST_QUESTIONS {
            return Some("it has as many questions as a conversation may have");
        }
        (now.duration_since(self.opened_at) >= CONVERSATION_LASTS).then_some("it was opened too long ago")
    }
}

/// What is said to a question about one report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Who wrote it.
    pub origin: Origin,
    /// At most 1200 characters.
    pub answer: String,
    /// The numbers of facts that it rests on, `F1` …; each exists.
    pub facts: Vec<String>,
    /// What is not known; at most three.
    pub unknown: Vec<String>,
    /// The numbers of actions that only read and would tell more, `I1` …; each exists.
    pub look: Vec<String>,
}

/// A command that only reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// Its number in the report, `I1` ….
    pub id: String,
    /// It, for kubectl.
    pub command: String,
    /// What it would tell.
    pub why: String,
}

/// An incident in one line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IncidentLine {
    /// Its id.
    pub id: String,
    /// What it is about.
    pub subject: ObjectRef,
    /// Where it stands.
    pub status: IncidentStatus,
    /// The last analysis in one sentence.
    pub summary: Option<String>,
}

/// The answer to a question: what its job results in. Keys are snake_case; a report inside keeps its own.
#[derive(Clone, Debug, Serialize)]
pub struct CopilotAnswer {
    /// The conversation; another question may name it.
    pub conversation_id: String,
    /// Who wrote the answer.
    pub origin: Origin,
    /// The answer.
    pub answer: String,
    /// The facts that it rests on, in words, each with its number.
    pub facts: Vec<Statement>,
    /// What is not known.
    pub unknown: Vec<String>,
    /// What would tell more.
    pub look: Vec<Suggestion>,
    /// What the rules hold true, whatever the answer says.
    pub verdict: Option<Verdict>,
    /// What it is about; `None` where the question named nothing that is known.
    pub target: Option<ObjectRef>,
    /// The incident that it is about.
    pub incident_id: Option<String>,
    /// When what it rests on was seen.
    pub captured_at: Option<Timestamp>,
    /// What may have been meant, where the question named nothing.
    pub open_incidents: Vec<IncidentLine>,
    /// The report, where the rules answer.
    pub report: Option<Box<Report>>,
    /// What was taken out of a model's answer, in plain words.
    pub dropped: Vec<String>,
    /// Calls, tokens, cost and seconds; or why no model answered.
    pub model: ModelCost,
}
