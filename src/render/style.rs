//! What colours mean.

use crate::domain::Verdict;
use anstyle::{AnsiColor, Style};

/// What a piece of text is, which decides how it is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// The text itself.
    Plain,
    /// Labels, and what the eye should find first.
    Strong,
    /// Where something was seen: needed, but not first.
    Dim,
    /// The number of a piece of evidence.
    Number,
    /// A fault, or a failed case.
    Bad,
    /// A fault that is not certain.
    Doubtful,
    /// Can't tell.
    Open,
    /// Over.
    Past,
    /// Well, or a case that passed.
    Good,
}

impl Tone {
    /// The tone of a verdict.
    pub fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Confirmed => Self::Bad,
            Verdict::Likely => Self::Doubtful,
            Verdict::Inconclusive => Self::Open,
            Verdict::Recovered => Self::Past,
            Verdict::Healthy => Self::Good,
        }
    }

    /// The text in this tone. The text must be escaped already.
    pub(super) fn paint(self, text: &str, color: bool) -> String {
        let bold = |color: AnsiColor| color.on_default().bold();
        let style = match self {
            _ if !color => return text.to_owned(),
            Self::Plain => return text.to_owned(),
            Self::Strong => Style::new().bold(),
            Self::Dim => Style::new().dimmed(),
            Self::Number => AnsiColor::Cyan.on_default(),
            Self::Bad => bold(AnsiColor::Red),
            Self::Doubtful => bold(AnsiColor::Yellow),
            Self::Open => bold(AnsiColor::Magenta),
            Self::Past => bold(AnsiColor::Blue),
            Self::Good => bold(AnsiColor::Green),
        };
        format!("{style}{text}{style:#}")
    }
}
