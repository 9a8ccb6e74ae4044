//! Label selectors and node selectors: whether they match, and where they miss. Matching is the API machinery's; what a
//! selector that can't be understood means is always "matches nothing".

use super::{Object, json};
use serde_json::Value;
use std::fmt;

/// Longer strings are not compared for likeness: a label's key has at most 317 characters and its value 63
/// (`staging/src/k8s.io/apimachinery/pkg/util/validation/validation.go`).
const MAX_COMPARED: usize = 317;

/// At most so many candidates are looked at for one likeness, and likenesses are looked for in at most so many requirements:
/// real labels are few, and a hostile object shall not cost seconds.
const MAX_CANDIDATES: usize = 1000;
const MAX_LIKENESSES: usize = 16;

/// How alike two strings have to be, from 0 to 1, for one to be taken for a misspelling of the other.
const ALIKE: f64 = 0.65;

/// One condition of a selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement<'a> {
    /// The label's key, or for a field `metadata.name`.
    pub key: &'a str,
    /// How the label is compared.
    pub operator: Operator,
    /// What it is compared with; empty for `Exists` and `DoesNotExist`.
    pub values: Vec<&'a str>,
}

/// How a label is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The label is there and has one of the values.
    In,
    /// The label is not there, or has none of the values.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is not there.
    DoesNotExist,
    /// The label is a whole number above the value. Only in node selectors.
    Gt,
    /// The label is a whole number below the value. Only in node selectors.
    Lt,
    /// An operator that Kubernetes doesn't have; it matches nothing.
    Unknown,
}

impl Operator {
    fn parse(text: &str) -> Self {
        match text {
            "In" => Self::In,
            "NotIn" => Self::NotIn,
            "Exists" => Self::Exists,
            "DoesNotExist" => Self::DoesNotExist,
            "Gt" => Self::Gt,
            "Lt" => Self::Lt,
            _ => Self::Unknown,
        }
    }
}

impl<'a> Requirement<'a> {
    fn equal(key: &'a str, value: &'a Value) -> Self {
        match value.as_str() {
            Some(value) => Self { key, operator: Operator::In, values: vec![value] },
            None => Self { key, operator: Operator::Unknown, values: Vec::new() },
        }
    }

    fn read(expression: &'a Value) -> Self {
        Self {
            key: json::text(expression, "key"),
            operator: Operator::parse(json::text(expression, "operator")),
            values: json::list(expression, "values").iter().filter_map(Value::as_str).collect(),
        }
    }

    /// Whether a label with this value, or its absence, satisfies the requirement, as `Requirement.Matches` in
    /// `staging/src/k8s.io/apimachinery/pkg/labels/selector.go`.
    pub fn matches(&self, actual: Option<&str>) -> bool {
        let compared = || match (actual?.parse::<i64>(), self.values.as_slice()) {
            (Ok(actual), [wanted]) => Some((actual, wanted.parse::<i64>().ok()?)),
            _ => None,
        };
        match self.operator {
            Operator::In => actual.is_some_and(|actual| self.values.contains(&actual)),
            Operator::NotIn => !self.values.is_empty() && actual.is_none_or(|actual| !self.values.contains(&actual)),
            Operator::Exists => actual.is_some(),
            Operator::DoesNotExist => actual.is_none(),
            Operator::Gt => compared().is_some_and(|(actual, wanted)| actual > wanted),
            Operator::Lt => compared().is_some_and(|(actual, wanted)| actual < wanted),
            Operator::Unknown => false,
        }
    }
}

