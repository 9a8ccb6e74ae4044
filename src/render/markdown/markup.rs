//! Text in Markdown: as prose in which nothing is markup, as code that can't be closed from inside, as a table.

use crate::render::escape::escape;

/// A table in GitHub's Markdown.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let rule = head.iter().map(|_| "---".to_owned()).collect();
    let head = line(head.iter().map(|cell| prose(cell)).collect());
    let rows = rows.iter().map(|row| line(row.iter().map(|cell| prose(cell)).collect()));
    head + &line(rule) + &rows.collect::<String>()
}

/// Text in which nothing is markup.
pub(super) fn prose(text: &str) -> String {
    let text = escape(text);
    let mut out = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => out.extend(['\\', char]),
            // A zero-width space: `@name` would notify a person, `#7` would link an issue, `://` a page.
            '@' | '#' => out.extend([char, '\u{200b}']),
            ':' => out.push(char),
            '/' if out.ends_with(":/") => out.push_str("\u{200b}/"),
            char => out.push(char),
        }
    }
    out
}

/// Text as code, in a fence that the text can't close.
pub fn code(text: &str) -> String {
    let text = escape(text);
    if text.trim().is_empty() {
        return "` `".to_owned();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Text that links to a page; text alone where the address is none of the web, or holds what could end it.
pub(super) fn link(text: &str, address: &str) -> String {
    let is_safe = |char: char| char.is_ascii_alphanumeric() || "-._~:/?#@!$&*+,;=%".contains(char);
    let is_web = address.starts_with("https://") && address.len() <= 2_000 && address.chars().all(is_safe);
    if is_web { format!("[{}](<{address}>)", prose(text)) } else { prose(text) }
}

/// The longest run of backticks.
pub(super) fn longest_run(text: &str) -> usize {
    text.split(|char| char != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{code, link, prose, table};

    #[test]
    fn only_an_address_of_the_web_is_linked() {
        let page = "https://x.atlassian.net/browse/SHOP-1";
        assert_eq!(link("SHOP-1", page), "[SHOP-1](<https://x.atlassian.net/browse/SHOP-1>)");
        assert_eq!(link("a](b)", page), "[a\\](b)](<https://x.atlassian.net/browse/SHOP-1>)");
        for address in ["", "javascript:alert(1)", "http://x", "https://x> [y](z", "https://x y", "https://x\n", "https://ä"] {
            assert_eq!(link("SHOP-1", address), "SHOP-1", "{address}");
        }
    }

    #[test]
    fn text_from_outside_is_not_markup() {
        assert_eq!(prose("<b>a|b</b> *x* _y_ [l](u) `c`"), "&lt;b&gt;a\\|b&lt;/b&gt; \\*x\\* \\_y\\_ \\[l\\](u) \\`c\\`");
        assert_eq!(prose("ping @oncall about #7"), "ping @\u{200b}oncall about #\u{200b}7");
        assert!(!prose("see https://evil.example").contains("://"));
    }

    #[test]
    fn code_can_not_be_closed_from_inside() {
        assert_eq!(code("plain"), "`plain`");
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code("`x"), "`` `x ``");
        assert_eq!(code("a\n# b"), "`a\\n# b`");
        assert_eq!(code(""), "` `");
    }

    #[test]
    fn tables_keep_their_columns() {
        assert_eq!(table(&["a", "b"], &[vec!["1|2".into(), "x\ny".into()]]), "| a | b |\n| --- | --- |\n| 1\\|2 | x\\\\ny |\n");
    }
}
