//! Which words of a sentence name something, and whether the context holds them. Names and numbers are told by their form: a
//! digit, a sign within the word, quotes around it, or a kind of object beside it. Everything else is plain language.

use std::collections::BTreeSet;

/// Kinds whose name, in a sentence, is followed by an object's.
const KINDS: &str = "\
    ConfigMap CronJob DaemonSet Deployment Endpoints EndpointSlice Gateway HPA HTTPRoute HorizontalPodAutoscaler \
    Ingress Job Namespace NetworkPolicy Node PVC PersistentVolume PersistentVolumeClaim Pod PodDisruptionBudget \
    ReplicaSet ResourceQuota Secret Service ServiceAccount StatefulSet StorageClass";
/// Words that stand beside a kind and name nothing.
const PLAIN: &str = "\
    a account after again all already also an and another any are as asks at became because been before began behind \
    being but by can cannot controller controllers could did didn different do does doesn during each ended entirely \
    entire exceeded exists every failed fails for from gets got had has have if in into is isn it its itself keeps \
    lacks may might must named names needs no not object objects of on one or other own pods pressure quota ran \
    remains reported resource restarted restarts runs s same selector selects shows so spec specification started \
    starts state status stays still target template templates that the their then these this those to tried under \
    until was wasn were when where which while whole whose will with within without would";
/// Parts of compounds that are plain language; a compound of only these names nothing.
const PARTS: &str = "\
    all and at auto back based built by call case check co container cpu crash cross date day de dns down end error \
    ever exec fail fast file first follow following fully good half hand head healthy high hour http https in init io \
    known last least level life line lived long loop looping low memory mid minute mis multi name named new newly node \
    non now of off ok on once one only or out over part per place pod post pre probe pull re read ready real related \
    restart right roll rolled rolling root round run running second self semi set short side single size so start \
    started state step stop sub tcp term the then third time timed tls to top trip two under unready up url user value \
    wait way well wide working write wrong yet zero";

fn holds(words: &str, word: &str) -> bool {
    words.split_whitespace().any(|other| other == word)
}

/// Takes up every name and number of a text.
pub(super) fn learn(text: &str, known: &mut BTreeSet<String>) {
    // In JSON a line's end is two characters.
    let text = text.replace("\\n", " ").replace("\\t", " ");
    for word in words(&text) {
        learn_word(&word.to_lowercase(), known);
    }
}

/// A word, and what it is made of: the numbers of `256Mi` and `13:01:05Z`, the names of `shop/checkout` and `app=web`.
fn learn_word(word: &str, known: &mut BTreeSet<String>) {
    if known.contains(word) {
        return;
    }
    known.insert(word.to_owned());
    let amount = word.trim_end_matches(|char: char| char.is_alphabetic() || char == '%');
    if amount.ends_with(|char: char| char.is_ascii_digit()) {
        known.insert(amount.to_owned());
    }
    // The time of day of a timestamp, to the second and to the minute.
    if let Some((date, time)) =
        word.split_once('t').filter(|(date, _)| date.len() == 10 && date.starts_with(|c: char| c.is_ascii_digit()))
    {
        let time = time.trim_end_matches('z');
        known.extend([date, time, time.get(..8).unwrap_or(time), time.get(..5).unwrap_or(time)].map(str::to_owned));
    }
    for part in word.split(['/', '=', ':', '@', '×', '~', '#', '+']).filter(|part| !part.is_empty() && part.len() < word.len()) {
        learn_word(part.trim_matches(MARKS), known);
    }
}

const MARKS: &[char] = &['.', ':', '!', '?', '-', '*', '~', '…', '/', '=', '×', '#', '+', '_'];

/// Words without the signs around them; quotes and brackets separate.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let separates = |char: char| char.is_whitespace() || "\"'`(){}[]<>,;|“”‘’«»→—–\\".contains(char);
    text.split(separates).map(|word| word.trim_matches(MARKS)).filter(|word| !word.is_empty())
}

/// Whether a sentence names what isn't known.
pub(super) fn has_unknown(sentence: &str, known: &BTreeSet<String>) -> bool {
    let is_known = |word: &str| known.contains(&word.to_lowercase());
    let plain = |word: &str| holds(PLAIN, &word.to_lowercase());
    // What stands in code or quotes is a name, whatever it looks like.
    let quoted = ['`', '"'].iter().any(|quote| {
        let inside = sentence.split(*quote).skip(1).step_by(2);
        inside.flat_map(words).any(|word| !is_known(word) && !plain(word))
    });
    if quoted {
        return true;
    }
    let all: Vec<&str> = words(sentence).collect();
    all.iter().enumerate().any(|(index, word)| {
        if is_known(word) {
            return false;
        }
        if is_name(word) {
            return !parts_are_known(word, known);
        }
        let before = index.checked_sub(1).and_then(|before| all.get(before)).copied().unwrap_or_default();
        let after = all.get(index + 1).copied().unwrap_or_default();
        let lower = word.chars().all(|char| char.is_ascii_lowercase());
        let beside_kind =
            holds(KINDS, before) || before.eq_ignore_ascii_case("namespace") || after.eq_ignore_ascii_case("namespace");
        beside_kind && lower && !plain(word)
    })
}

/// Whether a word has the form of a name or a number.
fn is_name(word: &str) -> bool {
    let sign = word.chars().any(|char| "-/._:=@".contains(char));
    word.chars().any(char::is_numeric) || sign
}

/// `deployment/checkout` is known if the object is; `CPU/memory` and `read-only` name nothing; `80%` is 80.
fn parts_are_known(word: &str, known: &BTreeSet<String>) -> bool {
    let word = word.to_lowercase();
    let number = word.trim_end_matches('%');
    if number.len() < word.len() && known.contains(number) {
        return true;
    }
    let is_kind = |kind: &str| KINDS.split_whitespace().any(|known| known.eq_ignore_ascii_case(kind));
    if word.split_once('/').is_some_and(|(kind, name)| is_kind(kind) && known.contains(name)) {
        return true;
    }
    if word.chars().any(char::is_numeric) || word.contains(['.', ':', '=', '@', '_']) {
        return false;
    }
    word.split(['-', '/']).all(|part| holds(PARTS, part) || holds(PLAIN, part))
}
