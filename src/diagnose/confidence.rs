//! How sure a cause is, computed from its evidence. The numbers are judged by the accuracy bench (Brier score over the
//! fixtures), not by feeling: who changes one runs it before and after.

/// What kind of evidence proves a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// A structured field says it: a termination reason, a condition, a waiting reason with the component's own message.
    Structure,
    /// The container's own last lines before its own non-zero exit.
    ExitAndLine,
    /// Computed from the objects, and the component's message says the same.
    ComputedAndSaid,
    /// An Event of the component that decides it (scheduler, kubelet, controller).
    Event,
    /// Computed from the objects alone, all of which were read.
    Computed,
    /// A time series that changed clearly against its own baseline, and siblings that did not.
    Signal,
    /// The container's own log says it while the container still runs.
    Line,
    /// It fits in time and in scope, and nothing else is known to explain it.
    Timing,
    /// A weak change in a time series, or one without siblings to compare.
    WeakSignal,
    /// Text alone: an alert's words, another container's log.
    Text,
}

impl Proof {
    /// The confidence before adjustment. Text alone stays at 0.45 (diagnosis §2).
    pub fn base(self) -> f64 {
        match self {
            Self::Structure => 0.96,
            Self::ComputedAndSaid => 0.96,
            Self::ExitAndLine => 0.93,
            Self::Event => 0.92,
            Self::Computed => 0.90,
            Self::Signal => 0.80,
            Self::Line => 0.75,
            Self::Timing => 0.70,
            Self::WeakSignal => 0.62,
            Self::Text => 0.45,
        }
    }

    /// Whether this is structural evidence, which alone can confirm.
    pub fn is_structural(self) -> bool {
        matches!(self, Self::Structure | Self::ExitAndLine | Self::ComputedAndSaid | Self::Event | Self::Computed)
    }
}

/// Both sides of a contradiction are capped here (diagnosis §2).
pub const CONTRADICTED: f64 = 0.60;
/// From here a cause with structural evidence is confirmed (diagnosis §4).
pub const CONFIRMED: f64 = 0.85;
/// From here a cause is likely (diagnosis §4).
pub const LIKELY: f64 = 0.60;
/// Added when the fault began with a revision that changed a field the cause is about.
pub const CHANGE_FITS: f64 = 0.03;
/// No cause is ever surer than this.
pub const MOST: f64 = 0.99;
