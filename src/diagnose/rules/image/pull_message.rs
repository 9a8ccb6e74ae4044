//! Why an image could not be pulled, read from the message of the container runtime and the registry. It only sorts the
//! words of containerd, CRI-O, Docker and the registries; what they mean for a pod is the family's to say.

/// What a failed pull's message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullError {
    /// The registry knows no such repository or tag.
    NotFound,
    /// The registry, or a mirror of it, refuses.
    Refused(Refusal),
    /// The registry's host name doesn't resolve; the name where the message has it.
    Dns(Option<String>),
    /// The registry answers and its certificate isn't trusted, or it speaks no TLS at all.
    Tls,
    /// The registry doesn't answer, or answers 5xx.
    Unreachable,
    /// Too many pulls.
    RateLimited,
    /// The reference can't be read, or names no registry.
    Invalid,
    /// The image exists and has no variant for the node's platform.
    Platform,
}

/// How a registry refuses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The message says that no credentials were presented.
    pub anonymous: bool,
    /// The message says that the credentials that were presented are wrong or not enough.
    pub rejected: bool,
    /// The same answer is given for a repository that doesn't exist.
    pub ambiguous: bool,
    /// The host of the mirror that refused instead of the registry itself.
    pub mirror: Option<String>,
}

/// containerd, containers/image (CRI-O) and Docker, for an image without the node's platform.
const PLATFORM: &[&str] = &[
    "no match for platform",
    "no matching manifest for",
    "no image found in manifest list for architecture",
    "no image found in image index for architecture",
    "does not match the specified platform",
    "operating system does not match the host",
];
/// Docker's distribution/reference, as the kubelet and the runtimes quote it, and the short names of containers/image.
const INVALID: &[&str] = &[
    "invalid reference format",
    "couldn't parse image",
    "failed to apply default image tag",
    "invalid repository name",
    "did not resolve to an alias and no unqualified-search registries",
    "returns ambiguous list",
];
/// The error code of the distribution specification, HTTP's 429, and the kubelet's own throttle (`registryPullQPS`).
const RATE_LIMITED: &[&str] = &["toomanyrequests", "429 too many requests", "too many requests", "pull qps exceeded"];
/// Go's resolver and the resolvers of libc.
const DNS: &[&str] = &["no such host", "server misbehaving", "name resolution", "name or service not known"];
/// Go's crypto/tls and net/http.
const TLS: &[&str] = &[
    "x509:",
    "tls: ",
    "server gave http response to https client",
    "certificate signed by unknown authority",
    "certificate has expired",
];
/// Go's net package, gRPC's deadline between kubelet and runtime, and HTTP's 5xx.
const UNREACHABLE: &[&str] = &[
    "connection refused",
    "i/o timeout",
    "no route to host",
    "network is unreachable",
    "client.timeout",
    "tls handshake timeout",
    "deadline exceeded",
    "deadlineexceeded",
    "connection reset",
    "request canceled",
    "operation timed out",
    "proxyconnect",
    ": eof",
    "unexpected eof",
    "500 internal server error",
    "502 bad gateway",
    "503 service unavailable",
    "504 gateway time",
    "registry is unavailable",
];
/// Wordings that a registry uses for a private repository and for none alike.
const AMBIGUOUS: &[&str] = &[
    "repository does not exist or may require",
    "requested access to the resource is denied",
    "insufficient_scope",
    "or it may not exist",
    "403 forbidden",
    "may not exist or may require",
];
/// Nobody presented credentials.
const ANONYMOUS: &[&str] = &[
    "no basic auth credentials",
    "anonymous token",
    "unauthenticated request",
    "authentication required",
    "anonymous access",
    "anonymous pull",
];
/// Credentials were presented and are not good enough.
const REJECTED: &[&str] = &[
    "incorrect username or password",
    "invalid username/password",
    "invalid username or password",
    "not authorized to perform",
    "token has insufficient scopes",
    "failed to fetch oauth token",
    "invalid token",
    "token has expired",
    "authorization token has expired",
    "bad credentials",
    "denied: denied",
];
/// Any other refusal.
const REFUSED: &[&str] =
    &["401 unauthorized", "unauthorized", "403 forbidden", "access denied", "accessdenied", "denied:", "is denied", "forbidden"];
