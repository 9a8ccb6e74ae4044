//! What the LISTs make of the sources: which kinds were seen, which were not and why; and whether anything was seen at
//! all.

use super::fault::Fault;
use super::list::{Listing, Outcome};
use crate::domain::{KUBERNETES, SourceState, Sources};
use crate::ports::ReadError;
use std::collections::BTreeMap;

/// The state of `kubernetes`, and of `kubernetes/PLURAL` for each kind that was not read completely.
pub(super) fn states(listings: &[Listing]) -> Sources {
    let mut kinds: BTreeMap<&str, Vec<&Listing>> = BTreeMap::new();
    for listing in listings {
        kinds.entry(listing.list.kind.plural).or_default().push(listing);
    }
    let mut sources = Sources::new();
    let (mut unread, mut partial) = (0, 0);
    for (plural, listings) in &kinds {
        let state = of_kind(listings);
        match &state {
            SourceState::Ok => continue,
            SourceState::Partial(_) => partial += 1,
            SourceState::Forbidden(_) | SourceState::Unavailable(_) => unread += 1,
        }
        sources.insert(format!("{KUBERNETES}/{plural}"), state);
    }
    let of = kinds.len();
    let state = match (unread, partial) {
        (0, 0) => SourceState::Ok,
        (0, partial) => SourceState::Partial(format!("{partial} of {of} kinds could be read only in part")),
        (unread, 0) => SourceState::Partial(format!("{unread} of {of} kinds could not be read")),
        (unread, partial) => {
            SourceState::Partial(format!("{unread} of {of} kinds could not be read, {partial} more only in part"))
        }
    };
    sources.insert(KUBERNETES.to_owned(), state);
    sources
}

/// One kind, over the places where it was asked for.
fn of_kind(listings: &[&Listing]) -> SourceState {
    let states: Vec<_> = listings.iter().map(|listing| (of(listing), &listing.list.adds)).collect();
    if let [(state, _)] = states.as_slice() {
        return state.clone();
    }
    let mut failed = states.iter().filter(|(state, _)| *state != SourceState::Ok).peekable();
    let Some((first, _)) = failed.peek() else { return SourceState::Ok };
    if !states.iter().any(|(state, _)| state.is_read()) {
        return first.clone();
    }
    let missing: Vec<_> = failed.map(|(state, adds)| format!("{adds}: {state}")).collect();
    SourceState::Partial(missing.join("; "))
}

fn of(listing: &Listing) -> SourceState {
    match &listing.outcome {
        Outcome::Read => SourceState::Ok,
        Outcome::NotServed if listing.list.kind.addon => SourceState::Ok,
        Outcome::NotServed => SourceState::Unavailable("the server has no such kind".to_owned()),
        Outcome::Partial(why) => SourceState::Partial(why.clone()),
        Outcome::Failed(fault) => fault.state(),
    }
}

/// Why there is nothing to analyse, if no LIST brought anything.
pub(super) fn nothing(listings: &[Listing], server: &str) -> Option<ReadError> {
    if listings.iter().any(Listing::is_read) {
        return None;
    }
    let failed = |listing| match listing {
        &Listing { outcome: Outcome::Failed(ref fault), .. } => Some(fault),
        _ => None,
    };
    let faults: Vec<&Fault> = listings.iter().filter_map(failed).collect();
    let server = server.to_owned();
    // Who sends no credentials is let in as somebody without rights, and refused as such.
    let unknown = |fault: &&&Fault| match fault.code() {
        Some(403) => fault.why().contains("\"system:anonymous\""),
        code => code == Some(401),
    };
    let why = |fault: &Fault| fault.why().to_owned();
    if let Some(fault) = faults.iter().find(unknown) {
        return Some(ReadError::Unauthorized { server, why: why(fault) });
    }
    let answered = faults.iter().find(|fault| !matches!(fault, Fault::Unreachable(_)));
    Some(match (answered, faults.first()) {
        (Some(fault), _) => ReadError::Nothing(why(fault)),
        (None, Some(fault)) => ReadError::Unreachable { server, why: why(fault) },
        (None, None) => ReadError::Nothing(format!("{server} has no kind of Kubernetes; check the address")),
    })
}

#[cfg(test)]
mod tests {
    use super::super::kinds::{EVENTS, LEASES, NODES, PODS};
    use super::super::list::{List, Place};
    use super::*;

    fn listing(list: List, outcome: Outcome) -> Listing {
        Listing { list, objects: Vec::new(), outcome, date: None }
    }

    fn refused(code: u16, why: &str) -> Outcome {
        Outcome::Failed(Fault::Refused { code, why: why.to_owned(), retry_after: None })
    }

    fn shop() -> Place {
        Place::Namespace("shop".to_owned())
    }

    #[test]
    fn a_kind_that_failed_in_one_of_two_places_is_partial() {
        let listings = [
            listing(List::new(&PODS, shop()), Outcome::Read),
            listing(List::new(&EVENTS, shop()), Outcome::Read),
            listing(List::new(&EVENTS, Place::Cluster).selecting("", "nodes"), refused(403, "no")),
            listing(List::new(&NODES, Place::Cluster), refused(403, "no")),
            listing(List::new(&LEASES, shop()), Outcome::NotServed),
        ];
        let states: Vec<_> = states(&listings).into_iter().map(|(source, state)| format!("{source} {state}")).collect();
        assert_eq!(
            states,
            [
                "kubernetes partial: 2 of 4 kinds could not be read, 1 more only in part",
                "kubernetes/events partial: nodes: forbidden: no",
                "kubernetes/leases unavailable: the server has no such kind",
                "kubernetes/nodes forbidden: no",
            ]
        );
    }

    #[test]
    fn nothing_at_all_has_one_reason() {
        let fail = |outcomes: &[Outcome]| {
            let listings: Vec<_> = outcomes.iter().map(|outcome| listing(List::new(&PODS, shop()), outcome.clone())).collect();
            nothing(&listings, "https://k:6443").map(|error| error.to_string())
        };
        let unreachable = Outcome::Failed(Fault::Unreachable("connection refused".to_owned()));
        assert_eq!(fail(&[Outcome::Read, unreachable.clone()]), None);
        assert_eq!(fail(std::slice::from_ref(&unreachable)).unwrap(), "no answer from https://k:6443: connection refused");
        assert_eq!(fail(&[unreachable.clone(), refused(403, "no rights")]).unwrap(), "nothing could be read: no rights");
        assert!(fail(&[unreachable, refused(401, "Unauthorized")]).unwrap().contains("does not accept these credentials"));
        assert!(fail(&[refused(403, r#"User "system:anonymous" cannot"#)]).unwrap().contains("credentials"));
        assert!(fail(&[Outcome::NotServed]).unwrap().contains("no kind of Kubernetes"));
    }
}
