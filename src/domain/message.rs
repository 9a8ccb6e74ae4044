//! An incident's message in the chat: which one stands, and what the next thing to do about it is. What needs eyes is a new
//! message, because a change of an old one alerts nobody. It knows nothing of any chat.

use super::{Incident, IncidentStatus, Severity};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What repeats within this after the first post changes that message; what repeats later is a new one.
pub const REPEATS_WITHIN: SignedDuration = SignedDuration::from_mins(30);
/// Incidents with one alert name in one cluster that open within this of each other are a burst.
pub const BURST_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// From so many on they have no message of their own.
const BURST_FROM: usize = 3;
/// A critical incident that nobody answered for this long is stale.
pub const STALE_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageState {
    /// It is to be posted; nothing says yet that it was.
    Posting,
    /// It stands, and is changed with its incident.
    Stands,
    /// A newer one took its place.
    Replaced,
    /// It has none: another incident's message names it.
    Folded,
}

impl MessageState {
    /// The word used in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Posting => "posting",
            Self::Stands => "stands",
            Self::Replaced => "replaced",
            Self::Folded => "folded",
        }
    }
}

/// Why a message was posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PostMark {
    /// The incident is new.
    First,
    /// The same came again after a while.
    Resurfaced,
    /// It became more severe.
    Severity,
}

impl PostMark {
    /// The word used in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Resurfaced => "resurfaced",
            Self::Severity => "severity",
        }
    }
}

/// One message of an incident. Times are ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IncidentMessage {
    /// What the store calls it.
    pub number: i64,
    /// The incident.
    pub incident_id: String,
    /// What it is about, see [`content_key`].
    pub key: String,
    /// Where it stands.
    pub state: MessageState,
    /// Why it was posted.
    pub mark: PostMark,
    /// How severe the incident was then.
    pub severity: Severity,
    /// The channel, by name; empty until it stands.
    pub channel: String,
    /// The chat's id of it.
    pub message_id: Option<String>,
    /// Where people find it.
    pub link: Option<String>,
    /// The message whose place it takes.
    pub replaces: Option<i64>,
    /// How often its alert had begun when it was looked at last.
    pub cycles: u64,
    /// How often its alert began within its window, the first time included.
    pub repeats: u64,
    /// When it first stood.
    pub posted_at: Option<Timestamp>,
    /// When its alert began for the first of these times, and last.
    pub first_at: Timestamp,
    /// See `first_at`.
    pub last_at: Timestamp,
    /// A digest of what it shows.
    pub content: Option<String>,
}

/// Another incident with the same alert name that opened at about the same time and was seen before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BurstPeer {
    /// The incident.
    pub incident_id: String,
    /// It is open, and has a message of its own.
    pub can_take_in: bool,
    /// How severe it was when its message was posted, or named.
    pub severity: Severity,
    /// What was found.
    pub cause: Option<String>,
}

/// What is known when a message is due.
#[derive(Clone, Debug)]
pub struct MessageSituation {
    /// The incident.
    pub incident: Incident,
    /// How severe it is.
    pub severity: Severity,
    /// It comes again and again.
    pub is_chronic: bool,
    /// How often its first alert began.
    pub cycles: u64,
    /// When it last did.
    pub last_at: Timestamp,
    /// Something asks for eyes: the incident is new, or worse.
    pub asks_for_eyes: bool,
    /// Its newest message that wasn't replaced.
    pub own: Option<IncidentMessage>,
    /// The newest message with the same key of another incident.
    pub earlier: Option<IncidentMessage>,
    /// The rest of its burst, in the order in which they were seen.
    pub peers: Vec<BurstPeer>,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageStep {
    /// A new message, which takes the place of another where it names one.
    Post(PostMark, Option<i64>),
    /// The new message that was begun.
    PostAgain,
    /// The message is changed. So many more times its alert began within its window.
    Patch(u64),
    /// The other incident's message becomes this one's, and is changed; whether that is a repeat within its window.
    Adopt(i64, bool),
    /// This incident's message names it.
    Fold(String),
    /// Nothing.
    Nothing,
}

impl MessageSituation {
    /// What is done next.
    pub fn step(&self) -> MessageStep {
        let is_open = self.incident.status == IncidentStatus::Open;
        match &self.own {
            _ if self.incident.status == IncidentStatus::Merged && !self.stands() => MessageStep::Nothing,
            Some(own) => match own.state {
                MessageState::Posting => MessageStep::PostAgain,
                MessageState::Folded => match self.host() {
                    Some(host) => MessageStep::Fold(host),
                    None if is_open => MessageStep::Post(PostMark::First, None),
                    None => MessageStep::Nothing,
                },
                MessageState::Stands | MessageState::Replaced => self.of_standing(own, is_open),
            },
            None if !is_open && !self.asks_for_eyes => MessageStep::Nothing,
            None => self.of_new(),
        }
    }

