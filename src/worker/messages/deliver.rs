//! One request to the chat, and what its answer means for the message: when it goes again, where it goes instead, when it is
//! given up.

use super::channels::{self, Way};
use super::{Courier, shown};
use crate::ports::{Books, Clock, Delivery, MessageOp, Notifier, Outgoing, Sent, StoreError};
use crate::telemetry;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use uuid::Uuid;

/// The first pause after a failure, in seconds; each is twice as long as the one before.
const FIRST: u64 = 1;
/// The longest pause, in seconds.
const LAST: u64 = 300;
/// What could not be sent so long after it was about something that goes on is given up.
const GIVEN_UP: SignedDuration = SignedDuration::from_hours(24);
/// One message takes so many requests at most: a channel that is gone, a message that is gone, one that is refused.
const REQUESTS: usize = 5;

/// A message that is to be shown.
pub(super) struct Wanted {
    /// The channel by name.
    pub channel: String,
    /// The message to be changed, where one is.
    pub message_id: Option<String>,
    /// Since when what it is about is over; `None` while it goes on.
    pub over_since: Option<Timestamp>,
}

/// A rendered message.
pub(super) struct Rendered {
    /// It.
    pub body: Value,
    /// What goes out where it is refused.
    pub fallback: Value,
    /// What the store wants to know of its buttons.
    pub set: Option<String>,
    /// A digest of what it shows.
    pub content: String,
    /// It stands so already.
    pub is_there: bool,
}

/// A message that stands.
pub(super) struct Standing {
    pub channel: String,
    pub message_id: String,
    pub channel_id: Option<String>,
    pub link: Option<String>,
    /// It was sent with buttons, and has none.
    pub lost_buttons: bool,
    /// What was refused before something shorter was taken.
    pub refused: Option<Value>,
    pub rendered: Rendered,
}

impl<S: Books, N: Notifier, C: Clock> Courier<S, N, C> {
    /// Asks the chat until the message stands, or until it is known when to ask again, which the outbox is told. `render` makes
    /// the message: whether it may have buttons, and whether it is posted.
    pub(super) async fn deliver<R>(
        &self,
        outgoing: &Outgoing,
        wanted: Wanted,
        render: impl Fn(bool, bool) -> R,
    ) -> Result<Option<Standing>, StoreError>
    where
        R: Future<Output = Result<Rendered, StoreError>>,
    {
        let Wanted { channel: wished, mut message_id, over_since } = wanted;
        let (mut refused, mut stood_in) = (None, message_id.as_ref().map(|_| wished.clone()));
        for _ in 0..REQUESTS {
            let now = self.clock.now();
            let channel = match self.channels.way(&self.notifier, &wished, now) {
                Way::To(channel) => channel,
                Way::Blocked(until) => {
                    self.end(outgoing, Sent::Later(until, "the channel is broken".to_owned())).await?;
                    return Ok(None);
                }
                Way::None => {
                    self.end(outgoing, Sent::Refused("there is no channel for it".to_owned(), None)).await?;
                    return Ok(None);
                }
            };
            if stood_in.as_ref().is_some_and(|before| *before != channel) {
                // It can't be changed where it stands: it is posted where it can be read.
                message_id = None;
            }
            stood_in = Some(channel.clone());
            // Asked in any case: the chat tells with it where the channel is.
            let takes = self.notifier.takes_buttons(&channel).await;
            let buttons = match takes {
                _ if self.settings.buttons.is_none() => false,
                Ok(takes) => takes,
                Err(Delivery::RateLimited { until, .. }) => {
                    self.end(outgoing, Sent::Later(until, "rate limited".to_owned())).await?;
                    return Ok(None);
                }
                Err(_) => {
                    self.again(outgoing, over_since, &channel, "it can't be asked whether it takes buttons", now).await?;
                    return Ok(None);
                }
            };
            let rendered = render(buttons, message_id.is_none()).await?;
            if let Some(id) = message_id.as_ref().filter(|_| rendered.is_there) {
                self.end(outgoing, Sent::As(Some(id.clone()))).await?;
                return Ok(None);
            }
            let body = if refused.is_some() { &rendered.fallback } else { &rendered.body };
            let delivery = match &message_id {
                Some(id) => self.notifier.patch(&channel, id, body).await,
                None => self.notifier.post(&channel, &outgoing.id, body).await,
            };
            counted(&channel, if message_id.is_some() { MessageOp::Patch } else { MessageOp::Post }, &delivery);
            let now = self.clock.now();
            match delivery {
                Delivery::Sent { message_id, channel_id, link, has_components } => {
                    let lost_buttons = shown::has_buttons(body) && !has_components;
                    return Ok(Some(Standing { channel, message_id, channel_id, link, lost_buttons, refused, rendered }));
                }
                Delivery::RateLimited { until, .. } => {
                    self.end(outgoing, Sent::Later(until, "rate limited".to_owned())).await?;
                    return Ok(None);
                }
                Delivery::Retry(why) => {
                    self.again(outgoing, over_since, &channel, &why, now).await?;
                    return Ok(None);
                }
                Delivery::ChannelGone(why) => {
                    tracing::warn!(%channel, %why, "the channel is broken");
                    self.channels.broke(&channel, now);
                    self.trouble(outgoing, &format!("channel:{channel}"), &format!("The channel {channel} is broken: {why}"))
                        .await?;
                }
                Delivery::MessageGone => message_id = None,
                Delivery::Refused(why) if refused.is_none() => {
                    tracing::warn!(%channel, %why, message = outgoing.id, "a message was refused; a short one goes instead");
                    refused = Some(shown::without_tokens(&rendered.body));
                }
                Delivery::Refused(why) => {
                    let why = format!("refused: {why}");
                    self.given_up(outgoing, &channel, &why, refused).await?;
                    return Ok(None);
                }
            }
        }
        self.again(outgoing, over_since, &wished, "no channel took it", self.clock.now()).await?;
        Ok(None)
    }

