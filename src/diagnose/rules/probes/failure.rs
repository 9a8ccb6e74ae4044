//! How a probe failed, read from the kubelet's event `Unhealthy`. It only sorts the words of the kubelet, of Go's net and
//! net/http, and of gRPC; what they mean for a container is the family's to say.

use crate::cluster::probe::ProbeRole;

/// How one try of a probe failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nothing listens on the port.
    Refused,
    /// No connection, or no answer in time.
    Timeout,
    /// The connection was closed without an answer.
    Closed,
    /// An HTTP status outside of 200 to 399.
    Status(u16),
    /// The answer to an HTTP request isn't HTTP/1.
    NotHttp(Speaks),
    /// The answer to a TLS handshake isn't TLS.
    NotTls,
    /// The gRPC client got no connection; the kubelet says no more, whatever the reason.
    GrpcNotConnected,
    /// The answer to a gRPC call isn't gRPC.
    NotGrpc,
    /// The gRPC server has no health service.
    GrpcWithoutHealth,
    /// The gRPC server says that it doesn't serve.
    GrpcNotServing,
    /// The probe names a port that the container doesn't declare.
    UnknownPort,
    /// The command isn't in the container.
    CommandMissing,
    /// The command ended with an error, or something else; the words.
    Other(String),
}

/// What a server spoke that wasn't HTTP/1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaks {
    /// HTTP/2 frames, as a gRPC server without TLS sends.
    Http2,
    /// A TLS alert.
    Tls,
    /// Something else.
    Unknown,
}

/// What aggregation puts before a message (client-go/tools/record/events_cache.go).
const COMBINED: &str = "(combined from similar events): ";
/// Tries that fail since the container is being stopped, or the kubelet itself is.
const STOPPING: &[&str] =
    &["container is stopping", "cannot register an exec pid", "container not running", "no such container", "context canceled"];

/// Reads an event's message: which probe, and how it failed. `None` for other messages and for a container that stops.
pub(super) fn read(message: &str) -> Option<(ProbeRole, Failure)> {
    let message = message.strip_prefix(COMBINED).unwrap_or(message);
    let (role, rest) = [
        ("Liveness probe ", ProbeRole::Liveness),
        ("Readiness probe ", ProbeRole::Readiness),
        ("Startup probe ", ProbeRole::Startup),
    ]
    .into_iter()
    .find_map(|(prefix, role)| Some((role, message.strip_prefix(prefix)?)))?;
    // `failed: …`, `errored: …`, `errored and resulted in unknown state: …`: pkg/kubelet/prober/prober.go.
    let (how, output) = rest.split_once(':').unwrap_or((rest, ""));
    if !how.starts_with("failed") && !how.starts_with("errored") {
        return None;
    }
    let lower = output.to_lowercase();
    (!STOPPING.iter().any(|words| lower.contains(words))).then(|| (role, failure(output.trim(), &lower)))
}

fn failure(output: &str, lower: &str) -> Failure {
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if let Some((_, rest)) = lower.split_once("failed with statuscode: ") {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        return digits.parse().map_or_else(|_| Failure::Other(output.to_owned()), Failure::Status);
    }
    // A gRPC client's connection errors first: they quote the dialler's below them.
    if lower.contains("does not implement the grpc health protocol") {
        return Failure::GrpcWithoutHealth;
    }
    if says(&["service unhealthy (responded with", "not_serving"]) {
        return Failure::GrpcNotServing;
    }
    if says(&[
        "error reading server preface",
        "unexpected http status code received from server",
        "received unexpected content-type",
    ]) {
        return Failure::NotGrpc;
    }
    if says(&["malformed http response", "malformed http status code", "malformed http version"]) {
        return Failure::NotHttp(speaks(output));
    }
    if says(&["server gave http response to https client", "first record does not look like a tls handshake"]) {
        return Failure::NotTls;
    }
    if says(&["strconv.atoi", "strconv.parseint", "couldn't find port", "invalid port number"]) {
        return Failure::UnknownPort;
    }
    if says(&["executable file not found", "executable file `"]) || lower.contains("exec: \"") && lower.contains("no such file") {
        return Failure::CommandMissing;
    }
    if lower.contains("connection refused") {
        return Failure::Refused;
    }
    if says(&["failed to connect service"]) {
        return Failure::GrpcNotConnected;
    }
    if says(&["deadline exceeded", "i/o timeout", "client.timeout", "timed out", "no route to host", "did not complete within"]) {
        return Failure::Timeout;
    }
    if says(&["connection reset", "broken pipe", ": eof", "unexpected eof", "server closed"]) {
        return Failure::Closed;
    }
    Failure::Other(output.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(160).collect())
}

/// Tells the protocol by the first bytes, which Go quotes: `malformed HTTP response "\x00\x00\x06\x04…"`.
fn speaks(output: &str) -> Speaks {
    let bytes = output.rsplit_once("malformed HTTP ").and_then(|(_, rest)| rest.split_once('"')).map_or("", |(_, bytes)| bytes);
    // A frame's header: three bytes of length, the type 4 of SETTINGS (RFC 9113, 6.5); a TLS alert: 21, 3 (RFC 8446, 5.1).
    let settings = bytes.strip_prefix("\\x00\\x00").is_some_and(|rest| {
        let after = rest.strip_prefix("\\x").map_or_else(|| rest.get(1..), |hex| hex.get(2..));
        after.is_some_and(|rest| rest.starts_with("\\x04"))
    });
    match () {
        () if settings => Speaks::Http2,
        () if bytes.starts_with("\\x15\\x03") => Speaks::Tls,
        () => Speaks::Unknown,
    }
}

