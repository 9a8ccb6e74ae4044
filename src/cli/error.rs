//! What a command ends with: an exit code that scripts can rely on, and for people an error that says what was tried,
//! why it failed and what to do next, in two lines. Never a backtrace.

use crate::bundle::BundleError;
use crate::config::ConfigError;
use crate::pipeline::DecisionError;
use crate::pipeline::execute::UndoError;
use crate::ports::{AdvanceError, ReadError, StoreError, WriteError};
use crate::render::escape;
use std::fmt;
use std::process::ExitCode;

/// How a command ended. The numbers are public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done; with `--exit-code`: and nothing is wrong.
    Done = 0,
    /// Could not do it: cluster, file, network.
    Failed = 1,
    /// The command line is not understood.
    Usage = 2,
    /// A fault was found (with `--exit-code`), or a replay differs from what was expected.
    Finding = 3,
    /// Something is wrong and the cause is not certain (with `--exit-code`).
    Inconclusive = 4,
    /// Refused: policy, guard, precondition, not authorised.
    Refused = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Longest line of an error, in characters; what comes from outside may be huge.
const LONGEST: usize = 400;

/// Why a command could not do what was asked.
#[derive(Debug)]
pub struct CliError {
    /// The exit code.
    pub exit: Exit,
    /// What was tried, and why it failed.
    pub what: String,
    /// What to do next.
    pub next: Option<String>,
}

impl CliError {
    /// Could not do it.
    pub fn failed(what: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, what: what.into(), next: None }
    }

    /// The command line asks for something that can't be meant.
    pub fn usage(what: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, ..Self::failed(what) }
    }

    /// Refused, by a rule that has a code.
    pub fn refused(code: &str, why: &str) -> Self {
        Self { exit: Exit::Refused, ..Self::failed(format!("refused, {code}: {why}")) }
    }

    /// With what to do next.
    pub fn hint(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&line(&self.what))?;
        if let Some(next) = &self.next {
            write!(f, "\n  try: {}", line(next))?;
        }
        Ok(())
    }
}

/// One line, escaped and of bounded length.
fn line(text: &str) -> String {
    let text = escape(text);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

impl From<BundleError> for CliError {
    fn from(error: BundleError) -> Self {
        Self::failed(error.to_string()).hint(error.hint())
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string()).hint(error.hint())
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let hint = match &error {
            StoreError::Location(_) => "set DATABASE_URL=sqlite:/path/to/file.db",
            StoreError::Open { .. } | StoreError::ReadOnly => "check the owner and the rights of the file and its folder",
            StoreError::NotADatabase { .. } => "name another file with DATABASE_URL=sqlite:/path/to/file.db",
            StoreError::Newer { .. } => "use the newer program, or another file",
            StoreError::Full => "make room, then do it again: nothing that was stored before is lost",
            StoreError::Locked { .. } | StoreError::Busy => "do it again in a moment; another process writes to the same file",
            StoreError::Damaged(_) => "restore the last back-up; keep the damaged file",
            StoreError::Stopped | StoreError::Invalid(_) | StoreError::Failed(_) => "-v shows more; nothing was stored",
        };
        Self::failed(error.to_string()).hint(hint)
    }
}

impl From<WriteError> for CliError {
    fn from(error: WriteError) -> Self {
        match &error {
            WriteError::Refused(refusal) => Self::refused(refusal.code.as_str(), &refusal.sentence),
            WriteError::NoAnswer(why) => Self::failed(format!("no answer from the cluster: {why}"))
                .hint("check the network or the VPN; nothing was sent that is not stored as running"),
        }
    }
}

impl From<AdvanceError> for CliError {
    fn from(error: AdvanceError) -> Self {
        match error {
            AdvanceError::Store(error) => error.into(),
            AdvanceError::Lost(attempt) => {
                let by = attempt.decided_by.as_ref().map(|actor| format!(" by {}", actor.name)).unwrap_or_default();
                Self::refused("too_late", &format!("somebody was first: {} is {}{by}", attempt.code, attempt.state))
            }
            AdvanceError::TooLate(_) => Self::refused("expired", &error.to_string()),
            AdvanceError::TooMany { .. } => Self::refused("too_many", &error.to_string()),
            AdvanceError::TargetHeld(_) => Self::refused("target_held", &error.to_string()),
            AdvanceError::NoSuchTransition { .. } => Self::refused("wrong_state", &error.to_string()),
            AdvanceError::NotFound(_) => Self::failed(error.to_string()).hint("sre-copilot approve lists those that there are"),
        }
    }
}

impl From<DecisionError> for CliError {
    fn from(error: DecisionError) -> Self {
        match error {
            DecisionError::Read(error) => error.into(),
            DecisionError::Store(error) => error.into(),
            DecisionError::Undo(UndoError::Cluster(error)) => error.into(),
            DecisionError::Undo(UndoError::Store(error)) => error.into(),
            DecisionError::Undo(UndoError::Changed { code, why }) => Self::refused(code, &why),
            DecisionError::Undo(error) => Self::refused("no_undo", &error.to_string()),
            error @ DecisionError::Plan(_) => Self::failed(error.to_string()).hint("analyze --propose makes a new one"),
            error @ DecisionError::Gone(_) => Self::failed(error.to_string()),
        }
    }
}

impl From<ReadError> for CliError {
    fn from(error: ReadError) -> Self {
        let hint = match &error {
            ReadError::Unreachable { .. } => {
                "check the network or the VPN, and the cluster with --context; kubectl cluster-info asks the same server"
            }
            ReadError::Unauthorized { .. } => "log in again; kubectl auth whoami shows whether the server knows you",
            ReadError::Config(_) => "name a kubeconfig with --kubeconfig or $KUBECONFIG, and a context with --context",
            ReadError::Nothing(_) => {
                "kubectl auth can-i list pods -n NAMESPACE shows what is allowed; -n names another namespace"
            }
        };
        Self::failed(format!("cannot read the cluster: {error}")).hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::{CliError, Exit};

    #[test]
    fn an_error_is_two_lines_whatever_it_holds() {
        let error = CliError::failed("no such\npod \u{1b}[31m".repeat(1_000)).hint("look\r\nelsewhere");
        let text = error.to_string();
        assert_eq!(text.lines().count(), 2);
        assert!(text.starts_with("no such\\npod \\x1b[31m") && text.ends_with("…\n  try: look\\r\\nelsewhere"), "{text}");
        assert!(text.chars().count() < 500);
    }

    #[test]
    fn usage_is_told_from_failure() {
        assert_eq!(CliError::usage("x").exit, Exit::Usage);
        assert_eq!(CliError::failed("x").exit, Exit::Failed);
    }
}
