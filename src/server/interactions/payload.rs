//! An interaction, as far as it matters here ("Interactions", "Interaction Object"). What is in it was signed by Discord; the
//! texts in it are people's.

use crate::domain::{Actor, CustomId};
use crate::ports::{Click, ReplyTo};
use serde::Deserialize;

/// The longest id of Discord's: a number of 64 bits.
const LONGEST_ID: usize = 20;

/// What an interaction asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whether we are there.
    Ping,
    /// A command, or a form: we have none.
    Unsupported,
    /// A button.
    Component,
    /// What could be typed on.
    Autocomplete,
}

impl Kind {
    /// The word in the metric.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Unsupported => "unsupported",
            Self::Component => "component",
            Self::Autocomplete => "autocomplete",
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Interaction {
    pub id: String,
    #[serde(rename = "type")]
    kind: u64,
    #[serde(default)]
    application_id: String,
    #[serde(default)]
    token: String,
    data: Option<Data>,
    channel_id: Option<String>,
    channel: Option<Named>,
    message: Option<Named>,
    member: Option<Member>,
    user: Option<User>,
}

#[derive(Deserialize)]
struct Data {
    custom_id: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
struct Member {
    user: Option<User>,
    #[serde(default)]
    roles: Vec<String>,
}

#[derive(Deserialize)]
struct User {
    id: String,
    #[serde(default)]
    username: String,
    global_name: Option<String>,
}

impl Interaction {
    /// From a body; `None` of one that is no interaction, or of a type that nobody knows.
    pub fn read(body: &[u8]) -> Option<(Self, Kind)> {
        let interaction: Self = serde_json::from_slice(body).ok()?;
        let kind = match interaction.kind {
            1 => Kind::Ping,
            2 | 5 => Kind::Unsupported,
            3 => Kind::Component,
            4 => Kind::Autocomplete,
            _ => return None,
        };
        is_id(&interaction.id).then_some((interaction, kind))
    }

    /// The click that it is; `None` where nobody clicked. Roles count only where a server's member has them, and who clicked in
    /// private has none.
    pub fn click(self) -> Option<Click> {
        let (user, roles) = match self.member {
            Some(member) => (member.user?, member.roles),
            None => (self.user?, Vec::new()),
        };
        let id = |named: Option<Named>| named.map(|named| named.id).filter(|id| is_id(id));
        let button = self.data.and_then(|data| CustomId::parse(&data.custom_id?)).map(|id| (id.verb, id.hash()));
        let name = user.global_name.filter(|name| !name.is_empty()).unwrap_or(user.username);
        Some(Click {
            id: self.id,
            by: Actor { kind: "discord".to_owned(), id: Some(user.id).filter(|id| is_id(id))?, name },
            roles,
            button,
            channel_id: id(self.channel).or(self.channel_id.filter(|id| is_id(id))).unwrap_or_default(),
            message_id: id(self.message).unwrap_or_default(),
            reply_to: ReplyTo { application_id: self.application_id, token: self.token },
        })
    }
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_ID && text.bytes().all(|digit| digit.is_ascii_digit())
}
