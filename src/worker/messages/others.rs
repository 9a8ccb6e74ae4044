//! Messages that are no incident's own: an old one that links to the one that took its place, digests, the program's own
//! trouble, and answers to clicks.

use super::deliver::{Rendered, Wanted, counted};
use super::{Courier, shown};
use crate::domain::PeriodicDigest;
use crate::pipeline::may_approve::ApprovalRules;
use crate::pipeline::view;
use crate::ports::channel::SELF_HEALTH;
use crate::ports::{Books, Clock, Delivery, FollowUp, MessageOp, Notifier, Outgoing, Sent, StoreError};
use crate::remedy::SeparateApprover;
use crate::render::click::Mask;
use crate::worker::follow_up::follow_up as told;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

/// An answer to a click that failed is tried again after this: it lives for a quarter of an hour.
const REPLY_AGAIN: SignedDuration = SignedDuration::from_secs(2);
/// While more than this is left of its time, an answer that Discord doesn't know of yet may only be early.
const REPLY_THERE: SignedDuration = SignedDuration::from_mins(14);

/// Where nothing takes clicks.
const NO_APPROVAL: ApprovalRules = ApprovalRules { is_enabled: false, separate: SeparateApprover::Always };

impl<S: Books, N: Notifier, C: Clock> Courier<S, N, C> {
    pub(super) async fn other(&self, outgoing: &Outgoing) -> Result<(), StoreError> {
        if outgoing.notice.op == MessageOp::Reply {
            return self.reply(outgoing).await;
        }
        let payload = &outgoing.notice.payload;
        if let Some(number) = payload.get("message").and_then(Value::as_i64) {
            return self.replaced(outgoing, number).await;
        }
        let digest = payload.get("digest").map(PeriodicDigest::deserialize);
        let (channel, body) = if let Some(Ok(digest)) = &digest {
            (outgoing.notice.channel.clone(), shown::of_digest(digest, &self.redactor))
        } else if shown::is_trouble(payload) {
            (SELF_HEALTH.to_owned(), shown::trouble(payload, &self.redactor))
        } else {
            return self.end(outgoing, Sent::Refused("it says nothing".to_owned(), None)).await;
        };
        if self.settings.dry_run {
            let bytes = body.to_string().len();
            tracing::info!(%channel, bytes, message = outgoing.id, "dry run: a message was rendered");
            return self.end(outgoing, Sent::DryRun(body)).await;
        }
        let wanted = Wanted { channel, message_id: None, over_since: Some(outgoing.created_at) };
        let render = async |_, _| {
            let (fallback, content) = (shown::cut(&body), String::new());
            Ok(Rendered { body: body.clone(), fallback, set: None, content, is_there: false })
        };
        if let Some(standing) = self.deliver(outgoing, wanted, render).await? {
            self.end(outgoing, Sent::As(Some(standing.message_id))).await?;
        }
        Ok(())
    }

    /// An old message links to the one that took its place. It has no buttons any more.
    async fn replaced(&self, outgoing: &Outgoing, number: i64) -> Result<(), StoreError> {
        let replaced = self.store.replaced(number).await?;
        let Some(replaced) = replaced else { return self.end(outgoing, Sent::As(None)).await };
        let message = &replaced.message;
        let view = view(&*self.store, &message.incident_id, self.clock.now()).await?;
        let (Some(view), Some(id)) = (view, message.message_id.clone()) else {
            return self.end(outgoing, Sent::As(None)).await;
        };
        let body = shown::replaced(&view, &replaced, &self.redactor);
        if self.settings.dry_run {
            return self.end(outgoing, Sent::DryRun(body)).await;
        }
        let delivery = self.notifier.patch(&message.channel, &id, &body).await;
        counted(&message.channel, MessageOp::Patch, &delivery);
        let how = match delivery {
            Delivery::Sent { message_id, .. } => Sent::As(Some(message_id)),
            Delivery::RateLimited { until, .. } => Sent::Later(until, "rate limited".to_owned()),
            // Nobody misses it: the newer one stands.
            Delivery::MessageGone => Sent::As(None),
            Delivery::ChannelGone(why) | Delivery::Refused(why) => Sent::Refused(why, None),
            Delivery::Retry(why) => {
                return self.again(outgoing, Some(outgoing.created_at), &message.channel, &why, self.clock.now()).await;
            }
        };
        self.end(outgoing, how).await
    }

    /// Tells somebody who clicked what became of it, as long as the chat takes that.
    async fn reply(&self, outgoing: &Outgoing) -> Result<(), StoreError> {
        let Ok(follow_up) = serde_json::from_value::<FollowUp>(outgoing.notice.payload.clone()) else {
            return self.end(outgoing, Sent::Refused("it is no answer".to_owned(), None)).await;
        };
        let approval = self.settings.buttons.map_or(NO_APPROVAL, |rules| rules.approval);
        let mask: Mask<'_> = &|text| self.redactor.text(text);
        let told = told(&*self.store, &follow_up, approval, mask, self.clock.now()).await?;
        let Some((reply, body)) = told else {
            self.store.forget_reply(&follow_up.reply).await?;
            return self.end(outgoing, Sent::As(None)).await;
        };
        if self.settings.dry_run {
            self.store.forget_reply(&follow_up.reply).await?;
            return self.end(outgoing, Sent::DryRun(shown::without_tokens(&body))).await;
        }
        let delivery = self.notifier.reply(&reply.to.token, &body).await;
        counted("", MessageOp::Reply, &delivery);
        let now = self.clock.now();
        // Discord knows a click's answer only once it took ours, which a quick attempt can be ahead of.
        let is_fresh = reply.expires_at.duration_since(now) > REPLY_THERE;
        let again = |now: Timestamp, why| Some((now.saturating_add(REPLY_AGAIN).unwrap_or(reply.expires_at), why));
        let held = match delivery {
            Delivery::ChannelGone(_) | Delivery::MessageGone if is_fresh => again(now, "it isn't there yet".to_owned()),
            Delivery::Sent { .. } | Delivery::ChannelGone(_) | Delivery::MessageGone | Delivery::Refused(_) => None,
            Delivery::RateLimited { until, .. } => Some((until, "rate limited".to_owned())),
            Delivery::Retry(why) => again(now, why),
        };
        if let Some((at, why)) = held.filter(|(at, _)| *at < reply.expires_at) {
            return self.end(outgoing, Sent::Failed(at, why)).await;
        }
        self.store.forget_reply(&follow_up.reply).await?;
        self.end(outgoing, Sent::As(None)).await
    }
}
