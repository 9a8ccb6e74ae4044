//! The rows of what applications say of their own end.

use super::explains::CONTAINER_DOWN;
use crate::diagnose::catalogue::{Cause, Explains, Link, Perspective};

/// Every row of the family.
pub static ROWS: &[&Cause] = &[
    &APPLICATION_ERROR,
    &ENVIRONMENT_VARIABLE_MISSING,
    &CONFIGURATION_INVALID,
    &DEPENDENCY_UNREACHABLE,
    &DNS_RESOLUTION_FAILED,
    &DATABASE_CREDENTIALS_INVALID,
    &DATABASE_PORT_WRONG,
    &DATABASE_READ_ONLY,
    &DATABASE_CONNECTIONS_EXHAUSTED,
    &DATABASE_PERMISSION_DENIED,
    &MIGRATION_FAILED,
    &TLS_CERTIFICATE_EXPIRED,
    &TLS_CERTIFICATE_INVALID,
    &PORT_CONFLICT,
    &RATE_LIMITED,
    &DISK_FULL,
    &FILE_PERMISSION_DENIED,
    &RBAC_FORBIDDEN,
];

/// An exception that nobody caught ends in SIGABRT in several runtimes; probes fail where the process isn't there.
const ITS_END: Explains = &[
    (Link::Container, "process_crashed"),
    (Link::Container, "readiness_probe_failing"),
    (Link::Container, "startup_probe_failing"),
    (Link::Container, "liveness_probe_failing"),
    (Link::Workload, "error_rate"),
];

/// An expired certificate shows at whatever serves it, too.
const SERVED: Explains = &[(Link::Pod, "certificate_invalid"), (Link::Pod, "probe_failed")];

/// A program's environment, image and arguments: what a revision changes when it breaks it.
const PROGRAM: &[&str] = &[".image", ".env[", ".envFrom", ".command", ".args", "volumes["];

macro_rules! row {
    ($name:ident, $id:literal, $title:literal, $perspective:ident, $source:literal, $doc:literal, $fix:literal $(, $more:expr)?) => {
        #[doc = $title]
        pub static $name: Cause = Cause {
            id: $id,
            title: $title,
            perspective: Perspective::$perspective,
            explains: &[CONTAINER_DOWN, ITS_END $(, $more)?],
            reads: "pod status, logs",
            source: $source,
            doc: $doc,
            check: "kubectl -n NAMESPACE logs POD -c CONTAINER --previous",
            fix: $fix,
            fields: PROGRAM,
        };
    };
}

