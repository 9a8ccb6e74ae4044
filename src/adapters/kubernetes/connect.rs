//! From a kubeconfig, or the pod we run in, to a client. It says what is wrong with a kubeconfig in one sentence, and
//! quotes no part of it that may be a credential: not its text, not an address's user and password, not what a
//! credential command printed.

use super::fault;
use crate::adapters::proxy::{Environment, with_scheme};
use crate::ports::ReadError;
use http::Uri;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use secrecy::SecretString;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long getting credentials may take: a credential command may ask a person to log in with a browser.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(120);
/// How many contexts are named when the one that was asked for doesn't exist.
const CONTEXTS_NAMED: usize = 8;

/// How to connect, and how long to wait.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// `--kubeconfig`. Without it `$KUBECONFIG` counts, then `~/.kube/config`, then the pod's own ServiceAccount.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`. Without it the kubeconfig's `current-context` counts.
    pub context: Option<String>,
    /// The longest that one LIST with all its pages, one log, or one connection may take.
    pub request_timeout: Duration,
    /// The longest that reading may take as a whole. What is missing then is told, and is no error.
    pub read_timeout: Duration,
    /// Objects a page of a LIST; 500 is what kubectl asks for.
    pub page_size: u32,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            kubeconfig: None,
            context: None,
            request_timeout: Duration::from_secs(15),
            read_timeout: Duration::from_secs(30),
            page_size: 500,
        }
    }
}

/// A client, and what is told about where it leads.
pub(super) struct Connection {
    pub client: Client,
    /// The server's address without credentials.
    pub server: String,
    /// The context's namespace, `default` where it names none.
    pub namespace: String,
}

pub(super) async fn connect(options: &ConnectOptions) -> Result<Connection, ReadError> {
    connect_as(options, None).await
}

/// Connects with the token in a file, and with nothing else of the kubeconfig's credentials, where one is named.
pub(super) async fn connect_as(options: &ConnectOptions, token_file: Option<&Path>) -> Result<Connection, ReadError> {
    let mut config = config(options).await?;
    if let Some(file) = token_file {
        config.auth_info = token_in(file)?;
    }
    config.connect_timeout = Some(options.request_timeout);
    config.read_timeout = Some(options.request_timeout);
    config.write_timeout = Some(options.request_timeout);
    // Else the time that a pooled connection lay idle counts as waiting for the next answer.
    config.reset_reader_on_write = true;
    // kube's own retries wait for up to 1000 s and know no deadline; `request` has its own.
    config.default_retry = false;
    let server = address(&config.cluster_url);
    let namespace = config.default_namespace.clone();
    let client = client(config).await?;
    Ok(Connection { client, server, namespace })
}

/// The credentials that a token file holds.
fn token_in(file: &Path) -> Result<AuthInfo, ReadError> {
    let unreadable = |why: String| ReadError::Config(format!("the token file {} can't be used: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|why| unreadable(why.to_string()))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(unreadable("it is empty".to_owned()));
    }
    // kube reads the file again every minute, since the kubelet renews a projected token; but it takes the line's end that
    // an editor adds for a part of it. A file with one is nobody's who renews it.
    Ok(match token.len() == text.len() {
        true => AuthInfo { token_file: Some(file.to_string_lossy().into_owned()), ..AuthInfo::default() },
        false => AuthInfo { token: Some(SecretString::from(token.to_owned())), ..AuthInfo::default() },
    })
}

/// Builds the client. This runs the kubeconfig's credential command and waits for it, so it has a thread of its own:
/// one of tokio's would hold up the end of the program for as long as the command runs.
async fn client(config: Config) -> Result<Client, ReadError> {
    let (sender, receiver) = oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    let build = move || {
        let _inside = runtime.enter();
        // Nobody waits any more when this fails.
        let _ = sender.send(Client::try_from(config));
    };
    std::thread::Builder::new()
        .name("credentials".to_owned())
        .spawn(build)
        .map_err(|error| ReadError::Config(format!("no thread for the credential command: {error}")))?;
    match tokio::time::timeout(CREDENTIALS_TIMEOUT, receiver).await {
        Ok(Ok(Ok(client))) => Ok(client),
        Ok(Ok(Err(error))) => Err(ReadError::Config(unusable(&error))),
        Ok(Err(_)) => Err(ReadError::Config("the credential command of the kubeconfig could not be run".to_owned())),
        Err(_) => Err(ReadError::Config(format!(
            "the credential command of the kubeconfig did not end within {} s",
            CREDENTIALS_TIMEOUT.as_secs()
        ))),
    }
}

async fn config(options: &ConnectOptions) -> Result<Config, ReadError> {
    let files = files(options.kubeconfig.as_deref());
    let kubeconfig = read(&files, options.kubeconfig.is_some())?;
    if kubeconfig.contexts.is_empty() && options.context.is_none() {
        let mut config = Config::incluster().map_err(|error| nowhere(&files, &error.to_string()))?;
        config.proxy_url = Environment::read().proxy_to(&config.cluster_url);
        return Ok(config);
    }
    let context = chosen(&kubeconfig, options.context.as_deref())?;
    let own_proxy = own_proxy(&kubeconfig, &context)?;
    let choice = KubeConfigOptions { context: Some(context.clone()), cluster: None, user: None };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &choice).await.map_err(|error| invalid(&context, &error))?;
    config.proxy_url = own_proxy.or_else(|| Environment::read().proxy_to(&config.cluster_url));
    Ok(config)
}