    fn stands(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.state == MessageState::Stands)
    }

    fn of_standing(&self, own: &IncidentMessage, is_open: bool) -> MessageStep {
        let more = self.cycles.saturating_sub(own.cycles);
        let is_within = within_window(own, self.last_at);
        if is_open && !self.is_chronic {
            if self.severity > own.severity {
                return MessageStep::Post(PostMark::Severity, Some(own.number));
            }
            if more > 0 && !is_within {
                return MessageStep::Post(PostMark::Resurfaced, Some(own.number));
            }
        }
        MessageStep::Patch(if is_within { more } else { 0 })
    }

    fn of_new(&self) -> MessageStep {
        if self.is_chronic {
            return self.earlier.as_ref().map_or(MessageStep::Nothing, |earlier| {
                MessageStep::Adopt(earlier.number, within_window(earlier, self.last_at))
            });
        }
        if let Some(host) = self.host() {
            return MessageStep::Fold(host);
        }
        match &self.earlier {
            Some(earlier) if within_window(earlier, self.last_at) => MessageStep::Adopt(earlier.number, true),
            Some(earlier) => MessageStep::Post(PostMark::Resurfaced, Some(earlier.number)),
            None => MessageStep::Post(PostMark::First, None),
        }
    }

    /// The incident whose message takes this one in: the first of the burst that has no other cause and is as severe, because
    /// what is worse asks for eyes.
    fn host(&self) -> Option<String> {
        let cause = self.incident.cause.as_ref();
        let is_other = |peer: &BurstPeer| cause.zip(peer.cause.as_ref()).is_some_and(|(this, other)| this != other);
        let host = self.peers.iter().find(|peer| peer.can_take_in && peer.severity >= self.severity && !is_other(peer));
        host.filter(|_| self.peers.len() + 1 >= BURST_FROM).map(|peer| peer.incident_id.clone())
    }
}

/// Whether what began then repeats a message rather than asks for a new one. A message that doesn't stand yet takes it in.
fn within_window(message: &IncidentMessage, began: Timestamp) -> bool {
    message.posted_at.is_none_or(|posted| began.duration_since(posted) <= REPEATS_WITHIN)
}

