//! A part of a prompt with its own budget. Over it, lines go from the bottom up, and a line says how many.

/// A budget in full, in the parts by which budgets shrink.
const WHOLE: usize = 1_000;

/// One kind of evidence.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// The word that reports call it by.
    pub name: &'static str,
    /// The heading in the prompt.
    pub title: &'static str,
    /// Bytes, the heading among them.
    pub budget: usize,
    /// Most important first, each without a line end.
    pub lines: Vec<String>,
}

/// What of a section fitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The text, with a line end; empty where not even the heading fitted.
    pub text: String,
    /// How many lines did not fit.
    pub left_out: usize,
}

impl Section {
    /// The section in at most `bytes`, and never more than its budget.
    pub fn shown(&self, bytes: usize) -> Shown {
        if self.lines.is_empty() {
            return Shown::default();
        }
        let bytes = bytes.min(self.budget);
        let heading = format!("\n## {}\n", self.title);
        let whole = heading.len() + self.lines.iter().map(|line| line.len() + 1).sum::<usize>();
        if whole <= bytes {
            return Shown { text: heading + &self.lines.join("\n") + "\n", left_out: 0 };
        }
        let all = self.lines.len();
        let mut text = heading;
        // The line that says so is longest when nothing fits.
        let room = bytes.saturating_sub(left_out(all, all).len());
        if text.len() > room {
            return Shown { text: String::new(), left_out: all };
        }
        let mut kept = 0;
        for line in &self.lines {
            if text.len() + line.len() + 1 > room {
                break;
            }
            text.push_str(line);
            text.push('\n');
            kept += 1;
        }
        text.push_str(&left_out(all - kept, all));
        Shown { text, left_out: all - kept }
    }
}

fn left_out(lines: usize, all: usize) -> String {
    format!("[{lines} of {all} lines left out]\n")
}

/// What of each section is shown within `room` bytes together. They shrink alike; what that leaves over goes to the first ones.
pub fn fitted(sections: &[Section], room: usize) -> Vec<Shown> {
    let at = |share: usize| sections.iter().map(move |section| section.shown(section.budget * share / WHOLE));
    let size = |share: usize| at(share).map(|shown| shown.text.len()).sum::<usize>();
    let (mut fitting, mut over) = (0, WHOLE + 1);
    while over - fitting > 1 {
        let middle = usize::midpoint(fitting, over);
        if size(middle) <= room { fitting = middle } else { over = middle }
    }
    let mut rest = room.saturating_sub(size(fitting));
    let grown = |(section, shown): (&Section, Shown)| {
        let more = if shown.left_out > 0 { section.shown(shown.text.len() + rest) } else { return shown };
        rest -= more.text.len().saturating_sub(shown.text.len());
        more
    };
    sections.iter().zip(at(fitting)).map(grown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn section(lines: usize, budget: usize) -> Section {
        Section { name: "logs", title: "Logs", budget, lines: (1..=lines).map(|number| format!("line {number}")).collect() }
    }

    #[test]
    fn lines_go_from_the_bottom_up_and_a_line_says_how_many() {
        let whole = section(3, 1_000).shown(1_000);
        assert_eq!((whole.text.as_str(), whole.left_out), ("\n## Logs\nline 1\nline 2\nline 3\n", 0));
        let cut = section(160, 1_000).shown(48);
        assert_eq!(cut.text, "\n## Logs\nline 1\n[159 of 160 lines left out]\n");
        assert_eq!(cut.left_out, 159);
        assert_eq!(section(160, 1_000).shown(10), Shown { text: String::new(), left_out: 160 });
        assert_eq!(section(0, 1_000).shown(1_000), Shown::default());
    }

    #[test]
    fn sections_shrink_alike_and_the_first_gets_what_is_left_over() {
        let sections = [section(100, 1_000), section(100, 1_000), section(2, 1_000)];
        let shown = fitted(&sections, 700);
        let lines: Vec<usize> = shown.iter().map(|shown| shown.text.matches("line ").count()).collect();
        assert!(lines[0] >= lines[1] && lines[1] > 20 && lines[2] == 2, "{lines:?}");
        let narrow = fitted(&sections, 60);
        assert!(!narrow[0].text.is_empty() && narrow[1].text.is_empty(), "{narrow:?}");
    }

    proptest! {
        #[test]
        fn no_section_is_longer_than_it_may(lines in 0..200_usize, budget in 0..2_000_usize, bytes in 0..2_000_usize) {
            let section = section(lines, budget);
            let shown = section.shown(bytes);
            prop_assert!(shown.text.len() <= bytes.min(budget));
            prop_assert_eq!(shown.left_out == 0, shown.text.matches("line ").count() == lines);
        }

        #[test]
        fn shrunk_sections_fit_together(sizes in proptest::collection::vec((0..60_usize, 0..600_usize), 0..9), room in 0..3_000_usize) {
            let sections: Vec<Section> = sizes.into_iter().map(|(lines, budget)| section(lines, budget)).collect();
            let shown = fitted(&sections, room);
            prop_assert_eq!(shown.len(), sections.len());
            prop_assert!(shown.iter().map(|shown| shown.text.len()).sum::<usize>() <= room);
            for (shown, section) in shown.iter().zip(&sections) {
                prop_assert!(shown.text.len() <= section.budget);
            }
        }
    }
}