/// The files to read, first one first.
fn files(option: Option<&Path>) -> Vec<PathBuf> {
    if let Some(file) = option {
        return vec![file.to_owned()];
    }
    let listed = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let listed: Vec<_> = std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty()).collect();
    if !listed.is_empty() {
        return listed;
    }
    std::env::home_dir().map(|home| home.join(".kube/config")).into_iter().collect()
}

/// Reads and merges the files that exist; empty where none does. As kubectl, it minds a missing file only when that
/// is the one it was told to read.
fn read(files: &[PathBuf], must_exist: bool) -> Result<Kubeconfig, ReadError> {
    let mut merged = Kubeconfig::default();
    for file in files {
        let unreadable = |why: String| ReadError::Config(format!("kubeconfig {}: {why}", file.display()));
        if !must_exist && !file.exists() {
            continue;
        }
        let next = Kubeconfig::read_from(file).map_err(|error| unreadable(plain(&error)))?;
        merged = merged.merge(next).map_err(|error| unreadable(plain(&error)))?;
    }
    Ok(merged)
}

/// The context to use: the one asked for, else the current one, if it exists.
fn chosen(kubeconfig: &Kubeconfig, asked: Option<&str>) -> Result<String, ReadError> {
    let mut names: Vec<_> = kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect();
    names.sort_unstable();
    let current = kubeconfig.current_context.as_deref().filter(|name| !name.is_empty());
    let Some(name) = asked.or(current) else {
        return Err(ReadError::Config(format!(
            "the kubeconfig has no current context; choose one with --context: {}",
            some(&names)
        )));
    };
    if names.contains(&name) {
        return Ok(name.to_owned());
    }
    if names.is_empty() {
        return Err(ReadError::Config(format!("there is no context {name:?}: no kubeconfig has any")));
    }
    let near = names.iter().map(|known| (strsim::jaro_winkler(known, name), known));
    let near = near.filter(|(likeness, _)| *likeness > 0.8).max_by(|(a, _), (b, _)| a.total_cmp(b));
    let meant = near.map(|(_, known)| format!("did you mean {known:?}? ")).unwrap_or_default();
    Err(ReadError::Config(format!("the kubeconfig has no context {name:?}; {meant}it has {}", some(&names))))
}

/// The first few names, and how many more there are.
fn some(names: &[&str]) -> String {
    let shown = names.get(..CONTEXTS_NAMED).unwrap_or(names);
    match names.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The `proxy-url` of a context's cluster.
fn own_proxy(kubeconfig: &Kubeconfig, context: &str) -> Result<Option<Uri>, ReadError> {
    let context = kubeconfig.contexts.iter().find(|named| named.name == context).and_then(|named| named.context.as_ref());
    let cluster = kubeconfig.clusters.iter().find(|named| context.is_some_and(|context| context.cluster == named.name));
    let proxy = cluster.and_then(|named| named.cluster.as_ref()?.proxy_url.as_deref()).unwrap_or_default();
    if proxy.is_empty() {
        return Ok(None);
    }
    let unusable = |_| ReadError::Config("the kubeconfig's proxy-url is no address".to_owned());
    with_scheme(proxy).parse().map(Some).map_err(unusable)
}

fn invalid(context: &str, error: &KubeconfigError) -> ReadError {
    let why = match error {
        KubeconfigError::LoadClusterOfContext(cluster) => format!("it has no cluster {cluster:?}"),
        KubeconfigError::LoadContext(_) => "it is empty".to_owned(),
        KubeconfigError::ParseNoProxy(why) => format!("NO_PROXY can't be read: {why}"),
        other => plain(other),
    };
    ReadError::Config(format!("context {context:?} of the kubeconfig can't be used: {why}"))
}

/// What is wrong with a kubeconfig, without its text.
fn plain(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(why, _) => why.to_string(),
        // The parser's own message shows the lines around the error, and tokens with them.
        KubeconfigError::Parse(error) => match error.location() {
            Some(location) => format!("not a kubeconfig, at line {} column {}", location.line(), location.column()),
            None => "not a kubeconfig".to_owned(),
        },
        other => fault::short(&other.to_string()),
    }
}

