//! Label selectors as `kubectl -l` takes them: `app=shop,tier!=db,env in (a,b),canary,!legacy`.
//! See <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>.

use crate::cluster::selector;
use serde_json::{Value, json};
use std::str::FromStr;
use thiserror::Error;

/// A label selector: every requirement has to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector(Value);

/// Why a text is no label selector.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{requirement:?} is no label requirement")]
pub struct SelectorError {
    /// The part that could not be understood.
    pub requirement: String,
}

impl Selector {
    /// Whether `metadata.labels` is selected.
    pub fn matches(&self, labels: &Value) -> bool {
        selector::matches(&self.0, labels)
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let read = |part| requirement(part).ok_or_else(|| SelectorError { requirement: part.trim().to_owned() });
        let requirements = split(text).into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Self(json!({"matchExpressions": requirements})))
    }
}

/// Splits at the commas outside of parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let separates = |char: char| {
        match char {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        char == ',' && depth == 0
    };
    text.split(separates).collect()
}

/// One requirement as the API writes it in `matchExpressions`.
fn requirement(text: &str) -> Option<Value> {
    let text = text.trim();
    let of = |key: &str, operator: &str, values: Vec<String>| {
        let key = key.trim();
        is_key(key).then(|| json!({"key": key, "operator": operator, "values": values}))
    };
    if let Some(key) = text.strip_prefix('!') {
        return of(key, "DoesNotExist", Vec::new());
    }
    if let Some((key, value)) = text.split_once("!=") {
        return of(key, "NotIn", vec![one(value)?]);
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return of(key, "In", vec![one(value)?]);
    }
    if let Some((head, values)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        let values = values.split(',').map(one).collect::<Option<Vec<_>>>()?;
        let (key, word) = head.trim().rsplit_once(char::is_whitespace)?;
        return match word {
            "in" => of(key, "In", values),
            "notin" => of(key, "NotIn", values),
            _ => None,
        };
    }
    of(text, "Exists", Vec::new())
}

/// A label's value: empty, or what Kubernetes allows in one.
fn one(text: &str) -> Option<String> {
    let text = text.trim();
    text.chars().all(is_label_char).then(|| text.to_owned())
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|char| is_label_char(char) || char == '/')
}

fn is_label_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::Selector;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn matches(selector: &str, labels: &Value) -> bool {
        selector.parse::<Selector>().unwrap().matches(labels)
    }

    #[test]
    fn every_operator() {
        let labels = json!({"app": "shop", "env": "prod", "app.kubernetes.io/name": "cart", "empty": ""});
        for selector in [
            "app=shop",
            "app==shop",
            "app = shop , env=prod",
            "app!=other",
            "missing!=x",
            "env in (dev, prod)",
            "env notin (dev,test)",
            "missing notin (x)",
            "app",
            "!missing",
            "app.kubernetes.io/name=cart,env in (prod),!legacy",
            "empty=",
        ] {
            assert!(matches(selector, &labels), "{selector}");
        }
        for selector in ["app=other", "app!=shop", "env in (dev)", "env notin (prod)", "missing", "!app", "missing="] {
            assert!(!matches(selector, &labels), "{selector}");
        }
    }

    #[test]
    fn what_is_no_selector() {
        for text in ["", "app=a b", "in (a)", "app within (a)", "a=(b)", "=x", "app=shop,", "env in (a", "ä=1"] {
            assert!(text.parse::<Selector>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            if let Ok(selector) = text.parse::<Selector>() {
                _ = selector.matches(&Value::Null);
            }
        }
    }
}