/// In kubectl's notation: `tier=web`, `tier in (web, api)`, `!gpu`.
impl fmt::Display for Requirement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, values) = (self.key, self.values.join(", "));
        match self.operator {
            Operator::In if self.values.len() == 1 => write!(f, "{key}={values}"),
            Operator::NotIn if self.values.len() == 1 => write!(f, "{key}!={values}"),
            Operator::In => write!(f, "{key} in ({values})"),
            Operator::NotIn => write!(f, "{key} notin ({values})"),
            Operator::Exists => write!(f, "{key}"),
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::Gt => write!(f, "{key}>{values}"),
            Operator::Lt => write!(f, "{key}<{values}"),
            Operator::Unknown => write!(f, "{key}?"),
        }
    }
}

/// The requirements of a LabelSelector (`matchLabels`, `matchExpressions`), labels first.
pub fn requirements(selector: &Value) -> Vec<Requirement<'_>> {
    let labels = json::entries(selector, "matchLabels").map(|(key, value)| Requirement::equal(key, value));
    labels.chain(json::list(selector, "matchExpressions").iter().map(Requirement::read)).collect()
}

/// The requirements of a plain map, as a Service's or a ReplicationController's `spec.selector` or a pod's `nodeSelector`.
pub fn map_requirements(selector: &Value) -> Vec<Requirement<'_>> {
    selector.as_object().into_iter().flatten().map(|(key, value)| Requirement::equal(key, value)).collect()
}

/// Whether a LabelSelector matches these labels. An empty selector matches everything, null (and anything that is no
/// object) nothing: `LabelSelectorAsSelector` in `staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/helpers.go`.
pub fn matches(selector: &Value, labels: &Value) -> bool {
    selector.is_object() && all_match(&requirements(selector), labels)
}

/// Whether the selector map of a Service or ReplicationController matches these labels. Without a selector nothing is
/// selected: a Service without one gets its endpoints from somebody else.
pub fn matches_map(selector: &Value, labels: &Value) -> bool {
    let requirements = map_requirements(selector);
    !requirements.is_empty() && all_match(&requirements, labels)
}

/// Whether a LabelSelector matches a namespace. Every namespace has its name as a label, also when it was not read:
/// `kubernetes.io/metadata.name`, set by the API server (kubernetes.io/docs/reference/labels-annotations-taints).
pub fn matches_namespace(selector: &Value, name: &str, labels: &Value) -> bool {
    let value = |key: &str| match json::key(labels, key).as_str() {
        None if key == "kubernetes.io/metadata.name" => Some(name),
        value => value,
    };
    selector.is_object() && requirements(selector).iter().all(|requirement| requirement.matches(value(requirement.key)))
}

/// A LabelSelector in kubectl's notation: `app=web,tier in (a, b)`.
pub fn describe(selector: &Value) -> String {
    let requirements: Vec<String> = requirements(selector).iter().map(Requirement::to_string).collect();
    requirements.join(",")
}

/// Whether labels satisfy every requirement.
pub fn all_match(requirements: &[Requirement<'_>], labels: &Value) -> bool {
    requirements.iter().all(|requirement| requirement.matches(json::key(labels, requirement.key).as_str()))
}

/// Whether a node selector (`nodeSelectorTerms`, as in a pod's node affinity or a volume's) matches a node. The terms are
/// alternatives; a term without requirements, and a selector without terms, matches nothing:
/// `staging/src/k8s.io/component-helpers/scheduling/corev1/nodeaffinity/nodeaffinity.go`.
pub fn matches_node(node_selector: &Value, node: &Object) -> bool {
    json::list(node_selector, "nodeSelectorTerms").iter().any(|term| {
        let requirements = term_requirements(term);
        !requirements.is_empty() && requirements.iter().all(|requirement| requirement.matches(node_value(node, requirement.key)))
    })
}

/// The requirements of one node selector term, labels before fields.
pub fn term_requirements(term: &Value) -> Vec<Requirement<'_>> {
    let expressions = json::list(term, "matchExpressions").iter().chain(json::list(term, "matchFields"));
    expressions.map(Requirement::read).collect()
}

/// What a node has under a requirement's key: a label, or its name for the only field that terms may use.
pub fn node_value<'a>(node: &'a Object, key: &str) -> Option<&'a str> {
    if key == "metadata.name" { Some(&node.id.name) } else { node.label(key) }
}

