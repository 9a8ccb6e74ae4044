//! The audit log's rows: who did what to which plan. Insert only; each row's hash covers the row before it.
//!
//! What a row says is typed, field by field, so that no secret, environment value, log line or webhook's sentence has a
//! place in it.

use super::{Action, Actor, AttemptState, DecisionValue, Digest, Risk, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! audit_names {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// What can happen to an intent, a plan or an attempt.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum AuditName {
            $($(#[$doc])* #[serde(rename = $word)] $name,)*
        }

        impl AuditName {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word used in JSON and in the store.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

audit_names! {
    /// A rule proposed an intent.
    IntentProposed = "intent.proposed",
    /// An intent was not well-formed, or not a candidate.
    IntentRejected = "intent.rejected",
    /// The guard let it go on to the dry run.
    GuardPassed = "guard.passed",
    /// The guard stopped it.
    GuardBlocked = "guard.blocked",
    /// The API server took the dry run.
    DryRunOk = "dry_run.ok",
    /// The API server refused the dry run.
    DryRunFailed = "dry_run.failed",
    /// Something was read for an intent that only looks.
    ReadDone = "read.done",
    /// The undo of an attempt was proposed.
    UndoProposed = "undo.proposed",
    /// The policy was read from the settings.
    PolicyLoaded = "policy.loaded",
    /// A plan waits for a person.
    ApprovalRequested = "approval.requested",
    /// Somebody took the first of the two steps.
    ApprovalFirstStep = "approval.first_step",
    /// Somebody, or the policy, approved a digest.
    ApprovalApproved = "approval.approved",
    /// Somebody said no.
    ApprovalDeclined = "approval.declined",
    /// Nobody answered, or nobody claimed, in time.
    ApprovalExpired = "approval.expired",
    /// Another plan, or a changed object, took its place.
    ApprovalSuperseded = "approval.superseded",
    /// Somebody who may not, or who came too late, tried to approve.
    ApprovalDenied = "approval.denied",
    /// The fault is gone.
    VerifyVerified = "verify.verified",
    /// The fault is still there.
    VerifyNotVerified = "verify.not_verified",
    /// The last check could not tell.
    VerifyUndetermined = "verify.undetermined",
    /// A worker took it.
    AttemptClaimed = "attempt.claimed",
    /// The request goes out.
    AttemptRunning = "attempt.running",
    /// The API server took the write.
    AttemptSucceeded = "attempt.succeeded",
    /// It was not applied.
    AttemptFailed = "attempt.failed",
    /// Nobody knows whether it was applied.
    AttemptUnknown = "attempt.unknown",
    /// A person said whether it was applied.
    AttemptResolved = "attempt.resolved",
    /// Another attempt took it back.
    AttemptUndone = "attempt.undone",
}

impl AuditName {
    /// The one of that name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|name| name.as_str() == word)
    }
}

impl fmt::Display for AuditName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A code of ours, such as `rbac_denied`, `auto:restarts` or the id of a cause: at most 64 of `A-Za-z0-9_.:/-`, so that no
/// sentence fits in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Code(String);

impl Code {
    /// The code, or nothing where the text is none.
    pub fn new(text: &str) -> Option<Self> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"_.:/-".contains(&b);
        (!text.is_empty() && text.len() <= 64 && text.bytes().all(fits)).then(|| Self(text.to_owned()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Code {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text).ok_or("not a code")
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.0
    }
}

/// The particulars of an audit event. A field that doesn't apply is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuditData {
    /// The attempt's code, `A-…`; the store fills it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// The state before; the store fills it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<AttemptState>,
    /// The state after; the store fills it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<AttemptState>,
    /// The intent's action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// The risk as computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// What policy said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionValue>,
    /// The rule that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Code>,
    /// Why it was refused, or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Code>,
    /// The status code of the API server's answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The verdict that the intent rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The id of the cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Code>,
    /// How often the request was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sends: Option<u32>,
    /// The generation of the target after the write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// The id of the other attempt: the one undone, or the one that took the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<Code>,
    /// Of the policy that was loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Digest>,
}

/// One thing that happened, before it has its place in the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// What.
    pub event: AuditName,
    /// Who.
    pub actor: Actor,
    /// Through what: `cli`, `discord`, `http`, `worker`.
    pub channel: String,
    /// About which incident. Of an attempt, the store fills in this and the next four.
    pub incident_id: Option<String>,
    /// About which analysis.
    pub run_id: Option<String>,
    /// About which attempt.
    pub attempt_id: Option<String>,
    /// Of which plan.
    pub digest: Option<String>,
    /// On which object.
    pub target: Option<String>,
    /// The particulars.
    pub data: AuditData,
}

impl AuditEvent {
    /// An event that is about nothing yet.
    pub fn new(event: AuditName, actor: Actor, channel: impl Into<String>) -> Self {
        let (incident_id, run_id, attempt_id, digest, target) = (None, None, None, None, None);
        let channel = channel.into();
        Self { event, actor, channel, incident_id, run_id, attempt_id, digest, target, data: AuditData::default() }
    }

    /// With these particulars.
    #[must_use]
    pub fn with(self, data: AuditData) -> Self {
        Self { data, ..self }
    }
}

/// One row of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditRow {
    /// From 1, without gaps.
    pub seq: i64,
    /// When, by the clock of the machine that wrote it; to the millisecond.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: AuditEvent,
    /// The hash of the row before; of the first, 64 zeros.
    pub prev: String,
    /// The SHA-256, in hexadecimal, of this row as canonical JSON (RFC 8785) without this field, `prev` among the rest.
    pub hash: String,
}

/// The last row of the log, as somebody noted it: the only thing that shows a cut tail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditHead {
    /// The row's number.
    pub seq: i64,
    /// Its hash.
    pub hash: String,
}

