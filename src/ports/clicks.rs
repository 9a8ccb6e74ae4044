//! Buttons, clicks on them, and what a person who clicked is told later.
//!
//! A click is one transaction: its id is new, its token is looked up and used, the limits are counted, and what it does is
//! done, or nothing of it is.

use super::{AdvanceError, StoreError};
use crate::domain::{Actor, Attempt, ButtonIds, Digest, Feedback, Incident, TokenHash, Verb};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::future::Future;

/// A button that is to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewButton {
    /// What it asks for.
    pub verb: Verb,
    /// The attempt that it is about, with its plan; of feedback `None`.
    pub about: Option<(String, Digest)>,
    /// It works before this time.
    pub expires_at: Timestamp,
}

/// The buttons of one message.
#[derive(Clone, Debug, PartialEq)]
pub struct NewButtons {
    /// The incident.
    pub incident_id: String,
    /// The analysis that the message shows.
    pub run_id: String,
    /// Where the message stands; `None` of one that is still to be posted, see [`Buttons::placed`].
    pub place: Option<Place>,
    /// Whose they are, of an answer that one person alone sees.
    pub user_id: Option<String>,
    /// The buttons; of each verb one.
    pub buttons: Vec<NewButton>,
}

/// Where a message stands, by Discord's ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The channel.
    pub channel_id: String,
    /// The message.
    pub message_id: String,
}

/// Buttons that were made.
#[derive(Clone, Debug, PartialEq)]
pub struct Minted {
    /// What [`Buttons::placed`] wants to know.
    pub set: String,
    /// Their ids.
    pub ids: ButtonIds,
}

/// Makes buttons for messages. Whoever sends one asks for its buttons just before it is rendered, each time anew, and says
/// afterwards where it stands.
pub trait Buttons: Sync {
    /// Makes buttons. Those that a message had before work on as long as they show the same analysis and plan.
    fn mint(&self, new: NewButtons) -> impl Future<Output = Result<Minted, StoreError>> + Send;

    /// The message with these buttons stands there: they work in no other, and its channel is one of ours.
    fn placed(&self, set: &str, place: &Place) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A click, as its signed request says.
#[derive(Clone, Debug)]
pub struct Click {
    /// The interaction's id: each counts once.
    pub id: String,
    /// Who clicked.
    pub by: Actor,
    /// Their roles, by id.
    pub roles: Vec<String>,
    /// What was asked for, with the hash of the token; `None` of a button that we never made.
    pub button: Option<(Verb, TokenHash)>,
    /// In which channel; empty where that isn't said.
    pub channel_id: String,
    /// On which message; empty where that isn't said.
    pub message_id: String,
    /// Where the answer is patched later.
    pub reply_to: ReplyTo,
}

/// Where an answer to a click is patched: `/webhooks/{application_id}/{token}/messages/@original`.
#[derive(Clone, PartialEq, Eq)]
pub struct ReplyTo {
    /// Discord's id of the application.
    pub application_id: String,
    /// The interaction's token, which lets anybody answer: a secret.
    pub token: String,
}

impl std::fmt::Debug for ReplyTo {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReplyTo").field("application_id", &self.application_id).finish_non_exhaustive()
    }
}

/// A button, as the store knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Button {
    /// What it asks for.
    pub verb: Verb,
    /// The incident.
    pub incident_id: String,
    /// The analysis that its message showed.
    pub run_id: String,
    /// The attempt that it is about, with the digest of its plan.
    pub about: Option<(String, String)>,
    /// In which channel it works, as far as that is known.
    pub channel_id: Option<String>,
    /// On which message.
    pub message_id: Option<String>,
    /// Whose it is; `None` of one that everybody sees.
    pub user_id: Option<String>,
    /// It works before this time.
    pub expires_at: Timestamp,
    /// Whether it was used up.
    pub is_used: bool,
}

