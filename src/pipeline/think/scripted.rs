//! For tests: a model that says what it is told to, a ledger in memory, and a clock that tokio's paused time drives.
