//! The program: installs the TLS provider, and does what the arguments ask for.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The only provider that is compiled in. It fails when there is one already, which is then this one.
    _ = rustls::crypto::ring::default_provider().install_default();
    sre_copilot::cli::run(std::env::args_os()).into()
}