/// What the store knows about a click, in the transaction that it is about to act in.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The store's time.
    pub now: Timestamp,
    /// The button; `None` of a token that is nobody's.
    pub button: Option<Button>,
    /// Its incident.
    pub incident: Option<Incident>,
    /// The newest analysis of that incident.
    pub newest_run: Option<String>,
    /// The attempt that it is about.
    pub attempt: Option<Attempt>,
    /// Whether a message of ours stands in the channel.
    pub is_our_channel: bool,
    /// How often this person clicked within the last minute, this time aside.
    pub clicks: usize,
    /// How often they decided something within the last hour.
    pub decisions: usize,
}

/// What a click does.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Nothing, for this reason.
    Refused(Refusal),
    /// Nothing was wanted.
    Cancelled,
    /// An answer to an analysis.
    Feedback(Box<Feedback>),
    /// The person is asked which of these it is, by buttons of their own.
    AskedWhy(Vec<Verb>),
    /// The first step: the person is shown the plan, with a button of their own.
    Shown(Verb),
    /// They are the one who asks, and somebody else has to agree.
    Requested,
    /// The second step.
    Approved,
    /// They said no.
    Declined,
    /// The way back is to be planned.
    UndoAsked,
}

/// Why a click does nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody's token, or one of another message, analysis, plan or time.
    Older,
    /// The five minutes of a second step are over.
    StepOver,
    /// The button was used up.
    Used,
    /// Too many clicks in a minute.
    TooFast,
    /// Feedback isn't theirs to give.
    NotForYou,
    /// They may not decide about this: the code for the audit log, and a sentence for them.
    Denied {
        /// Such as `not_an_approver`.
        code: &'static str,
        /// Why.
        why: String,
    },
    /// It isn't open any more: the attempt says what it is.
    Over,
}

/// What came of a click.
#[derive(Debug)]
pub struct Clicked {
    /// What was known.
    pub seen: Seen,
    /// What was done.
    pub effect: Effect,
    /// The attempt, after it.
    pub attempt: Option<Attempt>,
    /// Why an approval or a refusal didn't count after all.
    pub lost: Option<AdvanceError>,
    /// The buttons that were made for this person alone.
    pub buttons: ButtonIds,
}

/// Takes clicks.
pub trait Clicks: Sync {
    /// Takes a click: `judge` says what it does, from what the store knows, in the same transaction; it may be asked more than
    /// once. `None` where this interaction was there before: nothing was done.
    fn click<F>(&self, click: Click, judge: F) -> impl Future<Output = Result<Option<Clicked>, StoreError>> + Send
    where
        F: Fn(&Click, &Seen) -> Effect + Send + 'static;

    /// Notes an interaction that does nothing. `false` where it was there before.
    fn is_new(&self, interaction: &str) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// An answer that somebody still waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// Where it goes.
    pub to: ReplyTo,
    /// Who waits.
    pub user_id: String,
    /// Discord takes it before this time.
    pub expires_at: Timestamp,
    /// The attempt that it is about.
    pub attempt_id: String,
}

/// What a `MessageOp::Reply` of the outbox says. Its incident and channel are empty, so that it waits for no other message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FollowUp {
    /// The reply's id.
    pub reply: String,
    /// What is told.
    pub about: Told,
}

/// What somebody who waits is told: the last answer of its reply each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// What became of the attempt.
    Outcome,
    /// How the attempt that was named is taken back: the reply is about the attempt that does.
    Plan,
    /// Why it can't be taken back.
    NoUndo(String),
}

/// Answers that somebody waits for.
pub trait Replies: Sync {
    /// One that is still waited for.
    fn reply(&self, id: &str) -> impl Future<Output = Result<Option<Reply>, StoreError>> + Send;

    /// Tells those who wait to see how the attempt is taken back why it can't be.
    fn no_undo(&self, attempt: &str, why: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The last answer was given, or can't be given any more: its token is forgotten.
    fn forget_reply(&self, id: &str) -> impl Future<Output = Result<(), StoreError>> + Send;
}
