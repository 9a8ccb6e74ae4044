//! What the program shows of itself: metrics, traces and logs. Everything may use it; it uses nothing of the program.
