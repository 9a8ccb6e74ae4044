//! Writes a bundle. Each file is complete under its own name or not there at all, and `incident.json`, which says that
//! a bundle is complete, is taken away first and written last: a full disk or a kill leaves no half that looks whole.

use super::error::{BundleError, escaped, shown};
use super::folder::{Folder, is_objects};
use super::incident::{self, Incident, ListFile};
use super::{exchanges, kubernetes, logs};
use crate::cluster::{LogKey, Recording, Signal};
use crate::domain::Exchange;
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes a recording as a bundle. The folder is made when it isn't there; a bundle that is there is replaced, but
/// its `expected.json` and `intent.json` stay. The same recording gives the same bytes.
///
/// # Errors
///
/// When the folder holds something that is no bundle, or can't be written.
pub fn write(path: &Path, recording: &Recording) -> Result<(), BundleError> {
    fs::create_dir_all(path).map_err(|error| BundleError::write(path, error))?;
    let folder = Folder::open(path)?;
    if fs::read_dir(path).map_err(|error| BundleError::write(path, error))?.next().is_some() && Incident::read(&folder)?.is_none()
    {
        return Err(BundleError::NotEmpty { name: shown(path) });
    }
    let logs = log_files(recording)?;
    remove(path, incident::INCIDENT)?;
    write_objects(path, &folder, &recording.objects)?;
    write_logs(path, &folder, &logs)?;
    write_exchanges(path, &folder, &recording.exchanges)?;
    match &recording.alert {
        Some(alert) => write_file(path, incident::ALERT, |file| pretty(file, alert))?,
        None => remove(path, incident::ALERT)?,
    }
    let signals: Vec<SignalLine<'_>> = recording.signals.iter().map(SignalLine::from).collect();
    write_list(path, &incident::SIGNALS, &signals)?;
    write_list(path, &incident::DEPENDENCIES, &recording.dependencies)?;
    write_list(path, &incident::DEPLOYS, &recording.deploys)?;
    write_list(path, &incident::TICKETS, &recording.tickets)?;
    write_list(path, &incident::LOG_EVENTS, &recording.log_events)?;
    write_list(path, &incident::HISTORY, &recording.history)?;
    let incident = Incident {
        api_version: incident::API_VERSION.to_owned(),
        kind: incident::KIND.to_owned(),
        captured_at: recording.captured_at,
        target: recording.target.clone(),
        title: recording.title.clone(),
        sources: Some(recording.sources.clone()),
        model: recording.model.clone(),
        warnings: recording.warnings.clone(),
    };
    write_file(path, incident::INCIDENT, |file| pretty(file, &incident))
}

fn write_objects(path: &Path, folder: &Folder, objects: &[Value]) -> Result<(), BundleError> {
    // Whoever recorded them has dropped a Secret's values already. They must not reach a disk even if not.
    let items: Vec<Cow<'_, Value>> = objects
        .iter()
        .map(|object| {
            let mut object = Cow::Borrowed(object);
            if object.get("kind").and_then(Value::as_str) == Some("Secret") {
                kubernetes::blank_secret(object.to_mut());
            }
            object
        })
        .collect();
    write_file(path, incident::OBJECTS, |file| pretty(file, &List { api_version: "v1", kind: "List", items: &items }))?;
    for name in folder.names(incident::OBJECTS_FOLDER)?.iter().filter(|name| is_objects(name)) {
        remove(path, &format!("{}/{name}", incident::OBJECTS_FOLDER))?;
    }
    Ok(())
}

/// A v1 `List`. Its kind stands before its items, so that a reader of one that is cut off knows what they are.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    api_version: &'static str,
    kind: &'static str,
    items: &'a [Cow<'a, Value>],
}

/// The logs by the names of their files.
fn log_files<'a>(recording: &'a Recording) -> Result<BTreeMap<String, &'a str>, BundleError> {
    let file = |(key, log): (&LogKey, &'a String)| match logs::file_name(key) {
        Some(file) => Ok((file, log.as_str())),
        None => Err(BundleError::LogName { key: escaped(&format!("{}/{} {}", key.namespace, key.pod, key.container), 200) }),
    };
    recording.logs.iter().map(file).collect()
}

