//! The query, from a template in which every value stands in quotes that it can't leave. Nothing of a value is ever read as
//! JQL, nor, behind `~`, as the operators of its full-text search.

use crate::ports::EvidenceRequest;

/// The built-in template: what was written or changed about the workload within a month, the newest first.
pub const TEMPLATE: &str = "text ~ $workload AND updated >= -30d ORDER BY updated DESC";

/// Kinds whose names people write into tickets. A Namespace and a Node are only among what is asked about where they are the
/// target, and then whatever is in them stands for nothing; of the others the likeliest comes first.
const KINDS: [&str; 10] = [
    "Namespace",
    "Node",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "CronJob",
    "Job",
    "Service",
    "Ingress",
    "PersistentVolumeClaim",
];

/// The longest value that is asked for; Kubernetes' own names have at most 253 characters (RFC 1123 subdomains).
const LONGEST: usize = 253;

/// The place-holders, each with the value that a request has for it.
pub fn value(request: &EvidenceRequest, name: &str) -> Option<String> {
    let value = match name {
        "namespace" => request.namespaces.first().cloned(),
        "workload" => workload(request).map(str::to_owned),
        "alert" => request.alerts.first().cloned(),
        _ => None,
    };
    value.filter(|value| !value.trim().is_empty())
}

/// The name that the request is about: the target's where it holds workloads, else the workload's before that of what belongs
/// to it.
fn workload(request: &EvidenceRequest) -> Option<&str> {
    let rank = |kind: &str| KINDS.iter().position(|known| *known == kind).unwrap_or(KINDS.len());
    request.objects.iter().min_by_key(|object| rank(&object.kind)).map(|object| object.name.as_str())
}

/// The query of a template. `value` gives the value of a place-holder.
///
/// # Errors
/// The name of a place-holder that nobody knows, or that has no value here.
pub fn query(template: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut query = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        query.push_str(before);
        let end = after.find(|char: char| !char.is_ascii_lowercase()).unwrap_or(after.len());
        let (name, left) = after.split_at(end);
        let value = value(name).ok_or_else(|| name.to_owned())?;
        query.push_str(&if query.trim_end().ends_with('~') { phrase(&value) } else { quoted(&value) });
        rest = left;
    }
    query.push_str(rest);
    Ok(query)
}

/// A text as JQL reads it: in quotes, in which a backslash and a quote are written with a backslash before them. What has no
/// place in a name (control characters, line breaks) becomes a space.
pub fn quoted(value: &str) -> String {
    format!("\"{}\"", escaped(&plain(value)))
}

/// The same behind `~`: the words in this order. The text of that operator is a query of its own, in which quotes make a
/// phrase and nothing but a quote and a backslash means anything.
pub fn phrase(value: &str) -> String {
    quoted(&format!("\"{}\"", escaped(&plain(value))))
}

fn plain(value: &str) -> String {
    let is_space = |char: char| char.is_control() || char.is_whitespace() || matches!(char, '\u{2028}' | '\u{2029}');
    value.chars().take(LONGEST).map(|char| if is_space(char) { ' ' } else { char }).collect()
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ObjectRef;
    use proptest::prelude::*;

    /// What JQL's grammar reads from the start of a text: the value of one quoted string, and what follows it.
    fn read(text: &str) -> Option<(String, &str)> {
        let mut chars = text.strip_prefix('"')?.char_indices();
        let mut value = String::new();
        while let Some((at, char)) = chars.next() {
            match char {
                '"' => return Some((value, &text[at + 2..])),
                '\\' => value.push(chars.next().filter(|(_, char)| matches!(char, '"' | '\\'))?.1),
                char if char.is_control() => return None,
                char => value.push(char),
            }
        }
        None
    }

    #[test]
    fn values_are_quoted_where_they_stand() {
        let request = EvidenceRequest {
            objects: vec![ObjectRef::new("Deployment", "shop", "checkout"), ObjectRef::new("Service", "shop", "web")],
            namespaces: vec!["shop".into()],
            alerts: vec!["KubePod\"Crash".into()],
            ..EvidenceRequest::default()
        };
        let query = |template: &str| query(template, |name| value(&request, name));
        assert_eq!(query(TEMPLATE).unwrap(), r#"text ~ "\"checkout\"" AND updated >= -30d ORDER BY updated DESC"#);
        assert_eq!(
            query("project = OPS AND labels in ($namespace, $alert)").unwrap(),
            r#"project = OPS AND labels in ("shop", "KubePod\"Crash")"#
        );
        assert_eq!(query("summary ~ $nobody"), Err("nobody".into()));
        assert_eq!(super::query("summary ~ $alert", |_| None), Err("alert".into()));
    }

    proptest! {
        /// Whatever a value is, it is one string of the query, and what follows is the template's own.
        #[test]
        fn no_value_leaves_its_quotes(value in any::<String>(), reserved in "[\"\\\\'$~()\\[\\]{}+\\-&|!^*?: \\r\\n\\x00]{0,12}") {
            for value in [value, reserved] {
                let query = query("a = $x AND b ~ $x ORDER BY c", |_| Some(value.clone())).unwrap();
                let (first, rest) = read(query.strip_prefix("a = ").unwrap()).unwrap();
                prop_assert_eq!(&first, &plain(&value));
                let (phrase, rest) = read(rest.strip_prefix(" AND b ~ ").unwrap()).unwrap();
                prop_assert_eq!(rest, " ORDER BY c");
                // The same grammar once more: one phrase and nothing beside it.
                let (second, beside) = read(&phrase).unwrap();
                prop_assert_eq!((second, beside), (first, ""));
            }
        }

        #[test]
        fn no_template_panics(template in "[a-z$ ~=\"\\\\\\PC]{0,60}") {
            _ = query(&template, |name| (name.len() < 4).then(|| name.to_owned()));
        }
    }
}
