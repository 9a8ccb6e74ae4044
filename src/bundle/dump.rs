//! What `kubectl cluster-info dump` writes: a folder of typed lists and of one `logs.txt` a pod, or all of it in one
//! stream. A log ends at the first line that looks like its own end mark; a container that prints that line can so
//! cut its log short, and in the stream add objects. Bundles don't have that weakness.

use super::error::{BundleError, escaped, shown};
use super::folder::{Folder, is_objects};
use super::kubernetes::{Objects, counted};
use super::logs::{self, Logs};
use crate::cluster::{LogKey, Object, Recording};
use crate::domain::{KUBERNETES, LOGS, SourceState};
use std::path::Path;

/// The lines around a container's log, up to the container's name, as kubectl's `clusterinfo_dump.go` prints them.
const START: &str = "==== START logs for container ";
const END: &str = "==== END logs for container ";

/// What kubectl writes in place of a log that it could not get.
const LOG_ERRORS: [&str; 2] = ["Request log error: ", "Create log request error: "];

/// What a dump lacks, for the state of its source.
const HOLDS: &str = "a cluster-info dump holds nodes, events, pods, services and some controllers, and no other kinds";
const NO_PREVIOUS: &str = "a cluster-info dump holds no logs of previous instances";

/// Whether a folder looks like a dump: `nodes.json` at its top, or a namespace's `pods.json` below.
pub(super) fn is_dump(folder: &Folder) -> bool {
    let has = |prefix: &str, name: &str| ["json", "yaml"].iter().any(|suffix| folder.has(&format!("{prefix}{name}.{suffix}")));
    has("", "nodes") || folder.names("").is_ok_and(|names| names.iter().any(|name| name.ends_with('/') && has(name, "pods")))
}

/// Reads a dump's folder.
pub(super) fn read_folder(path: &Path, folder: &Folder) -> Result<Recording, BundleError> {
    let mut dump = Dump { is_dump: true, ..Dump::default() };
    for name in folder.names("")? {
        match name.strip_suffix('/') {
            Some(namespace) => dump.read_namespace(folder, namespace)?,
            None => dump.read_objects(folder, &name)?,
        }
    }
    Ok(dump.into_recording(&shown(path)))
}

/// Reads what kubectl printed to one stream or file: objects, and the logs of a dump among them.
pub(super) fn read_stream(text: &str, name: &str) -> Result<Recording, BundleError> {
    if text.trim().is_empty() {
        return Err(BundleError::Empty { name: name.to_owned() });
    }
    let mut dump = Dump::default();
    for section in sections(text) {
        match section {
            // Between two logs there is nothing.
            Section::Objects { text, .. } if text.trim().is_empty() && dump.is_dump => {}
            Section::Objects { text, line } => dump.objects.read(name, text, line)?,
            Section::Log { key, log, whole } => dump.take_log(key, log, whole),
        }
    }
    Ok(dump.into_recording(name))
}

#[derive(Default)]
struct Dump {
    objects: Objects,
    logs: Logs,
    /// False while nothing but objects was seen: then it may be what `kubectl get` printed.
    is_dump: bool,
    has_logs: bool,
    failed_logs: Option<(usize, String)>,
}