/// What a message is about: two with the same key say the same. `reason` is what the alert gives as one.
pub fn content_key(incident: &Incident, alert: &str, reason: &str) -> String {
    let subject = &incident.subject;
    let parts = [&incident.cluster, subject.ns(), &subject.kind, &subject.name, alert, reason];
    // Each text after its length, so that no two read the same.
    parts.iter().map(|part| format!("{}:{part}", part.len())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ObjectRef;
    use rstest::rstest;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + minute * 60).unwrap()
    }

    fn incident(status: IncidentStatus) -> Incident {
        Incident {
            id: "i".to_owned(),
            cluster: "east".to_owned(),
            subject: ObjectRef::new("Deployment", "shop", "checkout"),
            status,
            opened_at: at(0),
            resolved_at: None,
            merged_into: None,
            verdict: None,
            cause: None,
            summary: None,
        }
    }

    fn message(state: MessageState) -> IncidentMessage {
        IncidentMessage {
            number: 7,
            incident_id: "i".to_owned(),
            key: String::new(),
            state,
            mark: First,
            severity: Severity::Warning,
            channel: String::new(),
            message_id: None,
            link: None,
            replaces: None,
            cycles: 1,
            repeats: 1,
            posted_at: (state == Stands).then(|| at(0)),
            first_at: at(0),
            last_at: at(0),
            content: None,
        }
    }

    fn situation(own: Option<MessageState>, began: i64) -> MessageSituation {
        MessageSituation {
            incident: incident(IncidentStatus::Open),
            severity: Severity::Warning,
            is_chronic: false,
            cycles: 2,
            last_at: at(began),
            asks_for_eyes: false,
            own: own.map(message),
            earlier: None,
            peers: Vec::new(),
        }
    }

    fn peer(id: &str, can_take_in: bool, cause: Option<&str>) -> BurstPeer {
        BurstPeer { incident_id: id.to_owned(), can_take_in, severity: Severity::Warning, cause: cause.map(str::to_owned) }
    }

    use MessageState::{Folded, Posting, Stands};
    use MessageStep::{Adopt, Fold, Nothing, Patch, Post, PostAgain};
    use PostMark::{First, Resurfaced};

    fn unchanged(_: &mut MessageSituation) {}
    fn chronic(it: &mut MessageSituation) {
        it.is_chronic = true;
    }
    fn worse(it: &mut MessageSituation) {
        it.severity = Severity::Critical;
    }
    fn over(it: &mut MessageSituation) {
        it.incident.status = IncidentStatus::Resolved;
    }
    fn merged(it: &mut MessageSituation) {
        it.incident.status = IncidentStatus::Merged;
    }
    fn known(it: &mut MessageSituation) {
        it.earlier = Some(message(Stands));
    }
    fn known_and_chronic(it: &mut MessageSituation) {
        known(it);
        chronic(it);
    }
    fn over_and_new(it: &mut MessageSituation) {
        over(it);
        it.asks_for_eyes = true;
    }
    fn second(it: &mut MessageSituation) {
        it.peers = vec![peer("a", true, None)];
    }
    fn third(it: &mut MessageSituation) {
        it.peers = vec![peer("a", true, None), peer("b", true, None)];
    }
    fn third_and_worse(it: &mut MessageSituation) {
        third(it);
        worse(it);
    }
    fn third_and_as_bad(it: &mut MessageSituation) {
        third_and_worse(it);
        it.peers[1].severity = Severity::Critical;
    }
    fn third_of_others(it: &mut MessageSituation) {
        it.peers = vec![peer("a", true, Some("x")), peer("b", false, None), peer("c", true, Some("y"))];
        it.incident.cause = Some("y".to_owned());
    }
    fn third_alone(it: &mut MessageSituation) {
        third_of_others(it);
        it.incident.cause = Some("z".to_owned());
    }

    #[rstest]
    #[case::new(None, 0, unchanged, Post(First, None))]
    #[case::over_before_it_was_seen(None, 0, over, Nothing)]
    #[case::over_while_it_waited(None, 0, over_and_new, Post(First, None))]
    #[case::chronic(None, 0, chronic, Nothing)]
    #[case::chronic_and_known(None, 90, known_and_chronic, Adopt(7, false))]
    #[case::known_from_half_an_hour_ago(None, 30, known, Adopt(7, true))]
    #[case::known_from_before(None, 31, known, Post(Resurfaced, Some(7)))]
    #[case::second_of_a_burst(None, 0, second, Post(First, None))]
    #[case::third_of_a_burst(None, 0, third, Fold("a".to_owned()))]
    #[case::of_another_cause(None, 0, third_of_others, Fold("c".to_owned()))]
    #[case::of_a_cause_of_its_own(None, 0, third_alone, Post(First, None))]
    #[case::found_to_be_of_its_own(Some(Folded), 0, third_alone, Post(First, None))]
    #[case::folded(Some(Folded), 0, third, Fold("a".to_owned()))]
    #[case::third_and_worse(None, 0, third_and_worse, Post(First, None))]
    #[case::folded_and_worse(Some(Folded), 0, third_and_worse, Post(First, None))]
    #[case::third_and_as_bad_as_the_second(None, 0, third_and_as_bad, Fold("b".to_owned()))]
    #[case::folded_and_over(Some(Folded), 0, over, Nothing)]
    #[case::begun(Some(Posting), 90, unchanged, PostAgain)]
    #[case::begun_and_merged(Some(Posting), 0, merged, Nothing)]
    #[case::merged(Some(Stands), 0, merged, Patch(1))]
    #[case::repeats(Some(Stands), 30, unchanged, Patch(1))]
    #[case::resurfaces(Some(Stands), 31, unchanged, Post(Resurfaced, Some(7)))]
    #[case::resurfaced_and_over(Some(Stands), 31, over, Patch(0))]
    #[case::resurfaces_again_and_again(Some(Stands), 31, chronic, Patch(0))]
    #[case::worse(Some(Stands), 3, worse, Post(PostMark::Severity, Some(7)))]
    fn each_row(
        #[case] own: Option<MessageState>,
        #[case] began: i64,
        #[case] change: fn(&mut MessageSituation),
        #[case] expected: MessageStep,
    ) {
        let mut situation = situation(own, began);
        change(&mut situation);
        assert_eq!(situation.step(), expected);
    }

    #[test]
    fn no_two_texts_make_one_key() {
        let key = |alert, reason| content_key(&incident(IncidentStatus::Open), alert, reason);
        assert_ne!(key("ab", "c"), key("a", "bc"));
        assert_ne!(key("a1:b", ""), key("a", "1:b"));
    }
}
