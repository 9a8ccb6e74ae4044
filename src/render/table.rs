//! Tables for a terminal.

use super::Layout;
use super::escape::escape;
use super::style::Tone;
use comfy_table::{Attribute, Color, ColumnConstraint, ContentArrangement, Row, Table, presets};

/// One cell, and what it means.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The text, as it came.
    pub text: String,
    /// How it is coloured.
    pub tone: Tone,
}

impl Cell {
    /// A cell in plain text.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Plain }
    }

    /// A cell with a meaning.
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

/// What happens to rows that are wider than the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit<'a> {
    /// They stay whole on one line, so that they can be searched and cut by other programs.
    Whole,
    /// They stay on one line, and the cells of these columns lose their ends.
    Cut(&'a [usize]),
    /// They take several lines.
    Wrap,
}

/// Rows under a head, without lines, as kubectl prints them.
pub fn table(head: &[&str], rows: &[Vec<Cell>], layout: Layout, fit: Fit) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty();
    if layout.color {
        table.enforce_styling();
    }
    if fit != Fit::Whole {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(layout.width).unwrap_or(u16::MAX));
    }
    table.set_header(head.iter().map(|word| comfy_table::Cell::new(word.to_uppercase()).add_attribute(Attribute::Bold)));
    for row in rows {
        let mut row = Row::from(row.iter().map(painted).collect::<Vec<_>>());
        if matches!(fit, Fit::Cut(_)) {
            row.max_height(1);
        }
        table.add_row(row);
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if matches!(fit, Fit::Cut(cut) if !cut.contains(&index)) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn painted(cell: &Cell) -> comfy_table::Cell {
    let plain = comfy_table::Cell::new(escape(&cell.text));
    match cell.tone {
        Tone::Plain => plain,
        Tone::Strong => plain.add_attribute(Attribute::Bold),
        Tone::Dim => plain.add_attribute(Attribute::Dim),
        Tone::Number => plain.fg(Color::DarkCyan),
        Tone::Bad => plain.fg(Color::DarkRed).add_attribute(Attribute::Bold),
        Tone::Doubtful => plain.fg(Color::DarkYellow).add_attribute(Attribute::Bold),
        Tone::Open => plain.fg(Color::DarkMagenta).add_attribute(Attribute::Bold),
        Tone::Past => plain.fg(Color::DarkBlue).add_attribute(Attribute::Bold),
        Tone::Good => plain.fg(Color::DarkGreen).add_attribute(Attribute::Bold),
    }
}