impl Dump {
    fn read_namespace(&mut self, folder: &Folder, namespace: &str) -> Result<(), BundleError> {
        for name in folder.names(namespace)? {
            let path = format!("{namespace}/{name}");
            let Some(pod) = name.strip_suffix('/') else {
                self.read_objects(folder, &path)?;
                continue;
            };
            let Some(text) = folder.text(&format!("{path}logs.txt"))? else { continue };
            for section in sections(&text) {
                match section {
                    Section::Log { key, log, whole } if key.namespace == namespace && key.pod == pod => {
                        self.take_log(key, log, whole);
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn read_objects(&mut self, folder: &Folder, path: &str) -> Result<(), BundleError> {
        if !is_objects(path) {
            return Ok(());
        }
        match folder.text(path)? {
            Some(text) => self.objects.read(&folder.name(path), &text, 1),
            None => Ok(()),
        }
    }

    fn take_log(&mut self, key: LogKey, log: &str, whole: bool) {
        self.is_dump = true;
        self.has_logs = true;
        self.objects.cut |= !whole;
        if LOG_ERRORS.iter().any(|error| log.starts_with(error)) && log.lines().count() == 1 {
            self.failed_logs.get_or_insert_with(|| (0, escaped(log.trim_end(), 200))).0 += 1;
            return;
        }
        let (log, cut) = logs::tail(log);
        self.logs.insert(key, log.to_owned(), cut);
    }

    fn into_recording(self, name: &str) -> Recording {
        let Self { objects: Objects { objects, cut, list, .. }, .. } = &self;
        let mut recording = Recording::default();
        let mut lacks = vec![if self.is_dump { HOLDS.to_owned() } else { format!("only what was in {name} was read") }];
        if *cut {
            let cut = format!("{name} is cut off after {}", counted(objects.len()));
            recording.warnings.push(cut.clone());
            lacks.push(cut);
        }
        recording.sources.insert(KUBERNETES.to_owned(), SourceState::Partial(lacks.join("; ")));
        if self.has_logs {
            let mut lacks = vec![NO_PREVIOUS.to_owned()];
            lacks.extend(
                self.failed_logs.as_ref().map(|(count, first)| format!("logs that could not be read: {count} (first: {first})")),
            );
            lacks.extend((self.logs.left_out > 0).then(|| format!("logs left out: {}", self.logs.left_out)));
            recording.sources.insert(LOGS.to_owned(), SourceState::Partial(lacks.join("; ")));
        }
        recording.warnings.extend(self.objects.warning(name));
        recording.warnings.extend(self.logs.warnings());
        if let ([object], false) = (objects.as_slice(), list) {
            recording.target = Object::new(object.clone()).map(|object| object.id);
        }
        recording.objects = self.objects.objects;
        recording.logs = self.logs.logs;
        recording
    }
}

/// A part of a stream.
enum Section<'a> {
    /// Objects, and the line on which they begin.
    Objects { text: &'a str, line: usize },
    /// A container's log; not whole when the stream ends before its end mark.
    Log { key: LogKey, log: &'a str, whole: bool },
}

/// Splits a stream into its parts.
fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections = Vec::new();
    let (mut rest, mut line) = (text, 1);
    let lines = |text: &str| text.bytes().filter(|byte| *byte == b'\n').count();
    while let Some((start, key)) = find_start(rest) {
        let (objects, mark) = rest.split_at(start);
        let (mark, body) = mark.split_at(mark.find('\n').map_or(mark.len(), |end| end + 1));
        if !objects.is_empty() {
            sections.push(Section::Objects { text: objects, line });
        }
        let end = format!("{END}{} of pod {}/{} ====", key.container, key.namespace, key.pod);
        let Some((log, after)) = body.split_once(&end) else {
            sections.push(Section::Log { key, log: body, whole: false });
            return sections;
        };
        sections.push(Section::Log { key, log, whole: true });
        line += lines(objects) + lines(mark) + lines(log);
        rest = after;
    }
    if !rest.is_empty() {
        sections.push(Section::Objects { text: rest, line });
    }
    sections
}

/// Where the next start mark is, at the beginning of a line, and whose log follows it.
fn find_start(text: &str) -> Option<(usize, LogKey)> {
    memchr::memmem::find_iter(text.as_bytes(), START).find_map(|at| {
        let (before, mark) = text.split_at_checked(at)?;
        if !(before.is_empty() || before.ends_with('\n')) {
            return None;
        }
        let mark = mark.lines().next()?.strip_prefix(START)?.trim_end().strip_suffix(" ====")?;
        let (container, pod) = mark.split_once(" of pod ")?;
        let (namespace, pod) = pod.split_once('/')?;
        let key = LogKey { namespace: namespace.into(), pod: pod.into(), container: container.into(), previous: false };
        logs::is_valid(&key).then_some((at, key))
    })
}