fn nowhere(files: &[PathBuf], incluster: &str) -> ReadError {
    let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    let why = if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        format!("the pod's ServiceAccount can't be used: {}", fault::short(incluster))
    } else {
        "and this is not a pod".to_owned()
    };
    ReadError::Config(format!("no kubeconfig with a context at {}, {why}; name one with --kubeconfig", files.join(" or ")))
}

/// Why no client came of a configuration.
fn unusable(error: &kube::Error) -> String {
    match error {
        kube::Error::Auth(error) => fault::of_credentials(error),
        kube::Error::InferKubeconfig(error) => plain(error),
        // Both name the proxy's address, and its password with it.
        kube::Error::ProxyProtocolUnsupported { .. } | kube::Error::ProxyProtocolDisabled { .. } => {
            "the proxy's protocol is not supported; http, https and socks5 are".to_owned()
        }
        other => fault::of_transport(other).why().to_owned(),
    }
}

/// An address as it may be shown: without user and password.
fn address(server: &Uri) -> String {
    let shown = server.to_string();
    let shown = match server.authority().and_then(|authority| authority.as_str().rsplit_once('@')) {
        Some((credentials, _)) => shown.replacen(&format!("{credentials}@"), "", 1),
        None => shown,
    };
    shown.trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig(contexts: &[&str], current: &str) -> Kubeconfig {
        let contexts: Vec<_> = contexts.iter().map(|name| format!("{{name: {name}, context: {{cluster: c}}}}")).collect();
        Kubeconfig::from_yaml(&format!("contexts: [{}]\ncurrent-context: {current:?}\n", contexts.join(","))).unwrap()
    }

    #[test]
    fn a_wrong_context_brings_the_nearest_one() {
        let config = kubeconfig(&["prod-eu", "staging", "dev"], "dev");
        assert_eq!(chosen(&config, None).unwrap(), "dev");
        let error = chosen(&config, Some("prod-ue")).unwrap_err().to_string();
        assert_eq!(error, r#"the kubeconfig has no context "prod-ue"; did you mean "prod-eu"? it has dev, prod-eu, staging"#);
        let error = chosen(&kubeconfig(&["dev"], ""), None).unwrap_err().to_string();
        assert!(error.contains("--context: dev"), "{error}");
    }

    #[test]
    fn credentials_are_not_shown() {
        assert_eq!(address(&"https://me:pass@k8s.corp:6443/k8s/c-1/".parse().unwrap()), "https://k8s.corp:6443/k8s/c-1");
        assert_eq!(address(&"https://[::1]:6443".parse().unwrap()), "https://[::1]:6443");
        let error = Kubeconfig::from_yaml("users:\n- name: a\n  user: {token: [my-token}\n").unwrap_err();
        assert!(!plain(&error).contains("my-token"), "{}", plain(&error));
    }

    #[test]
    fn a_missing_file_counts_only_when_it_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let (there, missing) = (folder.path().join("there"), folder.path().join("missing"));
        std::fs::write(&there, "contexts: [{name: a, context: {cluster: c}}]").unwrap();
        assert_eq!(read(&[missing.clone(), there], false).unwrap().contexts.len(), 1);
        assert!(read(std::slice::from_ref(&missing), false).unwrap().contexts.is_empty());
        let error = read(&[missing], true).unwrap_err().to_string();
        assert!(error.starts_with("kubeconfig ") && error.contains("No such file"), "{error}");
    }
}
