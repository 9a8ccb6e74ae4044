//! A text as its words are heard: lower case, without accents, with look-alikes and figures that stand for letters put back. For
//! finding phrases only; what is shown stays as it was written.

use std::ops::Range;

/// A folded text. Words have one space before and after them.
#[derive(Debug, Default)]
pub struct Folded {
    /// The words.
    pub text: String,
    /// For each byte of it, where in the original the character stands that it comes from.
    origin: Vec<Range<usize>>,
}

impl Folded {
    /// Folds a text.
    pub fn of(text: &str) -> Self {
        let mut folded = Self::default();
        folded.push(' ', 0..0);
        let mut chars = text.char_indices().peekable();
        while let Some((start, c)) = chars.next() {
            let range = start..start + c.len_utf8();
            let next = chars.peek().map(|(_, next)| *next);
            folded.add(c, next, range);
        }
        if !folded.text.ends_with(' ') {
            folded.push(' ', text.len()..text.len());
        }
        folded
    }

    /// Where in the original a part of the folded text stands.
    pub fn original(&self, range: Range<usize>) -> Option<Range<usize>> {
        let part = self.origin.get(range)?;
        Some(part.first()?.start..part.last()?.end)
    }

    fn add(&mut self, c: char, next: Option<char>, range: Range<usize>) {
        if matches!(c, '\u{300}'..='\u{36f}') {
            return;
        }
        let before = self.text.chars().next_back().unwrap_or(' ');
        let is_among_letters = before.is_ascii_alphabetic()
            || next.is_some_and(|next| plain(next).is_ascii_alphabetic() || next.is_ascii_alphabetic());
        let c = plain(c);
        let c = if is_among_letters { letter(c) } else { c };
        if !c.is_alphanumeric() && c != ':' {
            if before != ' ' {
                self.push(' ', range);
            }
            return;
        }
        // A script without spaces ends a word of one that has them.
        if before != ' ' && is_unspaced(before) != is_unspaced(c) {
            self.push(' ', range.start..range.start);
        }
        for lower in c.to_lowercase() {
            self.push(plain(lower), range.clone());
        }
    }

    fn push(&mut self, c: char, range: Range<usize>) {
        self.text.push(c);
        self.origin.extend(std::iter::repeat_n(range, c.len_utf8()));
    }
}

/// Whether words of this character's script stand without spaces between them: Chinese, Japanese.
pub fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// A letter without its accent and without its typeface.
fn plain(c: char) -> char {
    let letter =
        |first: u32, small: u8| u8::try_from((u32::from(c) - first) % 26).ok().map_or(c, |offset| char::from(small + offset));
    match c {
        'à'..='å' | 'À'..='Å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'Ç' | 'ć' | 'č' => 'c',
        'è'..='ë' | 'È'..='Ë' | 'ē' | 'ę' | 'ě' => 'e',
        'ì'..='ï' | 'Ì'..='Ï' | 'ı' | 'İ' => 'i',
        'ł' | 'Ł' => 'l',
        'ñ' | 'Ñ' | 'ń' => 'n',
        'ò'..='ö' | 'Ò'..='Ö' | 'ø' | 'Ø' => 'o',
        'ś' | 'š' | 'ş' | 'Ş' | 'ß' => 's',
        'ù'..='ü' | 'Ù'..='Ü' | 'ů' => 'u',
        'ý' | 'ÿ' | 'Ý' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        'ğ' | 'Ğ' => 'g',
        'ё' | 'Ё' => 'е',
        // Fullwidth forms of ASCII.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        // Circled letters and the mathematical alphabets, 26 letters each.
        '\u{24b6}'..='\u{24e9}' => letter(0x24b6, b'a'),
        '\u{1d400}'..='\u{1d6a3}' => letter(0x1d400, b'a'),
        _ => c,
    }
}

/// The Latin letter that a figure, a sign, or a letter of another script stands for among Latin letters.
fn letter(c: char) -> char {
    match c {
        '0' | 'о' | 'О' | 'ο' => 'o',
        '1' | '!' | 'і' | 'І' | 'ι' => 'i',
        '3' | 'е' | 'Е' | 'ε' => 'e',
        '4' | '@' | 'а' | 'А' | 'α' => 'a',
        '5' | '$' | 'ѕ' | 'Ѕ' => 's',
        '7' | 'т' | 'Т' => 't',
        'р' | 'Р' | 'ρ' => 'p',
        'с' | 'С' => 'c',
        'у' | 'У' => 'y',
        'х' | 'Х' => 'x',
        'ν' => 'v',
        _ => c,
    }
}