    /// It failed: again later, unless what it is about has been over for long.
    pub(super) async fn again(
        &self,
        outgoing: &Outgoing,
        over_since: Option<Timestamp>,
        channel: &str,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if over_since.is_some_and(|since| now.duration_since(since) > GIVEN_UP) {
            return self.given_up(outgoing, channel, why, None).await;
        }
        let pause = pause(outgoing.failures, Uuid::new_v4().as_u64_pair().1);
        let at = now.saturating_add(pause).unwrap_or(Timestamp::MAX);
        tracing::info!(%channel, why, message = outgoing.id, "a message could not be sent; it is sent again");
        self.end(outgoing, Sent::Failed(at, why.to_owned())).await
    }

    async fn given_up(&self, outgoing: &Outgoing, channel: &str, why: &str, body: Option<Value>) -> Result<(), StoreError> {
        tracing::error!(%channel, why, message = outgoing.id, "a message is given up");
        self.end(outgoing, Sent::Refused(why.to_owned(), body)).await?;
        self.trouble(outgoing, &format!("dead_letter:{channel}"), &format!("A message to {channel} is given up: {why}")).await
    }

    /// Tells of own trouble, but not of trouble in telling it.
    async fn trouble(&self, outgoing: &Outgoing, cause: &str, text: &str) -> Result<(), StoreError> {
        if !shown::is_trouble(&outgoing.notice.payload) {
            self.store.trouble(cause, &self.redactor.text(text)).await?;
        }
        Ok(())
    }

    pub(super) async fn end(&self, outgoing: &Outgoing, how: Sent) -> Result<(), StoreError> {
        // `false`: somebody else has it by now, and says how it went.
        self.store.sent(outgoing, how).await.map(|_| ())
    }
}

/// Counts a request and how it ended.
pub(super) fn counted(channel: &str, op: MessageOp, delivery: &Delivery) {
    let outcome = match delivery {
        Delivery::Sent { .. } => "sent",
        Delivery::RateLimited { .. } => "rate_limited",
        Delivery::Retry(_) => "failed",
        Delivery::ChannelGone(_) => "channel_gone",
        Delivery::MessageGone => "message_gone",
        Delivery::Refused(_) => "refused",
    };
    telemetry::metrics().notification(channels::kind(channel), op.as_str(), outcome);
}

/// 1 s doubling to 5 min, a fifth more or less by `seed`.
fn pause(failures: u32, seed: u64) -> SignedDuration {
    let seconds = FIRST.checked_shl(failures.min(16)).unwrap_or(LAST).min(LAST);
    let millis = seconds * 800 + seed % (seconds * 400 + 1);
    SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pauses_double_to_five_minutes(failures in 0u32..40, seed: u64) {
            let wanted = 2f64.powi(failures.min(20).cast_signed()).min(300.0);
            let got = pause(failures, seed).as_secs_f64();
            prop_assert!((wanted * 0.8..=wanted * 1.2).contains(&got), "{}", got);
        }
    }
}
