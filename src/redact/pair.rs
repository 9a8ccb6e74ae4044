//! Values that stand behind a name which says that they are secret, in every way that programs write a name and a
//! value: `name=value`, `name: value`, `name => value`, JSON with its quotes escaped any number of times, YAML, flags,
//! connection strings, headers, XML elements, and the `name` and `value` of a container's environment.

use super::header;
use super::name::{self, Class, SecretName};
use super::placeholder::{self, Found};
use super::scan::{before, is_blank, is_quote, line_end, line_start, run_end, run_start, run_within, skip_blanks, word_start};
use super::value::{is_prose, is_reference, is_usage, is_worth_masking, secret_part};
use std::ops::Range;

/// Every value that stands behind a secret name.
pub(super) fn named_values(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let (mut from, mut line) = (0, 0);
    for hit in name::FINDER.find_iter(bytes) {
        if hit.start() < from {
            continue;
        }
        if hit.start() >= line {
            line = line_end(bytes, hit.start());
        }
        let word = bytes.get(hit.range()).unwrap_or_default();
        let value = if word.eq_ignore_ascii_case(b"identified by") {
            from = hit.end();
            quoted(bytes, skip_blanks(bytes, hit.end(), 4))
        } else {
            let name = name_around(bytes, hit.range());
            let placeholder = name.start.checked_sub(1).and_then(|start| placeholder::leading(bytes.get(start..)?));
            from = placeholder.map_or(name.end, |length| name.start - 1 + length);
            if placeholder.is_some() {
                continue;
            }
            if text.get(name.clone()).is_some_and(|name| name.eq_ignore_ascii_case("bearer")) {
                header::bearer(bytes, name.end)
            } else {
                Site::read(text, name, line).and_then(|site| site.secret())
            }
        };
        if let Some(value) = value {
            from = value.end;
            found.push(Found::secret(value));
        }
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

/// The whole name around a word of it; `api key` with its blank is one name.
fn name_around(bytes: &[u8], word: Range<usize>) -> Range<usize> {
    let (start, end) = (run_start(bytes, word.start, is_name), run_end(bytes, word.end, is_name));
    let start = Some(word_start(bytes, start)).filter(|start| *start <= word.start).unwrap_or(start);
    if bytes.get(start..end).is_some_and(|name| name.eq_ignore_ascii_case(b"key")) && before(bytes, start) == Some(b' ') {
        let first = run_start(bytes, start - 1, |byte| byte.is_ascii_alphabetic());
        let first_word = bytes.get(first..start - 1).unwrap_or_default();
        if [&b"api"[..], b"access", b"private"].iter().any(|word| first_word.eq_ignore_ascii_case(word)) {
            return first..end;
        }
    }
    start..end
}

/// The longest value that can be something else than a secret: a path, an address, a sentence. A longer one is masked
/// as it is, so that no text is looked through again for each of its names.
const LONGEST_KEPT: usize = 1024;

/// What stands between a name and its value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Separator {
    /// `=`, `=>`, `:=`.
    Equals,
    /// `:`, with a blank behind it or without.
    Colon { blank: bool },
    /// Nothing but a blank, after a flag, or a JSON list's comma.
    Flag,
    /// `<password>`.
    Element,
    /// `"name": "DB_PASSWORD", "value": …`.
    Pair,
    /// `PASSWORD '…'` in SQL.
    Sql,
}

/// A secret name in a text.
struct Site<'t> {
    text: &'t str,
    bytes: &'t [u8],
    name: Range<usize>,
    said: SecretName,
    /// Whether the name stands in quotes.
    quoted: bool,
    /// Where the name's line ends.
    line: usize,
}

