//! Text in several tones, wrapped to the screen by display width with a hanging indent. Whatever goes in is escaped,
//! so that nothing laid out in here can act on the terminal.

use super::escape::escape;
use super::style::Tone;
use unicode_width::UnicodeWidthChar;

/// A run of text that wraps as one.
#[derive(Clone, Debug)]
pub(super) struct Paragraph {
    cells: Vec<(char, Tone)>,
    /// What begins a new line unless all fits on one, and the lines that it may take.
    second: Vec<(char, Tone)>,
    second_lines: usize,
    hang: usize,
    max_lines: usize,
    wraps: bool,
}

impl Paragraph {
    pub(super) fn new() -> Self {
        Self { cells: Vec::new(), second: Vec::new(), second_lines: 0, hang: 0, max_lines: usize::MAX, wraps: true }
    }

    /// Appends text.
    pub(super) fn add(mut self, tone: Tone, text: &str) -> Self {
        self.cells.extend(escape(text).chars().map(|char| (char, tone)));
        self
    }

    /// Adds a second part: on the same line when the whole fits there, else from a new line on, at most this many.
    pub(super) fn then(mut self, tone: Tone, text: &str, max_lines: usize) -> Self {
        self.second_lines = max_lines;
        self.second.extend(escape(text).chars().map(|char| (char, tone)));
        self
    }

    /// Appends spaces up to a column, at least one.
    pub(super) fn pad(mut self, column: usize) -> Self {
        let width = self.width();
        let spaces = column.saturating_sub(width).max(1);
        self.cells.extend(std::iter::repeat_n((' ', Tone::Plain), spaces));
        self
    }

    /// Indents every line after the first.
    pub(super) fn hang(mut self, columns: usize) -> Self {
        self.hang = columns;
        self
    }

    /// Cuts the first part after this many lines, with an ellipsis.
    pub(super) fn max_lines(mut self, lines: usize) -> Self {
        self.max_lines = lines;
        self
    }

    /// Keeps it on one line however long it is, so that a command can be copied whole.
    pub(super) fn unbroken(mut self) -> Self {
        self.wraps = false;
        self
    }

    /// Columns that the text takes on one line.
    pub(super) fn width(&self) -> usize {
        self.cells.iter().map(|(char, _)| columns(*char)).sum()
    }

    /// The lines, painted.
    pub(super) fn lines(&self, width: usize, color: bool) -> Vec<String> {
        if !self.wraps {
            return vec![paint(&self.cells, color)];
        }
        let width = width.max(self.hang + 20);
        let mut lines = Vec::new();
        if self.second.is_empty() {
            self.wrap(&self.cells, self.max_lines, &mut lines, width, color);
        } else {
            let mut whole = self.cells.clone();
            whole.push((' ', Tone::Plain));
            whole.extend_from_slice(&self.second);
            if fitting(&whole, width) == whole.len() {
                return vec![paint(&whole, color)];
            }
            self.wrap(&self.cells, self.max_lines, &mut lines, width, color);
            self.wrap(&self.second, self.second_lines, &mut lines, width, color);
        }
        lines
    }

    /// Appends the lines of these cells, all but the first line of the paragraph indented.
    fn wrap(&self, cells: &[(char, Tone)], max_lines: usize, lines: &mut Vec<String>, width: usize, color: bool) {
        let height = lines.len().saturating_add(max_lines);
        let mut rest = cells;
        while !rest.is_empty() {
            let hang = if lines.is_empty() { 0 } else { self.hang };
            let room = width - hang;
            let indent = " ".repeat(hang);
            if lines.len() + 1 == height && fitting(rest, room) < rest.len() {
                let cut = rest.split_at(fitting(rest, room - 1)).0;
                lines.push(format!("{indent}{}{}", paint(trim_end(cut), color), Tone::Dim.paint("…", color)));
                break;
            }
            let (line, after) = rest.split_at(line_end(rest, room));
            lines.push(format!("{indent}{}", paint(trim_end(line), color)));
            rest = trim_start(after);
        }
    }
}