row!(
    APPLICATION_ERROR,
    "application_error",
    "the application ended with its own error",
    App,
    "the container's last lines before its own non-zero exit: an exception, a panic, a fatal message",
    "The program itself gave up, and says why in its last lines.",
    "mend what the quoted line names; where a revision brought it, go back to the one before"
);
row!(
    ENVIRONMENT_VARIABLE_MISSING,
    "environment_variable_missing",
    "an environment variable is missing",
    App,
    "the container's last lines: required environment variable X is not set",
    "The program wants an environment variable that its container doesn't set.",
    "set the variable in the pod template, or give it a default"
);
row!(
    CONFIGURATION_INVALID,
    "configuration_invalid",
    "the configuration is invalid",
    App,
    "the container's last lines: an unknown flag or key, a file that doesn't parse, a dependency that isn't registered",
    "The program refuses its configuration: a flag, a key, a file or a registration.",
    "mend the setting that the quoted line names"
);
row!(
    DEPENDENCY_UNREACHABLE,
    "dependency_unreachable",
    "something that it needs can't be reached",
    Deps,
    "the container's last lines: connection refused, timed out, reset",
    "The program can't reach something that it needs to run.",
    "bring the other end back, or correct its address"
);
row!(
    DNS_RESOLUTION_FAILED,
    "dns_resolution_failed",
    "a host's name doesn't resolve",
    Deps,
    "the container's last lines: no such host, NXDOMAIN, EAI_AGAIN, UnknownHostException",
    "The program looks up a name that the cluster's DNS doesn't know, or the DNS doesn't answer.",
    "correct the name, create the Service, or look at the cluster's DNS"
);
row!(
    DATABASE_CREDENTIALS_INVALID,
    "database_credentials_invalid",
    "the database refuses user or password",
    Deps,
    "the container's last lines: password authentication failed, Access denied for user, WRONGPASS, ACCESS_REFUSED",
    "The database or broker doesn't accept the user and password that the program presents.",
    "make the Secret and the database agree; then restart what still holds the old password"
);
row!(
    DATABASE_PORT_WRONG,
    "database_port_wrong",
    "calls the database at a wrong port",
    App,
    "the container's last lines name a port that the database's Service doesn't have",
    "The program calls the database's Service at a port at which nobody listens.",
    "correct the port in the program's configuration"
);
row!(
    DATABASE_READ_ONLY,
    "database_read_only",
    "the database only reads",
    Deps,
    "the container's last lines: read-only transaction, READONLY replica, --read-only option",
    "The database refuses writes: it is a replica, in recovery, or switched to read only.",
    "find out why the database is read only, or connect to its primary"
);
row!(
    DATABASE_CONNECTIONS_EXHAUSTED,
    "database_connections_exhausted",
    "the database has no connection left",
    Deps,
    "the container's last lines: too many clients already, Too many connections, max number of clients reached",
    "All connections of the database are in use.",
    "find who holds the connections; use smaller pools or a pooler, or raise the limit"
);
row!(
    DATABASE_PERMISSION_DENIED,
    "database_permission_denied",
    "the database denies the action",
    Deps,
    "the container's last lines: permission denied for table (42501), command denied to user, NOPERM, not authorized",
    "The user is known and may not do what the program asks for.",
    "grant the right that the quoted line names"
);
row!(
    MIGRATION_FAILED,
    "migration_failed",
    "the schema's migration failed",
    App,
    "the container's last lines: Dirty database version, failed migration, relation does not exist",
    "The database's schema isn't the one that the program needs, and its migration can't get there.",
    "mend the schema by hand and clear the failed mark; neither a restart nor a rollback does that"
);
row!(
    TLS_CERTIFICATE_EXPIRED,
    "tls_certificate_expired",
    "a certificate has expired",
    Deps,
    "the container's last lines: certificate has expired or is not yet valid",
    "A certificate is past its end, or not yet valid by this node's clock.",
    "renew the certificate, and restart what doesn't reload it",
    SERVED
);
row!(
    TLS_CERTIFICATE_INVALID,
    "tls_certificate_invalid",
    "a certificate isn't accepted",
    Deps,
    "the container's last lines: unknown authority, self-signed, name doesn't match",
    "A certificate isn't trusted, or isn't for the name that is called.",
    "trust the authority that signed it, or use the name that it is for"
);
row!(
    PORT_CONFLICT,
    "port_conflict",
    "a port is taken",
    App,
    "the container's last lines: address already in use, EADDRINUSE, BindException",
    "Two processes of one pod, or of one node with hostNetwork, want the same port.",
    "give one of them another port"
);
row!(
    RATE_LIMITED,
    "rate_limited",
    "another side limits its requests",
    Deps,
    "the container's last lines: 429 Too Many Requests, rate limit exceeded",
    "What the program calls refuses further requests for now.",
    "ask for less, wait between tries, or have the limit raised"
);
row!(
    DISK_FULL,
    "disk_full",
    "no space left",
    Infra,
    "the container's last lines: no space left on device, ENOSPC",
    "The file system that the program writes to is full.",
    "make room or make it larger, and find what fills it"
);
row!(
    FILE_PERMISSION_DENIED,
    "file_permission_denied",
    "a file may not be read or written",
    App,
    "the container's last lines: permission denied, EACCES, read-only file system",
    "The program's user may not use a file or folder that it needs.",
    "give the user the right, or the container a writable volume there"
);
row!(
    RBAC_FORBIDDEN,
    "rbac_forbidden",
    "its service account may not do that",
    Infra,
    "the container's last lines: is forbidden: User \"system:serviceaccount:…\" cannot …",
    "The program asks the Kubernetes API for something that its service account has no right to.",
    "bind a Role with that verb and resource to the service account"
);
