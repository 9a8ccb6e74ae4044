//! Terms and what they mean, in two columns under a heading, for a terminal.

use super::Layout;
use super::paragraph::Paragraph;
use super::style::Tone;

/// Text wider than this is hard to read.
const WIDEST: usize = 140;

/// How a meaning is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Prose, wrapped to the screen.
    Prose(String),
    /// A command, kept on one line however long it is, so that it can be copied whole.
    Command(String),
}

/// The heading, and one paragraph a term, the meanings beginning in the column after the longest term.
pub fn definitions(heading: &str, terms: &[(&str, Meaning)], layout: Layout) -> String {
    let width = layout.width.clamp(40, WIDEST);
    let column = terms.iter().map(|(term, _)| term.chars().count()).max().unwrap_or(0) + 2;
    let paragraph = |(term, meaning): &(&str, Meaning)| {
        let line = Paragraph::new().add(Tone::Dim, term).pad(column).hang(column);
        match meaning {
            Meaning::Prose(text) => line.add(Tone::Plain, text),
            Meaning::Command(command) => line.add(Tone::Plain, command).unbroken(),
        }
    };
    let heading = Paragraph::new().add(Tone::Strong, heading);
    let paragraphs = std::iter::once(heading).chain(terms.iter().map(paragraph));
    paragraphs.flat_map(|paragraph| paragraph.lines(width, layout.color)).map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::{Layout, Meaning, definitions};

    #[test]
    fn prose_wraps_under_itself_and_a_command_does_not() {
        let layout = Layout { width: 40, color: false, verbose: false };
        let text = "one two three four five six seven eight nine ten";
        let out =
            definitions("x: y", &[("What", Meaning::Prose(text.into())), ("Check it", Meaning::Command(text.into()))], layout);
        assert_eq!(
            out,
            "x: y\nWhat      one two three four five six\n          seven eight nine ten\nCheck it  one two three four five six seven eight nine ten\n"
        );
    }
}
