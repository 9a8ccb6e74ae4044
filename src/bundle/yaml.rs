//! YAML as kubectl prints it and as people write it for kubectl: documents apart by `---`, read with the meaning that
//! Kubernetes gives to YAML. Times stay text. Aliases are bounded, so that a small file can't grow into a large one.

use super::document::Document;
use super::error::{BundleError, escaped};
use super::kubernetes::Objects;
use serde_saphyr::options::{AliasLimits, DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Options, budget, options};

/// How many aliases (`*name`) a document may use, and to how many events they may expand. kubectl prints none; people
/// write a few.
const MAX_ALIASES: usize = 1_000;
const MAX_ALIAS_EVENTS: usize = 20_000;

/// Reads the documents of a text into `objects`. `first_line` is the line of the file on which it begins, from 1.
pub(super) fn read(objects: &mut Objects, name: &str, text: &str, first_line: usize) -> Result<(), BundleError> {
    if let Some(what) = printed_for_people(text) {
        let first_line = escaped(text.trim_start().lines().next().unwrap_or("").trim_end(), 120);
        return Err(BundleError::NotObjects { name: name.to_owned(), what, first_line });
    }
    let mut documents = Documents { rest: text, line: first_line }.peekable();
    while let Some((line, text)) = documents.next() {
        let last_line = line + text.lines().count().max(1) - 1;
        let mut document = Document::default();
        let result = serde_saphyr::with_deserializer_from_str_with_options(text, reading(), |yaml| document.read(yaml));
        let is_last = documents.peek().is_none();
        match result {
            // kubectl sorts keys: a list without its kind was cut off in its items, and the last one may be a part.
            Ok(()) if is_last && is_list_without_kind(&document) => {
                document.items.as_mut().and_then(Vec::pop);
                objects.take_cut(name, document, last_line)?;
            }
            Ok(()) => objects.take(name, document)?,
            Err(error) => {
                let error = error.without_snippet();
                let at = error.location();
                let error_line = at.map_or(line, |at| line + usize::try_from(at.line()).unwrap_or(1).max(1) - 1);
                if is_last && document.items.is_some() && error_line >= last_line {
                    return objects.take_cut(name, document, last_line);
                }
                let why = error.to_string();
                // The message may repeat the position, which is relative to the document.
                let why = why.rsplit_once(" at line ").map_or(why.as_str(), |(why, _)| why);
                return Err(BundleError::Syntax {
                    name: name.to_owned(),
                    line: error_line,
                    column: at.map_or(0, |at| usize::try_from(at.column()).unwrap_or(0)),
                    why: escaped(why, 200),
                });
            }
        }
    }
    Ok(())
}

/// Whether this is a list as the API server gives it, but for its kind.
fn is_list_without_kind(document: &Document) -> bool {
    document.items.is_some() && !document.text("apiVersion").is_empty() && document.text("kind").is_empty()
}

/// What Kubernetes makes of YAML (`sigs.k8s.io/yaml`): YAML 1.1 booleans and octal numbers, the last of equal keys wins.
/// The size of the text bounds what has no other bound here.
fn reading() -> Options {
    options! {
        budget: budget! {
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            max_total_scalar_bytes: usize::MAX,
            max_total_comment_bytes: usize::MAX,
            max_depth: 128,
            max_aliases: MAX_ALIASES,
        },
        alias_limits: alias_limits(),
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        legacy_octal_numbers: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        emit_comments: false,
        with_snippet: false,
    }
}

fn alias_limits() -> AliasLimits {
    let mut limits = AliasLimits::default();
    limits.max_total_replayed_events = MAX_ALIAS_EVENTS;
    limits
}

/// What kubectl prints when it isn't asked for objects, by how it begins.
fn printed_for_people(text: &str) -> Option<&'static str> {
    let text = text.trim_start();
    let begins = |starts: &[&str]| starts.iter().any(|start| text.starts_with(start));
    let errors =
        ["Error from server", "error:", "Unable to connect to the server", "The connection to the server", "No resources found"];
    if begins(&errors) {
        return Some("kubectl's error message");
    }
    if begins(&["NAME ", "NAMESPACE ", "LAST SEEN "]) {
        return Some("kubectl's table");
    }
    begins(&["Name:  "]).then_some("the output of kubectl describe")
}

/// The documents of a YAML stream, each with the line on which it begins. A line that begins with `---` always starts
/// a document: YAML allows it in no scalar.
struct Documents<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Iterator for Documents<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let line = self.line;
        let text = self.rest;
        // The mark itself goes with the document that it starts.
        let mut end = 0;
        for (index, content) in text.split_inclusive('\n').enumerate() {
            let is_mark =
                content.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']));
            if is_mark && index > 0 {
                break;
            }
            end += content.len();
            self.line += 1;
        }
        let (document, rest) = text.split_at(end);
        self.rest = rest;
        Some((line, document))
    }
}