/// The error codes of the distribution specification and the runtimes' words for them.
const NOT_FOUND: &[&str] = &[
    "manifest unknown",
    "manifest_unknown",
    "name unknown",
    "name_unknown",
    "repository name not known",
    "not found",
    "notfound",
    "does not exist",
    "unknown manifest",
];

/// Reads a message about the pull of `image`. `None` when it names no reason, as a plain `Back-off pulling image` does.
pub fn classify(message: &str, image: &str) -> Option<PullError> {
    let mirror = mirror(message);
    let text = without(message, image).to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    // The platform before "not found", with which containerd ends that message; the network before the refusal, since a
    // token that can't be fetched for want of a network is no refusal.
    if says(PLATFORM) {
        return Some(PullError::Platform);
    }
    if says(INVALID) {
        return Some(PullError::Invalid);
    }
    if says(RATE_LIMITED) {
        return Some(PullError::RateLimited);
    }
    let looked_up = text.contains("lookup ") && says(&["i/o timeout", "connection refused", "network is unreachable"]);
    if says(DNS) || looked_up {
        return Some(PullError::Dns(host_looked_up(message)));
    }
    if says(TLS) {
        return Some(PullError::Tls);
    }
    if says(UNREACHABLE) {
        return Some(PullError::Unreachable);
    }
    if says(AMBIGUOUS) || says(ANONYMOUS) || says(REJECTED) || says(REFUSED) {
        let ambiguous = says(AMBIGUOUS) && !text.contains("401 unauthorized");
        return Some(PullError::Refused(Refusal { anonymous: says(ANONYMOUS), rejected: says(REJECTED), ambiguous, mirror }));
    }
    says(NOT_FOUND).then_some(PullError::NotFound)
}

/// The message without the image's own name, which may hold any word.
fn without(message: &str, image: &str) -> String {
    let mut text = message.to_owned();
    let repository = super::reference::ImageReference::parse(image).map(|reference| reference.path);
    for name in [Some(image.to_owned()), repository].into_iter().flatten().filter(|name| name.len() > 2) {
        text = text.replace(&name, "");
    }
    text
}

/// The mirror in a URL such as `https://mirror.example/v2/library/x/manifests/y?ns=docker.io`: containerd names the registry
/// that the mirror stands for in `ns`.
fn mirror(message: &str) -> Option<String> {
    message.split("https://").chain(message.split("http://")).skip(1).find_map(|rest| {
        let url = rest.split([' ', '"', ')']).next()?;
        let (_, query) = url.split_once('?')?;
        let namespace = query.split('&').find_map(|pair| pair.strip_prefix("ns="))?;
        let host = url.split('/').next()?;
        let stands_for = namespace.split([':', '&']).next()?;
        (host != namespace && !host.ends_with(stands_for)).then(|| host.to_owned())
    })
}

