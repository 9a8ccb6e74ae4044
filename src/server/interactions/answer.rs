//! What is answered to a click, in words that nobody else sees: each click gets some.

use crate::domain::{Attempt, AttemptState, FeedbackReason, Verb};
use crate::pipeline::Permalinks;
use crate::ports::{AdvanceError, Clicked, Effect, Refusal};
use crate::redact::Redactor;
use crate::render::click as render;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Kinds of answers ("Interactions", "Interaction Callback Type"): a message, and one that follows.
const MESSAGE: u8 = 4;
const DEFERRED: u8 = 5;
/// The person alone sees it ("Message", "Message Flags": `1 << 6`).
const EPHEMERAL: u16 = 64;

/// What an answer is written with.
pub(super) struct Page<'a> {
    pub links: &'a Permalinks,
    pub now: Timestamp,
    pub redactor: &'a Redactor,
}

fn message(mut body: Value) -> Value {
    body["flags"] = json!(EPHEMERAL);
    json!({ "type": MESSAGE, "data": body })
}

fn said(text: &str) -> Value {
    message(render::said(text))
}

/// To a command, or a form.
pub(super) fn unsupported() -> Value {
    said("This is not supported: only the buttons under an incident are.")
}

/// The store can't write.
pub(super) fn not_recorded() -> Value {
    said("Not recorded, nothing was done: nothing can be stored at the moment. Press it again in a minute.")
}

/// The store didn't say in time.
pub(super) fn not_known() -> Value {
    said("It isn't known yet whether this was recorded. The incident's message shows it if it was; else press it again.")
}

/// A word for the log and the metric.
pub(super) fn outcome(clicked: &Clicked) -> &'static str {
    match &clicked.effect {
        _ if clicked.lost.is_some() => "lost",
        Effect::Refused(Refusal::Older) => "older",
        Effect::Refused(Refusal::StepOver | Refusal::Over) => "over",
        Effect::Refused(Refusal::Used) => "used",
        Effect::Refused(Refusal::TooFast) => "limited",
        Effect::Refused(Refusal::NotForYou | Refusal::Denied { .. }) => "denied",
        Effect::Cancelled => "cancelled",
        Effect::Feedback(_) => "feedback",
        Effect::AskedWhy(_) => "asked_why",
        Effect::Shown(_) => "shown",
        Effect::Requested => "requested",
        Effect::Approved => "approved",
        Effect::Declined => "declined",
        Effect::UndoAsked => "undo_asked",
    }
}

impl Page<'_> {
    /// The answer to a click.
    pub fn answer(&self, clicked: &Clicked, user: &str) -> Value {
        let attempt = clicked.attempt.as_ref();
        let button = |verb: &Verb| clicked.buttons.get(verb).map(|id| (*verb, id.as_str()));
        if let Some(lost) = &clicked.lost {
            return self.about(clicked, &self.lost(lost));
        }
        match &clicked.effect {
            Effect::Refused(refusal) => self.about(clicked, &self.refused(refusal, attempt, user)),
            Effect::Cancelled => said("Nothing was recorded."),
            Effect::Feedback(given) => said(thanks(given.reason)),
            Effect::AskedWhy(verbs) => {
                let buttons: Vec<_> = verbs.iter().filter_map(button).collect();
                message(render::asked("What was wrong with it? Only a reason is recorded.", &buttons))
            }
            Effect::Shown(verb) => match attempt {
                Some(attempt) => {
                    let head = "Nothing is done yet. This is what it would be; your second click within 5 minutes does it, or asks for the agreement of somebody else where that is needed.";
                    message(render::plan(attempt, head, button(verb), &|text| self.redactor.text(text)))
                }
                None => said("There is nothing to show."),
            },
            Effect::Requested => said("Asked for. Somebody else has to approve it, under the incident."),
            // The follow-up tells what became of it.
            Effect::Approved => json!({ "type": DEFERRED, "data": { "flags": EPHEMERAL } }),
            Effect::Declined => self.about(clicked, "Declined. The incident stays open."),
            Effect::UndoAsked => {
                said("How it is taken back is being planned: it will be shown here, and nothing is done before you agree.")
            }
        }
    }

    fn refused(&self, refusal: &Refusal, attempt: Option<&Attempt>, user: &str) -> String {
        let state = |attempt: &Attempt| render::outcome(attempt, &|text| self.redactor.text(text));
        match (refusal, attempt) {
            (Refusal::Older, _) => "This belongs to an older report: nothing was done.".to_owned(),
            (Refusal::StepOver, _) => {
                "The five minutes are over: nothing was done. Press the button under the incident again.".to_owned()
            }
            (Refusal::Used, Some(attempt)) if attempt.decided_by.as_ref().is_some_and(|by| by.id == user) => {
                format!("You decided this already. {}", state(attempt))
            }
            (Refusal::Used, Some(attempt)) if attempt.state != AttemptState::Proposed => {
                format!("Nothing was done. {}", state(attempt))
            }
            (Refusal::Used, _) => "This was answered already.".to_owned(),
            (Refusal::TooFast, _) => "Too many clicks: this one did nothing. Wait a minute.".to_owned(),
            (Refusal::NotForYou, _) => "Feedback is for other roles here: nothing was recorded.".to_owned(),
            (Refusal::Denied { why, .. }, _) => format!("Nothing was done: {why}."),
            (Refusal::Over, Some(attempt)) if attempt.state == AttemptState::Proposed => {
                format!(
                    "Nothing was done. The time of {} is over; a new plan is made by `sre-copilot approve {}`.",
                    attempt.code, attempt.code
                )
            }
            (Refusal::Over, Some(attempt)) => format!("Nothing was done. {}", state(attempt)),
            (Refusal::Over, None) => "Nothing was done: it is over.".to_owned(),
        }
    }

    fn lost(&self, lost: &AdvanceError) -> String {
        let state = |attempt: &Attempt| render::outcome(attempt, &|text| self.redactor.text(text));
        match lost {
            AdvanceError::TargetHeld(other) => {
                format!("Nothing was done: {} is about the same object. {}", other.code, state(other))
            }
            AdvanceError::Lost(now) | AdvanceError::TooLate(now) => format!("Nothing was done. {}", state(now)),
            AdvanceError::TooMany { given, allowed } => {
                format!("Nothing was done: {given} decisions within the hour, and {allowed} are allowed.")
            }
            _ => "Nothing was done: it isn't open any more.".to_owned(),
        }
    }

    /// The text, with a link to the incident, or to all of them where it isn't known which.
    fn about(&self, clicked: &Clicked, text: &str) -> Value {
        let Some(url) = self.links.public_url() else { return said(text) };
        let incident = clicked.seen.incident.as_ref();
        let place = incident.and_then(|incident| self.links.to(&incident.id, self.now));
        let place = place.unwrap_or_else(|| format!("{url}/incidents"));
        let host = url.split("://").last().unwrap_or(url);
        let what = if incident.is_some() { "The incident" } else { "Incidents" };
        said(&format!("{text}\n[{what} on {host}]({place})"))
    }
}

fn thanks(reason: Option<FeedbackReason>) -> &'static str {
    match reason {
        None => "Recorded: the analysis was right. Thank you.",
        Some(FeedbackReason::WrongCause) => "Recorded: wrong cause. Thank you.",
        Some(FeedbackReason::WrongObject) => "Recorded: wrong object. Thank you.",
        Some(FeedbackReason::WrongAction) => "Recorded: wrong action. Thank you.",
        Some(FeedbackReason::NotAFault) => "Recorded: not a fault. Thank you.",
    }
}
