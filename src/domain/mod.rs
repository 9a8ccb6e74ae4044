//! The nouns. No I/O, no async, no clock, no Kubernetes client: everything else may use them, they use nothing.

mod alert;
mod evidence;
mod object;
mod report;
mod source;

pub use alert::target_of;
pub use evidence::{Evidence, EvidenceSource};
pub use object::{ObjectRef, Subject};
pub use report::{
    CauseReport, Change, Contradiction, FactReport, FieldChange, HistoryEntry, NumberedEvidence, Report, RuledOut, State,
    SymptomReport, TimelineEntry, Unknown, Verdict,
};
pub use source::{DEPLOYS, KUBERNETES, LOGS, SIGNALS, SourceState, Sources};