impl<'t> Site<'t> {
    fn read(text: &'t str, name: Range<usize>, line: usize) -> Option<Self> {
        let said = name::read(text.get(name.clone())?)?;
        let bytes = text.as_bytes();
        let quoted = closing_quote(bytes, name.end).is_some();
        Some(Self { text, bytes, name, said, quoted, line })
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    /// The end of the line that this place is on; a name's own line is known.
    fn line_from(&self, at: usize) -> usize {
        if at <= self.line { self.line } else { line_end(self.bytes, at) }
    }

    /// Where the value is, if there is one and it is a secret.
    fn secret(&self) -> Option<Range<usize>> {
        let (separator, at) = self.separator()?;
        if self.is_something_else(separator, at) {
            return None;
        }
        let start = skip_blanks(self.bytes, at, 64);
        if self.bytes.get(start..).and_then(placeholder::leading).is_some() {
            return None;
        }
        if self.is_block(separator, start) {
            return self.block(line_end(self.bytes, start)).or_else(|| self.escaped_block(start));
        }
        if let Some(value) = opened(self.bytes, start).and_then(|start| quoted(self.bytes, start)) {
            return self.part(value);
        }
        if matches!(separator, Separator::Pair | Separator::Sql)
            && self.byte(start).is_none_or(|byte| !byte.is_ascii_alphanumeric())
        {
            return None;
        }
        if separator == Separator::Element {
            return self.element(at);
        }
        if self.byte(start) == Some(b'[') {
            return self.list(start);
        }
        self.unquoted(separator, start)
    }

    /// What separates the name from its value, and where the value begins.
    fn separator(&self) -> Option<(Separator, usize)> {
        let mut at = closing_quote(self.bytes, self.name.end).unwrap_or(self.name.end);
        if self.byte(at) == Some(b']') {
            at = closing_quote(self.bytes, at + 1).unwrap_or(at + 1);
        }
        if let Some(value) = self.paired_value(at) {
            return Some((Separator::Pair, value));
        }
        let opened_by = before(self.bytes, self.name.start);
        if self.byte(at) == Some(b'>') && matches!(opened_by, Some(b'<' | b':')) {
            return Some((Separator::Element, at + 1));
        }
        let sign = skip_blanks(self.bytes, at, 8);
        let two = self.bytes.get(sign..self.bytes.len().min(sign + 2)).unwrap_or_default();
        match self.byte(sign) {
            _ if two == b"=>" || two == b":=" => Some((Separator::Equals, sign + 2)),
            Some(b'=') if two != b"==" => Some((Separator::Equals, sign + 1)),
            Some(b':') if two != b"::" => {
                let blank = self.byte(sign + 1).is_some_and(is_blank);
                // `volume "db-secret" : secret "x" not found` is a sentence, `"secret" : "x"` is JSON.
                let is_value = sign == at || opened(self.bytes, skip_blanks(self.bytes, sign + 1, 8)).is_some();
                (is_value || (!self.quoted && self.said.class == Class::Password))
                    .then_some((Separator::Colon { blank }, sign + 1))
            }
            Some(b'\'') if sign == at + 1 && self.said.class == Class::Password => Some((Separator::Sql, sign)),
            Some(b',') if self.quoted && self.is_flag() => Some((Separator::Flag, sign + 1)),
            Some(_) if sign > at && self.is_flag() && !self.quoted => Some((Separator::Flag, sign)),
            _ => None,
        }
    }

    /// Behind the name of an environment variable, as Kubernetes writes it: where the value under the key `value` is.
    fn paired_value(&self, at: usize) -> Option<usize> {
        let key = gap_end(self.bytes, at, 64);
        let key = closing_quote(self.bytes, key).unwrap_or(key);
        let word_end = key + "value".len();
        let is_value = self.bytes.get(key..word_end).is_some_and(|word| word.eq_ignore_ascii_case(b"value"));
        let sign = skip_blanks(self.bytes, closing_quote(self.bytes, word_end).unwrap_or(word_end), 8);
        (key > at && is_value && matches!(self.byte(sign), Some(b':' | b'='))).then_some(sign + 1)
    }

    fn is_flag(&self) -> bool {
        self.byte(self.name.start) == Some(b'-')
            && before(self.bytes, self.name.start).is_none_or(|byte| !byte.is_ascii_alphanumeric() && byte != b'<')
    }

    /// Signs that the name is no name: a host with its port, an image with its tag, a file with a line, a path.
    fn is_something_else(&self, separator: Separator, at: usize) -> bool {
        let Separator::Colon { blank } = separator else { return false };
        let name = self.text.get(self.name.clone()).unwrap_or_default();
        let previous = before(self.bytes, self.name.start);
        if self.quoted {
            // A name in quotes with a bare word behind it is a sentence; JSON has numbers there at most.
            let start = skip_blanks(self.bytes, at, 8);
            let bare = self.byte(start).is_some_and(|byte| byte.is_ascii_alphabetic());
            return blank && bare && opened(self.bytes, start).is_none();
        }
        if matches!(previous, Some(b'/' | b'\\' | b'@')) || name::is_file(name) {
            return true;
        }
        if blank {
            return false;
        }
        let value_end = run_within(self.bytes, at, 64, |byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-');
        let value = self.text.get(at..value_end).unwrap_or_default();
        let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let label =
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') && name.contains('-');
        let strong = self.said.class == Class::Password && self.said.ends;
        previous == Some(b':')
            || self.bytes.get(at..).is_some_and(|rest| rest.starts_with(b"//"))
            || (is_number && value.len() <= 5 && !strong)
            || (label && (!self.said.ends || is_number || value == "latest"))
    }

    /// The part of a complete value that is to be masked.
    fn part(&self, value: Range<usize>) -> Option<Range<usize>> {
        if value.len() > LONGEST_KEPT {
            return Some(value);
        }
        let part = secret_part(self.said, self.text.get(value.clone())?)?;
        Some(value.start + part.start..value.start + part.end)
    }

    /// Whether a YAML block scalar begins here: `|`, `>-` and nothing else on the line.
    fn is_block(&self, separator: Separator, start: usize) -> bool {
        let marks = run_within(self.bytes, start, 4, |byte| matches!(byte, b'|' | b'>' | b'+' | b'-' | b'0'..=b'9'));
        matches!(separator, Separator::Colon { blank: true } | Separator::Pair)
            && matches!(self.byte(start), Some(b'|' | b'>'))
            && self.byte(skip_blanks(self.bytes, marks, 64)).is_none_or(|byte| matches!(byte, b'\n' | b'\r' | b'\\'))
    }

    /// The lines of a block scalar in text whose line breaks are escaped, any number of times.
    fn escaped_block(&self, start: usize) -> Option<Range<usize>> {
        let rest = self.bytes.get(start..self.line_from(start))?;
        let first_break = start + memchr::memchr(b'\\', rest)?;
        let letter = run_end(self.bytes, first_break, |byte| byte == b'\\');
        let line_break = self.bytes.get(first_break..letter + 1).filter(|line_break| line_break.ends_with(b"n"))?;
        let indent = self.name.start - run_start(self.bytes, self.name.start, |byte| is_blank(byte) || byte == b'-');
        let (mut first, mut last, mut at) = (None, first_break, first_break);
        loop {
            let line = at + line_break.len();
            let content = run_end(self.bytes, line, is_blank);
            let rest = self.bytes.get(content..self.line_from(content)).unwrap_or_default();
            let next = memchr::memmem::find(rest, line_break);
            let end = content + memchr::memchr2(b'"', b'\'', rest).into_iter().chain(next).min().unwrap_or(rest.len());
            if content < end {
                if content - line <= indent {
                    break;
                }
                first = first.or(Some(content));
                last = run_start(self.bytes, end, |byte| byte == b'\\');
            }
            if next.is_none_or(|next| content + next != end) {
                break;
            }
            at = end;
        }
        first.map(|first| first..last.max(first))
    }

    /// The lines of a block scalar below this line: those that are indented further than the name.
    fn block(&self, end: usize) -> Option<Range<usize>> {
        let line = line_start(self.bytes, self.name.start);
        let indent = run_end(self.bytes, line, |byte| is_blank(byte) || byte == b'-') - line;
        let (mut first, mut last, mut at) = (None, end, end);
        while at < self.bytes.len() {
            let start = at + 1;
            let content = run_end(self.bytes, start, is_blank);
            let end = line_end(self.bytes, content);
            if content < end {
                if content - start <= indent {
                    break;
                }
                first = first.or(Some(content));
                last = end;
            }
            at = end;
        }
        first.map(|first| first..last)
    }

    /// The text of an XML element; `<password>` alone is a usage text's way to write a parameter.
    fn element(&self, start: usize) -> Option<Range<usize>> {
        let rest = self.bytes.get(start..self.line_from(start).min(start + LONGEST_KEPT))?;
        self.part(start..start + memchr::memmem::find(rest, b"</")?)
    }

    /// `[…]`: a list of values, as Go prints a header and JSON a list of strings. A list of objects names its own.
    fn list(&self, start: usize) -> Option<Range<usize>> {
        if matches!(self.byte(start + 1), Some(b'{' | b'[')) {
            return None;
        }
        let end = run_within(self.bytes, start, self.line_from(start) - start, |byte| byte != b']');
        if self.text.get(start..end + 1).is_some_and(|list| list.len() <= LONGEST_KEPT && !is_worth_masking(list)) {
            return None;
        }
        let only = quoted(self.bytes, start + 1).filter(|only| closing_quote(self.bytes, only.end) == Some(end));
        self.part(only.unwrap_or(start + 1..end))
    }

    /// A value without quotes.
    fn unquoted(&self, separator: Separator, start: usize) -> Option<Range<usize>> {
        if matches!(self.byte(start), None | Some(b'{' | b'\n' | b'\r')) {
            return None;
        }
        let closes = |open: &[u8], close: u8| {
            let opens = self.bytes.get(start..).is_some_and(|rest| rest.starts_with(open));
            opens.then(|| self.text.get(start..run_within(self.bytes, start, 256, |byte| byte != close) + 1))?
        };
        if closes(b"$(", b')').or_else(|| closes(b"${", b'}')).is_some_and(is_reference) {
            return None;
        }
        let end = self.unquoted_end(separator, start);
        let value = self.text.get(start..end)?;
        // `Some("…")`, `SecretString("…")`: what stands in the parentheses.
        if value.ends_with('(') {
            return quoted(self.bytes, end).and_then(|value| self.part(value));
        }
        let value = value.trim_end_matches(['.', ',', ';', ':', '!', '?']);
        let is_sentence = match separator {
            Separator::Colon { blank: true } => self.is_mid_sentence() && is_prose(self.said, self.text.get(start..end)?),
            Separator::Flag => value.starts_with(['-', '|', '&', '>']) || is_usage(value),
            _ => false,
        };
        let own_directory = value.starts_with('/') && matches!(self.text.get(self.name.clone()), Some("PWD" | "OLDPWD"));
        if is_sentence || own_directory { None } else { self.part(start..start + value.len()) }
    }

    /// Whether words stand before the name, so that the colon behind it may be a sentence's.
    fn is_mid_sentence(&self) -> bool {
        before(self.bytes, self.name.start) == Some(b' ')
            && before(self.bytes, self.name.start - 1).is_some_and(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'"' | b'\'' | b')' | b']' | b':' | b'>' | b'.')
            })
    }

