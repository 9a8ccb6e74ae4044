//! The terminal: colour, width, progress. Data goes to standard output and nothing else does; progress and warnings go
//! to standard error, progress only when that is a terminal. A reader that has gone away (`| head`) is no error.

use super::error::CliError;
use crate::render::{Layout, escape};
use anstream::{AutoStream, ColorChoice};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// Columns when standard output is not a terminal.
const COLUMNS: usize = 100;
/// Warnings that are shown without `-v`.
const WARNINGS: usize = 3;

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb; CLICOLOR_FORCE forces it.
    #[default]
    Auto,
    /// Even into a file or a pipe.
    Always,
    /// Not at all.
    Never,
}

/// Flags about the screen, the same for every command.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Screen")]
pub struct Screen {
    /// When to use colour: auto, always or never; NO_COLOR and CLICOLOR_FORCE are honoured
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t, hide_possible_values = true)]
    pub color: ColorWhen,
    /// No progress and no warnings, only the result and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Everything: the timeline, all facts, every source, and how long it took
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

impl Screen {
    /// How text on standard output is laid out.
    pub fn layout(self) -> Layout {
        let columns = if io::stdout().is_terminal() { terminal_size::terminal_size() } else { None };
        let width = columns.map_or(COLUMNS, |(width, _)| usize::from(width.0));
        Layout { width, color: self.colors(&io::stdout()), verbose: self.verbose }
    }

    fn colors<S: anstream::stream::RawStream>(self, stream: &S) -> bool {
        match self.color {
            ColorWhen::Auto => AutoStream::choice(stream) != ColorChoice::Never,
            ColorWhen::Always => true,
            ColorWhen::Never => false,
        }
    }

    /// Writes the result.
    ///
    /// # Errors
    /// When it can't be written for another reason than that nobody reads on.
    pub fn print(self, text: &str) -> Result<(), CliError> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(CliError::failed(format!("cannot write the result: {error}")).hint("check the disk that it is written to"))
            }
            _ => Ok(()),
        }
    }

    /// Says what could not be understood, a few lines of it unless all is asked for.
    pub fn warn(self, warnings: &[String]) {
        if self.quiet {
            return;
        }
        let shown = if self.verbose || warnings.len() == WARNINGS + 1 { warnings.len() } else { WARNINGS };
        for warning in warnings.iter().take(shown) {
            self.tell("warning", "\u{1b}[1;33m", &escape(warning));
        }
        if warnings.len() > shown {
            self.tell("warning", "\u{1b}[1;33m", &format!("{} more, -v shows them", warnings.len() - shown));
        }
    }

    /// Says a thing that matters only with `-v`, such as how long it took.
    pub fn remark(self, text: &str) {
        if self.verbose {
            self.tell("note", "\u{1b}[1;34m", text);
        }
    }

    /// Tells a person, and no log, that something was done.
    pub fn note(self, text: &str) {
        if !self.quiet && io::stderr().is_terminal() {
            self.tell("note", "\u{1b}[1;34m", &escape(text));
        }
    }

    /// Says why it could not be done.
    pub fn error(self, error: &CliError) {
        self.tell("error", "\u{1b}[1;31m", &error.to_string());
    }

    /// A line on standard error. That it can't be written changes nothing.
    fn tell(self, word: &str, style: &str, text: &str) {
        let colored = self.colors(&io::stderr());
        let (start, end) = if colored { (style, "\u{1b}[0m") } else { ("", "") };
        _ = writeln!(io::stderr().lock(), "{start}{word}:{end} {text}");
    }

    /// Progress on standard error; silent when that is no terminal, or with `-q`.
    pub fn progress(self) -> Progress {
        if self.quiet || !io::stderr().is_terminal() {
            return Progress(None);
        }
        let template = if self.colors(&io::stderr()) { "{spinner:.cyan} {wide_msg}" } else { "{spinner} {wide_msg}" };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
        let spinner = ProgressBar::new_spinner().with_style(style);
        spinner.enable_steady_tick(Duration::from_millis(100));
        Progress(Some(spinner))
    }
}

/// What is being done right now. It clears itself when dropped.
#[derive(Clone, Debug)]
pub struct Progress(Option<ProgressBar>);

impl Progress {
    /// Names what is being done.
    pub fn say(&self, text: &str) {
        if let Some(spinner) = &self.0 {
            spinner.set_message(escape(text).into_owned());
        }
    }

    /// Takes the line away.
    pub fn clear(&self) {
        if let Some(spinner) = &self.0 {
            spinner.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
