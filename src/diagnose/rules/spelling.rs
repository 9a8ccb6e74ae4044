//! How far two names are apart, for finding slips of the keyboard. It decides nothing.

/// The longest names that are compared: Kubernetes' own names end at 253 bytes, repositories at 255 (distribution
/// specification).
const LONGEST: usize = 255;

/// How many letters have to be put in, left out or replaced to make one name the other. Names that are longer than any
/// name of Kubernetes count as wholly different.
pub(super) fn edits(a: &str, b: &str) -> usize {
    if a.len().max(b.len()) > LONGEST {
        return usize::MAX;
    }
    strsim::levenshtein(a, b)
}

/// The name that is at most two letters away, the nearest first; `None` when there is none, or the name is too short to tell.
pub(super) fn nearest<'a>(name: &str, others: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = others.filter(|other| *other != name && name.len() >= 4).map(|other| (edits(name, other), other));
    near.filter(|(edits, _)| *edits <= 2).min().map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_the_nearest_name() {
        let names = ["checkout-config", "checkout-confg", "payments-config"];
        assert_eq!(nearest("checkout-conf", names.into_iter()), Some("checkout-confg"));
        assert_eq!(nearest("search", names.into_iter()), None);
        assert_eq!(nearest("a", ["b"].into_iter()), None);
    }

    proptest! {
        #[test]
        fn edits_are_symmetric_and_bounded(a in "[a-z/]{0,12}", b in "[a-z/]{0,12}") {
            prop_assert_eq!(edits(&a, &b), edits(&b, &a));
            prop_assert!(edits(&a, &b) <= a.len().max(b.len()));
            prop_assert_eq!(edits(&a, &b) == 0, a == b);
        }
    }
}
