//! The wordings, by what they show. They are those that servers, drivers and runtimes write themselves; an application's own
//! words are only known by their level. Rank 1 to 3 name a fault, 4 and 5 are what wraps one, 6 and more only say that
//! something is wrong.

use super::signatures::{Kind, Signature};

macro_rules! signatures {
    ($($cause:literal $rank:literal $kind:ident $of:literal $any:expr, $and:expr $(, $flag:ident)*;)*) => {
        /// Every signature.
        pub static SIGNATURES: &[Signature] = &[$(
            signatures!(@one [$($flag)*] $cause $rank $kind $of $any, $and)
        ),*];
    };
    (@one [] $cause:literal $rank:literal $kind:ident $of:literal $any:expr, $and:expr) => {
        Signature { cause: $cause, rank: $rank, kind: Kind::$kind, of: $of, any: $any, and: $and, heals: false, fatal: false, capitals: false }
    };
    (@one [heals] $cause:literal $rank:literal $kind:ident $of:literal $any:expr, $and:expr) => {
        Signature { cause: $cause, rank: $rank, kind: Kind::$kind, of: $of, any: $any, and: $and, heals: true, fatal: false, capitals: false }
    };
    (@one [fatal] $cause:literal $rank:literal $kind:ident $of:literal $any:expr, $and:expr) => {
        Signature { cause: $cause, rank: $rank, kind: Kind::$kind, of: $of, any: $any, and: $and, heals: false, fatal: true, capitals: false }
    };
    (@one [capitals] $cause:literal $rank:literal $kind:ident $of:literal $any:expr, $and:expr) => {
        Signature { cause: $cause, rank: $rank, kind: Kind::$kind, of: $of, any: $any, and: $and, heals: false, fatal: false, capitals: true }
    };
}

/// What stands beside a code of the SQL standard (PostgreSQL, appendix "Error Codes") where it is one and not any number.
const SQLSTATE: &[&str] = &["sqlstate", "sql state", "code", "error:", "fatal:", "pq:"];

/// The last line of a Python traceback: the exception and its message.
pub static RAISED: Signature = Signature {
    cause: "application_error",
    rank: 3,
    kind: Kind::Plain,
    of: "Python",
    any: &[],
    and: &[],
    heals: false,
    fatal: true,
    capitals: false,
};
/// A line that begins with an exception's name.
pub static EXCEPTION: Signature = Signature {
    cause: "application_error",
    rank: 4,
    kind: Kind::Plain,
    of: "",
    any: &[],
    and: &[],
    heals: false,
    fatal: false,
    capitals: false,
};
/// A line that only says by its level that the process gave up.
pub static FATAL: Signature = Signature {
    cause: "application_error",
    rank: 7,
    kind: Kind::Plain,
    of: "",
    any: &[],
    and: &[],
    heals: false,
    fatal: true,
    capitals: false,
};
/// A line that only says by its level that something failed.
pub static ERROR: Signature = Signature {
    cause: "application_error",
    rank: 8,
    kind: Kind::Plain,
    of: "",
    any: &[],
    and: &[],
    heals: false,
    fatal: false,
    capitals: false,
};

