//! A chat that people read. It is asked to post, to change what stands, and to answer a click; it never retries, and never
//! says an address or a token.

use jiff::Timestamp;
use serde_json::Value;
use std::future::Future;

/// The channels that every chat has, by name; those that aren't set up are stood in for by others.
pub mod channel {
    /// Where incidents' messages go.
    pub const INCIDENTS: &str = "incidents";
    /// Where daily and chronic digests go.
    pub const STATS: &str = "stats";
    /// Where digests of teams go that have no channel.
    pub const TEAM_DIGEST: &str = "team_digest";
    /// Where the program tells of its own trouble.
    pub const SELF_HEALTH: &str = "self_health";
    /// The name of a team's channel is this and the team's name.
    pub const TEAM: &str = "team:";

    /// The name of a team's channel. Teams are told apart trimmed and without case.
    pub fn team(name: &str) -> String {
        format!("{TEAM}{}", name.trim().to_lowercase())
    }
}

/// How a request to the chat ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The message stands.
    Sent {
        /// The chat's id of it.
        message_id: String,
        /// The chat's id of its channel.
        channel_id: Option<String>,
        /// Where people find it.
        link: Option<String>,
        /// It has the buttons that it was sent with.
        has_components: bool,
    },
    /// Not before that time.
    RateLimited {
        /// When it may be asked again, by our clock.
        until: Timestamp,
        /// It holds for every channel.
        global: bool,
    },
    /// It may go well another time: no connection, no answer in time, trouble of the chat's own. It may have been posted.
    Retry(String),
    /// The channel isn't there, or isn't ours to write to.
    ChannelGone(String),
    /// The message isn't there any more.
    MessageGone,
    /// The chat doesn't take this message.
    Refused(String),
}

/// A chat. Its channels have names, which are no secrets.
pub trait Notifier: Sync {
    /// Whether there is such a channel.
    fn has(&self, channel: &str) -> bool;

    /// Whether messages in this channel can have buttons. The chat is asked once, where it has to be; how that ended,
    /// where it can't be asked now.
    fn takes_buttons(&self, channel: &str) -> impl Future<Output = Result<bool, Delivery>> + Send;

    /// Posts a message. Two posts with one `nonce` are one, where the chat can do that.
    fn post(&self, channel: &str, nonce: &str, message: &Value) -> impl Future<Output = Delivery> + Send;

    /// Changes a message.
    fn patch(&self, channel: &str, message_id: &str, message: &Value) -> impl Future<Output = Delivery> + Send;

    /// Changes the answer to a click. `token` is the interaction's.
    fn reply(&self, token: &str, message: &Value) -> impl Future<Output = Delivery> + Send;
}
