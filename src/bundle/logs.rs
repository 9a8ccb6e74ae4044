//! Container logs: the names of their files, and only their ends, since the end is where a container says why it died.
//! Control characters stay: whoever shows a line escapes it.

use super::text;
use crate::cluster::LogKey;
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};

/// How much of the end of each log is read, 256 KiB. A live analysis takes 64 KiB (`tailLines`, `limitBytes`), so that
/// every log that was recorded fits whole.
pub const LOG_TAIL: u64 = 256 << 10;

/// How much all logs together may hold in memory, 256 MiB.
pub const LOGS_TOTAL: usize = 256 << 20;

/// The logs that were read, and what is to be said about them.
#[derive(Default)]
pub(super) struct Logs {
    /// The ends of the logs.
    pub logs: BTreeMap<LogKey, String>,
    bytes: usize,
    cut: Option<(usize, LogKey)>,
    /// How many were left out because there was too much.
    pub left_out: usize,
}

impl Logs {
    /// Keeps a log, of which the beginning is missing when `cut`.
    pub fn insert(&mut self, key: LogKey, log: String, cut: bool) {
        if self.is_full() {
            self.left_out += 1;
            return;
        }
        if cut {
            self.cut.get_or_insert_with(|| (0, key.clone())).0 += 1;
        }
        self.bytes += log.len();
        self.logs.insert(key, log);
    }

    /// Whether no more logs are taken.
    pub fn is_full(&self) -> bool {
        self.bytes > LOGS_TOTAL
    }

    /// What is to be said about logs of which only a part was read.
    pub fn warnings(&self) -> Vec<String> {
        let cut = self.cut.as_ref().map(|(count, LogKey { namespace, pod, container, .. })| {
            let size = LOG_TAIL >> 10;
            format!("logs longer than {size} KiB, of which only the end was read: {count} (first: {namespace}/{pod} {container})")
        });
        let left_out = (self.left_out > 0)
            .then(|| format!("logs left out, since all together are larger than {} MiB: {}", LOGS_TOTAL >> 20, self.left_out));
        cut.into_iter().chain(left_out).collect()
    }
}

/// Reads the log that a file is named after: `NAMESPACE_POD_CONTAINER.log`, or `….previous.log`.
pub(super) fn parse_name(file: &str) -> Option<LogKey> {
    let name = file.strip_suffix(".log")?;
    let (name, previous) = name.strip_suffix(".previous").map_or((name, false), |name| (name, true));
    let mut parts = name.split('_');
    let (namespace, pod, container) = (parts.next()?, parts.next()?, parts.next()?);
    let key = LogKey { namespace: namespace.into(), pod: pod.into(), container: container.into(), previous };
    (parts.next().is_none() && is_valid(&key)).then_some(key)
}

/// The name of the file of a log; `None` when pod or container have names that Kubernetes doesn't give, which might
/// lead out of the folder.
pub(super) fn file_name(key: &LogKey) -> Option<String> {
    let LogKey { namespace, pod, container, previous } = key;
    let suffix = if *previous { ".previous.log" } else { ".log" };
    is_valid(key).then(|| format!("{namespace}_{pod}_{container}{suffix}"))
}

/// Namespaces and containers are RFC 1123 labels and pods RFC 1123 subdomains, which hold no `_`. Capitals do no harm.
pub(super) fn is_valid(key: &LogKey) -> bool {
    let is_label = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_label(&key.namespace) && is_label(&key.container) && key.pod.split('.').all(is_label)
}

/// Reads the end of a log file of this length. True when its beginning was left out.
pub(super) fn read_tail(mut file: impl Read + Seek, length: u64) -> io::Result<(String, bool)> {
    let mut mark = Vec::new();
    file.by_ref().take(2).read_to_end(&mut mark)?;
    let unit = text::utf16_mark(&mark);
    let cut = length > LOG_TAIL;
    // An even offset keeps the units of UTF-16 whole.
    let start = if cut { (length - LOG_TAIL) & !1 } else { 0 };
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(LOG_TAIL + 1).read_to_end(&mut bytes)?;
    let log = match unit {
        Some(unit) if cut => text::decode_utf16(&bytes, unit),
        Some(unit) => text::decode_utf16(bytes.get(2..).unwrap_or_default(), unit),
        None => text::lossy(bytes),
    };
    Ok(if cut { (whole_lines(&log).to_owned(), true) } else { (log, false) })
}