/// The name after `lookup `: `dial tcp: lookup registry.example on 10.0.0.10:53: no such host`.
fn host_looked_up(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("lookup ")?;
    let name = rest.split([' ', ',', '"']).next()?.trim_end_matches(':');
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(message: &str) -> Refusal {
        match classify(message, "registry.example/team/web:1.2") {
            Some(PullError::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_runtimes_words_for_an_image_that_is_not_there() {
        for message in [
            "rpc error: code = NotFound desc = failed to pull and unpack image \"docker.io/library/x:9\": failed to resolve \
             reference \"docker.io/library/x:9\": docker.io/library/x:9: not found",
            "rpc error: code = Unknown desc = Error response from daemon: manifest for x:9 not found: manifest unknown: manifest unknown",
            "rpc error: code = Unknown desc = reading manifest 9 in registry.example/team/x: manifest unknown",
            "rpc error: code = Unknown desc = Error response from daemon: repository x not found: name unknown: The repository with \
             name 'x' does not exist in the registry with id '1'",
        ] {
            assert_eq!(classify(message, "x:9"), Some(PullError::NotFound), "{message}");
        }
    }

    #[test]
    fn the_platform_is_not_a_missing_image() {
        let message = "failed to pull and unpack image \"docker.io/team/x:1\": no match for platform in manifest: not found";
        assert_eq!(classify(message, "team/x:1"), Some(PullError::Platform));
        let message =
            "choosing image instance: no image found in manifest list for architecture \"arm64\", variant \"v8\", OS \"linux\"";
        assert_eq!(classify(message, "team/x:1"), Some(PullError::Platform));
    }

    #[test]
    fn the_network_by_its_layer() {
        let dial = |tail: &str| format!("failed to do request: Head \"https://r.example/v2/x/manifests/1\": dial tcp{tail}");
        let read = |tail: &str| classify(&dial(tail), "r.example/x:1");
        let dns = Some(PullError::Dns(Some("r.example".to_owned())));
        assert_eq!(read(": lookup r.example on 10.0.0.10:53: no such host"), dns);
        assert_eq!(read(": lookup r.example on 10.0.0.10:53: read udp 10.1.1.1:4->10.0.0.10:53: i/o timeout"), dns);
        assert_eq!(read(" 192.0.2.7:443: i/o timeout"), Some(PullError::Unreachable));
        assert_eq!(read(" 192.0.2.7:443: connect: connection refused"), Some(PullError::Unreachable));
        assert_eq!(
            classify("Head \"https://r.example/v2/\": x509: certificate signed by unknown authority", "r.example/x:1"),
            Some(PullError::Tls)
        );
        assert_eq!(classify("net/http: TLS handshake timeout", "x"), Some(PullError::Unreachable));
        assert_eq!(classify("http: server gave HTTP response to HTTPS client", "x"), Some(PullError::Tls));
    }

    #[test]
    fn refusals_say_what_they_are() {
        let refusal = refused("failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized");
        assert_eq!((refusal.anonymous, refusal.ambiguous, refusal.rejected), (true, false, false));
        let refusal = refused("failed to authorize: failed to fetch anonymous token: unexpected status: 403 Forbidden");
        assert_eq!((refusal.anonymous, refusal.ambiguous), (true, true));
        let refusal = refused(
            "pull access denied for team/web, repository does not exist or may require 'docker login': denied: requested access to \
             the resource is denied",
        );
        assert_eq!((refusal.anonymous, refusal.ambiguous, refusal.rejected), (false, true, false));
        let refusal = refused("unauthorized: incorrect username or password");
        assert_eq!((refusal.ambiguous, refusal.rejected), (false, true));
        let refusal =
            refused("Error response from daemon: Get https://1.dkr.ecr.eu.example/v2/web/manifests/1: no basic auth credentials");
        assert!(refusal.anonymous);
    }

    #[test]
    fn a_mirror_is_told_from_the_registry() {
        let refusal = refused(
            "unexpected status from HEAD request to https://mirror.example/v2/library/x/manifests/y?ns=docker.io: 403 Forbidden",
        );
        assert_eq!(refusal.mirror.as_deref(), Some("mirror.example"));
        let refusal =
            refused("unexpected status from HEAD request to https://registry-1.docker.io/v2/x?ns=docker.io: 403 Forbidden");
        assert_eq!(refusal.mirror, None);
    }

    #[test]
    fn an_images_own_name_says_nothing() {
        assert_eq!(
            classify("Back-off pulling image \"r.example/not found/forbidden:401\"", "r.example/not found/forbidden:401"),
            None
        );
        assert_eq!(classify("Back-off pulling image \"web:1\"", "web:1"), None);
    }

    #[test]
    fn pull_limits_and_references() {
        assert_eq!(classify("toomanyrequests: You have reached your pull rate limit.", "web"), Some(PullError::RateLimited));
        assert_eq!(classify("unexpected status code 429 Too Many Requests", "web"), Some(PullError::RateLimited));
        let message = "Failed to apply default image tag \"Web:1\": couldn't parse image name \"Web:1\": invalid reference format: \
                       repository name (library/Web) must be lowercase";
        assert_eq!(classify(message, "Web:1"), Some(PullError::Invalid));
    }

    proptest! {
        #[test]
        fn any_message_is_read(message in "\\PC{0,200}", image in "\\PC{0,40}") {
            classify(&message, &image);
            classify(&format!("lookup {message} https://{image}?ns={message}"), &image);
        }
    }
}
