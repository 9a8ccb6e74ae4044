//! The rows of the family: what the catalogue says of each cause.

use super::super::explains::{CONTAINER_DOWN, LAST_WORDS, POD_DOWN};
use crate::diagnose::catalogue::{Cause, Perspective};

/// What the rows have in common.
const PULL: Cause = Cause {
    id: "",
    title: "",
    perspective: Perspective::Infra,
    explains: &[CONTAINER_DOWN, POD_DOWN],
    reads: "pod status, pod spec, events",
    source: "",
    doc: "",
    check: "kubectl -n NAMESPACE get events --field-selector involvedObject.name=POD,reason=Failed",
    fix: "",
    fields: &[".image"],
};

pub(super) static NOT_FOUND: Cause = Cause {
    id: "image_not_found",
    title: "the image's tag or repository doesn't exist",
    source: "container runtime through the kubelet: ErrImagePull with `not found`, `manifest unknown` or `name unknown`",
    doc: "The registry answers that it has no such repository or no such tag.",
    fix: "correct the repository or tag, or push the image",
    ..PULL
};

pub(super) static UNAUTHORIZED: Cause = Cause {
    id: "image_pull_unauthorized",
    title: "the registry refuses the credentials",
    source: "container runtime through the kubelet: ErrImagePull with 401, 403, `unauthorized` or `denied`, credentials given",
    doc: "The pod has credentials for the registry, and the registry refuses them or lets them not read this repository.",
    check: "kubectl -n NAMESPACE get secret SECRET -o jsonpath='{.data.\\.dockerconfigjson}' | base64 -d | jq '.auths | keys'",
    fix: "renew the credentials in the pull secret, or give them the right to read the repository",
    fields: &[".image", "imagePullSecrets", "serviceAccountName"],
    ..PULL
};

pub(super) static SECRET_MISSING: Cause = Cause {
    id: "image_pull_secret_missing",
    title: "the pull secret doesn't exist, or none is set",
    reads: "pod status, pod spec, Secrets' names, ServiceAccount, events",
    source: "kubelet: event FailedToRetrieveImagePullSecret; container runtime: ErrImagePull with a refusal of an anonymous pull",
    doc: "The registry asks for credentials, and the pod names no pull secret or one that doesn't exist in its namespace.",
    check: "kubectl -n NAMESPACE get pod POD -o jsonpath='{.spec.imagePullSecrets}'; kubectl -n NAMESPACE get secrets",
    fix: "create the pull secret in the namespace and name it in the pod template or its ServiceAccount",
    fields: &[".image", "imagePullSecrets", "serviceAccountName"],
    ..PULL
};

pub(super) static UNREACHABLE: Cause = Cause {
    id: "image_registry_unreachable",
    title: "the registry doesn't answer",
    source: "container runtime through the kubelet: ErrImagePull with a timeout, a refused connection or HTTP 5xx",
    doc: "The node gets no connection to the registry, or an error of the registry itself.",
    check: "kubectl debug node/NODE -it --image=busybox -- wget -S -O- https://REGISTRY/v2/",
    fix: "open the way from the nodes to the registry (firewall, proxy, route), or wait for the registry to be back",
    ..PULL
};

pub(super) static TLS_UNTRUSTED: Cause = Cause {
    id: "image_registry_tls_untrusted",
    title: "the registry's certificate isn't trusted",
    source: "container runtime through the kubelet: ErrImagePull with `x509:` or `tls:`, or `server gave HTTP response to HTTPS client`",
    doc: "The node's runtime doesn't trust the registry's certificate, it has expired, or the registry speaks no TLS.",
    check: "openssl s_client -connect REGISTRY:443 -servername REGISTRY </dev/null | openssl x509 -noout -dates -issuer",
    fix: "install the registry's CA in the runtime on every node, or renew the registry's certificate",
    ..PULL
};

pub(super) static DNS_FAILURE: Cause = Cause {
    id: "image_registry_dns_failure",
    title: "the registry's name doesn't resolve",
    source: "container runtime through the kubelet: ErrImagePull with `lookup NAME: no such host` or a DNS timeout",
    doc: "The node's resolver finds no address for the registry's host name.",
    check: "kubectl debug node/NODE -it --image=busybox -- nslookup REGISTRY",
    fix: "correct the registry's name in the image, or mend the node's DNS",
    ..PULL
};

pub(super) static RATE_LIMITED: Cause = Cause {
    id: "image_rate_limited",
    title: "the registry limits the rate of pulls",
    source: "registry through the kubelet: `toomanyrequests` or HTTP 429; kubelet: `pull QPS exceeded`",
    doc: "More images were pulled than the registry, or the kubelet's own limit, allows.",
    fix: "pull with credentials or through a mirror, or wait for the limit's window to pass",
    ..PULL
};

pub(super) static REFERENCE_INVALID: Cause = Cause {
    id: "image_reference_invalid",
    title: "the image reference can't be read",
    source: "kubelet: waiting.reason InvalidImageName, event InspectFailed; CRI-O: a short name that no registry is set for",
    doc: "The text in `image` is not an image reference, or names no registry where the node asks for one.",
    check: "kubectl -n NAMESPACE get pod POD -o jsonpath='{.spec.containers[*].image}'",
    fix: "write the image as REGISTRY/REPOSITORY:TAG, lower case, with no spaces and no scheme",
    ..PULL
};

/// Stated for images without the node's platform, and for processes that the kernel can't read.
pub(in super::super) static PLATFORM_MISMATCH: Cause = Cause {
    id: "image_platform_mismatch",
    title: "the image is built for another platform than the node's",
    explains: &[CONTAINER_DOWN, POD_DOWN, LAST_WORDS],
    reads: "pod status, pod spec, node status, events, logs",
    source: "container runtime through the kubelet: `no match for platform in manifest`; kernel through the runtime: `exec format error`",
    doc: "The image has no variant for the node's operating system and processor, or its program is for another one.",
    check: "kubectl get nodes -L kubernetes.io/arch; docker manifest inspect IMAGE",
    fix: "build the image for the node's platform too, or select nodes of the image's platform with kubernetes.io/arch",
    fields: &[".image", "nodeSelector", "affinity"],
    ..PULL
};

pub(super) static NEVER_PULL_ABSENT: Cause = Cause {
    id: "image_never_pull_absent",
    title: "the image may not be pulled and isn't on the node",
    source: "kubelet: waiting.reason ErrImageNeverPull",
    doc: "imagePullPolicy is Never, and the node doesn't have the image.",
    check: "kubectl get node NODE -o jsonpath='{.status.images[*].names}'",
    fix: "set imagePullPolicy to IfNotPresent, or load the image onto the node",
    fields: &[".image", "imagePullPolicy"],
    ..PULL
};
