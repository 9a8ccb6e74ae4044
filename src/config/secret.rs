//! A setting that can't be printed.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};

/// A secret of the settings: its `Debug` shows nothing, there is no `Display`, and its memory is wiped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// The value, for the header that it goes into and for nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<secret>")
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value.into())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A file that an editor or `echo` wrote ends with a line break, which is no part of what it holds.
        let text = String::deserialize(deserializer)?;
        Ok(Self::from(text.trim_end_matches(['\n', '\r']).to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_break_at_the_end_of_a_file_is_no_part_of_its_secret() {
        let read = |text: &str| serde_json::from_value::<Secret>(text.into()).unwrap().expose().to_owned();
        assert_eq!(
            (read("s3cret\r\n"), read("s3 cret "), read("\n")),
            ("s3cret".to_owned(), "s3 cret ".to_owned(), String::new())
        );
    }
}