/// Columns of one character; unassigned ones count as one.
fn columns(char: char) -> usize {
    char.width().unwrap_or(1)
}

/// How many cells fit into this many columns: at least one, so that wrapping ends; combining marks stay with their base.
fn fitting(cells: &[(char, Tone)], room: usize) -> usize {
    let mut used = 0;
    for (index, (char, _)) in cells.iter().enumerate() {
        used += columns(*char);
        if used > room && index > 0 {
            return index;
        }
    }
    cells.len()
}

/// Where the line ends: after the last word that fits, or inside a word that is longer than a line.
fn line_end(cells: &[(char, Tone)], room: usize) -> usize {
    let fits = fitting(cells, room);
    if fits == cells.len() || cells[fits].0 == ' ' {
        return fits;
    }
    match cells[..fits].iter().rposition(|(char, _)| *char == ' ') {
        Some(space) if !trim_end(&cells[..space]).is_empty() => space,
        _ => fits,
    }
}

fn trim_end(cells: &[(char, Tone)]) -> &[(char, Tone)] {
    let end = cells.iter().rposition(|(char, _)| *char != ' ').map_or(0, |last| last + 1);
    &cells[..end]
}

fn trim_start(cells: &[(char, Tone)]) -> &[(char, Tone)] {
    let start = cells.iter().position(|(char, _)| *char != ' ').unwrap_or(cells.len());
    &cells[start..]
}

fn paint(cells: &[(char, Tone)], color: bool) -> String {
    let runs = cells.chunk_by(|left, right| left.1 == right.1);
    runs.map(|run| run[0].1.paint(&run.iter().map(|(char, _)| *char).collect::<String>(), color)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Paragraph, Tone, columns};
    use proptest::prelude::*;

    fn plain(text: &str) -> Paragraph {
        Paragraph::new().add(Tone::Plain, text)
    }

    #[test]
    fn wraps_at_words_with_a_hanging_indent() {
        let lines = plain("the memory limit of the container is 256Mi").hang(4).lines(24, false);
        assert_eq!(lines, ["the memory limit of the", "    container is 256Mi"]);
    }

    #[test]
    fn breaks_a_word_that_is_longer_than_a_line_and_counts_wide_characters_twice() {
        assert_eq!(plain(&"x".repeat(50)).lines(20, false), ["x".repeat(20), "x".repeat(20), "x".repeat(10)]);
        assert_eq!(plain(&"接".repeat(15)).lines(20, false), ["接".repeat(10), "接".repeat(5)]);
    }

    #[test]
    fn cuts_with_an_ellipsis() {
        assert_eq!(plain("one two three four five six seven").max_lines(1).lines(20, false), ["one two three four…"]);
        assert_eq!(plain("exactly twenty chars").max_lines(1).lines(20, false), ["exactly twenty chars"]);
    }

    #[test]
    fn a_tone_that_spans_a_break_is_closed_on_each_line() {
        let lines = Paragraph::new().add(Tone::Strong, "aaaaaaaaaaaaaaa bbbbbbbbbb").lines(20, true);
        assert!(lines.iter().all(|line| line.starts_with("\u{1b}[1m") && line.ends_with("\u{1b}[0m")), "{lines:?}");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_screen_and_no_word_is_lost(text in any::<String>(), width in 20_usize..120) {
            let paragraph = plain(&text);
            let lines = paragraph.lines(width, false);
            for line in &lines {
                let wide = line.chars().map(columns).sum::<usize>();
                prop_assert!(wide <= width, "{wide} > {width}: {line:?}");
            }
            let squeeze = |text: String| text.replace(' ', "");
            prop_assert_eq!(squeeze(lines.concat()), squeeze(paragraph.cells.iter().map(|(char, _)| *char).collect()));
        }
    }
}
