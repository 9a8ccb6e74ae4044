//! When a CronJob is due: its schedule in the dialect of the library that the controller uses (robfig/cron v3,
//! `ParseStandard`). It knows no time zones: without `spec.timeZone` the schedule is in the controller's own, which no object
//! tells, so callers decide what a moment's difference proves.

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Span, ToSpan};

/// How far ahead the next run is looked for; the library gives up after five years too.
const YEARS_AHEAD: i16 = 5;
/// For how long the longest gap between two runs is looked for: a year and a leap day.
const GAP_DAYS: i64 = 366;
/// Longer text is no schedule.
const LONGEST: usize = 256;

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Five fields, each a set of the values at which it runs.
    Fields(Fields),
    /// `@every DURATION`: so long after the last run.
    Every(SignedDuration),
}

/// The five fields of a schedule, as sets of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether the day of the month, or of the week, was left open: then the other alone decides.
    open_day: bool,
}

/// Reads a schedule. The error says which field is wrong and why.
///
/// # Errors
/// Whatever the controller can't parse either.
pub fn parse(schedule: &str) -> Result<Schedule, String> {
    if schedule.len() > LONGEST {
        return Err("it is too long".to_owned());
    }
    let schedule = without_zone(schedule.trim());
    if let Some(descriptor) = schedule.strip_prefix('@') {
        return described(descriptor);
    }
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields[..] else {
        return Err(format!("it has {} fields, not 5", fields.len()));
    };
    let (minutes, _) = field("minute", minute, 0, 59, &[])?;
    let (hours, _) = field("hour", hour, 0, 23, &[])?;
    let (days, any_day) = field("day of the month", day, 1, 31, &[])?;
    let (months, _) = field("month", month, 1, 12, MONTHS)?;
    let (weekdays, any_weekday) = field("day of the week", weekday, 0, 6, DAYS)?;
    Ok(Schedule::Fields(Fields { minutes, hours, days, months, weekdays, open_day: any_day || any_weekday }))
}

/// Without a leading `TZ=…` or `CRON_TZ=…`.
fn without_zone(schedule: &str) -> &str {
    let zoned = schedule.starts_with("TZ=") || schedule.starts_with("CRON_TZ=");
    if zoned { schedule.split_once(' ').map_or("", |(_, rest)| rest.trim_start()) } else { schedule }
}

fn described(descriptor: &str) -> Result<Schedule, String> {
    let fields = match descriptor {
        "yearly" | "annually" => "0 0 1 1 *",
        "monthly" => "0 0 1 * *",
        "weekly" => "0 0 * * 0",
        "daily" | "midnight" => "0 0 * * *",
        "hourly" => "0 * * * *",
        _ => {
            let every = descriptor.strip_prefix("every ").and_then(go_duration);
            return every.map(Schedule::Every).ok_or_else(|| format!("@{descriptor} is no descriptor"));
        }
    };
    parse(fields)
}

/// A duration as Go writes it, in hours, minutes and seconds: `1h30m`.
fn go_duration(text: &str) -> Option<SignedDuration> {
    let mut total = 0_i64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: i64 = rest.get(..digits)?.parse().ok()?;
        let unit = match rest.as_bytes().get(digits)? {
            b'h' => 3600,
            b'm' => 60,
            b's' => 1,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = rest.get(digits + 1..)?;
    }
    (total > 0).then(|| SignedDuration::from_secs(total))
}

