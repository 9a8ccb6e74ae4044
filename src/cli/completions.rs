//! `completions`: the script that makes a shell complete this program's commands and flags.

use super::error::{CliError, Exit};
use super::ui::Screen;
use clap::Args;
use clap_complete::Shell;

/// Print the script that completes commands and flags in a shell
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  source <(sre-copilot completions bash)
  sre-copilot completions zsh > \"${fpath[1]}/_sre-copilot\"
  sre-copilot completions fish > ~/.config/fish/completions/sre-copilot.fish")]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// When it can't be written.
pub fn run(args: &CompletionsArgs, screen: Screen) -> Result<Exit, CliError> {
    screen.print(&script(args.shell))?;
    Ok(Exit::Done)
}

/// The script for a shell.
pub fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::command(), "sre-copilot", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        // clap_complete 4.6 names the states of a program with a hyphen in its name in one way where it sets them and in
        // another where it asks for them, so that nothing after a subcommand would be completed.
        Shell::Bash => script.replace("sre__subcmd__copilot", "sre__copilot"),
        _ => script,
    }
}
