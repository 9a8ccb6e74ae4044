//! What may be done in a namespace. [`tier`] is the one function that knows; the parser, the guard, the gate and the risk
//! all ask it.

use super::Settings;

/// What may be done in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Changed after approval.
    Writable,
    /// Read.
    ReadOnly,
    /// Neither.
    Forbidden,
}

impl Tier {
    /// The word that is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Writable => "writable",
            Self::ReadOnly => "read_only",
            Self::Forbidden => "forbidden",
        }
    }
}

/// The tier of a namespace: forbidden beats read-only beats writable, and what nothing matches is read-only.
pub fn tier(settings: &Settings, namespace: &str) -> Tier {
    let namespaces = &settings.policy.namespaces;
    let is_in = |globs: &[String]| globs.iter().any(|glob| matches(glob, namespace));
    if is_in(&namespaces.forbidden) {
        Tier::Forbidden
    } else if is_in(&namespaces.writable) && !is_in(&namespaces.read_only) {
        Tier::Writable
    } else {
        Tier::ReadOnly
    }
}

/// Whether a glob matches a whole name: `*` stands for any characters, `?` for one. Linear in the product of both lengths.
pub(super) fn matches(glob: &str, name: &str) -> bool {
    let (glob, name): (Vec<char>, Vec<char>) = (glob.chars().collect(), name.chars().collect());
    let (mut at, mut star) = ((0, 0), None);
    while at.1 < name.len() {
        match glob.get(at.0) {
            Some('*') => {
                star = Some(at);
                at.0 += 1;
            }
            Some(char) if *char == '?' || name.get(at.1) == Some(char) => at = (at.0 + 1, at.1 + 1),
            // The last star takes one character more.
            _ => match star {
                Some((in_glob, in_name)) => {
                    star = Some((in_glob, in_name + 1));
                    at = (in_glob + 1, in_name + 1);
                }
                None => return false,
            },
        }
    }
    glob.iter().skip(at.0).all(|char| *char == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults() {
        let settings = Settings::default();
        let of = |namespace| tier(&settings, namespace).as_str();
        for (namespace, tier) in [
            ("kube-system", "forbidden"),
            ("mcp", "forbidden"),
            ("mcp-tools", "read_only"),
            ("prod", "read_only"),
            ("production-eu", "read_only"),
            ("squad-7", "writable"),
            ("dev-", "writable"),
            ("my-dev-1", "read_only"),
            ("shop", "read_only"),
            ("", "read_only"),
        ] {
            assert_eq!(of(namespace), tier, "{namespace}");
        }
    }

    #[test]
    fn the_stricter_list_wins() {
        let mut settings = Settings::default();
        settings.policy.namespaces.writable = vec!["*".to_owned()];
        settings.policy.namespaces.read_only = vec!["*-db".to_owned()];
        assert_eq!(tier(&settings, "kube-db"), Tier::Forbidden);
        assert_eq!(tier(&settings, "shop-db"), Tier::ReadOnly);
        assert_eq!(tier(&settings, "shop"), Tier::Writable);
    }

    #[test]
    fn globs_match_whole_names() {
        for (glob, name, is) in [
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("a**", "a", true),
        ] {
            assert_eq!(matches(glob, name), is, "{glob} {name}");
        }
        assert!(!matches(&format!("{}b", "*a".repeat(200)), &"a".repeat(253)));
    }
}