    /// Where an unquoted value stops.
    fn unquoted_end(&self, separator: Separator, start: usize) -> usize {
        let line = self.line_from(start);
        let until = |stops: fn(u8) -> bool| run_within(self.bytes, start, line - start, |byte| !stops(byte));
        match self.said.class {
            Class::Authorization => return until(|byte| is_quote(byte) || byte == b'\\'),
            // A header's value goes to the end of its line, a word that only looks like one has no `name=value` in it.
            Class::Cookie => {
                let end = until(|byte| is_quote(byte) || byte == b'\\');
                let has_pair =
                    self.bytes.get(start..end).is_some_and(|value| value.len() > LONGEST_KEPT || value.contains(&b'='));
                return if has_pair { end } else { start };
            }
            _ => {}
        }
        if separator == Separator::Equals && self.is_connection_string(start, line) {
            return until(|byte| byte == b';' || is_quote(byte));
        }
        if separator == (Separator::Colon { blank: true }) && self.said.class == Class::Password && self.begins_line() {
            let comment = memchr::memmem::find(self.bytes.get(start..line).unwrap_or_default(), b" #");
            return run_start(self.bytes, comment.map_or(line, |at| start + at), is_blank);
        }
        let query = matches!(before(self.bytes, self.name.start), Some(b'?' | b'&' | b';'));
        let mut at = start;
        while let Some(byte) = self.byte(at).filter(|_| at < line) {
            if let Some(length) = self.bytes.get(at..).and_then(placeholder::leading) {
                at += length;
                continue;
            }
            let next = self.byte(at + 1);
            let stops = match byte {
                byte if byte.is_ascii_whitespace() || is_quote(byte) => true,
                b'<' => next == Some(b'/'),
                b'\\' => next.is_some_and(|next| is_quote(next) || matches!(next, b'n' | b'r' | b't' | b'\\')),
                b'&' | b'#' if query => true,
                b',' | b';' | b'&' => self.is_end_of_item(at + 1, line),
                b')' | b']' | b'}' => next.is_none_or(|next| !next.is_ascii_alphanumeric()),
                _ => false,
            };
            if stops {
                break;
            }
            at += 1;
        }
        at
    }

