//! Recorded exchanges with a language model, one file each: `llm/001.json`, `llm/002.json` …. A file that is no exchange costs
//! itself and a warning; how many and how large they may be is bounded.

use super::error::{BundleError, escaped};
use super::folder::Folder;
use super::incident;
use crate::domain::{EXCHANGE_VERSION, Exchange};
use serde_json::Value;

pub(super) const FOLDER: &str = "llm";

/// The largest file, 8 MiB: an answer of 1 MiB, the most that is read of a model, with every character escaped.
const LARGEST: u64 = 8 << 20;
/// So many are read: a hundred incidents' calls.
const MOST: usize = 1_000;
/// So much of all together, in bytes.
const TOTAL: usize = 64 << 20;

/// The name of the file of an exchange.
pub(super) fn file_name(n: u32) -> String {
    format!("{n:03}.json")
}

/// Whether a file's name is one that [`file_name`] gives.
pub(super) fn is_exchange(file: &str) -> bool {
    let number = file.strip_suffix(".json").filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    number.and_then(|name| name.parse().ok()).is_some_and(|n| file_name(n) == file)
}

/// Reads them all, by number.
pub(super) fn read(folder: &Folder, warnings: &mut Vec<String>) -> Result<Vec<Exchange>, BundleError> {
    let mut exchanges = Vec::new();
    let (mut bytes, mut left_out) = (0, 0_usize);
    let mut bad: Option<(usize, String)> = None;
    for file in folder.names(FOLDER)?.iter().filter(|file| is_exchange(file)) {
        if exchanges.len() >= MOST || bytes > TOTAL {
            left_out += 1;
            continue;
        }
        let name = format!("{FOLDER}/{file}");
        let Some(text) = folder.text_up_to(LARGEST, &name)? else { continue };
        bytes += text.len();
        match understood(incident::parse_value(&folder.name(&name), &text)?) {
            Ok(exchange) => exchanges.push(exchange),
            Err(why) => bad.get_or_insert_with(|| (0, format!("{file}, {why}"))).0 += 1,
        }
    }
    if let Some((count, first)) = bad {
        warnings.push(format!("files in {FOLDER}/ that are no recorded exchange: {count} (first: {})", escaped(&first, 200)));
    }
    if left_out > 0 {
        warnings.push(format!("files in {FOLDER}/ left out, since there are too many: {left_out}"));
    }
    exchanges.sort_by_key(|exchange: &Exchange| exchange.n);
    Ok(exchanges)
}

fn understood(value: Value) -> Result<Exchange, String> {
    let version = value.get("version").and_then(Value::as_u64);
    if version != Some(u64::from(EXCHANGE_VERSION)) {
        let found = value.get("version").map_or_else(|| "none".to_owned(), Value::to_string);
        return Err(format!("its version is {found}, and this build reads {EXCHANGE_VERSION}"));
    }
    let exchange: Exchange = serde_json::from_value(value).map_err(|error| error.to_string())?;
    match (&exchange.response, &exchange.error) {
        (Some(_), Some(_)) => Err("it has both a response and an error".to_owned()),
        (None, None) => Err("it has neither a response nor an error".to_owned()),
        _ => Ok(exchange),
    }
}
