//! HTML that nothing from outside can break. Tags and attributes are words of the program alone: the type of a tag says so.
//! Whatever else there is goes through [`Html::text`], or is a number, a time or a checked address.

use crate::render::escape::{escape, is_unsafe};
use jiff::Timestamp;
use std::fmt::Write as _;

/// A piece of a document as it is put together. It is well-formed XML too, so that any parser agrees on what is a tag.
#[derive(Debug, Default)]
pub(super) struct Html {
    out: String,
    /// Several reports in one document have evidence of the same numbers.
    pub(super) part: usize,
}

impl Html {
    /// The whole, once.
    pub(super) fn finish(self) -> String {
        self.out
    }

    /// An element: `opening` is its name with its attributes, `p class="small"`.
    pub(super) fn tag(&mut self, opening: &'static str, inner: impl FnOnce(&mut Self)) {
        let name = opening.split(' ').next().unwrap_or(opening);
        self.out.push('<');
        self.out.push_str(opening);
        self.out.push('>');
        inner(self);
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// An element that holds text and nothing else.
    pub(super) fn words(&mut self, opening: &'static str, text: &str) {
        self.tag(opening, |html| html.text(text));
    }

    /// Text from anywhere: on one line, what isn't visible is written out.
    pub(super) fn text(&mut self, text: &str) {
        for char in escape(text).chars() {
            self.char(char);
        }
    }

    /// Text from anywhere whose lines are kept, for what is preformatted.
    pub(super) fn lines(&mut self, text: &str) {
        for char in text.chars() {
            match char {
                '\n' => self.out.push('\n'),
                char if is_unsafe(char) => self.text(char.encode_utf8(&mut [0; 4])),
                char => self.char(char),
            }
        }
    }

    fn char(&mut self, char: char) {
        match char {
            '&' => self.out.push_str("&amp;"),
            '<' => self.out.push_str("&lt;"),
            '>' => self.out.push_str("&gt;"),
            '"' => self.out.push_str("&quot;"),
            '\'' => self.out.push_str("&#39;"),
            // No characters of XML (1.0, section 2.2) and none of Unicode's. Writing to a String does not fail.
            '\u{fffe}' | '\u{ffff}' => _ = write!(self.out, "\\u{{{:x}}}", u32::from(char)),
            char => self.out.push(char),
        }
    }

    /// Text that leads to a page elsewhere, with its host, so that nobody is led astray; text alone where the address is none
    /// of the web, or holds what an address never needs.
    pub(super) fn link(&mut self, text: &str, address: &str) {
        let Some(host) = host(address) else {
            self.text(text);
            return;
        };
        // The address has only characters that mean nothing in an attribute, but for the ampersand.
        let address = address.replace('&', "&amp;");
        _ = write!(self.out, "<a href=\"{address}\" rel=\"noreferrer noopener\">");
        self.text(text);
        self.out.push_str("</a>");
        if !text.contains(host) {
            self.words("span class=\"quiet\"", &format!(" ({host})"));
        }
    }

    /// Text that leads to another incident's page; text alone where the id is none.
    pub(super) fn incident(&mut self, id: &str) {
        let is_id = id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if is_id {
            _ = write!(self.out, "<a href=\"/incidents/{id}\">{id}</a>");
        } else {
            self.words("code", id);
        }
    }

    /// An element that evidence is found by; one that can't be cited where its id is no number of ours.
    pub(super) fn numbered(&mut self, id: &str) {
        match number(id) {
            Some(number) => _ = write!(self.out, "<span class=\"number\" id=\"r{}-e{number}\">e{number}</span>", self.part),
            None => self.words("span class=\"number\"", id),
        }
    }

    /// ` (e1, e4)`, each leading to where it is shown; nothing without any.
    pub(super) fn cite(&mut self, ids: &[String]) {
        for (index, id) in ids.iter().enumerate() {
            self.out.push_str(if index == 0 { " (" } else { ", " });
            match number(id) {
                Some(number) => _ = write!(self.out, "<a href=\"#r{}-e{number}\">e{number}</a>", self.part),
                None => self.text(id),
            }
        }
        if !ids.is_empty() {
            self.out.push(')');
        }
    }

    /// A time, to the second, in UTC.
    pub(super) fn time(&mut self, at: Timestamp) {
        _ = write!(self.out, "<time datetime=\"{at:.0}\">{}</time>", at.strftime("%Y-%m-%d %H:%M:%S"));
    }

    /// A line break between blocks, for people who read the source.
    pub(super) fn newline(&mut self) {
        self.out.push('\n');
    }
}

/// The number of a piece of evidence, `e12`.
fn number(id: &str) -> Option<u32> {
    let digits = id.strip_prefix('e').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}

/// The host of an address of the web.
fn host(address: &str) -> Option<&str> {
    let is_safe = |char: char| char.is_ascii_alphanumeric() || "-._~:/?#[]@!$&()*+,;=%".contains(char);
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"))?;
    let host = rest.split(['/', '?', '#']).next()?;
    // Before an @ stands what looks like a host and is none.
    let is_host = !host.is_empty() && host.chars().all(|char| char.is_ascii_alphanumeric() || "-._:[]".contains(char));
    (is_host && address.len() <= 2_000 && address.chars().all(is_safe)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(make: impl FnOnce(&mut Html)) -> String {
        let mut html = Html::default();
        make(&mut html);
        html.finish()
    }

    #[test]
    fn text_is_text() {
        assert_eq!(
            made(|html| html.words("p", "<b a=\"1\" b='2'>&amp;\n\u{202e}")),
            "<p>&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;amp;\\n\\u{202e}</p>"
        );
        assert_eq!(made(|html| html.lines("a\r\n<\u{0}\u{ffff}")), "a\\r\n&lt;\\x00\\u{ffff}");
    }

    #[test]
    fn only_an_address_of_the_web_is_a_link() {
        let link = |address: &str| made(|html| html.link("page", address));
        assert_eq!(
            link("https://x.example/a?b=1&c=2"),
            "<a href=\"https://x.example/a?b=1&amp;c=2\" rel=\"noreferrer noopener\">page</a><span class=\"quiet\"> (x.example)</span>"
        );
        assert!(link("http://prometheus:9090/graph").contains("(prometheus:9090)"));
        for address in [
            "",
            "javascript:alert(1)",
            "//x",
            "https://",
            "https://a b",
            "https://a\"b",
            "https://good@evil/",
            "https://ä/",
            "https:///x",
        ] {
            assert_eq!(link(address), "page", "{address}");
        }
    }

    #[test]
    fn only_numbers_of_ours_are_cited() {
        let cite = |ids: &[&str]| made(|html| html.cite(&ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>()));
        assert_eq!(cite(&["e1", "e<"]), " (<a href=\"#r0-e1\">e1</a>, e&lt;)");
        assert_eq!(cite(&[]), "");
        assert_eq!(made(|html| html.numbered("e+1")), "<span class=\"number\">e+1</span>");
        assert_eq!(made(|html| html.incident("0198c2f0-7a1b-7c3d-8e4f-0123456789ab")).matches("0198c2f0").count(), 2);
        assert_eq!(made(|html| html.incident("../x")), "<code>../x</code>");
    }
}
