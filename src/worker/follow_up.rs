//! What somebody who clicked is told later: what became of the attempt, how one is taken back, or why it can't be.

use crate::domain::{SECOND_STEP, Verb};
use crate::pipeline::may_approve::{ApprovalRules, Means, may_approve};
use crate::ports::{AttemptStore, Buttons, FollowUp, IncidentStore, NewButton, NewButtons, Replies, Reply, StoreError, Told};
use crate::render::click as render;
use jiff::Timestamp;
use serde_json::Value;

/// Where the answer goes, and the message; `None` where nobody waits any more. It is the last one: once it is delivered, or
/// can't be, `Replies::forget_reply` forgets the token.
///
/// # Errors
/// The store failed.
pub async fn follow_up(
    store: &(impl Replies + AttemptStore + Buttons + IncidentStore),
    told: &FollowUp,
    approval: ApprovalRules,
    mask: render::Mask<'_>,
    now: Timestamp,
) -> Result<Option<(Reply, Value)>, StoreError> {
    let Some(reply) = store.reply(&told.reply).await?.filter(|reply| now < reply.expires_at) else { return Ok(None) };
    let Some(attempt) = store.attempt(&reply.attempt_id).await? else { return Ok(None) };
    let message = match &told.about {
        Told::Outcome => render::said(&render::outcome(&attempt, mask)),
        Told::NoUndo(why) => render::said(&format!("{} can't be taken back: {}", attempt.code, render::plain(&mask(why), 500))),
        Told::Plan => {
            let who = crate::domain::Actor { kind: "discord".to_owned(), id: reply.user_id.clone(), name: String::new() };
            if let Err(denied) = may_approve(&attempt, &who, Means::Pressing, approval) {
                let head = format!("This takes it back; {}.", denied.why);
                return Ok(Some((reply, render::plan(&attempt, &head, None, mask))));
            }
            let Some(incident) = store.incident(&attempt.incident).await? else { return Ok(None) };
            // The button is under the newest analysis, as those of the incident's message are.
            let run_id = incident.runs.last().map_or_else(|| attempt.run_id.clone(), |run| run.id.clone());
            let expires_at = now.saturating_add(SECOND_STEP).unwrap_or(Timestamp::MAX);
            let about = Some((attempt.id.clone(), attempt.digest.clone()));
            let minted = store
                .mint(NewButtons {
                    incident_id: attempt.incident.clone(),
                    run_id,
                    place: None,
                    user_id: Some(reply.user_id.clone()),
                    buttons: vec![NewButton { verb: Verb::Undo2, about, expires_at }],
                })
                .await?;
            let button = minted.ids.get(&Verb::Undo2).map(|id| (Verb::Undo2, id.as_str()));
            render::plan(&attempt, "This takes it back. Your click within 5 minutes does it.", button, mask)
        }
    };
    Ok(Some((reply, message)))
}
