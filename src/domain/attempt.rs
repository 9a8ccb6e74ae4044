//! One try at applying one plan, with its own states. What moves it from one to the next is in the table of
//! [`AttemptState::may_become`]; the store makes each move one durable transaction.

use super::{Decision, Digest, ObjectRef};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// How long a worker has an attempt that it claimed.
pub const CLAIM_LEASE: SignedDuration = SignedDuration::from_secs(90);
/// How long a change can be taken back by one step; later it is a change like any other.
pub const UNDO_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// Where an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptState {
    /// The dry run passed; waits for a person.
    Proposed,
    /// Somebody approved its digest.
    Approved,
    /// A worker holds its lease, and has sent nothing.
    Claimed,
    /// The request is on its way, or was.
    Running,
    /// Sent, and nobody knows whether it landed.
    Unknown,
    /// The API server took it.
    Succeeded,
    /// It helped.
    Verified,
    /// It did not help.
    NotVerified,
    /// It was taken back by another attempt.
    Undone,
    /// It was not applied, and why is in its reason.
    Failed,
    /// Somebody said no.
    Declined,
    /// Nobody said anything in time.
    Expired,
    /// Another plan, or a changed object, took its place.
    Superseded,
}

impl AttemptState {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Proposed,
        Self::Approved,
        Self::Claimed,
        Self::Running,
        Self::Unknown,
        Self::Succeeded,
        Self::Verified,
        Self::NotVerified,
        Self::Undone,
        Self::Failed,
        Self::Declined,
        Self::Expired,
        Self::Superseded,
    ];

    /// The word used in JSON and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Approved => "approved",
            Self::Claimed => "claimed",
            Self::Running => "running",
            Self::Unknown => "unknown",
            Self::Succeeded => "succeeded",
            Self::Verified => "verified",
            Self::NotVerified => "not_verified",
            Self::Undone => "undone",
            Self::Failed => "failed",
            Self::Declined => "declined",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
        }
    }

    /// The state of that name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether an attempt in this state may go to that one.
    pub fn may_become(self, next: Self) -> bool {
        use AttemptState::{
            Approved, Claimed, Declined, Expired, Failed, NotVerified, Proposed, Running, Succeeded, Superseded, Undone, Unknown,
            Verified,
        };
        match self {
            Proposed => matches!(next, Approved | Declined | Expired | Superseded),
            Approved => matches!(next, Claimed | Expired),
            Claimed => matches!(next, Running | Superseded | Failed),
            Running => matches!(next, Running | Succeeded | Failed | Unknown),
            Unknown => matches!(next, Succeeded | Failed),
            // A last check that could not tell leaves it where it is.
            Succeeded => matches!(next, Succeeded | Verified | NotVerified | Undone),
            Verified | NotVerified => next == Undone,
            Undone | Failed | Declined | Expired | Superseded => false,
        }
    }

    /// Whether it holds its target: no other attempt at the same object may be approved meanwhile.
    pub fn holds_target(self) -> bool {
        matches!(self, Self::Approved | Self::Claimed | Self::Running | Self::Unknown)
    }
}

impl fmt::Display for AttemptState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// `person`, `policy`, `worker` or `program`.
    pub kind: String,
    /// What identifies them: a login, a chat user's number, a token's subject. It counts.
    pub id: String,
    /// How they are called. It is shown and never compared.
    pub name: String,
}

impl Actor {
    /// `serve` itself, where no person decides.
    pub fn serve() -> Self {
        Self { kind: "system".to_owned(), id: "serve".to_owned(), name: "sre-copilot".to_owned() }
    }
}

/// What each screen shows of an attempt beside its plan: written when it is proposed, so that whoever approves it reads what
/// was true then. Kept as JSON in [`Attempt::context`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AttemptContext {
    /// The action on one line: `Rollback deployment/checkout in squad-7 from revision 15 to 14`.
    pub title: String,
    /// The same in two or three words, for a table: `rollback to 14`.
    pub change: String,
    /// The id of the cause.
    pub cause: String,
    /// The object that the cause blames.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause_object: Option<ObjectRef>,
    /// The verdict's word.
    pub verdict: String,
    /// Verdict, cause and the sentence with the number that proves it.
    pub why: String,
    /// What policy said at the dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// What was checked, such as `access ok`.
    pub checks: Vec<String>,
    /// What the API server doesn't check in a dry run, with what the snapshot says about it: `pod quota (4 of 10 used)`.
    pub unchecked: Vec<String>,
    /// The kubectl command that does the same.
    pub command: String,
    /// How it is taken back: `back to 15's template`, or `none`.
    pub undo: String,
}

/// One try at applying one plan, as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// UUID v7.
    pub id: String,
    /// `A-` and six characters, as people type it.
    pub code: String,
    /// The incident that it is for.
    pub incident: String,
    /// The analysis that proposed it.
    pub run_id: String,
    /// Of its plan.
    pub digest: Digest,
    /// From 1; each failed write of one plan opens another.
    pub try_number: u32,
    /// The plan as it was stored; `Plan` reads it.
    pub plan: Value,
    /// The UID of the cluster's namespace `kube-system`.
    pub cluster: String,
    /// What the plan is about, `NAMESPACE/type/name` on its cluster; at most one attempt holds it.
    pub target: String,
    /// What each screen shows, see [`AttemptContext`].
    pub context: Value,
    /// Where it stands.
    pub state: AttemptState,
    /// Counts its transitions; each one names the version that it saw.
    pub version: i64,
    /// Who asked for it, where somebody did.
    pub requested_by: Option<Actor>,
    /// Who approved or declined it.
    pub decided_by: Option<Actor>,
    /// When they did.
    pub decided_at: Option<Timestamp>,
    /// A secret word of this attempt alone, for what is handed out for one use (a button, a confirm token). Never shown.
    #[serde(skip)]
    pub nonce: String,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it came into its present state.
    pub changed_at: Timestamp,
    /// Until when it can be approved; once approved, until when it can be claimed.
    pub expires_at: Timestamp,
    /// Until when its worker has it.
    pub lease_until: Option<Timestamp>,
    /// Counts its claims: a worker that lost its lease has an old one.
    pub fence: i64,
    /// When its request was last sent.
    pub sent_at: Option<Timestamp>,
    /// What its request carries, by which it is found again: the claim's time.
    pub token: Option<String>,
    /// The resource version that its request named.
    pub resource_version: Option<String>,
    /// How often its request was sent.
    pub sends: u32,
    /// The target before: what the undo restores, with secrets left out.
    pub before: Option<Value>,
    /// The target after.
    pub after: Option<Value>,
    /// Why it stands where it stands: a code, and a sentence.
    pub reason: Option<String>,
    /// When it is looked at next.
    pub verify_due_at: Option<Timestamp>,
    /// What was seen so far.
    pub verification: Option<Value>,
    /// The attempt that this one takes back.
    pub undo_of: Option<String>,
}
