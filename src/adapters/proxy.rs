//! The way to a server: directly, or through a proxy. As Go's clients do it, which kubectl's users know: a kubeconfig's
//! `proxy-url` counts always; the environment's proxy unless `NO_PROXY` has the server, or the server is this machine. The
//! kube crate compares `NO_PROXY` with the proxy's own name, and reqwest sends what is for this machine to the proxy; so
//! neither can be left to decide.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use std::net::IpAddr;

/// The environment's proxies.
#[derive(Default)]
pub(in crate::adapters) struct Environment {
    /// `HTTPS_PROXY`, for servers with https.
    pub https: String,
    /// `HTTP_PROXY`, for servers with http.
    pub http: String,
    /// `NO_PROXY`.
    pub no: String,
}

impl Environment {
    /// Reads it, in capitals first, as Go does.
    pub fn read() -> Self {
        let first = |names: [&str; 2]| {
            names.iter().filter_map(|name| std::env::var(name).ok()).find(|value| !value.is_empty()).unwrap_or_default()
        };
        Self {
            https: first(["HTTPS_PROXY", "https_proxy"]),
            http: first(["HTTP_PROXY", "http_proxy"]),
            no: first(["NO_PROXY", "no_proxy"]),
        }
    }

    /// The proxy to a server for which the kubeconfig names none.
    pub fn proxy_to(&self, server: &Uri) -> Option<Uri> {
        let host = server.host()?;
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback()) {
            return None;
        }
        let https = server.scheme_str() == Some("https");
        let proxy = with_scheme(if https { &self.https } else { &self.http });
        let matcher = Matcher::builder().all(proxy.as_str()).no(self.no.as_str()).build();
        matcher.intercept(server)?;
        proxy.parse().ok()
    }
}

/// A proxy's address; `host:port` alone is meant as http.
pub(in crate::adapters) fn with_scheme(address: &str) -> String {
    if address.is_empty() || address.contains("://") { address.to_owned() } else { format!("http://{address}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(no: &str, server: &str) -> Option<String> {
        let environment = Environment {
            https: "http://user:word@proxy.corp:3128".to_owned(),
            http: "plain.corp:8080".to_owned(),
            no: no.to_owned(),
        };
        environment.proxy_to(&server.parse().unwrap()).map(|uri| uri.to_string())
    }

    #[test]
    fn the_scheme_of_the_server_chooses_the_proxy() {
        assert_eq!(proxy("", "https://k8s.corp:6443").unwrap(), "http://user:word@proxy.corp:3128/");
        assert_eq!(proxy("", "http://k8s.corp:8001").unwrap(), "http://plain.corp:8080/");
        assert_eq!(Environment::default().proxy_to(&"https://k8s.corp".parse().unwrap()), None);
    }

    #[test]
    fn no_proxy_is_about_the_server_and_not_the_proxy() {
        assert_eq!(proxy("k8s.corp", "https://k8s.corp:6443"), None);
        assert_eq!(proxy("10.0.0.0/8,", "https://10.1.2.3:6443"), None);
        assert_eq!(proxy("*", "https://k8s.corp"), None);
        assert!(proxy("proxy.corp", "https://k8s.corp:6443").is_some());
    }

    #[test]
    fn this_machine_is_reached_directly() {
        for server in ["https://127.0.0.1:6443", "https://localhost:6443", "https://[::1]:6443"] {
            assert_eq!(proxy("", server), None, "{server}");
        }
    }
}
