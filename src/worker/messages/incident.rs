//! The message of an incident: what the store plans for it, rendered, delivered, and noted.

use super::channels;
use super::deliver::{Rendered, Standing, Wanted};
use super::{Courier, MessageSettings, shown};
use crate::domain::{IncidentMessage, IncidentStatus, IncidentView};
use crate::pipeline::{Permalinks, buttons, view};
use crate::ports::channel::INCIDENTS;
use crate::ports::{Books, Clock, MessageOp, NewButtons, Notice, Notifier, Outgoing, Place, Planned, Sent, Stands, StoreError};
use serde_json::{Value, json};

impl<S: Books, N: Notifier, C: Clock> Courier<S, N, C> {
    /// Sends what the store plans for an incident's message.
    pub(super) async fn incident(&self, outgoing: &Outgoing) -> Result<(), StoreError> {
        let planned = self.store.plan(outgoing).await?;
        let Some(planned) = planned else { return self.end(outgoing, Sent::As(None)).await };
        let Some(mut view) = view(&*self.store, &planned.message.incident_id, self.clock.now()).await? else {
            return self.end(outgoing, Sent::As(None)).await;
        };
        let over_since = match view.incident.status {
            IncidentStatus::Open => None,
            IncidentStatus::Resolved | IncidentStatus::Merged => Some(view.incident.resolved_at.unwrap_or(outgoing.created_at)),
        };
        if planned.is_settling {
            (view.incident.status, view.incident.resolved_at) = (IncidentStatus::Open, None);
        }
        let message_id = planned.message.message_id.clone().filter(|_| !planned.is_post);
        let links = &self.links().await?;
        if self.settings.dry_run {
            return self.only_rendered(outgoing, &view, &planned, links).await;
        }
        let channel = match &message_id {
            Some(_) => planned.message.channel.clone(),
            None => channels::of_owner(&view),
        };
        let wanted = Wanted { channel, message_id, over_since };
        let render = |takes_buttons, is_post| self.rendered(&view, &planned, takes_buttons, is_post, links);
        let Some(standing) = self.deliver(outgoing, wanted, render).await? else { return Ok(()) };
        self.note(outgoing, &view, &planned.message, standing).await
    }

    /// A digest of what the message shows once it stands. The tokens of its buttons, which are new each time, are no part of it.
    fn content(&self, view: &IncidentView, planned: &Planned, takes_buttons: bool, links: &Permalinks) -> String {
        let now = self.clock.now();
        let ids = self.settings.buttons.filter(|_| takes_buttons).map(|rules| shown::blank(&buttons(view, &rules, now)));
        let frame = shown::Frame { planned, is_post: false, buttons: ids.as_ref(), settings: &self.settings, links };
        shown::digest(&shown::incident(view, &frame, &self.redactor, self.clock.now()))
    }

    async fn rendered(
        &self,
        view: &IncidentView,
        planned: &Planned,
        takes_buttons: bool,
        is_post: bool,
        links: &Permalinks,
    ) -> Result<Rendered, StoreError> {
        let now = self.clock.now();
        let content = self.content(view, planned, takes_buttons, links);
        let bare = shown::Frame { planned, is_post, buttons: None, settings: &self.settings, links };
        let fallback = shown::fallback(view, &bare, &self.redactor, now);
        if !is_post && planned.message.content.as_ref() == Some(&content) {
            // No buttons are made for what isn't sent.
            return Ok(Rendered { body: Value::Null, fallback, set: None, content, is_there: true });
        }
        let new = self.settings.buttons.filter(|_| takes_buttons).map(|rules| buttons(view, &rules, now)).unwrap_or_default();
        let minted = match &view.finding {
            Some(finding) if !new.is_empty() => {
                let (incident_id, run_id) = (view.incident.id.clone(), finding.run_id.clone());
                Some(self.store.mint(NewButtons { incident_id, run_id, place: None, user_id: None, buttons: new }).await?)
            }
            _ => None,
        };
        let ids = minted.as_ref().map(|minted| &minted.ids);
        let frame = shown::Frame { planned, is_post, buttons: ids, settings: &self.settings, links };
        let body = shown::incident(view, &frame, &self.redactor, self.clock.now());
        Ok(Rendered { body, fallback, set: minted.map(|minted| minted.set), content, is_there: false })
    }

    /// The message stands: its buttons work there, and the store knows where it is.
    async fn note(
        &self,
        outgoing: &Outgoing,
        view: &IncidentView,
        message: &IncidentMessage,
        standing: Standing,
    ) -> Result<(), StoreError> {
        let Standing { channel, message_id, channel_id, link, lost_buttons, refused, rendered } = standing;
        if let (Some(set), Some(channel_id)) = (&rendered.set, channel_id) {
            self.store.placed(set, &Place { channel_id, message_id: message_id.clone() }).await?;
        }
        // What was refused once is tried whole again with the next change.
        let content = if refused.is_some() || lost_buttons { String::new() } else { rendered.content };
        let link = link.or_else(|| message.link.clone().filter(|_| message.message_id.as_ref() == Some(&message_id)));
        let number = message.number;
        let stands = Stands { number, channel, message_id: Some(message_id), link, content, body: refused };
        let is_ours = self.store.stands(outgoing, stands).await?;
        if is_ours && lost_buttons {
            // The channel turned out to take none: the message has to say how to decide elsewhere.
            let (incident_id, payload) = (Some(view.incident.id.clone()), json!({ "about": ["plain"] }));
            let notice = Notice { channel: String::new(), op: MessageOp::Patch, incident_id, payload, not_before: None };
            self.store.put(notice).await?;
        }
        Ok(())
    }

    async fn links(&self) -> Result<Permalinks, StoreError> {
        let MessageSettings { public_url, permalink_ttl, .. } = &self.settings;
        let links = Permalinks::new(public_url.as_deref());
        Ok(if permalink_ttl.is_positive() { links.signed(*permalink_ttl, self.store.key().await?) } else { links })
    }

    async fn only_rendered(
        &self,
        outgoing: &Outgoing,
        view: &IncidentView,
        planned: &Planned,
        links: &Permalinks,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let ids = self.settings.buttons.map(|rules| shown::blank(&buttons(view, &rules, now)));
        let frame = shown::Frame { planned, is_post: planned.is_post, buttons: ids.as_ref(), settings: &self.settings, links };
        let body = shown::incident(view, &frame, &self.redactor, self.clock.now());
        let wanted = channels::of_owner(view);
        let channel = match self.channels.way(&self.notifier, &wanted, now) {
            channels::Way::To(channel) => channel,
            _ => INCIDENTS.to_owned(),
        };
        let op = if planned.is_post { "post" } else { "patch" };
        let bytes = body.to_string().len();
        tracing::info!(%channel, op, bytes, incident = view.incident.id, message = outgoing.id, "dry run: a message was rendered");
        let content = self.content(view, planned, true, links);
        let number = planned.message.number;
        let stands = Stands { number, channel, message_id: None, link: None, content, body: Some(body) };
        self.store.stands(outgoing, stands).await.map(|_| ())
    }
}
