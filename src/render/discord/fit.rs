//! Discord's limits on an embed ("Embed Limits"), and what goes first where there is too much. Discord counts Unicode code points;
//! UTF-16 units, which are counted here, are never fewer.

use super::head::Part;
use jiff::Timestamp;
use serde_json::{Value, json};
use unicode_segmentation::UnicodeSegmentation;

const TITLE: usize = 256;
/// Of an incident's description, which is read at a glance, and of one that is a list (Discord's limit is 4096).
pub(super) const DESCRIPTION: usize = 1200;
const LIST: usize = 4000;
const FIELDS: usize = 25;
const NAME: usize = 256;
const VALUE: usize = 1024;
const FOOTER: usize = 2048;
/// Of 6000 over all embeds of a message.
const ALL: usize = 5900;
/// Below this a value isn't halved any more: it goes.
const LEAST: usize = 40;

/// What goes where there is too much, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Drop {
    /// Events of the last hour.
    PodTrail,
    /// What is said over a broker.
    Messaging,
    /// Tickets.
    Tickets,
    /// Events of its pods.
    PodEvents,
    /// Who calls it.
    Callers,
    /// What fires upstream.
    Upstream,
    /// What it depends on.
    DependsOn,
    /// What fails with it.
    BlastRadius,
    /// Why it matters.
    WhyItMatters,
    /// Links.
    Links,
    /// What was before.
    History,
    /// The deciding line.
    Log,
    /// The dry run's diff; its verdict stays.
    Diff,
    /// All but the first line.
    Changed,
    /// All but the first line.
    Evidence,
    /// Commands to go on with.
    NextSteps,
}

impl Drop {
    const ALL: [Self; 16] = [
        Self::PodTrail,
        Self::Messaging,
        Self::Tickets,
        Self::PodEvents,
        Self::Callers,
        Self::Upstream,
        Self::DependsOn,
        Self::BlastRadius,
        Self::WhyItMatters,
        Self::Links,
        Self::History,
        Self::Log,
        Self::Diff,
        Self::Changed,
        Self::Evidence,
        Self::NextSteps,
    ];
}

/// What stays of a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Keep {
    /// Nothing has to.
    #[default]
    Nothing,
    /// Its first line.
    FirstLine,
    /// All of it.
    Always,
}

/// One field.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub name: String,
    pub value: String,
    pub is_inline: bool,
    /// When it goes, and what stands in its place then.
    pub drop: Option<(Drop, Option<String>)>,
    pub keep: Keep,
    /// Who decides sees the whole command.
    pub command_is_whole: bool,
}

impl Field {
    pub fn new(name: &str, value: String) -> Self {
        Self { name: name.to_owned(), value, is_inline: false, drop: None, keep: Keep::Nothing, command_is_whole: true }
    }

    pub fn is_whole_enough(&self) -> bool {
        self.command_is_whole && (self.name != super::outcome::PROPOSED || units(&self.value) <= VALUE)
    }

    fn units(&self) -> usize {
        units(&self.name) + units(&self.value)
    }
}

/// One embed while it is made to fit.
#[derive(Clone, Debug)]
pub(super) struct Embed {
    pub title: String,
    pub url: Option<String>,
    pub color: u32,
    pub description: Vec<(Part, String)>,
    pub fields: Vec<Field>,
    pub footer: String,
    pub timestamp: Timestamp,
    /// Where all of it is.
    pub page: Option<String>,
    /// Of the description.
    pub most: usize,
}

pub(super) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

impl Embed {
    /// A digest's, whose description is a list of its own.
    pub fn of_digest(title: String, color: u32, description: Vec<String>, footer: String, timestamp: Timestamp) -> Self {
        let description = description.into_iter().map(|line| (Part::Own, line)).collect();
        let most = LIST;
        Self { title, url: None, color, description, fields: Vec::new(), footer, timestamp, page: None, most }
    }

    /// Leaves out whole fields, the last ones first, until the rest fits; the last line counts them.
    pub fn fit_whole(&mut self) {
        self.title = shorten(&self.title, TITLE);
        self.footer = shorten(&self.footer, FOOTER);
        for field in &mut self.fields {
            field.value = shorten(field.value.trim(), VALUE);
        }
        self.fields.retain(|field| !field.value.is_empty());
        let all = self.fields.len();
        while self.is_too_much() && self.fields.pop().is_some() {}
        let left_out = all - self.fields.len();
        if left_out > 0 {
            self.footer.push_str(&format!(" · {left_out} more left out"));
        }
    }

