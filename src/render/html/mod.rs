//! A report, an incident and its timeline as a page: one file that loads nothing, runs nothing and is read at three in the
//! morning, on a telephone too. What matters stands first; what can wait is folded. Dark where the reader's screen is.

mod attempts;
mod incident;
mod markup;
mod report;
mod timeline;

#[cfg(test)]
mod tests;

pub use incident::incident_page;
pub use timeline::timeline_page;

use super::Reports;
use crate::domain::Verdict;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use markup::Html;
use sha2::{Digest as _, Sha256};

/// How it looks.
const STYLE: &str = include_str!("style.css");

/// The policy that a page is served with, as a header: nothing but its own style.
pub fn content_security_policy() -> String {
    format!("{}; frame-ancestors 'none'", policy())
}

/// What a page may say of itself: browsers heed no `frame-ancestors` in there (CSP 3, section 3.3).
fn policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}

/// The reports as one page. `all` unfolds what is folded otherwise.
pub fn html(reports: Reports, all: bool) -> String {
    let title = match reports {
        Reports::One(report) => format!("{}: {}", report.verdict.as_str(), report.target),
        Reports::Many(reports) if reports.len() == 1 => "1 target".to_owned(),
        Reports::Many(reports) => format!("{} targets", reports.len()),
    };
    page(&title, |html| {
        if let Reports::Many(_) = reports {
            html.words("h1", &title);
        }
        for (part, report) in reports.as_slice().iter().enumerate() {
            html.part = part;
            html.words("h1", &report.target.to_string());
            report::report(html, report, all, true);
        }
    })
}

/// The frame of every page.
fn page(title: &str, body: impl FnOnce(&mut Html)) -> String {
    let mut html = Html::default();
    html.words("title", title);
    html.newline();
    let title = html.finish();
    let mut html = Html::default();
    html.tag("main", |html| {
        html.newline();
        body(html);
    });
    let body = html.finish();
    // The policy is made of letters of ours, and its quotes are single.
    let policy = policy();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"referrer\" content=\"no-referrer\"/>\n<meta name=\"robots\" content=\"noindex\"/>\n\
         {title}<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )
}

/// The class that colours what a verdict is said with.
fn tone(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Confirmed => "bad",
        Verdict::Likely => "doubtful",
        Verdict::Inconclusive => "open",
        Verdict::Recovered => "past",
        Verdict::Healthy => "good",
    }
}

/// A heading and what stands under it.
fn section(html: &mut Html, title: &str, inner: impl FnOnce(&mut Html)) {
    html.tag("section", |html| {
        html.words("h2", title);
        inner(html);
    });
    html.newline();
}

/// A list under a heading, or nothing without items. All beyond the first `most` is folded.
fn list<T>(html: &mut Html, title: &str, items: &[T], most: usize, draw: impl Fn(&mut Html, &T)) {
    if items.is_empty() {
        return;
    }
    section(html, title, |html| folded(html, "ul", items, most, draw));
}

/// A list of which all beyond the first `most` is folded.
fn folded<T>(html: &mut Html, kind: &'static str, items: &[T], most: usize, draw: impl Fn(&mut Html, &T)) {
    let (first, rest) = items.split_at(most.min(items.len()));
    let part = |html: &mut Html, items: &[T]| {
        html.tag(kind, |html| {
            for item in items {
                html.tag("li", |html| draw(html, item));
                html.newline();
            }
        });
    };
    if !first.is_empty() {
        part(html, first);
    }
    if !rest.is_empty() {
        html.tag("details", |html| {
            html.words("summary", &format!("{} more", rest.len()));
            part(html, rest);
        });
    }
}

/// Terms and what they are; a row whose text is empty is left out.
fn facts(html: &mut Html, rows: &[(&str, String)]) {
    html.tag("dl class=\"facts\"", |html| {
        for (term, text) in rows.iter().filter(|(_, text)| !text.is_empty()) {
            html.words("dt", term);
            html.words("dd", text);
        }
    });
}
