//! Who owns what an alert is about, as the alert itself says.

use std::collections::BTreeMap;

/// Labels and annotations that name an owner; the first that is there counts.
const KEYS: [&str; 3] = ["team", "owner", "squad"];
/// Words that name nobody.
const NOBODY: [&str; 5] = ["", "unknown", "n/a", "-", "none"];

/// The owner that an alert's labels name, or else its annotations.
pub fn owner_of<'a>(labels: &'a BTreeMap<String, String>, annotations: &'a BTreeMap<String, String>) -> Option<&'a str> {
    let named = KEYS.iter().filter_map(|key| labels.get(*key).or_else(|| annotations.get(*key)));
    named.map(|owner| owner.trim()).find(|owner| !NOBODY.contains(&owner.to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::label(&[("team", "shop")], &[], Some("shop"))]
    #[case::first_key(&[("owner", "pay"), ("team", " shop ")], &[], Some("shop"))]
    #[case::annotation(&[], &[("squad", "blue")], Some("blue"))]
    #[case::label_before_annotation(&[("team", "shop")], &[("team", "pay")], Some("shop"))]
    #[case::nobody(&[("team", "N/A"), ("owner", "pay")], &[], Some("pay"))]
    #[case::none(&[("namespace", "shop")], &[("summary", "x")], None)]
    fn the_first_key_that_names_somebody(
        #[case] labels: &[(&str, &str)],
        #[case] annotations: &[(&str, &str)],
        #[case] owner: Option<&str>,
    ) {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        assert_eq!(owner_of(&map(labels), &map(annotations)), owner);
    }
}
