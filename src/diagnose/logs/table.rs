//! The wordings, by what they show. They are those that servers, drivers and runtimes write themselves; an application's own
//! words are only known by their level. Rank 1 to 3 name a fault, 4 and 5 are what wraps one, 6 and more only say that
//! something is wrong.

use super::failure::Failure;
use super::signatures::{Kind, Signature};

/// What is alike in all.
const PLAIN: Signature = Signature {
    cause: "application_error",
    rank: 9,
    kind: Kind::Plain,
    of: "",
    any: &[],
    and: &[],
    heals: false,
    fatal: false,
    capitals: false,
    fails: None,
};

macro_rules! signatures {
    ($($cause:literal $rank:literal $kind:ident $of:literal $any:expr, $and:expr $(, $flag:ident $(= $how:ident)?)*;)*) => {
        /// Every signature.
        pub static SIGNATURES: &[Signature] = &[$(
            Signature {
                cause: $cause,
                rank: $rank,
                kind: Kind::$kind,
                of: $of,
                any: $any,
                and: $and,
                $($flag: signatures!(@ $($how)?),)*
                ..PLAIN
            }
        ),*];
    };
    (@) => { true };
    (@ $how:ident) => { Some(Failure::$how) };
}

/// What stands beside a code of the SQL standard (PostgreSQL, appendix "Error Codes") where it is one and not any number.
const SQLSTATE: &[&str] = &["sqlstate", "sql state", "code", "error:", "fatal:", "pq:"];

/// The last line of a Python traceback: the exception and its message.
pub static RAISED: Signature = Signature { rank: 3, of: "Python", fatal: true, ..PLAIN };
/// A cause in the list that anyhow and eyre print below an error.
pub static CAUSED: Signature = Signature { rank: 3, of: "Rust", ..PLAIN };
/// A field of pydantic's settings that no environment variable gives: said in the lines below the one that names the class.
pub static NO_FIELD: Signature =
    Signature { cause: "environment_variable_missing", rank: 1, kind: Kind::Setting, of: "pydantic", ..PLAIN };
/// What Spring Boot writes under "APPLICATION FAILED TO START" and "Description:" (LoggingFailureAnalysisReporter).
pub static DESCRIBED: Signature =
    Signature { cause: "configuration_invalid", rank: 3, kind: Kind::Setting, of: "Spring", fatal: true, ..PLAIN };
/// A line that begins with an exception's name.
pub static EXCEPTION: Signature = Signature { rank: 4, ..PLAIN };
/// A line that only says by its level that the process gave up.
pub static FATAL: Signature = Signature { rank: 7, fatal: true, ..PLAIN };
/// A line that only says by its level that something failed.
pub static ERROR: Signature = Signature { rank: 8, ..PLAIN };