    fn units(&self) -> usize {
        let description: usize = self.description.iter().map(|(_, line)| units(line) + 1).sum();
        let fields: usize = self.fields.iter().map(Field::units).sum();
        units(&self.title) + description + fields + units(&self.footer)
    }

    fn is_too_much(&self) -> bool {
        self.units() > ALL || self.fields.len() > FIELDS
    }

    /// Leaves out what is least needed until the rest fits.
    pub fn fit(&mut self) {
        self.title = shorten(&self.title, TITLE);
        self.footer = shorten(&self.footer, FOOTER);
        for field in &mut self.fields {
            field.value = field.value.trim().to_owned();
            field.name = shorten(&field.name, NAME);
            field.value = shorten(&field.value, VALUE);
        }
        let mut left_out = 0;
        for step in Drop::ALL {
            if !self.is_too_much() {
                break;
            }
            left_out += self.without(step);
        }
        for part in [Part::Narrative, Part::Alert] {
            let long: usize = self.description.iter().map(|(_, line)| units(line) + 1).sum();
            if self.is_too_much() || long > self.most {
                let before = self.description.len();
                self.description.retain(|(kind, _)| *kind != part);
                left_out += before - self.description.len();
            }
        }
        while self.is_too_much() && self.halve() {
            left_out += 1;
        }
        // What is protected is short by itself; still it must not cost the message.
        while self.is_too_much() && self.fields.len() > 1 {
            self.fields.pop();
            left_out += 1;
        }
        if left_out > 0 {
            let page = if self.page.is_some() { " only on the page" } else { " left out" };
            self.description.push((Part::Own, format!("{left_out} more{page}")));
        }
    }

    /// Takes one step; how many fields lost something.
    fn without(&mut self, step: Drop) -> usize {
        let mut lost = 0;
        self.fields.retain_mut(|field| match &field.drop {
            Some((drop, rest)) if *drop == step => {
                lost += 1;
                match rest.clone() {
                    Some(rest) => {
                        field.value = rest;
                        true
                    }
                    None => false,
                }
            }
            _ => true,
        });
        lost
    }

    /// Halves the longest value that isn't protected; `false` where there is none.
    fn halve(&mut self) -> bool {
        let free = self.fields.iter().enumerate().filter(|(_, field)| field.keep == Keep::Nothing);
        let Some((index, longest)) = free.map(|(index, field)| (index, units(&field.value))).max_by_key(|(_, units)| *units)
        else {
            return false;
        };
        if longest <= LEAST {
            self.fields.remove(index);
        } else if let Some(field) = self.fields.get_mut(index) {
            field.value = shorten(&field.value, longest / 2);
        }
        true
    }

    pub fn into_json(self) -> Value {
        let description: Vec<String> = self.description.into_iter().map(|(_, line)| line).collect();
        let fields = self.fields.iter().filter(|field| !field.value.trim().is_empty());
        let fields: Vec<Value> =
            fields.map(|field| json!({"name": field.name, "value": field.value, "inline": field.is_inline})).collect();
        let mut embed = json!({
            "title": self.title,
            "color": self.color,
            "fields": fields,
            "footer": {"text": self.footer},
            "timestamp": self.timestamp,
        });
        let description = shorten(&description.join("\n"), self.most);
        if !description.trim().is_empty() {
            embed["description"] = json!(description);
        }
        if let Some(url) = self.url {
            embed["url"] = json!(url);
        }
        embed
    }
}

/// At most so many UTF-16 units: cut between graphemes, never within an escape, with `…` at the end and the block of code closed.
pub(super) fn shorten(text: &str, most: usize) -> String {
    const FENCE: &str = "```";
    if units(text) <= most {
        return text.to_owned();
    }
    // Room for the sign, a line break and a closing fence.
    let room = most.saturating_sub(6);
    let (mut kept, mut length) = (String::new(), 0);
    for grapheme in text.graphemes(true) {
        length += units(grapheme);
        if length > room {
            break;
        }
        kept.push_str(grapheme);
    }
    let escapes = kept.len() - kept.trim_end_matches('\\').len();
    if escapes % 2 == 1 {
        kept.pop();
    }
    // A fence that is cut in two is none.
    while kept.ends_with('`') && kept.matches(FENCE).count() % 2 == 1 && !kept.ends_with(FENCE) {
        kept.pop();
    }
    let is_open = kept.matches(FENCE).count() % 2 == 1;
    kept.push('…');
    if is_open {
        kept.push('\n');
        kept.push_str(FENCE);
    }
    kept
}