fn write_logs(path: &Path, folder: &Folder, files: &BTreeMap<String, &str>) -> Result<(), BundleError> {
    // Asking for the names refuses a folder that is a link to somewhere else.
    let earlier = folder.names(incident::LOGS_FOLDER)?;
    if !files.is_empty() {
        let logs = path.join(incident::LOGS_FOLDER);
        fs::create_dir_all(&logs).map_err(|error| BundleError::write(&logs, error))?;
    }
    for (file, log) in files {
        write_file(path, &format!("{}/{file}", incident::LOGS_FOLDER), |out| out.write_all(log.as_bytes()))?;
    }
    for file in earlier.iter().filter(|file| !files.contains_key(*file) && logs::parse_name(file).is_some()) {
        remove(path, &format!("{}/{file}", incident::LOGS_FOLDER))?;
    }
    Ok(())
}

/// Writes them numbered; an earlier recording's go.
fn write_exchanges(path: &Path, folder: &Folder, exchanges: &[Exchange]) -> Result<(), BundleError> {
    let earlier = folder.names(exchanges::FOLDER)?;
    if !exchanges.is_empty() {
        let inside = path.join(exchanges::FOLDER);
        fs::create_dir_all(&inside).map_err(|error| BundleError::write(&inside, error))?;
    }
    let exchanges = Exchange::numbered(exchanges.to_vec());
    let files: BTreeMap<String, &Exchange> = exchanges.iter().map(|one| (exchanges::file_name(one.n), one)).collect();
    for (file, exchange) in &files {
        write_file(path, &format!("{}/{file}", exchanges::FOLDER), |out| pretty(out, exchange))?;
    }
    for file in earlier.iter().filter(|file| exchanges::is_exchange(file) && !files.contains_key(*file)) {
        remove(path, &format!("{}/{file}", exchanges::FOLDER))?;
    }
    Ok(())
}

/// Writes one entry a line, so that two recordings can be compared line by line.
fn write_list<T: Serialize>(path: &Path, file: &ListFile, entries: &[T]) -> Result<(), BundleError> {
    if entries.is_empty() {
        return remove(path, file.file);
    }
    write_file(path, file.file, |out| {
        write!(out, "{{{}: [", json!(file.key))?;
        for (index, entry) in entries.iter().enumerate() {
            out.write_all(if index == 0 { b"\n" } else { b",\n" })?;
            serde_json::to_writer(&mut *out, entry)?;
        }
        out.write_all(b"\n]}\n")
    })
}

/// A signal as the format spells it: whole seconds, and no value that isn't a number.
#[derive(Serialize)]
struct SignalLine<'a> {
    signal: &'a str,
    labels: &'a BTreeMap<String, String>,
    values: Vec<(Value, f64)>,
}

impl<'a> From<&'a Signal> for SignalLine<'a> {
    fn from(signal: &'a Signal) -> Self {
        let is_number = |(time, value): &&(f64, f64)| time.is_finite() && value.is_finite();
        let values = signal.values.iter().filter(is_number).map(|(time, value)| (seconds(*time), *value)).collect();
        Self { signal: &signal.signal, labels: &signal.labels, values }
    }
}

fn seconds(time: f64) -> Value {
    /// Up to here each whole number is a f64 of its own (2^53).
    const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
    if time.fract() == 0.0 && time.abs() < MAX_EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
        let whole = time as i64;
        Value::from(whole)
    } else {
        Value::from(time)
    }
}

fn pretty(file: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *file, value)?;
    file.write_all(b"\n")
}

/// Writes a file beside its place and moves it there.
fn write_file(folder: &Path, name: &str, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), BundleError> {
    let path = folder.join(name);
    let part = folder.join(format!("{name}.part"));
    let write = || {
        remove_if_there(&part)?;
        // Never through a link that somebody put there.
        let mut file = BufWriter::new(File::create_new(&part)?);
        content(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?;
        fs::rename(&part, &path)
    };
    write().map_err(|error| {
        // The first error is the one that counts.
        drop(fs::remove_file(&part));
        BundleError::write(&path, error)
    })
}

fn remove(folder: &Path, name: &str) -> Result<(), BundleError> {
    let path = folder.join(name);
    remove_if_there(&path).map_err(|error| BundleError::write(&path, error))
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