signatures! {
    "configuration_invalid" 1 Object "SQL Server" &["cannot open database \""], &["requested by the login"];
    // Databases and brokers refuse the user.
    "database_permission_denied" 1 User "MySQL" &["access denied for user"], &["to database '"];
    "database_permission_denied" 1 User "RabbitMQ" &["access_refused - access to", "access to vhost '", "no access to this vhost", "not_allowed - vhost", "not_allowed - access to"], &[];
    "database_credentials_invalid" 1 User "PostgreSQL" &["pg_hba.conf rejects connection", "ident authentication failed for user", "peer authentication failed for user", "is not permitted to log in", "no password supplied", "client password must be a string", "authentication, but no password was provided", "password authentication failed for user", "no pg_hba.conf entry", "invalid_authorization_specification"], &[];
    "database_credentials_invalid" 1 User "PostgreSQL" &["role \""], &["\" does not exist"];
    "database_credentials_invalid" 1 User "MySQL" &["is not allowed to connect to this mysql server", "is not allowed to connect to this mariadb server", "access denied for user", "er_access_denied_error", "error 1045"], &[];
    "database_credentials_invalid" 1 User "MongoDB" &["authentication failed", "authenticationfailed", "exception authenticating mongocredential"], &["mongo", "scram", "code 18", "\"code\":18", "code: 18", "sasl", "mongocredential"];
    "database_credentials_invalid" 1 Plain "Redis" &["err client sent auth, but no password is set", "invalid username-password pair", "wrongpass", "noauth authentication required", "noauth hello", "err invalid password", "err auth <password> called without any password"], &[];
    "database_credentials_invalid" 1 Plain "RabbitMQ" &["username or password not allowed", "login was refused", "can only connect via localhost", "access_refused"], &[];
    "database_credentials_invalid" 1 Plain "Kafka" &["failed authentication due to: ", "sasl authentication error", "saslauthenticationexception", "sasl authentication failed", "authentication failed during authentication due to invalid credentials", "authentication failed: invalid username or password"], &[];
    "database_credentials_invalid" 1 Plain "NATS" &["authorization violation", "nats: authentication", "user authentication expired"], &[];
    "database_credentials_invalid" 1 User "SQL Server" &["login failed for user", "the login failed"], &[];
    "database_credentials_invalid" 1 User "Cassandra" &["badcredentials", "bad credentials", "provided username", "authenticationfailedexception"], &["incorrect", "cassandra", "badcredentials", "code=0100"];
    "database_credentials_invalid" 1 User "Elasticsearch" &["unable to authenticate user", "missing authentication credentials for rest request", "failed to authenticate user"], &[];
    "database_credentials_invalid" 1 User "ClickHouse" &["authentication failed: password is incorrect"], &[];
    "database_credentials_invalid" 1 Plain "etcd" &["etcdserver: authentication failed", "etcdserver: invalid auth token", "etcdserver: user name is empty"], &[];
    "database_credentials_invalid" 1 User "Prisma" &["authentication failed against database server", "authentication failed against the database server", "provided database credentials for"], &[];
    "database_credentials_invalid" 1 User "Oracle" &["ora-01017"], &[];
    "database_credentials_invalid" 1 User "PostgreSQL" &["28p01", "28000"], SQLSTATE;
    // Databases refuse the action.
    "database_permission_denied" 1 Object "PostgreSQL" &["permission denied for table", "permission denied for relation", "permission denied for schema", "permission denied for sequence", "permission denied for database", "permission denied for function", "permission denied for view", "permission denied to create", "permission denied to set", "must be owner of"], &[];
    "database_permission_denied" 1 User "MySQL" &["access denied; you need", "command denied to user", "er_tableaccess_denied_error", "er_dbaccess_denied_error", "error 1142", "error 1044"], &[];
    "database_permission_denied" 1 Object "MongoDB" &["not authorized on"], &["to execute command"];
    "database_credentials_invalid" 1 Plain "MongoDB" &["requires authentication"], &["command "];
    "database_permission_denied" 1 Plain "Redis" &["noperm "], &[];
    "database_permission_denied" 1 Object "Kafka" &["topicauthorizationexception", "groupauthorizationexception", "clusterauthorizationexception", "not authorized to access topics", "not authorized to access group"], &[];
    "database_permission_denied" 1 Object "SQL Server" &["permission was denied on the object"], &[];
    "database_permission_denied" 1 Object "NATS" &["permissions violation for"], &[];
    "database_permission_denied" 1 Object "PostgreSQL" &["42501"], SQLSTATE;
    // Databases that only read, or are full.
    "database_read_only" 1 Plain "PostgreSQL" &["cannot execute"], &["in a read-only transaction", "during recovery"];
    "database_read_only" 1 Plain "PostgreSQL" &["25006"], SQLSTATE;
    "database_read_only" 1 Plain "MySQL" &["running with the --read-only", "running in read-only mode", "--read-only option so it cannot execute", "--super-read-only option", "er_option_prevents_statement"], &[];
    "database_read_only" 1 Plain "Redis" &["readonly you can't write against a read only slave", "misconf errors writing to the aof", "noreplicas not enough good replicas", "readonly you can't write against a read only replica", "misconf redis is configured to save rdb snapshots"], &[];
    "database_read_only" 1 Plain "MongoDB" &["node is not in primary or recovering state", "not primary", "notwritableprimary", "not master and slaveok=false", "notprimarynosecondaryok"], &[];
    "database_read_only" 1 Plain "Elasticsearch" &["cluster_block_exception"], &["read-only"];
    "database_read_only" 1 Plain "SQLite" &["attempt to write a readonly database"], &[];
    "database_read_only" 1 Plain "SQL Server" &["because the database is read-only"], &[];
    "database_read_only" 1 Plain "etcd" &["etcdserver: mvcc: database space exceeded"], &[];
    "database_connections_exhausted" 1 User "PostgreSQL" &["sorry, too many clients already", "remaining connection slots are reserved", "too many connections for role", "too many connections for database"], &[];
    "database_connections_exhausted" 1 Plain "MySQL" &["has exceeded the 'max_user_connections'", "too many connections", "er_con_count_error", "max_user_connections"], &[];
    "database_connections_exhausted" 1 Plain "Oracle" &["ora-12516", "ora-12519", "ora-00018", "ora-12520"], &[];
    "database_connections_exhausted" 2 Plain "the connection pool" &["queuepool limit of size", "prior to obtaining a connection from the pool", "timed out fetching a new connection from the connection pool", "timeout acquiring a connection. the pool is probably full", "pool timed out while waiting for an open connection", "connection not available and request was dropped from queue", "could not obtain a connection from the pool within", "connection pool has been exhausted", "resourcerequest timed out"], &[];
    "database_connections_exhausted" 1 Plain "Redis" &["max number of clients reached"], &[];
    "database_connections_exhausted" 2 Plain "PgBouncer" &["no more connections allowed", "query_wait_timeout"], &[];
    "database_connections_exhausted" 1 Plain "PostgreSQL" &["53300"], SQLSTATE;
    // Schemas.
    "migration_failed" 1 Object "golang-migrate" &["dirty database version"], &[];
    "migration_failed" 1 Object "Flyway" &["contains a failed migration", "detected applied migration not resolved locally", "detected resolved migration not applied", "unable to obtain table lock - another flyway", "unable to acquire flyway advisory lock", "flywayvalidateexception", "detected failed migration", "migration checksum mismatch", "flywaymigrateexception", "validate failed: migrations have failed validation"], &[];
    "migration_failed" 1 Object "Liquibase" &["migrationfailedexception", "waiting for changelog lock", "change sets check sum", "changesets check sum", "validationfailedexception", "could not acquire change log lock", "migration failed for changeset", "migration failed for change set"], &[];
    "migration_failed" 1 Object "Alembic" &["multiple head revisions are present", "multiple heads are present", "can't locate revision identified by", "target database is not up to date"], &[];
    "migration_failed" 1 Object "Prisma" &["a migration failed to apply. new migrations cannot be applied", "timed out trying to acquire a postgres advisory lock", "p3009", "p3018", "p3005", "migrate found failed migrations"], &[];
    "migration_failed" 1 Object "Rails" &["activerecord::pendingmigrationerror", "migrations are pending"], &[];
    "migration_failed" 1 Object "Django" &["inconsistentmigrationhistory", "nonexistent parent node", "conflicting migrations detected"], &[];
    "migration_failed" 1 Object "Prisma" &["` migration started at"], &["failed"];
    "migration_failed" 1 Object "EF Core" &["has pending changes", "pendingmodelchangeswarning"], &["the model for context", "pendingmodelchangeswarning"];
    "migration_failed" 1 Plain "Ecto" &["ecto.pendingmigrationerror", "there are pending migrations for repo"], &[];
    "migration_failed" 1 Plain "Knex" &["migration table is already locked", "the migration directory is corrupt"], &[];
    "migration_failed" 4 Plain "Django" &["unapplied migration(s)"], &[];
    "migration_failed" 2 Object "" &["can't acquire database lock", "is partially applied", "migration failed", "failed to run migrations", "error running migrations", "failed to apply migration", "could not run migrations", "while executing migrations", "failed to run sql migration", "was previously applied but has been modified", "was previously applied but is missing"], &[];
    "migration_failed" 2 Object "PostgreSQL" &["undefinedcolumn", "undefined_column", "undefinedtable", "undefined_table", "base table or view not found"], &[];
    "migration_failed" 2 Object "PostgreSQL" &["relation \"", "column \"", "schema \"", "type \""], &["\" does not exist"];
    "migration_failed" 2 Object "Prisma" &["the table `", "the column `"], &["does not exist in the current database"];
    "migration_failed" 2 Object "Hibernate" &["schema-validation: "], &["missing", "wrong column type"];
    "migration_failed" 2 Object "SQL Server" &["invalid object name '", "invalid column name '"], &[];
    "migration_failed" 2 Object "Oracle" &["ora-00942", "ora-00904"], &[];
    "migration_failed" 2 Object "Cassandra" &["unconfigured table", "undefined column name"], &[];
    "migration_failed" 2 Object "ClickHouse" &["unknown_table"], &[];
    "migration_failed" 2 Object "MySQL" &["er_no_such_table", "er_bad_field_error", "error 1146", "error 1054"], &[];
    "migration_failed" 2 Object "MySQL" &["table '", "unknown table '"], &["' doesn't exist", "unknown table '"];
    "migration_failed" 2 Object "" &["has no column named", "no such table:", "no such column:", "unknown column '"], &[];
    "configuration_invalid" 2 Object "the database" &["database \"", "database `", "keyspace", "unknown database", "unknown_database", "ora-12514"], &["\" does not exist", "unknown database", "unknown_database", "` does not exist", "keyspace '", "ora-12514"];
    "migration_failed" 2 Object "PostgreSQL" &["42p01", "42703"], SQLSTATE;
    "dependency_unreachable" 3 Address "PostgreSQL" &["57p03"], SQLSTATE, heals;
    // Names.
    "dns_resolution_failed" 1 HostName "" &["no such host", "name or service not known", "nodename nor servname provided", "enotfound", "unknownhostexception", "could not translate host name", "no address associated with hostname", "could not resolve host", "unable to resolve host address", "nxdomain", "name does not resolve", "no such host is known", "bad address '", "host not found in upstream", "could not be resolved (3", "unknown mysql server host", "domain name not found", "name resolver error: produced zero addresses", "non-existing domain"], &[], heals, fails = NameUnknown;
    "dns_resolution_failed" 1 HostName "" &["eai_again", "temporary failure in name resolution", "server misbehaving", "servfail", "name resolution failed", "dns resolution failed", "could not be resolved (110"], &[], heals, fails = NameUnanswered;
    "dns_resolution_failed" 1 HostName "" &["getaddrinfo failed", "failed to lookup address information", "name resolution failure", "failed to resolve '", "no resolvable bootstrap urls", "couldn't resolve server", "php_network_getaddresses"], &[], heals;
    "dns_resolution_failed" 1 HostName "Go" &["lookup "], &["i/o timeout", "read udp", "write udp", "dial udp"], heals;
    // Certificates.
    "tls_certificate_expired" 1 Address "" &["certificate has expired", "certificate is not yet valid", "cert_has_expired", "certificate expired", "expired certificate", "certificateexpiredexception", "certificatenotyetvalidexception", "certificate_expired", "nottimevalid", "invalid peer certificate: expired", "certexpired"], &[];
    "tls_certificate_invalid" 1 Address "" &["unable to get issuer certificate", "pkix path validation failed", "unable to find valid certification path", "untrustedroot", "partialchain", "unknown certificate authority", "unknown ca", "no name matching", "any of the subject alternative names", "doesn't match any of the subject", "does not match host name", "incompatible key usage", "not valid for any names", "certificate signed by unknown authority", "unable to get local issuer certificate", "unable to verify the first certificate", "certificate verify failed", "pkix path building failed", "doesn't contain any ip sans", "hostname/ip does not match certificate", "no subject alternative", "depth_zero_self_signed_cert", "err_tls_cert_altname_invalid", "unable_to_verify_leaf_signature", "invalid peer certificate", "remotecertificatenamemismatch", "remotecertificatechainerrors", "the remote certificate is invalid", "the remote certificate was rejected", "certificate relies on legacy common name"], &[];
    "tls_certificate_invalid" 1 Address "" &["self signed certificate", "self-signed certificate"], &["verify", "chain", "error", "x509", "fail"];
    "tls_certificate_invalid" 1 Address "Go" &["certificate is valid for"], &[", not "];
    "tls_certificate_invalid" 4 Address "" &["tls: bad certificate", "tls: handshake failure", "alert handshake failure", "handshake_failure", "sslhandshakeexception", "protocol version not supported", "alert protocol version", "protocol_version", "the ssl connection could not be established", "ssl handshake failed", "invalidcontenttype", "err_ssl_"], &[];
    "tls_certificate_invalid" 2 Path "" &["tls: failed to find any pem data", "tls: private key does not match public key", "tls: failed to parse private key", "key values mismatch", "no start line", "cannot load certificate", "could not load server certificate", "could not load private key", "keystore password was incorrect", "keystore was tampered with", "privatekey_file("], &[];
    // Ports.
    "port_conflict" 1 Port "" &["address already in use", "eaddrinuse", "only one usage of each socket address", "errno 98"], &[];
    "port_conflict" 1 Port "" &["already in use"], &["port ", "bindexception"];
    "port_conflict" 1 Port "gunicorn" &["connection in use: ('"], &[];
    "container_security_context_denied" 1 Port "" &["permission denied", "listen eacces", "(13)permission denied"], &["bind: permission denied", "listen eacces", "bind() to", "bind(2) for", "make_sock", "cannot bind socket"];
    "container_security_context_denied" 2 User "" &["setgid(", "setuid(", "initgroups(", "setgroups", "failed switching to", "setuid: ", "setgid: ", "sysctl: "], &["operation not permitted"];
    "container_security_context_denied" 2 Plain "" &["execution of the postgresql server is not permitted", "can not run elasticsearch as root", "how to run mysqld as root", "you must be root"], &[];
    // Commands.
    "image_platform_mismatch" 1 Path "" &["exec format error", "rosetta error: failed to open elf"], &[];
    "container_command_invalid" 1 Path "" &["executable file not found in $path", "command not found", "unable to access jarfile", "could not find or load main class", "bad interpreter", "could not open input file", "required file not found", "application to execute does not exist", "the command could not be loaded, possibly because"], &[];
    "container_command_invalid" 1 Path "a shell" &["sh: "], &[": not found", ": can't open '", ": cannot open "];
    "container_command_invalid" 1 Path "Python" &["can't open file '"], &["no such file or directory"];
    "container_command_invalid" 1 Path "" &["exec /", "exec: ", "env: ", "/env: "], &["no such file or directory", ": permission denied", ": not found"];
    "container_command_invalid" 2 Path "" &["error while loading shared libraries", "' not found (required by"], &[];
    // Space and files.
    "application_error" 1 Path "" &["system limit for number of file watchers reached", "inotify watch limit reached", "number of inotify instances", "too many open files", "emfile"], &[];
    "disk_full" 1 Path "" &["database or disk is full", "os errno 28", "no space left on device", "enospc", "disk quota exceeded", "not enough space on the disk", "could not extend file"], &[];
    "file_permission_denied" 2 Path "" &["read-only file system", "erofs"], &[];
    "file_permission_denied" 2 Path "" &["permission denied", "eacces", "accessdeniedexception: /", "permissionerror", "unauthorizedaccessexception", "operation not permitted", "eperm"], &["/", "'", "\"", "os error"];
    "file_permission_denied" 2 Path "PostgreSQL" &["has wrong ownership", "has invalid permissions"], &["data directory"];
    // Kubernetes' own API.
    "rbac_forbidden" 1 Object "Kubernetes" &["is forbidden: user \"", "cannot list resource", "cannot get resource", "cannot watch resource", "cannot create resource", "cannot update resource", "cannot patch resource", "cannot delete resource"], &["forbidden"];
    // Upstreams that limit.
    "rate_limited" 2 Address "" &["ratelimiterror", "error code: 429", "429 too many requests", "too many requests", "statuscode: 429", "status 429", "status code 429", "status=429", "code=429", "rate limit exceeded", "ratelimitexceeded", "throttlingexception", "quota exceeded for quota metric"], &[], heals;
    "rate_limited" 2 Address "" &["resourceexhausted", "resource_exhausted"], &["quota", "rate", "too many requests"], heals;
    // Settings.
    "environment_variable_missing" 1 Setting "" &["required env variable", "required env var", "required environment variable", "missing environment variable", "missing required environment", "environment variable not set", "environment variable is not set", "environment variable is required", "missing env var", "env var not set", "must be set in the environment", "required key", "missing required env", "environment variable not found", "undefined environment variable"], &["environment", "env", "missing value", "missing required"];
    "environment_variable_missing" 1 Setting "Python" &["keyerror: '"], &[], capitals;
    "environment_variable_missing" 1 Setting "Ruby" &["key not found: \""], &["keyerror"], capitals;
    "environment_variable_missing" 1 Setting "" &["environment variable", "env variable", "env var "], &["not set", "is required", "missing", "must be set", "not found", "is empty", "should not be empty", "undefined", "unset", "not defined", "set the "];
    "environment_variable_missing" 1 Setting "the shell" &[": unbound variable", ": parameter not set", ": parameter null or not set"], &[];
    "environment_variable_missing" 1 Setting "Python" &["declare it as envvar or define a default value"], &[];
    "environment_variable_missing" 1 Setting "envalid" &[": undefined (required)"], &[], capitals;
    "environment_variable_missing" 1 Setting "PostgreSQL" &["superuser password is not specified"], &[];
    "environment_variable_missing" 1 Setting "MySQL" &["database is uninitialized and password option is not specified"], &[];
    "environment_variable_missing" 2 Setting "" &["is not set", "not set", "must be set", "is not defined", "is required", "is missing", "must be provided", "is undefined"], &["env", "_url", "_uri", "_host", "_addr", "_key", "_token", "_dsn", "_password", "_port", "_secret", "_id"], capitals;
    "configuration_invalid" 1 Setting "Spring" &["configurationpropertiesbindexception", "failed to configure a datasource", "failed to determine a suitable driver class", "could not resolve placeholder", "failed to bind properties under"], &[];
    "configuration_invalid" 1 Setting "Quarkus" &["srcfg00014", "could not be found in any config source", "srcfg00011"], &[];
    "configuration_invalid" 2 Setting "Spring" &["no qualifying bean of type", "required a bean named", "nosuchbeandefinitionexception", "required a bean of type"], &[];
    "configuration_invalid" 4 Setting "Spring" &["unsatisfieddependencyexception", "beancreationexception"], &[];
    "configuration_invalid" 1 Setting ".NET" &["optionsvalidationexception", "the connectionstring property has not been initialized", "connection string keyword", "unable to resolve service for type", "no service for type", "some services are not able to be constructed"], &[];
    "configuration_invalid" 1 Setting "Django" &["improperlyconfigured"], &[];
    "configuration_invalid" 1 Setting "pydantic" &["validation error for", "validation errors for"], &["settings", "config"];
    "configuration_invalid" 2 Setting "zod" &["zoderror: ["], &[];
    "configuration_invalid" 1 Setting "NestJS" &["nest can't resolve dependencies"], &[];
    "configuration_invalid" 1 Plain "Elasticsearch" &["bootstrap checks failed", "bootstrap check failure"], &[];
    "configuration_invalid" 4 Setting "PostgreSQL" &["configuration file \""], &["contains errors"];
    "configuration_invalid" 3 Setting "nginx" &["[emerg]"], &[];
    "configuration_invalid" 1 Setting "" &["bad option:", "unrecognized vm option", "invalid maximum heap size", "initial heap size set to a larger value", "following arguments are required", "following required arguments were not provided", "flag needs an argument", "unrecognized command line flag", "unrecognised option", "invalid argument \"", "unrecognized configuration parameter", "[server] unknown variable", "unknown variable '", "invalid value for configuration", "invalid value for parameter", "unknown flag:", "flag provided but not defined", "unknown shorthand flag", "unrecognized arguments:", "unrecognized option", "unexpected argument", "invalid option --", "unknown option", "no such option:", "unknown command-line flag", "unknown long flag", "required flag(s)", "the following required arguments"], &[];
    "configuration_invalid" 1 Setting "" &["fatal config file error", "bad directive or wrong number of arguments", "no configuration setting found for key", "failed to read config", "cannot load config", "error reading config", "missing required property", "datasource validation failed", "syntax error on line", "configsource", "no configuration has been provided", "unknown keyword '", "error initializing configuration", "error parsing config", "failed to parse config", "invalid configuration", "configuration error", "config error", "error loading config", "failed to load config", "unable to load config", "could not load config", "invalid config", "bad configuration", "config validation failed", "configuration is invalid", "missing required config", "unknown directive", "unknown configuration key", "errors parsing configuration", "configuration file error"], &[];
    "configuration_invalid" 1 Setting "" &["yaml: line", "yaml: unmarshal errors", "error converting yaml", "snakeyaml", "yaml.scanner", "yaml.parser", "yamlexception", "toml parse error", "toml: line", "tomldecodeerror", "jsondecodeerror", "jsonparseexception", "jsonreaderexception"], &[];
    "configuration_invalid" 2 Setting "" &["cannot unmarshal", "error unmarshaling", "did not find expected", "mapping values are not allowed", "scannererror", "parsererror", "expected <block end>", "json parse error", "unexpected token", "could not find expected ':'", "invalid character", "unexpected end of json input", "not found in type"], &["yaml", "toml", "config", "json", ".conf", "settings", "properties", "looking for beginning of"];
    "configuration_invalid" 3 Setting "" &["missing field `", "unknown field", "missing required field"], &[];
    "configuration_invalid" 2 Address "" &["server gave http response to https client", "http request to an https server", "http request was sent to https port", "does not look like a tls handshake", "wrong version number", "wrong_version_number", "ssl is not enabled on the server", "server does not support ssl", "unsupported or unrecognized ssl message", "not an ssl/tls record", "cannot determine the frame size"], &[], fails = Protocol;
    "configuration_invalid" 2 Path "" &["no such file or directory", "filenotfounderror", "filenotfoundexception", "nosuchfileexception", "enoent", "could not find file", "could not find a part of the path", "was not found and is not optional", "cannot be opened because it does not exist", "can't open config file"], &["/", "'", "\"", ".yaml", ".yml", ".json", ".conf", "config", "os error"];
    "database_port_wrong" 1 Address "" &["received invalid response to ssl negotiation", "invalid length of startup packet", "expected authentication request from server, but received", "protocol error, got \"h\" as reply type byte", "reading initial communication packet", "err_packets_out_of_order"], &[], fails = Protocol;
    // Others that can't be reached.
    "dependency_unreachable" 2 Address "" &["connection refused", "refused. check that the hostname", "econnrefused", "java.net.connectexception", "actively refused it", "couldn't connect to server", "delayed connect error: 111", "connect failed (111)", "errno 111", "broker may not be available"], &[], heals, fails = Refused;
    "dependency_unreachable" 2 Address "" &["no route to host", "ehostunreach", "noroutetohostexception", "network is unreachable", "enetunreach"], &[], heals, fails = NoRoute;
    "dependency_unreachable" 2 Address "" &["i/o timeout", "etimedout", "connection timed out", "connect timed out", "read timed out", "connect timeout", "dial timeout", "connecttimeoutexception", "sockettimeoutexception", "tls handshake timeout", "timeout while connecting", "connection timeout", "connection attempt failed", "timeout expired"], &[], heals, fails = TimedOut;
    "dependency_unreachable" 2 Address "MongoDB" &["serverselectiontimeouterror", "server selection timeout", "serverselectionerror"], &[], heals, fails = Unavailable;
    "dependency_unreachable" 3 Address "" &["upstream connect error", "no healthy upstream", "no live upstreams", "failed to connect to", "unabletoconnect", "communications link failure", "can't reach database server", "could not be established. node may not be available"], &[], heals, fails = Unavailable;
    "dependency_unreachable" 3 Address "Kafka" &["bootstrap broker"], &["disconnected"], heals, fails = Unavailable;
    "dependency_unreachable" 3 Address "" &["server closed the connection unexpectedly", "connection closed unexpectedly", "eof occurred in violation", "connect: cannot assign requested address", "brokers are down", "no brokers available", "nobrokersavailable", "run out of available brokers", "all broker connections are down", "specified endpoints were reachable", "nats: no servers available", "no nodes available", "no living connections", "connection to node", "could not connect to", "unable to connect to", "can't connect to", "could not reach any contact point", "a network-related or instance-specific error", "the network adapter could not establish the connection", "ora-12541", "no connection is available to service this operation", "tcp connect error", "not possible to connect to the redis", "cannot connect to", "the database system is starting up", "the database system is shutting down", "the database system is in recovery mode", "the database system is not yet accepting", "loading redis is loading the dataset", "lost connection to mysql server", "etcdserver: request timed out", "etcdserver: no leader", "master_not_discovered_exception", "leader_not_available"], &[], heals;
    "dependency_unreachable" 3 Address "HikariPool" &["connection is not available, request timed out"], &[], heals;
    "dependency_unreachable" 4 Address "" &["timed out", "deadline exceeded", "deadline_exceeded", "deadlineexceeded", "timeoutexception"], &[], heals, fails = TimedOut;
    "dependency_unreachable" 4 Address "" &["connection reset by peer", "econnreset", "socketexception: connection reset", "socket hang up", "upstream prematurely closed"], &[], heals, fails = Reset;
    "dependency_unreachable" 4 Address "" &["malformed http", "http2: frame too large", "http/1.x transport connection broken", "http/0.9 when not allowed", "parse error: expected http", "protocol error", "protocol_error", "error reading server preface", "unexpected content-type", "no valid http/1", "invalid http"], &[], heals, fails = Protocol;
    "dependency_unreachable" 4 Address "" &["broken pipe", "mysql server has gone away", "502 bad gateway", "503 service unavailable", "503 service temporarily unavailable", "504 gateway time", "code = unavailable", "statuscode.unavailable", "unavailable: io exception", "502 server error", "503 server error", "504 server error", "requested url returned error: 50"], &[], heals;
    "dependency_unreachable" 4 Address "" &["status code 502", "status code 503", "status code 504", "statuscode: 503", "does not indicate success: 502", "does not indicate success: 503", "does not indicate success: 504", "unexpected status: 50", "responded with status 50", "returned status code 50", "httpservererrorexception"], &[], heals;
    // The application's own ends: heaps, then what stack traces begin with.
    "application_error" 2 Plain "the JVM's heap" &["java.lang.outofmemoryerror", "gc overhead limit exceeded"], &[], fatal;
    "application_error" 1 Plain "the JVM's threads" &["unable to create native thread", "unable to create new native thread", "pthread_create failed (eagain)"], &[], fatal;
    "application_error" 2 Plain "the JVM's memory" &["insufficient memory for the java runtime environment", "could not reserve enough space for"], &[], fatal;
    "application_error" 2 Plain "Node's heap" &["javascript heap out of memory", "reached heap limit allocation failed", "ineffective mark-compacts near heap limit", "err_worker_out_of_memory"], &[], fatal;
    "application_error" 2 Plain "the heap" &["runtime: out of memory", "failed to allocate memory (nomemoryerror)", "cuda out of memory", "eheap_alloc: cannot allocate"], &[], fatal;
    "application_error" 2 Plain "PHP's memory_limit" &["allowed memory size of"], &["exhausted"], fatal;
    "application_error" 2 Plain "Rust's heap" &["memory allocation of "], &["bytes failed"], fatal;
    "application_error" 2 Plain "Redis' maxmemory" &["oom command not allowed"], &[];
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
    "application_error" 5 Plain "" &["std::bad_alloc", "stack smashing detected", "instance will stop", "segmentation fault", "assertion failed", "stack overflow", "core dumped", "unrecoverable", "shutting down due to", "exiting due to", "terminating due to", "restarting to ", "exiting to ", "exiting because", "restarting because", "shutting down because", "terminating because", "giving up", "aborting"], &[];
}