    /// Whether a list's next item, or the end of the line, follows here.
    fn is_end_of_item(&self, at: usize, line: usize) -> bool {
        let start = skip_blanks(self.bytes, at, 1);
        let name = run_within(self.bytes, start, 64, is_name);
        at >= line
            || start > at
            || self.byte(at).is_some_and(is_quote)
            || (name > at && matches!(self.byte(name), Some(b'=' | b':')))
    }

    /// Whether the name is one of a connection string's, whose values go up to the next `;`, blanks included.
    fn is_connection_string(&self, start: usize, line: usize) -> bool {
        const NAMES: [&str; 5] = ["password", "pwd", "accountkey", "sharedaccesskey", "sharedaccesssignature"];
        let name = self.text.get(self.name.clone()).unwrap_or_default();
        if !NAMES.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return false;
        }
        let previous = run_start(self.bytes, self.name.start, is_blank);
        if before(self.bytes, previous) == Some(b';') {
            return true;
        }
        let value = self.bytes.get(start..line.min(start + LONGEST_KEPT)).unwrap_or_default();
        let next = memchr::memchr(b';', value).filter(|at| !value.iter().take(*at).any(|byte| is_quote(*byte)));
        next.is_some_and(|at| {
            let name = skip_blanks(self.bytes, start + at + 1, 4);
            let end = run_within(self.bytes, name, 64, |byte| is_name(byte) || byte == b' ');
            end > name && self.byte(end) == Some(b'=')
        })
    }

    /// Whether only blanks and a list's dash stand before the name on its line.
    fn begins_line(&self) -> bool {
        let start = run_start(self.bytes, self.name.start, |byte| is_blank(byte) || byte == b'-');
        start == 0 || before(self.bytes, start).is_some_and(|byte| byte == b'\n' || byte == b'\r')
    }
}