impl AuditHead {
    /// From `SEQ:HASH`.
    pub fn parse(text: &str) -> Option<Self> {
        let (seq, hash) = text.split_once(':')?;
        let seq = seq.parse().ok().filter(|seq| *seq > 0)?;
        Digest::parse(hash).map(|hash| Self { seq, hash: hash.as_str().to_owned() })
    }
}

impl fmt::Display for AuditHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

/// Whether the log is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditCheck {
    /// Each row stands where it was written. An empty log has no head.
    Intact {
        /// To be noted.
        head: Option<AuditHead>,
    },
    /// A row was changed, removed, swapped or cut off.
    Broken {
        /// The first row that isn't as it was written.
        seq: i64,
        /// What is wrong with it.
        why: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_holds_no_sentence_and_no_secret_with_other_characters() {
        for text in ["rbac_denied", "auto:restarts", "body:spec.hostNetwork", "A-7F3K2M"] {
            assert_eq!(Code::new(text).map(String::from).as_deref(), Some(text));
        }
        for text in ["", "two words", "password=x", "a\nb", "\u{e9}", &"x".repeat(65)] {
            assert_eq!(Code::new(text), None, "{text}");
        }
        assert!(serde_json::from_str::<AuditData>(r#"{"reason": "pod said: secret"}"#).is_err());
    }

    #[test]
    fn each_name_is_read_back() {
        for name in AuditName::ALL {
            assert_eq!(AuditName::parse(name.as_str()), Some(*name));
            assert_eq!(serde_json::to_value(name).unwrap(), name.as_str());
        }
    }

    #[test]
    fn a_head_is_read_back() {
        let head = AuditHead { seq: 7, hash: "ab".repeat(32) };
        assert_eq!(AuditHead::parse(&head.to_string()), Some(head));
        for text in ["", "7", "7:", "0:ab", "x:ab", &format!("-1:{}", "ab".repeat(32)), &format!("1:{}", "AB".repeat(32))] {
            assert_eq!(AuditHead::parse(text), None, "{text}");
        }
    }
}
