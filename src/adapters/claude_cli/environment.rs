//! Which variables the program gets: what it needs to find itself, its login and the way out.

use std::ffi::OsString;

const NAMES: [&str; 14] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "TMPDIR",
    "CLAUDE_CONFIG_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
];
const PREFIXES: [&str; 2] = ["LC_", "XDG_"];

/// What of this process's environment the program may see.
pub(super) fn allowed() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_allowed))
}

fn is_allowed(name: &str) -> bool {
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_and_no_token_is_let_through() {
        for name in ["PATH", "LC_ALL", "XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "HTTPS_PROXY", "no_proxy", "all_proxy"] {
            assert!(is_allowed(name), "{name}");
        }
        for name in [
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "ANTHROPIC_BASE_URL",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "JIRA_API_TOKEN",
            "KUBECONFIG",
            "LD_PRELOAD",
            "NODE_OPTIONS",
            "path",
            "LANGUAGE",
            "",
        ] {
            assert!(!is_allowed(name), "{name}");
        }
    }
}
