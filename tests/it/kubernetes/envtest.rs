//! A real API server with its controllers, and in place of kubelets a small server of logs. `ENVTEST_KUBECONFIG` names
//! the kubeconfig of an administrator, beside which lie the certificates; `ENVTEST_TOOLS` the folder of the kubelet's
//! stand-in. Without them the tests are skipped, unless `SRE_COPILOT_REQUIRE_ENVTEST` is set.

use super::Kubeconfig;
use http::{Method, Request, header};
use kube::config::KubeConfigOptions;
use kube::{Client, Config};
use serde_json::{Value, json};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;
use tempfile::TempDir;

/// What an environment variable names, or `None`, and the test is skipped.
fn given(name: &str) -> Option<PathBuf> {
    let given = std::env::var_os(name).filter(|value| !value.is_empty());
    if given.is_none() {
        assert!(std::env::var_os("SRE_COPILOT_REQUIRE_ENVTEST").is_none(), "{name} is not set");
        println!("skipped: {name} is not set");
    }
    given.map(PathBuf::from)
}

/// The server, with one namespace for one test.
pub struct Cluster {
    admin: Client,
    kubeconfig: kube::config::Kubeconfig,
    folder: PathBuf,
    pub namespace: String,
    nodes: Vec<String>,
}

impl Cluster {
    pub async fn start(test: &str) -> Option<Self> {
        let path = given("ENVTEST_KUBECONFIG")?;
        let _ = rustls::crypto::ring::default_provider().install_default();
        let kubeconfig = kube::config::Kubeconfig::read_from(&path).unwrap();
        let mut config = Config::from_custom_kubeconfig(kubeconfig.clone(), &KubeConfigOptions::default()).await.unwrap();
        // kube would ask the environment's proxy for this machine.
        config.proxy_url = None;
        let admin = Client::try_from(config).unwrap();
        let namespace = format!("{test}-{}-{:x}", std::process::id(), jiff::Timestamp::now().as_microsecond() & 0xff_ffff);
        let cluster = Self { admin, kubeconfig, folder: path.parent().unwrap().to_owned(), namespace, nodes: Vec::new() };
        cluster.post("/api/v1/namespaces", json!({"metadata": {"name": cluster.namespace}})).await;
        cluster.takes_pods().await;
        Some(cluster)
    }

    /// A namespace admits pods only once its controllers have made the ServiceAccount that they run as, and its token.
    async fn takes_pods(&self) {
        let path = format!("/api/v1/namespaces/{}/pods?dryRun=All", self.namespace);
        let pod = json!({"metadata": {"name": "any"}, "spec": {"containers": [{"name": "app", "image": "a"}]}});
        let mut last = None;
        for _ in 0..600 {
            match self.ask(&Method::POST, &path, Some(pod.clone())).await {
                Ok(_) => return,
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{path}: {last:?}");
    }

    /// Removes what the test made. A test that fails leaves its namespace to be looked at.
    pub async fn stop(self) {
        // Without a kubelet nobody confirms the end of a pod that is bound to a node.
        let at_once = json!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0});
        let workloads = format!("/apis/apps/v1/namespaces/{}/deployments", self.namespace);
        self.call(Method::DELETE, &workloads, Some(json!({"propagationPolicy": "Orphan"}))).await;
        for path in ["/apis/apps/v1", "/api/v1"] {
            let plural = if path == "/api/v1" { "pods" } else { "replicasets" };
            self.call(Method::DELETE, &format!("{path}/namespaces/{}/{plural}", self.namespace), Some(at_once.clone())).await;
        }
        self.call(Method::DELETE, &format!("/api/v1/namespaces/{}", self.namespace), None).await;
        for node in &self.nodes {
            self.call(Method::DELETE, &format!("/api/v1/nodes/{node}"), None).await;
        }
    }

    /// Where the server's certificate lies, and the authority that signed it, in base64.
    pub fn certificates(&self) -> (PathBuf, String) {
        let authority = self.kubeconfig.clusters[0].cluster.clone().unwrap().certificate_authority_data.unwrap();
        (self.folder.join("pki"), authority)
    }

    /// One object of an API's path and plural in the test's namespace, such as `/apis/apps/v1/deployments` and `web`.
    pub async fn get(&self, under: &str, name: &str) -> Value {
        let (api, plural) = under.rsplit_once('/').unwrap();
        self.call(Method::GET, &format!("{api}/namespaces/{}/{plural}/{name}", self.namespace), None).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        self.ask(&method, path, body).await.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    async fn ask(&self, method: &Method, path: &str, body: Option<Value>) -> Result<Value, kube::Error> {
        let content = if *method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, content).body(body).unwrap();
        self.admin.request(request).await
    }

    pub async fn post(&self, path: &str, object: Value) -> Value {
        self.call(Method::POST, path, Some(object)).await
    }

