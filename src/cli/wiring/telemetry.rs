//! Where logs and traces go, from the environment's names that OpenTelemetry and Rust programs share.

use crate::adapters::otlp::Collector;
use crate::cli::error::CliError;
use crate::cli::installation;
use crate::cli::ui::Screen;
use crate::telemetry::{self, Delivery, LogForm, Setup, Telemetry, TraceCollector};
use std::io::{self, IsTerminal};
use std::sync::{Arc, OnceLock};

/// Starts both. A server logs what it does, as JSON unless somebody watches; another command only what is out of order.
///
/// # Errors
/// RUST_LOG can't be read, or the collector's address can't be used.
pub fn telemetry(is_server: bool, screen: Screen) -> Result<Telemetry, CliError> {
    let filter = match (is_server, screen.quiet, screen.verbose) {
        (true, true, _) => "error,sre_copilot=warn",
        (true, false, false) => "warn,sre_copilot=info",
        (true, false, true) => "warn,sre_copilot=debug",
        (false, true, _) => "off",
        (false, false, false) => "off,sre_copilot=warn",
        (false, false, true) => "off,sre_copilot=info",
    };
    // A redactor takes a while to make, and most commands write no line.
    let redactor = OnceLock::new();
    let mask = move |text: &str| redactor.get_or_init(installation::redactor).text(text).into_owned();
    let setup = Setup {
        form: if is_server && !io::stderr().is_terminal() { LogForm::Json } else { LogForm::Text },
        filter: said("RUST_LOG").unwrap_or_else(|| filter.to_owned()),
        mask: Box::new(mask),
        collector: collector()?,
    };
    let hint = "RUST_LOG is a level, or levels of parts: info, warn,sre_copilot=debug";
    telemetry::start(setup).map_err(|why| CliError::usage(why).hint(hint))
}

/// A variable of the environment that holds something.
fn said(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// Who takes traces, and who it is told sends them; nobody unless the environment names one.
fn collector() -> Result<Option<TraceCollector>, CliError> {
    let Some(address) = said("OTEL_EXPORTER_OTLP_ENDPOINT") else { return Ok(None) };
    let collector = Collector::new(&address, &said("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default());
    let hint = "it is a base address, to which v1/traces is added: http://localhost:4318";
    let collector =
        collector.map_err(|error| CliError::usage(format!("OTEL_EXPORTER_OTLP_ENDPOINT can't be used: {error}")).hint(hint))?;
    let mut resource = vec![
        ("service.name".to_owned(), "sre-copilot".to_owned()),
        ("service.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
    ];
    for attribute in said("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default().split(',') {
        if let Some((name, value)) = attribute.split_once('=') {
            set(&mut resource, name.trim(), value.trim());
        }
    }
    if let Some(name) = said("OTEL_SERVICE_NAME") {
        set(&mut resource, "service.name", &name);
    }
    let collector = Arc::new(collector);
    let deliver: Delivery = Box::new(move |body| {
        let collector = Arc::clone(&collector);
        Box::pin(async move { collector.deliver(body).await })
    });
    Ok(Some(TraceCollector { resource, deliver }))
}

fn set(resource: &mut Vec<(String, String)>, name: &str, value: &str) {
    resource.retain(|(known, _)| known != name);
    resource.push((name.to_owned(), value.to_owned()));
}