signatures! {
    // Databases and brokers refuse the user.
    "database_credentials_invalid" 1 User "PostgreSQL" &["password authentication failed for user", "no pg_hba.conf entry", "invalid_authorization_specification"], &[];
    "database_credentials_invalid" 1 User "PostgreSQL" &["role \""], &["\" does not exist"];
    "database_credentials_invalid" 1 User "MySQL" &["access denied for user", "er_access_denied_error", "error 1045"], &[];
    "database_credentials_invalid" 1 User "MongoDB" &["authentication failed", "authenticationfailed", "exception authenticating mongocredential"], &["mongo", "scram", "code 18", "\"code\":18", "code: 18", "sasl", "mongocredential"];
    "database_credentials_invalid" 1 Plain "Redis" &["wrongpass", "noauth authentication required", "noauth hello", "err invalid password", "err auth <password> called without any password"], &[];
    "database_credentials_invalid" 1 Plain "RabbitMQ" &["access_refused"], &[];
    "database_credentials_invalid" 1 Plain "Kafka" &["saslauthenticationexception", "sasl authentication failed", "authentication failed during authentication due to invalid credentials", "authentication failed: invalid username or password"], &[];
    "database_credentials_invalid" 1 Plain "NATS" &["authorization violation", "nats: authentication", "user authentication expired"], &[];
    "database_credentials_invalid" 1 User "SQL Server" &["login failed for user", "the login failed"], &[];
    "database_credentials_invalid" 1 Plain "Cassandra" &["badcredentials", "provided username", "authenticationfailedexception"], &["incorrect", "cassandra", "badcredentials"];
    "database_credentials_invalid" 1 Plain "Elasticsearch" &["unable to authenticate user", "missing authentication credentials for rest request", "failed to authenticate user"], &[];
    "database_credentials_invalid" 1 User "Prisma" &["provided database credentials for"], &[];
    "database_credentials_invalid" 1 User "Oracle" &["ora-01017"], &[];
    "database_credentials_invalid" 1 User "PostgreSQL" &["28p01", "28000"], SQLSTATE;
    // Databases refuse the action.
    "database_permission_denied" 1 Object "PostgreSQL" &["permission denied for table", "permission denied for relation", "permission denied for schema", "permission denied for sequence", "permission denied for database", "must be owner of"], &[];
    "database_permission_denied" 1 User "MySQL" &["command denied to user", "er_tableaccess_denied_error", "er_dbaccess_denied_error", "error 1142", "error 1044"], &[];
    "database_permission_denied" 1 Plain "MongoDB" &["not authorized on"], &["to execute command"];
    "database_permission_denied" 1 Plain "Redis" &["noperm "], &[];
    "database_permission_denied" 1 Plain "Kafka" &["topicauthorizationexception", "groupauthorizationexception", "clusterauthorizationexception", "not authorized to access topics", "not authorized to access group"], &[];
    "database_permission_denied" 1 Object "SQL Server" &["permission was denied on the object"], &[];
    "database_permission_denied" 1 Plain "NATS" &["permissions violation for"], &[];
    "database_permission_denied" 1 Object "PostgreSQL" &["42501"], SQLSTATE;
    // Databases that only read, or are full.
    "database_read_only" 1 Plain "PostgreSQL" &["cannot execute"], &["in a read-only transaction"];
    "database_read_only" 1 Plain "MySQL" &["--read-only option so it cannot execute", "--super-read-only option", "er_option_prevents_statement"], &[];
    "database_read_only" 1 Plain "Redis" &["readonly you can't write against a read only replica", "misconf redis is configured to save rdb snapshots"], &[];
    "database_read_only" 1 Plain "MongoDB" &["notwritableprimary", "not master and slaveok=false", "notprimarynosecondaryok"], &[];
    "database_read_only" 1 Plain "Elasticsearch" &["cluster_block_exception"], &["read-only"];
    "database_read_only" 1 Plain "SQLite" &["attempt to write a readonly database"], &[];
    "database_connections_exhausted" 1 Plain "PostgreSQL" &["sorry, too many clients already", "remaining connection slots are reserved", "too many connections for role", "too many connections for database"], &[];
    "database_connections_exhausted" 1 Plain "MySQL" &["too many connections", "er_con_count_error", "max_user_connections"], &[];
    "database_connections_exhausted" 1 Plain "Redis" &["max number of clients reached"], &[];
    "database_connections_exhausted" 2 Plain "PgBouncer" &["no more connections allowed", "query_wait_timeout"], &[];
    "database_connections_exhausted" 1 Plain "PostgreSQL" &["53300"], SQLSTATE;
    // Schemas.
    "migration_failed" 1 Object "golang-migrate" &["dirty database version"], &[];
    "migration_failed" 1 Object "Flyway" &["flywayvalidateexception", "detected failed migration", "migration checksum mismatch", "flywaymigrateexception", "validate failed: migrations have failed validation"], &[];
    "migration_failed" 1 Object "Liquibase" &["validationfailedexception", "could not acquire change log lock", "migration failed for changeset", "migration failed for change set"], &[];
    "migration_failed" 1 Object "Alembic" &["can't locate revision identified by", "target database is not up to date"], &[];
    "migration_failed" 1 Object "Prisma" &["p3009", "p3018", "p3005", "migrate found failed migrations"], &[];
    "migration_failed" 1 Plain "Rails" &["activerecord::pendingmigrationerror", "migrations are pending"], &[];
    "migration_failed" 1 Plain "Django" &["inconsistentmigrationhistory"], &[];
    "migration_failed" 2 Plain "" &["migration failed", "failed to run migrations", "error running migrations", "failed to apply migration", "could not run migrations", "while executing migrations", "failed to run sql migration", "was previously applied but has been modified", "was previously applied but is missing"], &[];
    "migration_failed" 2 Object "PostgreSQL" &["undefinedtable", "undefined_table", "base table or view not found"], &[];
    "migration_failed" 2 Object "PostgreSQL" &["relation \"", "column \""], &["\" does not exist"];
    "migration_failed" 2 Object "MySQL" &["er_no_such_table", "error 1146"], &[];
    "migration_failed" 2 Object "" &["no such table:", "no such column:", "unknown column '"], &[];
    "configuration_invalid" 2 Object "the database" &["database \"", "unknown database"], &["\" does not exist", "unknown database"];
    "migration_failed" 2 Object "PostgreSQL" &["42p01", "42703"], SQLSTATE;
    "dependency_unreachable" 3 Address "PostgreSQL" &["57p03"], SQLSTATE, heals;
    // Names.
    "dns_resolution_failed" 1 HostName "" &["no such host", "name or service not known", "temporary failure in name resolution", "nodename nor servname provided", "getaddrinfo enotfound", "getaddrinfo eai_again", "unknownhostexception", "could not translate host name", "no address associated with hostname", "could not resolve host", "nxdomain", "name does not resolve", "getaddrinfo failed", "server misbehaving", "failed to lookup address information", "name resolution failure", "no such host is known", "host not found in upstream"], &[], heals;
    // Certificates.
    "tls_certificate_expired" 1 Address "" &["certificate has expired", "certificate is not yet valid", "cert_has_expired", "certificate expired", "certificateexpiredexception", "certificate_expired", "nottimevalid"], &[];
    "tls_certificate_invalid" 1 Address "" &["certificate signed by unknown authority", "unable to get local issuer certificate", "unable to verify the first certificate", "certificate verify failed", "pkix path building failed", "doesn't contain any ip sans", "hostname/ip does not match certificate", "no subject alternative", "depth_zero_self_signed_cert", "err_tls_cert_altname_invalid", "unable_to_verify_leaf_signature", "invalid peer certificate", "remotecertificatenamemismatch", "remotecertificatechainerrors", "the remote certificate is invalid", "the remote certificate was rejected", "certificate relies on legacy common name"], &[];
    "tls_certificate_invalid" 1 Address "" &["self signed certificate", "self-signed certificate"], &["verify", "chain", "error", "x509", "fail"];
    "tls_certificate_invalid" 1 Address "Go" &["certificate is valid for"], &[", not "];
    "tls_certificate_invalid" 4 Address "" &["tls: bad certificate"], &[];
    "tls_certificate_invalid" 2 Path "" &["tls: failed to find any pem data", "tls: private key does not match public key", "key values mismatch", "no start line"], &[];
    // Ports.
    "port_conflict" 1 Port "" &["address already in use", "eaddrinuse", "only one usage of each socket address", "errno 98"], &[];
    "port_conflict" 1 Port "" &["already in use"], &["port ", "bindexception"];
    // Space and files.
    "disk_full" 1 Path "" &["no space left on device", "enospc", "disk quota exceeded", "not enough space on the disk", "could not extend file"], &[];
    "file_permission_denied" 2 Path "" &["read-only file system", "erofs"], &[];
    "file_permission_denied" 2 Path "" &["permission denied", "eacces", "accessdeniedexception", "permissionerror", "unauthorizedaccessexception", "operation not permitted", "eperm"], &["/", "'", "\""];
    // Kubernetes' own API.
    "rbac_forbidden" 1 Object "Kubernetes" &["is forbidden: user \"", "cannot list resource", "cannot get resource", "cannot watch resource", "cannot create resource", "cannot update resource", "cannot patch resource", "cannot delete resource"], &["forbidden"];
    // Upstreams that limit.
    "rate_limited" 2 Address "" &["429 too many requests", "too many requests", "statuscode: 429", "status 429", "status code 429", "status=429", "code=429", "rate limit exceeded", "ratelimitexceeded", "throttlingexception", "quota exceeded for quota metric"], &[], heals;
    "rate_limited" 2 Address "" &["resourceexhausted", "resource_exhausted"], &["quota", "rate", "too many requests"], heals;
    // Settings.
    "environment_variable_missing" 1 Setting "" &["required environment variable", "missing environment variable", "missing required environment", "environment variable not set", "environment variable is not set", "environment variable is required", "missing env var", "env var not set", "must be set in the environment", "required key", "missing required env", "environment variable not found", "undefined environment variable"], &["environment", "env", "missing value", "missing required"];
    "environment_variable_missing" 1 Setting "Python" &["keyerror: '"], &[], capitals;
    "environment_variable_missing" 1 Setting "Ruby" &["key not found: \""], &["keyerror"], capitals;
    "environment_variable_missing" 1 Setting "" &["environment variable"], &["not set", "is required", "missing", "must be set", "not found", "is empty", "undefined", "unset", "not defined"];
    "environment_variable_missing" 2 Setting "" &["is not set", "must be set", "is not defined", "is required but", "is undefined"], &["env", "_url", "_host", "_key", "_token", "_dsn", "_password", "_port", "_secret"], capitals;
    "configuration_invalid" 1 Setting "Spring" &["could not resolve placeholder", "failed to bind properties under"], &[];
    "configuration_invalid" 2 Setting "Spring" &["nosuchbeandefinitionexception", "required a bean of type"], &[];
    "configuration_invalid" 4 Setting "Spring" &["unsatisfieddependencyexception", "beancreationexception"], &[];
    "configuration_invalid" 1 Setting ".NET" &["unable to resolve service for type", "no service for type", "some services are not able to be constructed"], &[];
    "configuration_invalid" 1 Setting "Django" &["improperlyconfigured"], &[];
    "configuration_invalid" 1 Setting "pydantic" &["validation error for", "validation errors for"], &["settings", "config"];
    "configuration_invalid" 3 Setting "nginx" &["[emerg]"], &[];
    "configuration_invalid" 1 Setting "" &["unknown flag:", "flag provided but not defined", "unknown shorthand flag", "unrecognized arguments:", "unrecognized option", "unexpected argument", "invalid option --", "unknown option", "no such option:", "unknown command-line flag", "unknown long flag", "required flag(s)", "the following required arguments"], &[];
    "configuration_invalid" 1 Setting "" &["error parsing config", "failed to parse config", "invalid configuration", "configuration error", "config error", "error loading config", "failed to load config", "unable to load config", "could not load config", "invalid config", "bad configuration", "config validation failed", "configuration is invalid", "missing required config", "unknown directive", "unknown configuration key", "errors parsing configuration", "configuration file error"], &[];
    "configuration_invalid" 2 Setting "" &["yaml: line", "yaml: unmarshal errors", "cannot unmarshal", "error unmarshaling", "did not find expected", "mapping values are not allowed", "scannererror", "parsererror", "expected <block end>", "toml parse error", "json parse error", "unexpected token", "jsondecodeerror", "could not find expected ':'", "invalid character"], &["yaml", "toml", "config", "json", ".conf", "settings", "properties"];
    "configuration_invalid" 2 Path "" &["no such file or directory", "filenotfounderror", "filenotfoundexception", "nosuchfileexception", "enoent", "could not find file"], &["config", ".yaml", ".yml", ".conf", ".json", ".toml", ".properties", ".ini", ".env", ".xml", "settings", "/etc/"];
    // Others that can't be reached.
    "dependency_unreachable" 2 Address "" &["connection refused", "refused. check that the hostname", "econnrefused", "connectexception", "no connection could be made because the target machine actively refused", "actively refused it", "connect failed (111)", "errno 111"], &[], heals;
    "dependency_unreachable" 2 Address "" &["i/o timeout", "connection timed out", "connect timed out", "etimedout", "connect timeout", "dial timeout", "connecttimeoutexception", "no route to host", "ehostunreach", "network is unreachable", "enetunreach", "connection attempt failed", "timeout while connecting", "connection timeout", "serverselectiontimeouterror", "server selection timeout", "serverselectionerror"], &[], heals;
    "dependency_unreachable" 3 Address "" &["server closed the connection unexpectedly", "connection closed unexpectedly", "eof occurred in violation", "upstream connect error", "no healthy upstream", "connect: cannot assign requested address", "brokers are down", "no brokers available", "all broker connections are down", "nats: no servers available", "no nodes available", "no living connections", "connection to node", "could not connect to", "unable to connect to", "failed to connect to", "can't connect to", "can't reach database server", "a network-related or instance-specific error", "the network adapter could not establish the connection", "ora-12541", "no connection is available to service this operation", "tcp connect error", "not possible to connect to the redis", "cannot connect to", "could not be established. broker may not be available", "communications link failure", "the database system is starting up", "the database system is shutting down"], &[], heals;
    "dependency_unreachable" 4 Address "" &["timed out after", "operation timed out", "connection reset by peer", "econnreset", "broken pipe", "socket hang up", "502 bad gateway", "503 service unavailable", "504 gateway time", "status code 502", "status code 503", "status code 504", "statuscode: 503", "code = unavailable", "deadlineexceeded", "context deadline exceeded", "deadline_exceeded"], &[], heals;
    // The application's own ends: heaps, then what stack traces begin with.
    "application_error" 2 Plain "the JVM's heap" &["java.lang.outofmemoryerror", "gc overhead limit exceeded", "terminating due to java.lang.outofmemoryerror"], &[], fatal;
    "application_error" 2 Plain "Node's heap" &["javascript heap out of memory", "reached heap limit allocation failed"], &[], fatal;
    "application_error" 2 Plain ".NET's heap" &["system.outofmemoryexception"], &[], fatal;
    "application_error" 2 Plain "Python's heap" &["memoryerror"], &[], fatal;
    "application_error" 4 Plain "Spring" &["application failed to start", "application run failed"], &[], fatal;
    "application_error" 4 Plain "Go" &["panic: ", "fatal error: ", "goroutine stack exceeds"], &[], fatal;
    "application_error" 4 Plain "Rust" &["thread '"], &["panicked at"], fatal;
    "application_error" 4 Plain "Python" &["traceback (most recent call last)"], &[], fatal;
    "application_error" 3 Plain "Python" &["modulenotfounderror", "importerror:", "syntaxerror:", "attributeerror:", "typeerror:", "valueerror:", "indexerror:", "nameerror:", "runtimeerror:", "assertionerror", "zerodivisionerror", "recursionerror", "unboundlocalerror"], &[];
    "application_error" 3 Plain "Node" &["uncaughtexception", "unhandledpromiserejection", "unhandled promise rejection", "err_unhandled_rejection", "referenceerror:", "rangeerror:", "cannot find module", "err_module_not_found"], &[];
    "application_error" 3 Plain "the JVM" &["caused by:"], &[];
    "application_error" 4 Plain "the JVM" &["exception in thread \"main\""], &[], fatal;
    "application_error" 4 Plain "the JVM" &["exception in thread", "nullpointerexception", "illegalstateexception", "illegalargumentexception", "classnotfoundexception", "nosuchmethoderror", "noclassdeffounderror", "unsupportedclassversionerror"], &[];
    "application_error" 3 Plain ".NET" &["---> "], &["exception"];
    "application_error" 4 Plain ".NET" &["unhandled exception. ", "hosting failed to start"], &[], fatal;
    "application_error" 4 Plain ".NET" &["unhandled exception", "system.invalidoperationexception", "system.nullreferenceexception", "system.argumentnullexception"], &[];
    "application_error" 4 Plain "Ruby" &["nomethoderror", "loaderror", "(runtimeerror)", "(nameerror)", "(argumenterror)"], &[];
    "application_error" 4 Plain "PHP" &["php fatal error", "uncaught error:", "uncaught exception"], &[];
    "application_error" 4 Plain "Elixir" &["** (exit)", "** (mix)", "** (runtimeerror)", "** (undefinedfunctionerror)", "** (argumenterror)"], &[];
    "application_error" 5 Plain "" &["unauthorized", "401 unauthorized", "403 forbidden", "status code 401", "status code 403", "invalid token", "jwt expired", "token has expired"], &[];
    "application_error" 5 Plain "" &["segmentation fault", "assertion failed", "stack overflow", "core dumped", "unrecoverable", "shutting down due to", "exiting due to", "terminating due to", "restarting to ", "exiting to ", "exiting because", "restarting because", "shutting down because", "terminating because", "giving up", "aborting"], &[];
}