    /// Creates an object in the test's namespace; `under` is an API's path and a plural.
    pub async fn create(&self, under: &str, object: Value) -> Value {
        let (api, plural) = under.rsplit_once('/').unwrap();
        self.post(&format!("{api}/namespaces/{}/{plural}", self.namespace), object).await
    }

    /// Deletes a pod without waiting for a kubelet to end it.
    pub async fn delete_at_once(&self, path: &str) {
        let at_once = json!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0});
        self.call(Method::DELETE, path, Some(at_once)).await;
    }

    pub async fn patch(&self, path: &str, patch: Value) {
        self.call(Method::PATCH, path, Some(patch)).await;
    }

    /// Asks until the answer is as wanted: controllers take their time.
    pub async fn until<T>(&self, path: &str, wanted: impl Fn(&Value) -> Option<T>) -> T {
        for _ in 0..600 {
            if let Some(found) = wanted(&self.call(Method::GET, path, None).await) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{path} never was as wanted");
    }

    /// A node on which nothing is scheduled by itself, and whose kubelet listens on a port of this machine.
    pub async fn node(&mut self, kubelet: u16) -> String {
        let name = format!("{}-node", self.namespace);
        self.post("/api/v1/nodes", json!({"metadata": {"name": name}, "spec": {"unschedulable": true}})).await;
        self.nodes.push(name.clone());
        let status = json!({
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet}},
        });
        self.patch(&format!("/api/v1/nodes/{name}/status"), json!({"status": status})).await;
        name
    }

    /// A kubeconfig of the administrator's cluster, with changes to it, for this user.
    pub fn kubeconfig(&self, cluster: &Value, user: &Value) -> Kubeconfig {
        let mut merged = serde_json::to_value(self.kubeconfig.clusters[0].cluster.clone().unwrap()).unwrap();
        for (key, value) in cluster.as_object().unwrap() {
            merged[key] = value.clone();
        }
        Kubeconfig::new(&merged, user)
    }

    /// The administrator's own.
    pub fn admin(&self) -> Kubeconfig {
        let user = serde_json::to_value(self.kubeconfig.auth_infos[0].auth_info.clone().unwrap()).unwrap();
        self.kubeconfig(&json!({}), &user)
    }

    /// A ServiceAccount that may read these resources of the test's namespace and nothing else; gives its token.
    pub async fn reader(&self, rules: Value) -> String {
        self.create("/api/v1/serviceaccounts", json!({"metadata": {"name": "reader"}})).await;
        let rbac = "/apis/rbac.authorization.k8s.io/v1";
        self.create(&format!("{rbac}/roles"), json!({"metadata": {"name": "reader"}, "rules": rules})).await;
        let binding = json!({
            "metadata": {"name": "reader"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
            "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": self.namespace}],
        });
        self.create(&format!("{rbac}/rolebindings"), binding).await;
        self.until_allowed("reader", &json!({"verb": "list", "resource": "pods"}), true).await;
        self.token("reader").await
    }

    /// Waits until the authorizer, which learns of a role a moment after the server has stored it, says whether a
    /// ServiceAccount of the test's namespace may do something in it.
    pub async fn until_allowed(&self, account: &str, what: &Value, wanted: bool) {
        let mut attributes = what.clone();
        attributes["namespace"] = json!(self.namespace);
        let asked = json!({
            "user": format!("system:serviceaccount:{}:{account}", self.namespace),
            "groups": ["system:serviceaccounts", "system:authenticated"],
            "resourceAttributes": attributes,
        });
        for _ in 0..600 {
            let review = self.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", json!({"spec": asked})).await;
            if review["status"]["allowed"] == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{account}: {what} never was {wanted}");
    }

    /// A token of a ServiceAccount of the test's namespace.
    pub async fn token(&self, account: &str) -> String {
        let path = format!("/api/v1/namespaces/{}/serviceaccounts/{account}/token", self.namespace);
        let token = self.post(&path, json!({"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {}})).await;
        token["status"]["token"].as_str().unwrap().to_owned()
    }

    /// Starts a kubelet's stand-in, or `None`, and the test is skipped.
    pub fn kubelet(&self) -> Option<Kubelet> {
        let tool = given("ENVTEST_TOOLS")?.join("fake_kubelet.py");
        let logs = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("python3");
        let mut child = command.arg(tool).arg(&self.folder).arg(port.to_string()).arg(logs.path()).spawn().unwrap();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(child.try_wait().unwrap().is_none(), "the kubelet's stand-in ended");
            std::thread::yield_now();
        }
        Some(Kubelet { child, logs, port })
    }
}

/// What answers for a kubelet, as long as this lives.
pub struct Kubelet {
    child: Child,
    logs: TempDir,
    pub port: u16,
}

impl Kubelet {
    pub fn write(&self, namespace: &str, pod: &str, file: &str, text: &str) {
        let folder = self.logs.path().join(namespace).join(pod);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(Path::new(&folder).join(file), text).unwrap();
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