/// Past white space and commas, at most `most` bytes of them, and past line breaks that are escaped.
fn gap_end(bytes: &[u8], from: usize, most: usize) -> usize {
    let mut at = from;
    while at < from + most {
        let next = run_within(bytes, at, most, |byte| byte.is_ascii_whitespace() || byte == b',');
        let letter = run_within(bytes, next, most, |byte| byte == b'\\');
        let is_break = letter > next && matches!(bytes.get(letter), Some(b'n' | b'r' | b't'));
        at = if is_break { letter + 1 } else { return next };
    }
    at
}

/// Past a quote that closes here, with the backslashes that escape it.
fn closing_quote(bytes: &[u8], at: usize) -> Option<usize> {
    let quote = run_end(bytes, at, |byte| byte == b'\\');
    bytes.get(quote).copied().filter(|byte| is_quote(*byte)).map(|_| quote + 1)
}

/// The place of the opening quote that stands here, behind the prefix of a Python literal.
fn opened(bytes: &[u8], at: usize) -> Option<usize> {
    let prefixed = at + usize::from(matches!(bytes.get(at), Some(b'b' | b'B' | b'u' | b'U' | b'r' | b'R')));
    [at, prefixed].into_iter().find(|at| closing_quote(bytes, *at).is_some())
}

/// What stands between the quote that opens here and the one that closes it, which is escaped as many times as the
/// opening one; to the end of the line where none closes it.
fn quoted(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let start = closing_quote(bytes, at)?;
    let escapes = start - 1 - at;
    let quote = *bytes.get(start - 1)?;
    let mut backslashes = 0;
    for (place, byte) in bytes.iter().enumerate().skip(start) {
        match *byte {
            b'\\' => backslashes += 1,
            b'\n' | b'\r' => return Some(start..place),
            // A quote that is escaped n times carries a multiple of 2(n+1) backslashes and n more.
            byte if byte == quote && backslashes % (2 * (escapes + 1)) == escapes => return Some(start..place - escapes),
            _ => backslashes = 0,
        }
    }
    Some(start..bytes.len())
}
