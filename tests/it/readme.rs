//! The README shows what the program prints, and docs/http-api.md what it serves.

use assert_cmd::Command;
use regex::Regex;
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn the_readme_shows_what_its_first_command_prints() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let mut blocks = readme.split("```\n").skip(1).step_by(2);
    let command = blocks.next().unwrap().trim();
    let arguments = command.strip_prefix("cargo run --release -- ").unwrap();
    let output = Command::cargo_bin("sre-copilot").unwrap().args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(blocks.next().unwrap().trim_end(), printed.trim_end());
}

/// The routes and error codes that files of a folder name.
fn named(folder: &Path, pattern: &Regex, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            named(&entry, pattern, found);
        } else {
            // What tests serve stands at the end of a file.
            let text = std::fs::read_to_string(&entry).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            found.extend(pattern.captures_iter(code).map(|found| found[1].to_owned()));
        }
    }
}

#[test]
fn every_route_and_error_code_is_documented() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documented = std::fs::read_to_string(home.join("docs/http-api.md")).unwrap();
    let (mut routes, mut codes) = (BTreeSet::new(), BTreeSet::new());
    named(&home.join("src/server"), &Regex::new(r#"\.route\(\s*"([^"]+)""#).unwrap(), &mut routes);
    named(&home.join("src/server"), &Regex::new(r#"= "([a-z_]+)", [A-Z_]+, ""#).unwrap(), &mut codes);
    assert!(routes.len() >= 16 && codes.len() >= 16, "{routes:?} {codes:?}");
    for route in routes {
        assert!(documented.contains(&format!(" {route}`")), "{route}");
    }
    for code in codes {
        assert!(documented.contains(&format!("`{code}`")), "{code}");
    }
}
