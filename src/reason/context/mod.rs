//! What a prompt says about a case: the facts first, then the evidence by kind, each kind within a budget of bytes. Read once for
//! a case; every call then takes of it what fits into its share. Holds no clock and no counter, so that the same case gives the same
//! bytes.

use super::Case;
use super::prompt::{Prompt, Task};
use crate::domain::Suspicious;

/// All that prompts of one case can say.
#[derive(Debug)]
pub struct Context<'a> {
    case: Case<'a>,
}

impl<'a> Context<'a> {
    /// Reads a case.
    pub fn of(case: Case<'a>) -> Self {
        Self { case }
    }

    /// Lines in the case's evidence that try to instruct.
    pub fn suspicious(&self) -> &[Suspicious] {
        &[]
    }

    /// The prompt for a task, with system text and user's message of at most `room` bytes together (see [`room`](super::room)).
    /// `None` when not even the task and the found facts fit: then there is no call.
    pub fn prompt(&self, task: Task<'_>, room: usize) -> Option<Prompt> {
        let _ = (self.case, task, room);
        None
    }
}
