//! The targets that a person types, with kubectl's habits: `pod/x`, `pod x`, `po x`, `pods`, `deployment.apps/x`.

use super::error::CliError;
use crate::domain::{KINDS, kind_called};
use crate::pipeline::Wanted;

/// Reads the targets. Either every word is `TYPE/NAME`, or the first is a type and the others are names; a type alone
/// means all objects of that type.
///
/// # Errors
/// A usage error, with what was probably meant.
pub fn parse(words: &[String]) -> Result<Vec<Wanted>, CliError> {
    let Some((first, names)) = words.split_first() else { return Ok(Vec::new()) };
    if words.iter().any(|word| word.contains('/')) {
        return words.iter().map(|word| type_and_name(word)).collect();
    }
    let kind = kind(first, names.is_empty())?;
    if names.is_empty() {
        return Ok(vec![Wanted::All { kind }]);
    }
    Ok(names.iter().map(|name| Wanted::Named { kind, name: name.clone() }).collect())
}

fn type_and_name(word: &str) -> Result<Wanted, CliError> {
    match word.split_once('/') {
        Some((r#type, name)) if !name.is_empty() && !name.contains('/') => {
            Ok(Wanted::Named { kind: kind(r#type, false)?, name: name.to_owned() })
        }
        Some(_) => Err(CliError::usage(format!("{word:?} is not TYPE/NAME")).hint("write pod/NAME, deploy/NAME or ns/NAME")),
        None => Err(CliError::usage(format!("{word:?} has no type, while other targets are TYPE/NAME"))
            .hint(format!("write pod/{word}, or TYPE NAME NAME without slashes"))),
    }
}

/// The kind that a type means, in any spelling that kubectl takes; case doesn't matter.
fn kind(word: &str, is_alone: bool) -> Result<&'static str, CliError> {
    kind_called(word).ok_or_else(|| unknown_type(word, &word.to_lowercase(), is_alone))
}

fn unknown_type(word: &str, lower: &str, is_alone: bool) -> CliError {
    let error = CliError::usage(format!("{word:?} is no type that can be analysed"));
    let spellings = KINDS.iter().flat_map(|(kind, plural, ..)| [kind.to_lowercase(), (*plural).to_owned()]);
    // Words of attackers' length cost nothing here: a type is short.
    let near = if lower.len() > 40 { None } else { spellings.min_by_key(|spelling| strsim::osa_distance(spelling, lower)) };
    match near {
        Some(near) if strsim::osa_distance(&near, lower) <= 2 => error.hint(format!("did you mean {near}?")),
        _ if is_alone => error.hint(format!("give a type before the name: pod/{word}, deploy/{word}")),
        _ => {
            let types =
                KINDS.iter().map(|(kind, _, short, _)| if short.is_empty() { kind.to_lowercase() } else { (*short).to_owned() });
            error.hint(format!("one of {}", types.collect::<Vec<_>>().join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KINDS, Wanted, parse};
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn named(kind: &'static str, name: &str) -> Wanted {
        Wanted::Named { kind, name: name.to_owned() }
    }

    #[test]
    fn every_spelling_that_kubectl_takes() {
        for (kind, plural, short, group) in KINDS {
            let mut spellings = vec![kind.to_lowercase(), (*kind).to_owned(), (*plural).to_owned()];
            spellings.extend((!short.is_empty()).then(|| (*short).to_owned()));
            if !group.is_empty() {
                spellings.extend([format!("{plural}.{group}"), format!("{}.v1.{group}", kind.to_lowercase())]);
            }
            for spelling in spellings {
                assert_eq!(parse(&words(&format!("{spelling}/x"))).unwrap(), [named(kind, "x")], "{spelling}/x");
                assert_eq!(parse(&words(&format!("{spelling} x"))).unwrap(), [named(kind, "x")], "{spelling} x");
                assert_eq!(parse(&words(&spelling)).unwrap(), [Wanted::All { kind }], "{spelling}");
            }
        }
    }

    #[test]
    fn several_targets() {
        assert_eq!(parse(&words("po a b")).unwrap(), [named("Pod", "a"), named("Pod", "b")]);
        assert_eq!(parse(&words("po/a deploy/b")).unwrap(), [named("Pod", "a"), named("Deployment", "b")]);
        assert_eq!(parse(&[]).unwrap(), []);
    }

    #[test]
    fn what_is_probably_meant() {
        let hint = |text: &str| parse(&words(text)).unwrap_err().to_string();
        assert!(hint("deplyoment/x").contains("did you mean deployment?"), "{}", hint("deplyoment/x"));
        assert!(hint("checkout-7c9f5d-x2x1z").contains("pod/checkout-7c9f5d-x2x1z"));
        assert!(hint("po/a checkout").contains("pod/checkout"));
        assert!(hint("po/").contains("is not TYPE/NAME"));
        assert!(hint("widgets x").contains("po, deploy, sts"));
        // Another API's kind of the same name is another thing.
        assert!(hint("services.serving.knative.dev/x").contains("is no type"));
    }

    proptest! {
        #[test]
        fn any_words_are_read_or_refused(words in proptest::collection::vec(any::<String>(), 0..4)) {
            if let Err(error) = parse(&words) {
                prop_assert!(error.to_string().lines().count() <= 3);
            }
        }
    }
}