/// The end of a log that is in memory. True when its beginning was left out.
pub(super) fn tail(log: &str) -> (&str, bool) {
    let limit = usize::try_from(LOG_TAIL).unwrap_or(usize::MAX);
    if log.len() <= limit {
        return (log, false);
    }
    let start = log.ceil_char_boundary(log.len() - limit);
    (whole_lines(&log[start..]), true)
}

/// Drops the rest of a line that was cut, unless there is nothing else.
fn whole_lines(text: &str) -> &str {
    match text.split_once('\n') {
        Some((_, rest)) if !rest.is_empty() => rest,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn key(namespace: &str, pod: &str, container: &str, previous: bool) -> LogKey {
        LogKey { namespace: namespace.into(), pod: pod.into(), container: container.into(), previous }
    }

    #[test]
    fn names_of_files() {
        for (name, expected) in [
            ("shop_web-1_app.log", key("shop", "web-1", "app", false)),
            ("shop_web-1_app.previous.log", key("shop", "web-1", "app", true)),
            ("kube-system_etcd-ip-10-0-0-1.internal_etcd.log", key("kube-system", "etcd-ip-10-0-0-1.internal", "etcd", false)),
        ] {
            assert_eq!(parse_name(name), Some(expected.clone()));
            assert_eq!(file_name(&expected).as_deref(), Some(name));
        }
        for name in
            ["web.log", "shop_web.log", "a_b_c_d.log", "shop__app.log", "shop_.._app.log", "shop_web_app.txt", "_a_b.log", ""]
        {
            assert_eq!(parse_name(name), None, "{name}");
        }
        for pod in ["../../etc", "..", "a/b", "a_b", "", "a\0", "a\\b", "."] {
            assert_eq!(file_name(&key("shop", pod, "app", false)), None, "{pod}");
        }
    }

    fn read(bytes: &[u8]) -> (String, bool) {
        read_tail(Cursor::new(bytes), bytes.len() as u64).unwrap()
    }

    #[test]
    fn only_whole_lines_of_the_end_are_read() {
        let limit = usize::try_from(LOG_TAIL).unwrap();
        assert_eq!(read(b""), (String::new(), false));
        assert_eq!(read(b"\xFF\x1b[31mred\r\n"), ("\u{FFFD}\u{1b}[31mred\r\n".to_owned(), false));
        let exact = "x".repeat(limit);
        assert_eq!(read(exact.as_bytes()), (exact.clone(), false));
        assert_eq!(tail(&exact), (exact.as_str(), false));

        let lines: String = (0..100_000).map(|line| format!("line {line}\n")).collect();
        for (log, cut) in [read(lines.as_bytes()), {
            let (log, cut) = tail(&lines);
            (log.to_owned(), cut)
        }] {
            assert!(cut && log.len() <= limit && log.len() > limit - 20);
            assert!(log.starts_with("line ") && log.ends_with("line 99999\n"));
        }
        let one_line = "ä".repeat(limit);
        let (log, cut) = read(one_line.as_bytes());
        assert!(cut && log.ends_with("äää"));
        assert!(tail(&one_line).1);
    }

    #[test]
    fn logs_that_powershell_redirected() {
        let utf16 =
            |text: &str| -> Vec<u8> { [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect() };
        assert_eq!(read(&utf16("fatal: ä\r\n")), ("fatal: ä\r\n".to_owned(), false));
        let lines: String = (0..50_000).map(|line| format!("line {line}\r\n")).collect();
        let (log, cut) = read(&utf16(&lines));
        assert!(cut && log.starts_with("line ") && log.ends_with("line 49999\r\n"));
    }

    #[test]
    fn all_logs_together_are_bounded() {
        let mut logs = Logs::default();
        let half = "x".repeat(LOGS_TOTAL / 2 + 1);
        logs.insert(key("a", "a", "a", false), half.clone(), true);
        logs.insert(key("a", "a", "b", false), half, false);
        logs.insert(key("a", "a", "c", false), "more".into(), false);
        assert_eq!((logs.logs.len(), logs.left_out, logs.warnings().len()), (2, 1, 2));
    }
}