/// One field as a set, and whether it was left open (`*` or `?`).
fn field(name: &str, text: &str, min: u32, max: u32, names: &[&str]) -> Result<(u64, bool), String> {
    let wrong = |why: String| format!("{name} {text:?} {why}");
    let (mut set, mut open) = (0, false);
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            None => (part, None),
            Some((range, step)) => {
                let step = step.parse::<u32>().ok().filter(|step| *step > 0);
                (range, Some(step.ok_or_else(|| wrong("has no usable step".to_owned()))?))
            }
        };
        let number = |text: &str| match text.parse::<u32>() {
            Ok(number) => Ok(number),
            Err(_) => match names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
                Some(index) => Ok(u32::try_from(index).unwrap_or(0) + min),
                None => Err(wrong("is no number".to_owned())),
            },
        };
        let is_open = matches!(range, "*" | "?");
        let (first, last) = match range.split_once('-') {
            _ if is_open => (min, max),
            Some((first, last)) => (number(first)?, number(last)?),
            None => {
                let only = number(range)?;
                // `5/15` means from 5 on.
                (only, if step.is_some() { max } else { only })
            }
        };
        if first < min || last > max || first > last {
            return Err(wrong(format!("is not within {min} to {max}")));
        }
        let step = step.unwrap_or(1);
        open |= is_open && step == 1;
        let mut at = first;
        while at <= last {
            set |= 1_u64 << at;
            at += step;
        }
    }
    Ok((set, open))
}

fn has(set: u64, value: i8) -> bool {
    u32::try_from(value).is_ok_and(|value| set & (1_u64 << value) != 0)
}

impl Fields {
    fn is_day(&self, date: Date) -> bool {
        let weekday = date.weekday().to_sunday_zero_offset();
        let (day, weekday) = (has(self.days, date.day()), has(self.weekdays, weekday));
        has(self.months, date.month()) && if self.open_day { day && weekday } else { day || weekday }
    }

    /// The first run of a day from a minute of it on.
    fn within(&self, date: Date, from: (i8, i8)) -> Option<DateTime> {
        for hour in (from.0..24).filter(|hour| has(self.hours, *hour)) {
            let first = if hour == from.0 { from.1 } else { 0 };
            if let Some(minute) = (first..60).find(|minute| has(self.minutes, *minute)) {
                return Some(date.at(hour, minute, 0, 0));
            }
        }
        None
    }

    fn next(&self, after: DateTime) -> Option<DateTime> {
        let from = after.checked_add(1.minute()).ok()?;
        let mut start = (from.hour(), from.minute());
        let last = from.date().year() + YEARS_AHEAD;
        let mut date = from.date();
        while date.year() <= last {
            if self.is_day(date)
                && let Some(found) = self.within(date, start)
            {
                return Some(found);
            }
            date = date.tomorrow().ok()?;
            start = (0, 0);
        }
        None
    }

    fn longest_gap(&self, after: Date) -> Option<SignedDuration> {
        let minutes: Vec<i64> = (0..24 * 60)
            .filter(|at| has(self.hours, (at / 60) as i8) && has(self.minutes, (at % 60) as i8))
            .map(i64::from)
            .collect();
        let (first, last) = (*minutes.first()?, *minutes.last()?);
        let mut longest = minutes.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
        let days: Vec<i64> =
            (0..GAP_DAYS).zip(after.series(1.day())).filter(|(_, date)| self.is_day(*date)).map(|(day, _)| day).collect();
        let overnight = days.windows(2).map(|pair| (pair[1] - pair[0]) * 24 * 60 - last + first).max();
        longest = longest.max(overnight?);
        Some(SignedDuration::from_mins(longest))
    }
}

impl Schedule {
    /// The first run after a moment, on the clock that the schedule is written for. `None` when it never runs: the 30th of
    /// February.
    pub fn next(&self, after: DateTime) -> Option<DateTime> {
        match self {
            Self::Fields(fields) => fields.next(after),
            Self::Every(every) => after.checked_add(Span::try_from(*every).ok()?).ok(),
        }
    }

    /// Whether it runs at a moment.
    pub fn is_run(&self, at: DateTime) -> bool {
        match self {
            Self::Fields(fields) => fields.is_day(at.date()) && has(fields.hours, at.hour()) && has(fields.minutes, at.minute()),
            Self::Every(_) => true,
        }
    }

