//! What a person thinks of an analysis. One answer of a person about a run; the last one counts.

use super::Actor;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackReason {
    /// Something else is the cause.
    WrongCause,
    /// The cause is right, and about another object.
    WrongObject,
    /// The cause is right, and the action is not.
    WrongAction,
    /// Nothing is wrong.
    NotAFault,
}

impl FeedbackReason {
    /// The word used in JSON and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WrongCause => "wrong_cause",
            Self::WrongObject => "wrong_object",
            Self::WrongAction => "wrong_action",
            Self::NotAFault => "not_a_fault",
        }
    }
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Feedback {
    /// The incident.
    pub incident_id: String,
    /// The analysis.
    pub run_id: String,
    /// Who said it.
    pub by: Actor,
    /// Where: `discord`, `http`, `cli`.
    pub channel: String,
    /// 1 to 5.
    pub score: u8,
    /// Whether the analysis was right.
    pub is_accepted: bool,
    /// What was wrong with it.
    pub reason: Option<FeedbackReason>,
    /// What it was instead: the id of a cause of the catalogue.
    pub cause: Option<String>,
    /// In the person's own words, at most 2000 characters.
    pub comment: Option<String>,
    /// When, by our clock.
    pub at: Timestamp,
}

/// How many answers there are of each sort.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FeedbackCounts {
    /// All of them.
    pub total: u64,
    /// Those that say the analysis was right.
    pub accepted: u64,
    /// Those that say it was not.
    pub rejected: u64,
    /// By score, 1 to 5; a score that nobody gave is left out.
    pub scores: BTreeMap<u8, u64>,
    /// What was wrong, where that was said.
    pub reasons: BTreeMap<FeedbackReason, u64>,
}

impl FeedbackCounts {
    /// The share of accepted ones, rounded half up: `97.30%`. `None` without any answer.
    pub fn accuracy_rate(&self) -> Option<String> {
        let hundredths = (u128::from(self.accepted) * 20_000 + u128::from(self.total)).checked_div(u128::from(self.total) * 2)?;
        Some(format!("{}.{:02}%", hundredths / 100, hundredths % 100))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_accepted_answers_has_two_decimals() {
        let rate = |accepted, total| FeedbackCounts { accepted, total, ..FeedbackCounts::default() }.accuracy_rate();
        for (accepted, total, expected) in
            [(0, 1, "0.00%"), (1, 1, "100.00%"), (2, 3, "66.67%"), (1, 3, "33.33%"), (1, 200, "0.50%")]
        {
            assert_eq!(rate(accepted, total).as_deref(), Some(expected));
        }
        assert_eq!(rate(0, 0), None);
    }
}
