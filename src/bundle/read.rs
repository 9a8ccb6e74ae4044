//! A bundle's folder, read into a recording. A file that is absent was not asked for; a file that can't be read is an
//! error and never silently absent.

use super::error::{BundleError, escaped};
use super::exchanges;
use super::folder::{Folder, is_objects};
use super::incident::{self, Incident};
use super::kubernetes::{Objects, counted};
use super::logs::{self, Logs};
use crate::cluster::{LogKey, Recording};
use crate::domain::{DEPLOYS, HISTORY, KUBERNETES, LOG_SEARCH, LOGS, SIGNALS, SourceState, Sources, TICKETS, target_of};
use serde_json::Value;
use std::collections::BTreeMap;

/// Whether a folder is a bundle: it has one of the files that make one.
pub(super) fn is_bundle(folder: &Folder) -> bool {
    [incident::INCIDENT, incident::OBJECTS, incident::OBJECTS_FOLDER, incident::ALERT].iter().any(|name| folder.has(name))
}

/// Reads a bundle.
pub(super) fn read(folder: &Folder) -> Result<Recording, BundleError> {
    let incident = Incident::read(folder)?;
    let is_recorded = incident.is_some();
    let incident = incident.unwrap_or_default();
    let mut warnings = incident.warnings;

    let (objects, cut) = read_objects(folder, &mut warnings)?;
    let (logs, left_out) = read_logs(folder, &mut warnings)?;
    let signals = incident::SIGNALS.read(folder, &mut warnings)?;
    let dependencies = incident::DEPENDENCIES.read(folder, &mut warnings)?;
    let deploys = incident::DEPLOYS.read(folder, &mut warnings)?;
    let tickets = incident::TICKETS.read(folder, &mut warnings)?;
    let log_events = incident::LOG_EVENTS.read(folder, &mut warnings)?;
    let exchanges = exchanges::read(folder, &mut warnings)?;
    let history = incident::HISTORY.read(folder, &mut warnings)?;
    let alert = match folder.text(incident::ALERT)? {
        Some(text) => Some(incident::parse_value(&folder.name(incident::ALERT), &text)?),
        None => None,
    };

    let mut sources = incident.sources.unwrap_or_else(|| {
        let present = [
            (KUBERNETES, objects.is_some()),
            (LOGS, logs.is_some()),
            (SIGNALS, signals.is_some()),
            ("dependencies", dependencies.is_some()),
            (DEPLOYS, deploys.is_some()),
            (TICKETS, tickets.is_some()),
            (LOG_SEARCH, log_events.is_some()),
            (HISTORY, history.is_some()),
        ];
        present.into_iter().filter(|(_, is_present)| *is_present).map(|(name, _)| (name.to_owned(), SourceState::Ok)).collect()
    });
    if !is_recorded {
        // Nobody says that this is all there was: a recording may have been interrupted, or files collected by hand.
        for source in [KUBERNETES, LOGS] {
            if sources.contains_key(source) {
                weaken(&mut sources, source, "only what was in the folder was read: it has no incident.json".to_owned());
            }
        }
    }
    if let Some(why) = cut {
        warnings.push(why.clone());
        weaken(&mut sources, KUBERNETES, why);
    }
    if left_out > 0 {
        weaken(&mut sources, LOGS, format!("logs left out: {left_out}"));
    }
    Ok(Recording {
        captured_at: incident.captured_at,
        target: incident.target.or_else(|| alert.as_ref().and_then(target_of)),
        title: incident.title,
        sources,
        objects: objects.unwrap_or_default(),
        logs: logs.unwrap_or_default(),
        signals: signals.unwrap_or_default(),
        dependencies: dependencies.unwrap_or_default(),
        deploys: deploys.unwrap_or_default(),
        tickets: tickets.unwrap_or_default(),
        log_events: log_events.unwrap_or_default(),
        history: history.unwrap_or_default(),
        alert,
        model: incident.model.or_else(|| exchanges.first().map(|exchange| exchange.name.clone())),
        exchanges,
        warnings,
    })
}

/// A source of which something is missing can't show that anything is absent.
fn weaken(sources: &mut Sources, source: &str, why: String) {
    let state = sources.entry(source.to_owned()).or_insert(SourceState::Ok);
    match state {
        SourceState::Ok => *state = SourceState::Partial(why),
        SourceState::Partial(known) => *known = format!("{known}; {why}"),
        SourceState::Unavailable(_) | SourceState::Forbidden(_) => {}
    }
}

/// The objects, `None` when there is no file of objects; and which files are cut off.
fn read_objects(folder: &Folder, warnings: &mut Vec<String>) -> Result<(Option<Vec<Value>>, Option<String>), BundleError> {
    let in_folder = folder.names(incident::OBJECTS_FOLDER)?.into_iter().filter(|name| is_objects(name));
    let in_folder = in_folder.map(|name| format!("{}/{name}", incident::OBJECTS_FOLDER));
    let (mut all, mut cut, mut is_present) = (Vec::new(), Vec::new(), folder.has(incident::OBJECTS_FOLDER));
    for name in [incident::OBJECTS.to_owned()].into_iter().chain(in_folder) {
        let Some(text) = folder.text(&name)? else { continue };
        is_present = true;
        let mut objects = Objects::default();
        objects.read(&folder.name(&name), &text, 1)?;
        warnings.extend(objects.warning(&name));
        if objects.cut {
            cut.push(format!("{name} is cut off after {}", counted(objects.objects.len())));
        }
        all.append(&mut objects.objects);
    }
    Ok((is_present.then_some(all), (!cut.is_empty()).then(|| cut.join("; "))))
}

/// The logs, `None` when there is no folder of logs; and how many were left out.
fn read_logs(folder: &Folder, warnings: &mut Vec<String>) -> Result<(Option<BTreeMap<LogKey, String>>, usize), BundleError> {
    if !folder.has(incident::LOGS_FOLDER) {
        return Ok((None, 0));
    }
    let mut read = Logs::default();
    let mut unknown: Option<(usize, String)> = None;
    for file in folder.names(incident::LOGS_FOLDER)? {
        let Some(key) = logs::parse_name(&file) else {
            unknown.get_or_insert_with(|| (0, escaped(&file, 100))).0 += 1;
            continue;
        };
        let name = format!("{}/{file}", incident::LOGS_FOLDER);
        if read.is_full() {
            read.left_out += 1;
            continue;
        }
        let Some((file, length)) = folder.file(&name)? else { continue };
        let tail = logs::read_tail(file, length);
        let (log, cut) = tail.map_err(|source| BundleError::Read { name: folder.name(&name), source })?;
        read.insert(key, log, cut);
    }
    if let Some((count, first)) = unknown {
        warnings.push(format!("files in logs/ that are not named NAMESPACE_POD_CONTAINER.log: {count} (first: {first})"));
    }
    warnings.extend(read.warnings());
    Ok((Some(read.logs), read.left_out))
}
