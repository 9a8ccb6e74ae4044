//! Lines of each stack as its driver, server or runtime writes them, and what they show: `CAUSE NAME=VALUE …` above the lines
//! of one log, `nothing` where they tell of no fault, `not CAUSE` where they only look like it. A log is read by itself, so
//! that no neighbour helps.

use super::read;
use std::collections::BTreeMap;

const WORDINGS: &[&str] = &[
    include_str!("wordings/brokers.txt"),
    include_str!("wordings/certificates.txt"),
    include_str!("wordings/commands.txt"),
    include_str!("wordings/connections.txt"),
    include_str!("wordings/databases.txt"),
    include_str!("wordings/files.txt"),
    include_str!("wordings/heaps.txt"),
    include_str!("wordings/migrations.txt"),
    include_str!("wordings/names.txt"),
    include_str!("wordings/programs.txt"),
    include_str!("wordings/quiet.txt"),
    include_str!("wordings/settings.txt"),
    include_str!("wordings/upstreams.txt"),
];

/// What is expected, and the log.
fn wordings() -> impl Iterator<Item = (&'static str, String)> {
    let blocks = WORDINGS.iter().flat_map(|text| text.split("\n\n")).map(str::trim).filter(|block| !block.is_empty());
    blocks.map(|block| {
        let (expected, lines) = block.split_once('\n').unwrap();
        let log = lines.lines().map(|line| line.strip_prefix("| ").or(line.strip_prefix('|')).unwrap()).collect::<Vec<_>>();
        (expected, log.join("\n"))
    })
}

/// The cause that a log shows, and the names that it holds.
fn shown(log: &str) -> (&'static str, BTreeMap<&'static str, String>) {
    let reading = read(log);
    let Some(finding) = reading.decisive() else { return ("nothing", BTreeMap::new()) };
    let captures = &finding.captures;
    let port = captures.port.map(|port| port.to_string());
    let names = [
        ("host", &captures.host),
        ("port", &port),
        ("user", &captures.user),
        ("object", &captures.object),
        ("setting", &captures.setting),
        ("path", &captures.path),
    ];
    (finding.signature.cause, names.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect())
}

fn fits(expected: &str, log: &str) -> bool {
    let (cause, names) = shown(log);
    if let Some(not) = expected.strip_prefix("not ") {
        return cause != not;
    }
    let mut expected = expected.split(' ');
    expected.next() == Some(cause)
        && expected
            .all(|name| name.split_once('=').is_some_and(|(name, value)| names.get(name).is_some_and(|known| known == value)))
}

#[test]
fn each_wording_shows_its_fault_and_its_names() {
    let wrong: Vec<String> = wordings()
        .filter(|(expected, log)| !fits(expected, log))
        .map(|(expected, log)| format!("{log}\n   expected {expected}\n      found {:?}", shown(&log)))
        .collect();
    assert!(wrong.is_empty(), "{} wordings:\n{}", wrong.len(), wrong.join("\n"));
}
