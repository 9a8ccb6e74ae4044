//! Holds the dependency rule of `src/lib.rs`: reads the source and fails with the line that breaks it.

use std::fs;
use std::path::{Path, PathBuf};

/// Each module and the modules that it may use besides itself. What isn't listed may not exist.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("redact", &[]),
    ("cluster", &["domain"]),
    ("ports", &["cluster", "domain"]),
    ("diagnose", &["cluster", "domain"]),
    ("remedy", &["cluster", "domain", "ports"]),
    ("reason", &["cluster", "diagnose", "domain", "redact", "remedy"]),
    ("bundle", &["cluster", "domain", "ports"]),
    ("adapters", &["cluster", "config", "domain", "ports", "redact", "telemetry"]),
    ("store", &["cluster", "domain", "ports", "telemetry"]),
    ("render", &["domain", "redact"]),
    ("config", &["domain", "remedy"]),
    ("pipeline", &["bundle", "cluster", "diagnose", "domain", "ports", "reason", "redact", "remedy", "telemetry"]),
    ("telemetry", &[]),
    ("server", &["cluster", "config", "diagnose", "domain", "pipeline", "ports", "redact", "remedy", "render", "telemetry"]),
    ("worker", &["cluster", "config", "diagnose", "domain", "pipeline", "ports", "redact", "remedy", "render", "telemetry"]),
    (
        "cli",
        &[
            "adapters",
            "bundle",
            "cluster",
            "config",
            "diagnose",
            "domain",
            "pipeline",
            "ports",
            "reason",
            "redact",
            "remedy",
            "render",
            "server",
            "store",
            "telemetry",
            "worker",
        ],
    ),
];

/// What the pure modules may not name, since each is I/O, a clock, an environment or a framework.
const IMPURE: &[&str] = &[
    "tokio",
    "reqwest",
    "kube::",
    "k8s_openapi",
    "rusqlite",
    "axum",
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::io",
    "std::time::Instant",
    "SystemTime",
    "Timestamp::now",
    "Zoned::now",
    "clap",
];
const PURE: &[&str] = &["domain", "redact", "cluster", "diagnose", "reason", "remedy"];

/// The only module that may name a concrete adapter outside `adapters`.
const WIRING: &str = "cli/wiring/";

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The lines of code of a file, without comments and without the unit tests at its end.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().take_while(|(_, line)| !line.contains("#[cfg(test)]"));
    lines.map(|(index, line)| (index + 1, line.split("//").next().unwrap_or(""))).filter(|(_, line)| !line.trim().is_empty())
}

/// The modules of this crate that a line names with `crate::NAME`.
fn named(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("crate::").filter_map(move |(at, word)| {
        let rest = &line[at + word.len()..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = &rest[..end];
        (!name.is_empty()).then_some(name)
    })
}

fn breaches(file: &str, text: &str) -> Vec<String> {
    let module = file.split(['/', '.']).next().unwrap_or("");
    let mut found = Vec::new();
    if matches!(module, "main" | "lib") {
        return found;
    }
    let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
        return vec![format!("{file}: module {module} is not in the dependency rule")];
    };
    let is_test = file.ends_with("/tests.rs") || file.contains("/tests/");
    for (number, line) in code(text) {
        for name in named(line) {
            if name != module && !allowed.contains(&name) && MAY_USE.iter().any(|(known, _)| *known == name) {
                found.push(format!("{file}:{number}: {module} may not use {name}: {}", line.trim()));
            }
            if matches!(name, "adapters" | "store") && module == "cli" && !file.starts_with(WIRING) {
                found.push(format!("{file}:{number}: only {WIRING} names adapters and the store: {}", line.trim()));
            }
        }
        if module != "store" && line.contains("rusqlite") {
            found.push(format!("{file}:{number}: only store speaks SQL: {}", line.trim()));
        }
        if PURE.contains(&module) && !is_test {
            for word in IMPURE.iter().filter(|word| line.contains(*word)) {
                found.push(format!("{file}:{number}: {module} is pure and may not name {word}: {}", line.trim()));
            }
        }
    }
    found
}

#[test]
fn each_module_uses_only_what_stands_to_its_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 20, "the source was not found");
    let mut found = Vec::new();
    for path in files {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        found.extend(breaches(&name, &fs::read_to_string(&path).unwrap()));
    }
    assert!(found.is_empty(), "the dependency rule is broken:\n{}", found.join("\n"));
}

/// A family that is longer holds more than one concept.
const LONGEST_RULES: usize = 400;

#[test]
fn no_file_of_the_diagnosis_is_too_long_to_be_read_at_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/diagnose");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let length = |path: &PathBuf| fs::read_to_string(path).unwrap().lines().count();
    let long: Vec<_> = files.iter().filter(|path| length(path) > LONGEST_RULES).collect();
    assert!(files.len() > 50 && long.is_empty(), "over {LONGEST_RULES} lines: {long:?}");
}

#[test]
fn the_rule_sees_a_breach() {
    assert_eq!(breaches("domain/alert.rs", "use crate::cluster::Object;").len(), 1);
    assert_eq!(breaches("diagnose/rules/x.rs", "let now = jiff::Timestamp::now();").len(), 1);
    assert_eq!(breaches("cli/analyze.rs", "use crate::adapters::kubernetes::Reader;").len(), 1);
    assert_eq!(breaches("pipeline/x.rs", "use rusqlite::Connection;").len(), 1);
    assert_eq!(breaches("misc/mod.rs", "").len(), 1);
    assert!(breaches("cli/wiring/mod.rs", "use crate::adapters::kubernetes::Reader;").is_empty());
    assert!(breaches("cluster/pod.rs", "use crate::domain::ObjectRef; // crate::cli").is_empty());
}

#[test]
fn no_module_has_a_name_that_says_nothing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    for path in files {
        let name = path.to_string_lossy();
        for word in ["utils", "util", "helpers", "helper", "manager", "common", "misc"] {
            assert!(!name.ends_with(&format!("/{word}.rs")) && !name.contains(&format!("/{word}/")), "{name} says nothing");
        }
    }
}