    /// The longest time between two runs that follow each other, in the year after a moment: whatever the time zone, a run is
    /// due within it. `None` when there are no two runs in that time.
    pub fn longest_gap(&self, after: DateTime) -> Option<SignedDuration> {
        match self {
            Self::Fields(fields) => fields.longest_gap(after.date()),
            Self::Every(every) => Some(*every),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn next(schedule: &str, after: &str) -> String {
        let after: DateTime = after.parse().unwrap();
        parse(schedule).unwrap().next(after).map_or("never".to_owned(), |at| at.to_string())
    }

    #[test]
    fn finds_the_next_run() {
        let after = "2026-03-10T09:41:27";
        for (schedule, at) in [
            ("*/15 * * * *", "2026-03-10T09:45:00"),
            ("41 9 * * *", "2026-03-11T09:41:00"),
            ("0 2 * * *", "2026-03-11T02:00:00"),
            ("@hourly", "2026-03-10T10:00:00"),
            ("0 0 1 */3 *", "2026-04-01T00:00:00"),
            ("30 4 * * mon-fri", "2026-03-11T04:30:00"),
            ("30 4 * * SUN", "2026-03-15T04:30:00"),
            ("0 0 29 2 *", "2028-02-29T00:00:00"),
            ("5/20 8-10 * * ?", "2026-03-10T09:45:00"),
            ("TZ=Europe/Rome 0 12 * * *", "2026-03-10T12:00:00"),
            ("@every 1h30m", "2026-03-10T11:11:27"),
            ("0 0 30 2 *", "never"),
            ("0 0 31 2,4,6 *", "never"),
        ] {
            assert_eq!(next(schedule, after), at, "{schedule}");
        }
    }

    #[test]
    fn either_day_counts_when_both_are_given() {
        // 10 March 2026 is a Tuesday.
        assert_eq!(next("0 0 13 * fri", "2026-03-01T00:00:00"), "2026-03-06T00:00:00");
        assert_eq!(next("0 0 13 * *", "2026-03-01T00:00:00"), "2026-03-13T00:00:00");
        assert_eq!(next("0 0 */2 * tue", "2026-03-02T00:00:00"), "2026-03-03T00:00:00");
    }

    #[test]
    fn says_what_is_wrong() {
        for (schedule, why) in [
            ("60 * * * *", "minute \"60\" is not within 0 to 59"),
            ("* * * *", "it has 4 fields, not 5"),
            ("0 0 * * 7", "day of the week \"7\" is not within 0 to 6"),
            ("0 0 * foo *", "month \"foo\" is no number"),
            ("*/0 * * * *", "minute \"*/0\" has no usable step"),
            ("@sometimes", "@sometimes is no descriptor"),
            ("", "it has 0 fields, not 5"),
            ("9-5 * * * *", "minute \"9-5\" is not within 0 to 59"),
        ] {
            assert_eq!(parse(schedule).unwrap_err(), why, "{schedule}");
        }
    }

    #[test]
    fn knows_how_long_it_may_rest() {
        let after: DateTime = "2026-03-10T09:41:27".parse().unwrap();
        let gap = |schedule: &str| parse(schedule).unwrap().longest_gap(after).unwrap().as_hours();
        assert_eq!((gap("0 2 * * *"), gap("*/5 9-17 * * mon-fri"), gap("0 * * * *")), (24, 63, 1));
        assert!(parse("0 2 * * *").unwrap().is_run("2026-03-10T02:00:00".parse().unwrap()));
        assert!(!parse("0 2 * * *").unwrap().is_run("2026-03-10T02:01:00".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}", fields in "[0-9*/,?@a-z -]{0,30}") {
            for schedule in [text, fields] {
                if let Ok(schedule) = parse(&schedule) {
                    let at: DateTime = "2026-03-10T09:41:27".parse().unwrap();
                    if let Some(next) = schedule.next(at) {
                        prop_assert!(next > at);
                        prop_assert!(schedule.is_run(next));
                    }
                }
            }
        }
    }
}