impl Failure {
    /// Whether no process seems to listen on the port.
    pub(super) fn is_not_connected(&self) -> bool {
        matches!(self, Self::Refused | Self::GrpcNotConnected | Self::UnknownPort)
    }

    /// What happened, for a sentence.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Refused => "the connection is refused".to_owned(),
            Self::Timeout => "no answer comes in time".to_owned(),
            Self::Closed => "the connection is closed without an answer".to_owned(),
            Self::Status(status) => format!("the answer is HTTP {status}"),
            Self::NotHttp(Speaks::Http2) => "the answer is HTTP/2 frames, as gRPC speaks".to_owned(),
            Self::NotHttp(Speaks::Tls) => "the answer is a TLS alert".to_owned(),
            Self::NotHttp(Speaks::Unknown) => "the answer isn't HTTP".to_owned(),
            Self::NotTls => "the server answers without TLS".to_owned(),
            Self::GrpcNotConnected => "no gRPC connection is made".to_owned(),
            Self::NotGrpc => "the answer isn't gRPC".to_owned(),
            Self::GrpcWithoutHealth => "the server has no gRPC health service".to_owned(),
            Self::GrpcNotServing => "the server answers NOT_SERVING".to_owned(),
            Self::UnknownPort => "the container declares no port of that name".to_owned(),
            Self::CommandMissing => "the command isn't in the container".to_owned(),
            Self::Other(words) if words.is_empty() => "the command fails without a word".to_owned(),
            Self::Other(words) => format!("it says: {words}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(message: &str) -> Failure {
        read(message).unwrap().1
    }

    #[test]
    fn the_kubelets_words() {
        let get = "Liveness probe failed: Get \"http://10.1.2.3:8080/healthz\": ";
        assert_eq!(
            read(&format!("{get}dial tcp 10.1.2.3:8080: connect: connection refused")),
            Some((ProbeRole::Liveness, Failure::Refused))
        );
        let late = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
        assert_eq!(of(&format!("{get}{late}")), Failure::Timeout);
        assert_eq!(of("Readiness probe failed: HTTP probe failed with statuscode: 503"), Failure::Status(503));
        assert_eq!(
            of("(combined from similar events): Readiness probe failed: HTTP probe failed with statuscode: 500"),
            Failure::Status(500)
        );
        assert_eq!(
            of("Startup probe errored and resulted in unknown state: strconv.Atoi: parsing \"web\": invalid syntax"),
            Failure::UnknownPort
        );
        assert_eq!(
            of("Readiness probe failed: cat: can't open '/tmp/ready': No such file or directory"),
            Failure::Other("cat: can't open '/tmp/ready': No such file or directory".to_owned())
        );
        assert_eq!(of("Liveness probe failed: "), Failure::Other(String::new()));
        assert_eq!(
            read(
                "Readiness probe errored: rpc error: code = Unknown desc = command error: cannot register an exec PID: container is stopping"
            ),
            None
        );
        assert_eq!(read("Back-off restarting failed container"), None);
    }

    #[test]
    fn protocols_by_their_first_bytes() {
        let malformed = |bytes: &str| {
            of(&format!(
                "Liveness probe failed: Get \"http://10.1.2.3:50051/\": net/http: HTTP/1.x transport connection broken: malformed HTTP response \"{bytes}\""
            ))
        };
        assert_eq!(malformed(r"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00@\x00"), Failure::NotHttp(Speaks::Http2));
        assert_eq!(malformed(r"\x00\x00\x18\x04\x00"), Failure::NotHttp(Speaks::Http2));
        assert_eq!(malformed(r"\x00\x00$\x04\x00"), Failure::NotHttp(Speaks::Http2));
        assert_eq!(malformed(r"\x15\x03\x01\x00\x02\x02"), Failure::NotHttp(Speaks::Tls));
        assert_eq!(malformed("-ERR unknown command"), Failure::NotHttp(Speaks::Unknown));
        assert_eq!(
            of("Readiness probe failed: Get \"https://10.1.2.3:8080/\": http: server gave HTTP response to HTTPS client"),
            Failure::NotTls
        );
    }

    #[test]
    fn grpc() {
        let service =
            "Readiness probe failed: timeout: failed to connect service \"10.1.2.3:9556\" within 1s: context deadline exceeded";
        assert_eq!(of(service), Failure::GrpcNotConnected);
        let preface = "Readiness probe failed: error: health rpc probe failed: rpc error: code = Unavailable desc = connection error: desc = \"error reading server preface: http2: frame too large\"";
        assert_eq!(of(preface), Failure::NotGrpc);
        assert_eq!(of("Liveness probe failed: service unhealthy (responded with \"NOT_SERVING\")"), Failure::GrpcNotServing);
        let health = "Liveness probe failed: error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown service";
        assert_eq!(of(health), Failure::GrpcWithoutHealth);
    }

    proptest! {
        #[test]
        fn any_message_is_read(output in "\\PC{0,200}") {
            read(&output);
            read(&format!("Liveness probe failed: {output}"));
            read(&format!("Liveness probe failed: malformed HTTP response \"\\x00\\x00{output}"));
        }
    }
}