/// One requirement that labels don't satisfy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The label's key.
    pub key: String,
    /// What is required, in kubectl's notation (`tier=web`).
    pub wanted: String,
    /// What the label is; `None` when it isn't there.
    pub got: Option<String>,
    /// A label (`key=value`) that is there and looks like the wanted one misspelt: the same value under a key that
    /// is nearly the same, or a value that is nearly the same under the same key.
    pub alike: Option<String>,
}

/// The requirements that labels don't satisfy, each with what is there instead. Empty when all are satisfied.
pub fn near_miss(requirements: &[Requirement<'_>], labels: &Value) -> Vec<Difference> {
    let mut found = unmet(requirements, |key| json::key(labels, key).as_str());
    for (difference, requirement) in found.iter_mut().take(MAX_LIKENESSES) {
        difference.alike = alike(requirement, labels);
    }
    found.into_iter().map(|(difference, _)| difference).collect()
}

/// The same for a node, whose name is a field. Likenesses are left to whoever looks at all nodes.
pub fn near_miss_of_node(requirements: &[Requirement<'_>], node: &Object) -> Vec<Difference> {
    unmet(requirements, |key| node_value(node, key)).into_iter().map(|(difference, _)| difference).collect()
}

fn unmet<'r, 'v>(
    requirements: &'r [Requirement<'r>],
    value: impl Fn(&str) -> Option<&'v str>,
) -> Vec<(Difference, &'r Requirement<'r>)> {
    let difference = |requirement: &'r Requirement<'r>| {
        let got = value(requirement.key);
        (!requirement.matches(got)).then(|| {
            let (key, wanted) = (requirement.key.to_owned(), requirement.to_string());
            (Difference { key, wanted, got: got.map(str::to_owned), alike: None }, requirement)
        })
    };
    requirements.iter().filter_map(difference).collect()
}

fn alike(requirement: &Requirement<'_>, labels: &Value) -> Option<String> {
    if let Some(got) = json::key(labels, requirement.key).as_str() {
        return nearest(got, requirement.values.iter().copied()).map(|_| format!("{}={got}", requirement.key));
    }
    let keys = labels.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    let key = nearest(requirement.key, keys.filter(|key| *key != requirement.key))?;
    Some(match json::key(labels, key).as_str() {
        Some(value) => format!("{key}={value}"),
        None => key.to_owned(),
    })
}

/// The least number of edits between two ASCII texts by their letters alone: a transposition moves none, and any other edit brings
/// or takes one of each text at most.
fn foreign(a: &str, b: &str) -> usize {
    let mut counts = [0_i16; 128];
    a.bytes().for_each(|letter| counts[usize::from(letter & 127)] += 1);
    b.bytes().for_each(|letter| counts[usize::from(letter & 127)] -= 1);
    let (more, fewer) = counts.iter().fold((0, 0), |(more, fewer), count| (more + count.max(&0), fewer - count.min(&0)));
    usize::try_from(more.max(fewer)).unwrap_or(0)
}

/// The candidate that looks most like `wanted`, if one looks like a misspelling of it. Of equally near ones the first.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates.into_iter().take(MAX_CANDIDATES) {
        if wanted.len() > MAX_COMPARED || candidate.len() > MAX_COMPARED {
            continue;
        }
        // The names of a large namespace are many, and most need no matrix to be told apart.
        let long = wanted.len().max(candidate.len());
        if wanted.is_ascii() && candidate.is_ascii() && (1.0 - foreign(wanted, candidate) as f64 / long as f64) < ALIKE {
            continue;
        }
        let likeness = strsim::normalized_damerau_levenshtein(wanted, candidate);
        if likeness >= ALIKE && best.is_none_or(|(highest, _)| likeness > highest) {
            best = Some((likeness, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests;
