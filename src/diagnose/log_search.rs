//! Events of structured logs as people read them: one line for all that one template made. It is context for who reads the
//! report; it states no fact, and no rule may read it, since whatever was searched for was found by its words.

use crate::cluster::LogEvent;
use crate::domain::LogTemplate;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The most templates that a report shows.
const MOST: usize = 10;
/// The most characters of a template, an example or an exception's line.
const LONGEST: usize = 400;
/// What Seq means by an event without a level.
const NO_LEVEL: &str = "Information";

/// The events by template and level, the most severe first, of those the most frequent. Events are taken oldest first.
pub fn templates(events: &[LogEvent]) -> Vec<LogTemplate> {
    let mut groups: BTreeMap<(u8, &str, &str), Vec<&LogEvent>> = BTreeMap::new();
    for event in events {
        let level = if event.level.trim().is_empty() { NO_LEVEL } else { event.level.trim() };
        let template = if event.template.is_empty() { &event.message } else { &event.template };
        groups.entry((rank(level), level, template)).or_default().push(event);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|((rank, level, template), events)| (*rank, Reverse(events.len()), *level, *template));
    groups.truncate(MOST);
    groups
        .into_iter()
        .filter_map(|((_, level, template), events)| Some(group(level, template, &events, events.last()?)))
        .collect()
}

fn group(level: &str, template: &str, events: &[&LogEvent], last: &LogEvent) -> LogTemplate {
    let times = || events.iter().filter_map(|event| event.at);
    LogTemplate {
        level: cut(level),
        template: cut(template),
        count: events.len(),
        first: times().min(),
        last: times().max(),
        example: cut(if last.message.is_empty() { &last.template } else { &last.message }),
        exception: cut(last.exception.lines().next().unwrap_or_default()),
    }
}

/// How severe a level is, the worst first. Serilog's words, Microsoft's and those of syslog and Java; one that nobody knows
/// stands with information.
fn rank(level: &str) -> u8 {
    match level.to_ascii_lowercase().as_str() {
        "fatal" | "critical" | "crit" | "emergency" | "emerg" | "alert" | "panic" | "severe" => 0,
        "error" | "err" | "eror" => 1,
        "warning" | "warn" | "wrn" => 2,
        "debug" | "dbg" | "fine" => 4,
        "verbose" | "trace" | "vrb" | "finer" | "finest" => 5,
        _ => 3,
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn event(second: i64, level: &str, template: &str, message: &str) -> LogEvent {
        let at = Some(Timestamp::from_second(second).unwrap());
        LogEvent { at, level: level.into(), template: template.into(), message: message.into(), ..LogEvent::default() }
    }

    #[test]
    fn the_most_severe_and_then_the_most_frequent_come_first() {
        let mut events = vec![
            event(1, "Information", "started {Name}", "started cart"),
            event(2, "Error", "no route to {Host}", "no route to db-1"),
            event(3, "error", "rare", "rare"),
            event(4, "Error", "no route to {Host}", "no route to db-2"),
            event(5, "Fatal", "gives up", "gives up"),
            event(6, "", "plain", "plain"),
        ];
        events[4].exception = "System.Exception: boom\n   at Main()".into();
        let groups = templates(&events);
        let shown: Vec<_> = groups.iter().map(|group| (group.level.as_str(), group.template.as_str(), group.count)).collect();
        assert_eq!(
            shown,
            [
                ("Fatal", "gives up", 1),
                ("Error", "no route to {Host}", 2),
                ("error", "rare", 1),
                ("Information", "plain", 1),
                ("Information", "started {Name}", 1)
            ]
        );
        assert_eq!(groups[0].exception, "System.Exception: boom");
        let route = &groups[1];
        assert_eq!((route.first, route.last), (events[1].at, events[3].at));
        assert_eq!(route.example, "no route to db-2");
    }

    proptest! {
        /// Nothing is counted twice, and every level and length is bearable.
        #[test]
        fn counts_add_up(events in proptest::collection::vec(("\\PC{0,8}", "[ab]{0,2}", "\\PC{0,600}"), 0..40)) {
            let events: Vec<LogEvent> =
                events.iter().map(|(level, template, message)| event(0, level, template, message)).collect();
            let groups = templates(&events);
            prop_assert!(groups.len() <= MOST);
            let all: usize = groups.iter().map(|group| group.count).sum();
            prop_assert!(all <= events.len() && (groups.len() == MOST || all == events.len()));
            prop_assert!(groups.iter().all(|group| group.example.chars().count() <= LONGEST + 1));
        }
    }
}
